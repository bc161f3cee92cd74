//! How sockets are served: what it costs against how long audio waits. The measured table is in [`crate::live`].

use std::time::Duration;

use super::{
    file::{IoTable, Number, Value},
    reader::Reader,
};

/// Shortest and longest `drain_ms`, but for 0.
const DRAIN_MS: (f64, f64) = (0.5, 2.0);
/// Fewest and most calls of `drain_from_calls`.
const DRAIN_FROM: (u32, u32) = (1, 100_000);
/// Shortest and longest message of caller audio, and what both are a multiple of, in milliseconds.
const APPEND_MS: (u32, u32) = (20, 100);

/// How sockets are served.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Io {
    /// A thread with many calls looks at its sockets this often, and not whenever something comes: `drain_ms`, from 0.5
    /// to 2, default 1. Audio waits so long at most. 0: it looks whenever something comes.
    pub drain: Duration,
    /// "Many" is this many calls of a thread: `drain_from_calls`, from 1 to 100,000, default 16. With fewer of them waking
    /// for each message is cheaper.
    pub drain_from_calls: usize,
    /// Caller audio goes to the model in messages of this length: `append_ms`, 20, 40, 60, 80 or 100, default 20.
    pub append_ms: u32,
}

impl Default for Io {
    fn default() -> Self {
        Self { drain: Duration::from_millis(1), drain_from_calls: 16, append_ms: 20 }
    }
}

impl Reader<'_> {
    /// The table `[io]`.
    pub(super) fn io(&mut self, table: &IoTable) -> Io {
        let usual = Io::default();
        let from = table.drain_from_calls.as_ref();
        let from = from.and_then(|value| self.whole("drain_from_calls", value, DRAIN_FROM));
        let append_ms = table.append_ms.as_ref().and_then(|value| {
            let whole = self.whole("append_ms", value, APPEND_MS)?;
            if whole.is_multiple_of(APPEND_MS.0) {
                return Some(whole);
            }
            self.wrong(value.span(), format!("append_ms = {whole} is no multiple of {}", APPEND_MS.0));
            None
        });
        Io {
            drain: self.drain(&table.drain_ms).unwrap_or(usual.drain),
            drain_from_calls: from.map_or(usual.drain_from_calls, |calls| calls as usize),
            append_ms: append_ms.unwrap_or(usual.append_ms),
        }
    }

    fn drain(&mut self, value: &Value<Number>) -> Option<Duration> {
        let value = value.as_ref()?;
        let (number, (low, high)) = (value.get_ref().0, DRAIN_MS);
        if number == 0.0 || (low..=high).contains(&number) {
            return Some(Duration::from_secs_f64(number / 1e3));
        }
        let message = format!("drain_ms = {number} is outside {low}..={high} ms, and not 0 (whenever something comes)");
        self.wrong(value.span(), message);
        None
    }
}
