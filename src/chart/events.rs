use serde::Serialize;

use crate::{
    call::{AnnouncementKind, Cause, LedgerEntry},
    time::Timestamp,
};

/// What a ledger says, as things that can be drawn.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Events {
    /// Talkspurts that counted.
    pub spurts: Vec<Spurt>,
    /// What is left of the silence window.
    pub window: Vec<WindowPiece>,
    /// What we said.
    pub announced: Vec<Announced>,
    /// Moments with a name.
    pub markers: Vec<Marker>,
    /// Every entry.
    pub ledger: Vec<Line>,
}

/// One talkspurt that counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spurt {
    /// Its number in the call.
    pub id: u64,
    /// First voiced frame.
    pub start_ms: f64,
    /// End of the last voiced frame.
    pub end_ms: f64,
    /// Voiced time.
    pub voiced_ms: f64,
    /// Its level.
    pub level_dbfs: f64,
    /// Too quiet to be the caller.
    pub below_floor: bool,
    /// The last verdict on it.
    pub verdict: Option<&'static str>,
    /// What it added to the deadline was taken from the noise budget.
    pub charged: bool,
}

/// The window between two entries of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WindowPiece {
    /// From.
    pub start_ms: f64,
    /// To.
    pub end_ms: f64,
    /// What is left of it at both ends; the same where it stands still.
    pub left_ms: (f64, f64),
    /// What it is held by.
    pub held: Option<&'static str>,
}

/// One announcement of ours, for as long as it was heard.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Announced {
    /// First frame.
    pub start_ms: f64,
    /// End.
    pub end_ms: f64,
    /// What it is.
    pub name: String,
    /// It is a goodbye.
    pub farewell: bool,
}

/// What kind of moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkerKind {
    /// An ending begins.
    Ending,
    /// Our goodbye begins.
    Goodbye,
    /// An ending is taken back.
    TakenBack,
    /// The caller interrupts the agent.
    BargeIn,
    /// The line is closed.
    Hangup,
}

/// A moment with a name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Marker {
    /// When.
    pub at_ms: f64,
    /// What.
    pub kind: MarkerKind,
    /// In words.
    pub text: String,
}

/// One entry of the ledger in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// When.
    pub at_ms: f64,
    /// What happened.
    pub text: String,
    /// The deadline from now on.
    pub deadline_ms: Option<f64>,
    /// How far off it may be.
    pub uncertainty_ms: f64,
}

impl Events {
    /// Of a call's ledger.
    #[must_use]
    pub fn of(ledger: &[LedgerEntry]) -> Self {
        let mut events = Self { window: window(ledger), ..Self::default() };
        for entry in ledger {
            events.ledger.push(Line {
                at_ms: entry.at.as_millis_f64(),
                text: entry.cause.to_string(),
                deadline_ms: entry.deadline.map(Timestamp::as_millis_f64),
                uncertainty_ms: entry.uncertainty.as_secs_f64() * 1e3,
            });
            events.spurt(&entry.cause);
            events.announcement(entry);
            events.marker(entry);
        }
        events
    }

    /// The last moment that there is, milliseconds.
    #[must_use]
    pub fn end_ms(&self) -> f64 {
        let announced = self.announced.iter().map(|said| said.end_ms);
        self.ledger.iter().map(|line| line.at_ms).chain(announced).fold(0.0, f64::max)
    }

    fn spurt(&mut self, cause: &Cause) {
        if let Cause::Talkspurt { spurt, start, end, voiced, level, below_floor } = *cause {
            self.spurts.push(Spurt {
                id: spurt.0.into(),
                start_ms: start.as_millis_f64(),
                end_ms: end.as_millis_f64(),
                voiced_ms: voiced.as_secs_f64() * 1e3,
                level_dbfs: (f64::from(level.db()) * 10.0).round() / 10.0,
                below_floor,
                verdict: None,
                charged: false,
            });
        }
        let (Cause::Verdict { spurt, .. } | Cause::Charged { spurt, .. }) = *cause else { return };
        let Some(judged) = self.spurts.iter_mut().rev().find(|known| known.id == u64::from(spurt.0)) else { return };
        if let Cause::Verdict { verdict, .. } = *cause {
            judged.verdict = Some(verdict.name());
        } else {
            judged.charged = true;
        }
    }

    fn announcement(&mut self, entry: &LedgerEntry) {
        let start_ms = entry.at.as_millis_f64();
        if let Cause::Announced { kind, length, .. } = entry.cause {
            self.announced.push(Announced {
                start_ms,
                end_ms: start_ms + length.as_secs_f64() * 1e3,
                name: kind.to_string(),
                farewell: matches!(kind, AnnouncementKind::Farewell(_)),
            });
        }
        let (Cause::AnnouncementEnded { heard, .. } | Cause::TakenBack { heard, .. }) = entry.cause else { return };
        if let Some(last) = self.announced.last_mut().filter(|last| last.end_ms > start_ms) {
            last.end_ms = last.start_ms + heard.as_secs_f64() * 1e3;
        }
    }

    fn marker(&mut self, entry: &LedgerEntry) {
        let (kind, text) = if let Cause::EndingBegan(reason) = entry.cause {
            (MarkerKind::Ending, format!("ending: {}", reason.name()))
        } else if let Cause::Announced { kind: AnnouncementKind::Farewell(_), .. } = entry.cause {
            (MarkerKind::Goodbye, "goodbye".into())
        } else if let Cause::TakenBack { .. } = entry.cause {
            (MarkerKind::TakenBack, "taken back".into())
        } else if let Cause::BargeIn { .. } = entry.cause {
            (MarkerKind::BargeIn, "barge-in".into())
        } else if let Cause::LineClosed { by, .. } = entry.cause {
            (MarkerKind::Hangup, format!("line closed by {}", by.name()))
        } else {
            return;
        };
        self.markers.push(Marker { at_ms: entry.at.as_millis_f64(), kind, text });
    }
}

/// From entry to entry: running down to the deadline, or standing where it was when something held it.
fn window(ledger: &[LedgerEntry]) -> Vec<WindowPiece> {
    let mut pieces = Vec::new();
    let mut paused = None;
    let mut ending = false;
    let mut left = 0.0;
    for pair in ledger.windows(2) {
        let [entry, next] = pair else { continue };
        if let Cause::Paused(name) = entry.cause {
            paused = Some(name.name());
        } else if let Cause::Unpaused = entry.cause {
            paused = None;
        } else if let Cause::EndingBegan(_) = entry.cause {
            ending = true;
        } else if let Cause::TakenBack { .. } = entry.cause {
            ending = false;
        }
        let (start_ms, end_ms) = (entry.at.as_millis_f64(), next.at.as_millis_f64());
        let running = entry.deadline.filter(|_| paused.is_none() && !ending).map(Timestamp::as_millis_f64);
        let piece = match running {
            Some(deadline) => {
                let left_ms = ((deadline - start_ms).max(0.0), (deadline - end_ms).max(0.0));
                WindowPiece { start_ms, end_ms, left_ms, held: None }
            }
            None if ending => continue,
            None => WindowPiece { start_ms, end_ms, left_ms: (left, left), held: paused.or(Some("caller speaks")) },
        };
        left = piece.left_ms.1;
        if end_ms > start_ms {
            pieces.push(piece);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        audio::Dbfs,
        call::{Reason, Verdict},
        silence::PauseName,
        vad::SpurtId,
    };

    fn entry(at_ms: u64, cause: Cause, deadline_ms: Option<u64>) -> LedgerEntry {
        let deadline = deadline_ms.map(Timestamp::from_millis);
        LedgerEntry { at: Timestamp::from_millis(at_ms), cause, deadline, uncertainty: Duration::ZERO }
    }

    #[test]
    fn the_window_runs_stands_still_and_is_gone_while_the_call_is_ended() {
        let ledger = [
            entry(0, Cause::StreamStarted, Some(30_000)),
            entry(1_000, Cause::Paused(PauseName::Agent), None),
            entry(3_000, Cause::Unpaused, Some(32_000)),
            entry(32_000, Cause::EndingBegan(Reason::Silence), None),
            entry(33_000, Cause::StreamClosed, None),
        ];
        let pieces: Vec<_> = window(&ledger).iter().map(|p| (p.start_ms, p.end_ms, p.left_ms, p.held)).collect();
        assert_eq!(
            pieces,
            [
                (0.0, 1_000.0, (30_000.0, 29_000.0), None),
                (1_000.0, 3_000.0, (29_000.0, 29_000.0), Some("agent")),
                (3_000.0, 32_000.0, (29_000.0, 0.0), None),
            ]
        );
    }

    #[test]
    fn a_talkspurt_has_its_last_verdict_and_whether_it_was_charged() {
        let spurt = SpurtId(4);
        let at = Timestamp::from_millis;
        let (voiced, level) = (Duration::from_millis(300), Dbfs::new(-20.04));
        let found = Cause::Talkspurt { spurt, start: at(100), end: at(500), voiced, level, below_floor: false };
        let ledger = [
            entry(800, found, None),
            entry(900, Cause::Verdict { spurt, verdict: Verdict::Pending }, None),
            entry(950, Cause::Verdict { spurt, verdict: Verdict::Wordless }, None),
            entry(950, Cause::Charged { spurt, budget_left: Duration::ZERO }, None),
            entry(960, Cause::Charged { spurt: SpurtId(9), budget_left: Duration::ZERO }, None),
        ];
        let events = Events::of(&ledger);
        let [known] = &events.spurts[..] else { panic!("{events:?}") };
        assert_eq!((known.verdict, known.charged, known.level_dbfs), (Some("wordless"), true, -20.0));
        assert_eq!((events.ledger.len(), events.end_ms()), (5, 960.0));
    }
}
