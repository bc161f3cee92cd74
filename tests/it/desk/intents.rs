//! Intents in calls: a published assistant, a model that calls its tools, and a server that answers them.

use std::sync::Arc;
use std::time::Duration;

use quietline::{
    lab::{
        Reply, ReplyPart, ScriptedCarrier, SharedModel, Trouble,
        openai::{OpenAiConfig, OpenAiLab},
        twilio::{CallEvent, CallReport, Dial, LabConfig, LabNumber},
    },
    wire::Method::{Get, Post, Put},
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::room::{ACCOUNT, Server, TOKEN, account, place};
use crate::live::room::{model, samples, say, voice};

const OURS: &str = "+15550200911";

/// A call that was made.
pub(super) struct Called {
    /// As the API gives it.
    pub(super) record: Value,
    /// What the model's tool calls were answered with.
    pub(super) outputs: Vec<String>,
    pub(super) report: Arc<CallReport>,
    /// The texts that the caller got.
    pub(super) texts: Vec<String>,
}

/// A call with a published assistant with these keys, whose model says the script.
pub(super) async fn call(
    keys: Value,
    script: Vec<Reply>,
    allow: &str,
    change: impl FnOnce(&mut LabConfig, &mut ScriptedCarrier),
) -> Called {
    let (folder, addr, _reserved) = place();
    let mut caller = ScriptedCarrier::waiting(Trouble::default());
    let lab = account(addr, |config| {
        config.numbers = vec![LabNumber::new(OURS)];
        change(config, &mut caller);
    })
    .await;
    let brain = SharedModel::new(model(&[]));
    for reply in script {
        brain.lock().push(reply);
    }
    let openai = OpenAiLab::start(OpenAiConfig::scripted(&brain)).unwrap();
    let more = format!(
        "[limits]\nsilence_timeout_s = {{ min = 3 }}\n[openai]\nbase_url = {:?}\napi_key_env = \"LAB_KEY\"\n[intents]\nallow = [{allow}]\n",
        openai.base_url()
    );
    let server = Server::start(&folder, addr, &more).await;
    let entry = json!({"account_sid": ACCOUNT, "auth_token": TOKEN, "base_url": lab.rest_url()});
    server.done(Put, "/twilio", Some(&entry)).await;
    let mut draft = json!({
        "name": "with tools", "api_access": true, "silence_timeout_s": 4, "filler": false,
        "farewell": {"voice": {"provider": "none"}}, "model": {"provider": "openai"},
    });
    draft.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    server.done(Post, "/assistants", Some(&draft)).await;
    server.done(Post, "/assistants/with%20tools/publish", Some(&json!({}))).await;
    let at = format!("/numbers/%2B{}/assignment", &OURS[1..]);
    server.done(Put, &at, Some(&json!({"assistant": "with tools"}))).await;
    say(&mut caller, &mut brain.lock(), 500, voice!("caller-thanks"), "Thank you, that was all.");
    let call = lab.dial(Dial::new(OURS, "+15550000001").caller(caller));
    let report = tokio::time::timeout(Duration::from_secs(90), call.finished()).await.expect("the call ends");
    assert_eq!(report.violations, [""; 0]);
    let streams = report.events.iter().filter(|(_, event)| matches!(event, CallEvent::StreamStarted(_))).count();
    let record = loop {
        let calls = server.done(Get, "/calls", None).await;
        // The record of a call that came back from a transfer is first that of its way there.
        let whole = |call: &&Value| streams == 1 || call["reason"] != "transferred";
        if let Some(call) = calls["items"].as_array().unwrap().first().filter(whole) {
            break server.done(Get, &format!("/calls/{}", call["id"].as_str().unwrap()), None).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let sessions = openai.connections();
    let items = sessions.iter().flat_map(|session| session.client("conversation.item.create"));
    let items = items.filter(|event| event["item"]["type"] == "function_call_output");
    let outputs = items.map(|event| event["item"]["output"].as_str().unwrap_or_default().to_owned()).collect();
    let texts = lab.texts_to("+15550000001").into_iter().map(|text| text.body).collect();
    server.stop().await;
    lab.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
    Called { record, outputs, report, texts }
}

async fn called(intents: Value, script: Vec<Reply>, allow: &str) -> (Value, Vec<String>) {
    let Called { record, outputs, .. } = call(json!({"intents": intents}), script, allow, |_, _| {}).await;
    (record, outputs)
}

pub(super) fn line(tool: Option<&str>) -> Reply {
    let mut reply = Reply::say(&samples(voice!("agent-still-here")), "Of course.");
    reply.parts.extend(tool.map(|name| ReplyPart::Tool { name: name.into(), completed: true }));
    reply
}

pub(super) fn causes(record: &Value) -> String {
    let entries = record["detail"]["ledger"].as_array().unwrap();
    entries.iter().map(|entry| entry["cause"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// A server that answers so, and what it was sent.
async fn tool(answer: &'static str) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let mut heard = Vec::new();
        // Until nobody asks any more.
        while let Ok(Ok((mut tcp, _))) = tokio::time::timeout(Duration::from_secs(15), listener.accept()).await {
            let mut bytes = vec![0; 8192];
            let count = tcp.read(&mut bytes).await.unwrap();
            heard.push(String::from_utf8_lossy(&bytes[..count]).into_owned());
            tokio::time::sleep(Duration::from_millis(800)).await;
            tcp.write_all(answer.as_bytes()).await.unwrap();
            tcp.shutdown().await.unwrap();
        }
        heard
    });
    (port, served)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_over_http_is_asked_once_while_the_window_stands_still() {
    // It breaks off after the deed: it is not asked again.
    let (port, served) = tool("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf").await;
    let intents = json!([{"name": "book_slot", "description": "Books.", "api_access": true,
        "url": format!("http://127.0.0.1:{port}/slots/{{{{call.from}}}}")}]);
    let (record, outputs) = called(intents, vec![line(Some("book_slot")), line(None)], "\"127.0.0.1/32\"").await;
    let said = record["detail"]["transcript"]["lines"].as_array().unwrap();
    let said: Vec<_> =
        said.iter().map(|line| (line["who"].as_str().unwrap(), line["text"].as_str().unwrap())).collect();
    assert!(
        said.contains(&("caller", "Thank you, that was all.")) && said.contains(&("agent", "Of course.")),
        "{said:?}"
    );
    let usage = &record["detail"]["model"]["usage"];
    assert!(usage["output_audio_tokens"].as_u64().unwrap() > 0, "{usage}");
    let heard = served.await.unwrap();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(
        heard[0].starts_with("POST /slots/%2B15550000001 ") && heard[0].contains("idempotency-key: CA"),
        "{heard:?}"
    );
    assert!(outputs.len() == 1 && outputs[0].contains("may have done it"), "{outputs:?}");
    let causes = causes(&record);
    assert!(causes.contains("tool"), "{causes}");
    assert_eq!(record["reason"], "silence", "{causes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_intents_may_not_reach_is_words_for_the_model() {
    let (port, served) = tool("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let intents = json!([{"name": "book_slot", "description": "Books.", "api_access": true,
        "url": format!("http://127.0.0.1:{port}/")}]);
    let (_, outputs) = called(intents, vec![line(Some("book_slot")), line(None)], "").await;
    assert!(outputs.len() == 1 && outputs[0].contains("not reachable"), "{outputs:?}");
    assert_eq!(served.await.unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prompt_that_ends_the_call_ends_it() {
    let intents = json!([{"name": "closing", "description": "At the end.", "api_access": true, "ends_call": true,
        "prompt": "Say goodbye warmly."}]);
    let (record, outputs) = called(intents, vec![line(Some("closing")), line(None)], "").await;
    assert_eq!((record["reason"].as_str(), record["ended_by"].as_str()), (Some("intent_ended"), Some("us")));
    assert!(outputs.iter().any(|output| output.contains("Say goodbye warmly.")), "{outputs:?}");
}
