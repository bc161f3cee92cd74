//! Requests about a call itself, and what their answers mean. Values only: who sends them adds host and credentials.

use std::fmt;

use serde::Deserialize;

use super::twiml::Twiml;
use super::{AccountSid, CallSid};
use crate::{
    carrier::{CallAnswer, CallRequest, CallStatus, RequestOutcome},
    wire::Method,
};

/// Host of the default region (US1). Elsewhere it is `api.{edge}.{region}.twilio.com`, with keys of its own.
pub const HOST: &str = "api.twilio.com";

/// `Content-Type` of a request with a body.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Most characters of a document that goes along with a request (error 32018).
pub const MAX_INLINE: usize = 4000;

/// One request. `Debug` shows the names of its fields only: a document holds what is said to a caller.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Path below the host.
    pub path: String,
    /// Fields of the form; empty for [`Method::Get`].
    pub form: Vec<(&'static str, String)>,
}

/// A document is too long to go along with a request; the setting is what is said in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the document for the carrier has {length} characters, at most {MAX_INLINE} can be sent: shorten what it says")]
pub struct InlineTooLong {
    /// Its length.
    pub length: usize,
}

impl Request {
    /// Ends the call, ringing or answered.
    #[must_use]
    pub fn complete(account: AccountSid, call: CallSid) -> Self {
        Self { method: Method::Post, path: path(account, call), form: vec![("Status", "completed".to_owned())] }
    }

    /// Gives the call a new document; ends a media stream under way.
    ///
    /// # Errors
    ///
    /// If the document is longer than [`MAX_INLINE`].
    pub fn update(account: AccountSid, call: CallSid, twiml: &Twiml) -> Result<Self, InlineTooLong> {
        let length = twiml.as_str().chars().count();
        if length > MAX_INLINE {
            return Err(InlineTooLong { length });
        }
        let form = vec![("Twiml", twiml.as_str().to_owned())];
        Ok(Self { method: Method::Post, path: path(account, call), form })
    }

    /// Asks for the call's state: [`Verdict::of`], then [`status`].
    #[must_use]
    pub fn fetch(account: AccountSid, call: CallSid) -> Self {
        Self { method: Method::Get, path: path(account, call), form: Vec::new() }
    }

    /// The body, form-encoded.
    #[must_use]
    pub fn body(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.form).finish()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<_> = self.form.iter().map(|(name, _)| name).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("form", &fields)
            .finish()
    }
}

fn path(account: AccountSid, call: CallSid) -> String {
    format!("/2010-04-01/Accounts/{account}/Calls/{call}.json")
}

/// What an answer to a request about a call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Verdict {
    /// Done as asked.
    #[error("done")]
    Done,
    /// The call is not in progress, or not known (any more): nothing is left to do.
    #[error("the call is already over")]
    Gone,
    /// Not processed, or nobody knows: worth trying again, later. Repeating does no harm: a call ends once; words
    /// that the carrier speaks would begin anew.
    #[error("the carrier did not answer, or is busy (status {status:?}, code {code:?}): try again")]
    Again {
        /// HTTP status; none without an answer.
        status: Option<u16>,
        /// The vendor's code.
        code: Option<u32>,
    },
    /// The operator's mistake: trying again changes nothing.
    #[error(
        "the carrier refused our access (status {status}, code {code:?}): check the account SID, its \
         credentials, their region and that the account is active"
    )]
    Operator {
        /// HTTP status.
        status: u16,
        /// The vendor's code.
        code: Option<u32>,
    },
    /// The carrier takes the request for wrong: our mistake.
    #[error("the carrier refused the request (status {status}, code {code:?}): a mistake of ours")]
    Ours {
        /// HTTP status.
        status: u16,
        /// The vendor's code.
        code: Option<u32>,
    },
}

impl Verdict {
    /// No answer: timed out, or the connection failed.
    pub const NO_ANSWER: Self = Self::Again { status: None, code: None };

    /// Of an answer. Its body counts only for the vendor's code, and only when it refuses.
    #[must_use]
    pub fn of(status: u16, body: &[u8]) -> Self {
        let code = if (200..300).contains(&status) { None } else { code(body) };
        match (status, code) {
            (200..300, _) => Self::Done,
            (404, _) | (_, Some(20404 | 21220)) => Self::Gone,
            (429 | 408 | 500.., _) | (_, Some(20429)) => Self::Again { status: Some(status), code },
            // A redirect means a wrong host or region.
            (300..=399 | 401 | 403, _) | (_, Some(20003 | 20005)) => Self::Operator { status, code },
            _ => Self::Ours { status, code },
        }
    }

    /// For the call: is there anything left to do?
    #[must_use]
    pub const fn outcome(self) -> RequestOutcome {
        match self {
            Self::Done | Self::Gone => RequestOutcome::Done,
            Self::Again { .. } | Self::Operator { .. } | Self::Ours { .. } => RequestOutcome::Failed,
        }
    }
}

/// The answer in the carrier's neutral words; `None` for a request that is none of REST.
#[must_use]
pub fn answer(request: CallRequest, verdict: Verdict, body: &[u8]) -> Option<CallAnswer> {
    match request {
        CallRequest::Hangup => Some(CallAnswer::Hangup(verdict.outcome())),
        CallRequest::Say(_) => Some(CallAnswer::Say(verdict.outcome())),
        // A call that is gone cannot be put through; its stream says so itself.
        CallRequest::Dial { .. } => Some(CallAnswer::Dial(verdict.outcome())),
        CallRequest::FetchStatus => Some(CallAnswer::Status(status(verdict, body))),
        CallRequest::CloseStream => None,
    }
}

/// What the answer to [`Request::fetch`] says of the call.
#[must_use]
pub fn status(verdict: Verdict, body: &[u8]) -> CallStatus {
    #[derive(Deserialize)]
    struct Call {
        status: String,
    }
    match verdict {
        Verdict::Done => serde_json::from_slice(body)
            .ok()
            .and_then(|call: Call| call_status(&call.status))
            .unwrap_or(CallStatus::Unreachable),
        Verdict::Gone => CallStatus::Ended,
        Verdict::Again { .. } | Verdict::Operator { .. } | Verdict::Ours { .. } => CallStatus::Unreachable,
    }
}

/// The vendor's word for a call's state, here and as `CallStatus` in callbacks; `None` for a new one.
#[must_use]
pub fn call_status(word: &str) -> Option<CallStatus> {
    match word {
        "queued" | "initiated" | "ringing" | "in-progress" => Some(CallStatus::InProgress),
        "completed" | "busy" | "failed" | "no-answer" | "canceled" => Some(CallStatus::Ended),
        _ => None,
    }
}

fn code(body: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Refusal {
        code: u32,
    }
    serde_json::from_slice(body).ok().map(|refusal: Refusal| refusal.code)
}
