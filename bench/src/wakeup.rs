//! How soon a waiting receive is answered when a message arrives from another connection.
//!
//! One ReceiveMessage with WaitTimeSeconds=20 waits; a send is written on a second connection; the time runs from that
//! write to the receive's answer, so it holds the send's way through the journal too.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::latency::Latencies;
use crate::request::{self, Requests};
use crate::subject;

/// How often it is measured.
pub(crate) const ROUNDS: usize = 300;

/// How long the receive has been waiting when the send is written: long enough that the server has parked it.
const SETTLE: Duration = Duration::from_millis(4);

/// The latencies of `ROUNDS` wake-ups on a queue of their own.
pub(crate) async fn measure(address: SocketAddr) -> io::Result<Latencies> {
    let queue_url = subject::create_queue(address).await?;
    let requests = Requests::to(address);
    let receive = requests.build("ReceiveMessage", request::receive_message(&queue_url, 20).as_bytes());
    let send = requests.build("SendMessage", request::send_message(&queue_url).as_bytes());
    let (mut receiver, mut sender) = (Connection::new(address), Connection::new(address));
    let mut latencies = Latencies::default();
    for _ in 0..ROUNDS {
        receiver.send(&receive).await?;
        tokio::time::sleep(SETTLE).await;
        sender.send(&send).await?;
        let written = Instant::now();
        let body = receiver.receive().await?.ok()?;
        latencies.record(written.elapsed());
        let handle = request::members(body, "ReceiptHandle").first().map(ToString::to_string);
        let handle = handle.ok_or_else(|| io::Error::other("the waiting receive came back empty"))?;
        sender.receive().await?.ok()?;
        let delete = requests.build("DeleteMessage", request::delete_message(&queue_url, &handle).as_bytes());
        sender.exchange(&delete).await?.ok()?;
    }
    subject::call(address, "DeleteQueue", &request::of_queue(&queue_url)).await?;
    Ok(latencies)
}
