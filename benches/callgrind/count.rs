//! This program again, under valgrind.

use std::{
    fs,
    hint::black_box,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use super::Conditions;
use crate::kernels::{Kernel, Run};

/// Has this program run the kernels, one after the other, and tell their names and frames.
pub(crate) const COUNTING: &str = "--counting";

/// The function within which callgrind counts. Each return from it ends a part, with a file of its own.
const COUNTED: &str = "*::counted_run";

/// Instructions of every kernel.
pub(crate) struct Counted {
    pub(crate) conditions: Conditions,
    /// Name, and instructions a frame.
    pub(crate) kernels: Vec<(String, u64)>,
}

/// Why there is no count.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CountError {
    #[error("there is no valgrind here: apt-get install valgrind")]
    NoValgrind,
    #[error("valgrind could not be run, or what it left not be read: {0}")]
    Io(#[from] io::Error),
    #[error("valgrind failed ({status}): {said}")]
    Failed { status: ExitStatus, said: String },
    #[error("{0:?} is not what this program writes under valgrind")]
    Line(String),
    #[error("{0} holds no total: it is no file of callgrind's, or {COUNTED} was not called")]
    Total(PathBuf),
}

/// Runs the kernels to be counted; writes the path that was taken, then a line for each.
///
/// # Errors
///
/// If `out` cannot be written to.
pub(crate) fn count(kernels: &[Kernel], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", path())?;
    for kernel in kernels {
        let mut run = kernel.start();
        // What is made once, by the first who needs it, is made now.
        if kernel.fresh {
            kernel.start()()
        } else {
            run()
        }
        counted_run(&mut run);
        writeln!(out, "{} {}", kernel.name, kernel.frames)?;
    }
    Ok(())
}

#[inline(never)]
fn counted_run(run: &mut Run) {
    run();
    // Something is left to do, so that this is a call and not a jump.
    black_box(run);
}

/// What the voice detector and the C library find out about the processor.
fn path() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    return match (is_x86_feature_detected!("avx2"), is_x86_feature_detected!("fma")) {
        (true, true) => "x86_64 with AVX2 and FMA",
        (true, false) => "x86_64 with AVX2, without FMA",
        (false, _) => "x86_64 without AVX2",
    };
    #[cfg(not(target_arch = "x86_64"))]
    std::env::consts::ARCH
}

impl Counted {
    /// Runs this program under callgrind.
    ///
    /// # Errors
    ///
    /// [`CountError`]; without valgrind [`CountError::NoValgrind`].
    pub(crate) fn by_callgrind() -> Result<Self, CountError> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("callgrind");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let file = folder.join("out");
        let run = Command::new("valgrind")
            .args(["--tool=callgrind", "--collect-atstart=no"])
            .arg(format!("--toggle-collect={COUNTED}"))
            .arg(format!("--dump-after={COUNTED}"))
            .arg(format!("--callgrind-out-file={}", file.display()))
            .arg(std::env::current_exe()?)
            .arg(COUNTING)
            .stdin(Stdio::null())
            .output()
            .map_err(
                |error| if error.kind() == io::ErrorKind::NotFound { CountError::NoValgrind } else { error.into() },
            )?;
        if !run.status.success() {
            let said = String::from_utf8_lossy(&run.stderr).into_owned();
            return Err(CountError::Failed { status: run.status, said });
        }
        let told = String::from_utf8_lossy(&run.stdout);
        let mut lines = told.lines();
        let path = lines.next().unwrap_or_default().to_owned();
        let mut kernels = Vec::new();
        for (part, line) in (1..).zip(lines) {
            let named = line.split_once(' ').and_then(|(name, frames)| Some((name, frames.parse::<u64>().ok()?)));
            let (name, frames) = named.ok_or_else(|| CountError::Line(line.to_owned()))?;
            kernels.push((name.to_owned(), total(&folder.join(format!("out.{part}")))?.div_ceil(frames.max(1))));
        }
        Ok(Self { conditions: Conditions { path, compiler: compiler() }, kernels })
    }
}

/// All instructions of a part.
fn total(file: &Path) -> Result<u64, CountError> {
    let text = fs::read_to_string(file)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok());
    total.filter(|&total| total > 0).ok_or_else(|| CountError::Total(file.to_owned()))
}

fn compiler() -> String {
    let said = Command::new("rustc").arg("--version").output();
    let version = said.ok().and_then(|said| String::from_utf8(said.stdout).ok());
    version.map(|version| version.trim().to_owned()).filter(|version| !version.is_empty()).unwrap_or("unknown".into())
}
