//! The doctor: what is wrong is told with what to do.

use quietline::{
    lab::{
        SharedModel,
        openai::{OpenAiConfig, OpenAiLab},
        twilio::LabNumber,
    },
    wire::Method::{Get, Post, Put},
};
use serde_json::{Value, json};

use super::room::{ACCOUNT, Server, TOKEN, account, place};
use crate::live::room::model;

const OURS: &str = "+15550200921";

async fn findings(server: &Server) -> Vec<(String, String, String)> {
    let diagnosis = server.done(Get, "/doctor", None).await;
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let all = diagnosis["findings"].as_array().unwrap().iter();
    let all: Vec<_> = all.map(|it| (text(it, "about"), text(it, "health"), text(it, "to_do"))).collect();
    assert_eq!(diagnosis["healthy"], all.iter().all(|(_, health, _)| health != "problem"), "{all:?}");
    all
}

fn of<'a>(all: &'a [(String, String, String)], about: &str) -> Vec<(&'a str, &'a str)> {
    let chosen = all.iter().filter(|(name, ..)| name.starts_with(about));
    chosen.map(|(_, health, to_do)| (health.as_str(), to_do.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_told_with_what_to_do() {
    let (folder, addr, _reserved) = place();
    let lab = account(addr, |config| config.numbers = vec![LabNumber::new(OURS)]).await;
    let brain = SharedModel::new(model(&[]));
    let openai = OpenAiLab::start(OpenAiConfig::scripted(&brain)).unwrap();
    let more = format!("[openai]\nbase_url = {:?}\napi_key_env = \"LAB_KEY\"\n", openai.base_url());
    let server = Server::start_as(&folder, addr, &format!("http://{addr}"), &more).await;

    let all = findings(&server).await;
    assert_eq!(of(&all, "store"), [("ok", "")], "{all:?}");
    assert!(of(&all, "twilio")[0].1.contains("quietline twilio enable"), "{all:?}");
    // It is reached from here, but nobody else reaches it.
    assert_eq!(of(&all, "public address").iter().map(|it| it.0).collect::<Vec<_>>(), ["problem", "ok"], "{all:?}");
    assert_eq!((of(&all, "disk").len(), of(&all, "limits").len()), (1, 1), "{all:?}");

    let entry = json!({"account_sid": ACCOUNT, "auth_token": TOKEN, "base_url": lab.rest_url()});
    server.done(Put, "/twilio", Some(&entry)).await;
    let all = findings(&server).await;
    assert_eq!((of(&all, "twilio")[0].0, of(&all, "numbers")[0].0), ("ok", "problem"), "{all:?}");

    let draft = json!({"name": "desk", "api_access": true, "farewell": {"voice": {"provider": "none"}},
        "model": {"provider": "openai", "openai": {"model": "gpt-realtime"}}});
    server.done(Post, "/assistants", Some(&draft)).await;
    server.done(Post, "/assistants/desk/publish", Some(&json!({}))).await;
    let at = format!("/numbers/%2B{}/assignment", &OURS[1..]);
    server.done(Put, &at, Some(&json!({"assistant": "desk"}))).await;
    let all = findings(&server).await;
    assert_eq!(of(&all, &format!("number {OURS}")), [("ok", "")], "{all:?}");
    // Its end is announced.
    assert_eq!(of(&all, "model gpt-realtime")[0].0, "problem", "{all:?}");

    lab.change_number(OURS, "voice_url", "https://elsewhere.example.com/");
    let all = findings(&server).await;
    let drifted = of(&all, &format!("number {OURS}"));
    assert_eq!(drifted, [("problem", &*format!("quietline number mend {OURS}"))], "{all:?}");
    let (status, _) = server.ask(Get, "/doctor?number=%2B15550299999", None).await;
    assert_eq!(status, 200);

    server.stop().await;
    lab.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}
