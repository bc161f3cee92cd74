//! Twilio's wire format, both ways, as pure functions over text and bytes: no socket, no clock, no randomness.
//!
//! | file | for |
//! |---|---|
//! | [`mod@decode`] | one text frame of a media stream → [`Event`] |
//! | [`encode`] | audio, marks, `clear` → text frames |
//! | [`mark_name`] | [`MarkId`](super::MarkId) ↔ the name of a mark |
//! | [`twiml`] | the documents that answer webhooks |
//! | [`signature`] | who may call our webhooks and open a stream |
//! | [`rest`] | ending, changing and asking for a call; what the answers mean |
//! | [`text`] | how long a text is, and cutting it |
//! | [`webhook`] | the forms that Twilio posts to us |
//! | [`token`] | what lets exactly one stream of exactly one call in |
//! | [`call`] | one call: all of the above as a [`Carrier`](super::Carrier) |
//! | [`sid`] | Twilio's ids, checked; nothing outside this folder names them |
//!
//! A media stream in order: the webhook is answered with [`twiml::Connect`]; the handshake that follows is checked by
//! [`signature::Verifier`]; [`decode()`] is given no stream until its [`Start`] comes, from then on the stream's id;
//! an [`Encoder`] exists from then on too, since nothing may be sent before.
//!
//! Where the vendor says nothing, reading is lenient in what is not used and strict in what is: an event or field that
//! we do not know is ignored, a `media` without audio is an error that says what was expected.

pub mod account;
pub mod call;
pub mod decode;
pub mod encode;
pub mod mark_name;
pub mod rest;
pub mod sid;
pub mod signature;
pub mod text;
pub mod token;
pub mod twiml;
pub mod webhook;

#[cfg(test)]
mod tests;

pub use call::{Access, Sayings, Transfers, TwilioCall};
pub use decode::{DecodeError, Event, Start, decode};
pub use encode::Encoder;
pub use sid::{AccountSid, CallSid, StreamSid};
