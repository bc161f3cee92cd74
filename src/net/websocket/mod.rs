//! WebSockets, both sides.
//!
//! | file | for |
//! |---|---|
//! | `accept.rs` | on a connection of our HTTP server, with the raw socket back in hand |
//! | `connect.rs` | to somebody else's server, over TLS or not |
//! | `line.rs` | what the latter run on |
//! | `socket.rs`, `received.rs` | an open one: polled, buffers shared by a thread |
//! | `frame.rs` | its frames |

mod accept;
mod connect;
mod frame;
mod line;
mod received;
mod socket;
#[cfg(test)]
mod tests;

pub use accept::{Accepted, MAX_MESSAGE, Socket, accept};
pub use connect::{ClientSocket, MAX_REPLY, Unopened, connect};
pub use line::Line;
pub use received::{Incoming, Received};
pub use socket::{Message, WebSocket};
