//! The files of captures: written by a thread of their own, the oldest removed.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, TryRecvError};
use std::time::Duration;

use tokio::sync::watch;

use super::{Phase, Piece};
use crate::{carrier::CallId, config, net::clock};

/// How often all calls are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// A server that stops gives its calls this long to hand over what they have.
const LAST: Duration = Duration::from_secs(2);
/// How the name of a whole file ends.
const WHOLE: &str = ".capture";
/// How the name of one that is being written ends, or of a call whose server went down.
const PART: &str = ".capture.part";
/// A part that was not written to for so long is nobody's any more: no call lasts longer.
const ABANDONED: Duration = Duration::from_secs(2 * 86_400);

/// A file's name, without its ending: when the call began, and the carrier's id of it.
pub(super) fn name(began_unix_ms: u64, call: &CallId) -> String {
    let id: String = call.as_str().chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    format!("{}-{id}", utc(began_unix_ms))
}

/// `20261123T093000.250Z`: sorts as time does.
fn utc(unix_ms: u64) -> String {
    let (days, ms) = (unix_ms / 86_400_000, unix_ms % 86_400_000);
    // Days since the first of March of the year 0, in eras of 400 years: the leap day is a year's last.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = (era * 400 + year + u64::from(month >= 10), if month < 10 { month + 3 } else { month - 9 });
    let (s, ms) = (ms / 1000, ms % 1000);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}.{ms:03}Z", s / 3600, s / 60 % 60, s % 60)
}

/// A call that begins.
#[derive(Debug)]
pub(super) struct NewFile {
    pub(super) name: String,
    pub(super) pieces: mpsc::Receiver<Piece>,
    pub(super) waiting: Arc<AtomicUsize>,
}

/// A file that is being written.
struct Open {
    name: String,
    file: File,
    bytes: u64,
    pieces: mpsc::Receiver<Piece>,
    waiting: Arc<AtomicUsize>,
}

/// What is to be done with an open file.
enum Then {
    Keep,
    Forget,
    Finish,
}

pub(super) struct Files {
    folder: PathBuf,
    max_calls: usize,
    max_bytes: u64,
    open: Vec<Open>,
    /// Those that are there, the oldest first, with their sizes.
    kept: VecDeque<(String, u64)>,
    /// That nothing can be written was told, and nothing could be since.
    told: bool,
}

impl Files {
    pub(super) fn new(config: &config::Capture) -> Self {
        Self {
            folder: config.folder.clone(),
            max_calls: config.max_calls as usize,
            max_bytes: u64::from(config.max_mb) << 20,
            open: Vec::new(),
            kept: VecDeque::new(),
            told: false,
        }
    }

    /// Writes until the server stops.
    pub(super) fn run(&mut self, new: &mpsc::Receiver<NewFile>, phase: &watch::Receiver<Phase>) {
        let folder = fs::create_dir_all(&self.folder).and_then(|()| existing(&self.folder));
        match folder {
            Ok(kept) => self.kept = kept.into(),
            Err(error) => self.tell(&error),
        }
        let mut stop_at = None;
        loop {
            match new.recv_timeout(LOOK) {
                Ok(file) => self.begin(file),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
            while let Ok(file) = new.try_recv() {
                self.begin(file);
            }
            let stopped = *phase.borrow() == Phase::Stopped;
            self.look();
            if stopped {
                let now = clock::now();
                if self.open.is_empty() || now >= *stop_at.get_or_insert(now + LAST) {
                    return;
                }
            }
        }
    }

    fn begin(&mut self, new: NewFile) {
        let NewFile { name, pieces, waiting } = new;
        // It holds what people said: for this user only.
        let create = File::options().write(true).create(true).truncate(true).mode(0o600).open(self.part(&name));
        match create {
            Ok(file) => self.open.push(Open { name, file, bytes: 0, pieces, waiting }),
            // Its call learns it by the channel.
            Err(error) => self.tell(&error),
        }
    }

    /// Writes what calls have handed over.
    fn look(&mut self) {
        let mut open = std::mem::take(&mut self.open);
        open.retain_mut(|file| match file.write() {
            Ok(Then::Keep) => true,
            Ok(Then::Forget) => false,
            Ok(Then::Finish) => {
                if let Err(error) = self.finish(&file.name, file.bytes) {
                    self.tell(&error);
                }
                false
            }
            Err(error) => {
                self.tell(&error);
                false
            }
        });
        self.open = open;
    }

    /// The file gets its name, and the oldest go.
    fn finish(&mut self, name: &str, bytes: u64) -> io::Result<()> {
        fs::rename(self.part(name), self.folder.join(format!("{name}{WHOLE}")))?;
        self.told = false;
        self.kept.push_back((format!("{name}{WHOLE}"), bytes));
        let mut all: u64 = self.kept.iter().map(|(_, bytes)| bytes).sum();
        while self.kept.len() > self.max_calls || (all > self.max_bytes && self.kept.len() > 1) {
            let Some((oldest, bytes)) = self.kept.pop_front() else { break };
            all -= bytes;
            match fs::remove_file(self.folder.join(&oldest)) {
                // Somebody else took it away.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result?,
            }
        }
        Ok(())
    }

    /// That nothing can be written is told once, until something can.
    fn tell(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.told, true) {
            let folder = self.folder.display();
            tracing::error!(%error, %folder, "calls cannot be captured; they go on");
        }
    }

    fn part(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{PART}"))
    }
}

impl Open {
    fn write(&mut self) -> io::Result<Then> {
        loop {
            let (bytes, last) = match self.pieces.try_recv() {
                Ok(Piece::Records(bytes)) => {
                    self.waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
                    (bytes, None)
                }
                Ok(Piece::Last(bytes, lost)) => (bytes, Some(lost)),
                Err(TryRecvError::Empty) => return Ok(Then::Keep),
                // The call was cut off: what there is stays, under the name of a part.
                Err(TryRecvError::Disconnected) => return Ok(Then::Forget),
            };
            self.file.write_all(&bytes)?;
            self.bytes += bytes.len() as u64;
            if let Some(lost) = last {
                if lost > 0 {
                    let name = &self.name;
                    tracing::warn!(%name, lost, "the disk did not keep up: the capture of this call is not complete");
                }
                return Ok(Then::Finish);
            }
        }
    }
}

/// The captures that are in a folder, the oldest first; parts only if nobody writes them any more.
fn existing(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (Ok(name), Ok(data)) = (entry.file_name().into_string(), entry.metadata()) else { continue };
        let untouched = data.modified().ok().and_then(|at| at.elapsed().ok());
        let is_abandoned = || name.ends_with(PART) && untouched.is_some_and(|time| time > ABANDONED);
        if data.is_file() && (name.ends_with(WHOLE) || is_abandoned()) {
            found.push((name, data.len()));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str, max_calls: u32, max_mb: u32) -> config::Capture {
        let folder = std::env::temp_dir().join(format!("quietline-captures-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        config::Capture { folder, share: 1.0, max_calls, max_mb }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A call of so many bytes; `whole`: it comes to its end.
    fn call(files: &mut Files, n: u64, bytes: usize, whole: bool) {
        let (sender, pieces) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(bytes));
        files.begin(NewFile { name: name(n, &CallId::new("CA1")), pieces, waiting: Arc::clone(&waiting) });
        let _ = sender.send(Piece::Records(vec![1; bytes]));
        files.look();
        if whole {
            sender.send(Piece::Last(vec![2; 10], 0)).unwrap();
        }
        drop(sender);
        files.look();
        assert!(files.open.is_empty());
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn names_tell_the_time_and_nothing_private() {
        assert_eq!(name(0, &CallId::new("CA0f")), "19700101T000000.000Z-CA0f");
        assert_eq!(utc(951_782_400_000 + 3_723_004), "20000229T010203.004Z");
        assert_eq!(utc(1795417199999), "20261123T065959.999Z");
        assert_eq!(utc(4107542400000), "21000301T000000.000Z");
        assert_eq!(name(0, &CallId::new("../../etc/x")), "19700101T000000.000Z-etcx");
    }

    #[test]
    fn the_oldest_go_and_a_call_that_was_cut_off_stays_a_part() {
        let config = config("oldest", 3, 1);
        fs::create_dir_all(&config.folder).unwrap();
        fs::write(config.folder.join("20000101T000000.000Z-CA9.capture"), "old").unwrap();
        fs::write(config.folder.join("notes.txt"), "mine").unwrap();
        let mut files = Files::new(&config);
        files.kept = existing(&config.folder).unwrap().into();
        for n in 0..3 {
            call(&mut files, 1_700_000_000_000 + n, 1_000, true);
        }
        let file = |n: u64| format!("{}.capture", name(1_700_000_000_000 + n, &CallId::new("CA1")));
        assert_eq!(names(&config.folder), [file(0), file(1), file(2), "notes.txt".into()]);
        assert_eq!(fs::metadata(config.folder.join(file(2))).unwrap().len(), 1_010);
        call(&mut files, 1_700_000_000_003, 1 << 20, true);
        assert_eq!(names(&config.folder), [file(3), "notes.txt".into()], "1 MiB in all, but always the latest");
        call(&mut files, 1_700_000_000_004, 77, false);
        assert_eq!(names(&config.folder), [file(3), format!("{}.part", file(4)), "notes.txt".into()]);
        fs::remove_dir_all(&config.folder).unwrap();
    }

    #[test]
    fn a_folder_that_is_none_is_told_once_and_calls_learn_it() {
        let config = config("none", 3, 1);
        fs::write(&config.folder, "no folder").unwrap();
        let mut files = Files::new(&config);
        let (sender, pieces) = mpsc::channel();
        files.begin(NewFile { name: "x".into(), pieces, waiting: Arc::default() });
        assert!(files.told && files.open.is_empty());
        assert!(sender.send(Piece::Records(Vec::new())).is_err());
        fs::remove_file(&config.folder).unwrap();
    }
}
