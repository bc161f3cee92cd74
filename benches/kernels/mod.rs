//! Pieces of work that are measured: by time in the benches, by instructions in `instructions.rs`.
//!
//! A file is a stage; `line.rs` drives a call, `material.rs` is what it all works on, `timing.rs` how it is timed.

#![allow(dead_code, reason = "each bench takes what it needs")]

pub(crate) mod codec;
mod line;
mod material;
pub(crate) mod mix;
pub(crate) mod replay;
pub(crate) mod resample;
pub(crate) mod ring;
pub(crate) mod session;
pub(crate) mod shard;
pub(crate) mod tick;
pub(crate) mod timing;
pub(crate) mod vad;
pub(crate) mod wire;

/// One run of a kernel.
pub(crate) type Run = Box<dyn FnMut()>;

/// Work on a number of frames.
pub(crate) struct Kernel {
    /// Its stage, which is criterion's group, a `/`, and what exactly it is.
    pub(crate) name: String,
    /// Frames of 20 ms that one run works off, those of all its calls.
    pub(crate) frames: usize,
    /// A run changes what the next one would measure: each gets a start of its own.
    pub(crate) fresh: bool,
    make: Box<dyn Fn() -> Run>,
}

impl Kernel {
    /// Whose runs may follow each other without end.
    pub(crate) fn again<F: FnMut() + 'static>(
        name: impl Into<String>,
        frames: usize,
        make: impl Fn() -> F + 'static,
    ) -> Self {
        Self { name: name.into(), frames, fresh: false, make: Box::new(move || Box::new(make())) }
    }

    /// Whose runs each begin anew; getting ready is not measured.
    pub(crate) fn fresh<F: FnMut() + 'static>(
        name: impl Into<String>,
        frames: usize,
        make: impl Fn() -> F + 'static,
    ) -> Self {
        Self { fresh: true, ..Self::again(name, frames, make) }
    }

    /// Ready to run.
    pub(crate) fn start(&self) -> Run {
        (self.make)()
    }
}
