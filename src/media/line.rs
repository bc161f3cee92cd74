//! What the carrier has of us: how long it will play, which marks are out, where the caller's ear is.
//!
//! Everything is reckoned on media time: the carrier plays at its own clock, the same one that paces the inbound
//! frames, so a clock that runs off ours moves neither the lead nor the estimates.

use std::{collections::VecDeque, time::Duration};

use crate::{
    audio::FRAME_SAMPLES,
    carrier::MarkId,
    time::{MediaClock, MediaTime, Timestamp},
};

/// How far agent audio is sent ahead of the caller's ear.
pub const LEAD: Duration = Duration::from_millis(200);
/// … and how far it grows when marks show that the carrier ran dry.
pub const LEAD_MAX: Duration = Duration::from_secs(1);
/// Marks that may be out at once; beyond it the oldest is given up, and counted.
const MARKS: usize = 64;
/// … and that a tick may add: a second of frames, an announcement, the terminal mark.
const MARKS_A_TICK: usize = 8;
/// A mark this much later than the usual lag shows that the carrier ran dry.
const UNDERRUN: u64 = 30 * 8;

/// What a mark stands behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// Agent audio up to this position of the backlog.
    Agent(u64),
    /// An announcement.
    Announcement,
    /// Everything of the call.
    Terminal,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PendingMark {
    pub(super) id: MarkId,
    pub(super) behind: Behind,
    /// When it should be played.
    pub(super) due: MediaTime,
}

/// An echoed mark with what it says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Echoed {
    pub(super) behind: Behind,
    pub(super) lag: Duration,
}

#[derive(Debug)]
pub(super) struct Line {
    /// Everything sent will have been played by then.
    end: MediaTime,
    lead: u64,
    generation: u32,
    next: u32,
    marks: VecDeque<PendingMark>,
    /// Smallest and largest lag of marks behind their estimates, samples.
    lag_min: Option<u64>,
    lag_max: u64,
    /// A place of the backlog that was heard at this media time.
    anchor: Option<(u64, MediaTime)>,
    pub(super) underruns: u32,
    pub(super) marks_given_up: u32,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            end: MediaTime::ZERO,
            lead: samples(LEAD),
            generation: 0,
            next: 0,
            marks: VecDeque::with_capacity(2 * MARKS_A_TICK),
            lag_min: None,
            lag_max: 0,
            anchor: None,
            underruns: 0,
            marks_given_up: 0,
        }
    }

    /// Takes memory for the marks of a tick.
    pub(super) fn make_room(&mut self) {
        self.marks.reserve(MARKS_A_TICK);
    }

    /// Frames that a carrier without any may want in one tick.
    pub(super) fn lead_frames(&self) -> usize {
        (self.lead as usize).div_ceil(FRAME_SAMPLES)
    }

    /// When what was sent will have been played.
    pub(super) fn end(&self) -> MediaTime {
        self.end
    }

    /// Where the next thing sent will be heard.
    pub(super) fn next_start(&self, now: MediaTime) -> MediaTime {
        self.end.max(now)
    }

    /// The carrier has less than the lead.
    pub(super) fn wants_more(&self, now: MediaTime) -> bool {
        self.end.samples() < now.samples() + self.lead
    }

    /// It wants more than this many samples more.
    #[cfg(test)]
    pub(super) fn wants_more_than(&self, now: MediaTime, samples: u64) -> bool {
        self.next_start(now).samples() + samples < now.samples() + self.lead
    }

    /// `samples` are sent; tells when they start to be heard.
    pub(super) fn send(&mut self, now: MediaTime, samples: u64) -> MediaTime {
        let start = self.next_start(now);
        self.end = start + samples;
        start
    }

    /// A new mark behind everything sent so far.
    pub(super) fn mark(&mut self, now: MediaTime, behind: Behind) -> MarkId {
        let id = MarkId { generation: self.generation, number: self.next };
        self.next += 1;
        if self.marks.len() == MARKS {
            self.marks.pop_front();
            self.marks_given_up += 1;
        }
        self.marks.push_back(PendingMark { id, behind, due: self.next_start(now) });
        id
    }

    /// `clear` was sent: the carrier plays nothing more, and echoes every mark for nothing.
    pub(super) fn clear(&mut self, now: MediaTime) {
        self.generation += 1;
        self.marks.clear();
        self.end = now;
        self.anchor = None;
    }

    /// The carrier echoes a mark. `None` if it is unknown, doubled or of an older generation.
    pub(super) fn echoed(&mut self, now: MediaTime, id: MarkId) -> Option<Echoed> {
        let at = self.marks.iter().position(|mark| mark.id == id)?;
        let mark = self.marks[at];
        // Marks before it were lost: what they stood behind was played too.
        self.marks.drain(..=at);
        let lag = now.samples().saturating_sub(mark.due.samples());
        let usual = self.lag_min.map_or(lag, |least| least.min(lag));
        self.lag_min = Some(usual);
        self.lag_max = self.lag_max.max(lag);
        let late = lag - usual;
        if let Behind::Agent(position) = mark.behind {
            self.anchor = Some((position, now));
        }
        if late > UNDERRUN {
            // The carrier is behind: it ran dry, or its echo was slow. Everything after comes later too.
            self.underruns += 1;
            if self.end.samples() > now.samples().saturating_sub(late) {
                self.end += late;
                for mark in &mut self.marks {
                    mark.due += late;
                }
                self.lead = (self.lead + late).min(samples(LEAD_MAX));
            }
        }
        Some(Echoed { behind: mark.behind, lag: Duration::from_micros(lag * 125) })
    }

    /// Where in the backlog the caller's ear is: by the last mark and the time since, else by the estimate; never
    /// beyond `sent`, of which the last sample is heard at `sent_end`.
    pub(super) fn playhead(&self, now: MediaTime, sent: u64, sent_end: MediaTime) -> u64 {
        let estimate = sent.saturating_sub(sent_end.samples().saturating_sub(now.samples()));
        match self.anchor {
            Some((position, at)) => {
                (position + now.samples().saturating_sub(at.samples())).clamp(position.min(sent), sent)
            }
            None => estimate,
        }
    }

    pub(super) fn forget_anchor(&mut self) {
        self.anchor = None;
    }

    /// How late a mark may be, judged by the lags so far: at least 2 s, at most 5 s.
    pub(super) fn patience(&self) -> Duration {
        let twice = Duration::from_micros(self.lag_max * 2 * 125);
        twice.clamp(Duration::from_secs(2), Duration::from_secs(5))
    }

    /// The usual way of a mark.
    pub(super) fn usual_lag(&self) -> u64 {
        self.lag_min.unwrap_or(0)
    }
}

/// A duration in samples at 8 kHz.
pub(super) const fn samples(d: Duration) -> u64 {
    d.as_micros() as u64 / 125
}

/// `at` on call time, with a duration added.
pub(super) fn call_time(clock: &MediaClock, at: MediaTime) -> Timestamp {
    clock.to_call(at)
}
