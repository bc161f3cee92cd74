//! What the vendor's codes mean.

use std::time::Duration;

use serde_json::Value;

use crate::{model::ModelFault, wire::Failure};

/// The longest wait that a failed response may ask for.
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// The fault behind an error's code, or behind the reason of a close (`invalid_request_error.invalid_api_key`).
pub(super) fn of_code(code: &str) -> Option<ModelFault> {
    Some(match code.rsplit('.').next().unwrap_or(code) {
        "invalid_api_key"
        | "missing_api_key"
        | "invalid_authentication"
        | "invalid_organization"
        | "mismatched_organization"
        | "mismatched_project"
        | "account_deactivated" => ModelFault::Key,
        "invalid_model" | "missing_model" | "model_not_found" => ModelFault::Model,
        "insufficient_quota" | "billing_hard_limit_reached" => ModelFault::Quota,
        "rate_limit_exceeded" => ModelFault::RateLimit,
        "beta_api_shape_disabled" => ModelFault::Protocol,
        "session_expired" => ModelFault::Expired,
        _ => return None,
    })
}

/// The fault behind an answer to the handshake that is no 101.
pub(super) fn of_answer(status: u16, body: &[u8]) -> ModelFault {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(fault) = body["error"]["code"].as_str().and_then(of_code) {
        return fault;
    }
    match status {
        401 | 403 => ModelFault::Key,
        404 => ModelFault::Model,
        429 => ModelFault::RateLimit,
        200..=399 | 400 | 405..=428 => ModelFault::Protocol,
        _ => ModelFault::Server,
    }
}

/// The fault behind a connection that could not be made, or broke.
pub(super) fn of_failure(failure: Failure) -> ModelFault {
    match failure {
        Failure::Connect | Failure::Broken => ModelFault::Network,
        Failure::TimedOut => ModelFault::TimedOut,
        Failure::TooLong => ModelFault::Server,
        Failure::Overloaded => ModelFault::Overloaded,
    }
}

/// The wait that a message asks for: `Please try again in 1.2s.`, also `350ms` and `1m2.5s`; bounded.
pub(super) fn stated_delay(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("try again in ")?;
    let mut rest = rest.trim_start();
    let mut seconds = None;
    while let Some(end) = rest.find(|c: char| !c.is_ascii_digit() && c != '.') {
        let Ok(number) = rest[..end].parse::<f64>() else { break };
        let unit = &rest[end..];
        let (factor, length) = [("ms", 0.001), ("m", 60.0), ("s", 1.0), (" s", 1.0), ("h", 3600.0)]
            .into_iter()
            .find_map(|(name, factor)| unit.starts_with(name).then_some((factor, name.len())))?;
        seconds = Some(seconds.unwrap_or(0.0) + number * factor);
        rest = &unit[length..];
    }
    Some(Duration::from_secs_f64(seconds?.min(LONGEST_DELAY.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_as_the_vendor_states_them() {
        let ms = |text: &str| stated_delay(text).map(|delay| delay.as_millis());
        assert_eq!(ms("Rate limit reached. Please try again in 1.2s. Visit https://x"), Some(1200));
        assert_eq!(ms("Please try again in 350ms."), Some(350));
        assert_eq!(ms("please try again in 2 seconds"), Some(2000));
        assert_eq!(ms("Please try again in 1m2.5s."), Some(5000), "bounded");
        for none in ["", "try again in", "try again in a moment", "try again in 5 parsecs", "try again in .s"] {
            assert_eq!(ms(none), None, "{none}");
        }
    }

    #[test]
    fn codes_and_the_reasons_of_closes() {
        assert_eq!(of_code("invalid_request_error.invalid_api_key"), Some(ModelFault::Key));
        assert_eq!(of_code("invalid_model"), Some(ModelFault::Model));
        assert_eq!(of_code("invalid_value"), None);
        assert_eq!(of_answer(429, br#"{"error":{"code":"insufficient_quota"}}"#), ModelFault::Quota);
        assert_eq!(of_answer(429, b"[1"), ModelFault::RateLimit);
        assert_eq!(
            [401, 404, 429, 400, 503].map(|status| of_answer(status, b"{}")),
            [ModelFault::Key, ModelFault::Model, ModelFault::RateLimit, ModelFault::Protocol, ModelFault::Server,]
        );
    }
}
