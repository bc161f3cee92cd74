use std::time::Duration;

use crate::{
    call::{AnnouncementKind, Cause, EndedBy, Party, Reason},
    lab::World,
    time::Timestamp,
};

/// The goodbye's first frame may be this much after the deadline, and never before it.
const MECHANICS: Duration = Duration::from_millis(20);
/// From the terminal mark to the closed line.
const CLOSED: Duration = Duration::from_secs(1);
/// The first frame of a farewell may be mixed with the agent's last.
const JOINT: usize = 160;

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
    /// Looks at a world whose call is over.
    #[must_use]
    pub fn check(world: &World) -> Self {
        let mut rules = Self::default();
        rules.check_ending(world);
        rules.check_mechanics(world);
        rules.check_goodbye(world);
        rules.check_closing(world);
        for violation in world.carrier.violations() {
            rules.broken.push(format!("the carrier was sent what it does not take: {violation}"));
        }
        rules
    }

    fn check_ending(&mut self, world: &World) {
        let endings = world.ledger.iter().filter(|e| matches!(e.cause, Cause::LineClosed { .. })).count();
        if endings != 1 || world.session.record().reason.is_none() {
            self.broken.push(format!("the line was closed {endings} times instead of once"));
        }
    }

    fn check_mechanics(&mut self, world: &World) {
        let record = world.session.record();
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

    fn check_goodbye(&mut self, world: &World) {
        let record = world.session.record();
        let (Some(begun), Some(kind)) = (record.goodbye_at, record.reason.and_then(Reason::farewell)) else { return };
        let Some(rendering) = world.session.media().rendering(AnnouncementKind::Farewell(kind)) else { return };
        let whole = rendering.mulaw();
        let ended = world.ledger.iter().rev().find_map(|entry| {
            let Cause::AnnouncementEnded { kind: AnnouncementKind::Farewell(_), by, .. } = entry.cause else {
                return None;
            };
            Some(by)
        });
        let heard = world.carrier.heard();
        let from = (begun - world.carrier.start()).as_micros() as usize / 125;
        let rest = whole.get(JOINT..).unwrap_or(&[]);
        let found = heard.get(from..).is_some_and(|heard| heard.windows(rest.len().max(1)).any(|w| w == rest));
        self.goodbye_whole = Some(found);
        let cleared = ended == Some(EndedBy::Clear);
        if !found && !record.goodbye_cut && !cleared && record.ended_by == Some(Party::Us) {
            self.broken.push("the goodbye was not heard whole".into());
        }
    }

    fn check_closing(&mut self, world: &World) {
        let record = world.session.record();
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
