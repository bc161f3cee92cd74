//! The part that all providers over HTTP share: a request, its deadlines, one retry before the first byte, and an
//! answer in pieces of any length.

use std::time::Duration;

use super::{BadAudio, FIRST_BYTE, Phrase, Rendering, Sending, Speech, TtsError, WHOLE, speech::max_bytes};
use crate::{
    audio::Encoding,
    time::Timestamp,
    wire::{Failure, HttpEvent, HttpRequest, WsEvent},
};

/// Longest error body that is read.
const MAX_REFUSAL: usize = 16 << 10;
/// Longest pause that a vendor may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(3_600);

/// An answer that is no sound.
#[derive(Clone, Copy, Debug)]
pub(in crate::tts) struct Refusal<'a> {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: &'a [u8],
}

/// What a provider makes of it: the error, and the vendor's own words.
pub(super) type Judge = fn(Refusal<'_>) -> (TtsError, Option<String>);

/// A phrase that is fetched with one request.
#[derive(Debug)]
pub(super) struct Fetch {
    request: HttpRequest,
    encoding: Encoding,
    judge: Judge,
    sending: Option<Sending>,
    first_until: Timestamp,
    whole_until: Timestamp,
    retried: bool,
    head: Option<Head>,
    body: Vec<u8>,
    said: Option<String>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    status: u16,
    retry_after: Option<Duration>,
}

impl Head {
    const fn is_sound(self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

#[derive(Debug)]
enum State {
    UnderWay,
    Done(Option<Result<Speech, TtsError>>),
}

impl Fetch {
    pub(super) fn begin(
        now: Timestamp,
        phrase: &Phrase,
        request: HttpRequest,
        encoding: Encoding,
        judge: Judge,
    ) -> Self {
        let mut fetch = Self {
            sending: Some(Sending::Http(request.clone())),
            request,
            encoding,
            judge,
            first_until: now + FIRST_BYTE,
            whole_until: now + WHOLE,
            retried: false,
            head: None,
            body: Vec::new(),
            said: None,
            state: State::UnderWay,
        };
        if let Err(error) = phrase.check() {
            fetch.sending = None;
            fetch.state = State::Done(Some(Err(error)));
        }
        fetch
    }

    const fn is_done(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    fn has_sound(&self) -> bool {
        self.head.is_some_and(Head::is_sound) && !self.body.is_empty()
    }

    fn done(&mut self, result: Result<Speech, TtsError>) {
        self.state = State::Done(Some(result));
    }

    /// Once more, if that is allowed.
    fn failed(&mut self, now: Timestamp, error: TtsError) {
        let again = match &error {
            TtsError::Connect | TtsError::TimedOut | TtsError::Broken => true,
            TtsError::Vendor { status } => *status >= 500,
            TtsError::Key
            | TtsError::Quota
            | TtsError::Permission
            | TtsError::Voice
            | TtsError::Model
            | TtsError::Rate { .. }
            | TtsError::Busy
            | TtsError::Length
            | TtsError::Refused(_)
            | TtsError::Wording { .. }
            | TtsError::BadAudio(_) => false,
        };
        if !again || self.retried || self.has_sound() || now >= self.whole_until {
            self.done(Err(error));
            return;
        }
        self.retried = true;
        self.head = None;
        self.body.clear();
        self.first_until = now + FIRST_BYTE;
        self.sending = Some(Sending::Http(self.request.clone()));
    }

    /// The answer is over, or was given up.
    fn refused(&mut self, now: Timestamp, head: Head) {
        let (error, said) =
            (self.judge)(Refusal { status: head.status, retry_after: head.retry_after, body: &self.body });
        self.said = said;
        self.failed(now, error);
    }

    fn chunk(&mut self, bytes: &[u8]) {
        let Some(head) = self.head else { return };
        if !head.is_sound() {
            let room = MAX_REFUSAL.saturating_sub(self.body.len()).min(bytes.len());
            self.body.extend_from_slice(&bytes[..room]);
        } else if self.body.len() + bytes.len() > max_bytes(self.encoding) {
            self.sending = Some(Sending::Close);
            self.done(Err(TtsError::BadAudio(BadAudio::TooLong)));
        } else {
            self.body.extend_from_slice(bytes);
        }
    }
}

impl Rendering for Fetch {
    fn poll_sending(&mut self) -> Option<Sending> {
        self.sending.take()
    }

    fn handle_http(&mut self, now: Timestamp, event: HttpEvent<'_>) {
        if self.is_done() {
            return;
        }
        match event {
            HttpEvent::Head { status, headers } => {
                self.head = Some(Head { status, retry_after: retry_after(headers) });
                self.body.clear();
            }
            HttpEvent::Chunk(bytes) => self.chunk(bytes),
            HttpEvent::End => match self.head {
                Some(head) if head.is_sound() => {
                    let speech = Speech::of(self.encoding, &self.body);
                    self.done(speech);
                }
                Some(head) => self.refused(now, head),
                None => self.failed(now, TtsError::Broken),
            },
            HttpEvent::Failed(failure) => match self.head {
                Some(head) if !head.is_sound() => self.refused(now, head),
                Some(_) | None => {
                    let error = match failure {
                        Failure::Connect => TtsError::Connect,
                        Failure::TimedOut => TtsError::TimedOut,
                        Failure::Broken => TtsError::Broken,
                        Failure::TooLong => TtsError::BadAudio(BadAudio::TooLong),
                        Failure::Overloaded => TtsError::Busy,
                    };
                    self.failed(now, error);
                }
            },
        }
    }

    fn handle_socket(&mut self, _now: Timestamp, _event: WsEvent<'_>) {}

    fn poll_timeout(&self) -> Timestamp {
        if self.is_done() {
            Timestamp::NEVER
        } else if self.has_sound() {
            self.whole_until
        } else {
            self.whole_until.min(self.first_until)
        }
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        if now < self.poll_timeout() {
            return;
        }
        self.sending = Some(Sending::Close);
        match self.head {
            // The vendor has said no, but not to the end.
            Some(head) if !head.is_sound() => self.refused(now, head),
            Some(_) | None => self.failed(now, TtsError::TimedOut),
        }
    }

    fn result(&mut self) -> Option<Result<Speech, TtsError>> {
        match &mut self.state {
            State::UnderWay => None,
            State::Done(result) => result.take(),
        }
    }

    fn vendor_said(&self) -> Option<&str> {
        self.said.as_deref()
    }
}

/// The pause that an answer asks for: in seconds, or as OpenAI has it, in milliseconds.
fn retry_after(headers: &[(String, String)]) -> Option<Duration> {
    let number = |wanted: &str| {
        let (_, value) = headers.iter().find(|(name, _)| name == wanted)?;
        value.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
    };
    let seconds = number("retry-after-ms").map(|ms| ms / 1e3).or_else(|| number("retry-after"))?;
    Some(Duration::from_secs_f64(seconds.min(MAX_PAUSE.as_secs_f64())))
}
