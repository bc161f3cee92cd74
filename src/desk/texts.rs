//! Conversations in texts.

use serde_json::json;

use super::{Actor, Desk, DeskError, Overview, Result, assistants::OF_FILE};
use crate::{
    carrier::{
        is_e164,
        twilio::text::{MAX_TEXT, segments},
    },
    config::{Channel, FieldProblem},
    net::clock,
    store::{Conversation, Listing, Page, Text},
    text::{SendError, Sent},
};

/// Messages of a conversation that are shown at the most.
const MOST: u32 = 200;

impl Desk {
    /// Pairs of numbers that wrote to each other, the latest first.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or the cursor is none.
    pub async fn conversations(&self, ours: Option<&str>, page: &Page) -> Result<Listing<Conversation>> {
        Ok(self.store.conversations(ours, page).await?)
    }

    /// The latest 200 messages between two numbers, the oldest first.
    ///
    /// # Errors
    ///
    /// If there are none.
    pub async fn conversation(&self, ours: &str, theirs: &str) -> Result<Vec<Text>> {
        let texts = self.store.history(ours, theirs, 0, MOST).await?;
        if texts.is_empty() {
            return Err(DeskError::missing("conversation", format!("{ours} with {theirs}")));
        }
        Ok(texts)
    }

    /// Sends a text, which costs money. It is done once: if nobody knows whether it was, the account is looked at.
    ///
    /// # Errors
    ///
    /// What is wrong with it; without an account; if they have opted out; if the carrier refuses.
    pub async fn send_text(&self, actor: &Actor, ours: &str, theirs: &str, body: &str) -> Result<Sent> {
        let mut wrong = Vec::new();
        for (path, number) in [("from", ours), ("to", theirs)] {
            if !is_e164(number) {
                let message = "expected + and 7 to 15 digits with the country's code, such as +15551234567";
                wrong.push(FieldProblem { path: path.to_owned(), message: message.to_owned() });
            }
        }
        if body.trim().is_empty() || body.chars().count() > MAX_TEXT {
            let message = format!("expected 1 to {MAX_TEXT} characters");
            wrong.push(FieldProblem { path: "body".to_owned(), message });
        }
        if !wrong.is_empty() {
            return Err(DeskError::Invalid(wrong));
        }
        let sent = self.texts.send(ours, theirs, body).await.map_err(|error| match error {
            SendError::NoAccount => DeskError::NotConfigured(error.to_string()),
            SendError::OptedOut => DeskError::Conflict(error.to_string()),
            SendError::Carrier(error) => error.into(),
            SendError::Store(error) => error.into(),
        })?;
        let detail = json!({ "from": ours, "to": theirs, "segments": segments(body), "at_ms": clock::unix_ms() });
        self.audit(actor, "text.send", &sent.id, detail).await?;
        Ok(sent)
    }

    /// Whether the assistant, as it is published, answers texts.
    pub(super) async fn answers_texts(&self, assistant: &Overview) -> Result<bool> {
        if assistant.id.as_str().starts_with(OF_FILE) {
            let mut of_file = self.facts.of_file.iter();
            return Ok(of_file.any(|(one, _)| one.name == assistant.name && one.texts.is_some()));
        }
        let Some(version) = assistant.published else { return Ok(false) };
        let version = self.store.version(&assistant.id, version).await?;
        Ok(self.definition(&version.definition)?.assistant().channels.contains(&Channel::Text))
    }
}
