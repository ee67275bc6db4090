//! Plans in the database. Each step is written to the trail in the same transaction, which the caller commits.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{AHEAD_MAX, Instead, Line, Person, Plan, REASON_CHARS_MAX, State, WithdrawalError, effect};
use crate::money::plain;
use crate::staff::trail::record;
use crate::staff::{Actor, Member, Permission, StaffError};
use crate::tariff::SchemeId;
use crate::tariff::board::store::board;

/// Plans that are listed at most, the newest.
const PLANS_MAX: i64 = 200;

/// Plans to take tariffs off sale at an instant; returns the number of the plan.
///
/// # Errors
/// [`WithdrawalError::Tariffs`], [`WithdrawalError::NotOnSale`], [`WithdrawalError::Planned`], [`WithdrawalError::Reason`],
/// [`WithdrawalError::Time`]; the actor may not, or is nobody of the staff; or the database failed.
pub async fn ask(
    conn: &mut PgConnection,
    actor: &Actor,
    chosen: &[SchemeId],
    (withdraw_at, reason): (DateTime<Utc>, &str),
    now: DateTime<Utc>,
) -> Result<i64, WithdrawalError> {
    let member = allowed(actor, Permission::DraftTariffs)?;
    let reason = words(reason).ok_or(WithdrawalError::Reason)?;
    if withdraw_at <= now || withdraw_at > now + AHEAD_MAX {
        return Err(WithdrawalError::Time);
    }
    let mut chosen = chosen.to_vec();
    chosen.sort_unstable();
    chosen.dedup();
    // Two plans at once for the same tariff would both wait for somebody.
    sqlx::query!("select pg_advisory_xact_lock(hashtext('withdrawal_plan'))").fetch_one(&mut *conn).await?;
    let lines = effect(&board(conn, now).await?, &chosen)?;
    not_planned(conn, &chosen).await?;
    let plan_id = sqlx::query_scalar!(
        "insert into withdrawal_plan (tariffs, withdraw_at, reason, asked_by, asked_at) values ($1, $2, $3, $4, $5)
        returning plan_id",
        i32::try_from(lines.len()).unwrap_or(i32::MAX),
        withdraw_at,
        reason,
        member.staff_id,
        now,
    )
    .fetch_one(&mut *conn)
    .await?;
    insert_lines(conn, plan_id, &lines).await?;
    note(conn, actor, "tariff.withdrawal_asked", plan_id, None, now).await?;
    Ok(plan_id)
}

/// Approves a plan of somebody else: from its time on its tariffs are not sold any more.
///
/// # Errors
/// [`WithdrawalError::NotFound`], [`WithdrawalError::Decided`], [`WithdrawalError::Own`], [`WithdrawalError::Time`] when
/// its time is past, [`WithdrawalError::NotOnSale`] when one of its tariffs was taken off sale meanwhile; the actor may
/// not; or the database failed.
pub async fn approve(
    conn: &mut PgConnection,
    actor: &Actor,
    plan_id: i64,
    now: DateTime<Utc>,
) -> Result<(), WithdrawalError> {
    let member = allowed(actor, Permission::ApproveTariffs)?;
    let (before, plan) = open(conn, plan_id).await?;
    if plan.asked_by.staff_id == member.staff_id {
        return Err(WithdrawalError::Own);
    }
    if plan.withdraw_at <= now {
        return Err(WithdrawalError::Time);
    }
    decide(conn, plan_id, (State::Approved, None), member.staff_id, now).await?;
    let inserted = sqlx::query_scalar!(
        "insert into tariff_withdrawal (scheme_id, withdrawn_at, reason, plan_id, asked_by, approved_by)
        select t.scheme_id, p.withdraw_at, p.reason, p.plan_id, p.asked_by, p.approved_by
        from withdrawal_plan p join withdrawal_plan_tariff t using (plan_id) where p.plan_id = $1
        on conflict (scheme_id) do nothing returning scheme_id",
        plan_id,
    )
    .fetch_all(&mut *conn)
    .await?;
    if let Some(line) = plan.lines.iter().find(|line| !inserted.iter().any(|id| id == line.scheme_id.as_str())) {
        return Err(WithdrawalError::NotOnSale(line.scheme_id.to_string()));
    }
    note(conn, actor, "tariff.withdrawal_approved", plan_id, Some(before), now).await
}

/// Refuses a plan of somebody else, with the reason.
///
/// # Errors
/// As [`approve`], and [`WithdrawalError::Reason`].
pub async fn refuse(
    conn: &mut PgConnection,
    actor: &Actor,
    plan_id: i64,
    answer: &str,
    now: DateTime<Utc>,
) -> Result<(), WithdrawalError> {
    let member = allowed(actor, Permission::ApproveTariffs)?;
    let answer = words(answer).ok_or(WithdrawalError::Reason)?;
    let (before, plan) = open(conn, plan_id).await?;
    if plan.asked_by.staff_id == member.staff_id {
        return Err(WithdrawalError::Own);
    }
    decide(conn, plan_id, (State::Refused, Some(answer)), member.staff_id, now).await?;
    note(conn, actor, "tariff.withdrawal_refused", plan_id, Some(before), now).await
}

/// Takes an own plan back that nobody decided yet.
///
/// # Errors
/// [`WithdrawalError::NotFound`], [`WithdrawalError::Decided`], [`WithdrawalError::NotOwn`]; the actor may not; or the
/// database failed.
pub async fn take_back(
    conn: &mut PgConnection,
    actor: &Actor,
    plan_id: i64,
    now: DateTime<Utc>,
) -> Result<(), WithdrawalError> {
    let member = allowed(actor, Permission::DraftTariffs)?;
    let (before, plan) = open(conn, plan_id).await?;
    if plan.asked_by.staff_id != member.staff_id {
        return Err(WithdrawalError::NotOwn);
    }
    decide(conn, plan_id, (State::TakenBack, None), member.staff_id, now).await?;
    note(conn, actor, "tariff.withdrawal_taken_back", plan_id, Some(before), now).await
}

/// A person with the permission: that two did it can be shown of persons only.
fn allowed(actor: &Actor, permission: Permission) -> Result<&Member, WithdrawalError> {
    actor.require(permission)?;
    Ok(actor.member().ok_or(StaffError::Forbidden(permission))?)
}

/// A reason or an answer, trimmed.
fn words(typed: &str) -> Option<&str> {
    let text = typed.trim();
    ((1..=REASON_CHARS_MAX).contains(&text.chars().count()) && !text.contains('\0')).then_some(text)
}

async fn not_planned(conn: &mut PgConnection, chosen: &[SchemeId]) -> Result<(), WithdrawalError> {
    let ids: Vec<String> = chosen.iter().map(ToString::to_string).collect();
    let planned = sqlx::query_scalar!(
        "select t.scheme_id from withdrawal_plan_tariff t join withdrawal_plan p using (plan_id)
        where t.scheme_id = any($1) and p.state in ('open', 'approved') order by t.scheme_id limit 1",
        &ids,
    )
    .fetch_optional(conn)
    .await?;
    match planned {
        Some(id) => Err(WithdrawalError::Planned(id.parse().map_err(|_| WithdrawalError::Corrupt("scheme_id"))?)),
        None => Ok(()),
    }
}

async fn insert_lines(conn: &mut PgConnection, plan_id: i64, lines: &[Line]) -> Result<(), WithdrawalError> {
    let ids: Vec<String> = lines.iter().map(|line| line.scheme_id.to_string()).collect();
    let instead: Vec<Option<String>> =
        lines.iter().map(|line| line.instead.as_ref().map(|other| other.scheme_id.to_string())).collect();
    let price: Vec<Decimal> = lines.iter().map(|line| line.price).collect();
    let instead_price: Vec<Option<Decimal>> =
        lines.iter().map(|line| line.instead.as_ref().map(|other| other.price)).collect();
    let subscribers: Vec<i64> = lines.iter().map(|line| line.subscribers.cast_signed()).collect();
    let monthly: Vec<Decimal> = lines.iter().map(|line| line.monthly).collect();
    sqlx::query!(
        "insert into withdrawal_plan_tariff
            (plan_id, tariffs, place, scheme_id, price, instead, instead_price, subscribers, monthly)
        select $1, $2, place, scheme_id, price, instead, instead_price, subscribers, monthly
        from unnest($3::text[], $4::numeric[], $5::text[], $6::numeric[], $7::bigint[], $8::numeric[])
            with ordinality as line (scheme_id, price, instead, instead_price, subscribers, monthly, place)",
        plan_id,
        i32::try_from(lines.len()).unwrap_or(i32::MAX),
        &ids,
        &price,
        &instead as &[Option<String>],
        &instead_price as &[Option<Decimal>],
        &subscribers,
        &monthly,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks a plan that waits: its state for the trail, and itself.
async fn open(conn: &mut PgConnection, plan_id: i64) -> Result<(Value, Plan), WithdrawalError> {
    sqlx::query!("select from withdrawal_plan where plan_id = $1 for update", plan_id)
        .fetch_optional(&mut *conn)
        .await?
        .ok_or(WithdrawalError::NotFound)?;
    let plan = find(conn, plan_id).await?.ok_or(WithdrawalError::NotFound)?;
    if plan.state == State::Open { Ok((state(&plan), plan)) } else { Err(WithdrawalError::Decided) }
}

async fn decide(
    conn: &mut PgConnection,
    plan_id: i64,
    (state, answer): (State, Option<&str>),
    by: i64,
    now: DateTime<Utc>,
) -> Result<(), WithdrawalError> {
    let done = sqlx::query!(
        "update withdrawal_plan set state = $2, answer = $3, decided_by = $4, decided_at = $5
        where plan_id = $1 and state = 'open'",
        plan_id,
        state.as_str(),
        answer,
        by,
        now,
    )
    .execute(conn)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(WithdrawalError::Decided) }
}

async fn note(
    conn: &mut PgConnection,
    actor: &Actor,
    action: &str,
    plan_id: i64,
    before: Option<Value>,
    now: DateTime<Utc>,
) -> Result<(), WithdrawalError> {
    let plan = find(conn, plan_id).await?.ok_or(WithdrawalError::NotFound)?;
    Ok(record(conn, actor, action, &format!("withdrawal/{plan_id}"), [before, Some(state(&plan))], now).await?)
}

/// What the trail says of a plan.
fn state(plan: &Plan) -> Value {
    let tariffs: Vec<&str> = plan.lines.iter().map(|line| line.scheme_id.as_str()).collect();
    let subscribers: u64 = plan.lines.iter().map(|line| line.subscribers).sum();
    json!({
        "state": plan.state.as_str(),
        "tariffs": tariffs,
        "withdraw_at": plan.withdraw_at,
        "reason": plan.reason,
        "answer": plan.answer,
        "subscribers": subscribers,
        "monthly": plain(plan.lines.iter().map(|line| line.monthly).sum()),
    })
}

/// One plan with its lines.
///
/// # Errors
/// When the database failed.
pub async fn find(conn: &mut PgConnection, plan_id: i64) -> Result<Option<Plan>, WithdrawalError> {
    Ok(fetch(conn, Some(plan_id)).await?.pop())
}

/// The newest plans, those that wait first.
///
/// # Errors
/// When the database failed.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Plan>, WithdrawalError> {
    fetch(conn, None).await
}

async fn fetch(conn: &mut PgConnection, plan_id: Option<i64>) -> Result<Vec<Plan>, WithdrawalError> {
    let rows = sqlx::query!(
        r#"select p.plan_id, p.withdraw_at, p.reason, p.asked_by, asker.name as asker, p.asked_at, p.state,
            p.decided_by, decider.name as "decider?", p.decided_at, p.answer
        from withdrawal_plan p join staff asker on asker.staff_id = p.asked_by
        left join staff decider on decider.staff_id = p.decided_by
        where $1::bigint is null or p.plan_id = $1
        order by p.state <> 'open', p.plan_id desc limit $2"#,
        plan_id,
        PLANS_MAX,
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.plan_id).collect();
    let mut lines = lines(conn, &ids).await?;
    let plans = rows.into_iter().map(|row| {
        let state = State::ALL.into_iter().find(|state| state.as_str() == row.state);
        Ok(Plan {
            plan_id: row.plan_id,
            withdraw_at: row.withdraw_at,
            reason: row.reason,
            asked_by: Person { staff_id: row.asked_by, name: row.asker },
            asked_at: row.asked_at,
            state: state.ok_or(WithdrawalError::Corrupt("state"))?,
            decided_by: row.decided_by.zip(row.decider).map(|(staff_id, name)| Person { staff_id, name }),
            decided_at: row.decided_at,
            answer: row.answer,
            lines: lines.extract_if(.., |(plan_id, _)| *plan_id == row.plan_id).map(|(_, line)| line).collect(),
        })
    });
    plans.collect()
}

async fn lines(conn: &mut PgConnection, plans: &[i64]) -> Result<Vec<(i64, Line)>, WithdrawalError> {
    let rows = sqlx::query!(
        r#"select t.plan_id, t.scheme_id, own.name, t.price, t.subscribers, t.monthly, t.told_at, t.instead,
            other.name as "other_name?", t.instead_price
        from withdrawal_plan_tariff t
        join tariff_listing own on own.scheme_id = t.scheme_id
        left join tariff_listing other on other.scheme_id = t.instead
        where t.plan_id = any($1) order by t.plan_id, t.place"#,
        plans,
    )
    .fetch_all(conn)
    .await?;
    let id = |text: String| text.parse::<SchemeId>().map_err(|_| WithdrawalError::Corrupt("scheme_id"));
    rows.into_iter()
        .map(|row| {
            let other = row.instead.zip(row.other_name).zip(row.instead_price);
            let instead = other.map(|((scheme_id, name), price)| {
                Ok::<_, WithdrawalError>(Instead { scheme_id: id(scheme_id)?, name, price })
            });
            let line = Line {
                scheme_id: id(row.scheme_id)?,
                name: row.name,
                price: row.price,
                subscribers: row.subscribers.unsigned_abs(),
                monthly: row.monthly,
                instead: instead.transpose()?,
                told_at: row.told_at,
            };
            Ok((row.plan_id, line))
        })
        .collect()
}
