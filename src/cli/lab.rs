//! `quietline lab`: stand-ins for the peers of a gateway, on real sockets.

mod peers;
mod texts;
mod twilio;
mod typed;

use std::{io::Write, process::ExitCode};

/// Stand-ins for the peers of a gateway. Without a subcommand: model and voices together.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct LabArgs {
    #[command(subcommand)]
    lab: Option<Which>,
    #[command(flatten)]
    all: peers::AllArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Which {
    /// Call a gateway as Twilio does, and tell what happened.
    Twilio(Box<twilio::TwilioArgs>),
    /// Answer as OpenAI does: realtime sessions, and its voices.
    Openai(peers::OpenAiArgs),
    /// Speak as ElevenLabs and OpenAI do.
    Voices(peers::VoicesArgs),
    /// Model and voices together.
    All(peers::AllArgs),
}

/// Runs a stand-in. The code is 0 if the gateway did nothing wrong, 1 if it did, 2 if it could not be tried.
pub(crate) fn run(args: &LabArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    match &args.lab {
        Some(Which::Twilio(args)) => twilio::run(args, out, err),
        Some(Which::Openai(args)) => peers::run(&peers::Peers::of_openai(args), out, err),
        Some(Which::Voices(args)) => peers::run(&peers::Peers::of_voices(args), out, err),
        Some(Which::All(args)) => peers::run(&peers::Peers::of_all(args), out, err),
        None => peers::run(&peers::Peers::of_all(&args.all), out, err),
    }
}
