//! The file as it is written: keys, types and places. What the values may be is looked at afterwards (`reader.rs`),
//! because some bounds depend on others.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use toml::Spanned;

/// A value that may be missing, with its place.
pub(super) type Value<T> = Option<Spanned<T>>;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "tables and keys")]
pub(super) struct File {
    pub(super) server: ServerTable,
    pub(super) twilio: Value<TwilioTable>,
    pub(super) openai: Value<OpenAiTable>,
    pub(super) elevenlabs: Value<ElevenLabsTable>,
    pub(super) voices: VoicesTable,
    pub(super) capture: Value<CaptureTable>,
    pub(super) limits: LimitsTable,
    pub(super) io: IoTable,
    pub(super) store: StoreTable,
    pub(super) webhook: Value<WebhookTable>,
    pub(super) secrets: BTreeMap<String, Spanned<SecretTable>>,
    pub(super) intents: IntentsTable,
    pub(super) assistant: Assistants,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [store]")]
pub(super) struct StoreTable {
    pub(super) path: Value<String>,
    pub(super) database_url_env: Value<Names>,
    pub(super) database_url_file: Value<Names>,
    pub(super) keep_calls_days: Value<Number>,
    pub(super) keep_transcripts: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [webhook]")]
pub(super) struct WebhookTable {
    pub(super) url: Value<String>,
    pub(super) secret_env: Value<Names>,
    pub(super) secret_file: Value<Names>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "where it is: { env = \"CRM_TOKEN\" }")]
pub(super) struct SecretTable {
    pub(super) env: Value<Names>,
    pub(super) file: Value<Names>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [intents]")]
pub(super) struct IntentsTable {
    pub(super) allow: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [server]")]
pub(super) struct ServerTable {
    pub(super) listen: Value<String>,
    pub(super) public_url: Value<String>,
    pub(super) shards: Value<Number>,
    pub(super) call_records: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [twilio]")]
pub(super) struct TwilioTable {
    pub(super) account_sid: Value<String>,
    pub(super) auth_token_env: Value<Names>,
    pub(super) auth_token_file: Value<Names>,
    pub(super) shared_key_env: Value<Names>,
    pub(super) shared_key_file: Value<Names>,
    pub(super) rest: RestTable,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [twilio.rest]")]
pub(super) struct RestTable {
    pub(super) base_url: Value<String>,
    pub(super) api_key_sid: Value<String>,
    pub(super) api_key_secret_env: Value<Names>,
    pub(super) api_key_secret_file: Value<Names>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [openai]")]
pub(super) struct OpenAiTable {
    pub(super) base_url: Value<String>,
    pub(super) api_key_env: Value<Names>,
    pub(super) api_key_file: Value<Names>,
    pub(super) auth: Value<String>,
    pub(super) organization: Value<String>,
    pub(super) project: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [elevenlabs]")]
pub(super) struct ElevenLabsTable {
    pub(super) base_url: Value<String>,
    pub(super) api_key_env: Value<Names>,
    pub(super) api_key_file: Value<Names>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [voices]")]
pub(super) struct VoicesTable {
    pub(super) cache_dir: Value<String>,
    pub(super) cache_max_mb: Value<Number>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [capture]")]
pub(super) struct CaptureTable {
    pub(super) folder: Value<String>,
    pub(super) share: Value<Number>,
    pub(super) max_calls: Value<Number>,
    pub(super) max_mb: Value<Number>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: { provider = \"openai\", voice = \"marin\" }")]
pub(super) struct VoiceTable {
    pub(super) provider: Value<String>,
    pub(super) voice: Value<String>,
    pub(super) model: Value<String>,
    pub(super) instructions: Value<String>,
    pub(super) speed: Value<Number>,
    pub(super) stability: Value<Number>,
    pub(super) similarity_boost: Value<Number>,
    pub(super) style: Value<Number>,
    pub(super) use_speaker_boost: Value<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [limits]")]
pub(super) struct LimitsTable {
    pub(super) max_calls: Value<Number>,
    pub(super) drain_s: Value<Number>,
    pub(super) silence_timeout_s: RangeTable,
    pub(super) max_duration_s: RangeTable,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [io]")]
pub(super) struct IoTable {
    pub(super) drain_ms: Value<Number>,
    pub(super) drain_from_calls: Value<Number>,
    pub(super) append_ms: Value<Number>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "both bounds: { min = …, max = … }")]
pub(super) struct RangeTable {
    pub(super) min: Value<Number>,
    pub(super) max: Value<Number>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [[assistant]]")]
pub(super) struct AssistantTable {
    pub(super) name: Value<String>,
    pub(super) numbers: Vec<Spanned<String>>,
    pub(super) language: Value<String>,
    pub(super) channels: Option<Vec<Spanned<String>>>,
    pub(super) audio_channel: Value<String>,
    pub(super) text: TextTable,
    pub(super) api_access: Option<bool>,
    pub(super) system_message: Value<String>,
    pub(super) instructions: Value<String>,
    pub(super) detector: Value<String>,
    pub(super) silence_timeout_s: Value<Number>,
    pub(super) min_speech_ms: Value<Number>,
    pub(super) hangover_ms: Value<Number>,
    pub(super) barge_in_min_ms: Value<Number>,
    pub(super) noise_budget_s: Value<Number>,
    pub(super) level_floor_db: Value<Number>,
    pub(super) max_duration_s: Value<Number>,
    pub(super) filler: Option<bool>,
    pub(super) greeting: Option<GreetingTable>,
    pub(super) reminder: Value<ReminderTable>,
    pub(super) farewell: FarewellTable,
    pub(super) outbound: Value<OutboundTable>,
    pub(super) tools: ToolsTable,
    pub(super) model: ModelTable,
    pub(super) intents: Vec<Spanned<IntentTable>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [assistant.text]")]
pub(super) struct TextTable {
    pub(super) max_per_hour: Value<Number>,
    pub(super) history_h: Value<Number>,
    pub(super) max_segments: Value<Number>,
    pub(super) quiet_hours: Value<String>,
    pub(super) time_zone: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [[assistant.intents]]")]
pub(super) struct IntentTable {
    pub(super) name: Value<String>,
    pub(super) description: Value<String>,
    pub(super) parameters: Value<serde_json::Value>,
    pub(super) prompt: Value<String>,
    pub(super) url: Value<String>,
    pub(super) method: Value<String>,
    pub(super) headers: BTreeMap<String, Spanned<String>>,
    pub(super) body: Value<serde_json::Value>,
    pub(super) timeout_s: Value<Number>,
    pub(super) answer: Value<AnswerTable>,
    pub(super) filler: Value<String>,
    pub(super) ends_call: bool,
    pub(super) api_access: bool,
    pub(super) required: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: { pointer = \"/slots\" }")]
pub(super) struct AnswerTable {
    pub(super) pointer: Value<String>,
    pub(super) template: Value<String>,
    pub(super) max_length: Value<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: { interruptible = true }")]
pub(super) struct GreetingTable {
    #[serde(default = "yes")]
    pub(super) interruptible: bool,
    #[serde(default)]
    pub(super) text: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: { after_s = 20 }")]
pub(super) struct ReminderTable {
    pub(super) after_s: Value<Number>,
    pub(super) text: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [assistant.farewell]")]
pub(super) struct FarewellTable {
    pub(super) silence: Value<String>,
    pub(super) hangup_call: Value<String>,
    pub(super) max_duration: Value<String>,
    pub(super) drain: Value<String>,
    pub(super) operator: Value<String>,
    pub(super) model_lost: Value<String>,
    pub(super) no_answer: Value<String>,
    pub(super) voice: Value<VoiceTable>,
    pub(super) fallback_voice: Value<VoiceTable>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [assistant.outbound]")]
pub(super) struct OutboundTable {
    pub(super) machine: Value<String>,
    pub(super) message: Value<String>,
    pub(super) max_per_hour: Value<Number>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [assistant.tools.…]")]
pub(super) struct ToolsTable {
    pub(super) hangup_call: Option<HangupTable>,
    pub(super) wait_for_caller: Option<SwitchTable>,
    pub(super) transfer_call: Value<TransferTable>,
    pub(super) send_text: Option<SwitchTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: { enabled = true }")]
pub(super) struct SwitchTable {
    #[serde(default = "yes")]
    pub(super) enabled: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [assistant.tools.transfer_call]")]
pub(super) struct TransferTable {
    pub(super) to: BTreeMap<String, Spanned<String>>,
    pub(super) text: Value<String>,
    pub(super) timeout_s: Value<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [assistant.tools.hangup_call]")]
pub(super) struct HangupTable {
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    #[serde(default = "yes")]
    pub(super) cancellable: bool,
    #[serde(default = "yes")]
    pub(super) confirm: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [assistant.model]")]
pub(super) struct ModelTable {
    pub(super) provider: Value<String>,
    pub(super) behaviour: Value<String>,
    pub(super) openai: OpenAiModelTable,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: [assistant.model.openai]")]
pub(super) struct OpenAiModelTable {
    pub(super) model: Value<String>,
    pub(super) voice: Value<String>,
    pub(super) encoding: Value<String>,
    pub(super) transcription: TranscriptionTable,
    pub(super) turn_detection: TurnDetectionTable,
    pub(super) noise_reduction: Value<String>,
    pub(super) speed: Value<Number>,
    pub(super) max_output_tokens: Value<Number>,
    pub(super) reasoning_effort: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: { enabled = true }")]
pub(super) struct TranscriptionTable {
    pub(super) enabled: Option<bool>,
    pub(super) model: Value<String>,
    pub(super) language: Value<String>,
    pub(super) prompt: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table: { kind = \"server_vad\" }")]
pub(super) struct TurnDetectionTable {
    pub(super) kind: Value<String>,
    pub(super) threshold: Value<Number>,
    pub(super) prefix_padding_ms: Value<Number>,
    pub(super) silence_duration_ms: Value<Number>,
    pub(super) eagerness: Value<String>,
}

fn yes() -> bool {
    true
}

/// A number, whole or not.
#[derive(Clone, Copy)]
pub(super) struct Number(pub(super) f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// One name, or a list of names.
#[derive(Default)]
pub(super) struct Names(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Names;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name in quotes, or a list of such names")
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<Names, E> {
                Ok(Names(vec![name.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// The tables `[[assistant]]`.
#[derive(Default)]
pub(super) struct Assistants(pub(super) Vec<Spanned<AssistantTable>>);

impl<'de> Deserialize<'de> for Assistants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Assistants;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[[assistant]], with two brackets on either side: there may be several")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Assistants, A::Error> {
                let mut tables = Vec::new();
                while let Some(table) = list.next_element()? {
                    tables.push(table);
                }
                Ok(Assistants(tables))
            }
        }
        deserializer.deserialize_any(Read)
    }
}
