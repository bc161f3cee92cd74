//! What an assistant can do over HTTP, or by a prompt.

use std::collections::BTreeSet;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Value as Json, json};
use toml::Spanned;

use super::{
    Farewells,
    file::{AnswerTable, IntentTable, Number, Value},
    reader::Reader,
};
use crate::{
    assistant::BUILT_IN_TOOLS,
    intent::{Action, Answer, Definition, HttpAction, HttpMethod},
    model::Tool,
};

/// Most intents of an assistant: a model with more tools chooses badly.
const MOST: usize = 32;
/// Shortest, usual and longest time of a request: the window stands still for 120 s at most.
const TIMEOUT_S: (u32, u32, u32) = (1, 10, 110);
/// Longest prompt.
const MAX_PROMPT: usize = 4_000;
/// Longest text for the model.
const MAX_ANSWER: (u32, u32) = (1, 8_000);

impl Reader<'_> {
    /// The tables `[[assistant.intents]]`.
    pub(super) fn intents(&mut self, tables: &[Spanned<IntentTable>]) -> Vec<Definition> {
        let mut names = BTreeSet::new();
        if let Some(further) = tables.get(MOST) {
            self.wrong(further.span(), format!("an assistant has {MOST} intents at most"));
        }
        let mut intents = Vec::new();
        for table in tables {
            let Some(intent) = self.intent(table) else { continue };
            if !names.insert(intent.name.clone()) {
                self.wrong(
                    table.span(),
                    format!("two intents are called {:?}: give each a name of its own", intent.name),
                );
            }
            intents.push(intent);
        }
        intents
    }

    fn intent(&mut self, spanned: &Spanned<IntentTable>) -> Option<Definition> {
        let table = spanned.get_ref();
        let name = self.intent_name(spanned);
        let description = self.text("description", &table.description, Definition::MAX_DESCRIPTION);
        if table.description.is_none() {
            self.wrong(spanned.span(), "description is missing: say what it does and when to use it, for the model");
        }
        let parameters = self.parameters(&table.parameters);
        let action = self.action(spanned, parameters.as_ref());
        let filler = self.text("filler", &table.filler, Farewells::MAX_LENGTH);
        Some(Definition {
            name: name?,
            description: description?,
            parameters: parameters?,
            action: action?,
            filler,
            ends_call: table.ends_call,
            api_access: table.api_access,
            required: table.required.unwrap_or(true),
        })
    }

    fn intent_name(&mut self, table: &Spanned<IntentTable>) -> Option<String> {
        let Some(name) = &table.get_ref().name else {
            self.wrong(table.span(), "name is missing: give the intent a name, such as name = \"book_slot\"");
            return None;
        };
        let text = name.get_ref();
        if !Tool::is_valid_name(text) {
            self.wrong(name.span(), "not a name of an intent: expected 1 to 64 letters, digits, _ and -");
            return None;
        }
        if BUILT_IN_TOOLS.contains(&text.as_str()) {
            self.wrong(name.span(), format!("{text} is a built-in tool (tools.{text}): give the intent another name"));
            return None;
        }
        Some(text.clone())
    }

    fn parameters(&mut self, value: &Value<Json>) -> Option<Json> {
        let none = json!({"type": "object", "properties": {}, "additionalProperties": false});
        let Some(value) = value else { return Some(none) };
        let schema = value.get_ref();
        if schema.get("type").and_then(Json::as_str) != Some("object") {
            self.wrong(
                value.span(),
                "parameters is no schema of an object: expected { type = \"object\", properties = { … } }",
            );
            return None;
        }
        if let Err(error) = jsonschema::validator_for(schema) {
            self.wrong(value.span(), format!("parameters is no JSON Schema: {error}"));
            return None;
        }
        Some(schema.clone())
    }

    fn action(&mut self, spanned: &Spanned<IntentTable>, parameters: Option<&Json>) -> Option<Action> {
        let table = spanned.get_ref();
        match (&table.prompt, &table.url) {
            (Some(_), None) => {
                let http = table.method.is_some()
                    || !table.headers.is_empty()
                    || table.body.is_some()
                    || table.answer.is_some()
                    || table.timeout_s.is_some()
                    || table.filler.is_some();
                if http {
                    self.wrong(spanned.span(), "an intent with a prompt makes no request: leave method, headers, body, answer, timeout_s and filler out");
                }
                self.text("prompt", &table.prompt, MAX_PROMPT).map(Action::Prompt)
            }
            (None, Some(url)) => self.http(table, url, parameters),
            (Some(prompt), Some(_)) => {
                self.wrong(prompt.span(), "an intent has a prompt or a url: leave one of them out");
                None
            }
            (None, None) => {
                self.wrong(spanned.span(), "what it does is missing: write url = \"https://…\", or prompt = \"…\"");
                None
            }
        }
    }

    fn http(&mut self, table: &IntentTable, url: &Spanned<String>, parameters: Option<&Json>) -> Option<Action> {
        let method = self.named(&table.method, |text| {
            let names = HttpMethod::ALL.map(HttpMethod::name).join(", ");
            let found = HttpMethod::ALL.into_iter().find(|method| method.name() == text);
            found.ok_or_else(|| format!("no method is called {text:?}; there are {names}"))
        });
        let (low, usual, high) = TIMEOUT_S;
        let timeout = table.timeout_s.as_ref().and_then(|value| self.whole("timeout_s", value, (low, high)));
        let http = HttpAction {
            method: method.unwrap_or(HttpMethod::Post),
            url: url.get_ref().clone(),
            headers: table.headers.iter().map(|(name, value)| (name.clone(), value.get_ref().clone())).collect(),
            body: table.body.as_ref().map(|body| body.get_ref().clone()),
            timeout: Duration::from_secs(u64::from(timeout.unwrap_or(usual))),
            answer: self.answer(table.answer.as_ref()),
        };
        let mut problems = http.problems();
        problems.extend(parameters.map(|parameters| http.unknown_arguments(parameters)).unwrap_or_default());
        for (field, message) in &problems {
            let header = field.strip_prefix("headers.").and_then(|name| table.headers.get(name)).map(Spanned::span);
            let body = table.body.as_ref().filter(|_| field == "body").map(Spanned::span);
            let answer = table.answer.as_ref().filter(|_| field.starts_with("answer.")).map(Spanned::span);
            self.wrong(header.or(body).or(answer).unwrap_or_else(|| url.span()), message);
        }
        problems.is_empty().then(|| Action::Http(Box::new(http)))
    }

    fn answer(&mut self, table: Option<&Spanned<AnswerTable>>) -> Answer {
        let usual = Answer { max_length: Answer::USUAL_LENGTH, ..Answer::default() };
        let Some(table) = table.map(Spanned::get_ref) else { return usual };
        let length: Option<&Spanned<Number>> = table.max_length.as_ref();
        let length = length.and_then(|value| self.whole("max_length", value, MAX_ANSWER));
        Answer {
            pointer: table.pointer.as_ref().map_or_else(String::new, |pointer| pointer.get_ref().clone()),
            template: table.template.as_ref().map(|template| template.get_ref().clone()),
            max_length: length.map_or(usual.max_length, |length| length as usize),
        }
    }

    /// What intents say while they run has no recording: it takes a voice.
    pub(super) fn warn_of_silent_fillers(&mut self, name: &str, intents: &[Definition], has_voice: bool) {
        for intent in intents.iter().filter(|intent| intent.filler.is_some() && !has_voice) {
            self.warnings.push(format!(
                "assistant {name:?}: the filler of intent {:?} has no recording, and there is no voice to say it, so the \
                 common one will be heard; write farewell.voice",
                intent.name
            ));
        }
    }

    /// `intents.allow`.
    pub(super) fn networks(&mut self, list: &[Spanned<String>]) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for written in list {
            let text = written.get_ref();
            match text.parse().or_else(|_| text.parse().map(|address: std::net::IpAddr| IpNet::from(address))) {
                Ok(network) => networks.push(network),
                Err(_) => self.wrong(written.span(), "not a network: expected something like 10.1.0.0/16 or fd00::/8"),
            }
        }
        networks
    }
}
