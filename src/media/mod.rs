//! What is heard in a call: the data plane.
//!
//! [`MediaPath`] takes carrier audio in and gives outbound frames, marks and caller audio for the model, on the
//! media's own clock; it decides nothing. [`crate::call`] commands it by [`MediaCommand`] and learns from it by
//! [`MediaEvent`].
//!
//! | file | what |
//! |---|---|
//! | `inbound.rs` | ring, gaps, decoding, detector, talkspurts |
//! | `echo/` | what our own voice explains of the inbound audio |
//! | `feed.rs` | caller audio for the model: history, hold, replay, resampling |
//! | `backlog.rs` | the agent's audio: items, positions, cuts |
//! | `line.rs` | what the carrier has of us: marks, playhead, lead |
//! | `outbound/` | agent and announcements onto the line |
//!
//! Instead of a plain playout ring the agent's audio lies in a backlog (`backlog.rs`) with absolute positions: resuming after
//! a false barge-in, truncation and the frame under a farewell need audio that was sent but not heard.

mod backlog;
mod echo;
mod feed;
mod inbound;
mod line;
mod outbound;
#[cfg(test)]
mod tests;

pub use feed::{FED_BYTES, FEED_HISTORY};
pub use inbound::{FRAMES_PER_TICK, InboundCounters};
pub use line::{LEAD, LEAD_MAX};
pub use outbound::OutboundCounters;

use crate::{
    audio::Encoding,
    call::{AnnouncementKind, HeardSpurt, Hearing, MediaCommand, MediaEvent},
    carrier::{CarrierCommand, MarkId},
    mix::Announcement,
    model::{ItemId, ResponseId},
    time::{MediaClock, MediaTime, Timestamp},
    vad::{Batch, SpurtId, Talkspurt, TalkspurtConfig, TalkspurtEvent, Vad},
};
use feed::Feed;
use inbound::Inbound;
use outbound::Outbound;

/// What the tick wants told, besides [`MediaEvent`]s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Heard {
    /// A talkspurt began to count.
    Counts(HeardSpurt),
    /// A talkspurt that counted has ended.
    Ended(HeardSpurt),
}

/// The media of one call. Neither allocates nor frees in [`MediaPath::hear`], [`MediaPath::feed`] and
/// [`MediaPath::speak`] if there is [room](MediaPath::make_room).
pub struct MediaPath {
    clock: MediaClock,
    inbound: Inbound,
    feed: Feed,
    outbound: Outbound,
    last_frame_at: Timestamp,
}

impl std::fmt::Debug for MediaPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaPath").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl MediaPath {
    /// The media of a call whose model speaks `encoding`. Allocates everything that the first tick will need.
    #[must_use]
    pub fn new(config: TalkspurtConfig, vad: Box<dyn Vad>, encoding: Encoding) -> Self {
        Self {
            clock: MediaClock::default(),
            inbound: Inbound::new(config, vad),
            feed: Feed::new(encoding),
            outbound: Outbound::new(encoding),
            last_frame_at: Timestamp::ZERO,
        }
    }

    /// Takes the memory that the next tick may need, and gives back what is not needed any more. Call it between ticks.
    pub fn make_room(&mut self) {
        self.inbound.make_room();
        self.feed.make_room(self.inbound.missing_samples());
        self.outbound.make_room();
    }

    /// The stream begins.
    pub fn start(&mut self, now: Timestamp) {
        self.clock.observe(now, MediaTime::ZERO);
        self.last_frame_at = now;
    }

    /// The stream broke at `lost_at` and is there again: time stamps begin anew, the time between is a gap, and what
    /// the carrier held of the agent is said again from where the caller had heard it.
    pub fn reopened(&mut self, lost_at: Timestamp) {
        self.inbound.reopened();
        self.outbound.reopened(lost_at, &self.clock);
    }

    /// Caller audio arrives: µ-law, any length; `timestamp_ms` shows gaps.
    pub fn receive(&mut self, now: Timestamp, timestamp_ms: Option<u64>, payload: &[u8]) {
        self.last_frame_at = now;
        let latest = self.clock.to_media(now);
        if self.clock.watermark() == MediaTime::ZERO {
            // The first frame knows better than the stream's announcement where the media is.
            self.clock = MediaClock::default();
        }
        let end = self.inbound.receive(timestamp_ms, payload, latest);
        self.clock.observe(now, end);
        let missing = self.inbound.missing_samples();
        if missing > 0 {
            // All of a gap may go by in one tick.
            self.feed.make_room(missing);
        }
    }

    /// Offers the next inbound frame to the detector: the first half of a tick, for detectors that score the frames of
    /// many calls in one go.
    pub fn offer(&mut self, batch: &mut Batch) {
        self.inbound.offer(&mut self.feed, batch);
    }

    /// Takes back what [`MediaPath::offer`] put into the batch, once that was run.
    pub fn collect(&mut self, batch: &Batch) {
        self.inbound.collect(batch);
    }

    /// Works off the next inbound frame, if one is complete. Call at most [`FRAMES_PER_TICK`] times a tick.
    pub fn hear(&mut self) -> Option<[Option<Heard>; 2]> {
        let heard = self.inbound.next_frame(&mut self.outbound.echo, &mut self.feed)?;
        Some(heard.map(|event| self.told(event?)))
    }

    /// Frames have failed to come for so long that the talkspurt under way has ended. Call after
    /// [`MediaPath::hear`], in each tick.
    pub fn hear_lull(&mut self, now: Timestamp) -> Option<Heard> {
        let ended = self.inbound.lull(self.clock.to_media(now))?;
        self.told(ended)
    }

    fn told(&self, event: TalkspurtEvent) -> Option<Heard> {
        match event {
            TalkspurtEvent::Began(_) => None,
            TalkspurtEvent::Counts(spurt) => Some(Heard::Counts(on_call_time(&self.clock, &spurt))),
            TalkspurtEvent::Ended(spurt) => spurt.counts.then(|| Heard::Ended(on_call_time(&self.clock, &spurt))),
        }
    }

    /// What has been heard, for the decisions.
    #[must_use]
    pub fn hearing(&self) -> Hearing {
        let media = self.inbound.processed();
        Hearing {
            heard_to: self.clock.to_call(media),
            media,
            caught_up: !self.inbound.has_frame(),
            open: self.inbound.open().map(|spurt| on_call_time(&self.clock, spurt)),
            last_frame_at: self.last_frame_at,
            uncertainty: self.clock.uncertainty(),
            agent_unsent: self.outbound.has_unsent(),
            agent_audible: self.outbound.is_audible(),
            echo: self.outbound.echo.path(),
        }
    }

    /// The next frame of caller audio that is due to the model, in its encoding; it lies in `out`. Call it until there is
    /// none, at most [`FRAMES_PER_TICK`] times a tick.
    pub fn feed<'a>(&mut self, out: &'a mut [u8; FED_BYTES]) -> Option<&'a [u8]> {
        self.feed.next_frame(out)
    }

    /// The model's session is open: appended time starts at 0.
    pub fn model_ready(&mut self) {
        self.feed.ready();
    }

    /// The model is away: caller audio is kept for it, at most 5 s.
    pub fn model_lost(&mut self) {
        self.feed.lost();
    }

    /// The call time of a millisecond of appended audio.
    #[must_use]
    pub fn appended_to_call(&self, ms: u64) -> Timestamp {
        self.clock.to_call(self.feed.media_of(ms))
    }

    /// Audio of the agent.
    pub fn agent_audio(&mut self, response: ResponseId, item: ItemId, payload: &[u8]) {
        self.outbound.append(response, item, payload);
    }

    /// An item's audio is complete.
    pub fn item_done(&mut self, item: ItemId) {
        self.outbound.item_done(item);
    }

    /// The model sends nothing more for now: what is left of a frame goes out.
    pub fn response_done(&mut self) {
        self.outbound.flush();
    }

    /// A rendering is ready; it takes the place of an earlier one. `false` if it was not taken, because the earlier one
    /// is sounding: then it stays.
    pub fn rendered(&mut self, kind: AnnouncementKind, announcement: Announcement) -> bool {
        self.outbound.rendered(kind, announcement)
    }

    /// A rendering that was given.
    #[must_use]
    pub fn rendering(&self, kind: AnnouncementKind) -> Option<&Announcement> {
        self.outbound.rendering(kind)
    }

    /// The carrier echoes a mark.
    pub fn mark(&mut self, now: Timestamp, mark: MarkId) {
        self.outbound.mark(now, &self.clock, mark);
    }

    /// A key was pressed: its tone is no speech. Tells which talkspurt it was taken for.
    pub fn ignore_tone(&mut self, now: Timestamp) -> Option<SpurtId> {
        self.inbound.ignore_tone(self.clock.to_media(now))
    }

    /// Carries out a command.
    pub fn command(&mut self, now: Timestamp, command: MediaCommand) {
        match command {
            MediaCommand::StopAgent => self.outbound.stop_agent(now, &self.clock),
            MediaCommand::ResumeAgent => self.outbound.resume_agent(),
            MediaCommand::ForgetAgent => self.outbound.forget_agent(),
            MediaCommand::DropResponse(response) => self.outbound.drop_response(response),
            MediaCommand::LimitAgent { until } => self.outbound.limit_agent(now, &self.clock, until),
            MediaCommand::UnlimitAgent => self.outbound.unlimit_agent(),
            MediaCommand::Announce { kind, until, over_agent } => {
                self.outbound.announce(now, &self.clock, kind, until, over_agent);
            }
            MediaCommand::StopAnnouncement => self.outbound.stop_announcement(now, &self.clock),
            MediaCommand::TerminalMark { until } => self.outbound.terminal_mark(now, &self.clock, until),
            MediaCommand::HoldModel => self.feed.hold(),
            MediaCommand::FeedModel { from } => self.feed.release(self.clock.to_media(from)),
        }
    }

    /// Puts on the line what is due, and watches over marks.
    pub fn speak(&mut self, now: Timestamp) {
        self.outbound.tick(now, &self.clock);
    }

    /// The carrier has less of the agent than it should, and there is more for it.
    #[must_use]
    pub fn is_short(&self, now: Timestamp) -> bool {
        self.outbound.is_short(self.clock.to_media(now))
    }

    /// Watches over marks between two ticks.
    pub fn watch(&mut self, now: Timestamp) {
        self.outbound.watch_marks(now, &self.clock);
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<MediaEvent> {
        self.outbound.events.pop_front()
    }

    /// How much of which item was heard, to be told to the model.
    pub fn poll_truncation(&mut self) -> Option<(ItemId, u64)> {
        self.outbound.truncations.pop_front()
    }

    /// How much audio, marks and clears wait for the carrier.
    #[must_use]
    pub fn outbound_waiting(&self) -> usize {
        self.outbound.commands.len()
    }

    /// The next audio, mark or clear for the carrier.
    pub fn poll_outbound(&mut self) -> Option<CarrierCommand> {
        self.outbound.commands.pop_front()
    }

    /// When an estimate replaces a mark that does not come.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.outbound.poll_timeout(&self.clock)
    }

    /// The map from media to call time.
    #[must_use]
    pub fn clock(&self) -> &MediaClock {
        &self.clock
    }

    /// What was lost or padded on the way in.
    #[must_use]
    pub fn inbound_counters(&self) -> InboundCounters {
        self.inbound.counters()
    }

    /// What was lost or late on the way out.
    #[must_use]
    pub fn outbound_counters(&self) -> OutboundCounters {
        self.outbound.counters
    }

    /// Bytes of caller audio that the model never got because it was away for too long.
    #[must_use]
    pub fn feed_dropped(&self) -> u64 {
        self.feed.dropped()
    }
}

fn on_call_time(clock: &MediaClock, spurt: &Talkspurt) -> HeardSpurt {
    HeardSpurt {
        id: spurt.id,
        start: clock.to_call(spurt.start),
        end: clock.to_call(spurt.end),
        voiced: spurt.voiced,
        level: spurt.level,
        counts: spurt.counts,
    }
}
