//! The numbers of a load.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{
    goodbye::Goodbye,
    plan::{Plan, Talk},
    records::Record,
    refusal::refusal,
    rules::ONSET_MS,
    run::{EndedCall, OVERDUE, Outcome, before},
    spread::Spread,
    tones::Added,
    usage::{Usage, at_full_load, core_share},
};
use crate::{
    audio::FRAME_MS,
    lab::twilio::{CallReport, EndedBy, Histogram},
    time::Timestamp,
};

/// Tones that were said so shortly before time was over do not count.
const LAST_TONES: Duration = Duration::from_millis(500);
/// Frames of a caller a second.
const FRAMES_PER_S: f64 = 1e3 / FRAME_MS as f64;
/// Violations at the model that are shown.
const EXAMPLES: usize = 8;
/// Less than this much unheard is no cut.
const CUT_MS: u64 = 20;
/// How many calls, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Calls {
    /// All.
    pub dialled: u64,
    /// With a stream.
    pub up: u64,
    /// At once, at a look.
    pub most_at_once: u64,
    /// Without a stream, by why.
    pub refused: BTreeMap<String, u64>,
    /// With a stream, by who ended them.
    pub ended_by: BTreeMap<String, u64>,
    /// Without an end, although they were hung up.
    pub unended: u64,
    /// Hung up by the caller long after the goodbye was due.
    pub overdue: u64,
    /// Ended by the gateway while their callers would have talked on.
    pub interrupted: u64,
}

/// The time that the gateway adds, as measured by tones: from one socket to the other, with all that lies between.
/// Framing, resampling, what the gateway gathers before it writes, and at each end up to a millisecond until the load
/// looks at the socket.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// From writing the caller's frame in which a tone begins to reading it in an append at the model, milliseconds;
    /// only if the model is the load's own, as the next two.
    pub to_model_ms: Option<Spread>,
    /// From writing the model's delta in which a tone begins to reading it in a message to the caller.
    pub to_caller_ms: Option<Spread>,
    /// Both of them, without the model's own time.
    pub added_ms: Option<Spread>,
    /// From writing the caller's frame to reading the message in which the tone comes back: the model's time is in it.
    pub round_trip_ms: Option<Spread>,
    /// Tones said.
    pub tones: u64,
    /// Of these, those that never came back.
    pub lost: u64,
    /// Connections of the model that could not be told from each other, so their tones do not count.
    pub unmatched: u64,
}

/// What the gateway's own books say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mechanics {
    /// First goodbye frame less its own deadline, milliseconds.
    pub error_ms: Option<Spread>,
    /// How often that was before it.
    pub early: u64,
    /// Calls without a record.
    pub missing: u64,
    /// Records of a goodbye that was cut.
    pub goodbye_cut: u64,
    /// Records by why the call ended.
    pub reasons: BTreeMap<String, u64>,
}

/// How it sounded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Voice {
    /// Holes of 1 to 400 ms in what was heard.
    pub underruns: u64,
    /// Calls with any.
    pub underrun_calls: u64,
    /// Audio waiting to be played after each message, milliseconds: min, 1 %, median, max.
    pub lead_ms: Option<[u64; 4]>,
    /// Audio bytes in a message: min, median, max.
    pub bytes_per_message: Option<[u64; 3]>,
}

/// What the gateway used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ServerUse {
    /// CPU time for each frame of a caller and what comes back for it, microseconds.
    pub us_per_frame: f64,
    /// Share of one core.
    pub core_share: f64,
    /// Frames of callers in the stretch at full load.
    pub frames: u64,
    /// Resident memory before the first call, KiB.
    pub rss_before_kib: u64,
    /// The most at full load, KiB.
    pub rss_full_kib: u64,
    /// The growth for each call, KiB.
    pub rss_per_call_kib: f64,
    /// Length of the stretch at full load, seconds.
    pub measured_s: f64,
}

/// What the load itself used, and whether it was on time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LabUse {
    /// Share of one core.
    pub core_share: Option<f64>,
    /// CPU time for each frame of a caller and what comes back for it, microseconds; of the model too if it is the
    /// load's own.
    pub us_per_frame: Option<f64>,
    /// Frames sent at full load, over those that were due: below 0.99 the load was not offered.
    pub offered: Option<f64>,
    /// How late it sent what was due, milliseconds: 50 %.
    pub late_p50_ms: f64,
    /// 99 %.
    pub late_p99_ms: f64,
    /// The latest.
    pub late_max_ms: f64,
}

/// From the caller's last voiced frame to the agent's first frame on the line.
#[derive(Clone, Debug, Serialize)]
pub struct Answers {
    /// All of it, milliseconds.
    pub total_ms: Spread,
    /// The gateway's part.
    pub ours_ms: Spread,
    /// The model's part.
    pub model_ms: Spread,
}

/// A load in numbers.
#[derive(Clone, Debug, Serialize)]
pub struct LoadReport {
    /// At most so many at once were to be.
    pub at_once: u32,
    /// Calls.
    pub calls: Calls,
    /// From the first call to the last one's end.
    pub seconds: f64,
    /// Onset error, as heard from outside: first goodbye frame less the end of the silence, milliseconds.
    pub onset_ms: Option<Spread>,
    /// The same, with the silence beginning where all that the agent had said was played, not where it was last heard.
    pub onset_after_played_ms: Option<Spread>,
    /// Goodbyes before the silence was over, by what was heard.
    pub early: u64,
    /// Goodbyes more than 30 ms after everything was played and the silence was over.
    pub late: u64,
    /// Calls that the gateway ended without an audible goodbye.
    pub without_goodbye: u64,
    /// How much time the gateway adds; only if callers say tones.
    pub latency: Option<Latency>,
    /// By the gateway's records, if they were given.
    pub mechanics: Option<Mechanics>,
    /// How long callers waited for answers, by the gateway's records.
    pub answers: Option<Answers>,
    /// From the end of the goodbye to the end of the call, milliseconds.
    pub goodbye_to_end_ms: Option<Spread>,
    /// Calls that the gateway ended while more than 20 ms were still to be played.
    pub cut_off: u64,
    /// The most that was left to be played, milliseconds.
    pub unheard_max_ms: u64,
    /// How it sounded.
    pub voice: Voice,
    /// From dialling to the first document, milliseconds.
    pub webhook_ms: Option<Spread>,
    /// From there to the answer 101.
    pub handshake_ms: Option<Spread>,
    /// From there to the first audio.
    pub first_audio_ms: Option<Spread>,
    /// Messages to the gateway.
    pub sent: u64,
    /// Messages from it, each held against the vendor's schema.
    pub received: u64,
    /// What the vendors do not allow; with the model's side of it if the model is the load's own.
    pub violations: u64,
    /// The first few, with their calls or `model`.
    pub violation_examples: Vec<(String, String)>,
    /// The gateway's process, if it was given.
    pub server: Option<ServerUse>,
    /// The load itself.
    pub load: LabUse,
}

impl LoadReport {
    /// What came of a load; with the gateway's records, if there are any.
    #[must_use]
    pub fn of(plan: &Plan, outcome: &Outcome, records: Option<&BTreeMap<String, Record>>) -> Self {
        let up = || outcome.calls.iter().filter(|call| call.report.stream.is_some());
        let by_gateway = || up().filter(|call| by_gateway(&call.report));
        let goodbyes: Vec<_> = by_gateway().filter_map(|call| goodbye(plan, outcome, call)).collect();
        // Where a caller fell silent in the midst of a pattern is nowhere near where they were last heard.
        let timed = || goodbyes.iter().filter(|_| outcome.fell_silent.is_none());
        let errors = timed().map(|goodbye| goodbye.onset_error_ms(plan.silence_timeout));
        let unheard = || by_gateway().map(|call| call.report.unheard_ms);
        let ms = |from: Timestamp, to: Option<Timestamp>| to.map(|to| to.diff_micros(from) as f64 / 1e3);
        let of_all = |value: &dyn Fn(&CallReport) -> Option<f64>| Spread::of(up().filter_map(|it| value(&it.report)));
        let lab = &outcome.lab;
        let of_model = outcome.model.as_ref().map_or(&[][..], |model| &model.violations);
        Self {
            at_once: plan.at_once,
            calls: calls(plan, outcome),
            seconds: outcome.elapsed.as_secs_f64(),
            onset_ms: Spread::of(errors.clone()),
            onset_after_played_ms: Spread::of(timed().map(|it| it.onset_after_played_ms(plan.silence_timeout))),
            early: errors.filter(|error| *error < 0.0).count() as u64,
            late: timed().filter(|it| it.onset_after_played_ms(plan.silence_timeout) > ONSET_MS).count() as u64,
            without_goodbye: (by_gateway().count() - goodbyes.len()) as u64,
            latency: matches!(plan.talk, Talk::Bursts).then(|| latency(outcome)),
            mechanics: records.map(|records| mechanics(outcome, records)),
            answers: records.and_then(|records| answers(outcome, records)),
            goodbye_to_end_ms: Spread::of(goodbyes.iter().map(|goodbye| goodbye.to_end_ms)),
            cut_off: unheard().filter(|ms| *ms > CUT_MS).count() as u64,
            unheard_max_ms: unheard().max().unwrap_or(0),
            voice: Voice {
                underruns: up().map(|call| call.report.heard.underruns).sum(),
                underrun_calls: up().filter(|call| call.report.heard.underruns > 0).count() as u64,
                lead_ms: quantiles(&lab.lead_ms, [0.0, 0.01, 0.5, 1.0]),
                bytes_per_message: quantiles(&lab.chunk_bytes, [0.0, 0.5, 1.0]),
            },
            webhook_ms: of_all(&|call| ms(call.dialled, call.document)),
            handshake_ms: of_all(&|call| ms(call.document?, call.stream)),
            first_audio_ms: of_all(&|call| ms(call.stream?, call.heard.first_audio)),
            sent: lab.counts.sent,
            received: lab.counts.received,
            violations: lab.counts.violations + of_model.len() as u64,
            violation_examples: violation_examples(outcome, of_model),
            server: server(outcome),
            load: load(outcome),
        }
    }
}

fn by_gateway(report: &CallReport) -> bool {
    matches!(report.ended_by, EndedBy::Stream | EndedBy::Document | EndedBy::Rest)
}

fn goodbye(plan: &Plan, outcome: &Outcome, call: &EndedCall) -> Option<Goodbye> {
    Goodbye::of(&call.report, speech_end(plan, outcome, call)?, plan.trouble.clock_ppm)
}

/// When the caller had said all, after the stream's start; `None`: they would have talked on.
fn speech_end(plan: &Plan, outcome: &Outcome, call: &EndedCall) -> Option<Duration> {
    let silent = || Some(outcome.fell_silent? - call.report.stream?);
    plan.speech_end(call.number).or_else(silent)
}

fn violation_examples(outcome: &Outcome, of_model: &[String]) -> Vec<(String, String)> {
    let of_calls = outcome.lab.violations.iter().map(|(call, what)| (call.to_string(), what.clone()));
    let of_model = of_model.iter().take(EXAMPLES).map(|what| ("model".to_owned(), what.clone()));
    of_calls.chain(of_model).collect()
}

fn latency(outcome: &Outcome) -> Latency {
    let callers: Vec<_> = outcome.calls.iter().map(|call| &call.report.tones).collect();
    // What is said last has no time to come back.
    let during = outcome.counted.start..before(outcome.counted.end, LAST_TONES);
    let connections = outcome.model.as_ref().map(|model| &model.tones[..]);
    let added = Added::of(&callers, connections, &during);
    Latency {
        to_model_ms: Spread::of(added.to_model),
        to_caller_ms: Spread::of(added.to_caller),
        added_ms: Spread::of(added.both),
        round_trip_ms: Spread::of(added.round_trip),
        tones: added.said as u64,
        lost: added.lost as u64,
        unmatched: added.unmatched as u64,
    }
}

fn calls(plan: &Plan, outcome: &Outcome) -> Calls {
    let mut calls = Calls {
        dialled: u64::from(outcome.dialled),
        unended: outcome.unended.len() as u64,
        most_at_once: outcome.samples.iter().map(|sample| sample.up).max().unwrap_or(0),
        ..Calls::default()
    };
    for call in &outcome.calls {
        let report = &call.report;
        if let Some(why) = refusal(report) {
            *calls.refused.entry(why).or_default() += 1;
            continue;
        }
        calls.up += 1;
        *calls.ended_by.entry(report.ended_by.to_string()).or_default() += 1;
        calls.overdue += u64::from(report.ended_by == EndedBy::Caller && overdue(plan, outcome, call));
        let silent = outcome.fell_silent.unwrap_or(Timestamp::NEVER);
        let talked_on = plan.speech_end(call.number).is_none() && report.ended < silent;
        calls.interrupted += u64::from(talked_on && by_gateway(report));
    }
    calls
}

/// The call was up for long after its silence should have been over.
fn overdue(plan: &Plan, outcome: &Outcome, call: &EndedCall) -> bool {
    let (Some(start), Some(speech_end)) = (call.report.stream, speech_end(plan, outcome, call)) else { return false };
    let heard = call.report.heard.utterances.iter().map(|it| it.end).max();
    let quiet_since = heard.unwrap_or(start).max(start + speech_end);
    call.report.ended - quiet_since > plan.silence_timeout + OVERDUE
}

fn answers(outcome: &Outcome, records: &BTreeMap<String, Record>) -> Option<Answers> {
    let up = outcome.calls.iter().filter(|call| call.report.stream.is_some());
    let found: Vec<_> = up.filter_map(|call| records.get(call.report.call.as_str())).collect();
    let all = || found.iter().flat_map(|record| &record.answers);
    Some(Answers {
        total_ms: Spread::of(all().map(|answer| answer.total_ms))?,
        ours_ms: Spread::of(all().map(|answer| answer.ours_ms))?,
        model_ms: Spread::of(all().map(|answer| answer.model_ms))?,
    })
}

fn mechanics(outcome: &Outcome, records: &BTreeMap<String, Record>) -> Mechanics {
    let up = outcome.calls.iter().filter(|call| call.report.stream.is_some());
    let found: Vec<_> = up.map(|call| records.get(call.report.call.as_str())).collect();
    let errors = || found.iter().flatten().filter_map(|record| record.mechanics_error_ms);
    let mut reasons = BTreeMap::new();
    for record in found.iter().flatten() {
        *reasons.entry(record.reason.clone().unwrap_or_else(|| "none".to_owned())).or_default() += 1;
    }
    Mechanics {
        error_ms: Spread::of(errors()),
        early: errors().filter(|error| *error < 0.0).count() as u64,
        missing: found.iter().filter(|record| record.is_none()).count() as u64,
        goodbye_cut: found.iter().flatten().filter(|record| record.goodbye_cut).count() as u64,
        reasons,
    }
}

fn quantiles<const N: usize>(values: &Histogram, shares: [f64; N]) -> Option<[u64; N]> {
    let (min, max) = (values.min()?, values.max()?);
    Some(shares.map(|share| match share {
        0.0 => min,
        1.0 => max,
        share => values.quantile(share).unwrap_or(max),
    }))
}

fn server(outcome: &Outcome) -> Option<ServerUse> {
    let (first, last) = at_full_load(&outcome.samples, &outcome.counted)?;
    let (from, to): (Usage, Usage) = (first.server?, last.server?);
    let before = outcome.samples.first()?.server?.rss_kib;
    let within = outcome.samples.iter().filter(|sample| (first.at..=last.at).contains(&sample.at));
    let full = within.filter_map(|sample| sample.server).map(|usage| usage.rss_kib).max()?;
    let frames = last.frames.saturating_sub(first.frames);
    Some(ServerUse {
        us_per_frame: to.cpu_since(from).as_secs_f64() * 1e6 / frames.max(1) as f64,
        frames,
        core_share: core_share((first.at, from), (last.at, to)),
        rss_before_kib: before,
        rss_full_kib: full,
        rss_per_call_kib: full.saturating_sub(before) as f64 / first.up.max(last.up).max(1) as f64,
        measured_s: (last.at - first.at).as_secs_f64(),
    })
}

fn load(outcome: &Outcome) -> LabUse {
    let late = |share| quantiles(&outcome.lab.late_us, [share]).map_or(0.0, |[us]| us as f64 / 1e3);
    let mut load =
        LabUse { late_p50_ms: late(0.5), late_p99_ms: late(0.99), late_max_ms: late(1.0), ..LabUse::default() };
    let Some((first, last)) = at_full_load(&outcome.samples, &outcome.counted) else { return load };
    let frames = last.frames.saturating_sub(first.frames) as f64;
    let due = first.up.min(last.up) as f64 * (last.at - first.at).as_secs_f64() * FRAMES_PER_S;
    load.offered = Some(frames / due.max(1.0));
    if let (Some(from), Some(to)) = (first.lab, last.lab) {
        load.core_share = Some(core_share((first.at, from), (last.at, to)));
        load.us_per_frame = Some(to.cpu_since(from).as_secs_f64() * 1e6 / frames.max(1.0));
    }
    load
}
