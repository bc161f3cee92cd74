//! `quietline load`: many calls at once against a running gateway.

mod callers;
mod progress;
mod table;

use std::{collections::BTreeMap, fs, io::Write, path::PathBuf, process::ExitCode, time::Duration};

use quietline::{
    carrier::twilio::AccountSid,
    lab::{
        load::{self, Judge, LoadReport, Outcome, Plan, Record, Records},
        twilio::{Lab, LabConfig},
    },
};

use super::line::LineArgs;

/// Between two calls of the default ramp.
const APART: Duration = Duration::from_millis(10);
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
    /// Calls.
    #[arg(short = 'n', long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    calls: u32,
    /// At most so many at once; further ones begin as others end. Default: all.
    #[arg(long, value_name = "CALLS", value_parser = clap::value_parser!(u32).range(1..))]
    at_once: Option<u32>,
    /// The first calls are spread over this time. Default: 10 ms for each.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    ramp: Option<Duration>,
    /// The callers hang up when this time is over. Default: never.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    seconds: Option<Duration>,
    /// What the callers say, in turn: m4a, MP3, WAV, Ogg Vorbis, raw G.711; each once. Default: a built-in caller who
    /// goes quiet after 15 s.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    audio: Vec<PathBuf>,
    /// Where each recording's last speech ends: a file for each recording, in order, or `auto`: NAME.json beside it,
    /// else the recording's end.
    #[arg(long, value_name = "FILE", num_args = 1.., default_value = "auto")]
    truth: Vec<PathBuf>,
    /// The gateway's silence timeout.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    silence_timeout_s: Duration,
    /// Seed of everything random, call ids included. Default: another one each time.
    #[arg(long)]
    seed: Option<u64>,
    /// The gateway's process: its CPU and memory are measured.
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// The gateway's `call_records`: its own timing is reported.
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// The goodbye's onset, as heard from outside, is a rule as well.
    #[arg(long)]
    strict: bool,
    /// Nothing is a rule that depends on how busy this machine is.
    #[arg(long, conflicts_with = "strict")]
    untimed: bool,
    /// The numbers as JSON; `-`: to standard output, instead of the table.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Calls. The code is 0 if every rule holds, 1 if one does not, 2 if no call could be made.
pub(crate) fn run(args: &LoadArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    match loaded(args, out, err) {
        Ok(broken) if broken.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(err, "quietline load: {error}");
            ExitCode::from(2)
        }
    }
}

fn loaded(args: &LoadArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<Vec<String>, String> {
    let at_once = args.at_once.unwrap_or(args.calls).min(args.calls);
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(0);
    // Each call a stream, and now and then a request.
    let needed = u64::from(at_once) * 2 + 64;
    if files < needed {
        let _ = writeln!(err, "quietline load: {files} open files are allowed, {needed} may be needed: `ulimit -n`");
    }
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    let plan = plan(args, at_once, seed)?;
    let records = args.records.as_deref().map(Records::from_now_on);
    // One thread looks after all calls, the other one after requests.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let outcome = runtime.block_on(dialled(args, &plan, seed, err))?;
    let records = records.map(|records| read(&records, &outcome)).transpose()?;
    let report = LoadReport::of(&plan, &outcome, records.as_ref());
    let judge = match (args.strict, args.untimed) {
        (true, _) => Judge::Strict,
        (false, true) => Judge::Untimed,
        (false, false) => Judge::Usual,
    };
    let broken = load::broken_rules(&report, judge);
    let on_stdout = args.json.as_deref().is_some_and(|file| file.as_os_str() == "-");
    let wrong = |error: std::io::Error| error.to_string();
    if !on_stdout {
        table::write(&report, &broken, out).map_err(wrong)?;
    }
    if let Some(file) = &args.json {
        let mut value = serde_json::to_value(&report).map_err(|error| error.to_string())?;
        value["seed"] = seed.into();
        value["broken_rules"] = broken.clone().into();
        let text = format!("{value:#}\n");
        let written = if on_stdout { out.write_all(text.as_bytes()) } else { fs::write(file, text) };
        written.map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    if report.calls.up == 0 && report.calls.refused.keys().all(|why| why.starts_with("webhook:")) {
        return Err(format!("no call reached the gateway at {}: is it running?", args.line.gateway[0]));
    }
    Ok(broken)
}

fn plan(args: &LoadArgs, at_once: u32, seed: u64) -> Result<Plan, String> {
    Ok(Plan {
        calls: args.calls,
        at_once,
        ramp: args.ramp.unwrap_or(APART * at_once),
        longest: args.seconds,
        to: args.line.to.clone(),
        from: args.line.from.clone(),
        tapes: callers::tapes(&args.audio, &args.truth)?,
        trouble: args.line.trouble(seed),
        silence_timeout: args.silence_timeout_s,
        server_pid: args.server_pid,
    })
}

async fn dialled(args: &LoadArgs, plan: &Plan, seed: u64, err: &mut dyn Write) -> Result<Outcome, String> {
    let mut config = LabConfig::new(args.account_sid, &args.auth_token, &args.line.public_url, args.line.gateway[0]);
    config.gateways.clone_from(&args.line.gateway);
    config.rest_port = args.line.rest_port;
    config.seed = seed;
    let lab = Lab::start(config).await.map_err(|error| error.to_string())?;
    let mut shown = progress::Shown::new(err);
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Then nothing interrupts.
            std::future::pending::<()>().await;
        }
    };
    let outcome = load::run(lab, plan, interrupted, |progress| shown.show(progress)).await;
    shown.done();
    Ok(outcome)
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
