//! What several files' tests need, and the tests by subject.

mod decode;
mod rest;
mod schemas;
mod signature;
mod twiml;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::StreamSid;

/// Folder of the vectors; its README tells where they come from.
fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/twilio")
}

/// Vectors, and the schemas that the lab is built with.
fn json(name: &str) -> Value {
    let vectors = data().join(name);
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lab/twilio/schemas").join(name);
    let text = fs::read_to_string(if vectors.exists() { vectors } else { schemas }).expect("test data is there");
    serde_json::from_str(&text).expect("test data is JSON")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("a string `{key}` in {value}"))
}

fn stream() -> StreamSid {
    "MZ18ad3ab518ad3ab518ad3ab518ad3ab5".parse().expect("a SID")
}

/// Every message of the recorded sessions that went in this direction, as `(session, message)`.
fn session_messages(direction: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(data().join("sessions")).expect("sessions are there") {
        let path = entry.expect("sessions can be listed").path();
        let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        for line in fs::read_to_string(&path).expect("a session is text").lines() {
            let line: Value = serde_json::from_str(line).expect("a line is JSON");
            if line["dir"] == direction && line["msg"].is_object() {
                found.push((name.clone(), line["msg"].clone()));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}
