//! Intents: what an assistant can do over HTTP, or by a prompt, as tools of its model.
//!
//! | file | what |
//! |---|---|
//! | `template.rs` | texts with places for what a call brings |
//! | `http.rs` | from arguments to a request, from an answer to words |
//!
//! Pure: an intent turns arguments into a request, and an answer into words for the model. `net` makes the request, to
//! allowed addresses only.

mod http;
pub mod template;

use std::time::Duration;

use serde_json::Value;

pub use http::{CallFacts, Outcome, Request};

use crate::model::Tool;

/// An intent as it is configured, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Its name towards the model: 1 to 64 of `a-z A-Z 0-9 _ -`.
    pub name: String,
    /// What it does and when to use it, for the model: 1 to 1,024 characters.
    pub description: String,
    /// JSON Schema of its arguments, an object.
    pub parameters: Value,
    /// What is done when the model calls it.
    pub action: Action,
    /// Said to the caller when the model calls it, while it runs.
    pub filler: Option<String>,
    /// The call ends once it has succeeded.
    pub ends_call: bool,
    /// It may be offered to the model.
    pub api_access: bool,
    /// An assistant cannot be published while this one is switched off.
    pub required: bool,
}

/// What an intent does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Nothing but this text, told to the model as the answer.
    Prompt(String),
    /// A request.
    Http(Box<HttpAction>),
}

/// A request by an intent.
///
/// Templates hold `{{name}}` for the argument `name` (`{{a.b}}` within objects), `{{call.from}}`, `{{call.to}}`,
/// `{{call.id}}`, and in headers `{{secret:name}}` for a secret of the server's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpAction {
    /// How.
    pub method: HttpMethod,
    /// Absolute `http:` or `https:` address, a template: arguments are percent-encoded, and cannot stand in scheme or host.
    pub url: String,
    /// Names, and templates of values.
    pub headers: Vec<(String, String)>,
    /// The body, whose strings are templates; without it, all arguments as a JSON object (not for GET and DELETE).
    pub body: Option<Value>,
    /// For the whole exchange: 1 to 110 s, default 10.
    pub timeout: Duration,
    /// What the model is told.
    pub answer: Answer,
}

/// Methods that an intent may use. Only GET is repeated, once, when the connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    /// Asks.
    Get,
    /// Makes.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Takes away.
    Delete,
}

/// How an answer becomes words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// A JSON pointer to the part that the model gets; empty: all of it.
    pub pointer: String,
    /// A template over the answer's fields, such as `"Booked for {{slot.time}}."`; without it, the part as JSON text.
    pub template: Option<String>,
    /// Longest text for the model, in characters: 1 to 8,000, default 4,000; the rest is cut off, and the model is told.
    pub max_length: usize,
}

impl Definition {
    /// Longest name, and longest description, in characters.
    pub const MAX_DESCRIPTION: usize = 1_024;

    /// As its model is told of it.
    #[must_use]
    pub fn tool(&self) -> Tool {
        Tool { name: self.name.clone(), description: self.description.clone(), parameters: self.parameters.clone() }
    }

    /// What the model's arguments are.
    ///
    /// # Errors
    ///
    /// In words for the model: no JSON, or not what the schema asks for.
    pub fn arguments(&self, text: &str) -> Result<Value, String> {
        let text = if text.trim().is_empty() { "{}" } else { text };
        let arguments: Value =
            serde_json::from_str(text).map_err(|error| format!("The arguments are no JSON: {error}."))?;
        let validator = jsonschema::validator_for(&self.parameters)
            .map_err(|_| "The tool is not set up: its parameters cannot be read.".to_owned())?;
        if let Some(error) = validator.iter_errors(&arguments).next() {
            return Err(format!("The arguments are wrong at {:?}: {error}.", error.instance_path().as_str()));
        }
        Ok(arguments)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_held_against_the_schema() {
        let definition = Definition {
            name: "book".into(),
            description: "Books.".into(),
            parameters: json!({"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]}),
            action: Action::Prompt("Done.".into()),
            filler: None,
            ends_call: false,
            api_access: true,
            required: true,
        };
        assert_eq!(definition.arguments(r#"{"day": "monday"}"#), Ok(json!({"day": "monday"})));
        assert!(definition.arguments("").unwrap_err().contains("day"));
        assert!(definition.arguments(r#"{"day": 1}"#).unwrap_err().contains("/day"));
        assert!(definition.arguments("{").unwrap_err().contains("no JSON"));
    }
}
