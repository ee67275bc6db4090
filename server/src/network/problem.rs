//! `ProblemDetails` of TS 29.571, with the causes of TS 29.500, table 5.2.7.2-1, TS 32.291, table 6.1.7.3-1,
//! and TS 29.594, clause 5.7.3.

use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// An error as network functions read it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    status: u16,
    title: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    invalid_params: Vec<InvalidParam>,
}

#[derive(Clone, Debug, Serialize)]
struct InvalidParam {
    /// A JSON pointer into the body.
    param: String,
    reason: String,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { status: status.as_u16(), title, detail: detail.into(), cause: None, invalid_params: Vec::new() }
    }

    pub fn cause(self, cause: &'static str) -> Self {
        Self { cause: Some(cause), ..self }
    }

    /// An attribute of the body is missing or wrong.
    pub fn invalid(cause: &'static str, param: impl Into<String>, reason: impl Into<String>) -> Self {
        let (param, reason) = (param.into(), reason.into());
        let problem = Self::new(StatusCode::BAD_REQUEST, format!("{param}: {reason}")).cause(cause);
        problem.about(param, reason)
    }

    /// Names one more attribute that is wrong.
    pub fn about(mut self, param: impl Into<String>, reason: impl Into<String>) -> Self {
        self.invalid_params.push(InvalidParam { param: param.into(), reason: reason.into() });
        self
    }
}

/// Says of an error that was made before a handler was asked (no such method, too long, too late) what all of them say.
pub fn describe(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE);
    if !(status.is_client_error() || status.is_server_error()) || kind.is_some_and(|kind| kind == PROBLEM) {
        return response;
    }
    let detail = match status {
        StatusCode::METHOD_NOT_ALLOWED => "this resource has no such method",
        StatusCode::PAYLOAD_TOO_LARGE => "the body is too long",
        StatusCode::SERVICE_UNAVAILABLE => "there was no answer in time; the request may be sent again",
        _ => "the request was not understood",
    };
    let mut problem = Problem::new(status, detail).into_response();
    if let Some(allow) = response.headers().get(ALLOW) {
        problem.headers_mut().insert(ALLOW, allow.clone());
    }
    problem
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, PROBLEM);
        response
    }
}
