//! Connections that write what was answered together together. Charging answers dozens of requests at the same moment, and
//! over HTTP/2 many of them share a connection; a system call for each answer, and one of the peer to read it, took more
//! time than charging.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// What a connection gathers, in bytes; more is sent at once.
const GATHERED_MAX: usize = 64 * 1024;

/// Listens for connections that gather.
#[derive(Debug)]
pub struct Gathering(pub TcpListener);

impl Listener for Gathering {
    type Io = Gathered<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (Gathered::new(stream), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A stream whose `flush` lets the tasks that are ready run first, so that what they have to say goes out with it.
#[derive(Debug)]
pub struct Gathered<S> {
    stream: S,
    bytes: Vec<u8>,
    /// How much of it is written.
    written: usize,
    /// Whether the others had their turn.
    has_waited: bool,
}

impl<S> Gathered<S> {
    fn new(stream: S) -> Self {
        Self { stream, bytes: Vec::new(), written: 0, has_waited: false }
    }
}

impl Gathered<TcpStream> {
    /// Nothing waits for more to come.
    pub fn set_nodelay(&self) {
        self.stream.set_nodelay(true).ok();
    }
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.bytes.len() {
            let rest = &self.bytes[self.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.bytes.clear();
        self.written = 0;
        self.has_waited = false;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

/// It does not write several buffers at once, so that whoever writes copies small ones into one.
impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.bytes.len() >= GATHERED_MAX {
            ready!(self.poll_write_out(cx))?;
        }
        let taken = &bytes[..bytes.len().min(GATHERED_MAX)];
        self.bytes.extend_from_slice(taken);
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.bytes.is_empty() {
            if !self.has_waited {
                self.has_waited = true;
                // A task that wakes itself comes after those that wait for their turn.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            ready!(self.poll_write_out(cx))?;
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_out(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn what_is_written_arrives_once_and_in_order_however_much_it_is() {
        let (stream, mut peer) = tokio::io::duplex(1_000);
        let sent: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let expected = sent.clone();
        let writer = tokio::spawn(async move {
            let mut stream = Gathered::new(stream);
            for part in sent.chunks(70_001) {
                stream.write_all(part).await.unwrap();
            }
            stream.flush().await.unwrap();
            stream.write_all(b"end").await.unwrap();
            stream.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        peer.read_to_end(&mut received).await.unwrap();
        writer.await.unwrap();
        assert!(received == [expected, b"end".to_vec()].concat());
    }

    #[tokio::test]
    async fn others_say_what_they_have_to_say_before_it_is_sent() {
        let (stream, mut peer) = tokio::io::duplex(1_000);
        let mut stream = Gathered::new(stream);
        let (say, said) = tokio::sync::oneshot::channel();
        tokio::spawn(async move { say.send("too").unwrap() });
        stream.write_all(b"one").await.unwrap();
        stream.flush().await.unwrap();
        // Its task ran while ours waited to flush.
        let mut said = said;
        assert_eq!(said.try_recv(), Ok("too"));
        let mut received = [0; 3];
        peer.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"one");
    }
}
