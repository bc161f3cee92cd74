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
    /// G.711 µ-law.
    pub mulaw: Arc<[u8]>,
    /// When its last speech is over: it is played once, then the line is silent. `None`: it is repeated.
    pub speech_end: Option<Duration>,
}

/// What callers say.
#[derive(Clone, Debug)]
pub enum Talk {
    /// Nothing.
    Silent,
    /// These recordings, in turn; at least one.
    Tapes(Vec<Tape>),
    /// A tone of 60 ms about each second: to measure how long the way is, both ways.
    Bursts,
}

/// What callers do who would talk on when time is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtEnd {
    /// They hang up.
    #[default]
    HangUp,
    /// They fall silent, one after the other as they came, and wait for the goodbye.
    FallSilent,
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
    /// What was measured until so long after the ramp does not count.
    pub warm_up: Duration,
    /// Time is over so long after ramp and warm-up; `None`: when all calls have ended by themselves.
    pub longest: Option<Duration>,
    /// What happens then.
    pub at_end: AtEnd,
    /// The number called.
    pub to: String,
    /// The caller.
    pub from: String,
    /// What the callers say.
    pub talk: Talk,
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

    /// The recording of the call of this number.
    #[must_use]
    pub fn tape(&self, n: u32) -> Option<&Tape> {
        match &self.talk {
            Talk::Tapes(tapes) => tapes.get(n as usize % tapes.len().max(1)),
            Talk::Silent | Talk::Bursts => None,
        }
    }

    /// When the caller of the call of this number has said all, after the stream's start; `None`: never.
    #[must_use]
    pub fn speech_end(&self, n: u32) -> Option<Duration> {
        match (&self.talk, self.tape(n)) {
            (Talk::Bursts, _) => None,
            (Talk::Tapes(_), Some(tape)) => tape.speech_end,
            (Talk::Silent | Talk::Tapes(_), _) => Some(Duration::ZERO),
        }
    }

    /// Between two of the first calls.
    #[must_use]
    pub fn apart(&self) -> Duration {
        self.ramp / self.at_once.max(1)
    }

    /// When what is measured begins to count, after the start.
    #[must_use]
    pub fn warm(&self) -> Duration {
        self.ramp + self.warm_up
    }

    pub(super) fn dial(&self, n: u32) -> Dial {
        let trouble = Trouble { seed: self.trouble.seed.wrapping_add(u64::from(n)), ..self.trouble };
        let mut caller = ScriptedCarrier::waiting(trouble);
        match (&self.talk, self.tape(n)) {
            (Talk::Bursts, _) => caller.play_bursts(trouble.seed),
            (_, Some(tape)) => caller.play_tape(Arc::clone(&tape.mulaw), tape.speech_end.is_none()),
            (Talk::Silent | Talk::Tapes(_), None) => {}
        }
        Dial {
            to: self.to.clone(),
            from: self.from.clone(),
            caller,
            faults: WireFaults::default(),
            rest_fault: None,
            detail: false,
            tones: matches!(self.talk, Talk::Bursts),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Nobody calls, and nobody would say anything.
    pub(in crate::lab::load) fn nobody() -> Plan {
        Plan {
            calls: 0,
            at_once: 0,
            ramp: Duration::ZERO,
            warm_up: Duration::ZERO,
            longest: None,
            at_end: AtEnd::HangUp,
            to: String::new(),
            from: String::new(),
            talk: Talk::Silent,
            trouble: Trouble::default(),
            silence_timeout: Duration::from_secs(30),
            server_pid: None,
        }
    }

    #[test]
    fn calls_are_spread_over_the_ramp_and_tapes_take_turns() {
        let tape = |name: &str, speech_end| Tape { name: name.to_owned(), mulaw: Arc::from([0xff; 160]), speech_end };
        let tapes = vec![tape("a", Some(Duration::from_secs(1))), tape("b", None)];
        let (ramp, talk) = (Duration::from_secs(2), Talk::Tapes(tapes));
        let plan = Plan { calls: 9, at_once: 4, ramp, talk, ..nobody() };
        assert_eq!([0, 1, 3, 4, 8].map(|n| plan.due(n).as_millis()), [0, 500, 1500, 2000, 2000]);
        assert_eq!([0, 1, 2].map(|n| plan.tape(n).expect("a tape").name.clone()), ["a", "b", "a"]);
        assert_eq!([0, 1].map(|n| plan.speech_end(n)), [Some(Duration::from_secs(1)), None]);
    }

    #[test]
    fn the_silent_have_said_all_and_bursts_never_end() {
        let plan = nobody();
        assert!(plan.tape(3).is_none() && !plan.dial(3).tones);
        assert_eq!(plan.speech_end(3), Some(Duration::ZERO));
        let plan = Plan { talk: Talk::Bursts, ..plan };
        assert!(plan.tape(3).is_none() && plan.dial(3).tones);
        assert_eq!(plan.speech_end(3), None);
    }
}
