use std::{fs, path::Path};

use super::*;
use crate::{
    assistant::FarewellKind,
    codec::mulaw,
    recording::{self, Channel},
};

/// How far a time may be from the truth, in milliseconds.
const NEAR_MS: f64 = 150.0;

fn fixture(name: &str) -> Vec<i16> {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)).unwrap();
    recording::read(bytes, name).unwrap().telephone(Channel::Mix).unwrap()
}

/// A call of the fixtures that was recorded as telephones do: `silence` or `hangup`.
fn call(kind: &str) -> Vec<i16> {
    fixture(&format!("call-seed-{kind}.mixed.m4a"))
}

fn options(kind: &str) -> Options {
    let name = format!("call-seed-{kind}.goodbye.ulaw");
    let rendering = Rendering { samples: fixture(&name), name, kind: None };
    Options { renderings: vec![rendering], ..Options::default() }
}

fn audited(samples: &[i16], kind: &str) -> Audit {
    audit(samples, &options(kind)).unwrap()
}

fn verdict(audit: &Audit, rule: Rule) -> Verdict {
    audit.findings.iter().find(|finding| finding.rule == rule).unwrap_or_else(|| panic!("no {rule:?}")).verdict
}

fn near(found: Moment, truth: f64) {
    assert!((found.ms - truth).abs() <= NEAR_MS, "{found:?} instead of {truth}");
    assert!(
        (found.ms - truth).abs() <= found.uncertainty_ms.max(0.1),
        "{found:?} is farther from {truth} than it says"
    );
}

/// Noise of the line, from within the silence.
fn noise(seconds: usize) -> Vec<i16> {
    call("silence")[8_000 * 20..8_000 * (20 + seconds)].to_vec()
}

#[test]
fn a_call_that_ended_for_silence() {
    let audit = audited(&call("silence"), "silence");
    near(audit.last_activity.unwrap(), 16_050.0);
    let goodbye = audit.goodbye.clone().unwrap();
    near(goodbye.start, 46_050.0);
    near(goodbye.end, 50_900.0);
    near(audit.silence().unwrap(), 30_000.0);
    near(audit.line_end.at, 51_800.0);
    let matched = goodbye.matched.unwrap();
    assert!(matched.score > 0.9 && matched.heard > 0.95, "{matched:?}");
    assert_eq!(audit.ending, Some(Ending::Silence), "{}", audit.ending_because);
    for rule in [Rule::Silence, Rule::GoodbyeWhole, Rule::Closing] {
        assert_eq!(verdict(&audit, rule), Verdict::Kept, "{:?}", audit.findings);
    }
    assert!(audit.ended_by.starts_with("the agent"), "{}", audit.ended_by);
    assert!(!audit.is_broken());
}

#[test]
fn a_call_that_ended_by_words() {
    let audit = audited(&call("hangup"), "hangup");
    near(audit.last_activity.unwrap(), 14_630.0);
    let goodbye = audit.goodbye.clone().unwrap();
    near(goodbye.start, 15_230.0);
    near(goodbye.end, 15_800.0);
    near(audit.line_end.at, 18_800.0);
    assert_eq!(audit.ending, Some(Ending::Hangup), "{}", audit.ending_because);
    assert_eq!(audit.findings.len(), 2, "no rule asks for silence: {:?}", audit.findings);
    for rule in [Rule::GoodbyeWhole, Rule::Closing] {
        assert_eq!(verdict(&audit, rule), Verdict::Kept, "{:?}", audit.findings);
    }
    assert!(audit.ended_by.starts_with("cannot tell"), "{}", audit.ended_by);
}

#[test]
fn a_goodbye_that_is_cut_in_half_is_not_whole() {
    let mut samples = call("silence")[..8 * 48_475].to_vec();
    samples.extend(noise(1));
    let audit = audited(&samples, "silence");
    assert_eq!(verdict(&audit, Rule::GoodbyeWhole), Verdict::Broken, "{:?}", audit.findings);
    let goodbye = audit.goodbye.clone().unwrap();
    near(goodbye.start, 46_050.0);
    near(goodbye.end, 48_475.0);
    let matched = goodbye.matched.unwrap();
    assert!((0.4..0.6).contains(&matched.heard) && (0.4..0.6).contains(&matched.cut), "{matched:?}");
    assert_eq!(verdict(&audit, Rule::Silence), Verdict::Kept);
    assert!(audit.ended_by.starts_with("cannot tell"), "{}", audit.ended_by);
    // The same when the recording itself ends there, and for a single word.
    let audit = audited(&call("silence")[..8 * 48_475], "silence");
    assert_eq!(verdict(&audit, Rule::GoodbyeWhole), Verdict::Broken, "{:?}", audit.findings);
    let audit = audited(&[&call("hangup")[..8 * 15_520], &noise(3)].concat(), "hangup");
    assert_eq!(verdict(&audit, Rule::GoodbyeWhole), Verdict::Broken, "{:?} {:?}", audit.findings, audit.goodbye);
}

#[test]
fn a_silence_that_was_too_short_or_too_long() {
    let samples = call("silence");
    let short = [&samples[..8_000 * 20], &samples[8_000 * 30..]].concat();
    let audit = audited(&short, "silence");
    near(audit.silence().unwrap(), 20_000.0);
    assert_eq!(audit.ending, Some(Ending::Silence));
    assert_eq!(verdict(&audit, Rule::Silence), Verdict::Broken, "{:?}", audit.findings);
    assert_eq!(verdict(&audit, Rule::GoodbyeWhole), Verdict::Kept);

    let long = [&samples[..8_000 * 40], &samples[8_000 * 20..8_000 * 40], &samples[8_000 * 25..]].concat();
    let audit = audited(&long, "silence");
    near(audit.silence().unwrap(), 65_000.0);
    assert_eq!(verdict(&audit, Rule::Silence), Verdict::Broken, "{:?}", audit.findings);

    let with = |seconds| Options { silence_timeout: Some(Duration::from_secs(seconds)), ..options("silence") };
    let audit_with = |seconds| super::audit(&samples, &with(seconds)).unwrap();
    assert_eq!(verdict(&audit_with(30), Rule::Silence), Verdict::Kept);
    assert_eq!(verdict(&audit_with(40), Rule::Silence), Verdict::Broken, "ten seconds too early");
    let audit = super::audit(&long, &with(30)).unwrap();
    assert_eq!(verdict(&audit, Rule::Silence), Verdict::CannotTell, "noise may have put it off: {:?}", audit.findings);
}

#[test]
fn a_line_that_closed_too_late_or_too_soon() {
    for kind in ["silence", "hangup"] {
        let audit = audited(&[call(kind), noise(6)].concat(), kind);
        assert_eq!(verdict(&audit, Rule::Closing), Verdict::Broken, "{kind}: {:?}", audit.findings);
        assert_eq!(verdict(&audit, Rule::GoodbyeWhole), Verdict::Kept, "{kind}");
    }
    let mut samples = call("hangup");
    samples.drain(8 * 14_650..8 * 15_200);
    samples.truncate(8 * 15_260);
    let audit = audited(&samples, "hangup");
    assert_eq!(verdict(&audit, Rule::Closing), Verdict::Broken, "{:?}", audit.findings);
}

#[test]
fn a_line_that_goes_dead_ends_there() {
    let samples = [call("silence"), vec![0; 8_000 * 5]].concat();
    let audit = audited(&samples, "silence");
    near(audit.line_end.at, 51_800.0);
    assert!(audit.line_end.is_dead_before_recording_ends);
    assert_eq!(verdict(&audit, Rule::Closing), Verdict::Kept, "{:?}", audit.findings);
    // Where every pause is digital silence, the end of the recording is all that shows.
    let gated: Vec<i16> = samples.iter().map(|&sample| if sample.abs() < 400 { 0 } else { sample }).collect();
    assert!(!line::end(&gated, Duration::ZERO).is_dead_before_recording_ends);
}

#[test]
fn the_goodbye_is_found_at_any_level_with_noise_and_a_clock_of_its_own() {
    let mut random = 1_u32;
    let mut white = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from((random >> 16) as i16) / 32_768.0
    };
    let samples = call("silence");
    // 300 ppm fast, 14 dB softer, upside down, with noise 20 dB below the voices.
    let changed: Vec<i16> = (0..samples.len() - 160)
        .map(|n| {
            let at = n as f64 * 1.0003;
            let (n, part) = (at as usize, at.fract());
            let next = samples.get(n + 1).copied().unwrap_or(0);
            let x = f64::from(samples.get(n).copied().unwrap_or(0)) * (1.0 - part) + f64::from(next) * part;
            (-0.2 * x + 90.0 * white()) as i16
        })
        .collect();
    let audit = audited(&changed, "silence");
    let goodbye = audit.goodbye.unwrap();
    near(goodbye.start, 46_050.0 / 1.0003);
    near(goodbye.end, 50_900.0 / 1.0003);
    assert!(goodbye.matched.unwrap().heard > 0.95);
}

#[test]
fn a_caller_who_speaks_over_the_goodbye_does_not_hide_it() {
    let sum = |a: &[i16], b: &[i16]| a.iter().zip(b).map(|(a, b)| a.saturating_add(*b)).collect::<Vec<_>>();
    let mixed = sum(&fixture("call-bye-over-goodbye.caller.ulaw"), &fixture("call-bye-over-goodbye.bot.ulaw"));
    let audit = audited(&mixed, "silence");
    let goodbye = audit.goodbye.clone().unwrap();
    near(goodbye.start, 39_360.0);
    near(goodbye.end, 44_210.0);
    near(audit.last_activity.unwrap(), 9_360.0);
    assert_eq!(verdict(&audit, Rule::Silence), Verdict::Kept, "{:?}", audit.findings);
    assert_ne!(verdict(&audit, Rule::GoodbyeWhole), Verdict::Broken, "{:?}", audit.findings);
}

#[test]
fn without_its_rendering_the_last_words_are_taken_for_the_goodbye() {
    let options = Options { renderings: builtin_renderings(), ..Options::default() };
    for (kind, words, goodbye) in
        [("silence", 16_050.0, (46_050.0, 50_900.0)), ("hangup", 14_630.0, (15_230.0, 15_800.0))]
    {
        let audit = audit(&call(kind), &options).unwrap();
        let found = audit.goodbye.clone().unwrap();
        assert_eq!(found.matched, None, "another voice says it");
        near(audit.last_activity.unwrap(), words);
        near(found.start, goodbye.0);
        near(found.end, goodbye.1);
        assert_eq!(verdict(&audit, Rule::GoodbyeWhole), Verdict::CannotTell);
        assert!(!audit.is_broken(), "{:?}", audit.findings);
    }
}

#[test]
fn a_built_in_goodbye_says_which_ending_it_is() {
    let samples = |kind: FarewellKind| {
        let said = tts_samples(kind);
        [call("silence")[..8_000 * 18].to_vec(), said, noise(1)].concat()
    };
    let options = Options { renderings: builtin_renderings(), ..Options::default() };
    let audit_of = |kind| audit(&samples(kind), &options).unwrap();
    let silence = audit_of(FarewellKind::Silence);
    assert_eq!(silence.ending, Some(Ending::Silence), "{}", silence.ending_because);
    assert_eq!(verdict(&silence, Rule::Silence), Verdict::Broken, "2 s are no silence: {:?}", silence.findings);
    assert_eq!(audit_of(FarewellKind::HangupCall).ending, Some(Ending::Hangup));
    let other = audit_of(FarewellKind::NoAnswer);
    assert_eq!((other.ending, verdict(&other, Rule::Closing)), (None, Verdict::Kept), "{:?}", other.findings);
}

fn tts_samples(kind: FarewellKind) -> Vec<i16> {
    crate::tts::builtin_farewell(kind).iter().map(|&code| mulaw::decode(code)).collect()
}

#[test]
fn words_after_the_goodbye_may_have_taken_it_back() {
    let samples = [call("silence"), call("hangup")[8 * 3_700..8 * 6_800].to_vec()].concat();
    let audit = audited(&samples, "silence");
    assert_eq!(verdict(&audit, Rule::Closing), Verdict::CannotTell, "{:?}", audit.findings);
}

#[test]
fn of_two_goodbyes_the_last_one_counts() {
    let samples = call("silence");
    // Taken back in its middle, then said again after 30 s.
    let twice = [&samples[..8 * 49_000], &samples[8 * 13_370..]].concat();
    let goodbye = audited(&twice, "silence").goodbye.unwrap();
    near(goodbye.start, 49_000.0 + 46_050.0 - 13_370.0);
    assert!(goodbye.matched.unwrap().heard > 0.95);
    let twice = [&samples[..], &samples[8 * 13_370..]].concat();
    let audit = audited(&twice, "silence");
    near(audit.goodbye.clone().unwrap().end, 51_800.0 + 50_900.0 - 13_370.0);
    assert!(!audit.is_broken(), "{:?}", audit.findings);
}

#[test]
fn of_some_recordings_nothing_can_be_said() {
    let options = Options { renderings: builtin_renderings(), ..Options::default() };
    assert_eq!(audit(&[0; 4_000], &options).unwrap_err(), AuditError::TooShort(0.5));
    assert_eq!(audit(&[], &options).unwrap_err(), AuditError::TooShort(0.0));
    assert_eq!(audit(&[0; 80_000], &options).unwrap_err(), AuditError::NoVoice);
    assert_eq!(audit(&noise(10), &options).unwrap_err(), AuditError::NoVoice);
    let one = audit(&fixture("call-goodbye-en.caller.ulaw")[8 * 9_000..8 * 10_500], &options).unwrap();
    assert_eq!((one.goodbye, one.ending), (None, None), "a single word ends no conversation");
    assert!(one.findings.iter().all(|finding| finding.verdict == Verdict::CannotTell));
}
