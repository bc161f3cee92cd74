//! `quietline say`: hear a text as a caller would.

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::Arc,
};

use quietline::{
    audio::Dbfs,
    codec::mulaw,
    config::{self, Config, Env},
    net::{client::Client, clock},
    tts::{Phrase, Provider, Speech, Voice, elevenlabs, openai, openai_realtime},
    voices::{Cache, Workshop},
};

use super::wav;

/// Players, and what they need besides the file.
const PLAYERS: [(&str, &[&str]); 4] =
    [("aplay", &["-q"]), ("afplay", &[]), ("paplay", &[]), ("ffplay", &["-nodisp", "-autoexit", "-loglevel", "error"])];

/// What `quietline say` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct SayArgs {
    /// The words.
    text: String,
    /// The configuration, as of `quietline serve`; its first assistant's voice speaks if nothing else is said.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Who speaks: openai, openai_realtime or elevenlabs.
    #[arg(long)]
    provider: Option<Provider>,
    /// The voice's name or id.
    #[arg(long)]
    voice: Option<String>,
    /// The model that speaks.
    #[arg(long)]
    model: Option<String>,
    /// The text's language; default: the first assistant's.
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// Write a WAV file instead of playing it.
    #[arg(long, short, value_name = "WAV")]
    output: Option<PathBuf>,
    /// Render it afresh, and keep nothing.
    #[arg(long)]
    no_cache: bool,
}

/// Why nothing was said: the message, and the code that goes with it.
struct Unsaid(String, u8);

impl Unsaid {
    fn config(message: impl ToString) -> Self {
        Self(message.to_string(), 2)
    }

    fn vendor(message: impl ToString) -> Self {
        Self(message.to_string(), 1)
    }
}

/// Says it. The code is 1 if the vendor or the disk failed, 2 if there is no such voice here.
pub(crate) fn run(args: &SayArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    match say(args, &config::process_env, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Unsaid(message, code)) => {
            let _ = writeln!(err, "quietline say: {message}");
            ExitCode::from(code)
        }
    }
}

fn say(args: &SayArgs, env: Env<'_>, out: &mut dyn Write) -> Result<(), Unsaid> {
    let config = Config::load(args.config.as_deref(), env).map_err(Unsaid::config)?;
    let voice = chosen(args, &config).map_err(Unsaid::config)?;
    let language = config.assistants.first().map_or("en-US", |assistant| assistant.farewells.language());
    let language = args.language.as_deref().unwrap_or(language).to_owned();
    let phrase = Phrase { text: args.text.clone(), language };
    let cache = match &config.voices.cache_dir {
        Some(folder) if !args.no_cache => Cache::new(folder, u64::from(config.voices.cache_max_mb) << 20),
        Some(_) | None => Cache::in_memory(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Unsaid::vendor)?;
    let workshop = Workshop::new(Client::new().map_err(Unsaid::vendor)?, Arc::new(cache));
    let begun = clock::now();
    let made = runtime.block_on(workshop.make(&voice, &phrase));
    let (speech, from_cache) = made.map_err(|error| Unsaid::vendor(format!("{voice}: {error}")))?;
    let announcement = speech.announcement();
    let source = if from_cache {
        "from the cache".to_owned()
    } else {
        format!("rendered in {:.2} s", clock::now().saturating_duration_since(begun).as_secs_f64())
    };
    told(out, &voice, &speech, &source).map_err(Unsaid::vendor)?;
    match &args.output {
        Some(path) => {
            wav::write_mono(path, announcement.mulaw())
                .map_err(|error| Unsaid::vendor(format!("{} cannot be written: {error}", path.display())))?;
            writeln!(out, "written   {}", path.display()).map_err(Unsaid::vendor)
        }
        None => play(&speech, env, out).map_err(Unsaid::vendor),
    }
}

fn told(out: &mut dyn Write, voice: &Voice, speech: &Speech, source: &str) -> io::Result<()> {
    let announcement = speech.announcement();
    let samples: Vec<i16> = announcement.mulaw().iter().map(|&code| mulaw::decode(code)).collect();
    writeln!(out, "voice     {voice}")?;
    writeln!(out, "source    {source}")?;
    writeln!(out, "length    {:.2} s", announcement.duration().as_secs_f64())?;
    writeln!(out, "level     {}, pauses included", Dbfs::of(&samples))
}

/// The voice that the arguments name, else the configured one.
fn chosen(args: &SayArgs, config: &Config) -> Result<Voice, String> {
    let configured = config.assistants.first().and_then(|assistant| assistant.voice.clone());
    let same = |provider: Provider| configured.clone().filter(|voice| voice.provider() == provider);
    let provider = match (args.provider, &configured) {
        (Some(provider), _) => provider,
        (None, Some(voice)) => voice.provider(),
        (None, None) if config.openai.is_some() => Provider::OpenAi,
        (None, None) if config.elevenlabs.is_some() => Provider::ElevenLabs,
        (None, None) => {
            return Err("there is no account to speak with: set OPENAI_API_KEY or ELEVENLABS_API_KEY, or write \
                        [openai] or [elevenlabs] into quietline.toml"
                .to_owned());
        }
    };
    let none = |vendor: &str, table: &str| {
        format!(
            "there is no account with {vendor}: write [{table}] into quietline.toml, or set {}_API_KEY without a file",
            table.to_uppercase()
        )
    };
    let openai =
        || config.openai.as_ref().map(|account| Arc::clone(&account.access)).ok_or_else(|| none("OpenAI", "openai"));
    let mut voice = match (same(provider), provider) {
        (Some(voice), _) => voice,
        (None, Provider::OpenAi) => Voice::OpenAi(openai::Voice::new(openai()?)),
        (None, Provider::OpenAiRealtime) => Voice::OpenAiRealtime(openai_realtime::Voice::new(openai()?)),
        (None, Provider::ElevenLabs) => {
            let account = config.elevenlabs.as_ref().ok_or_else(|| none("ElevenLabs", "elevenlabs"))?;
            let id = args.voice.as_deref().ok_or("ElevenLabs needs a voice's id: --voice, see `quietline voices`")?;
            Voice::ElevenLabs(elevenlabs::Voice::new(Arc::clone(&account.access), id))
        }
    };
    let (id, model) = match &mut voice {
        Voice::OpenAi(voice) => (&mut voice.voice, &mut voice.model),
        Voice::OpenAiRealtime(voice) => (&mut voice.voice, &mut voice.model),
        Voice::ElevenLabs(voice) => (&mut voice.voice, &mut voice.model),
    };
    if let Some(wanted) = &args.voice {
        id.clone_from(wanted);
    }
    if let Some(wanted) = &args.model {
        model.clone_from(wanted);
    }
    Ok(voice)
}

/// With the first player that there is.
fn play(speech: &Speech, env: Env<'_>, out: &mut dyn Write) -> io::Result<()> {
    let folders = env("PATH").unwrap_or_default();
    let is_there = |name: &str| env::split_paths(&folders).any(|folder| folder.join(name).is_file());
    let Some((player, options)) = PLAYERS.into_iter().find(|(name, _)| is_there(name)) else {
        let names = PLAYERS.map(|(name, _)| name).join(", ");
        return writeln!(out, "not played: there is no player here ({names}); write it to a file with -o out.wav");
    };
    let file = Temporary::new();
    wav::write_mono(&file.0, speech.announcement().mulaw()).map_err(io::Error::other)?;
    let played = Command::new(player)
        .args(options)
        .arg(&file.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match played {
        Ok(status) if status.success() => writeln!(out, "played    with {player}"),
        Ok(_) | Err(_) => {
            writeln!(out, "not played: {player} cannot play here; write it to a file with -o out.wav")
        }
    }
}

/// A file that goes away.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Self {
        Self(env::temp_dir().join(Path::new(&format!("quietline-say-{}.wav", std::process::id()))))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use quietline::lab::voices::{Desk, VoicesLab};

    use super::*;
    use crate::cli::Cli;

    /// Runs `quietline say` in this environment.
    fn run(args: &[&str], variables: &[(&str, &str)]) -> Result<String, (String, u8)> {
        let args = [&["quietline", "say"], args].concat();
        let Cli::Say(args) = Cli::parse_from(args) else { panic!("not `say`") };
        let env = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let mut out = Vec::new();
        say(&args, &env, &mut out).map_err(|Unsaid(message, code)| (message, code))?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn says_it_into_a_file_and_the_second_time_from_the_cache() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let _inside = runtime.enter();
        let lab = VoicesLab::start(Desk::openai(&["key".to_owned()]), 0).unwrap();
        let folder = env::temp_dir().join(format!("quietline-say-test-{}", std::process::id()));
        let (base, cache) = (lab.base_url(), folder.to_str().unwrap().to_owned());
        let wav = folder.join("out.wav");
        let variables =
            [("OPENAI_API_KEY", "key"), ("OPENAI_BASE_URL", &base), ("CACHE_DIRECTORY", &cache), ("PATH", "/none")];
        let args = ["Goodbye for now.", "--voice", "coral", "-o", wav.to_str().unwrap()];
        let worker = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    let first = run(&args, &variables).unwrap();
                    assert!(
                        first.contains("openai coral (gpt-4o-mini-tts)") && first.contains("rendered in"),
                        "{first}"
                    );
                    let second = run(&args, &variables).unwrap();
                    assert!(second.contains("from the cache") && second.contains("length    0.9"), "{second}");
                    let third = run(&["Goodbye for now.", "--no-cache"], &variables).unwrap();
                    assert!(third.contains("rendered in") && third.contains("there is no player here"), "{third}");
                    let wrong = run(&["Hi.", "--no-cache"], &[("OPENAI_API_KEY", "no"), ("OPENAI_BASE_URL", &base)]);
                    assert!(matches!(&wrong, Err((told, 1)) if told.contains("does not take the key")), "{wrong:?}");
                })
                .join()
        });
        let reader = hound::WavReader::open(&wav).map(|reader| reader.spec());
        std::fs::remove_dir_all(&folder).unwrap();
        worker.unwrap();
        assert_eq!(reader.map(|spec| (spec.channels, spec.sample_rate)).ok(), Some((1, 8_000)));
        assert_eq!(lab.desk().requests().len(), 2);
    }

    #[test]
    fn without_an_account_it_tells_what_to_do() {
        let told = run(&["Hi."], &[]).unwrap_err();
        assert!(told.0.contains("set OPENAI_API_KEY or ELEVENLABS_API_KEY") && told.1 == 2, "{told:?}");
        let told = run(&["Hi.", "--provider", "elevenlabs"], &[("ELEVENLABS_API_KEY", "k")]).unwrap_err();
        assert!(told.0.contains("needs a voice's id"), "{told:?}");
        let told = run(&["Hi.", "--provider", "openai_realtime"], &[("ELEVENLABS_API_KEY", "k")]).unwrap_err();
        assert!(told.0.contains("no account with OpenAI"), "{told:?}");
    }
}
