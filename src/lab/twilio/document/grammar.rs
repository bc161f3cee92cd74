//! The closed grammar: which elements, attributes and values there are.

use std::sync::LazyLock;

use serde_json::Value;

use super::xml::Element;

static GRAMMAR: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../schemas/twiml-grammar.json")).expect("the grammar that we ship is JSON")
});

/// What the vendor would complain about (12200) in a verb, with all that it holds.
pub(super) fn complaints(element: &Element, parent: &str, found: &mut Vec<String>) {
    let name = element.name.as_str();
    if !may_hold(parent, name) {
        found.push(format!("<{name}> cannot stand in <{parent}>"));
        return;
    }
    let rule = &GRAMMAR["voice"][name];
    for (attribute, value) in &element.attributes {
        if !lists(&rule["attributes"], attribute) {
            found.push(format!("<{name}> has no attribute `{attribute}`"));
        }
        let values = &GRAMMAR["attributeValues"][format!("{name}.{attribute}")];
        if values.is_array() && !lists(values, value) {
            found.push(format!("<{name} {attribute}> cannot be {value:?}, expected one of {values}"));
        }
    }
    if !element.text.trim().is_empty() && rule["text"] != true {
        found.push(format!("<{name}> has no text"));
    }
    for child in &element.children {
        complaints(child, name, found);
    }
}

/// The grammar's source lists no children of nouns; these are the documented ones.
fn may_hold(parent: &str, child: &str) -> bool {
    match parent {
        "Connect" => child == "Stream",
        "Start" => matches!(child, "Stream" | "Recording"),
        "Stream" => child == "Parameter",
        "Dial" => child == "Number",
        _ => lists(&GRAMMAR["voice"][parent]["children"], child),
    }
}

fn lists(list: &Value, word: &str) -> bool {
    list.as_array().is_some_and(|all| all.iter().any(|known| known == word))
}
