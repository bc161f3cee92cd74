//! ElevenLabs: `POST /v1/text-to-speech/{voice}/stream`, answered with µ-law in pieces, as the telephone has it.

mod access;
mod listing;
mod refusal;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Phrase, WHOLE, fetch::Fetch};
use crate::{audio::Encoding, time::Timestamp, wire::Method};

pub use access::{Access, AccessError};
pub use listing::{Listed, Listing};

/// A voice of ElevenLabs.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The account.
    pub access: Arc<Access>,
    /// Its id, such as `21m00Tcm4TlvDq8ikWAM`.
    pub voice: String,
    /// The model; never a closed list.
    pub model: String,
    /// What is not set stays as it is set with the voice.
    pub settings: Settings,
}

/// Settings of a voice that stand above those that are kept with it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Settings {
    /// 0 to 1: how much one rendering may differ from the next.
    pub stability: Option<f64>,
    /// 0 to 1: how close to the original speaker.
    pub similarity_boost: Option<f64>,
    /// 0 to 1: how much the speaker's style is exaggerated.
    pub style: Option<f64>,
    /// Closer to the original speaker still.
    pub use_speaker_boost: Option<bool>,
    /// 0.7 to 1.2.
    pub speed: Option<f64>,
}

impl Settings {
    fn json(self) -> Value {
        let mut object = Map::new();
        for (name, value) in [
            ("stability", self.stability),
            ("similarity_boost", self.similarity_boost),
            ("style", self.style),
            ("speed", self.speed),
        ] {
            if let Some(value) = value {
                object.insert(name.into(), json!(value));
            }
        }
        if let Some(on) = self.use_speaker_boost {
            object.insert("use_speaker_boost".into(), json!(on));
        }
        Value::Object(object)
    }
}

impl Voice {
    /// The model that is used if none is named.
    pub const MODEL: &'static str = "eleven_flash_v2_5";
    /// What `stability`, `similarity_boost` and `style` may be.
    pub const SHARE: (f64, f64) = (0.0, 1.0);
    /// What `speed` may be.
    pub const SPEED: (f64, f64) = (0.7, 1.2);

    /// With the default model, and the voice's own settings.
    #[must_use]
    pub fn new(access: Arc<Access>, voice: &str) -> Self {
        let settings = Settings::default();
        Self { access, voice: voice.to_owned(), model: Self::MODEL.to_owned(), settings }
    }

    pub(super) fn settings(&self) -> String {
        self.settings.json().to_string()
    }

    pub(super) fn begin(&self, now: Timestamp, phrase: &Phrase) -> Fetch {
        let path = format!("/v1/text-to-speech/{}/stream?output_format=ulaw_8000", percent_encoded(&self.voice));
        let request = self.access.http(Method::Post, &path, Some(self.body(phrase)), WHOLE);
        Fetch::begin(now, phrase, request, Encoding::Mulaw, refusal::judge)
    }

    fn body(&self, phrase: &Phrase) -> String {
        let mut body = Map::new();
        body.insert("text".into(), json!(phrase.text));
        body.insert("model_id".into(), json!(self.model));
        if self.settings != Settings::default() {
            body.insert("voice_settings".into(), self.settings.json());
        }
        // Other models answer a language with an error.
        if self.model.ends_with("flash_v2_5") || self.model.ends_with("turbo_v2_5") {
            let code = phrase.language_code();
            if code.len() == 2 {
                body.insert("language_code".into(), json!(code));
            }
        }
        Value::Object(body).to_string()
    }
}

/// One segment of a path: everything but unreserved letters (RFC 3986, 2.3) as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    // A dot segment would be taken out of the path.
    if encoded.bytes().all(|byte| byte == b'.') { encoded.replace('.', "%2E") } else { encoded }
}
