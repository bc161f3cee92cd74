//! What goes wrong on purpose.

use std::time::Duration;

/// What is wrong with a request to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeechFault {
    /// The first byte comes after this time.
    SlowFirstByte(Duration),
    /// The request is taken and never answered.
    NoAnswer,
    /// After so many bytes nothing more comes; the connection stays.
    StallAfter(usize),
    /// After so many bytes the connection breaks.
    CutAfter(usize),
    /// Chunks have odd sizes: with 16-bit audio their edges fall into a sample.
    OddChunks,
    /// 200 without a byte.
    Empty,
    /// 200 with an error as JSON in place of audio.
    ErrorBody,
    /// A WAV header before audio that should have none.
    Header,
    /// The audio goes on for this long.
    Long(Duration),
    /// Loud beyond clipping.
    Loud,
    /// About −60 dBFS.
    Quiet,
    /// Silence of this length before the speech.
    LeadingSilence(Duration),
    /// Nothing but silence.
    OnlySilence,
    /// This status, with the error that the vendor has for it.
    Status(u16),
    /// The account is empty.
    Quota,
    /// Too many requests at a time.
    TooMany,
    /// The vendor is busy.
    Busy,
}
