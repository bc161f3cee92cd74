//! Phrases on disk, found by what they are ([`Key`]).
//!
//! A file is written beside its place and moved there, so it is whole or not there; it is looked through before it is
//! played, and one that is not as it was written is taken away and rendered again. What was not asked for the longest
//! time goes first when there is too much. A disk that cannot be written is told of once; what it does not take is kept
//! in memory, as long as the process lives.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::entry::{self, Key, MAX_ENTRY};
use crate::{net::clock, tts::Speech};

/// Phrases that are kept in memory when the disk does not take them: what several assistants need.
const IN_MEMORY: usize = 128;
/// A file that was begun and never finished is left alone for so long: somebody may be writing it.
const ABANDONED: Duration = Duration::from_secs(3_600);
const EXTENSION: &str = "speech";
const UNFINISHED: &str = "unfinished";

/// Phrases that were rendered once.
#[derive(Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
    max_bytes: u64,
    memory: Mutex<VecDeque<(Key, Speech)>>,
    warned: AtomicBool,
}

impl Cache {
    /// In this folder, which is made if need be, with at most so many bytes (at least one phrase stays).
    #[must_use]
    pub fn new(folder: &Path, max_bytes: u64) -> Self {
        let cache = Self { folder: Some(folder.to_owned()), max_bytes, ..Self::in_memory() };
        if let Err(error) = fs::create_dir_all(folder) {
            cache.warn(folder, &error);
        }
        cache
    }

    /// Without a disk.
    #[must_use]
    pub const fn in_memory() -> Self {
        Self { folder: None, max_bytes: 0, memory: Mutex::new(VecDeque::new()), warned: AtomicBool::new(false) }
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// A phrase, if it is there and as it was written. Reads a file: not for a thread that has calls.
    #[must_use]
    pub fn load(&self, key: &Key) -> Option<Speech> {
        if let Some((_, speech)) = self.lock().iter().find(|(known, _)| known == key) {
            return Some(speech.clone());
        }
        let path = self.place(key)?;
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                self.warn(&path, &error);
                return None;
            }
        };
        match entry::decode(key, &bytes) {
            Ok(speech) => {
                touch(&path);
                Some(speech)
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a kept phrase cannot be used; it is rendered again");
                // If it cannot be taken away it is found again, and told of again: nothing worse.
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Keeps a phrase. Writes a file: not for a thread that has calls.
    pub fn store(&self, key: &Key, speech: &Speech) {
        if let Some(path) = self.place(key) {
            match write(&path, &entry::encode(key, speech)) {
                Ok(()) => {
                    self.make_room(&path);
                    return;
                }
                Err(error) => self.warn(&path, &error),
            }
        }
        let mut memory = self.lock();
        memory.retain(|(known, _)| known != key);
        while memory.len() >= IN_MEMORY {
            memory.pop_front();
        }
        memory.push_back((*key, speech.clone()));
    }

    fn place(&self, key: &Key) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(format!("{key}.{EXTENSION}")))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(Key, Speech)>> {
        // A list of phrases is whole at every moment.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes away what was not asked for the longest time; never the phrase that was just written.
    fn make_room(&self, written: &Path) {
        let Some(folder) = &self.folder else { return };
        let Ok(files) = fs::read_dir(folder) else { return };
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(clock::unix_ms());
        let mut kept = Vec::new();
        for file in files.flatten() {
            let path = file.path();
            let Ok(about) = file.metadata() else { continue };
            let used = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            match path.extension().and_then(|extension| extension.to_str()) {
                Some(EXTENSION) => kept.push((used, about.len(), path)),
                Some(UNFINISHED) if now.duration_since(used).is_ok_and(|age| age > ABANDONED) => {
                    let _ = fs::remove_file(&path);
                }
                Some(_) | None => {}
            }
        }
        let mut bytes: u64 = kept.iter().map(|(_, length, _)| length).sum();
        kept.sort();
        for (_, length, path) in kept {
            if bytes <= self.max_bytes {
                break;
            }
            if path != written && fs::remove_file(&path).is_ok() {
                bytes -= length;
            }
        }
    }

    fn warn(&self, path: &Path, error: &io::Error) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                path = %path.display(), %error,
                "rendered phrases cannot be kept on disk: they are kept in memory, and rendered again after a restart"
            );
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_ENTRY + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// It was asked for now.
fn touch(path: &Path) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(clock::unix_ms());
    // A folder that cannot be written keeps its order.
    let _ = File::options().append(true).open(path).and_then(|file| file.set_modified(now));
}

/// Whole or not at all, also when the machine stops in the middle.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let unfinished = path.with_extension(format!("{}-{number}.{UNFINISHED}", std::process::id()));
    let written = File::create_new(&unfinished)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    } else if let Some(Ok(folder)) = path.parent().map(File::open) {
        // The name, too. Some file systems cannot; then it is rendered again.
        let _ = folder.sync_all();
    }
    written
}

#[cfg(test)]
#[path = "tests/cache.rs"]
mod tests;
