//! `quietline calls`: calls that are over, and those under way.

use std::io::Write;
use std::process::ExitCode;

use quietline::wire::encoded;
use serde_json::{Value, json};

use super::{Outcome, ServerArgs, finish, ours, show};

/// What `quietline calls` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct CallsArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Calls that are over, the newest first.
    List {
        /// So many at the most.
        #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        /// That ended so, such as silence.
        #[arg(long)]
        reason: Option<String>,
        /// With this caller.
        #[arg(long)]
        caller: Option<String>,
        /// With this number of ours.
        #[arg(long)]
        number: Option<String>,
        /// Whose caller rang back within two minutes after an ending by silence.
        #[arg(long)]
        rang_back: bool,
    },
    /// Calls under way.
    Live,
    /// One, with why it ended.
    Show {
        /// The carrier's id of it.
        call: String,
    },
    /// What silence cost, a number at a time, in the last 30 days.
    Usage {
        /// What a minute of an open line costs.
        #[arg(long)]
        price_per_minute: Option<f64>,
    },
    /// Print records as JSON lines, all of them.
    Export,
    /// End a call under way, with the operator's farewell.
    End {
        /// The carrier's id of it.
        call: String,
    },
}

/// Asks the server.
pub(crate) fn run(args: &CallsArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    finish("calls", answered(args, out), err)
}

fn answered(args: &CallsArgs, out: &mut dyn Write) -> Outcome {
    let server = args.server.reach()?;
    match &args.what {
        What::List { limit, reason, caller, number, rang_back } => {
            let mut query = format!("?limit={limit}");
            for (name, value) in [("reason", reason), ("caller", caller), ("number", number)] {
                if let Some(value) = value {
                    query.push_str(&format!("&{name}={}", encoded(value)));
                }
            }
            if *rang_back {
                query.push_str("&rang_back=true");
            }
            let found = server.get(&format!("/calls{query}"))?;
            server.print(&found["items"], out, |out| write!(out, "{}", list(&found["items"])))
        }
        What::Live => {
            let found = server.get("/calls/live")?;
            server.print(&found["items"], out, |out| {
                for call in found["items"].as_array().into_iter().flatten() {
                    writeln!(out, "{}", show::cell(&call["id"]))?;
                }
                Ok(())
            })
        }
        What::Show { call } => {
            let found = server.get(&format!("/calls/{}", encoded(call)))?;
            server.print(&found, out, |out| shown(&found, out))
        }
        What::Usage { price_per_minute } => {
            let query = price_per_minute.map_or_else(String::new, |price| format!("?price_per_minute={price}"));
            let found = server.get(&format!("/calls/usage{query}"))?;
            server.print(&found["items"], out, |out| {
                let keys =
                    ["number", "calls", "duration_s", "silence_s", "silence_cost", "silence_endings", "rang_back"];
                let mut table = show::table(&keys.map(|key| key));
                for item in found["items"].as_array().into_iter().flatten() {
                    table.add_row(keys.map(|key| show::cell(&item[key])));
                }
                write!(out, "{}", show::lines(&table))
            })
        }
        What::Export => {
            for call in server.all("/calls")? {
                let found = server.get(&format!("/calls/{}", encoded(&show::cell(&call["id"]))))?;
                writeln!(out, "{found}").map_err(ours)?;
            }
            Ok(())
        }
        What::End { call } => {
            server.post(&format!("/calls/{}/end", encoded(call)), &json!({}))?;
            server.print(&Value::Null, out, |out| writeln!(out, "{call}: its farewell begins"))
        }
    }
}

fn list(items: &Value) -> String {
    let mut table = show::table(&["began", "caller", "number", "assistant", "seconds", "silent", "ended", "by", "id"]);
    for item in items.as_array().into_iter().flatten() {
        let seconds = |key: &str| item[key].as_f64().map_or_else(String::new, |s| format!("{s:.1}"));
        let back = if item["rang_back"] == true { " (rang back)" } else { "" };
        table.add_row([
            show::time(&item["began_at"]),
            show::cell(&item["caller"]),
            show::cell(&item["number"]),
            show::cell(&item["assistant_name"]),
            seconds("duration_s"),
            seconds("silence_s"),
            format!("{}{back}", show::cell(&item["reason"])),
            show::cell(&item["ended_by"]),
            show::cell(&item["id"]),
        ]);
    }
    show::lines(&table)
}

fn shown(call: &Value, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}", show::cell(&call["id"]))?;
    for key in [
        "began_at",
        "assistant_name",
        "version",
        "direction",
        "caller",
        "number",
        "duration_s",
        "silence_s",
        "reason",
        "ended_by",
    ] {
        if !call[key].is_null() {
            writeln!(out, "  {key:<16} {}", show::cell(&call[key]))?;
        }
    }
    writeln!(out, "\nWhy the silence window moved:")?;
    for entry in call["detail"]["ledger"].as_array().into_iter().flatten() {
        let s = |key: &str| entry[key].as_f64().map(|ms| ms / 1e3);
        let at = s("at_ms").unwrap_or(0.0);
        let deadline = s("deadline_ms").map_or_else(String::new, |s| format!("  goodbye at {s:.2} s"));
        writeln!(out, "  {at:>8.2} s  {}{deadline}", show::cell(&entry["cause"]))?;
    }
    Ok(())
}
