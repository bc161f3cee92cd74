//! What the kernels work on: recordings of the repository, and seeded noise.

use std::ops::Range;

use quietline::{
    audio::{Encoding, FRAME_SAMPLES, Frame, WIDE_FRAME_SAMPLES},
    codec::mulaw,
    resample::Up,
};

/// A caller who talks with an agent for 15 s and then says nothing for 37 s; noise on the line at −53 dBFS.
pub(crate) const CALLER: &[u8] = include_bytes!("../../fixtures/call-silence.caller.ulaw");
/// The agent's side of that call.
pub(crate) const BOT: &[u8] = include_bytes!("../../fixtures/call-silence.bot.ulaw");
/// When the agent speaks in it, milliseconds.
pub(crate) const BOT_SPEECH_MS: [Range<usize>; 3] = [600..1_180, 5_190..6_370, 10_880..12_000];
/// The goodbye.
pub(crate) const FAREWELL: &[u8] = include_bytes!("../../fixtures/voices/en/farewell-silence.ulaw");
/// An agent's answer of 8 s.
const ANSWER: &[u8] = include_bytes!("../../fixtures/voices/en/agent-answer-4.ulaw");

/// Frames of [`speech`], [`quiet`] and [`noise`]: 4 s.
pub(crate) const FRAMES: usize = 200;
/// Frames of a [`conversation`]: 10 s.
pub(crate) const CONVERSATION_FRAMES: usize = 500;

/// How audio travels to the model, and what it is called in the names of kernels.
pub(crate) const ENCODINGS: [(Encoding, &str); 2] = [(Encoding::Mulaw, "g711"), (Encoding::Pcm24k, "pcm")];

const SAMPLES: usize = FRAMES * FRAME_SAMPLES;

/// A caller's words, one sentence after the other, µ-law.
pub(crate) fn speech() -> Vec<u8> {
    let sentences = [7_270..10_280, 1_980..4_490].map(|ms| &CALLER[ms.start * 8..ms.end * 8]);
    let mut speech = sentences.concat();
    speech.truncate(SAMPLES);
    speech
}

/// A line on which nobody speaks, µ-law.
pub(crate) fn quiet() -> Vec<u8> {
    CALLER[20_000 * 8..][..SAMPLES].to_vec()
}

/// White noise at −35 dBFS, the same each time, µ-law.
pub(crate) fn noise() -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(20);
    // A rectangular distribution is 4.8 dB below its peak.
    (0..SAMPLES).map(|_| mulaw::encode(random.i16(-1_010..=1_010))).collect()
}

/// A caller who speaks for 4 of 10 s, µ-law: 40 % speech.
pub(crate) fn conversation() -> Vec<u8> {
    let mut conversation = speech();
    conversation.extend(&CALLER[20_000 * 8..][..CONVERSATION_FRAMES * FRAME_SAMPLES - conversation.len()]);
    conversation
}

/// 4 s of an agent's answer, µ-law.
pub(crate) fn answer() -> &'static [u8] {
    &ANSWER[..SAMPLES]
}

/// µ-law as 16-bit frames.
pub(crate) fn linear(codes: &[u8]) -> Vec<Frame> {
    codes.as_chunks().0.iter().map(|codes: &[u8; FRAME_SAMPLES]| codes.map(mulaw::decode)).collect()
}

/// µ-law at 24 kHz: 16 bits, little endian.
fn wide(codes: &[u8]) -> Vec<u8> {
    let (mut up, mut wide) = (Up::new(), [0; WIDE_FRAME_SAMPLES]);
    let mut bytes = Vec::with_capacity(codes.len() * 6);
    for frame in linear(codes) {
        up.process(&frame, &mut wide);
        bytes.extend(wide.iter().flat_map(|sample| sample.to_le_bytes()));
    }
    bytes
}

/// µ-law as a model sends it.
pub(crate) fn spoken(encoding: Encoding, codes: &[u8]) -> Vec<u8> {
    match encoding {
        Encoding::Mulaw => codes.to_vec(),
        Encoding::Pcm24k => wide(codes),
    }
}
