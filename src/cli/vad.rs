//! `quietline vad`: a voice detector's answers for recordings, for people and for the referee.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use quietline::{
    audio::{Dbfs, FRAME_MS, FRAME_SAMPLES, Frame},
    recording::{self, Channel},
    time::MediaTime,
    vad::{self, Detector, FrameHeard, TalkspurtConfig, TalkspurtEvent, TalkspurtTracker},
};

/// What `quietline vad` is asked.
///
/// `NAME.bot.ulaw` beside `NAME.ulaw` would be what the gateway sent to the caller, of use against its echo; no
/// present detector can use it, so it is not read.
#[derive(Debug, clap::Args)]
pub(crate) struct VadArgs {
    /// Recordings: m4a, WAV, MP3, Ogg Vorbis, or raw G.711 named .ulaw or .alaw. Of stereo, both sides mixed.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
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
        writeln!(out, "{:<40} {:>9} {:>10} {:>9} {:>9}", "file", "length s", "talkspurts", "voiced s", "last end")?;
    }
    let mut all_read = true;
    for path in &args.files {
        match judge(path, args) {
            Ok(judged) if args.jsonl => writeln!(out, "{}", judged.json(path, args.detector))?,
            Ok(judged) => judged.row(path, out)?,
            Err(reason) => {
                all_read = false;
                writeln!(err, "quietline vad: {}: {reason}", path.display())?;
            }
        }
    }
    out.flush()?;
    Ok(all_read)
}

/// What was found in a file.
#[derive(Debug, Default)]
struct Judged {
    /// The answer for each whole frame; what is left at the end is no frame and not judged.
    frames: Vec<bool>,
    /// Talkspurts that count, from the first voiced frame's start to the last one's end.
    talkspurts: Vec<(MediaTime, MediaTime)>,
}

fn judge(path: &Path, args: &VadArgs) -> Result<Judged, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let samples = recording::read(bytes, &path.to_string_lossy())
        .and_then(|recording| recording.telephone(Channel::Mix))
        .map_err(|error| error.to_string())?;
    Ok(judge_samples(&samples, args))
}

fn judge_samples(samples: &[i16], args: &VadArgs) -> Judged {
    let mut detector = vad::build(args.detector);
    let mut tracker = TalkspurtTracker::new(TalkspurtConfig {
        min_speech: Duration::from_millis(args.min_speech_ms),
        hangover: Duration::from_millis(args.hangover_ms),
    });
    let mut judged = Judged::default();
    let (frames, _) = samples.as_chunks::<FRAME_SAMPLES>();
    let mut at = MediaTime::ZERO;
    for frame in frames {
        let frame: &Frame = frame;
        let vad::VadFrame { voiced, back, .. } = detector.process(frame);
        judged.frames.push(voiced);
        judged.collect(tracker.push(at, FrameHeard { back, ..FrameHeard::new(voiced, Dbfs::of(frame)) }));
        at += FRAME_SAMPLES as u64;
    }
    if let Some(open) = tracker.open().filter(|open| open.counts) {
        judged.talkspurts.push((open.start, open.end));
    }
    judged
}

impl Judged {
    fn collect(&mut self, events: [Option<TalkspurtEvent>; 2]) {
        for event in events.into_iter().flatten() {
            match event {
                TalkspurtEvent::Ended(spurt) if spurt.counts => self.talkspurts.push((spurt.start, spurt.end)),
                TalkspurtEvent::Ended(_) | TalkspurtEvent::Began(_) | TalkspurtEvent::Counts(_) => {}
            }
        }
    }

    fn json(&self, path: &Path, detector: Detector) -> serde_json::Value {
        let segments: Vec<_> = self.talkspurts.iter().map(|(s, e)| [s.as_millis_f64(), e.as_millis_f64()]).collect();
        let frames: Vec<u8> = self.frames.iter().map(|&voiced| voiced.into()).collect();
        serde_json::json!({
            "file": path.to_string_lossy(),
            "detector": detector.name(),
            "frame_ms": FRAME_MS,
            "segments": segments,
            "frames": frames,
        })
    }

    fn row(&self, path: &Path, out: &mut dyn Write) -> io::Result<()> {
        let seconds = |frames: usize| frames as f64 * FRAME_MS as f64 / 1000.0;
        let voiced = self.frames.iter().filter(|&&voiced| voiced).count();
        let last = self.talkspurts.last().map_or_else(|| "-".to_owned(), |(_, end)| format!("{end}"));
        writeln!(
            out,
            "{:<40} {:>9.2} {:>10} {:>9.2} {last:>9}",
            path.display(),
            seconds(self.frames.len()),
            self.talkspurts.len(),
            seconds(voiced)
        )
    }
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
