//! The lab itself: account, number, REST, and all calls.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc, watch},
    task::JoinHandle,
};

use super::{
    account::Numbers,
    call::{Call, LabCall},
    callbacks::{self, Callback},
    clock::{Clock, WallTime},
    config::{Callbacks, Callee, Dial, Gateway, LabConfig, RestFault, VOICE_PATH},
    document::Link,
    events::{EndedBy, Webhook},
    follow::Follower,
    line::Line,
    log::Log,
    network::Network,
    outbound::Placed,
    report::{CallReport, LabReport},
    rest,
    scheduler::Scheduler,
    texts::{self, LabText, TextOutcome, Texts},
};
use crate::{
    carrier::twilio::{CallSid, StreamSid},
    time::Timestamp,
};

/// The lab could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The public address is none.
    #[error("the public URL cannot be used ({0}): expected one such as https://gate.example.com")]
    PublicUrl(String),
    /// The port of the REST server is taken.
    #[error("cannot listen on 127.0.0.1:{port} for REST: {error}; choose another port, or 0 for any")]
    Listen {
        /// The port.
        port: u16,
        /// What the system says.
        error: io::Error,
    },
}

/// What calls share.
pub(super) struct Shared {
    pub(super) config: LabConfig,
    pub(super) network: Network,
    pub(super) clock: Clock,
    scheduler: Scheduler,
    random: Mutex<fastrand::Rng>,
    calls: Mutex<BTreeMap<CallSid, Arc<Call>>>,
    rest_fault: Mutex<Option<(RestFault, Timestamp)>>,
    report: Mutex<LabReport>,
    pub(super) numbers: Numbers,
    pub(super) texts: Texts,
    /// What was wrong outside of calls.
    complaints: Mutex<Vec<String>>,
    /// By the gateway.
    pub(super) placed: Mutex<Vec<LabCall>>,
}

/// A stand-in for the vendor, on loopback. Dropping it hangs up on everybody.
pub struct Lab {
    shared: Arc<Shared>,
    rest: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Lab {
    /// Starts REST and the clock. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the public address is none, or the port is taken.
    pub async fn start(config: LabConfig) -> Result<Self, LabError> {
        let network = Network::new(&config.public_url, config.gateways.clone());
        let network = network.map_err(|error| LabError::PublicUrl(error.to_string()))?;
        let port = config.rest_port;
        let listening = TcpListener::bind(("127.0.0.1", port)).await.and_then(|it| Ok((it.local_addr()?, it)));
        let (rest, listener) = listening.map_err(|error| LabError::Listen { port, error })?;
        let shared = Arc::new(Shared {
            network,
            clock: Clock::start(),
            scheduler: Scheduler::default(),
            random: Mutex::new(fastrand::Rng::with_seed(config.seed)),
            calls: Mutex::default(),
            rest_fault: Mutex::default(),
            report: Mutex::default(),
            numbers: Numbers::new(&config.numbers, &config.for_sale, config.account_sid.as_str()),
            texts: Texts::default(),
            complaints: Mutex::default(),
            placed: Mutex::default(),
            config,
        });
        let ticking = Arc::clone(&shared);
        let tasks = vec![
            tokio::spawn(async move { ticking.scheduler.run(ticking.clock).await }),
            tokio::spawn(rest::serve(listener, Arc::clone(&shared))),
        ];
        Ok(Self { shared, rest, tasks })
    }

    /// Where REST is: what the gateway takes for `https://api.twilio.com`.
    #[must_use]
    pub fn rest_url(&self) -> String {
        format!("http://{}", self.rest)
    }

    /// The time by the lab's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The public address leads to these gateways from now on, tried in order: one was started, or is down.
    pub fn set_gateways(&self, gateways: Vec<Gateway>) {
        self.shared.network.set_gateways(gateways);
    }

    /// Sets what is wrong with REST for all calls, for so long; `None`: nothing any more.
    pub fn set_rest_fault(&self, fault: Option<RestFault>, lasts: Duration) {
        let until = self.shared.clock.now() + lasts;
        *locked(&self.shared.rest_fault) = fault.map(|fault| (fault, until));
    }

    /// What is set for a number of the account, as its resource has it.
    #[must_use]
    pub fn number(&self, e164: &str) -> Option<serde_json::Value> {
        self.shared.numbers.settings(e164)
    }

    /// Somebody changes a setting of a number in the vendor's console: a field as the resource calls it.
    pub fn change_number(&self, e164: &str, field: &str, value: &str) {
        self.shared.numbers.set(e164, field, value);
    }

    /// From now on numbers are bought, and the answer that says so is lost.
    pub fn lose_answers(&self, lose: bool) {
        self.shared.numbers.lose_answers(lose);
    }

    /// What was wrong outside of calls: requests that the vendor does not know, and mistakes of the lab's own.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        locked(&self.shared.complaints).clone()
    }

    /// Somebody writes to a number, and the gateway is asked what to answer.
    pub async fn text(&self, from: &str, to: &str, body: &str) -> TextOutcome {
        texts::write(&self.shared, from, to, body).await
    }

    /// The webhook of a text that came before is asked once more, as the vendor does when an answer is lost.
    pub async fn text_again(&self, id: &str) -> Option<TextOutcome> {
        texts::again(&self.shared, id).await
    }

    /// All texts that the account has sent to this person, the oldest first.
    #[must_use]
    pub fn texts_to(&self, person: &str) -> Vec<LabText> {
        self.shared.texts.to(person)
    }

    /// Texts are sent from now on, and the answer that says so is lost.
    pub fn lose_text_answers(&self, lose: bool) {
        self.shared.texts.lose_answers(lose);
    }

    /// The number is called.
    pub fn dial(&self, dial: Dial) -> LabCall {
        begin(&self.shared, dial, None)
    }

    /// Calls that the gateway has placed by REST, in their order.
    #[must_use]
    pub fn placed(&self) -> Vec<LabCall> {
        locked(&self.shared.placed).clone()
    }

    /// What was measured so far is the warm-up's: how late the lab was, and of each call under way underruns, leads and
    /// sizes.
    pub fn forget_warm_up(&self) {
        self.shared.scheduler.forget();
        for call in locked(&self.shared.calls).values() {
            call.line().forget_warm_up();
        }
    }

    /// The sum over the calls that are over.
    #[must_use]
    pub fn report(&self) -> LabReport {
        let mut report = locked(&self.shared.report).clone();
        report.tick_ms = self.shared.scheduler.tick_ms();
        report.late_us = self.shared.scheduler.late_us();
        report
    }

    /// Ends all calls, as the vendor does when an account is closed, and waits for their callbacks.
    pub async fn stop(self) -> LabReport {
        let calls: Vec<_> = locked(&self.shared.calls).values().cloned().collect();
        for call in &calls {
            call.end(EndedBy::Lab, "completed");
        }
        let all = calls.len() as u64;
        // Callbacks are bounded by the time of a request.
        for _ in 0..3000 {
            if locked(&self.shared.report).calls >= all {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.report()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        // Calls hold what they share: the circle is cut here.
        for call in std::mem::take(&mut *locked(&self.shared.calls)).values() {
            call.end(EndedBy::Lab, "completed");
        }
    }
}

/// A call begins.
pub(super) fn begin(lab: &Arc<Shared>, dial: Dial, placed: Option<Placed>) -> LabCall {
    let lab = Arc::clone(lab);
    let (control, controlled) = mpsc::unbounded_channel();
    let (callbacks, told) = mpsc::unbounded_channel();
    let (changed, faults) = (Arc::new(Notify::new()), Arc::new(dial.faults));
    let mut caller = dial.caller;
    if !dial.detail {
        caller.forget_heard();
    }
    let log = Log::new(dial.detail, Arc::clone(&changed));
    let mut line = Line::new(caller, Arc::clone(&faults), dial.rest_fault, log, control);
    if dial.tones {
        line.note_tones();
    }
    let call = Call::new(Arc::clone(&lab), lab.call_sid(), (dial.to, dial.from), faults, changed, placed, line);
    let call = Arc::new(call);
    locked(&lab.calls).insert(call.sid, Arc::clone(&call));
    lab.scheduler.add(Arc::clone(&call));
    let (done, finished) = watch::channel(None);
    let follower = Follower { call: Arc::clone(&call), control: controlled, callbacks, closed_by_gateway: false };
    tokio::spawn(whole_call(Arc::clone(&call), follower, told, done));
    LabCall { call, done: finished }
}

/// From the first ring to the last callback.
async fn whole_call(
    call: Arc<Call>,
    follower: Follower,
    told: mpsc::UnboundedReceiver<Callback>,
    done: watch::Sender<Option<Arc<CallReport>>>,
) {
    let callbacks = follower.callbacks.clone();
    let telling = tokio::spawn(callbacks::tell(Arc::clone(&call), told));
    follower.run().await;
    let told_of_end = match &call.placed {
        Some(placed) => placed.callback("completed"),
        None => call.lab.status_callback(&call.to).map(|url| Link { url, method: hyper::Method::POST }),
    };
    if call.line().ended_by != Some(EndedBy::Vanished)
        && let Some(link) = told_of_end
    {
        let tell = |form| callbacks.send(Callback { webhook: Webhook::Status, link: link.clone(), form });
        // The receiver lives until all senders are gone.
        if call.lab.config.callbacks == Callbacks::OutOfOrder {
            let mut about = call.about();
            about.status = "in-progress";
            let _ = tell(about.status(2, None, WallTime::now()));
        }
        let _ = tell(call.about().status(3, Some(call.seconds()), WallTime::now()));
    }
    drop(callbacks);
    let _ = telling.await;
    let report = Arc::new(CallReport::of(&call));
    locked(&call.lab.report).add(&report);
    let _ = done.send(Some(report));
    call.changed.notify_waiters();
}

impl Shared {
    /// What is asked when this number is called.
    pub(super) fn ring(&self, to: &str) -> Result<String, &'static str> {
        self.numbers.ring(to).unwrap_or_else(|| Ok(format!("{}{VOICE_PATH}", self.config.public_url)))
    }

    /// What is told that a call to this number has ended.
    fn status_callback(&self, to: &str) -> Option<String> {
        match self.numbers.settings(to) {
            Some(number) => number["status_callback"].as_str().filter(|url| !url.is_empty()).map(str::to_owned),
            None => self.config.status_callback.clone(),
        }
    }

    /// Who is at this number.
    pub(super) fn callee(&self, number: &str) -> Callee {
        let found = self.config.callees.iter().find(|(known, _)| known == number);
        found.map_or(Callee::NoAnswer, |(_, callee)| *callee)
    }

    /// Something outside of calls is not as the vendor has it.
    pub(super) fn violation(&self, what: &str) {
        locked(&self.complaints).push(what.to_owned());
    }

    pub(super) fn call(&self, sid: &str) -> Option<Arc<Call>> {
        locked(&self.calls).get(&sid.parse::<CallSid>().ok()?).cloned()
    }

    /// What is wrong with REST for all calls now.
    pub(super) fn rest_fault(&self) -> Option<RestFault> {
        let now = self.clock.now();
        locked(&self.rest_fault).filter(|(_, until)| now < *until).map(|(fault, _)| fault)
    }

    pub(super) fn call_sid(&self) -> CallSid {
        self.sid("CA").parse().expect("two letters and 32 digits are a SID")
    }

    pub(super) fn stream_sid(&self) -> StreamSid {
        self.sid("MZ").parse().expect("two letters and 32 digits are a SID")
    }

    pub(super) fn sid(&self, prefix: &str) -> String {
        format!("{prefix}{:032x}", locked(&self.random).u128(..))
    }

    pub(super) fn uuid(&self) -> String {
        let hex = format!("{:032x}", locked(&self.random).u128(..));
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
