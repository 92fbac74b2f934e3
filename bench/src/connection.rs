//! One keep-alive client connection: writes prepared bytes, reads one answer.
//!
//! No pipelining: an answer is read to its last byte before the next request leaves, as the AWS SDKs do. A server that
//! closes after each answer is connected to again, and that cost is part of its figures.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::response::{self, Head};

/// Room for a receive of ten 1 KB messages, so that one usually needs a single read.
const BUFFER_BYTES: usize = 32 * 1024;

/// A client's end; connects when first used.
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// One answer, borrowed from the connection's buffer.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The body of a 200, or the status and the start of the body as an error.
    pub(crate) fn ok(self) -> io::Result<&'a [u8]> {
        if self.status == 200 {
            return Ok(self.body);
        }
        let start = &self.body[..self.body.len().min(300)];
        Err(io::Error::other(format!("status {}: {}", self.status, String::from_utf8_lossy(start))))
    }
}

impl Connection {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, buffer: Vec::with_capacity(BUFFER_BYTES) }
    }

    /// Sends `request` and reads its answer. A kept connection that the server closed meanwhile is opened once more.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        let fresh = self.stream.is_none();
        let mut outcome = self.attempt(request).await;
        if !fresh && self.buffer.is_empty() && outcome.is_err() {
            self.stream = None;
            outcome = self.attempt(request).await;
        }
        let head = outcome.inspect_err(|_| self.stream = None)?;
        Ok(self.answer(head))
    }

    async fn attempt(&mut self, request: &[u8]) -> io::Result<Head> {
        self.send(request).await?;
        self.read_answer().await
    }

    /// Writes a request without waiting for its answer; `receive` must follow.
    pub(crate) async fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.buffer.clear();
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        let stream = self.stream.as_mut().expect("a stream was just put here");
        stream.write_all(request).await
    }

    /// Reads the answer of the request that `send` wrote.
    pub(crate) async fn receive(&mut self) -> io::Result<Answer<'_>> {
        let head = self.read_answer().await?;
        Ok(self.answer(head))
    }

    async fn read_answer(&mut self) -> io::Result<Head> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        loop {
            self.buffer.reserve(BUFFER_BYTES / 2);
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let head = response::head(&self.buffer).map_err(io::Error::other)?;
            if let Some(head) = head.filter(|head| self.buffer.len() >= head.head_bytes + head.body_bytes) {
                return Ok(head);
            }
        }
    }

    fn answer(&mut self, head: Head) -> Answer<'_> {
        if !head.keep_alive {
            self.stream = None;
        }
        let body = &self.buffer[head.head_bytes..head.head_bytes + head.body_bytes];
        Answer { status: head.status, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// Serves `answers`, one request each, in pieces of `piece` bytes; closes after those that say so.
    async fn serve(answers: Vec<&'static str>, piece: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap().0;
            for answer in answers {
                let mut request = [0; 64];
                if stream.read(&mut request).await.unwrap() == 0 {
                    stream = listener.accept().await.unwrap().0;
                    let _ = stream.read(&mut request).await.unwrap();
                }
                for part in answer.as_bytes().chunks(piece) {
                    stream.write_all(part).await.unwrap();
                    tokio::task::yield_now().await;
                }
                if answer.contains("close") {
                    stream = listener.accept().await.unwrap().0;
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn answers_in_pieces_are_put_together_and_the_connection_is_kept() {
        let answers =
            vec!["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"];
        let mut connection = Connection::new(serve(answers, 3).await);
        assert_eq!(connection.exchange(b"a").await.unwrap().ok().unwrap(), b"hello");
        assert_eq!(connection.exchange(b"b").await.unwrap().ok().unwrap(), b"ok");
    }

    #[tokio::test]
    async fn a_server_that_closes_each_time_is_connected_to_again() {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
        let mut connection = Connection::new(serve(vec![answer, answer], 100).await);
        for _ in 0..2 {
            assert_eq!(connection.exchange(b"a").await.unwrap().ok().unwrap(), b"x");
        }
    }

    #[tokio::test]
    async fn a_refusal_carries_status_and_text() {
        let answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\noops";
        let mut connection = Connection::new(serve(vec![answer], 100).await);
        let error = connection.exchange(b"a").await.unwrap().ok().unwrap_err();
        assert_eq!(error.to_string(), "status 400: oops");
    }
}
