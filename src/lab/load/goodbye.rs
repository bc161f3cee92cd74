//! When the goodbye came, against when it should have: from outside, by what was heard.

use std::time::Duration;

use crate::{
    lab::twilio::{CallReport, HeardUtterance},
    time::Timestamp,
};

/// A longer pause parts the goodbye from what was said before; a shorter one is between its sentences.
const PAUSE: Duration = Duration::from_secs(2);

/// A call's last words, as the caller heard them. Media time is the carrier's: what its clock has played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goodbye {
    /// Its first frame on the playback clock, media time since the stream's start, milliseconds.
    pub onset_ms: f64,
    /// The silence that it followed: from the caller's last speech on, or from the last audible sample of what the
    /// agent said after.
    pub silence_start_ms: f64,
    /// The same, but from the last sample at all of what the agent said, its quiet lead-out included: before that has
    /// been played, no gateway takes the line for silent.
    pub played_ms: f64,
    /// Its quiet lead-in.
    pub lead_in_ms: f64,
    /// From its last audible sample to the end of the call.
    pub to_end_ms: f64,
}

impl Goodbye {
    /// Of a call whose caller stopped speaking at `speech_end` of the stream, on a carrier whose clock is this many
    /// parts per million fast. `None` if nothing was heard after.
    #[must_use]
    pub fn of(report: &CallReport, speech_end: Duration, clock_ppm: i32) -> Option<Self> {
        Self::in_what_was_heard(&report.heard.utterances, report.stream?, report.ended, speech_end, clock_ppm)
    }

    fn in_what_was_heard(
        heard: &[HeardUtterance],
        start: Timestamp,
        ended: Timestamp,
        speech_end: Duration,
        clock_ppm: i32,
    ) -> Option<Self> {
        let media = |at: Timestamp| at.diff_micros(start) as f64 / 1e3 * (1.0 + f64::from(clock_ppm) * 1e-6);
        let speech_end_ms = speech_end.as_secs_f64() * 1e3;
        let last = heard.last()?;
        let mut first = heard.len() - 1;
        while first > 0 && heard[first].start - heard[first - 1].end < PAUSE {
            first -= 1;
        }
        let goodbye = &heard[first];
        if media(goodbye.start) <= speech_end_ms {
            return None;
        }
        let latest = |of: fn(&HeardUtterance) -> Timestamp| {
            heard[..first].iter().map(|said| media(of(said))).fold(speech_end_ms, f64::max)
        };
        Some(Self {
            onset_ms: media(goodbye.first_frame),
            silence_start_ms: latest(|said| said.end),
            played_ms: latest(|said| said.last_frame),
            lead_in_ms: media(goodbye.start) - media(goodbye.first_frame),
            to_end_ms: media(ended) - media(last.end),
        })
    }

    /// Its first frame less the end of a silence of this length: early is negative.
    #[must_use]
    pub fn onset_error_ms(&self, silence_timeout: Duration) -> f64 {
        self.onset_ms - (self.silence_start_ms + silence_timeout.as_secs_f64() * 1e3)
    }

    /// The same, with the silence beginning where everything had been played.
    #[must_use]
    pub fn onset_after_played_ms(&self, silence_timeout: Duration) -> f64 {
        self.onset_ms - (self.played_ms + silence_timeout.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(1000 + ms)
    }

    fn said(start: u64, end: u64) -> HeardUtterance {
        HeardUtterance { start: at(start), first_frame: at(start - 40), end: at(end), last_frame: at(end + 8) }
    }

    fn goodbye(heard: &[HeardUtterance], speech_end: u64) -> Option<Goodbye> {
        Goodbye::in_what_was_heard(heard, at(0), at(50_000), Duration::from_millis(speech_end), 0)
    }

    #[test]
    fn silence_begins_with_the_later_of_caller_and_agent() {
        let answered = goodbye(&[said(600, 1200), said(16_000, 18_000), said(48_051, 49_500)], 14_740).expect("one");
        assert_eq!((answered.silence_start_ms, answered.onset_ms), (18_000.0, 48_011.0));
        assert_eq!((answered.onset_error_ms(TIMEOUT), answered.onset_after_played_ms(TIMEOUT)), (11.0, 3.0));
        assert_eq!((answered.lead_in_ms, answered.to_end_ms), (40.0, 500.0));
        let alone = goodbye(&[said(600, 1200), said(44_780, 46_000)], 14_740).expect("one");
        assert_eq!((alone.silence_start_ms, alone.onset_error_ms(TIMEOUT)), (14_740.0, 0.0));
        assert_eq!(alone.played_ms, 14_740.0, "the caller's end is the truth's");
        let early = goodbye(&[said(44_760, 46_000)], 14_740).expect("one");
        assert_eq!(early.onset_error_ms(TIMEOUT), -20.0);
    }

    #[test]
    fn pauses_between_its_sentences_do_not_part_a_goodbye() {
        let whole = goodbye(&[said(16_000, 18_000), said(48_050, 49_000), said(49_700, 49_900)], 14_740);
        assert_eq!(whole.expect("one").onset_ms, 48_010.0);
    }

    #[test]
    fn what_began_before_the_caller_stopped_is_no_goodbye() {
        assert_eq!(goodbye(&[], 14_740), None);
        assert_eq!(goodbye(&[said(600, 1200), said(14_000, 16_000)], 14_740), None);
    }

    #[test]
    fn a_fast_carrier_has_played_more_in_the_same_time() {
        let heard = [said(44_780, 46_000)];
        let fast = Goodbye::in_what_was_heard(&heard, at(0), at(50_000), Duration::from_millis(14_740), 100);
        let error = fast.expect("one").onset_error_ms(TIMEOUT);
        assert!((error - 4.474).abs() < 1e-6, "{error}");
    }
}
