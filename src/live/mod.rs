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
//! | `api.rs` | the door to the API, which runs apart |
//! | [`outbound`] | calls that we place |
//! | `answers.rs` | the documents that answer webhooks |
//! | `doorway.rs` | a new connection until its `start` |
//! | `directory.rs` | who answers which number |
//! | `remote.rs` | the gateway as those see it who run it |
//! | `supervisor.rs` | who owns which call; what outlives a connection |
//! | `shard.rs`, `bells.rs` | the loop over all calls of a thread, and what wakes it |
//! | `call.rs` | one call: socket, session, model |
//! | `model_link.rs`, `ahead.rs` | its model with its socket; the same before the stream is there |
//! | `intents.rs` | its intents under way |
//! | `capture/` | calls that are captured, and their files |
//! | `finished.rs` | what is kept of a call |
//!
//! **The loop.** No call has a task of its own. All sockets of a shard ring one bell, which notes whose they are; a step looks
//! at the calls that were rung for, and at those that are due. A shard with few calls wakes for them; one with many sleeps, as a
//! whole thread, and looks every millisecond at what has come, so the more calls there are, the more of them share a
//! wake-up. A session ticks as soon as a frame has come, or audio of the agent that the line is short of, or 20 ms after its last
//! tick: so a decision waits a millisecond at the most, and all writes of a step leave in one. One call's panic ends that
//! call only.
//!
//! **What was measured** ([`crate::config::Io`] has the settings; a neutral harness, callers with a tone a second, G.711 both ways
//! unless stated, `webrtc` as detector; round trips in ms, both ways through the gateway). 100 calls, gateway, load and model on one core, median of two runs:
//!
//! | | CPU a frame | round trip p50 / p99 |
//! |---|---|---|
//! | a wake-up for what comes | 33.4 µs | 1.5 / 2.2 |
//! | drained every 0.5 ms | 28.1 µs | 1.0 / 1.3 |
//! | **every 1 ms** | 27.3 µs | 1.7 / 2.2 |
//! | every 2 ms | 25.5 µs | 3.3 / 4.3 |
//! | 1 ms, appends of 40 ms | 20.2 µs | 3.5 / 22 |
//! | 1 ms, appends of 100 ms | 17.4 µs | 42 / 82 |
//! | 1 ms, appends of 100 ms, 24 kHz | 18.4 µs | 46 / 87 |
//!
//! The gateway alone on its core, load and model on another, CPU a frame and p99 (the median of windows of 200 ms):
//!
//! | calls | woken | **1 ms** | 1 ms, 24 kHz |
//! |---|---|---|---|
//! | 50 | 46.3 µs, 1.7 | 39.2 µs, 2.2 | 38.2 µs, 6.9 |
//! | 200 | 37.7 µs, 2.1 | 25.2 µs, 2.2 | 33.0 µs, 7.1 |
//! | 500 | 28.1 µs, 2.2 | 24.9 µs, 2.4 | 28.5 µs, 7.2 |
//! | 800 | 23.2 µs, 3.6 | 22.0 µs, 3.0 | the harness was full |
//!
//! So 1 ms and 20 ms are the defaults: longer appends save half of the CPU and make every answer wait for them. Outbound audio that
//! is due in one step leaves in one write; longer messages would only throw away more at a `clear`. Media threads apart from
//! sockets were not tried: what is left is the kernel's part (two thirds of the time, by `perf`).

mod ahead;
mod answers;
mod api;
mod bells;
mod call;
mod capture;
mod configured;
mod directory;
mod doorway;
mod finished;
mod gateway;
mod intents;
mod model_link;
pub mod outbound;
mod page;
mod remote;
mod routes;
pub mod setup;
mod shard;
mod supervisor;
mod texts;
mod transcript;

pub use answers::Webhooks;
pub use capture::check_folder;
pub use configured::SetupError;
pub use finished::{FinishedCall, Observation};
pub use gateway::{Gateway, GatewayError};
pub use page::text as next_steps;
pub use remote::Remote;
pub use setup::Setup;
pub use supervisor::{Census, LiveCall};
pub use texts::{TextDesk, Texting};
pub use transcript::{Line, Speaker, Transcript};
