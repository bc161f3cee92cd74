//! A call's ledger as lines that a person can follow, in the terminal.

use std::{io::Write, time::Duration};

use quietline::{
    call::{AnnouncementKind, Cause, EndedBy, LedgerEntry},
    time::Timestamp,
};

/// Who a line is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    Line,
    Caller,
    Agent,
    Window,
    Us,
}

impl Lane {
    /// Name and ANSI colour.
    fn look(self) -> (&'static str, &'static str) {
        match self {
            Self::Line => ("line", "2"),
            Self::Caller => ("caller", "36"),
            Self::Agent => ("agent", "32"),
            Self::Window => ("silence", "33"),
            Self::Us => ("quietline", "35"),
        }
    }
}

/// Silence is shown running in steps of this length.
const STEP: Duration = Duration::from_secs(5);
/// Characters of the bar that fills while the caller is quiet.
const BAR: usize = 24;
/// Characters of what is said that are shown.
const WORDS: usize = 48;

/// Prints ledger entries as they come, with the silence running in between.
pub(crate) struct Timeline<'a> {
    out: &'a mut dyn Write,
    colour: bool,
    verbose: bool,
    timeout: Duration,
    deadline: Option<Timestamp>,
    shown_to: Timestamp,
    /// The last bar that was shown.
    bar: Timestamp,
}

impl<'a> Timeline<'a> {
    /// Prints to `out`; `verbose` shows every entry of the ledger.
    pub(crate) fn new(out: &'a mut dyn Write, colour: bool, verbose: bool, timeout: Duration) -> Self {
        Self { out, colour, verbose, timeout, deadline: None, shown_to: Timestamp::ZERO, bar: Timestamp::ZERO }
    }

    /// The next entry, with the words that begin there.
    pub(crate) fn entry(&mut self, entry: &LedgerEntry, words: Option<&str>) -> std::io::Result<()> {
        self.silence_until(entry.at)?;
        self.deadline = entry.deadline;
        self.shown_to = entry.at;
        let (lane, text) =
            if self.verbose { (lane(&entry.cause), Some(entry.cause.to_string())) } else { plain(&entry.cause) };
        let text = match (text, words) {
            (Some(text), Some(words)) => Some(format!("{text}: “{}”", shortened(words))),
            (text, _) => text,
        };
        let deadline = entry.deadline.filter(|_| self.verbose || settles_deadline(&entry.cause));
        match text {
            Some(text) => self.line(entry.at, lane, &text, deadline),
            None => Ok(()),
        }
    }

    /// The window runs: a bar every five seconds. In real time call it now and then; an entry does it by itself.
    pub(crate) fn silence_until(&mut self, at: Timestamp) -> std::io::Result<()> {
        let Some(deadline) = self.deadline else { return Ok(()) };
        let start = deadline.before(self.timeout);
        let mut next = start + STEP;
        while next < at && next <= deadline {
            if next > self.shown_to + Duration::from_secs(1) && next > self.bar {
                self.bar = next;
                let quiet = next - start;
                let filled = BAR * quiet.as_millis() as usize / self.timeout.as_millis().max(1) as usize;
                let bar = format!("{}{}", "█".repeat(filled), "░".repeat(BAR.saturating_sub(filled)));
                let text = format!("{bar} {:.0} s of {:.0} s", quiet.as_secs_f64(), self.timeout.as_secs_f64());
                self.line(next, Lane::Window, &text, None)?;
            }
            next += STEP;
        }
        Ok(())
    }

    fn line(&mut self, at: Timestamp, lane: Lane, text: &str, deadline: Option<Timestamp>) -> std::io::Result<()> {
        let (name, colour) = lane.look();
        let (on, off) = if self.colour { (format!("\x1b[{colour}m"), "\x1b[0m") } else { (String::new(), "") };
        let seconds = at.as_micros() as f64 / 1e6;
        let until = deadline.map_or(String::new(), |d| format!("goodbye at {:.2} s", d.as_micros() as f64 / 1e6));
        writeln!(self.out, "{}", format!("{seconds:8.2} s  {on}{name:<10}{off} {text:<76} {until}").trim_end())
    }
}

/// From here on the window runs to its deadline, unless something happens.
fn settles_deadline(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::StreamStarted
            | Cause::Talkspurt { .. }
            | Cause::Charged { .. }
            | Cause::AgentSilent { .. }
            | Cause::AgentEndMoved { .. }
            | Cause::AnnouncementEnded { .. }
            | Cause::ToolEnded { .. }
    )
}

/// Long lines are cut after a word.
fn shortened(words: &str) -> String {
    if words.chars().count() <= WORDS {
        return words.into();
    }
    let cut: String = words.chars().take(WORDS).collect();
    format!("{} …", cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole))
}

fn lane(cause: &Cause) -> Lane {
    match cause {
        Cause::SpeechBegan { .. }
        | Cause::Talkspurt { .. }
        | Cause::Verdict { .. }
        | Cause::Digit(_)
        | Cause::WaitEnded { early: true }
        | Cause::BargeIn { .. } => Lane::Caller,
        Cause::AgentAudible
        | Cause::AgentSilent { .. }
        | Cause::AgentEndMoved { .. }
        | Cause::ToolBegan
        | Cause::ToolEnded { .. }
        | Cause::WaitBegan { .. }
        | Cause::ResponseAsked
        | Cause::ModelAway
        | Cause::ModelBack
        | Cause::BacklogFull
        | Cause::BargeInFalse
        | Cause::GoodbyeHeard => Lane::Agent,
        Cause::AnswerOwed { .. }
        | Cause::AnswerPaid
        | Cause::Paused(_)
        | Cause::Unpaused
        | Cause::Charged { .. }
        | Cause::WaitEnded { early: false } => Lane::Window,
        Cause::Announced { .. }
        | Cause::AnnouncementEnded { .. }
        | Cause::NotRendered { .. }
        | Cause::EndingBegan(_)
        | Cause::TakenBack { .. }
        | Cause::TerminalMark(_)
        | Cause::CarrierSays
        | Cause::TransferAsked { .. }
        | Cause::HandedOver
        | Cause::TransferFailed
        | Cause::HangupSent { .. }
        | Cause::HangupFailed => Lane::Us,
        Cause::StreamStarted
        | Cause::InboundGap(_)
        | Cause::EchoKnown(_)
        | Cause::StreamClosed
        | Cause::LineClosed { .. } => Lane::Line,
    }
}

/// What a newcomer wants to see, in their words; `None` for what only explains the arithmetic.
fn plain(cause: &Cause) -> (Lane, Option<String>) {
    let text = match *cause {
        Cause::SpeechBegan { .. } => Some("speaks".to_owned()),
        Cause::Talkspurt { start, end, below_floor, .. } => Some(format!(
            "is quiet again, after {:.1} s{}",
            (end - start).as_secs_f64(),
            if below_floor { " (far quieter than before: background)" } else { "" }
        )),
        Cause::AgentAudible => Some("speaks".to_owned()),
        Cause::AgentSilent { by: EndedBy::Clear, .. } => Some("stops".to_owned()),
        Cause::AgentSilent { .. } => Some("was heard to the end; the silence is counted from here".to_owned()),
        Cause::Announced { kind: AnnouncementKind::Farewell(_), length, .. } => {
            Some(format!("says goodbye, {:.1} s", length.as_secs_f64()))
        }
        Cause::AnnouncementEnded {
            kind: AnnouncementKind::Reminder | AnnouncementKind::Filler | AnnouncementKind::IntentFiller(_),
            ..
        } => Some("has said it; the window goes on from where it was".to_owned()),
        Cause::AnnouncementEnded { .. }
        | Cause::Verdict { .. }
        | Cause::AnswerOwed { .. }
        | Cause::AnswerPaid
        | Cause::Paused(_)
        | Cause::Unpaused
        | Cause::ResponseAsked
        | Cause::EchoKnown(_)
        | Cause::ModelBack => None,
        Cause::StreamStarted
        | Cause::Charged { .. }
        | Cause::Digit(_)
        | Cause::AgentEndMoved { .. }
        | Cause::Announced { .. }
        | Cause::NotRendered { .. }
        | Cause::BargeIn { .. }
        | Cause::BargeInFalse
        | Cause::ToolBegan
        | Cause::ToolEnded { .. }
        | Cause::WaitBegan { .. }
        | Cause::WaitEnded { .. }
        | Cause::ModelAway
        | Cause::BacklogFull
        | Cause::InboundGap(_)
        | Cause::GoodbyeHeard
        | Cause::EndingBegan(_)
        | Cause::TakenBack { .. }
        | Cause::TerminalMark(_)
        | Cause::CarrierSays
        | Cause::TransferAsked { .. }
        | Cause::HandedOver
        | Cause::TransferFailed
        | Cause::HangupSent { .. }
        | Cause::HangupFailed
        | Cause::StreamClosed
        | Cause::LineClosed { .. } => Some(cause.to_string()),
    };
    (lane(cause), text)
}
