//! `quietline load`: many calls at once against a running gateway.

mod callers;
mod capacity;
mod conversation;
mod model;
mod progress;
mod table;

use std::{cell::Cell, collections::BTreeMap, fs, io::Write, path::PathBuf, process::ExitCode, time::Duration};

use callers::Pattern;
use capacity::{Found, Step};
use model::ModelArgs;
use quietline::{
    carrier::twilio::AccountSid,
    lab::{
        load::{self, Judge, Limits, LoadReport, Outcome, Plan, Record, Records, Search, Talk, Verdict},
        twilio::{Lab, LabConfig},
    },
};

use super::line::LineArgs;

/// Between two calls of the default ramp.
const APART: Duration = Duration::from_millis(10);
/// Default warm-up where time is measured.
const WARM_UP: Duration = Duration::from_secs(3);
/// Default length of a step of a search.
const STEP: Duration = Duration::from_secs(10);
/// Between the seeds of two steps: further than any two calls of a step.
const SEEDS_APART: u64 = 1 << 32;
/// The gateway has so long to come to rest.
const BETWEEN_STEPS: Duration = Duration::from_secs(1);
/// Tries for the last records to be written, a tenth of a second apart.
const RECORD_TRIES: u32 = 50;

/// What `quietline load` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct LoadArgs {
    #[command(flatten)]
    line: LineArgs,
    /// The gateway's account.
    #[arg(long, value_name = "SID", env = "TWILIO_ACCOUNT_SID")]
    account_sid: AccountSid,
    /// Its token.
    #[arg(long, value_name = "TOKEN", env = "TWILIO_AUTH_TOKEN", hide_env_values = true)]
    auth_token: String,
    /// Calls; with --find-capacity those of the first step.
    #[arg(short = 'n', long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    calls: u32,
    /// At most so many at once; further ones begin as others end. Default: all.
    #[arg(long, value_name = "CALLS", value_parser = clap::value_parser!(u32).range(1..))]
    at_once: Option<u32>,
    /// The first calls are spread over this time. Default: 10 ms for each.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    ramp: Option<Duration>,
    /// For so long after the ramp nothing counts of lateness, underruns, leads, CPU and added time: greetings should be
    /// over then. Default: 3 with bursts, else 0.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    warm_up: Option<Duration>,
    /// Time is over so long after ramp and warm-up. Default: never; 10 with --find-capacity.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    seconds: Option<Duration>,
    /// What callers do then. Those who fall silent wait for the goodbye.
    #[arg(long, value_enum, default_value_t, requires = "seconds")]
    at_end: AtEnd,
    /// What the callers do without --audio. Default: talk; burst with --find-capacity.
    #[arg(long, value_enum, conflicts_with = "audio")]
    talk: Option<Pattern>,
    /// What the callers say, in turn: m4a, MP3, WAV, Ogg Vorbis, raw G.711; each once.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    audio: Vec<PathBuf>,
    /// The recordings are repeated without end. Needs --seconds.
    #[arg(long = "loop", requires = "seconds")]
    again: bool,
    /// Where each recording's last speech ends: a file for each recording, in order, or `auto`: NAME.json beside it,
    /// else the recording's end.
    #[arg(long, value_name = "FILE", num_args = 1.., default_value = "auto")]
    truth: Vec<PathBuf>,
    /// The gateway's silence timeout: goodbyes are expected when it is over.
    #[arg(long, alias = "expect-hangup-s", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    silence_timeout_s: Duration,
    /// Seed of everything random, call ids included. Default: another one each time.
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    model: ModelArgs,
    /// The gateway's process: its CPU and memory are measured. Memory for a call is what grows with them: of a gateway
    /// that was started afresh, as earlier calls leave memory that is used again.
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// The gateway's `call_records`: its own timing is reported.
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// Of each stream, each of so many messages with audio is held against the vendor's schema, both ways; the others
    /// are read all the same. Holding all of them costs the load as much CPU as everything else together.
    #[arg(long, value_name = "MESSAGES", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    validate: u32,
    /// Search for the most calls that the gateway holds: with all of them at once, the time it adds within --limit-ms, no
    /// underrun, goodbyes on time (with --records: callers fall silent at each step's end), the load itself on time.
    #[arg(long, conflicts_with_all = ["at_once", "ramp", "at_end", "strict", "untimed"])]
    find_capacity: bool,
    /// Of --find-capacity: 99 of 100 tones are less late than this, both ways together.
    #[arg(long, value_name = "MS", default_value_t = 20.0, requires = "find_capacity")]
    limit_ms: f64,
    /// Of --find-capacity: no step has more calls.
    #[arg(long, value_name = "CALLS", default_value_t = 10_000, requires = "find_capacity",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    most: u32,
    /// The goodbye's onset, as heard from outside, is a rule as well.
    #[arg(long)]
    strict: bool,
    /// Nothing is a rule that depends on how busy this machine is.
    #[arg(long, conflicts_with = "strict")]
    untimed: bool,
    /// The numbers as JSON; `-`: to standard output, instead of the table.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A name for what is measured: stands in the JSON, and in charts made of it.
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
}

/// What callers do who would talk on when time is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum AtEnd {
    /// Hang up.
    #[default]
    HangUp,
    /// Fall silent; whoever is not told goodbye 20 s after the silence timeout hangs up then.
    FallSilent,
}

/// Calls. The code is 0 if every rule holds, 1 if one does not, 2 if no call could be made.
pub(crate) fn run(args: &LoadArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    let load = Load { args, seed };
    let done = if args.find_capacity { load.capacity(out, err) } else { load.once(out, err) };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(err, "quietline load: {error}");
            ExitCode::from(2)
        }
    }
}

/// A load with everything that is given or follows.
struct Load<'a> {
    args: &'a LoadArgs,
    seed: u64,
}

impl Load<'_> {
    /// `true`: every rule holds.
    fn once(&self, out: &mut dyn Write, err: &mut dyn Write) -> Result<bool, String> {
        let args = self.args;
        let at_once = args.at_once.unwrap_or(args.calls).min(args.calls);
        let mut plan = self.plan(args.calls, at_once, self.seed)?;
        plan.at_end = match args.at_end {
            AtEnd::HangUp => load::AtEnd::HangUp,
            AtEnd::FallSilent => load::AtEnd::FallSilent,
        };
        let (report, _) = self.load(&plan, err)?;
        let judge = match (args.strict, args.untimed) {
            (true, _) => Judge::Strict,
            (false, true) => Judge::Untimed,
            (false, false) => Judge::Usual,
        };
        let broken = load::broken_rules(&report, judge);
        if !self.json_on_stdout() {
            table::write(&report, &broken, args.validate, out).map_err(|error| error.to_string())?;
        }
        let mut value = serde_json::to_value(&report).map_err(|error| error.to_string())?;
        value["broken_rules"] = broken.clone().into();
        self.json(value, out)?;
        if report.calls.up == 0 && report.calls.refused.keys().all(|why| why.starts_with("webhook:")) {
            return Err(self.nobody_there());
        }
        Ok(broken.is_empty())
    }

    /// `true`: some number of calls held.
    fn capacity(&self, out: &mut dyn Write, err: &mut dyn Write) -> Result<bool, String> {
        let (args, wrong) = (self.args, |error: std::io::Error| error.to_string());
        let (mut search, limits) = (Search::new(args.calls, args.most), Limits { added_ms: args.limit_ms });
        let mut quiet = std::io::sink();
        let table: &mut dyn Write = if self.json_on_stdout() { &mut quiet } else { &mut *out };
        capacity::head(table).map_err(wrong)?;
        let (mut found, mut again) = (Found::default(), None);
        while let Some(calls) = again.take().or_else(|| search.next()) {
            // A gateway knows the calls that it had: none may come again with the same id.
            let mut plan = self.plan(calls, calls, self.seed.wrapping_add(found.steps() as u64 * SEEDS_APART))?;
            if args.records.is_some() {
                plan.at_end = load::AtEnd::FallSilent;
            }
            let (report, interrupted) = self.load(&plan, err)?;
            if report.calls.up == 0 && report.calls.refused.keys().all(|why| why.starts_with("webhook:")) {
                return Err(self.nobody_there());
            }
            if interrupted {
                break;
            }
            let verdict = Verdict::of(&report, limits);
            let step = Step::new(calls, verdict.clone(), report);
            let first_try = found.tries(calls) == 0;
            found.step(step, table).map_err(wrong)?;
            match verdict {
                Verdict::Held => search.tried(calls, true),
                // Machines are shared: what goes wrong once may be somebody else's doing.
                Verdict::NotHeld(_) | Verdict::NotOffered(_) if first_try => again = Some(calls),
                Verdict::NotHeld(_) => search.tried(calls, false),
                Verdict::NotOffered(_) => {
                    found.stopped_by_load();
                    break;
                }
            }
            std::thread::sleep(BETWEEN_STEPS);
        }
        found.write(table).map_err(wrong)?;
        let value = serde_json::to_value(&found).map_err(|error| error.to_string())?;
        self.json(value, out)?;
        Ok(found.is_any())
    }

    fn plan(&self, calls: u32, at_once: u32, seed: u64) -> Result<Plan, String> {
        let args = self.args;
        let usual = if args.find_capacity && args.audio.is_empty() { Pattern::Burst } else { Pattern::default() };
        let pattern = args.talk.unwrap_or(usual);
        let longest = args.seconds.or_else(|| args.find_capacity.then_some(STEP));
        if longest.is_none() && matches!(pattern, Pattern::Conversation | Pattern::Burst) {
            return Err("callers who never stop talking need --seconds".to_owned());
        }
        let warm_up = if pattern == Pattern::Burst || args.find_capacity { WARM_UP } else { Duration::ZERO };
        Ok(Plan {
            calls,
            at_once,
            ramp: args.ramp.unwrap_or(APART * at_once),
            warm_up: args.warm_up.unwrap_or(warm_up),
            longest,
            at_end: load::AtEnd::HangUp,
            to: args.line.to.clone(),
            from: args.line.from.clone(),
            talk: callers::talk(pattern, &args.audio, &args.truth, args.again, seed)?,
            trouble: args.line.trouble(seed),
            silence_timeout: args.silence_timeout_s,
            server_pid: args.server_pid,
        })
    }

    /// Calls; `true`: somebody interrupted them.
    fn load(&self, plan: &Plan, err: &mut dyn Write) -> Result<(LoadReport, bool), String> {
        let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(0);
        // Each call a stream, and now and then a request; and its model's socket.
        let needed = u64::from(plan.at_once) * if self.args.model.is_ours() { 3 } else { 2 } + 64;
        if files < needed {
            let _ =
                writeln!(err, "quietline load: {files} open files are allowed, {needed} may be needed: `ulimit -n`");
        }
        let records = self.args.records.as_deref().map(Records::from_now_on);
        // One thread looks after all calls, the other one after requests.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let (outcome, interrupted) = runtime.block_on(self.dialled(plan, err))?;
        let records = records.map(|records| read(&records, &outcome)).transpose()?;
        Ok((LoadReport::of(plan, &outcome, records.as_ref()), interrupted))
    }

    async fn dialled(&self, plan: &Plan, err: &mut dyn Write) -> Result<(Outcome, bool), String> {
        let args = self.args;
        let mut config =
            LabConfig::new(args.account_sid, &args.auth_token, &args.line.public_url, args.line.gateway[0]);
        config.gateways.clone_from(&args.line.gateway);
        config.rest_port = args.line.rest_port;
        config.check_every = args.validate;
        config.seed = plan.trouble.seed;
        let model = args.model.start(matches!(plan.talk, Talk::Bursts), args.validate)?;
        let lab = Lab::start(config).await.map_err(|error| error.to_string())?;
        let mut shown = progress::Shown::new(err);
        let interrupted = Cell::new(false);
        let stop = async {
            if tokio::signal::ctrl_c().await.is_err() {
                // Then nothing interrupts.
                std::future::pending::<()>().await;
            }
            interrupted.set(true);
        };
        let outcome = load::run(lab, model.as_ref(), plan, stop, |progress| shown.show(progress)).await;
        shown.done();
        Ok((outcome, interrupted.get()))
    }

    fn nobody_there(&self) -> String {
        format!("no call reached the gateway at {}: is it running?", self.args.line.gateway[0])
    }

    fn json_on_stdout(&self) -> bool {
        self.args.json.as_deref().is_some_and(|file| file.as_os_str() == "-")
    }

    /// Writes the numbers where they are wanted.
    fn json(&self, mut value: serde_json::Value, out: &mut dyn Write) -> Result<(), String> {
        let Some(file) = &self.args.json else { return Ok(()) };
        value["seed"] = self.seed.into();
        value["label"] = self.args.label.as_str().into();
        let text = format!("{value:#}\n");
        let written = if self.json_on_stdout() { out.write_all(text.as_bytes()) } else { fs::write(file, text) };
        written.map_err(|error| format!("cannot write {}: {error}", file.display()))
    }
}

/// The gateway's records, once those of all calls are there, or after a while.
fn read(records: &Records, outcome: &Outcome) -> Result<BTreeMap<String, Record>, String> {
    let up: Vec<_> = outcome.calls.iter().filter(|call| call.report.stream.is_some()).collect();
    let mut found = records.read();
    for _ in 0..RECORD_TRIES {
        let whole = |known: &BTreeMap<_, _>| up.iter().all(|call| known.contains_key(call.report.call.as_str()));
        if found.as_ref().is_ok_and(whole) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        found = records.read();
    }
    found.map_err(|error| format!("cannot read the gateway's records: {error}"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').unwrap_or(text).parse().ok();
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("{text:?} is no time: expected seconds, such as 30 or 1.5"))
}
