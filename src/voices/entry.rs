//! A phrase as it lies on disk, and the key it lies under.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `qlspeech` |
//! | 4 | format version, little endian |
//! | 4 | count of samples, little endian |
//! | 32 | the key |
//! | 32 | SHA-256 of everything before it and of the samples |
//! | 2 each | samples, 16 bit at 8 kHz, little endian |

use std::fmt;

use sha2::{Digest, Sha256};

use crate::tts::{Phrase, Speech, Voice};

const MAGIC: &[u8; 8] = b"qlspeech";
/// Part of the key as well: another version never finds what this one wrote.
const VERSION: u32 = 1;
const SUM_AT: usize = 8 + 4 + 4 + 32;
const HEADER: usize = SUM_AT + 32;

/// Longest entry: 60 s.
pub(super) const MAX_ENTRY: u64 = HEADER as u64 + 2 * 60 * 8_000;

/// What a phrase is kept under: the same voice, model, settings, language and words have the same key, wherever the
/// account is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of this phrase in this voice.
    #[must_use]
    pub fn new(voice: &Voice, phrase: &Phrase) -> Self {
        let mut hash = Sha256::new();
        hash.update(VERSION.to_le_bytes());
        for part in [voice.identity().as_str(), &phrase.language, &phrase.text] {
            // With its length: parts cannot run into one another.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// Why bytes are no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadEntry {
    #[error("it is none of ours")]
    Foreign,
    #[error("it is another version's")]
    Version,
    #[error("it is another phrase")]
    OtherKey,
    #[error("its length is wrong")]
    Length,
    #[error("its checksum is wrong")]
    Checksum,
    #[error("there is no speech in it")]
    NoSpeech,
}

/// As it is written.
pub(super) fn encode(key: &Key, speech: &Speech) -> Vec<u8> {
    let samples = speech.samples();
    let mut bytes = Vec::with_capacity(HEADER + 2 * samples.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    // At most 60 s of samples.
    bytes.extend_from_slice(&(samples.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&key.0);
    bytes.extend_from_slice(&[0; 32]);
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    let sum = sum(&bytes);
    bytes[SUM_AT..HEADER].copy_from_slice(&sum);
    bytes
}

/// What is read, if every byte of it is as it was written.
pub(super) fn decode(key: &Key, bytes: &[u8]) -> Result<Speech, BadEntry> {
    if !bytes.starts_with(MAGIC) {
        return Err(BadEntry::Foreign);
    }
    if bytes.len() < HEADER {
        return Err(BadEntry::Length);
    }
    if bytes[8..12] != VERSION.to_le_bytes() {
        return Err(BadEntry::Version);
    }
    if bytes[16..SUM_AT] != key.0 {
        return Err(BadEntry::OtherKey);
    }
    let (samples, rest) = bytes[HEADER..].as_chunks::<2>();
    if !rest.is_empty() || bytes[12..16] != (samples.len() as u32).to_le_bytes() {
        return Err(BadEntry::Length);
    }
    if bytes[SUM_AT..HEADER] != sum(bytes) {
        return Err(BadEntry::Checksum);
    }
    Speech::new(samples.iter().map(|sample| i16::from_le_bytes(*sample)).collect()).map_err(|_| BadEntry::NoSpeech)
}

fn sum(bytes: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(&bytes[..SUM_AT]).chain_update(&bytes[HEADER..]).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speech() -> Speech {
        Speech::new((0..4_000).map(|n| if n % 40 < 20 { 5_000 } else { -5_000 }).collect()).unwrap()
    }

    #[test]
    fn what_is_written_is_read_and_every_byte_counts() {
        let (key, other) = (Key([7; 32]), Key([8; 32]));
        let bytes = encode(&key, &speech());
        assert_eq!(decode(&key, &bytes).unwrap().samples(), speech().samples());
        assert_eq!(decode(&other, &bytes).err(), Some(BadEntry::OtherKey));
        for at in (0..HEADER).chain([HEADER, HEADER + 999, bytes.len() - 1]) {
            let mut wrong = bytes.clone();
            wrong[at] ^= 0x10;
            assert!(decode(&key, &wrong).is_err(), "byte {at}");
        }
        for length in [0, 1, 8, HEADER - 1, HEADER, HEADER + 1, bytes.len() - 1] {
            assert!(decode(&key, &bytes[..length]).is_err(), "{length} bytes");
        }
        assert!(decode(&key, &[&bytes[..], &[0, 0]].concat()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_are_no_entry(mut bytes in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..400), ours in proptest::arbitrary::any::<bool>()) {
            if ours {
                bytes.splice(..0, MAGIC.iter().copied());
            }
            proptest::prop_assert!(decode(&Key([0; 32]), &bytes).is_err());
        }
    }
}
