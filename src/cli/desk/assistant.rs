//! `quietline assistant`: what answers.

use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use quietline::wire::encoded;
use serde_json::{Value, json};

use super::{Outcome, Server, ServerArgs, Trouble, finish, ours, show};

/// What `quietline assistant` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct AssistantArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// All assistants.
    List {
        /// A part of the name.
        search: Option<String>,
    },
    /// One, with its draft and versions.
    Show {
        /// Id or name.
        assistant: String,
    },
    /// Make the assistant of a file what the file says: the same again changes nothing.
    Apply {
        /// TOML (the keys of an [[assistant]] table) or JSON; - for standard input.
        #[arg(long, short)]
        file: PathBuf,
        /// Publish it too.
        #[arg(long)]
        publish: bool,
    },
    /// Say what publishing the draft would say.
    Check {
        /// Id or name.
        assistant: String,
    },
    /// Make the draft the version in force.
    Publish {
        /// Id or name.
        assistant: String,
        /// What is new in it.
        #[arg(long, short, default_value = "")]
        note: String,
    },
    /// Have no version in force: callers hear that the line is busy.
    Unpublish {
        /// Id or name.
        assistant: String,
    },
    /// Have an earlier version in force again.
    Restore {
        /// Id or name.
        assistant: String,
        /// Which.
        version: u32,
    },
    /// Print the draft, or a version, as TOML.
    Export {
        /// Id or name.
        assistant: String,
        /// Which version; left out: the draft.
        #[arg(long)]
        version: Option<u32>,
    },
    /// Take an assistant away.
    Delete {
        /// Id or name.
        assistant: String,
    },
}

/// Asks the server.
pub(crate) fn run(args: &AssistantArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    finish("assistant", answered(args, out), err)
}

fn answered(args: &AssistantArgs, out: &mut dyn Write) -> Outcome {
    let server = args.server.reach()?;
    let at = |assistant: &str| format!("/assistants/{}", encoded(assistant));
    match &args.what {
        What::List { search } => {
            let search = search.as_deref().map_or_else(String::new, |part| format!("?search={}", encoded(part)));
            let items = server.all(&format!("/assistants{search}"))?;
            let listed = Value::Array(items);
            server.print(&listed, out, |out| write!(out, "{}", list(&listed)))
        }
        What::Show { assistant } => {
            let found = server.get(&at(assistant))?;
            let versions = match found["read_only"].as_bool() {
                Some(true) => Vec::new(),
                _ => server.all(&format!("{}/versions", at(assistant)))?,
            };
            server.print(&found, out, |out| shown(&found, &versions, out))
        }
        What::Apply { file, publish } => apply(&server, file, *publish, out),
        What::Check { assistant } => {
            let told = server.get(&format!("{}/check", at(assistant)))?;
            server.print(&told, out, |out| {
                let can =
                    if told["publishable"] == true { "it can be published" } else { "it cannot be published yet" };
                writeln!(out, "{can}")?;
                for error in told["errors"].as_array().into_iter().flatten() {
                    writeln!(out, "  error    {}: {}", show::cell(&error["field"]), show::cell(&error["message"]))?;
                }
                remarks(&told, out)
            })
        }
        What::Publish { assistant, note } => publish_it(&server, &at(assistant), note, out),
        What::Unpublish { assistant } => {
            let now = server.post(&format!("{}/unpublish", at(assistant)), &json!({}))?;
            server.print(&now, out, |out| writeln!(out, "{} has no version in force", show::cell(&now["name"])))
        }
        What::Restore { assistant, version } => {
            let done = server.post(&format!("{}/versions/{version}/restore", at(assistant)), &json!({}))?;
            published(&server, &done, out)
        }
        What::Export { assistant, version } => {
            let document = match version {
                Some(version) => server.get(&format!("{}/versions/{version}", at(assistant)))?["definition"].take(),
                None => server.get(&at(assistant))?["draft"].take(),
            };
            let text = toml::to_string_pretty(&document).map_err(ours)?;
            server.print(&document, out, |out| write!(out, "{text}"))
        }
        What::Delete { assistant } => {
            server.ask(quietline::wire::Method::Delete, &at(assistant), None, &[])?;
            server.print(&Value::Null, out, |out| writeln!(out, "{assistant} is gone"))
        }
    }
}

fn apply(server: &Server, file: &Path, publish: bool, out: &mut dyn Write) -> Outcome {
    let document = read(file)?;
    let done = server.post("/assistants/apply", &document)?;
    let assistant = &done["assistant"];
    let name = show::cell(&assistant["name"]);
    if !publish {
        return server.print(&done, out, |out| {
            writeln!(out, "{name}: {}", show::cell(&done["outcome"]))?;
            if assistant["draft_differs"] == true {
                writeln!(out, "The draft is not in force: quietline assistant publish {name:?}")?;
            }
            Ok(())
        });
    }
    if !server.json {
        writeln!(out, "{name}: {}", show::cell(&done["outcome"])).map_err(ours)?;
    }
    publish_it(server, &format!("/assistants/{}", encoded(&show::cell(&assistant["id"]))), "", out)
}

fn publish_it(server: &Server, at: &str, note: &str, out: &mut dyn Write) -> Outcome {
    let done = server.post(&format!("{at}/publish"), &json!({ "note": note }))?;
    published(server, &done, out)
}

fn published(server: &Server, done: &Value, out: &mut dyn Write) -> Outcome {
    server.print(done, out, |out| {
        writeln!(out, "version {} is in force", show::cell(&done["version"]["version"]))?;
        remarks(&json!({ "warnings": done["version"]["warnings"], "notes": done["notes"] }), out)
    })
}

fn remarks(told: &Value, out: &mut dyn Write) -> std::io::Result<()> {
    for (kind, label) in [("warnings", "warning "), ("notes", "note    ")] {
        for remark in told[kind].as_array().into_iter().flatten() {
            writeln!(out, "  {label} {}", show::cell(remark))?;
        }
    }
    Ok(())
}

/// TOML or JSON, by what it looks like.
fn read(file: &Path) -> Result<Value, Trouble> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map_err(|error| ours(format!("standard input: {error}")))?;
    } else {
        text = std::fs::read_to_string(file)
            .map_err(|error| ours(format!("{} cannot be read: {error}", file.display())))?;
    }
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(&text).map_err(|error| ours(format!("{}: {error}", file.display())));
    }
    toml::from_str(&text).map_err(|error| ours(format!("{}: {error}", file.display())))
}

fn list(items: &Value) -> String {
    let mut table = show::table(&["name", "in force", "draft", "numbers", "id"]);
    for item in items.as_array().into_iter().flatten() {
        let in_force = match (item["read_only"] == true, item["published"].as_u64()) {
            (true, _) => "file".to_owned(),
            (false, Some(version)) => format!("version {version}"),
            (false, None) => "-".to_owned(),
        };
        let draft = if item["draft_differs"] == true { "differs" } else { "" };
        let cells = [
            show::cell(&item["name"]),
            in_force,
            draft.to_owned(),
            show::cell(&item["numbers"]),
            show::cell(&item["id"]),
        ];
        table.add_row(cells);
    }
    show::lines(&table)
}

fn shown(found: &Value, versions: &[Value], out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}  {}", show::cell(&found["name"]), show::cell(&found["id"]))?;
    writeln!(out, "numbers: {}", show::cell(&found["numbers"]))?;
    if found["read_only"] == true {
        writeln!(out, "It stands in the server's file, and can only be changed there.")?;
    }
    if !found["draft"].is_null() {
        let draft = toml::to_string_pretty(&found["draft"]).unwrap_or_default();
        writeln!(out, "\n{}", draft.trim_end())?;
    }
    if !versions.is_empty() {
        let mut table = show::table(&["version", "published", "by", "note"]);
        for version in versions {
            let mark = if version["version"] == found["published"] { " (in force)" } else { "" };
            table.add_row([
                format!("{}{mark}", show::cell(&version["version"])),
                show::time(&version["published_at"]),
                show::cell(&version["published_by"]),
                show::cell(&version["note"]),
            ]);
        }
        write!(out, "\n{}", show::lines(&table))?;
    }
    Ok(())
}
