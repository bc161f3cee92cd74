//! A whole call on virtual time: a scripted carrier, a session, the offline model.

use std::time::Duration;

use crate::{
    assistant::{FarewellKind, Greeting, HangupTool, Settings},
    audio::FRAME_MS,
    call::{AnnouncementKind, CallRecord, Cause, LedgerEntry, SaidBy},
    carrier::Digit,
    codec::mulaw,
    lab::{ScriptedCarrier, Trouble},
    mix::Announcement,
    model::{Model, ModelCommand, ModelEvent, ModelRequest, offline::Offline},
    session::{Input, Output, Session, SessionConfig},
    time::Timestamp,
    tts,
    vad::{self, Detector},
};

pub(super) struct Stage {
    pub(super) session: Session,
    pub(super) carrier: ScriptedCarrier,
    pub(super) model: Offline,
    pub(super) ledger: Vec<LedgerEntry>,
    /// What the model was asked.
    pub(super) asked: Vec<(Timestamp, ModelRequest)>,
    /// What the model said, when each line was complete.
    pub(super) said: Vec<(Timestamp, String)>,
    /// When it called a tool.
    pub(super) tools: Vec<Timestamp>,
    pub(super) now: Timestamp,
    next_tick: Timestamp,
}

/// The settings that a first-time user has.
pub(super) fn settings() -> Settings {
    Settings {
        greeting: Some(Greeting { interruptible: true }),
        hangup_call: Some(HangupTool::default()),
        ..Settings::default()
    }
}

impl Stage {
    pub(super) fn new(settings: Settings, model: Offline) -> Self {
        let carrier = ScriptedCarrier::new(Timestamp::ZERO, Trouble::default());
        let next_tick = carrier.start() + Duration::from_millis(FRAME_MS);
        let config = SessionConfig { settings, model: model.traits(), encoding: model.encoding() };
        let mut stage = Self {
            session: Session::new(config, vad::build(Detector::default()), Timestamp::ZERO),
            carrier,
            model,
            ledger: Vec::new(),
            asked: Vec::new(),
            said: Vec::new(),
            tools: Vec::new(),
            now: Timestamp::ZERO,
            next_tick,
        };
        for kind in FarewellKind::ALL {
            let announcement = Announcement::from_mulaw(tts::builtin_farewell(kind)).unwrap();
            stage.session.handle_input(
                stage.now,
                Input::Rendered { kind: AnnouncementKind::Farewell(kind), by: SaidBy::Builtin, announcement },
            );
        }
        stage.drain();
        stage
    }

    /// The caller says this so many milliseconds into the call.
    pub(super) fn say(&mut self, at_ms: u64, codes: &[u8]) {
        let samples: Vec<i16> = codes.iter().map(|&code| mulaw::decode(code)).collect();
        self.carrier.say(at_ms, &samples);
    }

    pub(super) fn press(&mut self, at_ms: u64, key: char) {
        self.carrier.press(Timestamp::from_millis(at_ms), Digit::new(key).unwrap());
    }

    pub(super) fn lines(&self) -> Vec<&str> {
        self.said.iter().map(|(_, text)| text.as_str()).collect()
    }

    pub(super) fn at(&self, cause: impl Fn(&Cause) -> bool) -> Option<Timestamp> {
        self.ledger.iter().find(|entry| cause(&entry.cause)).map(|entry| entry.at)
    }

    /// Runs to the end of the call.
    pub(super) fn finish(&mut self) -> CallRecord {
        self.run_until(Timestamp::from_millis(300_000));
        assert!(self.session.is_over(), "the call does not end");
        assert!(self.carrier.violations().is_empty(), "{:?}", self.carrier.violations());
        *self.session.record()
    }

    pub(super) fn run_until(&mut self, until: Timestamp) {
        while !self.session.is_over() && self.next_at() <= until {
            self.now = self.next_at().max(self.now);
            self.step();
        }
        self.now = self.now.max(until);
    }

    fn next_at(&self) -> Timestamp {
        let timer = self.session.poll_timeout().map_or(Timestamp::NEVER, |(at, _)| at);
        timer.min(self.next_tick).min(self.carrier.next_at()).min(self.model.poll_timeout())
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(news) = self.carrier.poll(now) {
            self.session.handle_input(now, Input::Carrier(news.event()));
            self.drain();
        }
        while let Some(event) = self.model.poll_event(now) {
            match event {
                ModelEvent::ItemDone { transcript, .. } => self.said.push((now, transcript.to_owned())),
                ModelEvent::ToolCall { .. } => self.tools.push(now),
                _ => {}
            }
            self.session.handle_input(now, Input::Model(event));
            // The event borrows the model: what comes of it is handed over after it.
            self.drain();
        }
        if self.session.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.session.handle_timeout(now);
            self.drain();
        }
        if self.next_tick <= now {
            self.session.tick(now);
            self.drain();
            self.next_tick += Duration::from_millis(FRAME_MS);
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Carrier(command) => {
                    self.carrier.command(self.now, &command);
                }
                Output::Model(command) => {
                    if let ModelCommand::Request(request) = command {
                        self.asked.push((self.now, request));
                    }
                    self.model.handle_command(self.now, &command);
                }
                Output::RunTool(request) => panic!("no intents here: {request:?}"),
                Output::Ledger(entry) => self.ledger.push(entry),
            }
        }
    }
}
