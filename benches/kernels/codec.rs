//! G.711 both ways, in both laws.

use std::hint::black_box;

use quietline::{
    audio::FRAME_SAMPLES,
    codec::{alaw, mulaw},
};

use super::{
    Kernel,
    material::{self, FRAMES},
};

pub(crate) fn all() -> Vec<Kernel> {
    vec![
        decode("codec/mulaw/decode", mulaw::encode, mulaw::decode_into),
        encode("codec/mulaw/encode", mulaw::encode_into),
        decode("codec/alaw/decode", alaw::encode, alaw::decode_into),
        encode("codec/alaw/encode", alaw::encode_into),
    ]
}

fn decode(name: &str, code: fn(i16) -> u8, decode_into: fn(&[u8], &mut [i16])) -> Kernel {
    Kernel::again(name, FRAMES, move || {
        let frames = material::linear(&material::speech()).into_iter().map(|frame| frame.map(code));
        let (frames, mut out) = (Vec::from_iter(frames), [0; FRAME_SAMPLES]);
        move || {
            for frame in &frames {
                decode_into(black_box(frame), black_box(&mut out));
            }
        }
    })
}

fn encode(name: &str, encode_into: fn(&[i16], &mut [u8])) -> Kernel {
    Kernel::again(name, FRAMES, move || {
        let (frames, mut out) = (material::linear(&material::speech()), [0; FRAME_SAMPLES]);
        move || {
            for frame in &frames {
                encode_into(black_box(frame), black_box(&mut out));
            }
        }
    })
}
