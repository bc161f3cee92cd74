//! Who asks: a bearer token; or a browser's session, which is a token in a cookie that no script can read, and with it a word
//! that no other site knows.

use axum::{
    Json,
    extract::FromRequestParts,
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use base64_simd::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{problem::Problem, request::Body};
use crate::desk::{Actor, Desk, Scope};

/// The session's cookie. Only sent to the API, only by our own pages.
const COOKIE: &str = "quietline_session";
/// What a change by session must show besides.
const CSRF: &str = "x-csrf-token";

/// Who asks.
pub(super) struct Asker(pub(super) Actor);

impl Asker {
    /// They may do this.
    pub(super) fn may(self, scope: Scope) -> Result<Actor, Problem> {
        if self.0.may(scope) { Ok(self.0) } else { Err(Problem::forbidden(scope)) }
    }
}

impl FromRequestParts<Desk> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Problem> {
        let secret = match bearer(&parts.headers) {
            Some(secret) => secret,
            None => by_session(&parts.method, &parts.headers)?,
        };
        let unknown = "The token is unknown, revoked or expired: make one with `quietline token create`.";
        desk.actor(secret).await?.map(Self).ok_or_else(|| Problem::unauthorized(unknown))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn by_session<'a>(method: &Method, headers: &'a HeaderMap) -> Result<&'a str, Problem> {
    let missing = "Show a token: `Authorization: Bearer ql_…`.";
    let secret = cookie(headers).ok_or_else(|| Problem::unauthorized(missing))?;
    let given = headers.get(CSRF).map_or(&b""[..], |value| value.as_bytes());
    if !method.is_safe() && !bool::from(csrf(secret).as_bytes().ct_eq(given)) {
        return Err(Problem::forged());
    }
    Ok(secret)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Known to whoever knows the token, and to the pages that we gave it to.
fn csrf(secret: &str) -> String {
    // Any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(b"quietline csrf 1");
    BASE64.encode_to_string(mac.finalize().into_bytes())
}

pub(super) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(open, who, close))
}

/// A token for a session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Opening {
    /// The token.
    #[schema(max_length = 200)]
    token: String,
}

/// Who is asking.
#[derive(Serialize, ToSchema)]
struct Session {
    /// The token's name.
    name: String,
    /// What it may.
    scopes: Vec<String>,
    /// For `X-CSRF-Token`, with a session only.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf: Option<String>,
}

impl Session {
    fn of(actor: &Actor, csrf: Option<String>) -> Self {
        let scopes = actor.scopes.iter().map(|scope| scope.name().to_owned()).collect();
        Self { name: actor.name.clone(), scopes, csrf }
    }
}

/// Keep a token in a cookie of the browser.
#[utoipa::path(post, path = "/session", tag = "session", request_body = Opening, responses(
    (status = OK, description = "The session is open.", body = Session),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn open(
    axum::extract::State(desk): axum::extract::State<Desk>,
    headers: HeaderMap,
    Body(opening): Body<Opening>,
) -> Result<Response, Problem> {
    let unknown = "The token is unknown, revoked or expired.";
    let actor = desk.actor(&opening.token).await?.ok_or_else(|| Problem::unauthorized(unknown))?;
    let answer = Json(Session::of(&actor, Some(csrf(&opening.token))));
    // A browser takes a secure cookie from its own machine too; others come through TLS.
    let secure = if of_this_machine(&headers) { "" } else { "; Secure" };
    let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict{secure}", opening.token);
    Ok(([(header::SET_COOKIE, cookie)], answer).into_response())
}

fn of_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|local| host.strip_prefix(local).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
}

/// Who am I?
#[utoipa::path(get, path = "/session", tag = "session", security(("token" = [])), responses(
    (status = OK, description = "Whose token this is.", body = Session),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn who(headers: HeaderMap, asker: Asker) -> Json<Session> {
    let csrf = cookie(&headers).filter(|_| bearer(&headers).is_none()).map(csrf);
    Json(Session::of(&asker.0, csrf))
}

/// Forget the session.
#[utoipa::path(delete, path = "/session", tag = "session", responses(
    (status = NO_CONTENT, description = "The cookie is gone."),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn close() -> Response {
    let gone = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_change_by_session_needs_the_word() {
        let with = |word: &str| {
            headers(&[
                (header::COOKIE, "a=b; quietline_session=ql_abc; c=d"),
                (header::HeaderName::from_static(CSRF), word),
            ])
        };
        assert_eq!(by_session(&Method::GET, &with("x")).ok(), Some("ql_abc"));
        assert_eq!(by_session(&Method::POST, &with("x")).unwrap_err().status(), 403);
        assert_eq!(by_session(&Method::POST, &with(&csrf("ql_abc"))).ok(), Some("ql_abc"));
        assert_eq!(by_session(&Method::POST, &headers(&[])).unwrap_err().status(), 401);
    }

    #[test]
    fn a_bearer_is_a_bearer_in_any_case() {
        assert_eq!(bearer(&headers(&[(header::AUTHORIZATION, "bearer ql_x")])), Some("ql_x"));
        assert_eq!(bearer(&headers(&[(header::AUTHORIZATION, "Basic abc")])), None);
    }
}
