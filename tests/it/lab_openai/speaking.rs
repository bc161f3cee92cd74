//! Exact phrases out of band, formats, settings of turns, and scripts that are written while a call runs.

use std::time::Duration;

use base64_simd::STANDARD;
use quietline::{
    audio::{Encoding, SampleRate},
    codec::mulaw,
    lab::{
        Reply, ScriptedModel, SharedModel, Transcripts, Utterance,
        openai::{Faults, OpenAiConfig},
        voices::speech,
    },
    time::Timestamp,
};
use serde_json::{Value, json};

use super::{assert_clean, client::Client, said, start};

fn phrase(text: &str) -> Value {
    json!({"type": "response.create", "response": {"conversation": "none", "input": [], "output_modalities": ["audio"],
           "tools": [], "tool_choice": "none", "metadata": {"purpose": "goodbye"},
           "instructions": format!("Say exactly, with nothing added: \"{text}\"")}})
}

fn audio(client: &Client) -> Vec<u8> {
    let deltas = client.all("response.output_audio.delta");
    deltas.iter().flat_map(|event| STANDARD.decode_to_vec(event["delta"].as_str().unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn an_exact_phrase_out_of_band() {
    let lab = start(OpenAiConfig::talk());
    let mut client = Client::configured(&lab, Value::Null).await;
    client.send(phrase("Goodbye, and thank you.")).await;
    let done = client.until("response.done").await["response"].clone();
    assert_eq!(done["metadata"], json!({"purpose": "goodbye"}));
    assert_eq!(done["output"][0]["content"][0]["transcript"], "Goodbye, and thank you.");
    assert!(client.all("conversation.item.added").is_empty(), "it is no part of the conversation");
    let expected: Vec<u8> =
        speech("Goodbye, and thank you.", SampleRate::TELEPHONE).into_iter().map(mulaw::encode).collect();
    assert_eq!(audio(&client), expected);

    lab.say_wrong_words(1);
    client.send(phrase("Goodbye.")).await;
    let done = client.until("response.done").await;
    assert_ne!(done["response"]["output"][0]["content"][0]["transcript"], "Goodbye.");
    client.send(phrase("Goodbye.")).await;
    let done = client.until("response.done").await;
    assert_eq!(done["response"]["output"][0]["content"][0]["transcript"], "Goodbye.");
    assert_clean(&lab);
}

#[tokio::test]
async fn a_phrase_at_24_khz_with_odd_deltas_is_whole() {
    let lab = start(OpenAiConfig::talk());
    lab.next_faults(Faults { odd_deltas: true, ..Faults::default() });
    let mut client = Client::connect(&lab).await;
    client.until("session.created").await;
    client.send(phrase("Goodbye.")).await;
    client.until("response.done").await;
    assert_eq!(audio(&client).len(), 8 * 60 * 24 * 2);
    assert!(
        client
            .all("response.output_audio.delta")
            .iter()
            .any(|event| { STANDARD.decode_to_vec(event["delta"].as_str().unwrap()).unwrap().len() % 2 == 1 })
    );
    assert_clean(&lab);
}

#[tokio::test]
async fn turns_are_the_clients_business_if_it_says_so() {
    let lab = start(OpenAiConfig::talk());
    let mut client = Client::configured(&lab, Value::Null).await;
    client.append(&said("Nobody listens for the end of this.")).await;
    client.send(json!({"type": "input_audio_buffer.commit"})).await;
    client.until("conversation.item.done").await;
    assert_eq!(client.kinds(), ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]);
    client.send(json!({"type": "response.create"})).await;
    client.until("response.done").await;
    // Turns are found, but answers are asked for.
    client.events.clear();
    client
        .send(json!({"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"turn_detection":
                     {"type": "server_vad", "create_response": false, "interrupt_response": false}}}}}))
        .await;
    client.until("session.updated").await;
    client.append(&said("Hello.")).await;
    client.until("conversation.item.input_audio_transcription.completed").await;
    assert!(client.all("response.created").is_empty());
    assert_clean(&lab);
}

#[tokio::test]
async fn the_caller_interrupts() {
    let model = SharedModel::new(ScriptedModel::new(Encoding::Mulaw, Transcripts::Truth(Vec::new()), Timestamp::ZERO));
    let lab = start(OpenAiConfig::scripted(&model));
    let detection = json!({"type": "server_vad", "silence_duration_ms": 500});
    let mut client = Client::configured(&lab, detection).await;
    // A script that is written while the call runs, in the call's time.
    let long = Reply::say(&vec![2000; 8 * 20_000], "One two three four five six seven eight nine ten.");
    model.lock().speak_at(Timestamp::from_millis(100), long);
    client.append(&[0xff; 160]).await;
    let item = client.until("response.output_item.added").await["item"]["id"].clone();
    client.until("response.output_audio.delta").await;
    model.lock().will_hear(Utterance { start_ms: 0, end_ms: 60_000, text: "Stop, please.".into() });
    client.append(&said("Stop, please.")).await;
    let done = client.until("response.done").await["response"].clone();
    assert_eq!(done["status_details"], json!({"type": "cancelled", "reason": "turn_detected"}));
    client
        .send(json!({"type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": 100}))
        .await;
    client.until("conversation.item.truncated").await;
    let transcript = client.until("conversation.item.input_audio_transcription.completed").await;
    assert_eq!(transcript["transcript"], "Stop, please.");
    assert_eq!(model.lock().log.len(), 1, "{:?}", model.lock().log);
    assert_clean(&lab);
}

#[tokio::test]
async fn silence_that_lasts_is_committed() {
    let lab = start(OpenAiConfig::talk());
    // The schema's least.
    let mut client = Client::configured(&lab, json!({"type": "server_vad", "idle_timeout_ms": 5000})).await;
    client.append(&[0xff; 8000]).await;
    client.send(phrase("A")).await;
    client.until("response.done").await;
    assert!(client.all("input_audio_buffer.timeout_triggered").is_empty());
    let reports = lab.wait_for(Duration::from_secs(1), |reports| reports[0].appended_ms == 1000).await.unwrap();
    assert_eq!(reports[0].said(), ["A"]);
    assert_clean(&lab);
}
