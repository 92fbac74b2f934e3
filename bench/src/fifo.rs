//! `bench fifo`: FIFO queues at few and many groups beside a standard queue, what deduplication remembers, and how long a quiet
//! tenant waits in a fair queue.
//!
//! Each queue is filled by batches of ten and then drained by receive and delete in batches, over the same connections, in
//! one server and one run. Every message of a batch is of a group of its own as far as there are so many groups. A FIFO queue of
//! one group can be drained by one consumer at a time; that row shows what such a queue gives, and has no target. Ids are
//! measured in process, because so many sends over HTTP would measure HTTP.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::caller::Caller;
use crate::child::Server;
use crate::latency::Latencies;
use crate::machine::{self, Machine};
use crate::request::{self, BATCH};
use crate::scratch::Scratch;
use crate::subject;
use crate::table::{Table, figure, figure_or_none};
use crate::usage::{CpuSample, resident_mib};
use crate::verdict::{self, Bound, Verdict};

/// The promise: issue "SQS, whole", third figure.
const RATE_PERCENT_MIN: f64 = 70.0;

/// How long a queue is filled or drained at the most.
const PHASE_MAX: Duration = Duration::from_secs(20);

/// Consumers of the fair queue, and how long each works on what it received.
const CONSUMERS: usize = 8;
const WORK: Duration = Duration::from_millis(20);

/// Messages of quiet tenants whose wait is measured, and the pause between two.
const QUIET: usize = 100;
const QUIET_PAUSE: Duration = Duration::from_millis(20);

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Messages of each queue
    #[arg(long, default_value_t = 100_000)]
    messages: u64,
    /// Connections
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Numbers of groups
    #[arg(long, value_delimiter = ',', default_value = "1,100,100000")]
    groups: Vec<u64>,
    /// Deduplication ids that are remembered at once
    #[arg(long, default_value_t = 10_000_000)]
    ids: u64,
    /// Messages of the noisy tenant
    #[arg(long, default_value_t = 100_000)]
    noisy: u64,
}

/// Measures and prints.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    Machine::read().print();
    let binary = subject::product_binary()?;
    let scratch = Scratch::new("fifo").map_err(|error| error.to_string())?;
    let server = subject::start_product(&binary, scratch.path())?;
    let runtime = subject::client_runtime()?;
    let verdict = runtime.block_on(rates(options, &server));
    let verdict = verdict.map_err(|why| format!("{why}; the server said:\n{}", server.last_lines()))?;
    let quiet = runtime.block_on(quiet_tenant(options, server.address))?;
    drop(server);
    remembered_ids(options.ids);
    println!("{}load at the end {}", verdict::render(&[verdict, quiet]), machine::load());
    Ok(())
}

/// One phase: messages, time, CPU of the server.
struct Phase {
    messages: u64,
    elapsed: Duration,
    cpu: Duration,
}

impl Phase {
    fn per_second(&self) -> f64 {
        self.messages as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    fn micros_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.messages.max(1) as f64
    }
}

async fn rates(options: &Options, server: &Server) -> Result<Verdict, String> {
    let heading = ["queue", "sent/s", "CPU µs each", "received and deleted/s", "CPU µs each", "both/s"];
    let mut table = Table::new(&heading, 1);
    let (mut standard, mut at_hundred) = (None, None);
    let kinds = std::iter::once(None).chain(options.groups.iter().copied().map(Some));
    for groups in kinds {
        let [sent, drained] = measure(options, server, groups).await?;
        let both = sent.messages as f64 / (sent.elapsed + drained.elapsed).as_secs_f64();
        match groups {
            None => standard = Some(both),
            Some(100) => at_hundred = Some(both),
            _ => {}
        }
        let name = groups.map_or("standard".to_owned(), |groups| format!("FIFO, {groups} groups"));
        let mut cells = vec![name];
        cells.extend([&sent, &drained].iter().flat_map(|phase| [phase.per_second(), phase.micros_each()]).map(figure));
        cells.push(figure(both));
        table.row(cells);
    }
    println!("\n{}", table.render());
    let value = standard.zip(at_hundred).map(|(standard, fifo)| 100.0 * fifo / standard);
    let what = "FIFO of 100 groups against standard, sent, received and deleted".into();
    Ok(Verdict { what, value, unit: "%", bound: Bound::AtLeast, target: RATE_PERCENT_MIN, note: String::new() })
}

async fn measure(options: &Options, server: &Server, groups: Option<u64>) -> Result<[Phase; 2], String> {
    let address = server.address;
    let body = match groups {
        None => r#"{"QueueName":"bench-standard"}"#.to_owned(),
        Some(groups) => format!(r#"{{"QueueName":"bench-{groups}.fifo","Attributes":{{"FifoQueue":"true"}}}}"#),
    };
    let created = Caller::new(address).call("CreateQueue", &body).await.map(<[u8]>::to_vec);
    let created = created.map_err(|error| error.to_string())?;
    let queue_url = request::members(&created, "QueueUrl").first().ok_or("there is no queue")?.to_string();
    let share = (options.messages / options.connections as u64).next_multiple_of(BATCH as u64);
    let fill = |first: u64| fill(address, queue_url.clone(), groups, first, share);
    let sent = phase(server, (0..options.connections as u64).map(|n| fill(n * share))).await?;
    let drained = phase(server, (0..options.connections).map(|_| drain(address, queue_url.clone()))).await?;
    let gone = Caller::new(address).call("DeleteQueue", &request::of_queue(&queue_url)).await.map(drop);
    gone.map_err(|error| error.to_string())?;
    match drained.messages == sent.messages {
        true => Ok([sent, drained]),
        false => Err(format!("{} messages were sent and {} received", sent.messages, drained.messages)),
    }
}

/// Runs all connections of a phase at once; each tells how many messages it moved.
async fn phase<F>(server: &Server, connections: impl Iterator<Item = F>) -> Result<Phase, String>
where
    F: Future<Output = std::io::Result<u64>> + Send + 'static,
{
    let (cpu, began) = (CpuSample::of(server.pid()), Instant::now());
    let mut tasks: JoinSet<_> = connections.collect();
    let mut messages = 0;
    while let Some(moved) = tasks.join_next().await {
        messages += moved.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    }
    Ok(Phase { messages, elapsed: began.elapsed(), cpu: CpuSample::of(server.pid()).since(&cpu) })
}

/// A batch of messages; of a FIFO queue or a fair one each has its group.
fn batch(queue_url: &str, first: u64, group: impl Fn(u64) -> Option<String>, is_fifo: bool) -> String {
    let text = request::text();
    let entries = (first..first + BATCH as u64).map(|number| {
        let group = group(number).map_or(String::new(), |group| format!(r#","MessageGroupId":"{group}""#));
        let dedup = if is_fifo { format!(r#","MessageDeduplicationId":"{number}""#) } else { String::new() };
        format!(r#"{{"Id":"{number}","MessageBody":"{text}"{group}{dedup}}}"#)
    });
    format!(r#"{{"QueueUrl":"{queue_url}","Entries":[{}]}}"#, entries.collect::<Vec<_>>().join(","))
}

async fn fill(
    address: SocketAddr,
    queue_url: String,
    groups: Option<u64>,
    first: u64,
    messages: u64,
) -> std::io::Result<u64> {
    let (mut caller, began, mut sent) = (Caller::new(address), Instant::now(), 0);
    while sent < messages && began.elapsed() < PHASE_MAX {
        let group = |number| groups.map(|groups| format!("g{}", number % groups));
        let body = batch(&queue_url, first + sent, group, groups.is_some());
        let answer = caller.call("SendMessageBatch", &body).await?;
        sent += request::members(answer, "MessageId").len() as u64;
    }
    Ok(sent)
}

async fn drain(address: SocketAddr, queue_url: String) -> std::io::Result<u64> {
    let (mut caller, mut received) = (Caller::new(address), 0);
    loop {
        let answer = caller.call("ReceiveMessage", &request::receive_message(&queue_url, 1)).await?;
        let handles: Vec<String> = request::members(answer, "ReceiptHandle").iter().map(ToString::to_string).collect();
        if handles.is_empty() {
            return Ok(received);
        }
        caller.call("DeleteMessageBatch", &request::delete_message_batch(&queue_url, &handles)).await?;
        received += handles.len() as u64;
    }
}

/// How long messages of quiet tenants wait behind a noisy one's backlog, while consumers work on that.
async fn quiet_tenant(options: &Options, address: SocketAddr) -> Result<Verdict, String> {
    let failed = |error: std::io::Error| error.to_string();
    let queue_url = Caller::new(address).create_queue("bench-fair").await.map_err(failed)?;
    let mut filler = Caller::new(address);
    for first in (0..options.noisy).step_by(BATCH) {
        let body = batch(&queue_url, first, |_| Some("noisy".to_owned()), false);
        filler.call("SendMessageBatch", &body).await.map_err(failed)?;
    }
    let (seen, mut quiet_seen) = tokio::sync::mpsc::unbounded_channel();
    let mut consumers = JoinSet::new();
    for _ in 0..CONSUMERS {
        consumers.spawn(consume(address, queue_url.clone(), seen.clone()));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut waits = Latencies::default();
    for number in 0..QUIET {
        let body =
            format!(r#"{{"QueueUrl":"{queue_url}","MessageBody":"quiet-{number}","MessageGroupId":"quiet{number}"}}"#);
        let began = Instant::now();
        filler.call("SendMessage", &body).await.map_err(failed)?;
        let found = tokio::time::timeout(PHASE_MAX, quiet_seen.recv()).await;
        found.map_err(|_| "a quiet tenant's message did not come")?.ok_or("the consumers broke off")?;
        waits.record(began.elapsed());
        tokio::time::sleep(QUIET_PAUSE).await;
    }
    let left = Caller::new(address).counts(&queue_url).await.map_err(failed)?;
    let mut table = Table::new(&["a quiet tenant's wait, ms", "count", "p50", "p99", "most"], 1);
    let mut cells = vec![format!("behind {} noisy messages", left.visible), waits.len().to_string()];
    let millis = |waits: &mut Latencies, rank| waits.percentile_micros(rank).map(|micros| micros / 1e3);
    cells.extend([50.0, 99.0, 100.0].map(|rank| figure_or_none(millis(&mut waits, rank))));
    table.row(cells);
    println!("{}", table.render());
    let target = 2.0 * WORK.as_millis() as f64;
    let what = "p99 of a quiet tenant's wait, against twice a consumer's work".into();
    let value = millis(&mut waits, 99.0);
    Ok(Verdict { what, value, unit: "ms", bound: Bound::AtMost, target, note: String::new() })
}

async fn consume(
    address: SocketAddr,
    queue_url: String,
    seen: tokio::sync::mpsc::UnboundedSender<()>,
) -> std::io::Result<()> {
    let mut caller = Caller::new(address);
    loop {
        let answer = caller.call("ReceiveMessage", &request::receive_message(&queue_url, 1)).await?;
        let quiet = request::members(answer, "Body").iter().filter(|body| body.starts_with("quiet-")).count();
        let handles: Vec<String> = request::members(answer, "ReceiptHandle").iter().map(ToString::to_string).collect();
        for _ in 0..quiet {
            let _ = seen.send(());
        }
        tokio::time::sleep(WORK).await;
        if !handles.is_empty() {
            caller.call("DeleteMessageBatch", &request::delete_message_batch(&queue_url, &handles)).await?;
        }
    }
}

/// What so many ids that are remembered at once cost, in the queue machine itself.
fn remembered_ids(ids: u64) {
    let settings = queue::Settings { is_fifo: true, ..queue::Settings::plain(345_600_000, 30_000, 0) };
    let mut machine = queue::Queue::new(settings);
    let before = resident_mib(std::process::id());
    let began = Instant::now();
    for first in (0..ids).step_by(1_000) {
        let now = names::Instant::from_millis(1_700_000_000_000 + first * 290_000 / ids.max(1));
        let messages = (first..(first + 1_000).min(ids)).map(message).collect();
        let effects: Vec<queue::Effect> = machine.decide(now, queue::Command::Send(messages)).effects;
        effects.iter().for_each(|effect| machine.apply(effect, &mut Vec::new()));
        // Nothing of the messages themselves shall be measured.
        machine.apply(&queue::Effect::Expired { below: first + 1_001 }, &mut Vec::new());
    }
    let grown = resident_mib(std::process::id()).zip(before).map(|(after, before)| after - before);
    let each = grown.map(|mib| mib * 1_048_576.0 / ids.max(1) as f64);
    let nanos = began.elapsed().as_nanos() as f64 / ids.max(1) as f64;
    println!(
        "{ids} deduplication ids: {} MiB, {} bytes and {} ns each",
        figure_or_none(grown),
        figure_or_none(each),
        figure(nanos)
    );
}

fn message(number: u64) -> queue::NewMessage {
    let mut bytes = vec![b'x'];
    let [a, b] = [number, !number].map(|word| word.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    let mut dedup = [0; 16];
    dedup[..8].copy_from_slice(&a);
    dedup[8..].copy_from_slice(&b);
    let labelled = queue::Labels { group: None, dedup: Some(dedup) }.append_to(&mut bytes);
    let id = queue::MessageId(u128::from(number).to_be_bytes());
    queue::NewMessage { id, body_bytes: 1, bytes: bytes.into(), delay_millis: None, labelled, earlier_dedup: None }
}
