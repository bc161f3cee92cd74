//! What happened, in bytes.
//!
//! | byte | what | fields |
//! |---|---|---|
//! | 0, 1 | a tick, a timeout | |
//! | 2, 3 | operator, drain | |
//! | 4 | an intent has answered | number; 1 if it worked, else why not |
//! | 5 | rendered | kind, by, audio, pauses (count; each: start, length), end of the sound |
//! | 16–23 | from the carrier: started, media, digit, mark, stopped, closed, reopened, answer | |
//! | 32–43 | from the model: in the order of [`ModelEvent`] | |
//!
//! A kind of announcement is its farewell's place in [`FarewellKind::ALL`], or 64 for the reminder, 65 for the filler.

use std::time::Duration;

use super::bytes::{Bytes, Malformed, put_bytes, put_number, put_option};
use crate::{
    assistant::FarewellKind,
    call::{AnnouncementKind, IntentPlace, SaidBy, ToolFault},
    carrier::{CallAnswer, CallStatus, CarrierEvent, Digit, MarkId, RequestOutcome},
    mix::Announcement,
    model::{AppendedSpan, ItemId, ModelEvent, ResponseId, ResponseStatus, ToolCallId},
    session::Input,
    time::Timestamp,
};

/// What a session was called with.
#[derive(Clone, Debug)]
pub enum What<'a> {
    /// [`Session::handle_input`](crate::session::Session::handle_input).
    Input(Input<'a>),
    /// [`Session::tick`](crate::session::Session::tick).
    Tick,
    /// [`Session::handle_timeout`](crate::session::Session::handle_timeout).
    Timeout,
}

pub(super) const TICK: u8 = 0;
pub(super) const TIMEOUT: u8 = 1;
const OPERATOR: u8 = 2;
const DRAIN: u8 = 3;
const TOOL_DONE: u8 = 4;
const RENDERED: u8 = 5;

const STARTED: u8 = 16;
const MEDIA: u8 = 17;
const DIGIT: u8 = 18;
const MARK: u8 = 19;
const STOPPED: u8 = 20;
const CLOSED: u8 = 21;
const REOPENED: u8 = 22;
const ANSWER: u8 = 23;

const READY: u8 = 32;
const LOST: u8 = 33;
const SPEECH_STARTED: u8 = 34;
const COMMITTED: u8 = 35;
const PARTIAL: u8 = 36;
const TRANSCRIPT: u8 = 37;
const TRANSCRIPT_FAILED: u8 = 38;
const RESPONSE_CREATED: u8 = 39;
const AUDIO: u8 = 40;
const ITEM_DONE: u8 = 41;
const TOOL_CALL: u8 = 42;
const RESPONSE_DONE: u8 = 43;

const REMINDER: u8 = 64;
const FILLER: u8 = 65;
/// Of the first intent; those of the others follow.
const INTENT_FILLER: u8 = 128;

/// Who may have said a rendering.
const SPEAKERS: [SaidBy; 5] = [SaidBy::Voice, SaidBy::OtherVoice, SaidBy::Builtin, SaidBy::Carrier, SaidBy::Nobody];
/// What a carrier may answer to a request about the call.
const ANSWERS: [CallAnswer; 9] = [
    CallAnswer::Hangup(RequestOutcome::Done),
    CallAnswer::Hangup(RequestOutcome::Failed),
    CallAnswer::Say(RequestOutcome::Done),
    CallAnswer::Say(RequestOutcome::Failed),
    CallAnswer::Status(CallStatus::InProgress),
    CallAnswer::Status(CallStatus::Ended),
    CallAnswer::Status(CallStatus::Unreachable),
    CallAnswer::Dial(RequestOutcome::Done),
    CallAnswer::Dial(RequestOutcome::Failed),
];

pub(super) fn put_input(out: &mut Vec<u8>, input: &Input<'_>) {
    match input {
        Input::Operator => out.push(OPERATOR),
        Input::Drain => out.push(DRAIN),
        Input::ToolDone { call, result } => {
            out.push(TOOL_DONE);
            put_number(out, call.0.into());
            put_result(out, *result);
        }
        Input::Rendered { kind, by, announcement } => {
            out.push(RENDERED);
            put_kind(out, *kind);
            put_place(out, &SPEAKERS, by);
            put_announcement(out, announcement);
        }
        Input::Carrier(event) => put_carrier(out, event),
        Input::Model(event) => put_model(out, event),
    }
}

impl<'a> What<'a> {
    pub(super) fn take(bytes: &mut Bytes<'a>) -> Result<Self, Malformed> {
        let what = bytes.byte()?;
        Ok(match what {
            TICK => Self::Tick,
            TIMEOUT => Self::Timeout,
            OPERATOR => Self::Input(Input::Operator),
            DRAIN => Self::Input(Input::Drain),
            TOOL_DONE => {
                let call = ToolCallId(bytes.small()?);
                Self::Input(Input::ToolDone { call, result: take_result(bytes)? })
            }
            RENDERED => {
                let kind = take_kind(bytes)?;
                let by = take_place(bytes, &SPEAKERS)?;
                Self::Input(Input::Rendered { kind, by, announcement: take_announcement(bytes)? })
            }
            STARTED..=ANSWER => Self::Input(Input::Carrier(take_carrier(what, bytes)?)),
            READY..=RESPONSE_DONE => Self::Input(Input::Model(take_model(what, bytes)?)),
            _ => return Err(Malformed),
        })
    }
}

fn put_carrier(out: &mut Vec<u8>, event: &CarrierEvent<'_>) {
    match *event {
        CarrierEvent::Started => out.push(STARTED),
        CarrierEvent::Media { timestamp_ms, payload } => {
            out.push(MEDIA);
            put_option(out, timestamp_ms);
            put_bytes(out, payload);
        }
        CarrierEvent::Digit(digit) => out.extend([DIGIT, digit.key() as u8]),
        CarrierEvent::Mark(MarkId { generation, number }) => {
            out.push(MARK);
            put_number(out, generation.into());
            put_number(out, number.into());
        }
        CarrierEvent::Stopped => out.push(STOPPED),
        CarrierEvent::Closed { clean } => out.extend([CLOSED, clean.into()]),
        CarrierEvent::Reopened { lost_at } => {
            out.push(REOPENED);
            put_number(out, lost_at.as_micros());
        }
        CarrierEvent::Answer(answer) => {
            out.push(ANSWER);
            put_place(out, &ANSWERS, &answer);
        }
    }
}

fn take_carrier<'a>(what: u8, bytes: &mut Bytes<'a>) -> Result<CarrierEvent<'a>, Malformed> {
    Ok(match what {
        STARTED => CarrierEvent::Started,
        MEDIA => CarrierEvent::Media { timestamp_ms: bytes.option()?, payload: bytes.bytes()? },
        DIGIT => CarrierEvent::Digit(Digit::new(bytes.byte()?.into()).ok_or(Malformed)?),
        MARK => CarrierEvent::Mark(MarkId { generation: bytes.small()?, number: bytes.small()? }),
        STOPPED => CarrierEvent::Stopped,
        CLOSED => CarrierEvent::Closed { clean: bytes.flag()? },
        REOPENED => CarrierEvent::Reopened { lost_at: Timestamp::from_micros(bytes.number()?) },
        ANSWER => CarrierEvent::Answer(take_place(bytes, &ANSWERS)?),
        _ => return Err(Malformed),
    })
}

fn put_model(out: &mut Vec<u8>, event: &ModelEvent<'_>) {
    match *event {
        ModelEvent::Ready => out.push(READY),
        ModelEvent::Lost => out.push(LOST),
        ModelEvent::SpeechStarted { at_ms } => {
            out.push(SPEECH_STARTED);
            put_number(out, at_ms);
        }
        ModelEvent::Committed => out.push(COMMITTED),
        ModelEvent::InputPartial { start_ms } => {
            out.push(PARTIAL);
            put_option(out, start_ms);
        }
        ModelEvent::InputTranscript { span, text } => {
            out.push(TRANSCRIPT);
            put_span(out, span);
            put_bytes(out, text.as_bytes());
        }
        ModelEvent::InputTranscriptFailed { span } => {
            out.push(TRANSCRIPT_FAILED);
            put_span(out, span);
        }
        ModelEvent::ResponseCreated { response } => {
            out.push(RESPONSE_CREATED);
            put_number(out, response.0.into());
        }
        ModelEvent::Audio { response, item, payload } => {
            out.push(AUDIO);
            put_number(out, response.0.into());
            put_number(out, item.0.into());
            put_bytes(out, payload);
        }
        ModelEvent::ItemDone { response, item, transcript } => {
            out.push(ITEM_DONE);
            put_number(out, response.0.into());
            put_number(out, item.0.into());
            put_bytes(out, transcript.as_bytes());
        }
        ModelEvent::ToolCall { response, call, name, arguments, completed } => {
            out.push(TOOL_CALL);
            put_number(out, response.0.into());
            put_number(out, call.0.into());
            put_bytes(out, name.as_bytes());
            put_bytes(out, arguments.as_bytes());
            out.push(completed.into());
        }
        ModelEvent::ResponseDone { response, status } => {
            out.push(RESPONSE_DONE);
            put_number(out, response.0.into());
            put_status(out, status);
        }
    }
}

fn take_model<'a>(what: u8, bytes: &mut Bytes<'a>) -> Result<ModelEvent<'a>, Malformed> {
    Ok(match what {
        READY => ModelEvent::Ready,
        LOST => ModelEvent::Lost,
        SPEECH_STARTED => ModelEvent::SpeechStarted { at_ms: bytes.number()? },
        COMMITTED => ModelEvent::Committed,
        PARTIAL => ModelEvent::InputPartial { start_ms: bytes.option()? },
        TRANSCRIPT => ModelEvent::InputTranscript { span: take_span(bytes)?, text: bytes.text()? },
        TRANSCRIPT_FAILED => ModelEvent::InputTranscriptFailed { span: take_span(bytes)? },
        RESPONSE_CREATED => ModelEvent::ResponseCreated { response: ResponseId(bytes.small()?) },
        AUDIO => ModelEvent::Audio {
            response: ResponseId(bytes.small()?),
            item: ItemId(bytes.small()?),
            payload: bytes.bytes()?,
        },
        ITEM_DONE => ModelEvent::ItemDone {
            response: ResponseId(bytes.small()?),
            item: ItemId(bytes.small()?),
            transcript: bytes.text()?,
        },
        TOOL_CALL => ModelEvent::ToolCall {
            response: ResponseId(bytes.small()?),
            call: ToolCallId(bytes.small()?),
            name: bytes.text()?,
            arguments: bytes.text()?,
            completed: bytes.flag()?,
        },
        RESPONSE_DONE => ModelEvent::ResponseDone { response: ResponseId(bytes.small()?), status: take_status(bytes)? },
        _ => return Err(Malformed),
    })
}

fn put_span(out: &mut Vec<u8>, span: Option<AppendedSpan>) {
    put_option(out, span.map(|span| span.start_ms));
    if let Some(span) = span {
        put_number(out, span.end_ms);
    }
}

fn take_span(bytes: &mut Bytes<'_>) -> Result<Option<AppendedSpan>, Malformed> {
    let start = bytes.option()?;
    start.map(|start_ms| Ok(AppendedSpan { start_ms, end_ms: bytes.number()? })).transpose()
}

fn put_status(out: &mut Vec<u8>, status: ResponseStatus) {
    match status {
        ResponseStatus::Completed => out.push(0),
        ResponseStatus::Cancelled => out.push(1),
        ResponseStatus::Incomplete => out.push(2),
        ResponseStatus::Failed { retry_after } => {
            out.push(3);
            // A vendor may say it in fractions of a microsecond.
            put_option(out, retry_after.map(|after| u64::try_from(after.as_nanos()).unwrap_or(u64::MAX)));
        }
    }
}

fn take_status(bytes: &mut Bytes<'_>) -> Result<ResponseStatus, Malformed> {
    Ok(match bytes.byte()? {
        0 => ResponseStatus::Completed,
        1 => ResponseStatus::Cancelled,
        2 => ResponseStatus::Incomplete,
        3 => ResponseStatus::Failed { retry_after: bytes.option()?.map(Duration::from_nanos) },
        _ => return Err(Malformed),
    })
}

/// 1: it worked; else a place in [`ToolFault::ALL`], from 2 on for all but the first one.
fn put_result(out: &mut Vec<u8>, result: Result<(), ToolFault>) {
    let place = result.err().map(|fault| ToolFault::ALL.iter().position(|known| *known == fault));
    out.push(match place {
        None => 1,
        Some(Some(0)) => 0,
        Some(place) => place.map_or(u8::MAX, |place| place as u8 + 1),
    });
}

fn take_result(bytes: &mut Bytes<'_>) -> Result<Result<(), ToolFault>, Malformed> {
    let place = match bytes.byte()? {
        0 => 0,
        1 => return Ok(Ok(())),
        place => usize::from(place) - 1,
    };
    ToolFault::ALL.get(place).map(|fault| Err(*fault)).ok_or(Malformed)
}

fn put_kind(out: &mut Vec<u8>, kind: AnnouncementKind) {
    match kind {
        AnnouncementKind::Farewell(kind) => put_place(out, &FarewellKind::ALL, &kind),
        AnnouncementKind::Reminder => out.push(REMINDER),
        AnnouncementKind::Filler => out.push(FILLER),
        AnnouncementKind::IntentFiller(intent) => out.push(INTENT_FILLER + intent.get() as u8),
    }
}

fn take_kind(bytes: &mut Bytes<'_>) -> Result<AnnouncementKind, Malformed> {
    let place = bytes.byte()?;
    Ok(match place {
        REMINDER => AnnouncementKind::Reminder,
        FILLER => AnnouncementKind::Filler,
        INTENT_FILLER.. => {
            let intent = IntentPlace::new((place - INTENT_FILLER).into()).ok_or(Malformed)?;
            AnnouncementKind::IntentFiller(intent)
        }
        _ => AnnouncementKind::Farewell(*FarewellKind::ALL.get(usize::from(place)).ok_or(Malformed)?),
    })
}

fn put_announcement(out: &mut Vec<u8>, announcement: &Announcement) {
    put_bytes(out, announcement.mulaw());
    put_number(out, announcement.pauses().len() as u64);
    for pause in announcement.pauses() {
        put_number(out, pause.start as u64);
        put_number(out, pause.len() as u64);
    }
    put_number(out, announcement.sound_end() as u64);
}

fn take_announcement(bytes: &mut Bytes<'_>) -> Result<Announcement, Malformed> {
    let size = |number: u64| usize::try_from(number).map_err(|_| Malformed);
    let mulaw = bytes.bytes()?;
    let mut pauses = Vec::new();
    for _ in 0..bytes.number()? {
        let (start, length) = (size(bytes.number()?)?, size(bytes.number()?)?);
        pauses.push(start..start.checked_add(length).ok_or(Malformed)?);
    }
    Announcement::from_parts(mulaw, pauses, size(bytes.number()?)?).ok_or(Malformed)
}

/// A value by its place in a list. One that is not in it would be a mistake of ours: readers refuse it.
fn put_place<T: PartialEq>(out: &mut Vec<u8>, all: &[T], value: &T) {
    let place = all.iter().position(|known| known == value);
    debug_assert!(place.is_some());
    out.push(place.map_or(u8::MAX, |place| place as u8));
}

fn take_place<T: Copy>(bytes: &mut Bytes<'_>, all: &[T]) -> Result<T, Malformed> {
    all.get(usize::from(bytes.byte()?)).copied().ok_or(Malformed)
}
