//! The gateway's model in the load's own process: one clock for both ends.

use quietline::lab::openai::{OpenAiConfig, OpenAiLab};

/// What the model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// Says back each append at once.
    Mirror,
    /// Greets, and answers each turn.
    Talk,
    /// Hears and never answers.
    Silent,
}

/// A model of the load's own.
#[derive(Debug, clap::Args)]
pub(crate) struct ModelArgs {
    /// Be the gateway's model as well, on this port of 127.0.0.1: the gateway's base_url of [openai] is
    /// http://127.0.0.1:PORT/v1. Both ends have one clock then, and the time that the gateway adds is told each way.
    #[arg(long, value_name = "PORT")]
    model_port: Option<u16>,
    /// What it does. Default: it mirrors bursts, and talks with others.
    #[arg(long, value_name = "MODE", requires = "model_port")]
    model: Option<Mode>,
    /// The key that it lets in.
    #[arg(long, value_name = "KEY", requires = "model_port", default_value = OpenAiConfig::KEY)]
    model_key: String,
}

impl ModelArgs {
    /// Starts it, if it is wanted. Must be called within a tokio runtime.
    pub(super) fn start(&self, bursts: bool, check_every: u32) -> Result<Option<OpenAiLab>, String> {
        let Some(port) = self.model_port else { return Ok(None) };
        let config = match self.model.unwrap_or(if bursts { Mode::Mirror } else { Mode::Talk }) {
            Mode::Mirror => OpenAiConfig::mirror(),
            Mode::Talk => OpenAiConfig::talk(),
            Mode::Silent => OpenAiConfig::silent(),
        };
        let config = OpenAiConfig { port, polled: true, check_every, keys: vec![self.model_key.clone()], ..config };
        let wrong = |error| format!("cannot be the model on 127.0.0.1:{port}: {error}; choose another --model-port");
        OpenAiLab::start(config).map(Some).map_err(wrong)
    }

    pub(super) fn is_ours(&self) -> bool {
        self.model_port.is_some()
    }
}
