//! Who is let in, and who is not: signatures, tokens, second streams, limits, and callers who leave early.

use std::time::Duration;

use quietline::{
    audio::Encoding,
    call::Reason,
    carrier::{
        CallId,
        twilio::token::{Claim, LIFETIME_S},
    },
    lab::{
        SharedModel,
        openai::{ConnectionReport, OpenAiConfig, OpenAiLab},
        twilio::{CallEvent, Dial, EndedBy, RawMessage, Signature, Webhook, WireFaults},
    },
    live::{Census, Gateway, Observation},
    net::{client::Client, clock},
    wire::{ExchangeEvent, HttpRequest, Method},
};

use super::room::{Room, assistant, model, settings, token_keys, wired};

const NUMBER: &str = "+15550200000";
const FROM: &str = "+15550000001";

async fn room() -> Room {
    let model = SharedModel::new(model(&[]));
    Room::new(vec![assistant("doors", NUMBER, settings(30), model)], |_| {}).await
}

fn faults(change: impl FnOnce(&mut WireFaults)) -> Dial {
    let mut faults = WireFaults::default();
    change(&mut faults);
    Dial::new(NUMBER, FROM).faults(faults)
}

/// Until the census is as it should be.
async fn census(gateway: &Gateway, fits: impl Fn(&Census) -> bool) {
    for _ in 0..600 {
        if fits(&gateway.census()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?}", gateway.census());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_opened_for_a_webhook_without_a_right_signature() {
    let room = room().await;
    for signature in [Signature::Wrong, Signature::Absent] {
        let call = room.lab.dial(faults(|faults| faults.webhook_signature = signature));
        let report = call.finished().await;
        let refused =
            |event: &CallEvent| matches!(event, CallEvent::Asked { webhook: Webhook::Voice, answer: Ok(403), .. });
        assert!(report.events.iter().any(|(_, event)| refused(event)), "{:#?}", report.events);
        assert!(report.stream.is_none());
    }
    let census = room.gateway.census();
    assert_eq!((census.live, census.waiting, census.preopened, census.ended), (0, 0, 0, 0), "{census:?}");
    assert!(census.unsigned >= 2, "{census:?}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_without_a_right_signature_is_refused_before_101_and_the_caller_hears_why() {
    let room = room().await;
    for signature in [Signature::Wrong, Signature::Absent] {
        let call = room.lab.dial(faults(|faults| faults.stream_signature = signature));
        let report = call.finished().await;
        let refused = |event: &CallEvent| matches!(event, CallEvent::Handshake { answer: Ok(403), .. });
        // The first one and two more by the redirect; then the carrier apologizes.
        assert_eq!(report.events.iter().filter(|(_, event)| refused(event)).count(), 3, "{:#?}", report.events);
        let [spoken] = &report.spoken[..] else { panic!("{:?}", report.spoken) };
        assert!(spoken.text.contains("technical problem"), "{spoken:?}");
        assert_eq!(report.ended_by, EndedBy::Document);
    }
    assert_eq!(room.gateway.census().live, 0);
    room.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_lets_one_stream_of_one_call_in_once() {
    let room = room().await;
    let one = room.lab.dial(Dial::new(NUMBER, FROM));
    let other = room.lab.dial(Dial::new(NUMBER, FROM));
    for call in [&one, &other] {
        call.wait_for(|event| matches!(event, CallEvent::StreamStarted(_))).await.unwrap();
    }
    census(&room.gateway, |census| census.live == 2).await;
    let closed = |message: Option<RawMessage>| matches!(message, Some(RawMessage::Closed(Some(1008))));

    // Replayed.
    let mut raw = one.raw_stream(Signature::Right).await.unwrap();
    raw.start(&one.raw_start()).await.unwrap();
    assert!(closed(raw.next().await));
    // Of another call, not used yet.
    let (account, sid) = (one.raw_start().account, one.sid());
    let expires_s = clock::unix_ms() / 1000 + LIFETIME_S;
    let claim = Claim {
        resumed: 0,
        returned: false,
        expires_s,
        nonce: [9; 16],
        assistant: "file:doors".into(),
        parties: Default::default(),
    };
    let mut start = other.raw_start();
    start.parameters = vec![("call_token".into(), token_keys().write(account, sid, &claim).unwrap())];
    let mut raw = other.raw_stream(Signature::Right).await.unwrap();
    raw.start(&start).await.unwrap();
    assert!(closed(raw.next().await), "a token of another call");
    // None at all; and one that is too old.
    for parameters in [
        vec![],
        vec![("call_token".to_owned(), {
            let claim = Claim { expires_s: 1, ..claim.clone() };
            token_keys().write(account, sid, &claim).unwrap()
        })],
    ] {
        let mut start = one.raw_start();
        start.parameters = parameters;
        let mut raw = one.raw_stream(Signature::Right).await.unwrap();
        raw.start(&start).await.unwrap();
        assert!(closed(raw.next().await));
    }
    // A good one, but the call has a stream (situation 41).
    let mut start = one.raw_start();
    start.parameters = vec![("call_token".into(), token_keys().write(account, sid, &claim).unwrap())];
    let mut raw = one.raw_stream(Signature::Right).await.unwrap();
    raw.start(&start).await.unwrap();
    assert!(closed(raw.next().await), "a second stream");
    // Without a right signature there is not even a handshake.
    for signature in [Signature::Wrong, Signature::Absent] {
        assert_eq!(one.raw_stream(signature).await.err().and_then(|refused| refused.status), Some(403));
    }
    let census = room.gateway.census();
    assert_eq!((census.live, census.adopted), (2, 0), "{census:?}");
    assert!(census.refused_streams >= 5, "{census:?}");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_opened_for_a_caller_who_left_is_closed() {
    let leaves = || faults(|faults| faults.leaves_before_stream = true);
    // Told by the carrier: at once.
    let room = room().await;
    room.lab.dial(leaves()).finished().await;
    census(&room.gateway, |census| census.preopened_closed == 1 && census.waiting == 0).await;
    room.close().await;
    // Not told: after 10 s (situation 42). The model's session was opened and configured by then.
    let openai = OpenAiLab::start(OpenAiConfig::silent()).unwrap();
    let mut number = assistant("quiet", NUMBER, settings(30), SharedModel::new(model(&[])));
    number.model = wired(&openai, &settings(30), Encoding::Pcm24k);
    let room = Room::new(vec![number], |config| config.status_callback = None).await;
    let dialled = clock::now();
    room.lab.dial(leaves()).finished().await;
    assert_eq!(room.gateway.census().preopened, 1);
    census(&room.gateway, |census| census.preopened_closed == 1).await;
    let after = dialled.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(15)).contains(&after), "{after:?}");
    let closed = |sessions: &[ConnectionReport]| sessions.iter().all(|session| session.closed.is_some());
    assert!(openai.wait_for(Duration::from_secs(5), closed).await.is_ok(), "the model's session stays open");
    let sessions = openai.stop().await;
    let configured = sessions.iter().map(|session| session.client("session.update").len()).collect::<Vec<_>>();
    assert_eq!(configured, [1], "sessions, and how often each was configured");
    room.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_gateway_takes_no_calls_and_says_goodbye_to_those_it_has() {
    let room = room().await;
    let call = room.lab.dial(Dial::new(NUMBER, FROM));
    call.wait_for(|event| matches!(event, CallEvent::StreamStarted(_))).await.unwrap();
    census(&room.gateway, |census| census.live == 1).await;
    let late = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        room.lab.dial(Dial::new(NUMBER, FROM)).finished().await
    };
    let ((), late) = tokio::join!(room.gateway.drain(), late);
    assert!(late.stream.is_none(), "{:#?}", late.events);
    let report = call.finished().await;
    // farewell.drain lasts 7.4 s, and is heard whole.
    let heard = report.heard.utterances.iter().map(|heard| heard.end - heard.start).sum::<Duration>();
    let all = heard > Duration::from_secs(5) && report.unheard_ms == 0;
    assert!(all, "{heard:?}, {} ms unheard, {:#?}", report.unheard_ms, report.events);
    assert_eq!((report.ended_by, room.gateway.census().live), (EndedBy::Rest, 0));
    room.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_ends_a_call_from_its_first_moment_on() {
    let mut room = room().await;
    for _ in 0..5 {
        let live = room.gateway.census().live;
        let call = room.lab.dial(Dial::new(NUMBER, FROM));
        let id = CallId::new(call.sid().as_str());
        // As soon as it is known: it may not have reached its shard yet.
        while !room.gateway.end_call(&id) {
            tokio::time::sleep(Duration::from_micros(50)).await;
        }
        assert_eq!(live, 0);
        let reason = loop {
            match room.observed.recv().await.unwrap() {
                Observation::Finished(finished) => break finished.record.reason,
                Observation::Began { .. } | Observation::Entry { .. } => {}
            }
        };
        assert_eq!(reason, Some(Reason::Operator));
        call.finished().await;
    }
    room.close().await;
}

/// The answer to a request without a signature.
async fn asked(room: &Room, method: Method, path: &str, kind: &str, body: Vec<u8>) -> (u16, String) {
    let headers = if kind.is_empty() { vec![] } else { vec![("Content-Type", kind.to_owned())] };
    let url = format!("http://{}{path}", room.gateway.addr());
    let request = HttpRequest { method, url, headers, body, timeout: Duration::from_secs(5) };
    match Client::new().unwrap().run(request).await {
        ExchangeEvent::Answer { status, body } => (status, String::from_utf8(body).unwrap()),
        ExchangeEvent::Failed(failure) => panic!("{path}: {failure}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_address_answers_in_words() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let room = room().await;
    let get = |path| asked(&room, Method::Get, path, "", vec![]);
    assert_eq!(get("/").await, (200, "a page".into()));
    let (status, health) = get("/healthz").await;
    let health: serde_json::Value = serde_json::from_str(&health).unwrap();
    assert_eq!((status, &health["status"], &health["calls"]["live"]), (200, &"ok".into(), &0.into()));
    assert_eq!(get("/readyz").await, (200, "ready\n".into()));
    assert_eq!(get("/nowhere").await.0, 404);
    assert_eq!(get("/twilio/voice").await.0, 405);
    assert_eq!(get("/twilio/media").await, (403, "Forbidden.\n".into()));
    let post = |kind, body| asked(&room, Method::Post, "/twilio/voice", kind, body);
    assert_eq!(post("application/json", b"{}".to_vec()).await.0, 415);
    assert_eq!(post(FORM, vec![b'a'; 100_000]).await.0, 413);
    assert_eq!(post(FORM, b"CallSid=1".to_vec()).await, (403, "Forbidden.\n".into()));
    room.gateway.drain().await;
    assert_eq!(get("/readyz").await.0, 503);
    room.close().await;
}
