//! What criterion has left of the benches.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::Deserialize;

/// Figures this much older than the newest are not of the same run.
const ONE_RUN: Duration = Duration::from_secs(6 * 3600);

/// One bench.
pub(crate) struct Measurement {
    /// The names of group and function.
    pub(crate) stage: String,
    /// The least of the samples: what else the machine was busy with is not in it.
    pub(crate) ns_per_frame: f64,
    pub(crate) stale: Option<Stale>,
    at: SystemTime,
}

/// Why a figure says nothing of this run.
#[derive(Clone, Copy)]
pub(crate) enum Stale {
    /// Measured before the library was built as it is now.
    OlderBuild,
    /// Measured hours before the rest.
    OlderRun,
}

/// All of them, by name.
pub(crate) struct Measurements(Vec<Measurement>);

/// `benchmark.json`.
#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
    throughput: Option<Throughput>,
}

#[derive(Deserialize)]
struct Throughput {
    /// Frames of one iteration; a bench that counts something else has no place in the table.
    #[serde(rename = "Elements")]
    elements: Option<u64>,
}

/// `sample.json`: iterations, and nanoseconds of all of them.
#[derive(Deserialize)]
struct Samples {
    iters: Vec<f64>,
    times: Vec<f64>,
}

impl Measurements {
    /// Everything below criterion's folder, which need not exist. What was measured before `built` is stale.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or is not criterion's.
    pub(crate) fn read(home: &Path, built: SystemTime) -> io::Result<Self> {
        let mut all = Vec::new();
        for folder in latest(home)? {
            all.extend(Measurement::read(&folder)?);
        }
        let newest = all.iter().map(|measurement| measurement.at).max().unwrap_or(built);
        for measurement in &mut all {
            let before = newest.duration_since(measurement.at).unwrap_or_default();
            measurement.stale = match () {
                () if measurement.at < built => Some(Stale::OlderBuild),
                () if before > ONE_RUN => Some(Stale::OlderRun),
                () => None,
            };
        }
        all.sort_by(|a, b| a.stage.cmp(&b.stage));
        Ok(Self(all))
    }

    pub(crate) fn find(&self, stage: &str) -> Option<&Measurement> {
        self.0.iter().find(|measurement| measurement.stage == stage)
    }

    /// One of these stages was not measured in this run.
    pub(crate) fn is_any_stale<'a>(&self, stages: impl IntoIterator<Item = &'a str>) -> bool {
        stages.into_iter().filter_map(|stage| self.find(stage)).any(|measurement| measurement.stale.is_some())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Measurement> {
        self.0.iter()
    }
}

impl Measurement {
    /// `None` if it does not count frames, or has no sample.
    fn read(folder: &Path) -> io::Result<Option<Self>> {
        let file = folder.join("sample.json");
        let benchmark: Benchmark = json(&folder.join("benchmark.json"))?;
        let Some(frames) = benchmark.throughput.and_then(|throughput| throughput.elements) else { return Ok(None) };
        let samples: Samples = json(&file)?;
        let least = samples.times.iter().zip(&samples.iters).map(|(ns, iterations)| ns / iterations).reduce(f64::min);
        let Some(least) = least else { return Ok(None) };
        let names = [Some(benchmark.group_id), benchmark.function_id, benchmark.value_str];
        Ok(Some(Self {
            stage: names.into_iter().flatten().collect::<Vec<_>>().join("/"),
            ns_per_frame: least / frames.max(1) as f64,
            stale: None,
            at: file.metadata()?.modified()?,
        }))
    }
}

fn json<T: for<'a> Deserialize<'a>>(file: &Path) -> io::Result<T> {
    serde_json::from_slice(&fs::read(file)?).map_err(|error| {
        io::Error::other(format!(
            "{} is not what criterion writes ({error}): delete it and run its bench again",
            file.display()
        ))
    })
}

/// The folders with the latest figures: `new`, and not `base` or a saved baseline.
fn latest(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.ends_with("new") && path.join("benchmark.json").exists() {
            found.push(path);
        } else if path.is_dir() {
            found.extend(latest(&path)?);
        }
    }
    Ok(found)
}
