//! From an assistant to a ringing phone: a whole server on real sockets, driven by its API, and the lab's account.

mod answers;
mod api;
mod doctor;
mod hooks;
mod intents;
mod outbound;
mod room;
mod texts;
mod tools;
