//! The end of `cargo bench`: nanoseconds of every stage of a frame, and how many calls a core could hold if they were
//! all it had to do. Benches run in the order of their names, hence this one's.
//!
//! `cargo bench --bench zz_table` prints the table alone, of what was measured before; nothing is measured here.

mod table;

use std::{
    env,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::SystemTime,
};

use table::{Measurements, Table};

fn main() -> ExitCode {
    match print() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn print() -> io::Result<()> {
    // Rebuilt whenever the library is: what was measured before that is of older code.
    let built = env::current_exe()?.metadata()?.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let measurements = Measurements::read(&criterion_home(), built)?;
    write!(io::stdout().lock(), "\n{}", Table(&measurements))
}

/// Where criterion keeps its figures: the same two places.
fn criterion_home() -> PathBuf {
    env::var_os("CRITERION_HOME").map_or_else(
        // `CARGO_TARGET_TMPDIR` is a folder in the target folder, wherever that is.
        || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("criterion"),
        Into::into,
    )
}
