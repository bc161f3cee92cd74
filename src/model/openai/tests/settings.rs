//! What a session is configured with, exactly.

use super::*;

/// The `session` that is sent for these settings.
fn sent(settings: Settings) -> Value {
    let mut peer = Peer::new(settings);
    peer.ask(ModelRequest::Connect);
    peer.server(json!({"type": "session.created", "event_id": "e", "session": {}}));
    let mut sent = peer.take_sent();
    assert_eq!(kinds(&sent), ["session.update"]);
    sent[0]["session"].take()
}

#[test]
fn the_whole_configuration() {
    let session = sent(Settings { encoding: Encoding::Pcm24k, ..settings() });
    let tool = Tool::hangup_call(true);
    let expected = json!({
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": Settings::INSTRUCTIONS,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": {"model": "gpt-transcribe"},
                "noise_reduction": null,
                "turn_detection": {
                    "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
                    "create_response": true, "interrupt_response": false,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
        },
        "tools": [{
            "type": "function", "name": "hangup_call", "description": tool.description, "parameters": tool.parameters,
        }],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
    });
    assert_eq!(session, expected);
}

#[test]
fn each_setting_in_its_place() {
    let session = sent(Settings {
        voice: "voice_123".into(),
        instructions: "Say \"hi\".\n".into(),
        transcription: Some(Transcription {
            model: "gpt-live-transcribe".into(),
            language: Some("de".into()),
            prompt: Some("Kringelbach".into()),
        }),
        turn_detection: TurnDetection::Semantic(Eagerness::High),
        noise_reduction: Some(NoiseReduction::FarField),
        speed: 0.8,
        max_output_tokens: Some(4096),
        reasoning_effort: Some("low".into()),
        tools: Vec::new(),
        ..settings()
    });
    assert_eq!(
        session["audio"]["output"],
        json!({"format": {"type": "audio/pcmu"}, "voice": {"id": "voice_123"}, "speed": 0.8})
    );
    assert_eq!(
        session["audio"]["input"],
        json!({
            "format": {"type": "audio/pcmu"},
            "transcription": {"model": "gpt-live-transcribe", "language": "de", "prompt": "Kringelbach"},
            "noise_reduction": {"type": "far_field"},
            "turn_detection": {
                "type": "semantic_vad", "eagerness": "high", "create_response": true, "interrupt_response": false,
            },
        })
    );
    assert_eq!(session["instructions"], "Say \"hi\".\n");
    assert_eq!((&session["max_output_tokens"], &session["tools"]), (&json!(4096), &json!([])));
    assert_eq!(session["reasoning"], json!({"effort": "low"}));
    assert_eq!(sent(Settings { transcription: None, ..settings() })["audio"]["input"]["transcription"], Value::Null);
}

#[test]
fn the_server_never_prompts_by_itself() {
    for turn_detection in [TurnDetection::default(), TurnDetection::Semantic(Eagerness::Auto)] {
        let session = sent(Settings { turn_detection, ..settings() }).to_string();
        assert!(!session.contains("idle_timeout_ms"), "{session}");
    }
}

#[test]
fn the_schema_would_notice() {
    let schema = &schemas()["session.update"];
    let mut message = json!({"type": "session.update", "session": sent(settings())});
    assert!(schema.is_valid(&message));
    message["session"]["audio"]["input"]["format"] = json!({"type": "audio/pcmu", "rate": 8000});
    assert!(!schema.is_valid(&message), "a rate that must not be there");
    message["session"] = json!({"type": "realtime", "temperature": 0.8});
    assert!(!schema.is_valid(&message), "a key of the beta");
}
