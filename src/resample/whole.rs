use super::block::{Block, ResampleError};
use crate::audio::SampleRate;

/// A block is at least this long on both sides: 40 ms at 8 kHz, so a filter steeper than a stream's.
const MIN_BLOCK: usize = 320;

/// Converts a whole recording, mono, full scale ±1.0 (not clipped), from any rate to any other.
///
/// n samples become n · to / from, rounded to the nearest, without lag. Equal rates give the samples themselves, none
/// give none. Allocates: for files, not for streams.
///
/// # Errors
///
/// If `rubato` refuses the pair of rates; none within [`SampleRate::BOUNDS`] is known to be refused.
pub fn whole(samples: &[f32], from: SampleRate, to: SampleRate) -> Result<Vec<f32>, ResampleError> {
    if from == to || samples.is_empty() {
        return Ok(samples.to_vec());
    }
    let length = resampled_length(samples.len(), from, to);
    let block_in = block_length(from, to);
    let mut block = Block::new(from, to, block_in)?;
    let delay = block.delay_out();

    let (mut input, mut output) = (vec![0.0; block_in], vec![0.0; block.samples_out()]);
    let mut result = Vec::with_capacity(length + delay + output.len());
    let mut chunks = samples.chunks(block_in);
    while result.len() < length + delay {
        let chunk = chunks.next().unwrap_or_default();
        input[..chunk.len()].copy_from_slice(chunk);
        input[chunk.len()..].fill(0.0);
        block.process(&input, &mut output)?;
        result.extend_from_slice(&output);
    }
    result.truncate(length + delay);
    result.drain(..delay);
    Ok(result)
}

fn resampled_length(samples: usize, from: SampleRate, to: SampleRate) -> usize {
    let (from, to) = (u128::from(from.hz()), u128::from(to.hz()));
    ((samples as u128 * to * 2 + from) / (from * 2)) as usize
}

/// Input samples of a block: a whole number of periods of the two rates, and even on both sides, for the filter's
/// delay is half a block and must be a whole number of samples.
fn block_length(from: SampleRate, to: SampleRate) -> usize {
    let common = gcd(from.hz(), to.hz());
    let (period_in, period_out) = ((from.hz() / common) as usize, (to.hz() / common) as usize);
    let periods = MIN_BLOCK.div_ceil(period_in.min(period_out));
    period_in * periods.next_multiple_of(2)
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
