//! What the vendor sends on a stream, by template.

use std::fmt::Write as _;

use base64_simd::STANDARD;
use serde_json::json;

use crate::carrier::twilio::{AccountSid, CallSid, StreamSid};

/// The first message of every connection.
pub(super) const CONNECTED: &str = r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#;

/// Writes the messages of one stream and counts them.
#[derive(Clone, Debug)]
pub(super) struct Messages {
    account: AccountSid,
    call: CallSid,
    stream: StreamSid,
    sequence: u64,
    chunk: u64,
}

impl Messages {
    pub(super) fn new(account: AccountSid, call: CallSid, stream: StreamSid) -> Self {
        Self { account, call, stream, sequence: 0, chunk: 0 }
    }

    pub(super) fn stream(&self) -> StreamSid {
        self.stream
    }

    pub(super) fn start(&mut self, parameters: &[(String, String)]) -> String {
        let parameters: serde_json::Map<_, _> =
            parameters.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        json!({
            "event": "start",
            "sequenceNumber": self.next().to_string(),
            "start": {
                "accountSid": self.account.as_str(),
                "streamSid": self.stream.as_str(),
                "callSid": self.call.as_str(),
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": parameters,
            },
            "streamSid": self.stream.as_str(),
        })
        .to_string()
    }

    pub(super) fn media(&mut self, timestamp_ms: u64, mulaw: &[u8]) -> String {
        let sequence = self.next();
        self.chunk += 1;
        let mut text = String::with_capacity(180 + STANDARD.encoded_length(mulaw.len()));
        let chunk = self.chunk;
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            r#"{{"event":"media","sequenceNumber":"{sequence}","media":{{"track":"inbound","chunk":"{chunk}","timestamp":"{timestamp_ms}","payload":""#
        );
        STANDARD.encode_append(mulaw, &mut text);
        let _ = write!(text, r#""}},"streamSid":"{}"}}"#, self.stream);
        text
    }

    pub(super) fn dtmf(&mut self, digit: char) -> String {
        let (stream, sequence) = (self.stream, self.next());
        format!(
            r#"{{"event":"dtmf","streamSid":"{stream}","sequenceNumber":"{sequence}","dtmf":{{"track":"inbound_track","digit":"{digit}"}}}}"#
        )
    }

    pub(super) fn mark(&mut self, name: &str) -> String {
        let (stream, sequence) = (self.stream, self.next());
        let name = serde_json::Value::from(name);
        format!(r#"{{"event":"mark","sequenceNumber":"{sequence}","streamSid":"{stream}","mark":{{"name":{name}}}}}"#)
    }

    pub(super) fn stop(&mut self) -> String {
        let (account, call, stream, sequence) = (self.account, self.call, self.stream, self.next());
        format!(
            r#"{{"event":"stop","sequenceNumber":"{sequence}","streamSid":"{stream}","stop":{{"accountSid":"{account}","callSid":"{call}"}}}}"#
        )
    }

    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{super::check, *};
    use crate::carrier::twilio::{Event, decode};

    #[test]
    fn every_message_fits_its_schema_and_counts_on() {
        let stream: StreamSid = "MZ18ad3ab518ad3ab518ad3ab518ad3ab5".parse().expect("a SID");
        let account = "ACa1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4".parse().expect("a SID");
        let call = "CA0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c".parse().expect("a SID");
        let mut messages = Messages::new(account, call, stream);
        let parameters = [("call_token".to_owned(), "a\"b".to_owned())];
        let all = [
            CONNECTED.to_owned(),
            messages.start(&parameters),
            messages.media(155, &[0xff; 160]),
            messages.media(175, &[]),
            messages.dtmf('#'),
            messages.mark("q:1:2"),
            messages.mark("a \"name\"\n"),
            messages.stop(),
        ];
        let mut audio = Vec::new();
        for (n, text) in all.iter().enumerate() {
            assert_eq!(check::inbound(text), None, "{text}");
            let value: Value = serde_json::from_str(text).expect("JSON");
            if n > 0 {
                assert_eq!(value["sequenceNumber"], n.to_string(), "{text}");
            }
            assert!(decode(text, (n > 1).then_some(stream), &mut audio).is_ok(), "{text}");
        }
        let value: Value = serde_json::from_str(&all[3]).expect("JSON");
        assert_eq!((&value["media"]["chunk"], &value["media"]["timestamp"]), (&"2".into(), &"175".into()));
        assert!(matches!(decode(&all[4], Some(stream), &mut audio), Ok(Event::Digit(_))));
    }
}
