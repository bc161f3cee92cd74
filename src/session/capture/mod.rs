//! A call written down: every input with its call time, every tick, and what came of each of them.
//!
//! A capture holds all that a [`Session`](super::Session) was given, so whoever gives it to another session sees the
//! same decisions, byte for byte: [`crate::replay::capture`] does. It is made by a [`Recorder`] inside the session
//! ([`Session::capture`](super::Session::capture)) and read by [`Capture::read`]. **It holds what people said**, and the
//! words of the conversation as far as the model told them: keep it as you keep recordings.
//!
//! # The format
//!
//! Numbers are little endian; a *varint* is a number in groups of seven bits, the lowest first, the top bit set in all
//! bytes but the last; a *text* or *bytes* are a varint with the length and then so many bytes.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `qlcaptur` |
//! | 4 | format version: [`FORMAT`] |
//! | rest | records |
//!
//! A record is whole or it does not count: a file that was cut off can be used up to its last whole record.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of the content, at most 16 MiB |
//! | 4 | CRC-32 (IEEE) of the content |
//! | … | the content: one byte for its kind, and what belongs to it |
//!
//! | kind | content |
//! |---|---|
//! | 1 | the [`Header`], a JSON object: always the first record, and only that |
//! | 2 | a [`Step`]: varint microseconds since the step before; what happened; what came of it, to the content's end |
//! | 3 | the [`End`], a JSON object: the last record of a call that was over; nothing follows |
//!
//! **What happened** is a byte and its fields, in the order of the type: `input.rs` is the table. Audio is kept as it
//! came: G.711 of the caller (8 kB a second), the model's in the session's encoding (8 or 48 kB a second while it
//! speaks), renderings whole with their pauses (250 kB, the built-in ones). All else takes 2 kB a second.
//!
//! **What came of it** ([`Told`]) is a list of the outputs in order: `output.rs` is the table. Audio is not kept, only
//! its length, and the CRC-32 of all audio of the step behind them. Ledger entries are kept with exact times and the
//! words that a reader sees, so that what an older program decided can be read by a newer one.
//! [`End::sha256`] is over all outputs with their audio and in every detail, so "the same" means the same.
//!
//! What a new session asks for before its first input (the model's connection) is not part of it.
//!
//! # Versions
//!
//! [`FORMAT`] changes when an older program could not read what is written; a program reads its own version and says so
//! of any other. [`crate::call::RULES_VERSION`] stands in the header and changes with the rules of a call: a capture
//! with another one is read and replayed, and may come to other decisions.

mod bytes;
mod end;
mod header;
mod input;
mod output;
mod reader;
mod recorder;
#[cfg(test)]
mod tests;

pub use end::{End, Ending};
pub use header::Header;
pub use input::What;
pub use output::{OutputLog, Told, told};
pub use reader::{Capture, CaptureError, State, Step};
pub use recorder::Recorder;

/// The format's version.
pub const FORMAT: u32 = 1;
/// Longest content of a record, in bytes: longer than any input that can come in, and a bound for readers.
pub const MAX_RECORD: usize = 16 << 20;

/// What a capture begins with.
const MAGIC: &[u8; 8] = b"qlcaptur";
/// Bytes before a record's content.
const RECORD_HEAD: usize = 8;

const HEADER: u8 = 1;
const STEP: u8 = 2;
const END: u8 = 3;

/// Seals the record that begins at `start`: its content stands behind room for length and checksum.
fn seal(out: &mut [u8], start: usize) {
    let content = start + RECORD_HEAD;
    let length = u32::try_from(out.len() - content).unwrap_or(u32::MAX);
    let sum = crc32fast::hash(&out[content..]);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..content].copy_from_slice(&sum.to_le_bytes());
}
