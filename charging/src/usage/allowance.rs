//! What a subscription grants for a month, and which allowance serves a record first. Rules: "An allowance" and
//! "First month" of the rating rules in design.md.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::{Month, local_date};
use crate::quantity::Service;
use crate::tariff::{FirstMonth, Kind, SchemeId, Terms};

/// A subscription as far as rating goes.
#[derive(Clone, Debug)]
pub struct Subscribed {
    pub subscription_id: i64,
    pub scheme_id: SchemeId,
    pub version: i32,
    pub name: String,
    pub kind: Kind,
    pub terms: Arc<Terms>,
    pub starts_at: DateTime<Utc>,
    /// When it stops, once that is decided.
    pub ends_at: Option<DateTime<Utc>>,
    /// It was ended `immediately`, or before its first charge: what is unused then lapses. Otherwise the month is paid for in full and stays usable.
    pub lapses: bool,
}

impl Subscribed {
    pub fn is_plan(&self) -> bool {
        self.kind == Kind::Plan
    }

    pub fn is_active(&self, at: DateTime<Utc>) -> bool {
        self.starts_at <= at && self.ends_at.is_none_or(|end| at < end)
    }
}

/// Names one allowance of a subscriber: what a subscription grants for a month, by its place in the tariff's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AllowanceId {
    pub subscription_id: i64,
    pub month: Month,
    pub ordinal: i32,
}

/// The text is not the name of an allowance or a set of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` does not name allowances")]
pub struct InvalidAllowanceId(pub(super) String);

impl fmt::Display for AllowanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.subscription_id, self.month, self.ordinal)
    }
}

impl FromStr for AllowanceId {
    type Err = InvalidAllowanceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '/');
        let mut next = || parts.next().ok_or_else(|| InvalidAllowanceId(text.to_owned()));
        let (subscription, month, ordinal) = (next()?, next()?, next()?);
        let invalid = || InvalidAllowanceId(text.to_owned());
        Ok(Self {
            subscription_id: subscription.parse().map_err(|_| invalid())?,
            month: month.parse().map_err(|_| invalid())?,
            ordinal: ordinal.parse().map_err(|_| invalid())?,
        })
    }
}

/// One allowance as granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub id: AllowanceId,
    pub service: Service,
    /// Bytes, minutes or messages.
    pub granted: u64,
    /// Sorted; empty: any.
    pub rating_groups: Vec<u32>,
    /// Usable by records that started in `[valid_from, valid_until)`.
    pub valid_from: DateTime<Utc>,
    pub valid_until: DateTime<Utc>,
}

/// What a subscription grants for a month; nothing where it does not run in it.
pub fn grants(subscription: &Subscribed, month: Month) -> Vec<Grant> {
    let valid_from = subscription.starts_at.max(month.start());
    if valid_from >= month.end() || subscription.ends_at.is_some_and(|end| end <= valid_from) {
        return Vec::new();
    }
    let lapses_at = subscription.ends_at.filter(|_| subscription.lapses);
    let (part, whole) = share_of_month(subscription, month);
    (0..)
        .zip(&subscription.terms.allowances)
        .map(|(ordinal, allowance)| {
            let end = if allowance.rollover { month.next().end() } else { month.end() };
            Grant {
                id: AllowanceId { subscription_id: subscription.subscription_id, month, ordinal },
                service: allowance.service,
                granted: scaled(allowance.quantity, part, whole),
                rating_groups: allowance.rating_groups.clone(),
                valid_from,
                valid_until: lapses_at.map_or(end, |lapse| lapse.min(end)),
            }
        })
        .collect()
}

/// Which share of a month's allowances and price a subscription has: all but for its first month.
pub fn share_of_month(subscription: &Subscribed, month: Month) -> (u32, u32) {
    if Month::of(subscription.starts_at) != month {
        return (1, 1);
    }
    match subscription.terms.first_month() {
        FirstMonth::Full => (1, 1),
        FirstMonth::Half => (1, 2),
        FirstMonth::Daily => (month.days() - local_date(subscription.starts_at).day() + 1, month.days()),
    }
}

/// Rounded down to whole bytes, minutes or messages.
fn scaled(quantity: u64, part: u32, whole: u32) -> u64 {
    let scaled = u128::from(quantity) * u128::from(part) / u128::from(whole);
    u64::try_from(scaled).unwrap_or(quantity)
}

/// Where an allowance stands among those that a record of `month` may use: the smallest rank serves first. Narrowest
/// first, so that the order in which records arrive does not matter.
pub fn rank<'a>(grant: &Grant, of: &'a Subscribed, month: Month) -> impl Ord + use<'a> {
    let groups = if grant.rating_groups.is_empty() { usize::MAX } else { grant.rating_groups.len() };
    (
        // What only a later month can use comes last of all: it matters only to late records.
        grant.valid_from >= month.end(),
        groups,
        Reverse(grant.valid_from.max(month.start())),
        grant.valid_until,
        of.is_plan(),
        of.starts_at,
        &of.scheme_id,
        grant.id,
    )
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::clock::start_of_day;
    use crate::quantity::GIB;

    fn subscribed(terms: &str, day: &str) -> Subscribed {
        Subscribed {
            subscription_id: 7,
            scheme_id: "26MB900001".parse().unwrap(),
            version: 1,
            name: String::new(),
            kind: Kind::Plan,
            terms: Arc::new(serde_json::from_str(terms).unwrap()),
            starts_at: start_of_day(day.parse().unwrap()),
            ends_at: None,
            lapses: false,
        }
    }

    fn terms(first_month: &str) -> String {
        format!(
            r#"{{"recurring":{{"price":"99.00","first_month":"{first_month}"}},"cancel_effective":"month_end",
            "allowances":[{{"service":"data","quantity":"20GB","rollover":true}},{{"service":"voice","quantity":"401min"}},
            {{"service":"sms","quantity":"1"}}]}}"#
        )
    }

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn granted(subscription: &Subscribed, of: &str) -> Vec<u64> {
        grants(subscription, month(of)).iter().map(|grant| grant.granted).collect()
    }

    #[test]
    fn the_first_month_shrinks_as_the_tariff_says() {
        let daily = subscribed(&terms("daily"), "2026-10-22");
        assert_eq!(granted(&daily, "2026-10"), [20 * GIB * 10 / 31, 129, 0]);
        assert_eq!(granted(&daily, "2026-11"), [20 * GIB, 401, 1]);
        assert!(granted(&daily, "2026-09").is_empty());
        assert_eq!(granted(&subscribed(&terms("daily"), "2026-10-01"), "2026-10"), [20 * GIB, 401, 1]);
        assert_eq!(granted(&subscribed(&terms("half"), "2026-10-31"), "2026-10"), [10 * GIB, 200, 0]);
        assert_eq!(granted(&subscribed(&terms("full"), "2026-10-31"), "2026-10"), [20 * GIB, 401, 1]);
    }

    #[test]
    fn a_subscription_runs_from_its_start_until_before_its_end() {
        let mut subscription = subscribed(&terms("full"), "2026-10-01");
        let (start, end) = (subscription.starts_at, start_of_day("2026-10-10".parse().unwrap()));
        let tick = TimeDelta::microseconds(1);
        assert!(!subscription.is_active(start - tick) && subscription.is_active(start) && subscription.is_active(end));
        subscription.ends_at = Some(end);
        assert!(subscription.is_active(start) && subscription.is_active(end - tick));
        assert!(
            !subscription.is_active(start - tick)
                && !subscription.is_active(end)
                && !subscription.is_active(end + tick)
        );
    }

    #[test]
    fn an_allowance_lasts_to_the_end_of_its_month_or_of_the_next() {
        let subscription = subscribed(&terms("full"), "2026-10-22");
        let [data, voice, _] = grants(&subscription, month("2026-10")).try_into().unwrap();
        assert_eq!(data.valid_from, subscription.starts_at);
        assert_eq!(data.valid_until, month("2026-11").end());
        assert_eq!(voice.valid_until, month("2026-10").end());
    }

    #[test]
    fn what_is_unused_lapses_only_when_it_ends_immediately() {
        let mut subscription = subscribed(&terms("full"), "2026-09-01");
        let end = start_of_day("2026-10-10".parse().unwrap());
        subscription.ends_at = Some(end);
        subscription.lapses = true;
        assert!(grants(&subscription, month("2026-10")).iter().all(|grant| grant.valid_until == end));
        assert_eq!(grants(&subscription, month("2026-09"))[0].valid_until, end);
        assert!(grants(&subscription, month("2026-11")).is_empty());
        subscription.lapses = false;
        assert_eq!(grants(&subscription, month("2026-10"))[1].valid_until, month("2026-10").end());
        subscription.ends_at = Some(subscription.starts_at);
        assert!(grants(&subscription, month("2026-09")).is_empty());
    }

    #[test]
    fn allowances_serve_narrowest_first() {
        let october = month("2026-10");
        let plan = subscribed(&terms("full"), "2026-01-01");
        let addon = Subscribed { kind: Kind::Addon, subscription_id: 8, ..plan.clone() };
        let first = Grant {
            id: AllowanceId { subscription_id: 7, month: october, ordinal: 0 },
            service: Service::Data,
            granted: 1,
            rating_groups: vec![],
            valid_from: october.start(),
            valid_until: october.end(),
        };
        let mid = start_of_day("2026-10-15".parse().unwrap());
        let one_group = Grant { rating_groups: vec![1], ..first.clone() };
        let two_groups = Grant { rating_groups: vec![1, 2], valid_from: mid, ..first.clone() };
        let bought_later = Grant { valid_from: mid, valid_until: october.next().end(), ..first.clone() };
        let rolled_over = Grant { valid_from: october.previous().start(), ..first.clone() };
        let rolls_over = Grant { valid_until: october.next().end(), ..first.clone() };
        let next_month_only =
            Grant { valid_from: october.end(), valid_until: october.next().end(), ..one_group.clone() };
        let ascending = [
            rank(&one_group, &plan, october),
            rank(&two_groups, &plan, october),
            rank(&bought_later, &plan, october),
            rank(&rolled_over, &addon, october),
            rank(&first, &plan, october),
            rank(&rolls_over, &addon, october),
            rank(&next_month_only, &plan, october),
        ];
        assert!(ascending.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn an_allowance_is_named_and_read_back() {
        let id = AllowanceId { subscription_id: 12, month: month("2026-10"), ordinal: 3 };
        assert_eq!(id.to_string(), "12/2026-10/3");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "12", "12/2026-10", "12/2026-10/x", "12/2026-10/3/4"] {
            assert!(text.parse::<AllowanceId>().is_err(), "{text}");
        }
    }
}
