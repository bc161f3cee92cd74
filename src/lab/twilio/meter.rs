//! What a caller heard of a gateway, in numbers of bounded size.

use std::time::Duration;

use super::histogram::Histogram;
use crate::{audio::FRAME_SAMPLES, codec::mulaw, time::Timestamp};

/// Silence of this length between two sounds makes two utterances; a hole that is shorter is an underrun.
pub const UTTERANCE_GAP: Duration = Duration::from_millis(400);
/// A shorter hole is the scheduler's, not one that is heard.
const HOLE: Duration = Duration::from_millis(1);
/// Samples from here on are heard: 38 dB under full scale.
const AUDIBLE: i16 = 412;
/// Utterances and clears that are kept for each call.
const KEPT: usize = 256;

/// One stretch of sound on the playback clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeardUtterance {
    /// Its first audible 20 ms begin to play.
    pub start: Timestamp,
    /// Its first 20 ms begin to play, audible or not: earlier than `start` if it is the first of what was sent after a
    /// pause or a `clear`.
    pub first_frame: Timestamp,
    /// Its last audible 20 ms have been played, or were cleared.
    pub end: Timestamp,
    /// What was sent on without a pause has been played, audible or not: later than `end` by its quiet lead-out.
    pub last_frame: Timestamp,
}

/// Outbound audio of a call, measured on the playback clock.
#[derive(Clone, Debug, Default)]
pub struct HeardMeter {
    /// The first message with audio arrived.
    pub first_audio: Option<Timestamp>,
    /// Each `clear`, the first 256.
    pub clears: Vec<Timestamp>,
    /// Number of all `clear`s.
    pub clear_count: u64,
    /// What was audible, the first 256.
    pub utterances: Vec<HeardUtterance>,
    /// Number of all utterances.
    pub utterance_count: u64,
    /// How often the line ran dry for 1 to 400 ms between two chunks.
    pub underruns: u64,
    /// For how long altogether.
    pub underrun_total: Duration,
    /// Audio waiting to be played after each chunk, milliseconds.
    pub lead_ms: Histogram,
    /// Samples in each chunk.
    pub chunk_bytes: Histogram,
    last: Option<HeardUtterance>,
    /// What is sent without a pause began to play here, and nothing of it was audible yet.
    silent_since: Option<Timestamp>,
    cleared: bool,
}

impl HeardMeter {
    /// A chunk arrived at `now`; before it the line would have run dry at `dry_at`.
    pub(super) fn chunk(&mut self, now: Timestamp, dry_at: Timestamp, samples: &[u8]) {
        let begins = dry_at.max(now);
        if self.cleared || self.first_audio.is_none() || now - dry_at >= UTTERANCE_GAP {
            self.silent_since = Some(begins);
        }
        if self.first_audio.is_none() {
            self.first_audio = Some(now);
        } else if !self.cleared {
            let hole = now - dry_at;
            if hole > HOLE && hole < UTTERANCE_GAP {
                self.underruns += 1;
                self.underrun_total += hole;
            }
        }
        self.cleared = false;
        let length = Duration::from_micros(samples.len() as u64 * 125);
        self.lead_ms.add((begins + length - now).as_millis() as u64);
        self.chunk_bytes.add(samples.len() as u64);
        for (n, frame) in samples.chunks(FRAME_SAMPLES).enumerate() {
            if frame.iter().any(|&code| mulaw::decode(code).unsigned_abs() >= AUDIBLE.unsigned_abs()) {
                let from = begins + Duration::from_millis(n as u64 * 20);
                self.sound(from, from + Duration::from_micros(frame.len() as u64 * 125));
            }
        }
        if let Some(last) = &mut self.last
            && begins - last.last_frame <= HOLE
            && begins + length - last.end < UTTERANCE_GAP
        {
            last.last_frame = last.last_frame.max(begins + length);
        }
    }

    fn sound(&mut self, start: Timestamp, end: Timestamp) {
        match &mut self.last {
            Some(last) if start - last.end <= UTTERANCE_GAP => {
                (last.end, last.last_frame) = (end, end);
                self.silent_since = None;
            }
            _ => {
                self.keep();
                self.utterance_count += 1;
                // A longer silence is no lead-in.
                let silent = self.silent_since.take().filter(|since| start - *since < UTTERANCE_GAP);
                let first_frame = silent.unwrap_or(start);
                self.last = Some(HeardUtterance { start, first_frame, end, last_frame: end });
            }
        }
    }

    fn keep(&mut self) {
        if let Some(last) = self.last.take()
            && self.utterances.len() < KEPT
        {
            self.utterances.push(last);
        }
    }

    /// The gateway cleared what was not played yet.
    pub(super) fn clear(&mut self, now: Timestamp) {
        self.clear_count += 1;
        if self.clears.len() < KEPT {
            self.clears.push(now);
        }
        self.cleared = true;
        self.cut(now);
    }

    /// Nothing is heard after `now`: cleared, or the stream is over.
    pub(super) fn cut(&mut self, now: Timestamp) {
        self.cleared = true;
        let known = self.known();
        self.last = self.last.filter(|last| last.start < now);
        self.utterances.retain(|utterance| utterance.start < now);
        // What follows soon belongs to what was heard last.
        self.last = self.last.or_else(|| self.utterances.pop());
        if let Some(last) = &mut self.last {
            (last.end, last.last_frame) = (last.end.min(now), last.last_frame.min(now));
        }
        self.utterance_count -= (known - self.known()) as u64;
    }

    /// Underruns, leads and sizes so far do not count.
    pub(super) fn forget_warm_up(&mut self) {
        (self.underruns, self.underrun_total) = (0, Duration::ZERO);
        (self.lead_ms, self.chunk_bytes) = (Histogram::default(), Histogram::default());
    }

    fn known(&self) -> usize {
        self.utterances.len() + usize::from(self.last.is_some())
    }

    /// The utterance of this number, from 0 on, as far as it is known.
    pub(super) fn nth(&self, n: usize) -> Option<HeardUtterance> {
        if n == self.utterances.len() { self.last } else { self.utterances.get(n).copied() }
    }

    /// The call is over.
    pub(super) fn finish(&mut self) {
        self.keep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::MULAW_SILENCE;

    const LOUD: [u8; 160] = [0x10; 160];
    const QUIET: [u8; 160] = [MULAW_SILENCE; 160];

    /// A meter with a playback clock.
    #[derive(Default)]
    struct Line {
        meter: HeardMeter,
        until: Timestamp,
    }

    impl Line {
        fn chunk(&mut self, ms: u64, samples: &[u8]) {
            let now = Timestamp::from_millis(ms);
            self.meter.chunk(now, self.until, samples);
            self.until = self.until.max(now) + Duration::from_micros(samples.len() as u64 * 125);
        }

        fn clear(&mut self, ms: u64) {
            self.until = Timestamp::from_millis(ms);
            self.meter.clear(self.until);
        }

        fn heard(mut self) -> Vec<(f64, f64)> {
            self.meter.finish();
            self.meter.utterances.iter().map(|it| (it.start.as_millis_f64(), it.end.as_millis_f64())).collect()
        }
    }

    #[test]
    fn a_pause_splits_utterances_and_a_hole_does_not() {
        let mut line = Line::default();
        line.chunk(0, &[LOUD, LOUD].concat());
        line.chunk(60, &LOUD);
        line.chunk(90, &QUIET);
        line.chunk(1000, &LOUD);
        assert_eq!((line.meter.underruns, line.meter.underrun_total), (2, Duration::from_millis(30)));
        assert_eq!(line.heard(), [(0.0, 80.0), (1000.0, 1020.0)]);
    }

    #[test]
    fn sound_sent_ahead_is_heard_when_it_is_played() {
        let mut line = Line::default();
        let pause: Vec<u8> = QUIET.repeat(25);
        line.chunk(100, &[&LOUD[..], &pause, &LOUD].concat());
        assert_eq!((line.meter.lead_ms.max(), line.meter.chunk_bytes.max()), (Some(540), Some(27 * 160)));
        assert_eq!(line.meter.nth(1).expect("the second").start, Timestamp::from_millis(620));
        assert_eq!(line.heard(), [(100.0, 120.0), (620.0, 640.0)]);
    }

    #[test]
    fn what_is_cleared_is_not_heard() {
        let mut line = Line::default();
        let pause: Vec<u8> = QUIET.repeat(25);
        line.chunk(0, &[&LOUD.repeat(10)[..], &pause, &LOUD].concat());
        line.clear(100);
        assert_eq!(line.meter.clears, [Timestamp::from_millis(100)]);
        line.chunk(150, &LOUD);
        assert_eq!(line.meter.underruns, 0, "after a clear the line is meant to be dry");
        assert_eq!(line.heard(), [(0.0, 170.0)], "and what follows soon is the same utterance");
    }

    #[test]
    fn the_size_is_bounded() {
        let mut line = Line::default();
        for n in 0..1000 {
            line.chunk(n * 1000, &LOUD);
            line.clear(n * 1000 + 10);
        }
        assert_eq!((line.meter.utterance_count, line.meter.clear_count, line.meter.clears.len()), (1000, 1000, KEPT));
        assert_eq!(line.heard().len(), KEPT);
    }

    fn frames_heard(chunks: &[(u64, &[u8])]) -> Vec<[f64; 4]> {
        let (mut meter, mut until) = (HeardMeter::default(), Timestamp::ZERO);
        for (ms, samples) in chunks {
            let now = Timestamp::from_millis(*ms);
            meter.chunk(now, until, samples);
            until = until.max(now) + Duration::from_micros(samples.len() as u64 * 125);
        }
        meter.finish();
        let times =
            |it: &HeardUtterance| [it.first_frame, it.start, it.end, it.last_frame].map(Timestamp::as_millis_f64);
        meter.utterances.iter().map(times).collect()
    }

    #[test]
    fn quiet_ends_of_what_was_sent_belong_to_it() {
        let (loud, quiet) = ([0x10; 160], [MULAW_SILENCE; 160]);
        let whole = [&quiet[..], &quiet, &loud, &loud, &quiet].concat();
        assert_eq!(frames_heard(&[(1000, &whole)]), [[1000.0, 1040.0, 1080.0, 1100.0]]);
        let frames = [(1000, &quiet[..]), (1020, &loud), (1040, &quiet), (1060, &quiet), (2000, &loud)];
        assert_eq!(frames_heard(&frames), [[1000.0, 1020.0, 1040.0, 1080.0], [2000.0, 2000.0, 2020.0, 2020.0]]);
    }

    #[test]
    fn a_long_silence_is_no_part_of_an_utterance() {
        let (loud, quiet) = ([0x10; 160], [MULAW_SILENCE; 160 * 50]);
        let whole = [&quiet[..], &loud, &quiet].concat();
        assert_eq!(frames_heard(&[(1000, &whole)]), [[2000.0, 2000.0, 2020.0, 2020.0]]);
    }
}
