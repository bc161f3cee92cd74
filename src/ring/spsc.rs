use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ringbuf::{HeapCons, HeapProd, HeapRb, traits::*};

/// A ring of `capacity` bytes between one producer and one consumer, which may live on two threads.
///
/// Full: [`RingProducer::push_or_drop`] drops the new slice whole and counts it. Empty: [`RingConsumer::pop_slice`]
/// gives nothing. A capacity of 0 counts as 1. Memory is freed when the second end is dropped.
#[must_use]
pub fn byte_ring(capacity: usize) -> (RingProducer, RingConsumer) {
    let (producer, consumer) = HeapRb::new(capacity.max(1)).split();
    let dropped = Arc::new(AtomicU64::new(0));
    (RingProducer { ring: producer, dropped: Arc::clone(&dropped) }, RingConsumer { ring: consumer, dropped })
}

/// The end that bytes go into.
pub struct RingProducer {
    ring: HeapProd<u8>,
    dropped: Arc<AtomicU64>,
}

impl RingProducer {
    /// Puts the whole slice in, or none of it: then its bytes are counted as dropped and the answer is `false`.
    ///
    /// An empty slice always goes in; one longer than the capacity never does.
    pub fn push_or_drop(&mut self, bytes: &[u8]) -> bool {
        // Only this end can make the free space smaller, so the check holds.
        let fits = self.ring.vacant_len() >= bytes.len();
        if fits {
            self.ring.push_slice(bytes);
        } else {
            self.dropped.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        fits
    }

    /// Bytes that certainly fit now.
    #[must_use]
    pub fn free(&self) -> usize {
        self.ring.vacant_len()
    }

    /// Bytes waiting; the consumer may have taken some of them already.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ring.occupied_len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Bytes that the ring holds when full.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ring.capacity().get()
    }

    /// Bytes dropped since the ring was made.
    #[must_use]
    pub fn dropped_bytes(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Whether the consumer still exists. Without it the ring fills up and then drops.
    #[must_use]
    pub fn is_peer_held(&self) -> bool {
        self.ring.read_is_held()
    }
}

/// The end that bytes come out of.
pub struct RingConsumer {
    ring: HeapCons<u8>,
    dropped: Arc<AtomicU64>,
}

impl RingConsumer {
    /// Moves the oldest bytes to the front of `out`; returns how many, fewer than asked if the ring runs empty.
    pub fn pop_slice(&mut self, out: &mut [u8]) -> usize {
        self.ring.pop_slice(out)
    }

    /// Discards everything that waits; returns how many bytes. They do not count as dropped.
    pub fn clear(&mut self) -> usize {
        self.ring.clear()
    }

    /// Bytes that can certainly be taken now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ring.occupied_len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Bytes that the ring holds when full.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ring.capacity().get()
    }

    /// Bytes dropped since the ring was made.
    #[must_use]
    pub fn dropped_bytes(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Whether the producer still exists. Without it nothing comes after what waits now.
    #[must_use]
    pub fn is_peer_held(&self) -> bool {
        self.ring.write_is_held()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn empty_ring_gives_nothing() {
        let (producer, mut consumer) = byte_ring(4);
        assert_eq!(consumer.pop_slice(&mut [0; 4]), 0);
        assert!(producer.is_empty() && consumer.is_empty());
        assert_eq!((producer.capacity(), producer.free(), consumer.len()), (4, 4, 0));
    }

    #[test]
    fn full_ring_drops_the_new_slice_whole_and_counts_it() {
        let (mut producer, mut consumer) = byte_ring(4);
        assert!(producer.push_or_drop(&[1, 2, 3]));
        assert!(!producer.push_or_drop(&[4, 5]));
        assert_eq!((producer.dropped_bytes(), consumer.dropped_bytes(), consumer.len()), (2, 2, 3));
        assert!(producer.push_or_drop(&[6]));
        assert_eq!(producer.free(), 0);
        let mut out = [0; 8];
        assert_eq!(consumer.pop_slice(&mut out), 4);
        assert_eq!(out[..4], [1, 2, 3, 6]);
    }

    #[test]
    fn slice_longer_than_the_capacity_never_goes_in() {
        let (mut producer, consumer) = byte_ring(4);
        assert!(!producer.push_or_drop(&[0; 5]));
        assert_eq!((consumer.len(), consumer.dropped_bytes()), (0, 5));
    }

    #[test]
    fn empty_slice_goes_into_a_full_ring() {
        let (mut producer, _consumer) = byte_ring(1);
        assert!(producer.push_or_drop(&[1]) && producer.push_or_drop(&[]));
        assert_eq!(producer.dropped_bytes(), 0);
    }

    #[test]
    fn capacity_of_zero_counts_as_one() {
        assert_eq!(byte_ring(0).0.capacity(), 1);
    }

    #[test]
    fn clear_does_not_count_as_dropped() {
        let (mut producer, mut consumer) = byte_ring(4);
        assert!(producer.push_or_drop(&[1, 2, 3]));
        assert_eq!((consumer.clear(), consumer.len(), consumer.dropped_bytes()), (3, 0, 0));
    }

    #[test]
    fn each_end_sees_the_other_go() {
        let (producer, mut consumer) = byte_ring(4);
        assert!(producer.is_peer_held() && consumer.is_peer_held());
        drop(producer);
        assert!(!consumer.is_peer_held());
        assert_eq!(consumer.pop_slice(&mut [0; 4]), 0);
        let (producer, consumer) = byte_ring(4);
        drop(consumer);
        assert!(!producer.is_peer_held());
    }

    #[test]
    fn what_waits_outlives_its_producer() {
        let (mut producer, mut consumer) = byte_ring(4);
        assert!(producer.push_or_drop(&[1, 2]));
        drop(producer);
        assert_eq!(consumer.pop_slice(&mut [0; 4]), 2);
    }

    #[test]
    fn two_threads_lose_nothing() {
        const FRAMES: usize = 2_000;
        let (mut producer, mut consumer) = byte_ring(1_000);
        let writer = thread::spawn(move || {
            for n in 0..FRAMES {
                let frame: [u8; 160] = std::array::from_fn(|i| (n * 7 + i) as u8);
                while producer.free() < frame.len() {
                    thread::yield_now();
                }
                assert!(producer.push_or_drop(&frame));
            }
        });
        let (mut received, mut chunk) = (Vec::new(), [0; 97]);
        while received.len() < FRAMES * 160 {
            let n = consumer.pop_slice(&mut chunk);
            received.extend_from_slice(&chunk[..n]);
            if n == 0 {
                thread::yield_now();
            }
        }
        writer.join().unwrap();
        assert!(received.iter().enumerate().all(|(i, &byte)| byte == (i / 160 * 7 + i % 160) as u8));
        assert_eq!((consumer.dropped_bytes(), consumer.len()), (0, 0));
    }
}
