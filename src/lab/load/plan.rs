//! What is dialled.

use std::{sync::Arc, time::Duration};

use crate::lab::{
    ScriptedCarrier, Trouble,
    twilio::{Dial, WireFaults},
};

/// A caller's recording, shared by all who say the same.
#[derive(Clone, Debug)]
pub struct Tape {
    /// For the report.
    pub name: String,
    /// G.711 µ-law; played once, then the line is silent.
    pub mulaw: Arc<[u8]>,
    /// When its last speech is over.
    pub speech_end: Duration,
}

/// A load: how many calls, how they come, and what is said.
#[derive(Clone, Debug)]
pub struct Plan {
    /// All calls.
    pub calls: u32,
    /// At most so many at once; further ones begin as others end.
    pub at_once: u32,
    /// The first [`Plan::at_once`] calls are spread over this time.
    pub ramp: Duration,
    /// The callers hang up when this time is over.
    pub longest: Option<Duration>,
    /// The number called.
    pub to: String,
    /// The caller.
    pub from: String,
    /// The recordings, in turn. Without any, callers say nothing.
    pub tapes: Vec<Tape>,
    /// Of every line, each with its own seed.
    pub trouble: Trouble,
    /// The gateway's silence timeout.
    pub silence_timeout: Duration,
    /// The gateway's process, if its CPU and memory are to be measured.
    pub server_pid: Option<u32>,
}

impl Plan {
    /// When the call of this number is due after the start, at the earliest.
    #[must_use]
    pub fn due(&self, n: u32) -> Duration {
        if n < self.at_once { self.ramp * n / self.at_once.max(1) } else { self.ramp }
    }

    /// What the call of this number says.
    #[must_use]
    pub fn tape(&self, n: u32) -> Option<&Tape> {
        self.tapes.get(n as usize % self.tapes.len().max(1))
    }

    pub(super) fn dial(&self, n: u32) -> Dial {
        let trouble = Trouble { seed: self.trouble.seed.wrapping_add(u64::from(n)), ..self.trouble };
        let mut caller = ScriptedCarrier::waiting(trouble);
        if let Some(tape) = self.tape(n) {
            caller.play_tape(Arc::clone(&tape.mulaw), false);
        }
        Dial {
            to: self.to.clone(),
            from: self.from.clone(),
            caller,
            faults: WireFaults::default(),
            rest_fault: None,
            detail: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_spread_over_the_ramp_and_tapes_take_turns() {
        let tape =
            |name: &str| Tape { name: name.to_owned(), mulaw: Arc::from([0xff; 160]), speech_end: Duration::ZERO };
        let plan = Plan {
            calls: 9,
            at_once: 4,
            ramp: Duration::from_secs(2),
            longest: None,
            to: String::new(),
            from: String::new(),
            tapes: vec![tape("a"), tape("b")],
            trouble: Trouble::default(),
            silence_timeout: Duration::from_secs(30),
            server_pid: None,
        };
        assert_eq!([0, 1, 3, 4, 8].map(|n| plan.due(n).as_millis()), [0, 500, 1500, 2000, 2000]);
        assert_eq!([0, 1, 2].map(|n| plan.tape(n).expect("a tape").name.clone()), ["a", "b", "a"]);
        assert!(Plan { tapes: Vec::new(), ..plan }.tape(3).is_none());
    }
}
