//! Messages to a media stream, by template.

use base64_simd::STANDARD;

use super::{StreamSid, mark_name};
use crate::carrier::MarkId;

/// Most samples in one `media` message: two seconds.
///
/// How long a message may be is not documented. Twilio joins the payloads, so cutting is not heard.
pub const MAX_SAMPLES: usize = 16_000;

/// Writes the messages to one media stream.
///
/// Each method leaves exactly one text frame in `out`, whatever was in it before, with the vendor's fields and no
/// others: anything else is dropped with a warning (31951). With a reused `out` nothing is allocated.
#[derive(Clone, Debug)]
pub struct Encoder {
    stream: StreamSid,
}

impl Encoder {
    /// For the stream that [`super::Start`] named.
    #[must_use]
    pub const fn new(stream: StreamSid) -> Self {
        Self { stream }
    }

    /// Audio, G.711 µ-law without any header. Empty audio is no message: `out` is left empty, and so it is to be
    /// skipped. See [`pieces`] for long audio.
    pub fn media(&self, mulaw: &[u8], out: &mut String) {
        out.clear();
        if mulaw.is_empty() {
            return;
        }
        self.open("media", out);
        out.push_str(r#","media":{"payload":""#);
        STANDARD.encode_append(mulaw, out);
        out.push_str(r#""}}"#);
    }

    /// Asks for an echo when all audio before it has been played.
    pub fn mark(&self, id: MarkId, out: &mut String) {
        out.clear();
        self.open("mark", out);
        out.push_str(r#","mark":{"name":""#);
        mark_name::append(id, out);
        out.push_str(r#""}}"#);
    }

    /// Drops what has not been played; every pending mark is echoed at once.
    pub fn clear(&self, out: &mut String) {
        out.clear();
        self.open("clear", out);
        out.push('}');
    }

    /// The fields that all messages share. Neither needs escaping: names of ours, and a checked SID.
    fn open(&self, event: &str, out: &mut String) {
        for part in [r#"{"event":""#, event, r#"","streamSid":""#, self.stream.as_str(), "\""] {
            out.push_str(part);
        }
    }
}

/// The audio in pieces of at most [`MAX_SAMPLES`], each for one [`Encoder::media`]. Empty audio has none.
pub fn pieces(mulaw: &[u8]) -> impl Iterator<Item = &[u8]> {
    mulaw.chunks(MAX_SAMPLES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoder() -> Encoder {
        Encoder::new("MZ18ad3ab518ad3ab518ad3ab518ad3ab5".parse().expect("a SID"))
    }

    #[test]
    fn messages_are_exactly_the_documented_fields() {
        let mut out = "left over".to_owned();
        encoder().media(&[0xff; 3], &mut out);
        assert_eq!(
            out,
            r#"{"event":"media","streamSid":"MZ18ad3ab518ad3ab518ad3ab518ad3ab5","media":{"payload":"////"}}"#
        );
        encoder().mark(MarkId { generation: 2, number: 7 }, &mut out);
        assert_eq!(out, r#"{"event":"mark","streamSid":"MZ18ad3ab518ad3ab518ad3ab518ad3ab5","mark":{"name":"q:2:7"}}"#);
        encoder().clear(&mut out);
        assert_eq!(out, r#"{"event":"clear","streamSid":"MZ18ad3ab518ad3ab518ad3ab518ad3ab5"}"#);
    }

    #[test]
    fn empty_audio_is_no_message() {
        let mut out = "left over".to_owned();
        encoder().media(&[], &mut out);
        assert_eq!(out, "");
        assert_eq!(pieces(&[]).count(), 0);
    }

    #[test]
    fn a_long_announcement_goes_out_in_order_and_whole() {
        let audio: Vec<u8> = (0..MAX_SAMPLES * 2 + 1).map(|n| n.to_le_bytes()[0]).collect();
        assert_eq!(pieces(&audio).map(<[u8]>::len).collect::<Vec<_>>(), [MAX_SAMPLES, MAX_SAMPLES, 1]);
        assert_eq!(pieces(&audio).collect::<Vec<_>>().concat(), audio);
    }

    #[test]
    fn a_reused_buffer_does_not_grow() {
        let mut out = String::new();
        encoder().media(&[0; 160], &mut out);
        let capacity = out.capacity();
        for sample in 0..=255 {
            encoder().media(&[sample; 160], &mut out);
            encoder().mark(MarkId { generation: u32::MAX, number: u32::MAX }, &mut out);
        }
        assert_eq!(out.capacity(), capacity);
    }
}
