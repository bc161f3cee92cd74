//! Whole calls on real sockets: a gateway, and the lab's carrier that calls it, on loopback and in real time.
//!
//! Times are short (`silence_timeout` of some seconds, as an operator may allow), and all rows run at once.

mod conversations;
mod doors;
mod goodbyes;
mod load;
mod process;
pub(crate) mod room;
mod situations;
