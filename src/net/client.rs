//! HTTP exchanges, as a client.

use std::time::Duration;

use crate::{
    net::tls,
    wire::{ExchangeEvent, Failure, HttpRequest, Method},
};

/// Longest answer that is read.
const MAX_ANSWER: usize = 1 << 20;
const CONNECT: Duration = Duration::from_secs(3);

/// The client cannot be made: its TLS settings do not work here.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be made: {0}")]
pub struct ClientError(String);

/// An HTTP client with connections that are kept. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client(reqwest::Client);

impl Client {
    /// With root certificates compiled in, no proxy, and no redirects followed.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn new() -> Result<Self, ClientError> {
        let tls = tls::config().map_err(|error| ClientError(error.to_string()))?;
        reqwest::Client::builder()
            .tls_backend_preconfigured((*tls).clone())
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("quietline/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(Self)
            .map_err(|error| ClientError(error.to_string()))
    }

    /// Makes a request; always comes to an end within its time.
    pub async fn run(&self, request: HttpRequest) -> ExchangeEvent {
        match self.answer(request).await {
            Ok((status, body)) => ExchangeEvent::Answer { status, body },
            Err(failure) => ExchangeEvent::Failed(failure),
        }
    }

    async fn answer(&self, request: HttpRequest) -> Result<(u16, Vec<u8>), Failure> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        let mut builder = self.0.request(method, request.url).timeout(request.timeout).body(request.body);
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        let mut response = builder.send().await.map_err(|error| failure(&error))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Failure::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }
}

fn failure(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        Failure::TimedOut
    } else if error.is_connect() || error.is_builder() {
        Failure::Connect
    } else {
        Failure::Broken
    }
}
