//! What the stand-in is made of.

use std::{fmt, sync::Arc};

use super::{
    brain::{Brain, Brief, Echo, ScriptedBrain, Silent, Talk},
    faults::Faults,
};
use crate::lab::SharedModel;

/// A connection whose handshake is being answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its number: 0 is the first.
    pub number: usize,
    /// The model that it asks for.
    pub model: String,
    /// The query, undecoded.
    pub query: String,
}

/// Gives every connection its brain.
pub type BrainFactory = Arc<dyn Fn(&Connection) -> Box<dyn Brain> + Send + Sync>;

/// The vendor's side.
#[derive(Clone)]
pub struct OpenAiConfig {
    /// Port on loopback; 0: any free one.
    pub port: u16,
    /// Keys that are let in. Not shown by `Debug`.
    pub keys: Vec<String>,
    /// A wrong key is refused at the handshake, `api-key` is taken, and every model's name is a deployment.
    pub azure: bool,
    /// Realtime models that exist.
    pub models: Vec<String>,
    /// What thinks.
    pub brain: BrainFactory,
    /// Of every connection that was given none of its own.
    pub faults: Faults,
    /// Each append is said back at once; nobody thinks but about what is asked for with `response.create`.
    pub mirror: bool,
    /// One task looks after all sessions, a millisecond apart: for many at once. They take no faults but those of
    /// handshakes.
    pub polled: bool,
    /// Each of so many messages with audio is held against the schema, in either direction; every other message always
    /// is. 1: all of them.
    pub check_every: u32,
    /// Of everything random.
    pub seed: u64,
}

impl OpenAiConfig {
    /// The key that is let in if no other is given.
    pub const KEY: &'static str = "sk-lab";

    /// With this brain, on any port, with the key [`OpenAiConfig::KEY`].
    #[must_use]
    pub fn new(brain: BrainFactory) -> Self {
        let models =
            ["gpt-realtime-2.1", "gpt-realtime-2.1-mini", "gpt-realtime-2", "gpt-realtime-1.5", "gpt-realtime"];
        Self {
            port: 0,
            keys: vec![Self::KEY.to_owned()],
            azure: false,
            models: models.map(str::to_owned).to_vec(),
            brain,
            faults: Faults::default(),
            mirror: false,
            polled: false,
            check_every: 1,
            seed: 1,
        }
    }

    /// It greets, answers and hangs up.
    #[must_use]
    pub fn talk() -> Self {
        Self::new(Arc::new(|_| Box::new(Talk::new())))
    }

    /// It says back what it hears.
    #[must_use]
    pub fn echo() -> Self {
        Self::new(Arc::new(|_| Box::new(Echo::new())))
    }

    /// It says each append back at once, to measure the way; answers next to nothing if it is asked.
    #[must_use]
    pub fn mirror() -> Self {
        Self { mirror: true, ..Self::new(Arc::new(|_| Box::new(Brief))) }
    }

    /// It hears and never answers.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(Arc::new(|_| Box::new(Silent)))
    }

    /// Every connection has this script.
    #[must_use]
    pub fn scripted(model: &SharedModel) -> Self {
        let brain = ScriptedBrain::new(model.clone());
        Self::new(Arc::new(move |_| Box::new(brain.clone())))
    }
}

impl fmt::Debug for OpenAiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiConfig")
            .field("port", &self.port)
            .field("azure", &self.azure)
            .field("models", &self.models)
            .field("faults", &self.faults)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
