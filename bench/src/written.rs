//! `bench written`: bytes that reach the disk for each byte that was sent.
//!
//! Two loads on a server and folder of their own each: a consumer that keeps up (whoever sends waits while too much is
//! not yet deleted), and no consumer at all. Written is what the kernel charges the process with (`write_bytes`), so new
//! files being zeroed, segments and checkpoints count; sent are the bytes of bodies alone.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::caller::Caller;
use crate::child::Server;
use crate::folder::OnDisk;
use crate::machine::{self, Machine};
use crate::request::{self, BATCH, Requests};
use crate::scratch::Scratch;
use crate::stamped::{self, Stamp, Stamped};
use crate::table::{Table, figure};
use crate::{subject, usage};

/// Connections that send, and as many that receive and delete.
const CONNECTIONS: usize = 8;

/// Messages that may stand in the queue of a consumer that keeps up; beyond it the senders wait.
const STANDING_MAX: u64 = 2_000;

/// How long a server gets to finish what it does behind its answers before its bytes are read.
const SETTLE: Duration = Duration::from_secs(3);

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Seconds of load, for each of the two
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
    /// Messages after which a load ends before its time
    #[arg(long, default_value_t = 5_000_000)]
    messages: u64,
    /// Bytes of each message's body
    #[arg(long, default_value_t = 1_024)]
    body: usize,
}

/// Measures and prints.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    Machine::read().print();
    let binary = subject::product_binary()?;
    let heading = ["load", "messages/s", "sent MB", "written MB", "written/sent", "left in the queue", "on disk"];
    let mut table = Table::new(&heading, 1);
    for consumed in [true, false] {
        table.row(measure(options, &binary, consumed)?);
    }
    println!("\nbodies of {} bytes, batches of ten\n{}", options.body, table.render());
    println!("load at the end {}", machine::load());
    Ok(())
}

fn measure(options: &Options, binary: &Path, consumed: bool) -> Result<Vec<String>, String> {
    let scratch = Scratch::new("written").map_err(|error| error.to_string())?;
    let server = subject::start_product(binary, scratch.path())?;
    std::thread::sleep(SETTLE);
    let before = written(&server)?;
    let begun = Instant::now();
    let balance = subject::client_runtime()?.block_on(load(options, server.address, consumed));
    let balance = balance.map_err(|why| format!("{why}; the server said:\n{}", server.last_lines()))?;
    let elapsed = begun.elapsed().as_secs_f64();
    std::thread::sleep(SETTLE);
    let (sent, deleted) = (balance.sent.load(Ordering::Relaxed), balance.deleted.load(Ordering::Relaxed));
    let (sent_bytes, written_bytes) = (sent as f64 * options.body as f64, (written(&server)? - before) as f64);
    let disk = OnDisk::of(scratch.path()).map_err(|error| error.to_string())?;
    Ok(vec![
        if consumed { "a consumer that keeps up" } else { "no consumer" }.into(),
        figure(sent as f64 / elapsed),
        figure(sent_bytes / 1e6),
        figure(written_bytes / 1e6),
        figure(written_bytes / sent_bytes.max(1.0)),
        figure((sent - deleted) as f64),
        disk.kinds(),
    ])
}

fn written(server: &Server) -> Result<u64, String> {
    usage::written_bytes(server.pid()).ok_or_else(|| "the kernel does not say what the server has written".into())
}

/// What has been put in and taken out, and when to end.
struct Balance {
    sent: AtomicU64,
    deleted: AtomicU64,
    messages_max: u64,
    deadline: Instant,
}

impl Balance {
    fn standing(&self) -> u64 {
        self.sent.load(Ordering::Relaxed).saturating_sub(self.deleted.load(Ordering::Relaxed))
    }

    fn over(&self) -> bool {
        Instant::now() >= self.deadline || self.sent.load(Ordering::Relaxed) >= self.messages_max
    }
}

async fn load(options: &Options, address: SocketAddr, consumed: bool) -> Result<Arc<Balance>, String> {
    let queue_url = Caller::new(address).create_queue("written").await.map_err(|error| error.to_string())?;
    let deadline = Instant::now() + Duration::from_secs_f64(options.seconds);
    let (sent, deleted) = (AtomicU64::new(0), AtomicU64::new(0));
    let balance = Arc::new(Balance { sent, deleted, messages_max: options.messages, deadline });
    let standing_max = if consumed { STANDING_MAX } else { u64::MAX };
    let mut workers = JoinSet::new();
    for lane in 0..CONNECTIONS {
        let batch = Stamped::ten(&Requests::to(address), &queue_url, options.body, 0);
        workers.spawn(send(Caller::new(address), batch, lane, Arc::clone(&balance), standing_max));
        if consumed {
            workers.spawn(consume(Caller::new(address), queue_url.clone(), options.body, Arc::clone(&balance)));
        }
    }
    while let Some(outcome) = workers.join_next().await {
        outcome.expect("a worker does not panic")?;
    }
    Ok(balance)
}

async fn send(
    mut caller: Caller,
    mut batch: Stamped,
    lane: usize,
    balance: Arc<Balance>,
    standing_max: u64,
) -> Result<(), String> {
    let mut number = 0;
    while !balance.over() {
        if balance.standing() >= standing_max {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        let sent = caller.send_prepared(batch.numbered(Stamp { lane, number })).await;
        let confirmed = memchr::memmem::find_iter(sent.map_err(|error| error.to_string())?, "\"MessageId\"").count();
        number += BATCH as u64;
        balance.sent.fetch_add(confirmed as u64, Ordering::Relaxed);
    }
    Ok(())
}

/// Receives and deletes until the load is over and nothing stands in the queue.
async fn consume(
    mut caller: Caller,
    queue_url: String,
    body_bytes: usize,
    balance: Arc<Balance>,
) -> Result<(), String> {
    let receive = request::receive_message(&queue_url, 1);
    while !balance.over() || balance.standing() > 0 {
        let answer = caller.call("ReceiveMessage", &receive).await.map_err(|error| error.to_string())?;
        let (_, handles) = stamped::received(answer, body_bytes)?;
        if handles.is_empty() {
            continue;
        }
        let delete = request::delete_message_batch(&queue_url, &handles);
        caller.call("DeleteMessageBatch", &delete).await.map_err(|error| error.to_string())?;
        balance.deleted.fetch_add(handles.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}
