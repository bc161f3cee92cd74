//! What the offline model says, and which words of the caller's choose a line: data, beside the recordings in
//! `fixtures/voices/en`.

/// A recorded line. Two lines are the same if their names are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Name of its recording.
    pub(super) name: &'static str,
    /// What is said.
    pub(super) text: &'static str,
    /// G.711 µ-law, 8 kHz, in whole frames.
    pub(super) audio: &'static [u8],
}

macro_rules! line {
    ($name:literal, $text:literal) => {
        Line {
            name: $name,
            text: $text,
            audio: include_bytes!(concat!("../../../fixtures/voices/en/", $name, ".ulaw")),
        }
    };
}

/// The first words of a call.
pub(super) const GREETING: Line = line!(
    "offline-greeting",
    "Hello, this is the quietline demo. I do not understand words, but I am listening. Please say something."
);
/// The first words of a call that goes on after a break.
pub(super) const RESUMED: Line = line!("offline-resumed", "Sorry, we were cut off for a moment. Please go on.");
/// Said before the line is closed.
pub(super) const GOODBYE: Line = line!("offline-goodbye", "Thank you for trying quietline. Goodbye, have a nice day.");
/// The tool that closes the line is off.
pub(super) const CANNOT_HANG_UP: Line =
    line!("offline-cannot-hang-up", "I'm sorry, I cannot hang up by myself. Please hang up whenever you are ready.");
/// The caller is back after a goodbye.
pub(super) const STILL_HERE: Line = line!("agent-still-here", "Of course, I am still here. What can I do for you?");
/// Any key but nine.
pub(super) const KEY: Line = line!("offline-key", "I heard that key. Press nine to end the call.");

/// Answers that fit whatever was said, in the order in which they are given. None of them is a farewell: that would
/// end the call.
pub(super) const ANSWERS: &[Line] = &[
    line!("offline-answer-1", "I see. Please go on."),
    line!("offline-answer-3", "That sounds interesting. Could you tell me a little more?"),
    line!("offline-answer-2", "Thank you, I've made a note of that."),
    NINE,
    line!("offline-answer-7", "Good to know. Is there anything else?"),
    INTERRUPT,
    line!("offline-answer-9", "I heard you well, thank you. Please continue."),
    line!("offline-answer-11", "Thanks for telling me. And then?"),
    line!("offline-answer-10", "If you say nothing for a while, I will say a few words and hang up."),
    line!("offline-answer-4", "All right. What else is on your mind?"),
    TAKE_YOUR_TIME,
    line!("offline-answer-12", "I am just a recording, but I am a patient listener."),
    line!("offline-answer-13", "Certainly. I'm still with you."),
];

const NINE: Line = line!("offline-answer-5", "You can press nine to end the call, or just stay quiet.");
const INTERRUPT: Line = line!("offline-answer-8", "Feel free to interrupt me. I stop as soon as I hear you.");
const TAKE_YOUR_TIME: Line = line!("offline-answer-6", "Of course. Take all the time you need.");

/// What a word of the caller's asks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wish {
    /// To hear this.
    Hear(Line),
    /// To end the call.
    End,
}

/// Words, and what they ask for; of several that match the first counts. Lower case, apostrophes left out.
pub(super) const KEYWORDS: &[(&[&str], Wish)] = &[
    (&["goodbye", "good bye", "bye", "hang up", "thats all", "that is all"], Wish::End),
    (&["wait", "one moment", "a moment", "hold on", "just a second"], Wish::Hear(TAKE_YOUR_TIME)),
    (&["are you there", "still there", "can you hear me"], Wish::Hear(STILL_HERE)),
    (
        &["who are you", "what are you", "your name", "robot", "machine", "a human", "real person"],
        Wish::Hear(line!("offline-who", "I am a small demo agent with a few recorded lines.")),
    ),
    (
        &["open", "opening hours", "office", "hours"],
        Wish::Hear(line!(
            "agent-answer-4",
            "That is a good question. Our office is open from nine to five, Monday to Friday, and you can reach us \
             by telephone or by mail."
        )),
    ),
    (&["help", "what can you do", "what can i do", "press"], Wish::Hear(NINE)),
    (&["sorry", "interrupt"], Wish::Hear(INTERRUPT)),
    (&["thanks", "thank you"], Wish::Hear(line!("offline-thanks", "You are very welcome."))),
    (
        &["hello", "hi", "good morning", "good afternoon", "good evening"],
        Wish::Hear(line!("offline-hello", "Hello! It is good to hear you.")),
    ),
];

/// What these words ask for, if anything. Whole words count: `hi` is not in `this`.
pub(super) fn wish(text: &str) -> Option<Wish> {
    let mut words = String::with_capacity(text.len() + 2);
    words.push(' ');
    for c in text.chars().filter(|c| !matches!(c, '\'' | '\u{2019}')) {
        if c.is_alphanumeric() {
            words.extend(c.to_lowercase());
        } else if !words.ends_with(' ') {
            words.push(' ');
        }
    }
    words.push(' ');
    let said = |phrase: &&str| words.match_indices(*phrase).any(|(at, _)| stands_alone(&words, at, phrase.len()));
    KEYWORDS.iter().find(|(phrases, _)| phrases.iter().any(said)).map(|(_, wish)| *wish)
}

fn stands_alone(words: &str, at: usize, length: usize) -> bool {
    words[..at].ends_with(' ') && words[at + length..].starts_with(' ')
}
