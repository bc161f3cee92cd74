//! The system message: who the assistant is, with what stands in double braces filled in.

use super::{file::AssistantTable, reader::Reader};
use crate::{intent::template, model::Tool};

/// Longest system message, in characters: a session is refused with more than the vendor takes, and its limit moves.
const MAX_LENGTH: usize = 32_000;
/// What `{{hangup_instructions}}` becomes.
const HANGUP_INSTRUCTIONS: &str = "When the conversation is complete (the caller says goodbye, or says that there is \
                                   nothing else), say a short goodbye and call the tool `hangup_call` in the same \
                                   response. Do not call it because the caller is silent, and never before the caller has \
                                   spoken.";

/// A system message, filled in.
#[derive(Default)]
pub(super) struct Message {
    pub(super) text: String,
    /// It has the instructions for hanging up, so the tool must be there.
    pub(super) hangs_up: bool,
    /// Intents that it names.
    pub(super) mentioned: Vec<String>,
}

impl Reader<'_> {
    /// `system_message`, or `instructions`, as it was called before.
    pub(super) fn system_message(&mut self, table: &AssistantTable) -> Message {
        let value = match (&table.system_message, &table.instructions) {
            (Some(_), Some(older)) => {
                self.wrong(older.span(), "instructions is the older name of system_message: write one of them");
                return Message::default();
            }
            (None, older) => older,
            (message, None) => message,
        };
        let Some(value) = value else { return Message::default() };
        let Some(text) = self.text("system_message", &Some(value.clone()), MAX_LENGTH) else {
            return Message::default();
        };
        filled(&text).unwrap_or_else(|message| {
            self.wrong(value.span(), message);
            Message::default()
        })
    }
}

/// Braces of other kinds are the author's own: prompts show JSON and templates.
fn filled(text: &str) -> Result<Message, String> {
    let mut message = Message::default();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        message.text.push_str(before);
        let Some((name, after)) = behind.split_once("}}") else {
            message.text.push_str("{{");
            rest = behind;
            continue;
        };
        let name = name.trim();
        if name == "hangup_instructions" {
            message.hangs_up = true;
            message.text.push_str(HANGUP_INSTRUCTIONS);
        } else if let Some(intent) = name.strip_prefix("intent:").map(str::trim) {
            if !Tool::is_valid_name(intent) {
                return Err(format!(
                    "{{{{{name}}}}} names no intent: expected something like {{{{intent:book_slot}}}}"
                ));
            }
            message.mentioned.push(intent.to_owned());
            message.text.push_str(&format!("`{intent}`"));
        } else if name.starts_with("hangup") || template::Template::parse(&format!("{{{{{name}}}}}")).is_ok() {
            // Most likely a slip: nothing else is ever filled in.
            return Err(format!(
                "{{{{{name}}}}} is not known: there are {{{{hangup_instructions}}}} and {{{{intent:NAME}}}}"
            ));
        } else {
            message.text.push_str("{{");
            rest = behind;
            continue;
        }
        rest = after;
    }
    message.text.push_str(rest);
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hang_up_instructions_switch_the_tool_on() {
        let message = filled("You are kind. {{ hangup_instructions }} Use {{intent:book}}.").ok().unwrap();
        assert!(message.hangs_up && message.text.contains("`hangup_call`") && message.text.ends_with("Use `book`."));
        assert_eq!(message.mentioned, ["book"]);
        assert!(!filled("plain { braces } and {\"a\": {\"b\": 1}}").ok().unwrap().hangs_up);
        for wrong in ["{{hangup_instruction}}", "{{name}}", "{{intent:two words}}"] {
            assert!(filled(wrong).is_err(), "{wrong}");
        }
    }
}
