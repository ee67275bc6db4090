//! A month in the life of a subscriber: what is ordered, changed and stopped, by the same code as on the portal.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use charging::actor::By;
use charging::clock::Month;
use charging::consent::cap::{CapRaiseError, confirm_cap_raise, request_cap_raise};
use charging::consent::incoming::incoming;
use charging::consent::request::{RequestError, request_event};
use charging::notice::template::mask_code;
use charging::order::Held;
use charging::order::ending::{cancel, cancel_preview};
use charging::order::flow::{confirm, request};
use charging::order::store::{OrderError, held};
use charging::tariff::SchemeId;
use charging::usage::store::{UsageError, lower_cap};
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha20Rng;
use rust_decimal::Decimal;
use sqlx::PgPool;

use super::people::Person;

/// Digits of a code in a message.
const CODE_CHARS: usize = 6;
const ADDONS: [&str; 16] = [
    "24MB900101",
    "24MB900101",
    "24MB900102",
    "24MB900103",
    "24MB900104",
    "24MB900105",
    "24MB900106",
    "24MB900107",
    "24MB900108",
    "24MB900109",
    "24MB900110",
    "24MB900112",
    "24MB900114",
    "24MB900115",
    "24MB900116",
    "23MB900119",
];
const PLANS: [&str; 10] = [
    "24MB900001",
    "24MB900003",
    "24MB900004",
    "24MB900005",
    "24MB900006",
    "24MB900007",
    "24MB900008",
    "24MB900013",
    "24MB900014",
    "24MB900015",
];

/// Something that a subscriber does.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    Order(&'static str),
    /// Stops one of what is there; nothing where there is none.
    CancelAddon,
    /// Stops what was ordered under that number.
    Cancel(&'static str),
    Cap(u32),
}

/// What happens to someone in a month, in the order of time.
pub fn actions(
    person: &Person,
    month: Month,
    age: u32,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    rng: &mut ChaCha20Rng,
) -> BTreeMap<DateTime<Utc>, Action> {
    if person.n <= 8 {
        let morning = month.start() + TimeDelta::days(4 + i64::from(person.n)) + TimeDelta::minutes(10 * 60 + 24);
        let first = if age == 0 { (until - TimeDelta::hours(2)).max(from + TimeDelta::minutes(1)) } else { morning };
        let told = (0..).map(|nth| first + TimeDelta::minutes(11 * nth)).zip(story(person.n, age));
        return told.filter(|(at, _)| from < *at && *at < until).collect();
    }
    let mut actions = BTreeMap::new();
    for _ in 0..2 {
        let day = rng.random_range(0..i64::from(month.days()));
        let at = month.start() + TimeDelta::days(day) + TimeDelta::minutes(rng.random_range(540..1260));
        let chance = rng.random_range(0..1000);
        let action = match chance {
            0..25 => Action::Order(ADDONS.choose(rng).copied().unwrap_or(ADDONS[0])),
            25..40 => Action::CancelAddon,
            40..50 => Action::Order(PLANS.choose(rng).copied().unwrap_or(PLANS[0])),
            50..57 => Action::Cap([50, 100, 200, 300].choose(rng).copied().unwrap_or(100)),
            _ => continue,
        };
        if from < at && at < until {
            actions.insert(at, action);
        }
    }
    actions
}

/// The stories of the first numbers; `age` in months before now.
fn story(n: u32, age: u32) -> Vec<Action> {
    match (n, age) {
        (1, 20) => vec![Action::Order("24MB900101")],
        (1, 9) => vec![Action::Order("24MB900106")],
        (1, 15) | (6, 2) => vec![Action::Order("24MB900115")],
        (1, 13) => vec![Action::Cancel("24MB900115")],
        (2, 2) => vec![Action::Cap(50)],
        (4, 5) => vec![Action::Order("24MB900301")],
        (4, 4) => vec![Action::Cancel("24MB900301")],
        (4, 12) => vec![Action::Order("24MB900116")],
        (5, 0) => vec![Action::Order("24MB900004")],
        (6, 1) => vec![Action::Order("24MB900107"), Action::Order("24MB900109")],
        (6, 0) => vec![Action::Cancel("24MB900107")],
        (7, 18) => vec![Action::Order("24MB900114")],
        (8, 3) => vec![Action::Cap(20)],
        (8, 11) => vec![Action::Order("24MB900117")],
        _ => Vec::new(),
    }
}

/// Does it, unless what happened before rules it out (it is there already, it is not on sale any more, …).
pub async fn act(
    pool: &PgPool,
    subscriber_id: i64,
    action: Action,
    at: DateTime<Utc>,
    rng: &mut ChaCha20Rng,
) -> anyhow::Result<()> {
    match action {
        Action::Order(scheme_id) => order(pool, subscriber_id, scheme_id, "web", at, rng).await.map(|_| ()),
        Action::Cap(cap) => choose_cap(pool, subscriber_id, cap.into(), at, rng).await,
        Action::CancelAddon => {
            let addons: Vec<Held> =
                present(pool, subscriber_id, at).await?.into_iter().filter(|h| !h.is_plan).collect();
            match addons.choose(rng) {
                Some(addon) => stop(pool, subscriber_id, addon, at).await,
                None => Ok(()),
            }
        }
        Action::Cancel(scheme_id) => {
            let present = present(pool, subscriber_id, at).await?;
            match present.iter().find(|held| held.scheme_id.as_str() == scheme_id) {
                Some(held) => stop(pool, subscriber_id, held, at).await,
                None => Ok(()),
            }
        }
    }
}

/// What runs at an instant and has no end yet.
async fn present(pool: &PgPool, subscriber_id: i64, at: DateTime<Utc>) -> anyhow::Result<Vec<Held>> {
    let held = held(&mut *pool.acquire().await?, subscriber_id, at).await?;
    Ok(held.into_iter().filter(|held| held.runs_at(at) && held.ends_at.is_none()).collect())
}

/// The plan that runs at an instant.
pub async fn plan_at(pool: &PgPool, subscriber_id: i64, at: DateTime<Utc>) -> anyhow::Result<Option<SchemeId>> {
    let held = held(&mut *pool.acquire().await?, subscriber_id, at).await?;
    Ok(held.into_iter().find(|held| held.is_plan && held.runs_at(at)).map(|held| held.scheme_id))
}

/// Asks by SMS and answers a minute later: half of the people type the code, the others reply `Y`. `false`: it may not be
/// ordered.
pub async fn order(
    pool: &PgPool,
    subscriber_id: i64,
    scheme_id: &str,
    channel_id: &str,
    at: DateTime<Utc>,
    rng: &mut ChaCha20Rng,
) -> anyhow::Result<bool> {
    let mut tx = pool.begin().await?;
    let asked = match request(&mut tx, subscriber_id, &scheme_id.parse()?, &By::subscriber(channel_id), at, rng).await {
        Ok(asked) => asked,
        Err(OrderError::Refused(_) | OrderError::Request(RequestError::TooMany { .. })) => return Ok(false),
        Err(error) => return Err(error).with_context(|| format!("order of {scheme_id}")),
    };
    tx.commit().await?;
    let answered_at = at + TimeDelta::seconds(rng.random_range(20..100));
    if rng.random_bool(0.5) {
        let code = code(pool, subscriber_id, asked.request_id).await?;
        confirm(pool, subscriber_id, asked.request_id, &code, answered_at).await?;
    } else {
        let message_id = format!("demo-{subscriber_id}-{}", asked.request_id);
        incoming(&mut *pool.acquire().await?, subscriber_id, &message_id, "Y", answered_at).await?;
    }
    Ok(true)
}

/// The code that was sent, read from the message as from a phone: where it differs from the masked text.
async fn code(pool: &PgPool, subscriber_id: i64, request_id: i64) -> anyhow::Result<String> {
    let body = sqlx::query_scalar!(
        "select body from notice where subscriber_id = $1 and event_key = $2",
        subscriber_id,
        request_event(request_id)
    )
    .fetch_one(pool)
    .await?;
    let masked = mask_code(&body);
    let start = body.bytes().zip(masked.bytes()).position(|(sent, kept)| sent != kept);
    match start.and_then(|start| body.get(start..start + CODE_CHARS)) {
        Some(code) => Ok(code.to_owned()),
        None => bail!("the message of request {request_id} holds no code"),
    }
}

async fn stop(pool: &PgPool, subscriber_id: i64, held: &Held, at: DateTime<Utc>) -> anyhow::Result<()> {
    let mut tx = pool.begin().await?;
    let preview = match cancel_preview(&mut tx, subscriber_id, held.subscription_id, at).await {
        Ok(preview) => preview,
        Err(OrderError::EndsAlready | OrderError::EndedBefore) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let accepted = preview.penalty.map_or(Decimal::ZERO, |penalty| penalty.amount);
    match cancel(&mut tx, subscriber_id, held.subscription_id, accepted, &By::subscriber("web"), at).await {
        Ok(_) => Ok(tx.commit().await?),
        Err(OrderError::EndsAlready | OrderError::EndedBefore) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn choose_cap(
    pool: &PgPool,
    subscriber_id: i64,
    cap: Decimal,
    at: DateTime<Utc>,
    rng: &mut ChaCha20Rng,
) -> anyhow::Result<()> {
    let mut tx = pool.begin().await?;
    match lower_cap(&mut tx, subscriber_id, cap, &By::subscriber("web"), at).await {
        Ok(_) => return Ok(tx.commit().await?),
        Err(UsageError::CapNotLower { .. }) => tx.rollback().await?,
        Err(UsageError::CapBelowSpent { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let mut tx = pool.begin().await?;
    let asked = match request_cap_raise(&mut tx, subscriber_id, cap, &By::subscriber("web"), at, rng).await {
        Ok(asked) => asked,
        Err(
            CapRaiseError::Usage(UsageError::CapNotHigher { .. })
            | CapRaiseError::Request(RequestError::TooMany { .. }),
        ) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    tx.commit().await?;
    let code = code(pool, subscriber_id, asked.request_id).await?;
    confirm_cap_raise(pool, subscriber_id, asked.request_id, &code, at + TimeDelta::minutes(1)).await?;
    Ok(())
}
