//! What the forms do. Each asks `charging` again whether it is allowed.

use charging::mass_offer::Limits;
use charging::mass_offer::store::{
    MassOfferError, NewMassOffer, decide, end, halt, propose, resume, take_out, withdraw,
};
use charging::staff::StaffError;
use charging::tariff::SchemeId;
use leptos::prelude::*;

use crate::request::{query_value, redirect};
use crate::staff::actor;
use crate::state::AppState;

/// Longest field that is looked at, in bytes: 500 characters of Chinese.
const FIELD_BYTES_MAX: usize = 2000;

/// Freezes a list for somebody else to approve.
#[server(prefix = "/staff/api", endpoint = "propose_mass_offer")]
pub async fn staff_propose_mass_offer(
    purpose: String,
    tariff: String,
    #[server(default)] holds: String,
    #[server(default)] region: String,
    per_hour: String,
    refused_percent: String,
    complaints: String,
) -> Result<(), ServerFnError> {
    let typed = [&purpose, &tariff, &holds, &region, &per_hour, &refused_percent, &complaints];
    let proposed = proposed(typed.map(|text| text.trim())).await;
    redirect(&match proposed {
        Ok(id) => format!("/staff/mass-offers/{id}?ok=proposed"),
        Err(error) => {
            let keep = |name: &str, text: &str| {
                let short: String = text.chars().take(30).collect();
                format!("&{name}={}", query_value(&short))
            };
            let names = ["purpose", "tariff", "holds", "region", "per_hour", "refused_percent", "complaints"];
            let kept: String = names.iter().zip(typed).map(|(name, text)| keep(name, text)).collect();
            format!("/staff/mass-offers?problem={}{kept}", problem(&error))
        }
    });
    Ok(())
}

async fn proposed(
    [purpose, tariff, holds, region, per_hour, refused_percent, complaints]: [&str; 7],
) -> Result<i64, MassOfferError> {
    let state = AppState::current();
    if purpose.len() > FIELD_BYTES_MAX {
        return Err(MassOfferError::Purpose);
    }
    let scheme_id: SchemeId = tariff.parse().map_err(|_| MassOfferError::Tariff)?;
    let holds = if holds.is_empty() { None } else { Some(holds.parse().map_err(|_| MassOfferError::Holds)?) };
    let new = NewMassOffer {
        purpose,
        scheme_id: &scheme_id,
        holds: holds.as_ref(),
        region: Some(region).filter(|region| !region.is_empty() && region.chars().count() <= 40),
        per_hour: per_hour.parse().map_err(|_| MassOfferError::Pace)?,
        limits: Limits {
            refused_percent: refused_percent.parse().map_err(|_| MassOfferError::Limits)?,
            complaints: complaints.parse().map_err(|_| MassOfferError::Limits)?,
        },
    };
    let mut tx = state.pool.begin().await?;
    let id = propose(&mut tx, &actor(), &new, state.clock.now()).await?;
    tx.commit().await?;
    Ok(id)
}

/// Approves a mass offer, or says no.
#[server(prefix = "/staff/api", endpoint = "decide_mass_offer")]
pub async fn staff_decide_mass_offer(
    offer: i64,
    decision: String,
    #[server(default)] comment: String,
) -> Result<(), ServerFnError> {
    let approves = decision == "approve";
    let comment = if comment.len() > FIELD_BYTES_MAX { Err(MassOfferError::Comment) } else { Ok(comment) };
    let done = async {
        let comment = comment?;
        let state = AppState::current();
        let mut tx = state.pool.begin().await?;
        decide(&mut tx, &actor(), offer, (approves, &comment), state.clock.now()).await?;
        Ok(tx.commit().await?)
    };
    answer(offer, if approves { "approved" } else { "rejected" }, done.await);
    Ok(())
}

/// Withdraws, pauses, lets go on, or ends a mass offer.
#[server(prefix = "/staff/api", endpoint = "steer_mass_offer")]
pub async fn staff_steer_mass_offer(offer: i64, step: String) -> Result<(), ServerFnError> {
    let done = async {
        let state = AppState::current();
        let now = state.clock.now();
        let mut tx = state.pool.begin().await?;
        let word = match step.as_str() {
            "withdraw" => withdraw(&mut tx, &actor(), offer, now).await.map(|()| "withdrawn")?,
            "halt" => halt(&mut tx, &actor(), offer, now).await.map(|()| "halted")?,
            "resume" => resume(&mut tx, &actor(), offer, now).await.map(|()| "resumed")?,
            "end" => end(&mut tx, &actor(), offer, now).await.map(|()| "ended")?,
            _ => return Err(MassOfferError::Step),
        };
        tx.commit().await?;
        Ok(word)
    };
    match done.await {
        Ok(word) => answer(offer, word, Ok(())),
        Err(error) => answer(offer, "", Err(error)),
    }
    Ok(())
}

/// Takes a number out of the list of a mass offer.
#[server(prefix = "/staff/api", endpoint = "take_out_of_mass_offer")]
pub async fn staff_take_out_of_mass_offer(offer: i64, msisdn: String) -> Result<(), ServerFnError> {
    let done = async {
        let state = AppState::current();
        let msisdn = msisdn.trim().parse().map_err(|_| MassOfferError::NotWaiting)?;
        let mut tx = state.pool.begin().await?;
        take_out(&mut tx, &actor(), offer, &msisdn, state.clock.now()).await?;
        Ok(tx.commit().await?)
    };
    answer(offer, "taken_out", done.await);
    Ok(())
}

fn answer(offer: i64, word: &str, done: Result<(), MassOfferError>) {
    redirect(&match done {
        Ok(()) => format!("/staff/mass-offers/{offer}?ok={word}"),
        Err(MassOfferError::NotFound) => "/staff/mass-offers?problem=step".to_owned(),
        Err(error) => format!("/staff/mass-offers/{offer}?problem={}", problem(&error)),
    });
}

fn problem(error: &MassOfferError) -> &'static str {
    match error {
        MassOfferError::Purpose => "purpose",
        MassOfferError::Pace => "pace",
        MassOfferError::Limits => "limits",
        MassOfferError::Tariff => "tariff",
        MassOfferError::Holds => "holds",
        MassOfferError::Nobody => "nobody",
        MassOfferError::TooMany => "too_many",
        MassOfferError::Comment => "comment",
        MassOfferError::Oneself => "oneself",
        MassOfferError::OfferChanged => "changed",
        MassOfferError::Step | MassOfferError::NotFound => "step",
        MassOfferError::NotWaiting => "not_waiting",
        MassOfferError::Staff(StaffError::Forbidden(_)) => "forbidden",
        error => {
            tracing::error!(error = error as &dyn std::error::Error, "a mass offer could not be changed");
            "failed"
        }
    }
}
