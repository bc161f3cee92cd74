use std::time::Duration;

use super::{CarrierNews, ModelNews, ScriptedCarrier, ScriptedModel};
use crate::{
    audio::FRAME_MS,
    call::{AnnouncementKind, LedgerEntry, SaidBy, ToolFault},
    carrier::CarrierCommand,
    mix::Announcement,
    model::ToolCallId,
    session::{Input, Output, Session, SessionConfig},
    time::Timestamp,
    vad::Vad,
};

/// A call that has not ended after this much virtual time never will: a bug, told by [`World::run`].
const FOREVER: Duration = Duration::from_secs(5 * 3600);

/// Something between the session and its peers, for those who watch.
#[derive(Clone, Debug, PartialEq)]
pub enum Moment {
    /// An entry of the ledger.
    Ledger(LedgerEntry),
    /// To the carrier.
    ToCarrier(CarrierCommand),
    /// From the carrier (no frames).
    FromCarrier(CarrierNews),
    /// From the model (no audio).
    FromModel(ModelNews),
}

/// A session between a scripted carrier and a scripted model, on virtual time.
///
/// Ticks come every 20 ms from the stream's start; at one instant the carrier comes first, then the model, then
/// timers, then the tick. Everything is seeded: the same world runs the same way each time.
#[derive(Debug)]
pub struct World {
    /// The call.
    pub session: Session,
    /// Its carrier, with the caller.
    pub carrier: ScriptedCarrier,
    /// Its model.
    pub model: ScriptedModel,
    /// The ledger so far.
    pub ledger: Vec<LedgerEntry>,
    /// What went to and fro, with the time; audio left out.
    pub moments: Vec<(Timestamp, Moment)>,
    /// What an intent takes, and whether it works; `None`: it never answers.
    pub intent: Option<(Duration, bool)>,
    /// Ticks in this stretch do not happen: the process stalls.
    pub stall: Option<(Timestamp, Timestamp)>,
    now: Timestamp,
    next_tick: Timestamp,
    tools: Vec<(Timestamp, ToolCallId, bool)>,
    watched: usize,
}

impl World {
    /// A call that begins at 0.
    #[must_use]
    pub fn new(config: SessionConfig, vad: Box<dyn Vad>, carrier: ScriptedCarrier, model: ScriptedModel) -> Self {
        let next_tick = carrier.start() + Duration::from_millis(FRAME_MS);
        let mut world = Self {
            session: Session::new(config, vad, Timestamp::ZERO),
            carrier,
            model,
            ledger: Vec::new(),
            moments: Vec::new(),
            intent: Some((Duration::from_secs(1), true)),
            stall: None,
            now: Timestamp::ZERO,
            next_tick,
            tools: Vec::new(),
            watched: 0,
        };
        world.drain();
        world
    }

    /// Gives the session a rendering.
    pub fn render(&mut self, kind: AnnouncementKind, announcement: Announcement) {
        self.session.handle_input(self.now, Input::Rendered { kind, by: SaidBy::Builtin, announcement });
        self.drain();
    }

    /// Any other input, now.
    pub fn input(&mut self, input: Input<'_>) {
        self.session.handle_input(self.now, input);
        self.drain();
    }

    /// Virtual time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Runs until the call is over, giving each ledger entry to `script`, which may change the world.
    ///
    /// # Errors
    /// If the call does not end within five virtual hours.
    pub fn run(&mut self, mut script: impl FnMut(&mut Self, LedgerEntry)) -> Result<(), String> {
        loop {
            let goes_on = self.step();
            while let Some(entry) = self.ledger.get(self.watched).copied() {
                self.watched += 1;
                script(self, entry);
            }
            if !goes_on {
                return Ok(());
            }
            if self.now > Timestamp::ZERO + FOREVER {
                return Err(format!("the call has not ended after {} s", FOREVER.as_secs()));
            }
        }
    }

    /// Runs until `at`, or until the call is over.
    pub fn run_until(&mut self, at: Timestamp) {
        while self.next_at() <= at && self.step() {}
        self.now = self.now.max(at);
    }

    fn next_at(&self) -> Timestamp {
        let timer = self.session.poll_timeout().map_or(Timestamp::NEVER, |(at, _)| at);
        let tool = self.tools.iter().map(|(at, ..)| *at).min().unwrap_or(Timestamp::NEVER);
        timer.min(tool).min(self.next_tick).min(self.carrier.next_at()).min(self.model.next_at())
    }

    /// The next instant. `false` once the call is over.
    pub fn step(&mut self) -> bool {
        if self.session.is_over() {
            return false;
        }
        self.now = self.next_at().max(self.now);
        let now = self.now;
        while let Some(news) = self.carrier.poll(now) {
            self.session.handle_input(now, Input::Carrier(news.event()));
            if !matches!(news, CarrierNews::Media { .. }) {
                self.moments.push((now, Moment::FromCarrier(news)));
            }
            self.drain();
        }
        while let Some(news) = self.model.poll(now) {
            self.session.handle_input(now, Input::Model(news.event()));
            if !matches!(news, ModelNews::Audio(..)) {
                self.moments.push((now, Moment::FromModel(news)));
            }
            self.drain();
        }
        while let Some(at) = self.tools.iter().position(|(at, ..)| *at <= now) {
            let (_, call, ok) = self.tools.swap_remove(at);
            self.input(Input::ToolDone { call, result: if ok { Ok(()) } else { Err(ToolFault::Answered) } });
        }
        if self.session.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.session.handle_timeout(now);
            self.drain();
            debug_assert!(
                self.session.poll_timeout().is_none_or(|(at, _)| at > now),
                "{:?} is still due at {now}",
                self.session.poll_timeout()
            );
        }
        if self.next_tick <= now {
            let stalled = self.stall.is_some_and(|(from, to)| (from..to).contains(&now));
            if !stalled {
                self.session.tick(now);
                self.drain();
                self.session.make_room();
            }
            self.next_tick += Duration::from_millis(FRAME_MS);
        }
        !self.session.is_over()
    }

    fn drain(&mut self) {
        let now = self.now;
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Carrier(command) => {
                    self.carrier.command(now, &command);
                    if !matches!(&command, CarrierCommand::Media(_)) {
                        self.moments.push((now, Moment::ToCarrier(command)));
                    }
                }
                Output::Model(command) => self.model.command(now, &command),
                Output::RunTool(request) => {
                    if let Some((after, ok)) = self.intent {
                        self.tools.push((now + after, request.call, ok));
                    }
                }
                Output::Ledger(entry) => {
                    self.ledger.push(entry);
                    self.moments.push((now, Moment::Ledger(entry)));
                }
            }
        }
    }
}
