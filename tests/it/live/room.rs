//! A gateway and a lab in one room, and rows that are played in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use quietline::{
    assistant::{Greeting, Settings, SilenceTimeout},
    audio::Encoding,
    call::LedgerEntry,
    carrier::{
        CallId,
        twilio::{Access, AccountSid, signature::Key, token::TokenKeys},
    },
    codec::mulaw,
    config::Capture,
    lab::{
        Reply, ScriptedCarrier, ScriptedModel, SharedModel, Transcripts, Utterance,
        load::{self, Outcome, Plan},
        openai::{ConnectionReport, Faults, OpenAiConfig, OpenAiLab},
        twilio::{CallReport, Dial, Gateway as Address, Lab, LabCall, LabConfig},
    },
    live::{
        FinishedCall, Gateway, Observation, Setup,
        setup::{Assistant, IntentAnswer, IntentCall, IntentFuture, ModelFactory, NewCall, TwilioSetup},
    },
    model::{
        Model, ModelRequest, Tool,
        openai::{self, Access as OpenAiAccess, Auth, OpenAi},
    },
    net::listen,
    replay::capture::{Change, Play},
    session,
    time::Timestamp,
    vad::Detector,
    voices::Cache,
};
use tokio::sync::mpsc;

pub(crate) const ACCOUNT: &str = "AC0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c";
pub(crate) const TOKEN: &str = "a-token-of-the-tests";
pub(crate) const PUBLIC_URL: &str = "https://gate.example.com";
/// No row takes longer, unless it says so.
const LONGEST: Duration = Duration::from_secs(90);

/// A gateway and a lab that calls it.
pub(crate) struct Room {
    pub(crate) lab: Lab,
    pub(crate) gateway: Gateway,
    pub(crate) observed: mpsc::UnboundedReceiver<Observation>,
    /// Every call is captured.
    captures: PathBuf,
}

impl Room {
    pub(crate) async fn new(assistants: Vec<Assistant>, change: impl FnOnce(&mut LabConfig)) -> Self {
        let (_reserved, addr) = listen::reserve().unwrap();
        let account: AccountSid = ACCOUNT.parse().unwrap();
        let mut config = LabConfig::new(account, TOKEN, PUBLIC_URL, Address(addr));
        change(&mut config);
        let lab = Lab::start(config).await.unwrap();
        let (observer, observed) = mpsc::unbounded_channel();
        static ROOMS: AtomicU32 = AtomicU32::new(0);
        let number = ROOMS.fetch_add(1, Ordering::Relaxed);
        let captures = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("captures-{}-{number}", process::id()));
        let setup = Setup {
            listen: addr,
            public_url: PUBLIC_URL.into(),
            shards: 2,
            max_calls: 100,
            drain: Duration::ZERO,
            twilio: Some(TwilioSetup {
                access: Access::new(account, &lab.rest_url(), ACCOUNT, TOKEN),
                keys: vec![Key::auth_token(TOKEN).unwrap()],
            }),
            assistants: assistants.into_iter().map(Arc::new).collect(),
            cache: Arc::new(Cache::in_memory()),
            call_records: None,
            capture: Some(Capture { folder: captures.clone(), share: 1.0, max_calls: 1_000, max_mb: 1_000 }),
            io: Default::default(),
            page: "a page".into(),
            outside: Default::default(),
        };
        Self { lab, gateway: Gateway::start(setup, Some(observer)).unwrap(), observed, captures }
    }

    pub(crate) async fn close(self) {
        let captures = self.stop().await;
        fs::remove_dir_all(captures).unwrap();
    }

    /// A load on the gateway, with the model that its assistant has; then all is closed.
    pub(crate) async fn load(self, model: &OpenAiLab, plan: &Plan) -> Outcome {
        let Self { lab, gateway, captures, .. } = self;
        let outcome = load::run(lab, Some(model), plan, std::future::pending(), |_| {}).await;
        tokio::task::spawn_blocking(move || gateway.stop()).await.unwrap();
        fs::remove_dir_all(captures).unwrap();
        outcome
    }

    /// The folder with the captures is left.
    async fn stop(self) -> PathBuf {
        self.lab.stop().await;
        let gateway = self.gateway;
        tokio::task::spawn_blocking(move || gateway.stop()).await.unwrap();
        self.captures
    }
}

/// What tokens are written with.
pub(crate) fn token_keys() -> TokenKeys {
    TokenKeys::new(&[Key::auth_token(TOKEN).unwrap()])
}

/// An assistant with a scripted model.
pub(crate) fn assistant(name: &str, number: &str, settings: Settings, model: SharedModel) -> Assistant {
    let model = Arc::new(move |_: &NewCall| -> Box<dyn Model> { Box::new(model.clone()) });
    Assistant::builtin(name, number, settings, Detector::default(), model).unwrap()
}

/// A session with OpenAI's stand-in for each call, with the tools of these settings.
pub(crate) fn wired(lab: &OpenAiLab, settings: &Settings, encoding: Encoding) -> ModelFactory {
    let access = OpenAiAccess::new(&lab.base_url(), OpenAiConfig::KEY.into(), Auth::Bearer).unwrap();
    let mut session = openai::Settings { encoding, ..openai::Settings::new(Arc::new(access)) };
    session.tools.extend(settings.hangup_call.map(|_| Tool::hangup_call(true)));
    session.tools.extend(settings.intents.iter().map(|intent| Tool {
        name: intent.name.clone(),
        description: "Looks something up.".into(),
        parameters: serde_json::json!({ "type": "object", "properties": {} }),
    }));
    let session = Arc::new(session);
    Arc::new(move |_: &NewCall| Box::new(OpenAi::new(Arc::clone(&session))))
}

/// Settings with a short window; nobody greets.
pub(crate) fn settings(silence_s: u64) -> Settings {
    let bounds = (Duration::from_secs(1), Duration::from_secs(60));
    let silence_timeout = SilenceTimeout::with_bounds(Duration::from_secs(silence_s), bounds).unwrap();
    Settings { silence_timeout, ..Settings::default() }
}

pub(crate) fn greeted(silence_s: u64, interruptible: bool) -> Settings {
    Settings { greeting: Some(Greeting { interruptible }), ..settings(silence_s) }
}

macro_rules! voice {
    ($name:literal) => {
        include_bytes!(concat!("../../../fixtures/voices/en/", $name, ".ulaw"))
    };
}
pub(crate) use voice;

pub(crate) fn samples(codes: &[u8]) -> Vec<i16> {
    codes.iter().map(|&code| mulaw::decode(code)).collect()
}

/// A model that says these lines, one after the other, when it is its turn.
pub(crate) fn model(lines: &[&[u8]]) -> ScriptedModel {
    let mut model = ScriptedModel::new(Encoding::Pcm24k, Transcripts::Truth(Vec::new()), Timestamp::ZERO);
    for line in lines {
        model.push(Reply::say(&samples(line), "That is a line."));
    }
    model
}

/// The carrier's time of a moment of the call.
pub(crate) fn on_line(carrier: &ScriptedCarrier, at: Timestamp, later: Duration) -> Timestamp {
    carrier.start() + (at - Timestamp::ZERO) + later
}

/// … as milliseconds of the stream.
pub(crate) fn stream_ms(at: Timestamp, later: Duration) -> u64 {
    (at + later).as_micros() / 1000
}

type React = Box<dyn FnMut(&LedgerEntry, &mut ScriptedCarrier, &mut ScriptedModel)>;
type Check = Box<dyn Fn(&Ended) -> Result<(), String>>;

/// A call to be played.
pub(crate) struct Row {
    name: String,
    settings: Settings,
    model: SharedModel,
    dial: Dial,
    react: React,
    check: Check,
    /// The model is behind OpenAI's protocol, with this going wrong.
    wire: Option<(Faults, Encoding)>,
    /// What an intent takes.
    intent: Duration,
}

/// A played call.
pub(crate) struct Ended {
    pub(crate) finished: FinishedCall,
    pub(crate) report: Arc<CallReport>,
    pub(crate) asked: Vec<(Timestamp, ModelRequest)>,
    /// Its sessions with OpenAI's stand-in.
    pub(crate) sessions: Vec<ConnectionReport>,
}

impl Row {
    pub(crate) fn new(name: &str, settings: Settings, model: ScriptedModel) -> Self {
        Self {
            name: name.into(),
            settings,
            model: SharedModel::new(model),
            dial: Dial::new("", "+15550000001"),
            react: Box::new(|_, _, _| {}),
            check: Box::new(|_| Ok(())),
            wire: None,
            intent: Duration::from_secs(1),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The model is reached over sockets, as OpenAI's is.
    pub(crate) fn over_the_wire(mut self, encoding: Encoding, faults: Faults) -> Self {
        self.wire = Some((faults, encoding));
        self
    }

    /// An intent takes so long.
    pub(crate) fn intent(mut self, takes: Duration) -> Self {
        self.intent = takes;
        self
    }

    /// The caller says this, so many milliseconds into the stream.
    pub(crate) fn says(mut self, at_ms: u64, codes: &[u8], text: &str) -> Self {
        say(&mut self.dial.caller, &mut self.model.lock(), at_ms, codes, text);
        self
    }

    pub(crate) fn dial(mut self, change: impl FnOnce(&mut Dial)) -> Self {
        change(&mut self.dial);
        self
    }

    pub(crate) fn react(
        mut self,
        react: impl FnMut(&LedgerEntry, &mut ScriptedCarrier, &mut ScriptedModel) + 'static,
    ) -> Self {
        self.react = Box::new(react);
        self
    }

    pub(crate) fn check(mut self, check: impl Fn(&Ended) -> Result<(), String> + 'static) -> Self {
        self.check = Box::new(check);
        self
    }
}

/// The caller says this, and the model's transcripts know it.
pub(crate) fn say(carrier: &mut ScriptedCarrier, model: &mut ScriptedModel, at_ms: u64, codes: &[u8], text: &str) {
    carrier.say(at_ms, &samples(codes));
    model.will_hear(Utterance { start_ms: at_ms, end_ms: at_ms + codes.len() as u64 / 8, text: text.into() });
}

/// A row in a call.
struct Playing {
    row: Row,
    openai: Option<OpenAiLab>,
    line: LabCall,
    call: Option<CallId>,
    finished: Option<FinishedCall>,
}

/// Plays all rows at once, and tells in words what went wrong; `watch` looks at the room in the end.
pub(crate) async fn play(rows: Vec<Row>, change: impl FnOnce(&mut LabConfig)) -> Vec<String> {
    play_within(LONGEST, rows, change).await
}

pub(crate) async fn play_within(longest: Duration, rows: Vec<Row>, change: impl FnOnce(&mut LabConfig)) -> Vec<String> {
    let number = |n: usize| format!("+1555020{n:04}");
    let mut assistants = Vec::new();
    let mut labs = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        let mut assistant = assistant(&row.name, &number(n), row.settings.clone(), row.model.clone());
        let lab = row.wire.as_ref().map(|(faults, encoding)| {
            let config = OpenAiConfig { faults: faults.clone(), ..OpenAiConfig::scripted(&row.model) };
            let lab = OpenAiLab::start(config).unwrap();
            assistant.model = wired(&lab, &row.settings, *encoding);
            lab
        });
        let takes = row.intent;
        assistant.intents = Some(Arc::new(move |_: IntentCall| -> IntentFuture {
            Box::pin(async move {
                tokio::time::sleep(takes).await;
                IntentAnswer { result: Ok(()), text: "Nine to five.".into() }
            })
        }));
        assistants.push(assistant);
        labs.push(lab);
    }
    let mut room = Room::new(assistants, change).await;
    let mut playing: Vec<Playing> = Vec::new();
    for (n, (mut row, openai)) in rows.into_iter().zip(labs).enumerate() {
        let mut dial = std::mem::replace(&mut row.dial, Dial::new("", ""));
        dial.to = number(n);
        let line = room.lab.dial(dial);
        playing.push(Playing { row, openai, line, call: None, finished: None });
    }
    let (mut wrong, mut played) = (Vec::new(), Vec::new());
    if tokio::time::timeout(longest, follow(&mut playing, &mut room.observed)).await.is_err() {
        for stuck in playing.iter().filter(|playing| playing.finished.is_none()) {
            wrong.push(format!("{}: the call has not ended; {:#?}", stuck.row.name, stuck.line.events()));
        }
    }
    for playing in playing {
        let Playing { row, openai, line, finished: Some(finished), .. } = playing else { continue };
        let report = line.finished().await;
        let (mut sessions, mut unlawful) = (Vec::new(), Vec::new());
        if let Some(openai) = openai {
            unlawful = openai.violations();
            sessions = openai.stop().await;
        }
        played.push((row.name.clone(), finished.clone()));
        let ended = Ended { finished, report, asked: row.model.lock().log.clone(), sessions };
        let mut told: Vec<String> = (row.check)(&ended).err().into_iter().collect();
        told.extend(ended.report.violations.iter().map(|violation| format!("violation: {violation}")));
        told.extend(unlawful.iter().map(|violation| format!("violation with the model: {violation}")));
        if ended.finished.carrier.unreadable > 0 {
            told.push("the gateway could not read all messages".into());
        }
        if !told.is_empty() {
            let ledger = ended.finished.ledger.iter().map(|entry| format!("  {} {}\n", entry.at, entry.cause));
            let events = ended.report.events.iter().map(|(at, event)| format!("  {at} {event}\n"));
            wrong.push(format!(
                "{}: {}\n{}---\n{}---\n{}",
                row.name,
                told.join("; "),
                ledger.collect::<String>(),
                events.collect::<String>(),
                ended.sessions.iter().map(session).collect::<String>()
            ));
        }
    }
    let captures = room.stop().await;
    for (name, finished) in &played {
        wrong.extend(
            replayed(&captures, finished).err().map(|what| format!("{name}: replayed from its capture: {what}")),
        );
    }
    fs::remove_dir_all(captures).unwrap();
    wrong
}

/// Every call replays from its capture to the same decisions.
fn replayed(captures: &Path, call: &FinishedCall) -> Result<(), String> {
    let mut files = fs::read_dir(captures).unwrap().map(|entry| entry.unwrap().path());
    let end = format!("-{}.capture", call.call);
    let file = files.find(|file| file.to_str().unwrap().ends_with(&end)).ok_or("there is no capture")?;
    let bytes = fs::read(file).unwrap();
    let capture = session::capture::Capture::read(&bytes).map_err(|error| error.to_string())?;
    if capture.state != session::capture::State::Complete {
        return Err(format!("the capture is {:?}", capture.state));
    }
    let played = Play::new(&capture, &Change::default()).unwrap().run();
    if let Some(parting) = played.parting {
        return Err(format!("{parting:?}"));
    }
    if !played.is_same || played.ledger != call.ledger || played.record != call.record {
        return Err(format!("not the same: {:#?}", played.ledger));
    }
    Ok(())
}

fn session(session: &ConnectionReport) -> String {
    let events = session.events.iter().map(|(at, event)| format!("  {at} {event:?}\n"));
    format!("session {}, {} ms appended\n{}", session.number, session.appended_ms, events.collect::<String>())
}

async fn follow(playing: &mut [Playing], observed: &mut mpsc::UnboundedReceiver<Observation>) {
    while playing.iter().any(|playing| playing.finished.is_none()) {
        match observed.recv().await.expect("the gateway runs") {
            Observation::Began { call, assistant } => {
                let playing = playing.iter_mut().find(|playing| playing.row.name == assistant).unwrap();
                playing.call = Some(call);
            }
            Observation::Entry { call, entry } => {
                let playing = playing.iter_mut().find(|playing| playing.call.as_ref() == Some(&call)).unwrap();
                let (react, model) = (&mut playing.row.react, &playing.row.model);
                playing.line.with_caller(|carrier, _| react(&entry, carrier, &mut model.lock()));
            }
            Observation::Finished(call) => {
                let playing = playing.iter_mut().find(|playing| playing.call.as_ref() == Some(&call.call)).unwrap();
                playing.finished = Some(*call);
            }
        }
    }
}
