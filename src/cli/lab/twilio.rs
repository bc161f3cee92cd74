//! `quietline lab twilio`: dials a gateway and prints what happened.

use std::{fs, io, io::Write, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use quietline::{
    carrier::{Digit, twilio::AccountSid},
    codec::mulaw,
    lab::{
        ScriptedCarrier, Trouble,
        twilio::{
            CallEvent, CallReport, Callee, Dial, Gateway, Lab, LabCall, LabConfig, LabNumber, LabReport, RestFault,
        },
    },
    recording::{self, Channel},
    time::Timestamp,
};

use super::typed::{callee, digit, duration, rest_fault, stretch};
use crate::cli::{line::LineArgs, wav};

/// A caller of the fixtures: talks for 15 s, then is quiet.
const CALLER: &[u8] = include_bytes!("../../../fixtures/call-silence.caller.ulaw");
/// Calls that are told event by event; of more, only the sum.
const MOST_TOLD: usize = 4;
/// Time between two calls.
const APART: Duration = Duration::from_millis(20);

/// What `quietline lab twilio` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct TwilioArgs {
    #[command(flatten)]
    line: LineArgs,
    /// The account; made up when missing.
    #[arg(long, value_name = "SID", env = "TWILIO_ACCOUNT_SID")]
    account_sid: Option<AccountSid>,
    /// Its token; made up when missing.
    #[arg(long, value_name = "TOKEN", env = "TWILIO_AUTH_TOKEN", hide_env_values = true)]
    auth_token: Option<String>,
    /// A number of the account, such as +15550200900; several are several. The first one is called, once something is set for
    /// it (`quietline number assign`).
    #[arg(long, value_name = "NUMBER")]
    number: Vec<String>,
    /// A number that can be bought; several are several.
    #[arg(long, value_name = "NUMBER")]
    for_sale: Vec<String>,
    /// Who is at another number, for transfers and for calls that the gateway places: human, machine, busy, no-answer or fails;
    /// several are several. Nobody answers at other numbers.
    #[arg(long, value_name = "NUMBER=WHO", value_parser = callee)]
    callee: Vec<(String, Callee)>,
    /// What the caller says: m4a, MP3, WAV, Ogg Vorbis, raw G.711. Default: a built-in caller who goes quiet after 15 s.
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,
    /// Writes this text instead of calling, and prints what is answered.
    #[arg(long, value_name = "BODY")]
    text: Option<String>,
    /// Keys that the caller presses, with times since the stream's start: 5s:9,1200ms:#
    #[arg(long, value_name = "TIME:KEY,…", value_delimiter = ',', value_parser = digit)]
    digits: Vec<(Duration, Digit)>,
    /// The caller hangs up this long after the stream's start. Default: never.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    hangup_after: Option<Duration>,
    /// Seed of everything random, ids included. Default: another one each time, and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Caller audio of this stretch arrives in one burst at its end: 5s:7s
    #[arg(long, value_name = "FROM:TO", value_parser = stretch)]
    stall: Vec<(Duration, Duration)>,
    /// What is wrong with REST: a status such as 500, a delay such as 3s, or `silent`.
    #[arg(long, value_name = "FAULT", value_parser = rest_fault)]
    rest_fault: Option<RestFault>,
    /// Where a stereo WAV goes: left said by the caller, right heard.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Calls, 20 ms apart. 0: none, and calls that the gateway places (`quietline call`) are told until you interrupt.
    #[arg(short = 'n', long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    calls: u32,
    /// Show marks too.
    #[arg(short, long)]
    verbose: bool,
    /// Wait until the gateway takes connections. So it is anyway when account or token were made up.
    #[arg(long)]
    wait: bool,
}

/// Dials. The code is 0 if the gateway did nothing wrong, 1 if it did, 2 if no call could be made.
pub(crate) fn run(args: &TwilioArgs, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = runtime.map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(dialled(args, out)));
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(err, "quietline lab twilio: {error}");
            ExitCode::from(2)
        }
    }
}

async fn dialled(args: &TwilioArgs, out: &mut dyn Write) -> Result<bool, String> {
    let text = |error: io::Error| error.to_string();
    let audio = audio(args)?;
    let mut random = fastrand::Rng::new();
    let account = args.account_sid.map_or_else(|| format!("AC{:032x}", random.u128(..)).parse(), Ok);
    let account = account.map_err(|error| error.to_string())?;
    let token = args.auth_token.clone().unwrap_or_else(|| format!("{:032x}", random.u128(..)));
    let mut config = LabConfig::new(account, &token, &args.line.public_url, args.line.gateway[0]);
    config.gateways.clone_from(&args.line.gateway);
    config.rest_port = args.line.rest_port;
    config.numbers = args.number.iter().map(|number| LabNumber::new(number)).collect();
    config.for_sale.clone_from(&args.for_sale);
    config.callees.clone_from(&args.callee);
    let seed = args.seed.unwrap_or_else(|| random.u64(..));
    config.seed = seed;
    let lab = Lab::start(config).await.map_err(|error| error.to_string())?;
    // Who gave a token knows it.
    let shown = if args.auth_token.is_some() { "(as given)" } else { token.as_str() };
    writeln!(
        out,
        "# seed {seed}; a gateway at {} takes these calls with\nTWILIO_ACCOUNT_SID={account}\nTWILIO_AUTH_TOKEN={shown}\n\
         TWILIO_API_BASE_URL={}\nQUIETLINE_PUBLIC_URL={}\n",
        args.line.gateway[0],
        lab.rest_url(),
        args.line.public_url,
    )
    .map_err(text)?;
    let made_up = args.account_sid.is_none() || args.auth_token.is_none();
    if (args.wait || made_up) && !listening(args).await {
        writeln!(out, "waiting for a gateway at {} …", args.line.gateway[0])
            .and_then(|()| out.flush())
            .map_err(text)?;
        tokio::select! {
            () = until_listening(args) => {}
            interrupt = tokio::signal::ctrl_c() => return interrupt.map_err(text).and(Err("interrupted".to_owned())),
        }
    }
    if args.calls == 0 {
        return placed(args, lab, out).await;
    }
    if let Some(number) = args.number.first() {
        writeln!(out, "waiting until {number} is assigned …").and_then(|()| out.flush()).map_err(text)?;
        tokio::select! {
            () = until_assigned(&lab, number, args.text.is_some()) => {}
            interrupt = tokio::signal::ctrl_c() => return interrupt.map_err(text).and(Err("interrupted".to_owned())),
        }
    }
    if let Some(body) = &args.text {
        return super::texts::written(&lab, args.number.first(), &args.line, body, out).await;
    }
    let tape: Arc<[u8]> = audio.iter().map(|&sample| mulaw::encode(sample)).collect();
    let mut calls = Vec::new();
    let told = args.calls as usize <= MOST_TOLD;
    for n in 0..args.calls {
        if n > 0 {
            tokio::time::sleep(APART).await;
        }
        let trouble = args.line.trouble(seed.wrapping_add(n.into()));
        let in_detail = told || (n == 0 && args.out.is_some());
        let said = in_detail.then_some(audio.as_slice());
        calls.push(lab.dial(dial(args, trouble, said, &tape)));
    }
    let told = if told { calls.as_slice() } else { &[] };
    tokio::select! {
        followed = follow(0, told, &calls, args.verbose, out) => followed.map_err(text)?,
        interrupt = tokio::signal::ctrl_c() => {
            interrupt.map_err(text)?;
            writeln!(out, "interrupted: hanging up").map_err(text)?;
        }
    }
    if let (Some(file), Some(call)) = (&args.out, calls.first()) {
        write_wav(call, file)?;
        writeln!(out, "listen to {} (left: said by the caller, right: heard)", file.display()).map_err(text)?;
    }
    let report = lab.stop().await;
    sum(&report, out).map_err(text)?;
    if report.without_document == report.calls {
        return Err(format!("no call reached the gateway at {}: is it running?", args.line.gateway[0]));
    }
    Ok(report.counts.violations == 0)
}

/// Tells calls that the gateway places, one after the other, until somebody interrupts.
async fn placed(args: &TwilioArgs, lab: Lab, out: &mut dyn Write) -> Result<bool, String> {
    let text = |error: io::Error| error.to_string();
    writeln!(out, "waiting for calls that the gateway places …").and_then(|()| out.flush()).map_err(text)?;
    let telling = async {
        let mut told = 0;
        loop {
            let calls = lab.placed();
            follow(told, &calls[told..], &[], args.verbose, out).await?;
            told = calls.len();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let told: io::Result<()> = tokio::select! {
        told = telling => told,
        interrupt = tokio::signal::ctrl_c() => interrupt,
    };
    told.map_err(text)?;
    let complaints = lab.complaints();
    let report = lab.stop().await;
    sum(&report, out).map_err(text)?;
    for complaint in &complaints {
        writeln!(out, "VIOLATION {complaint}").map_err(text)?;
    }
    Ok(report.counts.violations == 0 && complaints.is_empty())
}

async fn listening(args: &TwilioArgs) -> bool {
    for Gateway(address) in &args.line.gateway {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return true;
        }
    }
    false
}

async fn until_listening(args: &TwilioArgs) {
    while !listening(args).await {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A call to the number would ask somebody.
async fn until_assigned(lab: &Lab, number: &str, for_texts: bool) {
    let field = if for_texts { "sms_url" } else { "voice_url" };
    let is_set = || lab.number(number).is_some_and(|set| set[field].as_str().is_some_and(|url| !url.is_empty()));
    while !is_set() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What the caller says, at the line's rate.
fn audio(args: &TwilioArgs) -> Result<Vec<i16>, String> {
    let Some(file) = &args.audio else {
        return Ok(CALLER.iter().map(|&code| mulaw::decode(code)).collect());
    };
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let bytes = fs::read(file).map_err(|error| wrong(&error))?;
    let recording = recording::read(bytes, &file.to_string_lossy()).map_err(|error| wrong(&error))?;
    recording.telephone(Channel::Mix).map_err(|error| wrong(&error))
}

/// A call that is told says the samples itself; the others share the tape.
fn dial(args: &TwilioArgs, trouble: Trouble, said: Option<&[i16]>, tape: &Arc<[u8]>) -> Dial {
    let mut caller = ScriptedCarrier::waiting(trouble);
    match said {
        Some(samples) => caller.say(0, samples),
        None => caller.play_tape(Arc::clone(tape), false),
    }
    let start = caller.start();
    for (at, digit) in &args.digits {
        caller.press(start + *at, *digit);
    }
    for (from, to) in &args.stall {
        caller.stall(from.as_millis() as u64, to.as_millis() as u64);
    }
    if let Some(at) = args.hangup_after {
        caller.hang_up(start + at);
    }
    let dial = Dial::new(args.number.first().unwrap_or(&args.line.to), &args.line.from).caller(caller);
    Dial { rest_fault: args.rest_fault, detail: said.is_some(), ..dial }
}

/// Tells what happens, call by call, until all are over; so many were told before.
async fn follow(
    before: usize,
    told: &[LabCall],
    calls: &[LabCall],
    verbose: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (n, call) in told.iter().enumerate() {
        writeln!(out, "call {} {}", before + n + 1, call.sid())?;
        let (mut seen, mut began) = (0, None);
        loop {
            let events = call.events_after(seen).await;
            seen += events.len();
            if events.is_empty() {
                break;
            }
            for (at, event) in events {
                let began = *began.get_or_insert(at);
                // Marks come by the dozen; the sum tells how many.
                if verbose || !matches!(event, CallEvent::Mark(_) | CallEvent::MarkEchoed(_)) {
                    writeln!(out, "{:>9.3} s  {event}", (at - began).as_secs_f64())?;
                }
            }
            out.flush()?;
        }
        heard(&*call.finished().await, began.unwrap_or_default(), out)?;
    }
    for call in calls {
        call.finished().await;
    }
    Ok(())
}

/// What the caller heard, from the gateway and from the carrier's own voice.
fn heard(report: &CallReport, began: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    for heard in &report.heard.utterances {
        let (from, to) = ((heard.start - began).as_secs_f64(), (heard.end - began).as_secs_f64());
        writeln!(out, "  heard from {from:.3} s to {to:.3} s ({:.3} s)", to - from)?;
    }
    if report.heard.utterances.is_empty() {
        writeln!(out, "  nothing was heard")?;
    }
    writeln!(out, "  {} marks, {} echoed\n", report.counts.marks, report.counts.marks_echoed)
}

fn sum(report: &LabReport, out: &mut dyn Write) -> io::Result<()> {
    let counts = &report.counts;
    let number = |value: Option<u64>| value.map_or("–".to_owned(), |value| value.to_string());
    writeln!(out, "calls            {} ({} without a stream)", report.calls, report.without_stream)?;
    for (by, count) in &report.ended_by {
        writeln!(out, "  ended by       {by}: {count}")?;
    }
    writeln!(out, "messages         {} to the gateway, {} from it", counts.sent, counts.received)?;
    writeln!(out, "marks            {}, {} echoed", counts.marks, counts.marks_echoed)?;
    writeln!(out, "refused          {} requests, {} without an answer", counts.refused, counts.unanswered)?;
    writeln!(out, "underruns        {}", report.underruns)?;
    let lead = &report.lead_ms;
    writeln!(
        out,
        "lead             {} / {} / {} / {} ms (min, 1 %, median, max)",
        number(lead.min()),
        number(lead.quantile(0.01)),
        number(lead.quantile(0.5)),
        number(lead.max())
    )?;
    writeln!(out, "cut off          {} calls with more than 20 ms unheard", report.cut_off)?;
    writeln!(out, "violations       {}", counts.violations)?;
    for (call, what) in &report.violations {
        writeln!(out, "  {call}: {what}")?;
    }
    Ok(())
}

fn write_wav(call: &LabCall, file: &std::path::Path) -> Result<(), String> {
    call.with_caller(|caller, _| wav::write(file, caller.said(), caller.heard(), caller.heard().len()))
        .map_err(|error| format!("cannot write {}: {error}", file.display()))
}
