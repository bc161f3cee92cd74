//! What a read has brought, taken apart message by message.

use std::cell::Cell;

use super::frame::{self, Fault, Front, Kind, Role};

/// Bytes taken from a connection at once; with them the thread's buffer stays in the processor's cache.
pub(super) const ROOM: usize = 64 << 10;

thread_local! {
    /// One buffer serves all connections of a thread: what is left over of a read is kept with its connection. Taken by
    /// two at once (which nobody does) the second one would allocate its own.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What a connection has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message of this length: nobody sends us any.
    Binary(usize),
    /// The connection is at its end; nothing follows.
    Closed {
        /// The peer closed it, or we did.
        clean: bool,
        /// The peer's code, if it sent one.
        code: Option<u16>,
        /// The peer's reason.
        reason: &'a str,
    },
}

/// A message of several frames, so far.
#[derive(Debug)]
pub(super) struct Fragments {
    kind: Kind,
    bytes: Vec<u8>,
}

/// How reading has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer's close frame was read.
    Closed,
    /// The connection is gone.
    Gone,
    /// It cannot go on.
    Fault(Fault),
}

/// Messages that have come: [`Received::next`] gives one after the other, and then goes back to its
/// [`super::Socket`].
#[derive(Debug)]
pub struct Received {
    /// Read so far is `bytes[at..end]`; what follows is room.
    bytes: Vec<u8>,
    at: usize,
    end: usize,
    role: Role,
    limit: usize,
    pub(super) fragments: Option<Fragments>,
    /// We have closed the connection ourselves.
    closing: bool,
    /// No byte follows those that are there.
    pub(super) eof: bool,
    pub(super) outcome: Outcome,
}

/// What came of reading.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Frames that answer what came: pongs, and the peer's close.
    pub(super) replies: Vec<u8>,
    /// Nothing more is given out.
    pub(super) over: Option<End>,
    /// All that was there has been given out.
    pub(super) drained: bool,
}

impl Outcome {
    /// The connection cannot go on: the peer is told why.
    fn fail(&mut self, fault: Fault, role: Role) -> Incoming<'static> {
        (self.over, self.drained) = (Some(End::Fault(fault)), true);
        frame::write(&mut self.replies, Kind::Close, &fault.code().to_be_bytes(), role);
        Incoming::Closed { clean: false, code: None, reason: "" }
    }
}

impl Received {
    /// Begins with what was `left` over.
    pub(super) fn new(left: &[u8], role: Role, limit: usize, fragments: Option<Fragments>, closing: bool) -> Self {
        let mut bytes = BUFFER.take();
        if bytes.len() < ROOM.max(left.len()) {
            bytes.resize(ROOM.max(left.len()), 0);
        }
        bytes[..left.len()].copy_from_slice(left);
        Self { bytes, at: 0, end: left.len(), role, limit, fragments, closing, eof: false, outcome: Outcome::default() }
    }

    /// Room for more bytes; more of it if a frame is longer than all there is. `None` while there is enough to do.
    pub(super) fn room(&mut self) -> Option<&mut [u8]> {
        if self.end == self.bytes.len() {
            let missing = frame::missing(&self.bytes[..self.end], self.at, self.role, self.limit)?;
            if self.at > 0 {
                return None;
            }
            self.bytes.resize(missing.max(2 * ROOM), 0);
        }
        Some(&mut self.bytes[self.end..])
    }

    /// So many bytes were put into the room.
    pub(super) fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// What was not given out; the buffer goes back to the thread.
    pub(super) fn leave(&mut self, left: &mut Vec<u8>) {
        left.clear();
        left.extend_from_slice(&self.bytes[self.at..self.end]);
        let mut bytes = std::mem::take(&mut self.bytes);
        if bytes.len() > ROOM {
            bytes.truncate(ROOM);
            bytes.shrink_to_fit();
        }
        BUFFER.set(bytes);
    }

    /// The next message; `None` once there is no whole one.
    #[expect(clippy::should_implement_trait, reason = "it lends what it gives")]
    pub fn next(&mut self) -> Option<Incoming<'_>> {
        let whole = match self.message() {
            Ok(Some(whole)) => whole,
            Ok(None) => {
                self.outcome.drained = true;
                if !self.eof || self.outcome.over.is_some() {
                    return None;
                }
                self.outcome.over = Some(End::Gone);
                return Some(Incoming::Closed { clean: self.closing, code: None, reason: "" });
            }
            Err(fault) => return Some(self.outcome.fail(fault, self.role)),
        };
        let bytes = match &whole.place {
            Place::Here(range) => &self.bytes[range.clone()],
            Place::Fragments => self.fragments.as_ref().map_or(&[][..], |fragments| &fragments.bytes),
        };
        Some(match whole.kind {
            Kind::Text => match std::str::from_utf8(bytes) {
                Ok(text) => Incoming::Text(text),
                Err(_) => self.outcome.fail(Fault::NotText, self.role),
            },
            Kind::Close => {
                let (code, reason) = match bytes.split_first_chunk::<2>() {
                    Some((code, reason)) => (Some(u16::from_be_bytes(*code)), reason),
                    None => (None, &[][..]),
                };
                Incoming::Closed { clean: true, code, reason: std::str::from_utf8(reason).unwrap_or_default() }
            }
            Kind::Binary | Kind::Continuation | Kind::Ping | Kind::Pong => Incoming::Binary(bytes.len()),
        })
    }

    /// The place of the next message; control frames on the way are answered.
    fn message(&mut self) -> Result<Option<Whole>, Fault> {
        if self.fragments.as_ref().is_some_and(|fragments| fragments.kind == Kind::Continuation) {
            // It was given out, whole.
            self.fragments = None;
        }
        while self.outcome.over.is_none() {
            let frame = match frame::read(&mut self.bytes[..self.end], self.at, self.role, self.limit)? {
                Front::Frame(frame) => frame,
                Front::Part(_) => return Ok(None),
            };
            self.at = frame.payload.end;
            let payload = &self.bytes[frame.payload.clone()];
            match frame.kind {
                Kind::Ping => frame::write(&mut self.outcome.replies, Kind::Pong, payload, self.role),
                Kind::Pong => {}
                Kind::Close => {
                    if !self.closing {
                        // The same code goes back; a reason need not.
                        let code = &payload[..payload.len().min(2)];
                        frame::write(&mut self.outcome.replies, Kind::Close, code, self.role);
                    }
                    self.outcome.over = Some(End::Closed);
                    return Ok(Some(Whole { kind: Kind::Close, place: Place::Here(frame.payload) }));
                }
                Kind::Text | Kind::Binary if self.fragments.is_some() => return Err(Fault::Protocol),
                Kind::Text | Kind::Binary if frame.last => {
                    return Ok(Some(Whole { kind: frame.kind, place: Place::Here(frame.payload) }));
                }
                Kind::Text | Kind::Binary => {
                    self.fragments = Some(Fragments { kind: frame.kind, bytes: payload.to_vec() });
                }
                Kind::Continuation => {
                    let Some(fragments) = &mut self.fragments else { return Err(Fault::Protocol) };
                    if fragments.bytes.len() + payload.len() > self.limit {
                        return Err(Fault::TooLong);
                    }
                    fragments.bytes.extend_from_slice(payload);
                    if frame.last {
                        // Marked as given out; the bytes stay until the next message is asked for.
                        let kind = std::mem::replace(&mut fragments.kind, Kind::Continuation);
                        return Ok(Some(Whole { kind, place: Place::Fragments }));
                    }
                }
            }
        }
        Ok(None)
    }
}

/// A whole message, and where it lies.
struct Whole {
    kind: Kind,
    place: Place,
}

enum Place {
    Here(std::ops::Range<usize>),
    Fragments,
}
