/// The newest bytes of a stream with their absolute positions, for one owner: when full, the oldest are dropped.
///
/// Positions count bytes from the first one ever pushed. What was dropped is everything before [`start`](Self::start).
#[derive(Clone, Debug)]
pub struct HistoryRing {
    /// The byte at position `p` is at index `p % len`.
    bytes: Box<[u8]>,
    end: u64,
}

impl HistoryRing {
    /// Keeps the last `capacity` bytes; 0 keeps none.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { bytes: vec![0; capacity].into_boxed_slice(), end: 0 }
    }

    /// Appends bytes. If there are more than the capacity, only the last of them stay; all of them count.
    pub fn push(&mut self, bytes: &[u8]) {
        self.end += bytes.len() as u64;
        let kept = &bytes[bytes.len().saturating_sub(self.bytes.len())..];
        if kept.is_empty() {
            return;
        }
        let first = self.index(self.end - kept.len() as u64);
        let (left, right) = kept.split_at(kept.len().min(self.bytes.len() - first));
        self.bytes[first..first + left.len()].copy_from_slice(left);
        self.bytes[..right.len()].copy_from_slice(right);
    }

    /// Position of the oldest byte kept; equal to [`end`](Self::end) while there is none.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.end.saturating_sub(self.bytes.len() as u64)
    }

    /// Position after the newest byte: how many were ever pushed.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Bytes kept.
    #[must_use]
    pub fn len(&self) -> usize {
        (self.end - self.start()) as usize
    }

    /// Whether no byte is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that it keeps when full.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes that newer ones have pushed out.
    #[must_use]
    pub fn dropped_bytes(&self) -> u64 {
        self.start()
    }

    /// Copies bytes from position `from` on to the front of `out`; returns how many, fewer than asked at the end.
    ///
    /// A position that is not kept, before [`start`](Self::start) or not before [`end`](Self::end), copies nothing.
    pub fn copy(&self, from: u64, out: &mut [u8]) -> usize {
        if from < self.start() || from >= self.end {
            return 0;
        }
        let count = out.len().min((self.end - from) as usize);
        let first = self.index(from);
        let (left, right) = out[..count].split_at_mut(count.min(self.bytes.len() - first));
        left.copy_from_slice(&self.bytes[first..first + left.len()]);
        right.copy_from_slice(&self.bytes[..right.len()]);
        count
    }

    /// Forgets everything and begins again at position 0; keeps its memory.
    pub fn reset(&mut self) {
        self.end = 0;
    }

    fn index(&self, position: u64) -> usize {
        (position % self.bytes.len() as u64) as usize
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
        assert_eq!((ring.start(), ring.end(), ring.dropped_bytes()), (2, 6, 2));
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
        assert_eq!((ring.dropped_bytes(), ring.copy(0, &mut [0; 2])), (2, 0));
    }

    #[test]
    fn reset_begins_at_zero() {
        let mut ring = HistoryRing::new(2);
        ring.push(&[1, 2, 3]);
        ring.reset();
        assert_eq!((ring.start(), ring.end(), ring.copy(0, &mut [0; 2])), (0, 0, 0));
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
