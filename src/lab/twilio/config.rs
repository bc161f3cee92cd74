//! What a lab and a call in it are made of.

use std::{fmt, net::SocketAddr, str::FromStr, time::Duration};

use super::{account::LabNumber, signing::Signature};
use crate::{
    carrier::twilio::AccountSid,
    lab::{ScriptedCarrier, Trouble},
};

/// Path of the voice webhook below the public address: the one thing that a number's owner types in.
pub const VOICE_PATH: &str = "/twilio/voice";
/// Path of the webhook of texts.
pub const TEXT_PATH: &str = "/twilio/sms";
/// Path of the number's status callback.
pub const STATUS_PATH: &str = "/twilio/status";

/// The vendor's side: an account, a number, and where its requests end up.
#[derive(Clone)]
pub struct LabConfig {
    /// The account that owns number and calls.
    pub account_sid: AccountSid,
    /// Its token: signs webhooks, opens REST. Not shown by `Debug`.
    pub auth_token: String,
    /// API keys that open REST too: `SK…` and secret. Not shown by `Debug`.
    pub api_keys: Vec<(String, String)>,
    /// How the vendor knows the gateway, such as `https://gate.example.com`. What it signs begins with this. A path is
    /// taken for that of a proxy, which takes it off.
    pub public_url: String,
    /// Where the public address leads: tried in order, as a load balancer would. The public host is never resolved.
    pub gateways: Vec<Gateway>,
    /// Port of the REST server on loopback; 0: any free one.
    pub rest_port: u16,
    /// Asked when the voice webhook fails.
    pub fallback_url: Option<String>,
    /// Told of calls that ended; `None`: the number has no status callback.
    pub status_callback: Option<String>,
    /// The account's numbers: a call to one of them asks what is set for it; any other number asks the gateway's voice
    /// webhook at its usual place.
    pub numbers: Vec<LabNumber>,
    /// Who is at other numbers, for `<Dial>` and for calls that the gateway places; nobody answers at one that is not listed.
    pub callees: Vec<(String, Callee)>,
    /// Numbers that can be bought, E.164.
    pub for_sale: Vec<String>,
    /// In which order callbacks arrive.
    pub callbacks: Callbacks,
    /// Of each stream, each of so many messages with audio is held against the schema, in either direction; every other
    /// message always is. 1: all of them.
    pub check_every: u32,
    /// Of everything random: ids, and the order of callbacks.
    pub seed: u64,
}

impl LabConfig {
    /// One gateway behind a public address, REST on any port, callbacks in order.
    #[must_use]
    pub fn new(account_sid: AccountSid, auth_token: &str, public_url: &str, gateway: Gateway) -> Self {
        let public_url = public_url.trim_end_matches('/').to_owned();
        Self {
            account_sid,
            auth_token: auth_token.to_owned(),
            api_keys: Vec::new(),
            gateways: vec![gateway],
            rest_port: 0,
            fallback_url: None,
            status_callback: Some(format!("{public_url}{STATUS_PATH}")),
            numbers: Vec::new(),
            callees: Vec::new(),
            for_sale: Vec::new(),
            callbacks: Callbacks::InOrder,
            check_every: 1,
            seed: 1,
            public_url,
        }
    }
}

impl fmt::Debug for LabConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LabConfig")
            .field("account_sid", &self.account_sid)
            .field("public_url", &self.public_url)
            .field("gateways", &self.gateways)
            .field("rest_port", &self.rest_port)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

/// A gateway's address: `127.0.0.1:8080`, or the same as `http://…`. Only plain HTTP: TLS ends before the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gateway(pub SocketAddr);

/// The text is no gateway's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no gateway's address: expected IP and port without a path, such as http://127.0.0.1:8080")]
pub struct NotAGateway(String);

impl FromStr for Gateway {
    type Err = NotAGateway;

    fn from_str(text: &str) -> Result<Self, NotAGateway> {
        let address = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let address = address.replace("localhost", "127.0.0.1");
        let with_port = address.parse().or_else(|_| format!("{address}:80").parse());
        with_port.map(Self).map_err(|_| NotAGateway(text.to_owned()))
    }
}

impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

/// Somebody who may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// Answers after some ringing, talks for a while, and hangs up.
    Answers {
        /// How long it rings.
        rings: Duration,
        /// How long both talk.
        talks: Duration,
    },
    /// An answering machine: greets, beeps, and records what is said.
    Machine {
        /// How long it rings.
        rings: Duration,
        /// How long its greeting is, the beep included.
        greets: Duration,
    },
    /// Talks with somebody else.
    Busy,
    /// Lets it ring.
    NoAnswer,
    /// Cannot be reached.
    Fails,
}

/// In which order status callbacks arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Callbacks {
    /// As things happened.
    #[default]
    InOrder,
    /// Each one after the one that follows it; and `in-progress` of the call comes too, after `completed`.
    OutOfOrder,
}

/// A call to the number.
#[derive(Debug)]
pub struct Dial {
    /// The number called.
    pub to: String,
    /// The caller's number, or a word such as `Anonymous`.
    pub from: String,
    /// The caller with what they say and do, and the line's trouble: made with [`ScriptedCarrier::waiting`], so that
    /// times count from the stream's start. Reachable while the call runs.
    pub caller: ScriptedCarrier,
    /// What goes wrong on the wire.
    pub faults: WireFaults,
    /// Of the REST server about this call; the line's [`Trouble::rest`] counts as well.
    pub rest_fault: Option<RestFault>,
    /// Keeps every event and everything heard. Without, a call has a small and constant size: for load.
    pub detail: bool,
    /// Notes when tones begin, both ways ([`super::Tones`]).
    pub tones: bool,
}

impl Dial {
    /// A caller who says nothing, on a perfect line.
    #[must_use]
    pub fn new(to: &str, from: &str) -> Self {
        Self {
            to: to.to_owned(),
            from: from.to_owned(),
            caller: ScriptedCarrier::waiting(Trouble::default()),
            faults: WireFaults::default(),
            rest_fault: None,
            detail: true,
            tones: false,
        }
    }

    /// The same with this caller.
    #[must_use]
    pub fn caller(mut self, caller: ScriptedCarrier) -> Self {
        self.caller = caller;
        self
    }

    /// The same with these faults.
    #[must_use]
    pub fn faults(mut self, faults: WireFaults) -> Self {
        self.faults = faults;
        self
    }
}

/// What is wrong with requests and messages, on purpose. The default: nothing.
#[derive(Clone, Debug, Default)]
pub struct WireFaults {
    /// Of webhooks and callbacks.
    pub webhook_signature: Signature,
    /// Of the stream's handshake.
    pub stream_signature: Signature,
    /// Values that take the place of the document's `<Parameter>`s: a used token, that of another call; `None` leaves
    /// the parameter out.
    pub parameters: Vec<(String, Option<String>)>,
    /// The caller hangs up between the answer to the webhook and the stream.
    pub leaves_before_stream: bool,
    /// `stop` is not sent before the close.
    pub no_stop: bool,
    /// Code of our close frames instead of 1000.
    pub close_code: Option<u16>,
    /// Done at these times after each stream's start.
    pub acts: Vec<(Duration, WireAct)>,
}

/// Something that the vendor does not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireAct {
    /// Sends a binary frame.
    Binary(Vec<u8>),
    /// Sends this text.
    Text(String),
    /// Closes with this code, without `stop`; the call goes on.
    Close(u16),
    /// Resets the TCP connection; the call goes on.
    Reset,
}

/// What is wrong with REST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestFault {
    /// Answers with this status, such as 500 or 429, and does nothing.
    Status(u16),
    /// Answers after this time.
    Slow(Duration),
    /// Takes the request and never answers.
    Silent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_an_address_with_or_without_scheme() {
        let at = |port| Ok(Gateway(SocketAddr::from(([127, 0, 0, 1], port))));
        assert_eq!("http://127.0.0.1:8080".parse(), at(8080));
        assert_eq!("http://localhost:8080/".parse(), at(8080));
        assert_eq!("127.0.0.1".parse(), at(80));
        assert!("[::1]:8080".parse::<Gateway>().is_ok());
        for wrong in ["", "https://127.0.0.1:1", "http://127.0.0.1:8080/path", "gate.example.com"] {
            assert_eq!(wrong.parse::<Gateway>(), Err(NotAGateway(wrong.to_owned())));
        }
    }
}
