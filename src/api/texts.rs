//! Conversations in texts.

use axum::{Json, extract::State, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::Asker,
    once::once,
    problem::Problem,
    request::{Body, List, Page, Path, Query, time},
};
use crate::{
    desk::{Desk, Scope},
    store::{self, TextDirection},
    text,
};

pub(super) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read)).routes(routes!(send))
}

/// A text message.
#[derive(Serialize, ToSchema)]
struct Text {
    /// Its id.
    id: String,
    /// The carrier's id of it, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier_id: Option<String>,
    /// `inbound` or `outbound`.
    direction: &'static str,
    /// What it says.
    body: String,
    /// `received`, `held` (quiet hours), `answered`, `ignored`; of ours `queued`, `sent`, `delivered`, `failed`, ….
    status: String,
    /// The carrier's code of what went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<u32>,
    /// The message that this one answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    answers: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    at: String,
}

impl Text {
    fn of(text: store::Text) -> Self {
        Self {
            id: text.id,
            carrier_id: text.carrier_id,
            direction: match text.direction {
                TextDirection::Inbound => "inbound",
                TextDirection::Outbound => "outbound",
            },
            body: text.body,
            status: text.status,
            error: text.error,
            answers: text.answers,
            at: time(text.at_ms),
        }
    }
}

/// Two numbers that wrote to each other.
#[derive(Serialize, ToSchema)]
struct Conversation {
    /// Our number.
    number: String,
    /// Theirs.
    person: String,
    /// How many messages.
    messages: u64,
    /// They want no texts from this number.
    opted_out: bool,
    /// The latest message.
    latest: Text,
}

impl Conversation {
    fn of(one: store::Conversation) -> Self {
        Self {
            number: one.ours,
            person: one.theirs,
            messages: one.messages,
            opted_out: one.opted_out,
            latest: Text::of(one.latest),
        }
    }
}

/// A text to be sent.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewText {
    /// Our number, E.164.
    from: String,
    /// To whom, E.164.
    to: String,
    /// What it says: 1 to 1,600 characters.
    body: String,
}

/// A text that the carrier has taken.
#[derive(Serialize, ToSchema)]
struct SentText {
    /// Its id.
    id: String,
    /// The carrier's id of it.
    carrier_id: String,
    /// `queued`, `sent`, ….
    status: String,
}

impl SentText {
    fn of(text::Sent { id, carrier_id, status }: text::Sent) -> Self {
        Self { id, carrier_id, status }
    }
}

/// Which conversations.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// With this number of ours.
    number: Option<String>,
}

/// Conversations, the one with the latest message first.
#[utoipa::path(get, path = "/texts", tag = "texts", params(Filter, Page), security(("token" = ["texts:read"])), responses(
    (status = OK, description = "A page.", body = List<Conversation>),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(desk): State<Desk>,
    asker: Asker,
    Query(filter): Query<Filter>,
    Query(page): Query<Page>,
) -> Result<Json<List<Conversation>>, Problem> {
    asker.may(Scope::TextsRead)?;
    let found = desk.conversations(filter.number.as_deref(), &page.of_store()?).await?;
    Ok(Json(List::of(found, Conversation::of)))
}

/// The latest 200 messages between two numbers, the oldest first.
#[utoipa::path(get, path = "/texts/{number}/{person}", tag = "texts", params(
    ("number" = String, Path, description = "Our number, E.164."),
    ("person" = String, Path, description = "Theirs."),
), security(("token" = ["texts:read"])), responses(
    (status = OK, description = "The messages.", body = List<Text>),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn read(
    State(desk): State<Desk>,
    asker: Asker,
    Path((number, person)): Path<(String, String)>,
) -> Result<Json<List<Text>>, Problem> {
    asker.may(Scope::TextsRead)?;
    let texts = desk.conversation(&number, &person).await?;
    Ok(Json(List::whole(texts.into_iter().map(Text::of).collect())))
}

/// Send a text, which costs money.
#[utoipa::path(post, path = "/texts", tag = "texts", params(
    ("Idempotency-Key" = String, Header, description = "Of your own, new for each text: with the same one it is sent once.", min_length = 1, max_length = 200),
), request_body = NewText, security(("token" = ["texts:write"])), responses(
    (status = CREATED, description = "The carrier has taken it.", body = SentText),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn send(
    State(desk): State<Desk>,
    asker: Asker,
    headers: HeaderMap,
    Body(text): Body<NewText>,
) -> Result<Response, Problem> {
    let actor = asker.may(Scope::TextsWrite)?;
    let work = async { desk.send_text(&actor, &text.from, &text.to, &text.body).await.map(SentText::of) };
    once(&desk, &actor, &headers, "texts.send", &text, work).await
}
