//! From a file's bytes to samples, by symphonia, with the edit list applied.

use std::{io::Cursor, time::Duration};

use symphonia::core::{
    codecs::audio::{AudioDecoder, AudioDecoderOptions, well_known::CODEC_ID_OPUS},
    formats::{FormatOptions, FormatReader, TrackType, probe::Hint, well_known::FORMAT_ID_ISOMP4},
    io::MediaSourceStream,
    meta::MetadataOptions,
};

use super::{
    Recording, RecordingError, check_length,
    edit_list::{self, Edit},
};
use crate::audio::SampleRate;

/// Decodes a file in any format that symphonia knows.
pub(super) fn decode(bytes: &[u8]) -> Result<Recording, RecordingError> {
    let mut reader = open(bytes)?;
    let (track, mut decoder) = decoder(reader.as_ref())?;
    let decoded = decode_track(reader.as_mut(), track, decoder.as_mut())?;
    if reader.format_info().format != FORMAT_ID_ISOMP4 {
        return not_empty(decoded);
    }
    let edits = edit_list::edits(bytes, track, decoded.rate.hz()).map_err(|reason| damaged_head(&reason))?;
    not_empty(match edits {
        Some(edits) => play(&edits, &decoded)?,
        None => decoded,
    })
}

fn open(bytes: &[u8]) -> Result<Box<dyn FormatReader + '_>, RecordingError> {
    // A stream over a slice rather than its owner: the edit list is read from the same bytes afterwards.
    let stream = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
    symphonia::default::get_probe()
        .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| if has_signature(bytes) { damaged_head(&error) } else { RecordingError::UnknownFormat })
}

/// The file begins like one of the formats we read: so it is damaged rather than unknown.
fn has_signature(bytes: &[u8]) -> bool {
    let at = |from: usize, magic: &[u8]| bytes.get(from..).is_some_and(|rest| rest.starts_with(magic));
    at(4, b"ftyp") || (at(0, b"RIFF") && at(8, b"WAVE")) || at(0, b"OggS") || at(0, b"ID3")
}

fn decoder(reader: &dyn FormatReader) -> Result<(u32, Box<dyn AudioDecoder>), RecordingError> {
    let track = reader.default_track(TrackType::Audio).ok_or(RecordingError::NoAudio)?;
    let params = track.codec_params.as_ref().and_then(|params| params.audio()).ok_or(RecordingError::NoAudio)?;
    if params.codec == CODEC_ID_OPUS {
        return Err(RecordingError::Opus);
    }
    // Checked before decoding too, so that a head that lies costs nothing.
    if let Some(hz) = params.sample_rate {
        SampleRate::new(hz).ok_or(RecordingError::Rate(hz))?;
    }
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(params, &AudioDecoderOptions::default())
        .map_err(|error| RecordingError::UnknownCodec(error.to_string()))?;
    Ok((track.id, decoder))
}

fn decode_track(
    reader: &mut dyn FormatReader,
    track: u32,
    decoder: &mut dyn AudioDecoder,
) -> Result<Recording, RecordingError> {
    let mut so_far: Option<Recording> = None;
    let mut planes: Vec<Vec<f32>> = Vec::new();
    loop {
        let at = so_far.as_ref().map_or(Duration::ZERO, Recording::length);
        let Some(packet) = reader.next_packet().map_err(|error| damaged(at, &error))? else { break };
        if packet.track_id != track {
            continue;
        }
        let block = decoder.decode(&packet).map_err(|error| damaged(at, &error))?;
        let hz = block.spec().rate();
        let rate = SampleRate::new(hz).ok_or(RecordingError::Rate(hz))?;
        block.copy_to_vecs_planar(&mut planes);
        if !matches!(planes.len(), 1 | 2) {
            return Err(RecordingError::Channels(planes.len()));
        }
        let recording = so_far.get_or_insert_with(|| Recording { rate, channels: vec![Vec::new(); planes.len()] });
        if recording.rate != rate || recording.channels.len() != planes.len() {
            return Err(damaged(at, &"the rate or the number of channels changes"));
        }
        for (channel, plane) in recording.channels.iter_mut().zip(&planes) {
            channel.extend_from_slice(plane);
            check_length(channel.len(), rate)?;
        }
    }
    so_far.ok_or(RecordingError::NoSamples)
}

/// What is played of a decoded track.
fn play(edits: &[Edit], decoded: &Recording) -> Result<Recording, RecordingError> {
    let mut played = Recording { rate: decoded.rate, channels: vec![Vec::new(); decoded.channels.len()] };
    for edit in edits {
        for (from, to) in decoded.channels.iter().zip(&mut played.channels) {
            let within = |sample: u64| usize::try_from(sample).unwrap_or(usize::MAX).min(from.len());
            let (silence, media) = match edit {
                Edit::Silence(length) => (usize::try_from(*length).unwrap_or(usize::MAX), 0..0),
                Edit::Media(range) => (0, within(range.start)..within(range.end)),
            };
            let media = from.get(media).unwrap_or_default();
            check_length(to.len().saturating_add(silence).saturating_add(media.len()), decoded.rate)?;
            to.resize(to.len() + silence, 0.0);
            to.extend_from_slice(media);
        }
    }
    Ok(played)
}

fn not_empty(recording: Recording) -> Result<Recording, RecordingError> {
    if recording.length().is_zero() { Err(RecordingError::NoSamples) } else { Ok(recording) }
}

fn damaged(at: Duration, reason: &dyn ToString) -> RecordingError {
    RecordingError::Damaged { at, reason: reason.to_string() }
}

fn damaged_head(reason: &dyn ToString) -> RecordingError {
    damaged(Duration::ZERO, reason)
}
