//! Numbers: what each is used for, who answers them, numbers for sale.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::Asker,
    once::once,
    problem::Problem,
    request::{Body, List, Path, Query},
};
use crate::{
    carrier::twilio::account::{self, AvailableKind},
    desk::{self, Desk, NumberView, Scope, UsedFor},
};

pub(super) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(available))
        .routes(routes!(buy))
        .routes(routes!(assign, unassign))
        .routes(routes!(mend))
}

/// A number of the account.
#[derive(Serialize, ToSchema)]
struct Number {
    /// E.164.
    number: String,
    /// For people.
    name: String,
    /// It takes calls.
    voice: bool,
    /// It takes texts.
    sms: bool,
    /// What it is used for: `assistant`, `file` (an assistant of the server's file), `trunk`, `application`, `elsewhere`,
    /// `nothing`, or `gone` (assigned, and no longer in the account).
    used_for: &'static str,
    /// The assistant's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    assistant: Option<String>,
    /// The assistant's name, or where else it leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    leads_to: Option<String>,
    /// What somebody has changed at the carrier since it was assigned: `POST …/mend` puts it right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    drift: Vec<Drift>,
}

/// A setting that is not what it was set to.
#[derive(Serialize, ToSchema)]
struct Drift {
    /// Which.
    field: &'static str,
    /// What it was set to.
    ours: String,
    /// What it is now.
    theirs: String,
}

impl Number {
    fn of(view: NumberView) -> Self {
        let (used_for, assistant, leads_to) = match view.used_for {
            UsedFor::Assistant { id, name } => ("assistant", Some(id.to_string()), Some(name)),
            UsedFor::File { name } => ("file", None, Some(name)),
            UsedFor::Trunk(sid) => ("trunk", None, Some(sid)),
            UsedFor::Application(sid) => ("application", None, Some(sid)),
            UsedFor::Elsewhere(url) => ("elsewhere", None, Some(url)),
            UsedFor::Nothing => ("nothing", None, None),
            UsedFor::Gone { assistant } => ("gone", Some(assistant.to_string()), None),
        };
        let drift = view.drift.into_iter().map(|(field, ours, theirs)| Drift { field, ours, theirs });
        Self {
            number: view.e164,
            name: view.name,
            voice: view.capabilities.voice,
            sms: view.capabilities.sms,
            used_for,
            assistant,
            leads_to,
            drift: drift.collect(),
        }
    }
}

/// Who is to answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Assignment {
    /// Id or name.
    assistant: String,
}

/// What assigning came to.
#[derive(Serialize, ToSchema)]
struct Assigned {
    /// The number now.
    number: Number,
    /// What works, but perhaps not as it was meant.
    warnings: Vec<String>,
}

/// What number is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Search {
    /// Two letters, ISO 3166.
    #[param(min_length = 2, max_length = 2, example = "US")]
    country: String,
    /// `Local`, `TollFree` or `Mobile`; left out: `Local`.
    kind: Option<String>,
    /// Three digits, United States and Canada only.
    area_code: Option<String>,
    /// Digits, letters and `*` that it holds.
    contains: Option<String>,
    /// State or province, two letters.
    region: Option<String>,
    /// It must take texts too.
    sms: Option<bool>,
}

/// A number for sale.
#[derive(Serialize, ToSchema)]
struct Available {
    /// E.164.
    number: String,
    /// For people.
    name: String,
    /// Its place.
    locality: String,
    /// Its state or province.
    region: String,
    /// It takes calls.
    voice: bool,
    /// It takes texts.
    sms: bool,
}

/// Which number is bought.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Purchase {
    /// E.164, as it was found.
    #[schema(example = "+15551234567")]
    number: String,
    /// `true`: it costs money, and that is meant.
    i_will_pay: bool,
}

/// All numbers of the account, with what each is used for.
#[utoipa::path(get, path = "/numbers", tag = "numbers", security(("token" = ["numbers:read"])), responses(
    (status = OK, description = "All of them.", body = List<Number>),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn list(State(desk): State<Desk>, asker: Asker) -> Result<Json<List<Number>>, Problem> {
    asker.may(Scope::NumbersRead)?;
    Ok(Json(List::whole(desk.numbers().await?.into_iter().map(Number::of).collect())))
}

/// Numbers for sale.
#[utoipa::path(get, path = "/numbers/available", tag = "numbers", params(Search), security(("token" = ["numbers:read"])), responses(
    (status = OK, description = "Some of them.", body = List<Available>),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn available(
    State(desk): State<Desk>,
    asker: Asker,
    Query(search): Query<Search>,
) -> Result<Json<List<Available>>, Problem> {
    asker.may(Scope::NumbersRead)?;
    let kind = match search.kind.as_deref() {
        None => AvailableKind::Local,
        Some(name) => AvailableKind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| Problem::field("kind", "expected Local, TollFree or Mobile"))?,
    };
    let search = account::Search {
        country: search.country,
        kind,
        area_code: search.area_code,
        contains: search.contains,
        region: search.region,
        voice: true,
        sms: search.sms.unwrap_or(false),
    };
    let view = |one: account::Available| Available {
        number: one.phone_number,
        name: one.friendly_name,
        locality: one.locality,
        region: one.region,
        voice: one.capabilities.voice,
        sms: one.capabilities.sms,
    };
    Ok(Json(List::whole(desk.search_numbers(&search).await?.into_iter().map(view).collect())))
}

/// Buy a number: costs money.
#[utoipa::path(post, path = "/numbers", tag = "numbers", request_body = Purchase,
    params(("idempotency-key" = String, Header, description = "Yours, new for each purchase: the same again does nothing.")),
    security(("token" = ["numbers:buy"])), responses(
    (status = CREATED, description = "It is yours.", body = Number),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn buy(
    State(desk): State<Desk>,
    asker: Asker,
    headers: HeaderMap,
    Body(purchase): Body<Purchase>,
) -> Result<Response, Problem> {
    let actor = asker.may(Scope::NumbersBuy)?;
    if !purchase.i_will_pay {
        return Err(Problem::field("i_will_pay", "a number costs money every month: say true if that is meant"));
    }
    let work = async { desk.buy_number(&actor, &purchase.number).await.map(Number::of) };
    once(&desk, &actor, &headers, "numbers.buy", &purchase, work).await
}

/// Have an assistant answer a number: the carrier is told, and what it was told before is kept.
#[utoipa::path(put, path = "/numbers/{number}/assignment", tag = "numbers", request_body = Assignment,
    params(("number" = String, Path, description = "E.164, such as +15551234567.")), security(("token" = ["numbers:write"])), responses(
    (status = OK, description = "It answers.", body = Assigned),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn assign(
    State(desk): State<Desk>,
    asker: Asker,
    Path(number): Path<String>,
    Body(assignment): Body<Assignment>,
) -> Result<Json<Assigned>, Problem> {
    let actor = asker.may(Scope::NumbersWrite)?;
    let desk::Assigned { number, warnings } = desk.assign_number(&actor, &number, &assignment.assistant).await?;
    Ok(Json(Assigned { number: Number::of(number), warnings }))
}

/// Have nobody answer a number: the carrier is told what it was told before.
#[utoipa::path(delete, path = "/numbers/{number}/assignment", tag = "numbers",
    params(("number" = String, Path, description = "E.164, such as +15551234567.")), security(("token" = ["numbers:write"])), responses(
    (status = NO_CONTENT, description = "It is as it was before."),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn unassign(State(desk): State<Desk>, asker: Asker, Path(number): Path<String>) -> Result<StatusCode, Problem> {
    let actor = asker.may(Scope::NumbersWrite)?;
    desk.unassign_number(&actor, &number).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell the carrier again what an assigned number is for, after somebody has changed that.
#[utoipa::path(post, path = "/numbers/{number}/mend", tag = "numbers",
    params(("number" = String, Path, description = "E.164, such as +15551234567.")), security(("token" = ["numbers:write"])), responses(
    (status = OK, description = "It is as it should be.", body = Number),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn mend(State(desk): State<Desk>, asker: Asker, Path(number): Path<String>) -> Result<Json<Number>, Problem> {
    let actor = asker.may(Scope::NumbersWrite)?;
    Ok(Json(Number::of(desk.mend_number(&actor, &number).await?)))
}
