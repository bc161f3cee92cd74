//! Requests about the account itself: its numbers, numbers for sale, texts, and calls that we place. Values only.
//!
//! | file | what |
//! |---|---|
//! | `numbers.rs` | numbers: own, for sale, bought, pointed at us |
//! | `sending.rs` | texts and calls that we begin |
//! | `refusal.rs` | what a refusal means, and what to do |

mod numbers;
mod refusal;
mod sending;

use serde::{Deserialize, de::DeserializeOwned};

pub use numbers::{
    Available, AvailableKind, Capabilities, Number, NumberSettings, Search, available, buy, number, numbers, point,
};
pub use refusal::RestError;
pub use sending::{Detection, Listed, Message, NewCall, PlacedCall, place, send_text, status_events, texts};

use super::{AccountSid, rest::Request};
use crate::wire::{ExchangeEvent, Method};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// `AC…`.
    pub sid: String,
    /// For people.
    #[serde(default)]
    pub friendly_name: Option<String>,
    /// `active`, `suspended` or `closed`.
    pub status: String,
    /// `Trial` or `Full`.
    #[serde(default)]
    pub r#type: Option<String>,
}

/// Asks for the account: [`read`] as [`Account`].
#[must_use]
pub fn account(account: AccountSid) -> Request {
    Request { method: Method::Get, path: format!("/2010-04-01/Accounts/{account}.json"), form: Vec::new() }
}

/// What came of a request, read.
///
/// # Errors
///
/// A refusal, no answer, or an answer that cannot be read.
pub fn read<T: DeserializeOwned>(event: &ExchangeEvent) -> Result<T, RestError> {
    match event {
        ExchangeEvent::Answer { status: 200..=299, body } => {
            serde_json::from_slice(body).map_err(|error| RestError::Unreadable(error.to_string()))
        }
        ExchangeEvent::Answer { status, body } => Err(RestError::refused(*status, body)),
        ExchangeEvent::Failed(failure) => Err(RestError::NoAnswer(*failure)),
    }
}

/// The page of a list under this key, and the request for the next one.
///
/// # Errors
///
/// As [`read`]; also a next page on another host.
pub fn page<T: DeserializeOwned>(event: &ExchangeEvent, key: &str) -> Result<(Vec<T>, Option<Request>), RestError> {
    let mut page: serde_json::Value = read(event)?;
    let items = page.get_mut(key).map(serde_json::Value::take).unwrap_or_default();
    let items = serde_json::from_value(items).map_err(|error| RestError::Unreadable(error.to_string()))?;
    let next = match page["next_page_uri"].as_str() {
        None => None,
        // Relative to the host, always: credentials go along.
        Some(uri) if uri.starts_with("/2010-04-01/") => {
            Some(Request { method: Method::Get, path: uri.to_owned(), form: Vec::new() })
        }
        Some(_) => return Err(RestError::Unreadable("the next page is on another host".to_owned())),
    };
    Ok((items, next))
}

/// A path with its query.
fn with_query(path: &str, pairs: &[(&str, String)]) -> String {
    if pairs.is_empty() {
        return path.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{path}?{query}")
}
