//! Stand-ins for the peers of a call: a carrier and a model, scripted and pure, on virtual time.
//!
//! They speak the same events as the real providers ([`CarrierEvent`], [`ModelEvent`]), take the same commands, and
//! make seeded trouble. [`World`] drives a [`Session`] between the two: the replay, the demo and the tests are worlds.
//!
//! [`twilio`] puts the same carrier behind real sockets, in real time: it dials a running gateway. [`openai`] does so
//! with the model, and [`voices`] speaks texts as the vendors' voices do.

mod carrier;
mod checks;
pub mod load;
mod model;
pub mod openai;
mod port;
mod shared_model;
mod shortened;
mod socket;
#[cfg(test)]
mod tests;
mod tone;
pub mod twilio;
pub mod voices;
mod world;

pub use carrier::{CarrierNews, Rest, ScriptedCarrier, Trouble};
pub use model::{ModelNews, Reply, ReplyPart, ScriptedModel, Transcripts, Utterance};
pub use shared_model::SharedModel;
pub use world::{Moment, World};

#[cfg(doc)]
use crate::{carrier::CarrierEvent, model::ModelEvent, session::Session};
