//! `Nchf_SpendingLimitControl` 1.2.0: network functions follow the state of a subscriber's cap (TS 29.594, clause 5.3).
//! Nobody who has a number is ever removed here, so no subscription is terminated from this side.

use app::state::AppState;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{post, put};
use axum::{Json, Router};
use charging::usage::spending_limit::{Refusal, SubscriptionRef};
use charging::usage::store::spending_limit::{self, SpendingLimitError};

use super::Network;
use super::message::{INCORRECT, read, root};
use super::problem::Problem;
use super::spending_limit_messages::{SpendingLimitContext, SpendingLimitStatus, unknown_user};

const PATH: &str = "/nchf-spendinglimitcontrol/v1/subscriptions";

pub fn routes(network: Network) -> Router<AppState> {
    Router::new()
        .route(PATH, post(subscribe))
        .route(&format!("{PATH}/{{reference}}"), put(modify).delete(unsubscribe))
        .with_state(network)
}

/// 201 with the reference of the subscription in `Location`, at the address that the request came to.
async fn subscribe(
    State(network): State<Network>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let context: SpendingLimitContext = read(&headers, &body)?;
    let now = network.clock.now();
    let new = context.subscription(format!("{:032x}", rand::random::<u128>()), now)?;
    let mut tx = network.pool.begin().await?;
    let subscription = spending_limit::subscribe(&mut tx, new, now).await?;
    tx.commit().await?;
    let location = format!("{}{PATH}/{}", root(&uri, &headers, &network.public_url), subscription.reference);
    let status = SpendingLimitStatus::answer(subscription, context.features());
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(status)).into_response())
}

async fn modify(
    State(network): State<Network>,
    Path(reference): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<SpendingLimitStatus>, Problem> {
    let context: SpendingLimitContext = read(&headers, &body)?;
    let now = network.clock.now();
    let change = context.change(now)?;
    let reference = named(&reference)?;
    let mut tx = network.pool.begin().await?;
    let subscription = spending_limit::modify(&mut tx, &reference, change, now).await?;
    tx.commit().await?;
    Ok(Json(SpendingLimitStatus::answer(subscription, context.features())))
}

async fn unsubscribe(State(network): State<Network>, Path(reference): Path<String>) -> Result<StatusCode, Problem> {
    let reference = named(&reference)?;
    let mut tx = network.pool.begin().await?;
    spending_limit::unsubscribe(&mut tx, &reference, network.clock.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn named(reference: &str) -> Result<SubscriptionRef, Problem> {
    reference.parse().map_err(|_| Refusal::UnknownSubscription.into())
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let reason = refusal.to_string();
        match refusal {
            Refusal::UnknownSubscriber => unknown_user("/gpsi", &reason),
            Refusal::OtherSubscriber => Self::invalid(INCORRECT, "/gpsi", reason),
            Refusal::UnknownSubscription => Self::new(StatusCode::NOT_FOUND, reason).cause("SUBSCRIPTION_NOT_FOUND"),
            Refusal::TooManySubscriptions => Self::new(StatusCode::FORBIDDEN, reason),
        }
    }
}

impl From<SpendingLimitError> for Problem {
    fn from(error: SpendingLimitError) -> Self {
        match error {
            SpendingLimitError::Refused(refusal) => refusal.into(),
            SpendingLimitError::Usage(error) => {
                tracing::error!(error = format!("{error:?}"), "a spending limit request failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the database did not do it").cause("SYSTEM_FAILURE")
            }
        }
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        SpendingLimitError::from(error).into()
    }
}
