//! What is kept of a call, and what those learn who watch.

use std::time::Duration;

use serde_json::{Value, json};

use super::transcript::Transcript;
use crate::{
    call::{CallRecord, LedgerEntry, Party, Reason, SaidBy},
    carrier::{CallId, CarrierCounters, Parties},
    media::{InboundCounters, OutboundCounters},
    model::{ModelCounters, ModelFault},
    session::AnswerLatency,
    time::Timestamp,
};

/// A call that is over.
#[derive(Clone, Debug)]
pub struct FinishedCall {
    /// The call.
    pub call: CallId,
    /// Its assistant.
    pub assistant: String,
    /// What tells that assistant from its other versions: `file:NAME`, or `ID@VERSION`.
    pub assistant_key: String,
    /// Who talked with whom.
    pub parties: Parties,
    /// When its stream began, milliseconds since 1970.
    pub began_unix_ms: u64,
    /// How often its stream had been opened before.
    pub resumed: u8,
    /// Why and how it ended.
    pub record: CallRecord,
    /// Why the silence window moved.
    pub ledger: Vec<LedgerEntry>,
    /// What was said.
    pub transcript: Transcript,
    /// Whom the caller was put through to, by name.
    pub transferred_to: Option<String>,
    /// What was lost or padded on the way in.
    pub inbound: InboundCounters,
    /// What was lost or late on the way out.
    pub outbound: OutboundCounters,
    /// What could not be read.
    pub carrier: CarrierCounters,
    /// What kept the model from answering at the call's end, if anything did.
    pub model_fault: Option<ModelFault>,
    /// What could not be used of the model's messages.
    pub model: ModelCounters,
    /// Caller audio that the model never got, in bytes.
    pub feed_dropped_bytes: u64,
    /// How long the caller waited for answers: the latest 64.
    pub answers: Vec<AnswerLatency>,
    /// The longest time between two looks at this call: a stall of the machine, or of ours.
    pub longest_step: Duration,
}

/// Something happened in a call, for those who watch.
#[derive(Clone, Debug)]
pub enum Observation {
    /// The call's stream is open.
    Began {
        /// The call.
        call: CallId,
        /// Its assistant.
        assistant: String,
    },
    /// An entry of its ledger.
    Entry {
        /// The call.
        call: CallId,
        /// The entry.
        entry: LedgerEntry,
    },
    /// It is over.
    Finished(Box<FinishedCall>),
}

impl FinishedCall {
    /// As one JSON object: times in milliseconds of call time. What was said is not in it.
    #[must_use]
    pub fn json(&self) -> Value {
        let ms = |at: Option<Timestamp>| at.map(Timestamp::as_millis_f64);
        let record = &self.record;
        let ledger = self.ledger.iter().map(|entry| {
            json!({
                "at_ms": entry.at.as_millis_f64(),
                "cause": entry.cause.to_string(),
                "deadline_ms": ms(entry.deadline),
                "uncertainty_ms": entry.uncertainty.as_secs_f64() * 1e3,
            })
        });
        let in_ms = |time: Duration| time.as_secs_f64() * 1e3;
        let answers = self.answers.iter().map(|answer| {
            json!({
                "at_ms": answer.at.as_millis_f64(),
                "total_ms": in_ms(answer.total),
                "ours_ms": in_ms(answer.ours),
                "model_ms": in_ms(answer.model),
            })
        });
        let usage = self.model.usage;
        let model = json!({
            "fault": self.model_fault.map(ModelFault::name),
            "unknown_events": self.model.unknown,
            "unreadable_messages": self.model.unreadable,
            "errors": self.model.errors,
            "late_events": self.model.late,
            "dropped_events": self.model.dropped,
            "usage": {
                "input_text_tokens": usage.input_text,
                "input_audio_tokens": usage.input_audio,
                "input_cached_tokens": usage.input_cached,
                "output_text_tokens": usage.output_text,
                "output_audio_tokens": usage.output_audio,
            },
        });
        json!({
            "call": self.call.as_str(),
            "assistant": self.assistant,
            "began_unix_ms": self.began_unix_ms,
            "resumed": self.resumed,
            "reason": record.reason.map(Reason::name),
            "transferred_to": self.transferred_to,
            "ended_by": record.ended_by.map(Party::name),
            "verified": record.verified,
            "deadline_ms": ms(record.deadline),
            "held_ms": record.held.as_secs_f64() * 1e3,
            "goodbye_ms": ms(record.goodbye_at),
            "said_by": record.said_by.map(SaidBy::name),
            "goodbye_heard": record.goodbye_heard.map(|by| by.to_string()),
            "goodbye_cut": record.goodbye_cut,
            "terminal_mark_ms": ms(record.terminal_mark_at),
            "tool_called_ms": ms(record.tool_called_at),
            "closed_ms": ms(record.closed_at),
            "mechanics_error_ms": self.mechanics_error_ms(),
            "taken_back": record.taken_back,
            "barge_ins": record.barge_ins.0,
            "false_barge_ins": record.barge_ins.1,
            "estimated_ends": record.estimated_ends,
            "echo": record.echo.map(|echo| json!({
                "delay_ms": echo.delay_ms(), "loss_db": echo.loss_db, "confidence": echo.confidence,
            })),
            "hangup_tries": record.hangup_tries,
            "media_ms": record.media.as_millis_f64(),
            "gap_samples": self.inbound.gap_samples,
            "inbound_dropped_bytes": self.inbound.dropped_bytes,
            "bad_timestamps": self.inbound.bad_timestamps,
            "agent_frames": self.outbound.agent_frames,
            "underruns": self.outbound.underruns,
            "marks_given_up": self.outbound.marks_given_up,
            "refused_agent_bytes": self.outbound.refused_bytes,
            "feed_dropped_bytes": self.feed_dropped_bytes,
            "longest_step_ms": self.longest_step.as_secs_f64() * 1e3,
            "model": model,
            "unreadable_messages": self.carrier.unreadable,
            "unknown_messages": self.carrier.unknown,
            "answers": answers.collect::<Vec<_>>(),
            "ledger": ledger.collect::<Vec<_>>(),
        })
    }

    /// First goodbye frame less our own deadline, milliseconds; `None` unless the call ended by silence.
    #[must_use]
    pub fn mechanics_error_ms(&self) -> Option<f64> {
        let (deadline, goodbye) = (self.record.deadline?, self.record.goodbye_at?);
        (self.record.reason == Some(Reason::Silence)).then(|| goodbye.diff_micros(deadline) as f64 / 1e3)
    }
}
