//! One server event to an [`Event`].
//!
//! Tolerant where it can be: unknown events, unknown fields and `null`s pass. What is needed and is not there makes the
//! event unreadable; the session goes on.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{
    model::{ModelUsage, ResponseStatus},
    wire::flat::{self, Value as Plain},
};

/// What a server event says, with the vendor's ids.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The session is open, with its default settings.
    SessionCreated,
    /// Our settings hold.
    SessionUpdated,
    SpeechStarted {
        item: Cow<'a, str>,
        /// Milliseconds of appended audio, padding included.
        at_ms: u64,
    },
    SpeechStopped {
        item: Cow<'a, str>,
        /// Milliseconds of appended audio, the pause included.
        at_ms: u64,
    },
    Committed {
        item: Cow<'a, str>,
    },
    InputDelta {
        item: Cow<'a, str>,
        delta: Cow<'a, str>,
    },
    InputTranscript {
        item: Cow<'a, str>,
        text: Cow<'a, str>,
    },
    InputFailed {
        item: Cow<'a, str>,
    },
    ResponseCreated {
        response: Cow<'a, str>,
    },
    Audio(AudioDelta<'a>),
    TranscriptDelta(TranscriptDelta<'a>),
    ItemDone {
        response: Cow<'a, str>,
        item: Item,
    },
    ResponseDone(Done<'a>),
    Error(ErrorBody),
    /// Known, and nothing for us.
    Other,
    /// Not known.
    Unknown,
}

/// A piece of audio.
#[derive(Debug, Deserialize)]
pub(crate) struct AudioDelta<'a> {
    #[serde(borrow, rename = "response_id")]
    pub(crate) response: Cow<'a, str>,
    #[serde(borrow, rename = "item_id")]
    pub(crate) item: Cow<'a, str>,
    #[serde(default)]
    pub(crate) content_index: u32,
    /// Base64.
    #[serde(borrow)]
    pub(crate) delta: Cow<'a, str>,
}

/// A piece of what the agent says.
#[derive(Debug, Deserialize)]
pub(crate) struct TranscriptDelta<'a> {
    #[serde(borrow, rename = "item_id")]
    pub(crate) item: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) delta: Cow<'a, str>,
}

/// An item of a response, complete or cut off.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Item {
    pub(crate) id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    status: Option<String>,
    content: Option<Vec<Content>>,
    pub(crate) name: Option<String>,
    pub(crate) call_id: Option<String>,
    pub(crate) arguments: Option<String>,
}

impl Item {
    pub(crate) fn is_message(&self) -> bool {
        self.kind.as_deref() == Some("message")
    }

    pub(crate) fn is_tool_call(&self) -> bool {
        self.kind.as_deref() == Some("function_call")
    }

    /// Nothing of it was cut off. Servers that do not say are believed.
    pub(crate) fn is_completed(&self) -> bool {
        self.status.as_deref().is_none_or(|status| status == "completed")
    }

    /// What is said in it.
    pub(crate) fn transcript(&self) -> String {
        let parts =
            self.content.iter().flatten().filter_map(|part| part.transcript.as_deref().or(part.text.as_deref()));
        parts.collect::<Vec<_>>().join(" ")
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Content {
    transcript: Option<String>,
    text: Option<String>,
}

/// The end of a response.
#[derive(Debug, Deserialize)]
pub(crate) struct Done<'a> {
    #[serde(borrow)]
    pub(crate) id: Cow<'a, str>,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    status_details: Option<StatusDetails>,
    #[serde(default, deserialize_with = "lenient")]
    output: Option<Vec<Value>>,
    #[serde(default, deserialize_with = "lenient")]
    usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    #[serde(default, deserialize_with = "lenient")]
    input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    output_tokens: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    input_token_details: Option<TokenDetails>,
    #[serde(default, deserialize_with = "lenient")]
    output_token_details: Option<TokenDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TokenDetails {
    #[serde(deserialize_with = "lenient")]
    text_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    audio_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    cached_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct StatusDetails {
    #[serde(default, deserialize_with = "lenient")]
    error: Option<ErrorBody>,
}

impl Done<'_> {
    /// How it ended. A status that is not known is no success.
    pub(crate) fn status(&self) -> ResponseStatus {
        match self.status.as_deref() {
            Some("completed") => ResponseStatus::Completed,
            Some("cancelled") => ResponseStatus::Cancelled,
            Some("failed") => {
                let message = self.error().and_then(|error| error.message.as_deref());
                ResponseStatus::Failed { retry_after: message.and_then(super::fault::stated_delay) }
            }
            Some(_) | None => ResponseStatus::Incomplete,
        }
    }

    /// What it costs. Tokens without details are text.
    pub(crate) fn usage(&self) -> ModelUsage {
        let Some(usage) = &self.usage else { return ModelUsage::default() };
        let of = |all: Option<u64>, details: &Option<TokenDetails>| {
            let audio = details.as_ref().and_then(|it| it.audio_tokens).unwrap_or(0);
            let text = details.as_ref().and_then(|it| it.text_tokens);
            (text.unwrap_or_else(|| all.unwrap_or(0).saturating_sub(audio)), audio)
        };
        let (input_text, input_audio) = of(usage.input_tokens, &usage.input_token_details);
        let (output_text, output_audio) = of(usage.output_tokens, &usage.output_token_details);
        let input_cached = usage.input_token_details.as_ref().and_then(|it| it.cached_tokens).unwrap_or(0);
        ModelUsage { input_text, input_audio, input_cached, output_text, output_audio }
    }

    /// Why it failed.
    pub(crate) fn error(&self) -> Option<&ErrorBody> {
        self.status_details.as_ref()?.error.as_ref()
    }

    /// Its items, as far as they can be read.
    pub(crate) fn items(&self) -> impl Iterator<Item = Item> + '_ {
        self.output.iter().flatten().filter_map(|item| Item::deserialize(item).ok())
    }
}

/// What went wrong.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ErrorBody {
    #[serde(deserialize_with = "lenient")]
    pub(crate) code: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) message: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) param: Option<String>,
    /// Our event that was refused.
    #[serde(deserialize_with = "lenient")]
    pub(crate) event_id: Option<String>,
}

/// Reads one text message.
///
/// # Errors
///
/// If it is no JSON object with a `type`, or lacks what its type needs.
pub(crate) fn decode(text: &str) -> serde_json::Result<Event<'_>> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }
    #[derive(Deserialize)]
    struct OfItem<'a> {
        #[serde(borrow, rename = "item_id")]
        item: Cow<'a, str>,
    }
    #[derive(Deserialize)]
    struct Started<'a> {
        #[serde(borrow, rename = "item_id")]
        item: Cow<'a, str>,
        #[serde(rename = "audio_start_ms", deserialize_with = "millis")]
        at_ms: u64,
    }
    #[derive(Deserialize)]
    struct Stopped<'a> {
        #[serde(borrow, rename = "item_id")]
        item: Cow<'a, str>,
        #[serde(rename = "audio_end_ms", deserialize_with = "millis")]
        at_ms: u64,
    }
    #[derive(Deserialize)]
    struct Transcript<'a> {
        #[serde(borrow, rename = "item_id")]
        item: Cow<'a, str>,
        #[serde(borrow)]
        transcript: Cow<'a, str>,
    }
    #[derive(Deserialize)]
    struct Id<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
    }
    #[derive(Deserialize)]
    struct Created<'a> {
        #[serde(borrow)]
        response: Id<'a>,
    }
    #[derive(Deserialize)]
    struct DoneBody<'a> {
        #[serde(borrow)]
        response: Done<'a>,
    }
    #[derive(Deserialize)]
    struct DoneItem<'a> {
        #[serde(borrow, rename = "response_id")]
        response: Cow<'a, str>,
        item: Item,
    }
    #[derive(Deserialize)]
    struct Failed {
        error: ErrorBody,
    }

    if let Some(delta) = plain_audio(text) {
        return Ok(Event::Audio(delta));
    }
    let Kind { kind } = serde_json::from_str(text)?;
    Ok(match kind.as_ref() {
        "response.output_audio.delta" => Event::Audio(serde_json::from_str(text)?),
        "response.output_audio_transcript.delta" => Event::TranscriptDelta(serde_json::from_str(text)?),
        "session.created" => Event::SessionCreated,
        "session.updated" => Event::SessionUpdated,
        "input_audio_buffer.speech_started" => {
            let Started { item, at_ms } = serde_json::from_str(text)?;
            Event::SpeechStarted { item, at_ms }
        }
        "input_audio_buffer.speech_stopped" => {
            let Stopped { item, at_ms } = serde_json::from_str(text)?;
            Event::SpeechStopped { item, at_ms }
        }
        "input_audio_buffer.committed" => {
            let OfItem { item } = serde_json::from_str(text)?;
            Event::Committed { item }
        }
        "conversation.item.input_audio_transcription.delta" => {
            let TranscriptDelta { item, delta } = serde_json::from_str(text)?;
            Event::InputDelta { item, delta }
        }
        "conversation.item.input_audio_transcription.completed" => {
            let Transcript { item, transcript } = serde_json::from_str(text)?;
            Event::InputTranscript { item, text: transcript }
        }
        "conversation.item.input_audio_transcription.failed" => {
            let OfItem { item } = serde_json::from_str(text)?;
            Event::InputFailed { item }
        }
        "response.created" => {
            let Created { response } = serde_json::from_str(text)?;
            Event::ResponseCreated { response: response.id }
        }
        "response.output_item.done" => {
            let DoneItem { response, item } = serde_json::from_str(text)?;
            Event::ItemDone { response, item }
        }
        "response.done" => Event::ResponseDone(serde_json::from_str::<DoneBody<'_>>(text)?.response),
        "error" => Event::Error(serde_json::from_str::<Failed>(text)?.error),
        other if is_known(other) => Event::Other,
        _ => Event::Unknown,
    })
}

/// Audio as the server writes it, its type first; written otherwise it is read by the way of everything else.
fn plain_audio(text: &str) -> Option<AudioDelta<'_>> {
    if !text.starts_with(r#"{"type":"response.output_audio.delta""#) {
        return None;
    }
    let (mut response, mut item, mut delta, mut content_index) = (None, None, None, None);
    let plain = flat::read(text, &mut |outer, name, value| match (outer, name, value) {
        (None, "response_id", Plain::Text(id)) => response.replace(id).is_none(),
        (None, "item_id", Plain::Text(id)) => item.replace(id).is_none(),
        (None, "delta", Plain::Text(audio)) => delta.replace(audio).is_none(),
        (None, "content_index", Plain::Word(index)) => content_index.replace(index).is_none(),
        (None, "response_id" | "item_id" | "delta" | "content_index", _) => false,
        _ => true,
    });
    let content_index = content_index.map_or(Some(0), |index| index.parse().ok());
    let (response, item, delta) = (response?.into(), item?.into(), delta?.into());
    plain.then_some(AudioDelta { response, item, content_index: content_index?, delta })
}

/// Events that tell nothing that is not told by others, or that we never ask for.
fn is_known(kind: &str) -> bool {
    const KNOWN: [&str; 22] = [
        "conversation.created",
        "conversation.item.added",
        "conversation.item.created",
        "conversation.item.deleted",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.segment",
        "conversation.item.retrieved",
        "conversation.item.truncated",
        "input_audio_buffer.cleared",
        "input_audio_buffer.dtmf_event_received",
        "input_audio_buffer.timeout_triggered",
        "rate_limits.updated",
        "response.content_part.added",
        "response.content_part.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_audio.done",
        // Told once more, whole, with the item's end.
        "response.output_audio_transcript.done",
        "response.output_item.added",
        "response.output_text.delta",
        "response.output_text.done",
        "output_audio_buffer.cleared",
    ];
    KNOWN.contains(&kind)
}

/// `None` for anything that is not a `T`.
fn lenient<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(source: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(source)?).ok())
}

/// Milliseconds, whole or not; before the beginning is the beginning.
fn millis<'de, D: Deserializer<'de>>(source: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(source)?;
    // The cast saturates.
    Ok(number.as_u64().unwrap_or_else(|| number.as_f64().unwrap_or_default() as u64))
}
