//! The forms that the vendor posts, field by field.

use super::clock::WallTime;
use crate::carrier::twilio::{AccountSid, CallSid, StreamSid};

/// Names and values.
pub(super) type Form = Vec<(String, String)>;

/// What every form about a call says.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    pub(super) account: AccountSid,
    pub(super) call: CallSid,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    /// `CallStatus`.
    pub(super) status: &'a str,
    /// `Direction`.
    pub(super) direction: &'a str,
    /// `AnsweredBy`, once the vendor has listened.
    pub(super) answered_by: Option<&'a str>,
}

impl About<'_> {
    /// Of `action`, `<Redirect>` and a document's address given by REST: the common fields.
    pub(super) fn common(&self) -> Form {
        let mut fields = form([
            ("AccountSid", self.account.as_str()),
            ("ApiVersion", API_VERSION),
            ("CallSid", self.call.as_str()),
            ("CallStatus", self.status),
            ("Called", self.to),
            ("Caller", self.from),
            ("Direction", self.direction),
            ("From", self.from),
            ("To", self.to),
        ]);
        fields.extend(self.answered_by.map(|by| ("AnsweredBy".to_owned(), by.to_owned())));
        fields
    }

    /// Of an incoming call, with where both ends are.
    pub(super) fn incoming(&self) -> Form {
        let mut fields = self.common();
        fields.push(("CallToken".to_owned(), CALL_TOKEN.to_owned()));
        fields.push(("StirVerstat".to_owned(), "TN-Validation-Passed-A".to_owned()));
        self.places(&mut fields);
        fields
    }

    /// Of a status callback; `seconds` the call's length.
    pub(super) fn status(&self, sequence: u32, seconds: Option<u64>, at: WallTime) -> Form {
        let mut fields = self.common();
        self.places(&mut fields);
        if let Some(seconds) = seconds {
            fields.extend(form([
                ("CallDuration", seconds.to_string().as_str()),
                ("Duration", seconds.div_ceil(60).to_string().as_str()),
            ]));
        }
        fields.extend(form([
            ("CallbackSource", "call-progress-events"),
            ("SequenceNumber", sequence.to_string().as_str()),
            ("Timestamp", at.rfc2822().as_str()),
        ]));
        fields
    }

    /// City, state, postcode and country; the vendor leaves them out for a withheld number.
    fn places(&self, fields: &mut Form) {
        let known = |number: &str| number.starts_with("+1");
        for (end, number, place) in [
            ("Called", self.to, ["", "CA", "", "US"]),
            ("To", self.to, ["", "CA", "", "US"]),
            ("Caller", self.from, ["LOS ANGELES", "CA", "91604", "US"]),
            ("From", self.from, ["LOS ANGELES", "CA", "91604", "US"]),
        ] {
            if known(number) {
                let parts = ["City", "State", "Zip", "Country"].into_iter().zip(place);
                fields.extend(parts.map(|(part, value)| (format!("{end}{part}"), value.to_owned())));
            }
        }
    }
}

/// What a stream's status callback tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StreamStatus {
    Started,
    Stopped,
    /// The vendor's code and text.
    Error(u32, String),
}

impl StreamStatus {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Started => "stream-started",
            Self::Stopped => "stream-stopped",
            Self::Error(..) => "stream-error",
        }
    }

    pub(super) fn form(
        &self,
        account: AccountSid,
        call: CallSid,
        stream: StreamSid,
        name: Option<&str>,
        at: WallTime,
    ) -> Form {
        let mut fields = form([
            ("AccountSid", account.as_str()),
            ("CallSid", call.as_str()),
            ("StreamSid", stream.as_str()),
            ("StreamName", name.unwrap_or(stream.as_str())),
            ("StreamEvent", self.word()),
            ("Timestamp", at.iso8601().as_str()),
        ]);
        if let Self::Error(code, text) = self {
            fields.extend(form([("StreamError", text.as_str()), ("StreamErrorCode", code.to_string().as_str())]));
        }
        fields
    }
}

const API_VERSION: &str = "2010-04-01";
/// Escaped twice, as captured.
const CALL_TOKEN: &str = "%7B%22parentCallInfoToken%22%3A%22eyJhbGciOiJFUzI1NiJ9.e30.c2ln%22%2C%22identityHeaderTokens\
                          %22%3A%5B%5D%7D";

fn form<const N: usize>(fields: [(&str, &str); N]) -> Form {
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// The body of a form.
pub(super) fn encoded(form: &Form) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::{super::signing::Signature, *};

    /// The request of this name in the vectors.
    fn vector(name: &str) -> (String, Value) {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/twilio/webhooks.json");
        let all: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("vectors")).expect("JSON");
        let found = all["requests"].as_array().expect("requests").iter().find(|it| it["name"] == name);
        (all["auth_token"].as_str().expect("a token").to_owned(), found.expect(name).clone())
    }

    fn names(form: &Form) -> BTreeSet<&str> {
        form.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn forms_have_the_fields_of_captured_ones() {
        let account = "ACa1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4".parse().expect("a SID");
        let call = "CA0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c".parse().expect("a SID");
        let stream: StreamSid = "MZ18ad3ab518ad3ab518ad3ab518ad3ab5".parse().expect("a SID");
        let about = |from, status| About {
            account,
            call,
            from,
            to: "+13235550123",
            status,
            direction: "inbound",
            answered_by: None,
        };
        let (known, withheld) = ("+18185550147", "+266696687");
        let at = WallTime::now();
        let on_stream = |status: StreamStatus| status.form(account, call, stream, None, at);
        for (name, ours) in [
            ("incoming call", about(known, "ringing").incoming()),
            ("incoming call, caller withheld", about(withheld, "ringing").incoming()),
            ("inbound call completed", about(known, "completed").status(3, Some(42), at)),
            ("connect action after the stream ended", about(known, "in-progress").common()),
            ("stream started", on_stream(StreamStatus::Started)),
            ("stream stopped", on_stream(StreamStatus::Stopped)),
            ("stream error", on_stream(StreamStatus::Error(31920, "x".to_owned()))),
        ] {
            let (_, vector) = vector(name);
            let params = vector["params"].as_object().expect("params");
            let mut expected: BTreeSet<_> = params.keys().map(String::as_str).collect();
            // Comes at times.
            expected.remove("StirVerstat");
            let mut ours_named = names(&ours);
            ours_named.remove("StirVerstat");
            assert_eq!(ours_named, expected, "{name}");
            for (field, value) in
                ours.iter().filter(|(field, _)| !field.ends_with("Timestamp") && !field.starts_with("StreamErr"))
            {
                let said = params.get(field).and_then(Value::as_str);
                assert!(said.is_none_or(|said| said == value), "{name}: {field} is {value:?}, captured {said:?}");
            }
        }
    }

    #[test]
    fn captured_forms_are_signed_alike() {
        for name in ["incoming call", "stream error", "inbound call completed"] {
            let (token, vector) = vector(name);
            let body = vector["body"].as_str().expect("a body");
            let form: Form = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            let signature = Signature::Right.of(&token, vector["url"].as_str().expect("an address"), &form);
            assert_eq!(signature.as_deref(), vector["headers"]["X-Twilio-Signature"].as_str(), "{name}");
            assert_eq!(encoded(&form), body, "{name}");
        }
    }
}
