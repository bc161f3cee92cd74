//! What may keep callers from being answered: looked at one thing after the other, each with what to do about it.
//!
//! Everything is asked from here: whether Twilio itself reaches the public address is known only once it has called.

use std::time::Duration;

use rustix::fs::statvfs;
use serde_json::Value;

use super::{CarrierState, Desk, NumberView, UsedFor};
use crate::{
    config::{ModelChoice, StoreChoice},
    net::clock,
    tts::Voice,
    wire::{ExchangeEvent, HttpRequest, Method},
};

/// For each thing that is asked over the network.
const PATIENCE: Duration = Duration::from_secs(8);
/// A clock that is further off makes signatures and tokens fail, and records wrong.
const SKEW_S: i64 = 5;
/// Free space below which records and renderings are in danger.
const SPACE_MB: u64 = 200;
/// Files that a call needs (two sockets), and those that the process needs besides.
const FILES_A_CALL: u64 = 2;
const FILES: u64 = 100;

/// Models whose end is announced, with the day: OpenAI's list of November 2026. A server that lists `shutdown_date` itself is
/// believed instead.
const ENDING: [(&str, &str); 12] = [
    ("gpt-realtime", "2027-01-20"),
    ("gpt-realtime-2025-08-28", "2027-01-20"),
    ("gpt-realtime-mini", "2027-01-20"),
    ("gpt-realtime-mini-2025-12-15", "2027-01-20"),
    ("gpt-audio-mini", "2027-01-20"),
    ("whisper-1", "2027-02-26"),
    ("gpt-4o-transcribe", "2027-02-26"),
    ("gpt-4o-transcribe-diarize", "2027-02-26"),
    ("gpt-4o-mini-transcribe", "2027-02-26"),
    ("gpt-4o-mini-tts", "2027-01-06"),
    ("tts-1", "2027-01-06"),
    ("tts-1-hd", "2027-01-06"),
];

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Ok,
    /// It works, but look at it.
    Note,
    /// Callers are not answered as they should be, or soon will not be.
    Problem,
}

impl Health {
    /// Its name in JSON and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Problem => "problem",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What: `store`, `twilio`, `number +1555…`, `public address`, `model`, `voices`, `clock`, `disk`, `limits`.
    pub about: String,
    /// How it stands.
    pub health: Health,
    /// What was found, in words.
    pub found: String,
    /// What to do; empty if nothing.
    pub to_do: String,
}

fn finding(about: &str, health: Health, found: impl Into<String>, to_do: &str) -> Finding {
    Finding { about: about.to_owned(), health, found: found.into(), to_do: to_do.to_owned() }
}

impl Desk {
    /// Looks at everything, or of the numbers at this one only.
    pub async fn doctor(&self, number: Option<&str>) -> Vec<Finding> {
        let (store, carrier, address, models) = tokio::join!(
            self.look_at_store(),
            self.look_at_carrier(number),
            self.look_at_address(),
            self.look_at_models()
        );
        [vec![store], carrier, address, models, self.look_at_voices(), vec![self.look_at_disk(), self.look_at_limits()]]
            .concat()
    }

    async fn look_at_store(&self) -> Finding {
        match self.store.setting("doctor").await {
            Ok(_) => finding("store", Health::Ok, format!("{} answers", self.facts.store_name()), ""),
            Err(error) => {
                finding("store", Health::Problem, error.to_string(), "see the database's own log, and its disk")
            }
        }
    }

    async fn look_at_carrier(&self, number: Option<&str>) -> Vec<Finding> {
        if self.carrier_state() == CarrierState::Missing {
            let to_do = "enter account SID and auth token: quietline twilio enable";
            return vec![finding("twilio", Health::Problem, "there is no account: nobody can call", to_do)];
        }
        let account = match self.carrier_account().await {
            Ok(account) if account.status == "active" => {
                let name = account.friendly_name.unwrap_or_default();
                finding("twilio", Health::Ok, format!("the account {} is active ({name})", account.sid), "")
            }
            Ok(account) => finding(
                "twilio",
                Health::Problem,
                format!("the account {} is {}", account.sid, account.status),
                "see Twilio's console",
            ),
            Err(error) => return vec![finding("twilio", Health::Problem, error.to_string(), "check SID and token")],
        };
        let mut findings = vec![account];
        match self.numbers().await {
            Ok(numbers) => findings.extend(of_numbers(&numbers, number)),
            Err(error) => findings.push(finding("numbers", Health::Problem, error.to_string(), "ask again later")),
        }
        findings
    }

    async fn look_at_address(&self) -> Vec<Finding> {
        const ABOUT: &str = "public address";
        let url = &self.facts.public_url;
        let mut findings = Vec::new();
        if self.facts.public_url_is_loopback {
            let to_do =
                "set server.public_url (QUIETLINE_PUBLIC_URL) to the https address of a proxy or tunnel to this server";
            findings.push(finding(
                ABOUT,
                Health::Problem,
                format!("{url} is this machine only: Twilio cannot reach it"),
                to_do,
            ));
        }
        let ask = |method, path: &str| HttpRequest {
            method,
            url: format!("{url}{path}"),
            headers: vec![("Content-Type", "application/x-www-form-urlencoded".to_owned())],
            body: Vec::new(),
            timeout: PATIENCE,
        };
        let to_do = "check the proxy or tunnel: it must pass /twilio/ on, with WebSockets, under exactly this address";
        let told = match self.client.begin(ask(Method::Get, "/healthz")).await {
            Ok(begun) if begun.status() == 200 => {
                let headers = begun.headers();
                let date = headers.iter().find(|(name, _)| name == "date").map(|(_, value)| value.as_str());
                findings.extend(date.and_then(of_clock));
                match self.client.run(ask(Method::Post, "/twilio/voice")).await {
                    ExchangeEvent::Answer { status: 403, .. } => {
                        let found = format!(
                            "{url} leads here, and refuses what is not signed (asked from here, not by Twilio)"
                        );
                        finding(ABOUT, Health::Ok, found, "")
                    }
                    ExchangeEvent::Answer { status, .. } => {
                        let found =
                            format!("{url}/twilio/voice answers {status} to a request without signature, expected 403");
                        finding(ABOUT, Health::Problem, found, to_do)
                    }
                    ExchangeEvent::Failed(failure) => {
                        finding(ABOUT, Health::Problem, format!("{url}/twilio/voice: {failure}"), to_do)
                    }
                }
            }
            Ok(begun) => {
                let found = format!("{url}/healthz answers {}", begun.status());
                finding(ABOUT, Health::Problem, found, to_do)
            }
            Err(failure) => finding(ABOUT, Health::Problem, format!("{url} does not answer: {failure}"), to_do),
        };
        findings.push(told);
        findings
    }

    async fn look_at_models(&self) -> Vec<Finding> {
        let Some(access) = self.facts.context.openai() else {
            let to_do = "set OPENAI_API_KEY, or [openai], for a model that listens";
            return vec![finding("model", Health::Note, "no account with OpenAI: the offline agent answers", to_do)];
        };
        let mut wanted: Vec<String> = Vec::new();
        for definition in self.definitions().await {
            let assistant = definition.assistant();
            for voice in [&assistant.voice, &assistant.fallback_voice] {
                if let Some(Voice::OpenAi(voice)) = voice {
                    wanted.push(voice.model.clone());
                }
            }
            if let ModelChoice::OpenAi(settings) = &assistant.model {
                wanted.push(settings.model.clone());
                wanted.extend(settings.transcription.as_ref().map(|it| it.model.clone()));
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        let answer = self.client.run(access.http(Method::Get, "/models", None, PATIENCE)).await;
        let listed = match answer {
            ExchangeEvent::Answer { status: 200, body } => {
                serde_json::from_slice::<Value>(&body).ok().and_then(|it| it["data"].as_array().cloned())
            }
            ExchangeEvent::Answer { status: 401 | 403, .. } => {
                let to_do = "enter a key of a project that may use the Realtime API";
                return vec![finding("model", Health::Problem, "OpenAI refuses the key", to_do)];
            }
            // Other servers that speak as OpenAI does need not list their models.
            ExchangeEvent::Answer { .. } => None,
            ExchangeEvent::Failed(failure) => {
                let found = format!("{} does not answer: {failure}", access.base_url());
                return vec![finding("model", Health::Problem, found, "check the network, and openai.base_url")];
            }
        };
        wanted.iter().map(|model| of_model(model, listed.as_deref())).collect()
    }

    /// What is in force, and what stands in the server's file.
    async fn definitions(&self) -> Vec<crate::config::Definition> {
        let published = self.store.in_force().await.unwrap_or_default();
        let documents = published.into_iter().map(|(_, version)| version.definition);
        let of_file = self.facts.of_file.iter().map(|(_, document)| document.clone());
        documents.chain(of_file).filter_map(|document| self.definition(&document).ok()).collect()
    }

    fn look_at_voices(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for assistant in self.remote.assistants() {
            let about = format!("voices of {}", assistant.name);
            let troubles = assistant.shelf.troubles();
            for (voice, error) in &troubles {
                let found =
                    format!("{voice}: {error}; what is missing is said by a recording, or by Twilio's own voice");
                findings.push(finding(&about, Health::Problem, found, "quietline say tells more"));
            }
            if troubles.is_empty() && assistant.shelf.is_complete() {
                findings.push(finding(&about, Health::Ok, "every goodbye is rendered", ""));
            } else if troubles.is_empty() {
                findings.push(finding(&about, Health::Note, "goodbyes are being rendered", "ask again in a minute"));
            }
        }
        findings
    }

    fn look_at_disk(&self) -> Finding {
        let folder = match &self.facts.store {
            StoreChoice::Sqlite(file) => match file.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
                Some(_) | None => ".".into(),
            },
            StoreChoice::Postgres(_) => ".".into(),
        };
        match statvfs(&folder) {
            Ok(space) => {
                let free = space.f_bavail.saturating_mul(space.f_frsize) >> 20;
                let health = if free < SPACE_MB { Health::Problem } else { Health::Ok };
                let to_do = if free < SPACE_MB { "make room: records and renderings need it" } else { "" };
                finding("disk", health, format!("{free} MB free at {}", folder.display()), to_do)
            }
            Err(error) => finding("disk", Health::Note, format!("{}: {error}", folder.display()), ""),
        }
    }

    fn look_at_limits(&self) -> Finding {
        let Some(files) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current else {
            return finding("limits", Health::Ok, "no limit on open files", "");
        };
        let most = self.facts.max_calls as u64;
        let needed = most * FILES_A_CALL + FILES;
        if files < needed {
            let found = format!("{files} open files allowed, {most} calls (limits.max_calls) need {needed}");
            finding("limits", Health::Problem, found, "raise it (ulimit -n, LimitNOFILE), or lower limits.max_calls")
        } else {
            finding("limits", Health::Ok, format!("{files} open files allowed, {most} calls need {needed}"), "")
        }
    }
}

fn of_numbers(numbers: &[NumberView], only: Option<&str>) -> Vec<Finding> {
    let chosen = numbers.iter().filter(|number| only.is_none_or(|only| only == number.e164));
    let mut findings = Vec::new();
    for number in chosen {
        let about = format!("number {}", number.e164);
        match &number.used_for {
            UsedFor::Assistant { name, .. } if number.drift.is_empty() => {
                findings.push(finding(&about, Health::Ok, format!("is answered by {name}"), ""));
            }
            UsedFor::Assistant { name, .. } => {
                let fields: Vec<_> = number.drift.iter().map(|(field, ..)| *field).collect();
                let found = format!("is assigned to {name}, but somebody has changed {} at Twilio", fields.join(", "));
                findings.push(finding(
                    &about,
                    Health::Problem,
                    found,
                    &format!("quietline number mend {}", number.e164),
                ));
            }
            UsedFor::Gone { .. } => {
                let to_do = format!("quietline number unassign {}", number.e164);
                findings.push(finding(&about, Health::Problem, "is assigned, and no longer in the account", &to_do));
            }
            UsedFor::File { name } => {
                let found = format!("is claimed by {name} in the server's file; what Twilio asks is not looked at");
                findings.push(finding(&about, Health::Note, found, ""));
            }
            UsedFor::Trunk(_) | UsedFor::Application(_) | UsedFor::Elsewhere(_) | UsedFor::Nothing
                if only.is_some() =>
            {
                let to_do = format!("quietline number assign {} --assistant NAME", number.e164);
                findings.push(finding(&about, Health::Problem, "no assistant answers it", &to_do));
            }
            UsedFor::Trunk(_) | UsedFor::Application(_) | UsedFor::Elsewhere(_) | UsedFor::Nothing => {}
        }
    }
    if findings.is_empty() {
        let to_do = "quietline number list, then quietline number assign +1… --assistant NAME";
        let found = match only {
            Some(only) => format!("{only} is not in the account"),
            None => "no number is assigned to an assistant".to_owned(),
        };
        findings.push(finding("numbers", Health::Problem, found, to_do));
    }
    findings
}

fn of_clock(date: &str) -> Option<Finding> {
    let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_second();
    let off = clock::unix_ms() as i64 / 1000 - theirs;
    Some(if off.abs() > SKEW_S {
        finding(
            "clock",
            Health::Problem,
            format!("{off} s off, by the public address's own"),
            "let the machine follow NTP",
        )
    } else {
        finding("clock", Health::Ok, format!("{off} s off, by the public address's own"), "")
    })
}

fn of_model(model: &str, listed: Option<&[Value]>) -> Finding {
    let about = format!("model {model}");
    let known = listed.and_then(|all| all.iter().find(|one| one["id"] == model));
    let told = known.and_then(|one| one["shutdown_date"].as_str());
    let ends = told.or_else(|| ENDING.iter().find(|(name, _)| *name == model).map(|(_, day)| *day));
    match (ends, listed, known) {
        (Some(day), ..) => finding(
            &about,
            Health::Problem,
            format!("will be shut down on {day}"),
            "choose another in the assistant's model",
        ),
        (None, Some(all), None) if !all.is_empty() => {
            let to_do = "check its name, and whether the project may use it";
            finding(&about, Health::Problem, "is not among the models that this key may use", to_do)
        }
        (None, Some(_), Some(_)) => finding(&about, Health::Ok, "may be used with this key", ""),
        (None, ..) => finding(&about, Health::Note, "the server does not list its models: not looked at", ""),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn models_that_end_are_told_with_the_day() {
        let listed = [json!({"id": "gpt-realtime-2.1"}), json!({"id": "soon", "shutdown_date": "2026-12-24"})];
        let told = |model: &str, listed: Option<&[Value]>| {
            let found = of_model(model, listed);
            (found.health, found.found)
        };
        assert_eq!(told("gpt-realtime-2.1", Some(&listed)).0, Health::Ok);
        assert_eq!(told("soon", Some(&listed)), (Health::Problem, "will be shut down on 2026-12-24".to_owned()));
        assert_eq!(told("gpt-realtime", None), (Health::Problem, "will be shut down on 2027-01-20".to_owned()));
        assert_eq!(told("typo", Some(&listed)).0, Health::Problem);
        assert_eq!(told("local", None).0, Health::Note);
    }

    #[test]
    fn a_clock_that_is_off_is_a_problem() {
        let date = |off_s: i64| {
            let now = jiff::Timestamp::from_second(clock::unix_ms() as i64 / 1000 - off_s).unwrap();
            now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
        };
        assert_eq!(of_clock(&date(0)).unwrap().health, Health::Ok);
        assert_eq!(of_clock(&date(60)).unwrap().health, Health::Problem);
        assert_eq!(of_clock("yesterday"), None);
    }
}
