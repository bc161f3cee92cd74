//! The contract of a [`Rendering`], held against each provider; and what all of them share.

use std::sync::Arc;

use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::json;

use super::*;
use crate::{
    codec::mulaw,
    model::openai::{Access, Auth},
    wire::Failure,
};

const TEXT: &str = "Goodbye, and thank you for calling.";

fn phrase() -> Phrase {
    Phrase { text: TEXT.into(), language: "en-US".into() }
}

fn voices() -> [Voice; 3] {
    let key = || SecretString::from("test");
    let access = Arc::new(Access::new(Access::BASE_URL, key(), Auth::Bearer).unwrap());
    let other = Arc::new(elevenlabs::Access::new(elevenlabs::Access::BASE_URL, key()).unwrap());
    [
        Voice::OpenAi(openai::Voice::new(Arc::clone(&access))),
        Voice::OpenAiRealtime(openai_realtime::Voice::new(access)),
        Voice::ElevenLabs(elevenlabs::Voice::new(other, "21m00Tcm4TlvDq8ikWAM")),
    ]
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// A second of a tone, as this provider sends it.
fn sound(provider: Provider) -> Vec<u8> {
    let tone = |n: usize, rate: f32| ((n as f32 / rate * 300.0 * std::f32::consts::TAU).sin() * 9_000.0) as i16;
    match provider {
        Provider::ElevenLabs => (0..8_000).map(|n| mulaw::encode(tone(n, 8_000.0))).collect(),
        Provider::OpenAi | Provider::OpenAiRealtime => {
            (0..24_000).flat_map(|n| tone(n, 24_000.0).to_le_bytes()).collect()
        }
    }
}

/// What was asked for; sends nothing back.
fn asked(rendering: &mut dyn Rendering) -> Vec<Sending> {
    std::iter::from_fn(|| rendering.poll_sending()).collect()
}

fn begins_exchange(sending: &Sending) -> bool {
    matches!(sending, Sending::Http(_) | Sending::Open(_))
}

/// A vendor that answers as it should, in pieces of this length.
fn answer(rendering: &mut dyn Rendering, provider: Provider, now: Timestamp, piece: usize) {
    let sound = sound(provider);
    if provider != Provider::OpenAiRealtime {
        rendering.handle_http(now, HttpEvent::Head { status: 200, headers: &[] });
        for piece in sound.chunks(piece) {
            rendering.handle_http(now, HttpEvent::Chunk(piece));
        }
        return rendering.handle_http(now, HttpEvent::End);
    }
    rendering.handle_socket(now, WsEvent::Open);
    text(rendering, now, &json!({"type": "session.created", "session": {}}));
    assert!(matches!(asked(rendering)[..], [Sending::Text(_)]));
    text(rendering, now, &json!({"type": "session.updated", "session": {}}));
    assert!(matches!(asked(rendering)[..], [Sending::Text(_)]));
    say(rendering, now, "resp_1", TEXT, &sound, piece);
}

fn text(rendering: &mut dyn Rendering, now: Timestamp, event: &serde_json::Value) {
    rendering.handle_socket(now, WsEvent::Text(&event.to_string()));
}

/// A realtime answer with these words.
fn say(rendering: &mut dyn Rendering, now: Timestamp, id: &str, words: &str, sound: &[u8], piece: usize) {
    text(rendering, now, &json!({"type": "response.created", "response": {"id": id}}));
    for piece in sound.chunks(piece) {
        let delta = base64_simd::STANDARD.encode_to_string(piece);
        let delta =
            json!({"type": "response.output_audio.delta", "response_id": id, "item_id": "item_1", "delta": delta});
        text(rendering, now, &delta);
    }
    let content = json!([{"type": "output_audio", "transcript": words}]);
    let item = json!({"id": "item_1", "type": "message", "status": "completed", "content": content});
    text(rendering, now, &json!({"type": "response.output_item.done", "response_id": id, "item": item}));
    let done = json!({"id": id, "status": "completed", "output": [item]});
    text(rendering, now, &json!({"type": "response.done", "response": done}));
}

fn fail(rendering: &mut dyn Rendering, provider: Provider, now: Timestamp, failure: Failure) {
    if provider == Provider::OpenAiRealtime {
        rendering.handle_socket(now, WsEvent::Failed(failure));
    } else {
        rendering.handle_http(now, HttpEvent::Failed(failure));
    }
}

/// Nothing but time passes. Gives how many exchanges were begun.
fn wait(rendering: &mut dyn Rendering) -> usize {
    let mut begun = 0;
    for _ in 0..20 {
        begun += asked(rendering).iter().filter(|sending| begins_exchange(sending)).count();
        let due = rendering.poll_timeout();
        if due == Timestamp::NEVER {
            break;
        }
        assert!(due <= at(40_000), "{due}");
        rendering.handle_timeout(due);
    }
    begun
}

#[test]
fn a_phrase_becomes_speech_however_it_is_cut() {
    for voice in voices() {
        for piece in [1, 3, 7, 479, 100_000] {
            let mut rendering = voice.begin(at(0), &phrase());
            assert!(asked(&mut *rendering).iter().all(begins_exchange));
            assert!(rendering.result().is_none() && rendering.poll_timeout() > at(0));
            answer(&mut *rendering, voice.provider(), at(500), piece);
            let speech = rendering.result().expect("a result").unwrap_or_else(|error| panic!("{voice}: {error}"));
            assert_eq!(speech.samples().len(), 8_000, "{voice}, pieces of {piece}");
            assert!(rendering.result().is_none() && rendering.poll_timeout() == Timestamp::NEVER);
        }
    }
}

#[test]
fn a_vendor_that_says_nothing_is_asked_once_more_and_given_up() {
    for voice in voices() {
        let mut rendering = voice.begin(at(0), &phrase());
        assert_eq!(wait(&mut *rendering), 2, "{voice}");
        assert_eq!(rendering.result().map(Result::err), Some(Some(TtsError::TimedOut)), "{voice}");
    }
}

#[test]
fn a_vendor_that_is_not_there_is_asked_once_more() {
    for voice in voices() {
        let mut rendering = voice.begin(at(0), &phrase());
        for now in [at(1), at(2)] {
            assert!(rendering.result().is_none());
            assert_eq!(asked(&mut *rendering).len(), 1, "{voice}");
            fail(&mut *rendering, voice.provider(), now, Failure::Connect);
        }
        assert_eq!(rendering.result().map(Result::err), Some(Some(TtsError::Connect)), "{voice}");
        assert!(!asked(&mut *rendering).iter().any(begins_exchange));
    }
}

#[test]
fn after_the_first_byte_nothing_is_asked_again() {
    for voice in voices() {
        let (provider, now) = (voice.provider(), at(10));
        let mut rendering = voice.begin(at(0), &phrase());
        let _ = asked(&mut *rendering);
        if provider == Provider::OpenAiRealtime {
            text(&mut *rendering, now, &json!({"type": "session.created"}));
            text(&mut *rendering, now, &json!({"type": "session.updated"}));
            text(&mut *rendering, now, &json!({"type": "response.created", "response": {"id": "r"}}));
            let delta =
                json!({"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "delta": "AAAA"});
            text(&mut *rendering, now, &delta);
            let _ = asked(&mut *rendering);
            rendering.handle_socket(now, WsEvent::Closed { code: Some(1011), reason: "" });
        } else {
            rendering.handle_http(now, HttpEvent::Head { status: 200, headers: &[] });
            rendering.handle_http(now, HttpEvent::Chunk(&[0x80]));
            fail(&mut *rendering, provider, now, Failure::Broken);
        }
        assert_eq!(rendering.result().map(Result::err), Some(Some(TtsError::Broken)), "{voice}");
        assert!(!asked(&mut *rendering).iter().any(begins_exchange), "{voice}");
    }
}

#[test]
fn texts_that_cannot_be_said_are_not_sent() {
    let long = "word ".repeat(1_000);
    for voice in voices() {
        for (text, error) in [(" … ", TtsError::Refused("the text has no words".into())), (&long, TtsError::Length)] {
            let mut rendering = voice.begin(at(0), &Phrase { text: text.into(), ..phrase() });
            assert!(asked(&mut *rendering).is_empty() && rendering.poll_timeout() == Timestamp::NEVER);
            assert_eq!(rendering.result().map(Result::err), Some(Some(error)), "{voice}");
        }
    }
}

#[test]
fn a_refusal_tells_its_pause_and_the_vendors_words() {
    let body = br#"{"error":{"message":"Too fast","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#;
    for (header, pause) in [("retry-after", "2"), ("retry-after-ms", "2000")] {
        let [voice, ..] = voices();
        let mut rendering = voice.begin(at(0), &phrase());
        let headers = [(header.to_owned(), pause.to_owned())];
        rendering.handle_http(at(1), HttpEvent::Head { status: 429, headers: &headers });
        rendering.handle_http(at(1), HttpEvent::Chunk(&body[..40]));
        rendering.handle_http(at(1), HttpEvent::Chunk(&body[40..]));
        rendering.handle_http(at(1), HttpEvent::End);
        let error = rendering.result().unwrap().unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
        assert_eq!(rendering.vendor_said(), Some("Too fast"));
        assert!(!error.to_string().contains("Too fast"));
    }
}

#[test]
fn a_server_error_is_tried_again_and_a_cut_refusal_is_still_one() {
    let [voice, _, other] = voices();
    let mut rendering = voice.begin(at(0), &phrase());
    assert_eq!(asked(&mut *rendering).len(), 1);
    rendering.handle_http(at(1), HttpEvent::Head { status: 502, headers: &[] });
    rendering.handle_http(at(1), HttpEvent::End);
    assert_eq!(asked(&mut *rendering).len(), 1);
    answer(&mut *rendering, Provider::OpenAi, at(2), 1_000);
    assert!(rendering.result().unwrap().is_ok());

    let mut rendering = other.begin(at(0), &phrase());
    rendering.handle_http(at(1), HttpEvent::Head { status: 401, headers: &[] });
    rendering.handle_http(at(1), HttpEvent::Chunk(br#"{"detail":{"status":"quota_ex"#));
    rendering.handle_http(at(1), HttpEvent::Failed(Failure::Broken));
    assert_eq!(rendering.result().unwrap().unwrap_err(), TtsError::Key);
}

#[test]
fn an_answer_without_end_is_cut_off() {
    for voice in voices().into_iter().filter(|voice| voice.provider() != Provider::OpenAiRealtime) {
        let mut rendering = voice.begin(at(0), &phrase());
        let _ = asked(&mut *rendering);
        rendering.handle_http(at(1), HttpEvent::Head { status: 200, headers: &[] });
        for _ in 0..100 {
            rendering.handle_http(at(1), HttpEvent::Chunk(&[0x91; 64 << 10]));
        }
        assert_eq!(rendering.result().unwrap().unwrap_err(), TtsError::BadAudio(BadAudio::TooLong));
        assert_eq!(asked(&mut *rendering), [Sending::Close]);
        // One that trickles has its time.
        let mut rendering = voice.begin(at(0), &phrase());
        rendering.handle_http(at(2_900), HttpEvent::Head { status: 200, headers: &[] });
        rendering.handle_http(at(2_900), HttpEvent::Chunk(&[0x91; 100]));
        assert_eq!(rendering.poll_timeout(), at(10_000));
        rendering.handle_timeout(at(10_000));
        assert_eq!(rendering.result().unwrap().unwrap_err(), TtsError::TimedOut);
    }
}

#[test]
fn voices_that_sound_the_same_are_the_same() {
    let [one, realtime, _] = voices();
    let Voice::OpenAi(voice) = &one else { unreachable!("the first") };
    let elsewhere = Access::new("http://127.0.0.1:1/v1", SecretString::from("other"), Auth::ApiKey).unwrap();
    let same = Voice::OpenAi(openai::Voice { access: Arc::new(elsewhere), ..voice.clone() });
    assert_eq!(one, same);
    assert_ne!(one, realtime);
    assert_ne!(one, Voice::OpenAi(openai::Voice { speed: Some(1.1), ..voice.clone() }));
    assert_ne!(one, Voice::OpenAi(openai::Voice { voice: "cedar".into(), ..voice.clone() }));
}

proptest! {
    #[test]
    fn arbitrary_answers_never_panic(
        which in 0..3_usize,
        status in prop_oneof![Just(200_u16), 100..600_u16],
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..2_000),
            "\\PC{0,200}".prop_map(String::into_bytes),
            Just(br#"{"error":{"message":[],"code":{}},"detail":[[{"loc":7}]]}"#.to_vec()),
        ],
        cuts in prop::collection::vec(1..700_usize, 0..8),
        end in any::<bool>(),
    ) {
        let voice = &voices()[which];
        let mut rendering = voice.begin(at(0), &phrase());
        rendering.handle_http(at(1), HttpEvent::Head { status, headers: &[("retry-after".into(), "NaN".into())] });
        let mut rest = &body[..];
        for cut in cuts {
            let (piece, more) = rest.split_at(cut.min(rest.len()));
            rendering.handle_http(at(2), HttpEvent::Chunk(piece));
            rendering.handle_socket(at(2), WsEvent::Text(&String::from_utf8_lossy(piece)));
            rest = more;
        }
        rendering.handle_http(at(2), HttpEvent::Chunk(rest));
        rendering.handle_socket(at(2), WsEvent::Refused { status, body: rest });
        rendering.handle_http(at(3), if end { HttpEvent::End } else { HttpEvent::Failed(Failure::Broken) });
        wait(&mut *rendering);
        let result = rendering.result().expect("an end");
        if let Err(error) = result {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn arbitrary_messages_of_a_session_never_panic(messages in prop::collection::vec(
        prop_oneof![
            "\\PC{0,80}",
            Just(r#"{"type":"session.created"}"#.to_owned()),
            Just(r#"{"type":"session.updated"}"#.to_owned()),
            Just(r#"{"type":"response.created","response":{"id":"r"}}"#.to_owned()),
            Just(r#"{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"AAD"}"#.to_owned()),
            Just(r#"{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"AAD/fw=="}"#.to_owned()),
            Just(r#"{"type":"response.done","response":{"id":"r","status":"completed","output":[{"type":"message","content":[{"transcript":"Goodbye, and thank you for calling."}]}]}}"#.to_owned()),
            Just(r#"{"type":"response.done","response":{"id":"r","status":"failed"}}"#.to_owned()),
            Just(r#"{"type":"error","error":{"code":null,"message":7,"event_id":"phrase_response"}}"#.to_owned()),
            Just(r#"{"type":"error","error":null}"#.to_owned()),
        ],
        0..12,
    )) {
        let [_, voice, _] = voices();
        let mut rendering = voice.begin(at(0), &phrase());
        rendering.handle_socket(at(0), WsEvent::Open);
        for message in &messages {
            rendering.handle_socket(at(1), WsEvent::Text(message));
            let _ = asked(&mut *rendering);
        }
        rendering.handle_socket(at(2), WsEvent::Binary(5));
        wait(&mut *rendering);
        prop_assert!(rendering.result().is_some());
    }
}
