//! The labels of a corpus: what is really in each recording.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A stretch of time, milliseconds.
pub(super) type Stretch = (f64, f64);

/// `labels.json`. What is not needed here is ignored.
#[derive(Debug, Deserialize)]
struct Labels {
    files: Vec<Labelled>,
}

/// One recording of the caller's side.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Labelled {
    /// Path from the corpus' folder on.
    pub(super) file: PathBuf,
    pub(super) duration_ms: f64,
    pub(super) group: Group,
    /// The caller's speech.
    pub(super) speech: Vec<Stretch>,
    pub(super) snr_db: Option<f64>,
    /// What was sent to the caller, if it came back.
    pub(super) bot: Option<PathBuf>,
    #[serde(default)]
    pub(super) echo_ms: Vec<Stretch>,
    pub(super) delay_ms: Option<f64>,
    pub(super) loss_db: Option<f64>,
    /// How far the caller who talks over the agent lies above its echo.
    pub(super) caller_over_echo_db: Option<f64>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Group {
    /// Words laid into noise: the labels are exact.
    Speech,
    /// Labelled by people.
    Real,
    /// Nobody speaks.
    Nonspeech,
    /// Other people speak, in some files after the caller has.
    Bgspeech,
}

/// Reads `labels.json` of this folder.
pub(super) fn read(folder: &Path) -> Result<Vec<Labelled>, String> {
    let path = folder.join("labels.json");
    let expected = "expected is a folder with labels.json and the recordings that it names";
    let json = std::fs::read(&path).map_err(|error| format!("{}: {error}; {expected}", path.display()))?;
    let labels: Labels =
        serde_json::from_slice(&json).map_err(|error| format!("{}: {error}; {expected}", path.display()))?;
    if labels.files.is_empty() {
        return Err(format!("{}: it names no recording", path.display()));
    }
    Ok(labels.files)
}
