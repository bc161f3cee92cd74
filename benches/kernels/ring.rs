//! A frame through each ring.

use std::hint::black_box;

use quietline::{
    audio::FRAME_SAMPLES,
    ring::{HistoryRing, byte_ring},
};

use super::{
    Kernel,
    material::{self, FRAMES},
};

pub(crate) fn all() -> Vec<Kernel> {
    vec![
        // As large as a call's: 4 s.
        Kernel::again("ring/spsc", FRAMES, || {
            let ((mut producer, mut consumer), speech) = (byte_ring(32_000), material::speech());
            let mut out = [0; FRAME_SAMPLES];
            move || {
                for frame in speech.chunks_exact(FRAME_SAMPLES) {
                    black_box(producer.push_or_drop(black_box(frame)));
                    black_box(consumer.pop_slice(black_box(&mut out)));
                }
            }
        }),
        // As large as a call's: 5 s.
        Kernel::again("ring/history", FRAMES, || {
            let (mut ring, speech) = (HistoryRing::new(40_000), material::speech());
            let mut out = [0; FRAME_SAMPLES];
            move || {
                for frame in speech.chunks_exact(FRAME_SAMPLES) {
                    let at = ring.end();
                    ring.push(black_box(frame));
                    black_box(ring.copy(at, black_box(&mut out)));
                }
            }
        }),
    ]
}
