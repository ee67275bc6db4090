//! Asking: a few subscribers at a time, at the pace that was approved, until it must stop.

use chrono::{DateTime, Utc};
use rand::CryptoRng;
use sqlx::{PgConnection, PgPool};

use super::store::{MassOffer, MassOfferError, offered, write_end, write_halt};
use super::view::{one, tally};
use super::{Halt, LEFT_ALONE, State, hour_of, may_ask, must_stop};
use crate::actor::By;
use crate::consent::request::{RequestError, order_open_until};
use crate::consent::store::lock_subscriber;
use crate::notice::quiet::Hours;
use crate::order::flow::request;
use crate::order::store::OrderError;

/// Subscribers that are asked before it is looked again whether to go on.
const AT_ONCE: i32 = 50;

/// Asks those whose turn it is, of every mass offer that runs; returns how many questions went out. One server at a time. An offer
/// that cannot go on holds up no other.
///
/// # Errors
/// When the database failed.
pub async fn take_turn(
    pool: &PgPool,
    hours: Hours,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<u64, MassOfferError> {
    if hours.next(now) != now {
        return Ok(0);
    }
    let mut turn = pool.begin().await?;
    let is_ours = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock(hashtext('mass_offer')) as "is_ours!""#);
    if !is_ours.fetch_one(&mut *turn).await? {
        return Ok(0);
    }
    let running = sqlx::query_scalar!(
        "select mass_offer_id from mass_offer
        where decision = 'approved' and halted_at is null and ended_at is null order by mass_offer_id"
    );
    let mut asked = 0;
    for mass_offer_id in running.fetch_all(&mut *turn).await? {
        match go_on(pool, mass_offer_id, now, rng).await {
            Ok(count) => asked += count,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(mass_offer_id, error, "a mass offer cannot go on; it is tried again");
            }
        }
    }
    turn.commit().await?;
    Ok(asked)
}

async fn go_on(
    pool: &PgPool,
    mass_offer_id: i64,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<u64, MassOfferError> {
    let mut conn = pool.acquire().await?;
    let Some(offer) = one(&mut conn, mass_offer_id).await? else { return Ok(0) };
    if let Some(halt) = halt_of(&mut conn, &offer, now).await? {
        tracing::warn!(mass_offer_id, %halt, "a mass offer stopped by itself");
        write_halt(&mut conn, mass_offer_id, "system", halt, now).await?;
        return Ok(0);
    }
    let before = asked_in(&mut conn, mass_offer_id, now).await?;
    let room = may_ask(offer.per_hour, before, now).min(AT_ONCE);
    if room == 0 {
        return Ok(0);
    }
    // Whoever has a question open is not disturbed; his turn comes when it is answered or has run out.
    let waiting = sqlx::query_scalar!(
        "select subscriber_id from mass_offer_target t where mass_offer_id = $1 and state = 'waiting' and not exists (
            select from consent_request r
            where r.subscriber_id = t.subscriber_id and r.purpose = 'order' and r.state = 'open' and r.expires_at > $2
        )
        order by subscriber_id limit $3",
        mass_offer_id,
        now,
        i64::from(room),
    );
    let waiting = waiting.fetch_all(&mut *conn).await?;
    if waiting.is_empty() && nobody_waits(&mut conn, mass_offer_id).await? {
        write_end(&mut conn, mass_offer_id, now).await?;
        return Ok(0);
    }
    drop(conn);
    let mut asked = 0;
    for subscriber_id in waiting {
        asked += u64::from(ask(pool, &offer, subscriber_id, now, rng).await?);
    }
    Ok(asked)
}

async fn halt_of(
    conn: &mut PgConnection,
    offer: &MassOffer,
    now: DateTime<Utc>,
) -> Result<Option<Halt>, MassOfferError> {
    if offered(conn, &offer.scheme_id, now).await? != Some(offer.version) {
        return Ok(Some(Halt::OfferChanged));
    }
    Ok(must_stop(&tally(conn, offer.mass_offer_id).await?, &offer.limits))
}

async fn asked_in(conn: &mut PgConnection, mass_offer_id: i64, now: DateTime<Utc>) -> Result<i32, sqlx::Error> {
    let asked = sqlx::query_scalar!(
        "select asked from mass_offer_hour where mass_offer_id = $1 and hour = $2",
        mass_offer_id,
        hour_of(now),
    );
    // No row: nobody was asked in this hour yet.
    Ok(asked.fetch_optional(conn).await?.map_or(0, |asked| asked))
}

async fn nobody_waits(conn: &mut PgConnection, mass_offer_id: i64) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select not exists (
            select from mass_offer_target where mass_offer_id = $1 and state = 'waiting'
        ) as "nobody!""#,
        mass_offer_id,
    )
    .fetch_one(conn)
    .await
}

/// Asks one subscriber, in a transaction of his own: the question, its count, and the row of the list, or why he is passed over.
async fn ask(
    pool: &PgPool,
    offer: &MassOffer,
    subscriber_id: i64,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<bool, MassOfferError> {
    let login = offer.asked_by.strip_prefix("staff:").ok_or(MassOfferError::Corrupt("asked_by"))?;
    let mut tx = pool.begin().await?;
    lock_subscriber(&mut tx, subscriber_id).await.map_err(|_| MassOfferError::Corrupt("subscriber_id"))?;
    // Somebody may have stopped it, or taken the number out, since it was looked at.
    let still = one(&mut tx, offer.mass_offer_id).await?.is_some_and(|offer| offer.state == State::Running);
    // A question of his own would be replaced by ours.
    if !still || order_open_until(&mut tx, subscriber_id, now).await?.is_some() {
        return Ok(false);
    }
    if was_asked_lately(&mut tx, subscriber_id, now).await? {
        tx.rollback().await?;
        return pass_over(pool, offer, subscriber_id, "asked_lately").await;
    }
    let reason = match request(&mut tx, subscriber_id, &offer.scheme_id, &By::staff(login, "sms"), now, rng).await {
        Ok(asked) => {
            let written = sqlx::query!(
                "update mass_offer_target set state = 'asked', request_id = $3, asked_at = $4, approved_id = $2
                where subscriber_id = $1 and mass_offer_id = $2 and state = 'waiting'",
                subscriber_id,
                offer.mass_offer_id,
                asked.request_id,
                now,
            );
            if written.execute(&mut *tx).await?.rows_affected() != 1 {
                return Ok(false);
            }
            count(&mut tx, offer, now).await?;
            tx.commit().await?;
            return Ok(true);
        }
        Err(OrderError::Refused(_)) => "refused",
        Err(OrderError::Request(RequestError::TooMany { .. })) => "limit",
        // His turn comes again.
        Err(error) if is_of_database(&error) => return Err(error.into()),
        Err(error) => {
            tracing::error!(subscriber_id, error = &error as &dyn std::error::Error, "a subscriber cannot be asked");
            "refused"
        }
    };
    tx.rollback().await?;
    pass_over(pool, offer, subscriber_id, reason).await
}

/// Asks him no more; `false`, since no question went out.
async fn pass_over(pool: &PgPool, offer: &MassOffer, subscriber_id: i64, reason: &str) -> Result<bool, MassOfferError> {
    sqlx::query!(
        "update mass_offer_target set state = 'passed_over', reason = $3
        where subscriber_id = $1 and mass_offer_id = $2 and state = 'waiting'",
        subscriber_id,
        offer.mass_offer_id,
        reason,
    )
    .execute(pool)
    .await?;
    Ok(false)
}

/// Another mass offer may have asked him since this one's list was made.
async fn was_asked_lately(
    conn: &mut PgConnection,
    subscriber_id: i64,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (
            select from mass_offer_target where subscriber_id = $1 and asked_at > $2
        ) as "exists!""#,
        subscriber_id,
        now - LEFT_ALONE,
    )
    .fetch_one(conn)
    .await
}

fn is_of_database(error: &OrderError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<sqlx::Error>() {
            return true;
        }
        cause = error.source();
    }
    false
}

async fn count(conn: &mut PgConnection, offer: &MassOffer, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into mass_offer_hour (mass_offer_id, hour, per_hour, asked) values ($1, $2, $3, 1)
        on conflict (mass_offer_id, hour) do update set asked = mass_offer_hour.asked + 1",
        offer.mass_offer_id,
        hour_of(now),
        offer.per_hour,
    )
    .execute(conn)
    .await?;
    Ok(())
}
