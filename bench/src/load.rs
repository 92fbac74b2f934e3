//! Closed-loop load: N connections, each sending its next request when the answer of the last one is there.
//!
//! All connections live on one client thread, so that the client's cost is the same for every server and takes at most
//! one core. A window opens after a warm-up and closes after a time, a number of messages, or when every connection has
//! found its queue empty, whatever comes first. Exchanges whose answers arrive inside it count (in a closed loop those that began before it
//! stand for those that end after it), and the server's CPU time is read at both its ends.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::connection::Connection;
use crate::kinesis::nats::{Batch, Publisher};
use crate::latency::Latencies;
use crate::request::{self, Requests};
use crate::subject;
use crate::usage::CpuSample;

/// How long connections run before their exchanges count.
const WARM_UP: Duration = Duration::from_millis(300);

/// How long an exchange that is under way at the end of a window may take.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// How far apart connections begin among requests that they take in turn: a prime, so that they spread over any number of them.
const TURNS_APART: usize = 37;

/// What every connection does, over and over.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    /// The same request; each answer is a 200 that holds `confirmed` (a quoted member name) once for each message.
    Repeat { request: Vec<u8>, messages: usize, confirmed: Option<&'static str> },
    /// The same request; each answer is none with 200 and holds one of these words.
    Refused { request: Vec<u8>, because: &'static [&'static str] },
    /// The same, request after request, each connection from a place of its own on.
    Turns { requests: Arc<[Vec<u8>]>, messages: usize, confirmed: &'static str },
    /// Publishes to a NATS server what takes as long to be acknowledged as a request takes to be answered.
    Publish(Batch),
    /// Receives ten messages and deletes them, one by one or in one batch, until a receive finds none.
    Drain { requests: Requests, queue_url: String, batch: bool },
}

/// One window to measure.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    /// The process whose CPU time is read.
    pub(crate) pid: u32,
    pub(crate) connections: usize,
    pub(crate) window: Duration,
    pub(crate) messages_max: u64,
    /// Whether the server has a counter of its journal's syncs.
    pub(crate) counts_syncs: bool,
    pub(crate) work: Work,
}

/// What was counted inside the window.
#[derive(Debug, Default, Clone)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) messages: u64,
    pub(crate) elapsed: Duration,
    pub(crate) cpu: Duration,
    /// The same CPU time by names of threads.
    pub(crate) cpu_by_name: BTreeMap<String, Duration>,
    /// Syncs of the server's journal and the time in which they happened, where the server tells.
    pub(crate) syncs: Option<(u64, Duration)>,
    pub(crate) latencies: Latencies,
    /// Connections that gave up, and why the first of them did.
    pub(crate) failed: usize,
    pub(crate) failure: Option<String>,
}

impl Counts {
    pub(crate) fn merge(&mut self, other: &Counts) {
        self.requests += other.requests;
        self.messages += other.messages;
        self.elapsed += other.elapsed;
        self.cpu += other.cpu;
        for (name, cpu) in &other.cpu_by_name {
            *self.cpu_by_name.entry(name.clone()).or_default() += *cpu;
        }
        self.syncs = self.syncs.zip(other.syncs).map(|(own, other)| (own.0 + other.0, own.1 + other.1));
        self.latencies.merge(&other.latencies);
        self.failed += other.failed;
        if self.failure.is_none() {
            self.failure.clone_from(&other.failure);
        }
    }

    pub(crate) fn requests_per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    pub(crate) fn messages_per_second(&self) -> f64 {
        self.messages as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    pub(crate) fn syncs_per_second(&self) -> Option<f64> {
        self.syncs.map(|(syncs, time)| syncs as f64 / time.as_secs_f64().max(1e-9))
    }

    pub(crate) fn cpu_micros_per_request(&self) -> Option<f64> {
        per(self.cpu, self.requests)
    }

    pub(crate) fn cpu_micros_per_message(&self) -> Option<f64> {
        per(self.cpu, self.messages)
    }
}

fn per(cpu: Duration, count: u64) -> Option<f64> {
    (count > 0).then(|| cpu.as_secs_f64() * 1e6 / count as f64)
}

/// The stages of a window, shared by all its connections.
struct Window {
    stage: AtomicU8,
    messages: AtomicU64,
    messages_max: u64,
    /// Connections that still have something to do.
    busy: AtomicUsize,
    spent: Notify,
}

const WARMING: u8 = 0;
const COUNTING: u8 = 1;
/// Nothing counts any more, but the load goes on while the counter of syncs is read.
const ENDING: u8 = 2;
const CLOSED: u8 = 3;

impl Window {
    fn stage(&self) -> u8 {
        self.stage.load(Ordering::Relaxed)
    }

    fn add(&self, messages: usize) {
        let before = self.messages.fetch_add(messages as u64, Ordering::Relaxed);
        if before + messages as u64 >= self.messages_max {
            self.spent.notify_one();
        }
    }

    fn leave(&self) {
        if self.busy.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.spent.notify_one();
        }
    }
}

/// Runs the plan and gives back what it counted; must run on a current-thread runtime.
pub(crate) async fn run(plan: &Plan) -> Counts {
    let window = Arc::new(Window {
        stage: AtomicU8::new(WARMING),
        messages: AtomicU64::new(0),
        messages_max: plan.messages_max,
        busy: AtomicUsize::new(plan.connections),
        spent: Notify::new(),
    });
    let mut workers = JoinSet::new();
    for place in 0..plan.connections {
        workers.spawn(worker(plan.address, place, plan.work.clone(), Arc::clone(&window)));
    }
    tokio::time::sleep(WARM_UP).await;
    let mut counts = observe(plan, &window).await;
    gather(&mut counts, workers).await;
    counts
}

/// Opens the window, waits for its end and closes it; counts its length, the server's CPU time and its syncs.
///
/// The counter of syncs is asked for just outside the window, so that the question costs it nothing, and each answer is
/// taken with its own time.
async fn observe(plan: &Plan, window: &Window) -> Counts {
    let syncs_before = syncs(plan).await;
    let cpu_before = CpuSample::of(plan.pid);
    let begun = Instant::now();
    window.stage.store(COUNTING, Ordering::Relaxed);
    let _ = tokio::time::timeout(plan.window, window.spent.notified()).await;
    window.stage.store(ENDING, Ordering::Relaxed);
    let elapsed = begun.elapsed();
    let cpu_after = CpuSample::of(plan.pid);
    let syncs_after = syncs(plan).await;
    window.stage.store(CLOSED, Ordering::Relaxed);
    let syncs = syncs_before.zip(syncs_after);
    Counts {
        elapsed,
        cpu: cpu_after.since(&cpu_before),
        cpu_by_name: cpu_after.by_name_since(&cpu_before),
        syncs: syncs.map(|(before, after)| (after.0.saturating_sub(before.0), after.1 - before.1)),
        ..Counts::default()
    }
}

async fn syncs(plan: &Plan) -> Option<(u64, Instant)> {
    if !plan.counts_syncs {
        return None;
    }
    let count = subject::syncs(plan.address).await?;
    Some((count, Instant::now()))
}

async fn gather(counts: &mut Counts, mut workers: JoinSet<Report>) {
    let all = async {
        while let Some(report) = workers.join_next().await {
            let report = report.expect("a worker does not panic");
            counts.requests += report.latencies.len() as u64;
            counts.messages += report.messages;
            counts.latencies.merge(&report.latencies);
            if let Some(failure) = report.failure {
                counts.failed += 1;
                counts.failure.get_or_insert(failure);
            }
        }
    };
    if tokio::time::timeout(LAST_ANSWERS, all).await.is_err() {
        counts.failed += workers.len();
        counts.failure.get_or_insert_with(|| format!("no answer within {LAST_ANSWERS:?}"));
    }
}

/// What one connection saw inside the window.
#[derive(Default)]
struct Report {
    latencies: Latencies,
    messages: u64,
    failure: Option<String>,
}

struct Worker {
    connection: Connection,
    window: Arc<Window>,
    report: Report,
}

async fn worker(address: SocketAddr, place: usize, work: Work, window: Arc<Window>) -> Report {
    let mut worker = Worker { connection: Connection::new(address), window, report: Report::default() };
    let outcome = match work {
        Work::Repeat { request, messages, confirmed } => worker.repeat(&request, messages, confirmed).await,
        Work::Refused { request, because } => worker.refused(&request, because).await,
        Work::Turns { requests, messages, confirmed } => {
            let turns = requests.iter().cycle().skip(place * TURNS_APART % requests.len());
            worker.turns(turns, messages, confirmed).await
        }
        Work::Publish(batch) => worker.publish(address, place, batch).await,
        Work::Drain { requests, queue_url, batch } => worker.drain(&requests, &queue_url, batch).await,
    };
    worker.window.leave();
    worker.report.failure = outcome.err().map(|error| error.to_string());
    worker.report
}

impl Worker {
    async fn repeat(&mut self, request: &[u8], messages: usize, confirmed: Option<&str>) -> io::Result<()> {
        while self.window.stage() != CLOSED {
            let body = self.timed(request, messages).await?;
            confirmed.map_or(Ok(()), |member| confirm(body, messages, member))?;
        }
        Ok(())
    }

    async fn refused(&mut self, request: &[u8], because: &[&str]) -> io::Result<()> {
        while self.window.stage() != CLOSED {
            let begun = Instant::now();
            let answer = self.connection.exchange(request).await?;
            let is_expected = answer.status != 200
                && because.iter().any(|word| memchr::memmem::find(answer.body, word.as_bytes()).is_some());
            if !is_expected {
                let text = String::from_utf8_lossy(answer.body);
                return Err(io::Error::other(format!("status {} without {because:?}: {text:.300}", answer.status)));
            }
            self.count(begun, 0);
        }
        Ok(())
    }

    async fn turns(
        &mut self,
        mut requests: impl Iterator<Item = &Vec<u8>>,
        messages: usize,
        confirmed: &str,
    ) -> io::Result<()> {
        while self.window.stage() != CLOSED
            && let Some(request) = requests.next()
        {
            confirm(self.timed(request, messages).await?, messages, confirmed)?;
        }
        Ok(())
    }

    async fn publish(&mut self, address: SocketAddr, place: usize, batch: Batch) -> io::Result<()> {
        let mut publisher = Publisher::connect(address, place, batch).await?;
        while self.window.stage() != CLOSED {
            let begun = Instant::now();
            let messages = publisher.publish().await?;
            self.count(begun, messages);
        }
        Ok(())
    }

    /// A drain has nothing to give away while warming up: it connects, waits for the window and then takes.
    async fn drain(&mut self, requests: &Requests, queue_url: &str, batch: bool) -> io::Result<()> {
        self.connection
            .exchange(&requests.build("GetQueueAttributes", request::of_queue(queue_url).as_bytes()))
            .await?
            .ok()?;
        while self.window.stage() == WARMING {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let receive = requests.build("ReceiveMessage", request::receive_message(queue_url, 0).as_bytes());
        while self.window.stage() != CLOSED {
            let body = self.timed(&receive, 0).await?;
            let handles: Vec<String> = request::members(body, "ReceiptHandle").into_iter().map(str::to_owned).collect();
            if handles.is_empty() {
                return Ok(());
            }
            self.delete(requests, queue_url, &handles, batch).await?;
        }
        Ok(())
    }

    async fn delete(
        &mut self,
        requests: &Requests,
        queue_url: &str,
        handles: &[String],
        batch: bool,
    ) -> io::Result<()> {
        if batch {
            let body = request::delete_message_batch(queue_url, handles);
            let answer = self.timed(&requests.build("DeleteMessageBatch", body.as_bytes()), handles.len()).await?;
            let deleted = occurrences(answer, "\"Id\"");
            return if deleted == handles.len() {
                Ok(())
            } else {
                Err(io::Error::other(format!("only {deleted} deleted")))
            };
        }
        for handle in handles {
            let body = request::delete_message(queue_url, handle);
            self.timed(&requests.build("DeleteMessage", body.as_bytes()), 1).await?;
        }
        Ok(())
    }

    /// One exchange; counted with its `messages` when its answer arrives inside the window.
    async fn timed(&mut self, request: &[u8], messages: usize) -> io::Result<&[u8]> {
        let begun = Instant::now();
        let body = self.connection.exchange(request).await?.ok()?;
        if self.window.stage() == COUNTING {
            self.report.note(begun, messages);
            self.window.add(messages);
        }
        Ok(body)
    }

    fn count(&mut self, begun: Instant, messages: usize) {
        if self.window.stage() == COUNTING {
            self.report.note(begun, messages);
            self.window.add(messages);
        }
    }
}

impl Report {
    fn note(&mut self, begun: Instant, messages: usize) {
        self.latencies.record(begun.elapsed());
        self.messages += messages as u64;
    }
}

/// An answer must have the member once for each message.
fn confirm(body: &[u8], messages: usize, member: &str) -> io::Result<()> {
    if occurrences(body, member) == messages {
        return Ok(());
    }
    let text = String::from_utf8_lossy(body);
    Err(io::Error::other(format!("not {messages} × {member} in {text:.300}")))
}

fn occurrences(json: &[u8], quoted_member: &str) -> usize {
    memchr::memmem::find_iter(json, quoted_member).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A server that answers everything with `body`.
    async fn always(body: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let mut stream = listener.accept().await.unwrap().0;
                tokio::spawn(async move {
                    let mut request = vec![0; 4096];
                    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        address
    }

    fn plan(address: SocketAddr, work: Work, messages_max: u64) -> Plan {
        let window = Duration::from_millis(150);
        Plan { address, pid: std::process::id(), connections: 3, window, messages_max, counts_syncs: false, work }
    }

    fn sends(messages: usize) -> Work {
        Work::Repeat { request: b"POST / HTTP/1.1\r\n\r\n".to_vec(), messages, confirmed: Some("\"MessageId\"") }
    }

    #[tokio::test]
    async fn a_window_counts_requests_messages_and_cpu() {
        let address = always(r#"{"MessageId":"1"},{"MessageId":"2"}"#).await;
        let counts = run(&plan(address, sends(2), u64::MAX)).await;
        assert_eq!(counts.failure, None);
        assert!(counts.requests > 10);
        assert_eq!(counts.messages, 2 * counts.requests);
        assert_eq!(counts.latencies.len() as u64, counts.requests);
        assert!(counts.cpu_micros_per_request().unwrap() > 0.0);
    }

    #[tokio::test]
    async fn an_answer_that_is_no_refusal_ends_the_work() {
        let address = always("Rate exceeded").await;
        let request = b"POST / HTTP/1.1\r\n\r\n".to_vec();
        let counts = run(&plan(address, Work::Refused { request, because: &["Rate exceeded"] }, u64::MAX)).await;
        assert_eq!(counts.failed, 3);
        assert!(counts.failure.unwrap().contains("status 200"));
    }

    #[tokio::test]
    async fn a_window_ends_early_when_its_messages_are_spent() {
        let address = always(r#"{"MessageId":"1"}"#).await;
        let counts = run(&Plan { window: Duration::from_secs(30), ..plan(address, sends(1), 20) }).await;
        assert!(counts.elapsed < Duration::from_secs(10));
        assert!((20..100).contains(&counts.messages), "{}", counts.messages);
    }

    #[tokio::test]
    async fn answers_without_their_confirmations_are_failures_and_not_throughput() {
        let address = always(r#"{"Failed":[]}"#).await;
        let counts = run(&plan(address, sends(1), u64::MAX)).await;
        assert_eq!(counts.failed, 3);
        assert!(counts.failure.unwrap().contains("MessageId"));
    }

    #[tokio::test]
    async fn an_empty_queue_ends_a_drain() {
        let address = always("{}").await;
        let requests = Requests::to(address);
        let work = Work::Drain { requests, queue_url: "http://q".into(), batch: true };
        let counts = run(&Plan { window: Duration::from_secs(30), ..plan(address, work, u64::MAX) }).await;
        assert_eq!((counts.messages, counts.failure), (0, None));
        assert!(counts.elapsed < Duration::from_secs(10));
    }
}
