//! What costs money is done once, however often it is asked for: idempotency keys.

use std::future::Future;

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{problem::Problem, request};
use crate::{
    desk::{Actor, Desk, DeskError},
    store::{Claim, StoredAnswer},
};

/// The header.
const KEY: &str = "idempotency-key";
/// Longest key.
const MAX_KEY: usize = 200;

/// Carries a request out, unless one with the same key was before it: then its answer comes again.
pub(super) async fn once<T: Serialize>(
    desk: &Desk,
    actor: &Actor,
    headers: &HeaderMap,
    what: &str,
    request: &impl Serialize,
    work: impl Future<Output = Result<T, DeskError>>,
) -> Result<Response, Problem> {
    let key = headers.get(KEY).and_then(|value| value.to_str().ok()).map(str::trim).unwrap_or_default();
    if key.is_empty() || key.len() > MAX_KEY {
        let message = format!("send a key of your own, new for each such request: 1 to {MAX_KEY} characters");
        return Err(Problem::field("Idempotency-Key", message));
    }
    let request = serde_json::to_string(request).map_err(|error| DeskError::Fault(error.to_string()))?;
    let fingerprint = Sha256::digest(format!("{what}\n{request}")).into();
    match desk.claim(actor, key, &fingerprint).await? {
        Claim::Done(answer) => return Ok(stored(answer)),
        Claim::Unsettled { since_ms } => return Err(Problem::unsettled(&request::time(since_ms))),
        Claim::New => {}
    }
    let answer = match work.await {
        Ok(done) => {
            let body = serde_json::to_string(&done).map_err(|error| DeskError::Fault(error.to_string()))?;
            Some(StoredAnswer { status: StatusCode::CREATED.as_u16(), body })
        }
        // It may have been done: whoever asks again with this key learns that, and nothing is done again.
        Err(error @ DeskError::Carrier { outcome_unknown: true, .. }) => {
            let problem = Problem::from(error);
            Some(StoredAnswer { status: problem.status(), body: problem.json() })
        }
        Err(error) => {
            desk.settle(actor, key, None).await?;
            return Err(error.into());
        }
    };
    desk.settle(actor, key, answer.as_ref()).await?;
    Ok(answer.map_or_else(|| StatusCode::NO_CONTENT.into_response(), stored))
}

fn stored(answer: StoredAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
    (status, [(header::CONTENT_TYPE, kind)], answer.body).into_response()
}
