//! Changes of the sample rate: a filter of our own between telephone and model, `rubato` for all else.
//!
//! [`Up`] and [`Down`] stream between the telephone's 8 kHz and the model's 24 kHz, with a delay of 2.375 ms and less than
//! 256 bytes of state each; they allocate nothing. Up to 3.4 kHz they are flat within 0.05 dB, and images and aliases
//! stay 70 dB below the tone that causes them. They give the same bits on every machine, so that a replay is the same
//! too. [`whole`] converts a recording from any rate to any other, in one piece, by rubato's FFT resampler, whose delay
//! of 10 ms and more does not matter there.

mod block;
mod down;
mod fir;
mod up;
mod whole;

#[cfg(test)]
mod quality;
#[cfg(test)]
mod tests;

pub use block::ResampleError;
pub use down::Down;
pub use up::Up;
pub use whole::whole;
