//! What an error of ElevenLabs means.

use serde_json::Value;

use crate::tts::{TtsError, error::code, fetch::Refusal};

/// Shapes: `{"detail":{"status","message"}}`, the same with `code` and `type`, `{"detail":[{"loc","msg","type"}]}`,
/// `{"detail":"…"}`, any text.
pub(super) fn judge(refusal: Refusal<'_>) -> (TtsError, Option<String>) {
    let body: Value = serde_json::from_slice(refusal.body).unwrap_or(Value::Null);
    let detail = &body["detail"];
    let text = |key: &str| detail[key].as_str().unwrap_or_default();
    let first = &detail[0];
    let said = [&detail["message"], detail, &first["msg"], &body["message"]].into_iter().find_map(Value::as_str);
    let named = [text("status"), text("code"), text("type"), detail.as_str().unwrap_or_default()];
    let known = named.into_iter().find_map(|name| by_name(name, refusal));
    let known = known.or_else(|| first["loc"].as_array().and_then(|loc| by_place(loc)));
    let error = known.unwrap_or_else(|| {
        let name = named.into_iter().find_map(code);
        by_status(refusal, name, !detail.is_null())
    });
    (error, said.map(str::to_owned))
}

fn by_name(name: &str, refusal: Refusal<'_>) -> Option<TtsError> {
    Some(match name {
        "invalid_api_key" | "needs_authorization" | "missing_api_key" | "invalid_authorization_header" => TtsError::Key,
        // Comes with 401.
        "quota_exceeded" | "insufficient_credits" | "payment_required" | "voice_add_edit_limit_reached" => {
            TtsError::Quota
        }
        "missing_permissions"
        | "insufficient_permissions"
        | "only_for_creator+"
        | "subscription_required"
        | "feature_not_available"
        | "free_users_not_allowed"
        | "output_format_not_allowed"
        | "invalid_subscription"
        | "detected_unusual_activity"
        | "can_not_use_instant_voice_cloning"
        | "voice_access_denied" => TtsError::Permission,
        "voice_not_found" | "voice_does_not_exist" | "invalid_voice_id" | "voice_disabled" => TtsError::Voice,
        "model_not_found"
        | "invalid_model_id"
        | "invalid_model"
        | "model_access_denied"
        | "model_can_not_do_text_to_speech"
        | "model_deprecated"
        | "unsupported_model" => TtsError::Model,
        "max_character_limit_exceeded" | "text_too_long" => TtsError::Length,
        "too_many_concurrent_requests" | "concurrent_limit_exceeded" | "rate_limit_exceeded" => {
            TtsError::Rate { retry_after: refusal.retry_after }
        }
        "system_busy" | "service_unavailable" => TtsError::Busy,
        _ => return None,
    })
}

/// A field that is wrong.
fn by_place(loc: &[Value]) -> Option<TtsError> {
    match loc.iter().rev().find_map(Value::as_str)? {
        "voice_id" => Some(TtsError::Voice),
        "model_id" => Some(TtsError::Model),
        "xi-api-key" => Some(TtsError::Key),
        field => code(field).map(TtsError::Refused),
    }
}

fn by_status(refusal: Refusal<'_>, name: Option<String>, is_ours: bool) -> TtsError {
    match refusal.status {
        401 => TtsError::Key,
        402 => TtsError::Quota,
        403 => TtsError::Permission,
        413 => TtsError::Length,
        429 => TtsError::Rate { retry_after: refusal.retry_after },
        503 => TtsError::Busy,
        status @ (400 | 404 | 422) if is_ours => TtsError::Refused(name.unwrap_or_else(|| format!("HTTP {status}"))),
        status => TtsError::Vendor { status },
    }
}
