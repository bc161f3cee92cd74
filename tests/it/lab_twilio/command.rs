//! `quietline lab twilio` as its user runs it.

use std::process::{Command, Output};

use super::gateway::{ACCOUNT, Gateway, TOKEN, connect};

async fn run(gateway: String, more: &'static [&'static str]) -> (Option<i32>, String) {
    let output: Output = tokio::task::spawn_blocking(move || {
        Command::new(env!("CARGO_BIN_EXE_quietline"))
            .args(["lab", "twilio", "--rest-port", "0", "--gateway", &gateway])
            .args(["--account-sid", ACCOUNT, "--auth-token", TOKEN])
            .args(more)
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .output()
            .expect("the command was built with the tests")
    })
    .await
    .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// Says something for 300 ms when the caller has pressed 9, then closes; with a violation if asked to.
async fn gateway(bad: bool) -> Gateway {
    let answer = |asked: &super::gateway::Asked| match asked.path.as_str() {
        "/twilio/voice" => connect(""),
        _ => (204, "text/plain", String::new()),
    };
    Gateway::start(answer, move |mut stream| async move {
        stream.started().await;
        stream.until("dtmf").await;
        if bad {
            stream.raw(tokio_tungstenite::tungstenite::Message::text("{}")).await;
        }
        stream.play(300).await;
        stream.mark("goodbye").await;
        stream.until("mark").await;
        stream.close(1000).await;
    })
    .await
}

#[tokio::test]
async fn a_call_is_told_from_the_webhook_to_its_end() {
    let gateway = gateway(false).await;
    let wav = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("lab-twilio.wav");
    let url = format!("http://{}", gateway.address);
    let (code, text) = run(url, &["--digits", "200ms:9", "--out", "lab-twilio.wav"]).await;
    assert_eq!(code, Some(0), "{text}");
    for expected in [
        "TWILIO_API_BASE_URL=http://127.0.0.1:",
        "TWILIO_ACCOUNT_SID=ACa1b2",
        "QUIETLINE_PUBLIC_URL=https://gate.example.com",
        "voice webhook https://gate.example.com/twilio/voice → 200",
        "the caller presses 9",
        "the caller hears something",
        "stream closed by the gateway (1000), 0 ms unheard",
        "call ended by the gateway (stream closed)",
        "violations       0",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing in\n{text}");
    }
    let reader = hound::WavReader::open(wav).unwrap();
    assert_eq!(reader.spec().channels, 2);
    assert!(reader.duration() >= 8 * 400);
}

#[tokio::test]
async fn violations_are_the_exit_code() {
    let gateway = gateway(true).await;
    let url = format!("http://{}", gateway.address);
    let (code, text) = run(url, &["--digits", "100ms:9", "-n", "6"]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("violations       6") && text.contains("expected an `event` media"), "{text}");
}

#[tokio::test]
async fn nobody_there_is_said_plainly() {
    let (code, text) = run("http://127.0.0.1:1".to_owned(), &["--hangup-after", "1s"]).await;
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("no call reached the gateway at http://127.0.0.1:1: is it running?"), "{text}");
}
