//! How a load goes, on standard error: one line that changes on a terminal, else a line now and then.

use std::io::{self, IsTerminal, Write};

use quietline::lab::load::Progress;

/// Looks between two lines where there is no terminal.
const SELDOM: u32 = 10;

/// What is shown.
pub(super) struct Shown<'a> {
    err: &'a mut dyn Write,
    terminal: bool,
    looks: u32,
}

impl<'a> Shown<'a> {
    pub(super) fn new(err: &'a mut dyn Write) -> Self {
        Self { err, terminal: io::stderr().is_terminal(), looks: 0 }
    }

    pub(super) fn show(&mut self, progress: &Progress) {
        self.looks += 1;
        // Nobody can be told that nothing can be shown.
        if self.terminal {
            let _ = write!(self.err, "\r\x1b[K{}", line(progress));
            let _ = self.err.flush();
        } else if self.looks.is_multiple_of(SELDOM) {
            let _ = writeln!(self.err, "{}", line(progress));
        }
    }

    /// Leaves the line.
    pub(super) fn done(&mut self) {
        if self.terminal {
            let _ = write!(self.err, "\r\x1b[K");
            let _ = self.err.flush();
        }
    }
}

fn line(progress: &Progress) -> String {
    let Progress { dialled, up, ended, refused, violations, frames_per_s, late_ms, elapsed } = progress;
    format!(
        "{:>4} s  {dialled} dialled, {up} up, {ended} ended, {refused} refused, {violations} violations, \
         {frames_per_s:.0} frames/s, load {late_ms:.1} ms late (p99)",
        elapsed.as_secs()
    )
}
