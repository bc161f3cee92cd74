//! `quietline audit` as its user runs it, on recordings with both voices in one track.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use quietline::recording::{self, Channel};
use serde_json::Value;

use crate::cli::{folder, quietline, text};

fn audit(args: &[&str]) -> Output {
    quietline(&[&["audit"], args].concat())
}

/// A folder of this test's own, empty.
fn scratch(name: &str) -> PathBuf {
    folder(&format!("audit-{name}"))
}

fn wav(file: &Path, channels: &[&[i16]]) {
    let spec = hound::WavSpec {
        channels: channels.len() as u16,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(file, spec).unwrap();
    for n in 0..channels[0].len() {
        for channel in channels {
            writer.write_sample(channel[n]).unwrap();
        }
    }
    writer.finalize().unwrap();
}

fn samples(name: &str) -> Vec<i16> {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)).unwrap();
    recording::read(bytes, name).unwrap().telephone(Channel::Mix).unwrap()
}

fn verdicts(line: &Value) -> Vec<(String, String)> {
    let findings = line["audit"]["findings"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    findings.iter().map(|finding| (text(&finding["rule"]), text(&finding["verdict"]))).collect()
}

#[test]
#[allow(clippy::print_stdout)] // The figures are what one wants to see.
fn each_time_is_within_150_ms_of_the_truth_and_the_verdicts_are_right() {
    let run = audit(&["fixtures/call-seed-silence.mixed.m4a", "fixtures/call-seed-hangup.mixed.m4a", "--json"]);
    assert!(run.status.success(), "{}{}", text(&run.stdout), text(&run.stderr));
    let lines: Vec<Value> = text(&run.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected: [&[&str]; 2] = [&["silence", "goodbye_whole", "closing"], &["goodbye_whole", "closing"]];
    for (line, rules) in lines.iter().zip(expected) {
        let kept: Vec<_> = rules.iter().map(|rule| ((*rule).to_owned(), "kept".to_owned())).collect();
        assert_eq!(verdicts(line), kept, "{line}");
        assert!(line["truth"]["other_ending"].is_null(), "{line}");
        let errors = line["truth"]["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 5, "{line}");
        for error in errors {
            println!("{}: {} {:+} ms", line["recording"], error["what"], error["error_ms"].as_f64().unwrap());
            assert!(error["error_ms"].as_f64().unwrap().abs() <= 150.0, "{line}");
        }
    }
    assert_eq!((&lines[0]["audit"]["ending"], &lines[1]["audit"]["ending"]), (&"silence".into(), &"hangup".into()));
}

#[test]
fn a_layman_can_read_it() {
    let run = audit(&["fixtures/call-seed-silence.mixed.m4a"]);
    let out = text(&run.stdout);
    for expected in [
        "last words       end at 16.0",
        "goodbye          46.0",
        "line ends        51.80 s",
        "ended for        silence: nobody speaks for 30 s before the goodbye",
        "ended by         the agent",
        "silence before the goodbye   kept",
        "goodbye whole                kept",
        "line closed in time          kept",
        "against the truth: last activity",
    ] {
        assert!(out.contains(expected), "{expected:?} is missing in\n{out}");
    }
}

#[test]
fn a_broken_rule_is_told_and_is_the_exit_code() {
    let folder = scratch("broken");
    let call = samples("call-seed-silence.mixed.m4a");
    let short = folder.join("short.mixed.wav");
    wav(&short, &[&[&call[..8_000 * 20], &call[8_000 * 30..]].concat()]);
    fs::copy("fixtures/call-seed-silence.goodbye.ulaw", folder.join("short.goodbye.ulaw")).unwrap();
    let run = audit(&[short.to_str().unwrap()]);
    let out = text(&run.stdout);
    assert_eq!(run.status.code(), Some(1), "{out}");
    assert!(
        out.contains("silence before the goodbye   broken       20.00 ± 0.07 s, 30 s to 60 s are allowed"),
        "{out}"
    );
}

#[test]
fn a_time_far_from_the_truth_is_the_exit_code_too() {
    let folder = scratch("truth");
    let truth = folder.join("truth.json");
    fs::write(&truth, br#"{"goodbye_ms": [46050, 50900], "line_end_ms": 52000, "ended_by": "silence"}"#).unwrap();
    let args = ["fixtures/call-seed-silence.mixed.m4a", "--truth", truth.to_str().unwrap()];
    let run = audit(&args);
    assert_eq!(run.status.code(), Some(1), "{}", text(&run.stdout));
    assert!(text(&run.stdout).contains("line end -200 ms"), "{}", text(&run.stdout));
    assert!(audit(&[&args[..], &["--tolerance", "250"]].concat()).status.success());
    fs::write(&truth, br#"{"goodbye_ms": [46050, 50900], "ended_by": "hangup"}"#).unwrap();
    let run = audit(&args);
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stdout).contains("it was ended for hangup"), "{}", text(&run.stdout));
}

#[test]
fn every_recording_gets_a_clear_answer() {
    let folder = scratch("others");
    let file = |name: &str| folder.join(name);
    wav(&file("quiet.wav"), &[&[0; 80_000]]);
    wav(&file("short.wav"), &[&[9; 4_000]]);
    fs::write(file("broken.m4a"), b"not audio at all").unwrap();
    let call = samples("call-seed-silence.mixed.m4a");
    wav(&file("stereo.wav"), &[&call, &call]);
    fs::copy("fixtures/call-seed-silence.goodbye.ulaw", file("stereo.goodbye.ulaw")).unwrap();
    let folder = folder.to_str().unwrap();
    let paths: Vec<String> = ["quiet.wav", "short.wav", "broken.m4a", "none.wav", "", "stereo.wav"]
        .iter()
        .map(|name| format!("{folder}/{name}"))
        .collect();
    let run = audit(&paths.iter().map(String::as_str).collect::<Vec<_>>());
    let (out, err) = (text(&run.stdout), text(&run.stderr));
    assert_eq!(run.status.code(), Some(1));
    for (name, reason) in [
        ("quiet.wav", "there is no voice in the recording"),
        ("short.wav", "only 0.50 s long"),
        ("broken.m4a", "in no format that can be read"),
        ("none.wav", "No such file"),
        ("", "it is a folder"),
    ] {
        let found = err.lines().any(|line| line.contains(&format!("/{name}: ")) && line.contains(reason));
        assert!(found, "{name}: {reason:?} is missing in\n{err}");
    }
    assert!(out.contains("stereo.wav: 51.80 s") && out.contains("goodbye whole                kept"), "{out}");

    let note = audit(&["fixtures/voice-note-16k.m4a"]);
    assert!(note.status.success() && text(&note.stdout).contains("cannot tell"), "{}", text(&note.stdout));
    assert_eq!(audit(&["fixtures/voice-note-16k.m4a", "--strict"]).status.code(), Some(1));
}

#[test]
fn wrong_arguments_are_told_with_what_is_right() {
    let call = "fixtures/call-seed-silence.mixed.m4a";
    for (args, reason) in [
        (["--silence-timeout", "61"], "silence_timeout = 61 is outside 30..=60 s"),
        (["--tolerance", "nan"], "expected milliseconds"),
        (["--goodbye", "no-such.ulaw"], "the goodbye's rendering, no-such.ulaw: "),
        (["--goodbye", "fixtures/call-hold-announcement.caller.ulaw"], "it is 160.74 s long, 0.3 to 60 s are expected"),
        (["--ending", "boredom"], "silence, hangup"),
    ] {
        let run = audit(&[&[call], &args[..]].concat());
        assert_eq!(run.status.code(), Some(2), "{args:?}");
        assert!(text(&run.stderr).contains(reason), "{reason:?} is missing in\n{}", text(&run.stderr));
    }
}
