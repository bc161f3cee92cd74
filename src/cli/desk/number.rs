//! `quietline number`: who answers which number.

use std::io::{IsTerminal as _, Write};
use std::process::ExitCode;

use quietline::wire::{Method, encoded};
use serde_json::{Value, json};

use super::{Outcome, ServerArgs, finish, new_key, ours, show};

/// What `quietline number` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct NumberArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// All numbers of the account, with what each is used for.
    List,
    /// Have an assistant answer a number: Twilio is told.
    Assign {
        /// The number, such as +15551234567.
        number: String,
        /// Id or name of the assistant.
        #[arg(long, short)]
        assistant: String,
    },
    /// Have nobody answer a number: Twilio is told what it was told before.
    Unassign {
        /// The number.
        number: String,
    },
    /// Tell Twilio again, after somebody has changed what a number is for.
    Mend {
        /// The number.
        number: String,
    },
    /// Numbers for sale.
    Search {
        /// Two letters, such as US.
        #[arg(long, default_value = "US")]
        country: String,
        /// Local, TollFree or Mobile.
        #[arg(long, default_value = "Local")]
        kind: String,
        /// Three digits, United States and Canada only.
        #[arg(long)]
        area_code: Option<String>,
        /// Digits that it holds.
        #[arg(long)]
        contains: Option<String>,
        /// It must take texts too.
        #[arg(long)]
        sms: bool,
    },
    /// Buy a number: costs money every month.
    Buy {
        /// The number, as it was found.
        number: String,
        /// Do not ask whether that is meant.
        #[arg(long)]
        yes: bool,
    },
}

/// Asks the server.
pub(crate) fn run(args: &NumberArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    finish("number", answered(args, out), err)
}

fn answered(args: &NumberArgs, out: &mut dyn Write) -> Outcome {
    let server = args.server.reach()?;
    let at = |number: &str| format!("/numbers/{}", encoded(number));
    match &args.what {
        What::List => {
            let found = server.get("/numbers")?;
            server.print(&found["items"], out, |out| write!(out, "{}", list(&found["items"])))
        }
        What::Assign { number, assistant } => {
            let body = json!({ "assistant": assistant });
            let done = server.ask(Method::Put, &format!("{}/assignment", at(number)), Some(&body), &[])?;
            server.print(&done, out, |out| {
                writeln!(out, "{number} is answered by {}", show::cell(&done["number"]["leads_to"]))?;
                for warning in done["warnings"].as_array().into_iter().flatten() {
                    writeln!(out, "  warning  {}", show::cell(warning))?;
                }
                Ok(())
            })
        }
        What::Unassign { number } => {
            server.ask(Method::Delete, &format!("{}/assignment", at(number)), None, &[])?;
            server.print(&Value::Null, out, |out| writeln!(out, "{number} is as it was before"))
        }
        What::Mend { number } => {
            let done = server.post(&format!("{}/mend", at(number)), &json!({}))?;
            server.print(&done, out, |out| writeln!(out, "{number} is as it should be"))
        }
        What::Search { country, kind, area_code, contains, sms } => {
            let mut query = format!("?country={}&kind={}&sms={sms}", encoded(country), encoded(kind));
            for (name, value) in [("area_code", area_code), ("contains", contains)] {
                if let Some(value) = value {
                    query.push_str(&format!("&{name}={}", encoded(value)));
                }
            }
            let found = server.get(&format!("/numbers/available{query}"))?;
            server.print(&found["items"], out, |out| {
                let mut table = show::table(&["number", "place", "region", "calls", "texts"]);
                for item in found["items"].as_array().into_iter().flatten() {
                    table.add_row(["number", "locality", "region", "voice", "sms"].map(|key| show::cell(&item[key])));
                }
                write!(out, "{}", show::lines(&table))
            })
        }
        What::Buy { number, yes } => {
            if !yes && !confirmed(number, out)? {
                return Err(ours("nothing was bought"));
            }
            let key = new_key()?;
            let body = json!({ "number": number, "i_will_pay": true });
            let done = server.ask(Method::Post, "/numbers", Some(&body), &[("idempotency-key", key)])?;
            server.print(&done, out, |out| writeln!(out, "{number} is yours"))
        }
    }
}

fn confirmed(number: &str, out: &mut dyn Write) -> Result<bool, super::Trouble> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(ours("a number costs money every month: say --yes if that is meant"));
    }
    write!(out, "{number} costs money every month. Buy it? [y/N] ").and_then(|()| out.flush()).map_err(ours)?;
    let mut line = String::new();
    input.read_line(&mut line).map_err(ours)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

fn list(items: &Value) -> String {
    let mut table = show::table(&["number", "used for", "leads to", "drift"]);
    for item in items.as_array().into_iter().flatten() {
        let drift = item["drift"].as_array().into_iter().flatten();
        let drift: Vec<_> = drift.map(|one| show::cell(&one["field"])).collect();
        let mend =
            if drift.is_empty() { String::new() } else { format!("{} was changed: number mend", drift.join(", ")) };
        let cells = ["number", "used_for", "leads_to"].map(|key| show::cell(&item[key]));
        table.add_row(cells.into_iter().chain([mend]));
    }
    show::lines(&table)
}
