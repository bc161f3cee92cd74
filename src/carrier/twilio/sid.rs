//! SIDs: the ids that the vendor gives to accounts, calls and streams.

use std::fmt;
use std::str::FromStr;

/// Characters of a SID: two letters for what it names, 32 hexadecimal digits.
pub const SID_LENGTH: usize = 34;

/// Text that is not the SID it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a SID: expected {prefix} and 32 hexadecimal digits")]
pub struct NotASid {
    /// What it should begin with.
    pub prefix: &'static str,
}

/// A SID, kept as written (the vendor sends lower case, its schema allows both).
macro_rules! sid {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; SID_LENGTH]);

        impl $name {
            /// The id as it stands in messages.
            #[must_use]
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).unwrap_or_default()
            }
        }

        impl FromStr for $name {
            type Err = NotASid;

            fn from_str(text: &str) -> Result<Self, NotASid> {
                checked(text, $prefix).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

sid! {
    /// An account: `AC…`.
    AccountSid, "AC"
}
sid! {
    /// A call: `CA…`.
    CallSid, "CA"
}
sid! {
    /// A media stream: `MZ…`.
    StreamSid, "MZ"
}

fn checked(text: &str, prefix: &'static str) -> Result<[u8; SID_LENGTH], NotASid> {
    let digits = text.strip_prefix(prefix).ok_or(NotASid { prefix })?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(NotASid { prefix });
    }
    text.as_bytes().try_into().map_err(|_| NotASid { prefix })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sid_is_its_prefix_and_32_hex_digits() {
        for right in ["CA0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c", "CA0F1E2D3C0F1E2D3C0F1E2D3C0F1E2D3C"] {
            assert_eq!(right.parse::<CallSid>().expect("a SID").to_string(), right);
        }
        for wrong in [
            "",
            "CA",
            "MZ0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c",
            "CA0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3",
            "CA0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c0",
            "CA0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3g",
            "CA0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d\u{e9}",
        ] {
            assert_eq!(wrong.parse::<CallSid>(), Err(NotASid { prefix: "CA" }), "{wrong}");
        }
    }
}
