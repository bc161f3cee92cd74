//! What a tick costs: one call through its states, and a whole recorded call.
//!
//! `cargo bench --bench tick`; a throughput of 1 element is one 20 ms frame in and what it brings out.

use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use quietline::{
    assistant::Settings,
    audio::{Encoding, FRAME_SAMPLES, MULAW_SILENCE},
    carrier::CarrierEvent,
    codec::mulaw,
    model::ModelTraits,
    model::{ItemId, ModelEvent, ResponseId},
    replay::Replay,
    session::{Input, Session, SessionConfig},
    time::Timestamp,
    vad::{self, Detector},
};

const CALLER: &[u8] = include_bytes!("../fixtures/call-silence.caller.ulaw");
const AGENT: &[u8] = include_bytes!("../fixtures/voices/en/agent-answer-4.ulaw");
/// Frames of one measured batch: 4 s, as long as the agent's backlog lasts.
const FRAMES: usize = 200;

/// A session whose model is ready.
fn session(detector: Detector, encoding: Encoding) -> Session {
    let settings = Settings { transcription: false, ..Settings::default() };
    let model = ModelTraits { hears_speech: false, answers: true };
    let mut session = Session::new(SessionConfig { settings, model, encoding }, vad::build(detector), Timestamp::ZERO);
    session.handle_input(Timestamp::ZERO, Input::Carrier(CarrierEvent::Started));
    session.handle_input(Timestamp::ZERO, Input::Model(ModelEvent::Ready));
    while session.poll_output().is_some() {}
    session
}

/// 4 s of a call: each frame arrives, is ticked upon, and what comes out is drained.
fn play(session: &mut Session, audio: &[u8]) {
    for (n, payload) in audio.chunks_exact(FRAME_SAMPLES).take(FRAMES).enumerate() {
        let now = Timestamp::ZERO + Duration::from_millis(20 * (n as u64 + 1));
        session.handle_input(now, Input::Carrier(CarrierEvent::Media { timestamp_ms: None, payload }));
        session.tick(now);
        while let Some(output) = session.poll_output() {
            std::hint::black_box(output);
        }
    }
}

/// One call's tick: detector and encoding, with the caller silent, speaking, and listening to the agent.
fn tick(c: &mut Criterion) {
    let silence = [MULAW_SILENCE; FRAMES * FRAME_SAMPLES];
    let speech = &CALLER[13_100 * 8..][..FRAMES * FRAME_SAMPLES];
    let mut group = c.benchmark_group("tick");
    group.throughput(Throughput::Elements(FRAMES as u64));
    for detector in Detector::ALL {
        for (encoding, rate) in [(Encoding::Mulaw, "8k"), (Encoding::Pcm24k, "24k")] {
            for (what, audio) in [("silence", &silence[..]), ("speech", speech)] {
                let name = format!("{}/{rate}/{what}", detector.name());
                group.bench_function(name, |b| {
                    b.iter_batched_ref(|| session(detector, encoding), |s| play(s, audio), BatchSize::SmallInput);
                });
            }
        }
    }
    group.bench_function("cascade/8k/agent", |b| {
        let ready = || {
            let mut session = session(Detector::Cascade, Encoding::Mulaw);
            let (response, item) = (ResponseId(0), ItemId(0));
            session.handle_input(Timestamp::ZERO, Input::Model(ModelEvent::ResponseCreated { response }));
            let audio = ModelEvent::Audio { response, item, payload: AGENT };
            session.handle_input(Timestamp::ZERO, Input::Model(audio));
            session
        };
        b.iter_batched_ref(ready, |s| play(s, &silence), BatchSize::SmallInput);
    });
    group.finish();
}

/// A recorded call of 51.7 s to its end, with the agent away: what `replay` does for each recording.
fn replay(c: &mut Criterion) {
    let caller: Vec<i16> = CALLER.iter().map(|&code| mulaw::decode(code)).collect();
    let replay = Replay { caller, ..Replay::default() };
    let mut group = c.benchmark_group("replay");
    group.throughput(Throughput::Elements(CALLER.len() as u64 / FRAME_SAMPLES as u64));
    group.bench_function("call-silence", |b| b.iter(|| replay.run().map(|outcome| outcome.goodbye_ms)));
    group.finish();
}

criterion_group!(benches, tick, replay);
criterion_main!(benches);
