//! Bodies, pages and conditions of requests.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;
use crate::{
    desk,
    store::{self, Listing},
};

/// Most that a page may hold.
const MOST: u32 = 200;

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim).unwrap_or_default();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Problem::media_type());
        }
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|_| Problem::unreadable("The body broke off."))?;
        match serde_json::from_slice(&bytes) {
            Ok(body) => Ok(Self(body)),
            Err(error) if error.is_data() => Err(Problem::field("", error.to_string())),
            Err(error) => Err(Problem::unreadable(format!("The body is no JSON: {error}"))),
        }
    }
}

/// What stands behind the question mark.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::try_from_uri(&parts.uri);
        query.map(|axum::extract::Query(query)| Self(query)).map_err(|error| Problem::field("", error.body_text()))
    }
}

/// A part of the path.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(path)| Self(path)).map_err(|_| Problem::nothing_here())
    }
}

/// Which part of a list.
#[derive(Clone, Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// The `next` of the page before; left out: from the beginning.
    #[param(max_length = 200)]
    pub(super) after: Option<String>,
    /// So many at most, 50 if left out.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<u32>,
}

impl Page {
    pub(super) fn of_store(self) -> Result<store::Page, Problem> {
        let limit = self.limit.unwrap_or(50);
        if !(1..=MOST).contains(&limit) {
            return Err(Problem::field("limit", format!("limit = {limit} is outside 1..={MOST}")));
        }
        Ok(store::Page { after: self.after.filter(|after| !after.is_empty()), limit })
    }
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List<T> {
    /// In the list's order.
    items: Vec<T>,
    /// `after` for the next page; not there at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<T> List<T> {
    pub(super) fn of<U>(listing: Listing<U>, view: impl FnMut(U) -> T) -> Self {
        Self { items: listing.items.into_iter().map(view).collect(), next: listing.next }
    }

    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// The revision that a change is meant for, by `If-Match`; `None`: whichever it is.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let revision = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
    // What was never a revision of ours matches nothing.
    revision
        .map(Some)
        .ok_or_else(|| Problem::unreadable("If-Match is no ETag of ours: send the one that came with it."))
}

/// An answer with its revision.
pub(super) fn with_etag(revision: u64, answer: impl IntoResponse) -> Response {
    ([(header::ETAG, format!("\"{revision}\""))], answer).into_response()
}

/// RFC 3339.
pub(super) fn time(ms: i64) -> String {
    desk::time(ms)
}

/// The same, for what may not have happened.
pub(super) fn maybe_time(ms: Option<i64>) -> Option<String> {
    ms.map(time)
}
