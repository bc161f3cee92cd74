//! `quietline serve`: the gateway.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use quietline::{
    api,
    config::{self, Config},
    desk::Office,
    live::{
        Gateway, Remote, Setup, next_steps,
        setup::{Api, Outside},
    },
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

/// Variable that says what is logged, such as `info` or `quietline=debug`.
const LOG: &str = "QUIETLINE_LOG";

/// What `quietline serve` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// The configuration. Default: QUIETLINE_CONFIG, else quietline.toml in the current folder, else none: loopback, an
    /// offline agent, and a page that says what to do next.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Log lines as JSON.
    #[arg(long)]
    log_json: bool,
}

/// Serves until it is told to stop. The code is 0 after an orderly stop, 1 if it could not start or serve, 2 if the
/// configuration is wrong.
pub(crate) fn run(args: &ServeArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let config = match Config::load(args.config.as_deref(), &config::process_env) {
        Ok(config) => config,
        Err(mistakes) => {
            let _ = writeln!(err, "{mistakes}");
            return ExitCode::from(2);
        }
    };
    log(args.log_json);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let setup = match Setup::of(&config) {
        Ok(setup) => setup,
        Err(error) => {
            let _ = writeln!(err, "quietline serve: {error}");
            return ExitCode::from(2);
        }
    };
    match serve(setup, &config, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(err, "quietline serve: {error}");
            ExitCode::FAILURE
        }
    }
}

fn log(json: bool) {
    let filter = EnvFilter::try_from_env(LOG).unwrap_or_else(|_| EnvFilter::new("info"));
    let to = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if json {
        to.json().init();
    } else {
        to.with_ansi(io::stderr().is_terminal()).init();
    }
}

fn serve(setup: Setup, config: &Config, out: &mut dyn Write) -> Result<(), Box<dyn std::error::Error>> {
    // A call needs two sockets, and the usual limit is 1,024 files.
    let files = rlimit::increase_nofile_limit(u64::MAX);
    let enough = setup.max_calls as u64 * 2 + 64;
    if files.as_ref().is_ok_and(|&files| files < enough) {
        tracing::warn!(allowed = files.ok(), needed = enough, "too few open files for max_calls: raise `ulimit -n`");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _inside = runtime.enter();
    let mut signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (finished, calls) = mpsc::unbounded_channel();
    let remote = Remote::default();
    let office = Office::open(config, remote.clone(), calls)?;
    let api = Api { routes: api::routes(office.desk().clone()), runtime: office.runtime().clone() };
    let texting = Some(office.texting());
    let outside = Outside { remote, api: Some(api), texting, finished: Some(finished) };
    let gateway = Gateway::start(Setup { outside, ..setup }, None)?;
    office.answer(gateway.addr())?;
    writeln!(out, "quietline listens on http://{}", gateway.addr())?;
    if config.twilio.is_none() {
        writeln!(out, "\nNo Twilio account is configured, so nobody can call yet. What to do next:\n")?;
        write!(out, "{}", next_steps(config))?;
    }
    out.flush()?;
    runtime.block_on(async {
        told(&mut signals).await;
        tokio::select! {
            () = gateway.drain() => {}
            () = told(&mut signals) => tracing::warn!("told to stop again: calls under way are cut off"),
        }
    });
    gateway.stop();
    // Its last records come from the gateway's end.
    office.close();
    Ok(())
}

async fn told((terminate, interrupt): &mut (Signal, Signal)) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
