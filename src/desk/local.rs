//! Access for the command line on this machine: whoever may read the store's folder needs no token.
//!
//! A server writes a file beside its database, for its own user only, with its address and a token that is good as long as
//! it runs. The token is not in the store.

use std::fs;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64_simd::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use super::tokens::{BYTES, PREFIX};
use crate::config::StoreChoice;

/// What the file says.
#[derive(Clone, Serialize, Deserialize)]
pub struct Local {
    /// Where the server listens, as this machine reaches it.
    pub url: String,
    /// A token with every scope.
    pub token: String,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Local {
    /// Where a server with this store leaves it; `None` if the store is not on this machine.
    #[must_use]
    pub fn path(store: &StoreChoice) -> Option<PathBuf> {
        match store {
            StoreChoice::Sqlite(path) => {
                let mut name = path.as_os_str().to_owned();
                name.push(".access");
                Some(name.into())
            }
            StoreChoice::Postgres(_) => None,
        }
    }

    /// What a server has left there.
    ///
    /// # Errors
    ///
    /// If no server runs, or this user may not know.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    /// For a server that listens there.
    #[must_use]
    pub(super) fn at(listens: SocketAddr, token: &str) -> Self {
        let reached = match listens.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
        };
        let at = SocketAddr::new(reached, listens.port());
        Self { url: format!("http://{at}"), token: token.to_owned() }
    }

    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        // One that another server has left, with whatever rights.
        if let Err(error) = fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&serde_json::to_vec(self)?)
    }
}

/// A token that nobody can guess.
pub(super) fn secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{PREFIX}{}", BASE64.encode_to_string(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_reached_on_this_machine() {
        assert_eq!(Local::at("0.0.0.0:8080".parse().unwrap(), "x").url, "http://127.0.0.1:8080");
        assert_eq!(Local::at("[::]:8080".parse().unwrap(), "x").url, "http://[::1]:8080");
        assert_eq!(Local::at("10.0.0.1:1".parse().unwrap(), "x").url, "http://10.0.0.1:1");
    }

    #[test]
    fn only_its_user_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let path = std::env::temp_dir().join(format!("quietline-access-{}", std::process::id()));
        for token in ["a", "b"] {
            Local::at("127.0.0.1:1".parse().unwrap(), token).write(&path).unwrap();
            assert_eq!(Local::read(&path).unwrap().token, token);
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_file(&path).unwrap();
    }
}
