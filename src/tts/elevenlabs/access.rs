//! An account with ElevenLabs.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::wire::{HttpRequest, Method};

/// Why an address cannot be a server's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a server's address: expected https:// (or http:// on your own machine) and a host, without query")]
pub struct AccessError;

/// Where requests go and what they show. `Debug` hides the key.
#[derive(Clone)]
pub struct Access {
    base_url: String,
    key: SecretString,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Access {
    /// The vendor's own address. Others keep data in a region: `https://api.us.elevenlabs.io`,
    /// `https://api.eu.residency.elevenlabs.io`, `https://api.in.residency.elevenlabs.io`,
    /// `https://api.sg.residency.elevenlabs.io`.
    pub const BASE_URL: &'static str = "https://api.elevenlabs.io";

    /// An account at `base_url`, such as [`Access::BASE_URL`].
    ///
    /// # Errors
    ///
    /// If the address is none.
    pub fn new(base_url: &str, key: SecretString) -> Result<Self, AccessError> {
        let base_url = base_url.trim_end_matches('/');
        let rest = base_url.strip_prefix("https://").or_else(|| base_url.strip_prefix("http://")).ok_or(AccessError)?;
        let strange = |c: char| c.is_whitespace() || c.is_control() || "?#\"<>\\@".contains(c);
        if rest.is_empty() || rest.starts_with('/') || rest.contains(strange) {
            return Err(AccessError);
        }
        Ok(Self { base_url: base_url.to_owned(), key })
    }

    /// Where it is.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// A request for what lies at `path` (with its query), with a JSON body if there is one.
    #[must_use]
    pub fn http(&self, method: Method, path: &str, body: Option<String>, timeout: Duration) -> HttpRequest {
        let mut headers = vec![("xi-api-key", self.key.expose_secret().to_owned())];
        if body.is_some() {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        let url = format!("{}{path}", self.base_url);
        HttpRequest { method, url, headers, body: body.map(String::into_bytes).unwrap_or_default(), timeout }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_travels_in_a_header_and_is_not_shown() {
        let access = Access::new("https://api.us.elevenlabs.io/", SecretString::from("xi-test")).unwrap();
        let request = access.http(Method::Get, "/v2/voices", None, Duration::from_secs(3));
        assert_eq!(request.url, "https://api.us.elevenlabs.io/v2/voices");
        assert_eq!(request.headers, [("xi-api-key", "xi-test".to_owned())]);
        assert!(!format!("{access:?} {request:?}").contains("xi-test"), "a key is shown");
        for wrong in ["", "api.elevenlabs.io", "https://", "https://x?a=b"] {
            assert_eq!(Access::new(wrong, SecretString::from("k")).err(), Some(AccessError), "{wrong}");
        }
    }
}
