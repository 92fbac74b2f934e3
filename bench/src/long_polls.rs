//! Many long polls at once: each queue has one, over HTTP/2 connections with as many streams as the server takes.
//!
//! HTTP/2 is spoken from the first byte (prior knowledge), so ten thousand polls need a hundred connections and fit under
//! the server's bound on them. A poll that ends is asked again at once, as consumers do. The queues hold only delayed
//! messages, so a poll that brings one, or anything but a 200, is an error.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::request;

/// Polls on one connection; the server takes 128 streams.
const POLLS_PER_CONNECTION: usize = 100;

/// The longest wait that AWS allows.
pub(crate) const WAIT: Duration = Duration::from_secs(20);

/// Polls under way; they end when this is dropped.
pub(crate) struct LongPolls {
    polls: JoinSet<Result<(), String>>,
    /// Connections; ended with the polls.
    _drivers: JoinSet<()>,
    ended: Arc<AtomicU64>,
}

impl LongPolls {
    /// Sends one poll for every queue.
    pub(crate) async fn open(address: SocketAddr, queue_urls: &[String]) -> Result<Self, String> {
        let (mut polls, mut drivers) = (JoinSet::new(), JoinSet::new());
        let ended = Arc::new(AtomicU64::new(0));
        for urls in queue_urls.chunks(POLLS_PER_CONNECTION) {
            let sender = connect(address, &mut drivers).await?;
            for queue_url in urls {
                let body = Bytes::from(request::receive_message(queue_url, WAIT.as_secs() as u32));
                polls.spawn(poll(sender.clone(), address, body, Arc::clone(&ended)));
            }
            // The connection's task gets its turn to write, so that the polls leave while the next ones are prepared.
            tokio::task::yield_now().await;
        }
        Ok(Self { polls, _drivers: drivers, ended })
    }

    /// Polls that were answered so far.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    /// The first error of a poll, if there is one.
    pub(crate) fn check(&mut self) -> Result<(), String> {
        match self.polls.try_join_next() {
            Some(outcome) => outcome.map_err(|error| error.to_string())?,
            None => Ok(()),
        }
    }
}

/// Opens a connection of HTTP/2, driven by a task among `drivers`.
pub(crate) async fn connect(
    address: SocketAddr,
    drivers: &mut JoinSet<()>,
) -> Result<SendRequest<Full<Bytes>>, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let (sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    drivers.spawn(async move {
        // Its polls see the same end, and say so.
        let _ = connection.await;
    });
    Ok(sender)
}

async fn poll(
    mut sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
    body: Bytes,
    ended: Arc<AtomicU64>,
) -> Result<(), String> {
    loop {
        let request = http::Request::post(format!("http://{address}/"))
            .header("x-amz-target", "AmazonSQS.ReceiveMessage")
            .header("content-type", "application/x-amz-json-1.0")
            .body(Full::new(body.clone()))
            .expect("the parts of a request are valid");
        sender.ready().await.map_err(|error| format!("a poll's connection: {error}"))?;
        let answer = sender.send_request(request).await.map_err(|error| format!("a poll: {error}"))?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|error| format!("a poll: {error}"))?.to_bytes();
        if status != 200 || memchr::memmem::find(&body, b"\"Body\"").is_some() {
            return Err(format!("a poll ended with {status}: {:.200}", String::from_utf8_lossy(&body)));
        }
        ended.fetch_add(1, Ordering::Relaxed);
    }
}
