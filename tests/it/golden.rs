//! Golden transcripts: every fixture call replays to the same ledger, twice in a row and as checked in.
//!
//! `QUIETLINE_UPDATE_GOLDEN=1 cargo test --test it golden` writes them anew; look at the difference before you
//! commit it.

use std::{fmt::Write, fs, path::Path};

use quietline::{
    codec::mulaw,
    replay::{Outcome, Replay, Truth, Verdicts},
};

const CALLS: &[&str] = &[
    "call-bye-over-goodbye",
    "call-double-talk",
    "call-echo",
    "call-goodbye-en",
    "call-goodbye-fr",
    "call-hold-announcement",
    "call-hold-music",
    "call-late-speaker",
    "call-quiet-caller",
    "call-silence",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn ulaw(name: &str) -> Vec<i16> {
    fs::read(root().join("fixtures").join(name)).unwrap().into_iter().map(mulaw::decode).collect()
}

fn replay(call: &str, verdicts: Verdicts) -> Outcome {
    let truth = fs::read(root().join("fixtures").join(format!("{call}.json"))).unwrap();
    let replay = Replay {
        caller: ulaw(&format!("{call}.caller.ulaw")),
        agent: Some(ulaw(&format!("{call}.bot.ulaw"))),
        truth: Some(Truth::parse(&truth).unwrap()),
        verdicts,
        ..Replay::default()
    };
    replay.run().unwrap()
}

fn transcript(outcome: &Outcome) -> String {
    let mut text = String::new();
    for entry in &outcome.ledger {
        let deadline = entry.deadline.map_or(String::new(), |at| format!(" -> {at}"));
        writeln!(text, "{:>12} {}{deadline}", entry.at.to_string(), entry.cause).unwrap();
    }
    text
}

#[test]
fn every_fixture_replays_to_its_golden_transcript_and_keeps_every_rule() {
    let update = std::env::var_os("QUIETLINE_UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for call in CALLS {
        for (verdicts, name) in [(Verdicts::Unknown, "unknown"), (Verdicts::Truth, "truth")] {
            let outcome = replay(call, verdicts);
            if !outcome.rules.broken.is_empty() {
                wrong.push(format!("{call} ({name}): {}", outcome.rules.broken.join("; ")));
            }
            let text = transcript(&outcome);
            assert_eq!(text, transcript(&replay(call, verdicts)), "{call} ({name}) does not replay the same way twice");
            let file = root().join("tests/golden").join(format!("{call}.{name}.txt"));
            if update {
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(&file, &text).unwrap();
            } else if fs::read_to_string(&file).unwrap_or_default() != text {
                wrong.push(format!("{call} ({name}): differs from {}:\n{text}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn silence_is_found_where_the_truth_says() {
    // Clean calls: the end of the caller's last words, and so the goodbye, within two frames of the labels.
    for call in ["call-silence", "call-late-speaker", "call-echo", "call-goodbye-en", "call-double-talk"] {
        let error = replay(call, Verdicts::Unknown).truth_error_ms.unwrap();
        assert!(error.abs() <= 40.0, "{call}: {error} ms");
    }
}
