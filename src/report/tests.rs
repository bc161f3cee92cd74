use std::fs;

use super::{Call, names, page, write};
use crate::replay::Replay;

fn call(name: &str, seconds: usize) -> Call {
    let replay = Replay { caller: vec![0; seconds * 8_000], ..Replay::default() };
    Call::of(name, &replay, &replay.run().unwrap())
}

fn page_of(calls: &[Call]) -> String {
    let mut html = Vec::new();
    page::write(&mut html, calls, &names::pictures(calls.iter().map(Call::name))).unwrap();
    String::from_utf8(html).unwrap()
}

#[test]
fn pictures_have_plain_names_each_once() {
    let names = ["a/x.wav", "b/x.wav", "b/X.wav", "../<i>.wav", "", "..", "c\\é.wav"];
    let expected = ["x.wav.svg", "x.wav-2.svg", "X.wav-3.svg", "_i_.wav.svg", "call.svg", "call-2.svg", "_.wav.svg"];
    assert_eq!(names::pictures(names.into_iter()), expected);
}

#[test]
fn a_truth_file_has_the_name_that_a_replay_looks_for() {
    let names = ["a/call.caller.ulaw", "a/note.m4a", "bare"].map(names::truth);
    assert_eq!(names, ["call.json", "note.json", "bare.json"]);
}

#[test]
fn a_page_names_no_other_place() {
    let html = page_of(&[call("a.wav", 2)]);
    for outside in ["http:", "https:", "src=", "@import", "url(", "fetch(", "XMLHttpRequest"] {
        assert!(!html.contains(outside), "{outside} in the page");
    }
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn what_is_in_a_name_stays_data() {
    let name = "</script><script>alert(1)</script><!--";
    let html = page_of(&[call(name, 2).with_failures([name.to_owned()]), Call::unplayed(name, name)]);
    assert!(!html.contains(name) && !html.contains("<script>alert"));
    // The data of the run, of one call, and the script.
    assert_eq!(html.matches("<script").count(), 3);
}

#[test]
fn the_sound_of_long_calls_is_left_out() {
    assert!(page_of(&[call("short.wav", 10)]).contains("mulaw\":"));
    let long = page_of(&[call("long.wav", 200)]);
    assert!(!long.contains("mulaw\":\"") && long.contains("\"bucket\":64"));
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let file = std::env::temp_dir().join("quietline-report-is-a-file");
    fs::write(&file, b"").unwrap();
    let error = write(&file.join("below"), &[]).unwrap_err().to_string();
    fs::remove_file(&file).unwrap();
    assert!(error.contains("quietline-report-is-a-file") && error.contains("may the folder be written"), "{error}");
}
