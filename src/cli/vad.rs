//! `quietline vad`: a voice detector's answers for recordings, for people and for the referee.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use quietline::{
    audio::FRAME_MS,
    call::Spurt,
    recording::{self, Channel},
    replay::{Heard, Listening},
    time::Timestamp,
    vad::{self, Detector, TalkspurtConfig},
};

/// What `quietline vad` is asked.
///
/// Speech is what would put off the end of a call: talkspurts that count, are not our own voice and not far below the
/// caller's usual level. There are no transcripts, so no verdict is known.
#[derive(Debug, clap::Args)]
pub(crate) struct VadArgs {
    /// Recordings of the caller: m4a, WAV, MP3, Ogg Vorbis, or raw G.711 named .ulaw or .alaw. Of stereo, both sides
    /// mixed. What was sent to the caller, NAME.bot.ulaw beside NAME.ulaw or NAME.caller.*, tells echo from the caller.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Leave NAME.bot.ulaw out.
    #[arg(long)]
    pub(crate) no_reference: bool,
    /// Show every talkspurt, with its verdict and how it counts.
    #[arg(long)]
    pub(crate) all: bool,
    /// Detector: cascade, silero, webrtc or energy.
    #[arg(long, default_value = Detector::default().name())]
    pub(crate) detector: Detector,
    /// One JSON object a file instead of a table.
    #[arg(long)]
    pub(crate) jsonl: bool,
    /// Voiced frames closer than this are one talkspurt, in ms.
    #[arg(long, default_value_t = 300, value_name = "MS")]
    pub(crate) hangover_ms: u64,
    /// Voiced time from which a talkspurt counts, in ms.
    #[arg(long, default_value_t = 120, value_name = "MS")]
    pub(crate) min_speech_ms: u64,
}

/// Judges every file. One that cannot be read is named on `err` with the reason, and the others go on.
///
/// The code is 0 if every file was read and everything could be written, else 1.
pub(crate) fn run(args: &VadArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    match judge_all(args, out, err) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // A reader that closed the pipe has seen what it wanted; there is nobody left to tell if `err` fails as well.
        Err(error) => {
            let _ = writeln!(err, "quietline vad: cannot write the result: {error}");
            ExitCode::FAILURE
        }
    }
}

fn judge_all(args: &VadArgs, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<bool> {
    if !args.jsonl {
        let (length, voiced, last) = ("length s", "voiced s", "last end");
        writeln!(out, "{:<40} {length:>9} {:>10} {voiced:>9} {last:>9}  echo", "file", "talkspurts")?;
    }
    let mut all_read = true;
    for path in &args.files {
        match judge(path, args) {
            Ok(heard) if args.jsonl => writeln!(out, "{}", json(&heard, path, args))?,
            Ok(heard) => print(&heard, path, args, out)?,
            Err(reason) => {
                all_read = false;
                writeln!(err, "quietline vad: {}: {reason}", path.display())?;
            }
        }
    }
    out.flush()?;
    Ok(all_read)
}

fn judge(path: &Path, args: &VadArgs) -> Result<Heard, String> {
    let caller = load(path)?;
    let reference = (!args.no_reference).then(|| reference(path)).flatten();
    let agent = match &reference {
        Some(path) => Some(load(path).map_err(|reason| format!("its reference {}: {reason}", path.display()))?),
        None => None,
    };
    let talkspurt = TalkspurtConfig {
        min_speech: Duration::from_millis(args.min_speech_ms),
        hangover: Duration::from_millis(args.hangover_ms),
    };
    let listening = Listening { caller: &caller, agent: agent.as_deref(), talkspurt };
    Ok(listening.with(vad::build(args.detector)))
}

pub(super) fn load(path: &Path) -> Result<Vec<i16>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    recording::read(bytes, &path.to_string_lossy())
        .and_then(|recording| recording.telephone(Channel::Mix))
        .map_err(|error| error.to_string())
}

/// What was sent to the caller, if it lies beside the caller's side. The agent's side itself has none.
fn reference(path: &Path) -> Option<PathBuf> {
    let (stem, extension) = path.file_name()?.to_str()?.rsplit_once('.')?;
    let name = match stem.strip_suffix(".caller") {
        Some(name) => name,
        None if extension == "ulaw" && !stem.ends_with(".bot") => stem,
        None => return None,
    };
    Some(path.with_file_name(format!("{name}.bot.ulaw"))).filter(|path| path.is_file())
}

/// Until when a talkspurt puts the end off freely; `None` if it does not.
pub(super) fn uncharged_until(spurt: &Spurt) -> Option<Timestamp> {
    (!spurt.is_charged()).then(|| spurt.charged_from.unwrap_or(spurt.heard.end))
}

fn json(heard: &Heard, path: &Path, args: &VadArgs) -> serde_json::Value {
    let ms = Timestamp::as_millis_f64;
    let uncharged = heard.talkspurts.iter().filter_map(|spurt| Some((spurt.heard.start, uncharged_until(spurt)?)));
    let segments: Vec<_> = uncharged.map(|(start, end)| [ms(start), ms(end)]).collect();
    let frames: Vec<u8> = heard.frames.iter().map(|&voiced| voiced.into()).collect();
    let mut json = serde_json::json!({
        "file": path.to_string_lossy(),
        "detector": args.detector.name(),
        "frame_ms": FRAME_MS,
        "segments": segments,
        "frames": frames,
    });
    if let Some(echo) = heard.echo {
        let confidence = echo.confidence;
        json["echo"] =
            serde_json::json!({ "delay_ms": echo.delay_ms(), "loss_db": echo.loss_db, "confidence": confidence });
    }
    if args.all {
        let all = heard.talkspurts.iter().map(|spurt| {
            serde_json::json!({
                "start_ms": ms(spurt.heard.start),
                "end_ms": ms(spurt.heard.end),
                "voiced_ms": spurt.heard.voiced.as_secs_f64() * 1e3,
                "level_dbfs": spurt.heard.level.db(),
                "verdict": spurt.verdict.name(),
                "class": spurt.class().name(),
                "below_floor": spurt.below_floor,
                "charged_from_ms": spurt.charged_from.map(ms),
            })
        });
        json["talkspurts"] = all.collect();
    }
    json
}

fn print(heard: &Heard, path: &Path, args: &VadArgs, out: &mut dyn Write) -> io::Result<()> {
    let seconds = |frames: usize| frames as f64 * FRAME_MS as f64 / 1000.0;
    let voiced = heard.frames.iter().filter(|&&voiced| voiced).count();
    let uncharged: Vec<_> = heard.talkspurts.iter().filter_map(uncharged_until).collect();
    let last = uncharged.last().map_or_else(|| "-".to_owned(), |&end| place(end));
    let echo = heard
        .echo
        .map_or_else(|| "-".to_owned(), |echo| format!("{:.0} ms, {:.1} dB weaker", echo.delay_ms(), echo.loss_db));
    writeln!(
        out,
        "{:<40} {:>9.2} {:>10} {:>9.2} {last:>9}  {echo}",
        path.display(),
        seconds(heard.frames.len()),
        uncharged.len(),
        seconds(voiced)
    )?;
    for spurt in heard.talkspurts.iter().filter(|_| args.all) {
        let (start, end) = (place(spurt.heard.start), place(spurt.heard.end));
        let mut why = String::new();
        if spurt.below_floor {
            why.push_str(", below the caller's floor");
        }
        if let Some(from) = spurt.charged_from {
            why.push_str(&format!(", charged from {} on", place(from)));
        }
        writeln!(
            out,
            "  {start:>9} to {end:>9}  {:>6} ms voiced at {}, verdict {}: {}{why}",
            spurt.heard.voiced.as_millis(),
            spurt.heard.level,
            spurt.verdict.name(),
            spurt.class().name()
        )?;
    }
    Ok(())
}

/// A place in the recording, seconds.
fn place(at: Timestamp) -> String {
    format!("{:.3}", at.as_micros() as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    const CALL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/call-silence.caller.ulaw");

    /// Runs `quietline vad` with these arguments: whether it succeeded, its output and its errors.
    fn vad(args: &[&str]) -> (bool, String, String) {
        let Cli::Vad(args) = Cli::parse_from([&["quietline", "vad"], args].concat()) else { panic!("not `vad`") };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(&args, &mut out, &mut err);
        (code == ExitCode::SUCCESS, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn json_lines_for_the_referee() {
        let (ok, out, err) = vad(&["--jsonl", CALL]);
        assert!(ok && err.is_empty(), "{err}");
        let line: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((line["file"].as_str(), line["detector"].as_str()), (Some(CALL), Some("cascade")));
        assert_eq!((line["frame_ms"].as_u64(), line["frames"].as_array().unwrap().len()), (Some(20), 2587));
        let segments = line["segments"].as_array().unwrap();
        let last_end = segments.last().unwrap()[1].as_f64().unwrap();
        assert!((last_end - 14_740.0).abs() <= 100.0, "{last_end}");
    }

    const ECHO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/call-echo.caller.ulaw");

    #[test]
    fn the_reference_beside_a_recording_tells_echo_from_the_caller() {
        let judged = |more: &[&str]| {
            let (ok, out, err) = vad(&[&["--jsonl", "--all", "--detector", "energy", ECHO], more].concat());
            assert!(ok && err.is_empty(), "{err}");
            let line: serde_json::Value = serde_json::from_str(&out).unwrap();
            let spurts = line["talkspurts"].as_array().unwrap().iter();
            let after_caller = spurts.filter(|spurt| spurt["start_ms"].as_f64().unwrap() > 5_000.0).count();
            (after_caller, line["echo"].clone())
        };
        let (after_caller, path) = judged(&[]);
        assert_eq!(after_caller, 0);
        assert!((path["delay_ms"].as_f64().unwrap() - 150.0).abs() < 10.0, "{path}");
        assert!((path["loss_db"].as_f64().unwrap() - 30.0).abs() < 3.0, "{path}");
        let (after_caller, path) = judged(&["--no-reference"]);
        assert!(after_caller > 0 && path.is_null(), "{after_caller} {path}");
    }

    #[test]
    fn every_talkspurt_is_shown_with_what_it_counts_as() {
        let (_, out, _) = vad(&["--all", CALL]);
        assert!(out.contains("verdict unknown: good"), "{out}");
        let (_, out, _) = vad(&["--all", "--jsonl", CALL]);
        let line: serde_json::Value = serde_json::from_str(&out).unwrap();
        let (all, uncharged) = (line["talkspurts"].as_array().unwrap(), line["segments"].as_array().unwrap());
        assert!(!all.is_empty() && all.len() >= uncharged.len());
        assert!(all.iter().all(|spurt| spurt["verdict"] == "unknown" && spurt["level_dbfs"].as_f64().unwrap() < 0.0));
    }

    #[test]
    fn what_was_sent_has_no_reference_of_its_own() {
        let path = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
        let bot = Some(path("call-echo.bot.ulaw"));
        assert_eq!(reference(&path("call-echo.caller.ulaw")), bot);
        assert_eq!(reference(&path("call-echo.caller.m4a")), bot);
        assert_eq!(reference(&path("call-echo.ulaw")), bot);
        assert_eq!(reference(&path("call-echo.bot.ulaw")), None);
        assert_eq!(reference(&path("voice-note-16k.m4a")), None);
    }

    #[test]
    fn min_speech_decides_what_counts() {
        let (_, out, _) = vad(&["--jsonl", "--min-speech-ms", "60000", CALL]);
        assert!(out.contains(r#""segments":[]"#), "{out}");
    }

    #[test]
    fn an_unreadable_file_is_named_and_the_others_go_on() {
        let no_recording = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let (ok, out, err) = vad(&["missing.wav", no_recording, "--detector", "energy", CALL]);
        assert!(!ok);
        assert_eq!(out.lines().count(), 2, "{out}");
        assert!(out.lines().nth(1).unwrap().starts_with(CALL));
        let errors: Vec<_> = err.lines().collect();
        assert!(errors[0].contains("missing.wav: ") && errors[1].contains("in no format"), "{err}");
    }

    #[test]
    fn an_unknown_detector_is_refused_with_the_names() {
        let refused = Cli::try_parse_from(["quietline", "vad", "--detector", "crystal", CALL]).unwrap_err();
        assert!(refused.to_string().contains("there are cascade, silero, webrtc, energy"), "{refused}");
    }
}
