//! A line of a subscriber file into the database, in the caller's transaction.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::import::{Brought, Entry, Refused, Rejection};
use super::store::{SubscriberError, create, find_by_msisdn};
use super::{Language, NewSubscriber, STANDARD_CAP_YUAN, Subscriber};
use crate::actor::By;
use crate::clock::start_of_day;
use crate::consent::store::{ConsentError, lock_subscriber, record};
use crate::consent::{NewConsent, Subject};
use crate::money::plain;
use crate::order::store::{NewOrder, NewSubscription, OrderError, place, start};
use crate::tariff::store::{StoreError, histories};
use crate::tariff::{TariffVersion, Terms};
use crate::usage::store::{UsageError, refresh_allowances};

/// The channel of everything that is brought along.
pub(crate) const CHANNEL: &str = "import";

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The subscriber, or some of the subscriptions, are new.
    Accepted,
    /// Everything was here.
    Unchanged,
}

/// Why a line did not go in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Another import was faster with this number; trying again will find it.
    #[error("the number was taken a moment ago")]
    Overtaken,
    #[error(transparent)]
    Subscriber(SubscriberError),
    #[error(transparent)]
    Consent(#[from] ConsentError),
    #[error(transparent)]
    Order(OrderError),
    #[error(transparent)]
    Tariff(#[from] StoreError),
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl From<SubscriberError> for ImportError {
    fn from(error: SubscriberError) -> Self {
        match error {
            SubscriberError::MsisdnTaken(_) => Self::Overtaken,
            other => Self::Subscriber(other),
        }
    }
}

/// The tariffs that some lines name, with all their versions.
#[derive(Debug, Default)]
pub struct Tariffs {
    versions: HashMap<String, Vec<TariffVersion>>,
    withdrawn: HashMap<String, DateTime<Utc>>,
}

impl Tariffs {
    /// # Errors
    /// When the database fails.
    pub async fn load<'a>(
        conn: &mut PgConnection,
        entries: impl Iterator<Item = &'a Entry>,
    ) -> Result<Self, ImportError> {
        let mut ids: Vec<String> =
            entries.flat_map(|entry| &entry.subscriptions).map(|brought| brought.scheme_id.to_string()).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut tariffs = Self::default();
        for tariff in histories(conn, &ids).await? {
            tariffs.versions.entry(tariff.content.scheme_id.to_string()).or_default().push(tariff);
        }
        let withdrawn =
            sqlx::query!("select scheme_id as \"scheme_id!\", withdrawn_at as \"withdrawn_at!\" from tariff_off_sale where scheme_id = any($1)", &ids)
                .fetch_all(conn)
                .await?;
        tariffs.withdrawn.extend(withdrawn.into_iter().map(|row| (row.scheme_id, row.withdrawn_at)));
        Ok(tariffs)
    }

    fn version_of(&self, brought: &Brought) -> Result<&TariffVersion, Rejection> {
        let id = brought.scheme_id.as_str();
        let versions = self.versions.get(id).map_or(&[][..], Vec::as_slice);
        brought.version(versions, self.withdrawn.get(id).copied()).map_err(|reason| brought.rejected(reason))
    }
}

/// Takes a line over: the subscriber if the number is new, and each subscription that is not here yet with its consent
/// and order. On an error the caller must roll back.
///
/// # Errors
/// Why the line is refused, or the database failed.
pub async fn take_over(
    conn: &mut PgConnection,
    entry: &Entry,
    tariffs: &Tariffs,
    now: DateTime<Utc>,
) -> Result<Outcome, ImportError> {
    let (subscriber, mut outcome) = match find_by_msisdn(conn, &entry.msisdn).await? {
        Some(known) => {
            lock_subscriber(conn, known.subscriber_id).await?;
            check_same(conn, &known, entry).await?;
            (known, Outcome::Unchanged)
        }
        None => (create(conn, &new_subscriber(entry), now).await?, Outcome::Accepted),
    };
    let is_known = outcome == Outcome::Unchanged;
    let mut is_changed = false;
    for brought in &entry.subscriptions {
        if !is_here(conn, subscriber.subscriber_id, brought).await? {
            bring(conn, subscriber.subscriber_id, brought, tariffs.version_of(brought)?, now).await?;
            outcome = Outcome::Accepted;
            is_changed = is_known;
        }
    }
    if is_changed {
        // What the month has now, and where the cap stands with it.
        refresh_allowances(conn, subscriber.subscriber_id, now).await?;
    }
    Ok(outcome)
}

fn new_subscriber(entry: &Entry) -> NewSubscriber {
    NewSubscriber {
        msisdn: entry.msisdn.clone(),
        name: entry.name.clone(),
        region: entry.region.clone(),
        language: Language::default(),
        cap: entry.cap.unwrap_or(STANDARD_CAP_YUAN),
        channel_id: CHANNEL.to_owned(),
    }
}

/// A number that is here must be the same person's, with the cap that was brought along then.
async fn check_same(conn: &mut PgConnection, known: &Subscriber, entry: &Entry) -> Result<(), ImportError> {
    if known.name != entry.name {
        return Err(Rejection::Differs("name").into());
    }
    if known.region != entry.region {
        return Err(Rejection::Differs("region").into());
    }
    let first_cap =
        sqlx::query_scalar!("select cap from cap_choice where subscriber_id = $1 and seq = 0", known.subscriber_id)
            .fetch_one(conn)
            .await?;
    if entry.cap.is_some_and(|cap| cap != first_cap) {
        return Err(Rejection::Differs("cap; it is changed by its owner on /me/cap").into());
    }
    Ok(())
}

/// Whether a subscription to that tariff since that day is here, by the same consent.
async fn is_here(conn: &mut PgConnection, subscriber_id: i64, brought: &Brought) -> Result<bool, ImportError> {
    let row = sqlx::query!(
        r#"select c.method, c.agreed_at, convert_from(c.evidence, 'UTF8')::jsonb ->> 'reference' as reference
           from subscription s
           join product_order o on o.subscriber_id = s.subscriber_id and o.order_id = s.order_id
           join consent c on c.subscriber_id = o.subscriber_id and c.seq = o.consent_seq
           where s.subscriber_id = $1 and s.scheme_id = $2 and s.starts_at = $3"#,
        subscriber_id,
        brought.scheme_id.as_str(),
        start_of_day(brought.since)
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(false) };
    let same = row.method == brought.method.as_str()
        && row.agreed_at == brought.agreed_at
        && row.reference.as_deref() == Some(brought.reference.as_str());
    if same { Ok(true) } else { Err(brought.rejected(Refused::OtherConsent).into()) }
}

async fn bring(
    conn: &mut PgConnection,
    subscriber_id: i64,
    brought: &Brought,
    tariff: &TariffVersion,
    now: DateTime<Utc>,
) -> Result<(), ImportError> {
    let Some(terms) = &tariff.content.terms else { return Err(brought.rejected(Refused::NoTerms).into()) };
    let consent = NewConsent {
        subscriber_id,
        subject: Subject::Order {
            scheme_id: brought.scheme_id.clone(),
            version: tariff.version,
            recurring_price: terms.recurring_price(),
            one_off_price: terms.one_off,
        },
        method: brought.method,
        channel_id: CHANNEL.to_owned(),
        asked_at: brought.agreed_at,
        agreed_at: brought.agreed_at,
        request_id: None,
        reference: Some(brought.reference.clone()),
        description: description(brought, tariff, terms),
        answer: brought.reference.clone(),
    };
    let consent_seq = record(conn, &consent).await?;
    let refused = |error| match error {
        OrderError::TwoPlans => brought.rejected(Refused::TwoPlans).into(),
        OrderError::NotPublic => brought.rejected(Refused::NotPublic).into(),
        other => ImportError::Order(other),
    };
    let order = NewOrder {
        subscriber_id,
        scheme_id: brought.scheme_id.clone(),
        version: tariff.version,
        consent_seq,
        by: By::import(),
        ordered_at: brought.agreed_at,
    };
    let order_id = place(conn, &order).await.map_err(refused)?;
    let subscription = NewSubscription {
        subscriber_id,
        order_id,
        starts_at: start_of_day(brought.since),
        activated_at: now,
        by: By::import(),
    };
    start(conn, &subscription).await.map_err(refused)?;
    Ok(())
}

/// What the chain keeps of a yes that was given elsewhere. The text shown there is not in the file, and says so.
fn description(brought: &Brought, tariff: &TariffVersion, terms: &Terms) -> String {
    format!(
        "由原系统迁入的同意凭证（凭证编号：{}）。资费：{} {}，第 {} 版，月费 {} 元，一次性费用 {} 元，{} 起。当时展示的原文保存在原系统。",
        brought.reference,
        brought.scheme_id,
        tariff.content.name,
        tariff.version,
        plain(terms.recurring_price()),
        plain(terms.one_off),
        brought.since,
    )
}
