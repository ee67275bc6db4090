//! Where caps stand, and telling those who follow them of what changed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use super::super::load::{Key, Loaded, load_months};
use super::super::{UsageError, check_written, corrupt};
use crate::clock::Month;
use crate::quantity::Service;
use crate::usage::spending_limit::Standing;
use crate::usage::threshold::Gauge;

/// Where a cap stands, and until when only usage, orders and choices of cap can change that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outlook {
    pub standing: Standing,
    holds_until: DateTime<Utc>,
}

impl Outlook {
    fn of(present: &Loaded, next: &Loaded, now: DateTime<Utc>) -> Self {
        let month = present.state.month;
        let turns = present.subscribed.iter().flat_map(|one| [Some(one.starts_at), one.ends_at]).flatten();
        let turns = turns.chain(present.state.pool.next_end(Service::Data, now)).filter(|at| *at > now);
        let standing = Standing {
            month,
            state: Gauge::of(&present.state, now).cap_state,
            next: Gauge::of(&next.state, month.end()).cap_state,
        };
        Self { standing, holds_until: turns.fold(month.end(), DateTime::min) }
    }

    /// When a subscription is to be looked at again.
    pub fn review_at(&self, expires_at: Option<DateTime<Utc>>) -> DateTime<Utc> {
        expires_at.map_or(self.holds_until, |at| at.min(self.holds_until))
    }
}

pub(super) async fn outlooks(
    conn: &mut PgConnection,
    subscribers: &BTreeSet<i64>,
    now: DateTime<Utc>,
) -> Result<BTreeMap<i64, Outlook>, UsageError> {
    let month = Month::of(now);
    let keys = |month| subscribers.iter().map(move |subscriber_id| Key { subscriber_id: *subscriber_id, month });
    let months = load_months(conn, &keys(month).chain(keys(month.next())).collect()).await?;
    let outlook = |present: Key| {
        let next = Key { month: month.next(), ..present };
        Some((present.subscriber_id, Outlook::of(months.get(&present)?, months.get(&next)?, now)))
    };
    Ok(keys(month).filter_map(outlook).collect())
}

/// A standing as the database keeps it.
pub(super) fn stored(month: NaiveDate, status: &str, next_status: &str) -> Result<Standing, UsageError> {
    let month = Month::of_date(month);
    Ok(Standing { month, state: status.parse().map_err(corrupt)?, next: next_status.parse().map_err(corrupt)? })
}

/// A subscription, and what its owner knows.
struct Told {
    subscriber_id: i64,
    spending_limit_id: String,
    expires_at: Option<DateTime<Utc>>,
    standing: Standing,
    review_at: DateTime<Utc>,
}

/// Puts into the outbox what those who follow these subscribers' caps do not know yet. The subscribers must be locked,
/// and their months written. Where nobody follows, this is one query.
pub(in crate::usage::store) async fn tell(
    conn: &mut PgConnection,
    subscribers: &BTreeSet<i64>,
    now: DateTime<Utc>,
) -> Result<(), UsageError> {
    if subscribers.is_empty() {
        return Ok(());
    }
    let told = told(conn, subscribers, now).await?;
    if told.is_empty() {
        return Ok(());
    }
    let outlooks = outlooks(conn, &told.iter().map(|one| one.subscriber_id).collect(), now).await?;
    let (mut moved, mut turned) = (Columns::default(), Columns::default());
    for one in &told {
        let outlook = outlooks.get(&one.subscriber_id).ok_or_else(|| corrupt("a subscriber without months"))?;
        let review_at = outlook.review_at(one.expires_at);
        if (one.standing, one.review_at) != (outlook.standing, review_at) {
            moved.push(one, outlook.standing, review_at);
        }
        if one.standing.taken_in(outlook.standing.month) != outlook.standing {
            turned.push(one, outlook.standing, review_at);
        }
    }
    note_told(conn, &moved).await?;
    enqueue(conn, &turned, now).await
}

async fn told(
    conn: &mut PgConnection,
    subscribers: &BTreeSet<i64>,
    now: DateTime<Utc>,
) -> Result<Vec<Told>, UsageError> {
    let ids: Vec<i64> = subscribers.iter().copied().collect();
    let rows = sqlx::query!(
        "select subscriber_id, spending_limit_id, expires_at, month, status, next_status, review_at
        from spending_limit_subscription
        where subscriber_id = any($1) and (expires_at is null or expires_at > $2)",
        &ids,
        now
    )
    .fetch_all(conn)
    .await?;
    let told = rows.into_iter().map(|row| {
        let standing = stored(row.month, &row.status, &row.next_status)?;
        let (subscriber_id, spending_limit_id) = (row.subscriber_id, row.spending_limit_id);
        Ok(Told { subscriber_id, spending_limit_id, expires_at: row.expires_at, standing, review_at: row.review_at })
    });
    told.collect()
}

async fn note_told(conn: &mut PgConnection, moved: &Columns) -> Result<(), UsageError> {
    if moved.ids.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "update spending_limit_subscription s set month = new.month, status = new.status,
            next_status = new.next_status, review_at = new.review_at
        from unnest($1::bigint[], $2::text[], $3::date[], $4::text[], $5::text[], $6::timestamptz[])
            as new (subscriber_id, spending_limit_id, month, status, next_status, review_at)
        where s.subscriber_id = new.subscriber_id and s.spending_limit_id = new.spending_limit_id",
        &moved.subscribers,
        &moved.ids,
        &moved.months,
        &moved.states,
        &moved.nexts,
        &moved.review_at
    )
    .execute(conn)
    .await?;
    check_written("spending_limit_subscription", moved.ids.len(), written.rows_affected())
}

/// What waited to be told before is not told any more.
async fn enqueue(conn: &mut PgConnection, turned: &Columns, now: DateTime<Utc>) -> Result<(), UsageError> {
    if turned.ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update spending_limit_notification n set state = 'superseded', settled_at = $1
        from unnest($2::bigint[], $3::text[]) as k (subscriber_id, spending_limit_id)
        where n.subscriber_id = k.subscriber_id and n.spending_limit_id = k.spending_limit_id and n.state = 'queued'",
        now,
        &turned.subscribers,
        &turned.ids
    )
    .execute(&mut *conn)
    .await?;
    let written = sqlx::query!(
        "insert into spending_limit_notification (created_at, due_at, subscriber_id, spending_limit_id, month, status,
            next_status)
        select $1, $1, * from unnest($2::bigint[], $3::text[], $4::date[], $5::text[], $6::text[])",
        now,
        &turned.subscribers,
        &turned.ids,
        &turned.months,
        &turned.states,
        &turned.nexts
    )
    .execute(conn)
    .await?;
    check_written("spending_limit_notification", turned.ids.len(), written.rows_affected())
}

/// Subscriptions and where they stand, column by column.
#[derive(Default)]
struct Columns {
    subscribers: Vec<i64>,
    ids: Vec<String>,
    months: Vec<NaiveDate>,
    states: Vec<String>,
    nexts: Vec<String>,
    review_at: Vec<DateTime<Utc>>,
}

impl Columns {
    fn push(&mut self, of: &Told, standing: Standing, review_at: DateTime<Utc>) {
        self.subscribers.push(of.subscriber_id);
        self.ids.push(of.spending_limit_id.clone());
        self.months.push(standing.month.first_day());
        self.states.push(standing.state.as_str().to_owned());
        self.nexts.push(standing.next.as_str().to_owned());
        self.review_at.push(review_at);
    }
}
