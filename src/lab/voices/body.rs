//! Audio as the body of an answer, with all that can go wrong with it.

use std::{future, io, time::Duration};

use axum::body::{Body, Bytes};
use futures_util::stream;

use super::{desk::Place, fault::SpeechFault, synth::speech};
use crate::{
    audio::SampleRate,
    codec::{alaw, mulaw},
};

/// From the request to the first byte.
const FIRST_BYTE: Duration = Duration::from_millis(60);
/// A chunk plays so long, and comes so long after the one before it.
const CHUNK_MS: usize = 200;
const CHUNK_EVERY: Duration = Duration::from_millis(10);

/// How samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Pcm(SampleRate),
    /// With a header whose length is made up, as nobody knows it while streaming.
    Wav(SampleRate),
    Mulaw,
    Alaw,
}

impl Form {
    fn rate(self) -> SampleRate {
        match self {
            Self::Pcm(rate) | Self::Wav(rate) => rate,
            Self::Mulaw | Self::Alaw => SampleRate::TELEPHONE,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Pcm(_) => "audio/pcm",
            Self::Wav(_) => "audio/wav",
            Self::Mulaw | Self::Alaw => "audio/basic",
        }
    }

    fn write(self, samples: &[i16]) -> Vec<u8> {
        match self {
            Self::Pcm(_) => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
            Self::Wav(rate) => {
                let mut bytes = header(rate);
                bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
                bytes
            }
            Self::Mulaw => samples.iter().map(|&sample| mulaw::encode(sample)).collect(),
            Self::Alaw => samples.iter().map(|&sample| alaw::encode(sample)).collect(),
        }
    }
}

/// The whole audio of a text.
pub(super) fn bytes(text: &str, form: Form, fault: Option<SpeechFault>) -> Vec<u8> {
    let rate = form.rate();
    let length = |time: Duration| (time.as_secs_f64() * f64::from(rate.hz())) as usize;
    let mut samples = speech(text, rate);
    match fault {
        Some(SpeechFault::Long(time)) => {
            let said = if samples.is_empty() { speech("and on ", rate) } else { samples };
            samples = said.into_iter().cycle().take(length(time)).collect();
        }
        Some(SpeechFault::Loud) => scale(&mut samples, 30.0),
        Some(SpeechFault::Quiet) => scale(&mut samples, 0.01),
        Some(SpeechFault::LeadingSilence(time)) => drop(samples.splice(0..0, std::iter::repeat_n(0, length(time)))),
        Some(SpeechFault::OnlySilence) => samples.fill(0),
        Some(
            SpeechFault::SlowFirstByte(_)
            | SpeechFault::NoAnswer
            | SpeechFault::StallAfter(_)
            | SpeechFault::CutAfter(_)
            | SpeechFault::OddChunks
            | SpeechFault::Empty
            | SpeechFault::ErrorBody
            | SpeechFault::Header
            | SpeechFault::Status(_)
            | SpeechFault::Quota
            | SpeechFault::TooMany
            | SpeechFault::Busy,
        )
        | None => {}
    }
    let mut bytes = form.write(&samples);
    if fault == Some(SpeechFault::Header) {
        bytes.splice(0..0, header(rate));
    }
    bytes
}

fn scale(samples: &mut [i16], gain: f32) {
    for sample in samples {
        // Clips at full scale.
        *sample = (f32::from(*sample) * gain) as i16;
    }
}

/// 44 bytes before 16-bit samples of a length that nobody knows.
fn header(rate: SampleRate) -> Vec<u8> {
    let mut bytes = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    bytes.extend(rate.hz().to_le_bytes());
    bytes.extend((rate.hz() * 2).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data\xff\xff\xff\xff");
    bytes
}

/// A body that comes chunk by chunk, faster than it plays.
pub(super) fn body(bytes: Vec<u8>, form: Form, fault: Option<SpeechFault>, place: Place) -> Body {
    let usual = CHUNK_MS * form.rate().hz() as usize / 1000 * if form.content_type() == "audio/basic" { 1 } else { 2 };
    let state = (Bytes::from(bytes), 0usize, place);
    Body::from_stream(stream::unfold(state, move |(mut rest, sent, place)| async move {
        let wait = match (sent, fault) {
            (0, Some(SpeechFault::SlowFirstByte(time))) => time,
            (0, _) => FIRST_BYTE,
            _ => CHUNK_EVERY,
        };
        tokio::time::sleep(wait).await;
        let size = match fault {
            // Odd, and another one each time.
            Some(SpeechFault::OddChunks) => (sent * 7 % usual) | 1,
            Some(SpeechFault::StallAfter(most) | SpeechFault::CutAfter(most)) => usual.min(most.saturating_sub(sent)),
            Some(_) | None => usual,
        };
        match fault {
            Some(SpeechFault::StallAfter(most)) if sent >= most => future::pending().await,
            Some(SpeechFault::CutAfter(most)) if sent >= most => {
                return Some((Err(io::Error::other("cut, as the lab was told")), (Bytes::new(), sent, place)));
            }
            Some(_) | None if rest.is_empty() => return None,
            Some(_) | None => {}
        }
        let chunk = rest.split_to(size.min(rest.len()));
        let sent = sent + chunk.len();
        Some((Ok(chunk), (rest, sent, place)))
    }))
}
