//! What came of a call, and of many.

use super::{
    call::Call,
    events::{CallEvent, EndedBy, Spoken},
    histogram::Histogram,
    log::Counts,
    meter::HeardMeter,
};
use crate::{carrier::twilio::CallSid, time::Timestamp};

/// A call that is over; times by the lab's clock.
#[derive(Clone, Debug)]
pub struct CallReport {
    /// Its id.
    pub call: CallSid,
    /// The voice webhook was asked.
    pub dialled: Timestamp,
    /// The first document was there.
    pub document: Option<Timestamp>,
    /// The first handshake was answered with 101.
    pub stream: Option<Timestamp>,
    /// The end.
    pub ended: Timestamp,
    /// By whom.
    pub ended_by: EndedBy,
    /// As the vendor's books say, such as `completed`.
    pub status: &'static str,
    /// What was heard.
    pub heard: HeardMeter,
    /// When tones began; only with [`super::Dial::tones`].
    pub tones: Tones,
    /// Audio that was still to be played when the last stream ended, milliseconds.
    pub unheard_ms: u64,
    /// How much of everything.
    pub counts: Counts,
    /// What the gateway did that the vendor does not allow, the first few.
    pub violations: Vec<String>,
    /// The vendor's debugger: number and text.
    pub warnings: Vec<(u32, String)>,
    /// What the vendor's own voice said.
    pub spoken: Vec<Spoken>,
    /// Everything in order; the first few without [`super::Dial::detail`].
    pub events: Vec<(Timestamp, CallEvent)>,
}

/// When the tones of a caller who says them to measure with began, by the lab's clock. About one a second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tones {
    /// The caller's frame was written.
    pub said: Vec<Timestamp>,
    /// The gateway's message was read.
    pub heard: Vec<Timestamp>,
}

impl CallReport {
    pub(super) fn of(call: &Call) -> Self {
        let (line, state) = (call.line(), call.state().clone());
        let mut heard = line.meter.clone();
        heard.finish();
        Self {
            call: call.sid,
            dialled: call.dialled,
            document: state.document,
            stream: state.stream,
            ended: state.ended.map_or_else(|| call.lab.clock.now(), |(at, _)| at),
            ended_by: line.ended_by.unwrap_or(EndedBy::Lab),
            status: state.status,
            heard,
            tones: line.tones.clone(),
            unheard_ms: line.log.unheard.as_millis() as u64,
            counts: line.log.counts,
            violations: line.log.violations.clone(),
            warnings: line.log.warnings.clone(),
            spoken: line.log.spoken.clone(),
            events: line.log.events.clone(),
        }
    }
}

/// The sum over calls.
#[derive(Clone, Debug, Default)]
pub struct LabReport {
    /// Calls.
    pub calls: u64,
    /// Calls that never got a document.
    pub without_document: u64,
    /// Calls without a stream.
    pub without_stream: u64,
    /// Calls by who ended them.
    pub ended_by: Vec<(EndedBy, u64)>,
    /// How much of everything.
    pub counts: Counts,
    /// Holes in what was heard.
    pub underruns: u64,
    /// Calls that ended while more than 20 ms were still to be played.
    pub cut_off: u64,
    /// Audio waiting to be played after each chunk, milliseconds.
    pub lead_ms: Histogram,
    /// Samples in each chunk.
    pub chunk_bytes: Histogram,
    /// From dialling to the answer 101, milliseconds.
    pub connect_ms: Histogram,
    /// From the answer 101 to the first outbound audio, milliseconds.
    pub first_audio_ms: Histogram,
    /// The first few violations, with their calls.
    pub violations: Vec<(CallSid, String)>,
    /// Time between two looks at all calls, milliseconds: how late the lab itself was.
    pub tick_ms: Histogram,
    /// How late the lab sent what was due, microseconds.
    pub late_us: Histogram,
}

impl LabReport {
    /// Adds a call.
    pub fn add(&mut self, call: &CallReport) {
        self.calls += 1;
        self.without_document += u64::from(call.document.is_none());
        self.without_stream += u64::from(call.stream.is_none());
        match self.ended_by.iter_mut().find(|(by, _)| *by == call.ended_by) {
            Some((_, count)) => *count += 1,
            None => self.ended_by.push((call.ended_by, 1)),
        }
        self.counts.add(&call.counts);
        self.underruns += call.heard.underruns;
        self.cut_off += u64::from(call.unheard_ms > 20);
        self.lead_ms.merge(&call.heard.lead_ms);
        self.chunk_bytes.merge(&call.heard.chunk_bytes);
        if let Some(stream) = call.stream {
            self.connect_ms.add((stream - call.dialled).as_millis() as u64);
            if let Some(first) = call.heard.first_audio {
                self.first_audio_ms.add((first - stream).as_millis() as u64);
            }
        }
        for violation in &call.violations {
            if self.violations.len() < 16 {
                self.violations.push((call.call, violation.clone()));
            }
        }
    }
}
