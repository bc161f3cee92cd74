//! Captured calls in the page of a replay.

use std::path::Path;

use quietline::{
    carrier::CarrierEvent,
    codec::mulaw,
    replay::{
        Outcome, Replay, Rules,
        capture::{Change, Play, Played},
    },
    report::Call,
    session::{
        Input,
        capture::{Capture, What},
    },
    time::Timestamp,
};

/// The call of a capture as it would go with this change, under this name.
pub(crate) fn call(name: &str, path: &Path, change: &Change) -> Call {
    match drawn(name, path, change) {
        Ok(call) => call,
        Err(error) => Call::unplayed(name, &error),
    }
}

fn drawn(name: &str, path: &Path, change: &Change) -> Result<Call, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let capture = Capture::read(&bytes).map_err(|error| error.to_string())?;
    let play = Play::new(&capture, change).map_err(|error| error.to_string())?;
    let replay = Replay { settings: play.settings().clone(), ..Replay::default() };
    let outcome = outcome(&capture, &play.run());
    Ok(Call::of(name, &replay, &outcome))
}

/// What the caller heard is not in a capture: of our own audio only its length is.
fn outcome(capture: &Capture<'_>, played: &Played) -> Outcome {
    let ms = |at: Option<Timestamp>| at.map(Timestamp::as_millis_f64);
    let record = &played.record;
    Outcome {
        duration_ms: played.length.as_micros() / 1_000,
        talkspurts: Vec::new(),
        silence_started_ms: ms(record.caller_silent_since),
        deadline_ms: ms(record.deadline),
        goodbye_ms: ms(record.goodbye_at),
        hangup_ms: ms(record.closed_at),
        reason: record.reason,
        truth_error_ms: None,
        rules: Rules::default(),
        ledger: played.ledger.clone(),
        trace: Vec::new(),
        audio: (caller(capture), Vec::new()),
    }
}

/// The caller's audio on call time: a frame ends when it arrives.
fn caller(capture: &Capture<'_>) -> Vec<i16> {
    let mut samples: Vec<i16> = Vec::new();
    for step in &capture.steps {
        let What::Input(Input::Carrier(CarrierEvent::Media { payload, .. })) = &step.what else { continue };
        let end = (step.at.as_micros() / 125) as usize;
        // Packets that come a little early or late follow each other; a real gap is silence.
        let begin = end.saturating_sub(payload.len());
        if begin > samples.len() + GAP {
            samples.resize(begin, 0);
        }
        samples.extend(payload.iter().map(|&code| mulaw::decode(code)));
    }
    samples
}

/// Samples of jitter that are no gap: 100 ms.
const GAP: usize = 800;
