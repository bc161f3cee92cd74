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
pub(crate) struct Spurt {
    pub(crate) heard: HeardSpurt,
    pub(crate) open: bool,
    pub(crate) verdict: Verdict,
    /// A partial transcript, or a transcript of its first part, had words.
    pub(crate) has_words: bool,
    pub(crate) below_floor: bool,
    /// It was open longer than `noise_budget` without words: charged from here on.
    pub(crate) charged_from: Option<Timestamp>,
}

impl Spurt {
    /// How it counts as far as is known.
    pub(crate) fn class(&self) -> Class {
        match self.verdict {
            _ if self.below_floor => Class::Charged,
            Verdict::Wordless => Class::Charged,
            Verdict::Worded => Class::Refilling,
            Verdict::Unknown => Class::Good,
            Verdict::Pending => Class::Pending,
        }
    }
}

/// The latest talkspurts that count, and the caller's usual level.
#[derive(Clone, Debug)]
pub(crate) struct Spurts {
    records: VecDeque<Spurt>,
    /// Sum of level × seconds, and of seconds, both fading.
    level_sum: f32,
    level_seconds: f32,
    last_texts: [Option<u64>; 2],
}

impl Spurts {
    pub(crate) fn new() -> Self {
        let records = VecDeque::with_capacity(KEPT);
        Self { records, level_sum: 0.0, level_seconds: 0.0, last_texts: [None; 2] }
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

    pub(crate) fn begin(&mut self, heard: HeardSpurt) {
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
        });
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
