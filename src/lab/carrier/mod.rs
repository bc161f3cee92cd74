mod caller;
mod playback;
mod requests;
mod streams;
#[cfg(test)]
mod tests;
mod words;

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use caller::Tape;
use playback::Waiting;
pub use words::{CarrierNews, Rest, Trouble};

use crate::{
    carrier::{CallRequest, CarrierCommand, Digit, MarkId},
    lab::tone::Bursts,
    time::Timestamp,
};

/// Violations whose text is kept; all are counted.
const VIOLATIONS_KEPT: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Started,
    Frame,
    Digit(char),
    Mark(MarkId),
    Stop,
    Break,
    Vanish,
    Answer(u8, bool),
}

/// A carrier that plays what it gets in virtual real time, and a caller with a time line of their own.
///
/// Bytes play back to back from when they arrive; a `mark` comes back when everything before it has been played; a
/// `clear` throws the rest away and brings every waiting mark back at once. [`ScriptedCarrier::heard`] is what the
/// caller's ear got, sample by sample.
///
/// A call may have several streams, one after the other ([`ScriptedCarrier::detach`], [`ScriptedCarrier::open`]): the
/// caller's time line runs on between them, what was buffered or awaited is gone.
#[derive(Debug)]
pub struct ScriptedCarrier {
    trouble: Trouble,
    random: fastrand::Rng,
    start: Timestamp,
    begun: bool,
    caller: Vec<i16>,
    tape: Option<Tape>,
    bursts: Option<Bursts>,
    silent_from: Timestamp,
    frame: u64,
    first_frame: u64,
    last_arrival: Timestamp,
    due: BinaryHeap<Reverse<(Timestamp, u64, Due)>>,
    order: u64,
    heard: Vec<u8>,
    keep_heard: bool,
    goes_on: bool,
    plays_until: Timestamp,
    waiting: Vec<Waiting>,
    open: bool,
    over: bool,
    closed_at: Option<Timestamp>,
    no_frames: Vec<(u64, u64)>,
    stalls: Vec<(Timestamp, Timestamp)>,
    violations: Vec<String>,
    violation_count: u64,
}

impl ScriptedCarrier {
    /// A stream that begins at `start`; the caller says nothing yet.
    #[must_use]
    pub fn new(start: Timestamp, trouble: Trouble) -> Self {
        let mut carrier = Self::waiting(trouble);
        carrier.open(start);
        carrier
    }

    /// No stream yet: it begins with [`ScriptedCarrier::open`].
    ///
    /// Until then [`ScriptedCarrier::start`] is zero, and every time that is given counts from the stream's start: a
    /// time written as `start() + offset` is right before and after.
    #[must_use]
    pub fn waiting(trouble: Trouble) -> Self {
        Self {
            trouble,
            random: fastrand::Rng::with_seed(trouble.seed),
            start: Timestamp::ZERO,
            begun: false,
            caller: Vec::new(),
            tape: None,
            bursts: None,
            silent_from: Timestamp::NEVER,
            frame: 0,
            first_frame: 0,
            last_arrival: Timestamp::ZERO,
            due: BinaryHeap::new(),
            order: 0,
            heard: Vec::new(),
            keep_heard: true,
            goes_on: false,
            plays_until: Timestamp::ZERO,
            waiting: Vec::new(),
            open: false,
            over: false,
            closed_at: None,
            no_frames: Vec::new(),
            stalls: Vec::new(),
            violations: Vec::new(),
            violation_count: 0,
        }
    }

    /// The caller presses a key.
    pub fn press(&mut self, at: Timestamp, digit: Digit) {
        self.at(at, Due::Digit(digit.key()));
    }

    /// The caller hangs up.
    pub fn hang_up(&mut self, at: Timestamp) {
        self.at(at, Due::Stop);
    }

    /// The connection breaks without a word.
    pub fn break_off(&mut self, at: Timestamp) {
        self.at(at, Due::Break);
    }

    /// The caller's side sends no frames in this stretch of the stream (discontinuous transmission).
    pub fn send_nothing(&mut self, from_ms: u64, to_ms: u64) {
        self.no_frames.push((from_ms, to_ms));
    }

    /// Marks come back with this lag from now on.
    pub fn set_mark_lag(&mut self, lag: Duration) {
        self.trouble.mark_lag = lag;
    }

    /// This share of marks is lost from now on.
    pub fn set_lost_marks(&mut self, share: f32) {
        self.trouble.lost_marks = share;
    }

    /// The call is gone, and nobody says so: REST knows.
    pub fn vanish(&mut self, at: Timestamp) {
        self.at(at, Due::Vanish);
    }

    /// Frames of this stretch of the stream arrive in one burst at its end.
    pub fn stall(&mut self, from_ms: u64, to_ms: u64) {
        let at = |ms| self.start + Duration::from_millis(ms);
        self.stalls.push((at(from_ms), at(to_ms)));
    }

    /// Inbound frames that are under way arrive at `at` at the earliest: a stall, then a burst.
    pub fn stall_until(&mut self, at: Timestamp) {
        self.last_arrival = self.last_arrival.max(at);
    }

    /// The call is over, as far as the carrier is concerned.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// When our side closed the stream or the carrier ended it.
    #[must_use]
    pub fn closed_at(&self) -> Option<Timestamp> {
        self.closed_at
    }

    /// How much audio waits to be played at `now`.
    #[must_use]
    pub fn buffered(&self, now: Timestamp) -> Duration {
        self.plays_until - now
    }

    /// When what was sent so far has been played.
    #[must_use]
    pub fn plays_until(&self) -> Timestamp {
        self.plays_until
    }

    /// What the caller's ear got, µ-law from the stream's start on; ends with the last sample played or queued.
    #[must_use]
    pub fn heard(&self) -> &[u8] {
        &self.heard
    }

    /// What the caller said, from the stream's start on.
    #[must_use]
    pub fn said(&self) -> &[i16] {
        &self.caller
    }

    /// What we did that a carrier does not allow: the first few.
    #[must_use]
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// How often we did what a carrier does not allow.
    #[must_use]
    pub fn violation_count(&self) -> u64 {
        self.violation_count
    }

    /// A stream is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The line's trouble as it is now.
    #[must_use]
    pub fn trouble(&self) -> &Trouble {
        &self.trouble
    }

    /// The first stream's first instant.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// When something happens next.
    #[must_use]
    pub fn next_at(&self) -> Timestamp {
        match self.due.peek() {
            Some(Reverse((at, _, _))) if self.begun => *at,
            _ => Timestamp::NEVER,
        }
    }

    /// What happens by `now`, one thing at a time.
    pub fn poll(&mut self, now: Timestamp) -> Option<CarrierNews> {
        while self.next_at() <= now {
            let Reverse((at, _, due)) = self.due.pop()?;
            if let Some(news) = self.happens(at, due) {
                return Some(news);
            }
        }
        None
    }

    fn happens(&mut self, at: Timestamp, due: Due) -> Option<CarrierNews> {
        match due {
            Due::Answer(request, works) => return self.answer(at, request, works),
            _ if self.over => return None,
            // The caller may leave while no stream is open.
            Due::Stop | Due::Vanish => {}
            _ if !self.open => return None,
            Due::Started => return Some(CarrierNews::Started),
            Due::Frame => return self.frame_arrives(),
            Due::Digit(key) => return Digit::new(key).map(CarrierNews::Digit),
            Due::Mark(id) => return Some(CarrierNews::Mark(id)),
            Due::Break if self.goes_on => {
                self.open = false;
                return Some(CarrierNews::Closed);
            }
            Due::Break => {}
        }
        self.end(at);
        if due == Due::Vanish {
            return None;
        }
        Some(if due == Due::Stop { CarrierNews::Stopped } else { CarrierNews::Closed })
    }

    fn end(&mut self, at: Timestamp) {
        self.open = false;
        self.over = true;
        self.closed_at.get_or_insert(at);
        self.cut(at);
    }

    fn violate(&mut self, text: String) {
        self.violation_count += 1;
        if self.violations.len() < VIOLATIONS_KEPT {
            self.violations.push(text);
        }
    }

    /// Takes a command.
    pub fn command(&mut self, now: Timestamp, command: &CarrierCommand) {
        let CarrierCommand::Request(request) = command else {
            if !self.open {
                if self.closed_at.is_none() {
                    self.violate(format!("{now}: {command:?} after the stream's end"));
                }
                return;
            }
            match command {
                CarrierCommand::Media(payload) => self.play(now, payload),
                CarrierCommand::Mark(id) => self.mark(now, *id),
                CarrierCommand::Clear => self.clear(now),
                CarrierCommand::Request(_) => {}
            }
            return;
        };
        match request {
            CallRequest::Hangup => self.rest(now, 0),
            CallRequest::FetchStatus => self.rest(now, 1),
            CallRequest::Say(_) => self.rest(now, 2),
            CallRequest::Dial { .. } => self.rest(now, 4),
            CallRequest::CloseStream => {
                // What is still buffered is cut off; the next verb ends the call.
                self.end(now);
            }
        }
    }

    fn at(&mut self, at: Timestamp, due: Due) {
        self.order += 1;
        self.due.push(Reverse((at, self.order, due)));
    }
}
