//! What a gateway is made of, ready for use: nothing here can fail any more when a call comes.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::{FinishedCall, Remote, Texting, outbound::Outbound};
use crate::{
    assistant::{FarewellKind, Settings},
    call::ToolFault,
    carrier::{
        CallId, Parties,
        twilio::{
            Access, Sayings, Transfers,
            signature::Key,
            twiml::{self, Setting, Twiml, TwimlError},
        },
    },
    config,
    mix::AnnouncementError,
    model::{Model, ToolCallId, openai},
    net::guard::Guard,
    tts,
    vad::Detector,
    voices::{Cache, Shelf},
};

/// Everything a gateway needs to know.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where to listen; port 0 takes any.
    pub listen: SocketAddr,
    /// How the world reaches us: scheme, host and path prefix, without a slash at the end.
    pub public_url: String,
    /// Threads for calls; each accepts by itself.
    pub shards: usize,
    /// Calls at once, those that wait for their stream included; more are told "busy".
    pub max_calls: usize,
    /// After a signal, calls may go on for this long; then they are told goodbye.
    pub drain: Duration,
    /// The Twilio account; without it every webhook is refused.
    pub twilio: Option<TwilioSetup>,
    /// Who takes the calls from the start on.
    pub assistants: Vec<Arc<Assistant>>,
    /// What was rendered before, for shelves with voices.
    pub cache: Arc<Cache>,
    /// A JSON line is appended here for each finished call.
    pub call_records: Option<PathBuf>,
    /// How sockets are served.
    pub io: config::Io,
    /// Calls are captured.
    pub capture: Option<config::Capture>,
    /// What is shown under `/`.
    pub page: String,
    /// What hangs on the gateway from outside.
    pub outside: Outside,
}

/// What hangs on a gateway from outside; nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// A way to the gateway for those who run it, connected when it starts.
    pub remote: Remote,
    /// What is served under `/api`.
    pub api: Option<Api>,
    /// Who answers texts.
    pub texting: Option<Texting>,
    /// Calls that are over go there, each once; the channel closes when the gateway has stopped.
    pub finished: Option<mpsc::UnboundedSender<Box<FinishedCall>>>,
}

/// Routes that are not served by the shards: a request is handed over to a runtime of its own.
#[derive(Clone, Debug)]
pub struct Api {
    /// The routes, without the public address's prefix.
    pub routes: axum::Router,
    /// Where they run.
    pub runtime: Handle,
}

/// The carrier's account.
#[derive(Clone, Debug)]
pub struct TwilioSetup {
    /// REST.
    pub access: Access,
    /// What it signs with; several during rotation.
    pub keys: Vec<Key>,
}

/// An assistant, ready to take calls.
#[derive(Clone)]
pub struct Assistant {
    /// What tells it from all others and from its own other versions: `file:NAME`, or `ID@VERSION` of the store.
    pub key: String,
    /// Its name.
    pub name: String,
    /// The numbers that it answers.
    pub numbers: Vec<String>,
    /// It answers every number that no other assistant has.
    pub catches_all: bool,
    /// Its settings.
    pub settings: Settings,
    /// Its voice detector.
    pub detector: Detector,
    /// Farewells, reminder and filler, as far as they are rendered.
    pub shelf: Arc<Shelf>,
    /// Its farewells for the carrier's own voice.
    pub sayings: Arc<Sayings>,
    /// Documents that put its callers through.
    pub transfers: Arc<Transfers>,
    /// What the carrier says when a call cannot be resumed.
    pub apology: Twiml,
    /// How it calls people.
    pub outbound: Outbound,
    /// Opens a model's session for a call.
    pub model: ModelFactory,
    /// Runs the intents of `settings`; without it they fail, in words for the model.
    pub intents: Option<IntentRunner>,
    /// How it answers texts, if it does.
    pub texts: Option<Arc<TextAnswers>>,
}

/// How an assistant answers texts.
#[derive(Clone, Debug, PartialEq)]
pub struct TextAnswers {
    /// How many, how long, when.
    pub settings: config::TextSettings,
    /// The model that writes; of its tools only intents.
    pub model: Arc<openai::Settings>,
}

impl fmt::Debug for Assistant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assistant").field("name", &self.name).field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What quietline itself says cannot be used: whoever replaces its texts or recordings learns it here.
#[derive(Debug, thiserror::Error)]
pub enum BuiltinError {
    /// A recording.
    #[error("a built-in recording cannot be used: {0}")]
    Recording(#[from] AnnouncementError),
    /// A text.
    #[error("a built-in text cannot be used: {0}")]
    Text(#[from] TwimlError),
}

impl Assistant {
    /// With all default texts and their recordings, in English; it answers this number.
    ///
    /// # Errors
    ///
    /// Never for what is in the crate.
    pub fn builtin(
        name: &str,
        number: &str,
        settings: Settings,
        detector: Detector,
        model: ModelFactory,
    ) -> Result<Self, BuiltinError> {
        const LANGUAGE: &str = "en-US";
        let apology = Setting { key: "apology", value: tts::default_text(FarewellKind::ModelLost) };
        Ok(Self {
            key: format!("file:{name}"),
            name: name.to_owned(),
            numbers: vec![number.to_owned()],
            catches_all: false,
            settings,
            detector,
            shelf: Arc::new(Shelf::builtin()?),
            sayings: Arc::new(Sayings::new(|kind| tts::default_text(kind).to_owned(), LANGUAGE)?),
            transfers: Arc::default(),
            apology: twiml::say_and_hang_up(apology, Setting { key: "language", value: LANGUAGE })?,
            outbound: Outbound::default(),
            model,
            intents: None,
            texts: None,
        })
    }
}

/// Opens a model's session.
pub type ModelFactory = Arc<dyn Fn(&NewCall) -> Box<dyn Model> + Send + Sync>;

/// Runs intents, in the slow world: however long it takes, no call waits for it.
pub type IntentRunner = Arc<dyn Fn(IntentCall) -> IntentFuture + Send + Sync>;

/// An intent under way.
pub type IntentFuture = Pin<Box<dyn Future<Output = IntentAnswer> + Send>>;

/// The model wants this done.
#[derive(Clone, Debug)]
pub struct IntentCall {
    /// The call.
    pub call: CallId,
    /// When this stream of the call began, milliseconds since 1970: its tool calls are numbered anew.
    pub began_unix_ms: u64,
    /// Who talks with whom.
    pub parties: Parties,
    /// Which of the call's tool calls it is.
    pub tool: ToolCallId,
    /// The intent's name.
    pub name: String,
    /// Arguments, JSON text by the model: not checked.
    pub arguments: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntentAnswer {
    /// It worked, or why not.
    pub result: Result<(), ToolFault>,
    /// For the model.
    pub text: String,
}

/// What intents need of the server.
#[derive(Clone, Debug)]
pub struct Means {
    /// What they may reach.
    pub guard: Guard,
    /// What `{{secret:NAME}}` stands for.
    pub secrets: Arc<BTreeMap<String, SecretString>>,
    /// How sockets are served.
    pub io: config::Io,
    /// How the world reaches us, without a slash at the end.
    pub public_url: String,
}

/// A call that is about to begin.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// The call.
    pub call: CallId,
    /// How often its stream had been opened before.
    pub resumed: u8,
    /// The caller was put through to somebody who could not be reached, and is back.
    pub returned: bool,
}
