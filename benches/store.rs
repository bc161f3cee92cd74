//! What it costs to ask the store, and to write to it, with 10,000 assistants, 1,000,000 call records and 100,000 texts
//! in SQLite.
//!
//! `cargo bench --bench store`; the database is made once (some minutes, about 1 GB) and stays in `target/tmp`. Lists are
//! to come below 50 ms a page. A run that only tests (`-- --test`) makes a hundredth of it, anew each time.

use std::{
    fs,
    hint::black_box,
    path::Path,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quietline::store::{
    self, Call, CallFilter, Direction, Id, Location, NewAssistant, NewVersion, Page, Store, Text, TextDirection,
};
use serde_json::json;
use tokio::runtime::Runtime;

/// How much there is of everything.
static SIZE: LazyLock<Size> = LazyLock::new(|| {
    let part = if is_test() { 100 } else { 1 };
    Size { assistants: 10_000 / part, calls: 1_000_000 / part, texts: 100_000 / part, callers: 50_000 / part }
});

struct Size {
    assistants: u64,
    calls: u64,
    texts: u64,
    /// Numbers that call and write.
    callers: u64,
}

fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

const DAY_MS: i64 = 86_400_000;
/// The records are of the year before this.
const NOW: i64 = 1_790_000_000_000;

fn store(c: &mut Criterion) {
    let runtime = Runtime::new().expect("threads");
    let store = runtime.block_on(filled());
    lists(c, &runtime, store.as_ref());
    writes(c, &runtime, &store);
    runtime.block_on(store.close());
}

/// Pages of 50.
fn lists(c: &mut Criterion, runtime: &Runtime, store: &dyn Store) {
    let any = CallFilter::default;
    let busy = || Some(assistant(0));
    let rare = || Some("model_failed".to_owned());
    let filters = [
        ("all", any()),
        ("a busy assistant", CallFilter { assistant: busy(), ..any() }),
        ("a busy assistant, a rare reason", CallFilter { assistant: busy(), reason: rare(), ..any() }),
        ("a busy assistant, no number of its own", CallFilter { assistant: busy(), number: Some(ours(7)), ..any() }),
        ("an assistant", CallFilter { assistant: Some(assistant(4_321)), ..any() }),
        ("a number", CallFilter { number: Some(ours(4_321)), ..any() }),
        ("a busy number, a rare reason", CallFilter { number: Some(ours(0)), reason: rare(), ..any() }),
        ("a caller", CallFilter { caller: Some(theirs(321)), ..any() }),
        ("hidden callers, a rare reason", CallFilter { caller: Some("anonymous".into()), reason: rare(), ..any() }),
        ("a rare reason", CallFilter { reason: rare(), ..any() }),
        ("a frequent reason", CallFilter { reason: Some("silence".into()), ..any() }),
        ("rang back", CallFilter { rang_back: Some(true), ..any() }),
        ("rang back, an assistant", CallFilter { rang_back: Some(true), assistant: Some(assistant(4_321)), ..any() }),
        ("did not ring back", CallFilter { rang_back: Some(false), ..any() }),
        (
            "a day half a year ago",
            CallFilter { from_ms: Some(NOW - 180 * DAY_MS), to_ms: Some(NOW - 179 * DAY_MS), ..any() },
        ),
    ];
    let mut group = c.benchmark_group("calls");
    for (name, filter) in filters {
        group.bench_function(name, |b| {
            b.iter(|| black_box(runtime.block_on(store.calls(&filter, &Page::default())).expect("a page")));
        });
    }
    let far = runtime.block_on(store.calls(&CallFilter { to_ms: Some(NOW - 180 * DAY_MS), ..any() }, &Page::default()));
    let far = Page { after: far.expect("a page").next, ..Page::default() };
    group.bench_function("all, behind half of them", |b| {
        b.iter(|| black_box(runtime.block_on(store.calls(&any(), &far)).expect("a page")));
    });
    let middle = format!("CA{}", SIZE.calls / 2);
    group.bench_function("one, with its detail", |b| {
        b.iter(|| black_box(runtime.block_on(store.call(&middle)).expect("a call")));
    });
    group.sample_size(10).bench_function("use of numbers, a month", |b| {
        b.iter(|| black_box(runtime.block_on(store.number_use(NOW - 30 * DAY_MS, NOW)).expect("sums")));
    });
    group.finish();

    let mut group = c.benchmark_group("others");
    for (name, search) in
        [("assistants", None), ("assistants, a search", Some("k 77")), ("assistants, in vain", Some("zz"))]
    {
        group.bench_function(name, |b| {
            b.iter(|| black_box(runtime.block_on(store.assistants(search, &Page::default())).expect("a page")));
        });
    }
    group.bench_function("conversations", |b| {
        b.iter(|| black_box(runtime.block_on(store.conversations(None, &Page::default())).expect("a page")));
    });
    group.bench_function("a conversation's history", |b| {
        b.iter(|| black_box(runtime.block_on(store.history(&ours(1), &theirs(1), 0, 50)).expect("texts")));
    });
    group.bench_function("unanswered texts", |b| {
        b.iter(|| black_box(runtime.block_on(store.unanswered(0)).expect("texts")));
    });
    group.sample_size(10).bench_function("in force, 10,000", |b| {
        b.iter(|| black_box(runtime.block_on(store.in_force()).expect("versions")));
    });
    group.finish();
}

/// Records that come now; they stay.
fn writes(c: &mut Criterion, runtime: &Runtime, store: &Arc<dyn Store>) {
    let ids = AtomicU64::new(0);
    let mut random = fastrand::Rng::with_seed(2);
    let run = Id::new("CA");
    let mut new = || {
        let n = ids.fetch_add(1, Ordering::Relaxed);
        let n_ms = i64::try_from(n).expect("few");
        (Call { id: format!("{run}-{n}"), began_ms: NOW + n_ms, ..call(&mut random, 0) }, None)
    };
    let mut group = c.benchmark_group("writes");
    group.sample_size(20);
    group.bench_function("keep_call", |b| {
        b.iter(|| runtime.block_on(store.keep_call(&new().0, None)).expect("kept"));
    });
    let stop = Arc::new(AtomicBool::new(false));
    let summing = runtime.spawn({
        let (store, stop) = (Arc::clone(store), Arc::clone(&stop));
        async move {
            while !stop.load(Ordering::Relaxed) {
                black_box(store.number_use(NOW - 30 * DAY_MS, NOW).await.expect("sums"));
            }
        }
    });
    group.bench_function("keep_call, while a month is summed up", |b| {
        b.iter(|| runtime.block_on(store.keep_call(&new().0, None)).expect("kept"));
    });
    stop.store(true, Ordering::Relaxed);
    runtime.block_on(summing).expect("no panic");
    group.throughput(Throughput::Elements(100));
    group.bench_function("keep_calls, 100", |b| {
        b.iter(|| {
            let calls: Vec<_> = (0..100).map(|_| new()).collect();
            runtime.block_on(store.keep_calls(&calls)).expect("kept");
        });
    });
    group.finish();
}

/// The database, made if it is not there whole.
async fn filled() -> Arc<dyn Store> {
    const DONE: &str = "filled";
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(if is_test() { "store-bench-small" } else { "store-bench" });
    let place = Location::Sqlite(folder.join("store.db"));
    if folder.is_dir() && !is_test() {
        let store = store::open(&place).await.expect("a database");
        if store.setting(DONE).await.expect("a setting").is_some() {
            return store;
        }
        store.close().await;
    }
    if folder.is_dir() {
        fs::remove_dir_all(&folder).expect("it is ours");
    }
    fs::create_dir_all(&folder).expect("a folder");
    let store = store::open(&place).await.expect("a database");
    let mut random = fastrand::Rng::with_seed(1);
    fill(store.as_ref(), &mut random).await;
    store.put_setting(DONE, Some(json!(true)), NOW).await.expect("kept");
    store
}

async fn fill(store: &dyn Store, random: &mut fastrand::Rng) {
    for n in 0..SIZE.assistants {
        let definition = json!({
            "system_message": "You answer the telephone of a clinic. ".repeat(20),
            "farewells": ["Goodbye.", "Until next time."],
            "silence_timeout_s": 30 + n % 31,
        });
        let new = NewAssistant { name: format!("Desk {n}"), draft: definition.clone(), now_ms: NOW };
        let made = store.create_assistant(new).await.expect("a name of its own");
        let version = NewVersion {
            definition,
            warnings: Vec::new(),
            note: String::new(),
            by: "bench".into(),
            restored_from: None,
            now_ms: NOW,
        };
        store.publish(&made.id, None, version).await.expect("published");
    }
    for begin in (0..SIZE.calls).step_by(1_000) {
        let calls: Vec<_> = (begin..begin + 1_000).map(|n| (call(random, n), None)).collect();
        store.keep_calls(&calls).await.expect("kept");
    }
    for n in 0..SIZE.texts {
        store.keep_text(&text(random, n)).await.expect("kept");
    }
}

fn assistant(n: u64) -> Id {
    Id::known(&format!("as_{n:032x}"))
}

fn ours(n: u64) -> String {
    format!("+1555{n:07}")
}

fn theirs(n: u64) -> String {
    format!("+1666{n:07}")
}

/// The `n`th call of the year. Half of all are the first assistant's; one in twenty callers hides their number.
fn call(random: &mut fastrand::Rng, n: u64) -> Call {
    let whose = if random.bool() { 0 } else { random.u64(..SIZE.assistants) };
    let (reason, silence_ms) = match random.u32(..1_000) {
        0 => ("model_failed", 0),
        1..200 => ("silence", 30_000),
        200..900 => ("caller", 1_000),
        _ => ("agent", 2_000),
    };
    let into_year = i64::try_from(n).expect("a million") * 365 * DAY_MS / i64::try_from(SIZE.calls).expect("a million");
    Call {
        id: format!("CA{n}"),
        assistant: assistant(whose),
        assistant_name: format!("Desk {whose}"),
        version: Some(1),
        direction: if random.u32(..10) == 0 { Direction::Outbound } else { Direction::Inbound },
        caller: if random.u32(..20) == 0 { "anonymous".into() } else { theirs(random.u64(..SIZE.callers)) },
        number: ours(whose),
        began_ms: NOW - 365 * DAY_MS + into_year,
        duration_ms: random.i64(5_000..600_000),
        silence_ms,
        reason: reason.into(),
        ended_by: "quietline".into(),
        rang_back: reason == "silence" && random.u32(..20) == 0,
        detail: json!({"ledger": [{"at_ms": 0, "what": "answered"}], "usage": {"tokens": random.u32(..9_999)}}),
    }
}

fn text(random: &mut fastrand::Rng, n: u64) -> Text {
    let inbound = n.is_multiple_of(2);
    let pair = random.u64(..SIZE.callers / 10);
    Text {
        id: format!("SM{n}"),
        carrier_id: None,
        direction: if inbound { TextDirection::Inbound } else { TextDirection::Outbound },
        ours: ours(pair % 100),
        theirs: theirs(pair),
        body: "When do you open tomorrow?".into(),
        status: if inbound { "answered".into() } else { "delivered".into() },
        error: None,
        answers: None,
        at_ms: NOW - 100 * DAY_MS + i64::try_from(n).expect("few") * 1_000,
    }
}

criterion_group!(benches, store);
criterion_main!(benches);
