//! `quietline doctor`: what may keep callers from being answered.

use std::io::Write;
use std::process::ExitCode;

use quietline::wire;

use super::{Outcome, ServerArgs, Trouble, finish, show};

/// What `quietline doctor` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Of the numbers only this one, such as +15551234567.
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
}

/// Asks the server. The exit code is 1 if something is a problem.
pub(crate) fn run(args: &DoctorArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    finish("doctor", answered(args, out), err)
}

fn answered(args: &DoctorArgs, out: &mut dyn Write) -> Outcome {
    let server = args.server.reach()?;
    let query = args.number.as_ref().map_or_else(String::new, |number| format!("?number={}", wire::encoded(number)));
    let diagnosis = server.get(&format!("/doctor{query}"))?;
    let findings = diagnosis["findings"].as_array().cloned().unwrap_or_default();
    server.print(&diagnosis, out, |out| {
        for finding in &findings {
            let [health, about, found, to_do] =
                ["health", "about", "found", "to_do"].map(|key| show::cell(&finding[key]));
            writeln!(out, "{health:8} {about}: {found}")?;
            if !to_do.is_empty() {
                writeln!(out, "         → {to_do}")?;
            }
        }
        Ok(())
    })?;
    let problems = findings.iter().filter(|finding| finding["health"] == "problem").count();
    if problems == 0 { Ok(()) } else { Err(Trouble::Found(format!("{problems} of {} are problems", findings.len()))) }
}
