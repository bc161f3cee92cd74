//! One call, sans-IO: what happens joined to what is heard.
//!
//! **The driving contract**: one call of [`Session::handle_input`], [`Session::tick`] or
//! [`Session::handle_timeout`], then [`Session::poll_output`] until it gives nothing. Time is an argument and never
//! goes back. [`Session::tick`] is called once every 20 ms while the stream is open; what is due in between is told by
//! [`Session::poll_timeout`] (media decisions wait for the tick, so a driver with a tick may ignore it while the
//! stream runs). After a tick and its outputs comes [`Session::make_room`], so that ticks need not allocate.

pub mod capture;
mod io;
mod latency;

pub use io::{Input, Output, SessionConfig, ToolRequest};
pub use latency::AnswerLatency;

use std::{collections::VecDeque, time::Duration};

use crate::{
    call::{Action, Call, CallRecord, MediaEvent, ToolVerdict},
    carrier::{CarrierCommand, CarrierEvent},
    media::{FED_BYTES, FRAMES_PER_TICK, Heard, MediaPath},
    model::{AppendedSpan, ModelCommand, ModelEvent, ModelRequest},
    time::{TimerReason, Timestamp},
    vad::{Batch, Vad},
};
use capture::Recorder;
use io::Queued;
use latency::Latency;

/// Outputs of a tick, audio not counted: it waits in the media.
const OUTPUTS: usize = 16;

/// One call. See the [module](self) for how to drive it.
#[derive(Debug)]
pub struct Session {
    call: Call,
    media: MediaPath,
    outputs: VecDeque<Queued>,
    /// How much of the media's audio, marks and clears stands among them.
    outbound: usize,
    /// Frames of caller audio that the model may still be given in this tick, after all else; and the latest one.
    to_feed: usize,
    fed: [u8; FED_BYTES],
    latency: Latency,
    /// Writes the call down, if anybody wants that.
    recorder: Option<Box<Recorder>>,
    stream_open: bool,
    now: Timestamp,
}

impl Session {
    /// A call whose first input is at `now`. The model is asked to connect at once. Allocates all that the first
    /// tick needs; [`Session::make_room`] does for the others.
    #[must_use]
    pub fn new(config: SessionConfig, vad: Box<dyn Vad>, now: Timestamp) -> Self {
        let media = MediaPath::new(config.settings.talkspurt(), vad, config.encoding);
        let mut session = Self {
            call: Call::new(config.settings, config.model, now),
            media,
            outputs: VecDeque::with_capacity(OUTPUTS),
            outbound: 0,
            to_feed: 0,
            fed: [0; FED_BYTES],
            latency: Latency::new(config.encoding),
            recorder: None,
            stream_open: false,
            now,
        };
        session.drain(now);
        session
    }

    /// Writes the call down from now on. Asked before the first input, so that the capture can be replayed.
    pub fn capture(&mut self, mut recorder: Recorder) {
        recorder.skip(self.outputs.len());
        self.recorder = Some(Box::new(recorder));
    }

    /// Who writes the call down, if it is captured. Taken out of here, nobody does any more.
    pub const fn recorder(&mut self) -> &mut Option<Box<Recorder>> {
        &mut self.recorder
    }

    /// Takes one input.
    pub fn handle_input(&mut self, now: Timestamp, input: Input<'_>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.input(now, &input);
        }
        self.advance(now);
        self.call.refresh(self.media.hearing());
        match input {
            Input::Carrier(event) => self.carrier_event(now, event),
            Input::Model(event) => self.model_event(now, event),
            Input::ToolDone { call, result } => self.call.tool_done(now, call, result),
            Input::Rendered { kind, by, announcement } => {
                if self.media.rendered(kind, announcement) {
                    self.call.rendered(kind, by);
                }
            }
            Input::Operator => self.call.end_by_operator(now),
            Input::Drain => self.call.end_by_drain(now),
        }
        self.drain(now);
    }

    /// The first half of a tick, for drivers of many calls: offers the next inbound frame to the detector, so that
    /// the neural work of all of them is done in one go. May be left out; no answer depends on it.
    ///
    /// Once `batch` was run, [`Session::collect`] has to be called, before anything is offered again.
    pub fn offer(&mut self, batch: &mut Batch) {
        if !self.call.is_over() {
            self.media.offer(batch);
        }
    }

    /// Takes back what [`Session::offer`] put into the batch.
    pub fn collect(&mut self, batch: &Batch) {
        self.media.collect(batch);
    }

    /// One step of 20 ms: inbound frames, decisions, outbound frames, caller audio to the model.
    pub fn tick(&mut self, now: Timestamp) {
        if let Some(recorder) = &mut self.recorder {
            recorder.tick(now);
        }
        self.advance(now);
        if self.call.is_over() {
            return;
        }
        for _ in 0..FRAMES_PER_TICK {
            let Some(events) = self.media.hear() else { break };
            for event in events.into_iter().flatten() {
                self.heard(now, event);
            }
        }
        if let Some(event) = self.media.hear_lull(now) {
            self.heard(now, event);
        }
        self.latency.heard(now, self.media.hearing().heard_to);
        self.call.decide(now, self.media.hearing());
        self.drain(now);
        if self.stream_open {
            self.media.speak(now);
            self.drain(now);
            self.watch(now);
        }
        self.to_feed = FRAMES_PER_TICK;
    }

    /// Between two ticks: takes the memory that the next one may need, and gives back what a burst, a long answer or a
    /// model that was away have needed. Ticks neither allocate nor free if it is called after each of them; they work
    /// without it.
    pub fn make_room(&mut self) {
        self.call.make_room();
        self.media.make_room();
    }

    /// What is due between two ticks.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if let Some(recorder) = &mut self.recorder {
            recorder.timeout(now);
        }
        self.advance(now);
        if self.call.is_over() {
            return;
        }
        self.watch(now);
        self.call.decide(now, self.media.hearing());
        self.drain(now);
    }

    /// When [`Session::handle_timeout`] is due and why; `None` once the call is over.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Timestamp, TimerReason)> {
        let call = self.call.poll_timeout()?;
        let media = self.media.poll_timeout().filter(|_| self.stream_open).map(|at| (at, TimerReason::MarkOverdue));
        Some(media.map_or(call, |media| media.min(call)))
    }

    /// The next thing to be done. Drain it until `None` after every other call.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        let output = match self.outputs.pop_front() {
            Some(Queued::Outbound(more)) => {
                if more > 1 {
                    self.outputs.push_front(Queued::Outbound(more - 1));
                }
                self.outbound -= 1;
                Output::Carrier(self.media.poll_outbound()?)
            }
            Some(Queued::Carrier(request)) => Output::Carrier(CarrierCommand::Request(request)),
            Some(Queued::Model(request)) => Output::Model(ModelCommand::Request(request)),
            Some(Queued::Tool(request)) => Output::RunTool(request),
            Some(Queued::Ledger(entry)) => Output::Ledger(entry),
            None => {
                self.to_feed = self.to_feed.checked_sub(1)?;
                let Some(bytes) = self.media.feed(&mut self.fed) else {
                    self.to_feed = 0;
                    return None;
                };
                Output::Model(ModelCommand::Append(bytes))
            }
        };
        if let Some(recorder) = &mut self.recorder {
            recorder.output(&output);
        }
        Some(output)
    }

    /// The call is over and its record complete.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.call.is_over()
    }

    /// What is known of the call so far.
    #[must_use]
    pub fn record(&self) -> &CallRecord {
        self.call.record()
    }

    /// How long the caller waited for answers: the latest 64.
    #[must_use]
    pub fn answers(&self) -> &[AnswerLatency] {
        self.latency.answers()
    }

    /// How many answers there were, those that are not kept any more included.
    #[must_use]
    pub fn answer_count(&self) -> usize {
        self.latency.count()
    }

    /// The driver knows better how long the latest answer took us: its first audio had `waited` before it was given to
    /// the session, and its first frame was `written` after the time that the session was told.
    pub fn answer_took(&mut self, waited: Duration, written: Duration) {
        self.latency.later(waited, written);
    }

    /// The control plane, for looking at.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The data plane, for looking at.
    #[must_use]
    pub fn media(&self) -> &MediaPath {
        &self.media
    }

    /// Estimates take the place of marks that are overdue.
    fn watch(&mut self, now: Timestamp) {
        if self.stream_open && self.media.poll_timeout().is_some_and(|at| at <= now) {
            self.media.watch(now);
            self.drain(now);
        }
    }

    fn heard(&mut self, now: Timestamp, event: Heard) {
        self.call.refresh(self.media.hearing());
        match event {
            Heard::Counts(spurt) => {
                self.latency.speaks();
                self.call.speech_counts(now, spurt);
            }
            Heard::Ended(spurt) => {
                self.latency.spoke(spurt.end);
                self.call.speech_ended(now, spurt);
            }
        }
        self.drain(now);
    }

    fn advance(&mut self, now: Timestamp) {
        debug_assert!(now >= self.now, "time goes back from {} to {now}", self.now);
        self.now = self.now.max(now);
    }

    fn carrier_event(&mut self, now: Timestamp, event: CarrierEvent<'_>) {
        match event {
            CarrierEvent::Started => {
                if !self.stream_open && !self.call.is_over() {
                    self.stream_open = true;
                    self.media.start(now);
                    self.call.refresh(self.media.hearing());
                    self.call.stream_started(now);
                }
            }
            CarrierEvent::Media { timestamp_ms, payload } => {
                if self.stream_open {
                    self.latency.received(now);
                    self.media.receive(now, timestamp_ms, payload);
                }
            }
            CarrierEvent::Digit(digit) => {
                let discarded = self.media.ignore_tone(now);
                self.call.refresh(self.media.hearing());
                self.call.digit(now, digit, discarded);
            }
            CarrierEvent::Mark(mark) => {
                if self.stream_open {
                    self.media.mark(now, mark);
                }
            }
            CarrierEvent::Stopped => {
                self.stream_open = false;
                self.call.carrier_stopped(now);
            }
            CarrierEvent::Closed { clean } => {
                self.stream_open = false;
                self.call.carrier_closed(now, clean);
            }
            CarrierEvent::Reopened { lost_at } => {
                if self.stream_open {
                    self.media.reopened(lost_at);
                }
            }
            CarrierEvent::Answer(answer) => self.call.call_answer(now, answer),
        }
    }

    fn model_event(&mut self, now: Timestamp, event: ModelEvent<'_>) {
        match event {
            ModelEvent::Ready => {
                self.media.model_ready();
                self.call.model_ready(now);
            }
            ModelEvent::Lost => {
                self.media.model_lost();
                self.call.model_lost(now);
            }
            ModelEvent::SpeechStarted { .. } => self.call.server_hears(now),
            ModelEvent::Committed => self.call.committed(),
            ModelEvent::InputPartial { start_ms } => {
                self.call.partial_transcript(now, start_ms.map(|ms| self.media.appended_to_call(ms)));
            }
            ModelEvent::InputTranscript { span, text } => {
                self.call.transcript(now, self.on_call_time(span), Some(text))
            }
            ModelEvent::InputTranscriptFailed { span } => self.call.transcript(now, self.on_call_time(span), None),
            ModelEvent::ResponseCreated { response } => self.call.response_created(now, response),
            ModelEvent::Audio { response, item, payload } => {
                self.latency.answered(now, response);
                self.media.agent_audio(response, item, payload);
            }
            ModelEvent::ItemDone { response, item, transcript } => {
                self.media.item_done(item);
                self.call.item_done(response, transcript);
            }
            ModelEvent::ToolCall { response, call, name, arguments, completed } => {
                if self.call.tool_call(now, response, call, name, arguments, completed) == ToolVerdict::Run {
                    let (name, arguments) = (name.to_owned(), arguments.to_owned());
                    self.outputs.push_back(Queued::Tool(ToolRequest { call, name, arguments }));
                }
            }
            ModelEvent::ResponseDone { response, status } => {
                self.media.response_done();
                self.call.refresh(self.media.hearing());
                self.call.response_done(now, response, status);
            }
        }
    }

    fn on_call_time(&self, span: Option<AppendedSpan>) -> Option<(Timestamp, Timestamp)> {
        span.map(|span| (self.media.appended_to_call(span.start_ms), self.media.appended_to_call(span.end_ms)))
    }

    /// Carries out what the call wants, and tells it what came of it, until both are quiet.
    fn drain(&mut self, now: Timestamp) {
        loop {
            if let Some(action) = self.call.poll_action() {
                self.act(now, action);
            } else if let Some(event) = self.media.poll_event() {
                if let MediaEvent::AgentAudible { response } = event {
                    self.latency.audible(now, response);
                }
                self.call.refresh(self.media.hearing());
                self.call.media_event(now, event);
            } else {
                break;
            }
            self.queue_outbound();
            while let Some((item, heard_ms)) = self.media.poll_truncation() {
                self.outputs.push_back(Queued::Model(ModelRequest::Truncate { item, heard_ms }));
            }
        }
        self.queue_outbound();
    }

    /// What the media has made for the carrier since the last time comes next.
    fn queue_outbound(&mut self) {
        let more = self.media.outbound_waiting() - self.outbound;
        self.outbound += more;
        match self.outputs.back_mut() {
            _ if more == 0 => {}
            Some(Queued::Outbound(waiting)) => *waiting += more,
            Some(Queued::Carrier(_) | Queued::Model(_) | Queued::Tool(_) | Queued::Ledger(_)) | None => {
                self.outputs.push_back(Queued::Outbound(more));
            }
        }
    }

    fn act(&mut self, now: Timestamp, action: Action) {
        match action {
            Action::Media(command) => {
                if self.stream_open {
                    self.media.command(now, command);
                }
            }
            Action::Carrier(request) => {
                if request == crate::carrier::CallRequest::CloseStream {
                    self.stream_open = false;
                }
                self.outputs.push_back(Queued::Carrier(request));
            }
            Action::Model(request) => {
                if request == ModelRequest::Connect {
                    self.media.model_lost();
                }
                self.outputs.push_back(Queued::Model(request));
            }
            Action::Ledger(entry) => self.outputs.push_back(Queued::Ledger(entry)),
        }
    }
}
