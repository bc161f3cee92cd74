//! Tables for people.

use comfy_table::{Table, presets};
use serde_json::Value;

/// A table with these headings.
pub(super) fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(headings.iter().map(|heading| heading.to_uppercase()));
    table
}

/// A value in a table: nothing for what is not there.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => String::new(),
        Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// A time to the second.
pub(super) fn time(value: &Value) -> String {
    let text = cell(value);
    text.get(..19).map_or_else(|| text.clone(), |text| text.replace('T', " "))
}

/// Lines of a table without the spaces at their ends.
pub(super) fn lines(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
