//! Who may use this, and who did what.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::Asker,
    problem::Problem,
    request::{Body, List, Page, Path, Query, maybe_time, time},
};
use crate::{
    desk::{Desk, Scope},
    store,
};

pub(super) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke)).routes(routes!(audit))
}

/// A token, without its secret.
#[derive(Serialize, ToSchema)]
struct Token {
    /// `tk_…`.
    id: String,
    /// For people.
    name: String,
    /// What it may.
    scopes: Vec<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// Until when it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    used_at: Option<String>,
    /// Since when it is no longer good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
}

impl Token {
    fn of(token: store::Token) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            scopes: token.scopes,
            created_at: time(token.created_ms),
            expires_at: maybe_time(token.expires_ms),
            used_at: maybe_time(token.used_ms),
            revoked_at: maybe_time(token.revoked_ms),
        }
    }
}

/// What a token is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// For people; unique among those that are good.
    #[schema(min_length = 1, max_length = 64, example = "ci")]
    name: String,
    /// What it may; `*` is all that the asker may.
    #[schema(min_items = 1, example = json!(["assistants:read"]))]
    scopes: Vec<String>,
    /// For how long it is good; left out: until it is revoked.
    #[serde(default)]
    #[schema(minimum = 60)]
    lifetime_s: Option<u64>,
}

/// A token with its secret: the only time that it can be seen.
#[derive(Serialize, ToSchema)]
struct Made {
    /// What is shown to the API.
    secret: String,
    /// The rest.
    token: Token,
}

/// Somebody did something.
#[derive(Serialize, ToSchema)]
struct Entry {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who.
    actor: String,
    /// What.
    #[schema(example = "assistant.publish")]
    action: String,
    /// To what.
    object: String,
    /// More.
    #[schema(value_type = Object)]
    detail: Value,
}

/// All tokens, the newest first.
#[utoipa::path(get, path = "/tokens", tag = "tokens", security(("token" = ["tokens"])), responses(
    (status = OK, description = "All of them.", body = List<Token>),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn list(State(desk): State<Desk>, asker: Asker) -> Result<Json<List<Token>>, Problem> {
    asker.may(Scope::Tokens)?;
    Ok(Json(List::whole(desk.tokens().await?.into_iter().map(Token::of).collect())))
}

/// Make a token.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = NewToken, security(("token" = ["tokens"])), responses(
    (status = CREATED, description = "It is good from now on.", body = Made),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn create(
    State(desk): State<Desk>,
    asker: Asker,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<Made>), Problem> {
    let actor = asker.may(Scope::Tokens)?;
    if new.lifetime_s.is_some_and(|s| s < 60) {
        return Err(Problem::field("lifetime_s", "expected 60 or more, or none"));
    }
    // All that there is would be more than the asker may give.
    let scopes = match new.scopes.as_slice() {
        [all] if all == "*" => actor.scopes.iter().map(|scope| scope.name().to_owned()).collect(),
        _ => new.scopes,
    };
    let made = desk.create_token(&actor, &new.name, &scopes, new.lifetime_s).await?;
    Ok((StatusCode::CREATED, Json(Made { secret: made.secret, token: Token::of(made.token) })))
}

/// Have a token no longer be good.
#[utoipa::path(delete, path = "/tokens/{token}", tag = "tokens", params(("token" = String, Path, description = "Id or name.")), security(("token" = ["tokens"])), responses(
    (status = NO_CONTENT, description = "It is no longer good."),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn revoke(State(desk): State<Desk>, asker: Asker, Path(token): Path<String>) -> Result<StatusCode, Problem> {
    let actor = asker.may(Scope::Tokens)?;
    desk.revoke_token(&actor, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who did what, the newest first.
#[utoipa::path(get, path = "/audit", tag = "tokens", params(Page), security(("token" = ["tokens"])), responses(
    (status = OK, description = "A page.", body = List<Entry>),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn audit(State(desk): State<Desk>, asker: Asker, Query(page): Query<Page>) -> Result<Json<List<Entry>>, Problem> {
    asker.may(Scope::Tokens)?;
    let entry = |entry: store::Audit| Entry {
        at: time(entry.at_ms),
        actor: entry.actor,
        action: entry.action,
        object: entry.object,
        detail: entry.detail,
    };
    Ok(Json(List::of(desk.audits(&page.of_store()?).await?, entry)))
}
