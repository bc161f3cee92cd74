//! Callers who talk for ever: sentences of a fixture in any order, with pauses of its line noise between.

use std::sync::Arc;

use quietline::{lab::load::Tape, replay::Truth};

use super::callers::CALLER;

/// Different callers; more take turns.
const CALLERS: u64 = 8;
/// Sentences until a caller begins again: a minute and a half.
const SENTENCES: usize = 16;
/// Share of the time in which a caller talks.
const SHARE: f64 = 0.4;

/// The callers, by a truth that belongs to the built-in one.
pub(super) fn tapes(truth: &Truth, seed: u64) -> Vec<Tape> {
    let sentences: Vec<&[u8]> = truth.caller_speech.iter().map(|stretch| sounds(*stretch)).collect();
    let ends = truth.caller_speech.iter().map(|(_, end)| *end).fold(0.0, f64::max);
    let noise = sounds((ends + 500.0, f64::INFINITY));
    let tape = |n| Tape {
        name: format!("conversation {n}"),
        mulaw: Arc::from(conversation(&sentences, noise, &mut fastrand::Rng::with_seed(seed.wrapping_add(n)))),
        speech_end: None,
    };
    (0..CALLERS).map(tape).collect()
}

/// The built-in caller between two times in milliseconds.
fn sounds((from, to): (f64, f64)) -> &'static [u8] {
    let at = |ms: f64| ((ms * 8.0) as usize).min(CALLER.len());
    &CALLER[at(from)..at(to)]
}

fn conversation(sentences: &[&[u8]], noise: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let said: Vec<&[u8]> = (0..SENTENCES).filter_map(|_| random.choice(sentences).copied()).collect();
    let spoken: usize = said.iter().map(|sentence| sentence.len()).sum();
    let weights: Vec<f64> = said.iter().map(|_| 0.3 + random.f64()).collect();
    let all: f64 = weights.iter().sum();
    let quiet = spoken as f64 * (1.0 - SHARE) / SHARE;
    let mut tape = Vec::new();
    for (sentence, weight) in said.into_iter().zip(weights) {
        let pause = (quiet * weight / all) as usize;
        tape.extend(noise.iter().cycle().take(pause));
        tape.extend_from_slice(sentence);
    }
    tape
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: &[u8] = include_bytes!("../../../fixtures/call-silence.json");

    #[test]
    fn forty_percent_is_speech_and_no_pause_is_as_long_as_a_silence_timeout() {
        let truth = Truth::parse(TRUTH).expect("a fixture");
        let all = tapes(&truth, 7);
        assert_eq!(all.len(), 8);
        for tape in &all {
            let loud = |frame: &&[u8]| frame.iter().any(|&code| !code & 0x60 != 0);
            let frames: Vec<bool> = tape.mulaw.chunks(1_600).map(|frame| loud(&frame)).collect();
            let share = frames.iter().filter(|loud| **loud).count() as f64 / frames.len() as f64;
            assert!((0.3..=0.5).contains(&share), "{share} in {} pieces of 200 ms", frames.len());
            let pause = frames.chunk_by(|a, b| a == b).filter(|run| !run[0]).map(<[bool]>::len).max();
            assert!(pause.is_some_and(|pause| (5..60).contains(&pause)), "{pause:?}");
        }
        assert_ne!(all[0].mulaw, all[1].mulaw);
        assert_eq!(all[0].mulaw, tapes(&truth, 7)[0].mulaw, "the seed says which");
    }
}
