//! What came of a step, in bytes.
//!
//! | byte | what | fields |
//! |---|---|---|
//! | 0 | audio for the carrier | length in bytes |
//! | 1 | caller audio for the model | length in bytes |
//! | 2 | a mark | generation, number |
//! | 3 | clear | |
//! | 4 | a request to the carrier | flag: it ends call or stream; text, as `Debug` writes it |
//! | 5, 6 | a request to the model, an intent to be run | text, as `Debug` writes it |
//! | 7 | a ledger entry | at; deadline, if there is one; uncertainty (all µs); text of the cause |
//! | 8 | the CRC-32 of all audio before it; last, and only if there was any | 4 bytes |

use std::fmt::{self, Write};

use sha2::{Digest, Sha256};

use super::bytes::{Bytes, Malformed, micros, put_bytes, put_number, put_option};
use crate::{
    call::LedgerEntry,
    carrier::{CallRequest, CarrierCommand, MarkId},
    model::ModelCommand,
    session::Output,
    time::Timestamp,
};

const TO_CARRIER: u8 = 0;
const TO_MODEL: u8 = 1;
const MARK: u8 = 2;
const CLEAR: u8 = 3;
const CARRIER_REQUEST: u8 = 4;
const MODEL_REQUEST: u8 = 5;
const TOOL: u8 = 6;
const LEDGER: u8 = 7;
const AUDIO_SUM: u8 = 8;

/// An output as a capture tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// So many bytes of audio for the carrier.
    ToCarrier(u64),
    /// So many bytes of caller audio for the model.
    ToModel(u64),
    /// A mark.
    Mark(MarkId),
    /// What the carrier has not played is thrown away.
    Clear,
    /// Something is asked of the carrier.
    CarrierRequest {
        /// Call or stream are over after it.
        ends: bool,
        /// What.
        request: &'a str,
    },
    /// Something is asked of the model.
    ModelRequest(&'a str),
    /// An intent is to be run.
    Tool(&'a str),
    /// An entry of the ledger.
    Ledger {
        /// [`LedgerEntry::at`].
        at: Timestamp,
        /// [`LedgerEntry::deadline`].
        deadline: Option<Timestamp>,
        /// [`LedgerEntry::uncertainty`], microseconds.
        uncertainty_us: u64,
        /// [`LedgerEntry::cause`], as it is shown.
        cause: &'a str,
    },
    /// CRC-32 of the step's audio.
    AudioSum(u32),
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ToCarrier(bytes) => write!(f, "{bytes} bytes of audio for the caller"),
            Self::ToModel(bytes) => write!(f, "{bytes} bytes of audio for the model"),
            Self::Mark(mark) => write!(f, "mark {} (generation {})", mark.number, mark.generation),
            Self::Clear => write!(f, "clear"),
            Self::CarrierRequest { request, .. } => write!(f, "to the carrier: {request}"),
            Self::ModelRequest(request) => write!(f, "to the model: {request}"),
            Self::Tool(request) => write!(f, "an intent: {request}"),
            Self::Ledger { at, deadline, cause, .. } => {
                write!(f, "{at} {cause}")?;
                deadline.map_or(Ok(()), |deadline| write!(f, " -> {deadline}"))
            }
            Self::AudioSum(sum) => write!(f, "audio with the checksum {sum:08x}"),
        }
    }
}

/// The outputs of a step, one after the other, as [`OutputLog`] wrote them. Ends where they cannot be read, which is
/// nowhere in a [`Step`](super::Step).
pub fn told(outputs: &[u8]) -> impl Iterator<Item = Told<'_>> {
    let mut bytes = Bytes(outputs);
    std::iter::from_fn(move || take(&mut bytes).ok())
}

/// Whether all of it can be read.
pub(super) fn is_told(outputs: &[u8]) -> bool {
    let mut bytes = Bytes(outputs);
    while !bytes.is_empty() {
        if take(&mut bytes).is_err() {
            return false;
        }
    }
    true
}

fn take<'a>(bytes: &mut Bytes<'a>) -> Result<Told<'a>, Malformed> {
    Ok(match bytes.byte()? {
        TO_CARRIER => Told::ToCarrier(bytes.number()?),
        TO_MODEL => Told::ToModel(bytes.number()?),
        MARK => Told::Mark(MarkId { generation: bytes.small()?, number: bytes.small()? }),
        CLEAR => Told::Clear,
        CARRIER_REQUEST => Told::CarrierRequest { ends: bytes.flag()?, request: bytes.text()? },
        MODEL_REQUEST => Told::ModelRequest(bytes.text()?),
        TOOL => Told::Tool(bytes.text()?),
        LEDGER => Told::Ledger {
            at: Timestamp::from_micros(bytes.number()?),
            deadline: bytes.option()?.map(Timestamp::from_micros),
            uncertainty_us: bytes.number()?,
            cause: bytes.text()?,
        },
        AUDIO_SUM => Told::AudioSum(bytes.fixed()?),
        _ => return Err(Malformed),
    })
}

/// Writes outputs down, step by step, and sums up all of them.
#[derive(Clone, Debug, Default)]
pub struct OutputLog {
    /// Of this step.
    audio: Option<crc32fast::Hasher>,
    all: Sha256,
    /// Text of the output at hand, to be put behind its length.
    text: String,
}

impl OutputLog {
    /// Adds an output to those of the step.
    pub fn push(&mut self, out: &mut Vec<u8>, output: &Output<'_>) {
        match output {
            Output::Carrier(CarrierCommand::Media(payload)) => self.audio(out, TO_CARRIER, payload.samples()),
            Output::Model(ModelCommand::Append(bytes)) => self.audio(out, TO_MODEL, bytes),
            Output::Carrier(CarrierCommand::Mark(mark)) => {
                let from = out.len();
                out.push(MARK);
                put_number(out, mark.generation.into());
                put_number(out, mark.number.into());
                self.all.update(&out[from..]);
            }
            Output::Carrier(CarrierCommand::Clear) => {
                out.push(CLEAR);
                self.all.update([CLEAR]);
            }
            Output::Carrier(CarrierCommand::Request(request)) => {
                let ends = *request != CallRequest::FetchStatus;
                self.request(out, &[CARRIER_REQUEST, ends.into()], request);
            }
            Output::Model(ModelCommand::Request(request)) => self.request(out, &[MODEL_REQUEST], request),
            Output::RunTool(request) => self.request(out, &[TOOL], request),
            Output::Ledger(entry) => self.entry(out, entry),
        }
    }

    /// The step is over.
    pub fn end_step(&mut self, out: &mut Vec<u8>) {
        if let Some(audio) = self.audio.take() {
            out.push(AUDIO_SUM);
            out.extend(audio.finalize().to_le_bytes());
        }
    }

    /// The SHA-256 of all so far, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut text = String::with_capacity(64);
        for byte in self.all.clone().finalize() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    fn audio(&mut self, out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
        let from = out.len();
        out.push(kind);
        put_number(out, bytes.len() as u64);
        self.all.update(&out[from..]);
        self.all.update(bytes);
        self.audio.get_or_insert_default().update(bytes);
    }

    fn request(&mut self, out: &mut Vec<u8>, kind: &[u8], request: &dyn fmt::Debug) {
        self.say(format_args!("{request:?}"));
        let from = out.len();
        out.extend_from_slice(kind);
        put_bytes(out, self.text.as_bytes());
        self.all.update(&out[from..]);
    }

    fn entry(&mut self, out: &mut Vec<u8>, entry: &LedgerEntry) {
        let from = out.len();
        out.push(LEDGER);
        put_number(out, entry.at.as_micros());
        put_option(out, entry.deadline.map(Timestamp::as_micros));
        put_number(out, micros(entry.uncertainty));
        self.say(format_args!("{}", entry.cause));
        put_bytes(out, self.text.as_bytes());
        self.all.update(&out[from..]);
        // What is shown is rounded; this is not. A `Sha256` takes all that it is given.
        let _ = write!(Unrounded(&mut self.all), "{:?}", entry.cause);
    }

    fn say(&mut self, text: fmt::Arguments<'_>) {
        self.text.clear();
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(text);
    }
}

struct Unrounded<'a>(&'a mut Sha256);

impl Write for Unrounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}
