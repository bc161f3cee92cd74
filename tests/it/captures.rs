//! `quietline replay` and `quietline shadow` of captured calls, as their users run them.

use std::{fs, path::PathBuf};

use quietline::{
    replay::scenario::{SCENARIOS, Scenario},
    vad::Detector,
};
use serde_json::Value;

use crate::cli::{folder, quietline, text};

/// A folder with captures of these scenarios, and their paths.
fn captured(name: &str, scenarios: &[&str]) -> (PathBuf, Vec<String>) {
    let folder = folder(&format!("captures-{name}"));
    let paths = scenarios.iter().map(|name| {
        let path = folder.join(format!("{name}.capture"));
        fs::write(&path, Scenario::find(name).unwrap().capture(Detector::default()).unwrap()).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let paths = paths.collect();
    (folder, paths)
}

#[test]
fn every_scenarios_capture_comes_to_the_same_decisions() {
    let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
    let (folder, _) = captured("all", &names);
    let run = quietline(&["replay", folder.to_str().unwrap()]);
    let out = text(&run.stdout);
    assert!(run.status.success(), "{out}{}", text(&run.stderr));
    assert_eq!(out.matches("the same, byte for byte").count(), names.len(), "{out}");
}

#[test]
fn a_changed_setting_shows_what_is_decided_otherwise() {
    let (_, paths) = captured("changed", &["silence"]);
    let run = quietline(&["replay", &paths[0], "--set", "silence_timeout_s=45"]);
    let out = text(&run.stdout);
    assert!(run.status.success(), "it is what was asked for: {out}{}", text(&run.stderr));
    // The capture ends where the call would go on: there is only what was.
    let was = out.lines().filter(|line| line.starts_with("  - ")).collect::<Vec<_>>();
    assert!(out.contains("OTHER ONES") && was.iter().any(|line| line.contains("the call is ended: silence")), "{out}");
    let run = quietline(&["replay", &paths[0], "--json", "--set", "silence_timeout_s=45"]);
    let line: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(line["same"], false);
    assert!(line["difference"]["same_entries"].as_u64().unwrap() == 0, "the first deadline is another one: {line}");
}

#[test]
fn a_capture_that_was_written_by_other_rules_fails_with_the_difference() {
    let (_, paths) = captured("rules", &["silence"]);
    // Another detector stands for other rules: what it decides is not what the capture holds.
    let bytes = fs::read(&paths[0]).unwrap();
    let name = b"\"detector\":\"cascade\"";
    let at = bytes.windows(name.len()).position(|window| window == name).expect("the header is JSON");
    let mut other = bytes.clone();
    other[at..at + name.len()].copy_from_slice(b"\"detector\":\"energy\" ");
    let content = 12 + 8;
    let length = u32::from_le_bytes(other[12..16].try_into().unwrap()) as usize;
    let sum = crc32fast::hash(&other[content..content + length]);
    other[16..20].copy_from_slice(&sum.to_le_bytes());
    fs::write(&paths[0], other).unwrap();
    let run = quietline(&["replay", &paths[0]]);
    let out = text(&run.stdout);
    assert_eq!(run.status.code(), Some(1), "{out}{}", text(&run.stderr));
    assert!(out.contains("OTHER ONES") && out.contains("entries of the ledger are the same"), "{out}");
}

#[test]
fn shadow_counts_which_endings_would_differ_and_links_them() {
    let (folder, _) = captured("shadow", &["silence", "hangup-call", "model-gone"]);
    let report = folder.join("report");
    let args =
        ["shadow", folder.to_str().unwrap(), "--set", "silence_timeout_s=60", "--report", report.to_str().unwrap()];
    let run = quietline(&args);
    let out = text(&run.stdout);
    assert!(run.status.success(), "{out}{}", text(&run.stderr));
    assert!(out.contains("1 of 3 calls would go on past the end of their capture"), "{out}");
    assert!(out.contains("2 of 3 calls would end as they did"), "{out}");
    assert!(out.contains("index.html#call=silence.capture%20%28would%20be%29"), "{out}");
    let page = fs::read_to_string(report.join("index.html")).unwrap();
    assert!(page.contains("silence.capture (would be)") && page.contains("silence.capture (as it was)"));
    let run = quietline(&["shadow", folder.to_str().unwrap(), "--set", "silence_timeout_s=60", "--json"]);
    let lines: Vec<Value> = text(&run.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), lines[0]["effect"].as_str()), (4, Some("past the end")));
    assert_eq!(lines[3]["effects"]["same"]["calls"], 2);
}

#[test]
fn mistakes_are_told_with_what_is_known() {
    let (folder, paths) = captured("mistakes", &["silence"]);
    let refused = |args: &[&str], code: i32, words: &str| {
        let run = quietline(args);
        let err = text(&run.stderr);
        assert_eq!(run.status.code(), Some(code), "{args:?}: {err}");
        assert!(err.contains(words), "{args:?}: {err}");
    };
    refused(&["shadow", &paths[0], "--set", "patience=3"], 2, "silence_timeout_s, min_speech_ms");
    refused(&["shadow", &paths[0], "--set", "silence_timeout_s"], 2, "expected KEY=VALUE");
    refused(&["shadow", "fixtures", "--set", "silence_timeout_s=45"], 2, "no capture was found");
    refused(&["replay", "fixtures/call-silence.caller.ulaw", "--set", "silence_timeout_s=45"], 2, "goes with captures");
    let broken = folder.join("broken.capture");
    fs::write(&broken, b"not a capture").unwrap();
    refused(&["replay", broken.to_str().unwrap()], 1, "this is no capture of a call");
    refused(&["shadow", folder.to_str().unwrap(), "--set", "filler=false"], 1, "this is no capture of a call");
}
