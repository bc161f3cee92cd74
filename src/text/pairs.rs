//! One answer at a time for a pair of numbers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Our number, theirs.
type Pair = (String, String);

/// Pairs whose answer is being written, and whether more has come since.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs(Arc<Mutex<BTreeMap<Pair, bool>>>);

impl Pairs {
    /// A message came. `true`: whoever asks answers it; `false`: somebody is at it, and takes it in next.
    pub(super) fn begin(&self, ours: &str, theirs: &str) -> bool {
        let mut pairs = self.locked();
        if let Some(again) = pairs.get_mut(&pair(ours, theirs)) {
            *again = true;
            return false;
        }
        pairs.insert(pair(ours, theirs), false);
        true
    }

    /// As [`Pairs::begin`], for what has been waiting: whoever is at it will see it without being told.
    pub(super) fn begin_if_idle(&self, ours: &str, theirs: &str) -> bool {
        let mut pairs = self.locked();
        let idle = !pairs.contains_key(&pair(ours, theirs));
        if idle {
            pairs.insert(pair(ours, theirs), false);
        }
        idle
    }

    /// Whether more has come; if not, the pair is free.
    pub(super) fn again(&self, ours: &str, theirs: &str) -> bool {
        let mut pairs = self.locked();
        let more = pairs.get_mut(&pair(ours, theirs)).is_some_and(std::mem::take);
        if !more {
            pairs.remove(&pair(ours, theirs));
        }
        more
    }

    /// Frees the pair when it is dropped: an answer that panics must not silence somebody for good.
    pub(super) fn guard(&self, ours: &str, theirs: &str) -> Guard {
        Guard { pairs: self.clone(), pair: pair(ours, theirs) }
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<Pair, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pair(ours: &str, theirs: &str) -> Pair {
    (ours.to_owned(), theirs.to_owned())
}

/// See [`Pairs::guard`].
pub(super) struct Guard {
    pairs: Pairs,
    pair: Pair,
}

impl Drop for Guard {
    fn drop(&mut self) {
        // In the orderly case it is free already, and may be another's: only a panic leaves it here.
        if std::thread::panicking() {
            self.pairs.locked().remove(&self.pair);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_meanwhile_is_taken_in_next() {
        let pairs = Pairs::default();
        assert!(pairs.begin("a", "b"));
        assert!(pairs.begin("a", "c"), "others do not wait");
        assert!(!pairs.begin("a", "b") && !pairs.begin("a", "b") && !pairs.begin_if_idle("a", "b"));
        assert!(pairs.again("a", "b"), "both are one more turn");
        assert!(!pairs.again("a", "b"));
        assert!(pairs.begin_if_idle("a", "b"), "free again");
    }

    #[test]
    fn a_panic_frees_the_pair() {
        let pairs = Pairs::default();
        assert!(pairs.begin("a", "b"));
        let answering = pairs.clone();
        let panicked = std::thread::spawn(move || {
            let _guard = answering.guard("a", "b");
            panic!("as a test wants it");
        });
        assert!(panicked.join().is_err());
        assert!(pairs.begin("a", "b"));
    }
}
