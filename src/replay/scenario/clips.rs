//! The sounds of the scenarios, from `fixtures/`.

use crate::{
    audio::{Dbfs, FRAME_SAMPLES},
    codec::mulaw,
};

/// A caller of the fixtures: a short talk, then 37 s of line noise.
const CALLER: &[u8] = include_bytes!("../../../fixtures/call-silence.caller.ulaw");
/// A caller whose side plays hold music from 6.79 s on.
const MUSIC: &[u8] = include_bytes!("../../../fixtures/call-hold-music.caller.ulaw");
/// Where nobody speaks in [`CALLER`], milliseconds.
const NOISE_MS: std::ops::Range<usize> = 17_000..51_000;
const MUSIC_MS: std::ops::Range<usize> = 6_900..42_700;

/// Something that a caller or an agent says: samples, the words, and where in it there is speech.
#[derive(Clone, Debug)]
pub(super) struct Clip {
    pub(super) samples: Vec<i16>,
    pub(super) text: String,
    /// Milliseconds.
    pub(super) speech: (f64, f64),
}

macro_rules! voices {
    ($($name:literal => $text:literal),+ $(,)?) => {
        /// A recorded line by name, with its text.
        fn voice(name: &str) -> Option<(&'static [u8], &'static str)> {
            match name {
                $($name => Some((include_bytes!(concat!("../../../fixtures/voices/en/", $name, ".ulaw")), $text)),)+
                _ => None,
            }
        }
        #[cfg(test)]
        pub(super) const VOICES: &[(&str, &str)] = &[$(($name, $text)),+];
    };
}

voices! {
    "agent-greeting" => "Hello, this is the quietline demo. How can I help you?",
    "agent-answer-1" => "I see. Tell me more.",
    "agent-answer-2" => "Certainly. I have noted that down.",
    "agent-answer-3" => "Thank you, that is very helpful. Is there anything else?",
    "agent-answer-4" => "That is a good question. Our office is open from nine to five, Monday to Friday, and you can reach us by telephone or by mail.",
    "agent-goodbye" => "You're welcome. Goodbye, have a nice day.",
    "agent-still-here" => "Of course, I am still here. What can I do for you?",
    "caller-wait" => "Wait, I'm here!",
    "caller-thanks" => "Thanks, that's all.",
    "caller-question" => "When is your office open?",
    "caller-interrupt" => "Sorry, can I ask something else?",
    "caller-hello" => "Hello? Are you still there?",
}

/// A line: one of the voices, or `talk-1` to `talk-3`, the words of the fixture's caller.
pub(super) fn clip(name: &str) -> Clip {
    let cut = |from: usize, to: usize, text: &str| {
        let samples: Vec<i16> = CALLER[from * 8..to * 8].iter().map(|&code| mulaw::decode(code)).collect();
        Clip { speech: (0.0, (to - from) as f64), samples, text: text.into() }
    };
    match name {
        "talk-1" => return cut(1_980, 4_490, "he was not an ill disposed young man"),
        "talk-2" => return cut(7_270, 10_280, "he might even have been made amiable himself"),
        "talk-3" => return cut(13_100, 14_740, "go forward ten meters"),
        _ => {}
    }
    let (codes, text) = voice(name).unwrap_or((&[], ""));
    debug_assert!(!codes.is_empty(), "no clip is called {name}");
    let samples: Vec<i16> = codes.iter().map(|&code| mulaw::decode(code)).collect();
    Clip { speech: active(&samples), samples, text: text.into() }
}

/// From the first to the last frame that is not silence.
fn active(samples: &[i16]) -> (f64, f64) {
    let step = FRAME_SAMPLES / 4;
    let loud = |chunk: &[i16]| Dbfs::of(chunk).db() > -50.0;
    let first = samples.chunks(step).position(loud).unwrap_or(0);
    let last = samples.chunks(step).rposition(loud).map_or(0, |n| n + 1);
    ((first * step) as f64 / 8.0, (last * step) as f64 / 8.0)
}

/// Line noise for this long.
pub(super) fn line_noise(seconds: usize) -> Vec<i16> {
    looped(&CALLER[NOISE_MS.start * 8..NOISE_MS.end * 8], seconds)
}

/// Hold music for this long.
pub(super) fn hold_music(seconds: usize) -> Vec<i16> {
    looped(&MUSIC[MUSIC_MS.start * 8..MUSIC_MS.end * 8], seconds)
}

fn looped(codes: &[u8], seconds: usize) -> Vec<i16> {
    codes.iter().cycle().take(seconds * 8_000).map(|&code| mulaw::decode(code)).collect()
}
