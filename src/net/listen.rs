//! Listeners that share an address.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// `count` listeners on one address (SO_REUSEPORT): the kernel spreads connections over them, so that each shard
/// accepts by itself. With port 0 all of them share the port that the first one was given. Non-blocking.
///
/// # Errors
///
/// If the address cannot be listened on; the text names it.
pub fn shared(addr: SocketAddr, count: usize) -> io::Result<Vec<std::net::TcpListener>> {
    let mut addr = addr;
    let mut listeners = Vec::with_capacity(count);
    for _ in 0..count.max(1) {
        let listener = bind(addr).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}; is something else running there?"))
        })?;
        addr = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// A port on loopback that nobody else gets, for somebody who is told it before they listen on it with [`shared`].
///
/// # Errors
///
/// If the system has none.
pub fn reserve() -> io::Result<(Socket, SocketAddr)> {
    reserve_port(0)
}

/// As [`reserve`] with this port; 0: any free one. What listens there already, without sharing, keeps it.
///
/// # Errors
///
/// If the port is taken.
pub fn reserve_port(port: u16) -> io::Result<(Socket, SocketAddr)> {
    let socket = bound(SocketAddr::from(([127, 0, 0, 1], port)))?;
    let addr = socket.local_addr()?.as_socket().ok_or_else(|| io::Error::other("the port has no address"))?;
    Ok((socket, addr))
}

fn bind(addr: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = bound(addr)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Bound to its address, but not listening yet.
fn bound(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    Ok(socket)
}
