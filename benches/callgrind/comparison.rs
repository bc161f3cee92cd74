//! What is recorded beside what was counted now.

use std::fmt;

use super::{Counted, Record};

/// Growth that is not let through.
const TOLERATED: f64 = 0.10;

/// Record and count.
pub(crate) struct Comparison {
    pub(crate) record: Record,
    pub(crate) now: Counted,
}

impl Comparison {
    /// A kernel takes over 10 % more instructions than recorded, on the same path.
    pub(crate) fn has_grown(&self) -> bool {
        self.now.kernels.iter().any(|(name, now)| self.change(name, *now).is_some_and(|change| change > TOLERATED))
    }

    /// Change since the record; `None` if it says nothing about this.
    fn change(&self, name: &str, now: u64) -> Option<f64> {
        let Record(before) = &self.record;
        if before.conditions.path != self.now.conditions.path {
            return None;
        }
        before.of(name).map(|before| now as f64 / before.max(1) as f64 - 1.0)
    }
}

impl Counted {
    fn of(&self, kernel: &str) -> Option<u64> {
        self.kernels.iter().find(|(name, _)| name == kernel).map(|&(_, count)| count)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record(before) = &self.record;
        writeln!(f, "{:<32} {:>12} {:>12} {:>9}", "instructions a frame of 20 ms", "recorded", "now", "change")?;
        for (name, now) in &self.now.kernels {
            let recorded = before.of(name).map_or_else(|| "new".to_owned(), |count| count.to_string());
            let change = self.change(name, *now);
            let percent = change.map(|change| format!("{:+.1} %", 100.0 * change)).unwrap_or_default();
            let grown = if change.is_some_and(|change| change > TOLERATED) { "  over 10 %" } else { "" };
            writeln!(f, "{}", format!("{name:<32} {recorded:>12} {now:>12} {percent:>9}{grown}").trim_end())?;
        }
        for (name, recorded) in before.kernels.iter().filter(|(name, _)| self.now.of(name).is_none()) {
            writeln!(f, "{name:<32} {recorded:>12} {:>12}", "gone")?;
        }
        let (then, now) = (&before.conditions, &self.now.conditions);
        writeln!(f, "path: {}", now.path)?;
        if then.path != now.path {
            writeln!(f, "NOT COMPARED: recorded on {}", then.path)?;
        }
        if then.compiler != now.compiler {
            writeln!(f, "compiler: {}; recorded with {}", now.compiler, then.compiler)?;
        }
        Ok(())
    }
}
