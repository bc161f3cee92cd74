//! A voice that nobody would take for a person, but a detector for speech: a plain function of the text.

use std::f32::consts::TAU;

use crate::audio::SampleRate;

/// Each character takes this long.
pub const CHARACTER_MS: u64 = 60;
/// Characters of a syllable.
const SYLLABLE: usize = 3;
/// RMS level of a syllable, 1.0 being full scale: −20 dBFS.
const LEVEL: f32 = 0.1;
/// RMS of the envelope sin².
const ENVELOPE: f32 = 0.612_372_4;
/// Partials of the buzz.
const PARTIALS: u32 = 12;
/// Nothing above this: a telephone carries it.
const HIGHEST: f32 = 3_200.0;

/// The text, spoken: syllables at about −20 dBFS, pauses between words. The same text sounds the same at every rate.
#[must_use]
pub fn speech(text: &str, rate: SampleRate) -> Vec<i16> {
    let per_character = (u64::from(rate.hz()) * CHARACTER_MS / 1000) as usize;
    let characters: Vec<char> = text.chars().collect();
    let mut samples = Vec::with_capacity(characters.len() * per_character);
    for word in characters.chunk_by(|a, b| a.is_alphanumeric() == b.is_alphanumeric()) {
        if word.first().is_some_and(|c| c.is_alphanumeric()) {
            for syllable in word.chunks(SYLLABLE) {
                say(syllable, syllable.len() * per_character, rate, &mut samples);
            }
        } else {
            samples.resize(samples.len() + word.len() * per_character, 0);
        }
    }
    samples
}

/// How long a text takes.
#[must_use]
pub fn speech_ms(text: &str) -> u64 {
    text.chars().count() as u64 * CHARACTER_MS
}

fn say(syllable: &[char], length: usize, rate: SampleRate, samples: &mut Vec<i16>) {
    let sum: u32 = syllable.iter().map(|&c| u32::from(c)).fold(7, |sum, c| sum.wrapping_mul(31).wrapping_add(c));
    let pitch = 110.0 + (sum % 70) as f32;
    // One formant, so that syllables differ in more than pitch.
    let formant = 400.0 + (sum / 70 % 16) as f32 * 90.0;
    let partials: Vec<(f32, f32)> = (1..=PARTIALS)
        .map(|n| pitch * n as f32)
        .filter(|hz| *hz < HIGHEST)
        .map(|hz| (hz, 0.15 + 1.0 / (1.0 + ((hz - formant) / 250.0).powi(2))))
        .collect();
    let power: f32 = partials.iter().map(|(_, weight)| weight * weight / 2.0).sum();
    let scale = LEVEL / ENVELOPE / power.sqrt() * f32::from(i16::MAX);
    for n in 0..length {
        let t = n as f32 / rate.hz() as f32;
        let envelope = (TAU / 2.0 * n as f32 / length as f32).sin().powi(2);
        // Phases that spread out keep the peaks low.
        let wave = partials.iter().enumerate();
        let wave: f32 = wave.map(|(k, (hz, weight))| weight * (TAU * hz * t + (k * k) as f32).sin()).sum();
        samples.push((wave * envelope * scale) as i16);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Dbfs;

    #[test]
    fn length_and_level_are_those_of_the_text() {
        let text = "Goodbye, and thank you for calling.";
        for rate in [SampleRate::TELEPHONE, SampleRate::WIDE] {
            let samples = speech(text, rate);
            assert_eq!(samples.len() as u64, speech_ms(text) * u64::from(rate.hz()) / 1000);
            let level = Dbfs::of(&samples).db();
            assert!((-23.0..-18.0).contains(&level), "{level}");
            let peak = samples.iter().map(|s| s.unsigned_abs()).max().unwrap();
            assert!(peak < 20_000, "{peak}");
        }
        assert_eq!(speech(text, SampleRate::WIDE), speech(text, SampleRate::WIDE));
        assert_ne!(speech("one", SampleRate::WIDE), speech("two", SampleRate::WIDE));
        assert!(speech("", SampleRate::WIDE).is_empty());
    }
}
