//! A whole call from its beginning to the goodbye's end: three turns, 30 s of silence, goodbye, hang-up.

use quietline::{
    audio::{Encoding, FRAME_SAMPLES},
    mix::Announcement,
    vad::{Batch, Detector},
};

use super::{
    Kernel,
    line::{Line, farewell},
    material::{self, BOT, BOT_SPEECH_MS, CALLER, ENCODINGS},
};

/// A call that is not over by then never will be: 5 minutes.
const MOST_FRAMES: usize = 15_000;

pub(crate) fn all() -> Vec<Kernel> {
    // With another detector the call is as long, but for a few frames in thousands.
    let frames = Script::new(Detector::Webrtc, Encoding::Mulaw).play();
    let mut kernels = Vec::new();
    for detector in [Detector::Webrtc, Detector::Cascade] {
        for (encoding, rate) in ENCODINGS {
            kernels.push(call(format!("session/{}/{rate}", detector.name()), frames, detector, encoding));
        }
    }
    kernels
}

fn call(name: String, frames: usize, detector: Detector, encoding: Encoding) -> Kernel {
    Kernel::again(name, frames, move || {
        let script = Script::new(detector, encoding);
        move || assert!(script.play().abs_diff(frames) < frames / 100, "the same call, the same end")
    })
}

struct Script {
    detector: Detector,
    encoding: Encoding,
    /// What the agent says, from which frame on.
    agent: Vec<(usize, Vec<u8>)>,
    farewell: Announcement,
}

impl Script {
    fn new(detector: Detector, encoding: Encoding) -> Self {
        let agent = BOT_SPEECH_MS.map(|ms| (ms.start / 20, material::spoken(encoding, &BOT[ms.start * 8..ms.end * 8])));
        Self { detector, encoding, agent: agent.into(), farewell: farewell() }
    }

    /// Plays the call; tells how many frames it lasted.
    fn play(&self) -> usize {
        let mut line = Line::new(self.detector, self.encoding, self.farewell.clone());
        let mut batch = Batch::new(1);
        // After its end the recording's own silence goes on.
        let quiet = material::quiet();
        let caller = CALLER.chunks_exact(FRAME_SAMPLES).chain(quiet.chunks_exact(FRAME_SAMPLES).cycle());
        for (n, payload) in caller.enumerate().take(MOST_FRAMES) {
            if line.is_over() {
                assert!(line.said_goodbye(), "the call ends with its goodbye");
                return n;
            }
            if let Some((_, words)) = self.agent.iter().find(|(at, _)| *at == n) {
                line.agent_says(words, true, true);
            }
            line.step(payload, &mut batch);
        }
        panic!("the call does not end");
    }
}
