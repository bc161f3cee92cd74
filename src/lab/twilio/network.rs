//! The way to the gateways: which address leads where, connecting, and one request.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, Uri,
    body::Bytes,
    client::conn::http1,
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use super::config::Gateway;

/// For one connection; two are tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For a whole request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Most bytes of a document.
const MOST_BODY: usize = 64_000;
/// Redirects that are followed.
const MOST_REDIRECTS: usize = 10;

/// Where requests end up.
#[derive(Debug)]
pub(super) struct Network {
    /// `host` or `host:port` of the public address, in lower case.
    authority: String,
    /// Path of the public address, which a proxy would take off.
    prefix: String,
    gateways: Mutex<Vec<Gateway>>,
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("connection refused")]
    Refused,
    #[error("could not connect within {} s, twice", CONNECT_TIMEOUT.as_secs())]
    ConnectTimedOut,
    #[error("no answer within {} s", REQUEST_TIMEOUT.as_secs())]
    TimedOut,
    #[error("the connection broke: {0}")]
    Broken(String),
    #[error("the answer is longer than {MOST_BODY} bytes")]
    TooLong,
    #[error("{0:?} is no absolute http, https, ws or wss address")]
    NoUrl(String),
    #[error("{0:?} is neither at the public address nor on loopback: the lab does not go there")]
    Elsewhere(String),
    #[error("redirected more than {MOST_REDIRECTS} times")]
    Redirects,
}

impl NoAnswer {
    /// The vendor's number for it, for a webhook.
    pub(super) fn code(&self) -> u32 {
        match self {
            Self::Refused | Self::ConnectTimedOut | Self::TimedOut | Self::Broken(_) => 11205,
            Self::TooLong => 11750,
            Self::NoUrl(_) | Self::Elsewhere(_) => 11100,
            Self::Redirects => 11200,
        }
    }
}

/// An answer to a webhook.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Bytes,
    location: Option<String>,
}

/// Names in lower case, and values.
pub(super) type Headers = Vec<(&'static str, String)>;

/// A request that can be made again elsewhere: headers follow from the address.
pub(super) struct Asking<'a> {
    pub(super) method: Method,
    pub(super) url: &'a str,
    /// With this method and address.
    pub(super) headers: &'a (dyn Fn(&Method, &str) -> Headers + Sync),
    /// Form-encoded; with `GET` it becomes the query.
    pub(super) form: &'a str,
}

impl Network {
    /// # Errors
    /// If the public address is none.
    pub(super) fn new(public_url: &str, gateways: Vec<Gateway>) -> Result<Self, NoAnswer> {
        let wrong = || NoAnswer::NoUrl(public_url.to_owned());
        let uri: Uri = public_url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().filter(|_| uri.scheme().is_some()).ok_or_else(wrong)?;
        let prefix = uri.path().trim_end_matches('/').to_owned();
        let authority = authority.as_str().to_ascii_lowercase();
        Ok(Self { authority, prefix, gateways: Mutex::new(gateways) })
    }

    /// Where the public address leads from now on.
    pub(super) fn set_gateways(&self, gateways: Vec<Gateway>) {
        *self.gateways.lock().unwrap_or_else(PoisonError::into_inner) = gateways;
    }

    /// Connects to where the address leads. Twice, as the vendor does; gateways in order, as a load balancer does.
    pub(super) async fn connect(&self, uri: &Uri) -> Result<TcpStream, NoAnswer> {
        let targets = self.targets(uri)?;
        let mut failed = NoAnswer::Refused;
        for _ in 0..2 {
            for target in &targets {
                match timeout(CONNECT_TIMEOUT, TcpStream::connect(target)).await {
                    Ok(Ok(tcp)) => {
                        let _ = tcp.set_nodelay(true);
                        return Ok(tcp);
                    }
                    Ok(Err(_)) => failed = NoAnswer::Refused,
                    Err(_) => failed = NoAnswer::ConnectTimedOut,
                }
            }
        }
        Err(failed)
    }

    fn targets(&self, uri: &Uri) -> Result<Vec<SocketAddr>, NoAnswer> {
        let elsewhere = || NoAnswer::Elsewhere(uri.to_string());
        let authority = uri.authority().ok_or_else(elsewhere)?.as_str().to_ascii_lowercase();
        if authority == self.authority {
            let gateways = self.gateways.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(gateways.iter().map(|gateway| gateway.0).collect());
        }
        let Gateway(address) = authority.parse().map_err(|_| elsewhere())?;
        if address.ip().is_loopback() { Ok(vec![address]) } else { Err(elsewhere()) }
    }

    /// Path and query as the gateway sees them: without the proxy's prefix.
    pub(super) fn target_path<'a>(&self, uri: &'a Uri) -> &'a str {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let ours = uri.authority().is_some_and(|it| it.as_str().eq_ignore_ascii_case(&self.authority));
        match path.strip_prefix(self.prefix.as_str()) {
            Some(rest) if ours && rest.starts_with(['/', '?']) => rest,
            _ => path,
        }
    }

    /// Makes a request, following redirects.
    pub(super) async fn ask(&self, asking: Asking<'_>) -> Result<Answer, NoAnswer> {
        timeout(REQUEST_TIMEOUT, self.follow(asking)).await.unwrap_or(Err(NoAnswer::TimedOut))
    }

    async fn follow(&self, asking: Asking<'_>) -> Result<Answer, NoAnswer> {
        let (mut method, mut url) = (asking.method.clone(), without_fragment(asking.url).to_owned());
        for _ in 0..MOST_REDIRECTS {
            if method == Method::GET && !asking.form.is_empty() && url == without_fragment(asking.url) {
                let join = if url.contains('?') { '&' } else { '?' };
                url = format!("{url}{join}{}", asking.form);
            }
            let answer = self.once(&method, &url, (asking.headers)(&method, &url), asking.form).await?;
            let Some(location) = answer.location.as_deref().filter(|_| (300..400).contains(&answer.status)) else {
                return Ok(answer);
            };
            url = joined(&url, location);
            if !matches!(answer.status, 307 | 308) {
                method = Method::GET;
            }
        }
        Err(NoAnswer::Redirects)
    }

    /// A load balancer takes the next server when one dies before it has answered.
    async fn once(&self, method: &Method, url: &str, headers: Headers, form: &str) -> Result<Answer, NoAnswer> {
        let uri = parsed(url)?;
        match self.attempt(method, &uri, headers.clone(), form).await {
            Err(NoAnswer::Broken(_)) if self.targets(&uri)?.len() > 1 => {
                self.attempt(method, &uri, headers, form).await
            }
            answer => answer,
        }
    }

    async fn attempt(&self, method: &Method, uri: &Uri, headers: Headers, form: &str) -> Result<Answer, NoAnswer> {
        let tcp = self.connect(uri).await?;
        let broken = |error: hyper::Error| NoAnswer::Broken(error.to_string());
        let (mut sender, connection) =
            http1::Builder::new().title_case_headers(true).handshake(TokioIo::new(tcp)).await.map_err(broken)?;
        let driver = tokio::spawn(connection);
        let body = if method == Method::POST { form } else { "" };
        let request = request(method, uri, self.target_path(uri), headers, body)?;
        let response = sender.send_request(request).await.map_err(broken)?;
        let (head, body) = response.into_parts();
        let text = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = Limited::new(body, MOST_BODY).collect().await.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                NoAnswer::TooLong
            } else {
                NoAnswer::Broken(error.to_string())
            }
        })?;
        driver.abort();
        Ok(Answer {
            status: head.status.as_u16(),
            content_type: text(header::CONTENT_TYPE).unwrap_or_default(),
            location: text(header::LOCATION),
            body: body.to_bytes(),
        })
    }
}

/// A request in origin form with these headers.
pub(super) fn request(
    method: &Method,
    uri: &Uri,
    path: &str,
    headers: Headers,
    body: &str,
) -> Result<Request<Full<Bytes>>, NoAnswer> {
    let wrong = || NoAnswer::NoUrl(uri.to_string());
    let mut request = Request::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    *request.method_mut() = method.clone();
    *request.uri_mut() = path.parse().map_err(|_| wrong())?;
    let map = request.headers_mut();
    let host = uri.authority().map_or("", |authority| authority.as_str());
    map.insert(header::HOST, HeaderValue::from_str(host).map_err(|_| wrong())?);
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        map.insert(name, HeaderValue::from_str(&value).map_err(|_| wrong())?);
    }
    Ok(request)
}

/// An absolute address.
pub(super) fn parsed(url: &str) -> Result<Uri, NoAnswer> {
    let wrong = || NoAnswer::NoUrl(url.to_owned());
    let uri: Uri = without_fragment(url).parse().map_err(|_| wrong())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https" | "ws" | "wss"));
    if known && uri.authority().is_some() { Ok(uri) } else { Err(wrong()) }
}

/// What the vendor sends and signs: its overrides stand in the fragment.
pub(super) fn without_fragment(url: &str) -> &str {
    url.split('#').next().unwrap_or_default()
}

/// An address as written in a document that came from `base`.
pub(super) fn joined(base: &str, reference: &str) -> String {
    let reference = reference.trim();
    if reference.contains("://") {
        return reference.to_owned();
    }
    let (scheme, rest) = base.split_once("://").unwrap_or(("https", base));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    if reference.is_empty() {
        return base.to_owned();
    }
    if reference.starts_with('/') {
        return format!("{scheme}://{authority}{reference}");
    }
    let folder = rest.rfind('/').map_or("", |slash| &rest[authority.len()..slash]);
    format!("{scheme}://{authority}{folder}/{reference}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Network {
        Network::new("https://Gate.example.com/proxy/", vec!["127.0.0.1:8080".parse().expect("an address")])
            .expect("a public address")
    }

    #[test]
    fn the_public_address_leads_to_the_gateways_and_nothing_else_leaves_loopback() {
        let targets = |url: &str| network().targets(&url.parse().expect("an address"));
        assert_eq!(targets("wss://gate.example.com/x"), Ok(vec![([127, 0, 0, 1], 8080).into()]));
        assert_eq!(targets("http://127.0.0.1:99/x"), Ok(vec![([127, 0, 0, 1], 99).into()]));
        assert_eq!(targets("http://localhost/x"), Ok(vec![([127, 0, 0, 1], 80).into()]));
        for elsewhere in ["https://gate.example.com:444/x", "http://192.0.2.1/x", "https://example.com/x"] {
            assert!(matches!(targets(elsewhere), Err(NoAnswer::Elsewhere(_))), "{elsewhere}");
        }
    }

    #[test]
    fn a_proxys_prefix_is_taken_off() {
        let path = |url: &str| network().target_path(&url.parse().expect("an address")).to_owned();
        assert_eq!(path("https://gate.example.com/proxy/twilio/voice?a=1"), "/twilio/voice?a=1");
        assert_eq!(path("https://gate.example.com/proxyless"), "/proxyless");
        assert_eq!(path("http://127.0.0.1:1/proxy/x"), "/proxy/x");
    }

    #[test]
    fn references_are_joined_to_their_document() {
        let base = "https://gate.example.com/twilio/voice?a=1";
        for (reference, whole) in [
            ("https://other.example/x", "https://other.example/x"),
            ("/twilio/resume/1", "https://gate.example.com/twilio/resume/1"),
            (" resume/1 ", "https://gate.example.com/twilio/resume/1"),
            ("", base),
        ] {
            assert_eq!(joined(base, reference), whole);
        }
        assert_eq!(joined("https://gate.example.com", "x"), "https://gate.example.com/x");
    }
}
