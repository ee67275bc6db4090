//! One agreement with its proof and every step: an order, or a cap that was raised.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::flow::order_event;
use super::store::OrderError;
use super::view::published;
use crate::actor::Actor;
use crate::channel::{self, ChannelId};
use crate::clock::Month;
use crate::consent::Evidence;
use crate::consent::request::request_event;
use crate::consent::signature::Strokes;
use crate::family::store::joined_event;
use crate::notice::store::{Notice, of_events};
use crate::tariff::TariffVersion;

/// Which agreement: `17` is order 17, `cap-3` the cap that row 3 of the subscriber's chain raised, `family-4` the family
/// bill that row 4 agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgreementId {
    Order(i64),
    Cap(i32),
    Family(i32),
}

/// The text names no agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the number of an agreement")]
pub struct InvalidAgreementId;

impl fmt::Display for AgreementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(order_id) => write!(f, "{order_id}"),
            Self::Cap(seq) => write!(f, "cap-{seq}"),
            Self::Family(seq) => write!(f, "family-{seq}"),
        }
    }
}

impl FromStr for AgreementId {
    type Err = InvalidAgreementId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = match text.split_once('-') {
            Some(("cap", seq)) => seq.parse().map(Self::Cap),
            Some(("family", seq)) => seq.parse().map(Self::Family),
            _ => text.parse().map(Self::Order),
        };
        id.map_err(|_| InvalidAgreementId)
    }
}

/// A yes with what it brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    pub id: AgreementId,
    /// When it was ordered, or the cap changed; by whom and by which channel.
    pub at: DateTime<Utc>,
    pub actor: Actor,
    pub channel_id: String,
    /// Number and name of the agent's channel that had it asked.
    pub through: Option<(ChannelId, String)>,
    pub about: About,
    /// Everything that was shown and answered, with the exact text.
    pub evidence: Evidence,
    /// The bytes that were hashed.
    pub evidence_json: String,
    /// What was drawn as a signature.
    pub strokes: Option<Strokes>,
    /// Hexadecimal SHA-256, and that of the row before; `None` for the first of the chain.
    pub hash: String,
    pub previous_hash: Option<String>,
    /// Rows in the subscriber's chain.
    pub chain_length: i64,
    /// The messages that were sent about it, codes masked.
    pub messages: Vec<Notice>,
    /// Everything that happened, in order.
    pub steps: Vec<StepTaken>,
}

/// What was agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    Order {
        tariff: Box<TariffVersion>,
    },
    /// 流量超套封顶 from one amount to another, in yuan.
    Cap {
        cap: Decimal,
        previous: Decimal,
    },
    /// 家庭账单: who sees what the bills come to, from the bill of which month on.
    Family {
        holder: String,
        first_month: Month,
    },
}

/// A step: what, when, who, and by which channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepTaken {
    pub what: StepKind,
    pub at: DateTime<Utc>,
    /// From when it has effect.
    pub effective_at: DateTime<Utc>,
    pub actor: Actor,
    /// `None`: by no channel, it came about by itself.
    pub channel_id: Option<String>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    Asked,
    Agreed,
    Ordered,
    CapRaised,
    /// Joined a family bill; left it; the holder looks no more.
    FamilyJoined,
    FamilyLeft,
    FamilyEnded,
    Activated,
    CancelAsked,
    CancelUndone,
    Replaced,
    /// It has stopped, as was decided before.
    Ended,
}

impl StepKind {
    fn read(name: &str) -> Result<Self, OrderError> {
        Ok(match name {
            "asked" => Self::Asked,
            "agreed" => Self::Agreed,
            "ordered" => Self::Ordered,
            "cap_raised" => Self::CapRaised,
            "family_joined" => Self::FamilyJoined,
            "family_left" => Self::FamilyLeft,
            "family_ended" => Self::FamilyEnded,
            "activated" => Self::Activated,
            "cancel_asked" => Self::CancelAsked,
            "cancel_undone" => Self::CancelUndone,
            "replaced" => Self::Replaced,
            "ended" => Self::Ended,
            _ => return Err(OrderError::Corrupt("step")),
        })
    }
}

/// An agreement of this subscriber with its proof, as it stands at an instant.
///
/// # Errors
/// When the database failed or a row is not readable.
pub async fn agreement(
    conn: &mut PgConnection,
    subscriber_id: i64,
    id: AgreementId,
    now: DateTime<Utc>,
) -> Result<Option<Agreement>, OrderError> {
    let Some(deed) = (match id {
        AgreementId::Order(order_id) => order(conn, subscriber_id, order_id).await?,
        AgreementId::Cap(seq) => cap(conn, subscriber_id, seq).await?,
        AgreementId::Family(seq) => family(conn, subscriber_id, seq).await?,
    }) else {
        return Ok(None);
    };
    let row = sqlx::query!(
        r#"select c.evidence, c.hash, c.previous_hash, c.request_id, g.strokes as "strokes?",
            (select count(*) from consent x where x.subscriber_id = $1) as "chain_length!"
        from consent c
        left join signature g on g.subscriber_id = c.subscriber_id and g.request_id = c.request_id
        where c.subscriber_id = $1 and c.seq = $2"#,
        subscriber_id,
        deed.consent_seq,
    )
    .fetch_one(&mut *conn)
    .await?;
    let order_id = match id {
        AgreementId::Order(order_id) => Some(order_id),
        AgreementId::Cap(_) | AgreementId::Family(_) => None,
    };
    let through = match order_id {
        Some(order_id) => channel::order::through(conn, subscriber_id, order_id).await?,
        None => None,
    };
    let mut events = vec![deed.event];
    events.extend(row.request_id.map(request_event));
    events.extend(step_events(conn, subscriber_id, order_id).await?);
    Ok(Some(Agreement {
        id,
        at: deed.at,
        actor: read_actor(&deed.actor)?,
        channel_id: deed.channel_id,
        through,
        about: deed.about,
        evidence: Evidence::read(&row.evidence).map_err(|_| OrderError::Corrupt("evidence"))?,
        evidence_json: String::from_utf8(row.evidence).map_err(|_| OrderError::Corrupt("evidence"))?,
        strokes: row.strokes.as_deref().map(read_strokes).transpose()?,
        hash: hex::encode(row.hash),
        previous_hash: row.previous_hash.map(hex::encode),
        chain_length: row.chain_length,
        messages: of_events(conn, subscriber_id, &events).await?,
        steps: steps(conn, subscriber_id, deed.consent_seq, now).await?,
    }))
}

/// What a yes brought about.
struct Deed {
    at: DateTime<Utc>,
    actor: String,
    channel_id: String,
    consent_seq: i32,
    about: About,
    /// The event of the notice that told of it.
    event: String,
}

async fn order(conn: &mut PgConnection, subscriber_id: i64, order_id: i64) -> Result<Option<Deed>, OrderError> {
    let row = sqlx::query!(
        "select scheme_id, version, ordered_at, actor, channel_id, consent_seq from product_order
        where subscriber_id = $1 and order_id = $2",
        subscriber_id,
        order_id,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let tariff = Box::new(published(conn, &row.scheme_id, row.version).await?);
    Ok(Some(Deed {
        at: row.ordered_at,
        actor: row.actor,
        channel_id: row.channel_id,
        consent_seq: row.consent_seq,
        about: About::Order { tariff },
        event: order_event(order_id),
    }))
}

async fn cap(conn: &mut PgConnection, subscriber_id: i64, consent_seq: i32) -> Result<Option<Deed>, OrderError> {
    let row = sqlx::query!(
        r#"select seq, cap, previous_cap as "previous_cap!", chosen_at, actor, channel_id from cap_choice
        where subscriber_id = $1 and consent_seq = $2"#,
        subscriber_id,
        consent_seq,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Deed {
        at: row.chosen_at,
        actor: row.actor,
        channel_id: row.channel_id,
        consent_seq,
        about: About::Cap { cap: row.cap, previous: row.previous_cap },
        event: format!("cap/{}", row.seq),
    }))
}

async fn family(conn: &mut PgConnection, subscriber_id: i64, consent_seq: i32) -> Result<Option<Deed>, OrderError> {
    let row = sqlx::query!(
        "select l.link_no, l.agreed_at, l.first_month, c.channel_id, h.msisdn
        from family_link l
        join consent c on c.subscriber_id = l.subscriber_id and c.seq = l.consent_seq
        join subscriber h on h.subscriber_id = l.holder_id
        where l.subscriber_id = $1 and l.consent_seq = $2",
        subscriber_id,
        consent_seq,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Deed {
        at: row.agreed_at,
        actor: Actor::Subscriber.to_string(),
        channel_id: row.channel_id,
        consent_seq,
        about: About::Family { holder: row.msisdn, first_month: Month::of_date(row.first_month) },
        event: joined_event(row.link_no),
    }))
}

fn read_actor(text: &str) -> Result<Actor, OrderError> {
    text.parse().map_err(|_| OrderError::Corrupt("actor"))
}

fn read_strokes(stored: &[u8]) -> Result<Strokes, OrderError> {
    let text = std::str::from_utf8(stored).map_err(|_| OrderError::Corrupt("strokes"))?;
    Strokes::read(text).map_err(|_| OrderError::Corrupt("strokes"))
}

/// From the question to the end. A yes of another system was asked for there: of it only the answer is known.
async fn steps(
    conn: &mut PgConnection,
    subscriber_id: i64,
    consent_seq: i32,
    now: DateTime<Utc>,
) -> Result<Vec<StepTaken>, OrderError> {
    let rows = sqlx::query!(
        r#"select what as "what!", at as "at!", effective_at as "effective_at!", actor as "actor!", channel_id
        from (
            select 1 as part, 0 as event_id, 'asked' as what, r.asked_at as at, r.asked_at as effective_at,
                r.asked_by as actor, r.channel_id
            from consent c join consent_request r on r.subscriber_id = c.subscriber_id and r.request_id = c.request_id
            where c.subscriber_id = $1 and c.seq = $2
            union all
            select 2, 0, 'agreed', c.agreed_at, c.agreed_at, 'subscriber', c.channel_id
            from consent c where c.subscriber_id = $1 and c.seq = $2
            union all
            select 3, 0, 'ordered', o.ordered_at, o.ordered_at, o.actor, o.channel_id
            from product_order o where o.subscriber_id = $1 and o.consent_seq = $2
            union all
            select 3, 0, 'cap_raised', k.chosen_at, k.chosen_at, k.actor, k.channel_id
            from cap_choice k where k.subscriber_id = $1 and k.consent_seq = $2
            union all
            select 3, 0, 'family_joined', f.agreed_at, f.agreed_at, 'subscriber', c.channel_id
            from family_link f join consent c on c.subscriber_id = f.subscriber_id and c.seq = f.consent_seq
            where f.subscriber_id = $1 and f.consent_seq = $2
            union all
            select 4, 0, case e.left_by when 'member' then 'family_left' else 'family_ended' end, e.left_at, e.left_at,
                case e.left_by when 'member' then 'subscriber' else 'system' end,
                case e.left_by when 'member' then e.channel_id end
            from family_link f join family_leaving e on e.subscriber_id = f.subscriber_id and e.link_no = f.link_no
            where f.subscriber_id = $1 and f.consent_seq = $2
            union all
            select 4, e.event_id, e.what, e.at, e.effective_at, e.actor, e.channel_id
            from product_order o
            join subscription s on s.subscriber_id = o.subscriber_id and s.order_id = o.order_id
            join subscription_event e on e.subscriber_id = s.subscriber_id and e.subscription_id = s.subscription_id
            where o.subscriber_id = $1 and o.consent_seq = $2
            union all
            select 5, 0, 'ended', s.ends_at, s.ends_at, 'system', null
            from product_order o
            join subscription s on s.subscriber_id = o.subscriber_id and s.order_id = o.order_id
            where o.subscriber_id = $1 and o.consent_seq = $2 and s.ends_at <= $3
        ) as step
        order by part, event_id limit 1000"#,
        subscriber_id,
        consent_seq,
        now,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(StepTaken {
                what: StepKind::read(&row.what)?,
                at: row.at,
                effective_at: row.effective_at,
                actor: read_actor(&row.actor)?,
                channel_id: row.channel_id,
            })
        })
        .collect()
}

/// The events of the notices about cancelling and undoing.
async fn step_events(
    conn: &mut PgConnection,
    subscriber_id: i64,
    order_id: Option<i64>,
) -> Result<Vec<String>, OrderError> {
    let events = sqlx::query_scalar!(
        r#"select told.kind || e.event_id as "event!"
        from subscription_event e
        join subscription s on s.subscriber_id = e.subscriber_id and s.subscription_id = e.subscription_id
        join (values ('cancel_asked', 'cancel/'), ('cancel_asked', 'penalty/'), ('replaced', 'penalty/'),
            ('cancel_undone', 'undo/')) as told (what, kind) on told.what = e.what
        where e.subscriber_id = $1 and s.order_id = $2
        order by e.event_id, told.kind limit 1000"#,
        subscriber_id,
        order_id,
    )
    .fetch_all(conn)
    .await?;
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back() {
        for id in [AgreementId::Order(17), AgreementId::Cap(3), AgreementId::Family(4)] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for text in ["", "cap-", "x", "cap-99999999999", "1.0", "family", "family-x"] {
            assert_eq!(text.parse::<AgreementId>(), Err(InvalidAgreementId), "{text}");
        }
    }
}
