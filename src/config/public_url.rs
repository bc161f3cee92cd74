//! The address under which the world reaches this server.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The server's public address: `https` (plain `http` for addresses of this machine only), a host, maybe a port and a
/// path prefix. Kept as written, without a slash at the end: the carrier signs it byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    url: String,
    /// Where the host begins.
    host: usize,
    /// Where the path prefix begins, or the end.
    prefix: usize,
    loopback: bool,
}

/// Text that cannot be a public address: the operator's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPublicUrl {
    /// Neither `https://` nor `http://`.
    #[error("expected https:// and a host, such as https://voice.example.com")]
    Scheme,
    /// `http` to another machine.
    #[error("plain http is for addresses of this machine only (localhost, 127.0.0.1): write https")]
    PlainHttp,
    /// A user's name or password.
    #[error("must not hold a user name or password")]
    UserInfo,
    /// A query string or fragment.
    #[error("must hold neither a query (?) nor a fragment (#)")]
    Query,
    /// No host, or not one.
    #[error("has no usable host: expected a name such as voice.example.com, or an address")]
    Host,
    /// Not a port.
    #[error("has no usable port: expected a number from 1 to 65535 behind the colon, or nothing")]
    Port,
    /// A path that cannot be a prefix.
    #[error("has no usable path: expected plain ASCII without spaces, //, . and .. as parts; write others as %XX")]
    Path,
    /// Beyond what documents for the carrier can hold.
    #[error("is longer than 500 characters")]
    Long,
}

/// Longest public address.
const MAX_LENGTH: usize = 500;

impl PublicUrl {
    /// For a server that is reached on this machine only, at the address it listens on.
    #[must_use]
    pub fn local(listen: SocketAddr) -> Self {
        let host = match listen.ip() {
            ip if ip.is_loopback() => ip,
            IpAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
            IpAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
        };
        let url = format!("http://{}", SocketAddr::new(host, listen.port()));
        Self { host: "http://".len(), prefix: url.len(), url, loopback: true }
    }

    /// The whole address, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The path prefix, without a slash at the end; mostly empty.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.url[self.prefix..]
    }

    /// Only this machine can reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// The public address of a path (which begins with a slash): for webhooks, and what the carrier signs.
    #[must_use]
    pub fn https_url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The same as a WebSocket address: always `wss`, because the carrier takes nothing else.
    #[must_use]
    pub fn wss_url(&self, path: &str) -> String {
        format!("wss://{}{path}", &self.url[self.host..])
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

impl FromStr for PublicUrl {
    type Err = NotAPublicUrl;

    fn from_str(text: &str) -> Result<Self, NotAPublicUrl> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let plain = text.starts_with("http://");
        let host = ["https://", "http://"].iter().find(|scheme| text.starts_with(**scheme)).map(|scheme| scheme.len());
        let host = host.ok_or(NotAPublicUrl::Scheme)?;
        if text.len() > MAX_LENGTH {
            return Err(NotAPublicUrl::Long);
        }
        let rest = &text[host..];
        if rest.contains(['?', '#']) {
            return Err(NotAPublicUrl::Query);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(NotAPublicUrl::UserInfo);
        }
        let loopback = check_authority(authority)?;
        if plain && !loopback {
            return Err(NotAPublicUrl::PlainHttp);
        }
        if !is_path(path) {
            return Err(NotAPublicUrl::Path);
        }
        Ok(Self { url: text.to_owned(), host, prefix: host + authority.len(), loopback })
    }
}

/// Checks host and port; tells whether the host is this machine.
fn check_authority(authority: &str) -> Result<bool, NotAPublicUrl> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(NotAPublicUrl::Host)?;
            let address: Ipv6Addr = address.parse().map_err(|_| NotAPublicUrl::Host)?;
            let port = if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or(NotAPublicUrl::Host)?) };
            (Some(IpAddr::from(address)), port)
        }
        None => {
            let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
            if host.eq_ignore_ascii_case("localhost") {
                (Some(IpAddr::from([127, 0, 0, 1])), port)
            } else {
                let address = host.parse().ok().map(IpAddr::V4);
                if address.is_none() && !is_name(host) {
                    return Err(NotAPublicUrl::Host);
                }
                (address, port)
            }
        }
    };
    let usable =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|n| n > 0);
    if port.is_some_and(|port| !usable(port)) {
        return Err(NotAPublicUrl::Port);
    }
    Ok(host.is_some_and(|ip| ip.is_loopback()))
}

fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A last part of digits only would be read as an address.
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= 253 && host.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_path(path: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:@".contains(c);
    let mut parts = path.split('/').skip(1);
    path.chars().all(allowed) && parts.all(|part| !matches!(part, "" | "." | ".."))
}
