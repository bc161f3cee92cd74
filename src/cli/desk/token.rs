//! `quietline token`: who may use the API.

use std::io::Write;
use std::process::ExitCode;

use quietline::wire::{Method, encoded};
use serde_json::{Value, json};

use super::{Outcome, ServerArgs, finish, show};

/// What `quietline token` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// All tokens.
    List,
    /// Make a token, and print it: the only time that it can be seen.
    Create {
        /// For people, such as "ci".
        name: String,
        /// What it may: assistants:read, assistants:write, numbers:read, numbers:write, numbers:buy, calls:read, calls:write,
        /// texts:read, texts:write, settings, tokens, or * for all.
        #[arg(long, short, required = true, value_delimiter = ',')]
        scope: Vec<String>,
        /// For how many days it is good. Default: until it is revoked.
        #[arg(long)]
        days: Option<u32>,
    },
    /// Have a token no longer be good.
    Revoke {
        /// Id or name.
        token: String,
    },
}

/// Asks the server.
pub(crate) fn run(args: &TokenArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    finish("token", answered(args, out), err)
}

fn answered(args: &TokenArgs, out: &mut dyn Write) -> Outcome {
    let server = args.server.reach()?;
    match &args.what {
        What::List => {
            let found = server.get("/tokens")?;
            server.print(&found["items"], out, |out| {
                let mut table = show::table(&["name", "scopes", "created", "used", "expires", "revoked", "id"]);
                for item in found["items"].as_array().into_iter().flatten() {
                    let times = ["created_at", "used_at", "expires_at", "revoked_at"].map(|key| show::time(&item[key]));
                    let [created, used, expires, revoked] = times;
                    let (name, scopes) = (show::cell(&item["name"]), show::cell(&item["scopes"]));
                    table.add_row([name, scopes, created, used, expires, revoked, show::cell(&item["id"])]);
                }
                write!(out, "{}", show::lines(&table))
            })
        }
        What::Create { name, scope, days } => {
            let lifetime_s = days.map(|days| u64::from(days) * 86_400);
            let body = json!({ "name": name, "scopes": scope, "lifetime_s": lifetime_s });
            let made = server.post("/tokens", &body)?;
            server.print(&made, out, |out| writeln!(out, "{}", show::cell(&made["secret"])))
        }
        What::Revoke { token } => {
            server.ask(Method::Delete, &format!("/tokens/{}", encoded(token)), None, &[])?;
            server.print(&Value::Null, out, |out| writeln!(out, "{token} is no longer good"))
        }
    }
}
