//! Many sessions looked after by one task, a millisecond apart: for load. They take no faults.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};
use tokio_tungstenite::tungstenite::Message;

use super::{
    lab::Clock,
    log::{ConnectionEvent, Log},
    session::Session,
};
use crate::{
    lab::socket::{Incoming, Wire},
    time::Timestamp,
};

/// Between two looks.
const TICK: Duration = Duration::from_millis(1);
/// Messages that are read of one session before the others have their turn.
const MOST_AT_ONCE: usize = 256;
/// The server pings.
const PING: Duration = Duration::from_secs(20);

/// A session with its socket.
pub(super) struct Polled {
    pub(super) wire: Wire,
    pub(super) session: Session,
    pub(super) log: Log,
    ping_at: Timestamp,
}

/// All of them.
#[derive(Default)]
pub(super) struct Looker {
    added: Mutex<Vec<Polled>>,
    woken: Notify,
    closing: AtomicBool,
}

impl Looker {
    pub(super) fn add(&self, polled: Polled) {
        self.added.lock().unwrap_or_else(PoisonError::into_inner).push(polled);
        self.woken.notify_one();
    }

    /// All sessions end.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        self.woken.notify_one();
    }

    pub(super) async fn run(self: Arc<Self>, clock: Clock) {
        let mut all: Vec<Polled> = Vec::new();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.closing.load(Ordering::Relaxed) {
            if all.is_empty() {
                self.woken.notified().await;
            }
            all.append(&mut self.added.lock().unwrap_or_else(PoisonError::into_inner));
            ticks.tick().await;
            all.retain_mut(|polled| polled.goes_on(clock.now()));
        }
        for polled in &mut all {
            polled.wire.close(1001);
            polled.log.closed(clock.now(), "with 1001 ");
        }
    }
}

impl Polled {
    pub(super) fn new(wire: Wire, mut session: Session, log: Log, now: Timestamp) -> Self {
        session.open();
        Self { wire, session, log, ping_at: now + PING }
    }

    /// What has arrived, and what is due. `false`: it is over.
    fn goes_on(&mut self, now: Timestamp) -> bool {
        self.wire.flush();
        for _ in 0..MOST_AT_ONCE {
            match self.wire.read() {
                None => break,
                Some(Incoming::Text(text)) => self.session.text(now, &text),
                Some(Incoming::Binary(bytes)) => self.session.binary(now, bytes),
                Some(Incoming::Close(code)) => {
                    let code = code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
                    self.wire.flush();
                    return self.over(now, format!("by the client with {code}"));
                }
                Some(Incoming::Gone(why)) => {
                    let why = why.map_or_else(|| "the connection ended".to_owned(), |why| format!("broke: {why}"));
                    return self.over(now, why);
                }
            }
        }
        self.session.advance(now);
        if self.session.is_lost() {
            return self.over(now, "lost".to_owned());
        }
        while let Some(event) = self.session.take() {
            if let Err(why) = self.wire.send(Message::text(event.text)) {
                self.log.event(now, ConnectionEvent::Fault(why.clone()));
                return self.over(now, format!("broke: {why}"));
            }
        }
        if now >= self.ping_at {
            self.ping_at = now + PING;
            // A broken connection shows when it is read next.
            let _ = self.wire.send(Message::Ping(vec![1, 2, 3, 4].into()));
        }
        true
    }

    fn over(&self, now: Timestamp, why: String) -> bool {
        self.log.closed(now, why);
        false
    }
}
