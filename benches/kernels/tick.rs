//! One call through its states: 4 s from its beginning on, with the caller silent, speaking, and listening to the agent.

use std::rc::Rc;

use quietline::{
    audio::{Encoding, FRAME_SAMPLES},
    vad::{Batch, Detector},
};

use super::{
    Kernel,
    line::{Line, farewell},
    material::{self, ENCODINGS, FRAMES},
};

pub(crate) fn all() -> Vec<Kernel> {
    let mut kernels = Vec::new();
    for detector in Detector::ALL {
        for (encoding, name) in ENCODINGS {
            let name = |what: &str| format!("tick/{}/{name}/{what}", detector.name());
            kernels.push(state(name("silence"), detector, encoding, material::quiet, false));
            kernels.push(state(name("speech"), detector, encoding, material::speech, false));
            if detector == Detector::Cascade {
                kernels.push(state(name("agent"), detector, encoding, material::quiet, true));
            }
        }
    }
    kernels
}

fn state(name: String, detector: Detector, encoding: Encoding, caller: fn() -> Vec<u8>, agent: bool) -> Kernel {
    let farewell = farewell();
    let (caller, answer) = (Rc::new(caller()), material::spoken(encoding, material::answer()));
    Kernel::fresh(name, FRAMES, move || {
        let (mut line, mut batch) = (Line::new(detector, encoding, farewell.clone()), Batch::new(1));
        if agent {
            line.agent_says(&answer, true, true);
        }
        let caller = Rc::clone(&caller);
        move || {
            for payload in caller.chunks_exact(FRAME_SAMPLES) {
                line.step(payload, &mut batch);
            }
            assert_eq!(line.frames_out() > 0, agent, "the agent speaks if it is to");
        }
    })
}
