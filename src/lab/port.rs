//! A port on loopback that can be closed and opened again.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::Router;
use tokio::{
    net::TcpListener,
    task::{AbortHandle, JoinHandle},
};

use crate::net::{http, listen};

/// An HTTP server on a port that stays its own while it is closed.
pub(super) struct Port {
    addr: SocketAddr,
    /// Keeps the port while nobody listens on it.
    _reserved: socket2::Socket,
    router: Router,
    accepting: Mutex<Option<JoinHandle<()>>>,
    connections: Connections,
}

type Connections = Arc<Mutex<Vec<AbortHandle>>>;

impl Port {
    /// Opens a port on loopback; 0: any free one. Must be called within a tokio runtime.
    pub(super) fn open(port: u16, router: Router) -> io::Result<Self> {
        let (reserved, addr) = listen::reserve_port(port)?;
        let port = Self {
            addr,
            _reserved: reserved,
            router,
            accepting: Mutex::new(None),
            connections: Connections::default(),
        };
        port.up()?;
        Ok(port)
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connecting is refused from now on, and HTTP connections that are there end. What was upgraded stays.
    pub(super) fn down(&self) {
        if let Some(task) = locked(&self.accepting).take() {
            task.abort();
        }
        for connection in locked(&self.connections).drain(..) {
            connection.abort();
        }
    }

    /// Listens again.
    pub(super) fn up(&self) -> io::Result<()> {
        let mut accepting = locked(&self.accepting);
        if accepting.is_none() {
            let listener = listen::shared(self.addr, 1)?.pop().ok_or_else(|| io::Error::other("no listener"))?;
            let listener = TcpListener::from_std(listener)?;
            *accepting = Some(tokio::spawn(accept(listener, self.router.clone(), Arc::clone(&self.connections))));
        }
        Ok(())
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.down();
    }
}

async fn accept(listener: TcpListener, router: Router, connections: Connections) {
    loop {
        match listener.accept().await {
            Ok((tcp, _)) => {
                let connection = tokio::spawn(http::serve(tcp, router.clone()));
                let mut connections = locked(&connections);
                connections.retain(|connection| !connection.is_finished());
                connections.push(connection.abort_handle());
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
