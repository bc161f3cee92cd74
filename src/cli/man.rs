//! `quietline man`: completions for shells, and the manual's page.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Cli;

/// What `quietline man` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// Completions for this shell instead of the manual's page.
    #[arg(long, value_name = "SHELL")]
    completions: Option<Shell>,
}

/// Prints it.
pub(crate) fn run(args: &ManArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let printed = match args.completions {
        Some(shell) => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "quietline", &mut text);
            out.write_all(&text)
        }
        None => page(out),
    };
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(err, "quietline man: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The command, then each of its subcommands.
fn page(out: &mut dyn Write) -> io::Result<()> {
    let mut command = Cli::command();
    command.build();
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        let name = format!("quietline {}", below.get_name());
        let man = clap_mangen::Man::new(below.clone().display_name(name));
        man.render_synopsis_section(&mut text)?;
        man.render_description_section(&mut text)?;
        man.render_options_section(&mut text)?;
    }
    out.write_all(&text)
}
