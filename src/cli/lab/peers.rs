//! `quietline lab`, `lab openai`, `lab voices`: peers that wait for a gateway, and tell what it did.

use std::{io, io::Write, process::ExitCode, sync::Arc, time::Duration};

use quietline::lab::{
    openai::{BrainFactory, Echo, OpenAiConfig, OpenAiLab, Silent, Talk},
    voices::{Desk, VoicesLab},
};

use super::typed::duration;

/// What happened is shown so often.
const LOOK: Duration = Duration::from_millis(200);

/// What the model does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// Greets, answers each turn, and hangs up if it is told to.
    #[default]
    Talk,
    /// Hears and never answers.
    Silent,
    /// Says back what it hears.
    Echo,
}

/// What `quietline lab openai` is asked.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct OpenAiArgs {
    /// Port on 127.0.0.1; 0: any free one.
    #[arg(long, default_value_t = 9210)]
    port: u16,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    stay: StayArgs,
}

#[derive(Clone, Debug, clap::Args)]
struct ModelArgs {
    /// What the model does.
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// It says goodbye and calls `hangup_call` as the answer to this turn.
    #[arg(long, value_name = "TURNS", value_parser = clap::value_parser!(u32).range(1..))]
    hang_up_after: Option<u32>,
    /// As Azure has it: a wrong key is refused at the handshake, `api-key` is taken, any model exists.
    #[arg(long)]
    azure: bool,
    /// The key that is let in.
    #[arg(long, value_name = "KEY", default_value = OpenAiConfig::KEY)]
    key: String,
}

/// What `quietline lab voices` is asked.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct VoicesArgs {
    /// Port of ElevenLabs' stand-in on 127.0.0.1; 0: any free one.
    #[arg(long, default_value_t = 9220)]
    port: u16,
    /// Port of OpenAI's voices on 127.0.0.1; 0: any free one.
    #[arg(long, default_value_t = 9210)]
    openai_port: u16,
    #[command(flatten)]
    stay: StayArgs,
}

/// What `quietline lab` is asked.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct AllArgs {
    /// Port of OpenAI's stand-in on 127.0.0.1; 0: any free one.
    #[arg(long, default_value_t = 9210)]
    openai_port: u16,
    /// Port of ElevenLabs' stand-in on 127.0.0.1; 0: any free one.
    #[arg(long, default_value_t = 9220)]
    voices_port: u16,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    stay: StayArgs,
}

#[derive(Clone, Debug, clap::Args)]
struct StayArgs {
    /// Stay for this time. Default: until Ctrl-C.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    stay: Option<Duration>,
}

/// Which stand-ins there are to be.
pub(crate) struct Peers {
    /// The model with its port, and its voices with it.
    model: Option<(u16, ModelArgs)>,
    /// OpenAI's voices alone.
    openai_voices: Option<u16>,
    elevenlabs: Option<u16>,
    stay: Option<Duration>,
}

impl Peers {
    pub(crate) fn of_openai(args: &OpenAiArgs) -> Self {
        let model = Some((args.port, args.model.clone()));
        Self { model, openai_voices: None, elevenlabs: None, stay: args.stay.stay }
    }

    pub(crate) fn of_voices(args: &VoicesArgs) -> Self {
        let (openai_voices, elevenlabs) = (Some(args.openai_port), Some(args.port));
        Self { model: None, openai_voices, elevenlabs, stay: args.stay.stay }
    }

    pub(crate) fn of_all(args: &AllArgs) -> Self {
        let model = Some((args.openai_port, args.model.clone()));
        Self { model, openai_voices: None, elevenlabs: Some(args.voices_port), stay: args.stay.stay }
    }
}

/// Runs them. The code is 0 if nothing was against a schema, 1 if something was, 2 if they could not be started.
pub(crate) fn run(peers: &Peers, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = runtime.map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(stood(peers, out)));
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(err, "quietline lab: {error}");
            ExitCode::from(2)
        }
    }
}

async fn stood(peers: &Peers, out: &mut dyn Write) -> Result<bool, String> {
    let text = |error: io::Error| error.to_string();
    let taken =
        |port: u16| move |error: io::Error| format!("cannot listen on 127.0.0.1:{port}: {error}; choose another");
    let started = peers.model.as_ref().map(|(port, args)| OpenAiLab::start(config(*port, args)).map_err(taken(*port)));
    let model = started.transpose()?;
    let openai = |port| VoicesLab::start(Desk::openai(&[OpenAiConfig::KEY.to_owned()]), port).map_err(taken(port));
    let openai = peers.openai_voices.map(openai).transpose()?;
    let elevenlabs = |port| VoicesLab::start(Desk::elevenlabs(&[VoicesLab::KEY.to_owned()]), port).map_err(taken(port));
    let elevenlabs = peers.elevenlabs.map(elevenlabs).transpose()?;

    writeln!(out, "# a gateway finds these with").map_err(text)?;
    if let (Some(lab), Some((_, args))) = (&model, &peers.model) {
        writeln!(out, "OPENAI_BASE_URL={}\nOPENAI_API_KEY={}", lab.base_url(), args.key).map_err(text)?;
    }
    if let Some(lab) = &openai {
        writeln!(out, "OPENAI_BASE_URL={}\nOPENAI_API_KEY={}", lab.base_url(), OpenAiConfig::KEY).map_err(text)?;
    }
    if let Some(lab) = &elevenlabs {
        writeln!(out, "ELEVENLABS_BASE_URL={}\nELEVENLABS_API_KEY={}", lab.base_url(), VoicesLab::KEY).map_err(text)?;
    }
    writeln!(out).and_then(|()| out.flush()).map_err(text)?;

    let mut desks: Vec<&Desk> = model.iter().map(OpenAiLab::speech).collect();
    desks.extend(openai.iter().chain(&elevenlabs).map(VoicesLab::desk));
    let stay = async {
        match peers.stay {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        shown = show(model.as_ref(), &desks, out) => shown.map_err(text)?,
        interrupt = tokio::signal::ctrl_c() => interrupt.map_err(text)?,
        () = stay => {}
    }

    let mut violations = model.as_ref().map(OpenAiLab::violations).unwrap_or_default();
    // The model's own desk is counted with it.
    violations.extend(openai.iter().chain(&elevenlabs).flat_map(|lab| lab.desk().violations()));
    let spoken: usize = desks.iter().map(|desk| desk.requests().len()).sum();
    if let Some(model) = model {
        let connections = model.stop().await;
        let seconds: f64 = connections.iter().map(|connection| connection.appended_ms as f64 / 1000.0).sum();
        let said: usize = connections.iter().map(|connection| connection.said().len()).sum();
        let refused: usize = connections.iter().map(|connection| connection.refused().len()).sum();
        writeln!(
            out,
            "\nsessions         {}\nheard            {seconds:.1} s\nsaid             {said} messages\nrefused          \
             {refused} events",
            connections.len()
        )
        .map_err(text)?;
    }
    writeln!(out, "spoken           {spoken} requests\nviolations       {}", violations.len()).map_err(text)?;
    for what in &violations {
        writeln!(out, "  {what}").map_err(text)?;
    }
    Ok(violations.is_empty())
}

fn config(port: u16, args: &ModelArgs) -> OpenAiConfig {
    let after = args.hang_up_after;
    let brain: BrainFactory = match args.mode {
        Mode::Talk => Arc::new(move |_| {
            Box::new(match after {
                Some(turns) => Talk::new().hang_up_after(turns),
                None => Talk::new(),
            })
        }),
        Mode::Silent => Arc::new(|_| Box::new(Silent)),
        Mode::Echo => Arc::new(|_| Box::new(Echo::new())),
    };
    OpenAiConfig { port, azure: args.azure, keys: vec![args.key.clone()], ..OpenAiConfig::new(brain) }
}

/// Tells what happens, for ever.
async fn show(model: Option<&OpenAiLab>, desks: &[&Desk], out: &mut dyn Write) -> io::Result<()> {
    let mut seen: Vec<usize> = Vec::new();
    let mut spoken = vec![0; desks.len()];
    loop {
        for connection in model.map(OpenAiLab::connections).unwrap_or_default() {
            if seen.len() <= connection.number {
                seen.resize(connection.number + 1, 0);
            }
            let events = connection.events.get(seen[connection.number]..).unwrap_or_default();
            for (at, event) in events {
                let at = (*at - connection.opened).as_secs_f64();
                writeln!(out, "session {} {at:>9.3} s  {event}", connection.number + 1)?;
            }
            seen[connection.number] = connection.events.len();
        }
        for (desk, spoken) in desks.iter().zip(&mut spoken) {
            let requests = desk.requests();
            for request in &requests[*spoken..] {
                let status = request.status.map_or("no answer".to_owned(), |status| status.to_string());
                let (voice, format) = (&request.voice, &request.format);
                writeln!(out, "{:?} → {status}: {voice}, {format}, {:?}", desk.vendor(), request.text)?;
            }
            *spoken = requests.len();
        }
        out.flush()?;
        tokio::time::sleep(LOOK).await;
    }
}
