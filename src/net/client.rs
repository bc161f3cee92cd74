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
        let mut streamed = self.begin(request).await?;
        let mut body = Vec::new();
        while let Some(chunk) = streamed.chunk().await? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Failure::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok((streamed.status(), body))
    }

    /// Makes a request whose answer is taken piece by piece; all of it has the request's time. Dropping the future, or
    /// what comes of it, gives the request up.
    ///
    /// # Errors
    ///
    /// If there is no answer at all.
    pub async fn begin(&self, request: HttpRequest) -> Result<Streamed, Failure> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut builder = self.0.request(method, request.url).timeout(request.timeout).body(request.body);
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        builder.send().await.map(Streamed).map_err(|error| failure(&error))
    }
}

/// An answer that has begun.
#[derive(Debug)]
pub struct Streamed(reqwest::Response);

impl Streamed {
    /// HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    /// Names in lower case, and values; those that are no text are left out.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, String)> {
        let text = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        self.0.headers().iter().filter_map(text).collect()
    }

    /// The next piece of the body, never empty; `None` at its end. What is dropped while it waits loses nothing.
    ///
    /// # Errors
    ///
    /// If the answer broke off, or its time is over.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            match self.0.chunk().await.map_err(|error| failure(&error))? {
                Some(chunk) if chunk.is_empty() => {}
                chunk => return Ok(chunk.map(Vec::from)),
            }
        }
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A server that answers one request with these bytes, and then closes the connection.
    async fn answering(answer: &'static [u8]) -> HttpRequest {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            let _ = tcp.read(&mut head).await.unwrap();
            tcp.write_all(answer).await.unwrap();
            tcp.shutdown().await.unwrap();
        });
        HttpRequest { method: Method::Get, url, headers: Vec::new(), body: Vec::new(), timeout: CONNECT }
    }

    #[tokio::test]
    async fn an_answer_comes_piece_by_piece_with_small_headers() {
        let answer =
            b"HTTP/1.1 429 No\r\nRetry-After: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        let request = answering(answer).await;
        let mut streamed = Client::new().unwrap().begin(request).await.unwrap();
        assert_eq!(streamed.status(), 429);
        assert!(streamed.headers().contains(&("retry-after".to_owned(), "2".to_owned())));
        let mut body = Vec::new();
        while let Some(chunk) = streamed.chunk().await.unwrap() {
            body.extend(chunk);
        }
        assert_eq!(body, b"abcde");
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_says_so() {
        let request = answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
        let client = Client::new().unwrap();
        let mut streamed = client.begin(request).await.unwrap();
        assert_eq!(streamed.chunk().await, Ok(Some(b"abc".to_vec())));
        assert_eq!(streamed.chunk().await, Err(Failure::Broken));
        let (_reserved, nobody) = crate::net::listen::reserve().unwrap();
        let request = HttpRequest { url: format!("http://{nobody}/"), ..answering(b"").await };
        assert_eq!(client.begin(request).await.err(), Some(Failure::Connect));
    }
}
