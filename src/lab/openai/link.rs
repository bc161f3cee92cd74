//! A connection's socket: carries events, in real time, and everything that goes wrong with it.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::{net::TcpStream, sync::mpsc, time};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::CloseFrame},
};

use super::{
    door::Refused,
    faults::{Act, When},
    lab::Clock,
    log::{ConnectionEvent, Log},
    session::Session,
};
use crate::time::Timestamp;

/// Scripts are changed by others while they run: they are looked at so often.
const LOOK: Duration = Duration::from_millis(10);
/// The longest session.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// The server pings.
const PING: Duration = Duration::from_secs(20);
/// A peer that was sent a close frame has so long to answer it.
const CLOSING: Duration = Duration::from_secs(2);

pub(super) type Socket = WebSocketStream<TcpStream>;

/// A connection under way.
pub(super) struct Link {
    pub(super) socket: Socket,
    pub(super) log: Log,
    pub(super) clock: Clock,
    /// What others want done to it; it ends when nobody is left who could.
    pub(super) control: mpsc::UnboundedReceiver<Act>,
    /// Audio deltas that went out.
    pub(super) deltas: u64,
}

/// What became of the link.
enum State {
    Open,
    /// What comes is read, nothing is sent.
    Mute,
    Over,
}

impl Link {
    /// Tells what is wrong, and closes.
    pub(super) async fn refuse(mut self, refused: Refused) {
        let event = json!({"type": "error", "event_id": "event_refused", "error": {
            "type": "invalid_request_error", "code": refused.code, "message": refused.message, "param": null,
            "event_id": null}});
        let refusal = ConnectionEvent::Refused { code: Some(refused.code.to_owned()), message: refused.message };
        self.log.event(self.clock.now(), refusal);
        let _ = self.socket.send(Message::text(event.to_string())).await;
        let reason = format!("invalid_request_error.{}", refused.code);
        self.close(refused.close, &reason).await;
    }

    /// A session, until it is over. `mute`: nothing is ever sent.
    pub(super) async fn run(mut self, mut session: Session, mut acts: Vec<(When, Act)>, mute: bool) {
        let opened = self.clock.now();
        acts.push((When::After(LONGEST), Act::Expire));
        let mut ping = time::interval(PING);
        ping.reset();
        let mut state = if mute { State::Mute } else { State::Open };
        session.open();
        while !matches!(state, State::Over) {
            let now = self.clock.now();
            session.advance(now);
            if session.is_lost() {
                self.act(now, &mut session, Act::Reset, &mut state).await;
                break;
            }
            while let Some(at) = acts.iter().position(|(when, _)| self.is_due(*when, opened, now)) {
                let (_, act) = acts.remove(at);
                self.act(now, &mut session, act, &mut state).await;
            }
            if let State::Open = state
                && !self.send(&mut session, &acts).await
            {
                self.log.closed(self.clock.now(), "the connection broke");
                break;
            }
            if acts.iter().any(|(when, _)| self.is_due(*when, opened, now)) || matches!(state, State::Over) {
                continue;
            }
            let wait = (session.next_at().max(now) - now).min(LOOK);
            tokio::select! {
                message = self.socket.next() => self.receive(message, &mut session, &mut state),
                act = self.control.recv() => match act {
                    Some(act) => self.act(now, &mut session, act, &mut state).await,
                    None => {
                        self.close(1001, "").await;
                        break;
                    }
                },
                _ = ping.tick(), if matches!(state, State::Open) => {
                    let _ = self.socket.send(Message::Ping(vec![1, 2, 3, 4].into())).await;
                }
                () = time::sleep(wait) => {}
            }
        }
    }

    fn is_due(&self, when: When, opened: Timestamp, now: Timestamp) -> bool {
        match when {
            When::After(time) => opened + time <= now,
            When::Deltas(deltas) => self.deltas >= deltas,
        }
    }

    /// Sends what there is; false: it cannot be sent. Stops early where an act waits for so many deltas.
    async fn send(&mut self, session: &mut Session, acts: &[(When, Act)]) -> bool {
        let mut any = false;
        while let Some(event) = session.take() {
            any = true;
            if self.socket.feed(Message::text(event.text)).await.is_err() {
                return false;
            }
            self.deltas += u64::from(event.is_delta);
            if acts.iter().any(|(when, _)| matches!(when, When::Deltas(deltas) if self.deltas >= *deltas)) {
                break;
            }
        }
        !any || self.socket.flush().await.is_ok()
    }

    fn receive(
        &self,
        message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
        session: &mut Session,
        state: &mut State,
    ) {
        let now = self.clock.now();
        match message {
            Some(Ok(Message::Text(text))) => session.text(now, &text),
            Some(Ok(Message::Binary(bytes))) => session.binary(now, bytes.len()),
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map_or_else(|| "no code".to_owned(), |frame| u16::from(frame.code).to_string());
                self.log.closed(now, format!("by the client with {code}"));
                *state = State::Over;
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(error)) => {
                self.log.closed(now, format!("the connection broke: {error}"));
                *state = State::Over;
            }
            None => {
                self.log.closed(now, "the connection ended");
                *state = State::Over;
            }
        }
    }

    async fn act(&mut self, now: Timestamp, session: &mut Session, act: Act, state: &mut State) {
        let name = format!("{act:?}").chars().take(80).collect();
        self.log.event(now, ConnectionEvent::Fault(name));
        match act {
            Act::Expire => {
                let message = "Your session hit the maximum duration of 60 minutes.";
                session.emit(json!({"type": "error", "error": {"type": "invalid_request_error",
                    "code": "session_expired", "message": message, "param": null, "event_id": null}}));
                self.send(session, &[]).await;
                self.close(1001, "").await;
                *state = State::Over;
            }
            Act::Reset => {
                // Closing a socket that lingers for no time sends a reset.
                let _ = socket2::SockRef::from(self.socket.get_ref()).set_linger(Some(Duration::ZERO));
                self.log.closed(now, "reset");
                *state = State::Over;
            }
            Act::Close(code) => {
                self.close(code, "").await;
                *state = State::Over;
            }
            Act::Stall => {
                // Until somebody does something else to it, or nobody can.
                match self.control.recv().await {
                    Some(act) => Box::pin(self.act(self.clock.now(), session, act, state)).await,
                    None => *state = State::Over,
                }
                self.log.closed(self.clock.now(), "after a stall");
                *state = State::Over;
            }
            Act::Mute => *state = State::Mute,
            Act::Text(text) => drop(self.socket.send(Message::text(text)).await),
            Act::Binary(bytes) => drop(self.socket.send(Message::binary(bytes)).await),
            Act::Error(code, message) => {
                let error = json!({"type": "server_error", "code": code, "message": message, "param": null,
                                   "event_id": null});
                session.emit(json!({"type": "error", "error": error}));
            }
        }
    }

    /// Sends a close frame, and waits for the answer.
    async fn close(&mut self, code: u16, reason: &str) {
        self.log.closed(self.clock.now(), format!("with {code} {reason}"));
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        let _ = self.socket.close(Some(frame)).await;
        let rest = async { while let Some(Ok(_)) = self.socket.next().await {} };
        let _ = time::timeout(CLOSING, rest).await;
    }
}
