//! Agent and announcements onto the line: pacing, mixing, marks, estimates.

use std::{collections::VecDeque, time::Duration};

use super::{
    backlog::Backlog,
    echo::Echo,
    line::{Behind, Line, call_time, samples},
    queue,
};
use crate::{
    audio::{Dbfs, Encoding, FRAME_SAMPLES, Frame, MULAW_SILENCE, MulawFrame},
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
/// Commands that may wait: a second of frames with their marks, and an announcement.
const COMMANDS: usize = 256;
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
    narrow: Vec<u8>,
    backlog: Backlog,
    line: Line,
    mixer: Mixer,
    renderings: [Option<Announcement>; 16],
    audible: Option<Audible>,
    /// Stopped by a barge-in; what is kept ends here.
    stopped: Option<u64>,
    resumed: bool,
    sounding: Option<Sounding>,
    over: Option<Over>,
    terminal: Option<(MediaTime, Timestamp)>,
    limit_until: Option<Timestamp>,
    /// The last end that was estimated, in case its mark comes.
    estimated: Option<(MarkId, Timestamp)>,
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
        Self {
            encoding,
            down: Down::new(),
            odd: None,
            down_item: None,
            narrow: Vec::with_capacity(8_000),
            backlog: Backlog::new(),
            line: Line::new(),
            mixer: Mixer::default(),
            renderings: [const { None }; 16],
            audible: None,
            stopped: None,
            resumed: false,
            sounding: None,
            over: None,
            terminal: None,
            limit_until: None,
            estimated: None,
            last_agent_mark: None,
            frames_since_mark: 0,
            idle_ticks: 0,
            echo: Echo::new(),
            events: queue(64),
            truncations: queue(64),
            commands: queue(COMMANDS),
            counters: OutboundCounters::default(),
        }
    }

    pub(super) fn is_audible(&self) -> bool {
        self.audible.is_some()
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.stopped.is_none() && self.backlog.unsent() > 0
    }

    pub(super) fn rendered(&mut self, kind: AnnouncementKind, announcement: Announcement) {
        self.renderings[place(kind)] = Some(announcement);
    }

    pub(super) fn rendering(&self, kind: AnnouncementKind) -> Option<&Announcement> {
        self.renderings[place(kind)].as_ref()
    }

    // ---- the agent's audio comes in ----

    pub(super) fn append(&mut self, response: ResponseId, item: ItemId, payload: &[u8]) {
        if self.backlog.is_dropped(response) {
            return;
        }
        if self.stopped.is_some_and(|kept| self.backlog.end() >= kept) {
            // The model has gone on to something else: nothing will be resumed.
            self.forget_agent();
        }
        let fits = match self.encoding {
            Encoding::Mulaw => self.backlog.append(response, item, payload),
            Encoding::Pcm24k => self.append_wide(response, item, payload),
        };
        if !fits {
            self.counters.refused_bytes += payload.len() as u64;
            self.events.push_back(MediaEvent::BacklogFull { response });
        }
        self.idle_ticks = 0;
    }

    fn append_wide(&mut self, response: ResponseId, item: ItemId, payload: &[u8]) -> bool {
        if self.down_item != Some((response, item)) {
            self.flush_wide();
            self.down_item = Some((response, item));
        }
        let (down, narrow) = (&mut self.down, &mut self.narrow);
        let mut payload = payload;
        let mut push = |two: [u8; 2]| {
            down.push(&[i16::from_le_bytes(two)], &mut |out| narrow.extend(out.iter().map(|&s| mulaw::encode(s))));
        };
        if let (Some(low), [high, rest @ ..]) = (self.odd, payload) {
            push([low, *high]);
            self.odd = None;
            payload = rest;
        }
        let (pairs, odd) = payload.as_chunks::<2>();
        let mut block = [0i16; 240];
        for pairs in pairs.chunks(block.len()) {
            for (sample, two) in block.iter_mut().zip(pairs) {
                *sample = i16::from_le_bytes(*two);
            }
            down.push(&block[..pairs.len()], &mut |out| narrow.extend(out.iter().map(|&s| mulaw::encode(s))));
        }
        if let [odd] = odd {
            self.odd = Some(*odd);
        }
        let fits = self.backlog.append(response, item, &self.narrow);
        self.narrow.clear();
        fits
    }

    /// The item's last samples come out of the resampler.
    fn flush_wide(&mut self) {
        let Some((response, item)) = self.down_item.take() else { return };
        let narrow = &mut self.narrow;
        self.down.finish(&mut |out| narrow.extend(out.iter().map(|&s| mulaw::encode(s))));
        self.odd = None;
        self.backlog.append(response, item, &self.narrow);
        self.narrow.clear();
    }

    pub(super) fn item_done(&mut self, item: ItemId) {
        if self.down_item.is_some_and(|(_, id)| id == item) {
            self.flush_wide();
        }
        self.backlog.item_done(item);
    }

    pub(super) fn flush(&mut self) {
        self.flush_wide();
        self.backlog.all_done();
    }

    // ---- commands ----

    pub(super) fn stop_agent(&mut self, now: Timestamp, clock: &MediaClock) {
        self.flush_wide();
        let at = clock.to_media(now);
        let heard = self.playhead(at);
        if self.backlog.end() == heard && self.audible.is_none() {
            return;
        }
        self.clear(at, heard);
        for item in self.backlog.items.iter().filter(|item| item.end > heard) {
            let heard_ms = heard.saturating_sub(item.start) / 8;
            self.truncations.push_back((item.item, heard_ms));
        }
        if self.audible.is_some() {
            let (agent, _) = self.backlog.frame_at(heard);
            self.mixer.reset();
            self.mixer.fade_out_agent();
            let mut out = [0; FRAME_SAMPLES];
            self.mixer.mix(Some(&decode(&agent)), None, &mut out);
            self.send_frame(at, &encode(&out));
            self.mixer.reset();
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

    pub(super) fn drop_response(&mut self, response: ResponseId) {
        if self.down_item.is_some_and(|(id, _)| id == response) {
            self.down_item = None;
            self.down.reset();
            self.odd = None;
        }
        self.backlog.drop_response(response, self.stopped.is_some());
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
        self.last_agent_mark = None;
        self.estimated = None;
        self.frames_since_mark = 0;
        self.terminal = None;
        self.over = None;
    }

    pub(super) fn announce(
        &mut self,
        now: Timestamp,
        clock: &MediaClock,
        kind: AnnouncementKind,
        until: Option<Timestamp>,
        over_agent: bool,
    ) {
        let at = clock.to_media(now);
        if over_agent {
            self.announce_over_agent(now, at, clock, kind, until);
            return;
        }
        if self.has_unsent() && until.is_none() {
            // The agent is still running: duck it and mix.
            if self.renderings[place(kind)].is_some() && self.over.is_none() {
                self.over = Some(Over { kind, position: 0 });
                self.mixer.reset();
                self.mixer.duck_agent();
                self.mixer.fade_in_announcement();
            }
            return;
        }
        self.send_announcement(at, clock, kind, until, None);
    }

    /// Farewell: `clear`, one frame with the agent ramping down under the announcement's start, then the rest.
    fn announce_over_agent(
        &mut self,
        now: Timestamp,
        at: MediaTime,
        clock: &MediaClock,
        kind: AnnouncementKind,
        until: Option<Timestamp>,
    ) {
        let heard = self.playhead(at);
        let holds = self.line.end() > at || self.audible.is_some() || self.sounding.is_some();
        let joint = self.audible.is_some().then(|| self.backlog.frame_at(heard).0);
        if holds {
            self.clear(at, heard);
            self.sounding_ended(at, clock, EndedBy::Clear);
        }
        self.agent_ended(now, EndedBy::Clear, Duration::ZERO);
        self.stopped = None;
        self.backlog.forget_until(self.backlog.end());
        self.send_announcement(at, clock, kind, until, joint);
    }

    fn send_announcement(
        &mut self,
        at: MediaTime,
        clock: &MediaClock,
        kind: AnnouncementKind,
        until: Option<Timestamp>,
        joint: Option<MulawFrame>,
    ) {
        let Some(announcement) = self.renderings[place(kind)].clone() else { return };
        let whole = announcement.samples();
        let room = until.map_or(u64::MAX, |until| self.room_until(at, clock, until));
        let cut = announcement.cut_before(usize::try_from(room).unwrap_or(usize::MAX));
        let length = cut.end_samples.min(whole);
        if (length as u64) < SHORTEST && length < whole {
            return;
        }
        let began = self.line.next_start(at);
        let audio = announcement.mulaw();
        let mut from = 0;
        if let Some(agent) = joint {
            self.mixer.reset();
            self.mixer.fade_out_agent();
            let mut out = [0; FRAME_SAMPLES];
            let first = frame_of(audio, 0, length);
            self.mixer.mix(Some(&decode(&agent)), Some(&decode(&first)), &mut out);
            self.mixer.reset();
            self.send_frame(at, &encode(&out));
            from = FRAME_SAMPLES.min(length);
        }
        // A cut ends in a frame of its own that ramps down.
        let ramped = length < whole;
        let to = if ramped { (length.saturating_sub(1)) / FRAME_SAMPLES * FRAME_SAMPLES } else { length };
        if to > from {
            let start = self.line.send(at, (to - from) as u64);
            for (n, frame) in audio[from..to].chunks(FRAME_SAMPLES).enumerate() {
                self.note_level(start + n as u64 * FRAME, frame);
            }
            let part = Payload::Part { audio: audio.clone(), from, to };
            self.commands.push_back(CarrierCommand::Media(part));
        }
        if ramped && length > to {
            let last = frame_of(audio, to, length);
            self.mixer.reset();
            self.mixer.fade_out_agent();
            let mut out = [0; FRAME_SAMPLES];
            self.mixer.mix(Some(&decode(&last)), None, &mut out);
            self.mixer.reset();
            self.send_frame(at, &encode(&out));
        }
        self.announced(at, clock, kind, began, length as u64, ramped);
    }

    fn announced(
        &mut self,
        at: MediaTime,
        clock: &MediaClock,
        kind: AnnouncementKind,
        began: MediaTime,
        length: u64,
        cut: bool,
    ) {
        self.sounding = Some(Sounding { kind, began, length });
        let mark = self.line.mark(at, Behind::Announcement(kind));
        self.commands.push_back(CarrierCommand::Mark(mark));
        let (at, length) = (call_time(clock, began), MediaTime::from_samples(length).as_duration());
        self.events.push_back(MediaEvent::AnnouncementBegan { kind, at, length, cut });
    }

    pub(super) fn stop_announcement(&mut self, now: Timestamp, clock: &MediaClock) {
        let at = clock.to_media(now);
        let Some(sounding) = self.sounding else {
            self.over = None;
            return;
        };
        let heard = self.playhead(at);
        self.clear(at, heard);
        let position = at.samples().saturating_sub(sounding.began.samples());
        if let Some(announcement) = self.renderings[place(sounding.kind)].clone().filter(|_| position < sounding.length)
        {
            let frame = frame_of(announcement.mulaw(), position as usize, sounding.length as usize);
            self.mixer.reset();
            self.mixer.fade_out_agent();
            let mut out = [0; FRAME_SAMPLES];
            self.mixer.mix(Some(&decode(&frame)), None, &mut out);
            self.mixer.reset();
            self.send_frame(at, &encode(&out));
        }
        self.sounding_ended(at, clock, EndedBy::Clear);
    }

    pub(super) fn terminal_mark(&mut self, now: Timestamp, clock: &MediaClock, until: Option<Timestamp>) {
        let at = clock.to_media(now);
        let due = self.line.next_start(at);
        let id = self.line.mark(at, Behind::Terminal);
        self.commands.push_back(CarrierCommand::Mark(id));
        let patient = call_time(clock, due) + self.line.patience();
        self.terminal = Some((due, until.map_or(patient, |until| until.min(patient))));
    }

    // ---- the tick ----

    pub(super) fn tick(&mut self, now: Timestamp, clock: &MediaClock) {
        let at = clock.to_media(now);
        self.watch_marks(now, clock);
        self.apply_limit(at, clock);
        let mut sent_any = false;
        while self.line.wants_more(at) && self.may_send() {
            self.send_agent_frame(now, at, clock);
            sent_any = true;
        }
        self.idle_ticks = if sent_any { 0 } else { self.idle_ticks.saturating_add(1) };
        let run_over = self.backlog.unsent() == 0 && (self.backlog.is_complete() || self.idle_ticks >= IDLE_TICKS);
        if self.frames_since_mark > 0 && (run_over || self.frames_since_mark >= MARK_EVERY) {
            self.mark_agent(at);
        }
        if let Some(audible) = self.audible {
            let heard = self.line.playhead(at, self.backlog.sent(), audible.until);
            if self.stopped.is_none() {
                self.backlog.forget_before(heard.saturating_sub(FRAME));
            }
        }
    }

    /// A whole frame waits, or the last part of one that nothing will follow.
    fn may_send(&self) -> bool {
        let unsent = self.backlog.unsent();
        let last = self.backlog.is_complete() || self.idle_ticks >= IDLE_TICKS;
        self.stopped.is_none() && (unsent >= FRAME || (unsent > 0 && last))
    }

    fn send_agent_frame(&mut self, now: Timestamp, at: MediaTime, clock: &MediaClock) {
        let position = self.backlog.sent();
        let (mut frame, _) = self.backlog.frame_at(position);
        let response = self.backlog.response_at(position);
        let last_of_cut = self.backlog.limit().is_some_and(|limit| position + FRAME >= limit);
        if self.over.is_some() || self.resumed || last_of_cut {
            frame = self.mixed(&frame, at, clock, last_of_cut);
        }
        self.backlog.mark_sent();
        self.send_frame(at, &frame);
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
        let _ = now;
    }

    /// The frame with an announcement over it, ramping in after a stop, or ramping out at a cut.
    fn mixed(&mut self, frame: &MulawFrame, at: MediaTime, clock: &MediaClock, last: bool) -> MulawFrame {
        if std::mem::take(&mut self.resumed) {
            self.mixer.reset();
            self.mixer.fade_out_agent();
            // From silence: the ramp starts where the stop's ramp ended.
            let mut scratch = [0; FRAME_SAMPLES];
            self.mixer.mix(Some(&[0; FRAME_SAMPLES]), None, &mut scratch);
            self.mixer.fade_in_agent();
        }
        if last {
            self.mixer.fade_out_agent();
        }
        let over = self.over.and_then(|over| {
            let audio = self.renderings[place(over.kind)].as_ref()?.mulaw();
            Some((over, decode(&frame_of(audio, over.position, audio.len())), audio.len()))
        });
        let mut out = [0; FRAME_SAMPLES];
        self.mixer.mix(Some(&decode(frame)), over.as_ref().map(|(_, frame, _)| frame), &mut out);
        if let Some((over, _, length)) = over {
            self.advance_over(at, clock, over, length);
        }
        if last {
            self.mixer.reset();
        }
        encode(&out)
    }

    fn advance_over(&mut self, at: MediaTime, clock: &MediaClock, over: Over, length: usize) {
        if over.position == 0 {
            let began = self.line.next_start(at);
            self.sounding = Some(Sounding { kind: over.kind, began, length: length as u64 });
            let (at, length) = (call_time(clock, began), MediaTime::from_samples(length as u64).as_duration());
            self.events.push_back(MediaEvent::AnnouncementBegan { kind: over.kind, at, length, cut: false });
        }
        let position = over.position + FRAME_SAMPLES;
        if position < length {
            self.over = Some(Over { position, ..over });
        } else {
            self.over = None;
            self.mixer.unduck_agent();
            self.frames_since_mark = MARK_EVERY;
        }
    }

    fn send_frame(&mut self, at: MediaTime, frame: &MulawFrame) {
        let start = self.line.send(at, FRAME);
        self.note_level(start, frame);
        self.commands.push_back(CarrierCommand::Media(Payload::Frame(*frame)));
    }

    fn note_level(&mut self, start: MediaTime, frame: &[u8]) {
        let mut decoded = [0; FRAME_SAMPLES];
        let n = frame.len().min(FRAME_SAMPLES);
        mulaw::decode_into(&frame[..n], &mut decoded[..n]);
        self.echo.sent(start, Dbfs::of(&decoded[..n]));
    }

    fn mark_agent(&mut self, at: MediaTime) {
        self.frames_since_mark = 0;
        let id = self.line.mark(at, Behind::Agent(self.backlog.sent()));
        self.last_agent_mark = Some(id);
        self.commands.push_back(CarrierCommand::Mark(id));
    }

    // ---- marks and estimates ----

    pub(super) fn mark(&mut self, now: Timestamp, clock: &MediaClock, id: MarkId) {
        let at = clock.to_media(now);
        if let Some((last, end)) = self.estimated.filter(|(last, _)| *last == id) {
            self.estimated = None;
            self.line.echoed(at, last);
            self.events.push_back(MediaEvent::AgentEndMoved { at: now, by: now - end });
            return;
        }
        let Some(echoed) = self.line.echoed(at, id) else { return };
        self.counters.underruns = self.line.underruns;
        self.counters.marks_given_up = self.line.marks_given_up;
        match echoed.behind {
            Behind::Agent(_) => {
                let all = self.last_agent_mark == Some(id) && self.frames_since_mark == 0 && !self.has_unsent();
                if all && self.audible.is_some() {
                    self.agent_ended(now, EndedBy::Mark, echoed.lag);
                }
            }
            Behind::Announcement(_) => self.sounding_ended(at, clock, EndedBy::Mark),
            Behind::Terminal => {
                if self.terminal.take().is_some() {
                    self.agent_ended(now, EndedBy::Mark, echoed.lag);
                    self.sounding_ended(at, clock, EndedBy::Mark);
                    self.events.push_back(MediaEvent::TerminalMark { at: now, by: EndedBy::Mark });
                }
            }
        }
    }

    fn agent_ended(&mut self, at: Timestamp, by: EndedBy, lag: Duration) {
        if self.audible.take().is_none() {
            return;
        }
        self.line.forget_anchor();
        if let Some(over) = self.over.take() {
            // Only the agent's frames carried it.
            let _ = over;
            self.mixer.reset();
        }
        self.events.push_back(MediaEvent::AgentSilent { at, by, lag });
    }

    fn sounding_ended(&mut self, at: MediaTime, clock: &MediaClock, by: EndedBy) {
        let Some(sounding) = self.sounding.take() else { return };
        let heard = match by {
            EndedBy::Mark | EndedBy::Estimate => sounding.length,
            EndedBy::Clear => at.samples().saturating_sub(sounding.began.samples()).min(sounding.length),
        };
        let end = match by {
            EndedBy::Mark | EndedBy::Clear => at,
            EndedBy::Estimate => sounding.began + sounding.length,
        };
        let (at, heard) = (call_time(clock, end), MediaTime::from_samples(heard).as_duration());
        self.events.push_back(MediaEvent::AnnouncementEnded { kind: sounding.kind, at, by, heard });
    }

    /// Estimates take the place of marks that do not come.
    pub(super) fn watch_marks(&mut self, now: Timestamp, clock: &MediaClock) {
        if let Some(audible) = self.audible {
            let end = call_time(clock, audible.until);
            if !self.has_unsent() && now >= end + OVERDUE {
                self.estimated = self.last_agent_mark.map(|mark| (mark, end));
                self.agent_ended(end, EndedBy::Estimate, Duration::ZERO);
            }
        }
        if let Some(sounding) = self.sounding {
            let end = call_time(clock, sounding.began + sounding.length);
            if self.terminal.is_none() && now >= end + OVERDUE {
                self.sounding_ended(clock.to_media(now), clock, EndedBy::Estimate);
            }
        }
        if let Some((due, bound)) = self.terminal.filter(|(_, bound)| now >= *bound) {
            self.terminal = None;
            self.sounding_ended(clock.to_media(now), clock, EndedBy::Estimate);
            let at = call_time(clock, due).min(bound);
            self.events.push_back(MediaEvent::TerminalMark { at, by: EndedBy::Estimate });
        }
    }

    pub(super) fn poll_timeout(&self, clock: &MediaClock) -> Option<Timestamp> {
        let agent = self.audible.filter(|_| !self.has_unsent()).map(|a| call_time(clock, a.until) + OVERDUE);
        let sounding = self.sounding.filter(|_| self.terminal.is_none());
        let prompt = sounding.map(|s| call_time(clock, s.began + s.length) + OVERDUE);
        let terminal = self.terminal.map(|(_, bound)| bound);
        [agent, prompt, terminal].into_iter().flatten().min()
    }
}

/// Place of a rendering.
fn place(kind: AnnouncementKind) -> usize {
    match kind {
        AnnouncementKind::Farewell(kind) => kind as usize,
        AnnouncementKind::Reminder => 14,
        AnnouncementKind::Filler => 15,
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
