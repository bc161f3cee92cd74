//! `quietline check-config`: what the server would be told, and what is wrong with it.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use quietline::{
    assistant::FarewellKind,
    config::{self, Assistant, Capture, Config, Env, ModelChoice, Twilio},
    live::check_folder,
    tts::Voice,
};

/// What `quietline check-config` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckConfigArgs {
    /// The configuration; without it the one that the server would read: QUIETLINE_CONFIG, else quietline.toml.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// Reads the configuration and shows what is in force; secrets only by where they come from.
///
/// The code is 0 if it can be used, 2 if not.
pub(crate) fn run(args: &CheckConfigArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    check(args, &config::process_env, out, err)
}

fn check(args: &CheckConfigArgs, env: Env<'_>, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    match Config::load(args.file.as_deref(), env) {
        Ok(config) => match show(&config, out) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // There is nobody left to tell if `err` fails as well.
                let _ = writeln!(err, "quietline check-config: cannot write the result: {error}");
                ExitCode::FAILURE
            }
        },
        Err(mistakes) => {
            let _ = writeln!(err, "{mistakes}");
            ExitCode::from(2)
        }
    }
}

/// One row of the table.
fn row(out: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(out, "  {name:<24} {value}")
}

fn show(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    match &config.file {
        Some(file) => writeln!(out, "ok: {}", file.display())?,
        None => writeln!(out, "ok: no file; environment and defaults")?,
    }
    writeln!(out, "\nserver")?;
    let server = &config.server;
    row(out, "listen", &server.listen.to_string())?;
    row(out, "public_url", server.public_url.as_str())?;
    row(out, "shards", &server.shards.map_or_else(|| "one a core".to_owned(), |shards| shards.to_string()))?;
    let records = server.call_records.as_ref().map(|path| path.display().to_string());
    row(out, "call_records", records.as_deref().unwrap_or("none"))?;
    match &config.twilio {
        Some(twilio) => show_account(twilio, out)?,
        None => writeln!(out, "\ntwilio: none")?,
    }
    if let Some(openai) = &config.openai {
        writeln!(out, "\nopenai")?;
        row(out, "base_url", openai.access.base_url())?;
        row(out, "api_key", &format!("set from {}", openai.key_source))?;
    }
    if let Some(elevenlabs) = &config.elevenlabs {
        writeln!(out, "\nelevenlabs")?;
        row(out, "base_url", elevenlabs.access.base_url())?;
        row(out, "api_key", &format!("set from {}", elevenlabs.key_source))?;
    }
    writeln!(out, "\nvoices")?;
    let folder = config.voices.cache_dir.as_ref().map(|folder| folder.display().to_string());
    row(out, "cache_dir", folder.as_deref().unwrap_or("none: in memory only"))?;
    row(out, "cache_max_mb", &config.voices.cache_max_mb.to_string())?;
    let unwritable = match &config.capture {
        Some(capture) => show_capture(capture, out)?,
        None => None,
    };
    writeln!(out, "\nlimits")?;
    let limits = config.limits;
    row(out, "max_calls", &limits.max_calls.to_string())?;
    row(out, "drain_s", &seconds(limits.drain))?;
    let range = |(low, high)| format!("{} to {}", seconds(low), seconds(high));
    row(out, "silence_timeout_s", &range(limits.silence_timeout))?;
    row(out, "max_duration_s", &range(limits.max_duration))?;
    writeln!(out, "\nio")?;
    row(out, "drain_ms", &(config.io.drain.as_secs_f64() * 1e3).to_string())?;
    row(out, "drain_from_calls", &config.io.drain_from_calls.to_string())?;
    row(out, "append_ms", &config.io.append_ms.to_string())?;
    for assistant in &config.assistants {
        show_assistant(assistant, out)?;
    }
    let warnings: Vec<_> = config.warnings.iter().chain(&unwritable).collect();
    if !warnings.is_empty() {
        writeln!(out)?;
    }
    for warning in warnings {
        writeln!(out, "warning: {warning}")?;
    }
    out.flush()
}

/// Tells what is wrong with the folder, if anything is.
fn show_capture(capture: &Capture, out: &mut dyn Write) -> io::Result<Option<String>> {
    writeln!(out, "\ncapture (holds what people said)")?;
    let folder = capture.folder.display();
    row(out, "folder", &folder.to_string())?;
    row(out, "share", &capture.share.to_string())?;
    row(out, "max_calls", &capture.max_calls.to_string())?;
    row(out, "max_mb", &capture.max_mb.to_string())?;
    let error = check_folder(&capture.folder).err();
    Ok(error.map(|error| format!("capture.folder {folder} cannot be written, so no call will be captured: {error}")))
}

fn show_account(twilio: &Twilio, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\ntwilio")?;
    row(out, "account_sid", twilio.account.as_str())?;
    for key in &twilio.key_sources {
        let name = if key.is_shared { "shared_key" } else { "auth_token" };
        row(out, name, &format!("set from {}", key.source))?;
    }
    let rest = &twilio.rest;
    row(out, "rest.base_url", &rest.base_url)?;
    row(out, "rest", &format!("as {}, password set from {}", rest.user, rest.password_source))
}

fn show_assistant(assistant: &Assistant, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nassistant {:?}", assistant.name)?;
    let settings = &assistant.settings;
    let numbers = assistant.numbers.join(", ");
    row(out, "numbers", if numbers.is_empty() { "every number that no other one claims" } else { &numbers })?;
    match &assistant.model {
        ModelChoice::Offline(behaviour) => row(out, "model", &format!("offline, {}", behaviour.name()))?,
        ModelChoice::OpenAi(settings) => {
            row(out, "model", &format!("openai, {}, voice {}", settings.model, settings.voice))?;
            row(out, "model.base_url", settings.access.base_url())?;
            let transcription = settings.transcription.as_ref().map_or("off", |it| it.model.as_str());
            row(out, "model.transcription", transcription)?;
        }
    }
    row(out, "language", assistant.farewells.language())?;
    row(out, "detector", assistant.detector.name())?;
    row(out, "silence_timeout_s", &seconds(settings.silence_timeout.get()))?;
    row(out, "min_speech_ms", &settings.min_speech.get().as_millis().to_string())?;
    row(out, "hangover_ms", &settings.hangover.get().as_millis().to_string())?;
    row(out, "barge_in_min_ms", &settings.barge_in_min.get().as_millis().to_string())?;
    row(out, "noise_budget_s", &seconds(settings.noise_budget.get()))?;
    row(out, "level_floor_db", &settings.level_floor.db().to_string())?;
    row(out, "max_duration_s", &seconds(settings.max_duration.get()))?;
    row(out, "filler", on(settings.filler))?;
    let greeting = settings.greeting.map_or("off", |it| if it.interruptible { "on" } else { "on, not interruptible" });
    row(out, "greeting", greeting)?;
    let reminder = settings.reminder.map(|it| format!("after {} s: {:?}", seconds(it.after), assistant.reminder_text));
    row(out, "reminder", reminder.as_deref().unwrap_or("off"))?;
    let hangup = settings
        .hangup_call
        .map(|tool| format!("on, cancellable {}, confirm {}", on(tool.cancellable), on(assistant.hangup_confirm)));
    row(out, "tools.hangup_call", hangup.as_deref().unwrap_or("off"))?;
    row(out, "tools.wait_for_caller", on(settings.wait_for_caller))?;
    row(out, "tools.send_text", on(settings.send_text))?;
    let transfer = assistant.transfer.as_ref().map(|transfer| {
        let to: Vec<_> = transfer.to.iter().map(|(name, number)| format!("{name} {number}")).collect();
        format!("{}; rings {} s", to.join(", "), transfer.timeout.as_secs())
    });
    row(out, "tools.transfer_call", transfer.as_deref().unwrap_or("off"))?;
    let machine = assistant.outbound.message.as_deref().map_or("end".to_owned(), |text| format!("message {text:?}"));
    row(out, "outbound", &format!("{} within an hour; a machine: {machine}", assistant.outbound.max_per_hour))?;
    let voice = |voice: &Option<Voice>, none: &str| voice.as_ref().map_or_else(|| none.to_owned(), Voice::to_string);
    row(out, "farewell.voice", &voice(&assistant.voice, "none: recordings, and the carrier's own voice"))?;
    row(out, "farewell.fallback_voice", &voice(&assistant.fallback_voice, "none"))?;
    for kind in FarewellKind::ALL {
        let which = match (assistant.farewells.is_default(kind), &assistant.voice) {
            (true, _) => "recorded",
            (false, Some(_)) => "rendered",
            (false, None) => "no recording",
        };
        let text = format!("{:?} ({which})", assistant.farewells.text(kind));
        row(out, &format!("farewell.{}", kind.name()), &text)?;
    }
    Ok(())
}

fn on(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn seconds(duration: Duration) -> String {
    duration.as_secs_f64().to_string()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/quietline.example.toml");
    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    const KEYS: &[(&str, &str)] =
        &[("TWILIO_AUTH_TOKEN", TOKEN), ("OPENAI_API_KEY", "sk-example"), ("ELEVENLABS_API_KEY", "xi-example")];

    /// Runs `quietline check-config` in this environment: its code, output and errors.
    fn check_config(args: &[&str], variables: &[(&str, &str)]) -> (ExitCode, String, String) {
        let args = [&["quietline", "check-config"], args].concat();
        let Cli::CheckConfig(args) = Cli::parse_from(args) else { panic!("not `check-config`") };
        let env = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = check(&args, &env, &mut out, &mut err);
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn shows_what_is_in_force_and_no_secret() {
        let (code, out, err) = check_config(&[EXAMPLE], KEYS);
        assert!(code == ExitCode::SUCCESS && err.is_empty(), "{err}");
        assert!(out.starts_with("ok: ") && KEYS.iter().all(|(_, key)| !out.contains(key)), "{out}");
        for line in [
            "public_url               https://voice.example.com",
            "auth_token               set from TWILIO_AUTH_TOKEN",
            "api_key                  set from ELEVENLABS_API_KEY",
            "silence_timeout_s        30 to 60",
            "silence_timeout_s        30\n",
            "assistant \"front desk\"",
            "tools.hangup_call        on, cancellable on, confirm on",
            "model                    offline, talk",
            "\"Goodbye.\" (recorded)",
            "farewell.voice           openai marin (gpt-4o-mini-tts)",
            "farewell.fallback_voice  openai_realtime marin (gpt-realtime-2.1-mini)",
            "cache_dir                none",
        ] {
            assert!(out.contains(line), "{line:?} is missing:\n{out}");
        }
    }

    #[test]
    fn a_mistake_goes_to_the_errors_with_its_place_and_code_2() {
        let (code, out, err) = check_config(&[EXAMPLE], &[]);
        assert!(code == ExitCode::from(2) && out.is_empty(), "{out}");
        assert!(err.contains("quietline.example.toml:") && err.contains("TWILIO_AUTH_TOKEN is not set"), "{err}");
        let (code, _, err) = check_config(&["there-is-no-such-file.toml"], &[]);
        assert!(code == ExitCode::from(2) && err.contains("there-is-no-such-file.toml"), "{err}");
    }

    #[test]
    fn the_environment_names_the_file_and_warnings_are_told() {
        let variables = [("QUIETLINE_CONFIG", EXAMPLE), ("QUIETLINE_PUBLIC_URL", "http://localhost:1")];
        let (code, out, _) = check_config(&[], &[&variables, KEYS].concat());
        assert!(code == ExitCode::SUCCESS, "{out}");
        assert!(out.contains("\nwarning: public_url is http://localhost:1: the carrier cannot reach"), "{out}");
    }
}
