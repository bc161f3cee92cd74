//! A scripted model as a brain: its replies, its times and its words, carried over a socket.

use std::time::Duration;

use super::{Brain, Impulse, Told, Turn, Why, Words};
use crate::{
    lab::{Reply, SharedModel, model::Scripted},
    time::Timestamp,
};

/// A [`SharedModel`] behind a socket: whoever holds it can write its script while calls run.
///
/// Turns are heard by the server, as the session is configured; the replies are taken in order, one for each turn with
/// words, and one for each `response.create`. Without a reply there is no response.
#[derive(Clone, Debug)]
pub struct ScriptedBrain {
    model: SharedModel,
    /// The words of the last turn: a sound without words is not answered.
    words: bool,
}

impl ScriptedBrain {
    /// With this script.
    #[must_use]
    pub fn new(model: SharedModel) -> Self {
        Self { model, words: true }
    }
}

impl Brain for ScriptedBrain {
    fn opening(&mut self) -> Option<Duration> {
        self.model.lock().connecting()
    }

    fn hears(&self) -> bool {
        !self.model.lock().is_deaf()
    }

    fn hear(&mut self, _: Timestamp, samples: &[i16]) {
        self.model.lock().got.extend_from_slice(samples);
    }

    fn turn(&mut self, now: Timestamp, turn: &Turn<'_>) -> Words {
        // Audio comes as it was said: the turn's end was now, whatever was appended before this connection.
        let end_ms = now.as_micros() / 1000;
        let start_ms = end_ms.saturating_sub(turn.end_ms - turn.start_ms);
        let words = self.model.lock().words(start_ms, end_ms);
        self.words = words.as_ref().is_none_or(|words| !words.is_empty());
        words.map_or(Words::Withheld, Words::Said)
    }

    fn answer(&mut self, _: Timestamp, why: Why<'_>) -> Option<Reply> {
        match why {
            Why::Turn if !self.words => None,
            Why::Turn | Why::Idle => self.model.lock().next_reply(),
            // As the pure model: half the time, nobody's turn has to be found over.
            Why::Asked(_) => {
                let reply = self.model.lock().next_reply()?;
                let delay = reply.delay / 2;
                Some(reply.after(delay))
            }
        }
    }

    fn told(&mut self, now: Timestamp, told: Told<'_>) {
        match told {
            Told::Request(request) => self.model.lock().log.push((now, request)),
            Told::Tools(_) | Told::Item(_) => {}
        }
    }

    fn poll(&mut self, now: Timestamp) -> Option<Impulse> {
        self.model.lock().poll_script(now).map(|scripted| match scripted {
            Scripted::Reply(reply) => Impulse::Speak(reply),
            Scripted::News(news) => Impulse::News(news),
        })
    }

    fn next_at(&self) -> Timestamp {
        self.model.lock().next_at()
    }
}
