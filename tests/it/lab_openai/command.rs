//! `quietline lab` as its user runs it.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

/// Runs it; opens a session that sends this.
async fn run(sent: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quietline"))
        .args(["lab", "--openai-port", "0", "--voices-port", "0", "--stay", "2s"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(command.stdout.take().unwrap());
    let mut text = String::new();
    while !text.ends_with("\n\n") {
        assert_ne!(output.read_line(&mut text).unwrap(), 0, "{text}");
    }
    let url = text.lines().find_map(|line| line.strip_prefix("OPENAI_BASE_URL=http")).unwrap();
    let mut request = format!("ws{url}/realtime?model=gpt-realtime-2.1").into_client_request().unwrap();
    request.headers_mut().insert("authorization", "Bearer sk-lab".parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    socket.next().await.unwrap().unwrap();
    socket.send(Message::text(sent)).await.unwrap();
    socket.next().await.unwrap().unwrap();
    let code = tokio::task::spawn_blocking(move || {
        output.read_to_string(&mut text).unwrap();
        (command.wait().unwrap().code(), text)
    });
    code.await.unwrap()
}

#[tokio::test]
async fn it_tells_how_to_reach_it_and_what_happened() {
    let (code, text) = run(r#"{"type":"response.create"}"#).await;
    assert_eq!(code, Some(0), "{text}");
    for expected in [
        "OPENAI_API_KEY=sk-lab",
        "ELEVENLABS_BASE_URL=http://127.0.0.1:",
        "ELEVENLABS_API_KEY=xi-lab",
        "◀ response.create",
        "sessions         1",
        "violations       0",
    ] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
}

#[tokio::test]
async fn a_violation_is_a_failure() {
    let (code, text) = run(r#"{"type":"response.create","temperature":1}"#).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("Unknown parameter: 'temperature'."), "{text}");
}
