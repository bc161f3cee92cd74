//! Names of files made from names of recordings.

use std::collections::BTreeSet;

/// A picture's name for each call: letters, digits, `.`, `_` and `-` of the recording's file name, each name once.
pub(super) fn pictures<'a>(calls: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    calls
        .map(|name| {
            let plain = plain(file_name(name));
            let numbered = (2..).map(|n| format!("{plain}-{n}.svg"));
            let mut names = std::iter::once(format!("{plain}.svg")).chain(numbered);
            // Names differ in more than their case: not every disk tells `A.svg` from `a.svg`.
            names.find(|name| taken.insert(name.to_lowercase())).unwrap_or_default()
        })
        .collect()
}

/// The name under which a replay finds the truth: `NAME.json` beside `NAME.caller.*` or `NAME.*`.
pub(super) fn truth(recording: &str) -> String {
    let name = file_name(recording);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    format!("{}.json", stem.strip_suffix(".caller").unwrap_or(stem))
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn plain(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    // Room is left for a number and the ending: disks take 255 bytes.
    let plain: String = name.trim_start_matches('.').chars().map(kept).take(200).collect();
    if plain.is_empty() { "call".into() } else { plain }
}
