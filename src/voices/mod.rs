//! The goodbye cannot be lost: what an assistant says by itself is rendered before it is needed, and kept.
//!
//! | file | what |
//! |---|---|
//! | `render.rs` | one phrase through one voice, over the network |
//! | `cache.rs`, `entry.rs` | what was rendered once, on disk |
//! | `shelf.rs` | all phrases of an assistant: what is there, and what comes instead |
//! | `keeper.rs` | fills a shelf in the background, without hammering |
//!
//! For each phrase the first of these that is there is given: the configured voice, the other configured voice, the
//! built-in recording of the default text. With none of them the carrier's own voice speaks (`call`, `live`).
//!
//! ```no_run
//! # async fn example(assistant: &quietline::config::Assistant) -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use quietline::{net::client::Client, voices::{Cache, Shelf, Workshop}};
//!
//! let workshop = Workshop::new(Client::new()?, Arc::new(Cache::in_memory()));
//! let shelf = Arc::new(Shelf::of(assistant)?);
//! let mut changed = shelf.changed();
//! tokio::spawn(Arc::clone(&shelf).keep(workshop));
//! shelf.want(); // a call begins, or is in need
//! changed.changed().await?;
//! for ready in shelf.ready() {
//!     println!("{}: {} s, by {}", ready.kind, ready.announcement.duration().as_secs_f64(), ready.source.by.name());
//! }
//! # Ok(())
//! # }
//! ```

mod cache;
mod entry;
mod keeper;
mod render;
mod shelf;

pub use cache::Cache;
pub use entry::Key;
pub use keeper::Workshop;
pub use render::render;
pub use shelf::{Ready, Shelf, Source};
