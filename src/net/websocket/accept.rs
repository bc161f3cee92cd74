//! Accepting a WebSocket on a connection of our HTTP server.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::{WebSocket, frame::Role};

/// Longest message that is read; a longer one closes the connection.
pub const MAX_MESSAGE: usize = 64 << 10;

/// A WebSocket on a plain TCP connection.
pub type Socket = WebSocket<TcpStream>;

/// A handshake that was answered with 101.
#[derive(Debug)]
pub struct Accepted(OnUpgrade);

/// Checks a handshake. The answer must be returned to the client, whatever it is; with the second value the socket can
/// be had once that is done.
#[must_use]
pub fn accept(request: Request<Body>) -> (Response<Body>, Option<Accepted>) {
    let (mut parts, _body) = request.into_parts();
    let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() else {
        return (refused(StatusCode::UPGRADE_REQUIRED, "This address takes WebSockets only.\n"), None);
    };
    let request = Request::from_parts(parts, ());
    match create_response_with_body(&request, Body::empty) {
        Ok(response) => (response, Some(Accepted(upgrade))),
        Err(error) => {
            tracing::debug!(%error, "a WebSocket handshake was wrong");
            (refused(StatusCode::BAD_REQUEST, "This is no WebSocket handshake.\n"), None)
        }
    }
}

fn refused(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

impl Accepted {
    /// The socket, once the answer is on its way. `None` if the connection is gone.
    pub async fn socket(self) -> Option<Socket> {
        let parts = self.0.await.ok()?.downcast::<TokioIo<TcpStream>>().ok()?;
        // The client may have sent messages already: they are in `read_buf`.
        Some(WebSocket::new(parts.io.into_inner(), Role::Server, MAX_MESSAGE, &parts.read_buf))
    }
}
