//! What answers a text: `<Message>` in a messaging document.

use super::xml;

/// A text that a document sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::lab::twilio) struct Reply {
    pub(in crate::lab::twilio) body: String,
    /// Told what becomes of it.
    pub(in crate::lab::twilio) callback: Option<String>,
}

/// The texts of a document that answers a text.
///
/// # Errors
/// Why it is none, in words.
pub(in crate::lab::twilio) fn replies(text: &str) -> Result<Vec<Reply>, String> {
    let root = xml::read(text)?;
    if root.name != "Response" {
        return Err(format!("the root is <{}>, expected <Response>", root.name));
    }
    let reply = |element: &xml::Element| {
        if element.name != "Message" {
            return Err(format!("<{}> in the answer to a text, expected <Message>", element.name));
        }
        let known = ["to", "from", "action", "method", "statusCallback"];
        if let Some((name, _)) = element.attributes.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            return Err(format!("<Message {name}> is none of the vendor's attributes"));
        }
        if !element.children.is_empty() || element.text.trim().is_empty() || element.text.chars().count() > 1_600 {
            return Err("<Message> expects 1 to 1,600 characters and nothing else".to_owned());
        }
        let callback = element.attribute("statusCallback").or(element.attribute("action")).map(str::to_owned);
        Ok(Reply { body: element.text.clone(), callback })
    };
    root.children.iter().map(reply).collect()
}
