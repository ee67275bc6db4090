//! The rows of charging sessions.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{UsageError, check_written, corrupt};
use crate::usage::session::{Answer, Quota, SessionRef, UnitAnswer};

/// A session as it is read and written.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub reference: SessionRef,
    pub digest: Vec<u8>,
    pub opened_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
    /// The newest request and its answer; `None` before the first.
    pub answer: Option<Answer>,
    pub quotas: Vec<Quota>,
    pub is_stored: bool,
    pub changed: bool,
}

impl Session {
    pub fn new(reference: SessionRef, digest: Vec<u8>, now: DateTime<Utc>) -> Self {
        Self {
            reference,
            digest,
            opened_at: now,
            seen_at: now,
            closed_at: None,
            answer: None,
            quotas: Vec::new(),
            is_stored: false,
            changed: true,
        }
    }

    /// The sequence number of its newest request.
    pub fn sequence(&self) -> Option<u32> {
        self.answer.as_ref().map(|answer| answer.sequence)
    }

    /// Takes away the quotas that `which` names, and returns them.
    pub fn drop_quotas(&mut self, which: impl FnMut(&mut Quota) -> bool) -> Vec<Quota> {
        let dropped: Vec<Quota> = self.quotas.extract_if(.., which).collect();
        self.changed |= !dropped.is_empty();
        dropped
    }

    pub fn close(&mut self, now: DateTime<Utc>) {
        // Another server's clock may have been ahead of ours.
        self.closed_at = Some(now.max(self.opened_at));
        self.quotas.clear();
        self.changed = true;
    }
}

/// A row of the table.
struct Row {
    subscriber_id: i64,
    session_id: String,
    request_digest: Vec<u8>,
    opened_at: DateTime<Utc>,
    seen_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
    sequence: i64,
    units: Json<Vec<UnitAnswer>>,
    quotas: Json<Vec<Quota>>,
}

impl Row {
    fn session(self) -> Result<Session, UsageError> {
        let reference = SessionRef { subscriber_id: self.subscriber_id, session_id: self.session_id };
        let sequence = u32::try_from(self.sequence).map_err(corrupt)?;
        Ok(Session {
            answer: Some(Answer { session: reference.clone(), sequence, units: self.units.0 }),
            reference,
            digest: self.request_digest,
            opened_at: self.opened_at,
            seen_at: self.seen_at,
            closed_at: self.closed_at,
            quotas: self.quotas.0,
            is_stored: true,
            changed: false,
        })
    }
}

fn by_reference(rows: Vec<Row>) -> Result<BTreeMap<SessionRef, Session>, UsageError> {
    let sessions = rows.into_iter().map(|row| row.session().map(|session| (session.reference.clone(), session)));
    sessions.collect()
}

/// The open sessions of these subscribers.
pub(super) async fn load_open(
    conn: &mut PgConnection,
    subscribers: &[i64],
) -> Result<BTreeMap<SessionRef, Session>, UsageError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select subscriber_id, session_id, request_digest, opened_at, seen_at, closed_at, sequence,
            units as "units: Json<Vec<UnitAnswer>>", quotas as "quotas: Json<Vec<Quota>>"
        from charging_session where subscriber_id = any($1) and closed_at is null"#,
        subscribers
    )
    .fetch_all(conn)
    .await?;
    by_reference(rows)
}

/// The closed sessions that are named or were begun by one of these requests.
pub(super) async fn load_closed(
    conn: &mut PgConnection,
    named: &[&SessionRef],
    begun_by: &[(i64, &[u8])],
) -> Result<BTreeMap<SessionRef, Session>, UsageError> {
    if named.is_empty() && begun_by.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (of, ids): (Vec<i64>, Vec<String>) =
        named.iter().map(|session| (session.subscriber_id, session.session_id.clone())).unzip();
    let (creators, digests): (Vec<i64>, Vec<Vec<u8>>) =
        begun_by.iter().map(|(subscriber_id, digest)| (*subscriber_id, digest.to_vec())).unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"select s.subscriber_id as "subscriber_id!", s.session_id as "session_id!",
            request_digest as "request_digest!", opened_at as "opened_at!", seen_at as "seen_at!", closed_at,
            sequence as "sequence!", units as "units!: Json<Vec<UnitAnswer>>", quotas as "quotas!: Json<Vec<Quota>>"
        from unnest($1::bigint[], $2::text[]) as k (subscriber_id, session_id)
        join charging_session s on s.subscriber_id = k.subscriber_id and s.session_id = k.session_id
        where closed_at is not null
        union all
        select s.subscriber_id, s.session_id, s.request_digest, opened_at, seen_at, closed_at, sequence, units, quotas
        from unnest($3::bigint[], $4::bytea[]) as k (subscriber_id, request_digest)
        join charging_session s on s.subscriber_id = k.subscriber_id and s.request_digest = k.request_digest
        where closed_at is not null"#,
        &of,
        &ids,
        &creators,
        &digests
    )
    .fetch_all(conn)
    .await?;
    by_reference(rows)
}

/// What the open sessions of these subscribers may use.
pub(super) async fn open_quotas(
    conn: &mut PgConnection,
    subscribers: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, Vec<Quota>>, UsageError> {
    let subscribers: Vec<i64> = subscribers.iter().copied().collect();
    let rows = sqlx::query!(
        r#"select subscriber_id, quotas as "quotas: Json<Vec<Quota>>" from charging_session
        where subscriber_id = any($1) and closed_at is null and holds_until is not null"#,
        &subscribers
    )
    .fetch_all(conn)
    .await?;
    let mut quotas: BTreeMap<i64, Vec<Quota>> = BTreeMap::new();
    for row in rows {
        quotas.entry(row.subscriber_id).or_default().extend(row.quotas.0);
    }
    Ok(quotas)
}

/// Subscribers after `after` with a session whose quotas all ended before `now`, or that was last heard of before
/// `silent_since`.
pub(super) async fn silent_subscribers(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    silent_since: DateTime<Utc>,
    after: i64,
    limit: u16,
) -> Result<BTreeSet<i64>, UsageError> {
    let silent = sqlx::query_scalar!(
        "select distinct subscriber_id from charging_session
        where closed_at is null and (holds_until <= $1 or seen_at < $2) and subscriber_id > $3
        order by subscriber_id limit $4",
        now,
        silent_since,
        after,
        i64::from(limit)
    )
    .fetch_all(conn)
    .await?;
    Ok(silent.into_iter().collect())
}

/// Writes new sessions and those that changed.
pub(super) async fn save_sessions<'a>(
    conn: &mut PgConnection,
    sessions: impl Iterator<Item = &'a Session>,
) -> Result<(), UsageError> {
    let (mut new, mut changed) = (Columns::default(), Columns::default());
    for session in sessions.filter(|session| session.changed) {
        if session.is_stored { &mut changed } else { &mut new }.push(session)?;
    }
    if !new.ids.is_empty() {
        let written = sqlx::query!(
            "insert into charging_session (subscriber_id, session_id, request_digest, opened_at, seen_at, closed_at,
                sequence, units, quotas, holds_until)
            select * from unnest($1::bigint[], $2::text[], $3::bytea[], $4::timestamptz[], $5::timestamptz[],
                $6::timestamptz[], $7::bigint[], $8::jsonb[], $9::jsonb[], $10::timestamptz[])",
            &new.subscribers,
            &new.ids,
            &new.digests,
            &new.opened_at,
            &new.seen_at,
            &new.closed_at as &[Option<DateTime<Utc>>],
            &new.sequences,
            &new.units as &[Json<&[UnitAnswer]>],
            &new.quotas as &[Json<&[Quota]>],
            &new.holds_until as &[Option<DateTime<Utc>>]
        )
        .execute(&mut *conn)
        .await?;
        check_written("charging_session", new.ids.len(), written.rows_affected())?;
    }
    if changed.ids.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "update charging_session s set seen_at = new.seen_at, closed_at = new.closed_at, sequence = new.sequence,
            units = new.units, quotas = new.quotas, holds_until = new.holds_until
        from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::jsonb[],
            $7::jsonb[], $8::timestamptz[])
            as new (subscriber_id, session_id, seen_at, closed_at, sequence, units, quotas, holds_until)
        where s.subscriber_id = new.subscriber_id and s.session_id = new.session_id",
        &changed.subscribers,
        &changed.ids,
        &changed.seen_at,
        &changed.closed_at as &[Option<DateTime<Utc>>],
        &changed.sequences,
        &changed.units as &[Json<&[UnitAnswer]>],
        &changed.quotas as &[Json<&[Quota]>],
        &changed.holds_until as &[Option<DateTime<Utc>>]
    )
    .execute(conn)
    .await?;
    check_written("charging_session", changed.ids.len(), written.rows_affected())
}

/// Sessions, column by column.
#[derive(Default)]
pub(super) struct Columns<'a> {
    pub subscribers: Vec<i64>,
    pub ids: Vec<String>,
    pub digests: Vec<Vec<u8>>,
    pub opened_at: Vec<DateTime<Utc>>,
    pub seen_at: Vec<DateTime<Utc>>,
    pub closed_at: Vec<Option<DateTime<Utc>>>,
    pub sequences: Vec<i64>,
    pub units: Vec<Json<&'a [UnitAnswer]>>,
    pub quotas: Vec<Json<&'a [Quota]>>,
    pub holds_until: Vec<Option<DateTime<Utc>>>,
}

impl<'a> Columns<'a> {
    pub fn push(&mut self, session: &'a Session) -> Result<(), UsageError> {
        let answer = session.answer.as_ref().ok_or_else(|| corrupt("a session without an answer"))?;
        self.subscribers.push(session.reference.subscriber_id);
        self.ids.push(session.reference.session_id.clone());
        self.digests.push(session.digest.clone());
        self.opened_at.push(session.opened_at);
        self.seen_at.push(session.seen_at);
        self.closed_at.push(session.closed_at);
        self.sequences.push(answer.sequence.into());
        self.units.push(Json(&answer.units));
        self.quotas.push(Json(&session.quotas));
        self.holds_until.push(session.quotas.iter().map(|quota| quota.ends_at).max());
        Ok(())
    }
}
