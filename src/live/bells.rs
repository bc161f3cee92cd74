//! What wakes a shard, and which of its calls something has come for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Calls of a shard that can be told apart; what is beyond is looked at in every step.
const CALLS: usize = 1 << 14;
const WORD: usize = u64::BITS as usize;

/// One bell for all sockets of a shard: however many ring it, the shard wakes once. It remembers who rang.
pub(super) struct Bells {
    rung: AtomicBool,
    shard: AtomicWaker,
    /// A bit for each call.
    calls: Box<[AtomicU64]>,
}

/// The bell of one call, by its place on the shard.
struct Bell {
    bells: Arc<Bells>,
    call: usize,
}

impl Bells {
    pub(super) fn new() -> Arc<Self> {
        let calls = (0..CALLS / WORD).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { rung: AtomicBool::new(false), shard: AtomicWaker::new(), calls })
    }

    /// What the sockets of the call at this place ring.
    pub(super) fn of(self: &Arc<Self>, call: usize) -> Waker {
        Waker::from(Arc::new(Bell { bells: Arc::clone(self), call }))
    }

    /// The call at this place is to be looked at in the next step.
    pub(super) fn ring(&self, call: usize) {
        if let Some(word) = self.calls.get(call / WORD) {
            word.fetch_or(1 << (call % WORD), Ordering::Release);
        }
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.shard.wake();
        }
    }

    /// Waits until somebody rings.
    pub(super) async fn rings(&self) {
        std::future::poll_fn(|context| {
            self.shard.register(context.waker());
            if self.rung.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Whether the call at this place has rung since it was last asked.
    pub(super) fn has_rung(&self, call: usize) -> bool {
        let Some(word) = self.calls.get(call / WORD) else { return true };
        let bit = 1 << (call % WORD);
        word.load(Ordering::Relaxed) & bit != 0 && word.fetch_and(!bit, Ordering::Acquire) & bit != 0
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.bells.ring(self.call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_rang_is_known_once() {
        let bells = Bells::new();
        let (third, far) = (bells.of(3), bells.of(CALLS + 3));
        assert!(!bells.has_rung(3));
        third.wake_by_ref();
        third.wake_by_ref();
        assert!(bells.has_rung(3) && !bells.has_rung(3) && !bells.has_rung(4));
        far.wake();
        assert!(bells.has_rung(CALLS + 3) && bells.has_rung(CALLS + 3), "looked at in every step");
        assert!(bells.rung.load(Ordering::Relaxed));
    }
}
