//! The vendor's signature, written: the product only reads it ([`crate::carrier::twilio::signature`]).

use base64_simd::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::forms::Form;

/// What stands in a signature's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signature {
    /// The right one.
    #[default]
    Right,
    /// One that another token made.
    Wrong,
    /// No header at all.
    Absent,
}

impl Signature {
    /// The header's value for this request, if there is to be one.
    pub(super) fn of(self, token: &str, url: &str, form: &Form) -> Option<String> {
        match self {
            Self::Right => Some(sign(token, url, form)),
            Self::Wrong => Some(sign("somebody else's token", url, form)),
            Self::Absent => None,
        }
    }
}

/// The address byte for byte, then each name and value, sorted.
fn sign(token: &str, url: &str, form: &Form) -> String {
    let mut fields: Vec<_> = form.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    fields.sort_unstable();
    fields.dedup();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(url.as_bytes());
    for (name, value) in fields {
        mac.update(name);
        mac.update(value);
    }
    STANDARD.encode_to_string(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_worked_example() {
        let form: Form = [
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+12349013030"),
            ("Digits", "1234"),
            ("From", "+12349013030"),
            ("To", "+18005551212"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        assert_eq!(sign("12345", url, &form), "0/KCTR6DLpKmkAf8muzZqo1nDgQ=");
        assert_ne!(Signature::Wrong.of("12345", url, &form), Signature::Right.of("12345", url, &form));
        assert_eq!(Signature::Absent.of("12345", url, &form), None);
    }
}
