//! A recorded agent: its side of the recording as responses on the same time line.

use std::time::Duration;

use super::Truth;
use crate::{
    audio::{Dbfs, FRAME_SAMPLES},
    lab::{Reply, ScriptedModel},
    time::Timestamp,
};

/// Louder frames are the agent's speech.
const SPEECH: Dbfs = Dbfs::new_const(-55.0);
/// Speech closer than this is one response: sentences of one answer stand up to a second apart.
const JOIN_FRAMES: usize = 50;
/// The scripted model takes this long from a response's creation to its first audio.
const FIRST_AUDIO: Duration = Duration::from_millis(150);

/// The stretches of speech in the agent's track, in samples.
pub(super) fn segments(agent: &[i16]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (n, frame) in agent.chunks(FRAME_SAMPLES).enumerate() {
        if Dbfs::of(frame) < SPEECH {
            continue;
        }
        let (from, to) = (n * FRAME_SAMPLES, n * FRAME_SAMPLES + frame.len());
        match found.last_mut() {
            Some((_, end)) if from <= *end + JOIN_FRAMES * FRAME_SAMPLES => *end = to,
            Some(_) | None => found.push((from, to)),
        }
    }
    found
}

/// Has the model say each stretch when it was said.
pub(super) fn script(model: &mut ScriptedModel, agent: &[i16], truth: Option<&Truth>) {
    for (from, to) in segments(agent) {
        let ms = |samples: usize| samples as f64 / 8.0;
        let transcript = truth.map_or_else(String::new, |truth| truth.agent_words(ms(from), ms(to)));
        let at = Timestamp::from_micros(from as u64 * 125).before(FIRST_AUDIO);
        model.speak_at(at, Reply::say(&agent[from..to], &transcript));
    }
}
