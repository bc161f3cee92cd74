//! The documents that answer webhooks.

use crate::carrier::twilio::{
    AccountSid, CallSid,
    token::{self, Claim, TokenKeys},
    twiml::{Connect, Parameter, Setting, Twiml, TwimlError},
};
use crate::wire;

/// How often a call's stream may be opened again.
pub(super) const MAX_RESUMES: u8 = 2;

/// Paths of ours, below the public address.
pub(super) mod path {
    pub(crate) const VOICE: &str = "/twilio/voice";
    pub(crate) const RESUME: &str = "/twilio/resume";
    pub(crate) const DIALED: &str = "/twilio/dialed";
    pub(crate) const OUTBOUND: &str = "/twilio/outbound";
    pub(crate) const STATUS: &str = "/twilio/status";
    pub(crate) const STREAM_STATUS: &str = "/twilio/stream-status";
    pub(crate) const TEXT: &str = "/twilio/sms";
    pub(crate) const TEXT_STATUS: &str = "/twilio/sms-status";
    pub(crate) const MEDIA: &str = "/twilio/media";
}

/// Where the carrier is told to ask us about a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhooks {
    /// When somebody calls.
    pub voice: String,
    /// When a call has ended.
    pub status: String,
    /// When somebody writes.
    pub text: String,
    /// When something becomes of a text of ours.
    pub text_status: String,
}

impl Webhooks {
    /// Below this public address.
    #[must_use]
    pub fn below(public_url: &str) -> Self {
        let url = public_url.trim_end_matches('/');
        let at = |path: &str| format!("{url}{path}");
        Self {
            voice: at(path::VOICE),
            status: at(path::STATUS),
            text: at(path::TEXT),
            text_status: at(path::TEXT_STATUS),
        }
    }
}

/// Where the carrier asks what comes after a transfer by the assistant of this key.
pub(super) fn dialed(public_url: &str, key: &str) -> String {
    format!("{}{}/{}", public_url.trim_end_matches('/'), path::DIALED, wire::encoded(key))
}

/// Our addresses as the carrier sees them.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    /// Scheme and host.
    origin: String,
    /// Path prefix, without a slash at the end; mostly empty.
    prefix: String,
    media: String,
    stream_status: String,
}

impl Addresses {
    pub(super) fn new(public_url: &str) -> Self {
        let url = public_url.trim_end_matches('/');
        let host = url.find("://").map_or(0, |at| at + 3);
        let (origin, prefix) = url.split_at(url[host..].find('/').map_or(url.len(), |at| host + at));
        let wss = format!("wss://{}", &url[host..]);
        Self {
            origin: origin.to_owned(),
            prefix: prefix.to_owned(),
            media: format!("{wss}{}", path::MEDIA),
            stream_status: format!("{url}{}", path::STREAM_STATUS),
        }
    }

    /// The path prefix that a proxy in front may have left on.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The address that was signed, of a request for this path and query.
    pub(super) fn signed(&self, path_and_query: &str) -> String {
        let path = path_and_query.strip_prefix(&self.prefix).unwrap_or(path_and_query);
        format!("{}{}{path}", self.origin, self.prefix)
    }

    /// The media stream's address.
    pub(super) fn media(&self) -> &str {
        &self.media
    }

    /// With the assistant's key: whatever is published meanwhile, a call keeps the version it began with.
    fn resume(&self, number: u8, key: &str) -> String {
        format!("{}{}{}/{number}/{}", self.origin, self.prefix, path::RESUME, wire::encoded(key))
    }

    /// Connects a call to our media stream, with a token of its own.
    ///
    /// # Errors
    ///
    /// If an address cannot stand in a document; that is tried when the gateway starts.
    pub(super) fn connect(
        &self,
        keys: &TokenKeys,
        account: AccountSid,
        call: CallSid,
        claim: &Claim,
    ) -> Result<Twiml, TwimlError> {
        let token = keys.write(account, call, claim).unwrap_or_default();
        let resume = self.resume(claim.resumed.saturating_add(1), &claim.assistant);
        let url = |value| Setting { key: "public_url", value };
        Connect {
            stream: url(&self.media),
            name: Setting { key: "stream", value: "quietline" },
            status_callback: url(&self.stream_status),
            parameters: &[Parameter { name: token::PARAMETER, value: &token }],
            resume: url(&resume),
        }
        .document()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_signed_whether_the_proxy_left_it_on_or_not() {
        let plain = Addresses::new("https://gate.example.com");
        assert_eq!(plain.media(), "wss://gate.example.com/twilio/media");
        assert_eq!(plain.signed("/twilio/voice?a=1"), "https://gate.example.com/twilio/voice?a=1");
        let below = Addresses::new("http://127.0.0.1:8080/line/1/");
        assert_eq!(below.media(), "wss://127.0.0.1:8080/line/1/twilio/media");
        for seen in ["/twilio/voice", "/line/1/twilio/voice"] {
            assert_eq!(below.signed(seen), "http://127.0.0.1:8080/line/1/twilio/voice");
        }
        assert_eq!(below.resume(2, "ab@7"), "http://127.0.0.1:8080/line/1/twilio/resume/2/ab%407");
    }
}
