use rubato::{Fft, FixedSync, Resampler, audioadapter_buffers::direct::InterleavedSlice};

use crate::audio::SampleRate;

/// Why a recording could not be converted.
#[derive(Debug, thiserror::Error)]
pub enum ResampleError {
    /// `rubato` does not do this pair of rates.
    #[error("cannot convert {from} to {to}: {reason}")]
    Unsupported {
        /// Rate of the recording.
        from: SampleRate,
        /// Rate wanted.
        to: SampleRate,
        /// What `rubato` says.
        reason: String,
    },
    /// `rubato` failed on the way: our bug or its own.
    #[error("resampling failed: {0}")]
    Failed(String),
}

/// One mono FFT resampler that takes and gives blocks of fixed length, without its own buffering.
pub(super) struct Block {
    fft: Fft<f32>,
}

impl Block {
    /// Blocks of `samples_in`, which must be a multiple of `from / gcd(from, to)`.
    pub(super) fn new(from: SampleRate, to: SampleRate, samples_in: usize) -> Result<Self, ResampleError> {
        let (hz_in, hz_out) = (from.hz() as usize, to.hz() as usize);
        Fft::new_custom(hz_in, hz_out, samples_in, 1, 1, rubato::WindowFunction::BlackmanHarris2, FixedSync::Input)
            .map(|fft| Self { fft })
            .map_err(|error| ResampleError::Unsupported { from, to, reason: error.to_string() })
    }

    /// Samples of a block on the output side.
    pub(super) fn samples_out(&self) -> usize {
        self.fft.fft_size_out()
    }

    /// Delay of the filter in output samples.
    pub(super) fn delay_out(&self) -> usize {
        self.fft.output_delay()
    }

    /// Converts one block; an error only if a length is wrong.
    pub(super) fn process(&mut self, input: &[f32], output: &mut [f32]) -> Result<(), ResampleError> {
        let (len_in, len_out) = (input.len(), output.len());
        let input = InterleavedSlice::new(input, 1, len_in).map_err(failed)?;
        let mut output = InterleavedSlice::new_mut(output, 1, len_out).map_err(failed)?;
        let written = self.fft.process_into_buffer(&input, &mut output, None).map_err(failed)?;
        debug_assert_eq!(written, (len_in, len_out));
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> ResampleError {
    ResampleError::Failed(error.to_string())
}
