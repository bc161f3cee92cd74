//! From what is written to what is meant: server, limits and account. Goes through everything, so that one run tells
//! every mistake.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{
    Config, Env, Limits, PublicUrl, Server,
    error::{ConfigError, Problem, Show, Text},
    file::{File, LimitsTable, Number, RangeTable, ServerTable, Value},
};
use crate::assistant::{MaxDuration, OutOfRange, SilenceTimeout};
use crate::tts::elevenlabs;

/// Longest time that a stopping server lets calls go on, and the default, in seconds.
const DRAIN_S: (f64, f64, f64) = (0.0, 15.0, 3_600.0);
const MAX_CALLS: (u32, u32, u32) = (1, 200, 100_000);
const SHARDS: (u32, u32) = (1, 256);

/// Reads a file's content, and the environment.
pub(super) struct Reader<'a> {
    pub(super) text: Text<'a>,
    pub(super) env: Env<'a>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
    /// An account with OpenAI is written, be it right or wrong.
    pub(super) has_openai_table: bool,
    /// The same with ElevenLabs.
    pub(super) has_elevenlabs_table: bool,
    /// That account, once it was read.
    pub(super) elevenlabs: Option<Arc<elevenlabs::Access>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: Text<'a>, env: Env<'a>) -> Self {
        Self {
            text,
            env,
            problems: Vec::new(),
            warnings: Vec::new(),
            has_openai_table: false,
            has_elevenlabs_table: false,
            elevenlabs: None,
        }
    }

    /// `file`: what is written; `None` without a file.
    pub(super) fn config(mut self, file: Option<File>) -> Result<Config, ConfigError> {
        let path = file.is_some().then(|| self.text.file.to_owned());
        let file = file.unwrap_or_default();
        self.has_openai_table = file.openai.is_some();
        self.has_elevenlabs_table = file.elevenlabs.is_some();
        let limits = self.limits(&file.limits);
        let twilio = match (&file.twilio, &path) {
            (Some(table), _) => self.twilio(table),
            (None, None) => self.twilio_of_environment(),
            (None, Some(_)) => {
                self.warn_about_unused_account();
                None
            }
        };
        let openai = match (&file.openai, &path) {
            (Some(table), _) => self.openai(table),
            (None, None) => self.openai_of_environment(),
            (None, Some(_)) => None,
        };
        let elevenlabs = match (&file.elevenlabs, &path) {
            (Some(table), _) => self.elevenlabs(table),
            (None, None) => self.elevenlabs_of_environment(),
            (None, Some(_)) => None,
        };
        let rest_base_url = self.rest_base_url_of_environment();
        if let Some(account) = &openai {
            self.warn_about_plain_http("openai", account.access.base_url());
        }
        if let Some(account) = &elevenlabs {
            self.warn_about_plain_http("elevenlabs", account.access.base_url());
        }
        if path.is_some() {
            self.warn_about_unused_keys(file.openai.is_some(), file.elevenlabs.is_some());
        }
        let has_account = twilio.is_some() || file.twilio.is_some();
        let server = self.server(&file.server, has_account);
        if twilio.is_some() && server.public_url.is_loopback() {
            let url = &server.public_url;
            self.warnings.push(format!("public_url is {url}: the carrier cannot reach this machine under it"));
        }
        self.elevenlabs = elevenlabs.as_ref().map(|account| Arc::clone(&account.access));
        let voices = self.voices(&file.voices);
        let capture = file.capture.as_ref().and_then(|table| self.capture(table));
        let io = self.io(&file.io);
        let store = self.store(&file.store);
        let webhook = file.webhook.as_ref().and_then(|table| self.webhook(table));
        let secrets = self.secret_values(&file.secrets);
        let intents_allow = self.networks(&file.intents.allow);
        let assistants = self.assistants(&file.assistant.0, &limits, openai.as_ref().map(|account| &account.access));
        if self.problems.is_empty() {
            Ok(Config {
                file: path,
                server,
                twilio,
                rest_base_url,
                openai,
                elevenlabs,
                voices,
                capture,
                limits,
                io,
                store,
                webhook,
                secrets,
                intents_allow,
                assistants,
                documents: Vec::new(),
                warnings: self.warnings,
            })
        } else {
            Err(ConfigError::new(self.problems))
        }
    }

    pub(super) fn wrong(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.problems.push(self.text.problem(span, Show::Line, message));
    }

    /// A variable that has a value; one that is set to nothing counts as not set.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.env)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The environment's value before the file's, parsed.
    fn parsed<T>(
        &mut self,
        variable: &str,
        value: &Value<String>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if let Some(text) = self.variable(variable) {
            return parse(&text).map_err(|message| self.problems.push(Problem::at(variable, message))).ok();
        }
        let value = value.as_ref()?;
        parse(value.get_ref()).map_err(|message| self.wrong(value.span(), message)).ok()
    }

    fn server(&mut self, table: &ServerTable, has_account: bool) -> Server {
        let listen = self
            .parsed(super::LISTEN, &table.listen, |text| {
                text.parse::<SocketAddr>().map_err(|_| {
                    "listen is not an address with a port: expected something like 127.0.0.1:8080, 0.0.0.0:8080 or \
                     [::]:8080"
                        .to_owned()
                })
            })
            .unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
        let is_given = table.public_url.is_some() || self.variable(super::PUBLIC_URL).is_some();
        let public_url = self.parsed(super::PUBLIC_URL, &table.public_url, |text| {
            text.parse::<PublicUrl>().map_err(|error| format!("public_url {error}"))
        });
        if has_account && !is_given {
            self.problems.push(Problem::at(
                self.text.file.display(),
                format!(
                    "public_url is missing: with a Twilio account the server must know its public address, with which \
                     requests are signed; write public_url = \"https://…\" under [server], or set {}",
                    super::PUBLIC_URL
                ),
            ));
        }
        let shards = table.shards.as_ref().and_then(|value| self.whole("shards", value, SHARDS));
        let call_records = table.call_records.as_ref().and_then(|path| {
            if path.get_ref().trim().is_empty() {
                self.wrong(path.span(), "call_records is empty: expected a file's path, or leave the key out");
            }
            Some(PathBuf::from(path.get_ref())).filter(|path| !path.as_os_str().is_empty())
        });
        Server {
            listen,
            public_url: public_url.unwrap_or_else(|| PublicUrl::local(listen)),
            shards: shards.and_then(|shards| NonZeroUsize::new(shards as usize)),
            call_records,
        }
    }

    fn limits(&mut self, table: &LimitsTable) -> Limits {
        let (low, default, high) = MAX_CALLS;
        let max_calls = table.max_calls.as_ref().and_then(|value| self.whole("max_calls", value, (low, high)));
        let (low, default_drain, high) = DRAIN_S;
        let drain = table.drain_s.as_ref().and_then(|value| self.seconds("drain_s", value, (low, high)));
        let silence = self.range(
            &table.silence_timeout_s,
            ["limits.silence_timeout_s.min", "limits.silence_timeout_s.max"],
            SilenceTimeout::BOUNDS,
            SilenceTimeout::WIDEST,
        );
        let duration = self.range(
            &table.max_duration_s,
            ["limits.max_duration_s.min", "limits.max_duration_s.max"],
            MaxDuration::BOUNDS,
            MaxDuration::WIDEST,
        );
        Limits {
            max_calls: max_calls.unwrap_or(default) as usize,
            drain: drain.unwrap_or(Duration::from_secs_f64(default_drain)),
            silence_timeout: silence,
            max_duration: duration,
        }
    }

    /// Bounds that may be widened, never narrowed: what every assistant may choose stays possible.
    fn range(
        &mut self,
        table: &RangeTable,
        names: [&'static str; 2],
        usual: (Duration, Duration),
        widest: (Duration, Duration),
    ) -> (Duration, Duration) {
        let [low, high, lowest, highest] = [usual.0, usual.1, widest.0, widest.1].map(|bound| bound.as_secs_f64());
        let min = table.min.as_ref().and_then(|value| self.seconds(names[0], value, (lowest, low)));
        let max = table.max.as_ref().and_then(|value| self.seconds(names[1], value, (high, highest)));
        (min.unwrap_or(usual.0), max.unwrap_or(usual.1))
    }

    pub(super) fn whole(
        &mut self,
        name: &'static str,
        value: &toml::Spanned<Number>,
        (low, high): (u32, u32),
    ) -> Option<u32> {
        let number = value.get_ref().0;
        if number.fract() == 0.0 && (f64::from(low)..=f64::from(high)).contains(&number) {
            return Some(number as u32);
        }
        let (low, high) = (f64::from(low), f64::from(high));
        let unit = if number.fract() == 0.0 { "" } else { "(whole numbers only)" };
        let error = OutOfRange { setting: name, value: number, low, high, unit };
        self.wrong(value.span(), error.to_string().trim_end());
        None
    }

    fn seconds(
        &mut self,
        name: &'static str,
        value: &toml::Spanned<Number>,
        (low, high): (f64, f64),
    ) -> Option<Duration> {
        let number = value.get_ref().0;
        if (low..=high).contains(&number) {
            return Some(Duration::from_secs_f64(number));
        }
        let error = OutOfRange { setting: name, value: number, low, high, unit: "s" };
        self.wrong(value.span(), error.to_string());
        None
    }
}

/// The setting as the file calls it, with its unit.
pub(super) fn out_of_range(error: &OutOfRange) -> String {
    let OutOfRange { setting, value, low, high, unit } = error;
    format!("{setting}_{} = {value} is outside {low}..={high} {unit}", unit.to_lowercase())
}
