//! What is served under `/api`: not by the shards, whose calls must not wait for it.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{Request, Response, StatusCode},
    response::IntoResponse as _,
};
use http_body_util::{BodyExt as _, Limited};
use tower::ServiceExt as _;

use super::setup::Api;

/// Longest body of a request, in bytes.
const MAX_BODY: usize = 1 << 20;
/// The body must be here within this time.
const BODY: Duration = Duration::from_secs(10);
/// An answer must be there within this time.
const ANSWER: Duration = Duration::from_secs(60);

/// Takes the whole request in, and has it answered on the API's own runtime.
pub(super) async fn answer(api: &Api, request: Request<Body>) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    // What the shard's own router has found out about the path is nothing to the API's.
    parts.extensions.clear();
    let body: Bytes = match tokio::time::timeout(BODY, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Err(_) => return refusal(StatusCode::REQUEST_TIMEOUT, "The body did not come within 10 s."),
        Ok(Err(_)) => {
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, "The body is longer than 1 MiB, or broke off.");
        }
    };
    let answer = api.routes.clone().oneshot(Request::from_parts(parts, Body::from(body)));
    // A client that goes away does not stop what it has begun: it may cost money.
    match api.runtime.spawn(tokio::time::timeout(ANSWER, answer)).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(never))) => match never {},
        Ok(Err(_)) => refusal(StatusCode::GATEWAY_TIMEOUT, "There was no answer within 60 s: see what came of it."),
        Err(error) => {
            tracing::error!(%error, "a request to the API came to nothing");
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "This is a fault of ours: the log has the reason.")
        }
    }
}

/// As the API itself refuses: RFC 9457.
fn refusal(status: StatusCode, detail: &str) -> Response<Body> {
    let title = status.canonical_reason().unwrap_or_default();
    let problem = serde_json::json!({
        "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail,
    });
    (status, [("content-type", "application/problem+json")], problem.to_string()).into_response()
}
