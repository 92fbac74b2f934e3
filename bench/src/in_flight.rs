//! `bench in-flight`: a hundred thousand visibility timeouts that end in the same second, and who feels it.
//!
//! Each receive asks for the whole seconds that are left until one common moment, so every lease ends in the second after
//! it. One connection sends at a steady pace to the same queue all the while. A send's latency runs from the moment it
//! was due, not from when the connection was free for it, so one stall is seen by every send that had to wait behind it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::caller::{Caller, QueueCounts};
use crate::latency::Latencies;
use crate::machine::{self, Machine};
use crate::request::{self, BATCH, Requests};
use crate::scratch::Scratch;
use crate::stamped::{Stamp, Stamped};
use crate::table::{Table, figure_or_none};
use crate::verdict::{self, Bound, Verdict};
use crate::{child::Server, subject};

const BODY_BYTES: usize = 200;

/// Connections that fill and receive.
const CONNECTIONS: usize = 16;

/// Messages that are surely received in a second; it decides how far ahead the common moment lies.
const RECEIVED_PER_SECOND: u64 = 20_000;

/// What the receives get beyond that, and how long sends are measured before the moment comes.
const SPARE: Duration = Duration::from_secs(3);
const BEFORE: Duration = Duration::from_secs(4);

/// Leases end within a second of the moment; sends are watched from a little before to a little after.
const MARGIN: Duration = Duration::from_millis(300);

/// How soon after the last lease has ended the queue must say so.
const VISIBLE_PATIENCE: Duration = Duration::from_secs(5);

/// The promise: issue "a store without limits", third figure.
const STALL_MILLIS_MAX: f64 = 100.0;

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Messages in flight; AWS lets 120,000 be on one queue
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(10..=119_990))]
    messages: u64,
    /// Milliseconds between two sends
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pace_ms: u64,
    /// How often it is done
    #[arg(long, default_value_t = 3)]
    rounds: u32,
}

/// Measures and prints; messages that do not become visible again are an error.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    Machine::read().print();
    let binary = subject::product_binary()?;
    let scratch = Scratch::new("in-flight").map_err(|error| error.to_string())?;
    let server = subject::start_product(&binary, scratch.path())?;
    let outcome = subject::client_runtime()?.block_on(measure(options, &server));
    let (before, during) = outcome.map_err(|why| format!("{why}; the server said:\n{}", server.last_lines()))?;
    report(options, before, during);
    Ok(())
}

fn report(options: &Options, before: Latencies, during: Latencies) {
    let (messages, rounds, pace) = (options.messages, options.rounds, options.pace_ms);
    println!("\n{messages} leases end in one second, {rounds} times; a send every {pace} ms");
    let mut table = Table::new(&["sends, ms", "count", "p50", "p99", "p99.9", "most"], 1);
    let mut row = |what: &str, mut sends: Latencies| {
        let mut cells = vec![what.into(), sends.len().to_string()];
        cells.extend([50.0, 99.0, 99.9, 100.0].map(|rank| figure_or_none(millis(&mut sends, rank))));
        table.row(cells);
        millis(&mut sends, 99.9)
    };
    row("all in flight, none ends", before);
    let value = row("while they end", during);
    let (what, bound, note) = ("p99.9 of sends while they end".into(), Bound::AtMost, String::new());
    let stall = Verdict { what, value, unit: "ms", bound, target: STALL_MILLIS_MAX, note };
    println!("{}\n{}load at the end {}", table.render(), verdict::render(&[stall]), machine::load());
}

fn millis(latencies: &mut Latencies, rank: f64) -> Option<f64> {
    latencies.percentile_micros(rank).map(|micros| micros / 1e3)
}

async fn measure(options: &Options, server: &Server) -> Result<(Latencies, Latencies), String> {
    let address = server.address;
    let messages = options.messages.next_multiple_of(BATCH as u64);
    let queue_url = Caller::new(address).create_queue("in-flight").await.map_err(|error| error.to_string())?;
    fill(address, &queue_url, messages).await?;
    let (mut before, mut during, mut sent) = (Latencies::default(), Latencies::default(), 0);
    for round in 1..=options.rounds {
        let moment = Instant::now() + SPARE + BEFORE + Duration::from_secs(messages.div_ceil(RECEIVED_PER_SECOND));
        lease(address, &queue_url, messages + sent, moment).await?;
        let mut sender = Sender::new(address, &queue_url, options.pace_ms);
        before.merge(&sender.send_from_to(moment - BEFORE, moment - MARGIN).await?);
        during.merge(&sender.send_from_to(moment - MARGIN, moment + Duration::from_secs(1) + MARGIN).await?);
        let late = until_visible(address, &queue_url, messages + sent + sender.sent, moment).await?;
        sent += sender.sent;
        println!("round {round}: all visible again, seen {:.2} s after the moment", late.as_secs_f64());
        sent -= delete(address, &queue_url, sent).await?;
    }
    Ok((before, during))
}

async fn fill(address: SocketAddr, queue_url: &str, messages: u64) -> Result<(), String> {
    let mut senders = JoinSet::new();
    for lane in 0..CONNECTIONS {
        let mut batch = Stamped::ten(&Requests::to(address), queue_url, BODY_BYTES, 0);
        senders.spawn(async move {
            let mut caller = Caller::new(address);
            for number in (lane as u64..messages / BATCH as u64).step_by(CONNECTIONS) {
                let sent = caller.send_prepared(batch.numbered(Stamp { lane, number: number * BATCH as u64 })).await;
                sent.map_err(|error| error.to_string())?;
            }
            Ok::<(), String>(())
        });
    }
    while let Some(outcome) = senders.join_next().await {
        outcome.expect("a sender does not panic")?;
    }
    Ok(())
}

/// Receives every message with a lease that ends in the second after `moment`.
async fn lease(address: SocketAddr, queue_url: &str, messages: u64, moment: Instant) -> Result<(), String> {
    let mut receivers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let queue_url = queue_url.to_owned();
        receivers.spawn(async move { lease_until_empty(address, &queue_url, moment).await });
    }
    let mut leased = 0;
    while let Some(outcome) = receivers.join_next().await {
        leased += outcome.expect("a receiver does not panic")?;
    }
    if leased != messages {
        return Err(format!("{leased} of {messages} messages were received"));
    }
    let ready = moment - BEFORE;
    if Instant::now() > ready {
        return Err(format!("the receives took {:?} too long", ready.elapsed()));
    }
    Ok(())
}

async fn lease_until_empty(address: SocketAddr, queue_url: &str, moment: Instant) -> Result<u64, String> {
    let mut caller = Caller::new(address);
    let mut leased = 0;
    loop {
        // Rounded up, so that no lease ends before the moment and every one within a second of it.
        let left = moment.saturating_duration_since(Instant::now()).as_millis().div_ceil(1_000);
        let body = format!(r#"{{"QueueUrl":"{queue_url}","MaxNumberOfMessages":{BATCH},"VisibilityTimeout":{left}}}"#);
        let answer = caller.call("ReceiveMessage", &body).await.map_err(|error| error.to_string())?;
        match request::members(answer, "ReceiptHandle").len() as u64 {
            0 => return Ok(leased),
            found => leased += found,
        }
    }
}

/// One connection that sends at a steady pace.
struct Sender {
    caller: Caller,
    message: Stamped,
    pace: Duration,
    sent: u64,
}

impl Sender {
    fn new(address: SocketAddr, queue_url: &str, pace_ms: u64) -> Self {
        let message = Stamped::one(&Requests::to(address), queue_url, BODY_BYTES);
        Self { caller: Caller::new(address), message, pace: Duration::from_millis(pace_ms), sent: 0 }
    }

    /// Sends from one moment to another; each send's latency from when it was due.
    async fn send_from_to(&mut self, from: Instant, to: Instant) -> Result<Latencies, String> {
        let (mut latencies, mut due) = (Latencies::default(), from);
        while due < to {
            tokio::time::sleep_until(due).await;
            // The timer wakes up to a millisecond late; only what the server adds is to count, unless it made us late.
            let begun = if due.elapsed() > Duration::from_millis(2) { due } else { Instant::now() };
            let request = self.message.numbered(Stamp { lane: CONNECTIONS, number: self.sent });
            self.caller.send_prepared(request).await.map_err(|error| error.to_string())?;
            latencies.record(begun.elapsed());
            self.sent += 1;
            due += self.pace;
        }
        Ok(latencies)
    }
}

/// Waits until the queue says that all are visible; how long after the moment it said so.
async fn until_visible(
    address: SocketAddr,
    queue_url: &str,
    messages: u64,
    moment: Instant,
) -> Result<Duration, String> {
    let mut caller = Caller::new(address);
    let expected = QueueCounts { visible: messages, ..QueueCounts::default() };
    loop {
        let found = caller.counts(queue_url).await.map_err(|error| error.to_string())?;
        if found == expected {
            return Ok(moment.elapsed());
        }
        if moment.elapsed() > Duration::from_secs(1) + VISIBLE_PATIENCE {
            return Err(format!("the queue says {found:?} and must say {expected:?}"));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Takes as many messages out as the sender put in, so that each round has the same number in flight.
async fn delete(address: SocketAddr, queue_url: &str, count: u64) -> Result<u64, String> {
    let mut caller = Caller::new(address);
    let text = |error: std::io::Error| error.to_string();
    let mut deleted = 0;
    while deleted < count {
        let most = (BATCH as u64).min(count - deleted);
        let receive = format!(r#"{{"QueueUrl":"{queue_url}","MaxNumberOfMessages":{most}}}"#);
        let answer = caller.call("ReceiveMessage", &receive).await.map_err(text)?;
        let handles: Vec<String> = request::members(answer, "ReceiptHandle").into_iter().map(str::to_owned).collect();
        if handles.is_empty() {
            return Err(format!("a receive found nothing after {deleted} of {count} messages"));
        }
        let body = request::delete_message_batch(queue_url, &handles);
        caller.call("DeleteMessageBatch", &body).await.map_err(text)?;
        deleted += handles.len() as u64;
    }
    Ok(deleted)
}
