//! One call's Twilio side: media stream and REST as a [`Carrier`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64_simd::STANDARD;

use super::encode::pieces;
use super::rest::{self, Request, Verdict};
use super::twiml::{self, Dial, Setting, Twiml, TwimlError};
use super::{AccountSid, CallSid, Encoder, Event, StreamSid, decode};
use crate::{
    assistant::FarewellKind,
    carrier::{CallAnswer, CallRequest, CallStatus, Carrier, CarrierCommand, CarrierCounters, CarrierEvent, Sending},
    time::Timestamp,
    wire::{ExchangeEvent, ExchangeId, HttpRequest, Method},
};

/// A broken connection may come back within this time: Twilio goes on with our redirect at once.
pub const REOPEN: Duration = Duration::from_secs(5);
/// For one REST request. The call has bounds of its own and asks again.
const REST_TIMEOUT: Duration = Duration::from_secs(5);

/// How REST is reached, and with what rights. `Debug` shows no secret.
#[derive(Clone)]
pub struct Access {
    account: AccountSid,
    base: String,
    authorization: String,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("account", &self.account).field("base", &self.base).finish_non_exhaustive()
    }
}

impl Access {
    /// `base` is scheme and host, such as `https://api.twilio.com`; `user` the account or an API key.
    #[must_use]
    pub fn new(account: AccountSid, base: &str, user: &str, password: &str) -> Self {
        let authorization = format!("Basic {}", STANDARD.encode_to_string(format!("{user}:{password}")));
        Self { account, base: base.trim_end_matches('/').to_owned(), authorization }
    }

    /// The account.
    #[must_use]
    pub const fn account(&self) -> AccountSid {
        self.account
    }

    /// A request, ready to be sent.
    #[must_use]
    pub fn http(&self, request: &Request) -> HttpRequest {
        let mut headers = vec![("Authorization", self.authorization.clone())];
        let body = match request.method {
            Method::Get | Method::Delete => Vec::new(),
            Method::Post | Method::Put => {
                headers.push(("Content-Type", rest::FORM.to_owned()));
                request.body().into_bytes()
            }
        };
        let url = format!("{}{}", self.base, request.path);
        HttpRequest { method: request.method, url, headers, body, timeout: REST_TIMEOUT }
    }
}

/// The farewells as documents for the carrier's own voice: the last resort. Made when the assistant is loaded, so that
/// nothing can go wrong with them when they are needed.
#[derive(Clone, Debug)]
pub struct Sayings([Twiml; FarewellKind::ALL.len()]);

impl Sayings {
    /// From the texts, in this language (such as `en-US`).
    ///
    /// # Errors
    ///
    /// If a text or the language cannot be spoken; names the setting.
    pub fn new(text: impl Fn(FarewellKind) -> String, language: &str) -> Result<Self, TwimlError> {
        let mut documents = Vec::with_capacity(FarewellKind::ALL.len());
        for kind in FarewellKind::ALL {
            let key = format!("farewell.{}", kind.name());
            let text = text(kind);
            let text = Setting { key: &key, value: &text };
            documents.push(twiml::say_and_hang_up(text, Setting { key: "language", value: language })?);
        }
        Ok(Self(documents.try_into().expect("one document a kind")))
    }

    fn of(&self, kind: FarewellKind) -> &Twiml {
        let place = FarewellKind::ALL.iter().position(|known| *known == kind).expect("ALL holds every kind");
        &self.0[place]
    }
}

/// Documents that put a caller through, by the place of a transfer in the assistant's settings: made beforehand, like
/// the farewells.
#[derive(Clone, Debug, Default)]
pub struct Transfers(Vec<Place>);

/// Somebody whom callers may be put through to.
#[derive(Clone, Debug)]
struct Place {
    /// The caller has been told.
    silent: Twiml,
    /// The carrier tells the caller first.
    said: Twiml,
}

impl Transfers {
    /// For these numbers, in this order. `dial` is the document for the first of them: what is said in it, and the rest.
    ///
    /// # Errors
    ///
    /// If something cannot stand in a document; names the setting.
    pub fn new<'a>(numbers: impl IntoIterator<Item = &'a str>, dial: &Dial<'a>) -> Result<Self, TwimlError> {
        let place = |number| {
            let number = Setting { key: "tools.transfer_call.to", value: number };
            let silent = Dial { number, say: None, ..*dial }.document()?;
            Ok(Place { silent, said: Dial { number, ..*dial }.document()? })
        };
        numbers.into_iter().map(place).collect::<Result<_, _>>().map(Self)
    }

    fn of(&self, to: u8, say: bool) -> Option<&Twiml> {
        let place = self.0.get(usize::from(to))?;
        Some(if say { &place.said } else { &place.silent })
    }
}

/// One call on Twilio, from its stream's `start` on.
#[derive(Debug)]
pub struct TwilioCall {
    access: Arc<Access>,
    sayings: Arc<Sayings>,
    transfers: Arc<Transfers>,
    call: CallSid,
    stream: StreamSid,
    encoder: Encoder,
    audio: Vec<u8>,
    text: String,
    exchanges: u32,
    waiting: Vec<(ExchangeId, CallRequest)>,
    /// The connection is there.
    open: bool,
    /// It broke, and may come back until [`REOPEN`] later.
    lost_at: Option<Timestamp>,
    counters: CarrierCounters,
}

impl TwilioCall {
    /// For a stream whose `start` was read.
    #[must_use]
    pub fn new(
        access: Arc<Access>,
        sayings: Arc<Sayings>,
        transfers: Arc<Transfers>,
        call: CallSid,
        stream: StreamSid,
    ) -> Self {
        Self {
            access,
            sayings,
            transfers,
            call,
            stream,
            encoder: Encoder::new(stream),
            audio: Vec::with_capacity(1024),
            text: String::with_capacity(1024),
            exchanges: 0,
            waiting: Vec::new(),
            open: true,
            lost_at: None,
            counters: CarrierCounters::default(),
        }
    }

    /// The connection is there again, as another stream. `None` if it was never lost.
    pub fn reopened(&mut self, stream: StreamSid) -> Option<CarrierEvent<'static>> {
        let lost_at = self.lost_at.take()?;
        self.stream = stream;
        self.encoder = Encoder::new(stream);
        self.open = true;
        Some(CarrierEvent::Reopened { lost_at })
    }

    /// The connection broke and may come back.
    #[must_use]
    pub const fn may_reopen(&self) -> bool {
        self.lost_at.is_some()
    }

    fn request(&mut self, request: CallRequest, send: &mut dyn FnMut(Sending<'_>)) {
        let rest = match request {
            CallRequest::Hangup => Request::complete(self.access.account, self.call),
            CallRequest::FetchStatus => Request::fetch(self.access.account, self.call),
            CallRequest::Say(kind) => {
                match Request::update(self.access.account, self.call, self.sayings.of(kind)) {
                    Ok(request) => request,
                    // A text of 500 characters always fits; if not, the call is at least ended.
                    Err(_) => Request::complete(self.access.account, self.call),
                }
            }
            CallRequest::Dial { to, say } => {
                let document = self.transfers.of(to, say);
                match document.map(|twiml| Request::update(self.access.account, self.call, twiml)) {
                    Some(Ok(request)) => request,
                    // There is a document for every place of the settings, and it always fits. Whatever else it were: the
                    // call is not left waiting.
                    Some(Err(_)) | None => Request::complete(self.access.account, self.call),
                }
            }
            CallRequest::CloseStream => {
                self.open = false;
                self.lost_at = None;
                return send(Sending::Close);
            }
        };
        let id = ExchangeId(self.exchanges);
        self.exchanges += 1;
        self.waiting.push((id, request));
        send(Sending::Http(id, self.access.http(&rest)));
    }
}

impl Carrier for TwilioCall {
    fn handle_text<'a>(&'a mut self, _now: Timestamp, text: &'a str) -> Option<CarrierEvent<'a>> {
        match decode(text, Some(self.stream), &mut self.audio) {
            Ok(Event::Unknown) => {
                self.counters.unknown += 1;
                None
            }
            Ok(event) => {
                if event == Event::Stop {
                    self.open = false;
                }
                event.neutral()
            }
            Err(_) => {
                self.counters.unreadable += 1;
                None
            }
        }
    }

    fn handle_closed(
        &mut self,
        now: Timestamp,
        clean: bool,
        send: &mut dyn FnMut(Sending<'_>),
    ) -> Option<CarrierEvent<'static>> {
        if !self.open {
            // After `stop`, or after our own close: nothing new.
            return None;
        }
        self.open = false;
        if clean {
            return Some(CarrierEvent::Closed { clean });
        }
        // The line may still be there: Twilio follows our redirect. REST knows whether the caller is.
        self.lost_at = Some(now);
        self.request(CallRequest::FetchStatus, send);
        None
    }

    fn handle_exchange(
        &mut self,
        _now: Timestamp,
        id: ExchangeId,
        event: &ExchangeEvent,
    ) -> Option<CarrierEvent<'static>> {
        let at = self.waiting.iter().position(|(waiting, _)| *waiting == id)?;
        let (_, request) = self.waiting.swap_remove(at);
        let (verdict, body) = match event {
            ExchangeEvent::Answer { status, body } => (Verdict::of(*status, body), body.as_slice()),
            ExchangeEvent::Failed(_) => (Verdict::NO_ANSWER, &[][..]),
        };
        let answer = rest::answer(request, verdict, body)?;
        if answer == CallAnswer::Status(CallStatus::Ended) {
            self.lost_at = None;
        }
        Some(CarrierEvent::Answer(answer))
    }

    fn handle_timeout(&mut self, now: Timestamp) -> Option<CarrierEvent<'static>> {
        if self.poll_timeout() > now {
            return None;
        }
        self.lost_at = None;
        Some(CarrierEvent::Closed { clean: false })
    }

    fn poll_timeout(&self) -> Timestamp {
        self.lost_at.map_or(Timestamp::NEVER, |at| at + REOPEN)
    }

    fn handle_command(&mut self, _now: Timestamp, command: &CarrierCommand, send: &mut dyn FnMut(Sending<'_>)) {
        match command {
            CarrierCommand::Request(request) => self.request(*request, send),
            CarrierCommand::Media(_) | CarrierCommand::Mark(_) | CarrierCommand::Clear if !self.open => {}
            CarrierCommand::Media(payload) => {
                for piece in pieces(payload.samples()) {
                    self.encoder.media(piece, &mut self.text);
                    send(Sending::Text(&self.text));
                }
            }
            CarrierCommand::Mark(id) => {
                self.encoder.mark(*id, &mut self.text);
                send(Sending::Text(&self.text));
            }
            CarrierCommand::Clear => {
                self.encoder.clear(&mut self.text);
                send(Sending::Text(&self.text));
            }
        }
    }

    fn counters(&self) -> CarrierCounters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::{MarkId, Payload, RequestOutcome};

    const HEX: &str = "0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c";

    fn sid<T: std::str::FromStr<Err: fmt::Debug>>(prefix: &str) -> T {
        format!("{prefix}{HEX}").parse().expect("a SID")
    }

    fn call() -> TwilioCall {
        let access = Access::new(sid("AC"), "http://127.0.0.1:9200/", "ACuser", "secret");
        let sayings = Sayings::new(|kind| format!("The end: {}.", kind.name()), "en-US").expect("texts");
        let setting = |value| Setting { key: "tools.transfer_call", value };
        let dial = Dial {
            say: Some(setting("One moment, please.")),
            language: setting("en-US"),
            number: setting(""),
            timeout: Duration::from_secs(20),
            action: setting("https://gate.example.com/twilio/dialed/1"),
        };
        let transfers = Transfers::new(["+15550100", "+15550101"], &dial).expect("numbers");
        TwilioCall::new(Arc::new(access), Arc::new(sayings), Arc::new(transfers), sid("CA"), sid("MZ"))
    }

    fn sent(call: &mut TwilioCall, command: &CarrierCommand) -> Vec<String> {
        let mut out = Vec::new();
        call.handle_command(Timestamp::ZERO, command, &mut |sending| {
            out.push(match sending {
                Sending::Text(text) => text.to_owned(),
                Sending::Http(id, request) => {
                    format!("{} {} {}", id.0, request.url, String::from_utf8(request.body).expect("a form"))
                }
                Sending::Close => "close".to_owned(),
            });
        });
        out
    }

    #[test]
    fn a_hang_up_is_asked_of_rest_and_its_answer_understood() {
        let mut call = call();
        let out = sent(&mut call, &CarrierCommand::Request(CallRequest::Hangup));
        let url = format!("http://127.0.0.1:9200/2010-04-01/Accounts/AC{HEX}/Calls/CA{HEX}.json");
        assert_eq!(out, [format!("0 {url} Status=completed")]);
        let gone = ExchangeEvent::Answer { status: 404, body: br#"{"code":20404}"#.to_vec() };
        let done = CarrierEvent::Answer(CallAnswer::Hangup(RequestOutcome::Done));
        assert_eq!(call.handle_exchange(Timestamp::ZERO, ExchangeId(0), &gone), Some(done));
        assert_eq!(call.handle_exchange(Timestamp::ZERO, ExchangeId(0), &gone), None, "answered once");
    }

    #[test]
    fn the_farewell_is_said_by_the_carrier_in_its_text() {
        let out = sent(&mut call(), &CarrierCommand::Request(CallRequest::Say(FarewellKind::Drain)));
        assert!(out[0].contains("Twiml=") && out[0].contains("The+end%3A+drain."), "{out:?}");
    }

    #[test]
    fn a_caller_is_put_through_by_a_document_of_rest() {
        let mut call = call();
        let out = sent(&mut call, &CarrierCommand::Request(CallRequest::Dial { to: 1, say: false }));
        assert!(out[0].contains("Twiml=") && out[0].contains("%2B15550101") && !out[0].contains("Say"), "{out:?}");
        let done = ExchangeEvent::Answer { status: 200, body: b"{}".to_vec() };
        let answer = call.handle_exchange(Timestamp::ZERO, ExchangeId(0), &done);
        assert_eq!(answer, Some(CarrierEvent::Answer(CallAnswer::Dial(RequestOutcome::Done))));
        let out = sent(&mut call, &CarrierCommand::Request(CallRequest::Dial { to: 0, say: true }));
        assert!(out[0].contains("One+moment") && out[0].contains("%2B15550100"), "{out:?}");
        let refused = ExchangeEvent::Answer { status: 500, body: Vec::new() };
        let answer = call.handle_exchange(Timestamp::ZERO, ExchangeId(1), &refused);
        assert_eq!(answer, Some(CarrierEvent::Answer(CallAnswer::Dial(RequestOutcome::Failed))));
    }

    #[test]
    fn a_broken_connection_may_come_back_a_closed_one_not() {
        let at = Timestamp::from_millis;
        let mut call = call();
        let mut asked = 0;
        assert_eq!(call.handle_closed(at(1000), false, &mut |_| asked += 1), None);
        assert_eq!((asked, call.poll_timeout()), (1, at(6000)));
        assert_eq!(call.handle_timeout(at(5999)), None);
        let other = "MZ1f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c".parse().expect("a SID");
        assert_eq!(call.reopened(other), Some(CarrierEvent::Reopened { lost_at: at(1000) }));
        assert!(sent(&mut call, &CarrierCommand::Clear)[0].contains("MZ1f1e"));
        call.handle_closed(at(7000), false, &mut |_| {});
        assert_eq!(call.handle_timeout(at(12_000)), Some(CarrierEvent::Closed { clean: false }));
        assert_eq!(call.reopened(other), None, "too late");

        let mut call = self::call();
        let closed = call.handle_closed(at(1000), true, &mut |_| {});
        assert_eq!(closed, Some(CarrierEvent::Closed { clean: true }));
        assert_eq!(call.poll_timeout(), Timestamp::NEVER);
    }

    #[test]
    fn nothing_is_sent_after_the_close() {
        let mut call = call();
        let mark = CarrierCommand::Mark(MarkId { generation: 0, number: 1 });
        assert_eq!(sent(&mut call, &mark).len(), 1);
        assert_eq!(sent(&mut call, &CarrierCommand::Request(CallRequest::CloseStream)), ["close"]);
        assert!(sent(&mut call, &mark).is_empty());
        assert!(sent(&mut call, &CarrierCommand::Media(Payload::Frame([0xff; 160]))).is_empty());
        assert_eq!(call.handle_closed(Timestamp::ZERO, true, &mut |_| {}), None, "our own close is no news");
    }

    #[test]
    fn no_secret_is_shown() {
        let access = Access::new(sid("AC"), "https://api.twilio.com", "SKkey", "secret");
        let shown = format!("{access:?} {:?}", access.http(&Request::fetch(sid("AC"), sid("CA"))));
        assert!(!shown.contains("secret") && !shown.contains("Basic"), "{shown}");
    }
}
