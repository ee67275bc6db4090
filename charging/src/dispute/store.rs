//! Disputes in the database, and what their owner does with them. Callers own the transaction.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rand::CryptoRng;
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::answer::{give_back, note, save, tell_owner};
use super::gather::{self, Line};
use super::settle;
use super::{
    CaseId, Dispute, Event, Finding, Rejected, Standing, State, Suggestion, TooLong, What, due_at, verdict, words,
};
use crate::actor::Actor;
use crate::clock::Month;
use crate::consent::store::{ConsentError, lock_subscriber};
use crate::notice::DisputeNotice;
use crate::notice::store::NoticeError;
use crate::refund::RefundError;
use crate::staff::StaffError;

/// Why something about a dispute cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum DisputeError {
    #[error("there is no such line of a bill")]
    NoSuchLine,
    #[error("the line charges nothing")]
    NoCharge,
    #[error("the line is disputed already")]
    Disputed,
    #[error("a refund of the line waits to be decided")]
    RefundWaits,
    #[error("there is no such dispute")]
    NotFound,
    #[error("something has to be written")]
    NoWords,
    #[error(transparent)]
    TooLong(#[from] TooLong),
    #[error(transparent)]
    Rejected(#[from] Rejected),
    #[error(transparent)]
    Staff(#[from] StaffError),
    #[error(transparent)]
    Subscriber(#[from] ConsentError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
    #[error("what was found due cannot be returned")]
    Refund(#[source] RefundError),
    #[error("the database holds what cannot be read: {0}")]
    Corrupt(String),
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for DisputeError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(sqlx::error::DatabaseError::constraint) {
            Some("dispute_once") => Self::Disputed,
            Some("dispute_answered_once") => Self::Rejected(Rejected::Answered),
            Some("dispute_award_within") => Self::Rejected(Rejected::Amount),
            _ => Self::Database(error),
        }
    }
}

impl From<RefundError> for DisputeError {
    fn from(error: RefundError) -> Self {
        match error {
            RefundError::TooMuch(_) | RefundError::Amount(_) => Self::Rejected(Rejected::Amount),
            RefundError::Already => Self::RefundWaits,
            RefundError::Staff(error) => Self::Staff(error),
            error => Self::Refund(error),
        }
    }
}

/// For the errors of parsing what the database holds.
pub(super) fn corrupt(error: impl ToString) -> DisputeError {
    DisputeError::Corrupt(error.to_string())
}

/// Opens a dispute of a line: the evidence is looked at, and where nothing of the line was agreed to, all of it goes back at
/// once. Returns it as it stands then.
///
/// # Errors
/// [`DisputeError::NoSuchLine`], [`DisputeError::NoCharge`], [`DisputeError::Disputed`], [`DisputeError::TooLong`], or the
/// database failed.
pub async fn open(
    conn: &mut PgConnection,
    subscriber_id: i64,
    (month, line_no): (Month, i32),
    typed: &str,
    rng: &mut (impl CryptoRng + Send),
    now: DateTime<Utc>,
) -> Result<Dispute, DisputeError> {
    let said = words(typed)?;
    lock_subscriber(conn, subscriber_id).await?;
    let amount = line_amount(conn, subscriber_id, month, line_no).await?.ok_or(DisputeError::NoSuchLine)?;
    if amount <= Decimal::ZERO {
        return Err(DisputeError::NoCharge);
    }
    let line = Line { subscriber_id, month, line_no, amount };
    let suggestion = verdict::suggest(&gather::facts(conn, line).await?);
    let dispute_id = sqlx::query_scalar!(
        "insert into dispute (subscriber_id, month, line_no, line_amount, opened_at, round_at, due_at, findings, suggested)
        values ($1, $2, $3, $4, $5, $5, $6, $7, $8) returning dispute_id",
        subscriber_id,
        month.first_day(),
        line_no,
        amount,
        now,
        due_at(now),
        &names(&suggestion),
        suggestion.refund,
    )
    .fetch_one(&mut *conn)
    .await?;
    let case = CaseId { subscriber_id, dispute_id };
    let standing = Standing::opened(amount);
    let event_id = note(conn, case, standing.round, What::Opened, &Actor::Subscriber, said, now).await?;
    begin(conn, (case, line), standing, event_id, &suggestion, rng, now).await
}

/// The subscriber does not accept the answer, with what there is to say to it.
///
/// # Errors
/// [`Rejected::Final`], [`Rejected::Open`], [`DisputeError::NotFound`], [`DisputeError::TooLong`], or the database failed.
pub async fn reopen(
    conn: &mut PgConnection,
    case: CaseId,
    typed: &str,
    rng: &mut (impl CryptoRng + Send),
    now: DateTime<Utc>,
) -> Result<Dispute, DisputeError> {
    let said = words(typed)?;
    let before = locked(conn, case).await?;
    let standing = before.standing.reopen()?;
    let (subscriber_id, amount) = (case.subscriber_id, standing.line_amount);
    let line = Line { subscriber_id, month: before.month, line_no: before.line_no, amount };
    let suggestion = verdict::suggest(&gather::facts(conn, line).await?);
    sqlx::query!(
        "update dispute set state = 'received', round = $3, round_at = $4, due_at = $5, escalation = 0, findings = $6,
            suggested = $7, closed_at = null
        where subscriber_id = $1 and dispute_id = $2",
        subscriber_id,
        case.dispute_id,
        standing.round,
        now,
        due_at(now),
        &names(&suggestion),
        suggestion.refund,
    )
    .execute(&mut *conn)
    .await?;
    let event_id = note(conn, case, standing.round, What::Reopened, &Actor::Subscriber, said, now).await?;
    begin(conn, (case, line), standing, event_id, &suggestion, rng, now).await
}

/// A round has begun by a step: it is told, or answered at once.
async fn begin(
    conn: &mut PgConnection,
    (case, line): (CaseId, Line),
    standing: Standing,
    event_id: i64,
    suggestion: &Suggestion,
    rng: &mut (impl CryptoRng + Send),
    now: DateTime<Utc>,
) -> Result<Dispute, DisputeError> {
    let left = line.amount - settle::returned(conn, line).await?;
    let award = suggestion.refund.min(standing.left()).min(left);
    // While a refund of the line waits for somebody, so does this.
    let at_once = suggestion.is_certain && award > Decimal::ZERO && !settle::is_waiting(conn, line).await?;
    if at_once {
        give_back(conn, case, standing, award, &Actor::System, None, now).await?;
        settle::at_once(conn, (case, line), award, &suggestion.findings, rng, now).await?;
    } else {
        let notice = DisputeNotice::Received { amount: standing.line_amount, due_at: due_at(now) };
        tell_owner(conn, case, event_id, &notice, now).await?;
    }
    find(conn, case).await?.ok_or(DisputeError::NotFound)
}

/// The subscriber answers what was asked.
///
/// # Errors
/// [`Rejected::NothingAsked`], [`DisputeError::NoWords`], [`DisputeError::TooLong`], [`DisputeError::NotFound`], or the
/// database failed.
pub async fn tell_more(
    conn: &mut PgConnection,
    case: CaseId,
    typed: &str,
    now: DateTime<Utc>,
) -> Result<(), DisputeError> {
    let said = words(typed)?.ok_or(DisputeError::NoWords)?;
    let standing = locked(conn, case).await?.standing.tell()?;
    save(conn, case, standing, now).await?;
    note(conn, case, standing.round, What::Told, &Actor::Subscriber, Some(said), now).await?;
    Ok(())
}

/// The subscriber takes the dispute, or its second round, back.
///
/// # Errors
/// [`Rejected::Answered`], [`DisputeError::NotFound`], or the database failed.
pub async fn withdraw(conn: &mut PgConnection, case: CaseId, now: DateTime<Utc>) -> Result<(), DisputeError> {
    let before = locked(conn, case).await?;
    let standing = before.standing.withdraw()?;
    save(conn, case, standing, now).await?;
    let event_id = note(conn, case, standing.round, What::Withdrawn, &Actor::Subscriber, None, now).await?;
    tell_owner(conn, case, event_id, &DisputeNotice::Withdrawn { amount: standing.line_amount }, now).await
}

fn names(suggestion: &Suggestion) -> Vec<String> {
    suggestion.findings.iter().map(|finding| finding.as_str().to_owned()).collect()
}

async fn line_amount(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    line_no: i32,
) -> Result<Option<Decimal>, DisputeError> {
    Ok(sqlx::query_scalar!(
        "select amount from bill_line where subscriber_id = $1 and month = $2 and line_no = $3",
        subscriber_id,
        month.first_day(),
        line_no,
    )
    .fetch_optional(conn)
    .await?)
}

/// The dispute, with its subscriber locked: its steps happen one after the other.
pub(super) async fn locked(conn: &mut PgConnection, case: CaseId) -> Result<Dispute, DisputeError> {
    match lock_subscriber(conn, case.subscriber_id).await {
        Err(ConsentError::NoSubscriber(_)) => return Err(DisputeError::NotFound),
        locked => locked?,
    }
    find(conn, case).await?.ok_or(DisputeError::NotFound)
}

pub(super) struct Row {
    pub subscriber_id: i64,
    pub dispute_id: i64,
    pub month: chrono::NaiveDate,
    pub line_no: i32,
    pub kind: String,
    pub name: String,
    pub line_amount: Decimal,
    pub state: String,
    pub round: i16,
    pub awarded: Decimal,
    pub opened_at: DateTime<Utc>,
    pub round_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    pub escalation: i16,
    pub agent_login: Option<String>,
    pub agent_name: Option<String>,
    pub findings: Vec<String>,
    pub suggested: Decimal,
    pub closed_at: Option<DateTime<Utc>>,
}

impl Row {
    pub fn read(self) -> Result<Dispute, DisputeError> {
        let state: State = self.state.parse().map_err(corrupt)?;
        let finding = |name: &String| Finding::named(name).ok_or_else(|| corrupt(name));
        Ok(Dispute {
            subscriber_id: self.subscriber_id,
            dispute_id: self.dispute_id,
            month: Month::of_date(self.month),
            line_no: self.line_no,
            line_kind: self.kind.parse().map_err(corrupt)?,
            tariff_name: self.name,
            line_amount: self.line_amount,
            standing: Standing { state, round: self.round, line_amount: self.line_amount, awarded: self.awarded },
            opened_at: self.opened_at,
            round_at: self.round_at,
            due_at: self.due_at,
            escalation: self.escalation,
            agent: self.agent_login.zip(self.agent_name),
            findings: self.findings.iter().map(finding).collect::<Result<_, _>>()?,
            suggested: self.suggested,
            closed_at: self.closed_at,
        })
    }
}

/// One dispute.
///
/// # Errors
/// When the database failed or a row is not readable.
pub async fn find(conn: &mut PgConnection, case: CaseId) -> Result<Option<Dispute>, DisputeError> {
    let found = of_subscriber_where(conn, case.subscriber_id, Some(case.dispute_id), None).await?;
    Ok(found.into_iter().next())
}

/// All of a subscriber, the newest first.
///
/// # Errors
/// When the database failed or a row is not readable.
pub async fn of_subscriber(conn: &mut PgConnection, subscriber_id: i64) -> Result<Vec<Dispute>, DisputeError> {
    of_subscriber_where(conn, subscriber_id, None, None).await
}

/// The disputes of the lines of a bill, by line; those that were taken back are not among them.
///
/// # Errors
/// When the database failed or a row is not readable.
pub async fn of_bill(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
) -> Result<BTreeMap<i32, Dispute>, DisputeError> {
    let found = of_subscriber_where(conn, subscriber_id, None, Some(month)).await?;
    let counting = found.into_iter().filter(|dispute| dispute.standing.state != State::Withdrawn);
    Ok(counting.map(|dispute| (dispute.line_no, dispute)).collect())
}

/// Most disputes of a subscriber that are listed.
const OF_SUBSCRIBER_MAX: i64 = 500;

async fn of_subscriber_where(
    conn: &mut PgConnection,
    subscriber_id: i64,
    dispute_id: Option<i64>,
    month: Option<Month>,
) -> Result<Vec<Dispute>, DisputeError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select d.subscriber_id, d.dispute_id, d.month, d.line_no, l.kind, t.name, d.line_amount, d.state, d.round,
            d.awarded, d.opened_at, d.round_at, d.due_at, d.escalation, a.login as "agent_login?",
            a.name as "agent_name?", d.findings, d.suggested, d.closed_at
        from dispute d
        join bill_line l on l.subscriber_id = d.subscriber_id and l.month = d.month and l.line_no = d.line_no
        join tariff_version t on t.scheme_id = l.scheme_id and t.version = l.version
        left join staff a on a.staff_id = d.agent_id
        where d.subscriber_id = $1 and ($2::bigint is null or d.dispute_id = $2) and ($3::date is null or d.month = $3)
        order by d.dispute_id desc limit $4"#,
        subscriber_id,
        dispute_id,
        month.map(Month::first_day),
        OF_SUBSCRIBER_MAX,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// Every step of a dispute, in order.
///
/// # Errors
/// When the database failed or a row is not readable.
pub async fn events(conn: &mut PgConnection, case: CaseId) -> Result<Vec<Event>, DisputeError> {
    let rows = sqlx::query!(
        "select what, round, at, actor, words, award, days from dispute_event
        where subscriber_id = $1 and dispute_id = $2 order by event_id",
        case.subscriber_id,
        case.dispute_id,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let what = What::read(&row.what, row.award, row.days).ok_or_else(|| corrupt("a step"))?;
            let actor = row.actor.parse().map_err(corrupt)?;
            Ok(Event { what, round: row.round, at: row.at, actor, words: row.words })
        })
        .collect()
}

/// What is known of a disputed line now.
///
/// # Errors
/// When the database failed or a row is not readable.
pub async fn evidence(conn: &mut PgConnection, dispute: &Dispute) -> Result<verdict::Facts, DisputeError> {
    let Dispute { subscriber_id, month, line_no, line_amount, .. } = *dispute;
    gather::facts(conn, Line { subscriber_id, month, line_no, amount: line_amount }).await
}
