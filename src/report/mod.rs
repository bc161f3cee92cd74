//! A replay as a folder that QA can open and send on: one page for the run, one picture a call.
//!
//! `index.html` needs nothing but itself: no network, no other file. Its policy (`Content-Security-Policy`) lets only
//! its own script run, by its hash, so nothing that stands in a file's name or in a transcript can. A call is a block of
//! JSON in it, which is read when the call is looked at; the chart is the one of [`crate::chart`].
//!
//! Sound takes 1.3 MB a minute. It is in the page, and can be played there, for calls of up to [`SOUND_CALL`] and until
//! a page holds [`SOUND_PAGE`] of it; other calls have the outline of their waves, 40 kB a minute.
//!
//! What QA marks in the page as speech or as none is saved as a truth file, the format of [`crate::replay::Truth`]:
//! beside the recording it is found by the next replay.

mod call;
mod names;
mod page;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    time::Duration,
};

pub use call::Call;

/// Longest call whose sound is in the page.
pub const SOUND_CALL: Duration = Duration::from_secs(180);
/// Most sound in a page, in bytes of µ-law: 25 minutes of both sides.
pub const SOUND_PAGE: usize = 24_000_000;

/// The report cannot be written: the disk's or the folder's fault.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the report's {}: {source}; is there room, and may the folder be written?", path.display())]
pub struct ReportError {
    path: PathBuf,
    source: io::Error,
}

/// Writes `index.html` and a picture of each call into `folder`, which is made if it is not there.
///
/// Files of an earlier report are replaced; others in the folder stay.
///
/// # Errors
/// [`ReportError`] with the file that could not be written.
pub fn write(folder: &Path, calls: &[Call]) -> Result<(), ReportError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ReportError { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let pictures = names::pictures(calls.iter().map(Call::name));
    for (call, picture) in calls.iter().zip(&pictures) {
        if let Some(svg) = call.svg() {
            let path = folder.join(picture);
            fs::write(&path, svg).map_err(failed(&path))?;
        }
    }
    let path = folder.join("index.html");
    let write = || {
        let mut out = BufWriter::new(File::create(&path)?);
        page::write(&mut out, calls, &pictures)?;
        out.flush()
    };
    write().map_err(failed(&path))
}
