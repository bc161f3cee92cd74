use std::time::Duration;

use crate::{
    call::{AnnouncementKind, CallRecord, Cause, EndedBy, LedgerEntry, Party, Reason},
    lab::{ScriptedCarrier, World},
    mix::Announcement,
    time::Timestamp,
};

/// The goodbye's first frame may be this much after the deadline, and never before it.
const MECHANICS: Duration = Duration::from_millis(20);
/// From the terminal mark to the closed line.
const CLOSED: Duration = Duration::from_secs(1);
/// The first frame of a farewell may be mixed with the agent's last.
const JOINT: usize = 160;

/// The caller's clock may begin this much before or after ours, in samples.
const CLOCKS: usize = 8_000;

/// What is known of a finished call, from both ends of the line.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Our record.
    pub record: &'a CallRecord,
    /// Our ledger.
    pub ledger: &'a [LedgerEntry],
    /// The rendering of the farewell that belongs to the reason, if there was one.
    pub farewell: Option<&'a Announcement>,
    /// The carrier: what the caller heard, and what we did that it does not allow.
    pub carrier: &'a ScriptedCarrier,
}

impl<'a> Evidence<'a> {
    /// Of a world whose call is over.
    #[must_use]
    pub fn of(world: &'a World) -> Self {
        let record = world.session.record();
        let kind = record.reason.and_then(Reason::farewell).map(AnnouncementKind::Farewell);
        let farewell = kind.and_then(|kind| world.session.media().rendering(kind));
        Self { record, ledger: &world.ledger, farewell, carrier: &world.carrier }
    }
}

/// What a finished call came to, held against the rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// First goodbye frame less our own deadline, milliseconds; `None` unless the call ended by silence.
    pub mechanics_error_ms: Option<f64>,
    /// How long the decision was held past the deadline for speech in flight, milliseconds.
    pub held_ms: f64,
    /// The farewell's samples are all in what the caller heard; `None` if there was none.
    pub goodbye_whole: Option<bool>,
    /// From the terminal mark to the closed line, milliseconds.
    pub closed_after_mark_ms: Option<f64>,
    /// From the tool call to the closed line, milliseconds.
    pub closed_after_tool_ms: Option<f64>,
    /// From the caller's last voiced frame to the closed line, milliseconds.
    pub closed_after_words_ms: Option<f64>,
    /// Every rule that was broken, in words.
    pub broken: Vec<String>,
}

impl Rules {
    /// Looks at a call that is over.
    #[must_use]
    pub fn check(call: &Evidence<'_>) -> Self {
        let mut rules = Self::default();
        rules.check_ending(call);
        rules.check_mechanics(call);
        rules.check_goodbye(call);
        rules.check_closing(call);
        for violation in call.carrier.violations() {
            rules.broken.push(format!("the carrier was sent what it does not take: {violation}"));
        }
        rules
    }

    fn check_ending(&mut self, call: &Evidence<'_>) {
        let endings = call.ledger.iter().filter(|e| matches!(e.cause, Cause::LineClosed { .. })).count();
        if endings != 1 || call.record.reason.is_none() {
            self.broken.push(format!("the line was closed {endings} times instead of once"));
        }
    }

    fn check_mechanics(&mut self, call: &Evidence<'_>) {
        let record = call.record;
        if record.reason != Some(Reason::Silence) {
            return;
        }
        self.held_ms = record.held.as_secs_f64() * 1e3;
        let (Some(deadline), Some(goodbye)) = (record.deadline, record.goodbye_at) else {
            self.broken.push("a silence ending without deadline or goodbye".into());
            return;
        };
        let error = goodbye.diff_micros(deadline) as f64 / 1e3;
        self.mechanics_error_ms = Some(error);
        if error < 0.0 || error - self.held_ms > MECHANICS.as_secs_f64() * 1e3 {
            self.broken.push(format!("the goodbye came {error:.1} ms after the deadline; 0 to 20 ms are allowed"));
        }
    }

    fn check_goodbye(&mut self, call: &Evidence<'_>) {
        let record = call.record;
        let (Some(begun), Some(rendering)) = (record.goodbye_at, call.farewell) else { return };
        let whole = rendering.mulaw();
        let ended = call.ledger.iter().rev().find_map(|entry| {
            let Cause::AnnouncementEnded { kind: AnnouncementKind::Farewell(_), by, .. } = entry.cause else {
                return None;
            };
            Some(by)
        });
        let heard = call.carrier.heard();
        let from = ((begun - call.carrier.start()).as_micros() as usize / 125).saturating_sub(CLOCKS);
        let rest = whole.get(JOINT..).unwrap_or(&[]);
        let found = heard.get(from..).is_some_and(|heard| heard.windows(rest.len().max(1)).any(|w| w == rest));
        self.goodbye_whole = Some(found);
        let cleared = ended == Some(EndedBy::Clear);
        if !found && !record.goodbye_cut && !cleared && record.ended_by == Some(Party::Us) {
            self.broken.push("the goodbye was not heard whole".into());
        }
    }

    fn check_closing(&mut self, call: &Evidence<'_>) {
        let record = call.record;
        let ms = |from: Timestamp, to: Timestamp| to.diff_micros(from) as f64 / 1e3;
        let Some(closed) = record.closed_at else { return };
        self.closed_after_words_ms = record.caller_silent_since.map(|words| ms(words, closed));
        if let Some(tool) = record.tool_called_at {
            let after = ms(tool, closed);
            self.closed_after_tool_ms = Some(after);
            if !(1000.0..=5000.0).contains(&after) {
                self.broken.push(format!("closed {after:.0} ms after the tool call; 1,000 to 5,000 are allowed"));
            }
            return;
        }
        if let Some(mark) = record.terminal_mark_at {
            let after = ms(mark, closed);
            self.closed_after_mark_ms = Some(after);
            if after > CLOSED.as_secs_f64() * 1e3 {
                self.broken.push(format!("closed {after:.0} ms after the terminal mark; 1,000 are allowed"));
            }
        }
    }
}
