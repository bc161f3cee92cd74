//! A captured call, once more: the same decisions, byte for byte, or what is decided otherwise.
//!
//! [`Play::run`] makes a session of what the capture's header says and gives it every input and every tick at its time.
//! As long as session and capture agree there is nothing to suppose: the peers did what they did because of what we
//! did. With other settings, another detector or other rules the two **part** at some step: the session does something
//! to carrier or model that it did not do then, or leaves something out. (Another ledger alone, such as another
//! deadline, parts nothing.)
//!
//! # What is known after that, and what is supposed
//!
//! Everything up to the parting is *known*; so is an ending that begins at the parting (a goodbye that comes earlier).
//! What caller and model would have answered to what they never heard is not. From there on the replay goes on with the
//! best that there is, and what it finds is marked as supposed:
//!
//! * the caller says, and presses, what they said then; a caller who hung up by themselves hangs up;
//! * the model says what it said then, in the same words and at the same time; cancelled answers stay short;
//! * marks come when our audio would have been played, requests to the carrier are answered at once and well
//!   (`line.rs`); the echoes and answers of the capture belong to audio and requests that may not exist;
//! * a line that was closed because we had closed it stays open until we do.
//!
//! With the capture's last step the knowledge ends. A call that has not begun to end by then "goes on past the end of
//! the capture": how long, nobody can say.

mod change;
mod compare;
mod line;
mod play;
pub mod shadow;
#[cfg(test)]
mod tests;

pub use change::{Change, ChangeError, KEYS};
pub use compare::{LedgerLine, Stretch, differing_lines};
pub use play::{Parting, Play, PlayError, Played};
