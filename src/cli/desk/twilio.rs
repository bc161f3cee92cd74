//! `quietline twilio`: the account with Twilio.

use std::io::{IsTerminal as _, Write};
use std::process::ExitCode;

use quietline::wire::Method;
use serde_json::json;

use super::{Outcome, ServerArgs, finish, ours, show};

/// What `quietline twilio` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct TwilioArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Is there an account?
    Status,
    /// Enter an account: Twilio is asked about it before it is kept.
    Enable {
        /// AC…, from console.twilio.com, Account Info.
        #[arg(long, value_name = "SID", env = "TWILIO_ACCOUNT_SID")]
        account_sid: String,
        /// From the same place. Left out: read from standard input.
        #[arg(long, value_name = "TOKEN", env = "TWILIO_AUTH_TOKEN", hide_env_values = true)]
        auth_token: Option<String>,
        /// Where REST is, if not at the usual place.
        #[arg(long, value_name = "URL", env = "TWILIO_API_BASE_URL")]
        base_url: Option<String>,
    },
}

/// Asks the server.
pub(crate) fn run(args: &TwilioArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    finish("twilio", answered(args, out), err)
}

fn answered(args: &TwilioArgs, out: &mut dyn Write) -> Outcome {
    let server = args.server.reach()?;
    match &args.what {
        What::Status => {
            let state = server.get("/twilio")?;
            server.print(&state, out, |out| match state["account_sid"].as_str() {
                Some(account) => writeln!(out, "enabled: {account}"),
                None => writeln!(out, "not enabled. {}", show::cell(&state["next_step"])),
            })
        }
        What::Enable { account_sid, auth_token, base_url } => {
            let token = match auth_token {
                Some(token) => token.clone(),
                None => asked(out)?,
            };
            let body = json!({ "account_sid": account_sid, "auth_token": token, "base_url": base_url });
            let done = server.ask(Method::Put, "/twilio", Some(&body), &[])?;
            server.print(&done, out, |out| {
                writeln!(out, "enabled: {} ({})", show::cell(&done["account_sid"]), show::cell(&done["name"]))
            })
        }
    }
}

fn asked(out: &mut dyn Write) -> Result<String, super::Trouble> {
    if std::io::stdin().is_terminal() {
        write!(out, "Auth token: ").and_then(|()| out.flush()).map_err(ours)?;
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(ours)?;
    Ok(line.trim().to_owned())
}
