//! `quietline shadow`: which calls would have ended otherwise under other settings.

use std::{
    io::{self, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
};

use quietline::{
    replay::capture::{
        Change,
        shadow::{Counts, Effect, Judged},
    },
    report,
};
use serde_json::{Value, json};

use super::{capture, pool};

/// What `quietline shadow` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct ShadowArgs {
    /// Captures of calls, and folders with captures: `[capture]` of the server's configuration leaves them.
    #[arg(required = true, value_name = "CAPTURE")]
    captures: Vec<PathBuf>,
    /// A setting to try, such as silence_timeout_s=45. May be repeated.
    #[arg(long = "set", required = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Calls judged at once. Default: one for each core.
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// One JSON object a line and call, the greatest difference first, and then one with the sums.
    #[arg(long)]
    json: bool,
    /// Write a page with the calls that would end otherwise into this folder, each as it was and as it would be.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

/// A call that was judged, and its file.
struct Row {
    path: PathBuf,
    judged: Judged,
}

/// Judges every capture. The code is 1 if one cannot be, 2 if the arguments are wrong; a difference is no failure.
pub(crate) fn run(args: &ShadowArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let change = match Change::parse(&args.set) {
        Ok(change) => change,
        Err(error) => {
            let _ = writeln!(err, "quietline shadow: --set {error}");
            return ExitCode::from(2);
        }
    };
    let (found, unreadable) = capture::find(&args.captures);
    for (path, error) in &unreadable {
        let _ = writeln!(err, "quietline shadow: {}: {error}", path.display());
    }
    if found.is_empty() {
        let _ =
            writeln!(err, "quietline shadow: no capture was found: expected files named .capture, or folders of them");
        return ExitCode::from(2);
    }
    match judge_all(args, &change, &found, out, err) {
        Ok(failed) if failed + unreadable.len() == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            // A reader that closed the pipe has seen what it wanted.
            let _ = writeln!(err, "quietline shadow: cannot write the result: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Tells how many captures could not be judged.
fn judge_all(
    args: &ShadowArgs,
    change: &Change,
    found: &[PathBuf],
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<usize> {
    let jobs = args.jobs.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let judge = |path: &PathBuf| {
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        Judged::of(&bytes, change).map_err(|error| error.to_string())
    };
    let (mut rows, mut failed) = (Vec::new(), 0);
    pool::in_order(found, jobs, judge, |path, result| {
        match result {
            Ok(judged) => rows.push(Row { path: path.clone(), judged }),
            Err(error) => {
                failed += 1;
                writeln!(err, "quietline shadow: {}: {error}", path.display())?;
            }
        }
        Ok(())
    })?;
    rows.sort_by_key(|row| std::cmp::Reverse(row.judged.size()));
    let counts = Counts::of(rows.iter().map(|row| &row.judged));
    if args.json {
        rows.iter().try_for_each(|row| writeln!(out, "{}", as_json(row)))?;
        writeln!(out, "{}", sums(&counts))?;
    } else {
        table(args, &rows, out)?;
        sentences(&counts, out)?;
    }
    if let Some(folder) = &args.report {
        write_report(folder, &rows, change).map_err(io::Error::other)?;
    }
    Ok(failed)
}

/// Calls that would end otherwise.
fn differing(rows: &[Row]) -> impl Iterator<Item = &Row> {
    rows.iter().filter(|row| row.judged.effect != Effect::Same)
}

fn table(args: &ShadowArgs, rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    let seconds = |us: Option<u64>| us.map_or("–".into(), |us| format!("{:.2} s", us as f64 / 1e6));
    let width = rows.iter().map(|row| name(&row.path).chars().count()).max().unwrap_or(0).max(7);
    if differing(rows).next().is_some() {
        writeln!(
            out,
            "{:<width$} {:<14} {:>10}   {:<14} {:>10}  difference",
            "capture", "ended", "at", "would end", "at"
        )?;
    }
    for Row { path, judged } in differing(rows) {
        let reason = |reason: &Option<String>| reason.clone().unwrap_or_else(|| "–".into());
        let supposed = if judged.is_known { "" } else { ", supposed" };
        writeln!(
            out,
            "{:<width$} {:<14} {:>10}   {:<14} {:>10}  {}{supposed}",
            name(path),
            reason(&judged.was.reason),
            seconds(judged.was.begun_us),
            reason(&judged.would.reason),
            seconds(judged.would.begun_us),
            judged.effect,
        )?;
        if let Some(folder) = &args.report {
            writeln!(out, "{:<width$} {}", "", link(folder, path))?;
        }
    }
    Ok(())
}

/// One sentence for each effect that there is.
fn sentences(counts: &Counts, out: &mut dyn Write) -> io::Result<()> {
    let all = grouped(counts.all());
    let words = [
        "would end as they did",
        "would end earlier",
        "would end later",
        "would end for another reason",
        "would say another goodbye",
        "would go on past the end of their capture",
        "would end within their capture, which had not ended",
    ];
    for ((number, known), words) in counts.effects.iter().zip(words).filter(|((number, _), _)| *number > 0) {
        let supposed = match number - known {
            0 => String::new(),
            supposed => format!(" ({supposed} of them supposed: what was said after the difference is not known)"),
        };
        writeln!(out, "{} of {all} calls {words}{supposed}", grouped(*number))?;
    }
    if counts.otherwise > 0 {
        writeln!(
            out,
            "{} of {all} captures come to other decisions here as they are: another detector or other rules wrote them",
            counts.otherwise
        )?;
    }
    Ok(())
}

/// `4,000`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

fn as_json(row: &Row) -> Value {
    let judged = &row.judged;
    json!({
        "capture": row.path.display().to_string(),
        "call": judged.call,
        "assistant": judged.assistant,
        "effect": judged.effect.name(),
        "later_ms": judged.effect.later_us().map(|us| us as f64 / 1e3),
        "known": judged.is_known,
        "was": judged.was,
        "would": judged.would,
        "parted_ms": judged.parted_at.map(quietline::time::Timestamp::as_millis_f64),
        "taken_back": [judged.taken_back.0, judged.taken_back.1],
        "barge_ins": [judged.barge_ins.0, judged.barge_ins.1],
        "replays": judged.replays,
    })
}

fn sums(counts: &Counts) -> Value {
    let effects = Effect::NAMES.iter().zip(counts.effects);
    let effects: serde_json::Map<_, _> =
        effects.map(|(name, (all, known))| ((*name).to_owned(), json!({ "calls": all, "known": known }))).collect();
    json!({ "calls": counts.all(), "effects": effects, "otherwise": counts.otherwise })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Where the page shows the call as it would be.
fn link(folder: &Path, path: &Path) -> String {
    let percent: String = form_urlencoded::byte_serialize(would_be(path).as_bytes()).collect();
    format!("{}#call={}", folder.join("index.html").display(), percent.replace('+', "%20"))
}

fn would_be(path: &Path) -> String {
    format!("{} (would be)", name(path))
}

fn write_report(folder: &Path, rows: &[Row], change: &Change) -> Result<(), report::ReportError> {
    let calls = differing(rows).flat_map(|Row { path, .. }| {
        [
            capture::report::call(&would_be(path), path, change),
            capture::report::call(&format!("{} (as it was)", name(path)), path, &Change::default()),
        ]
    });
    report::write(folder, &calls.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_read_in_groups() {
        assert_eq!([0, 12, 123, 4_000, 1_234_567].map(grouped), ["0", "12", "123", "4,000", "1,234,567"]);
    }
}
