//! The lab itself: a port, and the connections on it.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, mpsc};

use super::{
    config::OpenAiConfig,
    faults::{Act, Faults},
    log::{ConnectionReport, Log},
    mirror::Silent,
    polled::Looker,
    routes,
};
use crate::{
    lab::{
        port::Port,
        voices::{self, Desk},
    },
    net::clock,
    time::Timestamp,
};

/// The lab's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn now(self) -> Timestamp {
        Timestamp::ZERO + clock::now().duration_since(self.0)
    }
}

/// A connection, for those outside of it.
pub(super) struct Known {
    pub(super) log: Log,
    pub(super) control: mpsc::UnboundedSender<Act>,
}

/// What connections share.
pub(super) struct Shared {
    pub(super) config: OpenAiConfig,
    pub(super) clock: Clock,
    pub(super) changed: Arc<Notify>,
    pub(super) wrong_words: Arc<AtomicU32>,
    pub(super) known: Mutex<Vec<Known>>,
    /// If sessions are polled.
    pub(super) looker: Option<Arc<Looker>>,
    /// Mirrors say nothing back any more.
    pub(super) silent: Arc<OnceLock<Silent>>,
    numbers: AtomicUsize,
    faults: Mutex<(Faults, Vec<Faults>)>,
    violations: Mutex<Vec<String>>,
}

impl Shared {
    /// A new connection's number, and what is wrong with it.
    pub(super) fn admit(&self) -> (usize, Faults) {
        let mut faults = locked(&self.faults);
        let own = if faults.1.is_empty() { faults.0.clone() } else { faults.1.remove(0) };
        (self.numbers.fetch_add(1, Ordering::Relaxed), own)
    }

    pub(super) fn violation(&self, what: String) {
        locked(&self.violations).push(what);
    }
}

/// A stand-in for OpenAI on loopback. Dropping it closes everything.
pub struct OpenAiLab {
    shared: Arc<Shared>,
    speech: Desk,
    port: Port,
}

impl OpenAiLab {
    /// Starts it. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the port is taken.
    pub fn start(config: OpenAiConfig) -> io::Result<Self> {
        let port = config.port;
        let speech = Desk::openai(&config.keys);
        let shared = Arc::new(Shared {
            clock: Clock(clock::now()),
            changed: Arc::default(),
            wrong_words: Arc::default(),
            known: Mutex::default(),
            looker: config.polled.then(Arc::default),
            silent: Arc::default(),
            numbers: AtomicUsize::new(0),
            faults: Mutex::new((config.faults.clone(), Vec::new())),
            violations: Mutex::default(),
            config,
        });
        if let Some(looker) = &shared.looker {
            tokio::spawn(Arc::clone(looker).run(shared.clock));
        }
        let router = routes::router(Arc::clone(&shared)).merge(voices::router(&speech));
        Ok(Self { shared, speech, port: Port::open(port, router)? })
    }

    /// What a gateway takes for `https://api.openai.com/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr())
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    /// The voices behind `POST /v1/audio/speech`.
    #[must_use]
    pub fn speech(&self) -> &Desk {
        &self.speech
    }

    /// The time by the lab's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Nobody listens any more: connecting is refused. Sessions that are there stay.
    pub fn down(&self) {
        self.port.down();
    }

    /// It listens again, on the same port.
    ///
    /// # Errors
    /// If the port is taken.
    pub fn up(&self) -> io::Result<()> {
        self.port.up()
    }

    /// What is wrong with connections from now on.
    pub fn set_faults(&self, faults: Faults) {
        locked(&self.shared.faults).0 = faults;
    }

    /// What is wrong with the next connection that was given none yet.
    pub fn next_faults(&self, faults: Faults) {
        locked(&self.shared.faults).1.push(faults);
    }

    /// Mirrors say nothing back any more: the first connection's from now on, each further one's so much later.
    pub fn fall_silent(&self, apart: Duration) {
        let silent = Silent { from: self.now(), apart };
        // Whoever was first has said when.
        let _ = self.shared.silent.set(silent);
    }

    /// So many exact phrases are said with other words.
    pub fn say_wrong_words(&self, times: u32) {
        self.shared.wrong_words.store(times, Ordering::Relaxed);
    }

    /// Something happens to a connection now. `false`: it is over, or there is none with this number.
    pub fn act(&self, connection: usize, act: Act) -> bool {
        let known = locked(&self.shared.known);
        let known = known.iter().find(|known| known.log.report().number == connection);
        known.is_some_and(|known| known.control.send(act).is_ok())
    }

    /// What happened on every connection so far, in the order of their handshakes.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionReport> {
        locked(&self.shared.known).iter().map(|known| known.log.report().clone()).collect()
    }

    /// What a schema does not allow, in either direction, on all connections and requests.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        let mut violations = locked(&self.shared.violations).clone();
        violations.extend(self.speech.violations());
        for connection in self.connections() {
            let number = connection.number;
            violations.extend(connection.violations.into_iter().map(|what| format!("connection {number}: {what}")));
        }
        violations
    }

    /// Waits until the connections look so, for at most `patience`; gives them as they are then.
    ///
    /// # Errors
    /// They did not come to look so.
    pub async fn wait_for(
        &self,
        patience: Duration,
        fits: impl Fn(&[ConnectionReport]) -> bool,
    ) -> Result<Vec<ConnectionReport>, Vec<ConnectionReport>> {
        let until = self.now() + patience;
        loop {
            let connections = self.connections();
            if fits(&connections) {
                return Ok(connections);
            }
            if self.now() >= until {
                return Err(connections);
            }
            // A change between look and wait is seen at the next look.
            let _ = tokio::time::timeout(Duration::from_millis(20), self.shared.changed.notified()).await;
        }
    }

    /// Closes everything, and tells what happened.
    pub async fn stop(self) -> Vec<ConnectionReport> {
        self.down();
        if let Some(looker) = &self.shared.looker {
            looker.close();
        }
        // Who can act on a connection keeps it: nobody is left.
        let logs: Vec<_> = locked(&self.shared.known).drain(..).map(|known| known.log).collect();
        let open = || logs.iter().any(|log| log.report().closed.is_none());
        for _ in 0..100 {
            if !open() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        logs.iter().map(|log| log.report().clone()).collect()
    }
}

impl Drop for OpenAiLab {
    fn drop(&mut self) {
        self.down();
        if let Some(looker) = &self.shared.looker {
            looker.close();
        }
        locked(&self.shared.known).clear();
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
