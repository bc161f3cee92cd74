//! The only sockets, and the only clock.
//!
//! | file | for |
//! |---|---|
//! | [`clock`] | the one place that reads a clock |
//! | [`listen`] | listeners that share an address, so that every shard accepts by itself |
//! | [`http`] | connections of our HTTP server |
//! | [`websocket`] | WebSockets: on such a connection, and to others' servers |
//! | [`client`] | [`crate::wire`] exchanges as HTTP requests |
//! | [`guard`] | requests of intents, to allowed addresses only |
//! | [`tls`] | TLS for the latter three |

pub mod client;
pub mod clock;
pub mod guard;
pub mod http;
pub mod listen;
pub mod tls;
pub mod websocket;
