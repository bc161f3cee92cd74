//! Who may import whom, which modules stay pure, and how long a file may grow.
//!
//! A plain text scan of `src`. Comments, literals, the `#[cfg(test)] mod … {` tail of a file and files of tests
//! (`tests.rs`, folders `tests/`) are not read: a test may open a fixture or borrow a neighbour.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Module → what it may import. A row names only rows above it, so the table has no cycle.
///
/// Adding an edge is a decision about the design: review it like code.
#[rustfmt::skip]
const EDGES: &[(&str, &[&str])] = &[
    // vocabulary
    ("time",      &[]),
    ("audio",     &[]),
    ("wire",      &[]),
    // parts
    ("codec",     &["time", "audio"]),
    ("resample",  &["time", "audio"]),
    ("vad",       &["time", "audio"]),
    ("silence",   &["time", "audio", "vad"]),
    ("mix",       &["time", "audio", "codec"]),
    ("ring",      &["time", "audio"]),
    ("recording", &["time", "audio", "codec", "resample"]),
    // what a user configures; its words for farewells are also the peers'
    ("assistant", &["time", "audio", "vad"]),
    ("carrier",   &["time", "audio", "wire", "assistant"]),
    ("model",     &["time", "audio", "wire", "codec", "vad", "carrier"]),
    ("tts",       &["time", "audio", "wire", "codec", "resample", "mix", "assistant", "model"]),
    // recordings held against the rules; it knows no call
    ("audit",     &["time", "audio", "codec", "vad", "assistant", "tts"]),
    // control plane; data plane, which implements the port that `call` defines
    ("call",      &["time", "audio", "vad", "silence", "carrier", "model", "assistant"]),
    ("media",     &["time", "audio", "codec", "resample", "vad", "mix", "ring", "carrier", "model", "call"]),
    // one call: joins the two
    ("session",   &["time", "audio", "resample", "vad", "mix", "carrier", "model", "assistant", "call", "media"]),
    // a finished call as a picture
    ("chart",     &["time", "audio", "codec", "call"]),
    // tools over HTTP, as values
    ("intent",    &["wire", "model"]),
    // what outlives the process; it knows documents, not what they mean
    ("store",     &[]),
    // the server's file and environment
    ("config",    &["time", "audio", "vad", "assistant", "carrier", "model", "tts", "intent"]),
    // drivers
    ("net",       &["time", "wire", "intent"]),
    ("voices",    &["time", "audio", "wire", "codec", "mix", "assistant", "tts", "call", "config", "net"]),
    ("live",      &["time", "audio", "wire", "vad", "mix", "assistant", "carrier", "model", "tts", "call", "media",
                    "session", "intent", "config", "net", "voices"]),
    ("text",      &["time", "wire", "carrier", "model", "config", "net", "store", "live"]),
    ("lab",       &["time", "audio", "codec", "resample", "vad", "mix", "carrier", "model", "call", "session", "net"]),
    ("replay",    &["time", "audio", "codec", "vad", "mix", "carrier", "model", "recording", "assistant", "tts",
                    "call", "media", "session", "chart", "net", "voices", "live", "lab"]),
    ("report",    &["codec", "assistant", "call", "chart", "replay"]),
    // the command (in the tree of main.rs; it sees the library as `quietline::`)
    // the operators' side
    ("desk",      &["wire", "assistant", "carrier", "tts", "call", "config", "intent", "net", "store", "voices", "live",
                    "text"]),
    ("api",       &["carrier", "config", "desk", "store", "text"]),
    ("cli",       &["time", "audio", "codec", "vad", "recording", "assistant", "carrier", "model", "call", "session",
                    "config", "net", "tts", "voices", "live", "lab", "replay", "chart", "report", "audit", "wire",
                    "desk", "api"]),
];

/// Modules that may touch the world; all others are pure.
const IMPURE: &[&str] =
    &["store", "desk", "api", "config", "net", "voices", "live", "text", "lab", "replay", "report", "cli"];

/// What a pure module never names, by the beginning of the path.
const IMPURE_PATHS: &[&[&str]] = &[
    &["std", "net"],
    &["std", "fs"],
    &["std", "thread"],
    &["std", "env"],
    &["std", "process"],
    &["tokio"],
    &["rand"],
    &["fastrand"],
];

/// What a pure module never names, wherever it comes from.
const CLOCKS: &[&str] = &["Instant", "SystemTime"];

/// Longest source file, in lines, without its tests.
const MAX_LINES: usize = 600;

#[test]
fn imports_follow_the_edge_table() {
    let mut wrong = Vec::new();
    for file in sources() {
        let Some(module) = file.module() else { continue };
        let Some(allowed) = edges(module) else { continue };
        for target in file.imports() {
            if edges(&target).is_none() {
                wrong.push(format!("{}: `{target}` at the crate's root is no module of the table", file.name));
            } else if target != module && !allowed.contains(&target.as_str()) {
                wrong.push(format!("{}: `{module}` may not import `{target}`", file.name));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn edge_table_has_no_cycle() {
    for (row, (module, allowed)) in EDGES.iter().enumerate() {
        let above: Vec<_> = EDGES[..row].iter().map(|(name, _)| name).collect();
        assert!(!above.contains(&module), "`{module}` has two rows");
        for target in *allowed {
            assert!(above.contains(&target), "`{module}` may import only rows above it, not `{target}`");
        }
    }
}

#[test]
fn every_folder_is_in_the_table() {
    for entry in fs::read_dir(root()).expect("src is there") {
        let path = entry.expect("src can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("names in src are UTF-8").to_owned();
        if path.is_dir() {
            assert!(edges(&name).is_some(), "src/{name} is not in the table");
        } else {
            assert!(["lib.rs", "main.rs"].contains(&name.as_str()), "src/{name}: a module is a folder");
        }
    }
}

#[test]
fn pure_modules_name_no_outside_world() {
    let mut wrong = Vec::new();
    for file in sources() {
        if file.module().is_none_or(|module| IMPURE.contains(&module)) {
            continue;
        }
        for path in paths(&file.code) {
            let begins =
                |with: &&[&str]| path.len() > 1 && path.iter().zip(*with).filter(|(a, b)| a == b).count() == with.len();
            if IMPURE_PATHS.iter().any(begins) || path.iter().any(|name| CLOCKS.contains(&name.as_str())) {
                wrong.push(format!("{}: `{}`", file.name, path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "pure modules take time, bytes and chance as arguments\n{}", wrong.join("\n"));
}

#[test]
fn no_source_file_is_too_long() {
    let mut long = Vec::new();
    for file in sources() {
        let lines = file.code.lines().count();
        if lines > MAX_LINES {
            long.push(format!("{}: {lines} lines without tests, at most {MAX_LINES}", file.name));
        }
    }
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}

#[test]
fn scan_opens_nested_groups() {
    let found = paths("use crate::{audio::{Frame, Dbfs}, time};\nlet x = crate::vad::build();");
    let found: Vec<_> = found.iter().map(|path| path.join("::")).collect();
    for path in ["crate::audio::Frame", "crate::audio::Dbfs", "crate::time", "crate::vad::build"] {
        assert!(found.iter().any(|it| it == path), "{path} in {found:?}");
    }
}

#[test]
fn scan_skips_comments_literals_and_test_tails() {
    let source = "// crate::a\n/* crate::b /* */ crate::c */ let s = \"crate::d \\\" crate::e\"; let r = r#\"crate::f\"#;\n\
                  let q = '\"'; let l: &'static str = X; crate::kept();\n#[cfg(test)]\nmod tests;\ncrate::also_kept();\n\
                  #[cfg(test)]\nmod more {\n    use crate::g;\n}\n";
    let file = Source::new("src/vad/mod.rs".into(), source);
    assert_eq!(file.imports(), BTreeSet::from(["kept".to_owned(), "also_kept".to_owned()]));
    assert_eq!(file.code.lines().count(), 6, "line numbers survive");
}

#[test]
fn scan_follows_super_out_of_a_module() {
    let up = Source::new("src/vad/energy.rs".into(), "use super::super::call::Call; use super::Vad;");
    assert_eq!(up.imports(), BTreeSet::from(["call".to_owned()]));
}

fn edges(module: &str) -> Option<&'static [&'static str]> {
    EDGES.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// One file of `src`, without comments, literals and its tail of tests.
struct Source {
    /// Path from the crate's root, with `/`.
    name: String,
    code: String,
}

impl Source {
    fn new(name: String, source: &str) -> Self {
        Self { name, code: without_test_tail(&without_comments(source)) }
    }

    /// The top-level module this file belongs to; none for `lib.rs` and `main.rs`.
    fn module(&self) -> Option<&str> {
        let (module, _) = self.name.strip_prefix("src/")?.split_once('/')?;
        Some(module)
    }

    /// How many modules deep the file is: 1 for `vad/mod.rs`, 2 for `vad/energy.rs`.
    fn depth(&self) -> usize {
        let slashes = self.name.matches('/').count();
        if self.name.ends_with("/mod.rs") { slashes - 1 } else { slashes }
    }

    /// What stands directly under the crate's root in each path: a module, if all is well.
    fn imports(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for path in paths(&self.code) {
            let supers = path.iter().take_while(|name| *name == "super").count();
            let target = match path[0].as_str() {
                "crate" => path.get(1),
                "quietline" if self.module() == Some("cli") => path.get(1),
                // Inside an inline module one `super` leads no higher than the file: only a known name counts.
                "super" if supers >= self.depth() => path.get(supers).filter(|name| edges(name).is_some()),
                _ => None,
            };
            found.extend(target.filter(|name| *name != "self").cloned());
        }
        found
    }
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of src can be listed") {
            let path = entry.expect("a folder of src can be listed").path();
            let is_tests = path.file_stem().is_some_and(|stem| stem == "tests");
            if is_tests {
                continue;
            } else if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let source = fs::read_to_string(&path).expect("source is UTF-8");
                let below = path.strip_prefix(root()).expect("found below src");
                let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
                found.push(Source::new(format!("src/{}", parts.join("/")), &source));
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!found.is_empty(), "src has files");
    found
}

/// Every path `a::b::c` in the code, groups opened; single names too.
fn paths(code: &str) -> Vec<Vec<String>> {
    let code: Vec<char> = code.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() {
        if is_name(code[at]) {
            at = path_at(&code, at, &[], &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// Reads one path that starts at `at`, under `prefix`; gives the position behind it.
fn path_at(code: &[char], mut at: usize, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    loop {
        let begin = at;
        while at < code.len() && is_name(code[at]) {
            at += 1;
        }
        path.push(code[begin..at].iter().collect());
        if !code[at..].starts_with(&[':', ':']) {
            break;
        }
        match code.get(at + 2) {
            Some('{') => return group_at(code, at + 3, &path, found),
            Some(next) if is_name(*next) => at += 2,
            _ => break,
        }
    }
    found.push(path);
    at
}

fn group_at(code: &[char], mut at: usize, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    while at < code.len() && code[at] != '}' {
        if is_name(code[at]) {
            at = path_at(code, at, prefix, found);
            // `Name as Other` names one thing.
            if code[at..].starts_with(&[' ', 'a', 's', ' ']) {
                at += 4;
                while at < code.len() && is_name(code[at]) {
                    at += 1;
                }
            }
        } else {
            at += 1;
        }
    }
    at + 1
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The code up to the first inline module of tests.
fn without_test_tail(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    for (at, _) in code.match_indices(MARK) {
        let head = code[at + MARK.len()..].split(['{', ';']).next().unwrap_or_default();
        let opens = code[at + MARK.len() + head.len()..].starts_with('{');
        if opens && head.split_whitespace().any(|word| word == "mod") {
            return code[..at].to_owned();
        }
    }
    code.to_owned()
}

/// Blanks comments and string and character literals; keeps the lines.
fn without_comments(source: &str) -> String {
    let source: Vec<char> = source.chars().collect();
    let mut kept = String::with_capacity(source.len());
    let mut at = 0;
    while at < source.len() {
        let end = skipped_until(&source, at);
        if end == at {
            kept.push(source[at]);
            at += 1;
        } else {
            kept.push(' ');
            kept.extend(source[at..end.min(source.len())].iter().filter(|c| **c == '\n'));
            at = end;
        }
    }
    kept
}

/// Where the comment or literal that begins at `at` ends; `at` itself when none begins.
fn skipped_until(source: &[char], at: usize) -> usize {
    let rest = &source[at..];
    let after_name = at > 0 && is_name(source[at - 1]);
    match rest {
        ['/', '/', ..] => at + rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => block_comment_end(source, at),
        ['r', '"' | '#', ..] if !after_name => raw_string_end(source, at + 1).unwrap_or(at),
        ['b', 'r', '"' | '#', ..] if !after_name => raw_string_end(source, at + 2).unwrap_or(at),
        ['"', ..] => quoted_end(source, at, '"'),
        ['\'', '\\', ..] => quoted_end(source, at, '\''),
        ['\'', _, '\'', ..] => at + 3,
        _ => at,
    }
}

fn block_comment_end(source: &[char], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < source.len() {
        match &source[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The end of `#…#"…"#…#`, or none for a raw name such as `r#type`.
fn raw_string_end(source: &[char], at: usize) -> Option<usize> {
    let hashes = source[at..].iter().take_while(|c| **c == '#').count();
    if source.get(at + hashes) != Some(&'"') {
        return None;
    }
    let mut close = vec!['"'];
    close.resize(hashes + 1, '#');
    let body = at + hashes + 1;
    let length = source[body..].windows(close.len()).position(|window| window == close);
    Some(length.map_or(source.len(), |length| body + length + close.len()))
}

fn quoted_end(source: &[char], at: usize, quote: char) -> usize {
    let mut at = at + 1;
    while at < source.len() && source[at] != quote {
        at += if source[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}
