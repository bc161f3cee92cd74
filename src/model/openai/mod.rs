//! OpenAI Realtime (the GA protocol), Azure, and servers that speak as they do.
//!
//! | file | what |
//! |---|---|
//! | `access.rs` | an account: address, key, headers |
//! | `settings.rs` | what a session is configured with |

mod access;
mod settings;

pub use access::{Access, AccessError, Auth};
pub use settings::{Eagerness, GreetingText, NoiseReduction, Settings, Transcription, TurnDetection};
