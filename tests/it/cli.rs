//! The command as its user runs it.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

/// Runs the command in the repository's folder.
pub(crate) fn quietline(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quietline"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the command was built with the tests")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

/// A folder of one test's own, empty.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

#[test]
fn demo_shows_the_call_and_leaves_a_wav() {
    let wav = scratch("demo.wav");
    let run = quietline(&["demo", "--fast", "--wav", wav.to_str().unwrap()]);
    let out = text(&run.stdout);
    assert!(run.status.success(), "{out}{}", text(&run.stderr));
    for expected in
        ["the call is ended: silence", "mechanics error", "truth error", "goodbye whole    yes", "every rule kept"]
    {
        assert!(out.contains(expected), "{expected:?} is missing in\n{out}");
    }
    let reader = hound::WavReader::open(&wav).unwrap();
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 8_000));
    assert!(reader.duration() > 55 * 8_000);
}

#[test]
fn demo_names_its_scenarios_when_asked_for_another() {
    let run = quietline(&["demo", "--scenario", "tea-time"]);
    let err = text(&run.stderr);
    assert_eq!(run.status.code(), Some(2));
    for name in ["silence", "late-speaker", "hangup-call", "take-back", "barge-in", "no-tool", "hold-music"] {
        assert!(err.contains(name), "{name} is missing in\n{err}");
    }
}

#[test]
fn replay_gives_one_json_object_a_recording() {
    let files = ["fixtures/call-silence.caller.ulaw", "fixtures/call-silence.caller.m4a"];
    let run = quietline(&["replay", files[0], files[1], "--json"]);
    let lines: Vec<serde_json::Value> =
        text(&run.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(run.status.success(), "{}", text(&run.stderr));
    assert_eq!(lines.len(), 2);
    for (line, file) in lines.iter().zip(files) {
        assert_eq!(line["recording"], file);
        assert_eq!((&line["duration_ms"], &line["reason"]), (&51_740.into(), &"silence".into()));
        assert_eq!(line["talkspurts"].as_array().unwrap().len(), 3);
        assert!((line["silence_started_ms"].as_f64().unwrap() - 14_740.0).abs() <= 60.0, "{line}");
        let deadline = line["deadline_ms"].as_f64().unwrap();
        assert!((deadline - 44_740.0).abs() <= 60.0, "{line}");
        let goodbye = line["goodbye_ms"].as_f64().unwrap();
        assert!((0.0..=20.0).contains(&(goodbye - deadline)), "{line}");
        assert!(line["hangup_ms"].as_f64().unwrap() > goodbye + 4_000.0);
        assert!(line["ledger"].as_array().unwrap().len() > 10);
    }
}

#[test]
fn replay_names_what_it_cannot_read_and_goes_on() {
    let broken = scratch("broken.m4a");
    fs::write(&broken, b"not audio at all").unwrap();
    let run = quietline(&["replay", broken.to_str().unwrap(), "no-such.wav", "fixtures/call-silence.caller.ulaw"]);
    let (out, err) = (text(&run.stdout), text(&run.stderr));
    assert_eq!(run.status.code(), Some(1));
    assert!(err.contains("broken.m4a") && err.contains("no-such.wav"), "{err}");
    assert!(out.contains("call-silence.caller.ulaw"), "{out}");
}

#[test]
fn replay_refuses_a_timeout_out_of_bounds_with_both_bounds() {
    let run = quietline(&["replay", "fixtures/call-silence.caller.ulaw", "--silence-timeout", "61"]);
    assert_eq!(run.status.code(), Some(2));
    assert!(text(&run.stderr).contains("silence_timeout = 61 is outside 30..=60 s"), "{}", text(&run.stderr));
}

#[test]
fn replay_with_truth_verdicts_needs_a_truth_file() {
    let copy = scratch("lonely.ulaw");
    fs::copy("fixtures/call-seed-hangup.goodbye.ulaw", &copy).unwrap();
    let run = quietline(&["replay", copy.to_str().unwrap(), "--verdict", "truth"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stderr).contains("needs a truth file"), "{}", text(&run.stderr));
}

#[test]
fn vad_gives_the_referee_what_it_reads() {
    let run = quietline(&["vad", "fixtures/call-silence.caller.ulaw", "--jsonl"]);
    let line: serde_json::Value = serde_json::from_str(text(&run.stdout).trim()).unwrap();
    assert_eq!(line["file"], "fixtures/call-silence.caller.ulaw");
    assert_eq!(line["segments"].as_array().unwrap().len(), 3);
    assert_eq!(line["frames"].as_array().unwrap().len(), 51_740 / 20);
    assert_eq!(line["frame_ms"], 20);
}
