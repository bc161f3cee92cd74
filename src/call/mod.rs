//! What happens in a call: state, turns, answers owed, barge-in, endings, ledger, record. The control plane.
//!
//! Pure: every function takes `now`, what comes out is a queue of [`Action`]s that [`crate::session`] carries out
//! at once, and [`Call::poll_timeout`]. The rules are numbered as in the specification of a call:
//!
//! | rule | file |
//! |---|---|
//! | talkspurts, verdicts, level, digits, barge-in | `listen.rs`, `spurts.rs` |
//! | responses, tools, the model's absence | `answer.rs`, `tools.rs` |
//! | the answer owed | `owed.rs` |
//! | pauses, the deadline, the silence decision, the reminder | `quiet.rs` (arithmetic: [`crate::silence`]) |
//! | the caller asks for time, is put through | `wait.rs`, `transfer.rs` |
//! | endings, farewell, taking back | `farewell.rs`, `ending.rs` |
//! | hang-up, retries, verification | `hangup.rs` |
//! | words that close a conversation | `phrases.rs` and the lists beside it |
//!
//! Decisions where the rules leave a choice:
//!
//! * Agent audio of a response that was created in an *earlier* turn and still sounds holds the window (pause
//!   `agent`, uncapped: the backlog bounds it) but opens none; only a response without any turn is an idle prompt.
//! * The agent's answer to a talkspurt that turns out to be noise is charged like it, and pauses like an idle prompt.
//! * Frames that have arrived but are not yet worked off (a burst) hold the silence decision: at most 8 frames a
//!   tick are processed, and nothing is decided over the head of speech that is already here.
//! * A `hangup_call` window reserves 500 ms for hanging up: what is said must be said 4.3 s after the tool call.
//! * A key takes a silence ending back until the line is closed, also while the caller's own "bye" after the terminal
//!   mark is waited for: a key is no goodbye.
//! * An answer owed for 15 s gets one reconnect of 10 s before `no_answer`.

mod answer;
mod echo;
mod ending;
mod farewell;
mod hangup;
mod ledger;
mod listen;
mod owed;
pub mod phrases;
mod port;
mod quiet;
mod record;
mod spurts;
#[cfg(test)]
mod tests;
mod tools;
mod transfer;
mod wait;

pub use echo::EchoPath;
pub use ending::{Party, Reason, SaidBy, TakenBackBy};
pub use ledger::{Cause, LedgerEntry};
pub use port::{Action, AnnouncementKind, EndedBy, IntentPlace, MediaCommand, MediaEvent};
pub use record::CallRecord;
pub use spurts::{HeardSpurt, Spurt, Spurts, Verdict};
pub use tools::{ToolFault, ToolVerdict};

use std::{collections::VecDeque, time::Duration};

use crate::{
    assistant::Settings,
    model::{ModelRequest, ModelTraits, ResponseId},
    silence::{Class, Source, Window, WindowConfig},
    time::{MediaTime, TimerReason, TimerTable, Timestamp},
    vad::SpurtId,
};
use answer::{ModelState, Response};
use ending::Ending;
use owed::Owed;
use tools::RunningTool;
use wait::Wait;

/// The rules of a call, as a number that stands in every capture ([`crate::session::capture`]).
///
/// Raise it with every change after which the same inputs may lead to another decision: a rule of [`crate::call`], of
/// [`crate::silence`], of [`crate::media`] or [`crate::mix`], or the answers of a detector that keeps its name. Captures
/// of before can still be replayed; what is then decided otherwise is told as a difference, not as a fault.
pub const RULES_VERSION: u32 = 3;

/// Speech that is still in flight at a deadline is waited for at most this long.
pub const LATE_MEDIA: Duration = Duration::from_millis(200);
/// A stream without a frame for this long: the carrier is asked.
pub const INBOUND_GAP: Duration = Duration::from_secs(10);

/// Actions that may be waiting at once. The session drains them after every call into this module; one step makes
/// a dozen at the most.
const ACTIONS: usize = 128;
/// … and room for a step's.
const ACTIONS_ROOM: usize = 16;

/// What the data plane has heard, given with every decision.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hearing {
    /// All media up to this call time has been processed.
    pub heard_to: Timestamp,
    /// The same on media time.
    pub media: MediaTime,
    /// Nothing that has arrived waits to be processed.
    pub caught_up: bool,
    /// The talkspurt under way, provisional or counting.
    pub open: Option<HeardSpurt>,
    /// When the last inbound frame arrived.
    pub last_frame_at: Timestamp,
    /// How far off media times may be.
    pub uncertainty: Duration,
    /// Agent audio waits to be sent.
    pub agent_unsent: bool,
    /// Agent audio is on the line, as far as marks and estimates tell.
    pub agent_audible: bool,
    /// The path by which our own voice comes back, once known.
    pub echo: Option<EchoPath>,
}

/// The turn under way.
#[derive(Clone, Copy, Debug)]
struct Turn {
    number: u32,
    source: Source,
    /// Agent audio of responses created now belongs to it.
    open: bool,
    /// A recorded agent's answer is waited for until then.
    answer_by: Timestamp,
}

/// An interruption that is not yet confirmed.
#[derive(Clone, Copy, Debug)]
struct BargeIn {
    spurt: SpurtId,
    start: Timestamp,
}

/// The state of one call.
#[derive(Debug)]
pub struct Call {
    settings: Settings,
    traits: ModelTraits,
    /// The announcements that can be played, and who says them, each in its [`place`].
    rendered: [Option<SaidBy>; AnnouncementKind::PLACES],
    started_at: Option<Timestamp>,
    ended: bool,

    window: Window,
    /// The deadline as it was last looked at.
    checked_deadline: Option<Timestamp>,
    /// That deadline, or the later moment at which it became known.
    due_since: Option<Timestamp>,
    /// Until when the decision was last put off past the deadline.
    decision_held: Option<Timestamp>,
    /// The echo's path that the ledger knows.
    echo_told: Option<EchoPath>,
    hearing: Hearing,
    spurts: Spurts,
    turn: Turn,
    /// The caller has spoken or pressed a key.
    spoke: bool,
    /// When the caller last pressed a key.
    digit_at: Option<Timestamp>,
    reminded: bool,
    prompt_sounding: Option<AnnouncementKind>,

    model: ModelState,
    responses: VecDeque<Response>,
    /// The response whose audio is heard.
    sounding: Option<ResponseId>,
    owed: Option<Owed>,
    response_wanted: bool,
    /// Asked for, and not yet begun.
    response_asked: Option<Timestamp>,
    greeting_asked: bool,
    /// The server hears speech that it has not yet taken as a turn.
    uncommitted: bool,
    server_heard_at: Option<Timestamp>,
    barge_in: Option<BargeIn>,
    last_barge_in: Option<SpurtId>,
    tools: Vec<RunningTool>,
    /// The caller has asked for time.
    waiting: Option<Wait>,
    /// The first such wait since the caller last said a word.
    waited_since: Option<Timestamp>,
    /// The responses that were heard last.
    sounded: [ResponseId; SOUNDED],
    /// A tool has answered, and the agent was not heard since.
    tool_answered: bool,

    /// The agent's last finished item was a farewell.
    goodbye_said: Option<ResponseId>,
    goodbyes_taken_back: u32,
    ending: Option<Ending>,
    /// Silence endings taken back since the last talkspurt with words.
    silence_taken_back: u32,
    create_after_spurt: bool,
    /// The operator or a shutdown wants the call to end; not forgotten while another ending is under way.
    asked_to_end: Option<Reason>,
    last_silent: Option<SilentAgent>,
    /// How far off the end of the agent's audio that started this window may be: its mark's lag, or an estimate's.
    end_uncertainty: Duration,

    timers: TimerTable,
    actions: VecDeque<Action>,
    record: CallRecord,
}

/// The agent's last end, in case its mark comes late.
#[derive(Clone, Copy, Debug)]
struct SilentAgent {
    response: ResponseId,
    at: Timestamp,
}

impl Call {
    /// A call whose first input is at `now`. The model is asked to connect at once.
    #[must_use]
    pub fn new(settings: Settings, traits: ModelTraits, now: Timestamp) -> Self {
        let config =
            WindowConfig { timeout: settings.silence_timeout.get(), noise_budget: settings.noise_budget.get() };
        let mut call = Self {
            window: Window::new(config, now),
            settings,
            traits,
            rendered: [None; AnnouncementKind::PLACES],
            started_at: None,
            ended: false,
            checked_deadline: None,
            due_since: None,
            decision_held: None,
            echo_told: None,
            hearing: Hearing::default(),
            spurts: Spurts::new(),
            turn: Turn { number: 0, source: Source::Sure, open: false, answer_by: now },
            spoke: false,
            digit_at: None,
            reminded: false,
            prompt_sounding: None,
            model: ModelState::Away { since: now, retries: 0 },
            responses: VecDeque::new(),
            sounding: None,
            owed: None,
            response_wanted: false,
            response_asked: None,
            greeting_asked: false,
            uncommitted: false,
            server_heard_at: None,
            barge_in: None,
            last_barge_in: None,
            tools: Vec::new(),
            waiting: None,
            waited_since: None,
            sounded: [ResponseId(u32::MAX); SOUNDED],
            tool_answered: false,
            goodbye_said: None,
            goodbyes_taken_back: 0,
            ending: None,
            silence_taken_back: 0,
            create_after_spurt: false,
            asked_to_end: None,
            last_silent: None,
            end_uncertainty: Duration::ZERO,
            timers: TimerTable::default(),
            actions: VecDeque::with_capacity(ACTIONS_ROOM),
            record: CallRecord::default(),
        };
        call.act(Action::Model(ModelRequest::Connect));
        call
    }

    /// Takes memory for what the next decisions may note. Call it between ticks.
    pub fn make_room(&mut self) {
        self.spurts.make_room();
        self.window.make_room();
    }

    /// The media stream begins: window, caps and the first turn start here.
    pub fn stream_started(&mut self, now: Timestamp) {
        if self.started_at.is_some() || self.ended {
            return;
        }
        self.started_at = Some(now);
        self.hearing.last_frame_at = now;
        self.hearing.heard_to = now;
        let config = WindowConfig {
            timeout: self.settings.silence_timeout.get(),
            noise_budget: self.settings.noise_budget.get(),
        };
        self.window = Window::new(config, now);
        self.turn = Turn { number: 1, source: Source::Sure, open: true, answer_by: now + owed::OWED_LOST };
        self.timers.set(TimerReason::MaxDuration, now + self.settings.max_duration.get());
        self.timers.set(TimerReason::InboundGap, now + INBOUND_GAP);
        if let ModelState::Away { since, .. } = &mut self.model {
            *since = now;
            self.timers.set(TimerReason::ModelLost, now + answer::MODEL_LOST);
        }
        self.enter(now, Cause::StreamStarted);
        if self.settings.greeting.is_some() {
            self.owe(now, now, Source::Sure);
        }
        self.ask_for_greeting(now);
    }

    /// An announcement is ready to be played.
    pub fn rendered(&mut self, kind: AnnouncementKind, by: SaidBy) {
        self.rendered[kind.place()] = Some(by);
    }

    /// The next thing to be done. Drain after every call into this module.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next deadline and why, if the call is not over.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Timestamp, TimerReason)> {
        if self.ended { None } else { self.timers.next() }
    }

    /// What is known of the call so far.
    #[must_use]
    pub fn record(&self) -> &CallRecord {
        &self.record
    }

    /// The call is over and its record complete.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ended
    }

    /// The settings it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The silence deadline as things stand; `None` while the window is held or an ending is under way.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.ending.is_some() || self.ended || self.started_at.is_none() { None } else { self.current_deadline() }
    }

    /// The ending under way, if any.
    #[must_use]
    pub fn ending(&self) -> Option<Reason> {
        self.ending.map(|ending| ending.reason)
    }

    /// What the data plane has heard by now: given before each input, so that no decision rests on old news.
    pub fn refresh(&mut self, hearing: Hearing) {
        self.hearing = hearing;
    }

    /// Takes every decision that is due. Called in each tick, after the tick's frames; and when a timer is due.
    pub fn decide(&mut self, now: Timestamp, hearing: Hearing) {
        if self.ended {
            return;
        }
        self.hearing = hearing;
        self.record.media = hearing.media;
        if self.started_at.is_none() {
            self.run_timers(now);
            return;
        }
        self.follow_echo(now);
        self.follow_open_spurt(now);
        self.settle_turn(now);
        self.update_pause(now);
        self.run_timers(now);
        if self.ended {
            return;
        }
        if self.ending.is_none() {
            self.check_barge_in(now);
            self.check_reminder(now);
            self.check_silence(now);
        }
        self.advance_ending(now);
    }

    /// Handles what is due between two ticks, with nothing new heard.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.decide(now, self.hearing);
    }

    fn run_timers(&mut self, now: Timestamp) {
        while let Some(reason) = self.timers.take_due(now) {
            match reason {
                TimerReason::HangupAnswer => self.close_stream(now),
                TimerReason::HangupRetry => self.send_hangup(now),
                TimerReason::HangupVerify => self.finish(now, Party::Us, false),
                TimerReason::TerminalMark => self.carrier_did_not(now),
                // These two only wake the ending: it looks at the time itself.
                TimerReason::HangupEarliest | TimerReason::HangupBound | TimerReason::ClosingBound => {}
                TimerReason::MaxDuration => self.begin_ending(now, Reason::MaxDuration),
                TimerReason::ModelGoodbye => self.model_goodbye_due(now),
                TimerReason::ModelLost => self.begin_ending(now, Reason::ModelLost),
                TimerReason::ModelRetry => self.act(Action::Model(ModelRequest::Connect)),
                TimerReason::OwedFiller => self.speak_filler(now),
                TimerReason::OwedCreate => self.ask_for_owed_answer(now),
                TimerReason::OwedLost => self.owed_answer_lost(now),
                TimerReason::ResponseWanted => self.create_wanted_response(now),
                TimerReason::BargeInFalse => self.barge_in_was_false(now),
                // The window looks at verdicts, pauses and the reminder by itself in each decision.
                TimerReason::VerdictDue => self.resolve_overdue_verdicts(now),
                TimerReason::WaitOver => self.wait_is_over(now),
                TimerReason::MarkOverdue
                | TimerReason::OpenSpurtCharged
                | TimerReason::Reminder
                | TimerReason::Silence => {}
                TimerReason::InboundGap => self.ask_about_gap(now),
            }
            if self.ended {
                return;
            }
        }
    }

    fn act(&mut self, action: Action) {
        debug_assert!(self.actions.len() < ACTIONS, "actions are not drained");
        self.actions.push_back(action);
    }

    fn media(&mut self, command: MediaCommand) {
        self.act(Action::Media(command));
    }

    fn tell_model(&mut self, request: ModelRequest) {
        if self.model.is_ready() {
            self.act(Action::Model(request));
        }
    }

    fn enter(&mut self, now: Timestamp, cause: Cause) {
        let deadline = self.deadline();
        let uncertainty = self.hearing.uncertainty + self.end_uncertainty;
        self.act(Action::Ledger(LedgerEntry { at: now, cause, deadline, uncertainty }));
    }

    fn class_of(&self, source: Source) -> Class {
        match source {
            Source::Sure => Class::Good,
            Source::Spurt(id) => self.spurts.get(id).map_or(Class::Good, Spurt::class),
        }
    }

    fn is_rendered(&self, kind: AnnouncementKind) -> bool {
        self.rendered[kind.place()].is_some()
    }
}

/// Responses of which it is known that they were heard: one is active at a time.
const SOUNDED: usize = 2;
