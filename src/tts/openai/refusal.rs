//! What an error of OpenAI means, and of servers that speak as it does.

use std::time::Duration;

use serde_json::Value;

use crate::tts::{TtsError, error::code, fetch::Refusal};

/// Shapes: `{"error":{"message","type","param","code"}}` with nulls, `{"error":"…"}`, `{"message":…}`, any text.
pub(in crate::tts) fn judge(refusal: Refusal<'_>) -> (TtsError, Option<String>) {
    let body: Value = serde_json::from_slice(refusal.body).unwrap_or(Value::Null);
    let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(&body);
    let text = |key: &str| match &error[key] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    };
    let said = error["message"].as_str().or_else(|| error.as_str()).map(str::to_owned);
    let (code, kind, param) = (text("code"), text("type"), text("param"));
    let known = judge_code(&code, &kind, &param, refusal.retry_after)
        .or_else(|| judge_message(said.as_deref().unwrap_or_default()));
    (known.unwrap_or_else(|| by_status(refusal, &code, &kind, !body.is_null())), said)
}

/// By what the vendor calls it; `None` if that says nothing.
pub(in crate::tts) fn judge_code(
    code: &str,
    kind: &str,
    param: &str,
    retry_after: Option<Duration>,
) -> Option<TtsError> {
    let is = |name: &str| code == name || kind == name;
    let ends_in = |name: &str| param == name || param.rsplit(['.', '[']).next() == Some(name);
    Some(if is("invalid_api_key") || is("authentication_error") || is("invalid_authentication") {
        TtsError::Key
    } else if is("insufficient_quota") || is("billing_hard_limit_reached") || is("billing_not_active") {
        TtsError::Quota
    } else if is("insufficient_permissions")
        || is("permission_error")
        || is("permission_denied")
        || is("unsupported_country_region_territory")
    {
        TtsError::Permission
    } else if is("rate_limit_exceeded") || is("tokens") || is("requests") || is("rate_limit_error") {
        TtsError::Rate { retry_after }
    } else if is("server_overloaded") || is("overloaded_error") || is("engine_overloaded") || is("slow_down") {
        TtsError::Busy
    } else if is("model_not_found")
        || is("invalid_model")
        || is("missing_model")
        || is("DeploymentNotFound")
        || ends_in("model")
    {
        TtsError::Model
    } else if is("voice_not_found") || is("invalid_voice") || ends_in("voice") {
        TtsError::Voice
    } else if is("string_above_max_length") || is("context_length_exceeded") || is("input_too_long") {
        TtsError::Length
    } else {
        return None;
    })
}

/// By the vendor's words, where its codes are empty.
fn judge_message(message: &str) -> Option<TtsError> {
    let message = message.to_ascii_lowercase();
    if message.contains("missing scopes") || message.contains("insufficient permissions") {
        Some(TtsError::Permission)
    } else if message.contains("incorrect api key") || message.contains("invalid api key") {
        Some(TtsError::Key)
    } else {
        None
    }
}

fn by_status(refusal: Refusal<'_>, name: &str, kind: &str, is_json: bool) -> TtsError {
    let why = || code(name).or_else(|| code(kind)).unwrap_or_else(|| format!("HTTP {}", refusal.status));
    match refusal.status {
        401 => TtsError::Key,
        402 => TtsError::Quota,
        403 => TtsError::Permission,
        410 => TtsError::Model,
        413 => TtsError::Length,
        429 => TtsError::Rate { retry_after: refusal.retry_after },
        503 | 529 => TtsError::Busy,
        400 | 409 | 422 if is_json => TtsError::Refused(why()),
        status => TtsError::Vendor { status },
    }
}
