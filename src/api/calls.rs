//! Calls that are over, and those under way.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::Asker,
    once::once,
    problem::Problem,
    request::{Body, List, Page, Path, Query, time},
};
use crate::{
    desk::{self, Desk, Scope},
    store::{self, Direction},
};

pub(super) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new()
        .routes(routes!(list, place))
        .routes(routes!(live))
        .routes(routes!(usage))
        .routes(routes!(read))
        .routes(routes!(end))
}

/// A call that is over.
#[derive(Serialize, ToSchema)]
struct Call {
    /// The carrier's id of it.
    id: String,
    /// The assistant's id.
    assistant: String,
    /// Its name then.
    assistant_name: String,
    /// The version that the call kept to.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    /// `inbound` or `outbound`.
    direction: &'static str,
    /// Their number; may be no number (withheld).
    caller: String,
    /// Ours.
    number: String,
    /// When it began.
    #[schema(format = DateTime)]
    began_at: String,
    /// How long its line was open.
    duration_s: f64,
    /// How long the caller had been silent when it ended.
    silence_s: f64,
    /// Why it ended.
    reason: String,
    /// Who closed the line: `caller`, `us`, `carrier`.
    ended_by: String,
    /// The caller rang again within two minutes after an ending by silence.
    rang_back: bool,
    /// Ledger, transcript, latencies, usage, drops; not in lists.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Object)]
    detail: Value,
}

impl Call {
    fn of(call: store::Call) -> Self {
        Self {
            id: call.id,
            assistant: call.assistant.to_string(),
            assistant_name: call.assistant_name,
            version: call.version,
            direction: match call.direction {
                Direction::Inbound => "inbound",
                Direction::Outbound => "outbound",
            },
            caller: call.caller,
            number: call.number,
            began_at: time(call.began_ms),
            duration_s: call.duration_ms as f64 / 1e3,
            silence_s: call.silence_ms as f64 / 1e3,
            reason: call.reason,
            ended_by: call.ended_by,
            rang_back: call.rang_back,
            detail: call.detail,
        }
    }
}

/// A call under way at this server.
#[derive(Serialize, ToSchema)]
struct LiveCall {
    /// The carrier's id of it.
    id: String,
    /// Its line is being closed.
    closing: bool,
}

/// A call that is wanted.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCall {
    /// Who is called, E.164.
    #[schema(example = "+15551234567")]
    to: String,
    /// The assistant that calls, by id or name.
    assistant: String,
    /// Our number, E.164; left out: the first one that the assistant answers.
    #[serde(default)]
    from: Option<String>,
}

/// A call that the carrier places.
#[derive(Serialize, ToSchema)]
struct PlacedCall {
    /// The carrier's id of it.
    id: String,
    /// The assistant's id.
    assistant: String,
    /// Who is called.
    to: String,
    /// Our number.
    from: String,
}

impl PlacedCall {
    fn of(call: desk::CallPlaced) -> Self {
        Self { id: call.id, assistant: call.assistant.to_string(), to: call.to, from: call.from }
    }
}

/// What a number's calls came to.
#[derive(Serialize, ToSchema)]
struct NumberUse {
    /// Ours.
    number: String,
    /// Calls.
    calls: u64,
    /// Open lines, in all.
    duration_s: f64,
    /// Silence before the ends, in all.
    silence_s: f64,
    /// What that silence cost, by the price a minute that was asked with.
    #[serde(skip_serializing_if = "Option::is_none")]
    silence_cost: Option<f64>,
    /// Calls that ended by silence.
    silence_endings: u64,
    /// … and whose caller rang back within two minutes: perhaps ended too early.
    rang_back: u64,
}

/// Which calls.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Of this assistant, by id.
    assistant: Option<String>,
    /// With this number of ours.
    number: Option<String>,
    /// With this caller.
    caller: Option<String>,
    /// That ended so, such as `silence`.
    reason: Option<String>,
    /// That began then or later, RFC 3339.
    #[param(format = DateTime)]
    from: Option<String>,
    /// That began before.
    #[param(format = DateTime)]
    to: Option<String>,
    /// Whose caller rang back.
    rang_back: Option<bool>,
}

/// Which span, at what price.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Span {
    /// From then on, RFC 3339; left out: 30 days back.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Until then; left out: now.
    #[param(format = DateTime)]
    to: Option<String>,
    /// What a minute of an open line costs, in any currency.
    #[param(minimum = 0.0)]
    price_per_minute: Option<f64>,
}

fn point(field: &str, text: Option<&String>) -> Result<Option<i64>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map(|time| Some(time.as_millisecond())).map_err(|_| {
        Problem::field(field, format!("{text:?} is no time: expected RFC 3339, such as 2026-11-23T09:00:00Z"))
    })
}

/// Calls that are over, the newest first.
#[utoipa::path(get, path = "/calls", tag = "calls", params(Filter, Page), security(("token" = ["calls:read"])), responses(
    (status = OK, description = "A page.", body = List<Call>),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn list(
    State(desk): State<Desk>,
    asker: Asker,
    Query(filter): Query<Filter>,
    Query(page): Query<Page>,
) -> Result<Json<List<Call>>, Problem> {
    asker.may(Scope::CallsRead)?;
    let filter = store::CallFilter {
        from_ms: point("from", filter.from.as_ref())?,
        to_ms: point("to", filter.to.as_ref())?,
        assistant: filter.assistant.as_deref().map(store::Id::known),
        number: filter.number,
        caller: filter.caller,
        reason: filter.reason,
        rang_back: filter.rang_back,
    };
    Ok(Json(List::of(desk.calls(&filter, &page.of_store()?).await?, Call::of)))
}

/// Place a call: costs money. Whoever answers talks with the assistant; a machine is told what `outbound` in its definition
/// says.
#[utoipa::path(post, path = "/calls", tag = "calls", request_body = NewCall,
    params(("idempotency-key" = String, Header, description = "Yours, new for each call: the same again does nothing.")),
    security(("token" = ["calls:write"])), responses(
    (status = CREATED, description = "The carrier has taken it; it rings soon.", body = PlacedCall),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn place(
    State(desk): State<Desk>,
    asker: Asker,
    headers: HeaderMap,
    Body(call): Body<NewCall>,
) -> Result<Response, Problem> {
    let actor = asker.may(Scope::CallsWrite)?;
    let wanted = desk::Wanted { to: call.to.clone(), assistant: call.assistant.clone(), from: call.from.clone() };
    let work = async { desk.place_call(&actor, &wanted).await.map(PlacedCall::of) };
    once(&desk, &actor, &headers, "calls.place", &call, work).await
}

/// Calls under way at this server.
#[utoipa::path(get, path = "/calls/live", tag = "calls", security(("token" = ["calls:read"])), responses(
    (status = OK, description = "All of them.", body = List<LiveCall>),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn live(State(desk): State<Desk>, asker: Asker) -> Result<Json<List<LiveCall>>, Problem> {
    asker.may(Scope::CallsRead)?;
    let calls = desk.live_calls().into_iter();
    let calls = calls.map(|live| LiveCall { id: live.call.as_str().to_owned(), closing: live.closing });
    Ok(Json(List::whole(calls.collect())))
}

/// What silence cost, a number at a time.
#[utoipa::path(get, path = "/calls/usage", tag = "calls", params(Span), security(("token" = ["calls:read"])), responses(
    (status = OK, description = "All numbers that had calls.", body = List<NumberUse>),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn usage(
    State(desk): State<Desk>,
    asker: Asker,
    Query(span): Query<Span>,
) -> Result<Json<List<NumberUse>>, Problem> {
    asker.may(Scope::CallsRead)?;
    let (from, to) = (point("from", span.from.as_ref())?, point("to", span.to.as_ref())?);
    if span.price_per_minute.is_some_and(|price| !price.is_finite() || price < 0.0) {
        return Err(Problem::field("price_per_minute", "expected a price, 0 or more"));
    }
    let found = desk.number_use(from, to).await?;
    let view = |one: store::NumberUse| NumberUse {
        number: one.number,
        calls: one.calls,
        duration_s: one.duration_ms as f64 / 1e3,
        silence_s: one.silence_ms as f64 / 1e3,
        silence_cost: span.price_per_minute.map(|price| one.silence_ms as f64 / 60e3 * price),
        silence_endings: one.silence_endings,
        rang_back: one.rang_back,
    };
    Ok(Json(List::whole(found.into_iter().map(view).collect())))
}

/// One, with its ledger and what was said.
#[utoipa::path(get, path = "/calls/{call}", tag = "calls", params(("call" = String, Path, description = "The carrier's id of it.")), security(("token" = ["calls:read"])), responses(
    (status = OK, description = "The call.", body = Call),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn read(State(desk): State<Desk>, asker: Asker, Path(call): Path<String>) -> Result<Json<Call>, Problem> {
    asker.may(Scope::CallsRead)?;
    Ok(Json(Call::of(desk.call(&call).await?)))
}

/// End a call under way, with the operator's farewell.
#[utoipa::path(post, path = "/calls/{call}/end", tag = "calls", params(("call" = String, Path, description = "The carrier's id of it.")), security(("token" = ["calls:write"])), responses(
    (status = ACCEPTED, description = "Its farewell begins."),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn end(State(desk): State<Desk>, asker: Asker, Path(call): Path<String>) -> Result<StatusCode, Problem> {
    let actor = asker.may(Scope::CallsWrite)?;
    desk.end_call(&actor, &call).await?;
    Ok(StatusCode::ACCEPTED)
}
