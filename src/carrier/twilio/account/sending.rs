use serde::Deserialize;

use super::{AccountSid, Request};
use crate::wire::Method;

/// A text that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// `SM…`.
    pub sid: String,
    /// `queued`, `sent`, ….
    pub status: String,
    /// Why it failed.
    #[serde(default)]
    pub error_code: Option<u32>,
}

/// Sends a text, which costs money. `status_callback` is told what became of it.
#[must_use]
pub fn send_text(account: AccountSid, from: &str, to: &str, body: &str, status_callback: &str) -> Request {
    let form = vec![
        ("To", to.to_owned()),
        ("From", from.to_owned()),
        ("Body", body.to_owned()),
        ("StatusCallback", status_callback.to_owned()),
    ];
    Request { method: Method::Post, path: format!("/2010-04-01/Accounts/{account}/Messages.json"), form }
}

/// A text of the account, as a list tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// `SM…`.
    pub sid: String,
    /// What it says.
    #[serde(default)]
    pub body: String,
    /// `queued`, `sent`, ….
    pub status: String,
}

/// The latest texts from one number to another: for finding out whether one was sent. [`super::page`] reads them under
/// `messages`, the newest first.
#[must_use]
pub fn texts(account: AccountSid, from: &str, to: &str) -> Request {
    let query = [("To", to.to_owned()), ("From", from.to_owned()), ("PageSize", "20".to_owned())];
    let path = super::with_query(&format!("/2010-04-01/Accounts/{account}/Messages.json"), &query);
    Request { method: Method::Get, path, form: Vec::new() }
}

/// Whether the carrier listens for an answering machine before it asks us what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detection {
    /// No.
    Off,
    /// Until it knows.
    Enable,
    /// … and, with a machine, until its greeting is over.
    MessageEnd,
}

/// A call that we want placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCall<'a> {
    /// Who is called.
    pub to: &'a str,
    /// Our number.
    pub from: &'a str,
    /// Asked when somebody answers.
    pub url: &'a str,
    /// Told what becomes of it.
    pub status_callback: &'a str,
    /// How long it rings, in seconds.
    pub timeout_s: u32,
    /// How long it may last, in seconds.
    pub limit_s: u32,
    /// Machines.
    pub detection: Detection,
}

/// A call that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PlacedCall {
    /// `CA…`.
    pub sid: String,
    /// `queued`, ….
    pub status: String,
}

/// The events of a call that we want to be told.
#[must_use]
pub const fn status_events() -> [&'static str; 4] {
    ["initiated", "ringing", "answered", "completed"]
}

/// Places a call, which costs money.
#[must_use]
pub fn place(account: AccountSid, call: &NewCall<'_>) -> Request {
    let mut form = vec![
        ("To", call.to.to_owned()),
        ("From", call.from.to_owned()),
        ("Url", call.url.to_owned()),
        ("Method", "POST".to_owned()),
        ("StatusCallback", call.status_callback.to_owned()),
        ("StatusCallbackMethod", "POST".to_owned()),
        ("Timeout", call.timeout_s.to_string()),
        ("TimeLimit", call.limit_s.to_string()),
    ];
    form.extend(status_events().map(|event| ("StatusCallbackEvent", event.to_owned())));
    match call.detection {
        Detection::Off => {}
        Detection::Enable => form.push(("MachineDetection", "Enable".to_owned())),
        Detection::MessageEnd => form.push(("MachineDetection", "DetectMessageEnd".to_owned())),
    }
    Request { method: Method::Post, path: format!("/2010-04-01/Accounts/{account}/Calls.json"), form }
}
