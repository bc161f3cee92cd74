//! Random calls against a plain reference: whatever carrier, model, caller and machine do, the rules hold.
//!
//! `QUIETLINE_PROPERTY_RUNS=N` runs N calls (2,000 by default), `QUIETLINE_PROPERTY_SEED=S` begins at seed S (0). A
//! failure names its seed; `QUIETLINE_PROPERTY_SEED=S QUIETLINE_PROPERTY_RUNS=1 cargo test --test it property`
//! repeats it, `QUIETLINE_PROPERTY_LINES=N` shows more of it, `QUIETLINE_PROPERTY_ALL=1` goes on after a failure.

#![allow(clippy::wildcard_enum_match_arm)]

mod generator;
mod reference;
mod trace;
mod world;

use std::{
    fmt::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use generator::Plan;
use quietline::call::{Cause, Reason, TakenBackBy};
use trace::Trace;

const RUNS: u64 = 2_000;
/// Lines of a trace that a failure shows.
const SHOWN: u64 = 60;

/// How often each ending was reached, and each take-back.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    reasons: [u64; Reason::ALL.len()],
    taken_back: [[u64; 4]; Reason::ALL.len()],
    goodbyes_whole: u64,
    silences_exact: u64,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        for (a, b) in self.reasons.iter_mut().zip(other.reasons) {
            *a += b;
        }
        for (a, b) in self.taken_back.iter_mut().flatten().zip(other.taken_back.iter().flatten()) {
            *a += b;
        }
        self.goodbyes_whole += other.goodbyes_whole;
        self.silences_exact += other.silences_exact;
    }

    fn table(&self) -> String {
        let mut text = String::new();
        for (n, reason) in Reason::ALL.iter().enumerate() {
            let [speech, digit, words, still] = self.taken_back[n];
            writeln!(
                text,
                "{:16} {:8}   taken back by speech {speech}, digit {digit}, words {words}, still speaking {still}",
                reason.name(),
                self.reasons[n]
            )
            .unwrap();
        }
        writeln!(text, "goodbyes heard whole {}, silences judged {}", self.goodbyes_whole, self.silences_exact)
            .unwrap();
        text
    }
}

fn variable(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => otherwise,
    }
}

/// Runs one call; the failure's text, if the rules were broken.
fn run(seed: u64, trace: &mut Trace, counts: &mut Counts) -> Result<(), String> {
    let plan = Plan::new(seed);
    let ran = catch_unwind(AssertUnwindSafe(|| world::run(&plan, trace)));
    let wrong = match ran {
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default();
            let at = trace.entries.last().map(|entry| entry.at).unwrap_or_default();
            Some((at, "no panic", text))
        }
        Ok(()) => match trace.wrong.clone() {
            Some(wrong) => Some(wrong),
            None => reference::check(&plan, trace, counts).err().map(|v| (v.at, v.rule, v.text)),
        },
    };
    let Some((at, rule, text)) = wrong else {
        count(trace, counts);
        return Ok(());
    };
    let shown = variable("QUIETLINE_PROPERTY_LINES", SHOWN) as usize;
    let lines = trace.around(at, shown.saturating_sub(12), 12);
    let s = &plan.settings;
    Err(format!(
        "seed {seed}: rule `{rule}` broken at {at}: {text}\n{lines}\nsettings: timeout {}, budget {}, min_speech {}, \
         hangover {}, barge_in_min {}, max {}, greeting {:?}, hangup {:?}, intents {:?}, transcription {}, \
         hears_speech {}\ncarrier: dtx {:?}, gaps {:?}, bursts {:?}, jitter {} ms, mark lag {:?}, lost {}, doubled {}, late {}; \
         stalls {:?}\nrepeat with QUIETLINE_PROPERTY_SEED={seed} QUIETLINE_PROPERTY_RUNS=1\n",
        s.silence_timeout,
        s.noise_budget,
        s.min_speech,
        s.hangover,
        s.barge_in_min,
        s.max_duration,
        s.greeting,
        s.hangup_call,
        s.intents,
        s.transcription,
        plan.model.hears_speech,
        plan.carrier.dtx,
        plan.carrier.gaps,
        plan.carrier.bursts,
        plan.carrier.jitter_ms,
        plan.carrier.mark_lag_ms,
        plan.carrier.mark_lost,
        plan.carrier.mark_doubled,
        plan.carrier.mark_late,
        plan.stalls
    ))
}

fn count(trace: &Trace, counts: &mut Counts) {
    let mut last = None;
    for entry in &trace.ledger {
        match entry.cause {
            Cause::EndingBegan(reason) => last = Some(reason),
            Cause::TakenBack { reason, by, .. } => {
                let by = match by {
                    TakenBackBy::Speech => 0,
                    TakenBackBy::Digit => 1,
                    TakenBackBy::Words => 2,
                    TakenBackBy::StillSpeaking => 3,
                };
                counts.taken_back[reason as usize][by] += 1;
                last = None;
            }
            _ => {}
        }
    }
    let reason = last.or_else(|| trace.record.and_then(|record| record.reason));
    if let Some(reason) = reason {
        counts.reasons[reason as usize] += 1;
    }
}

#[test]
fn every_call_keeps_the_rules() {
    let runs = variable("QUIETLINE_PROPERTY_RUNS", RUNS);
    let first = variable("QUIETLINE_PROPERTY_SEED", 0);
    let all = variable("QUIETLINE_PROPERTY_ALL", 0) > 0;
    let threads = thread::available_parallelism().map_or(1, |n| n.get() as u64).min(runs.max(1));
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let results: Vec<(Counts, Vec<(u64, String)>)> = thread::scope(|scope| {
        let worker = || {
            let (mut counts, mut trace, mut failures) = (Counts::default(), Trace::default(), Vec::new());
            while !stop.load(Ordering::Relaxed) {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= runs {
                    break;
                }
                let seed = first.wrapping_add(n);
                if let Err(text) = run(seed, &mut trace, &mut counts) {
                    failures.push((seed, text));
                    stop.store(!all, Ordering::Relaxed);
                }
            }
            (counts, failures)
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let mut counts = Counts::default();
    let mut failures = Vec::new();
    for (part, mut wrong) in results {
        counts.add(&part);
        failures.append(&mut wrong);
    }
    failures.sort();
    report(runs, &counts, &failures);
    if runs >= 100_000 {
        let least = if runs >= 1_000_000 { 1_000 } else { 50 };
        for (reason, reached) in Reason::ALL.iter().zip(counts.reasons) {
            assert!(reached >= least, "{} was reached {reached} times only, of {runs}", reason.name());
        }
    }
}

#[allow(clippy::print_stderr)]
fn report(runs: u64, counts: &Counts, failures: &[(u64, String)]) {
    eprintln!("{runs} calls\n{}", counts.table());
    if let Some((_, text)) = failures.first() {
        if failures.len() > 1 {
            let mut rules = std::collections::BTreeMap::<(&str, &str), (u64, Vec<u64>)>::new();
            for (seed, text) in failures {
                let rule = text.split('`').nth(1).unwrap_or("");
                let quiet = if text.contains("carrier: dtx []") { "" } else { " (dtx)" };
                let (n, seeds) = rules.entry((rule, quiet)).or_default();
                *n += 1;
                if seeds.len() < 12 {
                    seeds.push(*seed);
                }
            }
            for ((rule, quiet), (n, seeds)) in rules {
                eprintln!("{n:6} x {rule}{quiet}: seeds {seeds:?}");
            }
        }
        panic!("{} of {runs} calls broke a rule; the first:\n{text}", failures.len());
    }
}
