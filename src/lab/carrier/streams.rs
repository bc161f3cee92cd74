//! Several streams in one call, one after the other.

use std::cmp::Reverse;

use super::{Due, Rest, ScriptedCarrier};
use crate::{audio::FRAME_MS, time::Timestamp};

impl ScriptedCarrier {
    /// A stream begins: the call's first, or another one after [`ScriptedCarrier::detach`]. Not if the call is over.
    pub fn open(&mut self, now: Timestamp) {
        if self.over {
            return;
        }
        if self.begun {
            self.frame = ((now - self.start).as_micros() / u128::from(FRAME_MS * 1000)) as u64;
        } else {
            self.begin(now);
        }
        self.open = true;
        self.first_frame = self.frame;
        self.plays_until = now;
        self.last_arrival = self.last_arrival.max(now);
        self.at(now, Due::Started);
        self.schedule_frame();
    }

    /// The first stream: what was planned counts from here.
    fn begin(&mut self, now: Timestamp) {
        self.begun = true;
        self.start = now;
        let after = now - Timestamp::ZERO;
        self.due = self.due.drain().map(|Reverse((at, order, due))| Reverse((at + after, order, due))).collect();
        for (from, to) in &mut self.stalls {
            (*from, *to) = (*from + after, *to + after);
        }
        if let Rest::FailsUntil(_, until) = &mut self.trouble.rest {
            *until += after;
        }
        self.last_arrival += after;
    }

    /// The stream is gone and the call is not: what was buffered is never heard, no mark comes back.
    pub fn detach(&mut self, now: Timestamp) {
        self.open = false;
        self.cut(now);
        self.plays_until = now.max(self.start);
        self.waiting.clear();
        let planned = |due: &Due| matches!(due, Due::Digit(_) | Due::Stop | Due::Break | Due::Vanish);
        self.due.retain(|Reverse((_, _, due))| planned(due));
    }

    /// A broken connection does not end the call: somebody calls [`ScriptedCarrier::detach`] and goes on with it.
    pub fn go_on_after_breaks(&mut self) {
        self.goes_on = true;
    }

    /// The call is over as of `now`, whoever ended it.
    pub fn end_call(&mut self, now: Timestamp) {
        self.end(now);
    }
}
