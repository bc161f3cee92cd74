//! The time that a gateway adds, each way: tones that callers said, found again at the model and at the callers.
//!
//! Nothing tells which of the model's connections belongs to which call. But every caller says tones in a pattern of
//! their own ([`crate::lab::ScriptedCarrier::play_bursts`]): in the right call the tones that a connection heard were
//! said a few milliseconds before, all of them; in any other one they were said at any time of the second before.

use std::ops::Range;

use crate::{
    lab::{openai::Tone, twilio::Tones},
    time::Timestamp,
};

/// A connection with fewer tones is not matched: chance could.
const LEAST: usize = 3;
/// A tone that was said longer ago is another one.
const LONGEST_MS: f64 = 700.0;
/// The right call is nearer than any other one by this factor.
const CLEARLY: f64 = 2.0;

/// What was added, milliseconds, a value a tone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Added {
    /// From the caller's frame to the model's append.
    pub(super) to_model: Vec<f64>,
    /// From the model's delta to the caller's message.
    pub(super) to_caller: Vec<f64>,
    /// Both together, of tones that made both ways.
    pub(super) both: Vec<f64>,
    /// From the caller's frame to the caller's message: the model's own time is in it.
    pub(super) round_trip: Vec<f64>,
    /// Tones that were said.
    pub(super) said: usize,
    /// Of these, those that never came back.
    pub(super) lost: usize,
    /// Connections that could not be told from each other.
    pub(super) unmatched: usize,
}

impl Added {
    /// Of tones that were said within `during`, with the connections of a model by the same clock, if there are any.
    pub(super) fn of(callers: &[&Tones], connections: Option<&[Vec<Tone>]>, during: &Range<Timestamp>) -> Self {
        let mut added = Self::default();
        for caller in callers {
            let within: Vec<_> = caller.said.iter().filter(|at| during.contains(at)).collect();
            added.said += within.len();
            added.round_trip.extend(within.iter().filter_map(|said| next(&caller.heard, **said)));
        }
        added.lost = added.said - added.round_trip.len();
        for tones in connections.unwrap_or_default() {
            if tones.len() < LEAST {
                continue;
            }
            match the_caller(callers, tones) {
                Some(caller) => added.connection(caller, tones, during),
                None => added.unmatched += 1,
            }
        }
        added
    }

    fn connection(&mut self, caller: &Tones, tones: &[Tone], during: &Range<Timestamp>) {
        for tone in tones {
            let Some(said) = latest(&caller.said, tone.came).filter(|said| during.contains(said)) else { continue };
            let to_model = ms(said, tone.came);
            self.to_model.push(to_model);
            let Some(sent) = tone.sent else { continue };
            if let Some(to_caller) = next(&caller.heard, sent) {
                self.to_caller.push(to_caller);
                // In whole microseconds, as its parts: two that are alike compare so.
                self.both.push(((to_model + to_caller) * 1e3).round() / 1e3);
            }
        }
    }
}

/// The caller whom this connection hears, if that is clear.
fn the_caller<'a>(callers: &[&'a Tones], tones: &[Tone]) -> Option<&'a Tones> {
    let mut distances: Vec<_> = callers.iter().map(|caller| (distance(caller, tones), *caller)).collect();
    distances.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (nearest, caller) = *distances.first()?;
    let clear = distances.get(1).is_none_or(|(second, _)| *second > nearest * CLEARLY);
    (clear && nearest < LONGEST_MS).then_some(caller)
}

/// How long before they came the tones were said, on average; one that was not said at all counts as the longest time.
fn distance(caller: &Tones, tones: &[Tone]) -> f64 {
    let since = |tone: &Tone| latest(&caller.said, tone.came).map_or(LONGEST_MS, |said| ms(said, tone.came));
    tones.iter().map(since).sum::<f64>() / tones.len() as f64
}

/// The last of these times that is not after `at`, and not long before it.
fn latest(times: &[Timestamp], at: Timestamp) -> Option<Timestamp> {
    let before = times.partition_point(|time| *time <= at).checked_sub(1)?;
    Some(times[before]).filter(|time| ms(*time, at) < LONGEST_MS)
}

/// From `at` to the first of these times that is not before it, if that is not long after.
fn next(times: &[Timestamp], at: Timestamp) -> Option<f64> {
    let after = times.get(times.partition_point(|time| *time < at))?;
    Some(ms(at, *after)).filter(|ms| *ms < LONGEST_MS)
}

fn ms(from: Timestamp, to: Timestamp) -> f64 {
    to.diff_micros(from) as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    /// Tones at these times, heard again so much later.
    fn caller(said: &[u64], later: u64) -> Tones {
        Tones { said: said.iter().map(|&ms| at(ms)).collect(), heard: said.iter().map(|&ms| at(ms + later)).collect() }
    }

    /// Tones that came so long after they were said, and were sent a millisecond later.
    fn connection(said: &[u64], later: u64) -> Vec<Tone> {
        let tone = |ms: &u64| Tone { came: at(ms + later), sent: Some(at(ms + later + 1)) };
        said.iter().map(tone).collect()
    }

    const ONE: [u64; 5] = [1_000, 1_900, 2_700, 3_880, 4_700];
    const OTHER: [u64; 5] = [1_010, 2_090, 2_950, 3_790, 4_930];

    #[test]
    fn each_connection_finds_its_caller_by_the_pattern() {
        let (one, other) = (caller(&ONE, 50), caller(&OTHER, 60));
        let connections = [connection(&OTHER, 20), connection(&ONE, 22)];
        let added = Added::of(&[&one, &other], Some(&connections), &(at(0)..at(10_000)));
        assert_eq!((added.said, added.lost, added.unmatched), (10, 0, 0));
        assert_eq!(added.to_model, [[20.0; 5], [22.0; 5]].concat());
        assert_eq!(added.to_caller, [[39.0; 5], [27.0; 5]].concat());
        assert_eq!(added.both, [[59.0; 5], [49.0; 5]].concat());
        assert_eq!(added.round_trip, [[50.0; 5], [60.0; 5]].concat());
    }

    #[test]
    fn callers_who_speak_alike_are_not_told_apart() {
        let (one, same) = (caller(&ONE, 50), caller(&ONE, 50));
        let added = Added::of(&[&one, &same], Some(&[connection(&ONE, 20)]), &(at(0)..at(10_000)));
        assert_eq!((added.unmatched, added.to_model.len(), added.round_trip.len()), (1, 0, 10));
    }

    #[test]
    fn the_warm_up_does_not_count_and_what_is_lost_is_told() {
        let mut one = caller(&ONE, 50);
        one.heard.pop();
        let added = Added::of(&[&one], Some(&[connection(&ONE, 20)]), &(at(1_500)..at(10_000)));
        assert_eq!((added.said, added.to_model.len(), added.to_caller.len(), added.lost), (4, 4, 3, 1));
        assert_eq!(added.round_trip, [50.0; 3]);
        let without_model = Added::of(&[&one], None, &(at(0)..at(10_000)));
        assert_eq!((without_model.round_trip.len(), without_model.to_model.len()), (4, 0));
    }
}
