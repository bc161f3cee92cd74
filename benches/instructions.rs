//! Instructions of every kernel, by callgrind, beside recorded ones: unlike time, they are the same on a busy machine.
//!
//! | command | |
//! |---|---|
//! | `.ci/instructions` | compares with `benches/instructions.txt`; fails if a kernel takes over 10 % more |
//! | `.ci/instructions --record` | writes that file |
//! | `cargo bench` | runs each kernel once, without counting |
//!
//! valgrind knows AVX2 and FMA, and no AVX-512. The path that was taken is told, and only figures of one path are
//! compared.

mod callgrind;
mod kernels;

use std::{
    error::Error,
    fs,
    io::{self, Write as _},
    process::ExitCode,
};

use callgrind::{COUNTING, Comparison, CountError, Counted, Record};
use kernels::Kernel;

const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let has = |name: &str| std::env::args().any(|argument| argument == name);
    let mut out = io::stdout().lock();
    if has(COUNTING) {
        callgrind::count(&all(), &mut out)?;
    } else if has("--record") {
        let record = Record(Counted::by_callgrind()?);
        fs::write(RECORD, record.to_string())?;
        write!(out, "{record}")?;
    } else if has("--check") {
        let now = match Counted::by_callgrind() {
            Err(error @ CountError::NoValgrind) if std::env::var_os("CI").is_none() => {
                return Ok(writeln!(out, "skipped: {error}")?);
            }
            counted => counted?,
        };
        let comparison = Comparison { record: fs::read_to_string(RECORD)?.parse()?, now };
        write!(out, "{comparison}")?;
        if comparison.has_grown() {
            return Err(
                "over 10 % more instructions than recorded; if they are worth it: .ci/instructions --record".into()
            );
        }
    } else {
        let kernels = all();
        callgrind::count(&kernels, &mut io::sink())?;
        writeln!(out, "{} kernels have run; .ci/instructions counts their instructions", kernels.len())?;
    }
    Ok(())
}

/// What is timed in the benches, but for a thousand calls, and for the network where other kernels show it as well:
/// valgrind calls a function of its own for each of its fused multiplications.
fn all() -> Vec<Kernel> {
    let mut all = kernels::codec::all();
    all.extend(kernels::resample::all());
    all.extend(kernels::vad::all());
    all.extend(kernels::ring::all());
    all.extend(kernels::mix::all());
    all.extend(kernels::wire::all());
    all.extend(kernels::tick::all());
    all.extend(kernels::shard::all("tick/hot", 1));
    all.extend(kernels::session::all());
    all.retain(|kernel| !kernel.name.contains("/silero/") && !kernel.name.ends_with("/network/32"));
    all
}
