//! Who answers: assigned numbers, published versions, and what is kept of calls.

use std::time::Duration;

use quietline::{
    lab::{
        ScriptedCarrier,
        twilio::{Dial, Lab, LabNumber},
    },
    wire::Method::{Delete, Get, Post, Put},
};
use serde_json::{Value, json};

use super::room::{ACCOUNT, PUBLIC_URL, Server, TOKEN, account, place};

const OURS: &str = "+15550200901";
const OTHER: &str = "+15550200902";
/// Windows short enough for a test, as an operator may allow.
const SHORT: &str = "[limits]\nsilence_timeout_s = { min = 3 }\n";

fn draft(api_access: bool) -> Value {
    json!({"name": "front desk", "api_access": api_access, "silence_timeout_s": 3, "greeting": {}, "filler": false})
}

fn numbers(config: &mut quietline::lab::twilio::LabConfig) {
    let used = LabNumber::new(OURS)
        .with("voice_url", "https://old.example.com/")
        .with("trunk_sid", &format!("TK{}", &ACCOUNT[2..]));
    // Three of them are two pages.
    config.numbers = vec![used, LabNumber::new(OTHER), LabNumber::new("+15550200903")];
    config.for_sale = vec!["+18085550100".into(), "+18085550101".into()];
}

async fn enabled(server: &Server, lab: &Lab) {
    let entry = json!({"account_sid": ACCOUNT, "auth_token": TOKEN, "base_url": lab.rest_url()});
    server.done(Put, "/twilio", Some(&entry)).await;
}

async fn rings(lab: &Lab, to: &str) -> String {
    let call = lab.dial(Dial::new(to, "+15550000001").caller(ScriptedCarrier::waiting(Default::default())));
    let report = tokio::time::timeout(Duration::from_secs(40), call.finished()).await.expect("the call ends");
    format!("{:?}", report.ended_by)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_an_assistant_to_a_ringing_phone_and_over_a_restart() {
    let (folder, addr, _reserved) = place();
    let lab = account(addr, numbers).await;
    let server = Server::start(&folder, addr, SHORT).await;

    // Without an account, what to enter is said; what is wrong is not kept.
    let (status, told) = server.ask(Get, "/numbers", None).await;
    assert_eq!((status, told["type"].as_str()), (409, Some("urn:quietline:problem:not-configured")));
    let wrong = json!({"account_sid": ACCOUNT, "auth_token": "another", "base_url": lab.rest_url()});
    let (status, told) = server.ask(Put, "/twilio", Some(&wrong)).await;
    assert_eq!((status, told["carrier_code"].as_u64()), (502, Some(20003)), "{told}");
    assert_eq!(server.done(Get, "/twilio", None).await["enabled"], false);
    enabled(&server, &lab).await;

    // All pages, each with what it is used for.
    let listed = server.done(Get, "/numbers", None).await;
    let used: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|one| one["used_for"].as_str().unwrap()).collect();
    assert_eq!(used, ["trunk", "nothing", "nothing"]);

    // It cannot be published while a switch is off; then it is.
    server.done(Post, "/assistants", Some(&draft(false))).await;
    let (status, told) = server.ask(Post, "/assistants/front%20desk/publish", Some(&json!({}))).await;
    assert_eq!((status, told["errors"][0]["field"].as_str()), (422, Some("api_access")));
    server.done(Put, "/assistants/front%20desk", Some(&draft(true))).await;
    let published = server.done(Post, "/assistants/front%20desk/publish", Some(&json!({"note": "first"}))).await;
    assert_eq!(published["version"]["version"], 1);

    // Assigned: the carrier knows it, what competes is cleared, and the phone rings through.
    let at = format!("/numbers/%2B{}/assignment", &OURS[1..]);
    let assigned = server.done(Put, &at, Some(&json!({"assistant": "front desk"}))).await;
    assert_eq!(assigned["number"]["leads_to"], "front desk");
    let set = lab.number(OURS).unwrap();
    assert_eq!(
        (set["voice_url"].as_str(), set["trunk_sid"].as_str()),
        (Some(&*format!("{PUBLIC_URL}/twilio/voice")), None)
    );
    rings(&lab, OURS).await;
    let call = loop {
        let calls = server.done(Get, "/calls", None).await;
        if let Some(call) = calls["items"].as_array().unwrap().first() {
            break call.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(
        ["reason", "ended_by", "assistant_name", "caller", "number"].map(|key| call[key].as_str().unwrap().to_owned()),
        ["silence", "us", "front desk", "+15550000001", OURS]
    );
    assert_eq!(call["version"], 1);
    let whole = server.done(Get, &format!("/calls/{}", call["id"].as_str().unwrap()), None).await;
    assert!(!whole["detail"]["ledger"].as_array().unwrap().is_empty());

    // A number that is not assigned reaches nobody.
    assert!(rings(&lab, OTHER).await.contains("Failure"));

    // After a restart all of it is still there, and the phone rings through.
    server.stop().await;
    let server = Server::start(&folder, addr, SHORT).await;
    assert_eq!(server.done(Get, "/calls", None).await["items"].as_array().unwrap().len(), 1);
    rings(&lab, OURS).await;
    // The caller rang again at once, after a goodbye for silence.
    let back = loop {
        let calls = server.done(Get, "/calls?rang_back=true", None).await;
        if let Some(call) = calls["items"].as_array().unwrap().first() {
            break call.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(back["id"], call["id"]);
    let usage = server.done(Get, "/calls/usage?price_per_minute=0.6", None).await;
    let usage = &usage["items"][0];
    assert_eq!((usage["calls"].as_u64(), usage["rang_back"].as_u64()), (Some(2), Some(1)));
    let (silence, cost) = (usage["silence_s"].as_f64().unwrap(), usage["silence_cost"].as_f64().unwrap());
    assert!(silence > 3.0 && (cost - silence / 100.0).abs() < 1e-9, "{usage}");

    // Somebody changes the webhook: it is found, and mended.
    lab.change_number(OURS, "voice_url", "https://thief.example.com/");
    let listed = server.done(Get, "/numbers", None).await;
    assert_eq!(listed["items"][0]["drift"][0]["field"], "voice_url");
    server.done(Post, &format!("/numbers/%2B{}/mend", &OURS[1..]), None).await;
    assert!(server.done(Get, "/numbers", None).await["items"][0].get("drift").is_none());

    // Unassigned: what was there before is there again.
    server.done(Delete, &at, None).await;
    let set = lab.number(OURS).unwrap();
    assert_eq!(set["voice_url"], "https://old.example.com/");
    assert!(set["trunk_sid"].as_str().unwrap().starts_with("TK"));
    assert_eq!(lab.complaints(), [""; 0]);
    server.stop().await;
    lab.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_bought_once_though_the_answer_is_lost() {
    let (folder, addr, _reserved) = place();
    let lab = account(addr, numbers).await;
    let server = Server::start(&folder, addr, "").await;
    enabled(&server, &lab).await;
    let found = server.done(Get, "/numbers/available?country=US&area_code=808", None).await;
    assert_eq!(found["items"][0]["number"], "+18085550100");
    let buy = |number: &str| json!({"number": number, "i_will_pay": true});
    let key = [("idempotency-key", "k1")];
    let token = server.own_token().to_owned();
    let (status, _) = server.ask(Post, "/numbers", Some(&buy("+18085550100"))).await;
    assert_eq!(status, 422, "without a key nothing is bought");
    lab.lose_answers(true);
    let (status, bought) = server.ask_as(&token, Post, "/numbers", Some(&buy("+18085550100")), &key).await;
    assert_eq!((status, bought["number"].as_str()), (201, Some("+18085550100")), "it was looked for: {bought}");
    let again = server.ask_as(&token, Post, "/numbers", Some(&buy("+18085550100")), &key).await;
    assert_eq!(again, (201, bought), "the same again does nothing");
    let (status, _) = server.ask_as(&token, Post, "/numbers", Some(&buy("+18085550101")), &key).await;
    assert_eq!(status, 409, "a key is for one request");
    lab.lose_answers(false);
    let (status, told) =
        server.ask_as(&token, Post, "/numbers", Some(&buy("+18085550100")), &[("idempotency-key", "k2")]).await;
    assert_eq!((status, told["carrier_code"].as_u64()), (502, Some(21422)));
    assert_eq!(lab.complaints(), [""; 0]);
    server.stop().await;
    lab.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}
