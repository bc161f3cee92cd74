//! How long the caller waits for an answer, and whose time that is.

use std::{collections::VecDeque, time::Duration};

use crate::{audio::Encoding, model::ResponseId, resample::Up, time::Timestamp};

/// Answers that are kept of a call; of more, the latest.
const KEPT: usize = 64;
/// Ticks that are remembered: longer than any hangover.
const TICKS: usize = 64;

/// From the caller's last voiced frame to the agent's first frame on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerLatency {
    /// When the agent's first frame was sent.
    pub at: Timestamp,
    /// All of it: from the end of the last voiced frame, on the media's own clock.
    pub total: Duration,
    /// Our part: from the frame's arrival until it was given to the model, from the answer's first audio until its
    /// first frame was sent, and what resampling delays.
    pub ours: Duration,
    /// The model's part: from the one to the other. The pause that ends a turn belongs to it.
    pub model: Duration,
}

/// A tick that heard the caller.
#[derive(Clone, Copy, Debug)]
struct Heard {
    /// Media heard so far, on call time.
    to: Timestamp,
    /// Arrival of the oldest audio that the tick heard.
    arrived: Timestamp,
    /// The tick: what it heard was given to the model.
    at: Timestamp,
}

/// The caller has said something and has no answer yet.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    voiced_end: Timestamp,
    arrived: Timestamp,
    given: Timestamp,
    /// The answer, and when its first audio came.
    answer: Option<(ResponseId, Timestamp)>,
}

/// Watches turns. Allocates only where answers come from the model, never in a tick.
#[derive(Debug)]
pub(super) struct Latency {
    resampling: Duration,
    ticks: VecDeque<Heard>,
    arrived: Option<Timestamp>,
    waiting: Option<Waiting>,
    answers: Vec<AnswerLatency>,
    count: usize,
}

impl Latency {
    pub(super) fn new(encoding: Encoding) -> Self {
        let resampling = match encoding {
            Encoding::Mulaw => Duration::ZERO,
            // Towards the model; on the way back the delay is cut off (`resample::Down`).
            Encoding::Pcm24k => Up::DELAY,
        };
        Self {
            resampling,
            ticks: VecDeque::with_capacity(TICKS),
            arrived: None,
            waiting: None,
            answers: Vec::new(),
            count: 0,
        }
    }

    /// Caller audio has arrived.
    pub(super) fn received(&mut self, now: Timestamp) {
        self.arrived.get_or_insert(now);
    }

    /// A tick has worked off what had come.
    pub(super) fn heard(&mut self, now: Timestamp, to: Timestamp) {
        if let Some(arrived) = self.arrived.take() {
            if self.ticks.len() == TICKS {
                self.ticks.pop_front();
            }
            self.ticks.push_back(Heard { to, arrived, at: now });
        }
    }

    /// The caller speaks.
    pub(super) fn speaks(&mut self) {
        self.waiting = None;
    }

    /// A talkspurt has ended, its last voiced frame at `voiced_end`.
    pub(super) fn spoke(&mut self, voiced_end: Timestamp) {
        let ticks = self.ticks.iter().filter(|tick| tick.to >= voiced_end);
        let Some(tick) = ticks.min_by_key(|tick| tick.at) else { return };
        self.waiting = Some(Waiting { voiced_end, arrived: tick.arrived, given: tick.at, answer: None });
    }

    /// Audio of the agent comes.
    pub(super) fn answered(&mut self, now: Timestamp, response: ResponseId) {
        if let Some(waiting) = &mut self.waiting
            && waiting.answer.is_none_or(|(known, _)| known != response)
        {
            waiting.answer = Some((response, now));
            if self.answers.len() < KEPT {
                self.answers.reserve(1);
            }
        }
    }

    /// The first frame of the agent is on the line.
    pub(super) fn audible(&mut self, now: Timestamp, response: ResponseId) {
        let Some(Waiting { voiced_end, arrived, given, answer }) = self.waiting.take() else { return };
        let Some((_, first)) = answer.filter(|(answer, _)| *answer == response) else { return };
        let answer = AnswerLatency {
            at: now,
            total: now.since(voiced_end),
            ours: given.since(arrived) + now.since(first) + self.resampling,
            // What it hears later by resampling is not its time.
            model: first.since(given).saturating_sub(self.resampling),
        };
        if self.answers.len() < KEPT {
            self.answers.push(answer);
        } else {
            self.answers[self.count % KEPT] = answer;
        }
        self.count += 1;
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// The latest answer took our side so much longer: `waited` of it was counted as the model's.
    pub(super) fn later(&mut self, waited: Duration, written: Duration) {
        let latest = self.count.checked_sub(1).and_then(|latest| self.answers.get_mut(latest % KEPT));
        if let Some(answer) = latest {
            answer.total += written;
            answer.ours += waited + written;
            answer.model = answer.model.saturating_sub(waited);
        }
    }

    pub(super) fn answers(&self) -> &[AnswerLatency] {
        &self.answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn tick(latency: &mut Latency, arrived: u64, ticked: u64) {
        latency.received(at(arrived));
        latency.heard(at(ticked), at(arrived));
    }

    #[test]
    fn an_answer_is_split_into_ours_and_the_models() {
        let mut latency = Latency::new(Encoding::Pcm24k);
        for n in 1..=50 {
            tick(&mut latency, n * 20, n * 20 + 3);
        }
        latency.speaks();
        latency.spoke(at(600));
        latency.answered(at(1_500), ResponseId(1));
        latency.answered(at(1_540), ResponseId(1));
        latency.audible(at(1_507), ResponseId(1));
        let ms = Duration::from_millis;
        assert_eq!(
            latency.answers(),
            [AnswerLatency {
                at: at(1_507),
                total: ms(907),
                ours: ms(3 + 7) + Up::DELAY,
                model: ms(1_500 - 603) - Up::DELAY
            }]
        );
        latency.audible(at(2_000), ResponseId(2));
        assert_eq!(latency.answers().len(), 1, "nobody had asked");
        latency.later(ms(1), ms(2));
        assert_eq!(
            latency.answers(),
            [AnswerLatency {
                at: at(1_507),
                total: ms(909),
                ours: ms(13) + Up::DELAY,
                model: ms(1_500 - 604) - Up::DELAY
            }]
        );
    }

    #[test]
    fn words_in_between_begin_anew_and_only_so_many_are_kept() {
        let mut latency = Latency::new(Encoding::Mulaw);
        for n in 0..200 {
            tick(&mut latency, n * 1_000, n * 1_000);
            latency.spoke(at(n * 1_000));
            latency.answered(at(n * 1_000 + 100), ResponseId(n as u32));
            if n % 2 == 1 {
                latency.speaks();
            }
            latency.audible(at(n * 1_000 + 110), ResponseId(n as u32));
        }
        assert_eq!(latency.answers().len(), KEPT);
        assert!(latency.answers().iter().all(|answer| answer.ours == Duration::from_millis(10)));
        assert!(latency.answers().iter().any(|answer| answer.at == at(198_110)));
    }
}
