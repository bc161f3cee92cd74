//! The rules for endings, and whether a recorded call kept them.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Audit, Goodbye, Moment, Options, goodbye::Match};
use crate::assistant::{FarewellKind, SilenceTimeout};

/// Quiet for so long before the goodbye, the call was ended for silence; else by words. Milliseconds.
const QUIET_MS: f64 = 10_000.0;
/// Behind a goodbye after silence the line is closed within this time, in milliseconds.
const CLOSED_MS: f64 = 1_000.0;
/// Behind the last words, when words ended the call, in milliseconds.
const CLOSED_AFTER_WORDS_MS: (f64, f64) = (1_000.0, 5_000.0);
/// The goodbye may be this much later than a timeout that is known: the way to the telephone, and the call's own
/// edges. Milliseconds.
const LATE_MS: f64 = 1_000.0;
/// Of a goodbye's sound this share may not be there: the edges of its windows.
const MISSING: f64 = 0.05;
/// Of a goodbye's sound this share may be covered by something else.
const COVERED: f64 = 0.2;

/// Which kind of ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Nobody spoke for long.
    Silence,
    /// The caller, or the agent, said goodbye.
    Hangup,
}

/// A rule for endings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// 30 to 60 s without a voice before the goodbye, or the timeout that is known.
    Silence,
    /// The goodbye is heard to its end.
    GoodbyeWhole,
    /// The line closes in time: within 1 s of the goodbye after silence, 1 to 5 s after the last words else.
    Closing,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silence => "silence before the goodbye",
            Self::GoodbyeWhole => "goodbye whole",
            Self::Closing => "line closed in time",
        })
    }
}

/// What can be said of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was kept.
    Kept,
    /// It was broken.
    Broken,
    /// The recording does not show it.
    CannotTell,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "kept",
            Self::Broken => "broken",
            Self::CannotTell => "cannot tell",
        })
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A rule with its verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// Kept or broken.
    pub verdict: Verdict,
    /// What was measured, in words.
    pub because: String,
}

/// Decides which ending it is, who ended the call, and what became of each rule that belongs to the ending.
pub(super) fn judge(audit: &mut Audit, options: &Options) {
    (audit.ending, audit.ending_because) = ending(audit, options);
    let silence = (audit.ending == Some(Ending::Silence)).then(|| silence_rule(audit, options));
    let findings = silence.into_iter().chain([goodbye_rule(audit), closing_rule(audit)]);
    audit.findings = findings.collect();
    audit.ended_by = ended_by(audit);
}

fn ending(audit: &Audit, options: &Options) -> (Option<Ending>, String) {
    if let Some(ending) = options.ending {
        return (Some(ending), "so it was given".into());
    }
    let Some(goodbye) = &audit.goodbye else { return (None, "no goodbye was found".into()) };
    let matched = goodbye.matched.as_ref();
    match matched.and_then(|matched| matched.kind) {
        Some(FarewellKind::Silence) => return (Some(Ending::Silence), "its goodbye is the one for silence".into()),
        Some(FarewellKind::HangupCall) => {
            return (Some(Ending::Hangup), "its goodbye is the one for a hang-up that was asked for".into());
        }
        Some(kind) => return (None, format!("its goodbye is the one for {}", kind.name())),
        None => {}
    }
    let Some(silence) = audit.silence() else {
        return (None, "nobody speaks before the goodbye".into());
    };
    let seconds = Seconds(silence.ms);
    let (goodbye, come) =
        if matched.is_some() { ("the goodbye", "comes") } else { ("the last words, if they are a goodbye,", "come") };
    if silence.ms >= QUIET_MS {
        let goodbye = goodbye.trim_end_matches(',');
        (Some(Ending::Silence), format!("nobody speaks for {seconds} before {goodbye}"))
    } else {
        (Some(Ending::Hangup), format!("{goodbye} {come} {seconds} after other words"))
    }
}

fn silence_rule(audit: &Audit, options: &Options) -> Finding {
    let rule = Rule::Silence;
    let Some(silence) = audit.silence() else {
        return Finding::cannot_tell(rule, "nobody speaks before the goodbye, so nothing says when the silence began");
    };
    let (low, high) = SilenceTimeout::BOUNDS;
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    let (low, high) =
        options.silence_timeout.map_or((ms(low), ms(high)), |timeout| (ms(timeout), ms(timeout) + LATE_MS));
    let (measured, allowed) = (Measured(silence), format!("{} to {}", Seconds(low), Seconds(high)));
    if silence.is_below(low) {
        return Finding::broken(rule, audit, format!("{measured}, {allowed} are allowed"));
    }
    if !silence.is_above(high) {
        return Finding::kept(rule, format!("{measured}, within {allowed}"));
    }
    if options.silence_timeout.is_some() {
        let why =
            "later than the timeout: noise, or a tool that ran, may have put it off, which the sound does not show";
        return Finding::cannot_tell(rule, &format!("{measured}, {allowed} were expected; {why}"));
    }
    Finding::broken(rule, audit, format!("{measured}, {allowed} are allowed"))
}

fn goodbye_rule(audit: &Audit) -> Finding {
    let rule = Rule::GoodbyeWhole;
    let Some(goodbye) = &audit.goodbye else {
        return Finding::cannot_tell(rule, "no goodbye was found; give its rendering with --goodbye");
    };
    let Some(Match { length_ms, heard, covered, cut, .. }) = goodbye.matched else {
        return Finding::cannot_tell(
            rule,
            "no rendering was found in the recording, so the last words were taken for the goodbye, and nothing says how \
             long they should be; give the rendering with --goodbye",
        );
    };
    let missing = 1.0 - heard - covered;
    let share = |share: f64| format!("{:.0} %", share * 100.0);
    let of = format!("{} of its {} are there", share(heard), Seconds(length_ms));
    if covered > COVERED {
        return Finding::cannot_tell(rule, &format!("{of}, over {} something else is heard", share(covered)));
    }
    if missing <= MISSING && cut <= MISSING {
        return Finding::kept(rule, of);
    }
    let place = if cut > MISSING { "; its end is missing" } else { "; it has holes" };
    Finding::broken(rule, audit, of + place)
}

fn closing_rule(audit: &Audit) -> Finding {
    let rule = Rule::Closing;
    let end = audit.line_end.at;
    let Some(goodbye) = &audit.goodbye else {
        return Finding::cannot_tell(rule, "no goodbye was found, so nothing says when the line should close");
    };
    if let Some(back) = spoken_after(audit, goodbye) {
        let why = format!("somebody speaks {back} after the goodbye, so the ending may have been taken back");
        return Finding::cannot_tell(rule, &why);
    }
    // Every goodbye of ours but the one for a hang-up has only its own end to wait for.
    let is_ours = goodbye.matched.as_ref().is_some_and(|matched| matched.kind.is_some());
    match (audit.ending, audit.last_activity) {
        (Some(Ending::Hangup), Some(words)) => {
            let (low, high) = CLOSED_AFTER_WORDS_MS;
            let after = end.since(words);
            let told = format!("{} after the last words before the goodbye", Measured(after));
            let allowed = format!("{} to {}", Seconds(low), Seconds(high));
            if goodbye.matched.is_none() {
                return Finding::guessed(rule, &format!("{told}; {allowed} would be right"));
            }
            if after.is_below(low) || after.is_above(high) {
                return Finding::broken(rule, audit, format!("{told}, {allowed} are allowed"));
            }
            Finding::kept(rule, format!("{told}, within {allowed}"))
        }
        (Some(Ending::Hangup), None) => {
            Finding::cannot_tell(rule, "nobody speaks before the goodbye, so nothing says when the line should close")
        }
        (None, _) if !is_ours => {
            Finding::cannot_tell(rule, "how it was ended is not known, so nothing says when the line should close")
        }
        (Some(Ending::Silence) | None, _) => {
            let after = end.since(goodbye.played());
            let told = format!("{} after the goodbye", Measured(after));
            if after.is_above(CLOSED_MS) {
                return Finding::broken(rule, audit, format!("{told}, {} are allowed", Seconds(CLOSED_MS)));
            }
            Finding::kept(rule, format!("{told}, within {}", Seconds(CLOSED_MS)))
        }
    }
}

fn ended_by(audit: &Audit) -> String {
    let known = audit.goodbye.as_ref().and_then(|goodbye| Some((goodbye.played(), goodbye.matched.as_ref()?)));
    let Some((played, matched)) = known else {
        return "cannot tell: the sound of a goodbye that we know is not in it".into();
    };
    if matched.cut > MISSING {
        return "cannot tell: the line ends, or goes quiet, within the goodbye; the caller may have hung up".into();
    }
    match audit.ending {
        Some(Ending::Silence) if !audit.line_end.at.since(played).is_above(CLOSED_MS) => {
            "the agent: nobody else was there, and the line closes right behind its goodbye".into()
        }
        Some(Ending::Silence | Ending::Hangup) | None => {
            "cannot tell: behind both goodbyes, either side may have closed the line".into()
        }
    }
}

/// When somebody speaks after the goodbye, from its end on.
fn spoken_after(audit: &Audit, goodbye: &Goodbye) -> Option<Seconds> {
    let end = goodbye.end.ms + 2.0 * goodbye.end.uncertainty_ms;
    // What began before may be its own last sound.
    let after = audit.spurts.iter().find(|(from, _)| *from > end)?;
    Some(Seconds(after.0 - goodbye.end.ms))
}

impl Finding {
    fn kept(rule: Rule, because: String) -> Self {
        Self { rule, verdict: Verdict::Kept, because }
    }

    fn cannot_tell(rule: Rule, because: &str) -> Self {
        Self { rule, verdict: Verdict::CannotTell, because: because.into() }
    }

    /// Broken, unless the goodbye is only a guess.
    fn broken(rule: Rule, audit: &Audit, because: String) -> Self {
        let is_sure = audit.goodbye.as_ref().is_some_and(|goodbye| goodbye.matched.is_some());
        if is_sure { Self { rule, verdict: Verdict::Broken, because } } else { Self::guessed(rule, &because) }
    }

    fn guessed(rule: Rule, because: &str) -> Self {
        Self::cannot_tell(rule, &format!("{because}; but the last words may not be a goodbye"))
    }
}

impl Moment {
    /// Surely below.
    fn is_below(self, ms: f64) -> bool {
        self.ms + self.uncertainty_ms < ms
    }

    /// Surely above.
    fn is_above(self, ms: f64) -> bool {
        self.ms - self.uncertainty_ms > ms
    }
}

/// Milliseconds, shown in seconds.
struct Seconds(f64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.2}", self.0 / 1e3);
        write!(f, "{} s", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A length with its uncertainty, shown in seconds.
struct Measured(Moment);

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} ± {:.2} s", self.0.ms / 1e3, self.0.uncertainty_ms / 1e3)
    }
}
