//! A call driven as a shard drives it, with what its peers would send and no socket.

use std::{collections::VecDeque, time::Duration};

use quietline::{
    assistant::{FarewellKind, Settings},
    audio::{Encoding, FRAME_MS, FRAME_SAMPLES},
    call::{AnnouncementKind, SaidBy},
    carrier::{CallAnswer, CallRequest, CarrierCommand, CarrierEvent, MarkId, RequestOutcome},
    mix::Announcement,
    model::{ItemId, ModelEvent, ModelTraits, ResponseId, ResponseStatus},
    session::{Input, Output, Session, SessionConfig},
    time::Timestamp,
    vad::{self, Batch, Detector},
};

use super::material;

const FRAME: Duration = Duration::from_millis(FRAME_MS);

/// A call whose stream has begun and whose model is ready.
pub(crate) struct Line {
    session: Session,
    now: Timestamp,
    /// Until then the carrier has something to play.
    plays_until: Timestamp,
    /// Marks, and when the carrier has played what stands before them.
    marks: VecDeque<(Timestamp, MarkId)>,
    /// The carrier was asked to end the call.
    hung_up: bool,
    saying: u32,
    frames_out: u64,
}

impl Line {
    pub(crate) fn new(detector: Detector, encoding: Encoding, farewell: Announcement) -> Self {
        let settings = Settings { transcription: false, ..Settings::default() };
        let model = ModelTraits { hears_speech: false, answers: false };
        let config = SessionConfig { settings, model, encoding };
        let mut line = Self {
            session: Session::new(config, vad::build(detector), Timestamp::ZERO),
            now: Timestamp::ZERO,
            plays_until: Timestamp::ZERO,
            marks: VecDeque::with_capacity(64),
            hung_up: false,
            saying: 0,
            frames_out: 0,
        };
        let kind = AnnouncementKind::Farewell(FarewellKind::Silence);
        line.input(Input::Rendered { kind, by: SaidBy::Builtin, announcement: farewell });
        line.input(Input::Carrier(CarrierEvent::Started));
        line.input(Input::Model(ModelEvent::Ready));
        line
    }

    /// The first half of a step, 20 ms later: a frame of the caller comes, and marks that are played.
    pub(crate) fn listen(&mut self, payload: &[u8], batch: &mut Batch) {
        self.now += FRAME;
        while self.marks.front().is_some_and(|&(played, _)| played <= self.now) {
            if let Some((_, mark)) = self.marks.pop_front() {
                self.input(Input::Carrier(CarrierEvent::Mark(mark)));
            }
        }
        if std::mem::take(&mut self.hung_up) {
            self.input(Input::Carrier(CarrierEvent::Answer(CallAnswer::Hangup(RequestOutcome::Done))));
        }
        let timestamp_ms = Some((self.now.as_micros() / 1000).saturating_sub(FRAME_MS));
        self.input(Input::Carrier(CarrierEvent::Media { timestamp_ms, payload }));
        self.session.offer(batch);
    }

    /// The second half of a step, once the batch was run.
    pub(crate) fn tick(&mut self, batch: &Batch) {
        self.session.collect(batch);
        self.session.tick(self.now);
        self.drain();
    }

    /// A step of a call that is alone.
    pub(crate) fn step(&mut self, payload: &[u8], batch: &mut Batch) {
        batch.clear();
        self.listen(payload, batch);
        batch.run();
        self.tick(batch);
    }

    /// The model sends audio; `begins` and `ends` an answer.
    pub(crate) fn agent_says(&mut self, payload: &[u8], begins: bool, ends: bool) {
        self.saying += u32::from(begins);
        let (response, item) = (ResponseId(self.saying), ItemId(self.saying));
        if begins {
            self.input(Input::Model(ModelEvent::ResponseCreated { response }));
        }
        self.input(Input::Model(ModelEvent::Audio { response, item, payload }));
        if ends {
            self.input(Input::Model(ModelEvent::ItemDone { response, item, transcript: "" }));
            let status = ResponseStatus::Completed;
            self.input(Input::Model(ModelEvent::ResponseDone { response, status }));
        }
    }

    /// The call is over and its record complete.
    pub(crate) fn is_over(&self) -> bool {
        self.session.is_over()
    }

    /// The goodbye was heard to its end.
    pub(crate) fn said_goodbye(&self) -> bool {
        self.session.record().terminal_mark_at.is_some()
    }

    /// Frames that went to the carrier.
    pub(crate) fn frames_out(&self) -> u64 {
        self.frames_out
    }

    fn input(&mut self, input: Input<'_>) {
        self.session.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match std::hint::black_box(output) {
                Output::Carrier(CarrierCommand::Media(payload)) => {
                    let frames = payload.samples().len().div_ceil(FRAME_SAMPLES) as u64;
                    self.frames_out += frames;
                    let length = Duration::from_millis(frames * FRAME_MS);
                    self.plays_until = self.plays_until.max(self.now) + length;
                }
                Output::Carrier(CarrierCommand::Mark(mark)) => {
                    self.marks.push_back((self.plays_until.max(self.now), mark));
                }
                Output::Carrier(CarrierCommand::Clear) => {
                    self.plays_until = self.now;
                    self.marks.iter_mut().for_each(|(played, _)| *played = self.now);
                }
                Output::Carrier(CarrierCommand::Request(request)) => self.hung_up |= request == CallRequest::Hangup,
                Output::Model(_) | Output::RunTool(_) | Output::Ledger(_) => {}
            }
        }
    }
}

/// The goodbye.
pub(crate) fn farewell() -> Announcement {
    Announcement::from_mulaw(material::FAREWELL).expect("the built-in goodbye is one")
}
