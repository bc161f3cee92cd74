//! Where a recording speaks and where it pauses: offline, on the whole recording, in blocks of 5 ms.

use std::ops::Range;

use crate::audio::Dbfs;

/// Resolution, in samples at 8 kHz.
const BLOCK: usize = 40;
/// Samples of a pause: 120 ms at least, since shorter ones lie within words.
pub(super) const MIN_PAUSE: usize = 960;
/// A recording whose loudest block is below this is silence.
const SILENCE_DBFS: f32 = -60.0;
/// A block this far below the loudest belongs to no sound at all.
const TRIM_BELOW_DB: f32 = 40.0;
/// A block this far below the loudest belongs to no word: breath, the end of a reverberation.
const PAUSE_BELOW_DB: f32 = 30.0;

/// Bounds in samples.
#[derive(Debug)]
pub(super) struct Activity {
    /// From the first sound to the last, soft ones included.
    pub(super) sound: Range<usize>,
    /// From the first word to the last.
    pub(super) speech: Range<usize>,
    /// Pauses of at least [`MIN_PAUSE`] within `speech`, in order.
    pub(super) pauses: Vec<Range<usize>>,
}

impl Activity {
    /// `None` if it is all silence.
    pub(super) fn of(samples: &[i16]) -> Option<Self> {
        let levels: Vec<f32> = samples.chunks(BLOCK).map(|block| Dbfs::of(block).db()).collect();
        let loudest = levels.iter().copied().fold(f32::MIN, f32::max);
        if loudest < SILENCE_DBFS {
            return None;
        }
        let at_least = |db: f32| {
            let level = (loudest - db).max(SILENCE_DBFS);
            levels.iter().enumerate().filter(move |(_, l)| **l >= level).map(|(block, _)| block)
        };
        let bounds = |blocks: &[usize]| {
            let (first, last) = (blocks.first().copied()?, blocks.last().copied()?);
            Some(first * BLOCK..((last + 1) * BLOCK).min(samples.len()))
        };
        let sound: Vec<usize> = at_least(TRIM_BELOW_DB).collect();
        let speech: Vec<usize> = at_least(PAUSE_BELOW_DB).collect();
        let gaps = speech.windows(2).map(|pair| (pair[0] + 1) * BLOCK..pair[1] * BLOCK);
        Some(Self {
            sound: bounds(&sound)?,
            speech: bounds(&speech)?,
            pauses: gaps.filter(|gap| gap.len() >= MIN_PAUSE).collect(),
        })
    }

    /// Speech without its pauses.
    pub(super) fn words(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let starts = std::iter::once(self.speech.start).chain(self.pauses.iter().map(|pause| pause.end));
        let ends = self.pauses.iter().map(|pause| pause.start).chain(std::iter::once(self.speech.end));
        starts.zip(ends).map(|(start, end)| start..end)
    }
}
