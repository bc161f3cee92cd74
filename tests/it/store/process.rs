//! What was acknowledged is there, however the process ends.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use quietline::store::{self, Location, NewAssistant, Page};
use serde_json::json;

/// Tells the test's own program to be the writer, and where.
const WRITER: &str = "QUIETLINE_TEST_STORE_WRITER";

/// Not a test by itself: what the next one kills.
#[tokio::test]
async fn writer() {
    let Ok(path) = std::env::var(WRITER) else { return };
    let store = store::open(&Location::Sqlite(path.into())).await.unwrap();
    for number in 0.. {
        let new = NewAssistant { name: format!("a{number}"), draft: json!({"n": number}), now_ms: number };
        store.create_assistant(new).await.unwrap();
        // Acknowledged: a line of its own.
        writeln!(std::io::stdout(), "written {number}").unwrap();
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let path = super::file("killed.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::process::writer", "--nocapture"])
        .env(WRITER, &path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut acknowledged = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some((_, number)) = line.split_once("written ") {
            acknowledged = number.parse::<i64>().unwrap() + 1;
        }
        if acknowledged == 200 {
            child.kill().unwrap();
            break;
        }
    }
    child.wait().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let kept = runtime.block_on(async {
        let store = store::open(&Location::Sqlite(path)).await.unwrap();
        let page = Page { after: None, limit: 1_000 };
        store.assistants(None, &page).await.unwrap().items.len() as i64
    });
    assert!(acknowledged == 200 && kept >= acknowledged, "{kept} of {acknowledged}");
}
