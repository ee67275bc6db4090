//! Getting in: TCP, TLS where asked for, and `bind_transceiver`.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use futures::Stream;
use rusmpp::pdus::BindTransceiver;
use rusmpp::types::COctetString;
use rusmpp::values::InterfaceVersion;
use rusmppc::{Client, ConnectionBuilder, Event};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_rustls::TlsConnector;

use super::settings::Centre;
use super::sift::{Sifted, Unreadable};
use crate::peers;

/// The longest that getting in may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(15);
/// The longest that an answer may take. Then nobody knows whether the centre has the message.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// How often a quiet connection is tried, and how long that may take.
pub const ALIVE_EVERY: Duration = Duration::from_secs(10);
pub const ALIVE_TIME_MAX: Duration = Duration::from_secs(10);
/// The longest PDU that is read, in octets.
const PDU_BYTES_MAX: usize = 70_000;

/// A connection on which the SMS centre has let us in.
pub struct Bound {
    pub client: Client,
    /// What the centre sends of its own accord.
    pub events: Pin<Box<dyn Stream<Item = Event> + Send>>,
    /// The same where it cannot be read.
    pub unreadable: UnboundedReceiver<Unreadable>,
}

/// # Errors
/// When the centre cannot be reached or does not let us in.
pub async fn bind(centre: &Centre) -> anyhow::Result<Bound> {
    tokio::time::timeout(CONNECT_TIME_MAX, bound(centre)).await.context("it takes too long")?
}

async fn bound(centre: &Centre) -> anyhow::Result<Bound> {
    let stream = connect(centre).await?;
    let (told, unreadable) = unbounded_channel();
    let (client, events) = ConnectionBuilder::new()
        .max_command_length(PDU_BYTES_MAX)
        .enquire_link_interval(ALIVE_EVERY)
        .enquire_link_response_timeout(ALIVE_TIME_MAX)
        .response_timeout(ANSWER_TIME_MAX)
        // The client would insist on version 5.
        .disable_interface_version_check()
        .connected(Awake(Sifted::new(stream, PDU_BYTES_MAX, told)));
    let bind = BindTransceiver::builder()
        .system_id(COctetString::from_string(centre.system_id.clone()).context("the system_id")?)
        .password(COctetString::from_string(centre.password.clone()).context("the password")?)
        .interface_version(InterfaceVersion::Smpp3_4)
        .build();
    client.bind_transceiver(bind).await.context("it does not let us in")?;
    Ok(Bound { client, events: Box::pin(events), unreadable })
}

/// A connection, with TLS or without.
trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Connection for S {}

async fn connect(centre: &Centre) -> anyhow::Result<Box<dyn Connection>> {
    let tcp = TcpStream::connect((centre.host.as_str(), centre.port)).await.context("it cannot be reached")?;
    tcp.set_nodelay(true)?;
    if !centre.has_tls {
        return Ok(Box::new(tcp));
    }
    let tls = TlsConnector::from(Arc::new(peers::trusting_what_this_machine_does()?));
    let name = ServerName::try_from(centre.host.clone()).context("its host is no name that a certificate can have")?;
    Ok(Box::new(tls.connect(name, tcp).await.context("TLS with it fails")?))
}

/// Wakes its reader after each flush: the client leaves requests in its queue when it has written a few, and would look at
/// them only when something comes in.
struct Awake<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for Awake<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, read: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Awake<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, written: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.0).poll_flush(cx);
        if flushed.is_ready() {
            cx.waker().wake_by_ref();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
