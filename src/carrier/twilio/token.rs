//! Call tokens: what lets exactly one media stream, of exactly one call, in.
//!
//! A token is a signed statement, so any node with the same auth token can read what another one wrote, and a restart
//! forgets nothing. Used ones are remembered by whoever lets streams in (see [`Claim::nonce`]).

use std::fmt;

use base64_simd::URL_SAFE_NO_PAD as BASE64;

use super::signature::Key;
use super::{AccountSid, CallSid};
use crate::carrier::Parties;

/// Name of the `<Parameter>` that carries the token.
pub const PARAMETER: &str = "call_token";

/// Seconds for which a token is good: Twilio opens the stream at once.
pub const LIFETIME_S: u64 = 60;

const LABEL: &[u8] = b"quietline call token 3";
/// Longest text in a token, in bytes.
const MAX_TEXT: usize = 80;

/// Random bytes that make a token unlike any other.
pub type Nonce = [u8; 16];

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// How often the call's stream had been opened before: 0 for a new call.
    pub resumed: u8,
    /// The caller was put through to somebody who could not be reached, and is back.
    pub returned: bool,
    /// Seconds since 1970 after which it is worth nothing.
    pub expires_s: u64,
    /// Distinguishes it: a second use is refused.
    pub nonce: Nonce,
    /// The assistant that takes the call.
    pub assistant: String,
    /// Who talks with whom: the stream itself does not say.
    pub parties: Parties,
}

/// The stream is not let in: whoever opened it has no right to, or came too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// No token at all.
    #[error("the stream's start has no {PARAMETER}: it was not opened by an answer of ours")]
    Missing,
    /// Not signed by us, or for another call or account.
    #[error("the {PARAMETER} is not ours, or belongs to another call")]
    NotOurs,
    /// Too old.
    #[error("the {PARAMETER} is too old: a stream must be opened within {LIFETIME_S} s")]
    Expired,
}

/// Writes and reads tokens. The first key writes; all of them are read, so that keys can be rotated.
#[derive(Clone)]
pub struct TokenKeys(Vec<[u8; 32]>);

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKeys({}, [REDACTED])", self.0.len())
    }
}

impl TokenKeys {
    /// Derived from the keys that Twilio signs with.
    #[must_use]
    pub fn new(keys: &[Key]) -> Self {
        Self(keys.iter().map(|key| key.derive(LABEL)).collect())
    }

    /// A token for this call; `None` without any key.
    #[must_use]
    pub fn write(&self, account: AccountSid, call: CallSid, claim: &Claim) -> Option<String> {
        let key = self.0.first()?;
        let text = |text: &str| BASE64.encode_to_string(shortened(text));
        let Parties { theirs, ours, outbound } = &claim.parties;
        let head = format!(
            "{}.{}.{}.{}.{}.{}.{}.{}",
            claim.resumed,
            u8::from(claim.returned),
            claim.expires_s,
            BASE64.encode_to_string(claim.nonce),
            text(&claim.assistant),
            text(theirs),
            text(ours),
            u8::from(*outbound)
        );
        let mac = BASE64.encode_to_string(mac(key, account, call, &head));
        Some(format!("{head}.{mac}"))
    }

    /// What a token says, if it is one of ours for this call.
    ///
    /// # Errors
    ///
    /// [`TokenRefused`].
    pub fn read(
        &self,
        token: Option<&str>,
        account: AccountSid,
        call: CallSid,
        now_s: u64,
    ) -> Result<Claim, TokenRefused> {
        let token = token.ok_or(TokenRefused::Missing)?;
        let (head, given) = token.rsplit_once('.').ok_or(TokenRefused::NotOurs)?;
        let given = BASE64.decode_to_vec(given).map_err(|_| TokenRefused::NotOurs)?;
        let signed = self.0.iter().any(|key| super::signature::same(&mac(key, account, call, head), &given));
        let claim = parse(head).filter(|_| signed).ok_or(TokenRefused::NotOurs)?;
        if claim.expires_s < now_s { Err(TokenRefused::Expired) } else { Ok(claim) }
    }
}

fn mac(key: &[u8; 32], account: AccountSid, call: CallSid, head: &str) -> [u8; 32] {
    super::signature::hmac_sha256(key, format!("{account}|{call}|{head}").as_bytes())
}

/// A caller's "number" may be any text, and the carrier takes 500 characters of a parameter.
fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

fn parse(head: &str) -> Option<Claim> {
    let parts: Vec<_> = head.split('.').collect();
    let [resumed, returned, expires, nonce, assistant, theirs, ours, outbound] = parts[..] else { return None };
    let text = |part: &str| String::from_utf8(BASE64.decode_to_vec(part).ok()?).ok();
    Some(Claim {
        resumed: resumed.parse().ok()?,
        returned: returned == "1",
        expires_s: expires.parse().ok()?,
        nonce: BASE64.decode_to_vec(nonce).ok()?.try_into().ok()?,
        assistant: text(assistant)?,
        parties: Parties { theirs: text(theirs)?, ours: text(ours)?, outbound: outbound == "1" },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn keys(secrets: &[&str]) -> TokenKeys {
        let keys: Vec<_> = secrets.iter().map(|secret| Key::auth_token(secret).expect("not empty")).collect();
        TokenKeys::new(&keys)
    }

    fn ids() -> (AccountSid, CallSid) {
        let sid = "0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c";
        (format!("AC{sid}").parse().expect("a SID"), format!("CA{sid}").parse().expect("a SID"))
    }

    fn parties() -> Parties {
        Parties { theirs: "+15550000001".into(), ours: "+15550200900".into(), outbound: true }
    }

    fn claim() -> Claim {
        Claim {
            resumed: 1,
            returned: true,
            expires_s: NOW + LIFETIME_S,
            nonce: [7; 16],
            assistant: "Büro.1".into(),
            parties: parties(),
        }
    }

    #[test]
    fn says_what_was_written_also_after_rotation() {
        let (account, call) = ids();
        let token = keys(&["old"]).write(account, call, &claim()).expect("a key");
        assert!(token.len() < 250 && !token.contains(['<', '&', '"']), "{token}");
        for secrets in [&["old"][..], &["new", "old"]] {
            assert_eq!(keys(secrets).read(Some(&token), account, call, NOW), Ok(claim()));
        }
    }

    #[test]
    fn the_longest_token_is_one_that_the_carrier_takes() {
        let (account, call) = ids();
        let long = "ß".repeat(500);
        let parties = Parties { theirs: long.clone(), ours: long.clone(), outbound: false };
        let token = keys(&["key"]).write(account, call, &Claim { assistant: long, parties, ..claim() }).expect("a key");
        assert!(token.len() < 500, "{}", token.len());
        let read = keys(&["key"]).read(Some(&token), account, call, NOW).expect("ours");
        assert_eq!(read.parties.theirs, "ß".repeat(40));
    }

    #[test]
    fn another_call_another_key_or_a_changed_letter_is_refused() {
        let (account, call) = ids();
        let other: CallSid = "CA1f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c".parse().expect("a SID");
        let token = keys(&["key"]).write(account, call, &claim()).expect("a key");
        assert_eq!(keys(&["key"]).read(Some(&token), account, other, NOW), Err(TokenRefused::NotOurs));
        assert_eq!(keys(&["kez"]).read(Some(&token), account, call, NOW), Err(TokenRefused::NotOurs));
        assert_eq!(keys(&["key"]).read(None, account, call, NOW), Err(TokenRefused::Missing));
        assert_eq!(keys(&["key"]).read(Some(&token), account, call, NOW + 61), Err(TokenRefused::Expired));
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            let read = keys(&["key"]).read(Some(&changed), account, call, NOW);
            // The last character of base64 may hold bits that mean nothing; they are refused by the decoder.
            assert_eq!(read, Err(TokenRefused::NotOurs), "{changed}");
        }
    }

    #[test]
    fn without_a_key_nothing_is_written_or_read() {
        let (account, call) = ids();
        assert_eq!(keys(&[]).write(account, call, &claim()), None);
        assert_eq!(keys(&[]).read(Some("0.1.2.3.4"), account, call, NOW), Err(TokenRefused::NotOurs));
    }
}
