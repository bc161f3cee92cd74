//! Who is let in, and what goes wrong on purpose.

use std::time::Duration;

use futures_util::StreamExt as _;
use quietline::lab::openai::{Act, Failing, Faults, Handshake, OpenAiConfig, When};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error;

use super::{
    assert_clean,
    client::{Client, handshake},
    said, start,
};

const BEARER: (&str, &str) = ("authorization", "Bearer sk-lab");
const MODEL: &str = "?model=gpt-realtime-2.1";

#[tokio::test]
async fn the_vendor_tells_after_the_handshake_who_is_not_let_in() {
    let lab = start(OpenAiConfig::talk());
    let beta = ("openai-beta", "realtime=v1");
    for (query, headers, code, close) in [
        (MODEL, vec![("authorization", "Bearer sk-wrong")], "invalid_api_key", 3000),
        (MODEL, vec![("api-key", "sk-lab")], "invalid_api_key", 3000),
        (MODEL, vec![BEARER, beta], "beta_api_shape_disabled", 4000),
        ("?model=gpt-nope", vec![BEARER], "invalid_model", 4000),
        ("", vec![BEARER], "missing_model", 4000),
    ] {
        let mut client = Client::with(&lab, query, &headers).await;
        assert_eq!(client.until("error").await["error"]["code"], code);
        assert_eq!(client.closed().await, Some(close), "{code}");
        assert_eq!(client.events.len(), 1);
    }
}

#[tokio::test]
async fn azure_refuses_at_the_handshake() {
    let lab = start(OpenAiConfig { azure: true, ..OpenAiConfig::talk() });
    let refused = handshake(&lab, "?model=mine", &[("api-key", "wrong")]).await;
    let Err(Error::Http(response)) = refused else { panic!("{refused:?}") };
    assert_eq!(response.status(), 401);
    Client::with(&lab, "?model=mine", &[("api-key", "sk-lab")]).await.until("session.created").await;
}

#[tokio::test]
async fn handshakes_that_fail() {
    let lab = start(OpenAiConfig::talk());
    lab.next_faults(Faults::default().handshake(Handshake::Status(503)));
    let refused = handshake(&lab, MODEL, &[BEARER]).await;
    let Err(Error::Http(response)) = refused else { panic!("{refused:?}") };
    assert_eq!(response.status(), 503);
    lab.down();
    assert!(matches!(handshake(&lab, MODEL, &[BEARER]).await, Err(Error::Io(_))));
    lab.up().unwrap();
    Client::connect(&lab).await.until("session.created").await;
}

#[tokio::test]
async fn sessions_that_end() {
    let lab = start(OpenAiConfig::talk());
    let after = When::After(Duration::from_millis(100));
    for (act, code) in [(Act::Expire, Some(1001)), (Act::Close(1011), Some(1011)), (Act::Reset, None)] {
        lab.next_faults(Faults::default().act(after, act.clone()));
        let mut client = Client::connect(&lab).await;
        assert_eq!(client.closed().await, code, "{act:?}");
        let expired = client.all("error").iter().any(|event| event["error"]["code"] == "session_expired");
        assert_eq!(expired, act == Act::Expire);
    }
    lab.next_faults(Faults::default().act(after, Act::Stall));
    let mut client = Client::connect(&lab).await;
    client.until("session.created").await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    client.send(json!({"type": "response.create"})).await;
    assert!(timeout(Duration::from_millis(500), client.socket.next()).await.is_err());
    assert_clean(&lab);
}

#[tokio::test]
async fn a_connection_breaks_within_an_answer() {
    let lab = start(OpenAiConfig::talk());
    lab.next_faults(Faults::default().act(When::Deltas(3), Act::Reset));
    let mut client = Client::configured(&lab, Value::Null).await;
    client.send(json!({"type": "response.create"})).await;
    assert_eq!(client.closed().await, None);
    assert_eq!(client.all("response.output_audio.delta").len(), 3);
}

#[tokio::test]
async fn responses_that_fail() {
    let lab = start(OpenAiConfig::talk());
    let faults = Faults::default().fails(0, Failing::RateLimit(Duration::from_millis(1050))).fails(1, Failing::Quota);
    lab.next_faults(faults.fails(2, Failing::MaxTokens(600)));
    let mut client = Client::configured(&lab, Value::Null).await;
    let mut failed = Vec::new();
    for _ in 0..4 {
        client.send(json!({"type": "response.create"})).await;
        let response = client.until("response.done").await["response"].clone();
        let details = &response["status_details"];
        failed.push((response["status"].clone(), details["error"]["code"].clone(), details["reason"].clone()));
    }
    let row = |status: &str, code: Value, reason: Value| (json!(status), code, reason);
    assert_eq!(failed[0], row("failed", json!("rate_limit_exceeded"), Value::Null));
    assert_eq!(failed[1], row("failed", json!("insufficient_quota"), Value::Null));
    assert_eq!(failed[2], row("incomplete", Value::Null, json!("max_output_tokens")));
    assert_eq!(failed[3], row("completed", Value::Null, Value::Null));
    assert!(client.all("error").is_empty());
    assert_clean(&lab);
}

#[tokio::test]
async fn strange_events_and_odd_deltas() {
    let lab = start(OpenAiConfig::talk());
    let faults = Faults { unknown_events: true, odd_deltas: true, no_transcripts: true, ..Faults::default() };
    let after = When::After(Duration::from_millis(50));
    lab.next_faults(faults.act(after, Act::Error("server_error", "Something went wrong.".to_owned())));
    let mut client = Client::configured(&lab, json!({"type": "semantic_vad", "eagerness": "high"})).await;
    client.append(&said("Hello, is anybody there?")).await;
    client.until("conversation.item.input_audio_transcription.failed").await;
    client.until("response.done").await;
    assert!(!client.all("response.x_of_tomorrow").is_empty());
    let whole = |event: &&Value| event["delta"].as_str().unwrap().len() != 4 * 1600usize.div_ceil(3);
    assert!(client.all("response.output_audio.delta").iter().any(whole));
}
