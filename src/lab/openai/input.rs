//! The input audio buffer, and the server's ear on it.

use crate::{
    audio::{Dbfs, FRAME_SAMPLES},
    codec::{alaw, mulaw},
};

/// Voiced frames before speech is reported: 100 ms.
const START_FRAMES: u32 = 5;
/// Audio that is kept since the last commit.
const KEPT: usize = 120 * 8_000;

/// How audio travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Pcm24k,
    Mulaw,
    Alaw,
}

impl Format {
    /// Bytes of a millisecond.
    pub(super) fn bytes_per_ms(self) -> u64 {
        match self {
            Self::Pcm24k => 48,
            Self::Mulaw | Self::Alaw => 8,
        }
    }

    /// So much silence.
    pub(super) fn silence(self, ms: u64) -> Vec<u8> {
        let byte = match self {
            Self::Pcm24k => 0,
            Self::Mulaw => mulaw::encode(0),
            Self::Alaw => alaw::encode(0),
        };
        vec![byte; (ms * self.bytes_per_ms()) as usize]
    }
}

/// How turns are found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Detection {
    /// Louder is speech.
    pub(super) level_dbfs: f32,
    pub(super) prefix_ms: u64,
    pub(super) silence_ms: u64,
    pub(super) create_response: bool,
    pub(super) interrupt_response: bool,
    pub(super) idle_ms: Option<u64>,
}

/// Something heard, in milliseconds of appended audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Started { at_ms: u64 },
    Stopped { start_ms: u64, end_ms: u64 },
}

/// The input audio buffer.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// 8 kHz samples appended so far.
    appended: u64,
    /// 8 kHz samples since the last commit or clear.
    kept: Vec<i16>,
    /// Samples that a frame still lacks.
    frame: Vec<i16>,
    /// The half of a 16-bit sample, and samples of which three make one.
    half: Option<u8>,
    thirds: Vec<i32>,
    loud: u32,
    quiet: u32,
    turn: Option<u64>,
}

impl Input {
    pub(super) fn appended_ms(&self) -> u64 {
        self.appended / 8
    }

    /// Milliseconds since the last commit.
    pub(super) fn buffered_ms(&self) -> f64 {
        self.kept.len() as f64 / 8.0
    }

    /// The server hears somebody.
    pub(super) fn in_speech(&self) -> bool {
        self.turn.is_some()
    }

    /// Takes audio as it came; gives it at 8 kHz.
    pub(super) fn append(&mut self, bytes: &[u8], format: Format) -> Vec<i16> {
        let samples: Vec<i16> = match format {
            Format::Mulaw => bytes.iter().map(|&code| mulaw::decode(code)).collect(),
            Format::Alaw => bytes.iter().map(|&code| alaw::decode(code)).collect(),
            Format::Pcm24k => self.narrow(bytes),
        };
        self.appended += samples.len() as u64;
        self.kept.extend_from_slice(&samples);
        let too_many = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..too_many);
        samples
    }

    /// A stretch of 16-bit audio at a third of its rate; coarse, but enough for an ear.
    fn narrow(&mut self, bytes: &[u8]) -> Vec<i16> {
        let mut samples = Vec::with_capacity(bytes.len() / 6 + 1);
        for &byte in bytes {
            let Some(low) = self.half.take() else {
                self.half = Some(byte);
                continue;
            };
            self.thirds.push(i16::from_le_bytes([low, byte]).into());
            if self.thirds.len() == 3 {
                samples.push((self.thirds.drain(..).sum::<i32>() / 3) as i16);
            }
        }
        samples
    }

    /// The format changes: halves of samples mean nothing any more.
    pub(super) fn reformat(&mut self) {
        (self.half, self.frame) = (None, Vec::new());
        self.thirds.clear();
    }

    /// Listens to samples that were just appended; one thing at a time, in order, to `tell`.
    pub(super) fn listen(&mut self, samples: &[i16], detection: &Detection) -> Vec<Heard> {
        let mut heard = Vec::new();
        // `appended` counts these samples already; frames end at their own places.
        let mut end = self.appended - samples.len() as u64 - self.frame.len() as u64;
        self.frame.extend_from_slice(samples);
        let whole = self.frame.len() / FRAME_SAMPLES * FRAME_SAMPLES;
        for frame in self.frame.drain(..whole).collect::<Vec<_>>().chunks(FRAME_SAMPLES) {
            end += frame.len() as u64;
            let loud = Dbfs::of(frame).db() > detection.level_dbfs;
            (self.loud, self.quiet) = if loud { (self.loud + 1, 0) } else { (0, self.quiet + 1) };
            match self.turn {
                None if self.loud >= START_FRAMES => {
                    let began = (end / 8).saturating_sub(u64::from(START_FRAMES) * 20);
                    let at_ms = began.saturating_sub(detection.prefix_ms);
                    self.turn = Some(at_ms);
                    heard.push(Heard::Started { at_ms });
                }
                Some(start_ms) if u64::from(self.quiet) * 20 >= detection.silence_ms => {
                    self.turn = None;
                    self.loud = 0;
                    heard.push(Heard::Stopped { start_ms, end_ms: end / 8 });
                }
                None | Some(_) => {}
            }
        }
        heard
    }

    /// Takes the audio from `start_ms` on out; what was before it is forgotten.
    pub(super) fn commit(&mut self, start_ms: Option<u64>) -> (u64, u64, Vec<i16>) {
        let end = self.appended;
        let oldest = end - self.kept.len() as u64;
        let start = start_ms.map_or(oldest, |ms| (ms * 8).clamp(oldest, end));
        let samples = self.kept.split_off((start - oldest) as usize);
        self.kept.clear();
        self.turn = None;
        (start / 8, end / 8, samples)
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.turn = None;
        (self.loud, self.quiet) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{audio::SampleRate, lab::voices::speech};

    const DETECTION: Detection = Detection {
        level_dbfs: -42.0,
        prefix_ms: 300,
        silence_ms: 500,
        create_response: true,
        interrupt_response: true,
        idle_ms: None,
    };

    fn hear(format: Format, encode: impl Fn(i16) -> Vec<u8>, rate: SampleRate) -> Vec<Heard> {
        let per_ms = rate.hz() as usize / 1000;
        let mut samples = vec![0; 1000 * per_ms];
        samples.extend(speech("Hello there", rate));
        samples.extend(vec![0; 1000 * per_ms]);
        let bytes: Vec<u8> = samples.into_iter().flat_map(encode).collect();
        let mut input = Input::default();
        let mut heard = Vec::new();
        for piece in bytes.chunks(961) {
            let samples = input.append(piece, format);
            heard.extend(input.listen(&samples, &DETECTION));
        }
        heard
    }

    #[test]
    fn turns_are_found_in_every_format() {
        let narrow = hear(Format::Mulaw, |s| vec![mulaw::encode(s)], SampleRate::TELEPHONE);
        let wide = hear(Format::Pcm24k, |s| s.to_le_bytes().to_vec(), SampleRate::WIDE);
        for heard in [narrow, wide] {
            let [Heard::Started { at_ms }, Heard::Stopped { start_ms, end_ms }] = heard[..] else {
                panic!("{heard:?}")
            };
            assert_eq!(at_ms, start_ms);
            assert!((700..=800).contains(&at_ms), "{at_ms}");
            // 660 ms of speech, and the pause that ends the turn.
            assert!((2060..=2180).contains(&end_ms), "{end_ms}");
        }
    }

    #[test]
    fn a_commit_takes_what_is_there() {
        let mut input = Input::default();
        input.append(&[0xff; 1600], Format::Mulaw);
        let (start, end, samples) = input.commit(Some(150));
        assert_eq!((start, end, samples.len()), (150, 200, 400));
        assert_eq!(input.buffered_ms(), 0.0);
    }
}
