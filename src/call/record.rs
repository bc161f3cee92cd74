use std::time::Duration;

use super::{EchoPath, EndedBy, Party, Reason, SaidBy};
use crate::{
    time::{MediaTime, Timestamp},
    vad::SpurtId,
};

/// What is kept of a call (the CDR), apart from its ledger. Complete once [`CallRecord::closed_at`] is set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CallRecord {
    /// Why the call ended: the first ending that was begun and not taken back.
    pub reason: Option<Reason>,
    /// Who closed the line.
    pub ended_by: Option<Party>,
    /// When the ending was begun.
    pub ending_begun_at: Option<Timestamp>,
    /// The silence deadline at which the ending was begun, for [`Reason::Silence`].
    pub deadline: Option<Timestamp>,
    /// How long the decision was held past the deadline, for media in flight or a provisional onset.
    pub held: Duration,
    /// First frame of the farewell on the line.
    pub goodbye_at: Option<Timestamp>,
    /// Who said it; `None` if none of ours was due.
    pub said_by: Option<SaidBy>,
    /// How we know that it was heard to its end.
    pub goodbye_heard: Option<EndedBy>,
    /// Its end was cut off to keep a bound.
    pub goodbye_cut: bool,
    /// The terminal mark was through, or its bound had passed.
    pub terminal_mark_at: Option<Timestamp>,
    /// The tool call that ended the call.
    pub tool_called_at: Option<Timestamp>,
    /// Which of the assistant's transfers the caller was put through to, for [`Reason::Transferred`].
    pub transfer: Option<u8>,
    /// We closed the line, or learned that it was closed.
    pub closed_at: Option<Timestamp>,
    /// The carrier confirmed it.
    pub verified: bool,
    /// The last talkspurt that counted.
    pub last_spurt: Option<SpurtId>,
    /// End of the caller's last voiced frame, call time.
    pub caller_silent_since: Option<Timestamp>,
    /// Endings taken back.
    pub taken_back: u32,
    /// Interruptions of the agent, and those that were false alarms.
    pub barge_ins: (u32, u32),
    /// Ends of agent audio that were estimated because a mark was missing.
    pub estimated_ends: u32,
    /// The path by which our own voice came back, as last known.
    pub echo: Option<EchoPath>,
    /// Hang-up requests sent.
    pub hangup_tries: u32,
    /// Inbound media heard.
    pub media: MediaTime,
}
