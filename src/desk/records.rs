//! Calls that are over, into the store: several at once, and again while it does not answer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Facts, hooks};
use crate::{
    call::{Party, Reason},
    carrier::is_e164,
    config::Webhook,
    live::FinishedCall,
    net::clock,
    store::{self, Direction, Hook, Id, Store, StoreError},
};

/// Records that are written in one transaction.
const TOGETHER: usize = 200;
/// Records that come within this time are one transaction.
const GATHERED: Duration = Duration::from_millis(50);
/// Records that wait while the store does not answer; older ones are given up beyond it.
const WAITING: usize = 20_000;
/// Pause after a failure; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// At the end of the process the store is given this long.
const LAST: Duration = Duration::from_secs(10);

/// What of a call is kept and told.
pub(super) struct Wanted {
    /// Told of every call.
    webhook: Option<Webhook>,
    /// What was said is kept.
    transcripts: bool,
}

impl Wanted {
    pub(super) fn of(facts: &Facts) -> Self {
        Self { webhook: facts.webhook.clone(), transcripts: facts.keep_transcripts }
    }
}

/// Keeps what comes, until the gateway has stopped; then what still waits, as far as the store takes it.
pub(super) async fn keep(store: Arc<dyn Store>, wanted: Wanted, mut calls: mpsc::UnboundedReceiver<Box<FinishedCall>>) {
    let mut waiting: VecDeque<(store::Call, Option<Hook>)> = VecDeque::new();
    let mut pause = PAUSE;
    let mut open = true;
    while open || !waiting.is_empty() {
        if waiting.is_empty() {
            match calls.recv().await {
                Some(call) => waiting.push_back(row(&call, &wanted)),
                None => return,
            }
            tokio::time::sleep(GATHERED).await;
        }
        open &= take(&mut calls, &mut waiting, &wanted);
        let some = waiting.len().min(TOGETHER);
        let written = store.keep_calls(&waiting.make_contiguous()[..some]).await;
        match written {
            Ok(()) => {
                waiting.drain(..some);
                pause = PAUSE;
            }
            Err(StoreError::Unavailable(why)) => {
                tracing::error!(why, waiting = waiting.len(), "records of calls cannot be kept now: tried again");
                if !open && pause >= LAST {
                    return lost(&waiting);
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            // Trying the same again would keep all others from being written.
            Err(error) => one_by_one(store.as_ref(), waiting.drain(..some), &error).await,
        }
    }
}

/// Takes what has come meanwhile. `false` once nothing will come any more.
fn take(
    calls: &mut mpsc::UnboundedReceiver<Box<FinishedCall>>,
    waiting: &mut VecDeque<(store::Call, Option<Hook>)>,
    wanted: &Wanted,
) -> bool {
    loop {
        match calls.try_recv() {
            Ok(call) => waiting.push_back(row(&call, wanted)),
            Err(mpsc::error::TryRecvError::Empty) => return true,
            Err(mpsc::error::TryRecvError::Disconnected) => return false,
        }
        if waiting.len() > WAITING {
            tracing::error!(most = WAITING, "too many records wait for the store: the oldest is given up");
            waiting.pop_front();
        }
    }
}

async fn one_by_one(store: &dyn Store, calls: impl Iterator<Item = (store::Call, Option<Hook>)>, because: &StoreError) {
    tracing::warn!(error = %because, "records of calls could not be kept together");
    for (call, hook) in calls {
        if let Err(error) = store.keep_call(&call, hook.as_ref()).await {
            tracing::error!(%error, call = call.id, "the record of a call could not be kept");
        }
    }
}

fn lost(waiting: &VecDeque<(store::Call, Option<Hook>)>) {
    for (call, _) in waiting {
        tracing::error!(call = call.id, reason = call.reason, "the record of a call is lost: the store did not answer");
    }
}

fn row(call: &FinishedCall, wanted: &Wanted) -> (store::Call, Option<Hook>) {
    let row = kept(call, wanted.transcripts);
    let hook = wanted.webhook.as_ref().map(|to| hooks::hook(to, "call.ended", clock::unix_ms() as i64, told(&row)));
    (row, hook)
}

/// What is kept of a call.
fn kept(call: &FinishedCall, transcripts: bool) -> store::Call {
    let record = &call.record;
    let (id, version) = match call.assistant_key.rsplit_once('@') {
        Some((id, version)) => (id, version.parse().ok()),
        None => (call.assistant_key.as_str(), None),
    };
    let mut detail = call.json();
    if transcripts {
        detail["transcript"] = call.transcript.json();
    }
    let closed_ms = record.closed_at.map_or(0, |at| at.as_millis_f64() as i64);
    let silent_since = record.caller_silent_since.map_or(0, |at| at.as_millis_f64() as i64);
    store::Call {
        id: call.call.as_str().to_owned(),
        assistant: Id::known(id),
        assistant_name: call.assistant.clone(),
        version,
        direction: if call.parties.outbound { Direction::Outbound } else { Direction::Inbound },
        caller: call.parties.theirs.clone(),
        number: call.parties.ours.clone(),
        began_ms: call.began_unix_ms as i64,
        duration_ms: closed_ms,
        silence_ms: (closed_ms - silent_since).max(0),
        reason: record.reason.map_or("unknown", Reason::name).to_owned(),
        ended_by: record.ended_by.map_or("unknown", Party::name).to_owned(),
        rang_back: false,
        detail,
    }
}

/// What a webhook tells of it: enough to know what happened, without what was said.
pub(super) fn told(call: &store::Call) -> Value {
    json!({
        "id": call.id,
        "assistant": { "id": call.assistant.as_str(), "name": call.assistant_name, "version": call.version },
        "direction": match call.direction { Direction::Inbound => "inbound", Direction::Outbound => "outbound" },
        // A withheld number is no number.
        "caller": Some(&call.caller).filter(|caller| is_e164(caller)),
        "number": call.number,
        "began_at": hooks::time(call.began_ms),
        "duration_s": call.duration_ms as f64 / 1e3,
        "silence_s": call.silence_ms as f64 / 1e3,
        "reason": call.reason,
        "ended_by": call.ended_by,
        "goodbye_heard": call.detail["goodbye_heard"],
    })
}
