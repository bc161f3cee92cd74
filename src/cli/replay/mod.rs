//! `quietline replay`: recordings through the whole call logic, for people and for QA.

mod find;
mod junit;
mod one;
mod show;
#[cfg(test)]
mod tests;

use std::{
    io::{self, Write},
    num::NonZeroUsize,
    path::PathBuf,
    process::ExitCode,
    thread,
};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use quietline::{
    recording::Channel,
    replay::{Verdicts, capture::Change},
    report::{self, ReportError},
    vad::Detector,
};

use find::Found;
use one::{Played, Player};
use show::Summary;

use crate::cli::{capture, pool};

/// What `quietline replay` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// Recordings of the caller's side: m4a, WAV, MP3, Ogg Vorbis, or raw G.711 named .ulaw or .alaw; and folders with
    /// such recordings. Also captures of live calls, which come to the decisions that they hold.
    #[arg(required = true, value_name = "RECORDING")]
    recordings: Vec<PathBuf>,
    /// The agent's side on the same time line. Without it, NAME.bot.* beside NAME.caller.* (or NAME.*) is taken.
    #[arg(long, value_name = "FILE", conflicts_with = "no_bot")]
    bot: Option<PathBuf>,
    /// Leave the agent's side out.
    #[arg(long)]
    no_bot: bool,
    /// Which side of a stereo recording is the caller's, left (1) or right (2); the other one is then the agent's.
    #[arg(long, value_enum, value_name = "SIDE")]
    caller_channel: Option<Side>,
    /// What is really in the recording, what is expected of the call, and its settings. Without it, NAME.json beside it
    /// is taken if there is one.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// How far a time may be from the one that is expected, where the truth file does not say it. Default: 60.
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    tolerance: Option<f64>,
    /// Fail if the goodbye is farther than this from the one that the labels lead to.
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    tolerance_truth: Option<f64>,
    /// Silence after which the call is ended, in seconds: 30 to 60. Default: the truth file's, else 30.
    #[arg(long, value_name = "SECONDS")]
    silence_timeout: Option<f64>,
    /// The assistant may hang up: a goodbye of the recorded agent ends the call.
    #[arg(long)]
    hangup_call: bool,
    /// What talkspurts are taken for: unknown (no transcripts), wordless, or (truth) what the truth file says. Default:
    /// the truth file's, else unknown.
    #[arg(long, value_name = "SOURCE")]
    verdict: Option<Verdicts>,
    /// Detector: cascade, silero, webrtc or energy. Default: the truth file's, else the gateway's.
    #[arg(long)]
    detector: Option<Detector>,
    /// Recordings played at once. Default: one for each core.
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// One JSON object a line and recording.
    #[arg(long)]
    json: bool,
    /// Print the ledger of each call, and what was left out of a folder.
    #[arg(long, short, conflicts_with = "json")]
    verbose: bool,
    /// Write what came of it as JUnit XML, a test case for each recording.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a stereo WAV of each call into this folder: left what the caller said, right what the caller heard.
    #[arg(long, value_name = "DIR")]
    wav: Option<PathBuf>,
    /// Write a page of the run and a picture of each call into this folder: open its index.html.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Of captures: a setting to try, such as silence_timeout_s=45. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// A side of a stereo recording.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Side {
    #[value(alias = "1")]
    Left,
    #[value(alias = "2")]
    Right,
}

impl Side {
    fn channel(self) -> Channel {
        match self {
            Self::Left => Channel::Left,
            Self::Right => Channel::Right,
        }
    }

    fn other(self) -> Channel {
        match self {
            Self::Left => Channel::Right,
            Self::Right => Channel::Left,
        }
    }
}

fn milliseconds(text: &str) -> Result<f64, String> {
    let ms = text.parse().ok().filter(|ms: &f64| ms.is_finite() && *ms >= 0.0);
    ms.ok_or_else(|| "expected milliseconds, 0 or more".into())
}

/// A recording that was played or could not be.
struct Done {
    path: PathBuf,
    result: Result<Played, String>,
}

/// Replays every recording. One that cannot be read is named on `err` with the reason, and the others go on.
///
/// The code is 0 if every recording was read, no rule was broken and all was as expected; 1 if not; 2 if the arguments
/// are wrong.
pub(crate) fn run(args: &ReplayArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let (captures, change) = match captures(args) {
        Ok(captures) => captures,
        Err(error) => {
            let _ = writeln!(err, "quietline replay: {error}");
            return ExitCode::from(2);
        }
    };
    let others: Vec<_> = args.recordings.iter().filter(|path| !capture::is_capture(path)).cloned().collect();
    let found = find::find(&others);
    if !captures.is_empty() && found.recordings.is_empty() && found.unreadable.is_empty() {
        return code(replay_captures(args, &captures, &change, out, err), err);
    }
    if args.verbose {
        for (path, reason) in &found.skipped {
            let _ = writeln!(err, "quietline replay: {}: left out: {reason}", path.display());
        }
    }
    let player = match check(args, &found).and_then(|()| Player::new(args)) {
        Ok(player) => player,
        Err(error) => {
            let _ = writeln!(err, "quietline replay: {error}");
            return ExitCode::from(2);
        }
    };
    let replayed = replay_all(args, &player, &found, out, err)
        .and_then(|good| Ok(good & (captures.is_empty() || replay_captures(args, &captures, &change, out, err)?)));
    code(replayed, err)
}

fn code(good: io::Result<bool>, err: &mut dyn Write) -> ExitCode {
    match good {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // A reader that closed the pipe has seen what it wanted.
            let _ = writeln!(err, "quietline replay: cannot write the result: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The captures among what is to be replayed, and what is changed in them.
fn captures(args: &ReplayArgs) -> Result<(Vec<PathBuf>, Change), String> {
    let change = Change::parse(&args.set).map_err(|error| format!("--set {error}"))?;
    let (captures, _) = capture::find(&args.recordings);
    if captures.is_empty() && !args.set.is_empty() {
        return Err("--set goes with captures; a recording's settings stand in its truth file".into());
    }
    Ok((captures, change))
}

fn replay_captures(
    args: &ReplayArgs,
    captures: &[PathBuf],
    change: &Change,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<bool> {
    let showing = capture::Showing { json: args.json, verbose: args.verbose };
    capture::replay(captures, change, showing, out, err)
}

fn check(args: &ReplayArgs, found: &Found) -> Result<(), String> {
    if args.bot.is_some() && found.recordings.len() > 1 {
        return Err("--bot goes with one recording; NAME.bot.* beside NAME.caller.* is found by itself".into());
    }
    if found.recordings.is_empty() && found.unreadable.is_empty() {
        let names: Vec<_> = args.recordings.iter().map(|path| path.display().to_string()).collect();
        return Err(format!("no recording was found in {}; --verbose says what was left out", names.join(", ")));
    }
    Ok(())
}

fn replay_all(
    args: &ReplayArgs,
    player: &Player<'_>,
    found: &Found,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<bool> {
    if !args.json && !args.verbose {
        show::heading(out)?;
    }
    let mut summary = Summary::begin();
    let all = play_all(args, player, found, out, err)?;
    for done in &all {
        summary.add(done);
    }
    if !args.json {
        summary.show(out)?;
    }
    let written = args.junit.as_deref().is_none_or(|file| match junit::write(file, &all) {
        Ok(()) => true,
        Err(error) => {
            let _ = writeln!(err, "quietline replay: --junit: {}: {error}", file.display());
            false
        }
    });
    let reported = match write_report(args, all) {
        Ok(()) => true,
        Err(error) => {
            let _ = writeln!(err, "quietline replay: --report: {error}");
            false
        }
    };
    Ok(summary.is_good() && written && reported)
}

fn write_report(args: &ReplayArgs, all: Vec<Done>) -> Result<(), ReportError> {
    let Some(folder) = &args.report else { return Ok(()) };
    let call = |done: Done| match done.result {
        Ok(played) => played.report,
        Err(error) => Some(report::Call::unplayed(&done.path.to_string_lossy(), &error)),
    };
    report::write(folder, &all.into_iter().filter_map(call).collect::<Vec<_>>())
}

/// Each is told as soon as those before it are.
fn play_all(
    args: &ReplayArgs,
    player: &Player<'_>,
    found: &Found,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Vec<Done>> {
    let unreadable = found.unreadable.iter();
    let mut all: Vec<Done> =
        unreadable.map(|(path, error)| Done { path: path.clone(), result: Err(error.clone()) }).collect();
    for done in &all {
        tell(args, done, out, err)?;
    }
    let jobs = args.jobs.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let bar = progress(found.recordings.len());
    let play = |path: &PathBuf| player.play(path);
    let played = pool::in_order(&found.recordings, jobs, play, |path, result| {
        let done = Done { path: path.clone(), result };
        bar.suspend(|| tell(args, &done, out, err))?;
        bar.inc(1);
        all.push(done);
        Ok(())
    });
    bar.finish_and_clear();
    played.map(|()| all)
}

/// On a terminal only, and not for a single recording.
fn progress(recordings: usize) -> ProgressBar {
    if recordings < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:32} {pos}/{len} recordings, {eta} left");
    ProgressBar::new(recordings as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn tell(args: &ReplayArgs, done: &Done, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<()> {
    let path = done.path.display();
    match &done.result {
        Ok(played) => {
            show::played(args, &done.path, played, out)?;
            for failure in &played.failures {
                writeln!(err, "quietline replay: {path}: {failure}")?;
            }
            for note in &played.notes {
                writeln!(err, "quietline replay: {path}: note: {note}")?;
            }
            Ok(())
        }
        Err(error) => writeln!(err, "quietline replay: {path}: {error}"),
    }
}
