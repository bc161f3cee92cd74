//! Texts with places for what a call brings.

use serde_json::Value;

/// A text with places; see [`super::HttpAction`] for what may stand in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(Place),
}

/// What a place holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An argument, or a part of one: `{{slot.time}}`.
    Field(Vec<String>),
    /// `{{call.id}}`.
    CallId,
    /// `{{call.from}}`: the other party's number.
    From,
    /// `{{call.to}}`: our number.
    To,
    /// `{{secret:name}}`.
    Secret(String),
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// A place that is not closed, is empty, or has a name that cannot be one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("{{") {
            let (name, behind) = behind
                .split_once("}}")
                .ok_or_else(|| format!("`{{{{` is never closed: expected `}}}}` behind {:?}", shortened(behind)))?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Place(Place::parse(name.trim())?));
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// The text before the first place.
    #[must_use]
    pub fn beginning(&self) -> &str {
        match self.0.first() {
            Some(Piece::Text(text)) => text,
            Some(Piece::Place(_)) | None => "",
        }
    }

    /// All places.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Place(place) => Some(place),
            Piece::Text(_) => None,
        })
    }

    /// It is nothing but one place.
    #[must_use]
    pub fn only_place(&self) -> Option<&Place> {
        match self.0.as_slice() {
            [Piece::Place(place)] => Some(place),
            _ => None,
        }
    }

    /// The text with its places filled.
    pub fn filled(&self, mut fill: impl FnMut(&Place) -> String) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Place(place) => text.push_str(&fill(place)),
            }
        }
        text
    }
}

impl Place {
    fn parse(name: &str) -> Result<Self, String> {
        let is_name =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        if let Some(secret) = name.strip_prefix("secret:") {
            return if is_name(secret) { Ok(Self::Secret(secret.to_owned())) } else { Err(not_a_place(name)) };
        }
        match name {
            "call.id" => Ok(Self::CallId),
            "call.from" => Ok(Self::From),
            "call.to" => Ok(Self::To),
            name if name.starts_with("call.") => {
                Err(format!("{{{{{name}}}}}: of a call there are call.id, call.from and call.to"))
            }
            name if name.split('.').all(is_name) => Ok(Self::Field(name.split('.').map(str::to_owned).collect())),
            name => Err(not_a_place(name)),
        }
    }
}

fn not_a_place(name: &str) -> String {
    format!(
        "{{{{{}}}}} is no place: expected an argument such as {{{{day}}}}, {{{{call.from}}}} or {{{{secret:name}}}}",
        shortened(name)
    )
}

fn shortened(text: &str) -> String {
    text.chars().take(24).collect()
}

/// The part of a value that a field names.
#[must_use]
pub fn field<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| match value.as_array() {
        Some(items) => key.parse().ok().and_then(|place: usize| items.get(place)),
        None => value.get(key.as_str()),
    })
}

/// A value as text: strings as they are, nothing for null, all else as JSON.
#[must_use]
pub fn text_of(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_and_filled() {
        let template = Template::parse("a {{ day }}/{{slot.time}} {{call.from}}{{secret:crm}}").unwrap();
        let places: Vec<_> = template.places().cloned().collect();
        let field = |names: &[&str]| Place::Field(names.iter().map(|&name| name.to_owned()).collect());
        assert_eq!(places, [field(&["day"]), field(&["slot", "time"]), Place::From, Place::Secret("crm".into())]);
        assert_eq!(template.beginning(), "a ");
        assert_eq!(template.filled(|_| "x".into()), "a x/x xx");
        assert_eq!(Template::parse("plain").unwrap().filled(|_| String::new()), "plain");
    }

    #[test]
    fn what_is_no_place_is_told() {
        for (text, told) in
            [("{{day", "never closed"), ("{{}}", "no place"), ("{{a b}}", "no place"), ("{{call.x}}", "call.id")]
        {
            assert!(Template::parse(text).unwrap_err().contains(told), "{text}");
        }
    }
}
