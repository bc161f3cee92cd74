//! Calls that are written down while they happen: from the shard to a file, without the call ever waiting for it.
//!
//! The session's recorder ([`crate::session::capture`]) writes into memory; every second, or when there is more, the
//! shard hands over what there is by a channel that nobody waits at (no lock, no system call), and a thread of its own
//! looks at all channels ten times a second and writes (`files.rs`). If it does not keep up, because the disk stalls,
//! what waits is bounded for each call: beyond it the rest of the call is not kept, the file says how much that is, and
//! the call goes on.

mod files;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use super::gateway::Phase;
use crate::{
    carrier::CallId,
    config,
    session::{Session, capture::Header, capture::Recorder},
    time::Timestamp,
};
use files::{Files, NewFile};

/// What a call has written is handed over after this time …
const HAND_OVER: Duration = Duration::from_secs(1);
/// … or once it is so many bytes.
const CHUNK: usize = 16 << 10;
/// Of one call so many bytes may wait to be written: its renderings, and a minute.
const WAITING: usize = 2 << 20;

/// What a call hands over.
#[derive(Debug)]
enum Piece {
    /// Whole records.
    Records(Vec<u8>),
    /// The last ones, and how many steps are missing before them.
    Last(Vec<u8>, u64),
}

/// Decides which calls are captured, and opens their files.
#[derive(Debug)]
pub(super) struct Captures {
    share: f64,
    files: mpsc::Sender<NewFile>,
}

impl Captures {
    /// Starts the thread that writes; it ends after `phase` says so.
    pub(super) fn start(config: &config::Capture, phase: watch::Receiver<Phase>) -> io::Result<(Self, JoinHandle<()>)> {
        let (sender, receiver) = mpsc::channel();
        let mut files = Files::new(config);
        let thread = std::thread::Builder::new().name("captures".into()).spawn(move || files.run(&receiver, &phase))?;
        Ok((Self { share: config.share, files: sender }, thread))
    }

    /// Captures a call from its first input on, if it is one of those that are.
    pub(super) fn begin(&self, call: &CallId, header: &Header, session: &mut Session) -> Option<CallCapture> {
        if !is_chosen(call, self.share) {
            return None;
        }
        let (sender, pieces) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let name = files::name(header.began_unix_ms, call);
        self.files.send(NewFile { name, pieces, waiting: Arc::clone(&waiting) }).ok()?;
        session.capture(Recorder::new(header));
        Some(CallCapture { pieces: sender, waiting, at: Timestamp::ZERO })
    }
}

/// The same call is chosen or not whichever process asks.
fn is_chosen(call: &CallId, share: f64) -> bool {
    f64::from(crc32fast::hash(call.as_str().as_bytes())) < share * (f64::from(u32::MAX) + 1.0)
}

/// One call that is captured.
#[derive(Debug)]
pub(super) struct CallCapture {
    pieces: mpsc::Sender<Piece>,
    /// Bytes that were handed over and are not written yet.
    waiting: Arc<AtomicUsize>,
    /// When that was last done.
    at: Timestamp,
}

impl CallCapture {
    /// Hands over what the session has written, if it is time.
    pub(super) fn hand_over(&mut self, now: Timestamp, session: &mut Session) {
        let place = session.recorder();
        let Some(recorder) = place else { return };
        let length = recorder.waiting();
        if length == 0 || (length < CHUNK && now.since(self.at) < HAND_OVER) {
            return;
        }
        self.at = now;
        if self.waiting.load(Ordering::Relaxed).saturating_add(length) > WAITING {
            recorder.stop();
            return;
        }
        let records = recorder.take();
        self.waiting.fetch_add(records.len(), Ordering::Relaxed);
        if self.pieces.send(Piece::Records(records)).is_err() {
            // The file cannot be written, which was told: the rest of the call need not be encoded.
            *place = None;
        }
    }

    /// The call is over.
    pub(super) fn finish(self, session: &mut Session) {
        let Some(recorder) = session.recorder().take() else { return };
        let lost = recorder.lost();
        // However much waits: this is the last of it. Nobody is there only if the file cannot be written.
        let _ = self.pieces.send(Piece::Last(recorder.finish(session.record()), lost));
    }
}

/// Whether captures can be written there; the folder is made when the server starts, if it is not there.
///
/// # Errors
///
/// What keeps them from being written.
pub fn check_folder(folder: &Path) -> io::Result<()> {
    let there = folder.ancestors().find(|folder| folder.as_os_str().is_empty() || folder.exists()).unwrap_or(folder);
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    let probe = there.join(format!(".quietline-{}", std::process::id()));
    std::fs::File::create(&probe)?;
    std::fs::remove_file(&probe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_calls_is_chosen_and_always_the_same_ones() {
        let call = |n: u32| CallId::new(&format!("CA{n:032x}"));
        let chosen = |share: f64| (0..4_000).filter(|n| is_chosen(&call(*n), share)).count();
        assert_eq!((chosen(0.0), chosen(1.0)), (0, 4_000));
        assert!((700..900).contains(&chosen(0.2)), "{}", chosen(0.2));
        assert!((0..4_000).all(|n| !is_chosen(&call(n), 0.2) || is_chosen(&call(n), 0.3)));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told() {
        let folder = std::env::temp_dir().join(format!("quietline-check-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        check_folder(&folder.join("not/yet/there")).unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "nothing is left");
        std::fs::write(folder.join("file"), "").unwrap();
        assert!(check_folder(&folder.join("file")).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
