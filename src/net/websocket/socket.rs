//! An open WebSocket: polled, never awaited, and without an allocation for each message.
//!
//! Handshakes are a library's. What follows is ours because a call sends and receives a hundred small messages a second:
//! one buffer to read into for all sockets of a thread, messages lent where they lie, and one write for all that a step
//! has to say. Extensions are never agreed upon.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    frame::{self, Kind, Role},
    received::{End, Fragments, Incoming, ROOM, Received},
};

/// Bytes that may wait for a peer that does not read: minutes of audio. Beyond it the connection counts as broken.
const MAX_WAITING: usize = 4 << 20;
/// The peer may take this long to answer our close.
const CLOSING: Duration = Duration::from_secs(2);
/// A buffer that has grown beyond this is given back once it is empty.
const KEPT: usize = 8 << 10;

/// A WebSocket over a byte stream.
#[derive(Debug)]
pub struct WebSocket<S> {
    stream: Option<S>,
    role: Role,
    /// Longest message that is read.
    limit: usize,
    /// Received, and no whole message yet (or more messages than were wanted).
    left: Vec<u8>,
    fragments: Option<Fragments>,
    /// Frames to be written, up to `written` done.
    out: Vec<u8>,
    written: usize,
    /// Something was written that may stand in a buffer below.
    unflushed: bool,
    closing: bool,
    closing_since: Option<Instant>,
    /// The peer's close was read.
    closed: bool,
}

/// A message that is kept: for those who wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message of this length.
    Binary(usize),
    /// The end. See [`Incoming::Closed`].
    Closed {
        /// The peer closed it, or we did.
        clean: bool,
        /// The peer's code.
        code: Option<u16>,
        /// The peer's reason.
        reason: String,
    },
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// On a stream whose handshake is done; `early` is what came behind it. Messages longer than `limit` bytes close
    /// the connection.
    pub(super) fn new(stream: S, role: Role, limit: usize, early: &[u8]) -> Self {
        Self {
            stream: Some(stream),
            role,
            limit,
            left: early.to_vec(),
            fragments: None,
            out: Vec::new(),
            written: 0,
            unflushed: false,
            closing: false,
            closing_since: None,
            closed: false,
        }
    }

    /// What the socket runs on, while there is one.
    pub fn stream(&mut self) -> Option<&mut S> {
        self.stream.as_mut()
    }

    /// Takes what has come, 64 KiB at the most unless a message is longer. Give it back by [`WebSocket::done`].
    pub fn receive(&mut self, context: &mut Context<'_>) -> Received {
        let fragments = self.fragments.take();
        let mut received = Received::new(&self.left, self.role, self.limit, fragments, self.closing);
        self.left.clear();
        let Some(stream) = &mut self.stream else { return received };
        let mut taken = 0;
        loop {
            let Some(room) = received.room().filter(|_| taken < ROOM) else {
                // There may be more: the next look is due at once.
                context.waker().wake_by_ref();
                return received;
            };
            let mut buffer = ReadBuf::new(room);
            match Pin::new(&mut *stream).poll_read(context, &mut buffer) {
                Poll::Pending => return received,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    let count = buffer.filled().len();
                    received.filled(count);
                    taken += count;
                }
                Poll::Ready(Ok(()) | Err(_)) => {
                    received.eof = true;
                    return received;
                }
            }
        }
    }

    /// Gives back what [`WebSocket::receive`] has given, whether or not all messages were taken from it.
    pub fn done(&mut self, mut received: Received, context: &mut Context<'_>) {
        received.leave(&mut self.left);
        self.fragments = received.fragments;
        if self.left.is_empty() && self.left.capacity() > KEPT {
            self.left = Vec::new();
        }
        let outcome = received.outcome;
        if outcome.over.is_some() {
            // Nothing counts that stands behind an end.
            self.left.clear();
        }
        self.out.extend_from_slice(&outcome.replies);
        match outcome.over {
            None => {
                if !outcome.drained || received.eof {
                    context.waker().wake_by_ref();
                }
            }
            Some(End::Closed) => {
                (self.closing, self.closed) = (true, true);
                // The peer has answered our close: there is nothing left to write, with which the line would be closed.
                let answered = self.role == Role::Server && self.out.is_empty() && !self.unflushed;
                if received.eof || answered {
                    self.stream = None;
                }
            }
            Some(End::Gone) => self.stream = None,
            Some(End::Fault(_)) => {
                // One small packet: if it cannot be written now, it never will be.
                self.flush(context);
                self.stream = None;
            }
        }
    }

    /// A text message goes out with the next [`WebSocket::flush`]. Nothing is sent after a close.
    pub fn send(&mut self, text: &str) {
        if self.stream.is_some() && !self.closing {
            frame::write(&mut self.out, Kind::Text, text.as_bytes(), self.role);
        }
    }

    /// Closes the connection after what was sent before.
    pub fn close(&mut self) {
        self.close_with(1000, "");
    }

    fn close_with(&mut self, code: u16, reason: &str) {
        if !std::mem::replace(&mut self.closing, true) && self.stream.is_some() {
            let mut payload = code.to_be_bytes().to_vec();
            payload.extend_from_slice(reason.as_bytes());
            frame::write(&mut self.out, Kind::Close, &payload, self.role);
        }
    }

    /// Writes what waits, as far as the peer takes it. `false`: the connection has just broken.
    pub fn flush(&mut self, context: &mut Context<'_>) -> bool {
        if self.out.is_empty() && !self.unflushed {
            return true;
        }
        match self.poll_flush(context) {
            Poll::Pending if self.out.len() - self.written <= MAX_WAITING => true,
            Poll::Ready(true) => true,
            Poll::Ready(false) | Poll::Pending => {
                self.stream = None;
                (self.out, self.written, self.unflushed) = (Vec::new(), 0, false);
                self.closing
            }
        }
    }

    /// Ready with `false` if the connection is broken.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(true) };
        while self.written < self.out.len() {
            match ready!(Pin::new(&mut *stream).poll_write(context, &self.out[self.written..])) {
                Ok(count) if count > 0 => {
                    self.written += count;
                    self.unflushed = true;
                }
                Ok(_) | Err(_) => return Poll::Ready(false),
            }
        }
        self.out.clear();
        self.written = 0;
        if self.out.capacity() > KEPT {
            self.out.shrink_to(KEPT);
        }
        if ready!(Pin::new(stream).poll_flush(context)).is_err() {
            return Poll::Ready(false);
        }
        self.unflushed = false;
        if self.closed && self.role == Role::Server {
            // Both have said so: the server hangs up first (RFC 6455, section 7.1.1).
            self.stream = None;
        }
        Poll::Ready(true)
    }

    /// Brings the connection to its end: `true` once it is closed, or the peer took too long.
    pub fn finish(&mut self, now: Instant, context: &mut Context<'_>) -> bool {
        let since = *self.closing_since.get_or_insert(now);
        self.close();
        if !self.flush(context) || now.saturating_duration_since(since) >= CLOSING {
            return true;
        }
        let mut received = self.receive(context);
        while received.next().is_some() {}
        self.done(received, context);
        self.flush(context);
        self.stream.is_none()
    }

    /// Waits for the next message; `None` when nothing can come any more.
    pub async fn next(&mut self) -> Option<Message> {
        poll_fn(|context| {
            let mut received = self.receive(context);
            let message = received.next().map(Message::from);
            self.done(received, context);
            self.flush(context);
            match message {
                Some(message) => Poll::Ready(Some(message)),
                None if self.stream.is_none() => Poll::Ready(None),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Sends a text message and waits until it is written; `false` if the connection is broken.
    pub async fn send_now(&mut self, text: &str) -> bool {
        self.send(text);
        poll_fn(|context| self.poll_flush(context)).await && self.stream.is_some()
    }

    /// Closes the connection and waits until the peer has, 2 s at the most.
    pub async fn close_now(mut self, code: u16, reason: &str) {
        self.close_with(code, reason);
        let _ = tokio::time::timeout(CLOSING, async {
            poll_fn(|context| self.poll_flush(context)).await;
            while self.next().await.is_some() {}
        })
        .await;
    }
}

impl From<Incoming<'_>> for Message {
    fn from(incoming: Incoming<'_>) -> Self {
        match incoming {
            Incoming::Text(text) => Self::Text(text.to_owned()),
            Incoming::Binary(length) => Self::Binary(length),
            Incoming::Closed { clean, code, reason } => Self::Closed { clean, code, reason: reason.to_owned() },
        }
    }
}
