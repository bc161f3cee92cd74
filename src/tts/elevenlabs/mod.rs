//! ElevenLabs.

mod access;

pub use access::{Access, AccessError};
