//! One live call: its socket, its session, its model.

use std::sync::Arc;
use std::task::Context;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{
    capture::CallCapture,
    finished::{FinishedCall, Observation},
    gateway::Front,
    intents::Intents,
    model_link::ModelLink,
    setup::{Assistant, IntentAnswer, IntentCall},
    shard::NewStream,
    transcript::{Speaker, Transcript},
};
use crate::{
    assistant::Greeting,
    call::{Cause, LedgerEntry},
    carrier::{
        CallAnswer, CallId, Carrier, CarrierEvent, Parties, Sending,
        twilio::{StreamSid, TwilioCall},
    },
    model::ModelEvent,
    net::{
        clock,
        websocket::{Incoming, Socket},
    },
    session::{Input, Output, Session, SessionConfig, capture::Header},
    time::Timestamp,
    vad::{self, Batch},
    voices::Ready,
    wire::{ExchangeEvent, ExchangeId},
};

/// A session ticks at least this often.
const TICK: Duration = Duration::from_millis(20);
/// Messages of a socket, and events of a model, that one step takes: a burst takes several, other calls go on.
const BURST: usize = 64;
/// A window has run for so long: what is still missing of the goodbye is asked for again.
const WANTED: Duration = Duration::from_secs(5);
/// Entries of a ledger before it grows.
const LEDGER: usize = 128;

/// What is left of a call after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    GoesOn,
    /// Over, and its socket closed.
    Done,
}

pub(super) struct LiveCall {
    pub(super) id: CallId,
    assistant: Arc<Assistant>,
    parties: Parties,
    resumed: u8,
    began_unix_ms: u64,
    /// The call's first input: call time counts from here.
    epoch: Instant,
    session: Session,
    capture: Option<CallCapture>,
    carrier: TwilioCall,
    model: ModelLink,
    socket: Socket,
    intents: Intents,
    /// Tells when the assistant's announcements change.
    shelf: watch::Receiver<u64>,
    /// When what is missing of them is asked for again.
    want_at: Option<Timestamp>,
    ledger: Vec<LedgerEntry>,
    transcript: Transcript,
    last_tick: Timestamp,
    /// Between the shard's last two steps: so long may have waited what has come.
    gap: Duration,
    /// Audio has come in this step.
    heard: bool,
    longest_step: Duration,
    reported: bool,
}

/// What a call needs of its surroundings while it gives out what it has to say.
struct Around<'a> {
    front: &'a Front,
    shard: usize,
}

impl LiveCall {
    /// Begins a call whose stream is open. `None` without an account: then no stream could have come.
    pub(super) fn open(now: Instant, stream: NewStream, front: &Front, shard: usize) -> Option<Self> {
        let NewStream { call: id, sid, stream, resumed, returned, assistant, parties, mut model, socket } = stream;
        model.settle();
        let access = Arc::clone(&front.twilio()?.access);
        let mut settings = assistant.settings.clone();
        if returned {
            // Whoever speaks first otherwise: the caller waits for a word.
            settings.greeting.get_or_insert(Greeting { interruptible: true });
        }
        let config = SessionConfig { settings, model: model.model().traits(), encoding: model.model().encoding() };
        let began_unix_ms = clock::unix_ms();
        let header = front.captures.as_ref().map(|captures| {
            let detector = assistant.detector.name();
            (captures, Header::new(&config, detector, id.as_str(), &assistant.name, began_unix_ms))
        });
        let mut session = Session::new(config, vad::build(assistant.detector), Timestamp::ZERO);
        let capture = header.and_then(|(captures, header)| captures.begin(&id, &header, &mut session));
        // From now on: what is there now is given below.
        let shelf = assistant.shelf.changed();
        let mut call = Self {
            carrier: TwilioCall::new(
                access,
                Arc::clone(&assistant.sayings),
                Arc::clone(&assistant.transfers),
                sid,
                stream,
            ),
            id,
            assistant,
            parties,
            resumed,
            began_unix_ms,
            epoch: now,
            session,
            capture,
            model,
            socket,
            intents: Intents::default(),
            shelf,
            want_at: None,
            ledger: Vec::with_capacity(LEDGER),
            transcript: Transcript::default(),
            last_tick: Timestamp::ZERO,
            gap: Duration::ZERO,
            heard: false,
            longest_step: Duration::ZERO,
            reported: false,
        };
        tracing::info!(call = %call.id, assistant = call.assistant.name, resumed, shard, "call begins");
        front.observe(|| Observation::Began { call: call.id.clone(), assistant: call.assistant.name.clone() });
        call.render(now, front, shard);
        call.assistant.shelf.want();
        call.input(now, Input::Carrier(CarrierEvent::Started), front, shard);
        Some(call)
    }

    /// Gives the session what there is of farewells, reminder and filler, each by the best who is there.
    fn render(&mut self, now: Instant, front: &Front, shard: usize) {
        for Ready { kind, announcement, source } in self.assistant.shelf.ready() {
            self.input(now, Input::Rendered { kind, by: source.by, announcement }, front, shard);
        }
    }

    /// What was missing when the call began may have come meanwhile; if not, it is asked for again.
    fn look_at_shelf(&mut self, now: Instant, at: Timestamp, front: &Front, shard: usize) {
        if self.shelf.has_changed().unwrap_or(false) {
            self.shelf.mark_unchanged();
            self.render(now, front, shard);
        }
        if self.want_at.is_some_and(|due| due <= at) {
            self.want_at = None;
            self.assistant.shelf.want();
        }
    }

    /// The carrier's connection broke and may be taken over.
    pub(super) fn may_reopen(&mut self, now: Instant, context: &mut Context<'_>, front: &Front, shard: usize) -> bool {
        self.read(self.at(now), context, &Around { front, shard });
        self.carrier.may_reopen() && !self.session.is_over()
    }

    /// Another connection takes the place of the broken one.
    pub(super) fn reopen(&mut self, now: Instant, stream: StreamSid, socket: Socket, front: &Front, shard: usize) {
        if let Some(event) = self.carrier.reopened(stream) {
            tracing::info!(call = %self.id, "the stream is there again");
            self.socket = socket;
            self.input(now, Input::Carrier(event), front, shard);
        }
    }

    /// Gives the session an input.
    pub(super) fn input(&mut self, now: Instant, input: Input<'_>, front: &Front, shard: usize) {
        let at = self.at(now);
        self.session.handle_input(at, input);
        self.drain(at, &Around { front, shard });
    }

    /// The carrier says something of the call by itself. What the socket has brought came before it: a caller who hung
    /// up is not to be taken for a carrier that is gone.
    pub(super) fn answer(
        &mut self,
        now: Instant,
        answer: CallAnswer,
        context: &mut Context<'_>,
        front: &Front,
        shard: usize,
    ) {
        self.read(self.at(now), context, &Around { front, shard });
        self.input(now, Input::Carrier(CarrierEvent::Answer(answer)), front, shard);
    }

    /// What became of a request.
    pub(super) fn exchange(
        &mut self,
        now: Instant,
        id: ExchangeId,
        event: &ExchangeEvent,
        front: &Front,
        shard: usize,
    ) {
        let at = self.at(now);
        if let ExchangeEvent::Failed(failure) = event {
            tracing::warn!(call = %self.id, %failure, "a request to the carrier failed");
        }
        if let Some(event) = self.carrier.handle_exchange(at, id, event) {
            self.input(now, Input::Carrier(event), front, shard);
        }
    }

    fn at(&self, now: Instant) -> Timestamp {
        Timestamp::ZERO + now.saturating_duration_since(self.epoch)
    }

    /// The first half of a step: what has come from the carrier. The next frame is offered for scoring together with
    /// those of the shard's other calls.
    pub(super) fn listen(
        &mut self,
        now: Instant,
        gap: Duration,
        context: &mut Context<'_>,
        front: &Front,
        shard: usize,
        batch: &mut Batch,
    ) {
        if self.session.is_over() {
            return;
        }
        let around = Around { front, shard };
        let at = self.at(now);
        self.gap = gap;
        self.longest_step = self.longest_step.max(gap);
        self.look_at_shelf(now, at, front, shard);
        self.heard = self.read(at, context, &around);
        if self.heard {
            self.session.offer(batch);
        }
    }

    /// When the call is to be looked at, if nothing comes for it before.
    pub(super) fn due(&self) -> Instant {
        let tick = self.last_tick + TICK;
        let timeout = self.session.poll_timeout().map_or(Timestamp::NEVER, |(at, _)| at);
        let due = tick.min(timeout).min(self.carrier.poll_timeout()).min(self.want_at.unwrap_or(Timestamp::NEVER));
        self.epoch + due.since(Timestamp::ZERO)
    }

    /// Everything else that is due, in the order of the [module](super). `batch` holds the scores.
    pub(super) fn step(
        &mut self,
        now: Instant,
        context: &mut Context<'_>,
        front: &Front,
        shard: usize,
        batch: &Batch,
    ) -> Step {
        self.session.collect(batch);
        let around = Around { front, shard };
        let at = self.at(now);
        if self.session.is_over() {
            self.report(front, now);
            self.model.flush(now, at, context);
            let closed = self.socket.finish(now, context);
            return if closed && self.model.is_parted() { Step::Done } else { Step::GoesOn };
        }
        let answers = self.session.answer_count();
        let heard = std::mem::take(&mut self.heard);
        let short = self.hear_model(at, context, &around);
        while let Some((call, IntentAnswer { result, text })) = self.intents.poll(context) {
            self.model.tool_result(call, &text);
            self.session.handle_input(at, Input::ToolDone { call, result });
            self.drain(at, &around);
        }
        if let Some(event) = self.carrier.handle_timeout(at) {
            self.session.handle_input(at, Input::Carrier(event));
            self.drain(at, &around);
        }
        if self.session.poll_timeout().is_some_and(|(due, _)| due <= at) {
            self.session.handle_timeout(at);
            self.drain(at, &around);
        }
        // Words of the agent that the line is short of do not wait for the next frame of the caller.
        if heard || short || at.since(self.last_tick) >= TICK {
            self.last_tick = at;
            self.session.tick(at);
            self.drain(at, &around);
        }
        if let Some(capture) = &mut self.capture {
            capture.hand_over(at, &mut self.session);
        }
        self.session.make_room();
        self.model.flush(now, at, context);
        if !self.socket.flush(context) {
            self.closed(at, false, &around);
        }
        if self.session.answer_count() > answers {
            // What came since the last look may have waited all that time on its socket, on the way in as well; and the
            // other calls of this step came first.
            self.session.answer_took(self.gap, clock::now().saturating_duration_since(now) + front.io.drain);
        }
        Step::GoesOn
    }

    /// Drains the socket; tells whether audio came.
    fn read(&mut self, at: Timestamp, context: &mut Context<'_>, around: &Around<'_>) -> bool {
        let mut heard = false;
        let mut received = self.socket.receive(context);
        for _ in 0..BURST {
            match received.next() {
                None => break,
                Some(Incoming::Binary(_)) => {}
                Some(Incoming::Text(text)) => {
                    if let Some(event) = self.carrier.handle_text(at, text) {
                        heard |= matches!(event, CarrierEvent::Media { .. });
                        self.session.handle_input(at, Input::Carrier(event));
                        self.drain(at, around);
                    }
                }
                Some(Incoming::Closed { clean, .. }) => {
                    self.closed(at, clean, around);
                    break;
                }
            }
        }
        self.socket.done(received, context);
        heard
    }

    fn closed(&mut self, at: Timestamp, clean: bool, around: &Around<'_>) {
        let mut requests = Vec::new();
        let event = self.carrier.handle_closed(at, clean, &mut |sending| {
            if let Sending::Http(id, request) = sending {
                requests.push((id, request));
            }
        });
        if self.carrier.may_reopen() {
            tracing::info!(call = %self.id, "the connection broke; it may come back");
        }
        for (id, request) in requests {
            around.front.exchange(around.shard, &self.id, id, request);
        }
        if let Some(event) = event {
            self.session.handle_input(at, Input::Carrier(event));
            self.drain(at, around);
        }
    }

    /// Takes what the model's socket has brought, message by message, each with what the model makes of it. Tells
    /// whether there is audio among it that the line waits for.
    fn hear_model(&mut self, at: Timestamp, context: &mut Context<'_>, around: &Around<'_>) -> bool {
        let mut audio = false;
        for _ in 0..BURST {
            while let Some(event) = self.model.poll_event(at) {
                match event {
                    ModelEvent::InputTranscript { text, .. } => self.transcript.add(at, Speaker::Caller, text),
                    ModelEvent::ItemDone { transcript, .. } => self.transcript.add(at, Speaker::Agent, transcript),
                    ModelEvent::Ready
                    | ModelEvent::Lost
                    | ModelEvent::SpeechStarted { .. }
                    | ModelEvent::Committed
                    | ModelEvent::InputPartial { .. }
                    | ModelEvent::InputTranscriptFailed { .. }
                    | ModelEvent::ResponseCreated { .. }
                    | ModelEvent::Audio { .. }
                    | ModelEvent::ToolCall { .. }
                    | ModelEvent::ResponseDone { .. } => {}
                }
                audio |= matches!(event, ModelEvent::Audio { .. });
                self.session.handle_input(at, Input::Model(event));
                self.drain(at, around);
            }
            if !self.model.hear(at, context) {
                break;
            }
        }
        self.model.rest(context);
        audio && self.session.media().is_short(at)
    }

    /// Carries out all that the session wants.
    fn drain(&mut self, at: Timestamp, around: &Around<'_>) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Carrier(command) => {
                    let (socket, id) = (&mut self.socket, &self.id);
                    self.carrier.handle_command(at, &command, &mut |sending| match sending {
                        Sending::Text(text) => socket.send(text),
                        Sending::Http(exchange, request) => {
                            around.front.exchange(around.shard, id, exchange, request);
                        }
                        Sending::Close => {
                            around.front.supervisor.closing(id);
                            socket.close();
                        }
                    });
                }
                Output::Model(command) => self.model.command(at, &command),
                Output::RunTool(request) => {
                    let call = IntentCall {
                        call: self.id.clone(),
                        began_unix_ms: self.began_unix_ms,
                        parties: self.parties.clone(),
                        tool: request.call,
                        name: request.name,
                        arguments: request.arguments,
                    };
                    let runner = (self.assistant.intents.as_ref(), around.front.texting.as_ref());
                    self.intents.run(request.call, call, runner, &around.front.slow);
                }
                Output::Ledger(entry) => {
                    tracing::debug!(call = %self.id, at = %entry.at, cause = %entry.cause, "ledger");
                    around.front.observe(|| Observation::Entry { call: self.id.clone(), entry });
                    if matches!(entry.cause, Cause::StreamStarted | Cause::Unpaused | Cause::Talkspurt { .. }) {
                        self.want_at = Some(entry.at + WANTED);
                    }
                    self.ledger.push(entry);
                }
            }
        }
    }

    /// Whom the caller was put through to, by name.
    fn transferred_to(&self) -> Option<String> {
        let place = self.session.record().transfer?;
        self.assistant.settings.transfers.get(usize::from(place)).cloned()
    }

    /// Tells once that the call is over.
    fn report(&mut self, front: &Front, now: Instant) {
        if self.reported {
            return;
        }
        self.reported = true;
        self.socket.close();
        if let Some(capture) = self.capture.take() {
            capture.finish(&mut self.session);
        }
        let media = self.session.media();
        front.finish(
            now,
            FinishedCall {
                call: self.id.clone(),
                assistant: self.assistant.name.clone(),
                assistant_key: self.assistant.key.clone(),
                parties: std::mem::take(&mut self.parties),
                began_unix_ms: self.began_unix_ms,
                resumed: self.resumed,
                record: *self.session.record(),
                transferred_to: self.transferred_to(),
                ledger: std::mem::take(&mut self.ledger),
                transcript: std::mem::take(&mut self.transcript),
                inbound: media.inbound_counters(),
                outbound: media.outbound_counters(),
                carrier: self.carrier.counters(),
                model_fault: self.model.model().fault(),
                model: self.model.model().counters(),
                feed_dropped_bytes: media.feed_dropped(),
                answers: self.session.answers().to_vec(),
                longest_step: self.longest_step,
            },
        );
    }
}
