//! The REST API, `/api/v1`: a way to the [desk](crate::desk), with tokens and scopes.
//!
//! | file | what |
//! |---|---|
//! | `auth.rs` | who asks: a bearer token, or the console's session |
//! | `problem.rs` | refusals, by RFC 9457 |
//! | `request.rs` | bodies, pages, conditions |
//! | `once.rs` | what costs money is done once: idempotency keys |
//! | `assistants.rs`, `numbers.rs`, `calls.rs`, `texts.rs`, `tokens.rs`, `server.rs` | the routes |
//!
//! The description (OpenAPI 3.1) stands beside each route, and is served at `/api/v1/openapi.json`.

// Where a route's parameters are described, the macro names their types by path.
#![allow(unused_qualifications)]

mod assistants;
mod auth;
mod calls;
mod numbers;
mod once;
mod problem;
mod request;
mod server;
mod texts;
mod tokens;

use axum::{Json, Router, http::Method, routing::get};
use utoipa::openapi::{
    ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Server,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::TagBuilder,
};
use utoipa_axum::router::OpenApiRouter;

use crate::desk::Desk;
use problem::Problem;

/// Where everything stands below.
pub const BASE: &str = "/api/v1";

/// All routes, ready to be served.
pub fn routes(desk: Desk) -> Router {
    let (router, description) = described().split_for_parts();
    let description = Json(description);
    let router = router
        .route(&format!("{BASE}/openapi.json"), get(move || std::future::ready(description.clone())))
        .method_not_allowed_fallback(async |method: Method| Problem::method(&method))
        .fallback(async || Problem::nothing_here());
    router.with_state(desk)
}

/// What the API can do, for whoever wants to read it without a server.
#[must_use]
pub fn description() -> OpenApi {
    described().into_openapi()
}

fn described() -> OpenApiRouter<Desk> {
    let routes = OpenApiRouter::new()
        .merge(assistants::routes())
        .merge(calls::routes())
        .merge(numbers::routes())
        .merge(server::routes())
        .merge(texts::routes())
        .merge(tokens::routes())
        .merge(auth::routes());
    OpenApiRouter::with_openapi(head()).nest(BASE, routes)
}

fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("quietline")
        .version("1")
        .description(Some(
            "Assistants on the telephone: write and publish them, assign numbers, look at calls and texts.\n\n\
             Show a token as `Authorization: Bearer ql_…` (`quietline token create`). Times are RFC 3339, UTC. Lists come in \
             pages: `after` takes the `next` of the page before. Refusals are problems by RFC 9457; `errors` names fields. A \
             change with `If-Match` is made only if nobody else was faster.",
        ))
        .contact(Some(ContactBuilder::new().name(Some("quietline")).build()))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
        .build();
    let tags = [
        ("assistants", "What answers: drafts, versions, publishing."),
        ("calls", "Calls that are over, and those under way."),
        ("numbers", "What each number of the account is used for, and who answers it."),
        ("texts", "Conversations in texts."),
        ("server", "The carrier's account."),
        ("tokens", "Who may use this, and who did what."),
        ("session", "For browsers: a token kept in a cookie."),
    ];
    let tags = tags.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build());
    let mut openapi = OpenApiBuilder::new().info(info).servers(Some([Server::new("/")])).tags(Some(tags)).build();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token: ql_…")).build();
    openapi.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(bearer));
    openapi
}
