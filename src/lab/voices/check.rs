//! Bodies and queries against the vendors' schemas.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

fn schema(text: &str) -> Validator {
    let schema: Value = serde_json::from_str(text).expect("the schemas that we ship are JSON");
    jsonschema::validator_for(&schema).expect("the schemas that we ship are schemas")
}

macro_rules! schemas {
    ($($name:ident = $file:literal;)*) => {
        $(pub(super) static $name: LazyLock<Validator> = LazyLock::new(|| schema(include_str!($file)));)*
    };
}

schemas! {
    CREATE_SPEECH = "../openai/schemas/create-speech.schema.json";
    SPEECH_EVENTS = "../openai/schemas/create-speech-stream-events.schema.json";
    OPENAI_ERROR = "../openai/schemas/error-response.schema.json";
    TEXT_TO_SPEECH = "schemas/text-to-speech-request.schema.json";
    QUERY = "schemas/text-to-speech-query.schema.json";
    VOICES_V1 = "schemas/voices-v1-response.schema.json";
    VOICES_V2 = "schemas/voices-v2-response.schema.json";
}

/// Where a value is wrong, and how; in the schema's words.
pub(super) fn complaint(validator: &Validator, value: &Value) -> Option<(String, String)> {
    let error = validator.iter_errors(value).next()?;
    let text: String = error.to_string().chars().take(200).collect();
    Some((error.instance_path().to_string(), text))
}
