//! The built-in tools besides `hangup_call`.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::Spanned;

use super::{
    file::{ToolsTable, TransferTable},
    reader::Reader,
};
use crate::{assistant::MOST_TRANSFERS, carrier::is_e164};

/// How long the other side rings, in seconds: at least, at most, and by default.
const RINGS_S: (u32, u32) = (5, 60);
const RINGS_DEFAULT: Duration = Duration::from_secs(20);
/// Longest name of somebody to transfer to, in characters.
const MAX_NAME: usize = 40;
/// What the caller is told.
const DEFAULT_TEXT: &str = "I am putting you through now. One moment, please.";

/// Whom callers may be put through to: `tools.transfer_call`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Name for the model, and number (E.164), in the order of the names.
    pub to: Vec<(String, String)>,
    /// What the caller is told first: by the assistant, or by the carrier's voice if it has not.
    pub text: String,
    /// How long the other side rings: 5 to 60 s.
    pub timeout: Duration,
}

impl Reader<'_> {
    pub(super) fn transfer(&mut self, tools: &ToolsTable) -> Option<Transfer> {
        let table = tools.transfer_call.as_ref()?;
        let TransferTable { to, text, timeout_s } = table.get_ref();
        if to.is_empty() {
            self.wrong(
                table.span(),
                "to is missing: write whom callers may be put through to, such as to = { billing = \"+15551234567\" }",
            );
            return None;
        }
        if to.len() > MOST_TRANSFERS {
            self.wrong(table.span(), format!("to has {} numbers: expected {MOST_TRANSFERS} at most", to.len()));
        }
        let text = self.spoken("tools.transfer_call.text", text, "en-US").unwrap_or_else(|| DEFAULT_TEXT.to_owned());
        let rings =
            timeout_s.as_ref().and_then(|seconds| self.whole("tools.transfer_call.timeout_s", seconds, RINGS_S));
        let timeout = rings.map_or(RINGS_DEFAULT, |seconds| Duration::from_secs(seconds.into()));
        Some(Transfer { to: self.places(to), text, timeout })
    }

    fn places(&mut self, to: &BTreeMap<String, Spanned<String>>) -> Vec<(String, String)> {
        for (name, number) in to {
            let length = name.chars().count();
            if name.trim() != name || length == 0 || length > MAX_NAME || name.contains(char::is_control) {
                let message =
                    format!("{name:?} is not a name: expected 1 to {MAX_NAME} characters without spaces around");
                self.wrong(number.span(), message);
            }
            if !is_e164(number.get_ref()) {
                self.wrong(
                    number.span(),
                    "not a telephone number: expected + and 7 to 15 digits with the country's code, such as +15551234567",
                );
            }
        }
        to.iter().map(|(name, number)| (name.clone(), number.get_ref().clone())).collect()
    }
}
