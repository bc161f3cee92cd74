//! Stand-ins for the vendors' voices on real sockets, held to their schemas: OpenAI's `POST /v1/audio/speech` and
//! ElevenLabs' `POST /v1/text-to-speech/{voice_id}/stream`, with their lists, errors and headers.
//!
//! What they say is [`speech`], a plain function of the text: a test can compare what was heard with what should have
//! been. A [`Desk`] is one vendor's side: what it is asked, and what goes wrong with it ([`SpeechFault`]); a
//! [`VoicesLab`] puts it on a port, [`OpenAiLab`](super::openai::OpenAiLab) on its own.
//!
//! | file | for |
//! |---|---|
//! | `synth` | the sound |
//! | `desk`, `fault`, `lab` | keys, faults to come, the record; the port |
//! | `openai`, `elevenlabs` | paths, checks and errors of each vendor |
//! | `body` | audio as a body, with what can go wrong with it |
//! | `check`, `schemas` | bodies and queries against their schemas |

mod body;
mod check;
mod desk;
mod elevenlabs;
mod fault;
#[allow(clippy::module_inception, reason = "the lab of the lab")]
mod lab;
mod openai;
mod synth;

pub use desk::{Desk, SpeechRequest, Vendor};
pub use fault::SpeechFault;
pub use lab::VoicesLab;
pub(in crate::lab) use lab::router;
pub use synth::{CHARACTER_MS, speech, speech_ms};
