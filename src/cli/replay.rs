//! `quietline replay`: recordings through the whole call logic, for people and for QA.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::ValueEnum;
use quietline::{
    assistant::{HangupTool, Settings, SilenceTimeout},
    call::LedgerEntry,
    recording::{self, Channel},
    replay::{Outcome, Replay, Truth, Verdicts},
    report,
    vad::Detector,
};
use serde_json::{Value, json};

use super::{timeline::Timeline, wav};

/// What `quietline replay` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// Recordings of the caller's side: m4a, WAV, MP3, Ogg Vorbis, or raw G.711 named .ulaw or .alaw.
    #[arg(required = true, value_name = "RECORDING")]
    recordings: Vec<PathBuf>,
    /// The agent's side on the same time line. Without it, NAME.bot.ulaw beside NAME.caller.* is taken.
    #[arg(long, value_name = "FILE", conflicts_with = "no_bot")]
    bot: Option<PathBuf>,
    /// Leave the agent's side out.
    #[arg(long)]
    no_bot: bool,
    /// What is really in the recording. Without it, NAME.json beside it is taken if there is one.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Silence after which the call is ended, in seconds: 30 to 60.
    #[arg(long, default_value_t = 30.0, value_name = "SECONDS")]
    silence_timeout: f64,
    /// The assistant may hang up: a goodbye of the recorded agent ends the call.
    #[arg(long)]
    hangup_call: bool,
    /// What talkspurts are taken for: unknown (no transcripts), wordless, or what the truth file says.
    #[arg(long, value_enum, default_value_t = VerdictArg::Unknown)]
    verdict: VerdictArg,
    /// Detector: combined, webrtc or energy.
    #[arg(long, default_value = Detector::default().name())]
    detector: Detector,
    /// One JSON object a line and recording.
    #[arg(long)]
    json: bool,
    /// Print the ledger of each call.
    #[arg(long, short, conflicts_with = "json")]
    verbose: bool,
    /// Write a stereo WAV of each call into this folder: left what the caller said, right what the caller heard.
    #[arg(long, value_name = "DIR")]
    wav: Option<PathBuf>,
    /// Write a page of the run and a picture of each call into this folder: open its index.html.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum VerdictArg {
    Unknown,
    Wordless,
    Truth,
}

/// Replays every recording. One that cannot be read is named on `err` with the reason, and the others go on.
///
/// The code is 0 if every recording was read and no rule was broken, 1 if not, 2 if the settings are wrong.
pub(crate) fn run(args: &ReplayArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let settings = match settings(args) {
        Ok(settings) => settings,
        Err(error) => {
            let _ = writeln!(err, "quietline replay: {error}");
            return ExitCode::from(2);
        }
    };
    match replay_all(args, &settings, out, err) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // A reader that closed the pipe has seen what it wanted.
            let _ = writeln!(err, "quietline replay: cannot write the result: {error}");
            ExitCode::FAILURE
        }
    }
}

fn settings(args: &ReplayArgs) -> Result<Settings, String> {
    let timeout = Duration::try_from_secs_f64(args.silence_timeout).unwrap_or(Duration::MAX);
    let silence_timeout = SilenceTimeout::new(timeout).map_err(|error| error.to_string())?;
    let hangup_call = args.hangup_call.then(HangupTool::default);
    if args.bot.is_some() && args.recordings.len() > 1 {
        return Err("--bot goes with one recording; NAME.bot.ulaw beside NAME.caller.* is found by itself".into());
    }
    Ok(Settings { silence_timeout, hangup_call, ..Settings::default() })
}

fn replay_all(args: &ReplayArgs, settings: &Settings, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<bool> {
    if !args.json && !args.verbose {
        writeln!(
            out,
            "{:<40} {:>8} {:>6} {:>10} {:>10} {:>10}  {:<14} {:>9} {:>9}",
            "recording", "length", "spurts", "quiet from", "goodbye", "hang-up", "reason", "mechanics", "truth"
        )?;
    }
    let mut good = true;
    // The one clock here: it measures our own speed, no call sees it.
    #[allow(clippy::disallowed_methods)]
    let begun = std::time::Instant::now();
    let mut played_ms = 0;
    let mut calls = Vec::new();
    for path in &args.recordings {
        match replay_one(args, settings, path) {
            Ok((replay, outcome)) => {
                if args.report.is_some() {
                    calls.push(report::Call::of(&path.to_string_lossy(), &replay, &outcome));
                }
                good &= outcome.rules.broken.is_empty();
                played_ms += outcome.hangup_ms.unwrap_or(0.0) as u64;
                show(args, settings, path, &outcome, out)?;
                for broken in &outcome.rules.broken {
                    writeln!(err, "quietline replay: {}: {broken}", path.display())?;
                }
            }
            Err(error) => {
                good = false;
                writeln!(err, "quietline replay: {}: {error}", path.display())?;
                calls.push(report::Call::unplayed(&path.to_string_lossy(), &error));
            }
        }
    }
    if let Some(folder) = &args.report {
        report::write(folder, &calls).map_err(io::Error::other)?;
    }
    if !args.json {
        let (played, took) = (played_ms as f64 / 1e3, begun.elapsed().as_secs_f64());
        writeln!(out, "{played:.0} s of calls in {took:.2} s: {:.0} times real time", played / took.max(1e-9))?;
    }
    Ok(good)
}

fn replay_one(args: &ReplayArgs, settings: &Settings, path: &Path) -> Result<(Replay, Outcome), String> {
    let caller = load(path)?;
    let bot = args.bot.clone().or_else(|| (!args.no_bot).then(|| sibling(path, "bot.ulaw")).flatten());
    let agent = bot.as_deref().map(load).transpose()?;
    let truth_path = args.truth.clone().or_else(|| sibling(path, "json"));
    let truth = truth_path.as_deref().map(load_truth).transpose()?;
    let verdicts = match args.verdict {
        VerdictArg::Unknown => Verdicts::Unknown,
        VerdictArg::Wordless => Verdicts::Wordless,
        VerdictArg::Truth if truth.is_none() => {
            return Err("--verdict truth needs a truth file: NAME.json beside the recording, or --truth FILE".into());
        }
        VerdictArg::Truth => Verdicts::Truth,
    };
    let replay = Replay { settings: settings.clone(), detector: args.detector, verdicts, caller, agent, truth };
    let outcome = replay.run()?;
    if let Some(folder) = &args.wav {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let file = folder.join(format!("{name}.replay.wav"));
        let (said, heard) = &outcome.audio;
        wav::write(&file, said, heard, said.len()).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok((replay, outcome))
}

fn load(path: &Path) -> Result<Vec<i16>, String> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let recording = recording::read(bytes, &name).map_err(|error| error.to_string())?;
    recording.telephone(Channel::Mix).map_err(|error| error.to_string())
}

fn load_truth(path: &Path) -> Result<Truth, String> {
    let json = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Truth::parse(&json).map_err(|error| format!("{}: {error}", path.display()))
}

/// `NAME.ending` beside `NAME.caller.*` (or `NAME.*`, for the truth file).
fn sibling(path: &Path, ending: &str) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let base = stem.strip_suffix(".caller");
    if ending != "json" && base.is_none() {
        return None;
    }
    let file = path.with_file_name(format!("{}.{ending}", base.unwrap_or(stem)));
    file.is_file().then_some(file)
}

fn show(args: &ReplayArgs, settings: &Settings, path: &Path, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    if args.json {
        return writeln!(out, "{}", as_json(path, outcome));
    }
    if args.verbose {
        writeln!(out, "{}", path.display())?;
        let timeout = settings.silence_timeout.get();
        let mut timeline = Timeline::new(out, false, true, timeout);
        for entry in &outcome.ledger {
            timeline.entry(entry, None)?;
        }
        return writeln!(out);
    }
    let seconds = |ms: Option<f64>| ms.map_or("–".into(), |ms| format!("{:.2} s", ms / 1e3));
    let error = |ms: Option<f64>| ms.map_or("–".into(), |ms| format!("{ms:+.0} ms"));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    writeln!(
        out,
        "{name:<40} {:>8} {:>6} {:>10} {:>10} {:>10}  {:<14} {:>9} {:>9}",
        seconds(Some(outcome.duration_ms as f64)),
        outcome.talkspurts.len(),
        seconds(outcome.silence_started_ms),
        seconds(outcome.goodbye_ms),
        seconds(outcome.hangup_ms),
        outcome.reason.map_or("–", quietline::call::Reason::name),
        error(outcome.rules.mechanics_error_ms),
        error(outcome.truth_error_ms),
    )
}

fn as_json(path: &Path, outcome: &Outcome) -> Value {
    json!({
        "recording": path.display().to_string(),
        "duration_ms": outcome.duration_ms,
        "talkspurts": outcome.talkspurts,
        "silence_started_ms": outcome.silence_started_ms,
        "deadline_ms": outcome.deadline_ms,
        "goodbye_ms": outcome.goodbye_ms,
        "hangup_ms": outcome.hangup_ms,
        "reason": outcome.reason.map(quietline::call::Reason::name),
        "mechanics_error_ms": outcome.rules.mechanics_error_ms,
        "held_ms": outcome.rules.held_ms,
        "truth_error_ms": outcome.truth_error_ms,
        "goodbye_whole": outcome.rules.goodbye_whole,
        "closed_after_mark_ms": outcome.rules.closed_after_mark_ms,
        "closed_after_tool_ms": outcome.rules.closed_after_tool_ms,
        "closed_after_words_ms": outcome.rules.closed_after_words_ms,
        "broken": outcome.rules.broken,
        "ledger": outcome.ledger.iter().map(ledger_json).collect::<Vec<_>>(),
    })
}

fn ledger_json(entry: &LedgerEntry) -> Value {
    json!({
        "at_ms": entry.at.as_millis_f64(),
        "cause": entry.cause.to_string(),
        "deadline_ms": entry.deadline.map(quietline::time::Timestamp::as_millis_f64),
        "remaining_ms": entry.deadline.map(|deadline| deadline.diff_micros(entry.at) as f64 / 1e3),
        "uncertainty_ms": entry.uncertainty.as_secs_f64() * 1e3,
    })
}
