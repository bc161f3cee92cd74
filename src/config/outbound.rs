//! Calls that an assistant places.

use super::{
    file::{OutboundTable, Value},
    reader::Reader,
};

/// Calls within an hour: at least, at most, and by default.
const PER_HOUR: (u32, u32) = (0, 1_000);
const PER_HOUR_DEFAULT: u32 = 20;

/// Calls that an assistant places: `outbound`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// What the carrier's voice leaves on an answering machine, after the beep (`machine = "message"`); `None`: the call ends
    /// (`machine = "end"`, the default).
    pub message: Option<String>,
    /// So many within an hour, answered or not: `max_per_hour`, from 0 (none) to 1,000, default 20.
    pub max_per_hour: u32,
}

impl Default for Outbound {
    fn default() -> Self {
        Self { message: None, max_per_hour: PER_HOUR_DEFAULT }
    }
}

impl Reader<'_> {
    pub(super) fn outbound(&mut self, table: &Value<OutboundTable>, language: &str) -> Outbound {
        let Some(table) = table else { return Outbound::default() };
        let OutboundTable { machine, message, max_per_hour } = table.get_ref();
        let per_hour = max_per_hour.as_ref().and_then(|count| self.whole("outbound.max_per_hour", count, PER_HOUR));
        let text = self.spoken("outbound.message", message, language);
        let leaves = self.named(machine, |word| match word {
            "end" => Ok(false),
            "message" => Ok(true),
            other => Err(format!("machine = {other:?}: expected \"end\" or \"message\"")),
        });
        match (leaves, message) {
            (Some(true), None) => {
                let why = "machine = \"message\" needs what to say: write message = \"…\" beside it";
                self.wrong(table.span(), why);
            }
            (Some(false) | None, Some(message)) => {
                self.wrong(message.span(), "it is said to machines only: write machine = \"message\" beside it");
            }
            (Some(true), Some(_)) | (Some(false) | None, None) => {}
        }
        Outbound { message: text, max_per_hour: per_hour.unwrap_or(PER_HOUR_DEFAULT) }
    }
}
