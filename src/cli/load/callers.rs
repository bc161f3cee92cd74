//! What the callers say, and when they stop.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use quietline::{
    codec::mulaw,
    lab::load::{Talk, Tape},
    recording::{self, Channel},
    replay::Truth,
};

use super::conversation;

/// A caller of the fixtures: talks for 15 s, then is quiet.
pub(super) const CALLER: &[u8] = include_bytes!("../../../fixtures/call-silence.caller.ulaw");
const CALLER_TRUTH: &[u8] = include_bytes!("../../../fixtures/call-silence.json");

/// What callers say without recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Pattern {
    /// Talk for 15 s and go quiet: for the goodbye.
    #[default]
    Talk,
    /// Say nothing: for the goodbye after the shortest call.
    Silent,
    /// Talk 40 % of the time, without end: for CPU as real callers cause it. Needs --seconds.
    Conversation,
    /// A tone of 60 ms about each second, without end, too short to be speech: for the time that the gateway adds.
    /// Needs --seconds, and a model that says back what it hears, such as that of --model-port.
    Burst,
}

/// What the callers say: these recordings with their truths, else the pattern.
pub(super) fn talk(
    pattern: Pattern,
    audio: &[PathBuf],
    truth: &[PathBuf],
    again: bool,
    seed: u64,
) -> Result<Talk, String> {
    let tapes = match pattern {
        Pattern::Silent => return Ok(Talk::Silent),
        Pattern::Burst => return Ok(Talk::Bursts),
        Pattern::Conversation => return Ok(Talk::Tapes(conversation::tapes(&truth_of(CALLER_TRUTH)?, seed))),
        Pattern::Talk => tapes(audio, truth)?,
    };
    let end = |tape: Tape| if again { Tape { speech_end: None, ..tape } } else { tape };
    Ok(Talk::Tapes(tapes.into_iter().map(end).collect()))
}

/// The recordings with their truths; the built-in one if there are none.
fn tapes(audio: &[PathBuf], truth: &[PathBuf]) -> Result<Vec<Tape>, String> {
    let auto = truth == [PathBuf::from("auto")];
    if audio.is_empty() {
        let bytes = if auto { CALLER_TRUTH.to_vec() } else { of_file(&truth[0], |path| fs::read(path))? };
        let speech_end = speech_end(&bytes).map_err(|error| format!("the built-in caller: {error}"))?;
        let tape = Tape { name: "built-in".to_owned(), mulaw: Arc::from(CALLER), speech_end: Some(speech_end) };
        return Ok(vec![tape]);
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
        Ok(Tape { name: file.display().to_string(), mulaw: Arc::from(mulaw), speech_end: Some(speech_end) })
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
    let end_ms = truth_of(truth)?.caller_speech.iter().map(|(_, end)| *end).fold(0.0, f64::max);
    Duration::try_from_secs_f64(end_ms / 1e3).map_err(|error| error.to_string())
}

fn truth_of(bytes: &[u8]) -> Result<Truth, String> {
    Truth::parse(bytes).map_err(|error| error.to_string())
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
        assert_eq!(tapes[0].speech_end, Some(Duration::from_millis(14_740)));
        assert_eq!(tapes[0].mulaw.len(), CALLER.len());
    }

    #[test]
    fn without_recordings_there_is_the_built_in_caller() {
        let tapes = tapes(&[], &["auto".into()]).expect("built in");
        assert_eq!((tapes.len(), tapes[0].speech_end), (1, Some(Duration::from_millis(14_740))));
        assert!(super::tapes(&["a".into(), "b".into()], &["c".into()]).is_err());
    }

    #[test]
    fn a_recording_that_is_repeated_never_ends() {
        let of = |pattern, again| talk(pattern, &[], &["auto".into()], again, 1).expect("built in");
        let Talk::Tapes(again) = of(Pattern::Talk, true) else { panic!("recordings") };
        assert_eq!(again[0].speech_end, None);
        assert!(matches!(of(Pattern::Silent, false), Talk::Silent));
        assert!(matches!(of(Pattern::Burst, false), Talk::Bursts));
        assert!(matches!(of(Pattern::Conversation, false), Talk::Tapes(tapes) if tapes.len() > 1));
    }
}
