use std::time::Duration;

use super::VadFrame;
use crate::{
    audio::{Dbfs, FRAME_SAMPLES},
    time::MediaTime,
};

/// Number of a talkspurt within its call, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpurtId(pub u32);

/// What makes a talkspurt of voiced frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TalkspurtConfig {
    /// Voiced time from which a talkspurt counts.
    pub min_speech: Duration,
    /// Voiced frames closer than this are one talkspurt.
    pub hangover: Duration,
}

/// One stretch of the caller's speech.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Talkspurt {
    /// Its number.
    pub id: SpurtId,
    /// Start of the first voiced frame.
    pub start: MediaTime,
    /// End of the last voiced frame so far; the hangover is never part of it.
    pub end: MediaTime,
    /// Voiced time so far.
    pub voiced: Duration,
    /// Level of the voiced frames (RMS over all of them).
    pub level: Dbfs,
    /// It has reached `min_speech`.
    pub counts: bool,
    power_sum: f64,
}

impl Talkspurt {
    fn new(id: SpurtId, start: MediaTime) -> Self {
        let zero = Duration::ZERO;
        Self { id, start, end: start, voiced: zero, level: Dbfs::SILENCE, counts: false, power_sum: 0.0 }
    }

    /// From the first voiced frame's start to the last one's end.
    #[must_use]
    pub fn span(&self) -> Duration {
        self.end.since(self.start)
    }

    fn add(&mut self, at: MediaTime, level: Dbfs) {
        self.end = at + FRAME;
        self.voiced += FRAME_TIME;
        self.power_sum += f64::from(level.power());
        let frames = self.voiced.as_micros() / FRAME_TIME.as_micros();
        self.level = Dbfs::from_power((self.power_sum / frames as f64) as f32);
    }
}

const FRAME: u64 = FRAME_SAMPLES as u64;
const FRAME_TIME: Duration = Duration::from_millis(crate::audio::FRAME_MS);

/// What a frame did to the talkspurts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TalkspurtEvent {
    /// A first voiced frame: a provisional onset.
    Began(Talkspurt),
    /// The open talkspurt reached `min_speech`; a back-dated one may do so without having begun.
    Counts(Talkspurt),
    /// The hangover has passed since the last voiced frame. `counts` tells whether it was more than a click.
    Ended(Talkspurt),
}

/// What was heard in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameHeard {
    /// The frame holds voice.
    pub voiced: bool,
    /// If it is voiced: so many frames just before it turn out to have been voiced too.
    pub back: u8,
    /// Its level.
    pub level: Dbfs,
    /// Whatever it holds is not the caller's (our own echo, a lost frame): no later frame makes it voiced.
    pub foreign: bool,
}

impl FrameHeard {
    /// Nothing of the caller.
    pub const NOTHING: Self = Self { voiced: false, back: 0, level: Dbfs::SILENCE, foreign: true };

    /// What a detector says of a frame of this level.
    #[must_use]
    pub const fn of(frame: VadFrame, level: Dbfs) -> Self {
        Self { voiced: frame.voiced, back: frame.back, level, foreign: false }
    }

    /// A frame that is judged once and for all.
    #[must_use]
    pub const fn new(voiced: bool, level: Dbfs) -> Self {
        Self { voiced, back: 0, level, foreign: false }
    }
}

/// Frames that may turn out to have been voiced after they were pushed, at most: 320 ms.
pub const LOOK_BACK: usize = 16;

/// Joins voiced frames to talkspurts.
///
/// An event at most twice a frame: a voiced frame after a gap longer than the hangover ends the old talkspurt and
/// begins a new one. Frames that were lost are simply not pushed; the next one's position shows the gap.
#[derive(Clone, Debug)]
pub struct TalkspurtTracker {
    config: TalkspurtConfig,
    open: Option<Talkspurt>,
    next_id: u32,
    deaf_until: MediaTime,
    /// Frames that may still turn out to have been voiced: where they began and their levels, by frame number.
    recent: [Option<(MediaTime, Dbfs)>; LOOK_BACK],
}

impl TalkspurtTracker {
    /// No talkspurt yet.
    #[must_use]
    pub fn new(config: TalkspurtConfig) -> Self {
        Self { config, open: None, next_id: 0, deaf_until: MediaTime::ZERO, recent: [None; LOOK_BACK] }
    }

    /// The talkspurt under way, provisional or counting, until its hangover has passed.
    #[must_use]
    pub fn open(&self) -> Option<&Talkspurt> {
        self.open.as_ref()
    }

    /// The 20 ms frame that starts at `at`. Frames come in order.
    pub fn push(&mut self, at: MediaTime, frame: FrameHeard) -> [Option<TalkspurtEvent>; 2] {
        let voiced = frame.voiced && at >= self.deaf_until;
        let begun = if voiced { self.begun(at, frame.back) } else { at };
        // A voiced frame belongs to the open talkspurt if it *starts* within the hangover; an unvoiced one ends it
        // once its own *end* lies a hangover past the last voiced frame.
        let reach = if voiced { begun } else { at + FRAME };
        let ended = self.open.filter(|spurt| reach.since(spurt.end) >= self.config.hangover).map(|spurt| {
            self.open = None;
            TalkspurtEvent::Ended(spurt)
        });
        let event = if voiced { self.voiced(begun, at, frame.level) } else { None };
        *self.recent(at) = (!voiced && !frame.foreign && at >= self.deaf_until).then_some((at, frame.level));
        [ended, event]
    }

    fn recent(&mut self, at: MediaTime) -> &mut Option<(MediaTime, Dbfs)> {
        &mut self.recent[(at.samples() / FRAME) as usize % LOOK_BACK]
    }

    /// The first of the frames without a gap before `at`, at most `back` of them, that may have been voiced.
    fn begun(&mut self, at: MediaTime, back: u8) -> MediaTime {
        let mut begun = at;
        for _ in 0..back.min(LOOK_BACK as u8) {
            let Some(before) = begun.samples().checked_sub(FRAME).map(MediaTime::from_samples) else { break };
            if self.recent(before).is_none_or(|(at, _)| at != before) {
                break;
            }
            begun = before;
        }
        begun
    }

    /// Frames from `begun` to the one at `at` are voiced; the one at `at` has this level.
    fn voiced(&mut self, begun: MediaTime, at: MediaTime, level: Dbfs) -> Option<TalkspurtEvent> {
        let began = self.open.is_none();
        let mut spurt = self.open.take().unwrap_or_else(|| {
            self.next_id += 1;
            Talkspurt::new(SpurtId(self.next_id - 1), begun)
        });
        let mut next = begun;
        while next < at {
            if let Some((_, level)) = self.recent(next).take() {
                spurt.add(next, level);
            }
            next += FRAME;
        }
        spurt.add(at, level);
        let counts = !spurt.counts && spurt.voiced >= self.config.min_speech;
        spurt.counts |= counts;
        self.open = Some(spurt);
        if counts {
            return Some(TalkspurtEvent::Counts(spurt));
        }
        began.then_some(TalkspurtEvent::Began(spurt))
    }

    /// Takes the open talkspurt away if it started at or after `from`, and hears nothing before `until`: a key's
    /// tone is no speech. Gives back what was taken away.
    pub fn discard(&mut self, from: MediaTime, until: MediaTime) -> Option<Talkspurt> {
        self.deaf_until = self.deaf_until.max(until);
        self.open.take_if(|spurt| spurt.start >= from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: TalkspurtConfig =
        TalkspurtConfig { min_speech: Duration::from_millis(120), hangover: Duration::from_millis(300) };

    /// Pushes `pattern`, a character a frame: `#` voiced, `.` not, `_` lost.
    fn run(pattern: &str) -> Vec<(u64, TalkspurtEvent)> {
        let mut tracker = TalkspurtTracker::new(CONFIG);
        let mut events = Vec::new();
        for (i, c) in pattern.chars().enumerate().filter(|(_, c)| *c != '_') {
            let at = MediaTime::from_millis(i as u64 * 20);
            for event in tracker.push(at, FrameHeard::new(c == '#', Dbfs::new(-20.0))).into_iter().flatten() {
                events.push((i as u64, event));
            }
        }
        events
    }

    fn ms(t: MediaTime) -> u64 {
        t.samples() / 8
    }

    #[test]
    fn counts_from_min_speech_and_ends_back_dated() {
        let events = run(&format!("..{}{}", "#".repeat(10), ".".repeat(20)));
        assert!(matches!(events[0], (2, TalkspurtEvent::Began(s)) if ms(s.start) == 40 && !s.counts));
        assert!(matches!(events[1], (7, TalkspurtEvent::Counts(s)) if s.voiced == CONFIG.min_speech));
        let (at, TalkspurtEvent::Ended(s)) = events[2] else { panic!("{events:?}") };
        assert_eq!((at, ms(s.start), ms(s.end)), (26, 40, 240));
        assert!(s.counts && (s.level.db() + 20.0).abs() < 0.01);
        assert_eq!(events.len(), 3);
    }

    #[test]
    fn gaps_shorter_than_the_hangover_join() {
        let joined = run("##..............##................");
        assert_eq!(joined.iter().filter(|(_, e)| matches!(e, TalkspurtEvent::Began(_))).count(), 1);
        let split = run("##...............##................");
        assert_eq!(split.iter().filter(|(_, e)| matches!(e, TalkspurtEvent::Began(_))).count(), 2);
    }

    #[test]
    fn a_click_ends_without_counting() {
        let events = run("####....................");
        assert!(matches!(events[1].1, TalkspurtEvent::Ended(s) if !s.counts));
    }

    #[test]
    fn a_lost_stretch_ends_the_talkspurt_at_its_last_voiced_frame() {
        let events = run("########____________________####");
        assert_eq!(events.len(), 4);
        assert!(matches!(events[2], (28, TalkspurtEvent::Ended(s)) if ms(s.end) == 160));
        assert!(matches!(events[3], (28, TalkspurtEvent::Began(s)) if ms(s.start) == 560));
    }

    #[test]
    fn a_back_dated_onset_begins_where_voice_rose() {
        let mut tracker = TalkspurtTracker::new(CONFIG);
        let at = |n: u64| MediaTime::from_millis(n * 20);
        let quiet = |db| FrameHeard::new(false, Dbfs::new(db));
        tracker.push(at(0), FrameHeard { foreign: true, ..quiet(-20.0) });
        for n in 1..4 {
            assert_eq!(tracker.push(at(n), quiet(-20.0)), [None, None]);
        }
        // Five frames are claimed: the echo before the third is not the caller's.
        let claimed = |back| FrameHeard { back, ..FrameHeard::new(true, Dbfs::new(-20.0)) };
        let [None, Some(TalkspurtEvent::Began(spurt))] = tracker.push(at(4), claimed(5)) else { panic!("it begins") };
        assert_eq!((ms(spurt.start), ms(spurt.end), spurt.voiced.as_millis()), (20, 100, 80));
        assert!((spurt.level.db() + 20.0).abs() < 0.01);
        // It counts with the next frames, the claimed ones included, and none is counted twice.
        assert_eq!(tracker.push(at(5), claimed(5)), [None, None]);
        let [None, Some(TalkspurtEvent::Counts(spurt))] = tracker.push(at(6), claimed(0)) else { panic!("it counts") };
        assert_eq!(spurt.voiced, CONFIG.min_speech);
        // A word that was claimed whole counts at once.
        let mut tracker = TalkspurtTracker::new(CONFIG);
        for n in 0..8 {
            tracker.push(at(n), quiet(-20.0));
        }
        assert!(matches!(tracker.push(at(8), claimed(8)), [None, Some(TalkspurtEvent::Counts(_))]));
    }

    #[test]
    fn a_key_tone_is_discarded() {
        let tone = FrameHeard::new(true, Dbfs::new(-10.0));
        let mut tracker = TalkspurtTracker::new(CONFIG);
        for i in 0..4 {
            tracker.push(MediaTime::from_millis(i * 20), tone);
        }
        assert!(tracker.discard(MediaTime::ZERO, MediaTime::from_millis(200)).is_some());
        assert_eq!(tracker.push(MediaTime::from_millis(180), tone), [None, None]);
        assert!(matches!(tracker.push(MediaTime::from_millis(200), tone)[1], Some(TalkspurtEvent::Began(_))));
    }
}
