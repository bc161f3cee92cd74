//! The webhook at a call's end, and goodbyes in a voice: what leaves the server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64_simd::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use quietline::{
    lab::{
        ScriptedCarrier, Trouble,
        openai::OpenAiConfig,
        twilio::{Dial, Lab, LabNumber},
        voices::{Desk, VoicesLab},
    },
    wire::Method::{Get, Post, Put},
};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

use super::room::{ACCOUNT, Server, TOKEN, account, place};

const OURS: &str = "+15550200931";
const SECRET: &[u8; 32] = b"thirty-two bytes for this secret";
/// A voice that the stand-in has.
const VOICE: &str = "21m00Tcm4TlvDq8ikWAM";
const SHORT: &str = "[limits]\nsilence_timeout_s = { min = 3 }\n";

/// What came, and how many of the first are refused.
#[derive(Clone, Default)]
struct Receiver {
    came: Arc<Mutex<Vec<(String, bool, Value)>>>,
    refuses: usize,
}

async fn took(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
    mac.update(format!("{id}.{time}.").as_bytes());
    mac.update(&body);
    let signed = header("webhook-signature") == format!("v1,{}", BASE64.encode_to_string(mac.finalize().into_bytes()));
    let mut came = receiver.came.lock().unwrap();
    came.push((id, signed, serde_json::from_slice(&body).unwrap()));
    if came.len() <= receiver.refuses { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::NO_CONTENT }
}

async fn published(server: &Server, lab: &Lab, keys: Value) -> Value {
    let entry = json!({"account_sid": ACCOUNT, "auth_token": TOKEN, "base_url": lab.rest_url()});
    server.done(Put, "/twilio", Some(&entry)).await;
    let mut draft = json!({"name": "desk", "api_access": true, "silence_timeout_s": 3, "filler": false});
    draft.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    server.done(Post, "/assistants", Some(&draft)).await;
    let published = server.done(Post, "/assistants/desk/publish", Some(&json!({}))).await;
    let at = format!("/numbers/%2B{}/assignment", &OURS[1..]);
    server.done(Put, &at, Some(&json!({"assistant": "desk"}))).await;
    published
}

async fn rings(lab: &Lab) {
    let caller = ScriptedCarrier::waiting(Trouble::default());
    let call = lab.dial(Dial::new(OURS, "+15550000001").caller(caller));
    tokio::time::timeout(Duration::from_secs(40), call.finished()).await.expect("the call ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_was_refused_is_told_again_after_a_restart() {
    let (folder, addr, _reserved) = place();
    let lab = account(addr, |config| config.numbers = vec![LabNumber::new(OURS)]).await;
    let receiver = Receiver { refuses: 1, ..Receiver::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/calls", listener.local_addr().unwrap());
    let routes = Router::new().route("/calls", post(took)).with_state(receiver.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
    let secret = folder.join("secret");
    std::fs::write(&secret, format!("whsec_{}", BASE64.encode_to_string(SECRET))).unwrap();
    let more = format!("{SHORT}[webhook]\nurl = {url:?}\nsecret_file = {secret:?}\n");

    let server = Server::start(&folder, addr, &more).await;
    published(&server, &lab, json!({"farewell": {"voice": {"provider": "none"}}})).await;
    rings(&lab).await;
    let some = |count: usize| {
        let came = Arc::clone(&receiver.came);
        async move {
            while came.lock().unwrap().len() < count {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), some(1)).await.expect("it is told");
    server.stop().await;
    let server = Server::start(&folder, addr, &more).await;
    tokio::time::timeout(Duration::from_secs(30), some(2)).await.expect("it is told again");
    // It is not told a third time.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let came = receiver.came.lock().unwrap().clone();
    assert_eq!(came.len(), 2);
    assert!(came.iter().all(|(id, signed, _)| *signed && *id == came[0].0), "{came:?}");
    let told = &came[1].2;
    assert_eq!(
        (told["type"].as_str(), told["data"]["reason"].as_str()),
        (Some("call.ended"), Some("silence")),
        "{told}"
    );
    server.stop().await;
    serving.abort();
    lab.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_renders_the_goodbyes_and_says_what_does_not_fit() {
    let (folder, addr, _reserved) = place();
    let lab = account(addr, |config| config.numbers = vec![LabNumber::new(OURS)]).await;
    let voices = VoicesLab::start(Desk::elevenlabs(&[OpenAiConfig::KEY.to_owned()]), 0).unwrap();
    let more = format!("{SHORT}[elevenlabs]\nbase_url = {:?}\napi_key_env = \"LAB_KEY\"\n", voices.base_url());
    let server = Server::start(&folder, addr, &more).await;
    let long =
        "Thank you very much for your call today, it was a pleasure to talk with you about all of this. ".repeat(3);
    let farewell = json!({
        "silence": "Nobody is there any more, so I hang up now.",
        "hangup_call": long.trim(),
        "voice": {"provider": "elevenlabs", "voice": VOICE},
    });
    let keys = json!({"farewell": farewell, "tools": {"hangup_call": {}}});
    let told = published(&server, &lab, keys).await;
    let warnings = told["version"]["warnings"].to_string();
    assert!(warnings.contains("farewell.hangup_call lasts") && warnings.contains("its window is 5 s"), "{told}");
    assert!(!voices.desk().requests().is_empty());
    rings(&lab).await;
    let call = loop {
        let calls = server.done(Get, "/calls", None).await;
        if let Some(call) = calls["items"].as_array().unwrap().first() {
            break server.done(Get, &format!("/calls/{}", call["id"].as_str().unwrap()), None).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(
        (call["reason"].as_str(), call["detail"]["said_by"].as_str()),
        (Some("silence"), Some("voice")),
        "{call}"
    );
    assert_eq!(voices.desk().violations(), [""; 0]);
    server.stop().await;
    lab.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}
