//! 订购 Orders and what they start: nothing without a yes.
//!
//! What may be ordered is decided by [`may_order`], when it is asked and again when it is answered (`flow`). Stopping is
//! in `ending`; what is told before a first charge and before a renewal in `first_charge` and `renewal`; what other plans
//! would have cost in `plans`; what pages show in `view` (services), `history` (orders, refusals, caps) and `agreement` (one of
//! them with its proof).

#[cfg(feature = "postgres")]
pub mod agreement;
pub mod change;
#[cfg(feature = "postgres")]
pub mod ending;
#[cfg(feature = "postgres")]
pub mod first_charge;
#[cfg(feature = "postgres")]
pub mod flow;
#[cfg(feature = "postgres")]
pub mod history;
#[cfg(feature = "postgres")]
pub mod penalty;
pub mod plans;
#[cfg(feature = "postgres")]
pub mod renewal;
#[cfg(feature = "postgres")]
pub mod store;
#[cfg(feature = "postgres")]
pub mod view;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::local_date;
use crate::tariff::{Kind, SchemeId, TariffVersion};

/// How the end of a subscription came about, which decides what the last month costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Stopped at once: the days used are charged.
    Immediately,
    /// Stopped at the end of a month, which is charged in full.
    MonthEnd,
    /// Another plan takes over at the end of a month, which is charged in full.
    Replaced,
    /// Cancelled before it began: costs nothing.
    BeforeStart,
    /// Cancelled when its first charge was announced and not made yet: costs nothing, and no charge may name it.
    BeforeFirstCharge,
}

impl EndReason {
    pub const ALL: [Self; 5] =
        [Self::Immediately, Self::MonthEnd, Self::Replaced, Self::BeforeStart, Self::BeforeFirstCharge];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Immediately => "immediately",
            Self::MonthEnd => "month_end",
            Self::Replaced => "replaced",
            Self::BeforeStart => "before_start",
            Self::BeforeFirstCharge => "before_first_charge",
        }
    }

    /// The reason of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// A subscription that has not ended, as far as ordering another thing depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub subscription_id: i64,
    pub scheme_id: SchemeId,
    pub version: i32,
    pub is_plan: bool,
    pub starts_at: DateTime<Utc>,
    pub ends_at: Option<DateTime<Utc>>,
    pub end_reason: Option<EndReason>,
}

impl Held {
    /// Whether it runs at an instant.
    pub fn runs_at(&self, at: DateTime<Utc>) -> bool {
        self.starts_at <= at && self.ends_at.is_none_or(|end| end > at)
    }

    /// Whether it will begin later, and was not cancelled before that.
    pub fn waits_at(&self, at: DateTime<Utc>) -> bool {
        self.starts_at > at && self.ends_at.is_none_or(|end| end > self.starts_at)
    }
}

/// Why something cannot be ordered. Texts for people are made by whoever shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error("it is not published")]
    NotPublished,
    #[error("it can be ordered from {from}")]
    NotYetOrderable { from: DateTime<Utc> },
    #[error("it has no machine-readable price, so it can only be ordered in a shop")]
    NoTerms,
    #[error("it is on sale from {from} to {until}")]
    NotOnSale { from: NaiveDate, until: NaiveDate },
    #[error("its sale was stopped")]
    Withdrawn,
    #[error("it is not sold in this region")]
    RegionNotServed,
    #[error("the subscriber has it already")]
    AlreadyActive,
    #[error("another plan is already waiting to start; cancel that first")]
    PlanChangeWaiting,
    #[error("its terms or price changed since it was asked; ask again")]
    OfferChanged,
    #[error("it is an item of a platform, which asks for it")]
    ByPlatform,
    #[error("the agent's channel that it came by may not sell it any more")]
    ChannelStopped,
}

/// What is on offer: the newest version of a tariff that can be ordered, and since when its sale is stopped, if it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub tariff: TariffVersion,
    pub withdrawn_at: Option<DateTime<Utc>>,
}

/// Whether a subscriber of a region who holds these subscriptions may order the offer at an instant.
///
/// At most one subscription of the same tariff at a time, whatever its version; for a plan, the version that is held
/// already, so that one can move to a newer version of the own plan. At most one plan may wait to take over.
///
/// # Errors
/// The first reason why not.
pub fn may_order(offer: &Offer, region: &str, held: &[Held], now: DateTime<Utc>) -> Result<(), Refusal> {
    let content = &offer.tariff.content;
    if offer.tariff.published_at > now {
        return Err(Refusal::NotPublished);
    }
    if content.terms.is_none() {
        return Err(Refusal::NoTerms);
    }
    if offer.tariff.orderable_from > now {
        return Err(Refusal::NotYetOrderable { from: offer.tariff.orderable_from });
    }
    if !content.on_sale(local_date(now)) {
        return Err(Refusal::NotOnSale { from: content.on_sale_from, until: content.on_sale_until });
    }
    if offer.withdrawn_at.is_some_and(|at| at <= now) {
        return Err(Refusal::Withdrawn);
    }
    if !content.serves_region(region) {
        return Err(Refusal::RegionNotServed);
    }
    let is_plan = content.kind == Kind::Plan;
    let same = |other: &&Held| {
        (other.runs_at(now) || other.waits_at(now))
            && other.scheme_id == content.scheme_id
            && (!is_plan || other.version == offer.tariff.version)
    };
    if held.iter().any(|other| same(&other)) {
        return Err(Refusal::AlreadyActive);
    }
    if is_plan && held.iter().any(|other| other.is_plan && other.waits_at(now)) {
        return Err(Refusal::PlanChangeWaiting);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::tariff::{Included, TariffContent};

    fn now() -> DateTime<Utc> {
        "2026-10-15T12:00:00+08:00".parse().unwrap()
    }

    fn offer(kind: Kind) -> Offer {
        let content = TariffContent {
            scheme_id: "26MB900001".parse().unwrap(),
            operator_id: "mingbai".to_owned(),
            name: "畅享 99".to_owned(),
            kind,
            audience: String::new(),
            regions: vec!["北京".to_owned()],
            channels: vec![],
            on_sale_from: "2026-01-01".parse().unwrap(),
            on_sale_until: "2026-10-15".parse().unwrap(),
            validity: String::new(),
            commitment: String::new(),
            cancel: String::new(),
            penalty: String::new(),
            restrictions: vec![],
            notes: String::new(),
            price_text: String::new(),
            services_text: String::new(),
            overage_text: String::new(),
            category: String::new(),
            included: Included::default(),
            terms: Some(
                serde_json::from_str(
                    r#"{"recurring":{"price":"99.00","first_month":"full"},"cancel_effective":"month_end"}"#,
                )
                .unwrap(),
            ),
        };
        let published_at = now() - TimeDelta::days(30);
        let tariff = TariffVersion { version: 2, published_at, orderable_from: published_at, content };
        Offer { tariff, withdrawn_at: None }
    }

    fn held(scheme_id: &str, version: i32, is_plan: bool, from_days: i64, until_days: Option<i64>) -> Held {
        Held {
            subscription_id: 1,
            scheme_id: scheme_id.parse().unwrap(),
            version,
            is_plan,
            starts_at: now() + TimeDelta::days(from_days),
            ends_at: until_days.map(|days| now() + TimeDelta::days(days)),
            end_reason: until_days.map(|_| EndReason::MonthEnd),
        }
    }

    #[test]
    fn an_offer_must_be_public_priced_on_sale_and_served() {
        let refused = |change: fn(&mut Offer)| {
            let mut offer = offer(Kind::Addon);
            change(&mut offer);
            may_order(&offer, "北京", &[], now())
        };
        assert_eq!(refused(|_| ()), Ok(()));
        assert_eq!(refused(|o| o.tariff.published_at = now() + TimeDelta::seconds(1)), Err(Refusal::NotPublished));
        let tomorrow = now() + TimeDelta::days(1);
        assert_eq!(
            refused(|o| o.tariff.orderable_from = now() + TimeDelta::days(1)),
            Err(Refusal::NotYetOrderable { from: tomorrow })
        );
        assert_eq!(refused(|o| o.tariff.orderable_from = now()), Ok(()));
        assert_eq!(refused(|o| o.tariff.content.terms = None), Err(Refusal::NoTerms));
        assert_eq!(refused(|o| o.withdrawn_at = Some(now())), Err(Refusal::Withdrawn));
        assert_eq!(refused(|o| o.withdrawn_at = Some(now() + TimeDelta::seconds(1))), Ok(()));
        assert!(matches!(
            refused(|o| o.tariff.content.on_sale_until = "2026-10-14".parse().unwrap()),
            Err(Refusal::NotOnSale { .. })
        ));
        assert_eq!(may_order(&offer(Kind::Addon), "上海", &[], now()), Err(Refusal::RegionNotServed));
    }

    #[test]
    fn an_addon_is_held_once_at_a_time() {
        let may = |held: Held| may_order(&offer(Kind::Addon), "北京", &[held], now());
        assert_eq!(may(held("26MB900001", 1, false, -40, None)), Err(Refusal::AlreadyActive));
        assert_eq!(may(held("26MB900001", 1, false, -40, Some(3))), Err(Refusal::AlreadyActive));
        assert_eq!(may(held("26MB900001", 1, false, -40, Some(0))), Ok(()));
        assert_eq!(may(held("26MB900002", 1, false, -40, None)), Ok(()));
        assert_eq!(may(held("26MB900001", 1, false, 3, Some(3))), Ok(()), "cancelled before it began");
    }

    #[test]
    fn one_plan_can_wait_for_another() {
        let may = |held: &[Held]| may_order(&offer(Kind::Plan), "北京", held, now());
        assert_eq!(may(&[held("26MB900002", 1, true, -40, None)]), Ok(()));
        assert_eq!(may(&[held("26MB900001", 2, true, -40, None)]), Err(Refusal::AlreadyActive));
        assert_eq!(may(&[held("26MB900001", 1, true, -40, None)]), Ok(()), "a newer version of the own plan");
        assert_eq!(
            may(&[held("26MB900002", 1, true, -40, Some(16)), held("26MB900003", 1, true, 16, None)]),
            Err(Refusal::PlanChangeWaiting)
        );
    }
}
