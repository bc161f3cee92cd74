//! One task that looks after all calls, a millisecond apart.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};

use super::{call::Call, clock::Clock, histogram::Histogram};

/// Between two looks.
const TICK: Duration = Duration::from_millis(1);

/// All calls under way.
#[derive(Default)]
pub(super) struct Scheduler {
    added: Mutex<Vec<Arc<Call>>>,
    woken: Notify,
    tick_ms: Mutex<Histogram>,
    late_us: Mutex<Histogram>,
}

impl Scheduler {
    pub(super) fn add(&self, call: Arc<Call>) {
        self.added.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        self.woken.notify_one();
    }

    /// How far apart the looks were.
    pub(super) fn tick_ms(&self) -> Histogram {
        self.tick_ms.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How late what calls had to send was looked at.
    pub(super) fn late_us(&self) -> Histogram {
        self.late_us.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was late so far does not count.
    pub(super) fn forget(&self) {
        for histogram in [&self.tick_ms, &self.late_us] {
            *histogram.lock().unwrap_or_else(PoisonError::into_inner) = Histogram::default();
        }
    }

    pub(super) async fn run(&self, clock: Clock) {
        let mut calls: Vec<Arc<Call>> = Vec::new();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = clock.now();
        loop {
            if calls.is_empty() {
                self.woken.notified().await;
                before = clock.now();
            }
            calls.append(&mut self.added.lock().unwrap_or_else(PoisonError::into_inner));
            ticks.tick().await;
            let now = clock.now();
            let apart = (now - before).as_millis() as u64;
            self.tick_ms.lock().unwrap_or_else(PoisonError::into_inner).add(apart);
            before = now;
            let mut late_us = self.late_us.lock().unwrap_or_else(PoisonError::into_inner);
            // Each with its own time: whoever has its turn last in a long round is late by all of it.
            calls.retain(|call| call.line().tick(clock.now(), &mut late_us));
        }
    }
}
