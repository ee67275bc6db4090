//! `Nchf_ConvergedCharging` 3.1.6: create, update and release of charging data (TS 32.291, clause 6.1.3).

use app::state::AppState;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use charging::usage::session::{Invocation, Refusal, SessionRef, Step};
use sha2::{Digest as _, Sha256};

use super::Network;
use super::charging_messages::{ChargingDataRequest, ChargingDataResponse};
use super::lanes::Failure;
use super::message::{read, root};
use super::problem::Problem;

const PATH: &str = "/nchf-convergedcharging/v3/chargingdata";

pub fn routes(network: Network) -> Router<AppState> {
    Router::new()
        .route(PATH, post(create))
        .route(&format!("{PATH}/{{reference}}/update"), post(update))
        .route(&format!("{PATH}/{{reference}}/release"), post(release))
        .with_state(network)
}

/// 201 with the reference of the session in `Location`, at the address that the request came to.
async fn create(
    State(network): State<Network>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let request: ChargingDataRequest = read(&headers, &body)?;
    let session_id = format!("{:032x}", rand::random::<u128>());
    let step = Step::Create { msisdn: request.msisdn()?, digest: digest(&body)?, session_id };
    let (session, response) = charge(&network, step, &request).await?;
    let location = format!("{}{PATH}/{session}", root(&uri, &headers, &network.public_url));
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(response)).into_response())
}

async fn update(
    State(network): State<Network>,
    Path(reference): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<ChargingDataResponse>, Problem> {
    let step = Step::Update(session(&reference)?);
    let (_, response) = charge(&network, step, &read(&headers, &body)?).await?;
    Ok(Json(response))
}

async fn release(
    State(network): State<Network>,
    Path(reference): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let step = Step::Release(session(&reference)?);
    charge(&network, step, &read(&headers, &body)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn charge(
    network: &Network,
    step: Step,
    request: &ChargingDataRequest,
) -> Result<(SessionRef, ChargingDataResponse), Problem> {
    let invocation = Invocation { step, sequence: request.invocation_sequence_number, units: request.units()? };
    let answer = network.lanes.charge(invocation).await?;
    let response = ChargingDataResponse::new(&answer, request, &network.public_url, network.clock.now());
    Ok((answer.session, response))
}

/// Names the request that begins a session: the same but for saying that it is sent again.
fn digest(body: &[u8]) -> Result<[u8; 32], Problem> {
    let mut value: serde_json::Value = serde_json::from_slice(body)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()).cause("INVALID_MSG_FORMAT"))?;
    if let Some(request) = value.as_object_mut() {
        request.shift_remove("retransmissionIndicator");
    }
    Ok(Sha256::digest(value.to_string()).into())
}

fn session(reference: &str) -> Result<SessionRef, Problem> {
    reference.parse().map_err(|_| Failure::Refused(Refusal::UnknownSession).into())
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let (status, cause) = match &failure {
            Failure::Refused(Refusal::UnknownSubscriber) => (StatusCode::NOT_FOUND, "USER_UNKNOWN"),
            Failure::Refused(Refusal::UnknownSession) => (StatusCode::NOT_FOUND, "CONTEXT_NOT_FOUND"),
            Failure::Refused(Refusal::StartedAt) => (StatusCode::BAD_REQUEST, "OPTIONAL_IE_INCORRECT"),
            Failure::Refused(Refusal::TooManySessions) => (StatusCode::FORBIDDEN, "END_USER_REQUEST_DENIED"),
            Failure::Congested => (StatusCode::SERVICE_UNAVAILABLE, "NF_CONGESTION"),
            Failure::Database => (StatusCode::INTERNAL_SERVER_ERROR, "SYSTEM_FAILURE"),
        };
        Self::new(status, failure.to_string()).cause(cause)
    }
}
