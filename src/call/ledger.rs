//! The ledger: why the silence window moved, entry by entry.

use std::{fmt, time::Duration};

use super::{AnnouncementKind, EchoPath, EndedBy, Party, Reason, TakenBackBy, ToolFault, Verdict};
use crate::{audio::Dbfs, carrier::Digit, silence::PauseName, time::Timestamp, vad::SpurtId};

/// One change: when, why, and what it did to the deadline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LedgerEntry {
    /// When it was decided, call time.
    pub at: Timestamp,
    /// What happened.
    pub cause: Cause,
    /// The deadline from now on; `None` while the window is held.
    pub deadline: Option<Timestamp>,
    /// How far off the deadline may be: jitter of the media that carry the caller's words, and the lag (or the
    /// estimate) of the mark behind the agent's last audio.
    pub uncertainty: Duration,
}

/// Why the window moved, or what else the call record must say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cause {
    /// The media stream began: the window exists.
    StreamStarted,
    /// A talkspurt began to count.
    SpeechBegan {
        /// Which.
        spurt: SpurtId,
        /// Its first voiced frame.
        start: Timestamp,
    },
    /// A talkspurt that counts has ended.
    Talkspurt {
        /// Which.
        spurt: SpurtId,
        /// Its first voiced frame.
        start: Timestamp,
        /// End of its last voiced frame.
        end: Timestamp,
        /// Voiced time.
        voiced: Duration,
        /// Its level.
        level: Dbfs,
        /// More than `level_floor` under the caller's usual level.
        below_floor: bool,
    },
    /// The verdict on a talkspurt is in.
    Verdict {
        /// Which.
        spurt: SpurtId,
        /// The verdict.
        verdict: Verdict,
    },
    /// What a talkspurt adds to the deadline is charged to the noise budget.
    Charged {
        /// Which.
        spurt: SpurtId,
        /// What is left of the budget.
        budget_left: Duration,
    },
    /// A key.
    Digit(Digit),
    /// The agent is heard.
    AgentAudible,
    /// The agent was heard until.
    AgentSilent {
        /// End of its audio at the caller.
        until: Timestamp,
        /// How we know.
        by: EndedBy,
        /// The mark came this much after the estimate.
        lag: Duration,
    },
    /// A mark came after its estimate was taken.
    AgentEndMoved {
        /// By how much the end moves forward.
        by: Duration,
    },
    /// An answer is owed to the caller since.
    AnswerOwed {
        /// End of the caller's turn.
        since: Timestamp,
    },
    /// It is not owed any more.
    AnswerPaid,
    /// The window stands still.
    Paused(PauseName),
    /// The window runs again.
    Unpaused,
    /// We speak.
    Announced {
        /// What.
        kind: AnnouncementKind,
        /// Its length.
        length: Duration,
        /// Its end was cut off to keep a bound.
        cut: bool,
    },
    /// We have spoken.
    AnnouncementEnded {
        /// What.
        kind: AnnouncementKind,
        /// How we know.
        by: EndedBy,
        /// How much of it was heard.
        heard: Duration,
    },
    /// There is no recording of an announcement.
    NotRendered {
        /// Which.
        kind: AnnouncementKind,
    },
    /// The caller interrupted the agent.
    BargeIn {
        /// By this talkspurt.
        spurt: SpurtId,
    },
    /// It was a false alarm: the agent goes on.
    BargeInFalse,
    /// The path by which our own voice comes back is known, or has changed: what it explains is not the caller.
    EchoKnown(EchoPath),
    /// A tool was started.
    ToolBegan,
    /// A tool has answered.
    ToolEnded {
        /// It worked, or why not.
        result: Result<(), ToolFault>,
    },
    /// The caller has asked for time: the window stands still.
    WaitBegan {
        /// Until then, or until the caller speaks or presses a key.
        until: Timestamp,
    },
    /// … and it is over.
    WaitEnded {
        /// The caller was back before the time was over.
        early: bool,
    },
    /// A response was asked for by hand.
    ResponseAsked,
    /// The model's connection is gone.
    ModelAway,
    /// The model is back.
    ModelBack,
    /// The model spoke more than can be kept.
    BacklogFull,
    /// No inbound frame for this long; the carrier is asked.
    InboundGap(Duration),
    /// The agent said goodbye and the line closes in 3 s.
    GoodbyeHeard,
    /// An ending began.
    EndingBegan(Reason),
    /// It was taken back.
    TakenBack {
        /// Which ending.
        reason: Reason,
        /// By what.
        by: TakenBackBy,
        /// How much of its farewell was heard.
        heard: Duration,
    },
    /// Everything is said.
    TerminalMark(EndedBy),
    /// The carrier was asked to speak the farewell.
    CarrierSays,
    /// The carrier was asked to put the caller through.
    TransferAsked {
        /// Which of the assistant's transfers.
        to: u8,
    },
    /// It has taken the caller over.
    HandedOver,
    /// It has refused: the caller stays.
    TransferFailed,
    /// The carrier was asked to end the call.
    HangupSent {
        /// How often before.
        tries: u32,
    },
    /// The carrier refused or did not answer.
    HangupFailed,
    /// The media connection was closed by us.
    StreamClosed,
    /// The line is closed.
    LineClosed {
        /// By whom.
        by: Party,
        /// The carrier confirmed it.
        verified: bool,
    },
}

struct Ms(Duration);

impl fmt::Display for Ms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < Duration::from_secs(10) {
            write!(f, "{} ms", self.0.as_millis())
        } else {
            write!(f, "{:.1} s", self.0.as_secs_f64())
        }
    }
}

struct At(Timestamp);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} s", self.0.as_micros() as f64 / 1e6)
    }
}

impl fmt::Display for AnnouncementKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Farewell(kind) => write!(f, "farewell.{}", kind.name()),
            Self::Reminder => f.write_str("reminder"),
            Self::Filler => f.write_str("filler"),
            Self::IntentFiller(intent) => write!(f, "filler of intent {}", intent.get()),
        }
    }
}

impl fmt::Display for EndedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mark => "mark",
            Self::Estimate => "estimated",
            Self::Clear => "cleared",
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::StreamStarted => write!(f, "the stream begins"),
            Self::SpeechBegan { spurt, start } => {
                write!(f, "the caller speaks (talkspurt {}, since {})", spurt.0, At(start))
            }
            Self::Talkspurt { spurt, start, end, voiced, level, below_floor } => write!(
                f,
                "talkspurt {} from {} to {}, {} voiced at {level}{}",
                spurt.0,
                At(start),
                At(end),
                Ms(voiced),
                if below_floor { ", below the caller's floor" } else { "" }
            ),
            Self::Verdict { spurt, verdict } => write!(f, "talkspurt {} is {}", spurt.0, verdict.name()),
            Self::Charged { spurt, budget_left } => {
                write!(f, "talkspurt {} is charged as noise, {} of the budget left", spurt.0, Ms(budget_left))
            }
            Self::Digit(digit) => write!(f, "the caller presses {}", digit.key()),
            Self::AgentAudible => write!(f, "the agent speaks"),
            Self::AgentSilent { until, by, lag } => {
                write!(f, "the agent was heard until {} ({by}, mark lag {})", At(until), Ms(lag))
            }
            Self::AgentEndMoved { by } => write!(f, "a late mark: what we said was heard {} longer", Ms(by)),
            Self::AnswerOwed { since } => write!(f, "an answer is owed since {}", At(since)),
            Self::AnswerPaid => write!(f, "no answer is owed any more"),
            Self::Paused(name) => write!(f, "the window stands still: {}", name.name()),
            Self::Unpaused => write!(f, "the window runs"),
            Self::Announced { kind, length, cut } => {
                write!(f, "we say {kind}, {}{}", Ms(length), if cut { ", cut to fit" } else { "" })
            }
            Self::AnnouncementEnded { kind, by, heard } => write!(f, "{kind} ends ({by}), {} heard", Ms(heard)),
            Self::NotRendered { kind } => write!(f, "there is no recording of {kind}"),
            Self::BargeIn { spurt } => write!(f, "talkspurt {} interrupts the agent", spurt.0),
            Self::BargeInFalse => write!(f, "nobody else heard it: the agent goes on"),
            Self::EchoKnown(EchoPath { delay, loss_db, .. }) => {
                write!(f, "our own voice comes back after {}, {loss_db:.0} dB weaker", Ms(delay))
            }
            Self::ToolBegan => write!(f, "a tool runs"),
            Self::WaitBegan { until } => write!(f, "the caller needs time: until {} at the latest", At(until)),
            Self::WaitEnded { early: true } => write!(f, "the caller is back"),
            Self::WaitEnded { early: false } => write!(f, "the caller's time is over"),
            Self::ToolEnded { result: Ok(()) } => write!(f, "the tool has answered"),
            Self::ToolEnded { result: Err(fault) } => write!(f, "the tool has failed: {}", fault.words()),
            Self::ResponseAsked => write!(f, "the model is asked for a response"),
            Self::ModelAway => write!(f, "the model is gone"),
            Self::ModelBack => write!(f, "the model is there"),
            Self::BacklogFull => write!(f, "the model spoke more than can be kept: response cancelled (backlog_full)"),
            Self::InboundGap(gap) => write!(f, "no frame for {}: the carrier is asked", Ms(gap)),
            Self::GoodbyeHeard => write!(f, "the agent said goodbye"),
            Self::EndingBegan(reason) => write!(f, "the call is ended: {}", reason.name()),
            Self::TakenBack { reason, by, heard } => write!(
                f,
                "{} is taken back by {} ({} of the farewell heard)",
                reason.name(),
                match by {
                    TakenBackBy::Speech => "the caller's speech",
                    TakenBackBy::Digit => "a key",
                    TakenBackBy::Words => "the caller's words",
                    TakenBackBy::StillSpeaking => "the caller, who is still speaking",
                },
                Ms(heard)
            ),
            Self::TerminalMark(by) => write!(f, "everything was heard ({by})"),
            Self::CarrierSays => write!(f, "the carrier is asked to say the farewell"),
            Self::TransferAsked { to } => write!(f, "the carrier is asked to put the caller through (transfer {to})"),
            Self::HandedOver => write!(f, "the carrier puts the caller through"),
            Self::TransferFailed => write!(f, "the carrier did not put the caller through"),
            Self::HangupSent { tries: 0 } => write!(f, "the carrier is asked to hang up"),
            Self::HangupSent { tries } => write!(f, "the carrier is asked to hang up, again ({tries})"),
            Self::HangupFailed => write!(f, "the carrier did not hang up"),
            Self::StreamClosed => write!(f, "the media connection is closed"),
            Self::LineClosed { by, verified } => {
                write!(f, "the line is closed by {}{}", by.name(), if verified { "" } else { " (not confirmed)" })
            }
        }
    }
}
