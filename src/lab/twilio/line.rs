//! The part of a call that ticks: caller, stream, what is heard, and the record of it all.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc::UnboundedSender;

use super::{
    config::{RestFault, WireAct, WireFaults},
    events::{CallEvent, EndedBy, StreamEnd},
    follow::Control,
    histogram::Histogram,
    log::Log,
    meter::{HeardMeter, UTTERANCE_GAP},
    report::Tones,
    stream::{Leftover, Seen, Stream},
};
use crate::{
    carrier::CarrierCommand,
    lab::{CarrierNews, ScriptedCarrier, tone::Ear},
    time::Timestamp,
};

/// A call's moving parts, under one lock.
pub(super) struct Line {
    pub(super) carrier: ScriptedCarrier,
    pub(super) stream: Option<Stream>,
    pub(super) meter: HeardMeter,
    pub(super) log: Log,
    pub(super) rest_fault: Option<RestFault>,
    pub(super) ended_by: Option<EndedBy>,
    pub(super) control: UnboundedSender<Control>,
    faults: Arc<WireFaults>,
    leftovers: Vec<Leftover>,
    seen: Vec<Seen>,
    /// Utterances whose begin was told, and whether the last one's end was.
    told: (usize, bool),
    ears: Option<[Ear; 2]>,
    pub(super) tones: Tones,
}

impl Line {
    pub(super) fn new(
        mut carrier: ScriptedCarrier,
        faults: Arc<WireFaults>,
        rest_fault: Option<RestFault>,
        log: Log,
        control: UnboundedSender<Control>,
    ) -> Self {
        carrier.go_on_after_breaks();
        Self {
            carrier,
            stream: None,
            meter: HeardMeter::default(),
            log,
            rest_fault,
            ended_by: None,
            control,
            faults,
            leftovers: Vec::new(),
            seen: Vec::new(),
            told: (0, true),
            ears: None,
            tones: Tones::default(),
        }
    }

    /// Notes when tones begin, both ways.
    pub(super) fn note_tones(&mut self) {
        self.ears = Some([Ear::default(); 2]);
    }

    /// What was measured so far of what is heard does not count: underruns, leads, sizes.
    pub(super) fn forget_warm_up(&mut self) {
        self.meter.forget_warm_up();
    }

    /// A stream is open.
    pub(super) fn open(&mut self, now: Timestamp, stream: Stream) {
        self.log.counts.streams += 1;
        self.log.event(now, CallEvent::StreamStarted(stream.sid()));
        self.stream = Some(stream);
        self.carrier.open(now);
        // `start` goes out before anything can end the stream.
        self.due(now, |_| {});
    }

    /// What has arrived, and what is due, and how late that was. `false` once nothing can happen any more.
    pub(super) fn tick(&mut self, now: Timestamp, late_us: &mut Histogram) -> bool {
        self.read(now);
        self.due(now, |late| late_us.add(late.as_micros() as u64));
        if self.carrier.is_over() && self.ended_by.is_none() {
            // Only a call that vanished is over without news.
            self.ended_by = Some(EndedBy::Vanished);
            self.tell(Control::HangUp(EndedBy::Vanished));
        }
        self.act(now);
        self.tell_heard(now);
        self.leftovers.retain_mut(|leftover| leftover.goes_on(now));
        self.ended_by.is_none() || self.stream.is_some() || !self.leftovers.is_empty()
    }

    /// Does what is due; tells how late that was.
    fn due(&mut self, now: Timestamp, mut late: impl FnMut(Duration)) {
        loop {
            let due = self.carrier.next_at();
            let Some(news) = self.carrier.poll(now) else { break };
            late(now - due);
            if let Err(why) = self.news(now, &news) {
                self.stream_over(now, StreamEnd::Broken(why));
            }
        }
    }

    fn read(&mut self, now: Timestamp) {
        let Some(stream) = &mut self.stream else { return };
        let mut seen = std::mem::take(&mut self.seen);
        stream.read(&mut seen);
        for it in seen.drain(..) {
            match it {
                Seen::Command(command) => self.command(now, &command),
                Seen::Mark(id, name) => {
                    self.log.counts.received += 1;
                    self.log.counts.marks += 1;
                    self.log.detail(now, || CallEvent::Mark(name));
                    self.carrier.command(now, &CarrierCommand::Mark(id));
                }
                Seen::Fault(fault, first) => {
                    self.log.counts.received += 1;
                    if first {
                        self.log.warning(now, fault.code, fault.what.clone());
                    }
                    self.log.violation(now, format!("{}: {}", fault.code, fault.what));
                }
                Seen::End(end) => self.stream_over(now, end),
            }
        }
        self.seen = seen;
    }

    fn command(&mut self, now: Timestamp, command: &CarrierCommand) {
        self.log.counts.received += 1;
        let (buffered, refused) = (self.carrier.buffered(now), self.carrier.violation_count());
        match command {
            CarrierCommand::Media(payload) => {
                self.log.counts.media_received += 1;
                // Where the line runs dry cannot be seen afterwards.
                let dry_at = self.carrier.plays_until();
                self.carrier.command(now, command);
                if self.carrier.violation_count() == refused {
                    self.meter.chunk(now, dry_at, payload.samples());
                    if let Some([_, ear]) = &mut self.ears
                        && ear.begins(now, payload.samples())
                    {
                        self.tones.heard.push(now);
                    }
                } else {
                    let what = "more than 10 minutes of audio are buffered, the rest is discarded";
                    self.log.warning(now, 31931, what);
                    self.log.violation(now, format!("31931: {what}"));
                }
            }
            CarrierCommand::Clear => {
                self.log.detail(now, || CallEvent::Clear { unheard_ms: buffered.as_millis() as u64 });
                self.meter.clear(now);
                self.carrier.command(now, command);
            }
            CarrierCommand::Mark(_) | CarrierCommand::Request(_) => {}
        }
    }

    fn news(&mut self, now: Timestamp, news: &CarrierNews) -> Result<(), String> {
        if *news == CarrierNews::Stopped {
            self.end(now, EndedBy::Caller);
            return Ok(());
        }
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let counts = &mut self.log.counts;
        match news {
            CarrierNews::Started => {
                stream.start()?;
                // `connected` comes before it.
                counts.sent += 2;
            }
            CarrierNews::Media { timestamp_ms, payload } => {
                stream.media(*timestamp_ms, payload)?;
                if let Some([ear, _]) = &mut self.ears
                    && ear.begins(now, payload)
                {
                    self.tones.said.push(now);
                }
                counts.sent += 1;
                counts.media_sent += 1;
            }
            CarrierNews::Digit(digit) => {
                stream.digit(digit.key())?;
                counts.sent += 1;
                self.log.event(now, CallEvent::Digit(digit.key()));
            }
            CarrierNews::Mark(mark) => {
                let name = stream.echo(*mark)?;
                counts.sent += 1;
                counts.marks_echoed += 1;
                self.log.detail(now, || CallEvent::MarkEchoed(name));
            }
            CarrierNews::Closed => self.stream_over(now, StreamEnd::BrokenOnPurpose),
            // REST is a server here, and who hangs up was told above.
            CarrierNews::Answer(_) | CarrierNews::Stopped => {}
        }
        Ok(())
    }

    fn act(&mut self, now: Timestamp) {
        while let Some(act) = self.stream.as_mut().and_then(|stream| stream.act(now)) {
            match act {
                WireAct::Binary(_) | WireAct::Text(_) => self.log.counts.sent += 1,
                WireAct::Close(_) => {
                    let leftover = self.stream.take().map(Stream::leave);
                    self.leftovers.extend(leftover);
                    self.lost(now, StreamEnd::BrokenOnPurpose);
                }
                WireAct::Reset => self.stream_over(now, StreamEnd::BrokenOnPurpose),
            }
        }
    }

    /// The stream is gone, and not by our wish; the call goes on.
    fn stream_over(&mut self, now: Timestamp, end: StreamEnd) {
        let Some(stream) = self.stream.take() else { return };
        match end {
            StreamEnd::Closed(_) => self.leftovers.push(stream.leave()),
            StreamEnd::BrokenOnPurpose => stream.reset(),
            StreamEnd::Broken(_) | StreamEnd::Stopped => drop(stream),
        }
        self.lost(now, end);
    }

    fn lost(&mut self, now: Timestamp, end: StreamEnd) {
        self.unheard(now, end.clone());
        self.carrier.detach(now);
        self.tell(Control::StreamEnded(end));
    }

    fn unheard(&mut self, now: Timestamp, end: StreamEnd) {
        self.log.unheard = self.carrier.buffered(now);
        self.meter.cut(now);
        let unheard_ms = self.log.unheard.as_millis() as u64;
        self.log.event(now, CallEvent::StreamEnded { end, unheard_ms });
    }

    /// Ends the stream from our side; the call goes on.
    pub(super) fn stop_stream(&mut self, now: Timestamp) {
        let Some(stream) = self.stream.take() else { return };
        self.leftovers.push(stream.stop(&self.faults));
        self.unheard(now, StreamEnd::Stopped);
        self.carrier.detach(now);
        self.tell(Control::StreamEnded(StreamEnd::Stopped));
    }

    /// Ends the call, once.
    pub(super) fn end(&mut self, now: Timestamp, by: EndedBy) {
        if self.ended_by.is_none() {
            self.ended_by = Some(by);
            self.stop_stream(now);
            self.carrier.end_call(now);
            self.tell(Control::HangUp(by));
        }
    }

    fn tell(&self, control: Control) {
        // Nobody follows a call that is over.
        let _ = self.control.send(control);
    }

    /// Tells when the caller begins to hear something, and when that is over.
    fn tell_heard(&mut self, now: Timestamp) {
        let (told, ended) = &mut self.told;
        if !*ended
            && let Some(utterance) = self.meter.nth(*told - 1)
            && now > utterance.end + UTTERANCE_GAP
        {
            *ended = true;
            let ago_ms = (now - utterance.end).as_millis() as u64;
            self.log.detail(now, || CallEvent::AudioEnded { ago_ms });
        }
        if *ended
            && let Some(utterance) = self.meter.nth(*told)
            && utterance.start < now
        {
            *told += 1;
            *ended = false;
            self.log.detail(now, || CallEvent::AudioBegan);
        }
    }
}
