//! The vendor's REST, as far as a call's own gateway needs it.

use std::{future, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use base64_simd::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    account,
    call::Call,
    check,
    config::RestFault,
    document::Link,
    events::{CallEvent, EndedBy},
    follow::{Control, Source},
    lab::Shared,
    outbound, resource, texts,
};
use crate::{lab::Rest, time::Timestamp};

/// Most characters of a document given along.
const MOST_INLINE: usize = 4000;

/// Serves until the lab goes down.
pub(super) async fn serve(listener: TcpListener, lab: Arc<Shared>) {
    let calls = get(handle).post(handle);
    let router = Router::new()
        .route("/2010-04-01/Accounts/{account}/Calls/{call}", calls)
        .merge(account::routes())
        .merge(outbound::routes())
        .merge(texts::routes())
        .fallback(async || Refusal::NOT_FOUND.response())
        .with_state(lab);
    // It ends with its task.
    let _ = axum::serve(listener, router).await;
}

/// A refusal in the vendor's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    code: u32,
    message: &'static str,
}

impl Refusal {
    pub(super) const NOT_FOUND: Self =
        Self { status: 404, code: 20404, message: "The requested resource was not found" };
    pub(super) const CREDENTIALS: Self = Self { status: 401, code: 20003, message: "Authenticate" };
    const OVER: Self = Self { status: 400, code: 21220, message: "Call is not in-progress. Cannot redirect." };
    pub(super) const FAULT: Self = Self { status: 500, code: 20500, message: "Internal server error" };
    pub(super) const NOT_AVAILABLE: Self = Self { status: 400, code: 21422, message: "PhoneNumber is not available" };
    pub(super) const NO_NUMBER: Self = Self { status: 400, code: 21211, message: "Invalid 'To' Phone Number" };
    pub(super) const NOT_OWNED: Self =
        Self { status: 400, code: 21212, message: "Invalid 'From' Number: it is not one of the account's" };
    pub(super) const FORM: Self = Self { status: 400, code: 20001, message: "Invalid parameter" };
    pub(super) const OPTED_OUT: Self =
        Self { status: 400, code: 21610, message: "Attempt to send to unsubscribed recipient" };
    pub(super) const NOT_OURS: Self =
        Self { status: 400, code: 21660, message: "Mismatch between the 'From' number and the account" };
    const INLINE: Self = Self { status: 400, code: 32018, message: "Twiml is longer than 4000 characters" };

    pub(super) fn response(self) -> Response {
        let Self { status, code, message } = self;
        let more = format!("https://www.twilio.com/docs/errors/{code}");
        let body = json!({"code": code, "message": message, "more_info": more, "status": status});
        let mut response = answer(status, &body);
        if status == 401 {
            let realm = header::HeaderValue::from_static("Basic realm=\"Twilio API\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
        }
        response
    }
}

pub(super) fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, body.to_string()).into_response()
}

async fn handle(
    State(lab): State<Arc<Shared>>,
    Path((account, file)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let config = &lab.config;
    if !credentials(&lab, &headers) {
        return Refusal::CREDENTIALS.response();
    }
    let call = file.strip_suffix(".json").and_then(|sid| lab.call(sid));
    let Some(call) = call.filter(|_| account == config.account_sid.as_str()) else {
        return Refusal::NOT_FOUND.response();
    };
    let request = Asked::of(&method, &headers, &body);
    let what = request.to_string();
    let (status, response) = match fault(&lab, &call).await {
        Some(RestFault::Silent) => (None, future::pending().await),
        Some(RestFault::Status(status)) => (Some(status), refusal_of(status)),
        Some(RestFault::Slow(_)) | None => carried_out(&call, request),
    };
    call.log(CallEvent::Rest { what, status });
    response
}

/// Whoever asks may.
pub(super) fn credentials(lab: &Shared, headers: &HeaderMap) -> bool {
    let config = &lab.config;
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let opens = |user: &str, password: &str| {
        given.strip_prefix("Basic ") == Some(&STANDARD.encode_to_string(format!("{user}:{password}")))
    };
    config.api_keys.iter().any(|(key, secret)| opens(key, secret))
        || opens(config.account_sid.as_str(), &config.auth_token)
}

/// What is wrong now; what is merely slow has taken its time.
async fn fault(lab: &Shared, call: &Call) -> Option<RestFault> {
    let now = lab.clock.now();
    let (own, line) = {
        let line = call.line();
        (line.rest_fault, line.carrier.trouble().rest)
    };
    let fault = lab.rest_fault().or(own);
    let (delay, fault) = of_the_line(line, fault, now);
    if fault == Some(RestFault::Silent) {
        call.log(CallEvent::Rest { what: "a request".to_owned(), status: None });
    }
    tokio::time::sleep(delay).await;
    fault
}

fn of_the_line(line: Rest, fault: Option<RestFault>, now: Timestamp) -> (Duration, Option<RestFault>) {
    match (fault, line) {
        (Some(RestFault::Slow(time)), _) => (time, None),
        (Some(fault), _) => (Duration::ZERO, Some(fault)),
        (None, Rest::Works(after)) => (after, None),
        (None, Rest::FailsUntil(after, until)) => (after, (now < until).then_some(RestFault::Status(500))),
        (None, Rest::Silent) => (Duration::ZERO, Some(RestFault::Silent)),
    }
}

pub(super) fn refusal_of(status: u16) -> Response {
    let code = if status == 429 { 20429 } else { 20500 };
    Refusal { status, code, message: "as the lab was told" }.response()
}

/// A request that was understood, or not.
enum Asked {
    Fetch,
    Complete {
        canceled: bool,
    },
    Document(Source),
    /// Other fields of the form: taken, without effect.
    Other(String),
    Wrong(Refusal, String),
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fetch => f.write_str("GET the call"),
            Self::Complete { canceled: false } => f.write_str("Status=completed"),
            Self::Complete { canceled: true } => f.write_str("Status=canceled"),
            Self::Document(Source::Twiml(_)) => f.write_str("Twiml=…"),
            Self::Document(Source::Url(link)) => write!(f, "Url={}", link.url),
            Self::Other(fields) => write!(f, "{fields}=…"),
            Self::Wrong(_, why) => f.write_str(why),
        }
    }
}

impl Asked {
    fn of(method: &Method, headers: &HeaderMap, body: &[u8]) -> Self {
        if *method == Method::GET {
            return Self::Fetch;
        }
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Self::Wrong(Refusal::FORM, format!("a body of type {kind:?}, expected a form"));
        }
        let fields: serde_json::Map<String, Value> = form_urlencoded::parse(body)
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect();
        let form = Value::Object(fields);
        if form["Twiml"].as_str().is_some_and(|text| text.chars().count() > MOST_INLINE) {
            return Self::Wrong(Refusal::INLINE, "a document longer than 4000 characters".to_owned());
        }
        if let Some(complaint) = check::update_form(&form) {
            return Self::Wrong(Refusal::FORM, format!("a form that the vendor does not know: {complaint}"));
        }
        let link = |url: &str| Link {
            url: url.to_owned(),
            method: if form["Method"] == "GET" { Method::GET } else { Method::POST },
        };
        match (form["Status"].as_str(), form["Twiml"].as_str(), form["Url"].as_str()) {
            (Some(status), None, None) => Self::Complete { canceled: status == "canceled" },
            (None, Some(text), None) => Self::Document(Source::Twiml(text.to_owned())),
            (None, None, Some(url)) => Self::Document(Source::Url(link(url))),
            (None, None, None) => {
                let names: Vec<_> = form.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
                Self::Other(names.join(", "))
            }
            _ => Self::Wrong(Refusal::FORM, "more than one of Status, Twiml and Url".to_owned()),
        }
    }
}

fn carried_out(call: &Call, asked: Asked) -> (Option<u16>, Response) {
    let over = call.line().ended_by.is_some();
    let refused = |refusal: Refusal| (Some(refusal.status), refusal.response());
    match asked {
        Asked::Wrong(refusal, why) => {
            call.violation(format!("REST: {why}"));
            return refused(refusal);
        }
        Asked::Fetch => {}
        _ if over => return refused(Refusal::OVER),
        Asked::Complete { canceled: true } if call.state().answered.is_some() => return refused(Refusal::OVER),
        Asked::Complete { canceled } => call.end(EndedBy::Rest, if canceled { "canceled" } else { "completed" }),
        Asked::Document(source) => {
            let now = call.lab.clock.now();
            let mut line = call.line();
            line.stop_stream(now);
            // Whoever follows the call is there until it is over.
            let _ = line.control.send(Control::Document(source));
        }
        Asked::Other(_) => {}
    }
    let resource = resource::call(call);
    if let Some(complaint) = check::call_resource(&resource) {
        call.violation(format!("a mistake of the lab's: its answer is no call resource, {complaint}"));
    }
    (Some(200), answer(200, &resource))
}
