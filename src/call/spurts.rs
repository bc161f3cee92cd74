//! The caller's talkspurts as the call knows them: verdicts, level, and how each counts.

use std::{collections::VecDeque, time::Duration};

use crate::{assistant::Settings, audio::Dbfs, silence::Class, time::Timestamp, vad::SpurtId};

/// A verdict stays open this long after a talkspurt's end.
pub(crate) const VERDICT_TIME: Duration = Duration::from_secs(8);
/// The caller's usual level is known after this much voiced time.
const LEVEL_KNOWN: Duration = Duration::from_secs(1);
/// Older speech weighs less beyond this much voiced time.
const LEVEL_MEMORY: f32 = 30.0;
/// A transcript's stretch and a talkspurt belong together if they come this close.
const SPAN_SLACK: Duration = Duration::from_millis(300);
const KEPT: usize = 32;
/// Talkspurts that may begin in one tick.
const ROOM: usize = 4;

/// Were there words in it?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Not known yet.
    Pending,
    /// At least one word.
    Worded,
    /// None, or the third identical text in a row.
    Wordless,
    /// It will not be known: no transcription, it failed, it did not come, or the model is away.
    Unknown,
}

impl Verdict {
    /// The name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Worded => "worded",
            Self::Wordless => "wordless",
            Self::Unknown => "unknown",
        }
    }
}

/// A talkspurt on call time, as the data plane hears it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeardSpurt {
    /// Which.
    pub id: SpurtId,
    /// First voiced frame.
    pub start: Timestamp,
    /// End of the last voiced frame so far.
    pub end: Timestamp,
    /// Voiced time so far.
    pub voiced: Duration,
    /// Level so far.
    pub level: Dbfs,
    /// It has reached `min_speech`.
    pub counts: bool,
}

impl HeardSpurt {
    /// From the first voiced frame's start to the last one's end.
    #[must_use]
    pub fn span(&self) -> Duration {
        self.end - self.start
    }
}

/// A talkspurt that counts.
#[derive(Clone, Copy, Debug)]
pub struct Spurt {
    /// What was heard.
    pub heard: HeardSpurt,
    pub(crate) open: bool,
    /// Were there words in it?
    pub verdict: Verdict,
    /// A partial transcript, or a transcript of its first part, had words.
    pub(crate) has_words: bool,
    /// It lies more than `level_floor` under the caller's usual level.
    pub below_floor: bool,
    /// It was open longer than `noise_budget` without words: charged from here on.
    pub charged_from: Option<Timestamp>,
    /// The window has been moved by its part before that.
    pub(crate) good_part_counted: bool,
}

impl Spurt {
    /// How it counts as far as is known; what lies after [`Spurt::charged_from`] is charged in any case.
    #[must_use]
    pub fn class(&self) -> Class {
        match self.verdict {
            _ if self.below_floor => Class::Charged,
            Verdict::Wordless => Class::Charged,
            Verdict::Worded => Class::Refilling,
            Verdict::Unknown => Class::Good,
            Verdict::Pending => Class::Pending,
        }
    }

    /// All that it adds to the deadline is charged to the noise budget.
    #[must_use]
    pub fn is_charged(&self) -> bool {
        self.class() == Class::Charged
    }
}

/// The latest talkspurts that count, and the caller's usual level.
#[derive(Clone, Debug, Default)]
pub struct Spurts {
    records: VecDeque<Spurt>,
    /// Sum of level × seconds, and of seconds, both fading.
    level_sum: f32,
    level_seconds: f32,
    last_texts: [Option<u64>; 2],
}

impl Spurts {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        let records = VecDeque::with_capacity(ROOM);
        Self { records, level_sum: 0.0, level_seconds: 0.0, last_texts: [None; 2] }
    }

    /// Takes memory for talkspurts to come.
    pub(crate) fn make_room(&mut self) {
        self.records.reserve(ROOM.min(KEPT - self.records.len()));
    }

    pub(crate) fn get(&self, id: SpurtId) -> Option<&Spurt> {
        self.records.iter().rev().find(|spurt| spurt.heard.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: SpurtId) -> Option<&mut Spurt> {
        self.records.iter_mut().rev().find(|spurt| spurt.heard.id == id)
    }

    /// The one that is open, if any.
    pub(crate) fn open(&self) -> Option<&Spurt> {
        self.records.back().filter(|spurt| spurt.open)
    }

    pub(crate) fn last(&self) -> Option<&Spurt> {
        self.records.back()
    }

    /// A talkspurt begins to count.
    pub fn begin(&mut self, heard: HeardSpurt) {
        if self.records.len() == KEPT {
            self.records.pop_front();
        }
        let (verdict, open) = (Verdict::Pending, true);
        self.records.push_back(Spurt {
            heard,
            open,
            verdict,
            has_words: false,
            below_floor: false,
            charged_from: None,
            good_part_counted: false,
        });
    }

    /// It has ended; if no transcript is to come, its verdict is known to be unknown. Gives it as it was and as it is
    /// now; `None` if it did not count or had ended before.
    pub fn end(&mut self, heard: HeardSpurt, transcribed: bool, settings: &Settings) -> Option<(Spurt, Spurt)> {
        let below_floor = self.is_below_floor(heard.level, settings);
        let budget = settings.noise_budget.get();
        let spurt = self.get_mut(heard.id).filter(|spurt| spurt.open)?;
        let before = *spurt;
        spurt.heard = heard;
        spurt.open = false;
        spurt.below_floor = below_floor;
        if spurt.verdict == Verdict::Pending && !transcribed {
            spurt.verdict = Verdict::Unknown;
        }
        let too_long = heard.span() > budget && !spurt.has_words;
        spurt.charged_from = too_long.then(|| heard.start + budget);
        spurt.good_part_counted = true;
        let after = *spurt;
        if after.verdict == Verdict::Unknown && !below_floor {
            self.learn_level(&heard);
        }
        Some((before, after))
    }

    pub(crate) fn remove(&mut self, id: SpurtId) {
        self.records.retain(|spurt| spurt.heard.id != id);
    }

    /// The caller's usual level, once known.
    pub(crate) fn usual_level(&self) -> Option<Dbfs> {
        (self.level_seconds >= LEVEL_KNOWN.as_secs_f32()).then(|| Dbfs::new(self.level_sum / self.level_seconds))
    }

    /// This level lies below the caller's floor.
    pub(crate) fn is_below_floor(&self, level: Dbfs, settings: &Settings) -> bool {
        self.usual_level().is_some_and(|usual| level.db() < usual.db() - settings.level_floor.db())
    }

    /// Learns the caller's usual level from speech above the floor.
    pub(crate) fn learn_level(&mut self, heard: &HeardSpurt) {
        let seconds = heard.voiced.as_secs_f32();
        let keep = (LEVEL_MEMORY / (self.level_seconds + seconds)).min(1.0);
        self.level_sum = (self.level_sum + heard.level.db() * seconds) * keep;
        self.level_seconds = (self.level_seconds + seconds) * keep;
    }

    /// Ids of talkspurts that a transcript over `span` speaks of: those that overlap it, or without a span the
    /// latest. At most eight.
    pub(crate) fn matching(&self, span: Option<(Timestamp, Timestamp)>) -> [Option<SpurtId>; 8] {
        let mut found = [None; 8];
        let overlaps = |spurt: &&Spurt| match span {
            Some((from, to)) => spurt.heard.start < to + SPAN_SLACK && from < spurt.heard.end + SPAN_SLACK,
            None => true,
        };
        let most = if span.is_some() { found.len() } else { 1 };
        let ids = self.records.iter().rev().filter(overlaps).map(|spurt| spurt.heard.id);
        for (slot, id) in found.iter_mut().zip(ids.take(most)) {
            *slot = Some(id);
        }
        found
    }

    /// Talkspurts whose verdict is overdue at `now` (or all open verdicts), for the caller to resolve.
    pub(crate) fn next_pending(&self, due_at: Option<Timestamp>) -> Option<SpurtId> {
        let pending = |spurt: &&Spurt| !spurt.open && spurt.verdict == Verdict::Pending;
        let due = |spurt: &&Spurt| due_at.is_none_or(|now| spurt.heard.end + VERDICT_TIME <= now);
        self.records.iter().filter(pending).find(due).map(|spurt| spurt.heard.id)
    }

    /// When the next open verdict is overdue.
    pub(crate) fn next_verdict_due(&self) -> Option<Timestamp> {
        let pending = self.records.iter().filter(|spurt| !spurt.open && spurt.verdict == Verdict::Pending);
        pending.map(|spurt| spurt.heard.end + VERDICT_TIME).min()
    }

    /// Notes a text; `true` if it is the third identical one in a row.
    pub(crate) fn is_third_in_a_row(&mut self, fingerprint: u64) -> bool {
        let third = self.last_texts == [Some(fingerprint); 2];
        self.last_texts = [self.last_texts[1], Some(fingerprint)];
        third
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(id: u32, start_ms: u64, end_ms: u64, db: f32) -> HeardSpurt {
        let (start, end) = (Timestamp::from_millis(start_ms), Timestamp::from_millis(end_ms));
        HeardSpurt { id: SpurtId(id), start, end, voiced: end - start, level: Dbfs::new(db), counts: true }
    }

    fn ids(found: [Option<SpurtId>; 8]) -> Vec<u32> {
        found.into_iter().flatten().map(|id| id.0).collect()
    }

    #[test]
    fn a_transcript_speaks_of_what_its_stretch_touches() {
        let mut spurts = Spurts::new();
        for (id, start, end) in [(0, 1_000, 2_000), (1, 2_500, 3_000), (2, 5_000, 6_000)] {
            spurts.begin(heard(id, start, end, -20.0));
        }
        let over = |from, to| Some((Timestamp::from_millis(from), Timestamp::from_millis(to)));
        assert_eq!(ids(spurts.matching(over(1_100, 2_900))), [1, 0]);
        assert_eq!(ids(spurts.matching(over(6_200, 6_400))), [2], "within 300 ms");
        assert_eq!(ids(spurts.matching(over(6_400, 7_000))), [0u32; 0]);
        assert_eq!(ids(spurts.matching(None)), [2], "the latest");
    }

    #[test]
    fn verdicts_are_overdue_8_s_after_the_end() {
        let mut spurts = Spurts::new();
        spurts.begin(heard(0, 1_000, 2_000, -20.0));
        assert_eq!(spurts.next_verdict_due(), None, "it is still open");
        spurts.get_mut(SpurtId(0)).expect("it is there").open = false;
        assert_eq!(spurts.next_verdict_due(), Some(Timestamp::from_millis(10_000)));
        assert_eq!(spurts.next_pending(Some(Timestamp::from_millis(9_999))), None);
        assert_eq!(spurts.next_pending(Some(Timestamp::from_millis(10_000))), Some(SpurtId(0)));
    }

    #[test]
    fn the_floor_is_known_after_a_second_of_speech() {
        let (mut spurts, settings) = (Spurts::new(), Settings::default());
        spurts.learn_level(&heard(0, 0, 900, -20.0));
        assert!(!spurts.is_below_floor(Dbfs::new(-60.0), &settings));
        spurts.learn_level(&heard(1, 1_000, 1_200, -20.0));
        assert!(spurts.is_below_floor(Dbfs::new(-38.5), &settings));
        assert!(!spurts.is_below_floor(Dbfs::new(-37.5), &settings));
    }

    #[test]
    fn the_third_identical_text_in_a_row_is_told() {
        let mut spurts = Spurts::new();
        let told: Vec<bool> = [1, 1, 1, 2, 1, 1, 1].into_iter().map(|text| spurts.is_third_in_a_row(text)).collect();
        assert_eq!(told, [false, false, true, false, false, false, true]);
    }

    #[test]
    fn only_the_latest_are_kept() {
        let mut spurts = Spurts::new();
        (0..100).for_each(|id| spurts.begin(heard(id, 0, 0, -20.0)));
        assert!(spurts.get(SpurtId(67)).is_none() && spurts.get(SpurtId(68)).is_some());
    }
}
