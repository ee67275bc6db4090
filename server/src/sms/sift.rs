//! Lets through what the SMPP library can read. It would give up the connection over anything else, and the SMS centre
//! would say the same on the next one, for ever.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use rusmpp::decode::DecodeWithLength as _;
use rusmpp::{Command, CommandId};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::UnboundedSender;

/// Octets of the header of a PDU, and where in it are what it is and its number.
const HEADER_OCTETS: usize = 16;
const ID_AT: usize = 4;
const NUMBER_AT: usize = 12;
/// Octets that are taken from the connection at a time.
const READ_OCTETS: usize = 8 * 1024;

/// A request that cannot be read. It must be answered all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub id: CommandId,
    /// Its sequence number.
    pub number: u32,
}

/// A connection of which only what is readable is read.
#[derive(Debug)]
pub struct Sifted<S> {
    connection: S,
    /// The longest PDU, in octets.
    octets_max: usize,
    /// Octets that were not looked at yet.
    received: BytesMut,
    /// Octets that can be read.
    sound: BytesMut,
    unreadable: UnboundedSender<Unreadable>,
}

impl<S> Sifted<S> {
    pub fn new(connection: S, octets_max: usize, unreadable: UnboundedSender<Unreadable>) -> Self {
        Self { connection, octets_max, received: BytesMut::new(), sound: BytesMut::new(), unreadable }
    }

    /// Looks at every whole PDU that is there.
    ///
    /// # Errors
    /// When it cannot be told any more where one ends.
    fn sift(&mut self) -> io::Result<()> {
        while let Some(length) = self.received.first_chunk().map(|length| u32::from_be_bytes(*length)) {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if !(HEADER_OCTETS..=self.octets_max).contains(&length) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a PDU of {length} octets")));
            }
            if self.received.len() < length {
                return Ok(());
            }
            let pdu = self.received.split_to(length);
            if is_readable(&pdu) {
                self.sound.extend_from_slice(&pdu);
            } else {
                self.set_aside(&pdu);
            }
        }
        Ok(())
    }

    /// Of an answer the header is let through, which says whether the request was taken; a request is told of.
    fn set_aside(&mut self, pdu: &[u8]) {
        let id = CommandId::from((&pdu[ID_AT..]).get_u32());
        let number = (&pdu[NUMBER_AT..]).get_u32();
        tracing::warn!(?id, number, octets = pdu.len(), "the SMS centre sent something that cannot be read");
        if id.is_response() {
            let length = u32::try_from(HEADER_OCTETS).unwrap_or_default();
            self.sound.extend_from_slice(&length.to_be_bytes());
            self.sound.extend_from_slice(&pdu[ID_AT..HEADER_OCTETS]);
        } else {
            // Nobody listens any more where the connection is over.
            self.unreadable.send(Unreadable { id, number }).ok();
        }
    }
}

/// Whether the library reads all of a PDU and nothing beyond. Its panics, too, would be the end of the connection.
fn is_readable(pdu: &[u8]) -> bool {
    let mut body = BytesMut::from(&pdu[ID_AT..]);
    let length = body.len();
    let decoded = catch_unwind(AssertUnwindSafe(|| Command::decode(&mut body, length).is_ok()));
    decoded.unwrap_or(false) && body.is_empty()
}

impl<S: AsyncRead + Unpin> AsyncRead for Sifted<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, read: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.sound.is_empty() {
            let mut octets = [0; READ_OCTETS];
            let mut received = ReadBuf::new(&mut octets);
            ready!(Pin::new(&mut this.connection).poll_read(cx, &mut received))?;
            if received.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.received.extend_from_slice(received.filled());
            this.sift()?;
        }
        let length = this.sound.len().min(read.remaining());
        read.put_slice(&this.sound.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Sifted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, written: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn pdu(id: u32, status: u32, number: u32, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER_OCTETS + body.len()).unwrap();
        let header = [length, id, status, number].map(u32::to_be_bytes).concat();
        [header, body.to_vec()].concat()
    }

    /// What is let through and what is told of, however the octets come.
    async fn sifted(octets: &[u8], at_a_time: usize) -> (io::Result<Vec<u8>>, Vec<Unreadable>) {
        let (told, mut unreadable) = unbounded_channel();
        let (mut centre, connection) = tokio::io::duplex(at_a_time);
        let mut sifted = Sifted::new(connection, 1000, told);
        let mut through = Vec::new();
        let send = async {
            // It breaks where the other end has given up.
            centre.write_all(octets).await.ok();
            drop(centre);
        };
        let (end, ()) = tokio::join!(
            async {
                let end = sifted.read_to_end(&mut through).await;
                drop(sifted);
                end
            },
            send
        );
        let mut all = Vec::new();
        while let Some(one) = unreadable.recv().await {
            all.push(one);
        }
        (end.map(|_| through), all)
    }

    #[tokio::test]
    async fn only_what_can_be_read_goes_through() {
        let enquire = pdu(0x15, 0, 7, b"");
        // No string ends in it.
        let broken = pdu(0x05, 0, 8, &[b'A'; 60]);
        // The answer to a message, with octets that no field has, and the header of it.
        let (answer, header) = (pdu(0x8000_0004, 0, 9, &[b'x'; 300]), pdu(0x8000_0004, 0, 9, b""));
        let all = [&enquire[..], &broken, &answer, &enquire].concat();
        for at_a_time in [1, 3, 16, 100, 1000] {
            let (through, told) = sifted(&all, at_a_time).await;
            assert_eq!(through.unwrap(), [&enquire[..], &header, &enquire].concat());
            assert_eq!(told, [Unreadable { id: CommandId::DeliverSm, number: 8 }]);
        }
        for length in [15_u32, 1001, u32::MAX] {
            let (through, told) = sifted(&[&length.to_be_bytes()[..], &[0; 20]].concat(), 24).await;
            assert_eq!((through.unwrap_err().kind(), told), (io::ErrorKind::InvalidData, vec![]));
        }
    }

    proptest! {
        #[test]
        fn no_pdu_is_too_odd(id in prop_oneof![Just(0x05_u32), Just(0x103), Just(0x15), Just(0x8000_0004), any::<u32>()],
            body in prop::collection::vec(any::<u8>(), 0..200)) {
            let odd = pdu(id, 0, 1, &body);
            if is_readable(&odd) {
                let mut octets = BytesMut::from(&odd[ID_AT..]);
                let length = octets.len();
                prop_assert!(Command::decode(&mut octets, length).is_ok());
            }
        }
    }
}
