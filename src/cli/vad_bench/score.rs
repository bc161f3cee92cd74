//! How good a detector's answers are: the figures of the corpus' own referee that decide when a call ends.

use super::corpus::{Group, Labelled, Stretch};

/// Utterances shorter than this are not asked for, ms.
const UTTERANCE_MS: f64 = 150.0;
/// The end of the last words is scored if this much follows it, ms …
const ROOM_MS: f64 = 1000.0;
/// … among segments that begin before this long after it, and end after this long before it, ms.
const SLACK_MS: f64 = 100.0;
const WINDOW_MS: f64 = 1500.0;
/// A limit of 30 s has to be reached where nobody speaks, ms.
const LIMIT_MS: f64 = 30_000.0;
/// Echo belongs to the caller's words so long before and after them, ms.
const BEFORE_MS: f64 = 100.0;
const AFTER_MS: f64 = 300.0;
/// Pauses within a turn, ms.
const PAUSE_MS: f64 = 1000.0;

/// Caller turns that begin over the agent's echo, at one level above it.
#[derive(Clone, Debug, Default)]
pub(super) struct Over {
    /// How far above, dB.
    pub(super) db: f64,
    pub(super) turns: usize,
    /// Onset after the turn's start, ms, of those that were found.
    pub(super) onsets_ms: Vec<f64>,
}

/// Every figure of one detector.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    /// Files in which nobody speaks, and in how many of them a limit of 30 s is reached.
    pub(super) quiet_files: usize,
    pub(super) quiet_ends: usize,
    /// False alarms in them, ms each.
    pub(super) false_alarms_ms: Vec<f64>,
    /// Utterances and those missed: built, labelled by people.
    pub(super) built: (usize, usize),
    pub(super) real: (usize, usize),
    /// End of the last utterance, found less true, ms: at 20 dB or more over the noise, and of all built files.
    pub(super) clean_ends_ms: Vec<f64>,
    pub(super) ends_ms: Vec<f64>,
    /// Built files in which the last utterance's end was not found.
    pub(super) ends_lost: usize,
    /// Talkspurts that begin in nothing but echo.
    pub(super) echo_starts: usize,
    /// Echo alone, and how much of it was taken for speech, ms.
    pub(super) echo_ms: f64,
    pub(super) echo_speech_ms: f64,
    pub(super) over_echo: Vec<Over>,
    /// Errors of delay (ms) and loss (dB), and files in which the path was not found.
    pub(super) delay_errors_ms: Vec<f64>,
    pub(super) loss_errors_db: Vec<f64>,
    pub(super) paths_missed: usize,
    /// Other voices after the caller's words and how much of them counts as the caller's, ms; and before any caller.
    pub(super) after_caller_ms: (f64, f64),
    pub(super) before_caller_ms: (f64, f64),
}

/// What a detector found in a recording.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// What counts as the caller's speech.
    pub(super) segments: Vec<Stretch>,
    /// The echo's delay (ms) and loss (dB).
    pub(super) echo: Option<(f64, f64)>,
}

impl Figures {
    /// Adds a recording.
    pub(super) fn add(&mut self, truth: &Labelled, found: &Found) {
        let segments = &found.segments;
        if truth.group == Group::Nonspeech {
            self.add_quiet(truth, segments);
        }
        self.add_utterances(truth, segments);
        self.add_end(truth, segments);
        if truth.bot.is_some() {
            self.add_echo(truth, found);
        }
        if truth.group == Group::Bgspeech {
            let from = truth.speech.last().map_or(0.0, |(_, end)| end + SLACK_MS);
            let sum = if truth.speech.is_empty() { &mut self.before_caller_ms } else { &mut self.after_caller_ms };
            sum.0 += truth.duration_ms - from;
            sum.1 += overlap(segments, (from, truth.duration_ms));
        }
    }

    fn add_quiet(&mut self, truth: &Labelled, segments: &[Stretch]) {
        self.quiet_files += 1;
        let begins = std::iter::once(0.0).chain(segments.iter().map(|(_, end)| *end));
        let ends = segments.iter().map(|(start, _)| *start).chain([truth.duration_ms]);
        let longest = begins.zip(ends).map(|(begin, end)| end - begin).fold(0.0, f64::max);
        self.quiet_ends += usize::from(longest >= LIMIT_MS.min(truth.duration_ms));
        self.false_alarms_ms.extend(segments.iter().map(|(start, end)| end - start));
    }

    fn add_utterances(&mut self, truth: &Labelled, segments: &[Stretch]) {
        let sum = match truth.group {
            Group::Speech => &mut self.built,
            Group::Real => &mut self.real,
            Group::Nonspeech | Group::Bgspeech => return,
        };
        for utterance in truth.speech.iter().filter(|(start, end)| end - start >= UTTERANCE_MS) {
            sum.0 += 1;
            sum.1 += usize::from(overlap(segments, *utterance) <= 0.0);
        }
    }

    fn add_end(&mut self, truth: &Labelled, segments: &[Stretch]) {
        let Some((start, end)) = truth.speech.last().copied() else { return };
        if truth.group != Group::Speech || end > truth.duration_ms - ROOM_MS {
            return;
        }
        let last = segments.iter().rfind(|(s, e)| *s < end + SLACK_MS && *e > start.max(end - WINDOW_MS));
        let Some((_, found)) = last else {
            self.ends_lost += 1;
            return;
        };
        self.ends_ms.push(found - end);
        if truth.snr_db.is_some_and(|snr| snr >= 20.0) {
            self.clean_ends_ms.push(found - end);
        }
    }

    fn add_echo(&mut self, truth: &Labelled, found: &Found) {
        let words: Vec<Stretch> = truth.speech.iter().map(|(s, e)| (s - BEFORE_MS, e + AFTER_MS)).collect();
        let only = without(&truth.echo_ms, &words);
        let inside = |at: f64, stretches: &[Stretch]| stretches.iter().any(|(from, to)| (*from..*to).contains(&at));
        self.echo_starts += found.segments.iter().filter(|(start, _)| inside(*start, &only)).count();
        self.echo_ms += only.iter().map(|(from, to)| to - from).sum::<f64>();
        self.echo_speech_ms += only.iter().map(|echo| overlap(&found.segments, *echo)).sum::<f64>();
        match (found.echo, truth.delay_ms, truth.loss_db) {
            (Some((delay_ms, loss_db)), Some(true_delay_ms), Some(true_loss_db)) => {
                self.delay_errors_ms.push(delay_ms - true_delay_ms);
                self.loss_errors_db.push(loss_db - true_loss_db);
            }
            (None, Some(_), _) => self.paths_missed += 1,
            _ => {}
        }
        let Some(db) = truth.caller_over_echo_db else { return };
        for (start, end) in turns(&truth.speech).into_iter().filter(|(start, _)| inside(*start, &truth.echo_ms)) {
            let at = self.over_echo.iter().position(|over| over.db == db).unwrap_or_else(|| {
                self.over_echo.push(Over { db, ..Over::default() });
                self.over_echo.len() - 1
            });
            let over = &mut self.over_echo[at];
            over.turns += 1;
            let onset = found.segments.iter().find(|(s, _)| (start - BEFORE_MS..end).contains(s));
            over.onsets_ms.extend(onset.map(|(s, _)| s - start));
        }
    }
}

fn overlap(segments: &[Stretch], (from, to): Stretch) -> f64 {
    segments.iter().map(|(start, end)| (end.min(to) - start.max(from)).max(0.0)).sum()
}

/// The parts of `stretches` outside all `cuts`.
fn without(stretches: &[Stretch], cuts: &[Stretch]) -> Vec<Stretch> {
    let mut left = stretches.to_vec();
    for &(from, to) in cuts {
        let parts = left.into_iter().flat_map(|(start, end)| [(start, end.min(from)), (start.max(to), end)]);
        left = parts.filter(|(start, end)| end > start).collect();
    }
    left
}

fn turns(speech: &[Stretch]) -> Vec<Stretch> {
    let mut turns: Vec<Stretch> = Vec::new();
    for &(start, end) in speech {
        match turns.last_mut() {
            Some((_, last)) if start - *last < PAUSE_MS => *last = end,
            Some(_) | None => turns.push((start, end)),
        }
    }
    turns
}

/// Nearest-rank percentile; `None` of nothing.
pub(super) fn percentile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(group: Group, speech: &[Stretch]) -> Labelled {
        Labelled {
            file: "x.ulaw".into(),
            duration_ms: 60_000.0,
            group,
            speech: speech.to_vec(),
            snr_db: Some(20.0),
            bot: None,
            echo_ms: Vec::new(),
            delay_ms: None,
            loss_db: None,
            caller_over_echo_db: None,
        }
    }

    fn found(segments: &[Stretch]) -> Found {
        Found { segments: segments.to_vec(), echo: Some((121.0, 29.5)) }
    }

    #[test]
    fn ends_are_those_of_the_last_segment_near_the_last_words() {
        let truth = labelled(Group::Speech, &[(1_000.0, 1_100.0), (2_000.0, 4_000.0)]);
        let mut figures = Figures::default();
        figures.add(&truth, &found(&[(1_000.0, 3_000.0), (3_200.0, 4_050.0), (4_200.0, 5_000.0)]));
        assert_eq!((&figures.ends_ms[..], &figures.clean_ends_ms[..]), (&[50.0][..], &[50.0][..]));
        figures.add(&truth, &found(&[(1_000.0, 2_400.0)]));
        assert_eq!((figures.ends_lost, figures.built), (1, (2, 0)), "100 ms are no utterance");
    }

    #[test]
    fn thirty_quiet_seconds_are_looked_for_around_false_alarms() {
        let truth = labelled(Group::Nonspeech, &[]);
        let mut figures = Figures::default();
        figures.add(&truth, &found(&[(29_000.0, 30_000.0)]));
        figures.add(&truth, &found(&[(29_000.0, 32_000.0)]));
        assert_eq!((figures.quiet_files, figures.quiet_ends, figures.false_alarms_ms.len()), (2, 1, 2));
    }

    #[test]
    fn echo_and_who_talks_over_it() {
        let truth = Labelled {
            bot: Some("x.bot.ulaw".into()),
            echo_ms: vec![(10_000.0, 20_000.0)],
            delay_ms: Some(120.0),
            loss_db: Some(30.0),
            caller_over_echo_db: Some(20.0),
            ..labelled(Group::Speech, &[(12_000.0, 13_000.0), (13_500.0, 14_000.0), (25_000.0, 26_000.0)])
        };
        let mut figures = Figures::default();
        figures.add(&truth, &found(&[(11_000.0, 11_200.0), (12_080.0, 14_100.0), (25_000.0, 26_000.0)]));
        // Between the words lie 100 ms that belong to neither.
        assert_eq!((figures.echo_starts, figures.echo_speech_ms), (1, 200.0 + 100.0));
        let [over] = &figures.over_echo[..] else { panic!("{figures:?}") };
        assert_eq!((over.turns, &over.onsets_ms[..]), (1, &[80.0][..]));
        assert_eq!((figures.delay_errors_ms[0], figures.loss_errors_db[0]), (1.0, -0.5));
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        assert_eq!(percentile(&[3.0, 1.0, 2.0], 0.5), Some(2.0));
        assert_eq!(percentile(&[3.0, 1.0, 2.0], 0.95), Some(3.0));
        assert_eq!(percentile(&[], 0.5), None);
    }
}
