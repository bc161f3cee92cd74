//! A call's connections, media and model: polled by its shard, never awaited.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{
    Error, Message, Utf8Bytes,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

/// Bytes that may wait for a peer that does not read: minutes of audio. Beyond it the connection counts as broken.
const MAX_WAITING: usize = 4 << 20;
/// The peer may take this long to answer our close.
const CLOSING: Duration = Duration::from_secs(2);

/// What a connection has brought.
#[derive(Debug)]
pub(super) enum Incoming {
    /// Nothing for now.
    Nothing,
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message of this length.
    Binary(usize),
    /// Something of no interest.
    Other,
    /// The connection is gone.
    Closed {
        /// The peer closed it, or we did.
        clean: bool,
        /// The peer's close frame, if it sent one with a code.
        frame: Option<CloseFrame>,
    },
}

pub(super) struct Link<S> {
    socket: Option<WebSocketStream<S>>,
    waiting: VecDeque<Message>,
    waiting_bytes: usize,
    written: bool,
    closing: bool,
    closing_since: Option<Instant>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    pub(super) fn new(socket: WebSocketStream<S>) -> Self {
        Self {
            socket: Some(socket),
            waiting: VecDeque::with_capacity(16),
            waiting_bytes: 0,
            written: false,
            closing: false,
            closing_since: None,
        }
    }

    /// What the socket runs on, while there is one.
    pub(super) fn stream(&mut self) -> Option<&mut S> {
        self.socket.as_mut().map(WebSocketStream::get_mut)
    }

    /// A message goes out with the next [`Link::flush`].
    pub(super) fn send(&mut self, text: impl Into<Utf8Bytes>) {
        let text = text.into();
        if self.socket.is_some() && !self.closing {
            self.waiting_bytes += text.len();
            self.waiting.push_back(Message::text(text));
        }
    }

    /// Closes the connection after what was sent before.
    pub(super) fn close(&mut self) {
        if !self.closing {
            self.closing = true;
            let frame = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
            self.waiting.push_back(Message::Close(Some(frame)));
        }
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Incoming {
        let Some(socket) = &mut self.socket else { return Incoming::Nothing };
        match Pin::new(socket).poll_next(context) {
            Poll::Pending => Incoming::Nothing,
            Poll::Ready(Some(Ok(Message::Text(text)))) => Incoming::Text(text),
            Poll::Ready(Some(Ok(Message::Close(frame)))) => {
                // The answer to it is written by the next flush or poll; the stream ends behind it.
                self.closing = true;
                Incoming::Closed { clean: true, frame }
            }
            Poll::Ready(Some(Ok(Message::Binary(bytes)))) => Incoming::Binary(bytes.len()),
            Poll::Ready(Some(Ok(Message::Ping(_)))) => {
                // The pong is in the socket's buffer: flushed with the rest.
                self.written = true;
                Incoming::Other
            }
            Poll::Ready(Some(Ok(Message::Pong(_) | Message::Frame(_)))) => Incoming::Other,
            Poll::Ready(Some(Err(Error::Capacity(_)))) => {
                // Longer than anything the peer sends. It is told why before the socket goes.
                self.tell(CloseCode::Size, context);
                self.socket = None;
                Incoming::Closed { clean: false, frame: None }
            }
            Poll::Ready(Some(Err(_)) | None) => {
                self.socket = None;
                Incoming::Closed { clean: self.closing, frame: None }
            }
        }
    }

    /// Says why the connection is about to end, if the peer takes it.
    fn tell(&mut self, code: CloseCode, context: &mut Context<'_>) {
        let Some(socket) = &mut self.socket else { return };
        let mut socket = Pin::new(socket);
        let frame = CloseFrame { code, reason: Utf8Bytes::default() };
        if socket.as_mut().start_send(Message::Close(Some(frame))).is_ok() {
            // It is one small packet; if it cannot be written now, it never will be.
            let _ = socket.poll_flush(context);
        }
    }

    /// Writes what waits, as far as the peer takes it. `false`: the connection has just broken.
    pub(super) fn flush(&mut self, context: &mut Context<'_>) -> bool {
        let Some(socket) = &mut self.socket else { return true };
        let mut socket = Pin::new(socket);
        let mut alive = self.waiting_bytes <= MAX_WAITING;
        while alive && !self.waiting.is_empty() {
            match socket.as_mut().poll_ready(context) {
                Poll::Pending => return true,
                Poll::Ready(Err(_)) => alive = self.closing,
                Poll::Ready(Ok(())) => {}
            }
            let Some(message) = self.waiting.pop_front() else { break };
            self.waiting_bytes = self.waiting_bytes.saturating_sub(message.len());
            alive &= socket.as_mut().start_send(message).is_ok();
            self.written = true;
        }
        if alive && self.written {
            match socket.as_mut().poll_flush(context) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.written = false,
                Poll::Ready(Err(_)) => alive = self.closing,
            }
        }
        if !alive {
            self.socket = None;
            self.waiting.clear();
        }
        alive
    }

    /// Brings the connection to its end: `true` once it is closed, or the peer took too long.
    pub(super) fn finish(&mut self, now: Instant, context: &mut Context<'_>) -> bool {
        let since = *self.closing_since.get_or_insert(now);
        self.close();
        if !self.flush(context) || now.saturating_duration_since(since) >= CLOSING {
            return true;
        }
        loop {
            match self.poll(context) {
                Incoming::Nothing => return self.socket.is_none(),
                Incoming::Text(_) | Incoming::Binary(_) | Incoming::Other => {}
                // Behind the peer's close only the end of the connection can come.
                Incoming::Closed { .. } => {
                    if self.socket.is_none() {
                        return true;
                    }
                }
            }
        }
    }
}
