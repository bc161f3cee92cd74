//! Refusals, by RFC 9457.

use axum::{
    http::{HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    config::FieldProblem,
    desk::{DeskError, Scope},
};

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// What kind of problem: stable, for programs.
    #[schema(example = "urn:quietline:problem:invalid")]
    r#type: String,
    /// The same, for people.
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// What is wrong here, and what to do.
    detail: String,
    /// Field by field, where fields are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// The carrier's own code.
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier_code: Option<u32>,
    #[serde(skip)]
    header: Option<Box<(HeaderName, String)>>,
}

/// A field that is wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct FieldError {
    /// Where it stands.
    #[schema(example = "farewell.voice.provider")]
    field: String,
    /// What was expected.
    message: String,
}

impl FieldError {
    pub(super) fn of(problem: FieldProblem) -> Self {
        Self { field: problem.path, message: problem.message }
    }
}

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            r#type: format!("urn:quietline:problem:{kind}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            carrier_code: None,
            header: None,
        }
    }

    fn with_fields(self, fields: Vec<FieldProblem>) -> Self {
        Self { errors: fields.into_iter().map(FieldError::of).collect(), ..self }
    }

    fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.header = Some(Box::new((name, value.into())));
        self
    }

    /// The request cannot be read at all.
    pub(super) fn unreadable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unreadable", "The request cannot be read", detail)
    }

    /// Fields of it are wrong.
    pub(super) fn invalid(fields: Vec<FieldProblem>) -> Self {
        DeskError::Invalid(fields).into()
    }

    /// One field is wrong.
    pub(super) fn field(path: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldProblem { path: path.to_owned(), message: message.into() }])
    }

    /// No body of the right kind.
    pub(super) fn media_type() -> Self {
        let detail = "Send JSON, with `Content-Type: application/json`.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "Not JSON", detail)
    }

    /// Nobody we know.
    pub(super) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Who are you?", detail)
            .with_header(header::WWW_AUTHENTICATE, "Bearer realm=\"quietline\"")
    }

    /// They may not.
    pub(super) fn forbidden(scope: Scope) -> Self {
        let detail = format!("This needs the scope {scope}, which the token does not have: `quietline token create`.");
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail)
    }

    /// A browser's request that another site may have made.
    pub(super) fn forged() -> Self {
        let detail = "A change by session needs the header X-CSRF-Token, with what POST /api/v1/session gave.";
        Self::new(StatusCode::FORBIDDEN, "csrf", "Not from the console", detail)
    }

    /// Something is under way, or nobody knows what became of it.
    pub(super) fn unsettled(since: &str) -> Self {
        let detail = format!(
            "A request with this idempotency key was begun at {since}, and is under way or was broken off: nobody knows \
             what became of it. Look whether it was done before you ask again with a new key."
        );
        Self::new(StatusCode::CONFLICT, "unsettled", "Begun before", detail)
    }

    /// No such route.
    pub(super) fn nothing_here() -> Self {
        let detail = "There is nothing at this address: see /api/v1/openapi.json.";
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// The route has no such method.
    pub(super) fn method(method: &Method) -> Self {
        let detail = format!("{method} cannot be used here: see /api/v1/openapi.json.");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", "Not this method", detail)
    }

    /// HTTP status.
    pub(super) const fn status(&self) -> u16 {
        self.status
    }

    /// As JSON text.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        let detail = error.to_string();
        match error {
            DeskError::Invalid(fields) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "It cannot be used", detail).with_fields(fields)
            }
            DeskError::NotPublishable(fields) => {
                let title = "It cannot be published yet";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "not-publishable", title, detail).with_fields(fields)
            }
            DeskError::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail),
            DeskError::Conflict(_) => Self::new(StatusCode::CONFLICT, "conflict", "Not as things stand", detail),
            DeskError::ReadOnly(_) => Self::new(StatusCode::CONFLICT, "read-only", "It cannot be changed here", detail),
            DeskError::NotConfigured(_) => {
                Self::new(StatusCode::CONFLICT, "not-configured", "Something must be set up first", detail)
            }
            DeskError::Stale { current } => {
                Self::new(StatusCode::PRECONDITION_FAILED, "stale", "Changed meanwhile", detail)
                    .with_header(header::ETAG, format!("\"{current}\""))
            }
            DeskError::Limit { retry_s, .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "limit", "Not so often", detail)
                    .with_header(header::RETRY_AFTER, retry_s.to_string())
            }
            DeskError::Carrier { code, outcome_unknown, .. } => {
                let (kind, title) = if outcome_unknown {
                    ("outcome-unknown", "Nobody knows what became of it")
                } else {
                    ("carrier", "The carrier refused, or did not answer")
                };
                Self { carrier_code: code, ..Self::new(StatusCode::BAD_GATEWAY, kind, title, detail) }
            }
            DeskError::Unavailable(_) => {
                tracing::error!(detail, "a request to the API could not be answered");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not now", detail)
            }
            DeskError::Fault(_) => {
                tracing::error!(detail, "a request to the API could not be answered");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", "A fault of ours", detail)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let header = self.header.take();
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (status, kind, self.json()).into_response();
        if let Some((name, value)) = header.map(|header| *header)
            && let Ok(value) = value.parse()
        {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
