//! The only sockets, and the only clock.
//!
//! | file | for |
//! |---|---|
//! | [`clock`] | the one place that reads a clock |
//! | [`listen`] | listeners that share an address, so that every shard accepts by itself |
//! | [`http`] | connections of our HTTP server |
//! | [`websocket`] | accepting a WebSocket on such a connection, with the raw socket back in hand |
//! | [`client`] | [`crate::wire`] exchanges as HTTP requests |

pub mod client;
pub mod clock;
pub mod http;
pub mod listen;
pub mod websocket;
