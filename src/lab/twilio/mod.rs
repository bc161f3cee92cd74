//! A stand-in for Twilio on real sockets: it dials a gateway on loopback, as the vendor documents it, and watches.
//!
//! A [`Lab`] is an account with a number. [`Lab::dial`] calls that number: a signed request asks the gateway's voice
//! webhook for a document, and whatever the document says is done, verb by verb, until the call is over. Nothing but
//! the webhook's path is known beforehand. Each call is a [`ScriptedCarrier`](super::ScriptedCarrier) in real time:
//! marks come back when they are *played*, a `clear` throws the rest away, and the caller's side has all the trouble
//! that it has on virtual time.
//!
//! | file | for |
//! |---|---|
//! | `lab`, `scheduler` | the account, REST's socket, one task that looks after all calls a millisecond apart |
//! | `follow`, `connect`, `dial`, `fetch`, `callbacks` | a call's way through its documents |
//! | `dial`, `outbound` | somebody else is called: by a document, by the gateway |
//! | `document` | TwiML, read against the closed grammar |
//! | `line`, `stream`, `wire`, `messages` | a call's media stream, its handshake |
//! | `raw` | WebSockets that no document asked for, for what must be refused |
//! | `account` | what a gateway may ask of the account: its numbers, numbers for sale |
//! | `texts` | texts to the gateway, and those that it sends |
//! | `rest`, `resource` | what a gateway may ask of a call |
//! | `check`, `schemas` | every message against its schema |
//! | `meter`, `histogram`, `events`, `log`, `report` | what was heard and what happened |
//!
//! It never leaves loopback unless it is told a gateway elsewhere: the public host is not resolved, and addresses in
//! documents lead to the gateways, to loopback, or nowhere.

mod account;
mod call;
mod callbacks;
mod check;
mod clock;
mod config;
mod connect;
mod dial;
mod document;
mod events;
mod fetch;
mod follow;
mod forms;
mod histogram;
#[allow(clippy::module_inception, reason = "the lab of the lab")]
mod lab;
mod line;
mod log;
mod messages;
mod meter;
mod network;
mod outbound;
mod raw;
mod report;
mod resource;
mod rest;
mod scheduler;
mod signing;
mod stream;
mod texts;
mod wire;

pub use account::LabNumber;
pub use call::LabCall;
pub use config::{
    Callbacks, Callee, Dial, Gateway, LabConfig, NotAGateway, RestFault, STATUS_PATH, TEXT_PATH, VOICE_PATH, WireAct,
    WireFaults,
};
pub use events::{CallEvent, EndedBy, Spoken, StreamEnd, Webhook};
pub use histogram::Histogram;
pub use lab::{Lab, LabError};
pub use log::Counts;
pub use meter::{HeardMeter, HeardUtterance, UTTERANCE_GAP};
pub use raw::{RawMessage, RawRefused, RawStart, RawStream};
pub use report::{CallReport, LabReport, Tones};
pub use signing::Signature;
pub use texts::{LabText, TextOutcome};
