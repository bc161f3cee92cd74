//! WebSockets, both sides.
//!
//! | file | for |
//! |---|---|
//! | `accept.rs` | on a connection of our HTTP server, with the raw socket back in hand |
//! | `connect.rs` | to somebody else's server, over TLS or not |
//! | `line.rs` | what the latter run on |

mod accept;
mod connect;
mod line;

pub use accept::{Accepted, MAX_MESSAGE, Socket, accept};
pub use connect::{ClientSocket, MAX_REPLY, Unopened, connect};
pub use line::Line;
