//! The handshake of a stream, as captured.

use hyper::{Method, StatusCode, Uri, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{
    handshake::{client::generate_key, derive_accept_key},
    protocol::Role,
};

use super::network::{Network, NoAnswer, parsed, request};
use crate::lab::socket::{Wire, limits};

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

impl Upgraded {
    /// For the task that looks after all of them.
    pub(super) fn into_wire(self) -> Wire {
        Wire::new(self.tcp, self.early, Role::Client)
    }

    /// For a task of its own.
    pub(super) async fn into_async(self) -> tokio_tungstenite::WebSocketStream<TcpStream> {
        let Self { tcp, early } = self;
        tokio_tungstenite::WebSocketStream::from_partially_read(tcp, early, Role::Client, Some(limits())).await
    }
}
