//! From arguments to a request, and from an answer to words.

use std::collections::BTreeSet;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::{
    Answer, HttpAction, HttpMethod,
    template::{self, Place, Template},
};
use crate::wire::encoded;

/// Headers that belong to the connection, or to us.
const RESERVED: [&str; 10] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "proxy-authorization",
    "idempotency-key",
];
/// Longest request, in bytes.
const MAX_REQUEST: usize = 64 << 10;

/// What is known of the call that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallFacts<'a> {
    /// The carrier's id of it.
    pub id: &'a str,
    /// The other party's number; may be no number (withheld).
    pub from: &'a str,
    /// Our number.
    pub to: &'a str,
    /// When this part of the call began: its tool calls are numbered anew.
    pub began_unix_ms: u64,
    /// Which of the part's tool calls this is.
    pub tool: u32,
}

/// A request that is ready to be made. `Debug` shows neither headers nor body.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// How.
    pub method: HttpMethod,
    /// Absolute; scheme, host and port are those of the definition.
    pub url: Url,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Those of the headers that hold secrets, by name in lower case: not for another host.
    pub secret_headers: BTreeSet<String>,
    /// JSON, or nothing.
    pub body: Vec<u8>,
    /// For the whole exchange.
    pub timeout: Duration,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

/// What an intent came to, for the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// It worked.
    pub ok: bool,
    /// What the model is told.
    pub text: String,
}

impl HttpMethod {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// All.
    pub const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    const fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

impl HttpAction {
    /// What is wrong with it, by field: `url`, `headers.NAME`, `body`, `answer.pointer`, `answer.template`.
    #[must_use]
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if let Err(message) = base(&self.url) {
            wrong.push(("url".to_owned(), message));
        }
        for (name, value) in &self.headers {
            if let Err(message) = header(name, value) {
                wrong.push((format!("headers.{name}"), message));
            }
        }
        if let Some(body) = &self.body {
            if !self.method.has_body() {
                wrong.push(("body".to_owned(), format!("a {} has no body: leave it out", self.method.name())));
            }
            if let Err(message) = each_string(body, &mut |text| without_secrets(text)) {
                wrong.push(("body".to_owned(), message));
            }
        }
        if !self.answer.pointer.is_empty() && !self.answer.pointer.starts_with('/') {
            let message = "no JSON pointer: expected something like /slots/0/time".to_owned();
            wrong.push(("answer.pointer".to_owned(), message));
        }
        if let Some(Err(message)) = self.answer.template.as_deref().map(without_secrets) {
            wrong.push(("answer.template".to_owned(), message));
        }
        wrong
    }

    /// Arguments that it names and that `parameters`, a JSON Schema of an object, does not have; by field, as
    /// [`HttpAction::problems`]. Nothing is known of a schema that lists no properties.
    #[must_use]
    pub fn unknown_arguments(&self, parameters: &Value) -> Vec<(String, String)> {
        let Some(known) = parameters.get("properties").and_then(Value::as_object) else { return Vec::new() };
        let mut wrong = Vec::new();
        let mut look = |field: String, text: &str| {
            let Ok(template) = Template::parse(text) else { return };
            for place in template.places() {
                let Place::Field(path) = place else { continue };
                let Some(name) = path.first().filter(|name| !known.contains_key(*name)) else { continue };
                let there = known.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                let there = if there.is_empty() { "it has none".to_owned() } else { format!("there are {there}") };
                wrong.push((field.clone(), format!("{{{{{name}}}}} is no argument of this intent: {there}")));
            }
        };
        look("url".to_owned(), &self.url);
        for (name, value) in &self.headers {
            look(format!("headers.{name}"), value);
        }
        if let Some(body) = &self.body {
            let _ = each_string(body, &mut |text| {
                look("body".to_owned(), text);
                Ok(())
            });
        }
        wrong
    }

    /// The secrets that it needs.
    #[must_use]
    pub fn secrets(&self) -> BTreeSet<String> {
        let templates = self.headers.iter().filter_map(|(_, value)| Template::parse(value).ok());
        templates.flat_map(|template| template.places().filter_map(secret).collect::<Vec<_>>()).collect()
    }

    /// The request for these arguments.
    ///
    /// # Errors
    ///
    /// In words for the log: a secret that is not there, an address that came out as another host's, too much of it.
    pub fn request(
        &self,
        arguments: &Value,
        call: &CallFacts<'_>,
        secrets: &dyn Fn(&str) -> Option<SecretString>,
    ) -> Result<Request, String> {
        let plain = |place: &Place| match place {
            Place::Field(path) => template::text_of(template::field(arguments, path)),
            Place::CallId => call.id.to_owned(),
            Place::From => call.from.to_owned(),
            Place::To => call.to.to_owned(),
            Place::Secret(_) => String::new(),
        };
        let base = base(&self.url)?;
        let filled = Template::parse(&self.url)?.filled(|place| encoded(&plain(place)));
        let url = Url::parse(&filled).map_err(|error| format!("its address came out as none: {error}"))?;
        if url.origin() != base.origin() || !url.username().is_empty() || url.password().is_some() {
            return Err("its address came out as another host's".to_owned());
        }
        if leaves_its_path(&filled) {
            return Err("its address came out as one with . or .. as a part of its path".to_owned());
        }
        let mut headers = Vec::new();
        let mut secret_headers = BTreeSet::new();
        for (name, value) in &self.headers {
            let template = Template::parse(value)?;
            let missing = template.places().filter_map(secret).find(|name| secrets(name).is_none());
            if let Some(missing) = missing {
                return Err(format!("there is no secret {missing:?} in the server's [secrets]"));
            }
            if template.places().any(|place| secret(place).is_some()) {
                secret_headers.insert(name.to_ascii_lowercase());
            }
            let value = template.filled(|place| match place {
                Place::Secret(name) => secrets(name).map_or_else(String::new, |value| value.expose_secret().to_owned()),
                Place::Field(_) | Place::CallId | Place::From | Place::To => {
                    // What a model says cannot begin another header.
                    plain(place).chars().filter(|c| !c.is_control()).collect()
                }
            });
            headers.push((name.clone(), value));
        }
        let mut body = Vec::new();
        if self.method.has_body() {
            let value = match &self.body {
                Some(template) => filled_body(template, &plain, arguments),
                None => arguments.clone(),
            };
            body = value.to_string().into_bytes();
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
            }
        }
        if self.method != HttpMethod::Get {
            headers.push(("idempotency-key".to_owned(), format!("{}-{}-{}", call.id, call.began_unix_ms, call.tool)));
        }
        if body.len() + filled.len() > MAX_REQUEST {
            return Err(format!("it is longer than {MAX_REQUEST} bytes"));
        }
        Ok(Request { method: self.method, url, headers, secret_headers, body, timeout: self.timeout })
    }
}

impl Answer {
    /// Longest text for the model unless configured otherwise, in characters.
    pub const USUAL_LENGTH: usize = 4_000;

    /// The words for the model.
    #[must_use]
    pub fn words(&self, status: u16, body: &[u8]) -> Outcome {
        let text = String::from_utf8_lossy(body);
        let ok = (200..300).contains(&status);
        let parsed: Option<Value> = serde_json::from_str(&text).ok();
        let told = match parsed {
            Some(value) if ok => match value.pointer(&self.pointer) {
                Some(part) => self.part(part),
                None => {
                    return Outcome { ok: false, text: "The tool's answer does not have what was expected.".into() };
                }
            },
            Some(value) => value.to_string(),
            None if ok && self.takes_a_part() && !body.is_empty() => {
                return Outcome { ok: false, text: "The tool's answer is no JSON, so it cannot be read.".into() };
            }
            None => text.trim().to_owned(),
        };
        let told = self.shortened(&told);
        if ok {
            let text = if told.is_empty() { "Done.".to_owned() } else { told };
            return Outcome { ok, text };
        }
        let why = match status {
            404 => "The tool found nothing",
            429 => "The tool is busy",
            400..=499 => "The tool did not take this",
            _ => "The tool has a fault",
        };
        let text = if told.is_empty() { format!("{why} ({status}).") } else { format!("{why} ({status}): {told}") };
        Outcome { ok, text }
    }

    /// Only a part of the answer is told, or it is put into words: that takes JSON.
    fn takes_a_part(&self) -> bool {
        !self.pointer.is_empty() || self.template.is_some()
    }

    fn part(&self, part: &Value) -> String {
        let template = self.template.as_deref().and_then(|template| Template::parse(template).ok());
        match template {
            Some(template) => template.filled(|place| match place {
                Place::Field(path) => template::text_of(template::field(part, path)),
                Place::CallId | Place::From | Place::To | Place::Secret(_) => String::new(),
            }),
            None => template::text_of(Some(part)),
        }
    }

    fn shortened(&self, text: &str) -> String {
        let most = if self.max_length == 0 { Self::USUAL_LENGTH } else { self.max_length };
        match text.char_indices().nth(most) {
            Some((end, _)) => format!("{} [The rest of the answer is left out.]", &text[..end]),
            None => text.to_owned(),
        }
    }
}

/// The address with its places filled with something: scheme, host and port are those that it always has.
fn base(url: &str) -> Result<Url, String> {
    const EXPECTED: &str = "expected an absolute address such as https://api.example.com/slots/{{day}}";
    let template = Template::parse(url)?;
    if template.places().any(|place| secret(place).is_some()) {
        return Err("a secret cannot stand in an address, which is logged on its way: put it into a header".to_owned());
    }
    let fixed = template.beginning();
    let behind = fixed.split_once("://").map(|(_, behind)| behind).ok_or(EXPECTED)?;
    let has_places = template.places().next().is_some();
    if has_places && !behind.contains(['/', '?', '#']) {
        return Err("scheme, host and port must be written out: arguments can stand only behind them".to_owned());
    }
    let url = Url::parse(&template.filled(|_| "x".to_owned())).map_err(|error| format!("{error}: {EXPECTED}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(EXPECTED.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("no user and password in the address: put them into a header, as a secret".to_owned());
    }
    Ok(url)
}

/// A part of the path is a dot or two, however written: to a URL that is another path, and what an argument says must not
/// choose it. (Dots alone cannot be encoded so that they are anything else.)
fn leaves_its_path(url: &str) -> bool {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    let path = behind.split(['?', '#']).next().unwrap_or_default();
    let dots = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    path.split(['/', '\\']).any(dots)
}

fn header(name: &str, value: &str) -> Result<(), String> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err("not the name of a header".to_owned());
    }
    if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        return Err("this header is set by the connection: leave it out".to_owned());
    }
    if value.chars().any(char::is_control) {
        return Err("a header's value is one line".to_owned());
    }
    Template::parse(value).map(drop)
}

fn without_secrets(text: &str) -> Result<(), String> {
    let template = Template::parse(text)?;
    match template.places().any(|place| secret(place).is_some()) {
        true => Err("a secret can stand in headers only".to_owned()),
        false => Ok(()),
    }
}

fn secret(place: &Place) -> Option<String> {
    match place {
        Place::Secret(name) => Some(name.clone()),
        Place::Field(_) | Place::CallId | Place::From | Place::To => None,
    }
}

fn each_string(value: &Value, look: &mut impl FnMut(&str) -> Result<(), String>) -> Result<(), String> {
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().try_for_each(|item| each_string(item, look)),
        Value::Object(object) => object.values().try_for_each(|value| each_string(value, look)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// A string that is nothing but an argument takes its type too: `"{{count}}"` becomes a number.
fn filled_body(template: &Value, plain: &dyn Fn(&Place) -> String, arguments: &Value) -> Value {
    match template {
        Value::String(text) => match Template::parse(text) {
            Ok(template) => match template.only_place() {
                Some(Place::Field(path)) => template::field(arguments, path).cloned().unwrap_or(Value::Null),
                Some(Place::CallId | Place::From | Place::To | Place::Secret(_)) | None => {
                    Value::String(template.filled(plain))
                }
            },
            Err(_) => template.clone(),
        },
        Value::Array(items) => items.iter().map(|item| filled_body(item, plain, arguments)).collect(),
        Value::Object(object) => {
            object.iter().map(|(key, value)| (key.clone(), filled_body(value, plain, arguments))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => template.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn action(url: &str) -> HttpAction {
        HttpAction {
            method: HttpMethod::Post,
            url: url.to_owned(),
            headers: vec![
                ("Authorization".into(), "Bearer {{secret:crm}}".into()),
                ("X-Who".into(), "{{name}}".into()),
            ],
            body: None,
            timeout: Duration::from_secs(10),
            answer: Answer::default(),
        }
    }

    const CALL: CallFacts<'static> =
        CallFacts { id: "CA1", from: "+15550000001", to: "+15550000002", began_unix_ms: 7, tool: 3 };

    fn secrets(name: &str) -> Option<SecretString> {
        (name == "crm").then(|| SecretString::from("s3cret"))
    }

    #[test]
    fn arguments_stand_where_they_are_told_to() {
        let mut action = action("https://api.example.com/slots/{{day}}?who={{call.from}}");
        assert_eq!(action.problems(), []);
        let arguments = json!({"day": "Mon/day", "name": "Zoë", "slot": {"n": 2}});
        let request = action.request(&arguments, &CALL, &secrets).unwrap();
        assert_eq!(request.url.as_str(), "https://api.example.com/slots/Mon%2Fday?who=%2B15550000001");
        assert!(request.headers.contains(&("Authorization".into(), "Bearer s3cret".into())));
        assert!(request.headers.contains(&("idempotency-key".into(), "CA1-7-3".into())));
        assert_eq!(request.secret_headers.iter().collect::<Vec<_>>(), ["authorization"]);
        assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), arguments);
        assert!(!format!("{request:?}").contains("s3cret"));
        action.body = Some(json!({"n": "{{slot.n}}", "text": "for {{name}}", "list": ["{{day}}"]}));
        let request = action.request(&arguments, &CALL, &secrets).unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body, json!({"n": 2, "text": "for Zoë", "list": ["Mon/day"]}));
        assert!(action.request(&arguments, &CALL, &|_| None).unwrap_err().contains("\"crm\""));
    }

    #[test]
    fn an_address_is_written_out() {
        for (url, told) in [
            ("api.example.com/x", "absolute"),
            ("https://{{host}}/x", "written out"),
            ("https://a.example{{rest}}", "written out"),
            ("https://u:p@a.example/", "no user"),
            ("ftp://a.example/", "absolute"),
            ("https://a.example/?k={{secret:crm}}", "header"),
            ("https://a.example:99999/", "absolute"),
        ] {
            let problems = action(url).problems();
            assert!(
                problems.iter().any(|(field, message)| field == "url" && message.contains(told)),
                "{url}: {problems:?}"
            );
        }
        let mut with = action("https://a.example/");
        with.headers = vec![("Host".into(), "b".into()), ("A b".into(), "c".into()), ("X".into(), "a\r\nb: c".into())];
        assert_eq!(with.problems().len(), 3, "{:?}", with.problems());
    }

    #[test]
    fn an_argument_cannot_choose_another_path() {
        let action = action("https://api.example.com/a/{{day}}{{name}}/b");
        for (day, name) in [("..", ""), (".", "."), (".", ""), ("", "..")] {
            let error = action.request(&json!({"day": day, "name": name}), &CALL, &secrets).unwrap_err();
            assert!(error.contains("path"), "{day:?} {name:?}: {error}");
        }
        for day in ["...", "..a", "../..", "..%2f", "..\\.."] {
            let request = action.request(&json!({"day": day, "name": ""}), &CALL, &secrets).unwrap();
            assert_eq!(request.url.path_segments().unwrap().count(), 3, "{day}: {}", request.url);
        }
    }

    #[test]
    fn an_argument_that_there_is_not_is_named() {
        let mut action = action("https://api.example.com/{{dya}}?from={{call.from}}");
        action.body = Some(json!({"a": ["{{day.of}} {{slot}}"]}));
        let parameters = json!({"type": "object", "properties": {"day": {}, "name": {}}});
        let unknown = action.unknown_arguments(&parameters);
        let fields: Vec<_> = unknown.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["url", "body"], "{unknown:?}");
        assert_eq!(unknown[0].1, "{{dya}} is no argument of this intent: there are day, name");
        assert_eq!(action.unknown_arguments(&json!({"type": "object"})), []);
        assert_eq!(action.unknown_arguments(&json!({"properties": {}})).len(), 4);
    }

    #[test]
    fn whatever_may_change_something_says_which_call_it_is_once() {
        let mut action = action("https://api.example.com/");
        action.headers = vec![("Content-Type".into(), "application/vnd.acme+json".into())];
        for (method, key, kind) in
            [(HttpMethod::Get, false, 1), (HttpMethod::Post, true, 1), (HttpMethod::Delete, true, 1)]
        {
            action.method = method;
            let request = action.request(&json!({}), &CALL, &secrets).unwrap();
            let named = |name: &str| request.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).count();
            assert_eq!((named("idempotency-key") == 1, named("content-type")), (key, kind), "{method:?}");
        }
    }

    #[test]
    fn answers_become_words() {
        let answer = Answer { pointer: "/slot".into(), template: Some("At {{time}}.".into()), max_length: 20 };
        let words = |status, body: &str| answer.words(status, body.as_bytes());
        assert_eq!(words(200, r#"{"slot": {"time": "nine"}}"#), Outcome { ok: true, text: "At nine.".into() });
        assert!(!words(200, r#"{"other": 1}"#).ok);
        assert!(words(200, "<html>").text.contains("no JSON") && !words(200, "<html>").ok);
        assert_eq!(words(204, ""), Outcome { ok: true, text: "Done.".into() });
        assert_eq!(words(404, ""), Outcome { ok: false, text: "The tool found nothing (404).".into() });
        let long = words(200, r#"{"slot": {"time": "nine in the morning or ten"}}"#);
        assert!(long.text.ends_with("[The rest of the answer is left out.]"), "{long:?}");
        assert_eq!(Answer::default().words(204, b"").text, "Done.");
        assert_eq!(Answer::default().words(200, b"plain words").text, "plain words");
    }

    proptest! {
        #[test]
        fn no_argument_reaches_another_host_or_header(day in ".*", name in ".*") {
            let action = action("https://api.example.com/a/{{day}}/b?x={{name}}");
            let request = action.request(&json!({"day": day, "name": name}), &CALL, &secrets);
            prop_assume!(!matches!(day.as_str(), "." | ".."));
            let request = request.unwrap();
            prop_assert_eq!(request.url.host_str(), Some("api.example.com"));
            prop_assert_eq!(request.url.path_segments().unwrap().count(), 3);
            prop_assert!(request.headers.iter().all(|(_, value)| !value.chars().any(char::is_control)));
        }

        #[test]
        fn any_text_is_a_template_or_is_refused(text in ".*", body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = action(&text).problems();
            let _ = Answer { template: Some(text), ..Answer::default() }.words(200, &body);
        }
    }
}
