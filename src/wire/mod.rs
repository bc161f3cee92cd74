//! Conversations with peers as values: what a provider wants sent, and what came of it.
//!
//! A provider (carrier, model, voice) is a state machine: it gives requests out and takes [`ExchangeEvent`]s,
//! [`HttpEvent`]s or [`WsEvent`]s in. The only sockets are in `net`; so a provider's whole behaviour, failures in the middle of
//! a body included, runs in a test without any.

pub mod flat;

use std::fmt::{self, Write as _};
use std::time::Duration;

/// Percent-encoded, so that it is one segment of a path, or one value of a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Dots too: `..` would be another path.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Which exchange of a call: chosen by the provider, unique within the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId(pub u32);

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Asks.
    Get,
    /// Changes.
    Post,
    /// Replaces.
    Put,
    /// Takes away.
    Delete,
}

/// An HTTP request. `Debug` shows neither headers nor body: they hold credentials and what is said to a caller.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// How.
    pub method: Method,
    /// Absolute address.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// For the whole of it, from connecting to the last byte of the answer.
    pub timeout: Duration,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest").field("method", &self.method).field("url", &self.url).finish_non_exhaustive()
    }
}

/// Why an exchange came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nobody there: name, address, port or TLS.
    #[error("could not connect")]
    Connect,
    /// Not within its time.
    #[error("timed out")]
    TimedOut,
    /// The connection broke before the end.
    #[error("the connection broke")]
    Broken,
    /// The answer was longer than we read.
    #[error("the answer was too long")]
    TooLong,
    /// We had no room for one more exchange.
    #[error("too many requests wait already")]
    Overloaded,
}

/// What became of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExchangeEvent {
    /// A whole answer.
    Answer {
        /// HTTP status.
        status: u16,
        /// Its body, as far as we read.
        body: Vec<u8>,
    },
    /// There is none.
    Failed(Failure),
}

/// What comes of an HTTP exchange whose answer is taken piece by piece, in this order; always ends in `End` or `Failed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpEvent<'a> {
    /// The answer has begun.
    Head {
        /// HTTP status.
        status: u16,
        /// Names in lower case, and values.
        headers: &'a [(String, String)],
    },
    /// A piece of its body, of any length.
    Chunk(&'a [u8]),
    /// All of it was there.
    End,
    /// It broke off, or never began.
    Failed(Failure),
}

/// A WebSocket that is to be opened. `Debug` shows no headers: they hold credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct WsRequest {
    /// `ws:` or `wss:`, absolute.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// For connecting, TLS and the handshake.
    pub timeout: Duration,
}

impl fmt::Debug for WsRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsRequest").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What comes of a WebSocket. After `Closed`, `Refused` or `Failed` nothing more comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WsEvent<'a> {
    /// The handshake is done: messages may be sent.
    Open,
    /// A text message.
    Text(&'a str),
    /// A binary message, which nobody we talk with sends: its length.
    Binary(usize),
    /// The peer closed it.
    Closed {
        /// The close code, if it gave one.
        code: Option<u16>,
        /// Its reason.
        reason: &'a str,
    },
    /// The handshake was answered with something else than 101.
    Refused {
        /// HTTP status.
        status: u16,
        /// The body, as far as it was read.
        body: &'a [u8],
    },
    /// It could not be opened, or broke.
    Failed(Failure),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_cannot_leave_its_place() {
        assert_eq!(encoded("../a?b=c&d#e"), "%2E%2E%2Fa%3Fb%3Dc%26d%23e");
        assert_eq!(encoded("Zoë"), "Zo%C3%AB");
    }
}
