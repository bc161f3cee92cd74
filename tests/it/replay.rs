//! `quietline replay` as QA runs it: folders, expectations, and what a build server reads.

use std::{fs, path::PathBuf, process::Output};

use serde_json::Value;

use crate::cli::{folder, quietline, text};

fn replay(args: &[&str]) -> Output {
    quietline(&[&["replay"], args].concat())
}

/// A folder of this test's own, empty.
fn scratch(name: &str) -> PathBuf {
    folder(&format!("replay-{name}"))
}

fn lines(run: &Output) -> Vec<Value> {
    text(&run.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_fixtures_come_to_what_their_side_cars_expect() {
    let junit = scratch("fixtures").join("junit.xml");
    let run = replay(&["fixtures", "--json", "--junit", junit.to_str().unwrap()]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let lines = lines(&run);
    assert_eq!(lines.len(), 24);
    let names: Vec<_> = lines.iter().map(|line| line["recording"].as_str().unwrap()).collect();
    assert!(names.is_sorted(), "{names:?}");
    for line in &lines {
        let expected = line["expect"].as_array().unwrap();
        assert_eq!(line["ok"], true, "{line}");
        assert!(!expected.is_empty() || line["recording"].as_str().unwrap().contains("-seed-"), "{line}");
        assert!(expected.iter().all(|checked| checked["met"] == true), "{line}");
    }
    let xml = fs::read_to_string(&junit).unwrap();
    assert_eq!(xml.matches("<testcase ").count(), 24);
    assert!(xml.contains(r#"tests="24" failures="0" errors="0""#), "{xml}");
}

#[test]
fn jobs_change_nothing_but_the_time() {
    let one = replay(&["fixtures", "--json", "--jobs", "1"]);
    let four = replay(&["fixtures", "--json", "--jobs", "4"]);
    assert_eq!(text(&one.stdout), text(&four.stdout));
    assert_eq!(text(&one.stderr), text(&four.stderr), "no progress bar where nobody looks");
}

#[test]
fn what_is_not_as_expected_is_a_line_and_the_exit_code() {
    let folder = scratch("unmet");
    let recording = folder.join("call.caller.ulaw");
    fs::copy("fixtures/call-silence.caller.ulaw", &recording).unwrap();
    fs::write(folder.join("call.json"), br#"{"expect": {"reason": "silence", "hangup_ms": 46100}}"#).unwrap();
    let path = recording.to_str().unwrap();
    let run = replay(&[path]);
    assert_eq!(run.status.code(), Some(1));
    let expected = format!("quietline replay: {path}: hangup_ms: expected 46100.0 ms ± 60 ms, got 4");
    let err = text(&run.stderr);
    assert!(err.starts_with(&expected) && err.trim_end().ends_with(" too late"), "{err}");
    assert_eq!(err.lines().count(), 1, "what is met is no line: {err}");
    assert!(text(&run.stdout).contains("FAILED: 1 wrong"), "{}", text(&run.stdout));
    assert!(replay(&[path, "--tolerance", "5000"]).status.success());

    fs::write(folder.join("call.json"), br#"{"expect": {"hang_up_ms": 46100}}"#).unwrap();
    let run = replay(&[path, "fixtures/call-silence.caller.ulaw"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stderr).contains("`expect` has no key `hang_up_ms`; there are "), "{}", text(&run.stderr));
    assert!(text(&run.stdout).contains("2 recordings: 1 ok, 0 failed, 1 could not be played"), "the other goes on");
}

#[test]
fn what_is_left_out_of_a_folder_is_told_when_asked() {
    let run = replay(&["fixtures", "--verbose"]);
    let err = text(&run.stderr);
    assert!(err.contains("call-echo.bot.ulaw: left out: it is the agent's side"), "{err}");
    assert!(err.contains("fixtures/voices/en: left out: "), "{err}");
    assert!(!err.contains(".svg") && !err.contains(".tsv") && !err.contains(".jsonl"), "no recordings: {err}");
    assert!(text(&run.stdout).contains("as expected:   reason: expected silence, got silence"));
    let run = replay(&["fixtures/voices", "--verbose"]);
    assert_eq!(run.status.code(), Some(2), "there is nothing to be played");
    assert!(text(&run.stderr).contains("left out: it holds phrases"), "{}", text(&run.stderr));
}

#[test]
fn wrong_arguments_are_told_before_anything_is_played() {
    for (args, reason) in [
        (["fixtures", "--bot", "fixtures/call-echo.bot.ulaw"], "--bot goes with one recording"),
        (["fixtures", "--tolerance", "soon"], "expected milliseconds, 0 or more"),
        (["fixtures", "--jobs", "0"], "--jobs"),
        (["fixtures", "--caller-channel", "middle"], "left, right"),
        (["fixtures/pictures", "--no-bot", "--json"], "no recording was found in fixtures/pictures"),
    ] {
        let run = replay(&args);
        assert_eq!(run.status.code(), Some(2), "{args:?}");
        assert!(text(&run.stderr).contains(reason), "{reason:?} is missing in\n{}", text(&run.stderr));
        assert!(run.stdout.is_empty());
    }
    let run = replay(&["fixtures/call-echo.caller.ulaw", "--junit", "no-such-folder/junit.xml"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stderr).contains("--junit: no-such-folder/junit.xml: "), "{}", text(&run.stderr));
}
