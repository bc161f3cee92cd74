//! Announcements: sent whole, over the agent's last frame, or mixed over an agent that goes on.

use std::{sync::Arc, time::Duration};

use super::{FRAME, Outbound, Over, SHORTEST, Sounding, Terminal, decode, encode, frame_of};
use crate::{
    audio::{FRAME_SAMPLES, MulawFrame},
    call::{AnnouncementKind, EndedBy, MediaEvent},
    carrier::{CarrierCommand, Payload},
    media::line::{Behind, call_time},
    time::{MediaClock, MediaTime, Timestamp},
};

impl Outbound {
    pub(in crate::media) fn announce(
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
            if self.rendering(kind).is_some() && self.over.is_none() {
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
        let Some(announcement) = self.rendering(kind).cloned() else { return };
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
            let joint = self.fading_out(&agent, Some(&frame_of(audio, 0, length)));
            self.send_frame(at, &joint);
            from = FRAME_SAMPLES.min(length);
        }
        // A cut ends in a frame of its own that ramps down.
        let ramped = length < whole;
        let to = if ramped { (length.saturating_sub(1)) / FRAME_SAMPLES * FRAME_SAMPLES } else { length };
        self.send_part(at, audio, from, to);
        if ramped && length > to {
            let last = self.fading_out(&frame_of(audio, to, length), None);
            self.send_frame(at, &last);
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
        let mark = self.line.mark(at, Behind::Announcement);
        self.sounding = Some(Sounding { kind, began, length, mark: Some(mark) });
        self.commands.push_back(CarrierCommand::Mark(mark));
        let (at, length) = (call_time(clock, began), MediaTime::from_samples(length).as_duration());
        self.events.push_back(MediaEvent::AnnouncementBegan { kind, at, length, cut });
    }

    pub(in crate::media) fn stop_announcement(&mut self, now: Timestamp, clock: &MediaClock) {
        let at = clock.to_media(now);
        let Some(sounding) = self.sounding else {
            self.over = None;
            return;
        };
        let heard = self.playhead(at);
        self.clear(at, heard);
        let position = at.samples().saturating_sub(sounding.began.samples());
        if let Some(announcement) = self.rendering(sounding.kind).cloned().filter(|_| position < sounding.length) {
            let frame = frame_of(announcement.mulaw(), position as usize, sounding.length as usize);
            let last = self.fading_out(&frame, None);
            self.send_frame(at, &last);
        }
        self.sounding_ended(at, clock, EndedBy::Clear);
    }

    pub(in crate::media) fn terminal_mark(&mut self, now: Timestamp, clock: &MediaClock, until: Option<Timestamp>) {
        let at = clock.to_media(now);
        let due = self.line.next_start(at);
        let id = self.line.mark(at, Behind::Terminal);
        self.commands.push_back(CarrierCommand::Mark(id));
        let patient = call_time(clock, due) + self.line.patience();
        let bound = until.map_or(patient, |until| until.min(patient));
        self.terminal = Some(Terminal { mark: id, due, bound });
    }

    /// The frame with an announcement over it, ramping in after a stop, or ramping out at a cut.
    pub(super) fn mixed(&mut self, frame: &MulawFrame, at: MediaTime, clock: &MediaClock, last: bool) -> MulawFrame {
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
            let audio = self.rendering(over.kind)?.mulaw();
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
            self.sounding = Some(Sounding { kind: over.kind, began, length: length as u64, mark: None });
            let (at, length) = (call_time(clock, began), MediaTime::from_samples(length as u64).as_duration());
            self.events.push_back(MediaEvent::AnnouncementBegan { kind: over.kind, at, length, cut: false });
        }
        let position = over.position + FRAME_SAMPLES;
        if position < length {
            self.over = Some(Over { position, ..over });
        } else {
            self.over = None;
            self.mixer.unduck_agent();
        }
    }

    /// The last frame of an announcement over the agent has been sent.
    pub(super) fn mark_finished_over(&mut self, at: MediaTime) {
        if self.over.is_some() {
            return;
        }
        if let Some(sounding) = self.sounding.as_mut().filter(|sounding| sounding.mark.is_none()) {
            let mark = self.line.mark(at, Behind::Announcement);
            sounding.mark = Some(mark);
            self.commands.push_back(CarrierCommand::Mark(mark));
        }
    }

    /// The agent has run out under an announcement: the rest of it goes out whole.
    pub(super) fn send_rest_of_over(&mut self, at: MediaTime, clock: &MediaClock) {
        let Some(over) = self.over.take() else { return };
        self.mixer.reset();
        let Some(announcement) = self.rendering(over.kind).cloned() else { return };
        if over.position == 0 {
            self.send_announcement(at, clock, over.kind, None, None);
            return;
        }
        self.send_part(at, announcement.mulaw(), over.position, announcement.samples());
        self.mark_finished_over(at);
    }

    /// A stretch of a rendering, at once and without a copy.
    fn send_part(&mut self, at: MediaTime, audio: &Arc<[u8]>, from: usize, to: usize) {
        if from >= to {
            return;
        }
        let start = self.line.send(at, (to - from) as u64);
        for (n, frame) in audio[from..to].chunks(FRAME_SAMPLES).enumerate() {
            self.note_sent(start + n as u64 * FRAME, frame);
        }
        let part = Payload::Part { audio: Arc::clone(audio), from, to };
        self.commands.push_back(CarrierCommand::Media(part));
    }

    pub(super) fn sounding_ended(&mut self, at: MediaTime, clock: &MediaClock, by: EndedBy) {
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
        let prompt = by == EndedBy::Estimate && !matches!(sounding.kind, AnnouncementKind::Farewell(_));
        self.prompt_estimated = sounding.mark.filter(|_| prompt).map(|mark| (mark, at));
        self.events.push_back(MediaEvent::AnnouncementEnded { kind: sounding.kind, at, by, heard });
    }
}
