//! Every event held against the vendor's schema, in both directions.
//!
//! What a client sends is refused with the vendor's words; what we send is held against the closed schema.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::{PatternOptions, ValidationError, Validator, error::ValidationErrorKind};
use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::lab::shortened::shortened;

const CLIENT: &str = include_str!("schemas/realtime-client-events.schema.json");
const MODELS: &str = include_str!("schemas/models-list.schema.json");
const SERVER: &str = include_str!("schemas/realtime-server-events.strict.schema.json");

/// A schema's definitions, compiled when they are first asked for: there are dozens, and a call uses a few.
struct Definitions {
    schema: Value,
    compiled: Mutex<BTreeMap<String, Arc<Validator>>>,
}

impl Definitions {
    fn new(schema: &str) -> Self {
        let schema = serde_json::from_str(schema).expect("the schemas that we ship are JSON");
        Self { schema, compiled: Mutex::default() }
    }

    fn get(&self, name: &str) -> Option<Arc<Validator>> {
        if !self.schema["$defs"][name].is_object() {
            return None;
        }
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = compiled.get(name) {
            return Some(Arc::clone(validator));
        }
        let root = json!({"$schema": self.schema["$schema"], "$defs": self.schema["$defs"],
                          "$ref": format!("#/$defs/{name}")});
        // Patterns run over whole payloads: in linear time.
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
        let validator = Arc::new(options.build(&root).expect("the schemas that we ship are schemas"));
        compiled.insert(name.to_owned(), Arc::clone(&validator));
        Some(validator)
    }
}

static FROM_CLIENT: LazyLock<Definitions> = LazyLock::new(|| Definitions::new(CLIENT));
static FROM_US: LazyLock<Definitions> = LazyLock::new(|| Definitions::new(SERVER));

/// What a session is updated with, apart from its event: a choice of two kinds would hide what is wrong.
const SESSION: &str = "RealtimeSessionCreateRequestGA";

/// What the vendor has against a client's event, in its words.
pub(super) fn client(event: &Value) -> Option<Refusal> {
    let Some(kind) = event["type"].as_str() else {
        return Some(Refusal::missing("type"));
    };
    let validator = FROM_CLIENT.get(kind).filter(|_| kind.contains('.'));
    let Some(validator) = validator else { return Some(Refusal::unknown_type(kind)) };
    if kind == "session.update" && event["session"]["type"] == "realtime" {
        let session = FROM_CLIENT.get(SESSION)?;
        if let Some(refusal) = session.iter_errors(&event["session"]).next().map(|error| worded(&error, "session")) {
            return Some(refusal);
        }
    }
    if kind == "session.update" && event["session"].is_object() && event["session"]["type"].is_null() {
        return Some(Refusal::missing("session.type"));
    }
    let error = validator.iter_errors(event).next()?;
    Some(worded(&error, ""))
}

/// What is wrong with an event of ours: a mistake of the lab's.
pub(super) fn server(event: &Value) -> Option<String> {
    let kind = event["type"].as_str().unwrap_or_default();
    let Some(validator) = FROM_US.get(kind).filter(|_| kind == "error" || kind.contains('.')) else {
        return Some(format!("{kind:?} is no event of the vendor's"));
    };
    if validator.is_valid(event) {
        return None;
    }
    let error = validator.iter_errors(event).next()?;
    let deepest = deepest(&error);
    Some(format!("{kind} at `{}`: {}", deepest.instance_path(), shortened(&deepest.to_string())))
}

/// What is wrong with our list of models: a mistake of the lab's.
pub(super) fn models(list: &Value) -> Option<String> {
    static LIST: LazyLock<Validator> = LazyLock::new(|| {
        let schema = serde_json::from_str(MODELS).expect("the schemas that we ship are JSON");
        jsonschema::validator_for(&schema).expect("the schemas that we ship are schemas")
    });
    LIST.iter_errors(list).next().map(|error| shortened(&error.to_string()))
}

/// Of the ways in which a choice failed the one that came furthest: what was meant.
fn deepest<'e>(error: &'e ValidationError<'e>) -> &'e ValidationError<'e> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) = error.kind() else {
        return error;
    };
    let depth = |error: &ValidationError<'_>| error.instance_path().as_str().matches('/').count();
    let branches =
        context.iter().filter_map(|branch| branch.iter().map(|error| deepest(error)).max_by_key(|e| depth(e)));
    let mut best = error;
    for branch in branches {
        // Another kind of thing was tried: its first mistake is the kind.
        let of_kind = matches!(branch.kind(), ValidationErrorKind::Type { .. } | ValidationErrorKind::Enum { .. });
        if depth(branch) > depth(best) || (depth(branch) == depth(best) && !of_kind) {
            best = branch;
        }
    }
    best
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the crate's enum grows; what is left has no words of its own")]
fn worded(error: &ValidationError<'_>, below: &str) -> Refusal {
    let error = deepest(error);
    let path = param(below, error.instance_path().as_str());
    let inside = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            Refusal::unknown(&inside(unexpected.first().map_or("", String::as_str)))
        }
        ValidationErrorKind::Required { property } => Refusal::missing(&inside(property.as_str().unwrap_or_default())),
        ValidationErrorKind::Minimum { limit } => Refusal::below(&path, limit, error.instance()),
        ValidationErrorKind::Maximum { limit } => Refusal::above(&path, limit, error.instance()),
        ValidationErrorKind::Enum { options } => Refusal::value(&path, error.instance(), options),
        ValidationErrorKind::Type { .. } => Refusal::kind(&path, &shortened(&error.to_string())),
        _ => Refusal::invalid(&path, &shortened(&error.to_string())),
    }
}

/// `/session/tools/0/name` as the vendor writes it: `session.tools[0].name`.
fn param(below: &str, pointer: &str) -> String {
    let mut path = below.to_owned();
    for part in pointer.split('/').filter(|part| !part.is_empty()) {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push_str(&format!("[{part}]"));
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(part);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(event: &Value) -> (Option<&'static str>, String) {
        let refusal = client(event).unwrap_or_else(|| panic!("{event} is allowed"));
        (refusal.code, refusal.param.unwrap_or_default())
    }

    #[test]
    fn a_wrong_event_is_refused_in_the_vendors_words() {
        assert_eq!(refused(&json!({"type": "nope"})), (Some("invalid_value"), "type".into()));
        assert_eq!(refused(&json!({})), (Some("missing_required_parameter"), "type".into()));
        let bogus = json!({"type": "session.update", "session": {"type": "realtime", "bogus_field": 1}});
        assert_eq!(refused(&bogus), (Some("unknown_parameter"), "session.bogus_field".into()));
        assert_eq!(client(&bogus).unwrap().message, "Unknown parameter: 'session.bogus_field'.");
        let untyped = json!({"type": "session.update", "session": {"instructions": "x"}});
        assert_eq!(refused(&untyped), (Some("missing_required_parameter"), "session.type".into()));
        let cut = json!({"type": "conversation.item.truncate", "item_id": "i", "content_index": 0});
        assert_eq!(refused(&cut), (Some("missing_required_parameter"), "audio_end_ms".into()));
        let deep = json!({"type": "session.update", "session": {"type": "realtime",
            "audio": {"output": {"speed": 9.0}}}});
        assert_eq!(refused(&deep).1, "session.audio.output.speed");
        let beta = json!({"type": "session.update", "session": {"type": "realtime", "voice": "marin"}});
        assert_eq!(refused(&beta), (Some("unknown_parameter"), "session.voice".into()));
    }

    #[test]
    fn right_events_pass() {
        for event in [
            json!({"type": "response.create"}),
            json!({"type": "response.cancel", "response_id": "resp_1"}),
            json!({"type": "input_audio_buffer.append", "audio": "////"}),
        ] {
            assert_eq!(client(&event), None);
        }
    }

    #[test]
    fn what_the_schema_defines_is_no_event_by_itself() {
        assert_eq!(refused(&json!({"type": SESSION})).0, Some("invalid_value"));
        assert!(server(&json!({"type": "RealtimeResponse"})).is_some());
        assert!(server(&json!({"type": "input_audio_buffer.cleared"})).is_some_and(|why| why.contains("event_id")));
    }
}
