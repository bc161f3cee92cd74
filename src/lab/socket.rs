//! One WebSocket after its handshake: frames without waiting.
//!
//! Nothing here waits for a socket: those who have many of them read and write them all from one task, a millisecond
//! apart. Waking for each message of each of them costs a busy load generator more than its messages do.

use std::io::{self, Read, Write};

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{
    Error, Message, Utf8Bytes, WebSocket,
    error::ProtocolError,
    protocol::{CloseFrame, Role, WebSocketConfig},
};

/// Unread messages of ours that may wait in a socket before we give up on it.
const MOST_UNREAD: usize = 4 << 20;
/// Longest message that is taken.
const MOST_MESSAGE: usize = 4 << 20;

/// For both ways of reading a socket.
pub(super) fn limits() -> WebSocketConfig {
    // The default read buffer is cleared before each read: 128 KiB of it for 200 bytes.
    WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .max_write_buffer_size(MOST_UNREAD)
        .max_message_size(Some(MOST_MESSAGE))
        .max_frame_size(Some(MOST_MESSAGE))
}

/// A socket that never waits.
struct Ready(TcpStream);

impl Read for Ready {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Ready {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.try_write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a socket brings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Text(Utf8Bytes),
    /// So many bytes.
    Binary(usize),
    /// The other side's close frame.
    Close(Option<u16>),
    /// Nothing more: broken, with the reason, or closed by both sides.
    Gone(Option<String>),
}

/// A WebSocket.
pub(super) struct Wire {
    socket: WebSocket<Ready>,
    unsent: bool,
}

impl Wire {
    /// After a handshake, with what came early.
    pub(super) fn new(tcp: TcpStream, early: Vec<u8>, role: Role) -> Self {
        let socket = WebSocket::from_partially_read(Ready(tcp), early, role, Some(limits()));
        Self { socket, unsent: false }
    }

    /// The next thing that has arrived; `None` for nothing yet.
    pub(super) fn read(&mut self) -> Option<Incoming> {
        loop {
            return Some(match self.socket.read() {
                Ok(Message::Text(text)) => Incoming::Text(text),
                Ok(Message::Binary(bytes)) => Incoming::Binary(bytes.len()),
                Ok(Message::Close(frame)) => {
                    self.unsent = true;
                    Incoming::Close(frame.map(|frame| frame.code.into()))
                }
                // The answer to a ping waits for the next flush.
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {
                    self.unsent = true;
                    continue;
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => Incoming::Gone(None),
                Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                    Incoming::Gone(Some("closed without a close frame".to_owned()))
                }
                Err(error) => Incoming::Gone(Some(error.to_string())),
            });
        }
    }

    /// Sends a message, or keeps it until the socket takes more.
    ///
    /// # Errors
    /// If the other side has not read for very long, or the connection is broken.
    pub(super) fn send(&mut self, message: Message) -> Result<(), String> {
        match self.socket.send(message) {
            Ok(()) => Ok(()),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                self.unsent = true;
                Ok(())
            }
            Err(Error::WriteBufferFull(_)) => Err(format!("{MOST_UNREAD} bytes unread by the other side")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Begins the close handshake.
    pub(super) fn close(&mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::from_static("") };
        // What is left unsent is flushed later; a broken connection needs no close.
        let _ = self.socket.close(Some(frame));
        self.unsent = true;
    }

    /// Sends what the socket did not take before.
    pub(super) fn flush(&mut self) {
        if self.unsent {
            let blocked = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
            self.unsent = matches!(self.socket.flush(), Err(Error::Io(ref error)) if blocked(error));
        }
    }

    /// Ends the connection with a TCP reset.
    pub(super) fn reset(self) {
        // Closing a socket that lingers for no time sends a reset.
        let _ = socket2::SockRef::from(&self.socket.get_ref().0).set_linger(Some(std::time::Duration::ZERO));
    }
}
