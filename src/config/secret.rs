//! Secrets: from environment variables or files, never from the configuration itself.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

/// Longest secret, in bytes: what is longer is the wrong file.
const MAX_SECRET: u64 = 4096;

/// Where a secret comes from: all that is ever shown of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable.
    Variable(String),
    /// A file.
    File(PathBuf),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// A secret, and where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    pub(super) source: SecretSource,
    pub(super) value: SecretString,
}

/// Whether this may be the name of a variable. A secret that was written instead of the name has small letters.
pub(super) fn is_variable(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_uppercase() || byte == b'_')
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether this may be the path of a secret's file. A secret that was written instead has no slash at its beginning.
pub(super) fn is_path(text: &str) -> bool {
    text.starts_with('/') || text.starts_with("./") || text.starts_with("../")
}

/// Reads a variable.
pub(super) fn from_variable(name: &str, env: super::Env<'_>) -> Result<Secret, String> {
    let source = SecretSource::Variable(name.to_owned());
    let Some(value) = env(name) else {
        return Err(format!("the environment variable {name} is not set: set it to the secret, or name another one"));
    };
    clean(&value, source, &format!("the environment variable {name}"))
}

/// Reads a file; white space around the secret is no part of it.
pub(super) fn from_file(path: &Path) -> Result<Secret, String> {
    let shown = path.display();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_SECRET + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("the secret's file {shown} cannot be read: {error}"))?;
    if bytes.len() as u64 > MAX_SECRET {
        return Err(format!("the secret's file {shown} is longer than {MAX_SECRET} bytes: expected the secret only"));
    }
    let text = String::from_utf8(bytes).map_err(|_| format!("the secret's file {shown} holds no text (UTF-8)"))?;
    clean(&text, SecretSource::File(path.to_owned()), &format!("the secret's file {shown}"))
}

fn clean(text: &str, source: SecretSource, what: &str) -> Result<Secret, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("{what} is empty: expected the secret in it"));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(format!("{what} holds spaces or several lines: expected the secret only"));
    }
    Ok(Secret { source, value: text.into() })
}
