//! `quietline load-chart`: pictures and a table of what loads came to.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use quietline::{
    chart::{Lines, Series},
    lab::load::{LATEST_LOAD_MS, MECHANICS_MS},
};
use serde::Deserialize;

/// What `quietline load-chart` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct LoadChartArgs {
    /// Files that `load --json` wrote. Those with one --label make one line; several with the same number of calls count
    /// with their median.
    #[arg(value_name = "RESULT", required = true)]
    results: Vec<PathBuf>,
    /// The gateway's CPU per frame over the calls, as SVG.
    #[arg(long, value_name = "FILE")]
    cpu: Option<PathBuf>,
    /// The mechanics error over the calls, as SVG.
    #[arg(long, value_name = "FILE")]
    error: Option<PathBuf>,
}

/// What is read of a result; a search holds one for each step.
#[derive(Debug, Deserialize)]
struct Written {
    #[serde(default)]
    label: String,
    #[serde(default)]
    steps: Vec<Step>,
    #[serde(flatten)]
    report: Option<Report>,
}

#[derive(Debug, Deserialize)]
struct Step {
    report: Report,
}

#[derive(Debug, Deserialize)]
struct Report {
    at_once: u32,
    server: Option<Server>,
    mechanics: Option<Mechanics>,
    latency: Option<Latency>,
    voice: Voice,
    load: LoadItself,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Server {
    us_per_frame: f64,
    core_share: f64,
    rss_per_call_kib: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Latency {
    to_model_ms: Option<Spread>,
    to_caller_ms: Option<Spread>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Voice {
    underruns: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct LoadItself {
    late_p99_ms: f64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Mechanics {
    error_ms: Option<Spread>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Spread {
    p50: f64,
    p99: f64,
    max: f64,
}

/// Draws, and writes a table in Markdown. The code is 0, or 2 if something could not be read, drawn or written.
pub(crate) fn run(args: &LoadChartArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    match drawn(args, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(err, "quietline load-chart: {error}");
            ExitCode::from(2)
        }
    }
}

fn drawn(args: &LoadChartArgs, out: &mut dyn Write) -> Result<(), String> {
    let mut reports = Vec::new();
    for file in &args.results {
        let Written { label, steps, report } = read(file)?;
        let all = report.into_iter().chain(steps.into_iter().map(|step| step.report));
        reports.extend(all.map(|report| (label.clone(), report)));
    }
    let labels: Vec<String> = reports.iter().map(|(label, _)| label.clone()).collect();
    // Labels in the order in which they come first.
    reports.sort_by_key(|(label, report)| (labels.iter().position(|known| known == label), report.at_once));
    table(&reports, out).map_err(|error| error.to_string())?;
    if let Some(file) = &args.cpu {
        let series = series(&reports, |name, report| {
            let server = report.server.as_ref();
            server.map(|server| (name.to_owned(), server.us_per_frame)).into_iter().collect()
        });
        let (title, up) = ("CPU per frame of 20 ms and what comes back for it", "µs on a core");
        draw(file, title, up, None, &series, "CPU: was --server-pid given?")?;
    }
    if let Some(file) = &args.error {
        let series = series(&reports, |name, report| {
            let error = report.mechanics.as_ref().and_then(|mechanics| mechanics.error_ms);
            let named = |what: &str| if name.is_empty() { what.to_owned() } else { format!("{name}, {what}") };
            let of = |error: Spread| [("p50", error.p50), ("p99", error.p99), ("max", error.max)];
            error.map(of).into_iter().flatten().map(|(what, ms)| (named(what), ms)).collect()
        });
        let title = "First goodbye frame after the end of the silence window";
        let limit = Some((MECHANICS_MS, "one frame"));
        draw(file, title, "ms", limit, &series, "mechanics error: were --records given, and was goodbye said?")?;
    }
    Ok(())
}

/// A row a result. Where the load was late itself, nothing in it counts, and it says so.
fn table(reports: &[(String, Report)], out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "| | calls | µs CPU a frame | of a core | KiB a call | to the model, ms (p50 / p99 / max) | to the caller, ms | \
         mechanics error, ms | underruns |\n|---|---|---|---|---|---|---|---|---|"
    )?;
    for (label, report) in reports {
        let spread = |of: Option<Spread>| {
            of.map_or("–".to_owned(), |Spread { p50, p99, max }| format!("{p50:.1} / {p99:.1} / {max:.1}"))
        };
        let server = |of: fn(&Server) -> String| report.server.as_ref().map_or("–".to_owned(), of);
        let columns = [
            label.clone(),
            report.at_once.to_string(),
            server(|server| format!("{:.1}", server.us_per_frame)),
            server(|server| format!("{:.0} %", server.core_share * 100.0)),
            server(|server| format!("{:.0}", server.rss_per_call_kib)),
            spread(report.latency.and_then(|latency| latency.to_model_ms)),
            spread(report.latency.and_then(|latency| latency.to_caller_ms)),
            spread(report.mechanics.and_then(|mechanics| mechanics.error_ms)),
            report.voice.underruns.to_string(),
        ];
        let late = report.load.late_p99_ms;
        let void = if late > LATEST_LOAD_MS { format!(" void: load {late:.1} ms late |") } else { String::new() };
        writeln!(out, "| {} |{void}", columns.join(" | "))?;
    }
    Ok(())
}

fn read(file: &Path) -> Result<Written, String> {
    let name = file.display();
    let bytes = fs::read(file).map_err(|error| format!("cannot read {name}: {error}"))?;
    let written: Written = serde_json::from_slice(&bytes)
        .map_err(|error| format!("{name} is nothing that `load --json` wrote: {error}"))?;
    if written.report.is_none() && written.steps.is_empty() {
        return Err(format!("{name} is nothing that `load --json` wrote: it has neither calls nor steps"));
    }
    Ok(written)
}

/// Lines by name: of each report the values with the names of their lines, in the order in which names come first.
fn series(reports: &[(String, Report)], of: impl Fn(&str, &Report) -> Vec<(String, f64)>) -> Vec<Series> {
    let mut names = Vec::new();
    let mut lines: BTreeMap<String, BTreeMap<u32, Vec<f64>>> = BTreeMap::new();
    for (label, report) in reports {
        for (name, value) in of(label, report) {
            if !names.contains(&name) {
                names.push(name.clone());
            }
            lines.entry(name).or_default().entry(report.at_once).or_default().push(value);
        }
    }
    let line = |name: String| {
        let points = lines.get(&name).into_iter().flatten().map(|(calls, values)| (f64::from(*calls), median(values)));
        Series { points: points.collect(), name }
    };
    names.into_iter().map(line).collect()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

fn draw(
    file: &Path,
    title: &str,
    up: &str,
    limit: Option<(f64, &str)>,
    series: &[Series],
    missing: &str,
) -> Result<(), String> {
    if series.is_empty() {
        return Err(format!("no result tells the {missing}"));
    }
    let picture = Lines { title, across: "calls at once", up, series, limit }.to_string();
    fs::write(file, picture).map_err(|error| format!("cannot write {}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str = r#"{"label": "gate", "at_once": 200, "seed": 1, "voice": {"underruns": 0},
        "load": {"late_p99_ms": 0.5}, "mechanics": {"error_ms": {"p50": 1.0, "p99": 9.5, "max": 12.0}},
        "server": {"us_per_frame": 9.0, "core_share": 0.2, "rss_per_call_kib": 64.0}}"#;

    fn report(at_once: u32, us_per_frame: f64) -> (String, Report) {
        let Written { label, report, .. } = serde_json::from_str(RESULT).expect("a load");
        let mut report = report.expect("a load");
        report.at_once = at_once;
        report.server.as_mut().expect("a server").us_per_frame = us_per_frame;
        (label, report)
    }

    #[test]
    fn results_of_one_label_are_a_line_and_repeated_ones_their_median() {
        let reports = [report(200, 9.0), report(50, 20.0), report(200, 8.0), report(200, 30.0)];
        let cpu =
            |name: &str, report: &Report| vec![(name.to_owned(), report.server.map_or(0.0, |it| it.us_per_frame))];
        let lines = series(&reports, cpu);
        assert_eq!(lines, [Series { name: "gate".to_owned(), points: vec![(50.0, 20.0), (200.0, 9.0)] }]);
    }

    #[test]
    fn a_result_may_be_one_load_or_a_search() {
        let one: Written = serde_json::from_str(RESULT).expect("a load");
        assert_eq!(one.report.map(|report| report.at_once), Some(200));
        let search = format!(r#"{{"label": "a", "steps": [{{"calls": 200, "outcome": "held", "report": {RESULT}}}]}}"#);
        let search: Written = serde_json::from_str(&search).expect("a search");
        assert!(search.report.is_none());
        assert_eq!(search.steps.first().map(|step| step.report.at_once), Some(200));
    }

    #[test]
    fn the_table_has_a_row_a_result_and_says_which_are_void() {
        let mut late = report(500, 7.0);
        late.1.load.late_p99_ms = 8.0;
        let mut out = Vec::new();
        table(&[report(200, 9.0), late], &mut out).expect("a buffer");
        let text = String::from_utf8(out).expect("text");
        assert!(text.contains("| gate | 200 | 9.0 | 20 % | 64 | – | – | 1.0 / 9.5 / 12.0 | 0 |\n"), "{text}");
        assert!(text.ends_with("| void: load 8.0 ms late |\n"), "{text}");
    }
}
