//! An account with OpenAI, Azure, or a server that speaks as they do.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::wire::{HttpRequest, Method, WsRequest};

/// Connecting, TLS and the handshake.
const CONNECT: Duration = Duration::from_secs(5);

/// How the key travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    #[default]
    Bearer,
    /// `api-key: KEY`, as Azure has it.
    ApiKey,
}

impl std::str::FromStr for Auth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "bearer" => Ok(Self::Bearer),
            "api-key" => Ok(Self::ApiKey),
            _ => Err(format!("no way to show a key is called {text:?}; there are bearer and api-key")),
        }
    }
}

/// Why an address cannot be a server's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a server's address: expected https:// (or http:// on your own machine), a host and a path, without query")]
pub struct AccessError;

/// Where requests go and what they show. `Debug` hides the key.
#[derive(Clone)]
pub struct Access {
    base_url: String,
    key: SecretString,
    auth: Auth,
    /// Further headers (organization, project), and query parameters of every request.
    headers: Vec<(&'static str, String)>,
    query: Vec<(String, String)>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("base_url", &self.base_url).field("auth", &self.auth).finish_non_exhaustive()
    }
}

impl PartialEq for Access {
    fn eq(&self, other: &Self) -> bool {
        let all = |it: &Self| (it.base_url.clone(), it.auth, it.headers.clone(), it.query.clone());
        all(self) == all(other) && self.key.expose_secret() == other.key.expose_secret()
    }
}

impl Access {
    /// The vendor's own address.
    pub const BASE_URL: &'static str = "https://api.openai.com/v1";

    /// An account at `base_url`, such as [`Access::BASE_URL`] or `https://RESOURCE.openai.azure.com/openai/v1`.
    ///
    /// # Errors
    ///
    /// If the address is none.
    pub fn new(base_url: &str, key: SecretString, auth: Auth) -> Result<Self, AccessError> {
        let base_url = base_url.trim_end_matches('/');
        let rest = base_url.strip_prefix("https://").or_else(|| base_url.strip_prefix("http://")).ok_or(AccessError)?;
        let strange = |c: char| c.is_whitespace() || c.is_control() || "?#\"<>\\@".contains(c);
        if rest.is_empty() || rest.starts_with('/') || rest.contains(strange) {
            return Err(AccessError);
        }
        Ok(Self { base_url: base_url.to_owned(), key, auth, headers: Vec::new(), query: Vec::new() })
    }

    /// With the organization that is charged.
    #[must_use]
    pub fn organization(mut self, id: &str) -> Self {
        self.headers.push(("OpenAI-Organization", id.to_owned()));
        self
    }

    /// With the project that is charged.
    #[must_use]
    pub fn project(mut self, id: &str) -> Self {
        self.headers.push(("OpenAI-Project", id.to_owned()));
        self
    }

    /// With a parameter in the query of every request.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where it is.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The socket of a realtime session with this model.
    #[must_use]
    pub fn realtime(&self, model: &str) -> WsRequest {
        let model = ("model".to_owned(), model.to_owned());
        // `http` becomes `ws`, `https` becomes `wss`.
        let url = format!("ws{}/realtime{}", &self.base_url["http".len()..], query(self.query.iter().chain([&model])));
        WsRequest { url, headers: self.headers(), timeout: CONNECT }
    }

    /// A request for what lies at `path` (such as `/models`), with a JSON body if there is one.
    #[must_use]
    pub fn http(&self, method: Method, path: &str, body: Option<String>, timeout: Duration) -> HttpRequest {
        let mut headers = self.headers();
        if body.is_some() {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        let url = format!("{}{path}{}", self.base_url, query(&self.query));
        HttpRequest { method, url, headers, body: body.map(String::into_bytes).unwrap_or_default(), timeout }
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let key = self.key.expose_secret();
        let auth = match self.auth {
            Auth::Bearer => ("Authorization", format!("Bearer {key}")),
            Auth::ApiKey => ("api-key", key.to_owned()),
        };
        [auth].into_iter().chain(self.headers.iter().cloned()).collect()
    }
}

fn query<'a>(pairs: impl IntoIterator<Item = &'a (String, String)>) -> String {
    let mut pairs = pairs.into_iter().peekable();
    if pairs.peek().is_none() {
        return String::new();
    }
    let mut text = form_urlencoded::Serializer::for_suffix(String::from("?"), 1);
    for (name, value) in pairs {
        text.append_pair(name, value);
    }
    text.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SecretString {
        SecretString::from("sk-test")
    }

    #[test]
    fn the_vendors_own_address() {
        let access = Access::new(Access::BASE_URL, key(), Auth::Bearer).unwrap().project("proj_1");
        let request = access.realtime("gpt-realtime-2.1");
        assert_eq!(request.url, "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1");
        assert_eq!(
            request.headers,
            [("Authorization", "Bearer sk-test".to_owned()), ("OpenAI-Project", "proj_1".to_owned())]
        );
        assert!(!format!("{access:?} {request:?}").contains("sk-test"), "a key is shown");
        let request = access.http(Method::Get, "/models", None, CONNECT);
        assert_eq!(request.url, "https://api.openai.com/v1/models");
    }

    #[test]
    fn azure_and_a_server_of_ones_own() {
        let access = Access::new("https://acme.openai.azure.com/openai/v1/", key(), Auth::ApiKey).unwrap();
        let request = access.query("tenant", "a b").realtime("my deployment");
        assert_eq!(request.url, "wss://acme.openai.azure.com/openai/v1/realtime?tenant=a+b&model=my+deployment");
        assert_eq!(request.headers, [("api-key", "sk-test".to_owned())]);
        let access = Access::new("http://127.0.0.1:9100/v1", key(), Auth::Bearer).unwrap();
        assert_eq!(access.realtime("m").url, "ws://127.0.0.1:9100/v1/realtime?model=m");
    }

    #[test]
    fn what_is_no_address() {
        for wrong in ["", "api.openai.com", "ftp://x", "https://", "https:///v1", "https://x/v1?a=b", "https://a b"] {
            assert_eq!(Access::new(wrong, key(), Auth::Bearer).err(), Some(AccessError), "{wrong}");
        }
    }
}
