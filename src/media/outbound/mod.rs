//! Agent and announcements onto the line.
//!
//! | file | what |
//! |---|---|
//! | `intake.rs` | the agent's audio comes in |
//! | `announce.rs` | announcements: whole, over the agent, or mixed |
//! | `marks.rs` | marks, and the estimates that take their place |
//!
//! Here: stopping and limiting the agent, and the tick that paces it.

mod announce;
mod intake;
mod marks;

use std::{collections::VecDeque, time::Duration};

use super::{
    backlog::Backlog,
    echo::Echo,
    line::{Line, samples},
};
use crate::{
    audio::{Encoding, FRAME_SAMPLES, Frame, MULAW_SILENCE, MulawFrame},
    call::{AnnouncementKind, EndedBy, MediaEvent},
    carrier::{CarrierCommand, MarkId, Payload},
    codec::mulaw,
    mix::{Announcement, Mixer},
    model::{ItemId, ResponseId},
    resample::Down,
    time::{MediaClock, MediaTime, Timestamp},
};

/// No mark this long after the estimated end: the estimate stands.
const OVERDUE: Duration = Duration::from_secs(1);
/// A mark at least every 10 frames of agent audio.
const MARK_EVERY: u32 = 10;
/// Ticks without audio after which what is left of a frame goes out and the mark behind it.
const IDLE_TICKS: u32 = 3;
/// An announcement with less room than this before its bound is left out.
const SHORTEST: u64 = 300 * 8;
/// Commands of a tick besides the agent's frames: their marks, a clear, an announcement and what ends it.
const COMMANDS: usize = 12;
/// Events of a tick: audio of several items begins and ends, and an announcement.
const EVENTS: usize = 12;
const FRAME: u64 = FRAME_SAMPLES as u64;

/// What was lost or late on the way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboundCounters {
    /// Frames of agent audio sent.
    pub agent_frames: u64,
    /// Times the carrier ran dry while the agent spoke, by its marks.
    pub underruns: u32,
    /// Marks given up because too many were out.
    pub marks_given_up: u32,
    /// Bytes of agent audio refused because the backlog was full.
    pub refused_bytes: u64,
}

/// Agent audio on the line.
#[derive(Clone, Copy, Debug)]
struct Audible {
    response: ResponseId,
    /// The end of what was sent of it.
    until: MediaTime,
}

/// An announcement on the line.
#[derive(Clone, Copy, Debug)]
struct Sounding {
    kind: AnnouncementKind,
    began: MediaTime,
    length: u64,
    /// The mark behind it, once its last sample is sent.
    mark: Option<MarkId>,
}

/// The mark behind everything of the call.
#[derive(Clone, Copy, Debug)]
struct Terminal {
    mark: MarkId,
    due: MediaTime,
    bound: Timestamp,
}

/// An announcement that is mixed over the agent frame by frame.
#[derive(Clone, Copy, Debug)]
struct Over {
    kind: AnnouncementKind,
    position: usize,
}

pub(super) struct Outbound {
    encoding: Encoding,
    down: Down,
    /// An odd byte of 16-bit audio waits for its other half.
    odd: Option<u8>,
    down_item: Option<(ResponseId, ItemId)>,
    backlog: Backlog,
    line: Line,
    mixer: Mixer,
    /// By their places; longer than what every assistant has only if intents have fillers of their own.
    renderings: Vec<Option<Announcement>>,
    audible: Option<Audible>,
    /// Stopped by a barge-in; what is kept ends here.
    stopped: Option<u64>,
    resumed: bool,
    sounding: Option<Sounding>,
    over: Option<Over>,
    terminal: Option<Terminal>,
    limit_until: Option<Timestamp>,
    /// The last end that was estimated, in case its mark comes.
    estimated: Option<(MarkId, Timestamp)>,
    /// The same of an announcement.
    prompt_estimated: Option<(MarkId, Timestamp)>,
    last_agent_mark: Option<MarkId>,
    frames_since_mark: u32,
    idle_ticks: u32,
    pub(super) echo: Echo,
    pub(super) events: VecDeque<MediaEvent>,
    pub(super) truncations: VecDeque<(ItemId, u64)>,
    pub(super) commands: VecDeque<CarrierCommand>,
    pub(super) counters: OutboundCounters,
}

impl Outbound {
    pub(super) fn new(encoding: Encoding) -> Self {
        let mut outbound = Self {
            encoding,
            down: Down::new(),
            odd: None,
            down_item: None,
            backlog: Backlog::new(),
            line: Line::new(),
            mixer: Mixer::default(),
            renderings: vec![None; AnnouncementKind::COMMON],
            audible: None,
            stopped: None,
            resumed: false,
            sounding: None,
            over: None,
            terminal: None,
            limit_until: None,
            estimated: None,
            prompt_estimated: None,
            last_agent_mark: None,
            frames_since_mark: 0,
            idle_ticks: 0,
            echo: Echo::new(),
            events: VecDeque::with_capacity(EVENTS),
            truncations: VecDeque::new(),
            commands: VecDeque::new(),
            counters: OutboundCounters::default(),
        };
        outbound.make_room();
        outbound
    }

    /// Takes memory for all that a tick may send, and gives back what an answer has needed.
    pub(super) fn make_room(&mut self) {
        let most = COMMANDS + self.line.lead_frames();
        if self.commands.capacity() < most {
            self.commands.reserve_exact(most);
        }
        // A barge-in truncates every item.
        self.truncations.reserve(self.backlog.items.len());
        self.line.make_room();
        self.backlog.make_room();
        self.echo.make_room();
    }

    pub(super) fn is_audible(&self) -> bool {
        self.audible.is_some()
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.stopped.is_none() && self.backlog.unsent() > 0
    }

    /// `false` if it was not taken: the one before it is sounding.
    pub(super) fn rendered(&mut self, kind: AnnouncementKind, announcement: Announcement) -> bool {
        let sounds =
            self.sounding.is_some_and(|it| it.kind == kind) || self.over.as_ref().is_some_and(|it| it.kind == kind);
        if !sounds {
            self.echo.expect(announcement.samples());
            let place = kind.place();
            if self.renderings.len() <= place {
                self.renderings.resize(place + 1, None);
            }
            self.renderings[place] = Some(announcement);
        }
        !sounds
    }

    pub(super) fn rendering(&self, kind: AnnouncementKind) -> Option<&Announcement> {
        self.renderings.get(kind.place())?.as_ref()
    }

    pub(super) fn stop_agent(&mut self, now: Timestamp, clock: &MediaClock) {
        self.flush_wide();
        let at = clock.to_media(now);
        let heard = self.playhead(at);
        if self.backlog.end() == heard && self.audible.is_none() {
            return;
        }
        self.clear(at, heard);
        self.sounding_ended(at, clock, EndedBy::Clear);
        for item in self.backlog.items.iter().filter(|item| item.end > heard) {
            let heard_ms = heard.saturating_sub(item.start) / 8;
            self.truncations.push_back((item.item, heard_ms));
        }
        if self.audible.is_some() {
            let (agent, _) = self.backlog.frame_at(heard);
            let last = self.fading_out(&agent, None);
            self.send_frame(at, &last);
        }
        self.agent_ended(now, EndedBy::Clear, Duration::ZERO);
        self.stopped = Some(self.backlog.end());
    }

    pub(super) fn resume_agent(&mut self) {
        if self.stopped.take().is_some() {
            self.resumed = true;
            self.backlog.all_done();
        }
    }

    pub(super) fn forget_agent(&mut self) {
        if let Some(kept) = self.stopped.take() {
            self.backlog.forget_until(kept);
        }
    }

    pub(super) fn limit_agent(&mut self, now: Timestamp, clock: &MediaClock, until: Timestamp) {
        self.limit_until = Some(until);
        self.apply_limit(clock.to_media(now), clock);
    }

    fn apply_limit(&mut self, now: MediaTime, clock: &MediaClock) {
        let Some(until) = self.limit_until else { return };
        let room = self.room_until(now, clock, until);
        self.backlog.limit_to(self.backlog.sent() + room);
    }

    /// Samples that can be sent now and still be heard by `until`.
    fn room_until(&self, now: MediaTime, clock: &MediaClock, until: Timestamp) -> u64 {
        let until = clock.to_media(until).samples().saturating_sub(self.line.usual_lag());
        until.saturating_sub(self.line.next_start(now).samples())
    }

    pub(super) fn unlimit_agent(&mut self) {
        self.limit_until = None;
        self.backlog.unlimit();
        self.terminal = None;
    }

    /// Where the caller's ear is in the backlog.
    fn playhead(&self, now: MediaTime) -> u64 {
        match self.audible {
            Some(audible) => self.line.playhead(now, self.backlog.sent(), audible.until).max(self.backlog.base()),
            None => self.backlog.sent(),
        }
    }

    /// Takes back what the carrier holds; sending would go on from `heard`.
    fn clear(&mut self, now: MediaTime, heard: u64) {
        self.commands.push_back(CarrierCommand::Clear);
        self.line.clear(now);
        self.echo.cleared(now);
        self.backlog.rewind(heard);
        if let Some(audible) = &mut self.audible {
            audible.until = now;
        }
        self.last_agent_mark = None;
        self.estimated = None;
        self.prompt_estimated = None;
        self.frames_since_mark = 0;
        self.terminal = None;
        self.over = None;
    }

    /// The carrier lost what it held of us at `lost_at`, and what was sent since.
    pub(super) fn reopened(&mut self, lost_at: Timestamp, clock: &MediaClock) {
        // An ending under way keeps its bound: the estimate takes the place of the lost mark.
        let ends = self.sounding.is_some_and(|sounding| matches!(sounding.kind, AnnouncementKind::Farewell(_)));
        if ends || self.terminal.is_some() {
            return;
        }
        let at = clock.to_media(lost_at);
        let heard = self.playhead(at);
        self.clear(at, heard);
        // There is nothing to be cleared on the new stream.
        self.commands.pop_back();
        self.sounding_ended(at, clock, EndedBy::Clear);
    }

    pub(super) fn tick(&mut self, now: Timestamp, clock: &MediaClock) {
        let at = clock.to_media(now);
        self.watch_marks(now, clock);
        self.apply_limit(at, clock);
        let mut sent_any = false;
        while self.is_short(at) {
            self.send_agent_frame(at, clock);
            sent_any = true;
        }
        self.idle_ticks = if sent_any { 0 } else { self.idle_ticks.saturating_add(1) };
        let run_over = self.backlog.unsent() == 0 && (self.backlog.is_complete() || self.idle_ticks >= IDLE_TICKS);
        if self.frames_since_mark > 0 && (run_over || self.frames_since_mark >= MARK_EVERY) {
            self.mark_agent(at);
        }
        if run_over && self.over.is_some() {
            self.send_rest_of_over(at, clock);
        }
        if let Some(audible) = self.audible {
            let heard = self.line.playhead(at, self.backlog.sent(), audible.until);
            if self.stopped.is_none() {
                self.backlog.forget_before(heard.saturating_sub(FRAME));
            }
        }
    }

    /// A frame waits that the line has room for.
    pub(super) fn is_short(&self, at: MediaTime) -> bool {
        self.line.wants_more(at) && self.may_send()
    }

    /// A whole frame waits, or the last part of one that nothing will follow.
    fn may_send(&self) -> bool {
        let unsent = self.backlog.unsent();
        let last = self.backlog.is_complete() || self.idle_ticks >= IDLE_TICKS;
        self.stopped.is_none() && (unsent >= FRAME || (unsent > 0 && last))
    }

    fn send_agent_frame(&mut self, at: MediaTime, clock: &MediaClock) {
        let position = self.backlog.sent();
        let (mut frame, _) = self.backlog.frame_at(position);
        let response = self.backlog.response_at(position);
        let last_of_cut = self.backlog.limit().is_some_and(|limit| position + FRAME >= limit);
        if self.over.is_some() || self.resumed || last_of_cut || self.mixer.agent_gain() < 1.0 {
            frame = self.mixed(&frame, at, clock, last_of_cut);
        }
        self.backlog.mark_sent();
        self.send_frame(at, &frame);
        self.mark_finished_over(at);
        self.counters.agent_frames += 1;
        self.frames_since_mark += 1;
        self.estimated = None;
        let until = self.line.end();
        let Some(response) = response.or(self.audible.map(|audible| audible.response)) else { return };
        match self.audible {
            None => {
                self.line.forget_anchor();
                self.events.push_back(MediaEvent::AgentAudible { response });
            }
            Some(audible) if audible.response != response => {
                self.events.push_back(MediaEvent::AgentContinues { response });
            }
            Some(_) => {}
        }
        self.audible = Some(Audible { response, until });
    }

    /// The frame ramping down to silence, under the first frame of what follows.
    fn fading_out(&mut self, frame: &MulawFrame, under: Option<&MulawFrame>) -> MulawFrame {
        let mut out = [0; FRAME_SAMPLES];
        self.mixer.reset();
        self.mixer.fade_out_agent();
        self.mixer.mix(Some(&decode(frame)), under.map(decode).as_ref(), &mut out);
        self.mixer.reset();
        encode(&out)
    }

    fn send_frame(&mut self, at: MediaTime, frame: &MulawFrame) {
        let start = self.line.send(at, FRAME);
        self.note_sent(start, frame);
        self.commands.push_back(CarrierCommand::Media(Payload::Frame(*frame)));
    }

    fn note_sent(&mut self, start: MediaTime, frame: &[u8]) {
        let mut decoded = [0; FRAME_SAMPLES];
        let n = frame.len().min(FRAME_SAMPLES);
        mulaw::decode_into(&frame[..n], &mut decoded[..n]);
        self.echo.sent(start, &decoded[..n]);
    }
}

fn decode(frame: &MulawFrame) -> Frame {
    let mut out = [0; FRAME_SAMPLES];
    mulaw::decode_into(frame, &mut out);
    out
}

fn encode(frame: &Frame) -> MulawFrame {
    let mut out = [0; FRAME_SAMPLES];
    mulaw::encode_into(frame, &mut out);
    out
}

/// The frame of `audio` at `from`, silent from `to` on.
fn frame_of(audio: &[u8], from: usize, to: usize) -> MulawFrame {
    let mut frame = [MULAW_SILENCE; FRAME_SAMPLES];
    let part = audio.get(from..to.min(from + FRAME_SAMPLES).min(audio.len())).unwrap_or(&[]);
    frame[..part.len()].copy_from_slice(part);
    frame
}

const _: () = assert!(samples(Duration::from_millis(20)) == FRAME);
