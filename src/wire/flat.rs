//! JSON objects of plain shape, read in one pass without an allocation: for the few messages that come all the time.
//!
//! What is read is what the vendors write. Everything else (escapes, arrays, deeper objects, a field twice) is not
//! refused but left: the caller then asks `serde_json`, which knows it all.

use memchr::memchr2;

/// A value of a plain object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string, as it stands between its quotes.
    Text(&'a str),
    /// A number, `true`, `false` or `null`, as it is written; not checked.
    Word(&'a str),
}

/// Reads a whole object. `visit` gets each value with its name, and the name of the object that it stands in if that is
/// not the outermost; it tells whether to go on. `false` if the text is not of this shape, or `visit` said so: nothing
/// that was visited counts then.
pub fn read<'a>(text: &'a str, visit: &mut impl FnMut(Option<&'a str>, &'a str, Value<'a>) -> bool) -> bool {
    let mut reader = Reader { text, at: 0 };
    reader.object(None, visit).is_some() && reader.end().is_none()
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next byte that is no white space.
    fn end(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.end() == Some(byte)).then(|| self.at += 1)
    }

    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let from = self.at;
        let rest = self.text.as_bytes().get(from..)?;
        let length = memchr2(b'"', b'\\', rest)?;
        self.at += length + 1;
        (rest[length] == b'"').then(|| self.text.get(from..from + length))?
    }

    fn word(&mut self) -> Option<&'a str> {
        let from = self.at;
        let rest = self.text.as_bytes().get(from..)?;
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let length = rest.iter().position(|byte| !is_word(byte))?;
        self.at += length;
        (length > 0).then(|| self.text.get(from..from + length))?
    }

    fn object(
        &mut self,
        outer: Option<&'a str>,
        visit: &mut impl FnMut(Option<&'a str>, &'a str, Value<'a>) -> bool,
    ) -> Option<()> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            let name = self.string()?;
            self.take(b':')?;
            match self.end()? {
                b'"' => {
                    let value = Value::Text(self.string()?);
                    visit(outer, name, value).then_some(())?;
                }
                b'{' if outer.is_none() => self.object(Some(name), visit)?,
                b'{' | b'[' => return None,
                _ => {
                    let value = Value::Word(self.word()?);
                    visit(outer, name, value).then_some(())?;
                }
            }
            match self.end()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Option<Vec<(Option<&str>, &str, Value<'_>)>> {
        let mut found = Vec::new();
        read(text, &mut |outer, name, value| {
            found.push((outer, name, value));
            true
        })
        .then_some(found)
    }

    #[test]
    fn plain_objects_are_read_with_what_stands_in_them() {
        let text = r#" { "a" : "x" , "b":{"c":-1.5e3,"d":"y/="}, "e":null,"f":{} } "#;
        let expected = [
            (None, "a", Value::Text("x")),
            (Some("b"), "c", Value::Word("-1.5e3")),
            (Some("b"), "d", Value::Text("y/=")),
            (None, "e", Value::Word("null")),
        ];
        assert_eq!(all(text).as_deref(), Some(&expected[..]));
        assert_eq!(all("{}"), Some(Vec::new()));
    }

    #[test]
    fn everything_else_is_left() {
        let left = [
            "",
            "[]",
            "1",
            "{",
            "{}x",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1"#,
            r#"{"a":1,}"#,
            r#"{"a":"\/"}"#,
            r#"{"a":[1]}"#,
            r#"{"a":{"b":{}}}"#,
            r#"{"a":1 2}"#,
            r#"{"a":"x}"#,
            r#"{a:1}"#,
        ];
        for text in left {
            assert_eq!(all(text), None, "{text}");
        }
        assert!(!read(r#"{"a":1}"#, &mut |_, _, _| false), "the visitor has the last word");
    }

    proptest! {
        #[test]
        fn what_a_library_writes_is_read_the_same(
            fields in proptest::collection::btree_map("[a-z_]{1,8}", "[ -!#-\\[\\]-~µ]{0,30}", 0..6),
        ) {
            let text = serde_json::to_string(&fields).expect("strings");
            let read: Vec<_> = fields.iter().map(|(name, value)| (None, name.as_str(), Value::Text(value))).collect();
            prop_assert_eq!(all(&text), Some(read));
        }

        #[test]
        fn any_text_is_read_or_left(text in ".{0,40}|[{}\\[\\]\":,a1 \\\\]{0,30}") {
            let _ = all(&text);
        }
    }
}
