//! OpenAI's speech endpoint: `POST /audio/speech`, answered with 24 kHz samples in pieces.
//!
//! The vendor has announced the end of this endpoint's models for 2027-01-06: the model is a setting, and
//! [`super::openai_realtime`] says the same words.

mod refusal;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Phrase, WHOLE, fetch::Fetch};
use crate::{audio::Encoding, model::openai::Access, time::Timestamp, wire::Method};

pub(super) use refusal::{judge, judge_code};

/// A voice of the speech endpoint.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The account.
    pub access: Arc<Access>,
    /// A name, or the id (`voice_…`) of a voice of one's own.
    pub voice: String,
    /// The model; never a closed list.
    pub model: String,
    /// How to speak; not for [`Voice::is_old`] models.
    pub instructions: Option<String>,
    /// 0.25 to 4; the vendor's own pace without.
    pub speed: Option<f64>,
}

impl Voice {
    /// The voice that is used if none is named.
    pub const VOICE: &'static str = "marin";
    /// The model that is used if none is named.
    pub const MODEL: &'static str = "gpt-4o-mini-tts";
    /// What `speed` may be.
    pub const SPEED: (f64, f64) = (0.25, 4.0);
    /// Voices that the vendor documents.
    pub const VOICES: [&'static str; 13] = [
        "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer",
        "verse",
    ];
    /// Those of them that [`Voice::is_old`] models lack.
    pub const NEW_VOICES: [&'static str; 4] = ["ballad", "cedar", "marin", "verse"];

    /// The defaults.
    #[must_use]
    pub fn new(access: Arc<Access>) -> Self {
        Self { access, voice: Self::VOICE.to_owned(), model: Self::MODEL.to_owned(), instructions: None, speed: None }
    }

    /// Models that take no instructions and lack some voices.
    #[must_use]
    pub fn is_old(model: &str) -> bool {
        model.starts_with("tts-1")
    }

    pub(super) fn settings(&self) -> String {
        json!({ "instructions": self.instructions, "speed": self.speed }).to_string()
    }

    pub(super) fn begin(&self, now: Timestamp, phrase: &Phrase) -> Fetch {
        let request = self.access.http(Method::Post, "/audio/speech", Some(self.body(phrase)), WHOLE);
        Fetch::begin(now, phrase, request, Encoding::Pcm24k, judge)
    }

    fn body(&self, phrase: &Phrase) -> String {
        let mut body = Map::new();
        body.insert("model".into(), json!(self.model));
        body.insert("voice".into(), voice(&self.voice));
        body.insert("input".into(), json!(phrase.text));
        body.insert("response_format".into(), json!("pcm"));
        if let Some(instructions) = &self.instructions {
            body.insert("instructions".into(), json!(instructions));
        }
        if let Some(speed) = self.speed {
            body.insert("speed".into(), json!(speed));
        }
        Value::Object(body).to_string()
    }
}

/// A voice's name; an object for one of one's own.
pub(super) fn voice(id: &str) -> Value {
    if id.starts_with("voice_") { json!({ "id": id }) } else { json!(id) }
}
