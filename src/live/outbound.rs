//! Calls that we place: what the carrier is asked, and what becomes of those that nobody answers.

use std::time::Duration;

use super::{Webhooks, answers::path, setup::Assistant};
use crate::{
    carrier::{
        CallId, Parties,
        twilio::{
            AccountSid,
            account::{Detection, NewCall, place},
            rest::Request,
            twiml::{self, Setting, Twiml, TwimlError},
            webhook::Unanswered,
        },
    },
    config,
    wire::encoded,
};

/// How long it rings at the other side: before most mailboxes answer, they ring for 20 to 25 s.
const RINGS: Duration = Duration::from_secs(30);
/// The carrier ends the call by itself this long after it should have ended.
const GRACE: Duration = Duration::from_secs(120);
/// Longest call that the carrier knows.
const LONGEST: Duration = Duration::from_secs(86_400);

/// How an assistant calls people.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// What a machine is told.
    pub(super) machine: Twiml,
    /// It is told something, so its greeting is waited for.
    leaves_message: bool,
    /// So many calls within an hour.
    pub max_per_hour: u32,
}

impl Default for Outbound {
    /// Machines are told nothing.
    fn default() -> Self {
        let max_per_hour = config::Outbound::default().max_per_hour;
        Self { machine: twiml::hang_up(), leaves_message: false, max_per_hour }
    }
}

impl Outbound {
    /// What a configuration says; `language` is that of the carrier's voice.
    ///
    /// # Errors
    ///
    /// If the carrier cannot speak the message.
    pub(super) fn of(outbound: &config::Outbound, language: Setting<'_>) -> Result<Self, TwimlError> {
        let machine = match &outbound.message {
            Some(message) => twiml::say_and_hang_up(Setting { key: "outbound.message", value: message }, language)?,
            None => twiml::hang_up(),
        };
        Ok(Self { machine, leaves_message: outbound.message.is_some(), max_per_hour: outbound.max_per_hour })
    }
}

/// What the carrier is asked in order that this assistant calls `to` from `from`, both E.164. The answer is a
/// [`crate::carrier::twilio::account::PlacedCall`].
#[must_use]
pub fn request(account: AccountSid, public_url: &str, assistant: &Assistant, from: &str, to: &str) -> Request {
    let base = public_url.trim_end_matches('/');
    let key = encoded(&assistant.key);
    let limit = (assistant.settings.max_duration.get() + GRACE).min(LONGEST);
    let detection = if assistant.outbound.leaves_message { Detection::MessageEnd } else { Detection::Enable };
    place(
        account,
        &NewCall {
            to,
            from,
            // Only the carrier can sign for these addresses: the key in them is as good as a token.
            url: &format!("{base}{}/{key}", path::OUTBOUND),
            status_callback: &format!("{}/{key}", Webhooks::below(base).status),
            timeout_s: RINGS.as_secs() as u32,
            limit_s: limit.as_secs() as u32,
            detection,
        },
    )
}

/// A call that we placed, and that no person answered.
#[derive(Clone, Debug)]
pub struct UnansweredCall {
    /// Which.
    pub call: CallId,
    /// The key of the assistant that placed it.
    pub assistant_key: String,
    /// Who was called, from which of our numbers.
    pub parties: Parties,
    /// What became of it.
    pub why: Unanswered,
    /// How long the line was open: a machine may have heard a message.
    pub lasted: Duration,
}
