//! From a place in a text to the key that stands there, such as `farewell.voice.provider` or `intents[1].url`.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// The key whose name or value this span is in; empty for the whole.
pub(super) fn at(text: &str, span: &Range<usize>) -> String {
    let Ok(root) = DeTable::parse(text) else { return String::new() };
    let mut best = Best { span, length: usize::MAX, path: String::new() };
    best.table(root.get_ref(), "");
    best.path
}

/// The shortest stretch of the text around the span: a table's own stretch may be no more than its header.
struct Best<'a> {
    span: &'a Range<usize>,
    length: usize,
    path: String,
}

impl Best<'_> {
    fn look(&mut self, around: Range<usize>, path: &str) {
        if around.start <= self.span.start
            && self.span.start < around.end.max(around.start + 1)
            && around.len() <= self.length
        {
            self.length = around.len();
            path.clone_into(&mut self.path);
        }
    }

    fn table(&mut self, table: &DeTable<'_>, path: &str) {
        for (key, value) in table {
            let name = key.get_ref();
            let below = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
            self.look(key.span(), &below);
            self.look(value.span(), &below);
            self.value(value.get_ref(), &below);
        }
    }

    fn value(&mut self, value: &DeValue<'_>, path: &str) {
        match value {
            DeValue::Table(table) => self.table(table, path),
            DeValue::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    let below = format!("{path}[{place}]");
                    self.look(item.span(), &below);
                    self.value(item.get_ref(), &below);
                }
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_its_key() {
        let text = "a = 1\nlist = [1, { b = 2 }]\n[farewell.voice]\nprovider = \"x\"\n[[intents]]\nurl = \"u\"\n[[intents]]\nurl = \"v\"\n";
        let of = |what: &str| {
            let start = text.find(what).unwrap();
            at(text, &(start..start + what.len()))
        };
        for (what, path) in [
            ("1\n", "a"),
            ("2 }", "list[1].b"),
            ("\"x\"", "farewell.voice.provider"),
            ("provider", "farewell.voice.provider"),
            ("\"u\"", "intents[0].url"),
            ("\"v\"", "intents[1].url"),
        ] {
            assert_eq!(of(what), path, "{what}");
        }
        assert_eq!(at("not = = toml", &(0..1)), "");
    }
}
