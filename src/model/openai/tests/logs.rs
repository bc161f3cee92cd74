//! What is logged: whose fault it is, and neither keys nor words.

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::*;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with it").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What is logged from this level on.
fn logged(level: tracing::Level, act: impl FnOnce()) -> String {
    let lines = Lines::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(level).with_ansi(false).with_writer(lines.clone()).finish();
    tracing::subscriber::with_default(subscriber, act);
    let bytes = lines.0.lock().expect("nobody panics with it").clone();
    String::from_utf8(bytes).expect("text")
}

#[test]
fn a_wrong_key_is_named_and_not_shown() {
    let log = logged(tracing::Level::TRACE, || {
        let mut peer = Peer::new(settings());
        for _ in 0..3 {
            peer.ask(ModelRequest::Connect);
            peer.server(json!({"type": "error", "error": {
                "type": "invalid_request_error", "code": "invalid_api_key", "message": "Incorrect API key: sk-test",
            }}));
            peer.socket(WsEvent::Closed { code: Some(3000), reason: "sk-test.invalid_api_key" });
            peer.ask(ModelRequest::Connect);
            peer.socket(WsEvent::Closed { code: Some(3000), reason: "sk-test.invalid_api_key" });
        }
    });
    assert!(log.contains("check the key") && log.contains("invalid_api_key"), "{log}");
    assert_eq!(log.matches("WARN").count(), 1, "said once: {log}");
    assert!(!log.contains("sk-test"), "{log}");
}

#[test]
fn a_conversation_that_goes_well_is_not_logged() {
    let log = logged(tracing::Level::DEBUG, || {
        let mut peer = Peer::ready(settings());
        peer.caller_says("item_1", "My number is 5.");
        peer.says("resp_1", "item_2", 100, "Thank you.");
        peer.socket(WsEvent::Text("{\"type\":\"response.created\",\"response\":\"My number is 5.\"}"));
    });
    assert!(!log.contains("number") && !log.contains("Thank"), "{log}");
}
