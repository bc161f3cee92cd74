//! The command line: one file a subcommand.

mod audit;
mod beside;
mod capture;
mod check_config;
mod demo;
mod desk;
mod lab;
mod line;
mod load;
mod load_chart;
mod man;
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
    /// Assistants: write, publish, restore them.
    Assistant(desk::assistant::AssistantArgs),
    /// Say of recordings with both voices in one track how the call ended, and which rules it kept.
    Audit(audit::AuditArgs),
    /// Have an assistant call somebody: costs money.
    Call(desk::place::CallArgs),
    /// Look at everything that may keep callers from being answered.
    Doctor(desk::doctor::DoctorArgs),
    /// Calls that are over, and those under way.
    Calls(desk::call::CallsArgs),
    /// Play a whole call without keys or accounts: caller, agent, silence, goodbye, hang-up.
    Demo(demo::DemoArgs),
    /// Stand-ins for the peers of a gateway, on real sockets.
    Lab(lab::LabArgs),
    /// Call a running gateway many times at once, and measure it.
    Load(Box<load::LoadArgs>),
    /// Draw what loads came to: CPU and silence error over the number of calls.
    LoadChart(load_chart::LoadChartArgs),
    /// Print completions for a shell, or the manual's page.
    Man(man::ManArgs),
    /// Numbers of the account: who answers which.
    Number(desk::number::NumberArgs),
    /// Play recordings through the whole call logic.
    Replay(replay::ReplayArgs),
    /// Hear a text as a caller would.
    Say(say::SayArgs),
    /// Answer telephone calls.
    Serve(serve::ServeArgs),
    /// Say which captured calls would have ended otherwise under other settings.
    Shadow(shadow::ShadowArgs),
    /// Texts: conversations, and sending one.
    Text(desk::text::TextArgs),
    /// Tokens: who may use the API.
    Token(desk::token::TokenArgs),
    /// The account with Twilio.
    Twilio(desk::twilio::TwilioArgs),
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
            Self::Assistant(args) => desk::assistant::run(args, &mut out, &mut err),
            Self::Call(args) => desk::place::run(args, &mut out, &mut err),
            Self::Doctor(args) => desk::doctor::run(args, &mut out, &mut err),
            Self::Calls(args) => desk::call::run(args, &mut out, &mut err),
            Self::Man(args) => man::run(args, &mut out, &mut err),
            Self::Number(args) => desk::number::run(args, &mut out, &mut err),
            Self::Text(args) => desk::text::run(args, &mut out, &mut err),
            Self::Token(args) => desk::token::run(args, &mut out, &mut err),
            Self::Twilio(args) => desk::twilio::run(args, &mut out, &mut err),
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
