//! The caller: talkspurts and their verdicts, keys, barge-in.

use std::time::Duration;

use super::{Action, BargeIn, Call, Cause, HeardSpurt, MediaCommand, TakenBackBy, Turn, Verdict, phrases};
use crate::{
    carrier::Digit,
    model::{ModelRequest, Note},
    silence::{Class, Source},
    time::{TimerReason, Timestamp},
    vad::SpurtId,
};

/// If neither the server nor a transcript hears speech for this long after a barge-in, it was a false alarm.
const BARGE_IN_CONFIRM: Duration = Duration::from_millis(1200);
/// The server's `speech_started` halves the local threshold for this long.
const SERVER_HINT: Duration = Duration::from_millis(500);
/// A key is followed by others: the model is asked to answer when none has come for this long.
const DIGITS_PAUSE: Duration = Duration::from_secs(1);
/// A response that was cancelled for an ending is asked for again this long after the caller's words, unless the
/// server has begun one by itself.
pub(super) const SERVER_FIRST: Duration = Duration::from_millis(600);

impl Call {
    /// A talkspurt has reached `min_speech`: an interaction, which opens a turn.
    pub fn speech_counts(&mut self, now: Timestamp, heard: HeardSpurt) {
        if self.ended || self.started_at.is_none() {
            return;
        }
        self.spurts.begin(heard);
        self.spoke = true;
        self.record.last_spurt = Some(heard.id);
        self.open_turn(now, Source::Spurt(heard.id));
        if let Some(owed) = &mut self.owed {
            owed.goes_on(Source::Spurt(heard.id), now);
        }
        self.enter(now, Cause::SpeechBegan { spurt: heard.id, start: heard.start });
        self.goodbye_answered(now, Some(heard));
    }

    /// A talkspurt that counted has ended, `end` being its last voiced frame's.
    pub fn speech_ended(&mut self, now: Timestamp, heard: HeardSpurt) {
        let transcribed = self.settings.transcription && self.model.is_ready();
        let Some((before, spurt)) = self.spurts.end(heard, transcribed, &self.settings) else { return };
        let (class, source) = (spurt.class(), Source::Spurt(heard.id));
        self.window.set_class(heard.id, class);
        if let Some(from) = spurt.charged_from.filter(|_| class != Class::Charged) {
            if !before.good_part_counted {
                self.window.interaction(from, source, class);
            }
            self.window.interaction(heard.end, Source::Sure, Class::Charged);
        } else {
            self.window.interaction(heard.end, source, class);
        }
        if self.turn.source == source {
            self.turn.answer_by = heard.end + super::owed::OWED_LOST;
        }
        if class != Class::Charged {
            self.reminded = false;
            self.record.caller_silent_since = Some(heard.end);
        }
        self.end_uncertainty = Duration::ZERO;
        let HeardSpurt { id, start, end, voiced, level, .. } = heard;
        self.enter(now, Cause::Talkspurt { spurt: id, start, end, voiced, level, below_floor: spurt.below_floor });
        if class == Class::Charged || spurt.charged_from.is_some() {
            let budget_left = self.window.budget();
            self.enter(now, Cause::Charged { spurt: id, budget_left });
        }
        self.set_verdict_timer();
        self.check_take_back_by_speech(now, &heard);
        if self.ending.is_none() {
            if class == Class::Charged {
                self.nothing_owed_to(now, source);
            } else if !self.hearing.agent_audible && !self.hearing.agent_unsent {
                self.owe(now, heard.end, source);
            }
            if std::mem::take(&mut self.create_after_spurt) {
                self.want_response(now + SERVER_FIRST);
            }
        }
    }

    /// The caller pressed a key. `discarded` is the talkspurt that turned out to be its tone.
    pub fn digit(&mut self, now: Timestamp, digit: Digit, discarded: Option<SpurtId>) {
        if self.ended || self.started_at.is_none() {
            return;
        }
        if let Some(id) = discarded {
            self.spurts.remove(id);
        }
        self.spoke = true;
        self.digit_at = Some(now);
        self.caller_is_back(now, now);
        self.end_uncertainty = Duration::ZERO;
        self.take_back_by_digit(now);
        if self.ending.is_some() {
            self.enter(now, Cause::Digit(digit));
            return;
        }
        self.open_turn(now, Source::Sure);
        self.window.interaction(now, Source::Sure, Class::Refilling);
        self.reminded = false;
        self.record.caller_silent_since = Some(now);
        self.enter(now, Cause::Digit(digit));
        self.goodbye_answered(now, None);
        self.tell_model(ModelRequest::Note(Note::Digit(digit)));
        self.want_response(now + DIGITS_PAUSE);
        if !self.hearing.agent_audible && !self.hearing.agent_unsent {
            self.owe(now, now, Source::Sure);
        }
    }

    /// The server hears speech, at this call time.
    pub fn server_hears(&mut self, now: Timestamp) {
        self.server_heard_at = Some(now);
        self.uncommitted = true;
        self.confirm_barge_in();
    }

    /// Part of a transcript has words, for speech since `start` that still goes on.
    pub fn partial_transcript(&mut self, now: Timestamp, start: Option<Timestamp>) {
        self.confirm_barge_in();
        for id in self.spurts.matching(start.map(|at| (at, now))).into_iter().flatten() {
            if let Some(spurt) = self.spurts.get_mut(id) {
                spurt.has_words = true;
            }
        }
    }

    /// The transcript of a stretch of speech (call time), or that there will be none.
    pub fn transcript(&mut self, now: Timestamp, span: Option<(Timestamp, Timestamp)>, text: Option<&str>) {
        if self.ended {
            return;
        }
        let verdict = match text {
            None => Verdict::Unknown,
            Some(text) if !phrases::has_words(text) => Verdict::Wordless,
            Some(text) if self.spurts.is_third_in_a_row(phrases::fingerprint(text)) => Verdict::Wordless,
            Some(_) => Verdict::Worded,
        };
        if verdict == Verdict::Worded {
            self.confirm_barge_in();
        }
        let other_words =
            verdict == Verdict::Worded && text.is_some_and(|t| !phrases::only_closing(t, &self.settings.language));
        let mut after_ending = false;
        for id in self.spurts.matching(span).into_iter().flatten() {
            self.set_verdict(now, id, verdict);
            let start = self.spurts.get(id).map(|spurt| spurt.heard.start);
            after_ending |= self.ending.zip(start).is_some_and(|(ending, start)| start >= ending.begun);
        }
        self.set_verdict_timer();
        if other_words && after_ending {
            self.take_back_by_words(now);
        }
    }

    /// Settles a verdict. Words outweigh everything; no words outweigh only what is open.
    fn set_verdict(&mut self, now: Timestamp, id: SpurtId, verdict: Verdict) {
        let Some(spurt) = self.spurts.get_mut(id) else { return };
        let settled = match (spurt.verdict, verdict) {
            (old, new) if old == new => true,
            (Verdict::Worded, _) => true,
            (Verdict::Wordless, Verdict::Unknown) => true,
            (Verdict::Pending | Verdict::Wordless | Verdict::Unknown, _) => false,
        };
        if settled {
            return;
        }
        let was_open_verdict = spurt.verdict == Verdict::Pending;
        spurt.verdict = verdict;
        spurt.has_words |= verdict == Verdict::Worded;
        let (spurt, class) = (*spurt, spurt.class());
        if was_open_verdict && class != Class::Charged {
            self.spurts.learn_level(&spurt.heard);
        }
        if class == Class::Refilling {
            self.silence_taken_back = 0;
        }
        self.window.set_class(id, class);
        if class == Class::Refilling && !spurt.open && (spurt.charged_from.is_some() || !was_open_verdict) {
            // It was charged for its length, or settled as wordless: now there were words in it after all.
            self.window.interaction(spurt.heard.end, Source::Spurt(id), class);
        }
        self.enter(now, Cause::Verdict { spurt: id, verdict });
        if matches!(verdict, Verdict::Worded | Verdict::Unknown) && !spurt.below_floor {
            self.caller_is_back(now, spurt.heard.start);
        }
        if class == Class::Charged {
            let budget_left = self.window.budget();
            if !spurt.open {
                self.enter(now, Cause::Charged { spurt: id, budget_left });
            }
            self.nothing_owed_to(now, Source::Spurt(id));
        }
    }

    pub(super) fn resolve_overdue_verdicts(&mut self, now: Timestamp) {
        while let Some(id) = self.spurts.next_pending(Some(now)) {
            self.set_verdict(now, id, Verdict::Unknown);
        }
        self.set_verdict_timer();
    }

    /// The model is away: there will be no transcripts.
    pub(super) fn resolve_all_verdicts(&mut self, now: Timestamp) {
        while let Some(id) = self.spurts.next_pending(None) {
            self.set_verdict(now, id, Verdict::Unknown);
        }
        self.set_verdict_timer();
    }

    fn set_verdict_timer(&mut self) {
        let due = self.spurts.next_verdict_due().unwrap_or(Timestamp::NEVER);
        self.timers.set(TimerReason::VerdictDue, due);
    }

    /// Keeps the open talkspurt's record up to date: its level may fall below the floor, it may last too long.
    pub(super) fn follow_open_spurt(&mut self, now: Timestamp) {
        let Some(heard) = self.hearing.open.filter(|heard| heard.counts) else {
            self.timers.clear(TimerReason::OpenSpurtCharged);
            return;
        };
        let below_floor = self.spurts.is_below_floor(heard.level, &self.settings);
        let budget = self.settings.noise_budget.get();
        let Some(spurt) = self.spurts.get_mut(heard.id) else { return };
        let charged_at = heard.start + budget;
        let was_long = spurt.charged_from.is_some();
        let was_noise = was_long || spurt.class() == Class::Charged;
        spurt.heard = heard;
        spurt.below_floor = below_floor;
        spurt.charged_from = (now > charged_at && !spurt.has_words).then_some(charged_at);
        let is_long = spurt.charged_from.is_some();
        let class = spurt.class();
        let is_noise = is_long || class == Class::Charged;
        let due = if now <= charged_at && !spurt.has_words {
            charged_at + Duration::from_millis(1)
        } else {
            Timestamp::NEVER
        };
        self.timers.set(TimerReason::OpenSpurtCharged, due);
        if is_long && class != Class::Charged && !std::mem::replace(&mut spurt.good_part_counted, true) {
            // In the order of time: what the agent says from here on comes after it.
            self.window.interaction(charged_at, Source::Spurt(heard.id), class);
        }
        if is_long && !was_long {
            let budget_left = self.window.budget();
            self.enter(now, Cause::Charged { spurt: heard.id, budget_left });
        }
        if is_noise && !was_noise {
            self.nothing_owed_to(now, Source::Spurt(heard.id));
        }
    }

    fn open_turn(&mut self, now: Timestamp, source: Source) {
        let answer_by = now + super::owed::OWED_LOST;
        self.turn = Turn { number: self.turn.number + 1, source, open: true, answer_by };
    }

    /// The local detector decides that the caller talks over the agent.
    pub(super) fn check_barge_in(&mut self, now: Timestamp) {
        let Some(heard) = self.hearing.open else { return };
        if self.last_barge_in == Some(heard.id) {
            return;
        }
        let hinted = self.server_heard_at.is_some_and(|at| at + SERVER_HINT >= now);
        let least = self.settings.barge_in_min.get();
        let least = if hinted { (least / 2).max(self.settings.min_speech.get().min(least)) } else { least };
        if heard.voiced < least || self.spurts.is_below_floor(heard.level, &self.settings) {
            return;
        }
        if self.prompt_sounding.is_some() {
            self.media(MediaCommand::StopAnnouncement);
        }
        let agent = self.hearing.agent_audible || self.hearing.agent_unsent;
        if !agent || self.greeting_is_protected() {
            return;
        }
        self.last_barge_in = Some(heard.id);
        self.record.barge_ins.0 += 1;
        self.media(MediaCommand::StopAgent);
        self.cancel_responses();
        self.enter(now, Cause::BargeIn { spurt: heard.id });
        // A server that is within speech already does not report it again: its ear may be the quicker one.
        let heard_by_server = self.uncommitted || self.server_heard_at.is_some_and(|at| at >= heard.start);
        if !self.traits.hears_speech || !self.model.is_ready() || heard_by_server {
            self.media(MediaCommand::ForgetAgent);
        } else {
            self.barge_in = Some(BargeIn { spurt: heard.id, start: heard.start });
            self.timers.set(TimerReason::BargeInFalse, now + BARGE_IN_CONFIRM);
        }
    }

    fn confirm_barge_in(&mut self) {
        if self.barge_in.take().is_some() {
            self.timers.clear(TimerReason::BargeInFalse);
            self.media(MediaCommand::ForgetAgent);
        }
    }

    pub(super) fn barge_in_was_false(&mut self, now: Timestamp) {
        let Some(barge_in) = self.barge_in.take() else { return };
        if self.ending.is_some() || self.server_heard_at.is_some_and(|at| at >= barge_in.start) {
            self.media(MediaCommand::ForgetAgent);
            return;
        }
        self.record.barge_ins.1 += 1;
        self.nothing_owed_to(now, Source::Spurt(barge_in.spurt));
        self.media(MediaCommand::ResumeAgent);
        self.enter(now, Cause::BargeInFalse);
    }

    /// An ending makes the interruption moot.
    pub(super) fn forget_barge_in(&mut self) {
        if self.barge_in.take().is_some() {
            self.timers.clear(TimerReason::BargeInFalse);
            self.act(Action::Media(MediaCommand::ForgetAgent));
        }
    }

    /// The caller answers the agent's goodbye: the line stays.
    fn goodbye_answered(&mut self, now: Timestamp, spurt: Option<HeardSpurt>) {
        if self.timers.get(TimerReason::ModelGoodbye).is_none() {
            return;
        }
        // After one take-back only a longer talkspurt counts; it is looked at again when the time is up.
        if spurt.is_some_and(|_| self.goodbyes_taken_back > 0) {
            return;
        }
        self.take_back_goodbye(now, if spurt.is_some() { TakenBackBy::Speech } else { TakenBackBy::Digit });
    }
}
