use std::collections::VecDeque;

/// The newest bytes of a stream with their absolute positions, for one owner: when full, the oldest are dropped.
///
/// Positions count bytes from the first one ever pushed. What was dropped or forgotten is everything before
/// [`start`](Self::start). It holds memory for what is kept, not for all that it may keep:
/// [`make_room`](Self::make_room) takes it ahead, so that [`push`](Self::push) need not.
#[derive(Clone, Debug)]
pub struct HistoryRing {
    bytes: VecDeque<u8>,
    capacity: usize,
    /// Position of the oldest byte kept.
    start: u64,
}

impl HistoryRing {
    /// Keeps the last `capacity` bytes; 0 keeps none. Allocates nothing.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { bytes: VecDeque::new(), capacity, start: 0 }
    }

    /// Appends bytes. If there are more than the capacity, only the last of them stay; all of them count.
    pub fn push(&mut self, bytes: &[u8]) {
        let over = (self.len() + bytes.len()).saturating_sub(self.capacity);
        self.bytes.drain(..over.min(self.bytes.len()));
        self.start += over as u64;
        self.bytes.extend(&bytes[bytes.len().saturating_sub(self.capacity)..]);
    }

    /// Takes memory so that `spare` more bytes can be pushed without an allocation, as far as they can be kept; when
    /// nothing is kept, gives back what more has needed.
    pub fn make_room(&mut self, spare: usize) {
        let most = self.capacity - self.len();
        if self.bytes.capacity() < self.len() + spare.min(most) {
            // A history that fills up does not allocate each time.
            let more = if self.is_empty() { spare } else { 4 * spare };
            self.bytes.reserve_exact(more.min(most));
        } else if self.is_empty() && self.bytes.capacity() > 2 * spare {
            self.bytes.shrink_to(spare);
        }
    }

    /// Forgets what lies before this position.
    pub fn forget_before(&mut self, position: u64) {
        let forgotten = (position.saturating_sub(self.start)).min(self.len() as u64);
        // Emptied, it begins at the front of its memory again.
        self.bytes.drain(..forgotten as usize);
        self.start += forgotten;
    }

    /// Position of the oldest byte kept; equal to [`end`](Self::end) while there is none.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Position after the newest byte: how many were ever pushed.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Bytes kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether no byte is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes that it keeps when full.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Copies bytes from position `from` on to the front of `out`; returns how many, fewer than asked at the end.
    ///
    /// A position that is not kept, before [`start`](Self::start) or not before [`end`](Self::end), copies nothing.
    pub fn copy(&self, from: u64, out: &mut [u8]) -> usize {
        if from < self.start || from >= self.end() {
            return 0;
        }
        let first = (from - self.start) as usize;
        let count = out.len().min(self.len() - first);
        for (out, byte) in out.iter_mut().zip(self.bytes.range(first..first + count)) {
            *out = *byte;
        }
        count
    }

    /// Forgets everything and begins again at position 0; keeps its memory.
    pub fn reset(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn empty_history_copies_nothing() {
        let ring = HistoryRing::new(4);
        assert_eq!((ring.start(), ring.end(), ring.len(), ring.capacity()), (0, 0, 0, 4));
        assert_eq!(ring.copy(0, &mut [0; 4]), 0);
    }

    #[test]
    fn full_history_drops_the_oldest_and_counts_them() {
        let mut ring = HistoryRing::new(4);
        ring.push(&[1, 2, 3]);
        ring.push(&[4, 5, 6]);
        assert_eq!((ring.start(), ring.end(), ring.len()), (2, 6, 4));
        let mut out = [0; 8];
        assert_eq!(ring.copy(1, &mut out), 0, "no longer kept");
        assert_eq!(ring.copy(2, &mut out), 4);
        assert_eq!(out[..4], [3, 4, 5, 6]);
        assert_eq!(ring.copy(5, &mut out), 1);
        assert_eq!(ring.copy(6, &mut out), 0, "not yet pushed");
    }

    #[test]
    fn push_longer_than_the_capacity_keeps_its_end() {
        let mut ring = HistoryRing::new(3);
        ring.push(&[1, 2, 3, 4, 5]);
        let mut out = [0; 3];
        assert_eq!((ring.copy(2, &mut out), out), (3, [3, 4, 5]));
        assert_eq!((ring.start(), ring.len()), (2, 3));
    }

    #[test]
    fn capacity_of_zero_keeps_none_and_counts_all() {
        let mut ring = HistoryRing::new(0);
        ring.push(&[1, 2]);
        assert!(ring.is_empty());
        assert_eq!((ring.start(), ring.copy(0, &mut [0; 2])), (2, 0));
    }

    #[test]
    fn reset_begins_at_zero() {
        let mut ring = HistoryRing::new(2);
        ring.push(&[1, 2, 3]);
        ring.reset();
        assert_eq!((ring.start(), ring.end(), ring.copy(0, &mut [0; 2])), (0, 0, 0));
    }

    #[test]
    fn what_is_forgotten_is_gone_and_positions_go_on() {
        let mut ring = HistoryRing::new(4);
        ring.push(&[1, 2, 3]);
        ring.forget_before(2);
        assert_eq!((ring.start(), ring.end(), ring.copy(1, &mut [0; 2])), (2, 3, 0));
        ring.push(&[4, 5, 6]);
        let mut out = [0; 4];
        assert_eq!((ring.copy(2, &mut out), out), (4, [3, 4, 5, 6]));
        ring.forget_before(1);
        assert_eq!(ring.len(), 4, "was forgotten before");
        ring.forget_before(100);
        assert_eq!((ring.start(), ring.end()), (6, 6), "nothing comes before it was pushed");
    }

    #[test]
    fn memory_follows_what_is_kept() {
        let mut ring = HistoryRing::new(1_000);
        assert_eq!(ring.bytes.capacity(), 0);
        for _ in 0..50 {
            ring.make_room(100);
            let before = ring.bytes.capacity();
            assert!(before >= ring.len() + 100 || before >= 1_000, "{before} for {}", ring.len());
            ring.push(&[7; 100]);
            assert_eq!(ring.bytes.capacity(), before, "a push that there was room for allocates");
        }
        assert_eq!((ring.len(), ring.end()), (1_000, 5_000));
        ring.forget_before(ring.end());
        ring.make_room(100);
        assert!(ring.bytes.capacity() <= 200, "{} are held for nothing", ring.bytes.capacity());
    }

    proptest! {
        #[test]
        fn equals_the_tail_of_all_that_was_pushed(
            capacity in 0usize..20,
            pushes in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..30), 0..12),
        ) {
            let (mut ring, mut all) = (HistoryRing::new(capacity), Vec::new());
            for push in &pushes {
                ring.push(push);
                all.extend_from_slice(push);
                let mut out = vec![0; capacity];
                let count = ring.copy(ring.start(), &mut out);
                prop_assert_eq!(count, capacity.min(all.len()));
                prop_assert_eq!(&out[..count], &all[all.len() - count..]);
            }
        }
    }
}
