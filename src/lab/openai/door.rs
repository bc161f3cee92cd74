//! Who is let in.

use axum::http::HeaderMap;

use super::config::OpenAiConfig;

/// Why a socket is closed at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) close: u16,
}

/// The key that a request shows, if it is one of ours.
///
/// # Errors
/// What the vendor says otherwise.
pub(super) fn key(config: &OpenAiConfig, headers: &HeaderMap) -> Result<(), String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let shown = if config.azure { text("api-key").or(bearer) } else { bearer };
    match shown {
        Some(key) if config.keys.iter().any(|known| known == key) => Ok(()),
        Some(key) => {
            let head: String = key.chars().take(7).collect();
            Err(format!(
                "Incorrect API key provided: {head}***. You can find your API key at \
                 https://platform.openai.com/account/api-keys."
            ))
        }
        None => {
            Err("You didn't provide an API key. You need to provide your API key in an Authorization header using \
                     Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
                .to_owned())
        }
    }
}

/// Looks at a realtime handshake that was answered with 101 already.
///
/// # Errors
/// What the socket is told before it is closed.
pub(super) fn realtime(config: &OpenAiConfig, headers: &HeaderMap, model: Option<&str>) -> Result<(), Refused> {
    let refused = |code, message: String, close| Err(Refused { code, message, close });
    if let Err(message) = key(config, headers) {
        return refused("invalid_api_key", message, 3000);
    }
    if headers.contains_key("openai-beta") {
        let message = "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.";
        return refused("beta_api_shape_disabled", message.to_owned(), 4000);
    }
    match model.filter(|model| !model.is_empty()) {
        None => refused("missing_model", "You must provide a model parameter.".to_owned(), 4000),
        Some(model) if !config.azure && !config.models.iter().any(|known| known == model) => {
            refused("invalid_model", format!("Model \"{model}\" is not supported in realtime mode."), 4000)
        }
        Some(_) => Ok(()),
    }
}
