//! A session's configuration: what it is at first, and how it is updated.

use serde_json::{Value, json};

use super::{
    input::{Detection, Format},
    refusal::Refusal,
};

/// The longest session.
const LONGEST_S: u64 = 60 * 60;

/// The session object, complete.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    session: Value,
}

impl Settings {
    pub(super) fn new(id: &str, model: &str, unix_s: u64) -> Self {
        let session = json!({
            "type": "realtime", "object": "realtime.session", "id": id, "model": model,
            "output_modalities": ["audio"], "instructions": "You are a helpful assistant.", "tools": [],
            "tool_choice": "auto", "max_output_tokens": "inf", "tracing": null, "truncation": "auto", "prompt": null,
            "expires_at": unix_s + LONGEST_S,
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000}, "transcription": null, "noise_reduction": null,
                    "turn_detection": server_vad(),
                },
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
            },
            "include": null,
        });
        Self { session }
    }

    pub(super) fn session(&self) -> &Value {
        &self.session
    }

    /// Takes an update that the schema allows; all of it or nothing.
    pub(super) fn update(&mut self, update: &Value, voiced: bool) -> Result<(), Refusal> {
        if update["type"] == "transcription" {
            let message = "Passing a transcription session update event to a realtime session is not allowed.";
            return Err(Refusal::new("invalid_parameter", message));
        }
        let voice = &update["audio"]["output"]["voice"];
        if voiced && !voice.is_null() && *voice != self.session["audio"]["output"]["voice"] {
            return Err(Refusal::voice());
        }
        for (name, value) in update.as_object().into_iter().flatten() {
            match name.as_str() {
                // The model is the socket's.
                "model" | "type" => {}
                "audio" => self.update_audio(value),
                _ => self.session[name] = value.clone(),
            }
        }
        Ok(())
    }

    fn update_audio(&mut self, audio: &Value) {
        for direction in ["input", "output"] {
            for (name, value) in audio[direction].as_object().into_iter().flatten() {
                let value = match (name.as_str(), value["type"].as_str()) {
                    ("turn_detection", Some("server_vad")) => with_defaults(server_vad(), value),
                    ("turn_detection", Some("semantic_vad")) => with_defaults(semantic_vad(), value),
                    ("format", Some("audio/pcm")) => json!({"type": "audio/pcm", "rate": 24000}),
                    _ => value.clone(),
                };
                self.session["audio"][direction][name] = value;
            }
        }
    }

    pub(super) fn input_format(&self) -> Format {
        format(&self.session["audio"]["input"]["format"])
    }

    pub(super) fn detection(&self) -> Option<Detection> {
        let detection = &self.session["audio"]["input"]["turn_detection"];
        let flag = |name: &str| detection[name].as_bool().unwrap_or(true);
        let (create_response, interrupt_response) = (flag("create_response"), flag("interrupt_response"));
        match detection["type"].as_str()? {
            "server_vad" => Some(Detection {
                // 0.5 is the level that the pure stand-in listens with.
                level_dbfs: -52.0 + 20.0 * detection["threshold"].as_f64().unwrap_or(0.5) as f32,
                prefix_ms: detection["prefix_padding_ms"].as_u64().unwrap_or(300),
                silence_ms: detection["silence_duration_ms"].as_u64().unwrap_or(200),
                create_response,
                interrupt_response,
                idle_ms: detection["idle_timeout_ms"].as_u64(),
            }),
            // A stand-in does not know what was meant: it waits for a fixed pause, longer with less eagerness.
            _ => Some(Detection {
                level_dbfs: -42.0,
                prefix_ms: 300,
                silence_ms: match detection["eagerness"].as_str() {
                    Some("low") => 1600,
                    Some("high") => 400,
                    Some(_) | None => 800,
                },
                create_response,
                interrupt_response,
                idle_ms: None,
            }),
        }
    }

    pub(super) fn transcribes(&self) -> bool {
        self.session["audio"]["input"]["transcription"].is_object()
    }

    pub(super) fn tools(&self) -> Vec<String> {
        let tools = self.session["tools"].as_array().into_iter().flatten();
        tools.filter_map(|tool| tool["name"].as_str()).map(str::to_owned).collect()
    }
}

/// What a `format` says.
pub(super) fn format(format: &Value) -> Format {
    match format["type"].as_str() {
        Some("audio/pcmu") => Format::Mulaw,
        Some("audio/pcma") => Format::Alaw,
        Some(_) | None => Format::Pcm24k,
    }
}

fn server_vad() -> Value {
    json!({"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200,
           "idle_timeout_ms": null, "create_response": true, "interrupt_response": true})
}

fn semantic_vad() -> Value {
    json!({"type": "semantic_vad", "eagerness": "auto", "create_response": true, "interrupt_response": true})
}

fn with_defaults(mut defaults: Value, given: &Value) -> Value {
    for (name, value) in given.as_object().into_iter().flatten() {
        defaults[name] = value.clone();
    }
    defaults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_stays() {
        let mut settings = Settings::new("sess_1", "gpt-realtime-2.1", 1_000);
        let update = json!({"type": "realtime", "model": "other", "instructions": "Be brief.", "audio": {
            "input": {"format": {"type": "audio/pcmu"}, "turn_detection": {"type": "server_vad", "silence_duration_ms": 500}},
            "output": {"voice": "cedar"}}});
        settings.update(&update, false).unwrap();
        let session = settings.session();
        assert_eq!((&session["model"], &session["expires_at"]), (&json!("gpt-realtime-2.1"), &json!(4_600)));
        assert_eq!(session["audio"]["output"]["format"], json!({"type": "audio/pcm", "rate": 24000}));
        assert_eq!(settings.input_format(), Format::Mulaw);
        let detection = settings.detection().unwrap();
        assert_eq!((detection.silence_ms, detection.prefix_ms, detection.level_dbfs), (500, 300, -42.0));
        settings.update(&json!({"type": "realtime", "audio": {"input": {"turn_detection": null}}}), false).unwrap();
        assert_eq!(settings.detection(), None);
    }

    #[test]
    fn a_refused_update_leaves_everything() {
        let mut settings = Settings::new("sess_1", "gpt-realtime-2.1", 1_000);
        let update = json!({"type": "realtime", "instructions": "x", "audio": {"output": {"voice": "cedar"}}});
        let before = settings.session().clone();
        assert_eq!(settings.update(&update, true), Err(Refusal::voice()));
        assert_eq!(*settings.session(), before);
    }
}
