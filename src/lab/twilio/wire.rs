//! One WebSocket to a gateway: the handshake as captured, then frames without waiting.
//!
//! Nothing here waits for a socket after the handshake: all streams are read and written from one task, a millisecond
//! apart. Waking for each message of each stream costs a busy load generator more than its messages do.

use std::io::{self, Read, Write};

use hyper::{Method, StatusCode, Uri, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{
    Error, Message, Utf8Bytes, WebSocket,
    error::ProtocolError,
    handshake::{client::generate_key, derive_accept_key},
    protocol::{CloseFrame, Role, WebSocketConfig},
};

use super::network::{Network, NoAnswer, parsed, request};

/// Unread messages of ours that may wait in a socket before we give up on it.
const MOST_UNREAD: usize = 4 << 20;
/// Longest message that is taken from a gateway.
const MOST_MESSAGE: usize = 4 << 20;

/// Why there is no stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoStream {
    /// Another answer than 101.
    #[error("the answer was {0}, expected 101")]
    Status(u16),
    /// 101, but not to a WebSocket.
    #[error("the answer is no WebSocket's: {0}")]
    Handshake(&'static str),
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
}

impl NoStream {
    /// The vendor's number.
    pub(super) fn code(&self) -> u32 {
        match self {
            Self::NoAnswer(NoAnswer::ConnectTimedOut) => 31901,
            Self::NoAnswer(NoAnswer::NoUrl(_) | NoAnswer::Elsewhere(_)) => 31923,
            Self::NoAnswer(NoAnswer::Refused) => 31902,
            Self::Status(_)
            | Self::Handshake(_)
            | Self::NoAnswer(NoAnswer::TimedOut | NoAnswer::Broken(_) | NoAnswer::TooLong | NoAnswer::Redirects) => {
                31920
            }
        }
    }
}

/// A TCP socket after a handshake, with what came early.
pub(super) struct Upgraded {
    tcp: TcpStream,
    early: Vec<u8>,
}

/// Opens a WebSocket as the vendor does.
pub(super) async fn open(network: &Network, url: &str, signature: Option<String>) -> Result<Upgraded, NoStream> {
    let uri: Uri = parsed(url)?;
    let tcp = network.connect(&uri).await?;
    let broken = |error: hyper::Error| NoAnswer::Broken(error.to_string());
    // Names go out in lower case, as captured.
    let (mut sender, connection) = http1::handshake(TokioIo::new(tcp)).await.map_err(broken)?;
    let driver = tokio::spawn(connection.with_upgrades());
    let key = generate_key();
    let mut headers = vec![
        ("upgrade", "websocket".to_owned()),
        ("connection", "Upgrade".to_owned()),
        ("sec-websocket-key", key.clone()),
        ("sec-websocket-version", "13".to_owned()),
        ("user-agent", "Twilio.TmeWs/1.0".to_owned()),
    ];
    headers.extend(signature.map(|signature| ("x-twilio-signature", signature)));
    let request = request(&Method::GET, &uri, network.target_path(&uri), headers, "")?;
    let mut response = sender.send_request(request).await.map_err(broken)?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        driver.abort();
        return Err(NoStream::Status(response.status().as_u16()));
    }
    let text = |name| response.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    if text(header::SEC_WEBSOCKET_ACCEPT) != Some(derive_accept_key(key.as_bytes()).as_str()) {
        return Err(NoStream::Handshake("wrong or missing Sec-WebSocket-Accept"));
    }
    if text(header::SEC_WEBSOCKET_PROTOCOL).is_some() {
        return Err(NoStream::Handshake("a subprotocol, and none was asked for"));
    }
    if text(header::SEC_WEBSOCKET_EXTENSIONS).is_some() {
        return Err(NoStream::Handshake("an extension, and none was asked for"));
    }
    let upgraded = hyper::upgrade::on(&mut response).await.map_err(broken)?;
    let parts = upgraded
        .downcast::<TokioIo<TcpStream>>()
        .map_err(|_| NoStream::Handshake("the connection could not be taken over"))?;
    Ok(Upgraded { tcp: parts.io.into_inner(), early: parts.read_buf.to_vec() })
}

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

impl Upgraded {
    /// For a task of its own.
    pub(super) async fn into_async(self) -> tokio_tungstenite::WebSocketStream<TcpStream> {
        let Self { tcp, early } = self;
        tokio_tungstenite::WebSocketStream::from_partially_read(tcp, early, Role::Client, Some(limits())).await
    }
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
    /// The gateway's close frame.
    Close(Option<u16>),
    /// Nothing more: broken, with the reason, or closed by both sides.
    Gone(Option<String>),
}

/// A WebSocket, client side.
pub(super) struct Wire {
    socket: WebSocket<Ready>,
    unsent: bool,
}

impl Wire {
    pub(super) fn new(upgraded: Upgraded) -> Self {
        let Upgraded { tcp, early } = upgraded;
        let socket = WebSocket::from_partially_read(Ready(tcp), early, Role::Client, Some(limits()));
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
    /// If the gateway has not read for very long, or the connection is broken.
    pub(super) fn send(&mut self, message: Message) -> Result<(), String> {
        match self.socket.send(message) {
            Ok(()) => Ok(()),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                self.unsent = true;
                Ok(())
            }
            Err(Error::WriteBufferFull(_)) => Err(format!("{MOST_UNREAD} bytes unread by the gateway")),
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
