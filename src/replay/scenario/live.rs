//! The scenarios on real sockets: a gateway, and the lab's carrier that calls it, in real time on loopback.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{Played, Scenario, stage::Stage};
use crate::{
    call::{AnnouncementKind, LedgerEntry, Reason},
    carrier::{
        CallId,
        twilio::{Access, AccountSid, signature::Key},
    },
    lab::{
        ScriptedCarrier, SharedModel,
        twilio::{Dial, Gateway as Address, Lab, LabCall, LabConfig},
    },
    live::{
        FinishedCall, Gateway, Observation, Setup,
        setup::{Assistant, ModelFactory, NewCall, TwilioSetup},
    },
    net::{clock, listen},
    replay::Evidence,
    time::Timestamp,
    vad::Detector,
    voices::Cache,
};

const ACCOUNT: &str = "AC00000000000000000000000000000000";
const PUBLIC_URL: &str = "https://demo.example.com";
/// A call that has not ended by then never will.
const LONGEST: Duration = Duration::from_secs(600);

/// How often those who watch learn that nothing has happened.
const MOMENT: Duration = Duration::from_millis(250);

/// Something that happens while scenarios are played.
#[derive(Debug)]
pub enum LiveEvent<'a> {
    /// An entry of a call's ledger, with the words that begin there.
    Entry(&'a Scenario, &'a LedgerEntry, Option<&'a str>),
    /// Nothing has happened for a moment; the time by the call's clock.
    Waiting(&'a Scenario, Timestamp),
    /// A call is over.
    Over(&'a Scenario),
}

/// A scenario under way.
struct Playing<'a> {
    scenario: &'a Scenario,
    stage: Stage,
    model: SharedModel,
    line: LabCall,
    call: Option<CallId>,
    began: Option<Instant>,
}

/// Plays scenarios at once, each in a call of its own, and gives what came of them, in the same order.
///
/// # Errors
/// A text for the reader, if gateway or lab cannot start, or a call does not end.
pub async fn play_live(
    scenarios: &[&Scenario],
    detector: Detector,
    mut watch: impl FnMut(LiveEvent<'_>),
) -> Result<Vec<Played>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let (reserved, addr) = listen::reserve().map_err(|error| text(&error))?;
    let account: AccountSid = ACCOUNT.parse().map_err(|error| text(&error))?;
    let token = format!("{:032x}", fastrand::u128(..));
    let lab = Lab::start(LabConfig::new(account, &token, PUBLIC_URL, Address(addr)));
    let lab = lab.await.map_err(|error| text(&error))?;
    let mut stages = Vec::new();
    let mut assistants = Vec::new();
    for (number, scenario) in scenarios.iter().enumerate() {
        let carrier = ScriptedCarrier::waiting(Stage::line());
        let (stage, carrier, model) = Stage::new(scenario, Rc::new(RefCell::new(Vec::new())), carrier);
        let model = SharedModel::new(model);
        let session = model.clone();
        let factory: ModelFactory = Arc::new(move |_: &NewCall| Box::new(session.clone()));
        let builtin = Assistant::builtin(scenario.name, &number_of(number), scenario.settings(), detector, factory);
        assistants.push(Arc::new(builtin.map_err(|error| text(&error))?));
        stages.push((*scenario, stage, carrier, model));
    }
    let (observer, mut observed) = mpsc::unbounded_channel();
    let key = Key::auth_token(&token).map_err(|error| text(&error))?;
    let setup = Setup {
        listen: addr,
        public_url: PUBLIC_URL.into(),
        shards: 2,
        max_calls: scenarios.len(),
        drain: Duration::ZERO,
        twilio: Some(TwilioSetup { access: Access::new(account, &lab.rest_url(), ACCOUNT, &token), keys: vec![key] }),
        assistants: assistants.clone(),
        cache: Arc::new(Cache::in_memory()),
        call_records: None,
        capture: None,
        io: Default::default(),
        page: String::new(),
        outside: Default::default(),
    };
    let gateway = Gateway::start(setup, Some(observer)).map_err(|error| text(&error))?;
    drop(reserved);
    let mut playing: Vec<Playing<'_>> = Vec::new();
    for (number, (scenario, stage, carrier, model)) in stages.into_iter().enumerate() {
        let line = lab.dial(Dial::new(&number_of(number), "+15550000001").caller(carrier));
        playing.push(Playing { scenario, stage, model, line, call: None, began: None });
    }
    let following = follow(&mut playing, &mut observed, &mut watch);
    let finished = tokio::time::timeout(LONGEST, following).await;
    let finished = finished.map_err(|_| format!("a call has not ended after {} s", LONGEST.as_secs()))??;
    let mut played = Vec::new();
    for ((playing, finished), assistant) in playing.iter().zip(finished).zip(&assistants) {
        played.push(judge(playing, finished, assistant).await?);
    }
    lab.stop().await;
    // Its threads are joined: not on a thread that others wait for.
    let stopped = tokio::task::spawn_blocking(move || gateway.stop()).await;
    stopped.map_err(|error| text(&error))?;
    Ok(played)
}

fn number_of(number: usize) -> String {
    format!("+1555010{number:04}")
}

/// Has callers and models do what comes next, until all calls are over.
async fn follow(
    playing: &mut [Playing<'_>],
    observed: &mut mpsc::UnboundedReceiver<Observation>,
    watch: &mut impl FnMut(LiveEvent<'_>),
) -> Result<Vec<FinishedCall>, String> {
    let mut finished: Vec<Option<FinishedCall>> = playing.iter().map(|_| None).collect();
    while finished.iter().any(Option::is_none) {
        let Ok(observation) = tokio::time::timeout(MOMENT, observed.recv()).await else {
            for playing in playing.iter() {
                if let Some(began) = playing.began {
                    let now = Timestamp::ZERO + clock::now().saturating_duration_since(began);
                    watch(LiveEvent::Waiting(playing.scenario, now));
                }
            }
            continue;
        };
        match observation.ok_or("the gateway has stopped")? {
            Observation::Began { call, assistant } => {
                let began = playing.iter_mut().find(|playing| playing.scenario.name == assistant);
                let playing = began.ok_or("a call that nobody made")?;
                (playing.call, playing.began) = (Some(call), Some(clock::now()));
            }
            Observation::Entry { call, entry } => {
                let playing = playing.iter_mut().find(|playing| playing.call.as_ref() == Some(&call));
                let Playing { scenario, stage, model, line, .. } = playing.ok_or("a call that nobody made")?;
                watch(LiveEvent::Entry(scenario, &entry, stage.words(&entry).as_deref()));
                line.with_caller(|carrier, _| stage.follow(carrier, &mut model.lock(), &entry));
            }
            Observation::Finished(call) => {
                let at = playing.iter().position(|playing| playing.call.as_ref() == Some(&call.call));
                let at = at.ok_or("a call that nobody made")?;
                watch(LiveEvent::Over(playing[at].scenario));
                finished[at] = Some(*call);
            }
        }
    }
    Ok(finished.into_iter().flatten().collect())
}

async fn judge(playing: &Playing<'_>, finished: FinishedCall, assistant: &Assistant) -> Result<Played, String> {
    let Playing { scenario, line, .. } = playing;
    let report = line.finished().await;
    let FinishedCall { record, ledger, answers, .. } = finished;
    let kind = record.reason.and_then(Reason::farewell).map(AnnouncementKind::Farewell);
    let ready = assistant.shelf.ready();
    let farewell = ready.iter().find(|ready| Some(ready.kind) == kind).map(|ready| &ready.announcement);
    let (mut rules, said, heard) = line.with_caller(|carrier, _| {
        let call = Evidence { record: &record, ledger: &ledger, farewell, carrier };
        (scenario.judge(&call), carrier.said().to_vec(), carrier.heard().to_vec())
    });
    rules.broken.extend(report.violations.iter().cloned());
    let truth_error_ms = scenario.truth_error_ms(&record)?;
    Ok(Played { record, ledger, answers, said, heard, rules, truth_error_ms })
}
