//! The caller's speech and words, and messages that nobody can use.

use proptest::prelude::*;

use super::*;

fn started(item: &str, at_ms: u64) -> Value {
    json!({"type": "input_audio_buffer.speech_started", "event_id": "e", "audio_start_ms": at_ms, "item_id": item})
}

fn stopped(item: &str, at_ms: u64) -> Value {
    json!({"type": "input_audio_buffer.speech_stopped", "event_id": "e", "audio_end_ms": at_ms, "item_id": item})
}

fn committed(item: &str) -> Value {
    json!({"type": "input_audio_buffer.committed", "event_id": "e", "item_id": item})
}

fn words(item: &str, what: &str, key: &str, text: &str) -> Value {
    let kind = format!("conversation.item.input_audio_transcription.{what}");
    json!({"type": kind, "event_id": "e", "item_id": item, "content_index": 0, key: text})
}

#[test]
fn a_transcript_tells_its_stretch_without_the_padding() {
    let mut peer = Peer::ready(settings());
    // 300 ms of padding before, 500 ms of pause behind.
    peer.server(started("item_1", 1_000));
    peer.server(words("item_1", "delta", "delta", " "));
    peer.server(words("item_1", "delta", "delta", "Good"));
    peer.server(words("item_1", "delta", "delta", " morning"));
    peer.server(stopped("item_1", 3_000));
    peer.server(committed("item_1"));
    peer.server(started("item_2", 5_000));
    // Late, while the next turn is under way.
    peer.server(words("item_1", "completed", "transcript", "Good morning."));
    peer.server(stopped("item_2", 6_000));
    peer.server(committed("item_2"));
    peer.server(words("item_2", "delta", "delta", "Yes"));
    peer.server(words("item_2", "failed", "error", "…"));
    assert_eq!(
        peer.take_told(),
        [
            "speech 1300",
            "partial Some(1300)",
            "committed",
            "speech 5300",
            "caller Some((1300, 2500)) Good morning.",
            "committed",
            "no transcript Some((5300, 5500))",
        ]
    );
}

#[test]
fn figures_without_padding_are_taken_as_they_are() {
    let mut peer = Peer::ready(settings());
    peer.server(started("item_1", 1_000));
    peer.server(stopped("item_1", 1_400));
    peer.server(words("item_1", "completed", "transcript", "Yes."));
    assert_eq!(peer.take_told()[1], "caller Some((1000, 1400)) Yes.");
    // The meaning of the words ended the turn, not a pause.
    let turn_detection = TurnDetection::Semantic(Eagerness::Auto);
    let mut peer = Peer::ready(Settings { turn_detection, ..settings() });
    peer.server(started("item_1", 1_000));
    peer.server(stopped("item_1", 4_000));
    peer.server(words("item_1", "completed", "transcript", "Yes."));
    assert_eq!(peer.take_told()[1], "caller Some((1000, 4000)) Yes.");
}

#[test]
fn a_turn_that_was_ended_by_hand_ends_with_what_was_appended() {
    let mut peer = Peer::ready(settings());
    peer.append(&[0x55; 16_000]);
    peer.server(started("item_1", 500));
    peer.server(committed("item_1"));
    peer.server(words("item_1", "completed", "transcript", "Well,"));
    // One whose beginning nobody heard.
    peer.server(committed("item_2"));
    peer.server(words("item_2", "completed", "transcript", ""));
    assert_eq!(
        peer.take_told(),
        ["speech 800", "committed", "caller Some((800, 2000)) Well,", "committed", "caller None "]
    );
}

#[test]
fn what_nobody_knows_is_counted_and_ignored() {
    let mut peer = Peer::ready(settings());
    peer.server(json!({"type": "response.telepathy.delta", "delta": "…"}));
    peer.server(json!({"type": "response.audio.delta", "delta": "a name of the beta"}));
    for text in ["", "not json", "[]", "{}", "null", r#"{"type":1}"#, r#"{"type":"response.created"}"#, "\u{0}"] {
        peer.socket(WsEvent::Text(text));
    }
    peer.server(json!({"type": "response.created", "response": {"id": 7}}));
    peer.server(json!({"type": "response.output_audio.delta", "response_id": "r", "item_id": "i"}));
    peer.socket(WsEvent::Binary(64));
    let counters = peer.model.counters();
    assert_eq!((counters.unknown, counters.unreadable), (2, 11));
    assert!(peer.told.is_empty() && peer.sent.is_empty());
}

#[test]
fn audio_that_is_no_base64_is_counted_and_the_rest_played() {
    let mut peer = Peer::ready(settings());
    peer.response_created("resp_1");
    let delta = |delta: &str| {
        json!({
            "type": "response.output_audio.delta", "event_id": "e", "response_id": "resp_1", "item_id": "item_1",
            "output_index": 0, "content_index": 0, "delta": delta,
        })
    };
    peer.server(delta("/7//"));
    peer.server(delta("/7!/"));
    peer.server(delta("AAE="));
    assert_eq!((peer.audio, peer.model.counters().unreadable), (vec![0xff, 0xbf, 0xff, 0, 1], 1));
}

#[test]
fn numbers_may_be_fractions_and_details_nonsense() {
    let mut peer = Peer::ready(settings());
    peer.server(json!({"type": "input_audio_buffer.speech_started", "audio_start_ms": 0.0, "item_id": "item_1"}));
    peer.server(json!({"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 1e300, "item_id": "item_1"}));
    peer.server(json!({"type": "input_audio_buffer.speech_started", "audio_start_ms": -5.5, "item_id": "item_2"}));
    peer.response_created("resp_1");
    peer.server(json!({"type": "response.done", "response": {
        "id": "resp_1", "status": 5, "status_details": "?", "output": [3, {"type": []}, {"id": null, "type": "message"}],
    }}));
    assert_eq!(peer.take_told(), ["speech 0", "speech 0", "created 0", "done 0 Incomplete"]);
    peer.server(json!({"type": "error", "error": {"code": 5, "message": [], "param": {}, "event_id": 0}}));
    assert_eq!((peer.model.counters().errors, peer.model.counters().unreadable), (1, 0));
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(texts in prop::collection::vec(".{0,200}", 0..20)) {
        let mut peer = Peer::ready(settings());
        for text in &texts {
            peer.socket(WsEvent::Text(text));
        }
        prop_assert!(peer.told.is_empty());
    }
}
