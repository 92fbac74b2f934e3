//! The gateway in front of a house, asked in the bytes of HTTP/1.1 over in-memory streams.
//!
//! Each request has a connection of its own and may be left waiting. Time is the house's clock, chance counts.

use crate::house::House;
use engine::{Clock, ManualClock};
use gateway::{Auth, Gateway, Limits, Options, Page, Pages, Scheme, Surroundings};
use names::{AccountId, Instant, Region};
use prometheus_client::registry::Registry;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// In which protocol a request is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Query,
    Cbor,
}

impl Form {
    pub(crate) const ALL: [Self; 3] = [Self::Json, Self::Query, Self::Cbor];

    /// The Content-Type of an answer.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-amz-json-1.0",
            Self::Query => "text/xml",
            Self::Cbor => "application/cbor",
        }
    }

    /// The bytes of a request. In a form and in CBOR, `input` may have only texts.
    fn request(self, operation: &str, input: &Value) -> Vec<u8> {
        let (line, headers, body) = match self {
            Self::Json => (
                "POST /".to_string(),
                format!("content-type: application/x-amz-json-1.0\r\nx-amz-target: AmazonSQS.{operation}"),
                input.to_string().into_bytes(),
            ),
            Self::Query => (
                "POST /".to_string(),
                "content-type: application/x-www-form-urlencoded".to_string(),
                texts(input)
                    .fold(format!("Action={operation}"), |form, (name, text)| form + "&" + name + "=" + text)
                    .into(),
            ),
            Self::Cbor => (
                format!("POST /service/AmazonSQS/operation/{operation}"),
                "content-type: application/cbor\r\nsmithy-protocol: rpc-v2-cbor".to_string(),
                cbor(input),
            ),
        };
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\ncontent-length: {length}\r\n\r\n");
        [head.as_bytes(), &body].concat()
    }
}

fn texts(input: &Value) -> impl Iterator<Item = (&str, &str)> {
    let members = input.as_object().expect("an input is an object");
    members.iter().map(|(name, value)| (name.as_str(), value.as_str().expect("a text")))
}

/// A map of texts: one byte tells that it is one and how many follow; each text has its length in four bytes (RFC 8949).
fn cbor(input: &Value) -> Vec<u8> {
    let mut out = vec![0xa0 | u8::try_from(texts(input).count()).expect("a short map")];
    for text in texts(input).flat_map(|(name, value)| [name, value]) {
        out.push(0x7a);
        out.extend(u32::try_from(text.len()).expect("a text of this test").to_be_bytes());
        out.extend(text.as_bytes());
    }
    out
}

/// A gateway with nothing but SQS behind it.
pub(crate) struct Door(Gateway);

impl Door {
    pub(crate) fn before(house: &House) -> Self {
        let options = Options {
            services: vec![Arc::<sqs::Sqs>::clone(&house.sqs)],
            pages: Arc::new(NoPages),
            surroundings: Arc::new(Counting(Arc::clone(&house.clock), AtomicU64::new(1))),
            default_account: AccountId::DEFAULT,
            default_region: Region::parse("us-east-1").expect("a region"),
            public_url: None,
            links: gateway::Links::default(),
            limits: Limits::default(),
            auth: Auth::Off,
            proxies: Vec::new(),
            organization: None,
            signing_keys: Arc::default(),
        };
        Self(Gateway::new(options, &mut Registry::default()))
    }

    /// Sends a request on a new connection.
    pub(crate) async fn begin(&self, form: Form, operation: &str, input: &Value) -> Asked {
        let (mut stream, server) = tokio::io::duplex(1 << 22);
        let gateway = self.0.clone();
        tokio::spawn(async move { gateway.serve_connection(server, Scheme::Http).await });
        stream.write_all(&form.request(operation, input)).await.expect("the gateway reads");
        Asked { stream, read: Vec::new() }
    }
}

/// A request that was sent and not yet answered.
pub(crate) struct Asked {
    stream: DuplexStream,
    read: Vec<u8>,
}

impl Asked {
    /// Lets the gateway do all it can without the disk. `None`: the request waits for it.
    pub(crate) async fn reply_at_once(&mut self) -> Option<Reply> {
        // One thread runs everything, so that whoever yields lets all others go as far as they come. A connection needs
        // a few turns: tokio makes a task yield now and then although it could go on.
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        tokio::select! {
            biased;
            reply = self.reply() => Some(reply),
            () = std::future::ready(()) => None,
        }
    }

    /// The answer.
    pub(crate) async fn reply(&mut self) -> Reply {
        loop {
            if let Some(reply) = Reply::parse(&self.read) {
                return reply;
            }
            let bytes = self.stream.read_buf(&mut self.read).await.expect("an in-memory stream does not break");
            assert!(bytes > 0, "the connection ended before the answer: {}", String::from_utf8_lossy(&self.read));
        }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    /// The answer at the beginning of `read`, once it is complete.
    fn parse(read: &[u8]) -> Option<Self> {
        let end = read.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = String::from_utf8(read[..end].to_vec()).expect("a head is text");
        let status = head.split(' ').nth(1)?.parse().expect("a status");
        let mut reply = Self { status, head, body: Vec::new() };
        let length: usize = reply.header("content-length").parse().expect("every answer says its length");
        reply.body = read.get(end..end + length)?.to_vec();
        Some(reply)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// The members of a CBOR map of texts.
    pub(crate) fn cbor_texts(&self) -> Vec<(&str, &str)> {
        let (&map, mut rest) = self.body.split_first().expect("a body");
        // A map whose length was left open ends with one byte that says so.
        let end = usize::from(map == 0xbf);
        assert!(end == 1 || map & 0xe0 == 0xa0, "a map: {:x?}", self.body);
        let mut texts = Vec::new();
        while rest.len() > end {
            texts.push(cbor_text(&mut rest));
        }
        texts.chunks(2).map(|pair| (pair[0], pair[1])).collect()
    }
}

fn cbor_text<'b>(rest: &mut &'b [u8]) -> &'b str {
    assert_eq!(rest[0] & 0xe0, 0x60, "a text: {rest:x?}");
    let (length, head) = match rest[0] & 0x1f {
        24 => (usize::from(rest[1]), 2),
        25 => (usize::from(u16::from_be_bytes([rest[1], rest[2]])), 3),
        short => (usize::from(short), 1),
    };
    let text = std::str::from_utf8(&rest[head..head + length]).expect("a text is UTF-8");
    *rest = &rest[head + length..];
    text
}

struct NoPages;

impl Pages for NoPages {
    fn page(&self, _path: &str, _query: &str) -> Option<Page> {
        None
    }
}

/// The house's clock, and numbers in a row for chance.
struct Counting(Arc<ManualClock>, AtomicU64);

impl Surroundings for Counting {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn monotonic_nanos(&self) -> u64 {
        0
    }

    fn random(&self) -> u128 {
        u128::from(self.1.fetch_add(1, Ordering::Relaxed))
    }
}
