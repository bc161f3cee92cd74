//! Files that belong together by their names: `NAME.PART.ending` beside `NAME.json`.

use std::path::{Path, PathBuf};

/// Endings of recordings that can be read.
pub(crate) const RECORDINGS: [&str; 12] =
    ["ulaw", "mulaw", "ul", "alaw", "al", "m4a", "mp4", "aac", "wav", "mp3", "ogg", "oga"];

/// `NAME` and `PART` of `NAME.PART.ending`.
pub(crate) fn parts(path: &Path) -> Option<(&str, &str)> {
    path.file_stem()?.to_str()?.rsplit_once('.')
}

/// One track with both voices, by its name: `NAME.mixed.*`.
pub(crate) fn is_mixed(path: &Path) -> bool {
    parts(path).is_some_and(|(_, part)| part == "mixed")
}

/// What is known of a recording: `NAME.json` beside `NAME.caller.*`, `NAME.mixed.*` or `NAME.*`.
pub(crate) fn side_car(path: &Path) -> Option<PathBuf> {
    let file = path.with_file_name(format!("{}.json", base(path)?));
    file.is_file().then_some(file)
}

/// The agent's side: `NAME.bot.*` beside `NAME.caller.*` or `NAME.*`.
pub(crate) fn agents_side(path: &Path) -> Option<PathBuf> {
    if is_mixed(path) { None } else { part(path, "bot") }
}

/// The goodbye alone: `NAME.goodbye.*` beside `NAME.caller.*`, `NAME.mixed.*` or `NAME.*`.
pub(crate) fn goodbye(path: &Path) -> Option<PathBuf> {
    part(path, "goodbye")
}

fn part(path: &Path, part: &str) -> Option<PathBuf> {
    let base = base(path)?;
    RECORDINGS.iter().map(|ending| path.with_file_name(format!("{base}.{part}.{ending}"))).find(|file| file.is_file())
}

fn base(path: &Path) -> Option<&str> {
    match parts(path) {
        Some((name, "caller" | "mixed")) => Some(name),
        Some(_) | None => path.file_stem()?.to_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_recording_lies_beside_it() {
        let fixture = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
        for name in ["call-echo.caller.m4a", "call-echo.caller.ulaw", "call-echo.ulaw"] {
            assert_eq!(side_car(&fixture(name)), Some(fixture("call-echo.json")));
            assert_eq!(agents_side(&fixture(name)), Some(fixture("call-echo.bot.ulaw")));
            assert_eq!(goodbye(&fixture(name)), None);
        }
        let mixed = fixture("call-seed-silence.mixed.m4a");
        assert_eq!(side_car(&mixed), Some(fixture("call-seed-silence.json")));
        assert_eq!(goodbye(&mixed), Some(fixture("call-seed-silence.goodbye.ulaw")));
        assert_eq!(agents_side(&fixture("call-echo.mixed.ulaw")), None, "both voices are in the one track");
        assert_eq!(side_car(&fixture("nothing.wav")), None);
    }
}
