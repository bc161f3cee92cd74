//! Documents: verbs, links between them, and what becomes of a call when they fail.

use tokio::time::Instant;

use quietline::lab::twilio::{
    CallEvent, Callbacks, Dial, EndedBy, Lab, LabConfig, Signature, Spoken, Webhook, WireFaults,
};

use super::{
    assert_clean, config, dial, finished,
    gateway::{Asked, Gateway, PUBLIC, connect, twiml},
    lab, ms, warnings,
};

/// A gateway that answers with this document, and 204 to callbacks; its streams are closed at once.
async fn answering(answer: impl Fn(&Asked) -> (u16, &'static str, String) + Send + Sync + 'static) -> Gateway {
    let answer = move |asked: &Asked| match asked.path.as_str() {
        "/twilio/status" | "/twilio/stream-status" => (204, "text/plain", String::new()),
        _ => answer(asked),
    };
    Gateway::start(answer, |mut stream| async move {
        stream.started().await;
        stream.close(1000).await;
    })
    .await
}

#[tokio::test]
async fn an_action_is_asked_when_the_stream_has_ended() {
    let gateway = answering(|asked| match asked.path.as_str() {
        "/twilio/voice" => {
            let (status, kind, body) = connect("<Say>never</Say>");
            (status, kind, body.replace("<Connect>", "<Connect action=\"/twilio/after?a=1&amp;b=2\" method=\"POST\">"))
        }
        _ => twiml("<Say language=\"fr-FR\">Au revoir &amp; merci.</Say><Pause length=\"1\"/><Hangup/>"),
    })
    .await;
    let lab = lab(&gateway).await;
    let began = Instant::now();
    let report = finished(&lab.dial(dial())).await;
    assert_clean(&report);
    let words = "Au revoir & merci.";
    let spoken = Spoken { text: words.to_owned(), language: Some("fr-FR".to_owned()), duration: ms(60 * 18) };
    assert_eq!(report.spoken, [spoken]);
    assert!(began.elapsed() >= ms(2000), "words and pause take their time");
    assert_eq!(report.ended_by, EndedBy::Document);
    let action = &gateway.asked("/twilio/after?a=1&b=2")[0];
    assert!(action.signed && action.form["CallStatus"] == "in-progress");
}

#[tokio::test]
async fn a_rejected_call_was_never_answered() {
    let gateway = answering(|_| twiml("<Reject reason=\"busy\"/>")).await;
    let lab = lab(&gateway).await;
    let report = finished(&lab.dial(dial())).await;
    assert_clean(&report);
    assert_eq!((report.ended_by, report.status), (EndedBy::Document, "busy"));
    assert_eq!(gateway.asked("/twilio/status")[0].form["CallDuration"], "0");
}

#[tokio::test]
async fn a_caller_who_leaves_before_the_stream() {
    let gateway = answering(|_| connect("")).await;
    let lab = lab(&gateway).await;
    let faults = WireFaults { leaves_before_stream: true, ..WireFaults::default() };
    let report = finished(&lab.dial(dial().faults(faults))).await;
    assert_clean(&report);
    assert_eq!((report.ended_by, report.counts.streams), (EndedBy::Caller, 0));
    assert!(gateway.asked("/twilio/media").is_empty());
    assert_eq!(gateway.asked("/twilio/status").len(), 1);
}

#[tokio::test]
async fn a_webhook_that_fails_ends_in_the_vendors_apology() {
    type Answer = (u16, &'static str, &'static str);
    let answers: [(Answer, u32); 4] = [
        ((500, "text/xml", "<Response/>"), 11200),
        ((200, "text/html", "<Response/>"), 12300),
        ((200, "text/xml", "<Response>"), 12100),
        ((200, "text/xml", ""), 12100),
    ];
    for ((status, kind, body), code) in answers {
        let gateway = answering(move |_| (status, kind, body.to_owned())).await;
        let lab = lab(&gateway).await;
        let call = lab.dial(dial());
        let (_, spoke) = call.wait_for(|event| matches!(event, CallEvent::Spoke(_))).await.unwrap();
        assert!(spoke.to_string().contains("application error"), "{spoke}");
        call.hang_up();
        let report = finished(&call).await;
        assert_eq!(warnings(&report), [code]);
    }
}

#[tokio::test]
async fn a_wrong_signature_of_the_webhook_is_for_the_gateway_to_refuse() {
    let gateway = answering(|_| connect("")).await;
    let lab = lab(&gateway).await;
    let faults = WireFaults { webhook_signature: Signature::Wrong, ..WireFaults::default() };
    let call = lab.dial(dial().faults(faults));
    call.wait_for(|event| matches!(event, CallEvent::Spoke(_))).await.unwrap();
    call.hang_up();
    let report = finished(&call).await;
    assert_eq!(warnings(&report), [11200]);
    assert_eq!(report.counts.refused, 2, "webhook and status callback");
    assert!(!gateway.asked("/twilio/voice")[0].signed);
}

#[tokio::test]
async fn the_fallback_is_told_what_failed() {
    let gateway = answering(|asked| match asked.path.as_str() {
        "/fallback" => twiml("<Hangup/>"),
        _ => (503, "text/plain", String::new()),
    })
    .await;
    let config = LabConfig { fallback_url: Some(format!("{PUBLIC}/fallback")), ..config(&gateway) };
    let lab = Lab::start(config).await.unwrap();
    let report = finished(&lab.dial(dial())).await;
    assert_eq!((warnings(&report), report.ended_by), (vec![11200], EndedBy::Document));
    let fallback = &gateway.asked("/fallback")[0];
    assert_eq!(fallback.form["ErrorCode"], "11200");
    assert_eq!(fallback.form["ErrorUrl"], format!("{PUBLIC}/twilio/voice"));
}

#[tokio::test]
async fn a_gateway_that_is_down_is_passed_over() {
    let gateway = answering(|_| connect("")).await;
    let down = "127.0.0.1:1".parse().unwrap();
    let mut config = config(&gateway);
    config.gateways.insert(0, down);
    let lab = Lab::start(config.clone()).await.unwrap();
    assert_clean(&*finished(&lab.dial(dial())).await);
    let lab = Lab::start(LabConfig { gateways: vec![down], ..config }).await.unwrap();
    let call = lab.dial(dial());
    let failed = |event: &CallEvent| matches!(event, CallEvent::Asked { webhook: Webhook::Voice, answer: Err(_), .. });
    call.wait_for(failed).await.unwrap();
    call.hang_up();
    let report = finished(&call).await;
    assert_eq!(warnings(&report), [11205]);
}

#[tokio::test]
async fn verbs_that_do_not_exist_are_violations_and_passed_over() {
    let gateway = answering(|_| twiml("<Speak>x</Speak><Record/><Hangup colour=\"red\"/>")).await;
    let lab = lab(&gateway).await;
    let report = finished(&lab.dial(dial())).await;
    assert_eq!(warnings(&report), [12200, 12200]);
    assert_eq!(report.counts.violations, 3, "{:?}", report.violations);
    assert_eq!(report.ended_by, EndedBy::Document);
}

#[tokio::test]
async fn documents_that_lead_in_a_circle_end_somewhere() {
    let gateway = answering(|_| twiml("<Redirect/>")).await;
    let lab = lab(&gateway).await;
    let report = finished(&lab.dial(dial())).await;
    assert!(report.violations[0].contains("circle"), "{:?}", report.violations);
    assert_eq!(report.ended_by, EndedBy::Failure);
}

#[tokio::test]
async fn redirects_of_http_are_followed_and_signed_anew() {
    let gateway = answering(|asked| match asked.path.as_str() {
        "/twilio/voice" => twiml("<Redirect method=\"GET\">/next?x=1#rc=2</Redirect>"),
        _ => twiml("<Hangup/>"),
    })
    .await;
    let lab = lab(&gateway).await;
    assert_clean(&*finished(&lab.dial(dial())).await);
    let asked = gateway.asked_below("/next?x=1&");
    assert!(asked[0].signed && asked[0].path.contains("CallSid=CA"), "{asked:?}");
}

#[tokio::test]
async fn callbacks_may_come_out_of_order() {
    let gateway = answering(|_| connect("")).await;
    let lab = Lab::start(LabConfig { callbacks: Callbacks::OutOfOrder, ..config(&gateway) }).await.unwrap();
    let report = finished(&lab.dial(Dial { detail: false, ..dial() })).await;
    assert_clean(&report);
    let of = |path: &str, field: &str| -> Vec<String> {
        gateway.asked(path).iter().map(|asked| asked.form[field].clone()).collect()
    };
    assert_eq!(of("/twilio/stream-status", "StreamEvent"), ["stream-stopped", "stream-started"]);
    assert_eq!(of("/twilio/status", "SequenceNumber"), ["3", "2"]);
    assert_eq!(of("/twilio/status", "CallStatus"), ["completed", "in-progress"]);
}
