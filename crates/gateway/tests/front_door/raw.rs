//! An HTTP/1.1 client that sends exactly the bytes it is given.

use std::collections::HashMap;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::toy::House;

/// A client's end of a connection.
pub struct Raw {
    stream: DuplexStream,
    buffer: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Asserts that the id is a UUID, and gives it.
    pub fn request_id(&self) -> &str {
        let id = self.header("x-amzn-requestid");
        assert_eq!(id.len(), 36, "{self:?}");
        assert_eq!(id.bytes().filter(|byte| *byte == b'-').count(), 4, "{id}");
        id
    }
}

impl Raw {
    pub fn new(house: &House) -> Self {
        Self { stream: house.connect().0, buffer: Vec::new() }
    }

    pub fn from(house: &House, origin: gateway::Origin) -> Self {
        Self { stream: house.connect_from(origin).0, buffer: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends what the server may refuse to read.
    pub async fn send_unread(&mut self, bytes: impl AsRef<[u8]>) {
        drop(self.stream.write_all(bytes.as_ref()).await);
    }

    /// Sends no more; replies can still be read.
    pub async fn finish_sending(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// The next reply, or `None` if the connection ended before it.
    pub async fn reply(&mut self) -> Option<Reply> {
        self.reply_to("POST").await
    }

    pub async fn reply_to(&mut self, method: &str) -> Option<Reply> {
        let mut reply = self.head().await?;
        let declared = reply.headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let length = if method == "HEAD" || reply.status < 200 { 0 } else { declared };
        self.fill(length).await.expect("the reply ended before its end");
        reply.body = self.buffer.drain(..length).collect();
        Some(reply)
    }

    /// The next reply without its body.
    pub async fn head(&mut self) -> Option<Reply> {
        let end = loop {
            match find(&self.buffer, b"\r\n\r\n") {
                Some(end) => break end,
                None => self.more().await?,
            }
        };
        let head = String::from_utf8(self.buffer.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let pair = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers: HashMap<String, String> = lines.filter_map(pair).collect();
        Some(Reply { status, headers, body: Vec::new() })
    }

    /// The next chunk of a body that comes in chunks, empty at its end; none if the connection ends before.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let end = loop {
            match find(&self.buffer, b"\r\n") {
                Some(end) => break end,
                None => self.more().await?,
            }
        };
        let length = usize::from_str_radix(std::str::from_utf8(&self.buffer[..end]).unwrap(), 16).unwrap();
        self.fill(end + 2 + length + 2).await?;
        self.buffer.drain(..end + 2);
        let chunk = self.buffer.drain(..length).collect();
        assert_eq!(self.buffer.drain(..2).collect::<Vec<u8>>(), b"\r\n");
        Some(chunk)
    }

    /// Reads until there are so many bytes.
    async fn fill(&mut self, bytes: usize) -> Option<()> {
        while self.buffer.len() < bytes {
            self.more().await?;
        }
        Some(())
    }

    async fn more(&mut self) -> Option<()> {
        let read = self.stream.read_buf(&mut self.buffer).await.ok()?;
        (read > 0).then_some(())
    }

    /// Waits until the server ends the connection, which had nothing more to say.
    pub async fn ended(&mut self) {
        while self.more().await.is_some() {}
        assert!(self.buffer.is_empty(), "unexpected: {:?}", String::from_utf8_lossy(&self.buffer));
    }
}

/// Sends one request on a connection of its own and takes the reply.
pub async fn ask(house: &House, request: impl AsRef<[u8]>) -> Reply {
    let mut raw = Raw::new(house);
    raw.send(request).await;
    raw.reply().await.expect("a reply")
}

/// A body as a client compresses it.
pub fn packed(plain: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// A request with these header lines, and the length that the body has.
pub fn request(line: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut request = format!("{line} HTTP/1.1\r\nhost: localhost:4566\r\ncontent-length: {}\r\n", body.len());
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    [request.as_bytes(), body].concat()
}

pub const FORM: &str = "content-type: application/x-www-form-urlencoded; charset=utf-8";
pub const JSON: &str = "content-type: application/x-amz-json-1.0";

/// An awsJson request to `ToyService`.
pub fn json(operation: &str, body: &str) -> Vec<u8> {
    request("POST /", &[JSON, &format!("x-amz-target: ToyService.{operation}")], body)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
