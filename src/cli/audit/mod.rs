//! `quietline audit`: recordings with both voices in one track, held against the rules for endings.

mod show;
mod truth;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::ValueEnum;
use quietline::{
    assistant::SilenceTimeout,
    audit::{self, Audit, Ending, Options, Rendering},
    recording::{self, Channel, Recording},
};

use super::beside;
use truth::{Compared, Truth};

/// Samples of a block of AAC or MP3: a recorder stops at the end of one.
const BLOCK: f64 = 1024.0;
/// Endings of recordings without blocks.
const UNCODED: [&str; 6] = ["ulaw", "mulaw", "ul", "alaw", "al", "wav"];

/// What `quietline audit` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    /// Recordings of whole calls, both voices in one track: m4a, WAV, MP3, Ogg Vorbis, or raw G.711 named .ulaw or
    /// .alaw. The sides of a stereo recording are mixed.
    #[arg(required = true, value_name = "RECORDING")]
    recordings: Vec<PathBuf>,
    /// A rendering of the goodbye. Without it, NAME.goodbye.* beside the recording is taken, else the built-in ones.
    #[arg(long, value_name = "FILE")]
    goodbye: Option<PathBuf>,
    /// How the call ended. Without it, that is told from the recording.
    #[arg(long, value_enum, value_name = "KIND")]
    ending: Option<EndingArg>,
    /// The silence timeout of the call, in seconds. Without it, 30 to 60 s are right.
    #[arg(long, value_name = "SECONDS")]
    silence_timeout: Option<f64>,
    /// What is really in the recording. Without it, NAME.json beside it is taken if there is one.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// A time that is farther from the truth than this is an error.
    #[arg(long, value_name = "MS", default_value_t = 150.0)]
    tolerance: f64,
    /// What cannot be told counts as broken.
    #[arg(long)]
    strict: bool,
    /// One JSON object a line and recording.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EndingArg {
    /// Nobody spoke for long.
    Silence,
    /// The caller or the agent said goodbye.
    Hangup,
}

/// What came of a recording.
struct Audited {
    audit: Audit,
    compared: Option<Compared>,
}

/// Audits every recording. One that cannot be audited is named on `err` with the reason, and the others go on.
///
/// The code is 0 if every recording could be audited, no rule was broken, and no time is too far from the truth; 1 if
/// not; 2 if the arguments are wrong.
pub(crate) fn run(args: &AuditArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let auditor = match Auditor::new(args) {
        Ok(auditor) => auditor,
        Err(error) => {
            let _ = writeln!(err, "quietline audit: {error}");
            return ExitCode::from(2);
        }
    };
    match audit_all(&auditor, out, err) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // A reader that closed the pipe has seen what it wanted.
        Err(error) => {
            let _ = writeln!(err, "quietline audit: cannot write the result: {error}");
            ExitCode::FAILURE
        }
    }
}

fn audit_all(auditor: &Auditor<'_>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<bool> {
    let mut good = true;
    for path in &auditor.args.recordings {
        match auditor.audit(path) {
            Ok(audited) => {
                good &= auditor.is_good(&audited);
                if auditor.args.json {
                    writeln!(out, "{}", show::json(path, &audited))?;
                } else {
                    show::text(path, &audited, out)?;
                }
            }
            Err(error) => {
                good = false;
                writeln!(err, "quietline audit: {}: {error}", path.display())?;
            }
        }
    }
    Ok(good)
}

/// What the command line says for every recording, checked.
struct Auditor<'a> {
    args: &'a AuditArgs,
    silence_timeout: Option<Duration>,
    goodbye: Option<Rendering>,
}

impl<'a> Auditor<'a> {
    fn new(args: &'a AuditArgs) -> Result<Self, String> {
        let timeout = args.silence_timeout.map(|seconds| {
            let timeout = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
            SilenceTimeout::new(timeout).map(SilenceTimeout::get).map_err(|error| error.to_string())
        });
        if !(args.tolerance.is_finite() && args.tolerance >= 0.0) {
            return Err(format!("--tolerance {}: expected milliseconds, 0 or more", args.tolerance));
        }
        let goodbye = args.goodbye.as_deref().map(rendering).transpose()?;
        Ok(Self { args, silence_timeout: timeout.transpose()?, goodbye })
    }

    fn audit(&self, path: &Path) -> Result<Audited, String> {
        if path.is_dir() {
            return Err("it is a folder: name the recordings in it".into());
        }
        let recording = read(path)?;
        let samples = at_8_khz(&recording)?;
        let options = Options {
            renderings: self.renderings(path)?,
            silence_timeout: self.silence_timeout,
            ending: self.args.ending.map(|ending| match ending {
                EndingArg::Silence => Ending::Silence,
                EndingArg::Hangup => Ending::Hangup,
            }),
            end_uncertainty: end_uncertainty(path, &recording),
        };
        let audit = audit::audit(&samples, &options).map_err(|error| error.to_string())?;
        let truth = self.truth(path)?;
        Ok(Audited { compared: truth.map(|truth| truth.compare(&audit)), audit })
    }

    fn renderings(&self, path: &Path) -> Result<Vec<Rendering>, String> {
        match (&self.goodbye, beside::goodbye(path)) {
            (Some(given), _) => Ok(vec![given.clone()]),
            (None, Some(file)) => Ok(vec![rendering(&file)?]),
            (None, None) => Ok(audit::builtin_renderings()),
        }
    }

    fn truth(&self, path: &Path) -> Result<Option<Truth>, String> {
        let Some(file) = self.args.truth.clone().or_else(|| beside::side_car(path)) else { return Ok(None) };
        let json = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        Truth::parse(&json).map_err(|error| format!("{}: not a truth file: {error}", file.display()))
    }

    fn is_good(&self, audited: &Audited) -> bool {
        let findings = &audited.audit.findings;
        let is_open = self.args.strict && findings.iter().any(|finding| finding.verdict == audit::Verdict::CannotTell);
        let is_true = audited.compared.as_ref().is_none_or(|compared| compared.is_within(self.args.tolerance));
        !audited.audit.is_broken() && !is_open && is_true
    }
}

/// How far the recording's end may lie from where the recorder stopped.
fn end_uncertainty(path: &Path, recording: &Recording) -> Duration {
    let is_exact = path.extension().is_some_and(|ending| UNCODED.iter().any(|name| ending.eq_ignore_ascii_case(name)));
    if is_exact { Duration::ZERO } else { Duration::from_secs_f64(BLOCK / f64::from(recording.rate.hz())) }
}

fn rendering(file: &Path) -> Result<Rendering, String> {
    let samples = read(file).and_then(|recording| {
        let (least, most) = audit::RENDERING_LENGTH;
        let length = recording.length();
        if (least..=most).contains(&length) {
            return at_8_khz(&recording);
        }
        let [length, least, most] = [length, least, most].map(|length| length.as_secs_f64());
        Err(format!("it is {length:.2} s long, {least} to {most} s are expected: the goodbye alone"))
    });
    let samples = samples.map_err(|error| format!("the goodbye's rendering, {}: {error}", file.display()))?;
    Ok(Rendering { name: file.file_name().unwrap_or_default().to_string_lossy().into_owned(), kind: None, samples })
}

fn read(path: &Path) -> Result<Recording, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    recording::read(bytes, &path.to_string_lossy()).map_err(|error| error.to_string())
}

fn at_8_khz(recording: &Recording) -> Result<Vec<i16>, String> {
    recording.telephone(Channel::Mix).map_err(|error| error.to_string())
}
