//! Stereo WAV files of a call: left what the caller said, right what the caller heard.

use std::path::Path;

use quietline::codec::mulaw;

/// Writes both sides at 8 kHz, 16 bit; the shorter one is filled with silence.
///
/// # Errors
/// What the file system says.
pub(crate) fn write(path: &Path, said: &[i16], heard: &[u8], length: usize) -> Result<(), hound::Error> {
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for n in 0..length.max(heard.len()) {
        writer.write_sample(said.get(n).copied().unwrap_or(0))?;
        writer.write_sample(heard.get(n).map_or(0, |&code| mulaw::decode(code)))?;
    }
    writer.finalize()
}

/// Writes one voice at 8 kHz, 16 bit.
///
/// # Errors
/// What the file system says.
pub(crate) fn write_mono(path: &Path, codes: &[u8]) -> Result<(), hound::Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for &code in codes {
        writer.write_sample(mulaw::decode(code))?;
    }
    writer.finalize()
}
