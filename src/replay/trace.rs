//! What the detector said, frame by frame, kept beside the call.

use std::{cell::RefCell, rc::Rc};

use crate::{
    audio::{Dbfs, Frame},
    chart::TraceFrame,
    vad::{Vad, VadFrame},
};

/// Frames that a detector has judged, growing while the call runs.
pub(super) type Trace = Rc<RefCell<Vec<TraceFrame>>>;

/// A detector whose answers are written down.
pub(super) struct TracedVad {
    vad: Box<dyn Vad>,
    trace: Trace,
}

impl TracedVad {
    /// Writes down what `vad` says; the second value grows with the call.
    pub(super) fn new(vad: Box<dyn Vad>) -> (Self, Trace) {
        let trace = Trace::default();
        (Self { vad, trace: Rc::clone(&trace) }, trace)
    }
}

impl Vad for TracedVad {
    fn process(&mut self, frame: &Frame) -> VadFrame {
        let judged = self.vad.process(frame);
        let seen = TraceFrame { score: judged.score, voiced: judged.voiced, level: Dbfs::of(frame) };
        let mut trace = self.trace.borrow_mut();
        // Some frames turn out to have been voiced only now.
        trace.iter_mut().rev().take(judged.back.into()).for_each(|before| before.voiced = true);
        trace.push(seen);
        judged
    }

    fn reset(&mut self) {
        self.vad.reset();
        self.trace.borrow_mut().clear();
    }
}
