//! A short session of OpenAI Realtime says a phrase: for accounts and servers without a speech endpoint, and for the
//! time after its end.
//!
//! A realtime model converses; that it says the given words and no others is likely, not certain. So the transcript of
//! what it said is held against the text, and only what agrees (but for case, punctuation and spaces) is taken. The
//! session has no turn detection, no tools, and its answers are kept out of any conversation: each try knows nothing of
//! the one before.

mod saying;
#[cfg(test)]
mod tests;
mod wording;

use std::sync::Arc;

use serde_json::json;

use self::saying::Saying;
use super::{Phrase, openai};
use crate::{model::openai::Access, time::Timestamp};

/// A voice of realtime models.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The account.
    pub access: Arc<Access>,
    /// A name, or the id (`voice_…`) of a voice of one's own.
    pub voice: String,
    /// The model; never a closed list.
    pub model: String,
    /// How to speak.
    pub instructions: Option<String>,
    /// 0.25 to 1.5; the vendor's own pace without.
    pub speed: Option<f64>,
}

impl Voice {
    /// The voice that is used if none is named.
    pub const VOICE: &'static str = "marin";
    /// The model that is used if none is named.
    pub const MODEL: &'static str = "gpt-realtime-2.1-mini";
    /// What `speed` may be.
    pub const SPEED: (f64, f64) = (0.25, 1.5);
    /// Voices that the vendor documents.
    pub const VOICES: [&'static str; 10] =
        ["alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse"];

    /// The defaults.
    #[must_use]
    pub fn new(access: Arc<Access>) -> Self {
        Self { access, voice: Self::VOICE.to_owned(), model: Self::MODEL.to_owned(), instructions: None, speed: None }
    }

    pub(super) fn settings(&self) -> String {
        json!({ "instructions": self.instructions, "speed": self.speed }).to_string()
    }

    pub(super) fn begin(&self, now: Timestamp, phrase: &Phrase) -> Saying {
        Saying::begin(now, self, phrase)
    }

    fn session_update(&self) -> String {
        let mut output = json!({
            "format": {"type": "audio/pcm", "rate": 24_000},
            "voice": openai::voice(&self.voice),
        });
        if let Some(speed) = self.speed {
            output["speed"] = json!(speed);
        }
        json!({
            "type": "session.update",
            "event_id": saying::SESSION,
            "session": {
                "type": "realtime",
                "output_modalities": ["audio"],
                "instructions": "You read texts aloud, word for word, and never say anything else.",
                "audio": {"input": {"turn_detection": null}, "output": output},
                "tools": [],
                "tool_choice": "none",
            },
        })
        .to_string()
    }

    fn response_create(&self, phrase: &Phrase) -> String {
        // Quotation marks inside would end the quotation; they are not heard.
        let text = phrase.text.replace('"', "'");
        let manner =
            self.instructions.as_ref().map_or_else(String::new, |manner| format!("Speak like this: {manner}\n"));
        json!({
            "type": "response.create",
            "event_id": saying::RESPONSE,
            "response": {
                "conversation": "none",
                "input": [],
                "output_modalities": ["audio"],
                "tools": [],
                "tool_choice": "none",
                "instructions": format!("{manner}Say exactly, with nothing added: \"{text}\""),
                "metadata": {"purpose": "phrase"},
            },
        })
        .to_string()
    }
}
