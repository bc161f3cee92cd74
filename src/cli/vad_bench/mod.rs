//! `quietline vad-bench`: every detector on a labelled corpus, as one table.

mod corpus;
mod score;
mod table;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use quietline::{
    assistant::Settings,
    audio::{FRAME_SAMPLES, Frame},
    replay::Listening,
    vad::{self, Batch, Detector},
};

use super::vad::{load, uncharged_until};
use score::{Figures, Found};

/// What `quietline vad-bench` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct VadBenchArgs {
    /// A folder with labels.json and the recordings that it names.
    #[arg(value_name = "CORPUS")]
    corpus: PathBuf,
    /// Only these detectors: cascade, silero, webrtc, energy.
    #[arg(long, value_name = "DETECTOR", value_delimiter = ',')]
    detector: Vec<Detector>,
    /// Leave what was sent to the caller out: what echo costs a detector that does not know of it.
    #[arg(long)]
    no_reference: bool,
}

/// A detector's figures and its cost.
#[derive(Debug)]
struct Benched {
    detector: Detector,
    figures: Figures,
    /// CPU time of a 20 ms frame on one core, µs: on a silent line, in speech, in speech with 32 calls at once, and in
    /// speech on a machine without AVX2 and FMA.
    silent_us: f64,
    speech_us: f64,
    batched_us: f64,
    baseline_us: f64,
}

/// Runs every detector over the corpus. The code is 1 if a recording cannot be read.
pub(crate) fn run(args: &VadBenchArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    match bench_all(args).and_then(|benched| table::print(&benched, out).map_err(|error| error.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(err, "quietline vad-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench_all(args: &VadBenchArgs) -> Result<Vec<Benched>, String> {
    let labelled = corpus::read(&args.corpus)?;
    let detectors = if args.detector.is_empty() { Detector::ALL.to_vec() } else { args.detector.clone() };
    let mut benched: Vec<Benched> = detectors.into_iter().map(Benched::new).collect();
    let mut speech = Vec::new();
    for truth in &labelled {
        let path = args.corpus.join(&truth.file);
        let reading = |reason| format!("{}: {reason}", path.display());
        let caller = load(&path).map_err(reading)?;
        let agent =
            truth.bot.as_deref().filter(|_| !args.no_reference).map(|bot| agent(&args.corpus, bot)).transpose()?;
        if let Some((start, _)) = truth.speech.first()
            && speech.len() < SPEECH
        {
            speech.extend_from_slice(caller.get(*start as usize * 8..).unwrap_or_default());
        }
        for benched in &mut benched {
            benched.figures.add(truth, &listen(&caller, agent.as_deref(), benched.detector));
        }
    }
    speech.truncate(SPEECH);
    benched.iter_mut().for_each(|benched| benched.time(&speech));
    Ok(benched)
}

fn agent(corpus: &Path, bot: &Path) -> Result<Vec<i16>, String> {
    let path = corpus.join(bot);
    load(&path).map_err(|reason| format!("{}: {reason}", path.display()))
}

/// What puts off the end of a call, as the call itself hears it.
fn listen(caller: &[i16], agent: Option<&[i16]>, detector: Detector) -> Found {
    let talkspurt = Settings::default().talkspurt();
    let heard = Listening { caller, agent, talkspurt }.with(vad::build(detector));
    let segments = heard
        .talkspurts
        .iter()
        .filter_map(|spurt| Some((spurt.heard.start.as_millis_f64(), uncharged_until(spurt)?.as_millis_f64())));
    Found { segments: segments.collect(), echo: heard.echo.map(|echo| (echo.delay_ms(), f64::from(echo.loss_db))) }
}

/// Samples of speech that are timed: 40 s.
const SPEECH: usize = 40 * 8_000;
/// Each is timed so often, and the best counts: the machine does other things too.
const ROUNDS: usize = 5;
/// Calls at once.
const CALLS: usize = 32;

impl Benched {
    fn new(detector: Detector) -> Self {
        Self {
            detector,
            figures: Figures::default(),
            silent_us: 0.0,
            speech_us: 0.0,
            batched_us: 0.0,
            baseline_us: 0.0,
        }
    }

    fn time(&mut self, speech: &[i16]) {
        // A line at rest, some -66 dBFS: the floor of most telephones.
        let silent: Vec<i16> = (0..SPEECH).map(|n| if n / 3 % 2 == 0 { 16 } else { -16 }).collect();
        self.silent_us = time(self.detector, &silent, &mut Batch::new(1), 1);
        self.speech_us = time(self.detector, speech, &mut Batch::new(1), 1);
        self.batched_us = time(self.detector, speech, &mut Batch::new(CALLS), CALLS);
        self.baseline_us = time(self.detector, speech, &mut Batch::baseline(1), 1);
    }
}

/// Time of a frame of one of so many calls, µs.
#[allow(clippy::disallowed_methods)] // The one clock here: it measures our own speed, no call sees it.
fn time(detector: Detector, samples: &[i16], batch: &mut Batch, calls: usize) -> f64 {
    let (frames, _) = samples.as_chunks::<FRAME_SAMPLES>();
    // Calls do not say the same at the same time.
    let frame = |call: usize, n: usize| -> &Frame { &frames[(n + call * 37) % frames.len()] };
    let frames_a_call = frames.len() / if calls > 1 { 4 } else { 1 };
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let mut detectors: Vec<_> = (0..calls).map(|_| vad::build(detector)).collect();
        let begun = Instant::now();
        for n in 0..frames_a_call {
            batch.clear();
            detectors.iter_mut().enumerate().for_each(|(call, vad)| vad.offer(frame(call, n), batch));
            batch.run();
            for (call, vad) in detectors.iter_mut().enumerate() {
                vad.collect(batch);
                std::hint::black_box(vad.process(frame(call, n)));
            }
        }
        best = best.min(begun.elapsed());
    }
    best.as_secs_f64() * 1e6 / (frames_a_call * calls).max(1) as f64
}
