//! 协议和订单 Everything that was asked, ordered, refused or let run out, and every choice of cap: the newest first.

use chrono::{DateTime, Months, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::agreement::AgreementId;
use super::store::OrderError;
use super::view::{AGREEMENT_MONTHS, Agreed, agreed};
use crate::actor::Actor;

/// Most entries on a page.
pub const PAGE_MAX: u8 = 50;

/// An entry of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it was ordered or chosen; of a question that came to nothing, when it was asked.
    pub at: DateTime<Utc>,
    pub actor: Actor,
    pub channel_id: String,
    pub what: What,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Order {
        order_id: i64,
        name: String,
        recurring_price: Decimal,
        one_off_price: Decimal,
        agreed: Agreed,
        /// When what it started begins and ends; `None` for an order that started nothing.
        starts_at: Option<DateTime<Utc>>,
        ends_at: Option<DateTime<Utc>>,
    },
    /// A choice of cap, in yuan.
    Cap { cap: Decimal, previous: Decimal, raised_by: Option<Agreed> },
    /// A yes to a holder's family bill, and when either side ended it.
    Family { holder: String, left_at: Option<DateTime<Utc>>, agreed: Agreed },
    /// A question that came to nothing.
    Unanswered { about: Asked, outcome: Outcome },
}

/// What was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Order { name: String, recurring_price: Decimal, one_off_price: Decimal },
    Cap { cap: Decimal },
    Family { holder: String },
}

/// How a question came to nothing, and when. Of questions of old it is not known who closed them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub how: Closed,
    pub at: Option<DateTime<Utc>>,
    pub actor: Option<Actor>,
    pub channel_id: Option<String>,
}

/// Why a question is closed without a yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    Refused,
    /// Nobody answered in its ten minutes.
    Expired,
    /// A newer question took its place.
    Superseded,
}

impl What {
    /// The agreement that can be opened.
    pub fn agreement(&self) -> Option<AgreementId> {
        match self {
            Self::Order { order_id, .. } => Some(AgreementId::Order(*order_id)),
            Self::Cap { raised_by, .. } => raised_by.as_ref().map(|agreed| AgreementId::Cap(agreed.seq)),
            Self::Family { agreed, .. } => Some(AgreementId::Family(agreed.seq)),
            Self::Unanswered { .. } => None,
        }
    }
}

/// A page of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub entries: Vec<Entry>,
    /// Of all pages.
    pub total: i64,
}

/// The entries of the last [`AGREEMENT_MONTHS`] months, and every older order that still runs. Pages count from 0.
///
/// # Errors
/// When the database failed or a row is not readable.
pub async fn history(
    conn: &mut PgConnection,
    subscriber_id: i64,
    now: DateTime<Utc>,
    page: u32,
    page_size: u8,
) -> Result<Page, OrderError> {
    let page_size = i64::from(page_size.clamp(1, PAGE_MAX));
    let rows = sqlx::query_as!(
        Row,
        r#"select what as "what!", id as "id!", at as "at!", actor as "actor!", channel_id as "channel_id!", name,
            recurring_price, one_off_price, cap, previous_cap, consent_seq, method, agreed_by, agreed_at, evidence,
            starts_at, ends_at, closed_at, closed_by, closed_channel_id, holder, count(*) over () as "total!"
        from (
            select 'order' as what, o.order_id as id, o.ordered_at as at, o.actor, o.channel_id, t.name,
                o.recurring_price, o.one_off_price, null::numeric as cap, null::numeric as previous_cap,
                c.seq as consent_seq, c.method, c.channel_id as agreed_by, c.agreed_at, c.evidence, s.starts_at, s.ends_at,
                null::timestamptz as closed_at, null as closed_by, null as closed_channel_id, null as holder
            from product_order o
            join tariff_version t on t.scheme_id = o.scheme_id and t.version = o.version
            join consent c on c.subscriber_id = o.subscriber_id and c.seq = o.consent_seq
            left join subscription s on s.subscriber_id = o.subscriber_id and s.order_id = o.order_id
            where o.subscriber_id = $1
                and (o.ordered_at >= $2 or (s.starts_at is not null and (s.ends_at is null or s.ends_at > $3)))
            union all
            select 'cap', k.seq, k.chosen_at, k.actor, k.channel_id, null, null, null, k.cap, k.previous_cap,
                k.consent_seq, c.method, c.channel_id, c.agreed_at, c.evidence, null, null, null, null, null, null
            from cap_choice k
            left join consent c on c.subscriber_id = k.subscriber_id and c.seq = k.consent_seq
            where k.subscriber_id = $1 and k.seq > 0 and k.chosen_at >= $2
            union all
            select 'family', f.link_no, f.agreed_at, 'subscriber', c.channel_id, null, null, null, null, null, c.seq, c.method,
                c.channel_id, c.agreed_at, c.evidence, null, e.left_at, null, null, null, h.msisdn
            from family_link f
            join consent c on c.subscriber_id = f.subscriber_id and c.seq = f.consent_seq
            join subscriber h on h.subscriber_id = f.holder_id
            left join family_leaving e on e.subscriber_id = f.subscriber_id and e.link_no = f.link_no
            where f.subscriber_id = $1 and (f.agreed_at >= $2 or e.left_at is null)
            union all
            select case when r.state = 'open' then 'expired' else r.state end, r.request_id, r.asked_at, r.asked_by,
                r.channel_id, t.name, r.recurring_price, r.one_off_price, r.cap, null, null, null, null, null, null, null,
                null, case when r.state = 'open' then r.expires_at else r.closed_at end,
                case when r.state = 'open' then 'system' else r.closed_by end, r.closed_channel_id, h.msisdn
            from consent_request r
            left join subscriber h on h.subscriber_id = r.holder_id
            left join tariff_version t on t.scheme_id = r.scheme_id and t.version = r.version
            where r.subscriber_id = $1 and r.asked_at >= $2
                and (r.state in ('refused', 'superseded', 'expired') or r.state = 'open' and r.expires_at < $3)
        ) as entry
        order by at desc, what, id desc limit $4 offset $5"#,
        subscriber_id,
        now - Months::new(AGREEMENT_MONTHS),
        now,
        page_size,
        i64::from(page) * page_size,
    )
    .fetch_all(conn)
    .await?;
    let total = rows.first().map_or(0, |row| row.total);
    Ok(Page { entries: rows.into_iter().map(Row::read).collect::<Result<_, _>>()?, total })
}

struct Row {
    what: String,
    id: i64,
    at: DateTime<Utc>,
    actor: String,
    channel_id: String,
    name: Option<String>,
    recurring_price: Option<Decimal>,
    one_off_price: Option<Decimal>,
    cap: Option<Decimal>,
    previous_cap: Option<Decimal>,
    consent_seq: Option<i32>,
    method: Option<String>,
    agreed_by: Option<String>,
    agreed_at: Option<DateTime<Utc>>,
    evidence: Option<Vec<u8>>,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    closed_by: Option<String>,
    closed_channel_id: Option<String>,
    holder: Option<String>,
    total: i64,
}

impl Row {
    fn read(self) -> Result<Entry, OrderError> {
        let corrupt = OrderError::Corrupt("history");
        let yes = match (self.consent_seq, &self.method, self.agreed_by, self.agreed_at, &self.evidence) {
            (Some(seq), Some(method), Some(channel_id), Some(at), Some(evidence)) => {
                Some(agreed(seq, method, channel_id, at, evidence)?)
            }
            _ => None,
        };
        let priced = self.name.zip(self.recurring_price).zip(self.one_off_price);
        let outcome = |how, by: Option<String>| {
            let actor = by.map(|actor| actor.parse()).transpose().map_err(|_| OrderError::Corrupt("actor"))?;
            Ok::<_, OrderError>(Outcome { how, at: self.closed_at, actor, channel_id: self.closed_channel_id })
        };
        let what = match (self.what.as_str(), priced, self.cap, self.previous_cap, yes) {
            ("order", Some(((name, recurring_price), one_off_price)), None, None, Some(agreed)) => What::Order {
                order_id: self.id,
                name,
                recurring_price,
                one_off_price,
                agreed,
                starts_at: self.starts_at,
                ends_at: self.ends_at,
            },
            ("cap", None, Some(cap), Some(previous), raised_by) => What::Cap { cap, previous, raised_by },
            ("family", None, None, None, Some(agreed)) => {
                What::Family { holder: self.holder.ok_or(corrupt)?, left_at: self.ends_at, agreed }
            }
            (closed, priced, cap, None, None) => {
                let about = match (priced, cap, self.holder.clone()) {
                    (Some(((name, recurring_price), one_off_price)), None, None) => {
                        Asked::Order { name, recurring_price, one_off_price }
                    }
                    (None, Some(cap), None) => Asked::Cap { cap },
                    (None, None, Some(holder)) => Asked::Family { holder },
                    _ => return Err(corrupt),
                };
                let how = match closed {
                    "refused" => Closed::Refused,
                    "expired" => Closed::Expired,
                    "superseded" => Closed::Superseded,
                    _ => return Err(corrupt),
                };
                What::Unanswered { about, outcome: outcome(how, self.closed_by)? }
            }
            _ => return Err(corrupt),
        };
        let actor = self.actor.parse().map_err(|_| OrderError::Corrupt("actor"))?;
        Ok(Entry { at: self.at, actor, channel_id: self.channel_id, what })
    }
}
