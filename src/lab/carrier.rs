use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use crate::{
    audio::{FRAME_SAMPLES, MULAW_SILENCE, to_float, to_pcm},
    carrier::{
        CallAnswer, CallRequest, CallStatus, CarrierCommand, CarrierEvent, Digit, MarkId, Payload, RequestOutcome,
    },
    codec::mulaw,
    time::Timestamp,
};

/// How the carrier's REST answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rest {
    /// Does what it is asked after this time.
    Works(Duration),
    /// Fails after the first duration each time until this much call time has passed, then works.
    FailsUntil(Duration, Timestamp),
    /// Never answers.
    Silent,
}

/// Seeded trouble on the line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trouble {
    /// Seed of everything random here.
    pub seed: u64,
    /// Inbound frames are late by up to this much, in order.
    pub jitter: Duration,
    /// Share of inbound frames that never come, 0 to 1.
    pub loss: f32,
    /// The carrier's clock is this many parts per million fast.
    pub clock_ppm: i32,
    /// Marks come back this much after they were played.
    pub mark_lag: Duration,
    /// Share of marks that never come back, 0 to 1.
    pub lost_marks: f32,
    /// Share of marks that come back twice.
    pub doubled_marks: f32,
    /// REST.
    pub rest: Rest,
}

impl Default for Trouble {
    /// A perfect line; REST takes 100 ms.
    fn default() -> Self {
        Self {
            seed: 0,
            jitter: Duration::ZERO,
            loss: 0.0,
            clock_ppm: 0,
            mark_lag: Duration::ZERO,
            lost_marks: 0.0,
            doubled_marks: 0.0,
            rest: Rest::Works(Duration::from_millis(100)),
        }
    }
}

/// What the carrier has to tell, owned.
#[derive(Clone, Debug, PartialEq)]
pub enum CarrierNews {
    /// The stream begins.
    Started,
    /// A frame of the caller's.
    Media {
        /// Milliseconds since the stream began.
        timestamp_ms: u64,
        /// 160 bytes.
        payload: [u8; FRAME_SAMPLES],
    },
    /// A key.
    Digit(Digit),
    /// A mark.
    Mark(MarkId),
    /// The call is over.
    Stopped,
    /// The connection broke.
    Closed,
    /// REST answers.
    Answer(CallAnswer),
}

impl CarrierNews {
    /// As the session takes it.
    #[must_use]
    pub fn event(&self) -> CarrierEvent<'_> {
        match self {
            Self::Started => CarrierEvent::Started,
            Self::Media { timestamp_ms, payload } => CarrierEvent::Media { timestamp_ms: Some(*timestamp_ms), payload },
            Self::Digit(digit) => CarrierEvent::Digit(*digit),
            Self::Mark(mark) => CarrierEvent::Mark(*mark),
            Self::Stopped => CarrierEvent::Stopped,
            Self::Closed => CarrierEvent::Closed { clean: false },
            Self::Answer(answer) => CarrierEvent::Answer(*answer),
        }
    }
}

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

/// A mark that waits for what was sent before it.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    id: MarkId,
    due: Timestamp,
}

/// A carrier that plays what it gets in virtual real time, and a caller with a time line of their own.
///
/// Bytes play back to back from when they arrive; a `mark` comes back when everything before it has been played; a
/// `clear` throws the rest away and brings every waiting mark back at once. [`ScriptedCarrier::heard`] is what the
/// caller's ear got, sample by sample.
#[derive(Debug)]
pub struct ScriptedCarrier {
    trouble: Trouble,
    random: fastrand::Rng,
    start: Timestamp,
    caller: Vec<i16>,
    frame: u64,
    last_arrival: Timestamp,
    due: BinaryHeap<Reverse<(Timestamp, u64, Due)>>,
    order: u64,
    heard: Vec<u8>,
    plays_until: Timestamp,
    waiting: Vec<Waiting>,
    open: bool,
    over: bool,
    closed_at: Option<Timestamp>,
    no_frames: Vec<(u64, u64)>,
    stalls: Vec<(Timestamp, Timestamp)>,
    violations: Vec<String>,
}

impl ScriptedCarrier {
    /// A stream that begins at `start`; the caller says nothing yet.
    #[must_use]
    pub fn new(start: Timestamp, trouble: Trouble) -> Self {
        let mut carrier = Self {
            trouble,
            random: fastrand::Rng::with_seed(trouble.seed),
            start,
            caller: Vec::new(),
            frame: 0,
            last_arrival: start,
            due: BinaryHeap::new(),
            order: 0,
            heard: Vec::new(),
            plays_until: start,
            waiting: Vec::new(),
            open: true,
            over: false,
            closed_at: None,
            no_frames: Vec::new(),
            stalls: Vec::new(),
            violations: Vec::new(),
        };
        carrier.at(start, Due::Started);
        carrier.schedule_frame();
        carrier
    }

    /// The caller is heard with these samples from `at_ms` of the stream on, added to what is there.
    pub fn say(&mut self, at_ms: u64, samples: &[i16]) {
        let from = at_ms as usize * 8;
        if self.caller.len() < from + samples.len() {
            self.caller.resize(from + samples.len(), 0);
        }
        for (sum, &sample) in self.caller[from..].iter_mut().zip(samples) {
            *sum = to_pcm(to_float(*sum) + to_float(sample));
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

    /// What we did that a carrier does not allow.
    #[must_use]
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// The stream's first instant.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// When something happens next.
    #[must_use]
    pub fn next_at(&self) -> Timestamp {
        self.due.peek().map_or(Timestamp::NEVER, |Reverse((at, _, _))| *at)
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
            _ if !self.open => return None,
            Due::Started => return Some(CarrierNews::Started),
            Due::Frame => return self.frame_arrives(),
            Due::Digit(key) => return Digit::new(key).map(CarrierNews::Digit),
            Due::Mark(id) => return Some(CarrierNews::Mark(id)),
            Due::Stop | Due::Break | Due::Vanish => {}
        }
        self.end(at);
        if due == Due::Vanish {
            return None;
        }
        Some(if due == Due::Stop { CarrierNews::Stopped } else { CarrierNews::Closed })
    }

    fn answer(&mut self, at: Timestamp, request: u8, works: bool) -> Option<CarrierNews> {
        let outcome = if works { RequestOutcome::Done } else { RequestOutcome::Failed };
        Some(CarrierNews::Answer(match request {
            0 => {
                if works && self.open {
                    self.end(at);
                    self.at(at, Due::Answer(3, true));
                }
                CallAnswer::Hangup(outcome)
            }
            1 => {
                let status = if self.over { CallStatus::Ended } else { CallStatus::InProgress };
                CallAnswer::Status(if works { status } else { CallStatus::Unreachable })
            }
            2 => CallAnswer::Say(outcome),
            _ => return Some(CarrierNews::Stopped),
        }))
    }

    fn end(&mut self, at: Timestamp) {
        self.open = false;
        self.over = true;
        self.closed_at.get_or_insert(at);
        let end = self.index(at);
        self.heard.truncate(end);
    }

    /// Takes a command.
    pub fn command(&mut self, now: Timestamp, command: &CarrierCommand) {
        let CarrierCommand::Request(request) = command else {
            if !self.open {
                if self.closed_at.is_none() {
                    self.violations.push(format!("{now}: {command:?} after the stream's end"));
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
            CallRequest::CloseStream => {
                // What is still buffered is cut off; the next verb ends the call.
                self.end(now);
            }
        }
    }

    fn rest(&mut self, now: Timestamp, request: u8) {
        match self.trouble.rest {
            Rest::Works(after) => self.at(now + after, Due::Answer(request, true)),
            Rest::FailsUntil(after, until) => self.at(now + after, Due::Answer(request, now >= until)),
            Rest::Silent => {}
        }
    }

    fn play(&mut self, now: Timestamp, payload: &Payload) {
        let samples = payload.samples();
        if samples.is_empty() {
            self.violations.push(format!("{now}: an empty payload"));
        }
        let begins = self.plays_until.max(now);
        let from = self.index(begins);
        self.heard.resize(from.max(self.heard.len()), MULAW_SILENCE);
        self.heard.truncate(from);
        self.heard.extend_from_slice(samples);
        self.plays_until = begins + self.carrier_time(samples.len() as u64 * 125);
    }

    fn mark(&mut self, now: Timestamp, id: MarkId) {
        let due = self.plays_until.max(now);
        self.waiting.push(Waiting { id, due });
        if self.random.f32() < self.trouble.lost_marks {
            return;
        }
        self.at(due + self.trouble.mark_lag, Due::Mark(id));
        if self.random.f32() < self.trouble.doubled_marks {
            self.at(due + self.trouble.mark_lag * 2, Due::Mark(id));
        }
    }

    fn clear(&mut self, now: Timestamp) {
        let at = self.index(now);
        self.heard.truncate(at);
        self.plays_until = now;
        // Every mark that was waiting is echoed now, once more than it would have been.
        let waiting = std::mem::take(&mut self.waiting);
        for mark in waiting.into_iter().filter(|mark| mark.due > now) {
            self.due.retain(|Reverse((_, _, due))| *due != Due::Mark(mark.id));
            self.at(now + self.trouble.mark_lag, Due::Mark(mark.id));
        }
    }

    /// The place on the caller's time line that belongs to a call time.
    fn index(&self, at: Timestamp) -> usize {
        let us = (at - self.start).as_micros() as i128;
        (us * (1_000_000 + i128::from(self.trouble.clock_ppm)) / 1_000_000 / 125) as usize
    }

    /// Microseconds of the carrier's clock on ours.
    fn carrier_time(&self, us: u64) -> Duration {
        Duration::from_nanos((us as f64 * 1e3 / (1.0 + f64::from(self.trouble.clock_ppm) * 1e-6)) as u64)
    }

    fn schedule_frame(&mut self) {
        let ideal = self.start + self.carrier_time((self.frame + 1) * 20_000);
        let late = self.trouble.jitter.mul_f32(self.random.f32());
        let stalled = self.stalls.iter().filter(|(from, to)| (*from..*to).contains(&ideal)).map(|(_, to)| *to).max();
        let arrival = (ideal + late).max(self.last_arrival).max(stalled.unwrap_or(ideal));
        self.last_arrival = arrival;
        self.at(arrival, Due::Frame);
    }

    fn frame_arrives(&mut self) -> Option<CarrierNews> {
        let frame = self.frame;
        self.frame += 1;
        self.schedule_frame();
        let nothing = self.no_frames.iter().any(|(from, to)| (*from..*to).contains(&(frame * 20)));
        if nothing || self.random.f32() < self.trouble.loss {
            return None;
        }
        let mut payload = [MULAW_SILENCE; FRAME_SAMPLES];
        let from = frame as usize * FRAME_SAMPLES;
        for (code, &sample) in payload.iter_mut().zip(self.caller.get(from..).unwrap_or(&[])) {
            *code = mulaw::encode(sample);
        }
        // As captured: the first is not 0, later ones lie near steps of 20 ms.
        let timestamp_ms = 155 + frame * 20 + frame % 3;
        Some(CarrierNews::Media { timestamp_ms, payload })
    }

    fn at(&mut self, at: Timestamp, due: Due) {
        self.order += 1;
        self.due.push(Reverse((at, self.order, due)));
    }
}
