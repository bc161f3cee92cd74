//! The conversation: items in order.

use serde_json::{Value, json};

use super::refusal::Refusal;

/// An item of the conversation.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) value: Value,
    /// Audio of ours in it, as far as it was sent.
    pub(super) audio_ms: u64,
    /// The model made it.
    pub(super) ours: bool,
    /// Its number among the model's, for the words of the model's seam.
    pub(super) number: u32,
}

/// All items.
#[derive(Clone, Debug, Default)]
pub(super) struct Items {
    items: Vec<Item>,
    ours: u32,
}

impl Items {
    /// The id of the last one, or null.
    pub(super) fn last(&self) -> Value {
        self.items.last().map_or(Value::Null, |item| json!(item.id))
    }

    /// What stands before an item, or null.
    pub(super) fn before(&self, id: &str) -> Value {
        let at = self.items.iter().position(|item| item.id == id);
        at.and_then(|at| self.items.get(at.checked_sub(1)?)).map_or(Value::Null, |item| json!(item.id))
    }

    pub(super) fn get(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Item> {
        self.items.iter_mut().find(|item| item.id == id)
    }

    /// There is a function call with this id.
    pub(super) fn has_call(&self, call_id: &str) -> bool {
        self.items.iter().any(|item| item.value["type"] == "function_call" && item.value["call_id"] == call_id)
    }

    /// Appends an item; `ours`: the model makes it.
    pub(super) fn push(&mut self, id: &str, value: Value, ours: bool) {
        let number = self.ours;
        self.ours += u32::from(ours);
        self.items.push(Item { id: id.to_owned(), value, audio_ms: 0, ours, number });
    }

    /// Puts an item of the client's where it wants it: at the end, at the root, or behind another.
    pub(super) fn insert(&mut self, id: &str, value: Value, behind: Option<&str>) -> Result<(), Refusal> {
        if self.get(id).is_some() {
            let message = format!("Item with item_id '{id}' already exists.");
            return Err(Refusal::new("item_already_exists", message).at("item.id"));
        }
        let at = match behind {
            None => self.items.len(),
            Some("root") => 0,
            Some(other) => {
                let at = self.items.iter().position(|item| item.id == other);
                at.ok_or_else(|| Refusal::no_item(other, "previous_item_id"))? + 1
            }
        };
        self.items.insert(at, Item { id: id.to_owned(), value, audio_ms: 0, ours: false, number: 0 });
        Ok(())
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Item> {
        let at = self.items.iter().position(|item| item.id == id)?;
        Some(self.items.remove(at))
    }

    /// How much of an item was heard.
    pub(super) fn truncate(&mut self, id: &str, end_ms: u64) -> Result<u32, Refusal> {
        let item = self.get_mut(id).ok_or_else(|| Refusal::no_item(id, "item_id"))?;
        if !item.ours || item.value["type"] != "message" || item.audio_ms == 0 {
            return Err(Refusal::not_ours());
        }
        if end_ms > item.audio_ms {
            return Err(Refusal::shorter(item.audio_ms, end_ms));
        }
        item.audio_ms = end_ms;
        if item.value["content"][0].is_object() {
            item.value["content"][0]["transcript"] = Value::Null;
        }
        Ok(item.number)
    }
}
