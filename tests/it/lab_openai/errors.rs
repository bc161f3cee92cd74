//! What a client does wrong is answered in the vendor's words, and the session goes on.

use std::time::Duration;

use futures_util::SinkExt as _;
use quietline::{
    audio::Encoding,
    lab::{
        Reply, ScriptedModel, SharedModel, Transcripts,
        openai::{OpenAiConfig, OpenAiLab},
    },
    time::Timestamp,
};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{client::Client, start};

/// A model that says this when it is asked.
fn says(ms: usize) -> OpenAiLab {
    let model = SharedModel::new(ScriptedModel::new(Encoding::Mulaw, Transcripts::None, Timestamp::ZERO));
    model.lock().push(Reply::say(&vec![1000; ms * 8], "Hello there, my friend.").after(Duration::ZERO));
    start(OpenAiConfig::scripted(&model))
}

fn truncate(item: &Value, ms: i64) -> Value {
    json!({"type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": ms})
}

#[tokio::test]
async fn errors_that_leave_the_session_open() {
    let lab = says(400);
    let mut client = Client::configured(&lab, Value::Null).await;
    let before = lab.connections()[0].session.clone();
    let error = client.error(json!({"type": "nope"})).await;
    assert!(
        error["message"].as_str().unwrap().starts_with("Invalid value: 'nope'. Supported values are: 'session.update'")
    );
    let update =
        json!({"type": "session.update", "session": {"type": "realtime", "instructions": "x", "bogus_field": 1}});
    let error = client.error(update).await;
    assert_eq!((&error["code"], &error["param"]), (&json!("unknown_parameter"), &json!("session.bogus_field")));
    let error = client.error(json!({"type": "session.update", "session": {"instructions": "x"}})).await;
    assert_eq!(error["message"], "Missing required parameter: 'session.type'.");
    assert_eq!(lab.connections()[0].session, before, "a refused update leaves the settings whole");

    client.socket.send(Message::text("not json")).await.unwrap();
    assert_eq!(client.until("error").await["error"]["code"], "invalid_json");
    client.socket.send(Message::binary(vec![0; 64])).await.unwrap();
    assert_eq!(client.until("error").await["error"]["code"], "invalid_event");
    let error = client.error(json!({"type": "response.cancel"})).await;
    assert_eq!(error["message"], "Cancellation failed: no active response found");
    let error = client.error(json!({"type": "input_audio_buffer.commit"})).await;
    assert_eq!(
        error["message"],
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has \
         0.00ms of audio."
    );
    // Five messages were wrong by themselves; the others came at the wrong time.
    assert_eq!(lab.violations().len(), 5, "{:#?}", lab.violations());
    assert_eq!(lab.stop().await[0].refused().len(), 7);
}

#[tokio::test]
async fn truncation_is_checked() {
    let lab = says(440);
    let mut client = Client::configured(&lab, Value::Null).await;
    client.send(json!({"type": "response.create"})).await;
    let item = client.until("response.output_item.added").await["item"]["id"].clone();
    let error = client.error(json!({"type": "response.create"})).await;
    assert_eq!(error["code"], "conversation_already_has_active_response");
    client.until("response.done").await;

    let error = client.error(truncate(&item, 9100)).await;
    assert_eq!(error["message"], "Audio content of 440ms is already shorter than 9100ms");
    assert_eq!(error["param"], "audio_end_ms");
    assert_eq!(client.error(truncate(&item, -1)).await["code"], "integer_below_min_value");
    assert_eq!(client.error(truncate(&json!("item_x"), 1)).await["code"], "item_not_found");
    client
        .send(json!({"type": "conversation.item.create", "item": {"id": "item_user", "type": "message", "role": "user",
                     "content": [{"type": "input_text", "text": "Hi."}]}}))
        .await;
    client.until("conversation.item.added").await;
    let error = client.error(truncate(&json!("item_user"), 10)).await;
    assert_eq!(
        (&error["message"], &error["code"]),
        (&json!("Only model output audio messages can be truncated"), &Value::Null)
    );
    client.send(truncate(&item, 260)).await;
    assert_eq!(client.until("conversation.item.truncated").await["audio_end_ms"], 260);

    let voice =
        json!({"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}});
    assert_eq!(client.error(voice).await["code"], "cannot_update_voice");
    client.send(json!({"type": "conversation.item.retrieve", "item_id": item})).await;
    assert_eq!(client.until("conversation.item.retrieved").await["item"]["content"][0]["transcript"], Value::Null);
    client.send(json!({"type": "conversation.item.delete", "item_id": item})).await;
    client.until("conversation.item.deleted").await;
    assert!(
        lab.violations().iter().all(|violation| !violation.contains("mistake of the lab")),
        "{:?}",
        lab.violations()
    );
}

#[tokio::test]
async fn a_cancelled_response_ends_at_once() {
    let lab = says(8_000);
    let mut client = Client::configured(&lab, Value::Null).await;
    client.send(json!({"type": "response.create"})).await;
    client.until("response.output_audio.delta").await;
    client.send(json!({"type": "response.cancel"})).await;
    let done = client.until("response.done").await;
    assert_eq!(done["response"]["status_details"], json!({"type": "cancelled", "reason": "client_cancelled"}));
    assert_eq!(done["response"]["output"][0]["status"], "incomplete");
    let kinds = client.kinds();
    assert_eq!(
        kinds[kinds.len() - 6..],
        [
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done"
        ]
    );
    assert_eq!(lab.violations(), Vec::<String>::new());
}
