//! `quietline voices`: which voices there are.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use quietline::{
    config::{self, Config},
    net::client::Client,
    tts::{
        Provider,
        elevenlabs::{Listed, Listing},
        openai, openai_realtime,
    },
};

/// What `quietline voices` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct VoicesArgs {
    /// The configuration, as of `quietline serve`.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only of this provider: openai, openai_realtime or elevenlabs.
    #[arg(long)]
    provider: Option<Provider>,
}

/// Lists them. The code is 1 if a vendor could not be asked, 2 if the configuration is wrong.
pub(crate) fn run(args: &VoicesArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let config = match Config::load(args.config.as_deref(), &config::process_env) {
        Ok(config) => config,
        Err(mistakes) => {
            let _ = writeln!(err, "{mistakes}");
            return ExitCode::from(2);
        }
    };
    match list(args, &config, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(err, "quietline voices: {error}");
            ExitCode::FAILURE
        }
    }
}

fn list(args: &VoicesArgs, config: &Config, out: &mut dyn Write) -> Result<(), Box<dyn std::error::Error>> {
    for provider in Provider::ALL.into_iter().filter(|provider| args.provider.is_none_or(|only| only == *provider)) {
        match provider {
            Provider::OpenAi => documented(out, provider, openai::Voice::MODEL, &openai::Voice::VOICES)?,
            Provider::OpenAiRealtime => {
                documented(out, provider, openai_realtime::Voice::MODEL, &openai_realtime::Voice::VOICES)?;
            }
            Provider::ElevenLabs => match &config.elevenlabs {
                Some(account) => {
                    writeln!(out, "elevenlabs, as {} lists them:", account.access.base_url())?;
                    for Listed { id, name, labels } in asked(Listing::new(account.access.clone()))? {
                        writeln!(
                            out,
                            "  {id:<22} {name}{}{}",
                            if labels.is_empty() { "" } else { ": " },
                            labels.join(", ")
                        )?;
                    }
                }
                None => writeln!(
                    out,
                    "elevenlabs: no account here; set ELEVENLABS_API_KEY, or write [elevenlabs], to list its voices"
                )?,
            },
        }
    }
    out.flush()?;
    Ok(())
}

/// The vendor has no list to ask for.
fn documented(out: &mut dyn Write, provider: Provider, model: &str, voices: &[&str]) -> io::Result<()> {
    writeln!(
        out,
        "{provider}, as documented for {model} (the vendor has no list to ask; voice_… ids of your own too):"
    )?;
    writeln!(out, "  {}", voices.join(", "))
}

fn asked(mut listing: Listing) -> Result<Vec<Listed>, Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = Client::new()?;
    while let Some(request) = listing.request() {
        let answer = runtime.block_on(client.run(request));
        listing.handle(&answer).map_err(|error| format!("elevenlabs: {error}"))?;
    }
    Ok(listing.voices().to_vec())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use quietline::lab::voices::{Desk, VoicesLab};

    use super::*;

    fn listed(provider: Option<Provider>, variables: &[(&str, &str)]) -> Result<String, String> {
        let env = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let text = variables
            .iter()
            .find(|(name, _)| *name == "base")
            .map_or_else(String::new, |(_, url)| format!("[elevenlabs]\nbase_url = \"{url}\"\n"));
        let config = Config::parse(&text, Path::new("test.toml"), &env).unwrap();
        let mut out = Vec::new();
        list(&VoicesArgs { config: None, provider }, &config, &mut out).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn documented_names_are_said_to_be_such() {
        let out = listed(None, &[]).unwrap();
        assert!(out.contains("openai, as documented for gpt-4o-mini-tts") && out.contains("marin"), "{out}");
        assert!(out.contains("elevenlabs: no account here"), "{out}");
        assert!(!listed(Some(Provider::OpenAiRealtime), &[]).unwrap().contains("fable"));
    }

    #[test]
    fn elevenlabs_is_asked() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let _inside = runtime.enter();
        let lab = VoicesLab::start(Desk::elevenlabs(&["key".to_owned()]), 0).unwrap();
        let base = lab.base_url();
        let ask = |key: &'static str| {
            let base = base.clone();
            std::thread::spawn(move || {
                listed(Some(Provider::ElevenLabs), &[("base", &base), ("ELEVENLABS_API_KEY", key)])
            })
            .join()
            .unwrap()
        };
        let out = ask("key").unwrap();
        assert!(out.contains("21m00Tcm4TlvDq8ikWAM   Rachel: premade, en") && out.contains("George"), "{out}");
        let told = ask("wrong").unwrap_err();
        assert!(told.contains("does not take the key"), "{told}");
        assert_eq!(lab.desk().violations(), [""; 0]);
    }
}
