//! What the vendor says when a client is wrong: texts as they were observed.

use serde_json::{Value, json};

const EVENTS: &str = "'session.update', 'session.close', 'input_audio_buffer.append', \
                      'session.input_audio_buffer.append', 'input_audio_buffer.commit', 'input_audio_buffer.clear', \
                      'conversation.item.create', 'conversation.item.truncate', 'conversation.item.delete', \
                      'conversation.item.retrieve', 'response.create', and 'response.cancel'";

/// An `error` event that leaves the session open, unless a close follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: Option<&'static str>,
    pub(super) message: String,
    pub(super) param: Option<String>,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code: Some(code), message: message.into(), param: None }
    }

    pub(super) fn at(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned()).filter(|param| !param.is_empty());
        self
    }

    pub(super) fn unknown_type(kind: &str) -> Self {
        Self::new("invalid_value", format!("Invalid value: '{kind}'. Supported values are: {EVENTS}.")).at("type")
    }

    pub(super) fn unknown(path: &str) -> Self {
        Self::new("unknown_parameter", format!("Unknown parameter: '{path}'.")).at(path)
    }

    pub(super) fn missing(path: &str) -> Self {
        Self::new("missing_required_parameter", format!("Missing required parameter: '{path}'.")).at(path)
    }

    pub(super) fn below(path: &str, limit: &Value, got: &Value) -> Self {
        let (kind, code) = number(got, "integer_below_min_value", "decimal_below_min_value");
        let message = format!(
            "Invalid '{path}': {kind} below minimum value. Expected a value >= {limit}, but got {got} instead."
        );
        Self::new(code, message).at(path)
    }

    pub(super) fn above(path: &str, limit: &Value, got: &Value) -> Self {
        let (kind, code) = number(got, "integer_above_max_value", "decimal_above_max_value");
        let message = format!(
            "Invalid '{path}': {kind} above maximum value. Expected a value <= {limit}, but got {got} instead."
        );
        Self::new(code, message).at(path)
    }

    pub(super) fn value(path: &str, got: &Value, options: &Value) -> Self {
        let got = got.as_str().map_or_else(|| got.to_string(), str::to_owned);
        let options: Vec<_> =
            options.as_array().into_iter().flatten().map(|option| option.to_string().replace('"', "'")).collect();
        let (last, before) = options.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
        let options = if before.is_empty() { last.to_owned() } else { format!("{}, and {last}", before.join(", ")) };
        Self::new("invalid_value", format!("Invalid value: '{got}'. Supported values are: {options}.")).at(path)
    }

    pub(super) fn kind(path: &str, why: &str) -> Self {
        Self::new("invalid_type", format!("Invalid type for '{path}': {why}.")).at(path)
    }

    pub(super) fn invalid(path: &str, why: &str) -> Self {
        Self::new("invalid_value", format!("Invalid '{path}': {why}.")).at(path)
    }

    pub(super) fn not_json() -> Self {
        Self::new("invalid_json", "Invalid event: failed to parse JSON value.")
    }

    pub(super) fn binary() -> Self {
        Self::new("invalid_event", "Expected a text WebSocket message; binary frames are not supported.")
    }

    pub(super) fn nothing_to_cancel() -> Self {
        Self::new("response_cancel_not_active", "Cancellation failed: no active response found")
    }

    pub(super) fn already_active(response: &str) -> Self {
        let message = format!(
            "Conversation already has an active response in progress: {response}. Wait until the response is finished \
             before creating a new one."
        );
        Self::new("conversation_already_has_active_response", message)
    }

    pub(super) fn shorter(have_ms: u64, wanted_ms: u64) -> Self {
        let message = format!("Audio content of {have_ms}ms is already shorter than {wanted_ms}ms");
        Self::new("invalid_value", message).at("audio_end_ms")
    }

    pub(super) fn not_ours() -> Self {
        let message = "Only model output audio messages can be truncated".to_owned();
        Self { code: None, message, param: None }
    }

    pub(super) fn voice() -> Self {
        let message = "Cannot update a conversation's voice if assistant audio is present.";
        Self::new("cannot_update_voice", message)
    }

    pub(super) fn too_little(ms: f64) -> Self {
        let message = format!(
            "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only \
             has {ms:.2}ms of audio."
        );
        Self::new("input_audio_buffer_commit_empty", message)
    }

    pub(super) fn no_item(item: &str, param: &str) -> Self {
        Self::new("item_not_found", format!("Item with item_id '{item}' not found.")).at(param)
    }

    pub(super) fn no_call(call: &str) -> Self {
        Self::new("invalid_tool_call_id", format!("Tool call ID '{call}' not found in conversation."))
    }

    /// The event's `error`.
    pub(super) fn error(&self, event_id: Option<&str>) -> Value {
        json!({"type": "invalid_request_error", "code": self.code, "message": self.message, "param": self.param,
               "event_id": event_id})
    }
}

fn number(got: &Value, integer: &'static str, decimal: &'static str) -> (&'static str, &'static str) {
    if got.is_f64() { ("decimal", decimal) } else { ("integer", integer) }
}
