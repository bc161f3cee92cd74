//! Calls that the gateway places: `POST Calls.json`, ringing, listening for a machine, and callbacks on the way.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::Response,
    routing::post,
};
use hyper::Method;
use serde_json::{Map, Value};

use super::{
    callbacks::Callback,
    check,
    clock::WallTime,
    config::{Callee, Dial, RestFault},
    document::Link,
    events::{CallEvent, EndedBy, Webhook},
    follow::{Flow, Follower, Source},
    lab::{Shared, begin, locked},
    resource,
    rest::{Refusal, answer, credentials, refusal_of},
};
use crate::{
    carrier::is_e164,
    lab::{ScriptedCarrier, Trouble},
};

/// How long it rings unless a request says otherwise.
const RINGS: Duration = Duration::from_secs(60);
/// A refused call is known after this time.
const REFUSED: Duration = Duration::from_millis(200);
/// A person's "hello", after which the vendor is sure.
const HELLO: Duration = Duration::from_millis(600);
/// A machine talks without a pause: it is known for one after this time.
const MACHINE: Duration = Duration::from_millis(2400);
/// All events of a call, in their order.
const EVENTS: [&str; 4] = ["initiated", "ringing", "answered", "completed"];

/// Whether the vendor listens for a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detection {
    Off,
    Enable,
    MessageEnd,
}

/// What was asked of a call.
#[derive(Debug)]
pub(super) struct Placed {
    source: Source,
    status_callback: Option<Link>,
    /// Of which events it is told.
    events: Vec<String>,
    timeout: Duration,
    limit: Option<Duration>,
    detection: Detection,
    callee: Callee,
}

impl Placed {
    /// Where this event is told, if it was asked for.
    pub(super) fn callback(&self, event: &str) -> Option<Link> {
        self.status_callback.clone().filter(|_| self.events.iter().any(|asked| asked == event))
    }

    /// Reads a form that fits its schema.
    ///
    /// # Errors
    ///
    /// What the vendor would refuse.
    fn read(form: &Value, callee: Callee) -> Result<Self, Refusal> {
        let text = |name: &str| form[name].as_str().filter(|text| !text.is_empty());
        let link = |url: &str, method: &str| Link {
            url: url.to_owned(),
            method: if text(method) == Some("GET") { Method::GET } else { Method::POST },
        };
        let seconds = |name: &str| text(name).and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let source = match (text("Url"), text("Twiml")) {
            (Some(url), None) => Source::Url(link(url, "Method")),
            (None, Some(document)) => Source::Twiml(document.to_owned()),
            (Some(_), Some(_)) | (None, None) => return Err(Refusal::FORM),
        };
        let asked = form["StatusCallbackEvent"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut events: Vec<_> = asked.iter().filter_map(|event| event.as_str().map(str::to_owned)).collect();
        if events.iter().any(|event| !EVENTS.contains(&event.as_str())) {
            return Err(Refusal::FORM);
        }
        if events.is_empty() {
            events.push("completed".to_owned());
        }
        let detection = match text("MachineDetection") {
            None => Detection::Off,
            Some("Enable") => Detection::Enable,
            Some("DetectMessageEnd") => Detection::MessageEnd,
            Some(_) => return Err(Refusal::FORM),
        };
        Ok(Self {
            source,
            status_callback: text("StatusCallback").map(|url| link(url, "StatusCallbackMethod")),
            events,
            timeout: seconds("Timeout").unwrap_or(RINGS),
            limit: seconds("TimeLimit"),
            detection,
            callee,
        })
    }
}

/// What is asked of calls that are not there yet.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/2010-04-01/Accounts/{account}/Calls.json", post(create))
}

async fn create(
    State(lab): State<Arc<Shared>>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match lab.rest_fault() {
        Some(RestFault::Silent) => std::future::pending().await,
        Some(RestFault::Status(status)) => return refusal_of(status),
        Some(RestFault::Slow(time)) => tokio::time::sleep(time).await,
        None => {}
    }
    match created(&lab, &account, &headers, &body) {
        Ok(resource) => answer(201, &resource),
        Err(refusal) => refusal.response(),
    }
}

fn created(lab: &Arc<Shared>, account: &str, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
    if !credentials(lab, headers) {
        return Err(Refusal::CREDENTIALS);
    }
    if account != lab.config.account_sid.as_str() {
        return Err(Refusal::NOT_FOUND);
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        lab.violation(&format!("CreateCall: a body of type {kind:?}, expected a form"));
        return Err(Refusal::FORM);
    }
    let form = form_of(body);
    if let Some(complaint) = check::form("CreateCall", &form) {
        lab.violation(&format!("CreateCall: {complaint}"));
        return Err(Refusal::FORM);
    }
    let number = |name: &str| form[name].as_str().unwrap_or_default().to_owned();
    let (to, from) = (number("To"), number("From"));
    if !is_e164(&to) {
        return Err(Refusal::NO_NUMBER);
    }
    if lab.numbers.settings(&from).is_none() {
        return Err(Refusal::NOT_OWNED);
    }
    let placed = Placed::read(&form, lab.callee(&to))?;
    let mut person = ScriptedCarrier::waiting(Trouble::default());
    if let Callee::Answers { talks, .. } = placed.callee {
        let start = person.start();
        person.hang_up(start + talks);
    }
    let call = begin(lab, Dial::new(&to, &from).caller(person), Some(placed));
    let resource = resource::call(&call.call);
    locked(&lab.placed).push(call);
    if let Some(complaint) = check::call_resource(&resource) {
        lab.violation(&format!("a mistake of the lab's: its answer is no call resource, {complaint}"));
    }
    Ok(resource)
}

/// Fields; what may come several times is a list.
fn form_of(body: &[u8]) -> Value {
    let mut form = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        if name == "StatusCallbackEvent" {
            let list = form.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            list.as_array_mut().into_iter().for_each(|list| list.push(value.as_ref().into()));
        } else {
            form.insert(name.into_owned(), value.into());
        }
    }
    Value::Object(form)
}

impl Follower {
    /// From the dialling to the first document.
    pub(super) async fn place(&mut self) -> Flow {
        let call = Arc::clone(&self.call);
        let Some(placed) = &call.placed else { return Flow::Next };
        self.progress("initiated", 0);
        let (rings, missed) = match placed.callee {
            Callee::Answers { rings, .. } | Callee::Machine { rings, .. } if rings < placed.timeout => (rings, None),
            Callee::Answers { .. } | Callee::Machine { .. } | Callee::NoAnswer => (placed.timeout, Some("no-answer")),
            Callee::Busy => (REFUSED, Some("busy")),
            Callee::Fails => (REFUSED, Some("failed")),
        };
        if !matches!(placed.callee, Callee::Busy | Callee::Fails) {
            call.rings();
            self.progress("ringing", 1);
        }
        match self.wait(rings).await {
            Flow::Next => {}
            flow @ (Flow::Go(_) | Flow::End(..)) => return flow,
        }
        if let Some(status) = missed {
            call.log(CallEvent::Dialed { number: call.to.clone(), status });
            return Flow::End(EndedBy::Callee, status);
        }
        call.log(CallEvent::Dialed { number: call.to.clone(), status: "answered" });
        call.answer();
        self.progress("answered", 2);
        if let Some(limit) = placed.limit {
            // It does not keep the call alive.
            let call = Arc::downgrade(&call);
            tokio::spawn(async move {
                tokio::time::sleep(limit).await;
                if let Some(call) = call.upgrade() {
                    call.end(EndedBy::TimeLimit, "completed");
                }
            });
        }
        let (listens, heard) = heard(placed);
        match self.wait(listens).await {
            Flow::Next => {}
            flow @ (Flow::Go(_) | Flow::End(..)) => return flow,
        }
        call.state().answered_by = heard;
        match &placed.source {
            Source::Url(link) => self.fetched(Webhook::Placed, link.clone()).await,
            Source::Twiml(text) => self.given(text).await,
        }
    }

    /// Tells an event, if it was asked for.
    fn progress(&self, event: &str, sequence: u32) {
        let Some(link) = self.call.placed.as_ref().and_then(|placed| placed.callback(event)) else { return };
        let form = self.call.about().status(sequence, None, WallTime::now());
        // Nobody is left to send it when the lab is going down.
        let _ = self.callbacks.send(Callback { webhook: Webhook::Status, link, form });
    }
}

/// How long the vendor listens, and what it takes the other side for.
fn heard(placed: &Placed) -> (Duration, Option<&'static str>) {
    match (placed.detection, placed.callee) {
        (Detection::Off, _) => (Duration::ZERO, None),
        (Detection::Enable, Callee::Machine { greets, .. }) => (MACHINE.min(greets), Some("machine_start")),
        (Detection::MessageEnd, Callee::Machine { greets, .. }) => (greets, Some("machine_end_beep")),
        (Detection::Enable | Detection::MessageEnd, Callee::Answers { .. }) => (HELLO, Some("human")),
        (Detection::Enable | Detection::MessageEnd, Callee::Busy | Callee::NoAnswer | Callee::Fails) => {
            (Duration::ZERO, None)
        }
    }
}
