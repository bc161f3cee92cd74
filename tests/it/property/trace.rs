//! What happened in a run: inputs and outputs in their order, with their times.

use std::fmt;

use quietline::{
    assistant::FarewellKind,
    call::{AnnouncementKind, CallRecord, LedgerEntry},
    carrier::{CallStatus, MarkId},
    model::{ResponseStatus, ToolAnswer},
    time::Timestamp,
};

/// What a transcript says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// There will be none.
    Failed,
    /// No words.
    Nothing,
    /// Words other than farewell and thanks; the number tells equal texts.
    Words(u8),
    /// Nothing but farewell, thanks and fillers; the number tells equal texts.
    Closing(u8),
}

/// Which tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Hangup,
    /// An intent by its place in the settings.
    Intent(u8),
    /// `wait_for_caller` with so many seconds.
    Wait(u32),
    /// `transfer_call` to the n-th of its places; 9: to nobody.
    Transfer(u8),
    /// One that does not exist.
    Unknown,
}

/// Whose audio a frame of ours carries; told by its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    /// Audio of this response (modulo the number of codes) that the model gave in time.
    Agent(u8),
    /// Audio of this response that the model gave after it had been cancelled.
    Late(u8),
    /// Silence, a ramp, a mix.
    Other,
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum What {
    // What the session is told.
    Started,
    /// Frame number, level (0: no voice).
    Frame {
        number: u32,
        level: u8,
    },
    Digit,
    Mark(MarkId),
    Stopped,
    Closed {
        clean: bool,
    },
    HangupAnswer(bool),
    SayAnswer(bool),
    DialAnswer(bool),
    Status(CallStatus),
    ModelReady,
    ModelLost,
    Hint,
    Committed,
    /// Frames of the caller that it speaks of, and whether the model said which.
    Partial {
        first: u32,
        last: u32,
        told: bool,
    },
    Transcript {
        first: u32,
        last: u32,
        told: bool,
        said: Said,
    },
    Created(u32),
    Audio {
        response: u32,
        samples: u32,
        late: bool,
    },
    ItemDone {
        response: u32,
        goodbye: bool,
    },
    ToolCall {
        response: u32,
        call: u32,
        tool: Tool,
        completed: bool,
    },
    Done {
        response: u32,
        status: ResponseStatus,
    },
    ToolDone {
        call: u32,
        ok: bool,
    },
    Operator,
    Drain,
    Rendered(AnnouncementKind),
    Tick,
    Timeout,

    // What the session wants.
    Sent(Voice),
    /// An announcement goes out; the carrier will have played it at this time.
    Announcement {
        samples: u32,
        played: Timestamp,
    },
    SentMark(MarkId),
    Clear,
    Hangup,
    CloseStream,
    FetchStatus,
    Say(FarewellKind),
    Dial {
        to: u8,
    },
    Connect,
    Commit,
    Create,
    Cancel(u32),
    Truncate {
        item: u32,
        heard_ms: u32,
    },
    ToolOutput {
        call: u32,
        answer: ToolAnswer,
    },
    Note,
    CloseModel,
    RunTool(u32),
    /// Place of the entry in [`Trace::ledger`].
    Ledger(u32),
    /// [`Session::is_over`] became true.
    Over,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    pub(crate) what: What,
}

#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) entries: Vec<Entry>,
    pub(crate) ledger: Vec<LedgerEntry>,
    /// The session's own record, at the end.
    pub(crate) record: Option<CallRecord>,
    /// What the world itself saw going wrong, and when.
    pub(crate) wrong: Option<(Timestamp, &'static str, String)>,
}

impl Trace {
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.ledger.clear();
        self.record = None;
        self.wrong = None;
    }

    pub(crate) fn push(&mut self, at: Timestamp, what: What) {
        self.entries.push(Entry { at, what });
    }

    pub(crate) fn wrong(&mut self, at: Timestamp, rule: &'static str, text: String) {
        self.wrong.get_or_insert((at, rule, text));
    }

    /// The lines up to and some after `at`, ticks and frames left out or joined.
    pub(crate) fn around(&self, at: Timestamp, before: usize, after: usize) -> String {
        let mut lines: Vec<(Timestamp, String)> = Vec::new();
        let mut voiced: Option<(u32, u32, u8)> = None;
        let mut sent: Option<(Voice, u32)> = None;
        for entry in &self.entries {
            match entry.what {
                What::Tick => continue,
                What::Frame { number, level } => {
                    voiced = match voiced {
                        Some((first, last, l)) if l == level && number == last + 1 => Some((first, number, l)),
                        Some(_) | None => {
                            lines.push((entry.at, String::new()));
                            Some((number, number, level))
                        }
                    };
                    let Some((first, last, level)) = voiced else { continue };
                    let text = format!("  < frames {first}..={last} level {level}");
                    // The line of this stretch is the last one that speaks of frames.
                    if let Some(line) =
                        lines.iter_mut().rev().find(|(_, l)| l.is_empty() || l.starts_with("  < frames"))
                    {
                        line.1 = text;
                    }
                    continue;
                }
                What::Sent(voice) => {
                    sent = match sent {
                        Some((v, n)) if v == voice => Some((v, n + 1)),
                        Some(_) | None => {
                            lines.push((entry.at, "  > frame".into()));
                            Some((voice, 1))
                        }
                    };
                    let Some((voice, n)) = sent else { continue };
                    if let Some(line) = lines.iter_mut().rev().find(|(_, l)| l.starts_with("  > frame")) {
                        line.1 = format!("  > frame {voice:?} x{n}");
                    }
                    continue;
                }
                _ => {}
            }
            sent = None;
            let text = match entry.what {
                What::Ledger(at) => {
                    let e = &self.ledger[at as usize];
                    let deadline = e.deadline.map_or("-".into(), |d| d.to_string());
                    format!("      * {} [deadline {deadline}]", e.cause)
                }
                what => format!("  {} {what:?}", if what.is_output() { '>' } else { '<' }),
            };
            lines.push((entry.at, text));
        }
        let until = lines.iter().position(|(t, _)| *t > at).unwrap_or(lines.len());
        let (from, to) = (until.saturating_sub(before), (until + after).min(lines.len()));
        let mut text = String::new();
        for (at, line) in &lines[from..to] {
            use fmt::Write;
            writeln!(text, "{at:>12} {line}").unwrap();
        }
        text
    }
}

impl What {
    #[rustfmt::skip]
    pub(crate) fn is_output(&self) -> bool {
        matches!(self, Self::Sent(_) | Self::Announcement { .. } | Self::SentMark(_) | Self::Clear | Self::Hangup
            | Self::CloseStream | Self::FetchStatus | Self::Say(_) | Self::Dial { .. } | Self::Connect | Self::Commit | Self::Create
            | Self::Cancel(_) | Self::Truncate { .. } | Self::ToolOutput { .. } | Self::Note | Self::CloseModel
            | Self::RunTool(_) | Self::Ledger(_) | Self::Over)
    }
}
