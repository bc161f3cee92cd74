//! Texts: somebody writes to a number, and its assistant answers. A whole server on real sockets, a model, and the lab's account.

use std::path::PathBuf;
use std::time::Duration;

use quietline::{
    lab::{
        Reply, ReplyPart, SharedModel,
        openai::{OpenAiConfig, OpenAiLab},
        twilio::{Lab, LabNumber},
    },
    wire::Method::{Get, Post, Put},
};
use serde_json::{Value, json};

use super::room::{ACCOUNT, PUBLIC_URL, Server, TOKEN, account, place};
use crate::live::room::model;

const OURS: &str = "+15550200921";
const PERSON: &str = "+15550000001";

/// A server with an assistant that answers texts.
struct Room {
    folder: PathBuf,
    addr: std::net::SocketAddr,
    more: String,
    server: Server,
    lab: Lab,
    openai: OpenAiLab,
    brain: SharedModel,
    _reserved: Box<dyn std::any::Any>,
}

fn says(words: &str) -> Reply {
    Reply::say(&[], words).after(Duration::ZERO)
}

impl Room {
    async fn new(keys: Value) -> Self {
        let (folder, addr, reserved) = place();
        let lab = account(addr, |config| config.numbers = vec![LabNumber::new(OURS)]).await;
        let brain = SharedModel::new(model(&[]));
        let openai = OpenAiLab::start(OpenAiConfig::scripted(&brain)).unwrap();
        let more = format!("[openai]\nbase_url = {:?}\napi_key_env = \"LAB_KEY\"\n", openai.base_url());
        let server = Server::start(&folder, addr, &more).await;
        let entry = json!({"account_sid": ACCOUNT, "auth_token": TOKEN, "base_url": lab.rest_url()});
        server.done(Put, "/twilio", Some(&entry)).await;
        let room = Self { folder, addr, more, server, lab, openai, brain, _reserved: Box::new(reserved) };
        room.server.done(Post, "/assistants", Some(&draft(&keys))).await;
        room.publish().await;
        let at = format!("/numbers/%2B{}/assignment", &OURS[1..]);
        room.server.done(Put, &at, Some(&json!({"assistant": "writer"}))).await;
        room
    }

    async fn publish(&self) {
        self.server.done(Post, "/assistants/writer/publish", Some(&json!({}))).await;
    }

    fn will_say(&self, reply: Reply) {
        self.brain.lock().push(reply);
    }

    async fn replies(&self, body: &str) -> Vec<String> {
        let outcome = self.lab.text(PERSON, OURS, body).await;
        assert_eq!(outcome.status, Ok(200), "{outcome:?}");
        outcome.replies
    }

    /// What was sent to the person by REST, once there is so much of it.
    async fn by_rest(&self, count: usize) -> Vec<String> {
        for _ in 0..600 {
            let sent: Vec<_> =
                self.lab.texts_to(PERSON).into_iter().filter(|text| text.by_rest).map(|text| text.body).collect();
            if sent.len() >= count {
                return sent;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{count} texts by REST did not come: {:?}", self.lab.texts_to(PERSON));
    }

    /// The conversation's messages: direction, status, words.
    async fn conversation(&self) -> Vec<(String, String, String)> {
        let at = format!("/texts/%2B{}/%2B{}", &OURS[1..], &PERSON[1..]);
        let found = self.server.done(Get, &at, None).await;
        let of = |text: &Value| ["direction", "status", "body"].map(|key| text[key].as_str().unwrap().to_owned());
        found["items"].as_array().unwrap().iter().map(|text| of(text).into()).collect()
    }

    /// What a session was told, as `role: words` or `output: words`.
    fn told(&self, session: usize) -> Vec<String> {
        let sessions = self.openai.connections();
        let items = sessions[session].client("conversation.item.create").into_iter();
        items
            .map(|event| match event["item"]["type"].as_str() {
                Some("message") => format!(
                    "{}: {}",
                    event["item"]["role"].as_str().unwrap(),
                    event["item"]["content"][0]["text"].as_str().unwrap()
                ),
                _ => format!("output: {}", event["item"]["output"].as_str().unwrap()),
            })
            .collect()
    }

    async fn end(self) {
        assert_eq!(self.openai.violations(), [""; 0]);
        assert_eq!(self.lab.complaints(), [""; 0]);
        self.server.stop().await;
        self.lab.stop().await;
        std::fs::remove_dir_all(self.folder).unwrap();
    }
}

fn draft(keys: &Value) -> Value {
    let mut draft = json!({
        "name": "writer", "channels": ["text"], "filler": false, "system_message": "You are the desk of Acme.",
        "farewell": {"voice": {"provider": "none"}}, "model": {"provider": "openai"},
    });
    draft.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    draft
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_is_answered_with_what_was_written_before() {
    let intents = json!([{
        "name": "opening_hours", "description": "When the shop is open.", "prompt": "Open from 9 to 17.", "api_access": true,
    }]);
    let room = Room::new(json!({"intents": intents, "tools": {"hangup_call": {}}, "text": {"max_segments": 2}})).await;
    let set = room.lab.number(OURS).unwrap();
    assert_eq!(set["sms_url"].as_str(), Some(&*format!("{PUBLIC_URL}/twilio/sms")));

    room.will_say(says("Hello! How can I help?"));
    assert_eq!(room.replies("Hi there").await, ["Hello! How can I help?"]);
    let session = room.openai.connections()[0].session.clone();
    assert_eq!(session["output_modalities"], json!(["text"]));
    assert!(session["instructions"].as_str().unwrap().starts_with("You are the desk of Acme."));
    let tools: Vec<_> = session["tools"].as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect();
    assert_eq!(tools, ["opening_hours"], "nothing of calls");

    // A tool, and what was written before; the answer is cut to two segments at a word.
    room.will_say(Reply::tool("opening_hours").after(Duration::ZERO));
    room.will_say(says(&"We are open from nine to five. ".repeat(20)));
    let replies = room.replies("When are you open?").await;
    assert!(replies[0].ends_with('…') && replies[0].chars().count() <= 134, "{replies:?}");
    assert_eq!(
        room.told(1),
        [
            "user: Hi there",
            "assistant: Hello! How can I help?",
            "user: When are you open?",
            "output: Open from 9 to 17."
        ]
    );

    // The same message again is none.
    room.will_say(says("Once."));
    let outcome = room.lab.text(PERSON, OURS, "Thanks").await;
    assert_eq!(outcome.replies, ["Once."]);
    let again = room.lab.text_again(&outcome.id).await.unwrap();
    assert_eq!((again.status, again.replies.len()), (Ok(200), 0));

    // What became of ours is kept, and who wants none.
    for _ in 0..100 {
        if room
            .conversation()
            .await
            .iter()
            .filter(|(way, ..)| way == "outbound")
            .all(|(_, state, _)| state == "delivered")
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let all = room.conversation().await;
    let states: Vec<_> = all.iter().map(|(_, status, _)| status.as_str()).collect();
    assert_eq!(states, ["answered", "delivered"].repeat(3));
    assert_eq!(room.replies("STOP").await, [""; 0], "the carrier answers");
    assert_eq!(room.server.done(Get, "/texts", None).await["items"][0]["opted_out"], true);
    let text = json!({"from": OURS, "to": PERSON, "body": "Buy now!"});
    let headers = [("idempotency-key", "one")];
    let (status, told) = room.server.ask_as(room.server.own_token(), Post, "/texts", Some(&text), &headers).await;
    assert_eq!(status, 409, "{told}");
    assert_eq!(room.replies("START").await, [""; 0]);
    let (status, sent) = room.server.ask_as(room.server.own_token(), Post, "/texts", Some(&text), &headers).await;
    assert_eq!(status, 201, "{sent}");
    let (_, same) = room.server.ask_as(room.server.own_token(), Post, "/texts", Some(&text), &headers).await;
    assert_eq!(same, sent, "sent once");
    assert_eq!(room.by_rest(1).await, ["Buy now!"]);
    room.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_answer_comes_by_rest_once_and_takes_in_what_came_meanwhile() {
    let room = Room::new(json!({})).await;
    // The stand-in takes half of it.
    room.will_say(says("It took a while.").after(Duration::from_secs(22)));
    room.will_say(says("And the second one."));
    // The carrier sends, and nobody learns it.
    room.lab.lose_text_answers(true);
    let first = async { room.lab.text(PERSON, OURS, "A hard question").await };
    let second = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        room.lab.text(PERSON, OURS, "And another").await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.status, first.replies.len(), second.status, second.replies.len()), (Ok(200), 0, Ok(200), 0));
    assert!((9_900..12_000).contains(&first.took.as_millis()), "{:?}", first.took);
    assert!(second.took < Duration::from_secs(1));
    assert_eq!(room.by_rest(2).await, ["It took a while.", "And the second one."]);
    let told = room.told(1);
    assert_eq!(told, ["user: A hard question", "user: And another", "assistant: It took a while."]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(room.by_rest(2).await.len(), 2, "nothing is sent twice");
    room.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quiet_hours_hold_a_text_and_a_restart_loses_none() {
    let mut room = Room::new(json!({"text": {"quiet_hours": "00:00-23:59:59.999", "time_zone": "UTC"}})).await;
    assert_eq!(room.replies("Is anybody up?").await, [""; 0]);
    assert_eq!(room.conversation().await[0].1, "held");
    // The night ends.
    room.will_say(says("Good morning!"));
    room.server.done(Put, "/assistants/writer", Some(&draft(&json!({})))).await;
    room.publish().await;
    assert_eq!(room.by_rest(1).await, ["Good morning!"]);

    // A process that goes while it writes leaves the message to the next one.
    room.will_say(says("Lost words.").after(Duration::from_secs(60)));
    let (lab, openai) = (&room.lab, &room.openai);
    let asked = tokio::time::timeout(Duration::from_secs(2), lab.text(PERSON, OURS, "And now?"));
    assert!(asked.await.is_err(), "it is still being written");
    assert_eq!(openai.connections().len(), 2);
    room.server.stop().await;
    room.server = Server::start(&room.folder, room.addr, &room.more).await;
    room.will_say(says("Here I am again."));
    assert_eq!(room.by_rest(2).await[1], "Here I am again.");
    assert!(room.conversation().await.iter().all(|(_, status, _)| status != "received" && status != "held"));
    room.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_failures_and_two_people_at_once() {
    let room = Room::new(json!({"text": {"max_per_hour": 2}})).await;
    for _ in 0..2 {
        room.will_say(says("Yes.").after(Duration::from_secs(2)));
    }
    let other = "+15550000002";
    let (one, two) = tokio::join!(room.lab.text(PERSON, OURS, "One?"), room.lab.text(other, OURS, "Two?"));
    assert_eq!((one.replies.len(), two.replies.len()), (1, 1));
    assert!(one.took.max(two.took) < Duration::from_secs(3), "neither waits for the other");

    // A model that fails: the person reads nothing of it.
    let failing = Reply { parts: vec![ReplyPart::Say { samples: [].into(), transcript: " ".into() }], ..says("") };
    room.will_say(failing);
    assert_eq!(room.replies("Three?").await, [""; 0]);
    assert_eq!(room.conversation().await.last().unwrap().1, "failed");

    // The third within an hour is kept, and not answered.
    room.will_say(says("Never said."));
    assert_eq!(room.replies("Four?").await, [""; 0]);
    assert_eq!(room.conversation().await.last().unwrap().1, "ignored");
    assert_eq!(room.openai.connections().len(), 3);

    // A number of nobody's.
    let outcome = room.lab.text(PERSON, "+15550200999", "Anybody?").await;
    assert_eq!((outcome.status, outcome.replies.len()), (Ok(200), 0));
    room.end().await;
}
