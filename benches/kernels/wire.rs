//! The messages that come and go with every frame, as whole text frames; a WebSocket's own work is not in it.

use std::{hint::black_box, sync::Arc};

use base64_simd::STANDARD;
use quietline::{
    audio::{Encoding, FRAME_SAMPLES},
    carrier::{
        MarkId,
        twilio::{Encoder, Event, StreamSid, decode},
    },
    model::{
        Model, ModelCommand, ModelEvent, ModelRequest,
        openai::{Access, Auth, OpenAi, Settings},
    },
    time::Timestamp,
    wire::WsEvent,
};
use secrecy::SecretString;

use super::{
    Kernel,
    material::{self, FRAMES},
};

/// Frames in one piece of a model's audio: 100 ms.
const DELTA_FRAMES: usize = 5;
const NOW: Timestamp = Timestamp::ZERO;

pub(crate) fn all() -> Vec<Kernel> {
    vec![
        twilio_in("wire/twilio/media-in", media, |event| matches!(event, Event::Media { .. })),
        twilio_in("wire/twilio/mark-in", mark, |event| matches!(event, Event::Mark(_))),
        twilio_out("wire/twilio/media-out", |encoder, _, frame, text| encoder.media(frame, text)),
        twilio_out("wire/twilio/mark-out", |encoder, number, _, text| {
            encoder.mark(MarkId { generation: 1, number }, text);
        }),
        append("wire/openai/append-g711", Encoding::Mulaw),
        append("wire/openai/append-pcm", Encoding::Pcm24k),
        delta("wire/openai/delta-g711", Encoding::Mulaw),
        delta("wire/openai/delta-pcm", Encoding::Pcm24k),
    ]
}

fn stream() -> StreamSid {
    "MZ18ad3ab5a668481ce02b83e7395059f0".parse().expect("a stream's id")
}

/// Caller audio, as the carrier writes it.
fn media(number: usize, frame: &[u8]) -> String {
    let (chunk, timestamp, payload) = (number + 1, number * 20, STANDARD.encode_to_string(frame));
    format!(
        r#"{{"event":"media","sequenceNumber":"{}","media":{{"track":"inbound","chunk":"{chunk}","timestamp":"{timestamp}","payload":"{payload}"}},"streamSid":"{}"}}"#,
        chunk + 1,
        stream().as_str(),
    )
}

/// An echo of a mark of ours, as the carrier writes it.
fn mark(number: usize, _: &[u8]) -> String {
    format!(
        r#"{{"event":"mark","sequenceNumber":"{number}","streamSid":"{}","mark":{{"name":"q:1:{number}"}}}}"#,
        stream().as_str()
    )
}

fn twilio_in(name: &str, message: fn(usize, &[u8]) -> String, expected: fn(&Event<'_>) -> bool) -> Kernel {
    Kernel::again(name, FRAMES, move || {
        let speech = material::speech();
        let messages = speech.chunks_exact(FRAME_SAMPLES).enumerate().map(|(n, frame)| message(n, frame));
        let (messages, mut audio) = (Vec::from_iter(messages), Vec::new());
        move || {
            for text in &messages {
                let event = decode(black_box(text), Some(stream()), &mut audio);
                assert!(event.is_ok_and(|event| expected(black_box(&event))), "{text}");
            }
        }
    })
}

fn twilio_out(name: &str, write: fn(&Encoder, u32, &[u8], &mut String)) -> Kernel {
    Kernel::again(name, FRAMES, move || {
        let (encoder, answer, mut text) = (Encoder::new(stream()), material::answer(), String::new());
        move || {
            for (number, frame) in (0..).zip(answer.chunks_exact(FRAME_SAMPLES)) {
                write(&encoder, number, black_box(frame), &mut text);
                black_box(&text);
            }
        }
    })
}

/// A session that is configured and has begun a response.
fn realtime(encoding: Encoding) -> OpenAi {
    let access = Access::new(Access::BASE_URL, SecretString::from("no key"), Auth::Bearer).expect("an address");
    let mut model = OpenAi::new(Arc::new(Settings { encoding, ..Settings::new(Arc::new(access)) }));
    model.handle_command(NOW, &ModelCommand::Request(ModelRequest::Connect));
    for text in [
        r#"{"type":"session.created","event_id":"e1","session":{}}"#,
        r#"{"type":"session.updated","event_id":"e2","session":{}}"#,
        r#"{"type":"response.created","event_id":"e3","response":{"id":"resp_1","status":"in_progress"}}"#,
    ] {
        model.handle_socket(NOW, WsEvent::Text(text));
    }
    while model.poll_sending().is_some() {}
    while model.poll_event(NOW).is_some() {}
    model
}

/// The caller's audio to the model, a frame a message.
fn append(name: &str, encoding: Encoding) -> Kernel {
    Kernel::again(name, FRAMES, move || {
        let (mut model, audio) = (realtime(encoding), material::spoken(encoding, &material::speech()));
        move || {
            for frame in audio.chunks_exact(audio.len() / FRAMES) {
                model.handle_command(NOW, &ModelCommand::Append(black_box(frame)));
                assert!(black_box(model.poll_sending()).is_some(), "an append is sent");
            }
        }
    })
}

/// The agent's audio from the model, 100 ms a message.
fn delta(name: &str, encoding: Encoding) -> Kernel {
    Kernel::again(name, FRAMES, move || {
        let (mut model, audio) = (realtime(encoding), material::spoken(encoding, material::answer()));
        let messages = audio.chunks_exact(audio.len() / FRAMES * DELTA_FRAMES).map(|audio| {
            let delta = STANDARD.encode_to_string(audio);
            format!(
                r#"{{"type":"response.output_audio.delta","event_id":"event_DgFpQe5TJbL4ZHVmYkzCT","response_id":"resp_1","item_id":"item_DgFpP5WsyVSBDDTiHiMmQ","output_index":0,"content_index":0,"delta":"{delta}"}}"#
            )
        });
        let messages = Vec::from_iter(messages);
        move || {
            for text in &messages {
                model.handle_socket(NOW, WsEvent::Text(black_box(text)));
                let event = model.poll_event(NOW);
                assert!(matches!(black_box(event), Some(ModelEvent::Audio { .. })), "{text}");
            }
        }
    })
}
