use std::time::Duration;

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
        self.end = at + FRAME_SAMPLES as u64;
        self.voiced += FRAME;
        self.power_sum += f64::from(level.power());
        let frames = self.voiced.as_micros() / FRAME.as_micros();
        self.level = Dbfs::from_power((self.power_sum / frames as f64) as f32);
    }
}

const FRAME: Duration = Duration::from_millis(crate::audio::FRAME_MS);

/// What a frame did to the talkspurts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TalkspurtEvent {
    /// A first voiced frame: a provisional onset.
    Began(Talkspurt),
    /// The open talkspurt reached `min_speech`.
    Counts(Talkspurt),
    /// The hangover has passed since the last voiced frame. `counts` tells whether it was more than a click.
    Ended(Talkspurt),
}

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
}

impl TalkspurtTracker {
    /// No talkspurt yet.
    #[must_use]
    pub fn new(config: TalkspurtConfig) -> Self {
        Self { config, open: None, next_id: 0, deaf_until: MediaTime::ZERO }
    }

    /// The talkspurt under way, provisional or counting, until its hangover has passed.
    #[must_use]
    pub fn open(&self) -> Option<&Talkspurt> {
        self.open.as_ref()
    }

    /// The 20 ms frame that starts at `at` is voiced or not, at this level. Frames come in order.
    pub fn push(&mut self, at: MediaTime, voiced: bool, level: Dbfs) -> [Option<TalkspurtEvent>; 2] {
        let voiced = voiced && at >= self.deaf_until;
        // A voiced frame belongs to the open talkspurt if it *starts* within the hangover; an unvoiced one ends it
        // once its own *end* lies a hangover past the last voiced frame.
        let reach = if voiced { at } else { at + FRAME_SAMPLES as u64 };
        let ended = self.open.filter(|spurt| reach.since(spurt.end) >= self.config.hangover).map(|spurt| {
            self.open = None;
            TalkspurtEvent::Ended(spurt)
        });
        [ended, if voiced { self.voiced(at, level) } else { None }]
    }

    fn voiced(&mut self, at: MediaTime, level: Dbfs) -> Option<TalkspurtEvent> {
        if let Some(spurt) = &mut self.open {
            spurt.add(at, level);
            if !spurt.counts && spurt.voiced >= self.config.min_speech {
                spurt.counts = true;
                return Some(TalkspurtEvent::Counts(*spurt));
            }
            return None;
        }
        let mut spurt = Talkspurt::new(SpurtId(self.next_id), at);
        self.next_id += 1;
        spurt.add(at, level);
        self.open = Some(spurt);
        Some(TalkspurtEvent::Began(spurt))
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
            for event in tracker.push(at, c == '#', Dbfs::new(-20.0)).into_iter().flatten() {
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
    fn a_key_tone_is_discarded() {
        let mut tracker = TalkspurtTracker::new(CONFIG);
        for i in 0..4 {
            tracker.push(MediaTime::from_millis(i * 20), true, Dbfs::new(-10.0));
        }
        assert!(tracker.discard(MediaTime::ZERO, MediaTime::from_millis(200)).is_some());
        assert_eq!(tracker.push(MediaTime::from_millis(180), true, Dbfs::new(-10.0)), [None, None]);
        assert!(matches!(
            tracker.push(MediaTime::from_millis(200), true, Dbfs::new(-10.0))[1],
            Some(TalkspurtEvent::Began(_))
        ));
    }
}
