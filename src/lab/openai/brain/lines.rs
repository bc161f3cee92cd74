//! What the talking stand-in says: recordings of `fixtures/voices/en`.

use crate::{codec::mulaw, lab::Reply};

/// A recorded line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    text: &'static str,
    audio: &'static [u8],
}

macro_rules! line {
    ($name:literal, $text:literal) => {
        Line { text: $text, audio: include_bytes!(concat!("../../../../fixtures/voices/en/", $name, ".ulaw")) }
    };
}

pub(super) const GREETING: Line = line!("agent-greeting", "Hello, this is the quietline demo. How can I help you?");
pub(super) const GOODBYE: Line = line!("agent-goodbye", "You're welcome. Goodbye, have a nice day.");
pub(super) const STILL_HERE: Line = line!("agent-still-here", "Of course, I am still here. What can I do for you?");
pub(super) const ANSWERS: [Line; 4] = [
    line!("agent-answer-1", "I see. Tell me more."),
    line!("agent-answer-2", "Certainly. I have noted that down."),
    line!("agent-answer-3", "Thank you, that is very helpful. Is there anything else?"),
    line!(
        "agent-answer-4",
        "That is a good question. Our office is open from nine to five, Monday to Friday, and you can reach us by \
         telephone or by mail."
    ),
];

impl Line {
    pub(super) fn reply(self) -> Reply {
        let samples: Vec<i16> = self.audio.iter().map(|&code| mulaw::decode(code)).collect();
        Reply::say(&samples, self.text)
    }
}
