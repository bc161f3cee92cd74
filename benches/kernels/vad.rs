//! Every detector on every kind of line, and the network with many calls at once.

use std::hint::black_box;

use quietline::{
    audio::FRAME_SAMPLES,
    vad::{self, Batch, Cascade, Detector, Vad},
};

use super::{Kernel, material};

/// Frames that are an even number of the network's chunks: 25 of 32 ms.
const NETWORK_FRAMES: usize = 40;

type Audio = fn() -> Vec<u8>;

pub(crate) fn all() -> Vec<Kernel> {
    let audio = [
        ("silence", material::quiet as Audio),
        ("speech", material::speech),
        ("noise", material::noise),
        ("conversation", material::conversation),
    ];
    let mut kernels = Vec::new();
    for detector in Detector::ALL {
        kernels.extend(audio.map(|(what, audio)| alone(detector, what, audio)));
    }
    kernels.extend([1, 8, 32].map(|calls| network(format!("vad/network/{calls}"), calls, Batch::new)));
    kernels.push(network("vad/network/32-baseline".into(), 32, Batch::baseline));
    kernels
}

fn alone(detector: Detector, what: &str, audio: Audio) -> Kernel {
    let frames = audio().len() / FRAME_SAMPLES;
    Kernel::again(format!("vad/{}/{what}", detector.name()), frames, move || {
        let (mut vad, frames) = (vad::build(detector), material::linear(&audio()));
        move || {
            for frame in &frames {
                black_box(vad.process(black_box(frame)));
            }
        }
    })
}

/// So many callers speak at once, in step: every batch is full, or empty while no chunk is complete.
fn network(name: String, calls: usize, batch: fn(usize) -> Batch) -> Kernel {
    Kernel::again(name, calls * NETWORK_FRAMES, move || {
        let frames = material::linear(&material::speech()[..NETWORK_FRAMES * FRAME_SAMPLES]);
        let mut calls: Vec<Cascade> = (0..calls).map(|_| Cascade::always_open()).collect();
        let mut batch = batch(calls.len());
        move || {
            for frame in &frames {
                batch.clear();
                calls.iter_mut().for_each(|call| call.offer(black_box(frame), &mut batch));
                batch.run();
                for call in &mut calls {
                    call.collect(&batch);
                    black_box(call.process(frame));
                }
            }
        }
    })
}
