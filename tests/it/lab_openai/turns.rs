//! Turns, answers, tools, interruptions: the order of events as captured.

use std::sync::Arc;

use quietline::lab::{
    Reply, ReplyPart,
    openai::{OpenAiConfig, Talk},
};
use serde_json::{Value, json};

use super::{assert_clean, client::Client, said, start};

fn server_vad() -> Value {
    json!({"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500})
}

const TURN: [&str; 5] = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
];
const SPOKEN: [&str; 6] = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
];
const ENDED: [&str; 7] = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
];

#[tokio::test]
async fn a_turn_is_answered_in_the_captured_order() {
    let lab = start(OpenAiConfig::talk());
    let mut client = Client::configured(&lab, server_vad()).await;
    client.append(&said("What are your hours on Saturday?")).await;
    client.until("rate_limits.updated").await;
    let kinds: Vec<_> = client.kinds().into_iter().filter(|kind| !kind.contains("input_audio_transcription")).collect();
    let captured: Vec<_> = TURN.into_iter().chain(SPOKEN).chain(ENDED).collect();
    assert_eq!(kinds, captured);

    let item = &client.all("input_audio_buffer.committed")[0]["item_id"];
    let started = client.all("input_audio_buffer.speech_started")[0];
    assert_eq!(started["item_id"], *item);
    assert!((80..=200).contains(&started["audio_start_ms"].as_u64().unwrap()), "{started}");
    let answer = client.all("conversation.item.added")[1];
    assert_eq!((&answer["previous_item_id"], &answer["item"]["role"]), (item, &json!("assistant")));
    let done = client.all("response.done")[0];
    assert_eq!(done["response"]["status"], "completed");
    let transcript = client.all("conversation.item.input_audio_transcription.completed")[0];
    assert_eq!(transcript["item_id"], *item);
    assert_clean(&lab);
    let reports = lab.stop().await;
    assert_eq!(reports[0].said(), ["I see. Tell me more."]);
}

#[tokio::test]
async fn a_farewell_is_answered_with_a_tool_call() {
    let lab = start(OpenAiConfig::new(Arc::new(|_| Box::new(Talk::new().hears(&["Thanks, bye."])))));
    let mut client = Client::configured(&lab, server_vad()).await;
    client.append(&said("Thanks, bye.")).await;
    let done = client.until("response.done").await;
    let output = done["response"]["output"].as_array().unwrap();
    assert_eq!(output.len(), 2);
    assert_eq!((&output[1]["type"], &output[1]["name"]), (&json!("function_call"), &json!("hangup_call")));
    let call = client.all("response.function_call_arguments.done")[0].clone();
    assert_eq!(call["output_index"], 1);
    // The answer to it, and an answer to none.
    client
        .send(json!({"type": "conversation.item.create",
                     "item": {"type": "function_call_output", "call_id": call["call_id"], "output": "{}"}}))
        .await;
    let added = client.until("conversation.item.done").await;
    assert_eq!(
        (&added["item"]["type"], &added["previous_item_id"]),
        (&json!("function_call_output"), &output[1]["id"])
    );
    let error = client
        .error(json!({"type": "conversation.item.create",
                      "item": {"type": "function_call_output", "call_id": "call_x", "output": "{}"}}))
        .await;
    assert_eq!(error["code"], "invalid_tool_call_id");
    assert_clean(&lab);
}

#[tokio::test]
async fn several_messages_and_a_tool_with_arguments_in_one_response() {
    let script = Reply {
        parts: vec![
            ReplyPart::Say { samples: vec![1000; 4000].into(), transcript: "Let me check that.".into() },
            ReplyPart::Say { samples: vec![1000; 4000].into(), transcript: "One moment.".into() },
            ReplyPart::Call { name: "get_hours".into(), arguments: "{\"day\":\"Saturday\"}".into() },
        ],
        ..Reply::tool("")
    };
    let model = quietline::lab::SharedModel::new(quietline::lab::ScriptedModel::new(
        quietline::audio::Encoding::Mulaw,
        quietline::lab::Transcripts::None,
        quietline::time::Timestamp::ZERO,
    ));
    model.lock().push(script);
    let lab = start(OpenAiConfig::scripted(&model));
    let mut client = Client::configured(&lab, Value::Null).await;
    client.send(json!({"type": "response.create"})).await;
    let done = client.until("response.done").await;
    let kinds: Vec<_> = done["response"]["output"].as_array().unwrap().iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["message", "message", "function_call"]);
    let indices: Vec<_> = client.all("response.output_item.added").iter().map(|event| &event["output_index"]).collect();
    assert_eq!(indices, [0, 1, 2]);
    let arguments: String = client
        .all("response.function_call_arguments.delta")
        .iter()
        .map(|event| event["delta"].as_str().unwrap())
        .collect();
    assert_eq!(arguments, "{\"day\":\"Saturday\"}");
    assert_clean(&lab);
}
