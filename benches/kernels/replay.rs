//! A recorded call to its end, with the agent away: what `quietline replay` does for each recording.

use std::hint::black_box;

use quietline::{audio::FRAME_SAMPLES, replay::Replay};

use super::{
    Kernel,
    material::{self, CALLER},
};

pub(crate) fn all() -> Vec<Kernel> {
    // Of the recording; the call goes on for as long as its end takes.
    let frames = CALLER.len() / FRAME_SAMPLES;
    vec![Kernel::again("replay/call-silence", frames, || {
        let replay = Replay { caller: material::linear(CALLER).concat(), ..Replay::default() };
        move || {
            let outcome = black_box(&replay).run();
            assert!(outcome.is_ok_and(|outcome| outcome.goodbye_ms.is_some()), "the call ends with a goodbye");
        }
    })]
}
