//! Media streams: marks, `clear`, ends of all kinds, and what the vendor refuses.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use quietline::{
    carrier::Digit,
    lab::{
        ScriptedCarrier, Trouble,
        twilio::{CallEvent, Dial, EndedBy, RawMessage, Signature, StreamEnd, WireAct, WireFaults},
    },
};
use serde_json::json;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::{
    assert_clean, dial, finished,
    gateway::{Gateway, connect, twiml},
    lab, ms, wait_for, warnings,
};

/// The voice webhook's answer; everything else is 204.
fn voice(asked: &super::gateway::Asked) -> (u16, &'static str, String) {
    if asked.path == "/twilio/voice" { connect("") } else { (204, "text/plain", String::new()) }
}

fn events(gateway: &Gateway) -> Vec<String> {
    gateway.asked("/twilio/stream-status").iter().map(|it| it.form["StreamEvent"].clone()).collect()
}

#[tokio::test]
async fn a_call_from_the_webhook_to_the_closed_stream() {
    let gateway = Gateway::start(voice, |mut stream| async move {
        let start = stream.started().await;
        assert_eq!(start["start"]["customParameters"]["call_token"], "t0k3n");
        stream.play(400).await;
        stream.mark("goodbye").await;
        let echo = stream.until("mark").await.unwrap();
        assert_eq!(echo["mark"]["name"], "goodbye");
        stream.close(1000).await;
    })
    .await;
    let lab = lab(&gateway).await;
    let call = lab.dial(dial());
    let report = finished(&call).await;
    assert_clean(&report);
    assert_eq!((report.ended_by, report.status), (EndedBy::Stream, "completed"));
    assert_eq!((report.counts.marks, report.counts.marks_echoed, report.unheard_ms), (1, 1, 0));
    let [utterance] = report.heard.utterances[..] else { panic!("{:?}", report.heard) };
    assert_eq!(utterance.end - utterance.start, ms(400));
    let end = CallEvent::StreamEnded { end: StreamEnd::Closed(Some(1000)), unheard_ms: 0 };
    assert!(report.events.iter().any(|(_, event)| *event == end), "{:#?}", report.events);
    let lasted = report.ended - report.stream.unwrap();
    assert!(lasted >= ms(400), "the mark came back when it was played, {lasted:?}");

    let voice = &gateway.asked("/twilio/voice")[0];
    assert!(voice.signed && voice.form["CallStatus"] == "ringing" && voice.form["From"] == "+18185550147");
    assert_eq!(voice.headers["user-agent"], "TwilioProxy/1.1");
    assert_eq!(voice.headers["content-type"], "application/x-www-form-urlencoded; charset=UTF-8");
    assert_eq!(voice.headers["i-twilio-idempotency-token"].len(), 36);
    let media = &gateway.asked("/twilio/media")[0];
    assert_eq!(media.headers["user-agent"], "Twilio.TmeWs/1.0");
    assert_eq!(media.headers["host"], "gate.example.com");
    assert!(!media.headers.contains_key("sec-websocket-protocol"));
    assert_eq!(events(&gateway), ["stream-started", "stream-stopped"]);
    let status = &gateway.asked("/twilio/status")[0];
    assert_eq!((status.form["CallStatus"].as_str(), status.form["CallDuration"].as_str()), ("completed", "1"));
    assert_eq!(status.form["CallSid"], call.sid().as_str());
}

#[tokio::test]
async fn a_clear_brings_all_marks_back_at_once_and_what_follows_plays() {
    let gateway = Gateway::start(voice, |mut stream| async move {
        stream.started().await;
        let began = Instant::now();
        stream.mark("nothing before it").await;
        stream.until("mark").await.unwrap();
        assert!(began.elapsed() < ms(1000), "at once");
        for name in ["q:0:1", "q:0:2", "item_abc:400"] {
            stream.play(3000).await;
            stream.mark(name).await;
        }
        tokio::time::sleep(ms(300)).await;
        stream.clear().await;
        for name in ["q:0:1", "q:0:2", "item_abc:400"] {
            assert_eq!(stream.until("mark").await.unwrap()["mark"]["name"], name);
        }
        assert!(began.elapsed() < ms(2500), "long before they were played");
        stream.play(200).await;
        stream.mark("q:1:3").await;
        let played = Instant::now();
        assert_eq!(stream.until("mark").await.unwrap()["mark"]["name"], "q:1:3");
        assert!(played.elapsed() >= ms(190));
        stream.close(1000).await;
    })
    .await;
    let lab = lab(&gateway).await;
    let call = lab.dial(dial());
    let report = finished(&call).await;
    assert_clean(&report);
    assert_eq!((report.heard.clear_count, report.counts.marks_echoed), (1, 5));
    let heard = call.with_caller(|caller, _| caller.heard().iter().filter(|&&code| code != 0xff).count());
    assert!((500 * 8..2500 * 8).contains(&heard), "{heard} samples of 9.2 s were heard");
}

#[tokio::test]
async fn a_broken_stream_follows_the_redirect_and_the_next_begins_anew() {
    let streams = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&streams);
    let gateway = Gateway::start(
        |asked| match asked.path.as_str() {
            "/twilio/voice" => connect("<Redirect method=\"POST\">/twilio/resume/1</Redirect>"),
            "/twilio/resume/1" => connect("<Hangup/>"),
            _ => (204, "text/plain", String::new()),
        },
        move |mut stream| {
            let count = Arc::clone(&count);
            async move {
                stream.started().await;
                let media = stream.until("media").await.unwrap();
                assert_eq!((&media["sequenceNumber"], &media["media"]["chunk"]), (&json!("2"), &json!("1")));
                let timestamp: u64 = media["media"]["timestamp"].as_str().unwrap().parse().unwrap();
                assert!((155..158).contains(&timestamp), "{timestamp}");
                if count.fetch_add(1, Ordering::SeqCst) == 0 {
                    stream.play(5000).await;
                    stream.until("media").await.unwrap();
                    stream.vanish();
                } else {
                    stream.close(1000).await;
                }
            }
        },
    )
    .await;
    let lab = lab(&gateway).await;
    let call = lab.dial(dial());
    let report = finished(&call).await;
    assert_eq!((warnings(&report), report.counts.violations), (vec![31921], 0));
    assert_eq!((report.counts.streams, streams.load(Ordering::SeqCst)), (2, 2));
    assert_eq!(report.ended_by, EndedBy::Stream);
    assert_eq!(gateway.asked("/twilio/resume/1")[0].form["CallStatus"], "in-progress");
    assert_eq!(events(&gateway), ["stream-started", "stream-error", "stream-started", "stream-stopped"]);
    let sids: Vec<_> =
        gateway.asked("/twilio/stream-status").iter().map(|asked| asked.form["StreamSid"].clone()).collect();
    assert!(sids[0] == sids[1] && sids[2] == sids[3] && sids[0] != sids[2], "{sids:?}");
}

#[tokio::test]
async fn a_caller_presses_keys_and_hangs_up() {
    let gateway = Gateway::start(voice, |mut stream| async move {
        stream.started().await;
        stream.play(5000).await;
        assert_eq!(stream.until("dtmf").await.unwrap()["dtmf"]["digit"], "9");
        let stop = stream.until("stop").await.unwrap();
        assert_eq!(stop["streamSid"], stream.sid);
        assert_eq!(stream.next().await, None, "a close follows");
    })
    .await;
    let lab = lab(&gateway).await;
    let mut caller = ScriptedCarrier::waiting(Trouble::default());
    caller.press(caller.start() + ms(100), Digit::new('9').unwrap());
    caller.hang_up(caller.start() + ms(400));
    let report = finished(&lab.dial(dial().caller(caller))).await;
    assert_clean(&report);
    assert_eq!((report.ended_by, report.status), (EndedBy::Caller, "completed"));
    assert!((3500..5000).contains(&report.unheard_ms), "{}", report.unheard_ms);
    assert_eq!(events(&gateway), ["stream-started", "stream-stopped"]);
}

#[tokio::test]
async fn every_bad_message_is_a_violation_and_the_stream_goes_on() {
    let gateway = Gateway::start(voice, |mut stream| async move {
        stream.started().await;
        let sid = stream.sid.clone();
        stream.raw(Message::binary(vec![1, 2, 3])).await;
        stream.raw(Message::text("nonsense")).await;
        for bad in [
            json!({"event": "media", "media": {"payload": "////"}}),
            json!({"event": "clear", "streamSid": "MZ00000000000000000000000000000000"}),
            json!({"event": "clear", "streamSid": sid, "sequenceNumber": "1"}),
            json!({"event": "dtmf", "streamSid": sid, "dtmf": {"digit": "1"}}),
            json!({"event": "media", "streamSid": sid, "media": {"payload": ""}}),
            json!({"event": "media", "streamSid": sid, "media": {"payload": "UklGRiQAAAA="}}),
        ] {
            stream.send(bad).await;
        }
        stream.ping().await;
        stream.mark("still there").await;
        stream.until("mark").await.unwrap();
        stream.close(1000).await;
    })
    .await;
    let lab = lab(&gateway).await;
    let report = finished(&lab.dial(dial())).await;
    assert_eq!(report.counts.violations, 8, "{:#?}", report.violations);
    assert_eq!(warnings(&report), [31950, 31951], "each once in a stream");
    assert_eq!((report.heard.clear_count, report.counts.media_received), (0, 0), "what is bad is dropped");
    assert_eq!(report.counts.received, 9);
}

#[tokio::test]
async fn a_refused_handshake_goes_on_with_the_next_verb() {
    let gateway = Gateway::start(
        |asked| match asked.path.as_str() {
            "/twilio/voice" => connect("<Say language=\"en-GB\">Sorry.</Say>"),
            _ => (204, "text/plain", String::new()),
        },
        |stream| async move { stream.vanish() },
    )
    .await;
    let lab = lab(&gateway).await;
    for signature in [Signature::Wrong, Signature::Absent] {
        let faults = WireFaults { stream_signature: signature, ..WireFaults::default() };
        let report = finished(&lab.dial(dial().faults(faults))).await;
        assert_eq!((warnings(&report), report.counts.streams), (vec![31920], 0));
        assert_eq!(report.spoken[0].text, "Sorry.");
        assert_eq!((report.ended_by, report.stream), (EndedBy::Document, None));
    }
    let told = &gateway.asked("/twilio/stream-status")[0];
    assert_eq!((told.form["StreamEvent"].as_str(), told.form["StreamErrorCode"].as_str()), ("stream-error", "31920"));
}

#[tokio::test]
async fn addresses_that_no_stream_can_have() {
    let urls = Arc::new(std::sync::Mutex::new(vec![
        ("ws://gate.example.com/x", 31922),
        ("wss://gate.example.com/x?token=1", 31920),
        ("wss://elsewhere.example.com/x", 31923),
        ("wss://127.0.0.1:1/x", 31902),
    ]));
    let left = Arc::clone(&urls);
    let gateway = Gateway::start(
        move |asked| match asked.path.as_str() {
            "/twilio/voice" => {
                let url = left.lock().unwrap()[0].0;
                twiml(&format!("<Connect><Stream url=\"{url}\"/></Connect>"))
            }
            _ => (204, "text/plain", String::new()),
        },
        |stream| async move { stream.vanish() },
    )
    .await;
    let lab = lab(&gateway).await;
    while !urls.lock().unwrap().is_empty() {
        let report = finished(&lab.dial(dial())).await;
        let (url, code) = urls.lock().unwrap().remove(0);
        assert_eq!(warnings(&report), [code], "{url}");
    }
}

#[tokio::test]
async fn the_gateways_close_code_tells_an_error_from_an_end() {
    let gateway = Gateway::start(voice, |mut stream| async move {
        stream.started().await;
        stream.close(1011).await;
    })
    .await;
    let lab = lab(&gateway).await;
    let report = finished(&lab.dial(dial())).await;
    assert_eq!(warnings(&report), [31921]);
    assert_eq!(report.ended_by, EndedBy::Stream);
    assert_eq!(events(&gateway), ["stream-started", "stream-error"]);
}

#[tokio::test]
async fn what_the_vendor_does_not_do_is_done_on_request() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let gateway = Gateway::start(voice, move |mut stream| {
        let record = Arc::clone(&record);
        async move {
            stream.started().await;
            let last = stream.frames().await;
            record.lock().unwrap().push(last);
        }
    })
    .await;
    let lab = lab(&gateway).await;
    let acts = |acts: Vec<WireAct>| WireFaults {
        acts: acts.into_iter().map(|act| (ms(100), act)).collect(),
        ..WireFaults::default()
    };
    let bad = vec![WireAct::Binary(vec![7]), WireAct::Text("{".to_owned()), WireAct::Close(4000)];
    let report = finished(&lab.dial(dial().faults(acts(bad)))).await;
    assert_clean(&report);
    let report = finished(&lab.dial(dial().faults(acts(vec![WireAct::Reset])))).await;
    assert_clean(&report);
    let mut caller = ScriptedCarrier::waiting(Trouble::default());
    caller.break_off(caller.start() + ms(100));
    let report = finished(&lab.dial(dial().caller(caller))).await;
    assert_eq!(report.ended_by, EndedBy::Document, "nothing stands behind the stream");
    let mut caller = ScriptedCarrier::waiting(Trouble::default());
    caller.hang_up(caller.start() + ms(100));
    let faults = WireFaults { no_stop: true, close_code: Some(1001), ..WireFaults::default() };
    let report = finished(&lab.dial(Dial { faults, ..dial().caller(caller) })).await;
    assert_eq!(report.ended_by, EndedBy::Caller);
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], ["binary 1", "text {", "close 4000"]);
    for reset in &seen[1..3] {
        assert!(reset.last().unwrap().starts_with("error"), "{reset:?}");
    }
    assert_eq!(seen[3], ["close 1001"], "without stop");
}

#[tokio::test]
async fn another_stream_for_a_live_call_is_the_gateways_to_refuse() {
    let gateway = Gateway::start(voice, |mut stream| async move {
        let start = stream.started().await;
        if start["start"]["customParameters"]["call_token"] == "used" {
            stream.close(1008).await;
        } else {
            stream.until("stop").await;
        }
    })
    .await;
    let lab = lab(&gateway).await;
    let call = lab.dial(dial());
    wait_for(&call, "stream", |event| matches!(event, CallEvent::StreamStarted(_))).await;
    assert_eq!(call.parameter("call_token").as_deref(), Some("t0k3n"));
    let refused = call.raw_stream(Signature::Absent).await.err().unwrap();
    assert_eq!(refused.status, Some(403));
    let mut second = call.raw_stream(Signature::Right).await.unwrap();
    let mut start = call.raw_start();
    start.parameters[0].1 = "used".to_owned();
    second.start(&start).await.unwrap();
    assert_eq!(second.next().await, Some(RawMessage::Closed(Some(1008))));
    call.hang_up();
    assert_clean(&*finished(&call).await);
}

#[tokio::test]
async fn a_call_that_vanished_is_known_to_rest_alone() {
    let gateway = Gateway::start(voice, |mut stream| async move {
        stream.started().await;
        tokio::time::sleep(ms(800)).await;
        stream.close(1000).await;
    })
    .await;
    let lab = lab(&gateway).await;
    let mut caller = ScriptedCarrier::waiting(Trouble::default());
    caller.vanish(caller.start() + ms(100));
    let report = finished(&lab.dial(dial().caller(caller))).await;
    assert_eq!((report.ended_by, report.status), (EndedBy::Vanished, "completed"));
    assert!(report.counts.media_sent < 10, "{:?}", report.counts);
    assert!(gateway.asked("/twilio/status").is_empty());
}

#[tokio::test]
async fn a_hundred_calls_at_once_are_all_heard_whole() {
    let gateway = Gateway::start(voice, |mut stream| async move {
        stream.started().await;
        for n in 0..10 {
            stream.play(100).await;
            stream.mark(&format!("q:0:{n}")).await;
        }
        while stream.until("mark").await.is_some_and(|echo| echo["mark"]["name"] != "q:0:9") {}
        stream.close(1000).await;
    })
    .await;
    let lab = lab(&gateway).await;
    let calls: Vec<_> = (0..100).map(|_| lab.dial(Dial { detail: false, ..dial() })).collect();
    for call in &calls {
        let report = finished(call).await;
        assert_clean(&report);
        assert_eq!((report.counts.marks_echoed, report.unheard_ms), (10, 0));
        assert!(report.events.len() <= 16 && call.with_caller(|caller, _| caller.heard().is_empty()));
    }
    let report = lab.stop().await;
    assert_eq!((report.calls, report.counts.violations, report.cut_off), (100, 0, 0));
    assert_eq!(report.ended_by, [(EndedBy::Stream, 100)]);
    assert!(report.lead_ms.max().unwrap() <= 1000);
}
