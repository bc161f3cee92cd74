//! A TCP connection, with TLS or without, that can move to another runtime.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A TCP connection that can be taken out and put back: away only within [`Line::settle`].
#[derive(Debug)]
pub(super) struct Tcp(Option<TcpStream>);

impl Tcp {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self(Some(stream))
    }

    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        self.get_mut().0.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Tcp {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(context, into)
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}

/// A connection to a server.
#[derive(Debug)]
pub struct Line(Kind);

#[derive(Debug)]
enum Kind {
    Plain(Tcp),
    Tls(Box<TlsStream<Tcp>>),
}

impl Line {
    pub(super) const fn plain(tcp: Tcp) -> Self {
        Self(Kind::Plain(tcp))
    }

    pub(super) fn tls(stream: TlsStream<Tcp>) -> Self {
        Self(Kind::Tls(Box::new(stream)))
    }

    /// Moves the connection to the runtime of this thread: its readiness is then told here, not where it was opened.
    ///
    /// # Errors
    ///
    /// If the connection is gone, or this thread has no runtime; it cannot be used any more then.
    pub fn settle(&mut self) -> io::Result<()> {
        let tcp = match &mut self.0 {
            Kind::Plain(tcp) => tcp,
            Kind::Tls(stream) => stream.get_mut().0,
        };
        let stream = tcp.0.take().ok_or(io::ErrorKind::NotConnected)?;
        tcp.0 = Some(TcpStream::from_std(stream.into_std()?)?);
        Ok(())
    }
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_read(context, into),
            Kind::Tls(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Kind::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Kind::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Kind::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
