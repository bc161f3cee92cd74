//! From the request for a socket to a session that is ready, or not.

use super::*;
use crate::{model::ModelFault, wire::Failure};

const CREATED: &str = r#"{"type":"session.created","event_id":"e","session":{}}"#;
const UPDATED: &str = r#"{"type":"session.updated","event_id":"e","session":{}}"#;

#[test]
fn ready_is_what_the_server_has_confirmed() {
    let mut peer = Peer::new(settings());
    assert_eq!(peer.model.traits(), crate::model::ModelTraits { hears_speech: true, answers: true });
    peer.ask(ModelRequest::Connect);
    assert_eq!(peer.opened, 1);
    peer.append(&[0xff; 160]);
    peer.socket(WsEvent::Open);
    assert!(peer.sent.is_empty(), "the server speaks first");
    peer.socket(WsEvent::Text(CREATED));
    peer.append(&[0xff; 160]);
    assert_eq!(kinds(&peer.sent), ["session.update"]);
    assert!(peer.told.is_empty(), "not yet configured");
    peer.socket(WsEvent::Text(UPDATED));
    assert_eq!(peer.take_told(), ["ready"]);
    peer.append(&[0xff; 160]);
    assert_eq!(kinds(&peer.sent), ["session.update", "input_audio_buffer.append"], "no audio before it is ready");
    // Told once, whatever the server repeats.
    peer.socket(WsEvent::Text(UPDATED));
    peer.socket(WsEvent::Text(CREATED));
    assert!(peer.told.is_empty() && peer.sent.len() == 2);
}

#[test]
fn settings_that_are_refused_are_a_loss() {
    for by_id in [true, false] {
        let mut peer = Peer::new(settings());
        peer.ask(ModelRequest::Connect);
        peer.socket(WsEvent::Text(CREATED));
        let id = peer.last_event_id();
        peer.error("unknown_parameter", by_id.then_some(id.as_str()));
        assert_eq!(peer.take_told(), ["lost"]);
        assert_eq!((peer.model.fault(), peer.closed), (Some(ModelFault::Settings), 1));
        peer.socket(WsEvent::Text(UPDATED));
        assert!(peer.told.is_empty(), "nothing comes of a socket that is gone");
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    for text in [None, Some(CREATED)] {
        let mut peer = Peer::new(settings());
        peer.ask(ModelRequest::Connect);
        if let Some(text) = text {
            peer.socket(WsEvent::Text(text));
        }
        assert_eq!(peer.model.poll_timeout(), Timestamp::ZERO + OPENING);
        peer.wait(OPENING.as_millis() as u64 - 1);
        assert!(peer.told.is_empty());
        peer.wait(1);
        assert_eq!(peer.take_told(), ["lost"]);
        assert_eq!((peer.model.fault(), peer.closed), (Some(ModelFault::TimedOut), 1));
        assert_eq!(peer.model.poll_timeout(), Timestamp::NEVER);
    }
}

#[test]
fn every_way_not_to_be_connected() {
    let lost = |event: WsEvent<'_>| {
        let mut peer = Peer::new(settings());
        peer.ask(ModelRequest::Connect);
        peer.socket(event);
        peer.socket(event);
        assert_eq!(peer.take_told(), ["lost"], "told once");
        assert_eq!(peer.closed, 0, "the socket is gone already");
        peer.model.fault().expect("a fault")
    };
    let closed = |code, reason| WsEvent::Closed { code: Some(code), reason };
    assert_eq!(lost(closed(3000, "invalid_request_error.invalid_api_key")), ModelFault::Key);
    assert_eq!(lost(closed(4000, "invalid_request_error.missing_model")), ModelFault::Model);
    assert_eq!(lost(closed(1001, "")), ModelFault::Server);
    // Azure says it in the handshake.
    assert_eq!(lost(WsEvent::Refused { status: 401, body: b"{}" }), ModelFault::Key);
    assert_eq!(lost(WsEvent::Refused { status: 404, body: b"" }), ModelFault::Model);
    assert_eq!(lost(WsEvent::Refused { status: 429, body: b"" }), ModelFault::RateLimit);
    assert_eq!(lost(WsEvent::Refused { status: 503, body: b"" }), ModelFault::Server);
    assert_eq!(lost(WsEvent::Failed(Failure::Connect)), ModelFault::Network);
    assert_eq!(lost(WsEvent::Failed(Failure::TimedOut)), ModelFault::TimedOut);
    assert_eq!(lost(WsEvent::Failed(Failure::Overloaded)), ModelFault::Overloaded);
}

#[test]
fn faults_say_what_to_do_and_pass_when_it_is_well_again() {
    let mut peer = Peer::new(settings());
    peer.ask(ModelRequest::Connect);
    peer.socket(WsEvent::Refused { status: 401, body: b"" });
    let fault = peer.model.fault().expect("a fault");
    assert!(fault.is_lasting() && fault.to_string().contains("check the key"), "{fault}");
    peer.ask(ModelRequest::Connect);
    peer.configure();
    assert_eq!((peer.model.fault(), peer.opened), (None, 2));
}

#[test]
fn opened_ahead_it_waits_for_its_call() {
    let mut peer = Peer::new(settings());
    peer.model.open_ahead();
    peer.model.open_ahead();
    peer.drain();
    assert_eq!(peer.opened, 1);
    peer.configure();
    // What a server says to nobody is not told.
    peer.response_created("resp_x");
    assert!(peer.told.is_empty(), "the call has not begun");
    peer.ask(ModelRequest::Connect);
    assert_eq!(peer.take_told(), ["ready"]);
    assert_eq!((peer.opened, kinds(&peer.sent)), (1, vec!["session.update"]));
    // A second request is one for another session.
    peer.ask(ModelRequest::Connect);
    assert_eq!(peer.opened, 2);
}

#[test]
fn ahead_of_the_call_no_time_passes() {
    let mut peer = Peer::new(settings());
    peer.model.open_ahead();
    peer.drain();
    assert_eq!(peer.model.poll_timeout(), Timestamp::NEVER);
    peer.ask(ModelRequest::Connect);
    assert_eq!((peer.opened, peer.model.poll_timeout()), (1, Timestamp::ZERO + OPENING), "it is on its way");
    peer.wait(1000);
    peer.configure();
    assert_eq!(peer.take_told(), ["ready"]);

    // Or from the first time that is seen.
    let mut peer = Peer::new(settings());
    peer.model.open_ahead();
    peer.now = Timestamp::from_millis(1000);
    peer.socket(WsEvent::Open);
    assert_eq!(peer.model.poll_timeout(), peer.now + OPENING);
}

#[test]
fn what_was_lost_ahead_is_opened_again_when_it_is_needed() {
    let mut peer = Peer::new(settings());
    peer.model.open_ahead();
    peer.drain();
    peer.socket(WsEvent::Failed(Failure::Connect));
    assert!(peer.told.is_empty());
    peer.ask(ModelRequest::Connect);
    assert_eq!(peer.opened, 2);
    peer.configure();
    assert_eq!(peer.take_told(), ["ready"]);
}

#[test]
fn after_the_close_nothing_is_told_or_sent() {
    let mut peer = Peer::ready(settings());
    peer.ask(ModelRequest::Close);
    assert_eq!(peer.closed, 1);
    peer.append(&[0xff; 160]);
    peer.ask(ModelRequest::CreateResponse);
    peer.ask(ModelRequest::Commit);
    peer.response_created("resp_1");
    peer.socket(WsEvent::Closed { code: Some(1000), reason: "" });
    peer.ask(ModelRequest::Close);
    assert_eq!((peer.sent.len(), peer.told.len(), peer.closed), (0, 0, 1));
}
