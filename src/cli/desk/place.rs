//! `quietline call`: an assistant calls somebody.

use std::io::Write;
use std::process::ExitCode;

use quietline::wire::Method;
use serde_json::json;

use super::{Outcome, ServerArgs, finish, new_key, show};

/// What `quietline call` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct CallArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Who is called, such as +15551234567.
    #[arg(value_name = "NUMBER")]
    to: String,
    /// The assistant that calls, by name or id.
    #[arg(long, value_name = "NAME")]
    assistant: String,
    /// Our number. Default: the first one that the assistant answers.
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
}

/// Asks the server.
pub(crate) fn run(args: &CallArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    finish("call", answered(args, out), err)
}

fn answered(args: &CallArgs, out: &mut dyn Write) -> Outcome {
    let server = args.server.reach()?;
    let body = json!({ "to": args.to, "assistant": args.assistant, "from": args.from });
    let placed = server.ask(Method::Post, "/calls", Some(&body), &[("idempotency-key", new_key()?)])?;
    server.print(&placed, out, |out| {
        let [id, to, from] = ["id", "to", "from"].map(|key| show::cell(&placed[key]));
        writeln!(out, "{to} is called from {from}: {id}\nWhat becomes of it: quietline calls show {id}")
    })
}
