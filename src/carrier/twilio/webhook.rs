//! The forms that Twilio posts to us, as typed values. Their signatures are checked before
//! ([`super::signature::Verifier`]).

use std::borrow::Cow;
use std::fmt;

use super::rest::call_status;
use super::{AccountSid, CallSid, StreamSid};
use crate::carrier::{CallStatus, Parties};

/// Longest form that is read, in bytes. An incoming call has about 1,000.
pub const MAX_FORM: usize = 64 << 10;

/// The form cannot be used: the carrier misbehaved, or somebody who is not the carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// A field is missing.
    #[error("the carrier's request has no `{0}`")]
    Missing(&'static str),
    /// A field is not what it should be.
    #[error("the carrier's request has a `{0}` that is none")]
    Wrong(&'static str),
}

/// The fields of a form.
#[derive(Clone)]
struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Form<'a> {
    fn read(body: &'a [u8]) -> Self {
        Self(form_urlencoded::parse(body).collect())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }

    /// We have placed the call: `outbound-api`, not the other leg of a `<Dial>`.
    fn outbound(&self) -> bool {
        self.text("Direction") == Some("outbound-api")
    }

    fn parties(&self) -> Parties {
        let text = |name| self.text(name).unwrap_or_default().to_owned();
        parties(text("From"), text("To"), self.outbound())
    }

    fn sid<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, FormError> {
        self.text(name).ok_or(FormError::Missing(name))?.parse().map_err(|_| FormError::Wrong(name))
    }
}

/// Whoever began the call is `from`.
fn parties(from: String, to: String, outbound: bool) -> Parties {
    let (theirs, ours) = if outbound { (to, from) } else { (from, to) };
    Parties { theirs, ours, outbound }
}

/// A call asks for a document: an incoming one, or one whose stream has ended. `Debug` shows no telephone number.
#[derive(Clone, PartialEq, Eq)]
pub struct VoiceRequest {
    /// The account that owns the call.
    pub account: AccountSid,
    /// The call.
    pub call: CallSid,
    /// The number that was called; empty if withheld.
    pub to: String,
    /// The caller's number, or some word instead of it.
    pub from: String,
    /// The call's state; a document is of no use to an ended one.
    pub status: Option<CallStatus>,
    /// After `<Dial>`: whether the other side was reached.
    pub reached: Option<bool>,
    /// We have placed the call.
    pub outbound: bool,
    /// Who has answered it, if the carrier listened.
    pub answered_by: Option<AnsweredBy>,
}

impl fmt::Debug for VoiceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VoiceRequest").field("call", &self.call).field("status", &self.status).finish_non_exhaustive()
    }
}

impl VoiceRequest {
    /// Who talks with whom.
    #[must_use]
    pub fn parties(&self) -> Parties {
        parties(self.from.clone(), self.to.clone(), self.outbound)
    }

    /// Reads the form.
    ///
    /// # Errors
    ///
    /// If it names no account or no call.
    pub fn read(body: &[u8]) -> Result<Self, FormError> {
        let form = Form::read(body);
        let text = |name| form.text(name).unwrap_or_default().to_owned();
        Ok(Self {
            account: form.sid("AccountSid")?,
            call: form.sid("CallSid")?,
            to: text("To"),
            from: text("From"),
            status: form.text("CallStatus").and_then(call_status),
            reached: form.text("DialCallStatus").map(|status| matches!(status, "completed" | "answered")),
            outbound: form.outbound(),
            answered_by: form.text("AnsweredBy").map(AnsweredBy::of),
        })
    }
}

/// Who has answered a call that we placed, as far as the carrier could hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnsweredBy {
    /// A person, or nobody knows.
    Person,
    /// An answering machine.
    Machine,
    /// A fax machine.
    Fax,
}

impl AnsweredBy {
    fn of(word: &str) -> Self {
        match word {
            "fax" => Self::Fax,
            word if word.starts_with("machine") => Self::Machine,
            // `human`, `unknown`, and whatever is new: rather talk to a machine than hang up on a person.
            _ => Self::Person,
        }
    }
}

/// What became of a call that we placed, and that no person answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// They talk with somebody else.
    Busy,
    /// It rang in vain.
    NoAnswer,
    /// The number cannot be reached.
    Failed,
    /// It was taken back while it rang.
    Canceled,
    /// An answering machine answered.
    Machine,
    /// A fax machine answered.
    Fax,
}

impl Unanswered {
    /// As call records name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::NoAnswer => "unanswered",
            Self::Failed => "unreachable",
            Self::Canceled => "canceled",
            Self::Machine => "machine",
            Self::Fax => "fax",
        }
    }

    fn of(status: &str, answered_by: Option<AnsweredBy>) -> Option<Self> {
        match (status, answered_by) {
            ("busy", _) => Some(Self::Busy),
            ("no-answer", _) => Some(Self::NoAnswer),
            ("failed", _) => Some(Self::Failed),
            ("canceled", _) => Some(Self::Canceled),
            ("completed", Some(AnsweredBy::Machine)) => Some(Self::Machine),
            ("completed", Some(AnsweredBy::Fax)) => Some(Self::Fax),
            _ => None,
        }
    }
}

/// The call's state has changed. These may come in any order: an ended call stays ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCallback {
    /// The account that owns the call.
    pub account: AccountSid,
    /// The call.
    pub call: CallSid,
    /// The state; `None` for a word that we do not know.
    pub status: Option<CallStatus>,
    /// Its place in the order in which things happened, if told.
    pub sequence: Option<u32>,
    /// Who talks with whom.
    pub parties: Parties,
    /// We have placed the call, and no person has answered it.
    pub unanswered: Option<Unanswered>,
    /// How long the line was open, in seconds.
    pub lasted_s: Option<u32>,
}

impl StatusCallback {
    /// Reads the form.
    ///
    /// # Errors
    ///
    /// If it names no account, no call or no state.
    pub fn read(body: &[u8]) -> Result<Self, FormError> {
        let form = Form::read(body);
        let status = form.text("CallStatus").ok_or(FormError::Missing("CallStatus"))?;
        let parties = form.parties();
        let answered_by = form.text("AnsweredBy").map(AnsweredBy::of);
        Ok(Self {
            account: form.sid("AccountSid")?,
            call: form.sid("CallSid")?,
            status: call_status(status),
            sequence: form.text("SequenceNumber").and_then(|number| number.parse().ok()),
            unanswered: Unanswered::of(status, answered_by).filter(|_| parties.outbound),
            lasted_s: form.text("CallDuration").and_then(|number| number.parse().ok()),
            parties,
        })
    }
}

/// What Twilio tells of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamNews {
    /// It began.
    Started,
    /// It ended.
    Stopped,
    /// It failed.
    Failed,
}

/// A stream began, ended or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamCallback {
    /// The account that owns the call.
    pub account: AccountSid,
    /// The call.
    pub call: CallSid,
    /// The stream; not known if it could not be opened.
    pub stream: Option<StreamSid>,
    /// What happened; `None` for a word that we do not know.
    pub news: Option<StreamNews>,
    /// The vendor's words for a failure.
    pub error: Option<String>,
}

impl StreamCallback {
    /// Reads the form.
    ///
    /// # Errors
    ///
    /// If it names no account, no call or no event.
    pub fn read(body: &[u8]) -> Result<Self, FormError> {
        let form = Form::read(body);
        let news = match form.text("StreamEvent").ok_or(FormError::Missing("StreamEvent"))? {
            "stream-started" => Some(StreamNews::Started),
            "stream-stopped" => Some(StreamNews::Stopped),
            "stream-error" => Some(StreamNews::Failed),
            _ => None,
        };
        Ok(Self {
            account: form.sid("AccountSid")?,
            call: form.sid("CallSid")?,
            stream: form.text("StreamSid").and_then(|sid| sid.parse().ok()),
            news,
            error: form.text("StreamError").filter(|text| !text.is_empty()).map(str::to_owned),
        })
    }
}

/// What Twilio took a text for that it answers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptOut {
    /// They want no more texts from this number.
    Stop,
    /// They want them again.
    Start,
    /// They asked what this is.
    Help,
}

/// Somebody wrote to a number of ours. `Debug` shows neither number nor words.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageRequest {
    /// The account that owns the number.
    pub account: AccountSid,
    /// `SM…` or `MM…`: the same however often it is told.
    pub id: String,
    /// Who wrote.
    pub from: String,
    /// Our number.
    pub to: String,
    /// What they wrote; may be empty, with pictures.
    pub body: String,
    /// Pictures and the like; they are not looked at.
    pub media: u32,
    /// Twilio answers this one itself.
    pub opt_out: Option<OptOut>,
}

impl fmt::Debug for MessageRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageRequest").field("id", &self.id).field("opt_out", &self.opt_out).finish_non_exhaustive()
    }
}

impl MessageRequest {
    /// Reads the form.
    ///
    /// # Errors
    ///
    /// If it names no account, no message or no numbers.
    pub fn read(body: &[u8]) -> Result<Self, FormError> {
        let form = Form::read(body);
        let text = |name| form.text(name).map(str::to_owned).ok_or(FormError::Missing(name));
        let opt_out = match form.text("OptOutType") {
            Some("STOP") => Some(OptOut::Stop),
            Some("START") => Some(OptOut::Start),
            Some("HELP") => Some(OptOut::Help),
            Some(_) | None => None,
        };
        Ok(Self {
            account: form.sid("AccountSid")?,
            id: message_id(&form)?,
            from: text("From")?,
            to: text("To")?,
            body: form.text("Body").unwrap_or_default().to_owned(),
            media: form.text("NumMedia").and_then(|count| count.parse().ok()).unwrap_or(0),
            opt_out,
        })
    }
}

/// What became of a text of ours. These may come in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageCallback {
    /// The account that sent it.
    pub account: AccountSid,
    /// `SM…`.
    pub id: String,
    /// `sent`, `delivered`, `undelivered`, `failed`, ….
    pub status: String,
    /// Why it failed.
    pub error: Option<u32>,
}

impl MessageCallback {
    /// Reads the form.
    ///
    /// # Errors
    ///
    /// If it names no account, no message or no state.
    pub fn read(body: &[u8]) -> Result<Self, FormError> {
        let form = Form::read(body);
        let status = form.text("MessageStatus").ok_or(FormError::Missing("MessageStatus"))?;
        if status.is_empty()
            || status.len() > 32
            || !status.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        {
            return Err(FormError::Wrong("MessageStatus"));
        }
        Ok(Self {
            account: form.sid("AccountSid")?,
            id: message_id(&form)?,
            status: status.to_owned(),
            error: form.text("ErrorCode").and_then(|code| code.parse().ok()),
        })
    }
}

fn message_id(form: &Form<'_>) -> Result<String, FormError> {
    let id = form.text("MessageSid").ok_or(FormError::Missing("MessageSid"))?;
    let is_id = id.len() == 34
        && (id.starts_with("SM") || id.starts_with("MM"))
        && id[2..].bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { Ok(id.to_owned()) } else { Err(FormError::Wrong("MessageSid")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: &str = "AccountSid=AC0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c&CallSid=CA0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c";

    #[test]
    fn an_incoming_call_is_read_and_shows_no_number() {
        let form = format!("{IDS}&CallStatus=ringing&To=%2B15550001111&From=Anonymous&FromCity=");
        let request = VoiceRequest::read(form.as_bytes()).expect("a call");
        assert_eq!((request.to.as_str(), request.from.as_str()), ("+15550001111", "Anonymous"));
        assert_eq!((request.status, request.reached), (Some(CallStatus::InProgress), None));
        for (word, reached) in [("completed", true), ("answered", true), ("no-answer", false), ("busy", false)] {
            let form = format!("{IDS}&DialCallStatus={word}");
            assert_eq!(VoiceRequest::read(form.as_bytes()).expect("a call").reached, Some(reached), "{word}");
        }
        assert!(!format!("{request:?}").contains("1555"));
        assert_eq!(VoiceRequest::read(b"CallSid=1").unwrap_err(), FormError::Missing("AccountSid"));
        assert_eq!(VoiceRequest::read(b"AccountSid=1").unwrap_err(), FormError::Wrong("AccountSid"));
    }

    #[test]
    fn calls_that_we_placed_are_theirs_by_to_and_known_by_who_answers() {
        let ends = "&To=%2B15550001111&From=%2B15550200900&CallStatus=in-progress";
        let read = |more: &str| VoiceRequest::read(format!("{IDS}{ends}{more}").as_bytes()).expect("a call");
        let ours = read("&Direction=outbound-api&AnsweredBy=human");
        let Parties { theirs, ours: own, outbound } = ours.parties();
        assert_eq!((theirs.as_str(), own.as_str(), outbound), ("+15550001111", "+15550200900", true));
        assert_eq!(read("&Direction=inbound").parties().theirs, "+15550200900");
        for (word, by) in [
            ("human", AnsweredBy::Person),
            ("unknown", AnsweredBy::Person),
            ("machine_start", AnsweredBy::Machine),
            ("machine_end_beep", AnsweredBy::Machine),
            ("machine_end_silence", AnsweredBy::Machine),
            ("machine_end_other", AnsweredBy::Machine),
            ("fax", AnsweredBy::Fax),
        ] {
            assert_eq!(read(&format!("&AnsweredBy={word}")).answered_by, Some(by), "{word}");
        }
    }

    #[test]
    fn a_call_that_no_person_answered_is_told_by_its_last_callback() {
        for (fields, why) in [
            ("CallStatus=busy", Some("busy")),
            ("CallStatus=no-answer", Some("unanswered")),
            ("CallStatus=failed", Some("unreachable")),
            ("CallStatus=canceled", Some("canceled")),
            ("CallStatus=completed&AnsweredBy=machine_end_beep", Some("machine")),
            ("CallStatus=completed&AnsweredBy=fax", Some("fax")),
            ("CallStatus=completed&AnsweredBy=human", None),
            ("CallStatus=in-progress&AnsweredBy=machine_start", None),
            ("CallStatus=completed", None),
        ] {
            let read = |direction: &str| {
                let form = format!("{IDS}&{fields}&Direction={direction}&CallDuration=7");
                StatusCallback::read(form.as_bytes()).expect("a callback")
            };
            assert_eq!(read("outbound-api").unanswered.map(Unanswered::name), why, "{fields}");
            assert_eq!(read("outbound-api").lasted_s, Some(7));
            // Who calls us, and the other leg of a transfer, are nobody's calls of ours.
            assert_eq!((read("inbound").unanswered, read("outbound-dial").unanswered), (None, None));
        }
    }

    #[test]
    fn callbacks_are_read() {
        let status = StatusCallback::read(format!("{IDS}&CallStatus=no-answer&SequenceNumber=3").as_bytes());
        let status = status.expect("a callback");
        assert_eq!((status.status, status.sequence), (Some(CallStatus::Ended), Some(3)));
        let form = format!("{IDS}&StreamEvent=stream-error&StreamError=closed&StreamSid=");
        let stream = StreamCallback::read(form.as_bytes()).expect("a callback");
        assert_eq!((stream.news, stream.stream), (Some(StreamNews::Failed), None));
        assert_eq!(stream.error.as_deref(), Some("closed"));
        assert_eq!(StreamCallback::read(IDS.as_bytes()).unwrap_err(), FormError::Missing("StreamEvent"));
    }

    #[test]
    fn texts_and_what_became_of_them_are_read() {
        let ids = "AccountSid=AC0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c&MessageSid=SM0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c";
        let form = format!("{ids}&From=%2B15550001111&To=%2B15550002222&Body=STOP+it&OptOutType=STOP&NumMedia=1");
        let read = MessageRequest::read(form.as_bytes()).expect("a text");
        assert_eq!((read.body.as_str(), read.opt_out, read.media), ("STOP it", Some(OptOut::Stop), 1));
        assert!(!format!("{read:?}").contains("1555"));
        assert_eq!(MessageRequest::read(ids.as_bytes()).unwrap_err(), FormError::Missing("From"));
        let told =
            MessageCallback::read(format!("{ids}&MessageStatus=failed&ErrorCode=30003").as_bytes()).expect("news");
        assert_eq!((told.status.as_str(), told.error), ("failed", Some(30003)));
        let wrong = ids.replace("SM0f", "SMÖf");
        assert_eq!(MessageRequest::read(wrong.as_bytes()).unwrap_err(), FormError::Wrong("MessageSid"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body: Vec<u8>) {
            let _ = (VoiceRequest::read(&body), StatusCallback::read(&body), StreamCallback::read(&body));
            let _ = (MessageRequest::read(&body), MessageCallback::read(&body));
        }
    }
}
