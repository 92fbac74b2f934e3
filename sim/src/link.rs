//! One connection's bytes on their way: what was sent and has not arrived yet, what has arrived and was not read yet.
//!
//! The two ends write and read as on a socket. In between stands the network, moved by the simulation alone: it delivers
//! as many bytes as it likes, when it likes, or breaks the connection, after which what was on its way is lost.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How a connection ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    /// What has arrived can still be read, then comes the end.
    Quietly,
    /// Reading fails at once.
    Reset,
}

/// Bytes in one direction.
#[derive(Default)]
struct Way {
    sent: VecDeque<u8>,
    arrived: VecDeque<u8>,
    /// Bytes the sender may have on this way; the rest waits.
    room: usize,
    /// The sender has finished, and the receiver is told after the last byte.
    finished: bool,
    /// Reading fails.
    reset: bool,
    /// The receiver is gone.
    unread: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Way {
    fn wake(&mut self) {
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }

    fn in_transit(&self) -> usize {
        self.sent.len() + self.arrived.len()
    }
}

type Shared = Arc<Mutex<Way>>;

fn lock(way: &Shared) -> MutexGuard<'_, Way> {
    way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The network between two ends.
pub(crate) struct Link {
    up: Shared,
    down: Shared,
}

impl Link {
    /// A connection and its server's end; the server may have `room` unread bytes on their way to the client.
    pub(crate) fn new(room: usize) -> (Self, End) {
        let way = |room| Arc::new(Mutex::new(Way { room, ..Way::default() }));
        let link = Self { up: way(usize::MAX), down: way(room) };
        let end = End { incoming: Arc::clone(&link.up), outgoing: Arc::clone(&link.down) };
        (link, end)
    }

    /// The client's end, for a client that is a task itself.
    pub(crate) fn client_end(&self) -> End {
        End { incoming: Arc::clone(&self.down), outgoing: Arc::clone(&self.up) }
    }

    /// The client sends; nothing has arrived yet.
    pub(crate) fn send(&self, bytes: &[u8]) {
        lock(&self.up).sent.extend(bytes);
    }

    /// Lets at most `most` bytes arrive at the server.
    pub(crate) fn deliver_up(&self, most: usize) -> usize {
        deliver(&self.up, most)
    }

    /// Lets at most `most` bytes arrive at the client.
    pub(crate) fn deliver_down(&self, most: usize) -> usize {
        deliver(&self.down, most)
    }

    /// Whether bytes of the client are still on their way.
    pub(crate) fn is_sending(&self) -> bool {
        !lock(&self.up).sent.is_empty()
    }

    /// Whether the server has said something that the client has not read.
    pub(crate) fn has_answer(&self) -> bool {
        lock(&self.down).in_transit() > 0
    }

    /// From now on the client leaves nothing unread.
    pub(crate) fn read_fast(&self) {
        let mut way = lock(&self.down);
        way.room = usize::MAX;
        way.wake();
    }

    /// What has arrived at the client.
    pub(crate) fn read(&self) -> Vec<u8> {
        let mut way = lock(&self.down);
        let bytes = std::mem::take(&mut way.arrived).into();
        way.wake();
        bytes
    }

    /// Whether the server has ended the connection and everything before the end was read.
    pub(crate) fn is_ended(&self) -> bool {
        let way = lock(&self.down);
        way.finished && way.in_transit() == 0
    }

    /// Ends the connection; what was on its way is lost.
    pub(crate) fn break_off(&self, how: Break) {
        for (way, is_up) in [(&self.up, true), (&self.down, false)] {
            let mut way = lock(way);
            way.sent.clear();
            way.finished = true;
            way.reset = how == Break::Reset;
            way.unread = !is_up;
            way.wake();
        }
    }
}

fn deliver(way: &Shared, most: usize) -> usize {
    let mut way = lock(way);
    let count = most.min(way.sent.len());
    let moving: Vec<u8> = way.sent.drain(..count).collect();
    way.arrived.extend(moving);
    if count > 0 {
        way.wake();
    }
    count
}

/// One end, as a program holds it.
pub(crate) struct End {
    incoming: Shared,
    outgoing: Shared,
}

impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut way = lock(&self.incoming);
        if way.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if way.arrived.is_empty() {
            if way.finished && way.sent.is_empty() {
                return Poll::Ready(Ok(()));
            }
            way.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let count = out.remaining().min(way.arrived.len());
        let bytes: Vec<u8> = way.arrived.drain(..count).collect();
        out.put_slice(&bytes);
        if let Some(writer) = way.writer.take() {
            writer.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut way = lock(&self.outgoing);
        if way.unread || way.reset || way.finished {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = bytes.len().min(way.room.saturating_sub(way.in_transit()));
        if count == 0 && !bytes.is_empty() {
            way.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        way.sent.extend(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut way = lock(&self.outgoing);
        way.finished = true;
        way.wake();
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut way = lock(&self.outgoing);
        way.finished = true;
        way.wake();
        drop(way);
        let mut way = lock(&self.incoming);
        way.unread = true;
        way.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn bytes_arrive_when_the_network_says_so_and_the_rest_is_lost_with_the_connection() {
        let (link, mut server) = Link::new(4);
        link.send(b"hello");
        assert_eq!(link.deliver_up(2), 2);
        let mut out = [0; 8];
        assert_eq!(server.read(&mut out).await.unwrap(), 2);
        assert_eq!(server.write(b"abcdef").await.unwrap(), 4, "a slow reader leaves no more room");
        link.deliver_down(3);
        assert_eq!(link.read(), b"abc");
        link.break_off(Break::Quietly);
        assert_eq!(server.read(&mut out).await.unwrap(), 0);
        assert!(server.write(b"x").await.is_err());
        assert!(link.read().is_empty());
    }

    #[tokio::test]
    async fn a_reset_loses_even_what_had_arrived() {
        let (link, mut server) = Link::new(4);
        link.send(b"hello");
        link.deliver_up(5);
        link.break_off(Break::Reset);
        assert!(server.read(&mut [0; 8]).await.is_err());
    }
}
