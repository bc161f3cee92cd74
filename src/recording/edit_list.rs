//! The edit list of an ISO media file (ISO/IEC 14496-12, 8.6.5 and 8.6.6): which part of a track is to be played.
//!
//! An AAC encoder's first 1024 samples (mostly) are its own delay; the edit list is what says so.

use std::ops::Range;

/// A stretch of what is played, in the order given.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Edit {
    /// Silence of so many samples.
    Silence(u64),
    /// These samples of the decoded track; the end may lie beyond the track.
    Media(Range<u64>),
}

/// The edits of the track with this id, in samples at `rate`. `None` if the file has no such track, or it has no
/// edit list: everything is played.
///
/// # Errors
///
/// What is wrong with the boxes, if a box on the way to the list is cut off or its version is unknown.
pub(super) fn edits(file: &[u8], track_id: u32, rate: u32) -> Result<Option<Vec<Edit>>, &'static str> {
    let Some(movie) = find(file, *b"moov")? else { return Ok(None) };
    let movie_scale = timescale(find(movie, *b"mvhd")?.ok_or("no mvhd")?)?;
    for track in boxes(movie) {
        let (kind, track) = track?;
        if kind == *b"trak" && id(find(track, *b"tkhd")?.ok_or("no tkhd")?)? == track_id {
            let Some(list) = find_path(track, [*b"edts", *b"elst"])? else { return Ok(None) };
            let media_scale = timescale(find_path(track, [*b"mdia", *b"mdhd"])?.ok_or("no mdhd")?)?;
            return entries(list, Scales { movie: movie_scale, media: media_scale, rate }).map(Some);
        }
    }
    Ok(None)
}

struct Scales {
    movie: u32,
    media: u32,
    rate: u32,
}

fn entries(list: &[u8], scales: Scales) -> Result<Vec<Edit>, &'static str> {
    let (wide, mut rest) = version(list)?;
    let count = be32(&mut rest)?;
    let mut edits = Vec::new();
    for _ in 0..count {
        let (duration, start) = if wide {
            (be64(&mut rest)?, be64(&mut rest)? as i64)
        } else {
            (u64::from(be32(&mut rest)?), i64::from(be32(&mut rest)? as i32))
        };
        be32(&mut rest)?; // The speed: 1 in every recording.
        let length = convert(duration, scales.movie, scales.rate);
        edits.push(match u64::try_from(start) {
            Err(_) => Edit::Silence(length),
            Ok(start) => {
                let start = convert(start, scales.media, scales.rate);
                // A length of 0 is "to the end", as recorders write it that do not know their end yet.
                Edit::Media(start..if length == 0 { u64::MAX } else { start.saturating_add(length) })
            }
        });
    }
    Ok(edits)
}

/// From one timescale to another, to the nearest.
fn convert(time: u64, from: u32, to: u32) -> u64 {
    let (from, to) = (u128::from(from), u128::from(to));
    u64::try_from((u128::from(time) * to + from / 2) / from).unwrap_or(u64::MAX)
}

/// The timescale of an `mvhd` or `mdhd`: it follows two times, of 4 or 8 bytes.
fn timescale(header: &[u8]) -> Result<u32, &'static str> {
    let (wide, mut rest) = version(header)?;
    take(&mut rest, if wide { 16 } else { 8 })?;
    match be32(&mut rest)? {
        0 => Err("timescale 0"),
        scale => Ok(scale),
    }
}

/// The track id of a `tkhd`, likewise.
fn id(header: &[u8]) -> Result<u32, &'static str> {
    let (wide, mut rest) = version(header)?;
    take(&mut rest, if wide { 16 } else { 8 })?;
    be32(&mut rest)
}

/// Takes version and flags off a full box; `true` for version 1, whose times have 64 bits.
fn version(mut content: &[u8]) -> Result<(bool, &[u8]), &'static str> {
    match be32(&mut content)? >> 24 {
        0 => Ok((false, content)),
        1 => Ok((true, content)),
        _ => Err("a box of unknown version"),
    }
}

fn find_path(mut content: &[u8], path: [[u8; 4]; 2]) -> Result<Option<&[u8]>, &'static str> {
    for kind in path {
        match find(content, kind)? {
            Some(inner) => content = inner,
            None => return Ok(None),
        }
    }
    Ok(Some(content))
}

/// Content of the first box of this kind.
fn find(content: &[u8], kind: [u8; 4]) -> Result<Option<&[u8]>, &'static str> {
    for each in boxes(content) {
        let (found, inner) = each?;
        if found == kind {
            return Ok(Some(inner));
        }
    }
    Ok(None)
}

type Found<'a> = Result<([u8; 4], &'a [u8]), &'static str>;

/// The boxes side by side in `content`; after an error, none.
fn boxes(mut content: &[u8]) -> impl Iterator<Item = Found<'_>> {
    std::iter::from_fn(move || {
        // Fewer than 8 bytes are padding: QuickTime ends a list of boxes with four zero bytes.
        if content.len() < 8 {
            return None;
        }
        let found = next_box(&mut content);
        if found.is_err() {
            content = &[];
        }
        Some(found)
    })
}

fn next_box<'a>(content: &mut &'a [u8]) -> Found<'a> {
    let size = be32(content)?;
    let kind = take(content, 4)?.try_into().map_err(|_| CUT)?;
    let length = match size {
        0 => content.len() as u64,
        1 => be64(content)?.checked_sub(16).ok_or("a box shorter than its head")?,
        _ => u64::from(size).checked_sub(8).ok_or("a box shorter than its head")?,
    };
    Ok((kind, take(content, usize::try_from(length).map_err(|_| CUT)?)?))
}

const CUT: &str = "a box is cut off";

fn be32(rest: &mut &[u8]) -> Result<u32, &'static str> {
    take(rest, 4)?.try_into().map(u32::from_be_bytes).map_err(|_| CUT)
}

fn be64(rest: &mut &[u8]) -> Result<u64, &'static str> {
    take(rest, 8)?.try_into().map(u64::from_be_bytes).map_err(|_| CUT)
}

fn take<'a>(rest: &mut &'a [u8], n: usize) -> Result<&'a [u8], &'static str> {
    let (head, tail) = rest.split_at_checked(n).ok_or(CUT)?;
    *rest = tail;
    Ok(head)
}
