//! A model by itself, and the time.

use std::time::Duration;

use crate::{
    carrier::Digit,
    model::{AppendedSpan, Model, ModelCommand, ModelEvent, ModelRequest, Note, ResponseStatus, offline::Offline},
    time::Timestamp,
};

/// What came of a model, without the audio's bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Seen {
    Ready,
    Lost,
    Speech(u64),
    Committed,
    Words(String),
    NoWords(AppendedSpan),
    Created(u32),
    Audio(usize),
    Said(String),
    Tool(String),
    Done(ResponseStatus),
}

fn seen(event: &ModelEvent<'_>) -> Seen {
    match event {
        ModelEvent::Ready => Seen::Ready,
        ModelEvent::Lost => Seen::Lost,
        ModelEvent::SpeechStarted { at_ms } => Seen::Speech(*at_ms),
        ModelEvent::Committed => Seen::Committed,
        ModelEvent::InputTranscript { text, .. } => Seen::Words((*text).to_owned()),
        ModelEvent::InputTranscriptFailed { span } => Seen::NoWords(span.expect("the ear knows the stretch")),
        ModelEvent::ResponseCreated { response } => Seen::Created(response.0),
        ModelEvent::Audio { payload, .. } => Seen::Audio(payload.len()),
        ModelEvent::ItemDone { transcript, .. } => Seen::Said((*transcript).to_owned()),
        ModelEvent::ToolCall { name, arguments: "{}", completed: true, .. } => Seen::Tool((*name).to_owned()),
        ModelEvent::ResponseDone { status, .. } => Seen::Done(*status),
        other => panic!("never told: {other:?}"),
    }
}

/// A model and the time.
pub(super) struct Alone {
    pub(super) model: Offline,
    pub(super) now: Timestamp,
}

impl Alone {
    pub(super) fn ready(model: Offline) -> Self {
        let mut alone = Self { model, now: Timestamp::ZERO };
        assert_eq!(alone.ask(ModelRequest::Connect), [Seen::Ready]);
        alone
    }

    /// Asks, and gives what is told at once.
    pub(super) fn ask(&mut self, request: ModelRequest) -> Vec<Seen> {
        self.model.handle_command(self.now, &ModelCommand::Request(request));
        self.told()
    }

    pub(super) fn told(&mut self) -> Vec<Seen> {
        let mut told = Vec::new();
        while let Some(event) = self.model.poll_event(self.now) {
            told.push(seen(&event));
        }
        assert!(self.model.poll_timeout() > self.now, "nothing is left that is due");
        told
    }

    /// The caller's audio in real time, in frames of 20 ms.
    pub(super) fn hear(&mut self, codes: &[u8]) -> Vec<Seen> {
        let mut told = Vec::new();
        for frame in codes.chunks(160) {
            self.now += Duration::from_millis(20);
            self.model.handle_command(self.now, &ModelCommand::Append(frame));
            told.extend(self.told());
        }
        told
    }

    pub(super) fn hear_silence(&mut self, ms: usize) -> Vec<Seen> {
        self.hear(&vec![0xff; ms * 8])
    }

    /// Time passes without audio, from one thing that is due to the next.
    pub(super) fn wait(&mut self, time: Duration) -> Vec<Seen> {
        let until = self.now + time;
        let mut told = Vec::new();
        while self.model.poll_timeout() <= until {
            self.now = self.model.poll_timeout().max(self.now);
            told.extend(self.told());
        }
        self.now = until;
        told
    }

    /// What is said by the response that comes next.
    pub(super) fn line(&mut self) -> String {
        let told = self.wait(Duration::from_secs(20));
        let said = told.iter().filter_map(|seen| if let Seen::Said(text) = seen { Some(text) } else { None });
        let said: Vec<_> = said.collect();
        assert_eq!(said.len(), 1, "{told:?}");
        said[0].clone()
    }

    pub(super) fn press(&mut self, key: char) {
        let note = Note::Digit(Digit::new(key).unwrap());
        assert_eq!(self.ask(ModelRequest::Note(note)), []);
    }
}
