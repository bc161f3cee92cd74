//! A response as a list of steps with their times: made at once, told when they are due.

use std::{collections::VecDeque, time::Duration};

use serde_json::Value;

use super::{faults::Failing, input::Format};
use crate::{
    audio::{SampleRate, to_float, to_pcm},
    codec::{alaw, mulaw},
    lab::{Reply, ReplyPart},
    model::ResponseStatus,
    resample,
    time::Timestamp,
};

/// Audio comes five times faster than it plays.
const DELTA_MS: u64 = 200;
const DELTA_EVERY: Duration = Duration::from_millis(40);
/// The transcript runs ahead of the audio by this factor.
const AHEAD: usize = 2;

/// Something a response does.
#[derive(Clone, Debug)]
pub(super) enum Step {
    OpenMessage,
    Text(String),
    Audio { bytes: Vec<u8>, ms: u64 },
    CloseMessage,
    Call { name: String, arguments: String, completed: bool },
    Done,
}

/// The message item that is being said.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) item: String,
    pub(super) text: String,
    pub(super) audio_ms: u64,
}

/// What the client wants of a response.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Its items are part of the conversation.
    pub(super) in_conversation: bool,
    pub(super) metadata: Value,
    pub(super) format: Format,
    /// `format` as it is written.
    pub(super) format_value: Value,
    pub(super) voice: Value,
    pub(super) text_only: bool,
    pub(super) max_output_tokens: Value,
}

/// A response under way.
#[derive(Clone, Debug)]
pub(super) struct Response {
    pub(super) id: String,
    pub(super) number: u32,
    pub(super) wanted: Wanted,
    pub(super) steps: VecDeque<(Timestamp, Step)>,
    pub(super) output: Vec<Value>,
    pub(super) open: Option<Open>,
    pub(super) status: ResponseStatus,
    pub(super) failing: Option<Failing>,
    pub(super) audio_ms: u64,
}

impl Response {
    pub(super) fn next_at(&self) -> Timestamp {
        self.steps.front().map_or(Timestamp::NEVER, |(at, _)| *at)
    }

    /// The step that is due.
    pub(super) fn step(&mut self, now: Timestamp) -> Option<Step> {
        if self.next_at() > now {
            return None;
        }
        self.steps.pop_front().map(|(_, step)| step)
    }
}

/// What a reply comes to, from `at` on. `odd`: deltas have odd sizes.
pub(super) fn steps(
    reply: &Reply,
    at: Timestamp,
    wanted: &Wanted,
    failing: Option<Failing>,
    mut odd: Option<&mut fastrand::Rng>,
) -> VecDeque<(Timestamp, Step)> {
    let mut steps = VecDeque::new();
    let mut at = at;
    let mut left_ms = match failing {
        Some(Failing::RateLimit(_) | Failing::Quota | Failing::Server) => {
            steps.push_back((at, Step::Done));
            return steps;
        }
        Some(Failing::MaxTokens(ms) | Failing::ContentFilter(ms)) => Some(ms),
        None => None,
    };
    'parts: for part in &reply.parts {
        match part {
            ReplyPart::Say { samples, transcript } => {
                steps.push_back((at, Step::OpenMessage));
                let chunks: Vec<_> = if wanted.text_only { Vec::new() } else { chunks(samples, wanted, &mut odd) };
                let words: Vec<_> = transcript.split_inclusive(' ').collect();
                let mut told = 0;
                for (n, (bytes, ms)) in chunks.iter().enumerate() {
                    let until = (words.len() * AHEAD * (n + 1)).div_ceil(chunks.len()).min(words.len());
                    for word in &words[told..until] {
                        steps.push_back((at, Step::Text((*word).to_owned())));
                    }
                    told = until;
                    steps.push_back((at, Step::Audio { bytes: bytes.clone(), ms: *ms }));
                    at += DELTA_EVERY;
                    if let Some(left) = &mut left_ms {
                        *left = left.saturating_sub(*ms);
                        if *left == 0 {
                            steps.push_back((at, Step::Done));
                            break 'parts;
                        }
                    }
                }
                for word in &words[told..] {
                    steps.push_back((at, Step::Text((*word).to_owned())));
                }
                steps.push_back((at, Step::CloseMessage));
            }
            ReplyPart::Tool { name, completed } => {
                let call = Step::Call { name: name.clone(), arguments: "{}".to_owned(), completed: *completed };
                steps.push_back((at, call));
            }
            ReplyPart::Call { name, arguments } => {
                let call = Step::Call { name: name.clone(), arguments: arguments.clone(), completed: true };
                steps.push_back((at, call));
            }
        }
    }
    if !matches!(steps.back(), Some((_, Step::Done))) {
        steps.push_back((at, Step::Done));
    }
    steps
}

/// Audio as it travels, delta by delta, with lengths in milliseconds.
fn chunks(samples: &[i16], wanted: &Wanted, odd: &mut Option<&mut fastrand::Rng>) -> Vec<(Vec<u8>, u64)> {
    let (bytes, per_ms): (Vec<u8>, usize) = match wanted.format {
        Format::Mulaw => (samples.iter().map(|&s| mulaw::encode(s)).collect(), 8),
        Format::Alaw => (samples.iter().map(|&s| alaw::encode(s)).collect(), 8),
        Format::Pcm24k => (widened(samples).into_iter().flat_map(i16::to_le_bytes).collect(), 48),
    };
    let mut chunks = Vec::new();
    let (mut rest, mut taken) = (bytes.as_slice(), 0);
    while !rest.is_empty() {
        let size = match odd {
            // Any odd size up to the usual one.
            Some(random) => random.usize(0..DELTA_MS as usize * per_ms / 2) * 2 + 1,
            None => DELTA_MS as usize * per_ms,
        };
        let (chunk, more) = rest.split_at(size.min(rest.len()));
        let before = taken / per_ms;
        taken += chunk.len();
        chunks.push((chunk.to_vec(), (taken / per_ms - before) as u64));
        rest = more;
    }
    chunks
}

fn widened(samples: &[i16]) -> Vec<i16> {
    let floats: Vec<f32> = samples.iter().map(|&sample| to_float(sample)).collect();
    match resample::whole(&floats, SampleRate::TELEPHONE, SampleRate::WIDE) {
        Ok(wide) => wide.into_iter().map(to_pcm).collect(),
        // Coarse, but of the right length.
        Err(_) => samples.iter().flat_map(|&sample| [sample; 3]).collect(),
    }
}
