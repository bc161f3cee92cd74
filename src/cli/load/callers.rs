//! What the callers say, and when they stop.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use quietline::{
    codec::mulaw,
    lab::load::Tape,
    recording::{self, Channel},
    replay::Truth,
};

/// A caller of the fixtures: talks for 15 s, then is quiet.
const CALLER: &[u8] = include_bytes!("../../../fixtures/call-silence.caller.ulaw");
const CALLER_TRUTH: &[u8] = include_bytes!("../../../fixtures/call-silence.json");

/// The recordings with their truths; the built-in one if there are none.
pub(super) fn tapes(audio: &[PathBuf], truth: &[PathBuf]) -> Result<Vec<Tape>, String> {
    let auto = truth == [PathBuf::from("auto")];
    if audio.is_empty() {
        let bytes = if auto { CALLER_TRUTH.to_vec() } else { of_file(&truth[0], |path| fs::read(path))? };
        let speech_end = speech_end(&bytes).map_err(|error| format!("the built-in caller: {error}"))?;
        return Ok(vec![Tape { name: "built-in".to_owned(), mulaw: Arc::from(CALLER), speech_end }]);
    }
    if !auto && truth.len() != audio.len() {
        return Err(format!("{} recordings, but {} files with their truth", audio.len(), truth.len()));
    }
    let tape = |(n, file): (usize, &PathBuf)| {
        let mulaw = sound(file)?;
        let side_car = if auto { side_car(file) } else { truth.get(n).cloned() };
        let speech_end = match side_car {
            Some(path) => of_file(&path, |path| speech_end(&fs::read(path).map_err(|error| error.to_string())?))?,
            None => Duration::from_micros(mulaw.len() as u64 * 125),
        };
        Ok(Tape { name: file.display().to_string(), mulaw: Arc::from(mulaw), speech_end })
    };
    audio.iter().enumerate().map(tape).collect()
}

fn of_file<T, E: fmt::Display>(path: &Path, of: impl FnOnce(&Path) -> Result<T, E>) -> Result<T, String> {
    of(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn sound(file: &Path) -> Result<Vec<u8>, String> {
    let bytes = of_file(file, |path| fs::read(path))?;
    let recording = of_file(file, |path| recording::read(bytes, &path.to_string_lossy()))?;
    let samples = of_file(file, |_| recording.telephone(Channel::Mix))?;
    Ok(samples.into_iter().map(mulaw::encode).collect())
}

/// `NAME.json` beside `NAME.caller.ulaw` or `NAME.m4a`, the longest name first.
fn side_car(file: &Path) -> Option<PathBuf> {
    let mut path = file.with_extension("json");
    loop {
        if path.is_file() {
            return Some(path);
        }
        let stem = Path::new(path.file_stem()?).to_owned();
        stem.extension()?;
        path.set_file_name(stem.with_extension("json"));
    }
}

fn speech_end(truth: &[u8]) -> Result<Duration, String> {
    let truth = Truth::parse(truth).map_err(|error| error.to_string())?;
    let end_ms = truth.caller_speech.iter().map(|(_, end)| *end).fold(0.0, f64::max);
    Duration::try_from_secs_f64(end_ms / 1e3).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_is_found_beside_its_recording() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let found = side_car(&fixtures.join("call-silence.caller.ulaw"));
        assert_eq!(found, Some(fixtures.join("call-silence.json")));
        assert_eq!(side_car(&fixtures.join("nothing.caller.ulaw")), None);
        let tapes = tapes(&[fixtures.join("call-silence.caller.ulaw")], &["auto".into()]).expect("a fixture");
        assert_eq!(tapes[0].speech_end, Duration::from_millis(14_740));
        assert_eq!(tapes[0].mulaw.len(), CALLER.len());
    }

    #[test]
    fn without_recordings_there_is_the_built_in_caller() {
        let tapes = tapes(&[], &["auto".into()]).expect("built in");
        assert_eq!((tapes.len(), tapes[0].speech_end), (1, Duration::from_millis(14_740)));
        assert!(super::tapes(&["a".into(), "b".into()], &["c".into()]).is_err());
    }
}
