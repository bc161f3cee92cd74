//! The command line: one file a subcommand.

mod vad;

use std::process::ExitCode;

use clap::Parser;

/// A phone gateway that knows when a caller has gone quiet.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) enum Cli {
    /// Say where recordings hold voice.
    Vad(vad::VadArgs),
}

impl Cli {
    /// Runs the subcommand against the process's standard streams.
    pub(crate) fn run(&self) -> ExitCode {
        let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr().lock());
        match self {
            Self::Vad(args) => vad::run(args, &mut out, &mut err),
        }
    }
}
