//! Requests of intents: to the internet, and to what the operator has allowed, whatever an address says.
//!
//! A name is resolved here, every address that it has is looked at, and the connection goes to one of those: a name that says
//! something else a moment later changes nothing. Redirects are followed for GET only, and are looked at in the same way.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::{Method, Response, StatusCode, header};
use url::{Host, Url};

use crate::{intent::Request, net::tls};

/// Redirects that are followed.
const REDIRECTS: usize = 3;
/// Longest answer.
const MAX_ANSWER: usize = 256 << 10;
const CONNECT: Duration = Duration::from_secs(5);

/// Resolves a name and a port.
pub type Resolve =
    Arc<dyn Fn(String, u16) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> + Send + Sync>;

/// Why a request was not made, or came to nothing: for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// The address is one that intents may not reach.
    #[error(
        "{host} is {address}, {kind}: intents reach the internet only, unless the operator allows the network ([intents] allow)"
    )]
    Forbidden {
        /// What was asked for.
        host: String,
        /// What it is.
        address: IpAddr,
        /// What kind of address that is.
        kind: &'static str,
    },
    /// The name is none.
    #[error("{0} cannot be resolved: {1}")]
    Unresolved(String, String),
    /// A redirect that is not followed.
    #[error("the redirect to {0} is not followed: {1}")]
    Redirect(String, &'static str),
    /// It took too long.
    #[error("there was no answer in time")]
    TimedOut,
    /// Nobody is there: nothing was sent.
    #[error("nobody answers: {0}")]
    Connect(String),
    /// It broke off: it may have been done all the same.
    #[error("it broke off: {0}")]
    Broken(String),
    /// The answer was too long.
    #[error("the answer is longer than {MAX_ANSWER} bytes")]
    TooLong,
}

/// Makes requests of intents. Cheap to clone.
#[derive(Clone)]
pub struct Guard {
    allow: Arc<[IpNet]>,
    resolve: Resolve,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("allow", &self.allow).finish_non_exhaustive()
    }
}

impl Guard {
    /// Allows the internet, and these networks.
    #[must_use]
    pub fn new(allow: &[IpNet]) -> Self {
        Self::with(
            allow,
            Arc::new(|host, port| Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })),
        )
    }

    /// … with names resolved by something else.
    #[must_use]
    pub fn with(allow: &[IpNet], resolve: Resolve) -> Self {
        Self { allow: allow.into(), resolve }
    }

    /// Makes the request: status and body. Always ends within its time.
    ///
    /// # Errors
    ///
    /// [`GuardError`].
    pub async fn run(&self, request: Request) -> Result<(u16, Vec<u8>), GuardError> {
        let time = request.timeout;
        tokio::time::timeout(time, self.answer(request)).await.unwrap_or(Err(GuardError::TimedOut))
    }

    async fn answer(&self, request: Request) -> Result<(u16, Vec<u8>), GuardError> {
        let origin = request.url.origin();
        let mut url = request.url.clone();
        for _ in 0..=REDIRECTS {
            let addresses = self.addresses(&url).await?;
            // Another host gets no secrets.
            let same = url.origin() == origin;
            let response = self.send(&request, &url, &addresses, same).await?;
            match target(&request, &url, &response)? {
                Some(next) => url = next,
                None => return whole(response).await,
            }
        }
        Err(GuardError::Redirect(url.to_string(), "there were too many"))
    }

    /// Where the host is, if all of it may be reached.
    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, GuardError> {
        let port = url.port_or_known_default().unwrap_or(443);
        let host = url.host_str().unwrap_or_default().to_owned();
        let addresses = match url.host() {
            Some(Host::Ipv4(address)) => vec![SocketAddr::new(address.into(), port)],
            Some(Host::Ipv6(address)) => vec![SocketAddr::new(address.into(), port)],
            Some(Host::Domain(name)) => (self.resolve)(name.to_owned(), port)
                .await
                .map_err(|error| GuardError::Unresolved(host.clone(), error.to_string()))?,
            None => Vec::new(),
        };
        if addresses.is_empty() {
            return Err(GuardError::Unresolved(host, "it has no address".to_owned()));
        }
        for address in addresses.iter().map(SocketAddr::ip) {
            let plain = embedded(address);
            let allowed = self.allow.iter().any(|network| network.contains(&address) || network.contains(&plain));
            if let Some(kind) = forbidden(plain).filter(|_| !allowed) {
                return Err(GuardError::Forbidden { host, address, kind });
            }
        }
        Ok(addresses)
    }

    async fn send(
        &self,
        request: &Request,
        url: &Url,
        addresses: &[SocketAddr],
        same: bool,
    ) -> Result<Response, GuardError> {
        let connect = |error: &dyn std::fmt::Display| GuardError::Connect(error.to_string());
        let tls = tls::config().map_err(|error| connect(&error))?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured((*tls).clone())
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .resolve_to_addrs(url.host_str().unwrap_or_default(), addresses)
            .user_agent(concat!("quietline/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| connect(&error))?;
        let method = Method::from_bytes(request.method.name().as_bytes()).map_err(|error| connect(&error))?;
        let mut builder = client.request(method, url.clone()).body(request.body.clone());
        for (name, value) in &request.headers {
            if same || !request.secret_headers.contains(&name.to_ascii_lowercase()) {
                builder = builder.header(name, value);
            }
        }
        builder.send().await.map_err(|error| {
            // What it is about is known, and may hold what somebody said.
            let error = error.without_url();
            if error.is_connect() || error.is_builder() {
                GuardError::Connect(error.to_string())
            } else {
                GuardError::Broken(error.to_string())
            }
        })
    }
}

/// Where a redirect leads that is followed.
fn target(request: &Request, url: &Url, response: &Response) -> Result<Option<Url>, GuardError> {
    let moved = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    if !moved.contains(&response.status()) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    let no = |why| GuardError::Redirect(location.to_owned(), why);
    if request.method != crate::intent::HttpMethod::Get {
        return Err(no("only a GET is asked again elsewhere"));
    }
    let next = url.join(location).map_err(|_| no("it is no address"))?;
    match next.scheme() {
        "https" => Ok(Some(next)),
        "http" if url.scheme() == "http" => Ok(Some(next)),
        _ => Err(no("it is less safe than the address before")),
    }
}

async fn whole(mut response: Response) -> Result<(u16, Vec<u8>), GuardError> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| GuardError::Broken(error.without_url().to_string()))?
    {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(GuardError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, body))
}

/// The IPv4 address that stands in an IPv6 one, in any of the ways to write it; others as they are.
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let s = v6.segments();
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        // Mapped, and compatible (but for :: and ::1).
        [0, 0, 0, 0, 0, 0xffff, high, low] => v4(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => v4(high, low),
        // NAT64 (RFC 6052), also the local one (RFC 8215).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 1, _, _, _, high, low] => v4(high, low),
        // 6to4.
        [0x2002, high, low, ..] => v4(high, low),
        // Teredo: the client's address, inverted.
        [0x2001, 0, .., high, low] => v4(!high, !low),
        _ => address,
    }
}

/// Why intents may not reach it.
fn forbidden(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => forbidden_v4(v4),
        IpAddr::V6(v6) => forbidden_v6(v6),
    }
}

fn forbidden_v4(v4: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = v4.octets();
    match (a, b, c) {
        (0, ..) => Some("an address of no host"),
        (127, ..) => Some("this machine (loopback)"),
        (10, ..) | (192, 168, _) | (172, 16..=31, _) => Some("a private network"),
        (169, 254, _) => Some("link-local, where clouds keep their credentials"),
        (100, 64..=127, _) => Some("a carrier's network"),
        (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) => Some("reserved"),
        (198, 18 | 19, _) => Some("for benchmarks"),
        (224..=239, ..) => Some("multicast"),
        (240..=255, ..) => Some("reserved"),
        _ => None,
    }
}

fn forbidden_v6(v6: Ipv6Addr) -> Option<&'static str> {
    let first = v6.segments()[0];
    if v6.is_loopback() {
        Some("this machine (loopback)")
    } else if v6.is_unspecified() {
        Some("an address of no host")
    } else if first & 0xfe00 == 0xfc00 {
        Some("a private network")
    } else if first & 0xffc0 == 0xfe80 || first & 0xffc0 == 0xfec0 {
        Some("link-local")
    } else if first & 0xff00 == 0xff00 {
        Some("multicast")
    } else if v6.segments()[..2] == [0x2001, 0xdb8] {
        Some("reserved")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::intent::{Answer, CallFacts, HttpAction, HttpMethod};

    fn request(method: HttpMethod, url: &str) -> Request {
        let headers =
            vec![("Authorization".to_owned(), "{{secret:a}}".to_owned()), ("X-Plain".to_owned(), "b".to_owned())];
        let action = HttpAction {
            method,
            url: url.to_owned(),
            headers,
            body: None,
            timeout: Duration::from_secs(10),
            answer: Answer::default(),
        };
        let call = CallFacts { id: "CA1", from: "", to: "", began_unix_ms: 0, tool: 0 };
        action.request(&json!({}), &call, &|_| Some("sesame".into())).unwrap()
    }

    fn get(url: &str) -> Request {
        request(HttpMethod::Get, url)
    }

    /// Names resolve to these, one after the other.
    fn names(addresses: &'static [&'static str]) -> Resolve {
        let asked = AtomicUsize::new(0);
        Arc::new(move |_, port| {
            let place = asked.fetch_add(1, Ordering::Relaxed).min(addresses.len() - 1);
            let address = SocketAddr::new(addresses[place].parse().unwrap(), port);
            Box::pin(async move { Ok(vec![address]) })
        })
    }

    #[tokio::test]
    async fn what_is_not_the_internet_is_refused_with_the_reason() {
        let guard = Guard::with(&[], names(&["10.1.2.3"]));
        for (url, told) in [
            ("http://127.0.0.1/", "loopback"),
            ("http://localhost/", "private network"),
            ("http://2130706433/", "loopback"),
            ("http://0x7f.1/", "loopback"),
            ("http://017700000001/", "loopback"),
            ("http://127.1/", "loopback"),
            ("http://[::1]/", "loopback"),
            ("http://[::ffff:127.0.0.1]/", "loopback"),
            ("http://[::ffff:a9fe:a9fe]/", "link-local"),
            ("http://[::7f00:1]/", "loopback"),
            ("http://[64:ff9b::a00:1]/", "private network"),
            ("http://[2002:7f00:1::]/", "loopback"),
            ("http://[2001:0:1:2:3:4:80ff:fffe]/", "loopback"),
            ("http://169.254.169.254/latest/meta-data", "credentials"),
            ("http://[fe80::1]/", "link-local"),
            ("http://[fd00::1]/", "private network"),
            ("http://192.168.0.1/", "private network"),
            ("http://172.31.0.1/", "private network"),
            ("http://100.64.0.1/", "carrier's"),
            ("http://0.0.0.0/", "no host"),
            ("http://[::]/", "no host"),
            ("http://255.255.255.255/", "reserved"),
            ("http://name.example/", "private network"),
        ] {
            let error = guard.run(get(url)).await.expect_err(url);
            assert!(
                matches!(error, GuardError::Forbidden { .. }) && error.to_string().contains(told),
                "{url}: {error}"
            );
            assert!(error.to_string().contains("[intents] allow"), "{error}");
        }
        assert_eq!(forbidden(embedded("172.32.0.1".parse().unwrap())), None);
        assert_eq!(forbidden(embedded("2606:4700::1111".parse().unwrap())), None);
    }

    /// A server that answers each connection with the next of these, and gives what it was sent.
    async fn answering(answers: &'static [&'static str]) -> (SocketAddr, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let served = tokio::spawn(async move {
            let mut heard = Vec::new();
            for answer in answers {
                let (mut tcp, _) = listener.accept().await.unwrap();
                let mut bytes = vec![0; 4096];
                let count = tcp.read(&mut bytes).await.unwrap();
                heard.push(String::from_utf8_lossy(&bytes[..count]).into_owned());
                tcp.write_all(answer.as_bytes()).await.unwrap();
                tcp.shutdown().await.unwrap();
            }
            heard
        });
        (addr, served)
    }

    fn here() -> Vec<IpNet> {
        vec!["127.0.0.1/32".parse().unwrap()]
    }

    #[tokio::test]
    async fn what_is_allowed_is_reached_and_a_name_cannot_change_its_mind() {
        let (addr, served) = answering(&["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]).await;
        let url = format!("http://127.0.0.1:{}/", addr.port());
        assert_eq!(Guard::new(&here()).run(get(&url)).await, Ok((200, b"ok".to_vec())));
        assert!(served.await.unwrap()[0].contains("authorization: sesame"));
        // It says something harmless when it is looked at, and would say "this machine" afterwards: it is asked once.
        let (addr, served) = answering(&["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]).await;
        let guard = Guard::with(&here(), names(&["127.0.0.1", "10.0.0.1"]));
        let url = format!("http://rebinding.example:{}/", addr.port());
        assert_eq!(guard.run(get(&url)).await, Ok((200, Vec::new())));
        assert!(served.await.unwrap()[0].contains("host: rebinding.example"));
        assert!(matches!(guard.run(get(&url)).await, Err(GuardError::Forbidden { .. })));
    }

    #[tokio::test]
    async fn a_redirect_is_looked_at_too_and_takes_no_secrets_along() {
        let inwards = "HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/admin\r\nContent-Length: 0\r\n\r\n";
        let (addr, _served) = answering(Box::leak(Box::new([inwards]))).await;
        let error = Guard::new(&here()).run(get(&format!("http://{addr}/"))).await.unwrap_err();
        assert!(matches!(&error, GuardError::Forbidden { host, .. } if host == "10.0.0.1"), "{error}");
        let (there, heard) = answering(&["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]).await;
        let elsewhere =
            format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{}/x\r\nContent-Length: 0\r\n\r\n", there.port());
        let (addr, _served) = answering(Box::leak(Box::new([&*Box::leak(elsewhere.into_boxed_str())]))).await;
        assert_eq!(Guard::new(&here()).run(get(&format!("http://{addr}/"))).await, Ok((200, Vec::new())));
        let heard = heard.await.unwrap().remove(0);
        assert!(!heard.contains("sesame") && heard.contains("x-plain: b"), "{heard}");
        let (addr, _served) = answering(Box::leak(Box::new([inwards]))).await;
        let error = Guard::new(&here()).run(request(HttpMethod::Post, &format!("http://{addr}/"))).await.unwrap_err();
        assert!(error.to_string().contains("only a GET"), "{error}");
    }

    #[tokio::test]
    async fn what_breaks_off_may_have_been_done_and_what_is_too_long_is_not_read() {
        let broken = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok";
        let (addr, _served) = answering(Box::leak(Box::new([broken]))).await;
        assert!(matches!(Guard::new(&here()).run(get(&format!("http://{addr}/"))).await, Err(GuardError::Broken(_))));
        let long =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", MAX_ANSWER + 1, "x".repeat(MAX_ANSWER + 1));
        let (addr, _served) = answering(Box::leak(Box::new([&*Box::leak(long.into_boxed_str())]))).await;
        assert_eq!(Guard::new(&here()).run(get(&format!("http://{addr}/"))).await, Err(GuardError::TooLong));
        let (_reserved, nobody) = crate::net::listen::reserve().unwrap();
        assert!(matches!(
            Guard::new(&here()).run(get(&format!("http://{nobody}/"))).await,
            Err(GuardError::Connect(_))
        ));
    }
}
