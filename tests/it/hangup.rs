//! `hangup_call` closes the line 1 to 5 s after the tool call, whatever else goes on: 1,000 seeded runs.

use std::time::Duration;

use quietline::{
    assistant::{HangupTool, Settings},
    audio::Encoding,
    call::{Party, Reason},
    lab::{Reply, ReplyPart, Rest, ScriptedCarrier, ScriptedModel, Transcripts, Trouble, Utterance, World},
    model::{ModelTraits, ResponseStatus},
    session::SessionConfig,
    time::Timestamp,
};

use crate::sound::{LevelVad, announcements, rendering, voice};

const RUNS: u64 = 1_000;

/// Closed so long after the tool call, or what went wrong, with the ledger.
fn run(seed: u64) -> Result<Duration, String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut up_to = |most: u64| random.u64(0..=most);
    let start = Timestamp::from_micros(up_to(20_000));
    let trouble = Trouble {
        seed,
        jitter: Duration::from_millis(up_to(120)),
        mark_lag: Duration::from_millis(up_to(600)),
        lost_marks: [0.0, 0.0, 0.3, 1.0][up_to(3) as usize],
        rest: match up_to(4) {
            0 => Rest::Silent,
            1 => Rest::FailsUntil(Duration::from_millis(up_to(900)), Timestamp::from_millis(60_000)),
            _ => Rest::Works(Duration::from_millis(up_to(900))),
        },
        ..Trouble::default()
    };
    let mut carrier = ScriptedCarrier::new(start, trouble);
    carrier.say(1_000, &voice(1, 1_500, -20.0));
    let said = Utterance { start_ms: 1_000, end_ms: 2_500, text: "Thanks, that's all.".into() };
    let mut model = ScriptedModel::new(Encoding::Mulaw, Transcripts::Truth(vec![said]), start);
    let mut parts = Vec::new();
    let (speech, goodbye) = (up_to(8_000), up_to(2) == 0);
    if speech > 100 {
        let transcript = if goodbye { "Goodbye." } else { "Let me see." }.into();
        parts.push(ReplyPart::Say { samples: voice(2, speech, -20.0).into(), transcript });
    }
    parts.push(ReplyPart::Tool { name: "hangup_call".into(), completed: true });
    let delay = Duration::from_micros(200_000 + up_to(1_000_000));
    model.push(Reply { delay, parts, status: ResponseStatus::Completed });
    let settings = Settings { hangup_call: Some(HangupTool::default()), ..Settings::default() };
    let config =
        SessionConfig { settings, model: ModelTraits { hears_speech: true, answers: true }, encoding: Encoding::Mulaw };
    let mut world = World::new(config, Box::new(LevelVad), carrier, model);
    let farewell = rendering(3, 500 + up_to(7_500));
    for kind in announcements() {
        world.render(kind, farewell.clone());
    }
    let mut ledger = String::new();
    world.run(|_, entry| ledger += &format!("{:>12} {}\n", entry.at, entry.cause))?;
    let record = world.session.record();
    let closed = world.carrier.closed_at().or(record.closed_at).zip(record.tool_called_at);
    let as_expected = (record.reason, record.ended_by) == (Some(Reason::HangupCall), Some(Party::Us));
    match closed.map(|(closed, called)| closed - called) {
        Some(took) if as_expected && (1_000..=5_000).contains(&took.as_millis()) && took.as_secs_f64() <= 5.0 => {
            Ok(took)
        }
        took => Err(format!("seed {seed}: {took:?} after the tool call, {:?}\n{ledger}", record.reason)),
    }
}

#[test]
#[allow(clippy::print_stdout)] // The figures are what one wants to see.
fn hangup_call_closes_within_1_to_5_s_in_1000_runs() {
    let runs: Vec<_> = (0..RUNS).map(run).collect();
    let wrong: Vec<_> = runs.iter().filter_map(|run| run.as_ref().err()).collect();
    assert!(wrong.is_empty(), "{} runs are wrong, such as\n{}", wrong.len(), wrong[0]);
    let mut took: Vec<f64> = runs.iter().flatten().map(Duration::as_secs_f64).collect();
    took.sort_by(f64::total_cmp);
    println!(
        "{RUNS} runs: min {:.3} s, median {:.3} s, max {:.3} s from tool call to closed line",
        took[0],
        took[took.len() / 2],
        took[took.len() - 1]
    );
}
