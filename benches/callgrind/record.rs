//! `benches/instructions.txt`: under which conditions was counted, and a line for each kernel.

use std::{fmt, str::FromStr};

use super::{Conditions, Counted};

const PATH: &str = "path: ";
const COMPILER: &str = "compiler: ";

/// What was counted once.
pub(crate) struct Record(pub(crate) Counted);

/// A line that no record has.
#[derive(Debug, thiserror::Error)]
#[error("benches/instructions.txt, line {line}: expected {expected}; .ci/instructions --record writes the file anew")]
pub(crate) struct RecordError {
    line: usize,
    expected: &'static str,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counted { conditions: Conditions { path, compiler }, kernels } = &self.0;
        writeln!(f, "# Instructions a frame of 20 ms, by callgrind; written by `.ci/instructions --record`.")?;
        writeln!(f, "{PATH}{path}\n{COMPILER}{compiler}")?;
        kernels.iter().try_for_each(|(name, count)| writeln!(f, "{name} {count}"))
    }
}

impl FromStr for Record {
    type Err = RecordError;

    fn from_str(text: &str) -> Result<Self, RecordError> {
        let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#'));
        let mut head = |prefix: &str, expected| {
            let (line, text) = lines.next().unwrap_or((1, ""));
            text.strip_prefix(prefix).map(str::to_owned).ok_or(RecordError { line, expected })
        };
        let conditions = Conditions { path: head(PATH, "`path: …`")?, compiler: head(COMPILER, "`compiler: …`")? };
        let kernel = |(line, text): (usize, &str)| {
            let counted = text.split_once(' ').and_then(|(name, count)| Some((name.to_owned(), count.parse().ok()?)));
            counted.ok_or(RecordError { line, expected: "a kernel's name and a number" })
        };
        Ok(Self(Counted { conditions, kernels: lines.map(kernel).collect::<Result<_, _>>()? }))
    }
}
