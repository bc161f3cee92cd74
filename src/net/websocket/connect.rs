//! Opening a WebSocket to somebody else's server.

use std::sync::Arc;

use axum::body::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, StatusCode, body::Incoming};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::{
    ClientRequestBuilder,
    client::IntoClientRequest as _,
    handshake::derive_accept_key,
    http::{HeaderValue, Uri, header},
};

use super::{
    WebSocket,
    frame::Role,
    line::{Line, Tcp},
};
use crate::{
    net::tls,
    wire::{Failure, WsEvent, WsRequest},
};

/// A WebSocket to a server.
pub type ClientSocket = WebSocket<Line>;

/// Longest message of a server that is read: a minute of audio, many times what they send at once.
pub const MAX_REPLY: usize = 8 << 20;
/// Of the body of a refused handshake so much is kept.
const MAX_REFUSAL: usize = 4 << 10;

/// Why a WebSocket is not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unopened {
    /// The server said no.
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said, as far as we read.
        body: Vec<u8>,
    },
    /// There was no answer, or none that is one.
    Failed(Failure),
}

impl Unopened {
    /// As a provider takes it.
    #[must_use]
    pub fn event(&self) -> WsEvent<'_> {
        match self {
            Self::Refused { status, body } => WsEvent::Refused { status: *status, body },
            Self::Failed(failure) => WsEvent::Failed(*failure),
        }
    }
}

/// Opens a WebSocket: name, TCP, TLS and handshake, all within the request's time.
///
/// # Errors
///
/// [`Unopened`].
pub async fn connect(request: WsRequest) -> Result<ClientSocket, Unopened> {
    let timeout = request.timeout;
    // Boxed: the future of a TLS handshake is large, and most of the time there is none.
    tokio::time::timeout(timeout, Box::pin(open(request))).await.unwrap_or(Err(Unopened::Failed(Failure::TimedOut)))
}

async fn open(request: WsRequest) -> Result<ClientSocket, Unopened> {
    const CONNECT: Unopened = Unopened::Failed(Failure::Connect);
    let uri: Uri = request.url.parse().map_err(|_| CONNECT)?;
    let encrypted = match uri.scheme_str() {
        Some("wss") => true,
        Some("ws") => false,
        Some(_) | None => return Err(CONNECT),
    };
    // An IPv6 address stands in brackets, which belong to the URL alone.
    let host = uri.host().ok_or(CONNECT)?.trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
    let tcp = TcpStream::connect((host.as_str(), port)).await.map_err(|_| CONNECT)?;
    let _ = tcp.set_nodelay(true);
    let line = if encrypted {
        let name = ServerName::try_from(host).map_err(|_| CONNECT)?;
        let config = tls::config().map_err(|error| {
            tracing::error!(%error, "no socket can be opened");
            CONNECT
        })?;
        let stream = TlsConnector::from(Arc::clone(&config)).connect(name, Tcp::new(tcp)).await.map_err(|error| {
            tracing::warn!(host = uri.host().unwrap_or_default(), %error, "the TLS handshake failed");
            CONNECT
        })?;
        Line::tls(stream)
    } else {
        Line::plain(Tcp::new(tcp))
    };
    let mut handshake =
        ClientRequestBuilder::new(uri).with_header("User-Agent", concat!("quietline/", env!("CARGO_PKG_VERSION")));
    for (name, value) in request.headers {
        // A header that cannot be one would take the whole request with it.
        if HeaderValue::from_str(&value).is_err() {
            tracing::warn!(name, "a header cannot be sent: its value has characters that no header can have");
            return Err(CONNECT);
        }
        handshake = handshake.with_header(name, value);
    }
    let mut request = handshake.into_client_request().map_err(|_| CONNECT)?.map(|()| Empty::<Bytes>::new());
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|_| CONNECT)?;
    shake_hands(line, request).await
}

/// Asks for the upgrade. The library of the server's side speaks HTTP here too: it gives the stream back with what has
/// come behind the answer.
async fn shake_hands(line: Line, request: Request<Empty<Bytes>>) -> Result<ClientSocket, Unopened> {
    const BROKEN: Unopened = Unopened::Failed(Failure::Broken);
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(line)).await.map_err(|_| BROKEN)?;
    let opened = async {
        let response = sender.send_request(request).await.map_err(|_| BROKEN)?;
        let status = response.status();
        if status != StatusCode::SWITCHING_PROTOCOLS {
            return Err(Unopened::Refused { status: status.as_u16(), body: refusal(response.into_body()).await });
        }
        let accept = response.headers().get(header::SEC_WEBSOCKET_ACCEPT);
        if accept.and_then(|accept| accept.to_str().ok()) != key.as_deref() {
            return Err(BROKEN);
        }
        let upgraded = hyper::upgrade::on(response).await.map_err(|_| BROKEN)?;
        let parts = upgraded.downcast::<TokioIo<Line>>().map_err(|_| BROKEN)?;
        Ok(WebSocket::new(parts.io.into_inner(), Role::Client, MAX_REPLY, &parts.read_buf))
    };
    // The connection moves the bytes; with the upgrade, or the answer read, it has done its part.
    let connection = connection.with_upgrades();
    tokio::pin!(connection, opened);
    tokio::select! {
        opened = &mut opened => opened,
        _ = &mut connection => opened.await,
    }
}

/// What a server says that refuses; no more of it than is kept.
async fn refusal(body: Incoming) -> Vec<u8> {
    let mut body = Limited::new(body, MAX_REFUSAL);
    let mut said = Vec::new();
    // A body that breaks off, or is too long, tells what it has told.
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            said.extend_from_slice(&data);
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::{SinkExt, StreamExt};

    use super::*;
    use crate::net::websocket::Message;

    fn request(url: String) -> WsRequest {
        WsRequest { url, headers: vec![("X-Test", "yes".into())], timeout: Duration::from_secs(5) }
    }

    #[tokio::test]
    async fn opens_moves_and_talks() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut socket = tokio_tungstenite::accept_async(tcp).await.unwrap();
            let got = socket.next().await.unwrap().unwrap();
            socket.send(got).await.unwrap();
        });
        let mut socket = connect(request(format!("ws://{addr}/a?b=c"))).await.unwrap();
        // Another thread with its own runtime takes the connection over.
        let moved = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                socket.stream().unwrap().settle().unwrap();
                assert!(socket.send_now("hello").await);
                socket.next().await.unwrap()
            })
        });
        let got = tokio::task::spawn_blocking(|| moved.join().unwrap()).await.unwrap();
        assert_eq!(got, Message::Text("hello".into()));
        server.await.unwrap();
    }

    #[tokio::test]
    async fn what_does_not_open_says_why() {
        let (_reserved, nobody) = crate::net::listen::reserve().unwrap();
        let refused = connect(request(format!("ws://{nobody}/"))).await.err();
        assert_eq!(refused, Some(Unopened::Failed(Failure::Connect)));
        for wrong in ["", "http://127.0.0.1/", "ws://", "wss://no host/"] {
            assert_eq!(connect(request(wrong.into())).await.err(), Some(Unopened::Failed(Failure::Connect)), "{wrong}");
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            let _ = tcp.read(&mut head).await.unwrap();
            tcp.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nnope").await.unwrap();
            tcp.shutdown().await.unwrap();
        });
        let refused = connect(request(format!("ws://{addr}/"))).await.err();
        assert!(matches!(&refused, Some(Unopened::Refused { status: 401, .. })), "{refused:?}");
        server.await.unwrap();
    }
}
