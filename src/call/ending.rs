//! Why and how a call ends: reasons, who ended it, the stages of an ending.

use std::time::Duration;

use crate::{
    assistant::FarewellKind,
    model::{ResponseId, ToolCallId},
    time::Timestamp,
    vad::SpurtId,
};

/// Why a call ended: the first ending that was begun and not taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The caller went quiet.
    Silence,
    /// The model called `hangup_call`.
    HangupCall,
    /// An intent with `ends_call` was carried out.
    IntentEnded,
    /// The model called `transfer_call`.
    Transferred,
    /// The model said goodbye without calling the tool.
    ModelGoodbye,
    /// The model did not answer.
    NoAnswer,
    /// The model was gone for 15 s.
    ModelLost,
    /// The longest length was reached.
    MaxDuration,
    /// The server stops.
    Drain,
    /// The operator ended the call.
    Operator,
    /// The caller hung up.
    CallerHungUp,
    /// The carrier's connection broke, or the carrier says that the call is gone.
    CarrierGone,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Silence,
        Self::HangupCall,
        Self::IntentEnded,
        Self::Transferred,
        Self::ModelGoodbye,
        Self::NoAnswer,
        Self::ModelLost,
        Self::MaxDuration,
        Self::Drain,
        Self::Operator,
        Self::CallerHungUp,
        Self::CarrierGone,
    ];

    /// The name in records and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::HangupCall => "hangup_call",
            Self::IntentEnded => "intent_ended",
            Self::Transferred => "transferred",
            Self::ModelGoodbye => "model_goodbye",
            Self::NoAnswer => "no_answer",
            Self::ModelLost => "model_lost",
            Self::MaxDuration => "max_duration",
            Self::Drain => "drain",
            Self::Operator => "operator",
            Self::CallerHungUp => "caller_hung_up",
            Self::CarrierGone => "carrier_gone",
        }
    }

    /// The farewell that belongs to it. The model has said its own for `ModelGoodbye`; nobody is there to hear one
    /// when the caller or the carrier is gone.
    #[must_use]
    pub const fn farewell(self) -> Option<FarewellKind> {
        match self {
            Self::Silence => Some(FarewellKind::Silence),
            Self::HangupCall | Self::IntentEnded => Some(FarewellKind::HangupCall),
            Self::NoAnswer => Some(FarewellKind::NoAnswer),
            Self::ModelLost => Some(FarewellKind::ModelLost),
            Self::MaxDuration => Some(FarewellKind::MaxDuration),
            Self::Drain => Some(FarewellKind::Drain),
            Self::Operator => Some(FarewellKind::Operator),
            Self::Transferred | Self::ModelGoodbye | Self::CallerHungUp | Self::CarrierGone => None,
        }
    }
}

/// Who closed the line in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// The caller.
    Caller,
    /// We.
    Us,
    /// The carrier.
    Carrier,
}

impl Party {
    /// The name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Us => "us",
            Self::Carrier => "carrier",
        }
    }
}

/// Who said the goodbye, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SaidBy {
    /// The configured voice.
    Voice,
    /// The other configured voice.
    OtherVoice,
    /// A built-in recording.
    Builtin,
    /// The carrier's own voice.
    Carrier,
    /// Nobody: there was nothing to say it with.
    Nobody,
}

impl SaidBy {
    /// The name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::OtherVoice => "other_voice",
            Self::Builtin => "builtin",
            Self::Carrier => "carrier",
            Self::Nobody => "nobody",
        }
    }
}

/// What took an ending back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenBackBy {
    /// The caller spoke.
    Speech,
    /// The caller pressed a key.
    Digit,
    /// A transcript had words other than farewell and thanks.
    Words,
    /// The caller was still speaking at the bound.
    StillSpeaking,
}

/// How far an ending has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// `hangup_call`: the agent is heard out.
    HearingOut,
    /// The farewell is on the line.
    Farewell,
    /// Everything is said; the earliest moment, or the caller's own goodbye, is waited for.
    Waiting,
    /// The carrier itself speaks the farewell.
    CarrierSays,
    /// The carrier is asked to put the caller through.
    Transferring,
    /// It does: the stream's end is waited for.
    HandedOver,
    /// The hang-up request is out, the socket still open.
    HangingUp,
    /// The socket is closed; the carrier's confirmation is waited for.
    Verifying,
}

/// A `transfer_call`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transfer {
    /// Its place in the settings.
    pub(crate) to: u8,
    /// What the agent says in this response tells the caller.
    pub(crate) response: ResponseId,
}

/// An ending under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) reason: Reason,
    pub(crate) stage: Stage,
    pub(crate) begun: Timestamp,
    /// Not closed before.
    pub(crate) earliest: Timestamp,
    /// When it must have been decided, for endings with a window.
    pub(crate) bound: Option<Timestamp>,
    /// The tool call, until it is answered: when the line is closed, or when it is taken back.
    pub(crate) tool_call: Option<ToolCallId>,
    /// The talkspurt that was open when the ending began: it began before.
    pub(crate) open_before: Option<SpurtId>,
    /// When the farewell's first frame was heard, its length.
    pub(crate) farewell: Option<(Timestamp, Duration)>,
    /// The terminal mark is on its way.
    pub(crate) terminal_sent: bool,
    /// The farewell was asked for (whether or not there was time for it).
    pub(crate) farewell_done: bool,
    /// Where the caller is put through to.
    pub(crate) transfer: Option<Transfer>,
    /// A response was cancelled for it.
    pub(crate) cancelled_response: bool,
    /// The caller's silence when it began.
    pub(crate) silent: Duration,
}
