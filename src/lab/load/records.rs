//! The gateway's own books: a line of JSON for each finished call.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// What the gateway wrote of a call; other keys are not read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Record {
    /// The call's id.
    pub call: String,
    /// Why it ended.
    #[serde(default)]
    pub reason: Option<String>,
    /// First goodbye frame less the deadline, milliseconds.
    #[serde(default)]
    pub mechanics_error_ms: Option<f64>,
    /// The goodbye was not sent whole.
    #[serde(default)]
    pub goodbye_cut: bool,
    /// Holes in what it sent, by its own reckoning.
    #[serde(default)]
    pub underruns: u64,
    /// How long the caller waited for answers.
    #[serde(default)]
    pub answers: Vec<Answer>,
}

/// From the caller's last voiced frame to the agent's first frame on the line, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Answer {
    /// All of it.
    pub total_ms: f64,
    /// The gateway's part.
    pub ours_ms: f64,
    /// The model's part.
    pub model_ms: f64,
}

/// Records by call, from where the file ended when this was made.
#[derive(Clone, Debug)]
pub struct Records {
    file: PathBuf,
    from: u64,
}

impl Records {
    /// Of calls that end from now on. The file need not exist yet.
    #[must_use]
    pub fn from_now_on(file: &Path) -> Self {
        Self { file: file.to_owned(), from: file.metadata().map_or(0, |metadata| metadata.len()) }
    }

    /// All that has been written.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(&self) -> io::Result<BTreeMap<String, Record>> {
        let mut file = File::open(&self.file)?;
        file.seek(SeekFrom::Start(self.from))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(parsed(&String::from_utf8_lossy(&bytes)))
    }
}

/// Lines that are no record, such as one that is still being written, are left out.
fn parsed(lines: &str) -> BTreeMap<String, Record> {
    let records = lines.lines().filter_map(|line| serde_json::from_str::<Record>(line).ok());
    records.map(|record| (record.call.clone(), record)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_is_no_record_and_unknown_keys_do_not_matter() {
        let lines = concat!(
            r#"{"call":"CA1","reason":"silence","mechanics_error_ms":12.5,"goodbye_cut":false,"underruns":0,"ledger":[]}"#,
            "\n",
            r#"{"call":"CA2","reason":null,"mechanics_error_ms":null}"#,
            "\n",
            r#"{"call":"CA3","rea"#,
        );
        let records = parsed(lines);
        assert_eq!(records.len(), 2);
        assert_eq!(records["CA1"].mechanics_error_ms, Some(12.5));
        assert_eq!(records["CA2"], Record { call: "CA2".to_owned(), ..Record::default() });
    }
}
