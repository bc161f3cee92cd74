//! The server itself: the carrier's account.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::Asker,
    problem::Problem,
    request::{Body, Query},
};
use crate::desk::{self, CarrierState, Credentials, Desk, Health, Scope};

pub(super) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(state, enable)).routes(routes!(doctor))
}

/// The carrier's account.
#[derive(Serialize, ToSchema)]
struct Twilio {
    /// There is an account: numbers can be assigned, calls come in.
    enabled: bool,
    /// Its SID.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_sid: Option<String>,
    /// It stands in the server's file, and can only be changed there.
    read_only: bool,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_step: Option<&'static str>,
}

/// An account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// `AC…`: console.twilio.com, Account Info.
    #[schema(min_length = 34, max_length = 34)]
    account_sid: String,
    /// From the same place. Kept in the store, and never shown again.
    #[schema(min_length = 1, max_length = 200)]
    auth_token: String,
    /// Where REST is, if not at the usual place: another region, or a stand-in.
    #[serde(default)]
    base_url: Option<String>,
}

/// An account that was entered.
#[derive(Serialize, ToSchema)]
struct Enabled {
    /// Its SID.
    account_sid: String,
    /// What its owner calls it.
    name: String,
    /// `Trial` or `Full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<String>,
}

/// Is there an account of the carrier's?
#[utoipa::path(get, path = "/twilio", tag = "server", security(("token" = ["settings"])), responses(
    (status = OK, description = "Whether there is one.", body = Twilio),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn state(State(desk): State<Desk>, asker: Asker) -> Result<Json<Twilio>, Problem> {
    asker.may(Scope::Settings)?;
    let (account, read_only) = match desk.carrier_state() {
        CarrierState::Missing => (None, false),
        CarrierState::OfFile(account) => (Some(account), true),
        CarrierState::Entered(account) => (Some(account), false),
    };
    let next = "Enter account SID and auth token (console.twilio.com, Account Info) with PUT /api/v1/twilio.";
    Ok(Json(Twilio {
        enabled: account.is_some(),
        next_step: account.is_none().then_some(next),
        account_sid: account.map(|account| account.to_string()),
        read_only,
    }))
}

/// Enter an account: the carrier is asked about it before it is kept.
#[utoipa::path(put, path = "/twilio", tag = "server", request_body = Entry, security(("token" = ["settings"])), responses(
    (status = OK, description = "Calls can come in.", body = Enabled),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn enable(State(desk): State<Desk>, asker: Asker, Body(entry): Body<Entry>) -> Result<Json<Enabled>, Problem> {
    let actor = asker.may(Scope::Settings)?;
    let entered =
        Credentials { account_sid: entry.account_sid, auth_token: entry.auth_token.into(), base_url: entry.base_url };
    let account = desk.enable_carrier(&actor, &entered).await?;
    let name = account.friendly_name.unwrap_or_default();
    Ok(Json(Enabled { account_sid: account.sid, name, r#type: account.r#type }))
}

/// What is looked at.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Patient {
    /// Of the numbers only this one, E.164.
    number: Option<String>,
}

/// How callers are answered.
#[derive(Serialize, ToSchema)]
struct Diagnosis {
    /// Nothing is a problem.
    healthy: bool,
    /// What was looked at.
    findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Serialize, ToSchema)]
struct Finding {
    /// What.
    about: String,
    /// `ok`, `note` or `problem`.
    health: &'static str,
    /// What was found, in words.
    found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_do: Option<String>,
}

/// Look at everything that may keep callers from being answered. Asked from here: Twilio itself is not made to call.
#[utoipa::path(get, path = "/doctor", tag = "server", params(Patient), security(("token" = ["settings"])), responses(
    (status = OK, description = "What was found.", body = Diagnosis),
    (status = "default", description = "Refused.", body = Problem, content_type = "application/problem+json"),
))]
async fn doctor(
    State(desk): State<Desk>,
    asker: Asker,
    Query(patient): Query<Patient>,
) -> Result<Json<Diagnosis>, Problem> {
    asker.may(Scope::Settings)?;
    let findings = desk.doctor(patient.number.as_deref()).await;
    let told = |finding: desk::Finding| Finding {
        about: finding.about,
        health: finding.health.name(),
        found: finding.found,
        to_do: Some(finding.to_do).filter(|to_do| !to_do.is_empty()),
    };
    let healthy = findings.iter().all(|finding| finding.health != Health::Problem);
    Ok(Json(Diagnosis { healthy, findings: findings.into_iter().map(told).collect() }))
}
