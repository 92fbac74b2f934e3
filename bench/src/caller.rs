//! One kept connection that calls operations, one after the other.
//!
//! Every answer must be a 200; anything else is an error that quotes it. The request's bytes are written into one buffer
//! that is used again, so a caller costs little beside what it measures.

use std::io;
use std::net::SocketAddr;

use crate::connection::{Answer, Connection};
use crate::request::{self, Requests};

/// A client with one request under way at a time.
pub(crate) struct Caller {
    connection: Connection,
    requests: Requests,
    buffer: Vec<u8>,
}

impl Caller {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self::with(Requests::to(address), address)
    }

    /// The same for Kinesis Data Streams.
    pub(crate) fn of_kinesis(address: SocketAddr) -> Self {
        Self::with(Requests::of_kinesis(address), address)
    }

    /// The same for SNS, whose bodies are forms.
    pub(crate) fn of_sns(address: SocketAddr) -> Self {
        Self::with(Requests::of_sns(address), address)
    }

    fn with(requests: Requests, address: SocketAddr) -> Self {
        Self { connection: Connection::new(address), requests, buffer: Vec::new() }
    }

    /// Calls `operation` with a JSON body; the answer's body.
    pub(crate) async fn call(&mut self, operation: &str, body: &str) -> io::Result<&[u8]> {
        self.ask(operation, body).await?.ok()
    }

    /// The same, with a refusal as an answer.
    pub(crate) async fn ask(&mut self, operation: &str, body: &str) -> io::Result<Answer<'_>> {
        self.requests.write(&mut self.buffer, operation, body.as_bytes());
        self.connection.exchange(&self.buffer).await
    }

    /// Sends a request that was prepared beforehand.
    pub(crate) async fn send_prepared(&mut self, request: &[u8]) -> io::Result<&[u8]> {
        self.connection.exchange(request).await?.ok()
    }

    /// Makes a queue (or finds it) and gives its URL.
    pub(crate) async fn create_queue(&mut self, name: &str) -> io::Result<String> {
        let answer = self.call("CreateQueue", &request::create_queue(name)).await?;
        let url = request::members(answer, "QueueUrl").first().map(ToString::to_string);
        url.ok_or_else(|| io::Error::other("the answer to CreateQueue has no QueueUrl"))
    }

    /// What the queue says of itself: visible, in flight, delayed.
    pub(crate) async fn counts(&mut self, queue_url: &str) -> io::Result<QueueCounts> {
        let body = format!(r#"{{"QueueUrl":"{queue_url}","AttributeNames":["All"]}}"#);
        let answer = self.call("GetQueueAttributes", &body).await?;
        let of = |suffix: &str| {
            let name = format!("ApproximateNumberOfMessages{suffix}");
            let value = request::members(answer, &name).first().and_then(|text| text.parse().ok());
            value.ok_or_else(|| io::Error::other(format!("the attributes have no {name}")))
        };
        Ok(QueueCounts { visible: of("")?, in_flight: of("NotVisible")?, delayed: of("Delayed")? })
    }
}

/// The three counts of a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct QueueCounts {
    pub(crate) visible: u64,
    pub(crate) in_flight: u64,
    pub(crate) delayed: u64,
}
