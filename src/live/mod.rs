//! Real calls: shards, supervisor, shutdown. Moves bytes and fires what is due; decides nothing about a call.
//!
//! ```text
//! shard (one thread each: current-thread runtime, own listener)         slow world (own threads)
//!   accept ▸ routes ▸ webhook answered                                   REST requests, handshakes with models
//!              └────▸ media handshake ▸ doorway (`start`, token) ─┐      supervisor's sweep
//!   loop, at most each ms: inbox ▸ each call: socket ▸ model ▸ timers ▸ tick ▸ sockets
//! ```
//!
//! | file | what |
//! |---|---|
//! | [`setup`], `configured.rs` | what a gateway is made of; the same from a configuration |
//! | `page.rs` | what an operator does next |
//! | `gateway.rs` | start, drain, stop |
//! | `routes.rs` | webhooks, health, the media handshake |
//! | `answers.rs` | the documents that answer webhooks |
//! | `doorway.rs` | a new connection until its `start` |
//! | `supervisor.rs` | who owns which call; what outlives a connection |
//! | `shard.rs`, `bells.rs` | the loop over all calls of a thread, and what wakes it |
//! | `call.rs` | one call: socket, session, model |
//! | `model_link.rs`, `ahead.rs` | its model with its socket; the same before the stream is there |
//! | `intents.rs` | its intents under way |
//! | `capture/` | calls that are captured, and their files |
//! | `finished.rs` | what is kept of a call |
//!
//! **The loop.** No call has a task of its own. All sockets of a shard ring one bell; the shard wakes, waits until a
//! millisecond has passed since its last step, and takes whatever has come on all of them. A session ticks as soon as a
//! frame has come, or 20 ms after its last tick: so a decision waits a millisecond at the most, all writes of a step
//! leave in one, and the more calls there are, the more of them share a wake-up. One call's panic ends that call only.

mod ahead;
mod answers;
mod bells;
mod call;
mod capture;
mod configured;
mod doorway;
mod finished;
mod gateway;
mod intents;
mod model_link;
mod page;
mod routes;
pub mod setup;
mod shard;
mod supervisor;

pub use capture::check_folder;
pub use configured::SetupError;
pub use finished::{FinishedCall, Observation};
pub use gateway::{Gateway, GatewayError};
pub use page::text as next_steps;
pub use setup::Setup;
pub use supervisor::Census;
