//! 8 to 24 kHz and back.

use std::hint::black_box;

use quietline::{
    audio::{Encoding, WIDE_FRAME_SAMPLES},
    resample::{Down, Up},
};

use super::{
    Kernel,
    material::{self, FRAMES},
};

pub(crate) fn all() -> Vec<Kernel> {
    vec![
        Kernel::again("resample/up/ours", FRAMES, || {
            let frames = material::linear(&material::speech());
            let (mut up, mut out) = (Up::new(), [0; WIDE_FRAME_SAMPLES]);
            move || {
                for frame in &frames {
                    up.process(black_box(frame), black_box(&mut out));
                }
            }
        }),
        Kernel::again("resample/down/ours", FRAMES, || {
            let bytes = material::spoken(Encoding::Pcm24k, &material::speech());
            let samples: Vec<i16> = bytes.as_chunks().0.iter().map(|&two| i16::from_le_bytes(two)).collect();
            let mut down = Down::new();
            move || {
                for frame in samples.chunks_exact(WIDE_FRAME_SAMPLES) {
                    down.push(black_box(frame), &mut |samples| {
                        black_box(samples);
                    });
                }
            }
        }),
    ]
}
