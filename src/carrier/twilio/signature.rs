//! Who may call our webhooks and open a media stream: `X-Twilio-Signature`.
//!
//! The signed text is the address that Twilio was given, byte for byte, and for a form each name and value, sorted.
//! The address is the *configured public* one (with path and query as they came), never rebuilt from `Host` or
//! `X-Forwarded-*`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use base64_simd::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

/// The header that holds the signature; on a handshake it comes in lower case.
pub const HEADER: &str = "X-Twilio-Signature";

/// A secret that Twilio signs with. It decides the algorithm; no header does.
#[derive(Clone)]
pub struct Key {
    algorithm: Algorithm,
    secret: Box<[u8]>,
}

#[derive(Clone, Copy, Debug)]
enum Algorithm {
    HmacSha1,
    HmacSha256,
}

/// The operator configured a key without a character. Anybody could sign with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the carrier's auth token or shared key is empty: anybody could sign with it")]
pub struct EmptyKey;

impl Key {
    /// The auth token of the account that owns the call (or of its region): HMAC-SHA-1.
    ///
    /// # Errors
    ///
    /// [`EmptyKey`].
    pub fn auth_token(token: &str) -> Result<Self, EmptyKey> {
        Self::checked(Algorithm::HmacSha1, token)
    }

    /// The secret of a webhook shared key: HMAC-SHA-256.
    ///
    /// # Errors
    ///
    /// [`EmptyKey`].
    pub fn shared(secret: &str) -> Result<Self, EmptyKey> {
        Self::checked(Algorithm::HmacSha256, secret)
    }

    fn checked(algorithm: Algorithm, secret: &str) -> Result<Self, EmptyKey> {
        if secret.is_empty() { Err(EmptyKey) } else { Ok(Self { algorithm, secret: secret.as_bytes().into() }) }
    }

    /// Another secret, for another purpose, that only somebody with this one can know.
    pub(super) fn derive(&self, purpose: &[u8]) -> [u8; 32] {
        hmac_sha256(&self.secret, purpose)
    }

    /// Whether this is the signature of the text; in constant time for signatures of one length.
    fn signed(&self, text: &[u8], signature: &[u8]) -> Choice {
        match self.algorithm {
            Algorithm::HmacSha1 => {
                let mac = Hmac::<Sha1>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
                mac.chain_update(text).finalize().into_bytes().as_slice().ct_eq(signature)
            }
            Algorithm::HmacSha256 => hmac_sha256(&self.secret, text).as_slice().ct_eq(signature),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, [REDACTED])", self.algorithm)
    }
}

/// What came with a request and is signed along.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// Nothing: a `GET`, or the handshake of a stream (whose address is the `wss://` one of the TwiML).
    None,
    /// The raw bytes of a form.
    Form(&'a [u8]),
    /// The raw bytes of JSON; the address names their hash as `bodySHA256`.
    Json(&'a [u8]),
}

/// The request is not from Twilio, or the operator's keys are not those of its account. Answer 403, say no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The header is not base64: nobody signed this.
    #[error("the request is not from the carrier: its {HEADER} is not base64")]
    NotASignature,
    /// No configured key made this signature over this request.
    #[error(
        "the signature fits no configured key: somebody else's request, or check the auth token and the public URL"
    )]
    NotSigned,
    /// The address is signed, but its `bodySHA256` is not that of the body (or there is none).
    #[error("the request's body is not the one that was signed")]
    OtherBody,
}

/// Checks signatures against several keys: during rotation two tokens are valid.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: Vec<Key>,
}

impl Verifier {
    /// With these keys; without any, everything is refused.
    #[must_use]
    pub const fn new(keys: Vec<Key>) -> Self {
        Self { keys }
    }

    /// Checks a request: `url` is the public one, with the query as it came, and `signature` the header's value.
    ///
    /// An address with a port may be signed with or without it, one without also with the usual port of its scheme:
    /// so do the vendor's own libraries. A fragment (the vendor's overrides) is never signed.
    ///
    /// # Errors
    ///
    /// [`Refused`]; no detail of it belongs in the answer.
    pub fn verify(&self, url: &str, body: Body<'_>, signature: &str) -> Result<(), Refused> {
        let signature = STANDARD.decode_to_vec(signature.trim_ascii()).map_err(|_| Refused::NotASignature)?;
        let url = url.split('#').next().unwrap_or_default();
        let fields = match body {
            Body::Form(form) => signed_fields(form),
            Body::None | Body::Json(_) => String::new(),
        };
        let mut signed = Choice::from(0);
        for url in spellings(url) {
            let text = [url.as_bytes(), fields.as_bytes()].concat();
            for key in &self.keys {
                signed |= key.signed(&text, &signature);
            }
        }
        if !bool::from(signed) {
            return Err(Refused::NotSigned);
        }
        match body {
            Body::Json(json) if !hash_fits(url, json) => Err(Refused::OtherBody),
            Body::None | Body::Form(_) | Body::Json(_) => Ok(()),
        }
    }
}

/// HMAC-SHA-256.
pub(super) fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.chain_update(text).finalize().into_bytes().into()
}

/// Whether two texts are the same, in constant time for texts of one length.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// Names and values of a form as they are signed: decoded, sorted by name, the values of one name unique and sorted.
fn signed_fields(form: &[u8]) -> String {
    let mut fields: BTreeMap<Cow<'_, str>, BTreeSet<Cow<'_, str>>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(form) {
        fields.entry(name).or_default().insert(value);
    }
    let mut text = String::with_capacity(form.len());
    for (name, values) in &fields {
        for value in values {
            text.push_str(name);
            text.push_str(value);
        }
    }
    text
}

/// The address as written, and as it may be signed just as well.
fn spellings(url: &str) -> Vec<Cow<'_, str>> {
    let mut found = vec![Cow::Borrowed(url)];
    let Some((scheme, rest)) = url.split_once("://") else { return found };
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if let Some((host, port)) = authority.rsplit_once(':')
        && port.bytes().all(|digit| digit.is_ascii_digit())
    {
        found.push(Cow::Owned(format!("{scheme}://{host}{tail}")));
    } else {
        // For `wss` the libraries add 80, although its usual port is 443.
        let ports: &[&str] = match scheme {
            "https" => &["443"],
            "wss" => &["443", "80"],
            _ => &["80"],
        };
        found.extend(ports.iter().map(|port| Cow::Owned(format!("{scheme}://{authority}:{port}{tail}"))));
    }
    found
}

/// Whether the query's `bodySHA256` is the body's.
fn hash_fits(url: &str, json: &[u8]) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let hash = Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let said = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "bodySHA256");
    said.is_some_and(|(_, said)| bool::from(said.as_bytes().ct_eq(hash.as_bytes())))
}
