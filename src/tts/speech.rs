//! What came of a rendering; what is no speech is refused here.

use super::{BadAudio, TtsError};
use crate::{
    audio::{Encoding, SampleRate, to_float, to_pcm},
    codec::mulaw,
    mix::{Announcement, AnnouncementError},
    resample,
};

/// Longest speech, in samples at 8 kHz: 60 s.
const MAX_SAMPLES: usize = 60 * 8_000;
/// So much of the beginning tells text from sound.
const HEAD: usize = 256;
/// Samples of a vendor to one of the telephone.
const WIDE: usize = 3;

/// A phrase as it sounds: 8 kHz, at most 60 s, with something to be heard in it.
#[derive(Clone, Debug)]
pub struct Speech {
    samples: Vec<i16>,
    announcement: Announcement,
}

impl Speech {
    /// From samples at 8 kHz.
    ///
    /// # Errors
    ///
    /// [`TtsError::BadAudio`].
    pub fn new(samples: Vec<i16>) -> Result<Self, TtsError> {
        let announcement = Announcement::render(&samples).map_err(|error| {
            TtsError::BadAudio(match error {
                AnnouncementError::Empty => BadAudio::Empty,
                AnnouncementError::TooLong { .. } => BadAudio::TooLong,
                AnnouncementError::Silent => BadAudio::Silent,
            })
        })?;
        Ok(Self { samples, announcement })
    }

    /// From what a vendor sent, whole.
    ///
    /// # Errors
    ///
    /// [`TtsError::BadAudio`].
    pub(super) fn of(encoding: Encoding, bytes: &[u8]) -> Result<Self, TtsError> {
        if let Some(bad) = not_raw(bytes) {
            return Err(TtsError::BadAudio(bad));
        }
        if bytes.len() > max_bytes(encoding) {
            return Err(TtsError::BadAudio(BadAudio::TooLong));
        }
        let samples = match encoding {
            Encoding::Mulaw => bytes.iter().map(|&code| mulaw::decode(code)).collect(),
            Encoding::Pcm24k => {
                // Half a sample at the end is nothing.
                let wide: Vec<f32> =
                    bytes.chunks_exact(2).map(|pair| to_float(i16::from_le_bytes([pair[0], pair[1]]))).collect();
                let narrow = resample::whole(&wide, SampleRate::WIDE, SampleRate::TELEPHONE);
                let narrow = narrow.map_err(|_| TtsError::BadAudio(BadAudio::Empty))?;
                narrow.into_iter().map(to_pcm).collect()
            }
        };
        Self::new(samples)
    }

    /// The samples as the vendor made them, at 8 kHz.
    #[must_use]
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// Ready to be played: trimmed and at its level.
    #[must_use]
    pub const fn announcement(&self) -> &Announcement {
        &self.announcement
    }
}

/// Bytes of 60 s.
pub(super) const fn max_bytes(encoding: Encoding) -> usize {
    match encoding {
        Encoding::Mulaw => MAX_SAMPLES,
        Encoding::Pcm24k => MAX_SAMPLES * WIDE * 2,
    }
}

/// What the beginning of an answer is, if it is no raw audio. Content types are not asked: vendors name them freely.
fn not_raw(bytes: &[u8]) -> Option<BadAudio> {
    if bytes.is_empty() {
        return Some(BadAudio::Empty);
    }
    for (magic, kind) in
        [(&b"RIFF"[..], "a WAV file"), (b"ID3", "an MP3 file"), (b"OggS", "an Ogg file"), (b"fLaC", "a FLAC file")]
    {
        if bytes.starts_with(magic) {
            return Some(BadAudio::Container(kind));
        }
    }
    // 256 codes of µ-law below 0x80 would be 32 ms without a positive sample; linear samples that are all letters are
    // no less strange.
    let head = &bytes[..bytes.len().min(HEAD)];
    let is_text = |bytes: &[u8]| {
        bytes.iter().all(|&byte| byte == b'\n' || byte == b'\r' || byte == b'\t' || (32..127).contains(&byte))
    };
    let begins_as_text = matches!(head.trim_ascii_start().first(), Some(b'{' | b'[' | b'<'));
    if is_text(head)
        || (begins_as_text && std::str::from_utf8(trim_cut_letter(head)).is_ok_and(|text| !text.contains('\0')))
    {
        return Some(BadAudio::Text);
    }
    is_mpeg(bytes).then_some(BadAudio::Container("an MP3 or AAC stream"))
}

/// A cut may go through a letter of several bytes.
fn trim_cut_letter(head: &[u8]) -> &[u8] {
    match std::str::from_utf8(head) {
        Err(error) if error.error_len().is_none() => &head[..error.valid_up_to()],
        Ok(_) | Err(_) => head,
    }
}

/// Two frames of MPEG audio in a row: one alone may be chance, µ-law silence is 0xff.
fn is_mpeg(bytes: &[u8]) -> bool {
    let Some(length) = mpeg_frame(bytes).or_else(|| adts_frame(bytes)) else { return false };
    let next = bytes.get(length..).unwrap_or_default();
    next.len() >= 4 && (mpeg_frame(next).is_some() || adts_frame(next).is_some()) && next[..2] == bytes[..2]
}

/// Length of the layer III frame that begins here (ISO 11172-3, 2.4.1.3).
fn mpeg_frame(bytes: &[u8]) -> Option<usize> {
    const KBPS_1: [usize; 16] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
    const KBPS_2: [usize; 16] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];
    const HZ: [usize; 3] = [44_100, 48_000, 32_000];
    let [0xff, second, third, _, ..] = *bytes else { return None };
    let (version, layer) = ((second >> 3) & 3, (second >> 1) & 3);
    if second & 0xe0 != 0xe0 || version == 1 || layer != 1 {
        return None;
    }
    let is_1 = version == 3;
    let hz = HZ.get(usize::from((third >> 2) & 3))? / [4, 1, 2, 1][usize::from(version)];
    let kbps = if is_1 { KBPS_1 } else { KBPS_2 }[usize::from(third >> 4)];
    let padding = usize::from((third >> 1) & 1);
    (kbps > 0).then(|| (if is_1 { 144 } else { 72 }) * kbps * 1_000 / hz + padding)
}

/// Length of the ADTS frame (AAC) that begins here.
fn adts_frame(bytes: &[u8]) -> Option<usize> {
    let [0xff, second, _, fourth, fifth, sixth, ..] = *bytes else { return None };
    let length = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
    (second & 0xf6 == 0xf0 && length > 7).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half a second of something like a voice.
    fn tone(hz: f32, rate: f32) -> Vec<i16> {
        (0..(rate / 2.0) as usize)
            .map(|n| ((n as f32 / rate * hz * std::f32::consts::TAU).sin() * 9_000.0) as i16)
            .collect()
    }

    fn bad(encoding: Encoding, bytes: &[u8]) -> BadAudio {
        match Speech::of(encoding, bytes) {
            Err(TtsError::BadAudio(bad)) => bad,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_encodings_give_the_same_length() {
        let wide: Vec<u8> = tone(440.0, 24_000.0).iter().flat_map(|sample| sample.to_le_bytes()).collect();
        assert_eq!(Speech::of(Encoding::Pcm24k, &wide).unwrap().samples().len(), 4_000);
        let odd = Speech::of(Encoding::Pcm24k, &wide[..wide.len() - 1]).unwrap();
        assert_eq!(odd.samples().len(), 4_000);
        let narrow: Vec<u8> = tone(440.0, 8_000.0).iter().map(|&sample| mulaw::encode(sample)).collect();
        let speech = Speech::of(Encoding::Mulaw, &narrow).unwrap();
        assert_eq!(speech.samples().len(), 4_000);
        assert!(speech.announcement().samples() >= 4_000);
    }

    #[test]
    fn what_is_no_speech_is_named() {
        let json = br#"{"detail":{"status":"quota_exceeded","message":"This request exceeds your quota."}}"#;
        let page = format!("<!doctype html><title>Erreur à l’étage</title>{}", "é".repeat(300));
        for encoding in [Encoding::Mulaw, Encoding::Pcm24k] {
            assert_eq!(bad(encoding, b""), BadAudio::Empty);
            assert_eq!(bad(encoding, json), BadAudio::Text);
            assert_eq!(bad(encoding, page.as_bytes()), BadAudio::Text);
            assert_eq!(bad(encoding, b"upstream connect error"), BadAudio::Text);
            assert_eq!(bad(encoding, b"RIFF\xff\xff\xff\xffWAVEfmt "), BadAudio::Container("a WAV file"));
            assert_eq!(bad(encoding, b"ID3\x04\0\0"), BadAudio::Container("an MP3 file"));
            assert_eq!(bad(encoding, b"OggS\0\x02"), BadAudio::Container("an Ogg file"));
            assert_eq!(bad(encoding, &vec![1; max_bytes(encoding) + 1]), BadAudio::TooLong);
        }
        assert_eq!(bad(Encoding::Mulaw, &[0xff; 8_000]), BadAudio::Silent);
        assert_eq!(bad(Encoding::Pcm24k, &[0; 48_000]), BadAudio::Silent);
        assert_eq!(bad(Encoding::Pcm24k, b"\0"), BadAudio::Empty);
    }

    #[test]
    fn mp3_is_told_from_mulaw_silence() {
        // 128 kbit/s at 44.1 kHz: frames of 417 bytes.
        let mut mp3 = vec![0x55; 900];
        mp3[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0x64]);
        mp3[417..421].copy_from_slice(&[0xff, 0xfb, 0x90, 0x64]);
        assert_eq!(bad(Encoding::Mulaw, &mp3), BadAudio::Container("an MP3 or AAC stream"));
        let mut quiet: Vec<u8> = tone(300.0, 8_000.0).iter().map(|&sample| mulaw::encode(sample)).collect();
        quiet[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0x64]);
        assert!(Speech::of(Encoding::Mulaw, &quiet).is_ok());
    }
}
