//! The figures of all detectors side by side, as Markdown: the README shows what is printed here.

use std::io::{self, Write};

use super::{
    Benched,
    score::{Figures, percentile},
};

/// A row: what, how it is written for one detector.
type Row = (&'static str, fn(&Benched) -> String);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("nobody speaks: a 30 s limit is reached", |b| format!("{} of {}", b.figures.quiet_ends, b.figures.quiet_files)),
    ("… false alarms", |b| {
        let alarms = &b.figures.false_alarms_ms;
        if alarms.is_empty() { "0".into() } else { format!("{}, {:.1} s", alarms.len(), alarms.iter().sum::<f64>() / 1e3) }
    }),
    ("utterances missed, built", |b| format!("{} of {}", b.figures.built.1, b.figures.built.0)),
    ("… labelled by people", |b| format!("{} of {}", b.figures.real.1, b.figures.real.0)),
    ("end of the last words, 20 dB and more over noise: median, p95 of the error", |b| spread(&b.figures.clean_ends_ms)),
    ("… all built files: median, p95", |b| spread(&b.figures.ends_ms)),
    ("… earliest", |b| ms(b.figures.ends_ms.iter().copied().reduce(f64::min))),
    ("… within 100 ms; lost", |b| ends(&b.figures)),
    ("talkspurts out of echo", |b| format!("{}, {}", b.figures.echo_starts, an_hour(b.figures.echo_speech_ms, b.figures.echo_ms))),
    ("talking over echo, 30 dB above: found within 250 ms", |b| over(&b.figures, 30.0, 250.0)),
    ("… 20 dB above: found within 250 ms", |b| over(&b.figures, 20.0, 250.0)),
    ("… 10 dB above: found within 500 ms", |b| over(&b.figures, 10.0, 500.0)),
    ("delay of the echo: median, largest error; not found", |b| path(&b.figures.delay_errors_ms, "ms", b.figures.paths_missed)),
    ("loss of the echo: median, largest error; not found", |b| path(&b.figures.loss_errors_db, "dB", b.figures.paths_missed)),
    ("other voices after the caller's, uncharged", |b| an_hour(b.figures.after_caller_ms.1, b.figures.after_caller_ms.0)),
    ("… before any caller", |b| an_hour(b.figures.before_caller_ms.1, b.figures.before_caller_ms.0)),
    ("a 20 ms frame on one core: silent line", |b| format!("{:.1} µs", b.silent_us)),
    ("… speech", |b| format!("{:.1} µs", b.speech_us)),
    ("… speech, 32 calls at once", |b| format!("{:.1} µs", b.batched_us)),
    ("… speech, without AVX2 and FMA", |b| format!("{:.1} µs", b.baseline_us)),
];

pub(super) fn print(benched: &[Benched], out: &mut dyn Write) -> io::Result<()> {
    write!(out, "| |")?;
    benched.iter().try_for_each(|benched| write!(out, " {} |", benched.detector.name()))?;
    write!(out, "\n|---|")?;
    benched.iter().try_for_each(|_| write!(out, "---|"))?;
    for (what, cell) in ROWS {
        write!(out, "\n| {what} |")?;
        benched.iter().try_for_each(|benched| write!(out, " {} |", cell(benched)))?;
    }
    writeln!(out)
}

fn ms(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |ms| format!("{ms:.0} ms"))
}

fn absolute(errors: &[f64]) -> Vec<f64> {
    errors.iter().map(|error| error.abs()).collect()
}

fn spread(errors: &[f64]) -> String {
    let errors = absolute(errors);
    format!("{}, {}", ms(percentile(&errors, 0.5)), ms(percentile(&errors, 0.95)))
}

fn ends(figures: &Figures) -> String {
    let all = figures.ends_ms.len() + figures.ends_lost;
    let near = figures.ends_ms.iter().filter(|error| error.abs() <= 100.0).count();
    format!("{near} of {all}; {}", figures.ends_lost)
}

fn an_hour(part_ms: f64, of_ms: f64) -> String {
    if of_ms > 0.0 { format!("{:.0} s/h", 3600.0 * part_ms / of_ms) } else { "–".into() }
}

fn over(figures: &Figures, db: f64, within_ms: f64) -> String {
    let Some(over) = figures.over_echo.iter().find(|over| over.db == db) else { return "–".into() };
    let found = over.onsets_ms.iter().filter(|onset| **onset <= within_ms).count();
    format!("{found} of {}", over.turns)
}

fn path(errors: &[f64], unit: &str, missed: usize) -> String {
    let errors = absolute(errors);
    let largest = errors.iter().copied().reduce(f64::max);
    match percentile(&errors, 0.5).zip(largest) {
        Some((median, largest)) => format!("{median:.1}, {largest:.1} {unit}; {missed}"),
        None => format!("–; {missed}"),
    }
}

#[cfg(test)]
mod tests {
    use quietline::vad::Detector;

    use super::*;

    #[test]
    fn every_row_has_a_cell_for_every_detector() {
        let benched: Vec<_> = Detector::ALL.into_iter().map(Benched::new).collect();
        let mut out = Vec::new();
        print(&benched, &mut out).unwrap();
        let table = String::from_utf8(out).unwrap();
        assert_eq!(table.lines().count(), ROWS.len() + 2);
        assert!(table.lines().all(|line| line.matches('|').count() == 6), "{table}");
    }
}
