//! A stand-in for OpenAI's realtime API on real sockets, in real time, held to the vendor's schemas in both directions.
//!
//! An [`OpenAiLab`] listens on loopback. Each connection has a [`Brain`] that says what is answered, such as a script
//! ([`ScriptedBrain`]); turns, ids, the order of events, cancelling, truncating and every complaint are the server's. A
//! wrong event is answered as the vendor answers it, and is a violation in the connection's report.
//!
//! | file | for |
//! |---|---|
//! | `lab`, `config` | the port, the connections on it, what they are made of |
//! | `routes`, `door` | HTTP, handshakes, who is let in |
//! | `link` | a connection's socket, and what is done to it |
//! | `polled`, `mirror` | for load: many sessions on one task, each append said back |
//! | `session`, `settings`, `items` | the protocol without a socket: client events, configuration, conversation |
//! | `input`, `hearing` | the audio buffer, turns, transcripts |
//! | `speaking`, `response` | responses in the captured order |
//! | `brain` | what is answered |
//! | `faults` | what goes wrong on purpose |
//! | `check`, `refusal`, `schemas` | every event against its schema, and the vendor's words |
//! | `log` | what happened |

mod brain;
mod check;
mod config;
mod door;
mod faults;
mod hearing;
mod input;
mod items;
#[allow(clippy::module_inception, reason = "the lab of the lab")]
mod lab;
mod link;
mod log;
mod mirror;
mod polled;
mod refusal;
mod response;
mod routes;
mod session;
mod settings;
mod speaking;

pub use brain::{Brain, Brief, Echo, Impulse, ScriptedBrain, Silent, Talk, Told, Turn, Why, Words};
pub use config::{BrainFactory, Connection, OpenAiConfig};
pub use faults::{Act, Failing, Faults, Handshake, When};
pub use lab::OpenAiLab;
pub use log::{ConnectionEvent, ConnectionReport, Tone};
