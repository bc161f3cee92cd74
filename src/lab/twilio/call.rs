//! A call as everybody who has to do with it sees it, and as its caller does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::{
    clock::WallTime,
    config::{RestFault, WireFaults},
    events::{CallEvent, EndedBy},
    forms::About,
    lab::Shared,
    line::Line,
    log::Counts,
    outbound::Placed,
    report::CallReport,
};
use crate::{
    carrier::twilio::{AccountSid, CallSid},
    lab::ScriptedCarrier,
    time::Timestamp,
};

/// One call, shared by those who follow its document, tick its line, and answer REST.
pub(super) struct Call {
    pub(super) lab: Arc<Shared>,
    pub(super) sid: CallSid,
    pub(super) to: String,
    pub(super) from: String,
    pub(super) faults: Arc<WireFaults>,
    pub(super) changed: Arc<Notify>,
    /// The gateway has placed it.
    pub(super) placed: Option<Placed>,
    pub(super) dialled: Timestamp,
    line: Mutex<Line>,
    state: Mutex<State>,
}

/// What the vendor's books say.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// `ringing`, `in-progress`, `completed`, …
    pub(super) status: &'static str,
    pub(super) created: WallTime,
    pub(super) updated: WallTime,
    pub(super) answered: Option<(Timestamp, WallTime)>,
    pub(super) ended: Option<(Timestamp, WallTime)>,
    /// The first document came, the first stream was open.
    pub(super) document: Option<Timestamp>,
    pub(super) stream: Option<Timestamp>,
    /// Parameters of the latest document with a stream.
    pub(super) parameters: Vec<(String, String)>,
    /// The stream's address there.
    pub(super) stream_url: Option<String>,
    /// `AnsweredBy`, once the vendor has listened.
    pub(super) answered_by: Option<&'static str>,
}

impl Call {
    pub(super) fn new(
        lab: Arc<Shared>,
        sid: CallSid,
        (to, from): (String, String),
        faults: Arc<WireFaults>,
        changed: Arc<Notify>,
        placed: Option<Placed>,
        line: Line,
    ) -> Self {
        let (dialled, created) = (lab.clock.now(), WallTime::now());
        let state = State {
            status: if placed.is_some() { "queued" } else { "ringing" },
            created,
            updated: created,
            answered: None,
            ended: None,
            document: None,
            stream: None,
            parameters: Vec::new(),
            stream_url: None,
            answered_by: None,
        };
        Self { lab, sid, to, from, faults, changed, placed, dialled, line: Mutex::new(line), state: Mutex::new(state) }
    }

    pub(super) fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn account(&self) -> AccountSid {
        self.lab.config.account_sid
    }

    /// For forms, with the status of now.
    pub(super) fn about(&self) -> About<'_> {
        let (status, answered_by) = {
            let state = self.state();
            (state.status, state.answered_by)
        };
        let (account, direction) = (self.account(), self.direction());
        About { account, call: self.sid, from: &self.from, to: &self.to, status, direction, answered_by }
    }

    /// As the vendor calls it.
    pub(super) fn direction(&self) -> &'static str {
        if self.placed.is_some() { "outbound-api" } else { "inbound" }
    }

    pub(super) fn log(&self, event: CallEvent) {
        let now = self.lab.clock.now();
        self.line().log.event(now, event);
    }

    pub(super) fn warning(&self, code: u32, what: impl Into<String>) {
        let now = self.lab.clock.now();
        self.line().log.warning(now, code, what);
    }

    pub(super) fn violation(&self, what: impl Into<String>) {
        let now = self.lab.clock.now();
        self.line().log.violation(now, what);
    }

    /// It rings at the other side.
    pub(super) fn rings(&self) {
        let mut state = self.state();
        if state.ended.is_none() {
            (state.status, state.updated) = ("ringing", WallTime::now());
        }
    }

    /// The first verb that is no `<Reject>` answers the call.
    pub(super) fn answer(&self) {
        let mut state = self.state();
        if state.answered.is_none() && state.ended.is_none() {
            (state.status, state.updated) = ("in-progress", WallTime::now());
            state.answered = Some((self.lab.clock.now(), state.updated));
        }
    }

    /// Ends the call, once; the books say so at once.
    pub(super) fn end(&self, by: EndedBy, status: &'static str) {
        let now = self.lab.clock.now();
        self.line().end(now, by);
        self.close_books(status);
    }

    pub(super) fn close_books(&self, status: &'static str) {
        let mut state = self.state();
        if state.ended.is_none() {
            (state.status, state.updated) = (status, WallTime::now());
            state.ended = Some((self.lab.clock.now(), state.updated));
        }
    }

    /// Whole seconds from the answer to the end, or to now.
    pub(super) fn seconds(&self) -> u64 {
        let (now, state) = (self.lab.clock.now(), self.state());
        let ended = state.ended.map_or(now, |(at, _)| at);
        state.answered.map_or(0, |(answered, _)| (ended - answered).as_millis().div_ceil(1000) as u64)
    }
}

/// A call under way, for whoever dialled it.
#[derive(Clone)]
pub struct LabCall {
    pub(super) call: Arc<Call>,
    pub(super) done: watch::Receiver<Option<Arc<CallReport>>>,
}

impl LabCall {
    /// Its id.
    #[must_use]
    pub fn sid(&self) -> CallSid {
        self.call.sid
    }

    /// The caller, and the time by the lab's clock: to say, press, hang up while the call runs.
    pub fn with_caller<R>(&self, act: impl FnOnce(&mut ScriptedCarrier, Timestamp) -> R) -> R {
        let now = self.call.lab.clock.now();
        act(&mut self.call.line().carrier, now)
    }

    /// The caller hangs up now, with or without a stream.
    pub fn hang_up(&self) {
        let now = self.call.lab.clock.now();
        self.call.line().end(now, EndedBy::Caller);
    }

    /// Sets what is wrong with REST for this call from now on.
    pub fn set_rest_fault(&self, fault: Option<RestFault>) {
        self.call.line().rest_fault = fault;
    }

    /// How much of everything so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.call.line().log.counts
    }

    /// The report, once the call and its callbacks are over.
    #[must_use]
    pub fn report(&self) -> Option<Arc<CallReport>> {
        self.done.borrow().clone()
    }

    /// What has happened so far.
    #[must_use]
    pub fn events(&self) -> Vec<(Timestamp, CallEvent)> {
        self.call.line().log.events.clone()
    }

    /// Waits for an event that fits, past ones included. `None` if the call ends without; without [`super::Dial::detail`]
    /// only the first few events can be seen.
    pub async fn wait_for(&self, fits: impl Fn(&CallEvent) -> bool) -> Option<(Timestamp, CallEvent)> {
        let mut seen = 0;
        loop {
            let new = self.events_after(seen).await;
            seen += new.len();
            if new.is_empty() {
                return None;
            }
            if let Some(found) = new.into_iter().find(|(_, event)| fits(event)) {
                return Some(found);
            }
        }
    }

    /// Waits until more than this many events have happened; gives those after them. Empty once the call is over.
    pub async fn events_after(&self, seen: usize) -> Vec<(Timestamp, CallEvent)> {
        loop {
            let changed = self.call.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            let over = self.done.borrow().is_some() || self.done.has_changed().is_err();
            if let Some(new) = self.call.line().log.events.get(seen..).filter(|new| !new.is_empty()) {
                return new.to_vec();
            }
            if over {
                return Vec::new();
            }
            changed.await;
        }
    }

    /// A parameter of the latest document's stream, such as its token: for handshakes that should be refused.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        let state = self.call.state();
        state.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// The address of the latest document's stream.
    #[must_use]
    pub fn stream_url(&self) -> Option<String> {
        self.call.state().stream_url.clone()
    }

    /// Waits for the end of the call and of its callbacks.
    pub async fn finished(&self) -> Arc<CallReport> {
        let mut done = self.done.clone();
        match done.wait_for(Option::is_some).await {
            Ok(report) => report.clone().unwrap_or_else(|| Arc::new(CallReport::of(&self.call))),
            // The lab was dropped in mid-call.
            Err(_) => Arc::new(CallReport::of(&self.call)),
        }
    }
}
