//! Endings: how each begins, what takes it back, and how it comes to the hang-up.

use std::time::Duration;

use super::{
    Action, AnnouncementKind, Call, Cause, EndedBy, HeardSpurt, MediaCommand, Reason, SaidBy, TakenBackBy, Verdict,
    answer::GOODBYE_TIME,
    ending::{Ending, Stage},
};
use crate::{
    carrier::CallRequest,
    model::{ModelRequest, Note, ToolAnswer, ToolCallId},
    time::{TimerReason, Timestamp},
};

/// `hangup_call`: the line is closed no sooner than this after the tool call …
pub(super) const HANGUP_EARLIEST: Duration = Duration::from_secs(1);
/// … and no later than this.
pub(super) const HANGUP_LATEST: Duration = Duration::from_secs(5);
/// A shutdown's or an operator's ending closes the line within this time.
pub(super) const CLOSING_WINDOW: Duration = Duration::from_secs(8);
/// Reserved at the end of a bounded window for hanging up (the carrier's answer is waited for that long).
pub(super) const HANGUP_RESERVE: Duration = Duration::from_millis(500);
/// Reserved before that for the terminal mark's way back.
pub(super) const MARK_RESERVE: Duration = Duration::from_millis(200);
/// An agent that has gone silent in the middle of a response is not waited for longer in a bounded window.
const STALLED_AGENT: Duration = Duration::from_millis(1500);

/// Voiced time that takes our own goodbye back while it sounds.
const TAKE_BACK_VOICED: Duration = Duration::from_millis(400);
/// Begun in the goodbye's second half, a shorter talkspurt is the caller's own "bye".
const CALLERS_BYE: Duration = Duration::from_millis(900);
/// Silence endings that may be taken back without a word being transcribed.
const SILENCE_TAKE_BACKS: u32 = 2;
/// Without a transcript, this much voiced time takes a `hangup_call` or a second model goodbye back.
const LONG_SPEECH: Duration = Duration::from_millis(1500);
/// The caller's own "bye" after the terminal mark is waited for at most this long.
const BYE_WAIT: Duration = Duration::from_millis(1500);
/// The carrier must have taken over the farewell within this time.
const SAY_WAIT: Duration = Duration::from_secs(1);
/// The carrier's own farewell is over after this time, or we hang up.
const SAY_LENGTH: Duration = Duration::from_secs(40);

impl Call {
    /// The operator ends the call.
    pub fn end_by_operator(&mut self, now: Timestamp) {
        self.asked_to_end = Some(Reason::Operator);
        self.begin_ending(now, Reason::Operator);
    }

    /// The server stops: the call is ended with a word about it.
    pub fn end_by_drain(&mut self, now: Timestamp) {
        self.asked_to_end.get_or_insert(Reason::Drain);
        self.begin_ending(now, Reason::Drain);
    }

    /// An ending with a farewell of ours. Nothing happens if another was begun before.
    pub(super) fn begin_ending(&mut self, now: Timestamp, reason: Reason) {
        if self.ending.is_some() || self.ended {
            return;
        }
        self.answer_is_paid(now);
        let mut ending = self.new_ending(now, reason);
        if matches!(reason, Reason::Drain | Reason::Operator) {
            ending.bound = Some(now + CLOSING_WINDOW.saturating_sub(HANGUP_RESERVE));
        }
        self.timers.set(TimerReason::ClosingBound, ending.bound.unwrap_or(Timestamp::NEVER));
        self.ending = Some(ending);
        self.record.ending_begun_at = Some(now);
        self.record.reason = Some(reason);
        self.quiet_timers();
        self.forget_barge_in();
        self.enter(now, Cause::EndingBegan(reason));
        let cancelled = self.cancel_responses();
        if let Some(ending) = &mut self.ending {
            ending.cancelled_response = cancelled;
        }
        if reason == Reason::Silence {
            self.media(MediaCommand::HoldModel);
        }
        if self.started_at.is_none() {
            self.hang_up(now);
            return;
        }
        match reason.farewell() {
            Some(kind) => self.say_farewell(now, AnnouncementKind::Farewell(kind), true),
            None => self.hang_up(now),
        }
    }

    /// The model (or an intent) ends the call: its window opens.
    pub(super) fn begin_hangup(&mut self, now: Timestamp, reason: Reason, tool_call: Option<ToolCallId>) {
        self.answer_is_paid(now);
        let ending = Ending {
            stage: Stage::HearingOut,
            earliest: now + HANGUP_EARLIEST,
            bound: Some(now + HANGUP_LATEST.saturating_sub(HANGUP_RESERVE)),
            tool_call,
            ..self.new_ending(now, reason)
        };
        self.ending = Some(ending);
        self.record.ending_begun_at = Some(now);
        self.record.reason = Some(reason);
        self.record.tool_called_at = Some(now);
        self.quiet_timers();
        self.forget_barge_in();
        self.timers.set(TimerReason::HangupEarliest, ending.earliest);
        self.timers.set(TimerReason::HangupBound, ending.bound.unwrap_or(Timestamp::NEVER));
        self.enter(now, Cause::EndingBegan(reason));
        let until = now + HANGUP_LATEST.saturating_sub(HANGUP_RESERVE + MARK_RESERVE);
        self.media(MediaCommand::LimitAgent { until });
        if self.prompt_sounding.is_some() {
            self.media(MediaCommand::StopAnnouncement);
        }
        self.advance_ending(now);
    }

    pub(super) fn new_ending(&self, now: Timestamp, reason: Reason) -> Ending {
        let since = self.record.caller_silent_since.or(self.started_at).unwrap_or(now);
        Ending {
            reason,
            stage: Stage::Farewell,
            begun: now,
            earliest: now,
            bound: None,
            tool_call: None,
            open_before: self.hearing.open.map(|heard| heard.id),
            farewell: None,
            terminal_sent: false,
            farewell_done: false,
            transfer: None,
            cancelled_response: false,
            silent: now - since,
        }
    }

    /// An ending stops everything that belongs to the conversation.
    pub(super) fn quiet_timers(&mut self) {
        self.clear_owed_timers();
        self.response_wanted = false;
        self.create_after_spurt = false;
        self.waiting = None;
        for reason in [
            TimerReason::Silence,
            TimerReason::Reminder,
            TimerReason::ResponseWanted,
            TimerReason::ModelGoodbye,
            TimerReason::ModelRetry,
            TimerReason::ModelLost,
            TimerReason::WaitOver,
        ] {
            self.timers.clear(reason);
        }
    }

    fn say_farewell(&mut self, now: Timestamp, kind: AnnouncementKind, over_agent: bool) {
        let Some(ending) = &mut self.ending else { return };
        ending.farewell_done = true;
        let until = ending.bound.map(|bound| bound.before(MARK_RESERVE));
        let bound = ending.bound;
        self.record.said_by = Some(self.rendered[kind.place()].unwrap_or(SaidBy::Nobody));
        if self.is_rendered(kind) {
            self.media(MediaCommand::Announce { kind, until, over_agent });
        } else {
            self.enter(now, Cause::NotRendered { kind });
            if let AnnouncementKind::Farewell(kind) = kind
                && bound.is_none()
            {
                self.set_stage(Stage::CarrierSays);
                self.act(Action::Carrier(CallRequest::Say(kind)));
                self.timers.set(TimerReason::TerminalMark, now + SAY_WAIT);
                self.enter(now, Cause::CarrierSays);
                return;
            }
        }
        self.send_terminal_mark();
    }

    fn send_terminal_mark(&mut self) {
        let Some(ending) = &mut self.ending else { return };
        ending.stage = Stage::Farewell;
        ending.terminal_sent = true;
        let until = ending.bound;
        self.media(MediaCommand::TerminalMark { until });
    }

    pub(super) fn set_stage(&mut self, stage: Stage) {
        if let Some(ending) = &mut self.ending {
            ending.stage = stage;
        }
    }

    /// The carrier has not taken over the farewell or the caller, or has been at it for too long.
    pub(super) fn carrier_did_not(&mut self, now: Timestamp) {
        self.put_through_answer(now, false);
        if self.ending.is_some_and(|ending| ending.stage == Stage::CarrierSays) {
            self.hang_up(now);
        }
    }

    /// The carrier speaks (and then hangs up by itself), or cannot.
    pub(super) fn carrier_says(&mut self, now: Timestamp, taken: bool) {
        if self.ending.is_none_or(|ending| ending.stage != Stage::CarrierSays) {
            return;
        }
        if taken {
            self.record.said_by = Some(SaidBy::Carrier);
            self.timers.set(TimerReason::TerminalMark, now + SAY_LENGTH);
        } else {
            self.hang_up(now);
        }
    }

    pub(super) fn announcement_began(
        &mut self,
        now: Timestamp,
        kind: AnnouncementKind,
        at: Timestamp,
        length: Duration,
        cut: bool,
    ) {
        match kind {
            AnnouncementKind::Farewell(_) => {
                if let Some(ending) = &mut self.ending {
                    ending.farewell = Some((at, length));
                }
                self.record.goodbye_at = Some(now);
                self.record.goodbye_cut = cut;
            }
            AnnouncementKind::Reminder | AnnouncementKind::Filler | AnnouncementKind::IntentFiller(_) => {
                self.prompt_sounding = Some(kind);
            }
        }
        self.update_pause(now);
        self.enter(now, Cause::Announced { kind, length, cut });
    }

    pub(super) fn announcement_ended(
        &mut self,
        now: Timestamp,
        kind: AnnouncementKind,
        at: Timestamp,
        by: EndedBy,
        heard: Duration,
    ) {
        if self.prompt_sounding == Some(kind) {
            self.prompt_sounding = None;
        }
        self.update_pause_at(now, at);
        self.enter(now, Cause::AnnouncementEnded { kind, by, heard });
    }

    /// Everything is said.
    pub(super) fn terminal_mark(&mut self, now: Timestamp, at: Timestamp, by: EndedBy) {
        if self.ending.is_none_or(|ending| ending.stage != Stage::Farewell) {
            return;
        }
        self.set_stage(Stage::Waiting);
        self.record.terminal_mark_at = Some(at);
        self.record.goodbye_heard = self.ending.and_then(|ending| ending.farewell).map(|_| by);
        self.enter(now, Cause::TerminalMark(by));
        self.advance_ending(now);
    }

    /// Moves an ending on as far as it can go now. Level-triggered: looks at how things are, in every decision.
    pub(super) fn advance_ending(&mut self, now: Timestamp) {
        self.check_take_back(now);
        let Some(ending) = self.ending else { return };
        let bound_passed = ending.bound.is_some_and(|bound| now >= bound);
        match ending.stage {
            Stage::HearingOut if bound_passed => self.set_stage(Stage::Waiting),
            Stage::HearingOut => self.follow_agent(now, &ending),
            Stage::Farewell if bound_passed => self.set_stage(Stage::Waiting),
            Stage::Farewell
            | Stage::CarrierSays
            | Stage::Transferring
            | Stage::HandedOver
            | Stage::HangingUp
            | Stage::Verifying => {}
            Stage::Waiting => {}
        }
        if self.ending.is_some_and(|ending| ending.stage == Stage::Waiting) {
            self.finish_waiting(now);
        }
    }

    /// `hangup_call`: the agent is heard out, then the farewell follows if it has not said one.
    fn follow_agent(&mut self, now: Timestamp, ending: &Ending) {
        let active = self.responses.iter().any(|r| r.active);
        let bound = ending.bound.unwrap_or(now);
        let stalled = now + STALLED_AGENT >= bound;
        if self.hearing.agent_unsent || (active && !stalled) {
            return;
        }
        if active {
            self.cancel_responses();
        }
        let said = self.responses.back().is_some_and(|response| response.said_goodbye);
        match ending.reason.farewell().map(AnnouncementKind::Farewell) {
            Some(kind) if !said => self.say_farewell(now, kind, false),
            Some(_) | None => self.send_terminal_mark(),
        }
    }

    /// Everything is said: the earliest moment, tools and the caller's own goodbye are waited for.
    fn finish_waiting(&mut self, now: Timestamp) {
        let Some(ending) = self.ending else { return };
        let bound_passed = ending.bound.is_some_and(|bound| now >= bound);
        if now < ending.earliest {
            return;
        }
        if bound_passed && self.still_speaking_at_bound(&ending) {
            self.take_back(now, TakenBackBy::StillSpeaking);
            return;
        }
        if !bound_passed && self.is_held(now, &ending) {
            return;
        }
        match ending.transfer {
            Some(transfer) => self.put_through(now, transfer),
            None => self.hang_up(now),
        }
    }

    /// The caller is inside a talkspurt that began before the tool call, or has spoken for long without a
    /// transcript since.
    fn still_speaking_at_bound(&self, ending: &Ending) -> bool {
        if !self.is_window(ending) {
            return false;
        }
        let inside = self.hearing.open.is_some_and(|heard| heard.counts && ending.open_before == Some(heard.id));
        let long = self.spurts.last().is_some_and(|spurt| {
            spurt.heard.start >= ending.begun
                && spurt.heard.voiced >= LONG_SPEECH
                && spurt.verdict != Verdict::Worded
                && !spurt.below_floor
        });
        inside || (long && self.is_cancellable())
    }

    /// Tools and the caller's words hold the hang-up until they end, are understood, or the bound comes.
    fn is_held(&self, now: Timestamp, ending: &Ending) -> bool {
        if self.is_window(ending) {
            if !self.tools.is_empty() {
                return true;
            }
            let open = self.hearing.open.is_some_and(|heard| heard.counts);
            let pending = self.spurts.last().is_some_and(|spurt| {
                spurt.heard.start >= ending.begun && spurt.verdict == Verdict::Pending && !spurt.below_floor
            });
            return open || (pending && self.is_cancellable());
        }
        if ending.reason != Reason::Silence {
            return false;
        }
        let said_at = self.record.terminal_mark_at.unwrap_or(now);
        let bye = self.silence_taken_back < SILENCE_TAKE_BACKS
            && self.hearing.open.is_some_and(|heard| ending.open_before != Some(heard.id));
        bye && now < said_at + BYE_WAIT
    }

    fn is_window(&self, ending: &Ending) -> bool {
        matches!(ending.reason, Reason::HangupCall | Reason::IntentEnded)
    }

    fn is_cancellable(&self) -> bool {
        self.settings.hangup_call.is_none_or(|tool| tool.cancellable)
    }

    /// It can still be taken back.
    fn is_open(&self) -> bool {
        self.ending.is_some_and(|ending| matches!(ending.stage, Stage::HearingOut | Stage::Farewell | Stage::Waiting))
    }

    fn check_take_back(&mut self, now: Timestamp) {
        if let Some(heard) = self.hearing.open {
            self.check_take_back_by_speech(now, &heard);
        }
    }

    /// Takes an ending back if this talkspurt is enough for it.
    pub(super) fn check_take_back_by_speech(&mut self, now: Timestamp, heard: &HeardSpurt) {
        let Some(ending) = self.ending.filter(|ending| self.caller_may_take_back(ending)) else { return };
        if ending.open_before == Some(heard.id) || self.spurts.is_below_floor(heard.level, &self.settings) {
            return;
        }
        let enough = if self.is_window(&ending) {
            // With a transcript on its way the words decide; at the bound at the latest.
            let transcribed = self.settings.transcription && self.model.is_ready();
            !transcribed && heard.start >= ending.begun && heard.voiced >= LONG_SPEECH
        } else {
            self.silence_taken_back < SILENCE_TAKE_BACKS && Self::speech_takes_silence_back(&ending, heard)
        };
        if enough {
            self.take_back(now, TakenBackBy::Speech);
        }
    }

    /// The caller can still keep the line: by a key always, by speech and words within their rules.
    fn caller_may_take_back(&self, ending: &Ending) -> bool {
        let may = match ending.reason {
            Reason::Silence => true,
            Reason::HangupCall | Reason::IntentEnded => self.is_cancellable(),
            Reason::Transferred
            | Reason::ModelGoodbye
            | Reason::NoAnswer
            | Reason::ModelLost
            | Reason::MaxDuration
            | Reason::Drain
            | Reason::Operator
            | Reason::CallerHungUp
            | Reason::CarrierGone => false,
        };
        may && self.is_open()
    }

    fn speech_takes_silence_back(ending: &Ending, heard: &HeardSpurt) -> bool {
        let Some((began, length)) = ending.farewell else { return heard.counts };
        if heard.voiced < TAKE_BACK_VOICED {
            return false;
        }
        heard.start < began + length / 2 || heard.span() >= CALLERS_BYE
    }

    pub(super) fn take_back_by_digit(&mut self, now: Timestamp) {
        if self.ending.is_some_and(|ending| self.caller_may_take_back(&ending)) {
            self.take_back(now, TakenBackBy::Digit);
        }
    }

    pub(super) fn take_back_by_words(&mut self, now: Timestamp) {
        let window = self.ending.is_some_and(|ending| self.is_window(&ending));
        if window && self.is_open() && self.is_cancellable() {
            self.take_back(now, TakenBackBy::Words);
        }
    }

    /// Back to the conversation: no word of the caller's is lost.
    fn take_back(&mut self, now: Timestamp, by: TakenBackBy) {
        let Some(ending) = self.forget_ending() else { return };
        self.record.taken_back += 1;
        let heard = ending.farewell.map_or(Duration::ZERO, |(began, length)| (now - began).min(length));
        self.media(MediaCommand::UnlimitAgent);
        self.media(MediaCommand::StopAnnouncement);
        if ending.stage == Stage::HearingOut || self.hearing.agent_audible || self.hearing.agent_unsent {
            self.media(MediaCommand::StopAgent);
            self.media(MediaCommand::ForgetAgent);
            self.cancel_responses();
        }
        if ending.reason == Reason::Silence {
            self.silence_taken_back += u32::from(by != TakenBackBy::Digit);
            self.tell_model(ModelRequest::Note(Note::CallerIsBack { silent: ending.silent, heard }));
            let from = self.hearing.open.map_or(now, |open| open.start);
            self.media(MediaCommand::FeedModel { from });
        }
        if let Some(call) = ending.tool_call {
            self.answer_tool(call, ToolAnswer::TakenBack);
        }
        self.enter(now, Cause::TakenBack { reason: ending.reason, by, heard });
        self.resume_after(now, &ending, by);
    }

    /// As if the ending had never begun.
    pub(super) fn forget_ending(&mut self) -> Option<Ending> {
        let ending = self.ending.take()?;
        for reason in [TimerReason::HangupEarliest, TimerReason::HangupBound, TimerReason::TerminalMark] {
            self.timers.clear(reason);
        }
        self.record.reason = None;
        self.record.ending_begun_at = None;
        self.record.tool_called_at = None;
        self.record.goodbye_at = None;
        self.record.goodbye_cut = false;
        self.record.said_by = None;
        self.record.deadline = None;
        self.record.terminal_mark_at = None;
        self.record.transfer = None;
        Some(ending)
    }

    /// Sets the timers that an ending had stopped. `false` if what fell due meanwhile still holds and ends the call.
    pub(super) fn resume_timers(&mut self, now: Timestamp) -> bool {
        if let Some(reason) = self.asked_to_end.filter(|_| self.ending.is_none()) {
            self.begin_ending(now, reason);
            return false;
        }
        if let Some(started) = self.started_at {
            self.timers.set(TimerReason::MaxDuration, (started + self.settings.max_duration.get()).max(now));
        }
        if let super::answer::ModelState::Away { since, .. } = self.model {
            self.timers.set(TimerReason::ModelLost, (since + super::answer::MODEL_LOST).max(now));
            self.timers.set(TimerReason::ModelRetry, now);
        }
        true
    }

    /// The answer to what took an ending back.
    fn resume_after(&mut self, now: Timestamp, ending: &Ending, by: TakenBackBy) {
        if !self.resume_timers(now) {
            return;
        }
        // What the model began on its own was cancelled: ask for an answer once the caller is done.
        let must_ask = ending.cancelled_response || self.is_window(ending);
        let speaking = self.hearing.open.is_some_and(|heard| heard.counts);
        match by {
            TakenBackBy::Digit => {}
            TakenBackBy::Words if !speaking => {
                self.want_response(now);
                self.create_wanted_response(now);
                self.owe(now, now, self.turn.source);
            }
            TakenBackBy::Speech | TakenBackBy::Words | TakenBackBy::StillSpeaking => {
                self.create_after_spurt = must_ask;
                if must_ask && !speaking {
                    self.create_after_spurt = false;
                    self.want_response(now + super::listen::SERVER_FIRST);
                    self.owe(now, now, self.turn.source);
                }
            }
        }
        self.update_pause(now);
    }

    /// 3 s after the agent's goodbye nobody has said anything.
    pub(super) fn model_goodbye_due(&mut self, now: Timestamp) {
        let frame = Duration::from_millis(crate::audio::FRAME_MS);
        if self.hearing.agent_unsent || self.responses.iter().any(|r| r.active) {
            // The model goes on: its audio disarms this, a response without any does not.
            self.timers.set(TimerReason::ModelGoodbye, now + frame);
            return;
        }
        if let Some(heard) = self.hearing.open {
            if heard.voiced >= LONG_SPEECH {
                self.take_back_goodbye(now, TakenBackBy::Speech);
            } else {
                // The caller's own "bye" is not cut off.
                self.timers.set(TimerReason::ModelGoodbye, now + frame);
            }
            return;
        }
        let since = now.before(GOODBYE_TIME);
        let long = |spurt: &super::spurts::Spurt| spurt.heard.end >= since && spurt.heard.voiced >= LONG_SPEECH;
        if self.spurts.last().is_some_and(long) {
            self.take_back_goodbye(now, TakenBackBy::Speech);
            return;
        }
        self.begin_ending(now, Reason::ModelGoodbye);
    }

    pub(super) fn take_back_goodbye(&mut self, now: Timestamp, by: TakenBackBy) {
        self.timers.clear(TimerReason::ModelGoodbye);
        self.goodbyes_taken_back += 1;
        self.enter(now, Cause::TakenBack { reason: Reason::ModelGoodbye, by, heard: Duration::ZERO });
    }

    pub(super) fn ends_with_carrier_say(&self) -> bool {
        self.ending.is_some_and(|ending| ending.stage == Stage::CarrierSays)
    }
}
