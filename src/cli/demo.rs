//! `quietline demo`: a whole call without keys or accounts, on real sockets or on virtual time.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use quietline::{
    call::Reason,
    chart::{Events, Svg},
    codec::mulaw,
    replay::{
        decisions,
        scenario::{LiveEvent, Played, SCENARIOS, Scenario, play_live},
    },
    vad::Detector,
};

use super::{timeline::Timeline, wav};

/// What `quietline demo` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// What happens in the call; `all` plays every scenario and prints a table.
    #[arg(long, default_value = SCENARIOS[0].name, value_name = "NAME")]
    scenario: String,
    /// Virtual time: a minute's call takes a moment. Without it a gateway and a stand-in for the carrier talk on
    /// loopback, in real time.
    #[arg(long)]
    fast: bool,
    /// Detector: cascade, silero, webrtc or energy.
    #[arg(long, default_value = Detector::default().name())]
    detector: Detector,
    /// Show every entry of the ledger.
    #[arg(long, short)]
    verbose: bool,
    /// Leave the sound in quietline-demo-NAME.wav: left what the caller said, right what the caller heard.
    #[arg(long)]
    listen: bool,
    /// … or in this file.
    #[arg(long, value_name = "FILE")]
    wav: Option<PathBuf>,
    /// Draw the call: both sides, the silence window running down, goodbye and hang-up.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Plays a scenario. The code is 0 if every rule was kept, 1 if one was broken, 2 if there is no such scenario.
pub(crate) fn run(args: &DemoArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let result = if args.scenario == "all" {
        play_all(args, out)
    } else if let Some(scenario) = Scenario::find(&args.scenario) {
        play_one(args, scenario, out)
    } else {
        let _ = writeln!(err, "quietline demo: there is no scenario {:?}; there are:", args.scenario);
        for scenario in SCENARIOS {
            let _ = writeln!(err, "  {:<14} {}", scenario.name, scenario.what);
        }
        return ExitCode::from(2);
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(err, "quietline demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play_one(args: &DemoArgs, scenario: &Scenario, out: &mut dyn Write) -> Result<bool, String> {
    let text = |error: io::Error| error.to_string();
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let timeout = scenario.settings().silence_timeout.get();
    writeln!(out, "{}: {}.\n", scenario.name, scenario.what).map_err(text)?;
    let mut timeline = Timeline::new(out, colour, args.verbose, timeout);
    let mut failed = None;
    let mut note = |shown: io::Result<()>| {
        if let Err(error) = shown {
            failed.get_or_insert(error);
        }
    };
    let mut played = if args.fast {
        scenario.play(args.detector, |entry, words| note(timeline.entry(entry, words)))?
    } else {
        let played = live(&[scenario], args.detector, |event| match event {
            LiveEvent::Entry(_, entry, words) => note(timeline.entry(entry, words)),
            LiveEvent::Waiting(_, now) => note(timeline.silence_until(now)),
            LiveEvent::Over(_) => {}
        });
        played?.pop().ok_or("nothing was played")?
    };
    if let Some(error) = failed {
        return Err(error.to_string());
    }
    let same = !args.fast && compare(scenario, args.detector, &mut played)?;
    summary(&played, same, out).map_err(text)?;
    if args.listen || args.wav.is_some() {
        let file = args.wav.clone().unwrap_or_else(|| format!("quietline-demo-{}.wav", scenario.name).into());
        wav::write(&file, &played.said, &played.heard, played.heard.len())
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        writeln!(out, "  listen           {} (left: said by the caller, right: heard)", file.display())
            .map_err(text)?;
    }
    if let Some(file) = &args.svg {
        draw(scenario, &played, timeout, file)?;
        writeln!(out, "  look             {}", file.display()).map_err(text)?;
    }
    verdict(&played, out).map_err(text)
}

/// Plays scenarios on real sockets.
fn live(scenarios: &[&Scenario], detector: Detector, watch: impl FnMut(LiveEvent<'_>)) -> Result<Vec<Played>, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(play_live(scenarios, detector, watch))
}

/// The same scenario on virtual time must come to the same decisions.
fn compare(scenario: &Scenario, detector: Detector, live: &mut Played) -> Result<bool, String> {
    let fast = decisions(&scenario.play(detector, |_, _| {})?.ledger);
    let live_decisions = decisions(&live.ledger);
    if fast != live_decisions {
        let differs = fast.iter().zip(&live_decisions).position(|(one, other)| one != other);
        let at = differs.unwrap_or(fast.len().min(live_decisions.len()));
        let say = |list: &[String]| list.get(at).map_or("nothing more".to_owned(), Clone::clone);
        live.rules.broken.push(format!(
            "decision {} is \"{}\" on sockets and \"{}\" on virtual time",
            at + 1,
            say(&live_decisions),
            say(&fast)
        ));
    }
    Ok(fast == live_decisions)
}

/// A number that stands for a list of decisions: equal lists have equal ones.
fn fingerprint(decisions: &[String]) -> u32 {
    // FNV-1a.
    decisions
        .iter()
        .flat_map(|line| line.bytes().chain([b'\n']))
        .fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn draw(scenario: &Scenario, played: &Played, timeout: Duration, file: &Path) -> Result<(), String> {
    let title = format!("quietline demo --scenario {}: {}", scenario.name, scenario.what);
    let said: Vec<_> = played.said.iter().map(|&sample| mulaw::encode(sample)).collect();
    let events = Events::of(&played.ledger);
    let svg = Svg { title: &title, said: &said, heard: &played.heard, events: &events, truth: None, timeout };
    fs::write(file, svg.to_string()).map_err(|error| format!("cannot write {}: {error}", file.display()))
}

fn summary(played: &Played, same: bool, out: &mut dyn Write) -> io::Result<()> {
    let record = &played.record;
    let rules = &played.rules;
    let error = |ms: Option<f64>| ms.map_or("–".into(), |ms| format!("{ms:+.0} ms"));
    let seconds = |at: quietline::time::Timestamp| format!("{:.2} s", at.as_micros() as f64 / 1e6);
    let by = record.ended_by.map_or("nobody", quietline::call::Party::name);
    writeln!(out, "\n  ended by         {} (line closed by {by})", record.reason.map_or("nothing", Reason::name))?;
    if let Some(deadline) = record.deadline {
        writeln!(out, "  deadline         {}", seconds(deadline))?;
    }
    if let Some(goodbye) = record.goodbye_at {
        writeln!(out, "  goodbye          {}", seconds(goodbye))?;
    }
    if let Some(closed) = record.closed_at {
        writeln!(out, "  line closed      {}", seconds(closed))?;
    }
    let decided = decisions(&played.ledger);
    let print = fingerprint(&decided);
    writeln!(
        out,
        "  decisions        {} ({print:08x}){}",
        decided.len(),
        if same { ", the same as with --fast" } else { "" }
    )?;
    for answer in &played.answers {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let (total, ours, model) = (ms(answer.total), ms(answer.ours), ms(answer.model));
        writeln!(
            out,
            "  answer           {total:.0} ms   from the caller's last word: ours {ours:.1}, the model's {model:.0}"
        )?;
    }
    if let Some(ms) = rules.mechanics_error_ms {
        writeln!(out, "  mechanics error  {ms:+.0} ms   first goodbye frame against our deadline (0 to 20 allowed)")?;
    }
    writeln!(
        out,
        "  truth error      {}   goodbye against the same call with exact speech labels",
        error(played.truth_error_ms)
    )?;
    if let Some(whole) = rules.goodbye_whole {
        writeln!(
            out,
            "  goodbye whole    {}      every sample of it in what the caller heard",
            if whole { "yes" } else { "NO" }
        )?;
    }
    if let Some(ms) = rules.closed_after_mark_ms {
        writeln!(out, "  closed after     {ms:.0} ms   from the end of the goodbye (at most 1000)")?;
    }
    if let Some(ms) = rules.closed_after_tool_ms {
        writeln!(out, "  closed after     {ms:.0} ms   from the tool call (1000 to 5000)")?;
        if let Some(ms) = rules.closed_after_words_ms {
            writeln!(out, "                   {ms:.0} ms   from the caller's last word")?;
        }
    }
    Ok(())
}

fn verdict(played: &Played, out: &mut dyn Write) -> io::Result<bool> {
    for broken in &played.rules.broken {
        writeln!(out, "  BROKEN           {broken}")?;
    }
    let good = played.rules.broken.is_empty();
    if good {
        writeln!(out, "  every rule kept")?;
    }
    Ok(good)
}

fn play_all(args: &DemoArgs, out: &mut dyn Write) -> Result<bool, String> {
    let text = |error: io::Error| error.to_string();
    let scenarios: Vec<&Scenario> = SCENARIOS.iter().collect();
    let all = if args.fast {
        let played = scenarios.iter().map(|scenario| scenario.play(args.detector, |_, _| {}));
        played.collect::<Result<Vec<_>, _>>()?
    } else {
        writeln!(out, "{} calls at once, in real time: this takes some minutes.", scenarios.len()).map_err(text)?;
        let mut played = live(&scenarios, args.detector, |event| {
            if let LiveEvent::Over(scenario) = event {
                let _ = writeln!(out, "  {} is over", scenario.name);
            }
        })?;
        for (scenario, played) in scenarios.iter().zip(&mut played) {
            compare(scenario, args.detector, played)?;
        }
        played
    };
    let head = ("scenario", "ended by", "deadline", "goodbye", "closed", "mechanics", "truth", "decisions");
    let (a, b, c, d, e, f, g, h) = head;
    writeln!(out, "{a:<14} {b:<14} {c:>10} {d:>10} {e:>10} {f:>10} {g:>10}  {h:<13}  rules").map_err(text)?;
    for (scenario, played) in scenarios.iter().zip(&all) {
        row(scenario, played, out).map_err(text)?;
    }
    Ok(all.iter().all(|played| played.rules.broken.is_empty()))
}

fn row(scenario: &Scenario, played: &Played, out: &mut dyn Write) -> io::Result<()> {
    let record = &played.record;
    let seconds = |at: Option<quietline::time::Timestamp>| {
        at.map_or("–".to_owned(), |at| format!("{:.2} s", at.as_micros() as f64 / 1e6))
    };
    let error = |ms: Option<f64>| ms.map_or("–".to_owned(), |ms| format!("{ms:+.0} ms"));
    let broken = &played.rules.broken;
    let decided = decisions(&played.ledger);
    writeln!(
        out,
        "{:<14} {:<14} {:>10} {:>10} {:>10} {:>10} {:>10}  {:<13}  {}",
        scenario.name,
        record.reason.map_or("–", Reason::name),
        seconds(record.deadline),
        seconds(record.goodbye_at),
        seconds(record.closed_at),
        error(played.rules.mechanics_error_ms),
        error(played.truth_error_ms),
        format!("{} ({:08x})", decided.len(), fingerprint(&decided)),
        if broken.is_empty() { "kept".to_owned() } else { broken.join("; ") },
    )
}
