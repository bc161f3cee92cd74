//! Bounded rings of bytes. The policy when full is in the name, and every drop is counted.
//!
//! [`byte_ring`] stands between two threads: one producer, one consumer, no locks; after construction it neither
//! allocates nor frees. [`HistoryRing`] stays in one place and keeps the newest bytes; it does so where it is told to.

mod history;
mod spsc;

pub use history::HistoryRing;
pub use spsc::{RingConsumer, RingProducer, byte_ring};
