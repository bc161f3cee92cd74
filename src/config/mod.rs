//! The server's file (`quietline.toml`) and environment: read, checked, and told what is wrong with them.
//!
//! | file | what |
//! |---|---|
//! | `file.rs` | the file as it is written: keys and types |
//! | `reader.rs`, `account.rs`, `assistants.rs` | what the values may be; goes on after a mistake, so that one run tells all |
//! | `definition.rs`, `path.rs` | an assistant as a document of its own; where in it a mistake is |
//! | `message.rs`, `intents.rs` | the system message; what an assistant can do over HTTP |
//! | `outbound.rs` | calls that an assistant places |
//! | `tools.rs` | waiting for the caller, transfers |
//! | `texts.rs` | how it answers texts |
//! | `publish.rs` | whether an assistant can be published |
//! | `store.rs` | the store, the webhook, secrets |
//! | `voice.rs` | voices of the fixed phrases, and their cache |
//! | `capture.rs` | captures of calls |
//! | `io.rs` | how sockets are served |
//! | `vendors.rs` | accounts with vendors of models and voices |
//! | `secret.rs` | secrets, from variables and files only |
//! | `public_url.rs` | the server's address |
//! | `error.rs` | mistakes, with line, column and caret |
//!
//! Bounds are the ones of [`crate::assistant`], two of them widened by `[limits]`. Every key, with its default, stands
//! in `fixtures/quietline.example.toml`; a test loads it and holds it complete.
//!
//! The environment is a function, so that a test can be one: [`process_env`] is the real one.

mod account;
mod assistant;
mod assistants;
mod capture;
mod definition;
mod error;
mod file;
mod intents;
mod io;
mod message;
mod model;
mod outbound;
mod path;
mod public_url;
mod publish;
mod reader;
mod secret;
mod store;
#[cfg(test)]
mod tests;
mod texts;
mod tools;
mod vendors;
mod voice;

use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;

pub use account::rest_base_url;
pub use assistant::{Assistant, Channel, Farewells, ModelChoice};
pub use capture::Capture;
pub use definition::{Context, Definition, FieldProblem};
pub use error::{ConfigError, Problem};
pub use io::Io;
pub use outbound::Outbound;
pub use public_url::{NotAPublicUrl, PublicUrl};
pub use publish::Publication;
pub use secret::SecretSource;
pub use store::{StoreChoice, StoreSettings, Webhook};
pub use texts::{QuietHours, TextSettings};
pub use tools::Transfer;

use crate::carrier::twilio::{AccountSid, signature::Key};
use crate::model::openai;
use crate::tts::elevenlabs;
use error::Text;
use reader::Reader;

/// The file's name where none is given: it is read if it stands in the working directory.
pub const FILE: &str = "quietline.toml";
/// Variable that names the file.
pub const CONFIG: &str = "QUIETLINE_CONFIG";
/// Variable that stands above `server.listen`.
pub const LISTEN: &str = "QUIETLINE_LISTEN";
/// Variable that stands above `server.public_url`.
pub const PUBLIC_URL: &str = "QUIETLINE_PUBLIC_URL";

/// Longest file, in bytes: what is longer is the wrong file.
const MAX_FILE: u64 = 1 << 20;

/// Where variables come from.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The process's own environment, for [`Config::load`].
#[must_use]
pub fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Everything that the server is told. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// The server itself.
    pub server: Server,
    /// The carrier's account; without one no call can come in.
    pub twilio: Option<Twilio>,
    /// Where the carrier's REST is for an account that is entered later: `TWILIO_API_BASE_URL`, else the usual place.
    pub rest_base_url: String,
    /// The account with OpenAI, or a server that speaks as it does: models and voices.
    pub openai: Option<Account<openai::Access>>,
    /// The account with ElevenLabs: voices.
    pub elevenlabs: Option<Account<elevenlabs::Access>>,
    /// Where rendered phrases are kept.
    pub voices: Voices,
    /// Calls are captured; `None`: none is.
    pub capture: Option<Capture>,
    /// Bounds.
    pub limits: Limits,
    /// How sockets are served.
    pub io: Io,
    /// Where all that outlives the process is kept.
    pub store: StoreSettings,
    /// Told of every call that is over.
    pub webhook: Option<Webhook>,
    /// What `{{secret:NAME}}` stands for in headers of intents.
    pub secrets: BTreeMap<String, SecretString>,
    /// Private networks that intents may reach: `intents.allow`, default none.
    pub intents_allow: Vec<IpNet>,
    /// Who answers; at least one, at most one of them without numbers.
    pub assistants: Vec<Assistant>,
    /// The same as they are written, in the same order; none for the one that is not written.
    pub documents: Vec<serde_json::Value>,
    /// What works, but perhaps not as it was meant.
    pub warnings: Vec<String>,
}

/// The server itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where it listens: `listen`, default `127.0.0.1:8080`; port 0 takes any.
    pub listen: SocketAddr,
    /// How the world reaches it: `public_url`. Without an account it may be left out, and is then the address on this
    /// machine that `listen` names ([`PublicUrl::local`]).
    pub public_url: PublicUrl,
    /// Threads for calls: `shards`, from 1 to 256; `None`: one a core.
    pub shards: Option<NonZeroUsize>,
    /// A JSON line is appended here for each finished call: `call_records`.
    pub call_records: Option<PathBuf>,
}

/// The carrier's account.
#[derive(Clone, Debug)]
pub struct Twilio {
    /// `account_sid`.
    pub account: AccountSid,
    /// What requests are signed with: auth tokens, then shared keys; of each those of variables first.
    pub keys: Vec<Key>,
    /// Where each of them comes from.
    pub key_sources: Vec<KeySource>,
    /// How REST is reached.
    pub rest: RestAccess,
}

/// An account with a vendor of models or voices.
#[derive(Debug)]
pub struct Account<A> {
    /// Where requests go and what they show.
    pub access: Arc<A>,
    /// Where its key comes from.
    pub key_source: SecretSource,
}

impl<A> Clone for Account<A> {
    fn clone(&self) -> Self {
        Self { access: Arc::clone(&self.access), key_source: self.key_source.clone() }
    }
}

/// Where rendered phrases are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voices {
    /// The folder: `cache_dir`. Default: `voices` in the folder that the service manager names (`CACHE_DIRECTORY`), else
    /// `quietline/voices` in the user's cache. `None`: in memory only.
    pub cache_dir: Option<PathBuf>,
    /// Its size: `cache_max_mb`, from 1 to 10,000, default 100.
    pub cache_max_mb: u32,
}

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySource {
    /// A webhook's shared key instead of an auth token.
    pub is_shared: bool,
    /// The variable or file.
    pub source: SecretSource,
}

/// How the carrier's REST is reached.
#[derive(Clone, Debug)]
pub struct RestAccess {
    /// Scheme and host, without a slash at the end: `base_url`, default `https://api.twilio.com`.
    pub base_url: String,
    /// The API key's SID, else the account's.
    pub user: String,
    /// The API key's secret, else the first auth token.
    pub password: SecretString,
    /// Where it comes from.
    pub password_source: SecretSource,
}

/// Bounds of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once: `max_calls`, from 1 to 100,000, default 200.
    pub max_calls: usize,
    /// A stopping server lets calls go on for this long, then says goodbye: `drain_s`, from 0 to 3,600, default 15.
    pub drain: Duration,
    /// What assistants may choose for `silence_timeout_s`: 30 to 60 s, widened to 3 to 3,600 at most.
    pub silence_timeout: (Duration, Duration),
    /// What assistants may choose for `max_duration_s`: 60 to 14,400 s, widened to 10 to 86,400 at most.
    pub max_duration: (Duration, Duration),
}

impl Config {
    /// Reads file and environment: the file at `path`, else the one that `QUIETLINE_CONFIG` names, else
    /// `quietline.toml` if it is there, else none.
    ///
    /// # Errors
    ///
    /// Every mistake that can be found, with its place.
    pub fn load(path: Option<&Path>, env: Env<'_>) -> Result<Self, ConfigError> {
        Self::load_or(path, env, Path::new(FILE))
    }

    fn load_or(path: Option<&Path>, env: Env<'_>, usual: &Path) -> Result<Self, ConfigError> {
        let named = path.map(Path::to_owned).or_else(|| {
            let name = env(CONFIG).filter(|name| !name.trim().is_empty());
            name.map(PathBuf::from)
        });
        match named.or_else(|| usual.exists().then(|| usual.to_owned())) {
            Some(path) => {
                let text = read(&path).map_err(|problem| ConfigError::new(vec![problem]))?;
                Self::parse(&text, &path, env)
            }
            None => Reader::new(Text { file: usual, text: "" }, env).config(None),
        }
    }

    /// Reads a file's content; `file` is what mistakes name it by.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn parse(text: &str, file: &Path, env: Env<'_>) -> Result<Self, ConfigError> {
        let text = Text { file, text };
        match toml::from_str(text.text) {
            Ok(written) => {
                let mut config = Reader::new(text, env).config(Some(written))?;
                config.documents = documents(text.text);
                Ok(config)
            }
            Err(error) => Err(ConfigError::new(vec![text.parser(&error)])),
        }
    }

    /// Who answers this number: the assistant that claims it, else the one without numbers.
    #[must_use]
    pub fn assistant_for(&self, number: &str) -> Option<&Assistant> {
        let claims = |assistant: &&Assistant| assistant.numbers.iter().any(|own| own == number);
        let catches_all = |assistant: &&Assistant| assistant.numbers.is_empty();
        self.assistants.iter().find(claims).or_else(|| self.assistants.iter().find(catches_all))
    }
}

/// The tables `[[assistant]]` as JSON.
fn documents(text: &str) -> Vec<serde_json::Value> {
    let written: Option<serde_json::Value> = toml::from_str(text).ok();
    let mut written = written.unwrap_or_default();
    written.get_mut("assistant").and_then(|tables| tables.as_array_mut()).map(std::mem::take).unwrap_or_default()
}

fn read(path: &Path) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(|error| Problem::at(path.display(), format!("the configuration cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Problem::at(path.display(), format!("longer than {MAX_FILE} bytes: this is no configuration")));
    }
    String::from_utf8(bytes).map_err(|_| Problem::at(path.display(), "this is no text (UTF-8), so no configuration"))
}
