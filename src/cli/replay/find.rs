//! Which files are recordings to be played: those that are named, and those in the folders that are named.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use crate::cli::beside::{RECORDINGS, parts};

/// What is known to be a recording, and cannot be read: left out of a folder it would be missed.
const UNREADABLE: [&str; 2] = ["opus", "amr"];
/// A folder with this file holds phrases that we say, and their texts.
const PHRASES: &str = "texts.json";

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// To be played: in the order in which they were named, those of a folder by name.
    pub(super) recordings: Vec<PathBuf>,
    /// Left out, with the reason.
    pub(super) skipped: Vec<(PathBuf, &'static str)>,
    /// Folders that cannot be listed.
    pub(super) unreadable: Vec<(PathBuf, String)>,
}

/// Looks into the folders among the paths; every other path is a recording.
pub(super) fn find(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for path in paths {
        if path.is_dir() {
            found.walk(path);
        } else {
            found.recordings.push(path.clone());
        }
    }
    found
}

impl Found {
    fn walk(&mut self, folder: &Path) {
        let mut entries = match list(folder) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable.push((folder.to_owned(), error.to_string())),
        };
        entries.sort();
        if entries.iter().any(|path| path.file_name() == Some(OsStr::new(PHRASES))) {
            return self.skipped.push((folder.to_owned(), "it holds phrases that are said to a caller, not calls"));
        }
        for path in &entries {
            // What a link points to is found where it is; a link back up would never end.
            let is_link = path.symlink_metadata().is_ok_and(|about| about.file_type().is_symlink());
            if path.is_dir() {
                if is_link {
                    self.skipped.push((path.clone(), "it is a link to a folder"));
                } else {
                    self.walk(path);
                }
            } else if is_recording(path) {
                match reason_to_skip(path, &entries) {
                    Some(reason) => self.skipped.push((path.clone(), reason)),
                    None => self.recordings.push(path.clone()),
                }
            }
        }
    }
}

fn list(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

fn is_recording(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_lowercase();
    RECORDINGS.iter().chain(&UNREADABLE).any(|known| *known == ending)
}

fn reason_to_skip(path: &Path, beside: &[PathBuf]) -> Option<&'static str> {
    let (name, part) = parts(path)?;
    match part {
        "bot" => Some("it is the agent's side"),
        "goodbye" => Some("it is the goodbye alone"),
        "mixed" => {
            let has_caller = beside.iter().any(|other| parts(other) == Some((name, "caller")));
            has_caller.then_some("the caller's own track lies beside it")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

    fn names(paths: &[PathBuf]) -> Vec<String> {
        paths.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_folder_gives_its_calls_by_name_and_says_what_it_leaves_out() {
        let found = find(&[FIXTURES.into()]);
        let recordings = names(&found.recordings);
        assert_eq!(recordings.len(), 24, "{recordings:?}");
        assert!(recordings.is_sorted() && recordings.contains(&"call-echo.caller.m4a".into()));
        assert!(recordings.contains(&"call-seed-silence.mixed.m4a".into()), "no track of the caller's lies beside it");
        let skipped: Vec<_> = found.skipped.iter().map(|(path, reason)| (path.file_name().unwrap(), *reason)).collect();
        assert!(skipped.contains(&(OsStr::new("call-echo.bot.ulaw"), "it is the agent's side")), "{skipped:?}");
        assert!(skipped.iter().any(|(name, reason)| *name == "en" && reason.contains("phrases")), "{skipped:?}");
        assert!(skipped.iter().any(|(_, reason)| *reason == "it is the goodbye alone"), "{skipped:?}");
        assert!(found.unreadable.is_empty());
    }

    #[test]
    fn a_file_that_is_named_is_played_whatever_its_name() {
        let named = [PathBuf::from("a.bot.ulaw"), PathBuf::from("no-such.txt")];
        assert_eq!(find(&named).recordings, named);
    }
}
