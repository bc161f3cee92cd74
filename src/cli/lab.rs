//! `quietline lab`: stand-ins for the peers of a gateway, on real sockets.

mod twilio;
mod typed;

use std::{io::Write, process::ExitCode};

/// Stand-ins for the peers of a gateway.
#[derive(Debug, clap::Args)]
pub(crate) struct LabArgs {
    #[command(subcommand)]
    lab: Which,
}

#[derive(Debug, clap::Subcommand)]
enum Which {
    /// Call a gateway as Twilio does, and tell what happened.
    Twilio(Box<twilio::TwilioArgs>),
}

/// Runs a stand-in. The code is 0 if the gateway did nothing wrong, 1 if it did, 2 if the call could not be made.
pub(crate) fn run(args: &LabArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    match &args.lab {
        Which::Twilio(args) => twilio::run(args, out, err),
    }
}
