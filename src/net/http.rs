//! Connections of our HTTP server.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::net::TcpStream;

/// A request's head must be here within this time.
const HEAD: Duration = Duration::from_secs(5);
/// Longest head, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// Serves one connection until it is closed or upgraded.
///
/// Our own loop instead of `axum::serve`: a head must come in time, and an upgrade gives the raw socket back.
pub async fn serve(tcp: TcpStream, router: Router) {
    // Small writes must not wait for each other.
    let _ = tcp.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(tcp), TowerToHyperService::new(router))
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended early");
    }
}
