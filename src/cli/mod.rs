//! The command line: one file a subcommand.

mod audit;
mod beside;
mod capture;
mod check_config;
mod demo;
mod lab;
mod line;
mod load;
mod load_chart;
mod pool;
mod replay;
mod say;
mod serve;
mod shadow;
mod timeline;
mod vad;
mod vad_bench;
mod voices;
mod wav;

use std::process::ExitCode;

use clap::Parser;

/// A phone gateway that knows when a caller has gone quiet.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) enum Cli {
    /// Say of recordings with both voices in one track how the call ended, and which rules it kept.
    Audit(audit::AuditArgs),
    /// Play a whole call without keys or accounts: caller, agent, silence, goodbye, hang-up.
    Demo(demo::DemoArgs),
    /// Stand-ins for the peers of a gateway, on real sockets.
    Lab(lab::LabArgs),
    /// Call a running gateway many times at once, and measure it.
    Load(Box<load::LoadArgs>),
    /// Draw what loads came to: CPU and silence error over the number of calls.
    LoadChart(load_chart::LoadChartArgs),
    /// Play recordings through the whole call logic.
    Replay(replay::ReplayArgs),
    /// Hear a text as a caller would.
    Say(say::SayArgs),
    /// Answer telephone calls.
    Serve(serve::ServeArgs),
    /// Say which captured calls would have ended otherwise under other settings.
    Shadow(shadow::ShadowArgs),
    /// Say where recordings hold voice.
    Vad(vad::VadArgs),
    /// Hold the voice detectors against a labelled corpus.
    VadBench(vad_bench::VadBenchArgs),
    /// List the voices that can be configured.
    Voices(voices::VoicesArgs),
    /// Check the server's configuration and show what is in force.
    CheckConfig(check_config::CheckConfigArgs),
}

impl Cli {
    /// Runs the subcommand against the process's standard streams.
    pub(crate) fn run(&self) -> ExitCode {
        // Not locked for the whole run: other threads log.
        let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
        match self {
            Self::Audit(args) => audit::run(args, &mut out, &mut err),
            Self::Demo(args) => demo::run(args, &mut out, &mut err),
            Self::Lab(args) => lab::run(args, &mut out, &mut err),
            Self::Load(args) => load::run(args, &mut out, &mut err),
            Self::LoadChart(args) => load_chart::run(args, &mut out, &mut err),
            Self::Replay(args) => replay::run(args, &mut out, &mut err),
            Self::Say(args) => say::run(args, &mut out, &mut err),
            Self::Serve(args) => serve::run(args, &mut out, &mut err),
            Self::Shadow(args) => shadow::run(args, &mut out, &mut err),
            Self::Vad(args) => vad::run(args, &mut out, &mut err),
            Self::VadBench(args) => vad_bench::run(args, &mut out, &mut err),
            Self::Voices(args) => voices::run(args, &mut out, &mut err),
            Self::CheckConfig(args) => check_config::run(args, &mut out, &mut err),
        }
    }
}
