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
    /// The name of the tool that holds the line while the caller is busy.
    pub const WAIT_FOR_CALLER: &'static str = "wait_for_caller";
    /// The name of the tool that puts the caller through to somebody else.
    pub const TRANSFER_CALL: &'static str = "transfer_call";
    /// The name of the tool that sends the caller a text.
    pub const SEND_TEXT: &'static str = "send_text";
    /// The longest that `wait_for_caller` can ask for, in seconds.
    pub const LONGEST_WAIT_S: u64 = 180;

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

    /// The tool that holds the line while the caller is busy with something else.
    #[must_use]
    pub fn wait_for_caller() -> Self {
        Self {
            name: Self::WAIT_FOR_CALLER.to_owned(),
            description: format!(
                "Holds the line while the caller is busy, for instance when the caller says \"hold on, I'm getting my \
                 card\". Say shortly that you wait, in the same response, and call it with the time that the caller may \
                 need, up to {} seconds. Then say nothing until the caller speaks again. Never call it because the \
                 caller is silent.",
                Self::LONGEST_WAIT_S
            ),
            parameters: json!({
                "type": "object",
                "properties": {
                    "seconds": {
                        "type": "integer", "minimum": 1, "maximum": Self::LONGEST_WAIT_S,
                        "description": "How long the caller may need, in seconds.",
                    },
                },
                "required": ["seconds"],
                "additionalProperties": false,
            }),
        }
    }

    /// The tool that puts the caller through to one of these; `text` is what the caller is told before.
    #[must_use]
    pub fn transfer_call<'a>(names: impl IntoIterator<Item = &'a str>, text: &str) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        Self {
            name: Self::TRANSFER_CALL.to_owned(),
            description: format!(
                "Puts the caller through to a person. Call it only when the caller wants that, or when you cannot help. \
                 First tell the caller, in the same response: \"{text}\" Your part of the call ends with it; if nobody \
                 answers, the caller comes back to you."
            ),
            parameters: json!({
                "type": "object",
                "properties": {
                    "to": { "type": "string", "enum": names, "description": "Whom the caller is put through to." },
                },
                "required": ["to"],
                "additionalProperties": false,
            }),
        }
    }

    /// The tool that sends a text to the caller's own number.
    #[must_use]
    pub fn send_text() -> Self {
        Self {
            name: Self::SEND_TEXT.to_owned(),
            description:
                "Sends a text message to the caller's own number, such as an address or a link that is hard to \
                          write down. Call it only after the caller has agreed, and say afterwards that it is sent."
                    .to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "text": {
                        "type": "string", "minLength": 1, "maxLength": 480,
                        "description": "The whole message, in the caller's language.",
                    },
                },
                "required": ["text"],
                "additionalProperties": false,
            }),
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
    fn the_other_built_in_tools() {
        let tools =
            [Tool::wait_for_caller(), Tool::transfer_call(["billing", "sales"], "One moment."), Tool::send_text()];
        for tool in &tools {
            assert!(crate::assistant::BUILT_IN_TOOLS.contains(&tool.name.as_str()) && Tool::is_valid_name(&tool.name));
            let required = tool.parameters["required"][0].as_str().unwrap();
            assert!(tool.parameters["properties"][required].is_object(), "{required}");
        }
        assert_eq!(tools[0].parameters["properties"]["seconds"]["maximum"], 180);
        assert_eq!(tools[1].parameters["properties"]["to"]["enum"], json!(["billing", "sales"]));
        assert!(tools[1].description.contains("\"One moment.\""));
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
