//! Captured calls at the command line: which files they are, and `quietline replay` of one.

pub(crate) mod report;
mod show;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use quietline::{
    replay::capture::{Change, Play, Played},
    session::capture::{Capture, Header, State},
};

/// A capture's file, also that of a call whose server went down.
pub(crate) fn is_capture(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".capture") || name.ends_with(".capture.part")
}

/// The captures among these paths and in the folders among them, those of a folder by name; and folders that cannot be
/// listed, with the reason.
pub(crate) fn find(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<(PathBuf, String)>) {
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() {
            walk(path, &mut found, &mut unreadable);
        } else if is_capture(path) {
            found.push(path.clone());
        }
    }
    (found, unreadable)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>, unreadable: &mut Vec<(PathBuf, String)>) {
    let listed = fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let mut entries = match listed {
        Ok(entries) => entries,
        Err(error) => return unreadable.push((folder.to_owned(), error.to_string())),
    };
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        // Not what a link points to: a link back up would never end.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, found, unreadable);
        } else if is_capture(&path) {
            found.push(path);
        }
    }
}

/// How captures are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Showing {
    /// One JSON object a line and capture.
    pub(crate) json: bool,
    /// The whole ledger.
    pub(crate) verbose: bool,
}

/// Replays captures, each told as it comes. `true` if every one could be read and, nothing being changed, came to the
/// decisions that it holds.
pub(crate) fn replay(
    paths: &[PathBuf],
    change: &Change,
    showing: Showing,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<bool> {
    if !showing.json {
        show::heading(out)?;
    }
    let mut good = true;
    for path in paths {
        match play(path, change) {
            Ok((about, played)) => {
                good &= played.is_same || *change != Change::default();
                show::played(path, &about, &played, showing, out)?;
            }
            Err(error) => {
                good = false;
                writeln!(err, "quietline replay: {}: {error}", path.display())?;
            }
        }
    }
    Ok(good)
}

/// What is told of a capture besides its call.
#[derive(Debug)]
struct About {
    header: Header,
    state: State,
}

fn play(path: &Path, change: &Change) -> Result<(About, Played), String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let capture = Capture::read(&bytes).map_err(|error| error.to_string())?;
    let played = Play::new(&capture, change).map_err(|error| error.to_string())?.run();
    Ok((About { header: capture.header, state: capture.state }, played))
}
