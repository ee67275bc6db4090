//! Asking for a mass offer, deciding it, stopping it, and what pages show of it. Each step is in the trail of the staff, in the
//! transaction that the caller commits.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::view::{counts, one};
use super::{COMMENT_CHARS_MAX, Halt, LEFT_ALONE, Limits, PER_HOUR_MAX, PURPOSE_CHARS_MAX, State, TARGETS_MAX};
use crate::clock::local_date;
use crate::order::store::OrderError;
use crate::staff::trail::record;
use crate::staff::{Actor, Permission, StaffError};
use crate::subscriber::Msisdn;
use crate::tariff::SchemeId;
use crate::tariff::store::{StoreError, find, orderable, withdrawn_at};

/// Mass offers of a page.
pub const PAGE: i64 = 20;

/// Why a mass offer cannot be asked for or decided.
#[derive(Debug, thiserror::Error)]
pub enum MassOfferError {
    #[error("there is no such mass offer")]
    NotFound,
    #[error("a purpose has 1 to {PURPOSE_CHARS_MAX} characters")]
    Purpose,
    #[error("a pace is 1 to {PER_HOUR_MAX} questions an hour")]
    Pace,
    #[error("it stops at 1 to 100 percent of refusals, and 1 to 1000 complaints")]
    Limits,
    #[error("there is no such tariff on sale that can be ordered")]
    Tariff,
    #[error("there is no such tariff to hold")]
    Holds,
    #[error("nobody could be asked: the list is empty")]
    Nobody,
    #[error("the list would have more than {TARGETS_MAX} subscribers")]
    TooMany,
    #[error("whoever rejects it says why, in at most {COMMENT_CHARS_MAX} characters")]
    Comment,
    #[error("no one approves what he asked for")]
    Oneself,
    #[error("what it offers has changed since; ask for a new one")]
    OfferChanged,
    #[error("it is not at that step (any more)")]
    Step,
    #[error("the number is not on the list, or was asked already")]
    NotWaiting,
    #[error("the stored {0} is not readable")]
    Corrupt(&'static str),
    #[error(transparent)]
    Staff(#[from] StaffError),
    #[error(transparent)]
    Tariffs(#[from] StoreError),
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMassOffer<'a> {
    pub purpose: &'a str,
    pub scheme_id: &'a SchemeId,
    /// Whom: those who have this; `None`: everybody.
    pub holds: Option<&'a SchemeId>,
    /// Those who live there; `None`: anywhere.
    pub region: Option<&'a str>,
    pub per_hour: i32,
    pub limits: Limits,
}

/// A mass offer as pages show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MassOffer {
    pub mass_offer_id: i64,
    pub purpose: String,
    pub scheme_id: SchemeId,
    pub version: i32,
    /// The name of what is offered.
    pub name: String,
    pub holds: Option<String>,
    pub region: Option<String>,
    pub per_hour: i32,
    pub limits: Limits,
    /// `staff:` and the login.
    pub asked_by: String,
    pub asked_at: DateTime<Utc>,
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    pub comment: String,
    pub halted_at: Option<DateTime<Utc>>,
    pub halted_by: Option<String>,
    pub ended_at: Option<DateTime<Utc>>,
    pub state: State,
}

/// How many subscribers of a list are at which point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub waiting: i64,
    pub asked: i64,
    pub excluded: i64,
    pub passed_over: i64,
}

/// Those of a list who have the same tariff now: what they pay a month, and would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Name and monthly price in yuan of what they have; `None`: nothing of it.
    pub present: Option<(String, Decimal)>,
    pub subscribers: i64,
}

/// Freezes the list, which is the dry run: whom it would be offered to, and who is left out and why. Nobody is asked before
/// somebody else approves.
///
/// # Errors
/// [`StaffError::Forbidden`], what of the wish cannot be, or the database failed.
pub async fn propose(
    conn: &mut PgConnection,
    actor: &Actor,
    new: &NewMassOffer<'_>,
    now: DateTime<Utc>,
) -> Result<i64, MassOfferError> {
    let login = login_with(actor, Permission::DraftTariffs)?;
    let purpose = new.purpose.trim();
    if purpose.is_empty() || purpose.chars().count() > PURPOSE_CHARS_MAX {
        return Err(MassOfferError::Purpose);
    }
    if !(1..=PER_HOUR_MAX).contains(&new.per_hour) {
        return Err(MassOfferError::Pace);
    }
    if !(1..=100).contains(&new.limits.refused_percent) || !(1..=1000).contains(&new.limits.complaints) {
        return Err(MassOfferError::Limits);
    }
    let version = offered(conn, new.scheme_id, now).await?.ok_or(MassOfferError::Tariff)?;
    if let Some(holds) = new.holds {
        find(conn, holds).await?.ok_or(MassOfferError::Holds)?;
    }
    let mass_offer_id = sqlx::query_scalar!(
        "insert into mass_offer (purpose, scheme_id, version, holds_scheme_id, region, per_hour, stop_refused_percent,
            stop_complaints, asked_by, asked_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning mass_offer_id",
        purpose,
        new.scheme_id.as_str(),
        version,
        new.holds.map(SchemeId::as_str),
        new.region,
        new.per_hour,
        new.limits.refused_percent,
        new.limits.complaints,
        format!("staff:{login}"),
        now,
    )
    .fetch_one(&mut *conn)
    .await?;
    freeze(conn, mass_offer_id, now).await?;
    let counts = counts(conn, mass_offer_id).await?;
    if counts.waiting + counts.excluded > TARGETS_MAX {
        return Err(MassOfferError::TooMany);
    }
    if counts.waiting == 0 {
        return Err(MassOfferError::Nobody);
    }
    write_down(conn, actor, "mass_offer.propose", mass_offer_id, None, now).await?;
    Ok(mass_offer_id)
}

/// The version of a tariff that can be ordered now; `None`: there is none.
pub(super) async fn offered(
    conn: &mut PgConnection,
    scheme_id: &SchemeId,
    now: DateTime<Utc>,
) -> Result<Option<i32>, StoreError> {
    let Some(tariff) = orderable(conn, &[scheme_id.to_string()], now).await?.pop() else { return Ok(None) };
    let is_withdrawn = withdrawn_at(conn, scheme_id).await?.is_some_and(|at| at <= now);
    let is_offered = tariff.content.terms.is_some() && tariff.content.on_sale(local_date(now)) && !is_withdrawn;
    Ok(is_offered.then_some(tariff.version))
}

/// Writes the list. One row more than is allowed is enough to see that it is too long.
async fn freeze(conn: &mut PgConnection, mass_offer_id: i64, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into mass_offer_target (subscriber_id, mass_offer_id, state, reason, present_scheme_id, present_version)
        select subscriber_id, $1, case when reason is null then 'waiting' else 'excluded' end, reason, scheme_id, version
        from (
            select s.subscriber_id, h.scheme_id, h.version, case
                when not ('全国' = any(v.regions) or s.region = any(v.regions)) then 'region'
                when exists (
                    select from subscription o where o.subscriber_id = s.subscriber_id and o.scheme_id = m.scheme_id
                        and (o.ends_at is null or o.ends_at > $2)
                        and (v.kind <> 'plan' or o.version = m.version)
                ) then 'has_it'
                when v.kind = 'plan' and exists (
                    select from subscription o where o.subscriber_id = s.subscriber_id and o.kind = 'plan'
                        and o.starts_at > $2 and (o.ends_at is null or o.ends_at > o.starts_at)
                ) then 'plan_waiting'
                when exists (
                    select from mass_offer_target t where t.subscriber_id = s.subscriber_id and t.asked_at > $3
                ) then 'asked_lately'
                end as reason
            from mass_offer m
            join tariff_version v on v.scheme_id = m.scheme_id and v.version = m.version
            cross join subscriber s
            left join lateral (
                select o.scheme_id, o.version from subscription o
                where o.subscriber_id = s.subscriber_id and o.starts_at <= $2 and (o.ends_at is null or o.ends_at > $2)
                    and case when m.holds_scheme_id is null then o.kind = 'plan' else o.scheme_id = m.holds_scheme_id end
                order by o.subscription_id desc limit 1
            ) h on true
            where m.mass_offer_id = $1 and (m.region is null or s.region = m.region)
                and (m.holds_scheme_id is null or h.scheme_id is not null)
            limit $4
        ) list",
        mass_offer_id,
        now,
        now - LEFT_ALONE,
        TARGETS_MAX + 1,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets a mass offer go, or says no and why. Only somebody else than who asked.
///
/// # Errors
/// [`StaffError::Forbidden`], [`MassOfferError::Oneself`], [`MassOfferError::Step`], [`MassOfferError::Comment`],
/// [`MassOfferError::OfferChanged`], or the database failed.
pub async fn decide(
    conn: &mut PgConnection,
    actor: &Actor,
    mass_offer_id: i64,
    (approves, comment): (bool, &str),
    now: DateTime<Utc>,
) -> Result<(), MassOfferError> {
    let login = login_with(actor, Permission::ApproveTariffs)?;
    let comment = comment.trim();
    if comment.chars().count() > COMMENT_CHARS_MAX || (!approves && comment.is_empty()) {
        return Err(MassOfferError::Comment);
    }
    let offer = locked(conn, mass_offer_id).await?;
    if offer.state != State::Waiting {
        return Err(MassOfferError::Step);
    }
    let decided_by = format!("staff:{login}");
    if offer.asked_by == decided_by {
        return Err(MassOfferError::Oneself);
    }
    if approves && offered(conn, &offer.scheme_id, now).await? != Some(offer.version) {
        return Err(MassOfferError::OfferChanged);
    }
    settle(conn, actor, &offer, (if approves { "approved" } else { "rejected" }, &decided_by, comment), now).await
}

/// Takes it back, before anybody decided.
///
/// # Errors
/// [`MassOfferError::Step`], also for somebody else's, or the database failed.
pub async fn withdraw(
    conn: &mut PgConnection,
    actor: &Actor,
    mass_offer_id: i64,
    now: DateTime<Utc>,
) -> Result<(), MassOfferError> {
    let login = login_with(actor, Permission::DraftTariffs)?;
    let offer = locked(conn, mass_offer_id).await?;
    let by = format!("staff:{login}");
    if offer.state != State::Waiting || offer.asked_by != by {
        return Err(MassOfferError::Step);
    }
    settle(conn, actor, &offer, ("withdrawn", &by, ""), now).await
}

async fn settle(
    conn: &mut PgConnection,
    actor: &Actor,
    offer: &MassOffer,
    (decision, by, comment): (&str, &str, &str),
    now: DateTime<Utc>,
) -> Result<(), MassOfferError> {
    sqlx::query!(
        "update mass_offer set decision = $2, decided_by = $3, decided_at = $4, comment = $5 where mass_offer_id = $1",
        offer.mass_offer_id,
        decision,
        by,
        now,
        comment,
    )
    .execute(&mut *conn)
    .await?;
    write_down(conn, actor, &format!("mass_offer.{decision}"), offer.mass_offer_id, Some(offer), now).await
}

/// Takes a number out of the list, before it was asked.
///
/// # Errors
/// [`StaffError::Forbidden`], [`MassOfferError::NotWaiting`], or the database failed.
pub async fn take_out(
    conn: &mut PgConnection,
    actor: &Actor,
    mass_offer_id: i64,
    msisdn: &Msisdn,
    now: DateTime<Utc>,
) -> Result<(), MassOfferError> {
    login_with(actor, Permission::DraftTariffs).or_else(|_| login_with(actor, Permission::ApproveTariffs))?;
    let offer = locked(conn, mass_offer_id).await?;
    let taken = sqlx::query!(
        "update mass_offer_target t set state = 'excluded', reason = 'taken_out' from subscriber s
        where s.msisdn = $2 and t.subscriber_id = s.subscriber_id and t.mass_offer_id = $1 and t.state = 'waiting'",
        mass_offer_id,
        msisdn.as_str(),
    )
    .execute(&mut *conn)
    .await?;
    if taken.rows_affected() != 1 {
        return Err(MassOfferError::NotWaiting);
    }
    write_down(conn, actor, "mass_offer.take_out", mass_offer_id, Some(&offer), now).await
}

/// Stops it, until somebody lets it go on. Any of those who may ask for or approve one.
///
/// # Errors
/// [`StaffError::Forbidden`], [`MassOfferError::Step`], or the database failed.
pub async fn halt(
    conn: &mut PgConnection,
    actor: &Actor,
    mass_offer_id: i64,
    now: DateTime<Utc>,
) -> Result<(), MassOfferError> {
    let login =
        login_with(actor, Permission::DraftTariffs).or_else(|_| login_with(actor, Permission::ApproveTariffs))?;
    let offer = locked(conn, mass_offer_id).await?;
    if offer.state != State::Running {
        return Err(MassOfferError::Step);
    }
    write_halt(conn, mass_offer_id, &format!("staff:{login}"), Halt::Staff, now).await?;
    write_down(conn, actor, "mass_offer.halt", mass_offer_id, Some(&offer), now).await
}

pub(super) async fn write_halt(
    conn: &mut PgConnection,
    mass_offer_id: i64,
    by: &str,
    halt: Halt,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update mass_offer set halted_at = $2, halted_by = $3, halt = $4 where mass_offer_id = $1",
        mass_offer_id,
        now,
        by,
        halt.as_str(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets it go on. What stopped by itself is let on by somebody who approves, and not by who asked for it.
///
/// # Errors
/// [`StaffError::Forbidden`], [`MassOfferError::Oneself`], [`MassOfferError::Step`], [`MassOfferError::OfferChanged`], or the
/// database failed.
pub async fn resume(
    conn: &mut PgConnection,
    actor: &Actor,
    mass_offer_id: i64,
    now: DateTime<Utc>,
) -> Result<(), MassOfferError> {
    let login = login_with(actor, Permission::ApproveTariffs)?;
    let offer = locked(conn, mass_offer_id).await?;
    let State::Halted(halt) = offer.state else { return Err(MassOfferError::Step) };
    if offer.asked_by == format!("staff:{login}") {
        return Err(MassOfferError::Oneself);
    }
    if halt == Halt::OfferChanged && offered(conn, &offer.scheme_id, now).await? != Some(offer.version) {
        return Err(MassOfferError::OfferChanged);
    }
    sqlx::query!(
        "update mass_offer set halted_at = null, halted_by = null, halt = null
        where mass_offer_id = $1",
        mass_offer_id,
    )
    .execute(&mut *conn)
    .await?;
    write_down(conn, actor, "mass_offer.resume", mass_offer_id, Some(&offer), now).await
}

/// Ends it for good; who was not asked is not asked any more.
///
/// # Errors
/// [`StaffError::Forbidden`], [`MassOfferError::Step`], or the database failed.
pub async fn end(
    conn: &mut PgConnection,
    actor: &Actor,
    mass_offer_id: i64,
    now: DateTime<Utc>,
) -> Result<(), MassOfferError> {
    login_with(actor, Permission::DraftTariffs).or_else(|_| login_with(actor, Permission::ApproveTariffs))?;
    let offer = locked(conn, mass_offer_id).await?;
    if !matches!(offer.state, State::Running | State::Halted(_)) {
        return Err(MassOfferError::Step);
    }
    write_end(conn, mass_offer_id, now).await?;
    write_down(conn, actor, "mass_offer.end", mass_offer_id, Some(&offer), now).await
}

pub(super) async fn write_end(
    conn: &mut PgConnection,
    mass_offer_id: i64,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("update mass_offer set ended_at = $2 where mass_offer_id = $1", mass_offer_id, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// The login of who may do it.
fn login_with(actor: &Actor, permission: Permission) -> Result<String, MassOfferError> {
    actor.require(permission)?;
    let member = actor.member().ok_or(MassOfferError::Staff(StaffError::Forbidden(permission)))?;
    Ok(member.login.to_string())
}

/// Locks it, so that two who decide at once do so one after the other.
async fn locked(conn: &mut PgConnection, mass_offer_id: i64) -> Result<MassOffer, MassOfferError> {
    sqlx::query!("select mass_offer_id from mass_offer where mass_offer_id = $1 for no key update", mass_offer_id)
        .fetch_optional(&mut *conn)
        .await?;
    one(conn, mass_offer_id).await?.ok_or(MassOfferError::NotFound)
}

async fn write_down(
    conn: &mut PgConnection,
    actor: &Actor,
    action: &str,
    mass_offer_id: i64,
    before: Option<&MassOffer>,
    now: DateTime<Utc>,
) -> Result<(), MassOfferError> {
    let after = one(conn, mass_offer_id).await?.ok_or(MassOfferError::NotFound)?;
    let after = told(&after, counts(conn, mass_offer_id).await?);
    let state = [before.map(|before| json!({ "state": words(before.state) })), Some(after)];
    Ok(record(conn, actor, action, &format!("mass_offer/{mass_offer_id}"), state, now).await?)
}

fn told(offer: &MassOffer, counts: Counts) -> Value {
    json!({
        "state": words(offer.state),
        "purpose": offer.purpose,
        "tariff": format!("{} v{}", offer.scheme_id, offer.version),
        "comment": offer.comment,
        "waiting": counts.waiting,
        "asked": counts.asked,
        "excluded": counts.excluded,
    })
}

fn words(state: State) -> String {
    match state {
        State::Waiting => "waiting".to_owned(),
        State::Rejected => "rejected".to_owned(),
        State::Withdrawn => "withdrawn".to_owned(),
        State::Running => "running".to_owned(),
        State::Halted(halt) => format!("halted: {halt}"),
        State::Ended => "ended".to_owned(),
    }
}
