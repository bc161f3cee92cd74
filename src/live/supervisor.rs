//! Who owns which call: known from the webhook on, and until after its end, whatever becomes of sockets and shards.
//!
//! Touched when a call begins, breaks or ends; never in a tick.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::carrier::{CallId, twilio::token::Nonce};

/// What was opened ahead for a call is closed if its stream has not begun by then.
pub(super) const PREOPENED: Duration = Duration::from_secs(10);
/// A call that has no stream by then never will.
const WAITING: Duration = Duration::from_secs(60);
/// An ended call is remembered for this long: the carrier may still ask what to do with it.
const REMEMBERED: Duration = Duration::from_secs(600);

/// How many calls there are, and were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Census {
    /// Calls with a stream.
    pub live: usize,
    /// Calls whose webhook was answered, and whose stream has not begun.
    pub waiting: usize,
    /// Model sessions that are open for the latter.
    pub preopened: usize,
    /// Model sessions that were closed because no stream came.
    pub preopened_closed: u64,
    /// Calls that have ended.
    pub ended: u64,
    /// Calls that were told "busy".
    pub busy: u64,
    /// Streams that were not let in.
    pub refused_streams: u64,
    /// Webhooks and handshakes with a wrong signature, or none.
    pub unsigned: u64,
    /// Streams that took the place of a broken one.
    pub adopted: u64,
    /// Calls that were opened again after we had lost them.
    pub resumed: u64,
    /// Calls that a fault of ours ended.
    pub lost: u64,
}

/// A call with a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveCall {
    /// Which.
    pub call: CallId,
    /// We have closed its stream, and wait for the carrier to confirm the end.
    pub closing: bool,
}

/// What a new stream is to do.
pub(super) enum Admission<A> {
    /// Begin; with the model's session that was opened ahead, if there is one.
    New(Option<A>),
    /// Take the place of a broken one, on this shard.
    Adopt(usize),
    /// Go away; why.
    Refused(&'static str),
}

impl<A> fmt::Debug for Admission<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New(ahead) => write!(f, "New({})", if ahead.is_some() { "preopened" } else { "" }),
            Self::Adopt(shard) => write!(f, "Adopt({shard})"),
            Self::Refused(why) => write!(f, "Refused({why})"),
        }
    }
}

/// What is known of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    Unknown,
    Waiting,
    /// On this shard.
    Live(usize),
    /// On this shard, which has closed its stream and waits for the carrier to confirm the end.
    Closing(usize),
    Over,
}

enum Entry<A> {
    Waiting { since: Instant, ahead: Option<A> },
    Live { shard: usize, until: Instant, closing: bool },
    Over { since: Instant },
}

struct State<A> {
    calls: BTreeMap<CallId, Entry<A>>,
    /// Used tokens, until they would be too old anyway.
    nonces: HashMap<Nonce, u64>,
    census: Census,
}

/// See the [module](self). `A` is what is opened ahead for a call, and given up when it is dropped.
pub(super) struct Supervisor<A>(Mutex<State<A>>);

impl<A> Default for Supervisor<A> {
    fn default() -> Self {
        let (calls, nonces, census) = (BTreeMap::new(), HashMap::new(), Census::default());
        Self(Mutex::new(State { calls, nonces, census }))
    }
}

impl<A> Supervisor<A> {
    fn state(&self) -> MutexGuard<'_, State<A>> {
        // A panic elsewhere must not take every other call with it: each change below is whole by itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A webhook asks for a stream: is there room? `ahead` is opened only if there is.
    pub(super) fn expect(&self, now: Instant, call: &CallId, max_calls: usize, ahead: impl FnOnce() -> A) -> bool {
        {
            let mut state = self.state();
            if state.calls.contains_key(call) {
                // Asked twice: the first answer was lost on its way.
                return true;
            }
            let present = state.calls.values().filter(|entry| !matches!(entry, Entry::Over { .. })).count();
            if present >= max_calls {
                state.census.busy += 1;
                return false;
            }
            state.calls.insert(call.clone(), Entry::Waiting { since: now, ahead: None });
        }
        // Outside the lock: a factory may take its time.
        let opened = ahead();
        if let Some(Entry::Waiting { ahead, .. }) = self.state().calls.get_mut(call) {
            *ahead = Some(opened);
        }
        true
    }

    /// A stream with a good token has begun on `shard`; the call may last until `until`.
    pub(super) fn admit(
        &self,
        call: &CallId,
        nonce: (Nonce, u64),
        shard: usize,
        until: Instant,
        resumed: u8,
    ) -> Admission<A> {
        let mut state = self.state();
        if state.nonces.insert(nonce.0, nonce.1).is_some() {
            return Admission::Refused("its token was used before");
        }
        let admission = match state.calls.get_mut(call) {
            Some(Entry::Live { shard, closing: false, .. }) => return Admission::Adopt(*shard),
            Some(Entry::Over { .. } | Entry::Live { closing: true, .. }) => {
                return Admission::Refused("the call is over");
            }
            Some(Entry::Waiting { ahead, .. }) => Admission::New(ahead.take()),
            None => Admission::New(None),
        };
        state.census.resumed += u64::from(resumed > 0);
        state.calls.insert(call.clone(), Entry::Live { shard, until, closing: false });
        admission
    }

    pub(super) fn whereabouts(&self, call: &CallId) -> Whereabouts {
        match self.state().calls.get(call) {
            None => Whereabouts::Unknown,
            Some(Entry::Waiting { .. }) => Whereabouts::Waiting,
            Some(Entry::Live { shard, closing: false, .. }) => Whereabouts::Live(*shard),
            Some(Entry::Live { shard, .. }) => Whereabouts::Closing(*shard),
            Some(Entry::Over { .. }) => Whereabouts::Over,
        }
    }

    /// We have closed the call's stream: it is not to be opened again.
    pub(super) fn closing(&self, call: &CallId) {
        if let Some(Entry::Live { closing, .. }) = self.state().calls.get_mut(call) {
            *closing = true;
        }
    }

    /// The call has ended as it should.
    pub(super) fn over(&self, now: Instant, call: &CallId) {
        let mut state = self.state();
        state.census.ended += 1;
        state.calls.insert(call.clone(), Entry::Over { since: now });
    }

    /// An ended call's line is still there, and comes back to us. `false` while it has not ended here.
    pub(super) fn comes_back(&self, call: &CallId) -> bool {
        let mut state = self.state();
        match state.calls.get(call) {
            Some(Entry::Over { .. }) => drop(state.calls.remove(call)),
            None | Some(Entry::Waiting { .. }) => {}
            Some(Entry::Live { .. }) => return false,
        }
        true
    }

    /// The caller left before the stream began.
    pub(super) fn gone_before_stream(&self, now: Instant, call: &CallId) {
        let mut state = self.state();
        if let Some(Entry::Waiting { ahead, .. }) = state.calls.get(call) {
            let closed = ahead.is_some();
            state.census.preopened_closed += u64::from(closed);
            state.calls.insert(call.clone(), Entry::Over { since: now });
        }
    }

    /// A fault of ours took the call off its shard: the carrier's redirect may open it again.
    pub(super) fn lost(&self, call: &CallId) {
        let mut state = self.state();
        state.census.lost += 1;
        state.calls.remove(call);
    }

    /// Calls with a stream.
    pub(super) fn live(&self) -> Vec<LiveCall> {
        let state = self.state();
        let live = |(call, entry): (&CallId, &Entry<A>)| match entry {
            Entry::Live { closing, .. } => Some(LiveCall { call: call.clone(), closing: *closing }),
            Entry::Waiting { .. } | Entry::Over { .. } => None,
        };
        state.calls.iter().filter_map(live).collect()
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Census)) {
        change(&mut self.state().census);
    }

    pub(super) fn census(&self) -> Census {
        let state = self.state();
        let mut census = state.census;
        for entry in state.calls.values() {
            match entry {
                Entry::Live { .. } => census.live += 1,
                Entry::Waiting { ahead, .. } => {
                    census.waiting += 1;
                    census.preopened += usize::from(ahead.is_some());
                }
                Entry::Over { .. } => {}
            }
        }
        census
    }

    /// Closes what was opened for streams that did not come, forgets what is old, and gives the calls that should
    /// long have ended.
    pub(super) fn sweep(&self, now: Instant, unix_s: u64) -> Vec<(CallId, usize)> {
        let mut closed: Vec<A> = Vec::new();
        let mut overdue = Vec::new();
        let mut state = self.state();
        state.nonces.retain(|_, expires| *expires >= unix_s);
        state.calls.retain(|call, entry| match entry {
            Entry::Waiting { since, ahead } => {
                let age = now.saturating_duration_since(*since);
                if age >= PREOPENED {
                    closed.extend(ahead.take());
                }
                age < WAITING
            }
            Entry::Live { shard, until, .. } => {
                if now >= *until {
                    overdue.push((call.clone(), *shard));
                }
                now < *until
            }
            Entry::Over { since } => now.saturating_duration_since(*since) < REMEMBERED,
        });
        state.census.preopened_closed += closed.len() as u64;
        state.census.lost += overdue.len() as u64;
        drop(state);
        if !closed.is_empty() {
            tracing::info!(count = closed.len(), "no stream came: what was opened ahead is closed");
        }
        overdue
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::clock;

    fn expect(supervisor: &Supervisor<()>, now: Instant, call: &str, max: usize) -> bool {
        supervisor.expect(now, &CallId::new(call), max, || ())
    }

    fn admit(supervisor: &Supervisor<()>, now: Instant, call: &str, nonce: u8) -> Admission<()> {
        supervisor.admit(&CallId::new(call), ([nonce; 16], 100), 0, now + Duration::from_secs(60), 0)
    }

    #[test]
    fn what_was_opened_ahead_is_closed_after_10_s_and_the_call_may_still_come() {
        let (supervisor, now) = (Supervisor::default(), clock::now());
        assert!(expect(&supervisor, now, "a", 5));
        supervisor.sweep(now + Duration::from_secs(9), 0);
        assert_eq!(supervisor.census().preopened, 1);
        supervisor.sweep(now + PREOPENED, 0);
        let census = supervisor.census();
        assert_eq!((census.preopened, census.preopened_closed, census.waiting), (0, 1, 1));
        assert!(matches!(admit(&supervisor, now, "a", 1), Admission::New(None)));
    }

    #[test]
    fn calls_beyond_the_limit_are_busy() {
        let (supervisor, now) = (Supervisor::default(), clock::now());
        assert!(expect(&supervisor, now, "a", 1));
        assert!(expect(&supervisor, now, "a", 1), "the same call again");
        assert!(!expect(&supervisor, now, "b", 1));
        supervisor.gone_before_stream(now, &CallId::new("a"));
        assert!(expect(&supervisor, now, "b", 1));
        assert_eq!((supervisor.census().busy, supervisor.census().preopened_closed), (1, 1));
    }

    #[test]
    fn a_token_works_once_and_a_live_call_is_adopted_or_left() {
        let (supervisor, now) = (Supervisor::default(), clock::now());
        assert!(expect(&supervisor, now, "a", 1));
        assert!(matches!(admit(&supervisor, now, "a", 1), Admission::New(Some(_))));
        assert!(matches!(admit(&supervisor, now, "a", 1), Admission::Refused(_)));
        assert!(matches!(admit(&supervisor, now, "a", 2), Admission::Adopt(0)));
        supervisor.over(now, &CallId::new("a"));
        assert!(matches!(admit(&supervisor, now, "a", 3), Admission::Refused(_)));
        assert_eq!(supervisor.whereabouts(&CallId::new("a")), Whereabouts::Over);
        supervisor.sweep(now + REMEMBERED, 101);
        assert_eq!(supervisor.whereabouts(&CallId::new("a")), Whereabouts::Unknown);
        assert!(supervisor.state().nonces.is_empty());
    }

    #[test]
    fn a_call_that_should_long_have_ended_is_found() {
        let (supervisor, now) = (Supervisor::default(), clock::now());
        assert!(matches!(admit(&supervisor, now, "a", 1), Admission::New(None)));
        assert!(supervisor.sweep(now + Duration::from_secs(59), 0).is_empty());
        assert_eq!(supervisor.sweep(now + Duration::from_secs(60), 0), [(CallId::new("a"), 0)]);
        assert_eq!(supervisor.whereabouts(&CallId::new("a")), Whereabouts::Unknown);
    }
}
