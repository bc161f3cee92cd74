//! A shard: one thread, its runtime, its listener, and the loop over all its calls.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use slab::Slab;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};

use super::{
    bells::Bells,
    call::{LiveCall, Step},
    doorway,
    gateway::{Front, Phase},
    model_link::ModelLink,
    routes,
    setup::Assistant,
    supervisor::Whereabouts,
};
use crate::{
    carrier::{
        CallAnswer, CallId, Parties,
        twilio::{CallSid, StreamSid},
    },
    net::{clock, http, websocket::Socket},
    session::Input,
    vad::Batch,
    wire::{ExchangeEvent, ExchangeId},
};

/// The sockets are looked at this often at the least, whatever comes: a quarter of a frame.
const IDLE: Duration = Duration::from_millis(5);
/// Connections of one shard that are no media streams (yet), at once.
const CONNECTIONS: usize = 4096;
/// Messages that may wait for a shard.
pub(super) const INBOX: usize = 4096;
/// Of them, taken in one step.
const INBOX_STEP: usize = 256;

/// A stream that begins a call.
pub(super) struct NewStream {
    pub(super) call: CallId,
    pub(super) sid: CallSid,
    pub(super) stream: StreamSid,
    pub(super) resumed: u8,
    pub(super) returned: bool,
    pub(super) assistant: Arc<Assistant>,
    pub(super) parties: Parties,
    pub(super) model: ModelLink,
    pub(super) socket: Socket,
}

/// What a shard is told.
pub(super) enum ToShard {
    /// A call begins.
    Open(Box<NewStream>),
    /// Another stream for a call whose own one broke.
    Adopt { call: CallId, stream: StreamSid, socket: Box<Socket> },
    /// What became of a request.
    Exchange { call: CallId, id: ExchangeId, event: ExchangeEvent },
    /// The carrier says something of a call by itself.
    Answer { call: CallId, answer: CallAnswer },
    /// The operator ends a call.
    Operator { call: CallId },
    /// All calls are told goodbye.
    Drain,
    /// A call that does not end is given up.
    Drop(CallId),
}

/// A call on its shard.
struct Seat {
    /// Apart: moving all calls when there is one more would take longer than a step may.
    call: Box<LiveCall>,
    /// What its sockets ring.
    waker: Waker,
    /// Looked at then, if nothing rings before.
    due: Instant,
}

struct Shard {
    index: usize,
    front: Arc<Front>,
    calls: Slab<Seat>,
    by_id: HashMap<CallId, usize>,
    bells: Arc<Bells>,
    /// The calls that a step looks at.
    ready: Vec<usize>,
    /// Calls are told goodbye, also one that was let in before and comes only now.
    draining: bool,
    /// Calls that the operator ended between their being let in and their coming here.
    ended_early: HashSet<CallId>,
    /// Audio of all calls for the voice detector, scored once a step.
    batch: Batch,
}

/// Chunks that one step can score together: more calls than speak at once on a shard.
const BATCH: usize = 256;

/// Runs a shard on this thread until it is told to stop.
pub(super) async fn run(
    index: usize,
    front: Arc<Front>,
    listener: std::net::TcpListener,
    mut inbox: mpsc::Receiver<ToShard>,
    mut phase: watch::Receiver<Phase>,
) {
    let accepting = match TcpListener::from_std(listener) {
        Ok(listener) => tokio::spawn(accept(listener, Arc::clone(&front), index)),
        Err(error) => {
            tracing::error!(%error, shard = index, "the shard cannot listen");
            return;
        }
    };
    let shard = Shard {
        index,
        front,
        calls: Slab::new(),
        by_id: HashMap::new(),
        bells: Bells::new(),
        ready: Vec::with_capacity(BATCH),
        draining: false,
        ended_early: HashSet::new(),
        batch: Batch::new(BATCH),
    };
    // The loop does bounded work between two sleeps, so it needs no budget; with one, a shard of many calls would
    // find its last sockets "not ready" for ever.
    tokio::task::unconstrained(shard.run(&mut inbox, &mut phase)).await;
    accepting.abort();
}

async fn accept(listener: TcpListener, front: Arc<Front>, index: usize) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let router = routes::router(front, index);
    loop {
        match listener.accept().await {
            Ok((tcp, _)) => match Arc::clone(&room).try_acquire_owned() {
                Ok(place) => {
                    let router = router.clone();
                    tokio::spawn(async move {
                        http::serve(tcp, router).await;
                        drop(place);
                    });
                }
                // Dropped: whoever it is tries again, or gives up.
                Err(_) => tracing::warn!("too many connections at once: one was closed"),
            },
            Err(error) => {
                // Mostly "too many open files": others may be closed meanwhile.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

impl Shard {
    async fn run(mut self, inbox: &mut mpsc::Receiver<ToShard>, phase: &mut watch::Receiver<Phase>) {
        let mut last = clock::now();
        let io = self.front.io;
        loop {
            if self.calls.is_empty() {
                // Nothing to drain: sleep until somebody comes.
                tokio::select! {
                    message = inbox.recv() => match message {
                        Some(message) => self.take(clock::now(), message),
                        None => return,
                    },
                    _ = phase.wait_for(|phase| *phase == Phase::Stopped) => return,
                }
                last = clock::now();
            } else if self.calls.len() >= io.drain_from_calls && !io.drain.is_zero() {
                // The whole thread sleeps, and with it the runtime: it looks at all sockets once, afterwards, instead of
                // waking for each of them.
                clock::sleep_until(last + io.drain);
                tokio::task::yield_now().await;
            } else {
                let _ = tokio::time::timeout(IDLE, self.bells.rings()).await;
                tokio::time::sleep_until((last + io.drain).into()).await;
            }
            if *phase.borrow() == Phase::Stopped {
                return;
            }
            let now = clock::now();
            for _ in 0..INBOX_STEP {
                let Ok(message) = inbox.try_recv() else { break };
                self.take(now, message);
            }
            self.step(now, now.saturating_duration_since(last));
            last = now;
        }
    }

    /// One step of every call that something has come for, or is due; `gap` is the time since the last one.
    fn step(&mut self, now: Instant, gap: Duration) {
        let mut done = Vec::new();
        let (front, index, batch, bells) = (&self.front, self.index, &mut self.batch, &self.bells);
        self.ready.clear();
        batch.clear();
        for (key, seat) in &mut self.calls {
            // Asked first: what has rung is known by this step.
            if !bells.has_rung(key) && seat.due > now {
                continue;
            }
            let mut context = Context::from_waker(&seat.waker);
            let call = &mut seat.call;
            match catch_unwind(AssertUnwindSafe(|| call.listen(now, gap, &mut context, front, index, batch))) {
                Ok(()) => self.ready.push(key),
                Err(_) => done.push((key, true)),
            }
        }
        batch.run();
        for &key in &self.ready {
            let Some(seat) = self.calls.get_mut(key) else { continue };
            let mut context = Context::from_waker(&seat.waker);
            let call = &mut seat.call;
            match catch_unwind(AssertUnwindSafe(|| call.step(now, &mut context, front, index, batch))) {
                Ok(Step::GoesOn) => seat.due = seat.call.due(),
                Ok(Step::Done) => done.push((key, false)),
                Err(_) => done.push((key, true)),
            }
        }
        for (key, fault) in done {
            let call = self.calls.remove(key).call;
            self.by_id.remove(&call.id);
            if fault {
                tracing::error!(call = %call.id, "a fault of ours ended this call; the carrier may open it again");
                self.front.supervisor.lost(&call.id);
            }
        }
    }

    /// The call, which is looked at in the next step: something has happened to it.
    fn find(&mut self, call: &CallId) -> Option<(&mut LiveCall, &Waker)> {
        let key = *self.by_id.get(call)?;
        let seat = self.calls.get_mut(key)?;
        self.bells.ring(key);
        Some((&mut seat.call, &seat.waker))
    }

    fn take(&mut self, now: Instant, message: ToShard) {
        let (front, index) = (Arc::clone(&self.front), self.index);
        match message {
            ToShard::Open(stream) => self.open(now, *stream),
            ToShard::Adopt { call, stream, socket } => {
                // The break of the old stream may not have been read yet: the carrier is quick.
                let adopting = self.find(&call).and_then(|(found, waker)| {
                    found.may_reopen(now, &mut Context::from_waker(waker), &front, index).then_some(found)
                });
                match adopting {
                    Some(call) => {
                        front.supervisor.count(|census| census.adopted += 1);
                        call.reopen(now, stream, *socket, &front, index);
                    }
                    None => {
                        tracing::warn!(%call, "a second stream for a live call was refused");
                        front.supervisor.count(|census| census.refused_streams += 1);
                        tokio::spawn(doorway::close(*socket, "the call has a stream"));
                    }
                }
            }
            ToShard::Exchange { call, id, event } => {
                if let Some((call, _)) = self.find(&call) {
                    call.exchange(now, id, &event, &front, index);
                }
            }
            ToShard::Answer { call, answer } => {
                if let Some((call, waker)) = self.find(&call) {
                    call.answer(now, answer, &mut Context::from_waker(waker), &front, index);
                }
            }
            ToShard::Operator { call } => {
                if let Some((call, _)) = self.find(&call) {
                    call.input(now, Input::Operator, &front, index);
                } else if front.supervisor.whereabouts(&call) == Whereabouts::Live(index) {
                    // Let in, and on its way here with its model: it is told once it has come.
                    self.ended_early.insert(call);
                }
            }
            ToShard::Drain => {
                self.draining = true;
                for (key, seat) in &mut self.calls {
                    seat.call.input(now, Input::Drain, &front, index);
                    self.bells.ring(key);
                }
            }
            ToShard::Drop(call) => {
                if let Some(key) = self.by_id.remove(&call) {
                    self.calls.remove(key);
                }
            }
        }
    }

    /// A call begins.
    fn open(&mut self, now: Instant, stream: NewStream) {
        let (front, index, id) = (Arc::clone(&self.front), self.index, stream.call.clone());
        match catch_unwind(AssertUnwindSafe(|| LiveCall::open(now, stream, &front, index))) {
            Ok(Some(mut call)) => {
                if self.ended_early.remove(&id) {
                    call.input(now, Input::Operator, &front, index);
                }
                if self.draining {
                    call.input(now, Input::Drain, &front, index);
                }
                let entry = self.calls.vacant_entry();
                let key = entry.key();
                entry.insert(Seat { call: Box::new(call), waker: self.bells.of(key), due: now });
                self.by_id.insert(id, key);
            }
            Ok(None) | Err(_) => {
                self.ended_early.remove(&id);
                tracing::error!(call = %id, "the call could not be begun");
                front.supervisor.lost(&id);
            }
        }
    }
}
