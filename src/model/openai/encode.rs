//! What we send, as text.

use base64_simd::STANDARD;
use serde_json::{Value, json};

use super::{Settings, TurnDetection};
use crate::audio::Encoding;

/// Caller audio, into `text`. It has no `event_id`: it comes fifty times a second and is never answered.
pub(super) fn append(audio: &[u8], text: &mut String) {
    let (head, tail) = (r#"{"type":"input_audio_buffer.append","audio":""#, r#""}"#);
    text.clear();
    text.reserve(head.len() + STANDARD.encoded_length(audio.len()) + tail.len());
    text.push_str(head);
    STANDARD.encode_append(audio, text);
    text.push_str(tail);
}

/// The whole configuration. The model is named by the address; the server's own prompting (`idle_timeout_ms`) is never
/// asked for, and it never interrupts by itself.
pub(super) fn session_update(settings: &Settings, event_id: &str) -> String {
    let format = match settings.encoding {
        Encoding::Pcm24k => json!({"type": "audio/pcm", "rate": 24_000}),
        // A `rate` here is an error.
        Encoding::Mulaw => json!({"type": "audio/pcmu"}),
    };
    let voice = if settings.voice.starts_with("voice_") {
        json!({"id": settings.voice})
    } else {
        Value::from(settings.voice.as_str())
    };
    let mut session = json!({
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": settings.instructions,
        "audio": {
            "input": {
                "format": format,
                "transcription": transcription(settings),
                "noise_reduction": settings.noise_reduction.map(|reduction| json!({"type": reduction.name()})),
                "turn_detection": turn_detection(settings.turn_detection),
            },
            "output": {"format": format, "voice": voice, "speed": decimal(settings.speed)},
        },
        "tools": tools(settings),
        "tool_choice": "auto",
        "max_output_tokens": settings.max_output_tokens.map_or(Value::from("inf"), Value::from),
    });
    // A model that does not reason refuses the key, and with it everything else.
    if let Some(effort) = &settings.reasoning_effort {
        session["reasoning"] = json!({"effort": effort});
    }
    json!({"type": "session.update", "event_id": event_id, "session": session}).to_string()
}

/// The configuration of a session that writes: nothing of audio, and no voice.
pub(super) fn text_session_update(settings: &Settings, event_id: &str) -> String {
    let mut session = json!({
        "type": "realtime",
        "output_modalities": ["text"],
        "instructions": settings.instructions,
        "audio": {"input": {"turn_detection": null}},
        "tools": tools(settings),
        "tool_choice": "auto",
        "max_output_tokens": settings.max_output_tokens.map_or(Value::from("inf"), Value::from),
    });
    if let Some(effort) = &settings.reasoning_effort {
        session["reasoning"] = json!({"effort": effort});
    }
    json!({"type": "session.update", "event_id": event_id, "session": session}).to_string()
}

fn tools(settings: &Settings) -> Vec<Value> {
    let tool = |tool: &crate::model::Tool| {
        json!({
            "type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters,
        })
    };
    settings.tools.iter().map(tool).collect()
}

fn transcription(settings: &Settings) -> Value {
    let Some(transcription) = &settings.transcription else { return Value::Null };
    let mut value = json!({"model": transcription.model});
    if let Some(language) = &transcription.language {
        value["language"] = Value::from(language.as_str());
    }
    if let Some(prompt) = &transcription.prompt {
        value["prompt"] = Value::from(prompt.as_str());
    }
    value
}

fn turn_detection(detection: TurnDetection) -> Value {
    match detection {
        TurnDetection::Server { threshold, prefix_padding_ms, silence_duration_ms } => json!({
            "type": "server_vad",
            "threshold": decimal(threshold),
            "prefix_padding_ms": prefix_padding_ms,
            "silence_duration_ms": silence_duration_ms,
            "create_response": true,
            "interrupt_response": false,
        }),
        TurnDetection::Semantic(eagerness) => json!({
            "type": "semantic_vad",
            "eagerness": eagerness.name(),
            "create_response": true,
            "interrupt_response": false,
        }),
    }
}

/// As it was written: 0.8, not 0.800000011920929.
fn decimal(value: f32) -> Value {
    value.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

/// Ends the caller's turn.
pub(super) fn commit() -> String {
    json!({"type": "input_audio_buffer.commit"}).to_string()
}

/// Asks for a response. `instructions` replace the session's for this one.
pub(super) fn response_create(instructions: Option<&str>, event_id: &str) -> String {
    let mut event = json!({"type": "response.create", "event_id": event_id});
    if let Some(instructions) = instructions {
        event["response"] = json!({"instructions": instructions});
    }
    event.to_string()
}

/// Stops a response.
pub(super) fn response_cancel(response: &str) -> String {
    json!({"type": "response.cancel", "response_id": response}).to_string()
}

/// Tells how much of an item was heard.
pub(super) fn truncate(item: &str, content_index: u32, audio_end_ms: u64) -> String {
    json!({
        "type": "conversation.item.truncate",
        "item_id": item,
        "content_index": content_index,
        "audio_end_ms": audio_end_ms,
    })
    .to_string()
}

/// Adds an item at the end of the conversation.
pub(super) fn item_create(item: &Value) -> String {
    json!({"type": "conversation.item.create", "item": item}).to_string()
}

/// Something that we tell the model.
pub(super) fn note(text: &str) -> Value {
    json!({"type": "message", "role": "system", "content": [{"type": "input_text", "text": text}]})
}

/// What the caller said.
pub(super) fn caller_said(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
}

/// What the agent said.
pub(super) fn agent_said(text: &str) -> Value {
    json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]})
}

/// What the agent asked a tool.
pub(super) fn tool_call(call_id: &str, name: &str, arguments: &str) -> Value {
    json!({"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments})
}

/// What the tool answered.
pub(super) fn tool_output(call_id: &str, output: &str) -> Value {
    json!({"type": "function_call_output", "call_id": call_id, "output": output})
}
