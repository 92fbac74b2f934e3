//! A JetStream publisher, as much of NATS' protocol as that needs: batches of messages, written at once, and their acknowledgements.
//!
//! Two ways, both of a server that syncs before it acknowledges (`sync_interval: always`): messages one behind the other, each
//! acknowledged by itself, as a stream takes them by default; and atomic batches (server 2.12), acknowledged once. Nothing is parsed
//! but what is counted, so that the client costs no more than the HTTP one. Source: docs.nats.io, "Client Protocol" and ADR-50 of
//! nats-architecture-and-design.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::requests::{BATCH, data};

/// The stream that everything is published to.
const STREAM: &str = "bench";

/// Room for the acknowledgements of a batch.
const BUFFER_BYTES: usize = 64 * 1024;

/// Digits of a batch's number, which is written in place.
const NUMBER_DIGITS: usize = 16;

/// How a batch is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Batch {
    /// Message behind message; each is acknowledged.
    Pipelined,
    /// All or none; the last is acknowledged.
    Atomic,
}

/// One connection with a prepared batch.
pub(crate) struct Publisher {
    stream: TcpStream,
    buffer: Vec<u8>,
    request: Vec<u8>,
    batch: Batch,
    /// Where the batch's number stands in the request.
    numbers: Vec<usize>,
    published: u64,
}

/// What a line of the server means to a publisher.
#[derive(Debug, PartialEq, Eq)]
enum Said<'a> {
    /// An answer, so many bytes of the buffer with its line, and what it says.
    Answer(usize, &'a [u8]),
    /// The server asks whether we are there; the line's bytes.
    Ping(usize),
    /// Anything else; the line's bytes.
    Other(usize),
    Refused(String),
    /// More has to come.
    Part,
}

impl Publisher {
    /// Connects; `place` tells this connection from others.
    pub(crate) async fn connect(address: SocketAddr, place: usize, batch: Batch) -> io::Result<Self> {
        let inbox = format!("_INBOX.{place}");
        let (request, numbers) = match batch {
            Batch::Pipelined => (pipelined(&inbox), Vec::new()),
            Batch::Atomic => atomic(&inbox, place),
        };
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let hello = format!(
            "CONNECT {{\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true,\"lang\":\"rust\",\
             \"version\":\"1\",\"protocol\":1}}\r\nSUB {inbox} 1\r\n"
        );
        stream.write_all(hello.as_bytes()).await?;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Ok(Self { stream, buffer, request, batch, numbers, published: 0 })
    }

    /// Publishes the batch and waits until all of it is acknowledged; how many messages.
    pub(crate) async fn publish(&mut self) -> io::Result<usize> {
        self.published += 1;
        let number = format!("{:0NUMBER_DIGITS$}", self.published);
        for &at in &self.numbers {
            self.request[at..at + NUMBER_DIGITS].copy_from_slice(number.as_bytes());
        }
        self.stream.write_all(&self.request).await?;
        let acknowledgements = if self.batch == Batch::Pipelined { BATCH } else { 1 };
        for _ in 0..acknowledgements {
            self.acknowledgement().await?;
        }
        Ok(BATCH)
    }

    /// Takes the next answer, which must be an acknowledgement.
    async fn acknowledgement(&mut self) -> io::Result<()> {
        self.answer(|said| memchr::memmem::find(said, b"\"seq\"").is_some()).await
    }

    /// Takes the next answer, which must say what is expected and no error.
    async fn answer(&mut self, is_expected: impl Fn(&[u8]) -> bool) -> io::Result<()> {
        loop {
            let (bytes, is_ping) = match read(&self.buffer) {
                Said::Answer(bytes, said) => {
                    let is_good = memchr::memmem::find(said, b"\"error\"").is_none() && is_expected(said);
                    let refused = (!is_good).then(|| String::from_utf8_lossy(said).into_owned());
                    self.buffer.drain(..bytes);
                    return refused.map_or(Ok(()), |refused| Err(io::Error::other(refused)));
                }
                Said::Refused(why) => return Err(io::Error::other(why)),
                Said::Ping(bytes) => (bytes, true),
                Said::Other(bytes) => (bytes, false),
                Said::Part => {
                    self.receive().await?;
                    continue;
                }
            };
            self.buffer.drain(..bytes);
            if is_ping {
                self.stream.write_all(b"PONG\r\n").await?;
            }
        }
    }

    async fn receive(&mut self) -> io::Result<()> {
        self.buffer.reserve(BUFFER_BYTES / 2);
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// Makes the stream that is published to, on files.
pub(crate) async fn create_stream(address: SocketAddr) -> io::Result<()> {
    let mut publisher = Publisher::connect(address, usize::MAX, Batch::Pipelined).await?;
    let about = format!(
        r#"{{"name":"{STREAM}","subjects":["{STREAM}.>"],"storage":"file","retention":"limits","num_replicas":1,"allow_atomic":true}}"#
    );
    publisher.ask("STREAM.CREATE", &about).await
}

/// Throws away what was published so far, as a stream of Kinesis is deleted after its window.
pub(crate) async fn purge_stream(address: SocketAddr) -> io::Result<()> {
    Publisher::connect(address, usize::MAX, Batch::Pipelined).await?.ask("STREAM.PURGE", "").await
}

impl Publisher {
    async fn ask(&mut self, what: &str, body: &str) -> io::Result<()> {
        let length = body.len();
        let request = format!("PUB $JS.API.{what}.{STREAM} _INBOX.{} {length}\r\n{body}\r\n", usize::MAX);
        self.stream.write_all(request.as_bytes()).await?;
        self.answer(|_| true).await
    }
}

/// Messages, each with a subject of its own key and an acknowledgement of its own.
fn pipelined(inbox: &str) -> Vec<u8> {
    let mut request = Vec::new();
    for number in 0..BATCH {
        let data = data(number);
        request.extend_from_slice(format!("PUB {STREAM}.{number} {inbox} {}\r\n", data.len()).as_bytes());
        request.extend_from_slice(&data);
        request.extend_from_slice(b"\r\n");
    }
    request
}

/// Messages of one atomic batch, and where its number stands in each.
fn atomic(inbox: &str, place: usize) -> (Vec<u8>, Vec<usize>) {
    let (mut request, mut numbers) = (Vec::new(), Vec::new());
    for number in 0..BATCH {
        let data = data(number);
        let mut headers = format!("NATS/1.0\r\nNats-Batch-Id: {place}-");
        let number_at = headers.len();
        let zeroes = "0".repeat(NUMBER_DIGITS);
        write!(headers, "{zeroes}\r\nNats-Batch-Sequence: {}\r\n", number + 1).expect("a string takes anything");
        let is_last = number + 1 == BATCH;
        headers += if is_last { "Nats-Batch-Commit: 1\r\n\r\n" } else { "\r\n" };
        let reply = if is_last { format!("{inbox} ") } else { String::new() };
        let (header_bytes, bytes) = (headers.len(), headers.len() + data.len());
        request.extend_from_slice(format!("HPUB {STREAM}.{number} {reply}{header_bytes} {bytes}\r\n").as_bytes());
        numbers.push(request.len() + number_at);
        request.extend_from_slice(headers.as_bytes());
        request.extend_from_slice(&data);
        request.extend_from_slice(b"\r\n");
    }
    (request, numbers)
}

/// What the buffer begins with.
fn read(buffer: &[u8]) -> Said<'_> {
    let Some(end) = memchr::memmem::find(buffer, b"\r\n") else { return Said::Part };
    let (line, after) = (&buffer[..end], end + 2);
    if line.starts_with(b"-ERR") {
        return Said::Refused(String::from_utf8_lossy(line).into_owned());
    }
    if !line.starts_with(b"MSG ") && !line.starts_with(b"HMSG ") {
        return if line == b"PING" { Said::Ping(after) } else { Said::Other(after) };
    }
    let length = line.rsplit(|byte| *byte == b' ').next().and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    let Some(length): Option<usize> = length else { return Said::Refused("a message without its length".into()) };
    match buffer.get(after..after + length + 2) {
        Some(said) => Said::Answer(after + length + 2, &said[..length]),
        None => Said::Part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_pings_and_errors_are_told_apart_at_every_cut() {
        let bytes = b"MSG _INBOX.1 1 5\r\nhello\r\nPING\r\n";
        for cut in 0..25 {
            assert_eq!(read(&bytes[..cut]), Said::Part, "cut at {cut}");
        }
        assert_eq!(read(bytes), Said::Answer(25, b"hello"));
        assert_eq!(read(&bytes[25..]), Said::Ping(6));
        assert_eq!(read(b"INFO {}\r\n"), Said::Other(9));
        assert_eq!(read(b"-ERR 'no'\r\n"), Said::Refused("-ERR 'no'".into()));
    }

    #[test]
    fn a_batch_has_its_number_in_each_message_and_one_commit() {
        let (request, numbers) = atomic("_INBOX.0", 0);
        assert_eq!(numbers.len(), BATCH);
        assert!(numbers.iter().all(|&at| request[at..at + NUMBER_DIGITS] == [b'0'; NUMBER_DIGITS]));
        assert_eq!(memchr::memmem::find_iter(&request, "Nats-Batch-Commit").count(), 1);
        assert_eq!(memchr::memmem::find_iter(&request, "_INBOX.0 ").count(), 1);
        let text = String::from_utf8_lossy(&pipelined("_INBOX.0")).into_owned();
        assert_eq!(text.matches("PUB bench.").count(), BATCH);
    }
}
