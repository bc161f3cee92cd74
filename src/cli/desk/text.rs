//! `quietline text`: conversations in texts.

use std::io::Write;
use std::process::ExitCode;

use quietline::wire::{Method, encoded};
use serde_json::{Value, json};

use super::{Outcome, ServerArgs, finish, show};

/// What `quietline text` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct TextArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Conversations, the one with the latest message first.
    List {
        /// So many at the most.
        #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        /// With this number of ours.
        #[arg(long)]
        number: Option<String>,
    },
    /// The latest 200 messages of a conversation.
    Show {
        /// Our number.
        number: String,
        /// Theirs.
        person: String,
    },
    /// Send a text, which costs money.
    Send {
        /// Our number.
        #[arg(long)]
        from: String,
        /// To whom.
        #[arg(long)]
        to: String,
        /// What it says: 1 to 1,600 characters.
        body: String,
        /// A key of your own: with the same one the text is sent once. Default: a new one.
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
}

/// Asks the server.
pub(crate) fn run(args: &TextArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    finish("text", answered(args, out), err)
}

fn answered(args: &TextArgs, out: &mut dyn Write) -> Outcome {
    let server = args.server.reach()?;
    match &args.what {
        What::List { limit, number } => {
            let number = number.as_ref().map_or_else(String::new, |number| format!("&number={}", encoded(number)));
            let found = server.get(&format!("/texts?limit={limit}{number}"))?;
            server.print(&found["items"], out, |out| write!(out, "{}", list(&found["items"])))
        }
        What::Show { number, person } => {
            let found = server.get(&format!("/texts/{}/{}", encoded(number), encoded(person)))?;
            server.print(&found["items"], out, |out| {
                for text in found["items"].as_array().into_iter().flatten() {
                    let arrow = if text["direction"] == "inbound" { "<" } else { ">" };
                    let (at, status) = (show::time(&text["at"]), show::cell(&text["status"]));
                    let error = if text["error"].is_null() { String::new() } else { format!(" {}", text["error"]) };
                    writeln!(out, "{at}  {arrow} {}  ({status}{error})", show::cell(&text["body"]))?;
                }
                Ok(())
            })
        }
        What::Send { from, to, body, idempotency_key } => {
            let key = idempotency_key.clone().map_or_else(super::new_key, Ok)?;
            let body = json!({ "from": from, "to": to, "body": body });
            let sent = server.ask(Method::Post, "/texts", Some(&body), &[("idempotency-key", key)])?;
            server.print(&sent, out, |out| {
                writeln!(out, "{}: {} ({})", to, show::cell(&sent["status"]), show::cell(&sent["carrier_id"]))
            })
        }
    }
}

fn list(items: &Value) -> String {
    let mut table = show::table(&["latest", "number", "person", "messages", "status", "text"]);
    for item in items.as_array().into_iter().flatten() {
        let latest = &item["latest"];
        let status = if item["opted_out"] == true { "opted out".to_owned() } else { show::cell(&latest["status"]) };
        table.add_row([
            show::time(&latest["at"]),
            show::cell(&item["number"]),
            show::cell(&item["person"]),
            show::cell(&item["messages"]),
            status,
            show::cell(&latest["body"]),
        ]);
    }
    show::lines(&table)
}
