//! Names of marks: `q:GENERATION:NUMBER`, at most 23 ASCII characters.
//!
//! How long a name may be is not documented; far under 100 characters is safe.

use std::fmt::{self, Display, Write as _};

use crate::carrier::MarkId;

/// A mark's name, ready to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkName(pub MarkId);

impl Display for MarkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "q:{}:{}", self.0.generation, self.0.number)
    }
}

/// The mark of this name; `None` for a name that we never write, such as that of somebody else's mark.
#[must_use]
pub fn parse(name: &str) -> Option<MarkId> {
    let (generation, number) = name.strip_prefix("q:")?.split_once(':')?;
    Some(MarkId { generation: decimal(generation)?, number: decimal(number)? })
}

/// Only the one way in which we write a number: no sign, no leading zero.
fn decimal(digits: &str) -> Option<u32> {
    let canonical = digits.bytes().all(|digit| digit.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if canonical { digits.parse().ok() } else { None }
}

/// Appends the name. Writing to a `String` cannot fail.
pub(super) fn append(id: MarkId, out: &mut String) {
    let _ = write!(out, "{}", MarkName(id));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_name_is_23_ascii_characters() {
        let name = MarkName(MarkId { generation: u32::MAX, number: u32::MAX }).to_string();
        assert_eq!((name.as_str(), name.len()), ("q:4294967295:4294967295", 23));
    }

    #[test]
    fn foreign_names_are_not_ours() {
        for name in ["", "q", "q:", "q:1", "q:1:", "q::1", "q:1:2:3", "q:01:2", "q:+1:2", "q:1:4294967296", "Q:1:2"] {
            assert_eq!(parse(name), None, "{name}");
        }
        for name in ["goodbye", "item_abc:400", "item_abc:400:1", "q:1:2 ", "q:\u{661}:2"] {
            assert_eq!(parse(name), None, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn names_round_trip(generation: u32, number: u32) {
            let id = MarkId { generation, number };
            proptest::prop_assert_eq!(parse(&MarkName(id).to_string()), Some(id));
        }
    }
}
