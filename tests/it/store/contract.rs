//! What every store does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use quietline::store::{
    self, Audit, Call, CallFilter, Claim, Direction, Hook, Id, Listing, Location, NewAssistant, NewVersion, Number,
    Page, Store, StoreError, StoredAnswer, Subject, Text, TextDirection, Token,
};
use serde_json::json;

type Kept = Arc<dyn Store>;

/// The contract, and that it is all there when the store is opened again.
pub(super) async fn all(location: &Location) {
    let store = super::open(location).await;
    everything(&store).await;
    let before = (store.assistants(None, &page(1_000)).await.unwrap(), store.numbers().await.unwrap());
    let calls = store.calls(&CallFilter::default(), &page(1_000)).await.unwrap();
    store.close().await;
    let again = super::open(location).await;
    assert_eq!((again.assistants(None, &page(1_000)).await.unwrap(), again.numbers().await.unwrap()), before);
    assert_eq!(again.calls(&CallFilter::default(), &page(1_000)).await.unwrap(), calls);
    assert!(again.health().await.unwrap().contains("SQL"));
    again.close().await;
}

pub(super) async fn everything(store: &Kept) {
    assistants(store).await;
    versions(store).await;
    numbers(store).await;
    calls(store).await;
    texts(store).await;
    tokens(store).await;
    requests(store).await;
    hooks(store).await;
    told(store).await;
}

fn page(limit: u32) -> Page {
    Page { after: None, limit }
}

fn new(name: &str) -> NewAssistant {
    NewAssistant { name: name.into(), draft: json!({"name": name, "text": "łódź \"quoted\""}), now_ms: 5 }
}

/// All pages, two at a time.
async fn paged<T>(mut ask: impl AsyncFnMut(Page) -> store::Result<Listing<T>>) -> Vec<T> {
    let (mut items, mut after) = (Vec::new(), None);
    loop {
        let listing = ask(Page { after, limit: 2 }).await.unwrap();
        assert!(listing.items.len() <= 2);
        items.extend(listing.items);
        match listing.next {
            Some(next) => after = Some(next),
            None => return items,
        }
    }
}

async fn assistants(store: &Kept) {
    let made = store.create_assistant(new("Büro")).await.unwrap();
    assert_eq!((made.revision, made.published, made.draft_differs), (1, None, true));
    assert_eq!(store.create_assistant(new("bÜRO")).await, Err(StoreError::Taken("assistant")));
    assert_eq!(store.assistant(&made.id).await.as_ref(), Ok(&made));
    assert_eq!(store.assistant_named("BÜRO").await.as_ref(), Ok(&made));
    assert_eq!(store.assistant_named("x").await, Err(StoreError::NotFound("assistant")));
    for name in ["d", "b", "100%", "a_b", "axb"] {
        store.create_assistant(new(name)).await.unwrap();
    }
    let names = |items: Vec<store::Assistant>| items.into_iter().map(|one| one.name).collect::<Vec<_>>();
    let all = names(paged(async |page| store.assistants(None, &page).await).await);
    assert_eq!(all, ["100%", "a_b", "axb", "b", "Büro", "d"]);
    let found =
        |search: &'static str| async move { names(store.assistants(Some(search), &page(10)).await.unwrap().items) };
    assert_eq!(
        (found("ÜR").await, found("a_").await, found("%").await),
        (vec!["Büro".into()], vec!["a_b".into()], vec!["100%".into()])
    );
    assert_eq!(store.assistants(None, &Page { after: Some("x".into()), limit: 2 }).await, Err(StoreError::Cursor));
    let saved = store.save_draft(&made.id, Some(1), "Büro 2", json!({"b": 1}), 7).await.unwrap();
    assert_eq!((saved.revision, saved.name.as_str(), saved.updated_ms), (2, "Büro 2", 7));
    let stale = store.save_draft(&made.id, Some(1), "Büro 2", json!({"c": 1}), 8).await;
    assert_eq!(stale, Err(StoreError::Stale { current: 2 }));
    assert_eq!(store.save_draft(&made.id, None, "D", json!({}), 8).await, Err(StoreError::Taken("assistant")));
    let nul = store.save_draft(&made.id, None, "a\0b", json!({}), 8).await;
    assert_eq!(nul, Err(StoreError::Nul));
    // While somebody else writes, no page has a gap or says something twice.
    let first = store.assistants(None, &page(2)).await.unwrap();
    store.create_assistant(new("0 before")).await.unwrap();
    store.create_assistant(new("c between")).await.unwrap();
    let rest = store.assistants(None, &Page { after: first.next, limit: 100 }).await.unwrap();
    assert_eq!(names(rest.items), ["axb", "b", "Büro 2", "c between", "d"]);
}

fn version(note: &str) -> NewVersion {
    NewVersion {
        definition: json!({"note": note}),
        warnings: vec!["one".into(), "two".into()],
        note: note.into(),
        by: "somebody".into(),
        restored_from: None,
        now_ms: 9,
    }
}

async fn versions(store: &Kept) {
    let one = store.create_assistant(new("versioned")).await.unwrap();
    let first = store.publish(&one.id, Some(1), version("first")).await.unwrap();
    assert_eq!((first.version, first.warnings.len()), (1, 2));
    assert_eq!(store.publish(&one.id, Some(1), version("late")).await, Err(StoreError::Stale { current: 2 }));
    // At once: each has a number of its own.
    let publish = |note: &'static str| {
        let (store, id) = (Arc::clone(store), one.id.clone());
        tokio::spawn(async move { store.publish(&id, None, version(note)).await.unwrap().version })
    };
    let (a, b, c) = (publish("a"), publish("b"), publish("c"));
    let numbers: BTreeSet<_> = [a.await.unwrap(), b.await.unwrap(), c.await.unwrap()].into();
    assert_eq!(numbers, BTreeSet::from([2, 3, 4]));
    let listed = paged(async |page| store.versions(&one.id, &page).await).await;
    assert_eq!(listed.iter().map(|one| one.version).collect::<Vec<_>>(), [4, 3, 2, 1]);
    assert_eq!(store.version(&one.id, 1).await.unwrap(), first);
    assert_eq!(store.version(&one.id, 9).await, Err(StoreError::NotFound("version")));
    let in_force = store.in_force().await.unwrap();
    assert_eq!(
        in_force.iter().map(|(one, version)| (one.name.as_str(), version.version)).collect::<Vec<_>>(),
        [("versioned", 4)]
    );
    // The draft is what is in force, or differs from it.
    let now = store.assistant(&one.id).await.unwrap();
    assert!(now.draft_differs);
    let same = store.save_draft(&one.id, None, "versioned", in_force[0].1.definition.clone(), 1).await.unwrap();
    assert!(!same.draft_differs);
    assert_eq!(store.unpublish(&one.id, 10).await.unwrap().published, None);
    assert!(store.in_force().await.unwrap().is_empty());
    let gone = Id::known("as_gone");
    assert_eq!(store.publish(&gone, None, version("x")).await, Err(StoreError::NotFound("assistant")));
    assert_eq!(store.delete_assistant(&gone, None).await, Err(StoreError::NotFound("assistant")));
}

async fn numbers(store: &Kept) {
    let one = store.create_assistant(new("with a number")).await.unwrap();
    let number = Number {
        e164: "+15550000009".into(),
        carrier_id: "PN1".into(),
        assistant: one.id.clone(),
        before: json!({"voice_url": "old"}),
        ours: json!({"voice_url": "ours"}),
        assigned_ms: 1,
    };
    assert_eq!(store.put_number(number.clone()).await.unwrap(), number);
    let again = Number { before: json!({"voice_url": "ours"}), ours: json!({"voice_url": "newer"}), ..number.clone() };
    let kept = store.put_number(again).await.unwrap();
    assert_eq!(
        (kept.before.clone(), kept.ours["voice_url"].as_str()),
        (number.before, Some("newer")),
        "the first is kept"
    );
    assert_eq!(store.delete_assistant(&one.id, None).await, Err(StoreError::InUse("+15550000009".into())));
    let unknown = Number { assistant: Id::known("as_gone"), ..another(&kept, "+15550000008") };
    assert_eq!(store.put_number(unknown).await, Err(StoreError::NotFound("assistant")));
    let of_file = Number { assistant: Id::known("file:demo"), ..another(&kept, "+15550000007") };
    store.put_number(of_file).await.unwrap();
    let all: Vec<_> = store.numbers().await.unwrap().into_iter().map(|one| one.e164).collect();
    assert_eq!(all, ["+15550000007", "+15550000009"]);
    store.remove_number("+15550000009").await.unwrap();
    assert_eq!(store.remove_number("+15550000009").await, Err(StoreError::NotFound("number")));
    assert_eq!(store.number("+15550000009").await, Err(StoreError::NotFound("number")));
    store.delete_assistant(&one.id, None).await.unwrap();
}

/// Another number of the same assistant.
fn another(number: &Number, e164: &str) -> Number {
    Number { e164: e164.into(), carrier_id: "PN2".into(), before: json!({}), ours: json!({}), ..number.clone() }
}

fn call(id: &str, caller: &str, began_ms: i64, reason: &str) -> Call {
    Call {
        id: id.into(),
        assistant: Id::known("as_1"),
        assistant_name: "desk".into(),
        version: Some(2),
        direction: Direction::Inbound,
        caller: caller.into(),
        number: "+15550200900".into(),
        began_ms,
        duration_ms: 60_000,
        silence_ms: 31_000,
        reason: reason.into(),
        ended_by: "us".into(),
        rang_back: false,
        detail: json!({"ledger": [id]}),
    }
}

async fn calls(store: &Kept) {
    let start = 1_800_000_000_000;
    store.keep_call(&call("CA1", "+15550000001", start, "silence"), None).await.unwrap();
    let more: Vec<_> = [
        call("CA2", "+15550000002", start + 1_000, "silence"),
        call("CA3", "Anonymous", start + 1_000, "hangup_call"),
        call("CA4", "Anonymous", start + 100_000, "silence"),
        Call {
            direction: Direction::Outbound,
            number: "+15550200901".into(),
            ..call("CA5", "+15550000005", start + 5_000, "silence")
        },
    ]
    .map(|call| (call, None))
    .into();
    store.keep_calls(&more).await.unwrap();
    assert_eq!(store.call("CA1").await.unwrap().detail, json!({"ledger": ["CA1"]}));
    assert_eq!(store.call("CA9").await, Err(StoreError::NotFound("call")));
    let ids = async |filter: CallFilter| {
        let found = paged(async |page| store.calls(&filter, &page).await).await;
        assert!(found.iter().all(|call| call.detail.is_null()));
        found.into_iter().map(|call| call.id).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids(CallFilter::default()).await, "CA4 CA5 CA3 CA2 CA1");
    // Rang again 30 s after the goodbye; 5 minutes after it; after another ending.
    store.keep_call(&call("CA6", "+15550000001", start + 90_000, "caller_hung_up"), None).await.unwrap();
    store.keep_call(&call("CA7", "+15550000002", start + 361_000, "silence"), None).await.unwrap();
    let with = CallFilter::default;
    assert_eq!(ids(CallFilter { rang_back: Some(true), ..with() }).await, "CA1");
    assert_eq!(
        ids(CallFilter { reason: Some("silence".into()), rang_back: Some(false), ..with() }).await,
        "CA7 CA4 CA5 CA2"
    );
    assert_eq!(ids(CallFilter { caller: Some("+15550000001".into()), ..with() }).await, "CA6 CA1");
    assert_eq!(
        ids(CallFilter { number: Some("+15550200901".into()), reason: Some("silence".into()), ..with() }).await,
        "CA5"
    );
    assert_eq!(
        ids(CallFilter {
            assistant: Some(Id::known("as_1")),
            from_ms: Some(start + 1_000),
            to_ms: Some(start + 6_000),
            ..with()
        })
        .await,
        "CA5 CA3 CA2"
    );
    assert_eq!(
        ids(CallFilter { assistant: Some(Id::known("as_1")), reason: Some("nothing".into()), ..with() }).await,
        ""
    );
    assert_eq!(store.calls_since(Direction::Outbound, start).await, Ok(1));
    // A call that was resumed: one record, from its first stream on.
    let resumed = Call { duration_ms: 10_000, ..call("CA3", "Anonymous", start + 50_000, "silence") };
    store.keep_call(&resumed, None).await.unwrap();
    let found = store.call("CA3").await.unwrap();
    assert_eq!((found.began_ms, found.duration_ms, found.reason.as_str()), (start + 1_000, 59_000, "silence"));
    let used = store.number_use(start, start + 1_000_000).await.unwrap();
    let used: Vec<_> = used
        .iter()
        .map(|one| (one.number.as_str(), one.calls, one.silence_endings, one.rang_back, one.silence_ms))
        .collect();
    assert_eq!(used, [("+15550200900", 6, 5, 1, 6 * 31_000), ("+15550200901", 1, 1, 0, 31_000)]);
    assert_eq!(store.forget_calls(start + 1_000).await, Ok(1));
    assert_eq!(store.call("CA1").await, Err(StoreError::NotFound("call")));
}

fn text(id: &str, direction: TextDirection, theirs: &str, at_ms: i64) -> Text {
    Text {
        id: id.into(),
        carrier_id: None,
        direction,
        ours: "+15550200900".into(),
        theirs: theirs.into(),
        body: "Grüße 🙂".into(),
        status: if direction == TextDirection::Inbound { "received".into() } else { "queued".into() },
        error: None,
        answers: None,
        at_ms,
    }
}

async fn texts(store: &Kept) {
    let (inbound, outbound) = (TextDirection::Inbound, TextDirection::Outbound);
    let (a, b) = ("+15550000001", "+15550000002");
    assert_eq!(store.keep_text(&text("SM1", inbound, a, 10)).await, Ok(true));
    assert_eq!(store.keep_text(&text("SM1", inbound, a, 11)).await, Ok(false), "a duplicate");
    store.keep_text(&text("SM2", inbound, b, 20)).await.unwrap();
    let unanswered: Vec<_> = store.unanswered(0).await.unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(unanswered, ["SM1", "SM2"]);
    let answer = Text { answers: Some("SM1".into()), ..text("tx_1", outbound, a, 30) };
    store.keep_text(&answer).await.unwrap();
    store.text_status("SM2", None, "ignored", None, 31).await.unwrap();
    assert!(store.unanswered(0).await.unwrap().is_empty());
    store.text_status("tx_1", Some("SM77"), "sent", None, 32).await.unwrap();
    store.text_status("SM77", None, "undelivered", Some(30_003), 33).await.unwrap();
    store.text_status("SM77", None, "sent", None, 34).await.unwrap();
    let now = store.text("SM77").await.unwrap();
    assert_eq!(
        (now.id.as_str(), now.status.as_str(), now.error),
        ("tx_1", "undelivered", Some(30_003)),
        "what is final stays"
    );
    assert_eq!(store.text_status("SM0", None, "sent", None, 1).await, Err(StoreError::NotFound("text")));
    let said: Vec<_> = store.history("+15550200900", a, 0, 10).await.unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(said, ["SM1", "tx_1"]);
    assert_eq!(store.history("+15550200900", a, 0, 1).await.unwrap()[0].id, "tx_1", "the latest");
    assert_eq!((store.texts_since(a, 0).await, store.texts_since(a, 11).await), (Ok(1), Ok(0)));
    store.set_opt_out("+15550200900", b, true, 40).await.unwrap();
    let pairs = paged(async |page| store.conversations(None, &page).await).await;
    let pairs: Vec<_> =
        pairs.iter().map(|one| (one.theirs.as_str(), one.messages, one.opted_out, one.latest.id.as_str())).collect();
    assert_eq!(pairs, [(a, 2, false, "tx_1"), (b, 1, true, "SM2")]);
    store.set_opt_out("+15550200900", b, false, 41).await.unwrap();
    assert_eq!(store.opted_out("+15550200900", b).await, Ok(false));
}

fn token(name: &str, byte: u8) -> Token {
    Token {
        id: Id::new("tk"),
        name: name.into(),
        hash: [byte; 32],
        scopes: vec!["calls:read".into()],
        created_ms: i64::from(byte),
        expires_ms: Some(99),
        used_ms: None,
        revoked_ms: None,
    }
}

async fn tokens(store: &Kept) {
    let (one, two) = (token("ci", 1), token("CI", 2));
    store.create_token(&one).await.unwrap();
    assert_eq!(store.create_token(&two).await, Err(StoreError::Taken("token")));
    assert_eq!(store.token(&[1; 32]).await.unwrap(), one);
    assert_eq!(store.token(&[9; 32]).await, Err(StoreError::NotFound("token")));
    store.touch_token(&one.id, 125_000).await.unwrap();
    store.revoke_token(&one.id, 7).await.unwrap();
    store.revoke_token(&one.id, 8).await.unwrap();
    let now = store.token(&[1; 32]).await.unwrap();
    assert_eq!((now.used_ms, now.revoked_ms), (Some(120_000), Some(7)));
    store.create_token(&two).await.unwrap();
    let names: Vec<_> = store.tokens().await.unwrap().into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["CI", "ci"]);
    assert_eq!(store.revoke_token(&Id::known("tk_x"), 1).await, Err(StoreError::NotFound("token")));
}

async fn requests(store: &Kept) {
    for number in 0..5 {
        let action = format!("a.{number}");
        let entry = Audit { at_ms: 1, actor: "me".into(), action, object: "x".into(), detail: json!({}) };
        store.audit(&entry).await.unwrap();
    }
    let told = paged(async |page| store.audits(&page).await).await;
    assert_eq!(told.iter().map(|one| one.action.as_str()).collect::<Vec<_>>(), ["a.4", "a.3", "a.2", "a.1", "a.0"]);
    let claims = (0..8).map(|_| {
        let store = Arc::clone(store);
        tokio::spawn(async move { store.claim("me", "key", &[1; 32], 1_000).await.unwrap() })
    });
    let mut new = 0;
    for claim in claims.collect::<Vec<_>>() {
        match claim.await.unwrap() {
            Claim::New => new += 1,
            Claim::Unsettled { since_ms } => assert_eq!(since_ms, 1_000),
            Claim::Done(answer) => panic!("{answer:?}"),
        }
    }
    assert_eq!(new, 1, "exactly one carries it out");
    assert_eq!(store.claim("me", "key", &[2; 32], 1_000).await, Err(StoreError::KeyReused));
    assert_eq!(store.claim("you", "key", &[2; 32], 1_000).await, Ok(Claim::New), "keys are everybody's own");
    let answer = StoredAnswer { status: 201, body: "{}".into() };
    store.settle("me", "key", Some(&answer)).await.unwrap();
    assert_eq!(store.claim("me", "key", &[1; 32], 2_000).await, Ok(Claim::Done(answer)));
    store.settle("you", "key", None).await.unwrap();
    assert_eq!(store.claim("you", "key", &[3; 32], 2_000).await, Ok(Claim::New), "it is free again");
    assert_eq!(store.setting("twilio").await, Ok(None));
    store.put_setting("twilio", Some(json!({"a": 1})), 1).await.unwrap();
    store.put_setting("twilio", Some(json!({"a": 2})), 2).await.unwrap();
    assert_eq!(store.setting("twilio").await, Ok(Some(json!({"a": 2}))));
    store.put_setting("twilio", None, 3).await.unwrap();
    assert_eq!(store.setting("twilio").await, Ok(None));
}

async fn hooks(store: &Kept) {
    let hook = |due_ms| Hook {
        id: Id::new("msg"),
        url: "https://a.example/".into(),
        body: "{}".into(),
        tries: 0,
        due_ms,
        created_ms: 1,
        error: None,
    };
    let (soon, later) = (hook(100), hook(5_000));
    store.keep_call(&call("CA20", "x", 1, "silence"), Some(&soon)).await.unwrap();
    store.keep_calls(&[(call("CA21", "x", 1, "silence"), Some(later.clone()))]).await.unwrap();
    assert_eq!(store.next_hook().await, Ok(Some(100)));
    assert!(store.due_hooks(99, 1_000, 10).await.unwrap().is_empty());
    // Two at once: one of them gets it.
    let claim = || {
        let store = Arc::clone(store);
        tokio::spawn(async move { store.due_hooks(200, 1_000, 10).await.unwrap().len() })
    };
    let (a, b) = (claim(), claim());
    assert_eq!(a.await.unwrap() + b.await.unwrap(), 1);
    assert_eq!(store.due_hooks(1_200, 1_000, 10).await.unwrap().len(), 1, "its lease is over");
    store.hook_failed(&soon.id, Some(3_000), "503").await.unwrap();
    let again = store.due_hooks(3_000, 1_000, 10).await.unwrap();
    assert_eq!((again[0].tries, again[0].error.as_deref()), (1, Some("503")));
    store.hook_failed(&soon.id, None, "410").await.unwrap();
    assert_eq!(store.next_hook().await, Ok(Some(5_000)), "what was given up is never due");
    store.hook_done(&later.id).await.unwrap();
    assert_eq!(store.hook_done(&later.id).await, Err(StoreError::NotFound("webhook")));
}

async fn told(store: &Kept) {
    let mut changes = store.changes();
    let one = store.create_assistant(new("told")).await.unwrap();
    let of_file = Id::known("file:x");
    let number = Number {
        assistant: of_file,
        e164: "+15550000003".into(),
        carrier_id: "PN3".into(),
        before: json!({}),
        ours: json!({}),
        assigned_ms: 1,
    };
    store.put_number(number).await.unwrap();
    store.keep_call(&call("CA30", "x", 1, "silence"), None).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let change = tokio::time::timeout(Duration::from_secs(10), changes.recv()).await.unwrap().unwrap();
        // "Something may have changed" may come too.
        if !change.id.is_empty() && !seen.contains(&(change.subject, change.id.clone())) {
            seen.push((change.subject, change.id));
        }
    }
    let expected = [
        (Subject::Assistant, one.id.to_string()),
        (Subject::Number, "+15550000003".into()),
        (Subject::Call, "CA30".into()),
    ];
    assert_eq!(seen, expected);
}

/// Either what changed, or that something did.
pub(super) async fn changes_are_told_to_other_processes(here: &Kept, there: &Kept) {
    let mut changes = there.changes();
    // A listener that has only just connected tells to read all anew.
    tokio::time::sleep(Duration::from_millis(500)).await;
    while changes.try_recv().is_ok() {}
    here.put_setting("told", Some(json!(1)), 1).await.unwrap();
    loop {
        let change = tokio::time::timeout(Duration::from_secs(20), changes.recv()).await.expect("it is told").unwrap();
        if change.subject == Subject::Setting && (change.id == "told" || change.id.is_empty()) {
            break;
        }
    }
    assert_eq!(there.setting("told").await, Ok(Some(json!(1))));
}
