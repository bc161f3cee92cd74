//! The loop of a shard over its calls, each in the middle of a conversation: `offer` and `run`, `collect` and `tick`.

use std::rc::Rc;

use quietline::{
    audio::{Encoding, FRAME_SAMPLES},
    vad::{Batch, Detector},
};

use super::{
    Kernel,
    line::{Line, farewell},
    material::{self, CONVERSATION_FRAMES, ENCODINGS},
};

/// Chunks that are scored together, as on a shard.
const BATCH: usize = 256;
/// The agent answers half a second after the caller's 4 s …
const ANSWER_AT: usize = 225;
/// … for 4 s, in pieces of 100 ms.
const PIECES: usize = 40;
const PIECE_FRAMES: usize = 5;

/// `calls` conversations that are not in step, with the two detectors that are compared everywhere.
///
/// One call is hot: all that it touches stays in the caches from one frame to the next. Of a thousand nothing does.
pub(crate) fn all(name: &str, calls: usize) -> Vec<Kernel> {
    let mut kernels = Vec::new();
    for detector in [Detector::Webrtc, Detector::Cascade] {
        for (encoding, rate) in ENCODINGS {
            kernels.push(shard(format!("{name}/{}/{rate}", detector.name()), detector, encoding, calls));
        }
    }
    kernels
}

/// A run is 10 s of one call, or a step of many.
fn shard(name: String, detector: Detector, encoding: Encoding, calls: usize) -> Kernel {
    let steps = CONVERSATION_FRAMES.div_ceil(calls);
    Kernel::again(name, steps * calls, move || {
        let talk = Rc::new(Talk::new(encoding));
        let mut batch = Batch::new(BATCH);
        let farewell = farewell();
        let begun = |n: usize| {
            let line = Line::new(detector, encoding, farewell.clone());
            let mut talker = Talker { line, talk: Rc::clone(&talk), at: n * CONVERSATION_FRAMES / calls };
            // The detector's chunks of 32 ms begin every eighth frame with one: those of all calls are not to do so at once.
            (0..n % 8).for_each(|_| talker.step(&mut batch));
            talker
        };
        let mut calls: Vec<Talker> = (0..calls).map(begun).collect();
        move || {
            for _ in 0..steps {
                batch.clear();
                calls.iter_mut().for_each(|call| call.listen(&mut batch));
                batch.run();
                calls.iter_mut().for_each(|call| call.line.tick(&batch));
            }
            assert!(calls.iter().all(|call| !call.line.is_over()), "conversations go on");
        }
    })
}

/// 10 s that are said again and again.
struct Talk {
    caller: Vec<u8>,
    agent: Vec<u8>,
}

impl Talk {
    fn new(encoding: Encoding) -> Self {
        Self { caller: material::conversation(), agent: material::spoken(encoding, material::answer()) }
    }
}

struct Talker {
    line: Line,
    talk: Rc<Talk>,
    /// Frame of the talk.
    at: usize,
}

impl Talker {
    fn step(&mut self, batch: &mut Batch) {
        batch.clear();
        self.listen(batch);
        batch.run();
        self.line.tick(batch);
    }

    fn listen(&mut self, batch: &mut Batch) {
        let since = self.at.checked_sub(ANSWER_AT).filter(|since| since.is_multiple_of(PIECE_FRAMES));
        if let Some(piece) = since.map(|since| since / PIECE_FRAMES).filter(|&piece| piece < PIECES) {
            let length = self.talk.agent.len() / PIECES;
            self.line.agent_says(&self.talk.agent[piece * length..][..length], piece == 0, piece + 1 == PIECES);
        }
        self.line.listen(&self.talk.caller[self.at * FRAME_SAMPLES..][..FRAME_SAMPLES], batch);
        self.at = (self.at + 1) % CONVERSATION_FRAMES;
    }
}
