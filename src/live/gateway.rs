//! A running gateway: its threads, what they share, and how it stops.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::{self, Handle};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::AbortHandle;

use super::{
    ahead::Ahead,
    answers::Addresses,
    capture::Captures,
    directory::{Directory, Replaced},
    finished::{FinishedCall, Observation},
    remote::Remote,
    setup::{Api, Assistant, Outside, Setup, TwilioSetup},
    shard::{self, INBOX, ToShard},
    supervisor::{Census, Supervisor, Whereabouts},
    texts::Texting,
};
use crate::{
    call::{Party, Reason, SaidBy},
    carrier::{
        CallId, Parties,
        twilio::{
            Access, CallSid,
            rest::Request,
            signature::Verifier,
            token::{Claim, TokenKeys},
            twiml::TwimlError,
        },
    },
    config,
    model::ModelFault,
    net::{
        client::{Client, ClientError},
        clock, listen,
    },
    voices::Workshop,
    wire::{ExchangeEvent, ExchangeId, Failure, HttpRequest},
};

/// Requests under way at once, and those that may wait for them.
const REQUESTS: usize = 256;
const SWEEP: Duration = Duration::from_secs(1);
/// After the goodbye of a drain, calls have this long to end: the longest text, its bound, and the hang-up.
const GOODBYE: Duration = Duration::from_secs(30);
/// How often a drain looks whether all calls have ended.
const LOOK: Duration = Duration::from_millis(100);

/// The gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The address, a thread or a file.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A setting cannot stand in what the carrier is answered.
    #[error(transparent)]
    Twiml(#[from] TwimlError),
    /// No HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// What the gateway is about to do, and then does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    Draining,
    Stopped,
}

/// The carrier's account, ready for use.
pub(super) struct Twilio {
    pub(super) access: Arc<Access>,
    pub(super) verifier: Verifier,
    pub(super) tokens: TokenKeys,
}

impl Twilio {
    fn of(account: TwilioSetup) -> Self {
        Self {
            access: Arc::new(account.access),
            tokens: TokenKeys::new(&account.keys),
            verifier: Verifier::new(account.keys),
        }
    }
}

/// What all shards share; nothing of it is touched in a tick.
pub(super) struct Front {
    pub(super) addresses: Addresses,
    twilio: RwLock<Option<Arc<Twilio>>>,
    pub(super) directory: Directory,
    /// Fills the shelves; by the key of their assistant.
    keepers: Mutex<BTreeMap<String, AbortHandle>>,
    pub(super) workshop: Workshop,
    pub(super) max_calls: usize,
    pub(super) page: String,
    pub(super) io: config::Io,
    pub(super) supervisor: Supervisor<Ahead>,
    pub(super) phase: watch::Receiver<Phase>,
    shards: Vec<mpsc::Sender<ToShard>>,
    pub(super) slow: Handle,
    client: Client,
    pub(super) api: Option<Api>,
    pub(super) remote: Remote,
    pub(super) texting: Option<Texting>,
    requests: Arc<Semaphore>,
    finished: mpsc::UnboundedSender<Box<FinishedCall>>,
    kept: Option<mpsc::UnboundedSender<Box<FinishedCall>>>,
    observer: Option<mpsc::UnboundedSender<Observation>>,
    pub(super) captures: Option<Captures>,
}

impl Front {
    /// The carrier's account, if there is one.
    pub(super) fn twilio(&self) -> Option<Arc<Twilio>> {
        self.twilio.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Requests of this account are taken from now on.
    ///
    /// # Errors
    ///
    /// If the addresses cannot stand in a document.
    pub(super) fn use_twilio(&self, account: TwilioSetup) -> Result<(), GatewayError> {
        let twilio = Twilio::of(account);
        try_document(&self.addresses, &twilio)?;
        *self.twilio.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(twilio));
        Ok(())
    }

    /// These answer from now on, and what they say by themselves is rendered.
    pub(super) fn install(&self, assistants: Vec<Arc<Assistant>>) {
        let Replaced { added, removed } = self.directory.replace(assistants);
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        for key in removed {
            if let Some(keeper) = keepers.remove(&key) {
                keeper.abort();
            }
        }
        for assistant in added {
            let keeper = self.slow.spawn(Arc::clone(&assistant.shelf).keep(self.workshop.clone()));
            keepers.insert(assistant.key.clone(), keeper.abort_handle());
        }
    }

    /// Ends a call with the operator's farewell. `false` if there is none of this id.
    pub(super) fn end_call(&self, call: &CallId) -> bool {
        match self.supervisor.whereabouts(call) {
            Whereabouts::Live(shard) => self.tell(shard, ToShard::Operator { call: call.clone() }).is_ok(),
            Whereabouts::Unknown | Whereabouts::Closing(_) | Whereabouts::Waiting | Whereabouts::Over => false,
        }
    }

    /// Tells a shard; gives the message back if it cannot take it.
    pub(super) fn tell(&self, shard: usize, message: ToShard) -> Result<(), ToShard> {
        let Some(sender) = self.shards.get(shard) else { return Err(message) };
        sender.try_send(message).map_err(|error| error.into_inner())
    }

    /// Those who watch learn it.
    pub(super) fn observe(&self, observation: impl FnOnce() -> Observation) {
        if let Some(observer) = &self.observer {
            // Nobody is there any more: then nobody needs to know.
            let _ = observer.send(observation());
        }
    }

    /// Makes a request in the slow world; what became of it goes to the call.
    pub(super) fn exchange(&self, shard: usize, call: &CallId, id: ExchangeId, request: HttpRequest) {
        let (client, call, to) = (self.client.clone(), call.clone(), self.shards.get(shard).cloned());
        let permit = Arc::clone(&self.requests).try_acquire_owned();
        self.slow.spawn(async move {
            let event = match permit {
                Ok(_permit) => client.run(request).await,
                Err(_) => ExchangeEvent::Failed(Failure::Overloaded),
            };
            if let Some(to) = to {
                let _ = to.send(ToShard::Exchange { call, id, event }).await;
            }
        });
    }

    /// A call is over.
    pub(super) fn finish(&self, now: Instant, call: FinishedCall) {
        let record = &call.record;
        tracing::info!(
            call = %call.call,
            reason = record.reason.map_or("none", Reason::name),
            ended_by = record.ended_by.map_or("nobody", Party::name),
            verified = record.verified,
            goodbye = record.goodbye_heard.map_or_else(String::new, |by| by.to_string()),
            said_by = record.said_by.map_or("", SaidBy::name),
            model_fault = call.model_fault.map_or("", ModelFault::name),
            seconds = record.closed_at.map_or(0.0, |at| at.as_millis_f64() / 1e3),
            "call is over"
        );
        if call.carrier.unreadable > 0 {
            tracing::warn!(call = %call.call, count = call.carrier.unreadable, "messages of the carrier could not be read");
        }
        self.supervisor.over(now, &call.call);
        let call = Box::new(call);
        self.observe(|| Observation::Finished(call.clone()));
        if let Some(kept) = &self.kept {
            // Whoever keeps them says so itself when it cannot.
            let _ = kept.send(call.clone());
        }
        let _ = self.finished.send(call);
    }
}

/// A gateway that runs. Dropping it stops it at once; see [`Gateway::drain`] for the polite way.
pub struct Gateway {
    addr: SocketAddr,
    front: Arc<Front>,
    phase: watch::Sender<Phase>,
    drain: Duration,
    threads: Vec<JoinHandle<()>>,
}

impl Gateway {
    /// Starts everything. `observer` learns what happens in calls.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on, or a setting cannot be used with the carrier.
    pub fn start(setup: Setup, observer: Option<mpsc::UnboundedSender<Observation>>) -> Result<Self, GatewayError> {
        let addresses = Addresses::new(&setup.public_url);
        let twilio = setup.twilio.map(Twilio::of);
        if let Some(twilio) = &twilio {
            try_document(&addresses, twilio)?;
        }
        let records = setup.call_records.map(|path| {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
            file.map_err(|error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display())))
        });
        let records = records.transpose()?;
        let listeners = listen::shared(setup.listen, setup.shards)?;
        let addr = listeners.first().map_or(Ok(setup.listen), std::net::TcpListener::local_addr)?;
        let (phase, watched) = watch::channel(Phase::Running);
        let (finished, finished_calls) = mpsc::unbounded_channel();
        let (senders, inboxes): (Vec<_>, Vec<_>) = listeners.iter().map(|_| mpsc::channel(INBOX)).unzip();
        let slow = runtime::Builder::new_current_thread().enable_all().build()?;
        let captures = setup.capture.as_ref().map(|config| Captures::start(config, watched.clone())).transpose()?;
        let (captures, capturing) = captures.unzip();
        let Outside { remote, api, texting, finished: kept } = setup.outside;
        let client = Client::new()?;
        let front = Arc::new(Front {
            addresses,
            twilio: RwLock::new(twilio.map(Arc::new)),
            directory: Directory::default(),
            keepers: Mutex::default(),
            workshop: Workshop::new(client.clone(), setup.cache),
            max_calls: setup.max_calls,
            page: setup.page,
            io: setup.io,
            supervisor: Supervisor::default(),
            phase: watched.clone(),
            shards: senders,
            slow: slow.handle().clone(),
            client,
            api,
            remote: remote.clone(),
            texting,
            requests: Arc::new(Semaphore::new(REQUESTS)),
            finished,
            kept,
            observer,
            captures,
        });
        front.install(setup.assistants);
        remote.connect(&front);
        let mut threads = Vec::new();
        let slow_front = Arc::clone(&front);
        let mut stopped = watched.clone();
        threads.push(std::thread::Builder::new().name("slow".into()).spawn(move || {
            slow.block_on(async {
                tokio::spawn(keep_records(finished_calls, records));
                tokio::spawn(sweep(slow_front));
                let _ = stopped.wait_for(|phase| *phase == Phase::Stopped).await;
            });
        })?);
        for (index, (listener, inbox)) in listeners.into_iter().zip(inboxes).enumerate() {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            let (front, watched) = (Arc::clone(&front), watched.clone());
            threads.push(std::thread::Builder::new().name(format!("shard-{index}")).spawn(move || {
                runtime.block_on(shard::run(index, front, listener, inbox, watched));
            })?);
        }
        // The last one: what the shards still hand over is written.
        threads.extend(capturing);
        Ok(Self { addr, front, phase, drain: setup.drain, threads })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many calls there are, and were.
    #[must_use]
    pub fn census(&self) -> Census {
        self.front.supervisor.census()
    }

    /// Ends a call with the operator's farewell. `false` if there is none of this id.
    #[must_use]
    pub fn end_call(&self, call: &CallId) -> bool {
        self.front.end_call(call)
    }

    /// Takes no new calls, lets those under way go on up to the limit, then has them told goodbye. Ends when all calls
    /// have ended, or have had the time to.
    pub async fn drain(&self) {
        self.phase.send_replace(Phase::Draining);
        tracing::info!(calls = self.census().live, limit_s = self.drain.as_secs(), "no new calls; draining");
        if self.quiet_within(self.drain).await {
            return;
        }
        tracing::info!(calls = self.census().live, "the limit is reached: goodbye");
        for shard in 0..self.front.shards.len() {
            if self.front.tell(shard, ToShard::Drain).is_err() {
                tracing::error!(shard, "a shard cannot be told to drain");
            }
        }
        if !self.quiet_within(GOODBYE).await {
            tracing::warn!(calls = self.census().live, "calls that have not ended are cut off");
        }
    }

    async fn quiet_within(&self, limit: Duration) -> bool {
        let until = clock::now() + limit;
        // A call whose webhook was just answered is about to have a stream.
        while matches!(self.census(), Census { live, preopened, .. } if live + preopened > 0) {
            if clock::now() >= until {
                return false;
            }
            tokio::time::sleep(LOOK).await;
        }
        true
    }

    /// Stops at once; calls under way are left to the carrier, which follows its redirect.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.phase.send_replace(Phase::Stopped);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread ended in a panic");
            }
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether the addresses can stand in a document is known before the first call.
fn try_document(addresses: &Addresses, twilio: &Twilio) -> Result<(), TwimlError> {
    let call: CallSid = "CA00000000000000000000000000000000".parse().expect("34 characters");
    let claim = Claim {
        resumed: 0,
        returned: false,
        expires_s: 0,
        nonce: [0; 16],
        assistant: String::new(),
        parties: Parties::default(),
    };
    addresses.connect(&twilio.tokens, twilio.access.account(), call, &claim).map(drop)
}

/// Appends a line for each finished call.
async fn keep_records(mut calls: mpsc::UnboundedReceiver<Box<FinishedCall>>, mut file: Option<std::fs::File>) {
    while let Some(call) = calls.recv().await {
        let Some(file) = &mut file else { continue };
        // Each line whole, in one write: others may read along.
        if let Err(error) = file.write_all(format!("{}\n", call.json()).as_bytes()) {
            tracing::error!(%error, call = %call.call, "the record of a call could not be written");
        }
    }
}

/// Every second: what was opened for nothing, and calls that should long have ended.
async fn sweep(front: Arc<Front>) {
    let mut every = tokio::time::interval(SWEEP);
    loop {
        every.tick().await;
        for (call, shard) in front.supervisor.sweep(clock::now(), clock::unix_ms() / 1000) {
            tracing::error!(%call, "the call has outlived its bound: it is ended");
            let _ = front.tell(shard, ToShard::Drop(call.clone()));
            if let (Some(twilio), Ok(sid)) = (front.twilio(), call.as_str().parse::<CallSid>()) {
                let request = twilio.access.http(&Request::complete(twilio.access.account(), sid));
                front.exchange(shard, &call, ExchangeId(u32::MAX), request);
            }
        }
    }
}
