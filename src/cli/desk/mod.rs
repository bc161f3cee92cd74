//! Subcommands that ask a running server, by its API.

pub(crate) mod assistant;
pub(crate) mod call;
pub(crate) mod doctor;
pub(crate) mod number;
pub(crate) mod place;
mod show;
pub(crate) mod text;
pub(crate) mod token;
pub(crate) mod twilio;

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use quietline::{
    config::{self, Config},
    desk::Local,
    net::client::Client,
    wire::{ExchangeEvent, HttpRequest, Method, encoded},
};
use serde_json::Value;

/// Publishing renders farewells, which takes its time.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Which server is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// The server. Default: the one that runs on this machine with this configuration.
    #[arg(long, value_name = "URL", env = "QUIETLINE_SERVER", global = true)]
    server: Option<String>,
    /// A token for it; on its own machine its user needs none.
    #[arg(long, value_name = "TOKEN", env = "QUIETLINE_TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
    /// The server's configuration, which says where its store is. Default: as `serve` finds it.
    #[arg(long, short, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Print JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,
}

/// Why nothing came of it.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The server could not be asked, or not this.
    Ours(String),
    /// It refused: what it said.
    Refused(Box<Value>),
    /// It works, but not all is as it should be: what, in words.
    Found(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(message) => f.write_str(message),
            Self::Found(found) => f.write_str(found),
            Self::Refused(problem) => {
                let fields = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
                if fields.is_empty() {
                    return f.write_str(problem["detail"].as_str().unwrap_or("the server refused, without a reason"));
                }
                f.write_str(problem["title"].as_str().unwrap_or("refused"))?;
                for field in fields {
                    let (name, message) = (field["field"].as_str(), field["message"].as_str().unwrap_or_default());
                    match name.filter(|name| !name.is_empty()) {
                        Some(name) => write!(f, "\n  {name}: {message}")?,
                        None => write!(f, "\n  {message}")?,
                    }
                }
                Ok(())
            }
        }
    }
}

/// A key for what is to be done once.
fn new_key() -> Result<String, Trouble> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(ours)?;
    Ok(nonce.iter().map(|byte| format!("{byte:02x}")).collect())
}

type Outcome = Result<(), Trouble>;

/// Runs what asks the server, and tells what came of it: 0 done, 1 refused, 2 not asked.
fn finish(name: &str, outcome: Outcome, err: &mut dyn Write) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            let _ = writeln!(err, "quietline {name}: {trouble}");
            ExitCode::from(if matches!(trouble, Trouble::Refused(_) | Trouble::Found(_)) { 1 } else { 2 })
        }
    }
}

fn ours(error: impl fmt::Display) -> Trouble {
    Trouble::Ours(error.to_string())
}

/// A server that can be asked.
pub(crate) struct Server {
    local: Local,
    client: Client,
    runtime: tokio::runtime::Runtime,
    json: bool,
}

impl ServerArgs {
    /// Finds the server.
    fn reach(&self) -> Result<Server, Trouble> {
        let local = match (&self.server, &self.token) {
            (Some(url), Some(token)) => Local { url: url.trim_end_matches('/').to_owned(), token: token.clone() },
            (Some(_), None) => {
                return Err(ours(
                    "a token is missing for this server: --token, or QUIETLINE_TOKEN; `quietline token create` \
                                 on its machine makes one",
                ));
            }
            (None, token) => {
                let found = self.local()?;
                Local { token: token.clone().unwrap_or(found.token), url: found.url }
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ours)?;
        Ok(Server { local, client: Client::new().map_err(ours)?, runtime, json: self.json })
    }

    fn config(&self) -> Result<Config, Trouble> {
        let load = |env| Config::load(self.config.as_deref(), env);
        // `TWILIO_AUTH_TOKEN` alone may be meant for `twilio enable`, not for a server.
        let without_account = |name: &str| config::process_env(name).filter(|_| !name.starts_with("TWILIO_A"));
        load(&config::process_env).or_else(|error| load(&without_account).map_err(|_| ours(error)))
    }

    fn local(&self) -> Result<Local, Trouble> {
        let config = self.config()?;
        let nothing = "no server was found: start `quietline serve` here, or name one with --server and --token";
        let path = Local::path(&config.store.choice).ok_or_else(|| ours(nothing))?;
        Local::read(&path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                return ours(nothing);
            }
            ours(format!("{} cannot be read ({error}): are you the server's user?", path.display()))
        })
    }
}

impl Server {
    /// Asks for something.
    fn get(&self, path: &str) -> Result<Value, Trouble> {
        self.ask(Method::Get, path, None, &[])
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        self.ask(Method::Post, path, Some(body), &[])
    }

    /// All pages of a list, one after the other.
    fn all(&self, path: &str) -> Result<Vec<Value>, Trouble> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let mark = if path.contains('?') { '&' } else { '?' };
            let mut page = self.get(&format!("{path}{mark}limit=200&after={}", encoded(&after)))?;
            items.extend(page["items"].as_array_mut().map(std::mem::take).unwrap_or_default());
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => return Ok(items),
            }
        }
    }

    fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&'static str, String)],
    ) -> Result<Value, Trouble> {
        let mut all = vec![("authorization", format!("Bearer {}", self.local.token))];
        all.extend_from_slice(headers);
        if body.is_some() {
            all.push(("content-type", "application/json".to_owned()));
        }
        let request = HttpRequest {
            method,
            url: format!("{}/api/v1{path}", self.local.url),
            headers: all,
            body: body.map_or_else(Vec::new, |body| body.to_string().into_bytes()),
            timeout: TIMEOUT,
        };
        match self.runtime.block_on(self.client.run(request)) {
            ExchangeEvent::Answer { status: 200..=299, body } if body.is_empty() => Ok(Value::Null),
            ExchangeEvent::Answer { status: 200..=299, body } => serde_json::from_slice(&body)
                .map_err(|error| ours(format!("{} answers, but not as quietline does: {error}", self.local.url))),
            ExchangeEvent::Answer { status, body } => match serde_json::from_slice(&body) {
                Ok(problem) => Err(Trouble::Refused(Box::new(problem))),
                Err(_) => Err(ours(format!("{} answered {status}: is this quietline?", self.local.url))),
            },
            ExchangeEvent::Failed(failure) => {
                Err(ours(format!("{} does not answer ({failure}): does the server run?", self.local.url)))
            }
        }
    }

    /// Prints as JSON if that was asked for; else as it is for people.
    fn print(
        &self,
        value: &Value,
        out: &mut dyn Write,
        people: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Outcome {
        if self.json {
            let text = serde_json::to_string_pretty(value).map_err(ours)?;
            writeln!(out, "{text}").map_err(ours)
        } else {
            people(out).map_err(ours)
        }
    }
}
