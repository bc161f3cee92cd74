use std::path::{Path, PathBuf};

use clap::Parser;
use quick_xml::{Reader, events::Event};

use super::*;
use crate::cli::Cli;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

/// A folder of this test's own, empty.
fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("quietline-replay-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs `quietline replay`: success, output and errors.
fn replay(args: &[&str]) -> (bool, String, String) {
    let Cli::Replay(args) = Cli::parse_from([&["quietline", "replay"], args].concat()) else { panic!("not `replay`") };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(&args, &mut out, &mut err);
    (code == ExitCode::SUCCESS, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// Every element of a document with its attributes, unescaped; each start has its end, or this fails.
fn elements(xml: &[u8]) -> Vec<(String, Vec<(String, String)>)> {
    let mut reader = Reader::from_reader(xml);
    let mut found = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) | Event::Empty(element) => {
                let attributes = element.attributes().map(|attribute| {
                    let attribute = attribute.unwrap();
                    let key = attribute.key.as_ref().to_owned();
                    let value = attribute.value.into_owned();
                    (key, quick_xml::escape::unescape(&value).unwrap().into_owned())
                });
                let attributes = attributes.collect();
                found.push((element.name().as_ref().to_owned(), attributes));
            }
            Event::Eof => return found,
            Event::End(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::GeneralRef(_) => {}
        }
    }
}

fn stereo(path: &Path, left: &[i16], right: &[i16]) {
    let right: Vec<u8> = right.iter().map(|&sample| quietline::codec::mulaw::encode(sample)).collect();
    crate::cli::wav::write(path, left, &right, left.len()).unwrap();
}

fn samples(name: &str) -> Vec<i16> {
    let codes = std::fs::read(Path::new(FIXTURES).join(name)).unwrap();
    codes.into_iter().map(quietline::codec::mulaw::decode).collect()
}

#[test]
fn junit_names_every_recording_with_what_is_wrong() {
    let folder = scratch("junit");
    let recording = folder.join("a <call> & \"more\".ulaw");
    std::fs::copy(Path::new(FIXTURES).join("call-goodbye-en.caller.ulaw"), &recording).unwrap();
    std::fs::write(recording.with_extension("json"), br#"{"expect": {"reason": "hangup_call", "hangup_ms": 1}}"#)
        .unwrap();
    std::fs::write(folder.join("broken.m4a"), b"not audio at all").unwrap();
    let file = folder.join("junit.xml");
    let (ok, out, err) = replay(&[folder.to_str().unwrap(), "--junit", file.to_str().unwrap()]);
    assert!(!ok);
    assert!(out.contains("2 recordings: 0 ok, 1 failed, 1 could not be played"), "{out}");
    assert!(err.contains("reason: expected hangup_call, got silence") && err.contains("broken.m4a: "), "{err}");

    let elements = elements(&std::fs::read(&file).unwrap());
    let of = |name: &str| elements.iter().filter(|(element, _)| element == name).map(|(_, a)| a).collect::<Vec<_>>();
    let value = |attributes: &Vec<(String, String)>, key: &str| {
        attributes
            .iter()
            .find(|(name, _)| name == key)
            .unwrap_or_else(|| panic!("no {key} in {attributes:?}"))
            .1
            .clone()
    };
    let suite = of("testsuite")[0];
    let counts = ["tests", "failures", "errors", "skipped"].map(|key| value(suite, key));
    assert_eq!(counts, ["2", "1", "1", "0"]);
    assert_eq!(value(suite, "hostname"), "localhost");
    let timestamp = value(suite, "timestamp");
    assert!(timestamp.len() == 19 && timestamp.as_bytes()[10] == b'T', "{timestamp}");
    let cases = of("testcase");
    assert_eq!(value(cases[0], "name"), "a <call> & \"more\".ulaw");
    assert_eq!(value(cases[0], "classname"), folder.to_str().unwrap());
    let times = cases.iter().map(|case| value(case, "time").parse::<f64>().unwrap()).collect::<Vec<_>>();
    assert!(times[0] > 30.0 && times[1] == 0.0, "{times:?}");
    assert_eq!(value(suite, "time").parse::<f64>().unwrap(), times[0]);
    let failure = of("failure")[0];
    assert!(
        value(failure, "message").contains("hangup_ms: expected 1.0 ms")
            && value(failure, "message").contains("1 more")
    );
    assert!(!value(failure, "type").is_empty() && !value(of("error")[0], "type").is_empty());
    assert!(value(of("error")[0], "message").contains("in no format"), "{elements:?}");
}

#[test]
fn stereo_needs_to_know_whose_side_is_whose() {
    let folder = scratch("stereo");
    let file = folder.join("call.wav");
    stereo(&file, &samples("call-goodbye-fr.bot.ulaw"), &samples("call-goodbye-fr.caller.ulaw"));
    let path = file.to_str().unwrap();
    let (ok, _, err) = replay(&[path]);
    assert!(!ok && err.contains("it is stereo") && err.contains("--caller-channel left"), "{err}");

    let apart = Path::new(FIXTURES).join("call-goodbye-fr.caller.ulaw");
    let json = |args: &[&str]| -> serde_json::Value {
        let (ok, out, err) = replay(&[args, &["--json"]].concat());
        assert!(ok, "{err}");
        serde_json::from_str(&out).unwrap()
    };
    let apart = json(&[apart.to_str().unwrap()]);
    for side in ["right", "2"] {
        let both = json(&[path, "--caller-channel", side]);
        assert_eq!(both["ledger"], apart["ledger"], "the other side is the agent's");
    }
    let alone = json(&[path, "--caller-channel", "2", "--no-bot"]);
    assert_ne!(alone["ledger"], apart["ledger"]);

    // A telephone's mono call that was saved as stereo.
    stereo(&file, &samples("call-goodbye-fr.caller.ulaw"), &samples("call-goodbye-fr.caller.ulaw"));
    let (ok, _, err) = replay(&[path]);
    assert!(ok, "{err}");
}

#[test]
fn the_command_line_goes_before_the_side_cars_settings() {
    let folder = scratch("settings");
    let recording = folder.join("call.ulaw");
    std::fs::copy(Path::new(FIXTURES).join("call-goodbye-en.caller.ulaw"), &recording).unwrap();
    std::fs::write(
        recording.with_extension("json"),
        br#"{"settings": {"silence_timeout_s": 40}, "expect": {"goodbye_ms": 49920, "tolerance_ms": 100}}"#,
    )
    .unwrap();
    let path = recording.to_str().unwrap();
    let (ok, out, err) = replay(&[path]);
    assert!(ok && out.contains("ok, 1 of 1 as expected"), "{out}{err}");
    let (ok, out, err) = replay(&[path, "--silence-timeout", "50"]);
    assert!(!ok && out.contains("FAILED: 1 wrong"), "{out}");
    assert!(err.contains("goodbye_ms: expected 49920.0 ms ± 100 ms, got 59") && err.contains("too late"), "{err}");
    std::fs::write(recording.with_extension("json"), br#"{"settings": {"silence_timeout_s": 4}}"#).unwrap();
    let (ok, _, err) = replay(&[path]);
    assert!(!ok && err.contains("silence_timeout = 4 is outside 30..=60 s"), "{err}");
}

#[test]
fn the_truth_error_may_have_a_bound() {
    let music = Path::new(FIXTURES).join("call-late-speaker.caller.ulaw");
    let path = music.to_str().unwrap();
    assert!(replay(&[path, "--tolerance-truth", "200"]).0);
    let folder = scratch("truth");
    let truth = folder.join("wrong.json");
    std::fs::write(&truth, br#"{"caller_speech": [[1000, 2000]]}"#).unwrap();
    let args = [path, "--truth", truth.to_str().unwrap(), "--tolerance-truth", "200"];
    let (ok, _, err) = replay(&args);
    assert!(!ok && err.contains("truth error: at most 200 ms are allowed, got +"), "{err}");
}

#[test]
fn a_folder_without_recordings_is_the_users_mistake() {
    let folder = scratch("empty");
    let (ok, _, err) = replay(&[folder.to_str().unwrap()]);
    assert!(!ok && err.contains("no recording was found in "), "{err}");
}
