//! What the forms do.

use charging::clock::Month;
use charging::dispute::CaseId;
use charging::dispute::store::{self, DisputeError};
use charging::dispute::{Dispute, State};
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sqlx::PgConnection;

use super::words::problem;
use crate::request::{redirect, signed_in};
use crate::state::AppState;

/// Says that a line of a bill is wrong.
#[server(endpoint = "dispute")]
pub async fn open_dispute(month: String, line: i32, #[server(default)] sentence: String) -> Result<(), ServerFnError> {
    let Some(subscriber_id) = signed_in().await else {
        redirect("/login?next=/me/bills");
        return Ok(());
    };
    let Ok(month) = month.parse::<Month>() else {
        redirect("/me/bills");
        return Ok(());
    };
    let opened = step(async |conn, now| {
        store::open(conn, subscriber_id, (month, line), &sentence, &mut StdRng::from_os_rng(), now).await
    })
    .await;
    redirect(&match opened {
        Ok(dispute) => seen(&dispute, "opened"),
        Err(error) => format!("/me/bills/{month}/{line}?problem={}#dispute", problem(&error)),
    });
    Ok(())
}

/// Answers what was asked.
#[server(endpoint = "dispute_tell")]
pub async fn tell_more(dispute: i64, #[server(default)] words: String) -> Result<(), ServerFnError> {
    own(dispute, "told", async |conn, case, now| store::tell_more(conn, case, &words, now).await).await;
    Ok(())
}

/// Takes it back.
#[server(endpoint = "dispute_withdraw")]
pub async fn withdraw_dispute(dispute: i64) -> Result<(), ServerFnError> {
    own(dispute, "withdrawn", async |conn, case, now| store::withdraw(conn, case, now).await).await;
    Ok(())
}

/// Objects to the answer, once.
#[server(endpoint = "dispute_reopen")]
pub async fn reopen_dispute(dispute: i64, #[server(default)] words: String) -> Result<(), ServerFnError> {
    let reopen = async |conn: &mut PgConnection, case, now| {
        store::reopen(conn, case, &words, &mut StdRng::from_os_rng(), now).await.map(|_| ())
    };
    own(dispute, "reopened", reopen).await;
    Ok(())
}

/// Takes a step of the signed-in subscriber's own dispute, and shows what came of it.
async fn own(
    dispute_id: i64,
    ok: &str,
    work: impl AsyncFnOnce(&mut PgConnection, CaseId, DateTime<Utc>) -> Result<(), DisputeError>,
) {
    let Some(subscriber_id) = signed_in().await else {
        redirect("/login?next=/me/disputes");
        return;
    };
    let case = CaseId { subscriber_id, dispute_id };
    redirect(&match step(async |conn, now| work(conn, case, now).await).await {
        Ok(()) => format!("/me/disputes/{dispute_id}?ok={ok}"),
        Err(DisputeError::NotFound) => "/me/disputes".to_owned(),
        Err(error) => format!("/me/disputes/{dispute_id}?problem={}", problem(&error)),
    });
}

fn seen(dispute: &Dispute, opened: &str) -> String {
    let ok = if dispute.standing.state == State::Upheld { "refunded" } else { opened };
    format!("/me/disputes/{}?ok={ok}", dispute.dispute_id)
}

/// In a transaction of its own.
async fn step<T>(
    work: impl AsyncFnOnce(&mut PgConnection, DateTime<Utc>) -> Result<T, DisputeError>,
) -> Result<T, DisputeError> {
    let state = AppState::current();
    let mut tx = state.pool.begin().await?;
    let done = work(&mut tx, state.clock.now()).await?;
    tx.commit().await?;
    Ok(done)
}
