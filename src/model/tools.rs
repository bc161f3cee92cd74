//! Tools as a model is told of them.

use serde_json::{Value, json};

/// A tool that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name: 1 to 64 letters, digits, `_` and `-`.
    pub name: String,
    /// When to call it, in words for the model.
    pub description: String,
    /// JSON Schema of its arguments, an object.
    pub parameters: Value,
}

impl Tool {
    /// The name of the tool that ends the call.
    pub const HANGUP_CALL: &'static str = "hangup_call";

    /// The tool that ends the call; with `confirm` the caller is asked first whether there is anything else.
    #[must_use]
    pub fn hangup_call(confirm: bool) -> Self {
        let first = if confirm {
            "Ends the phone call. Call it only when the conversation is complete. First ask the caller whether there is \
             anything else you can do; call it only after the caller has said no or goodbye."
        } else {
            "Ends the phone call. Call it when the caller says goodbye, or when everything that the caller wanted is \
             done."
        };
        Self {
            name: Self::HANGUP_CALL.to_owned(),
            description: format!(
                "{first} Say a short goodbye in the same response, before you call it: the line is closed right \
                 afterwards. Never call it because the caller is silent, and never before the caller has spoken."
            ),
            parameters: json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false}),
        }
    }

    /// Whether vendors take this for a tool's name.
    #[must_use]
    pub fn is_valid_name(name: &str) -> bool {
        (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hang_up_tool() {
        let (asks, does_not) = (Tool::hangup_call(true), Tool::hangup_call(false));
        assert!(asks.description.contains("anything else") && !does_not.description.contains("anything else"));
        for tool in [asks, does_not] {
            assert!(Tool::is_valid_name(&tool.name) && tool.description.contains("goodbye"));
            assert_eq!(tool.parameters["additionalProperties"], false);
            assert_eq!(tool.parameters["properties"], json!({}));
        }
    }

    #[test]
    fn names_of_tools() {
        for name in ["a", "look_up-2", &"x".repeat(64)] {
            assert!(Tool::is_valid_name(name), "{name}");
        }
        for name in ["", "look up", "é", "a.b", &"x".repeat(65)] {
            assert!(!Tool::is_valid_name(name), "{name}");
        }
    }
}
