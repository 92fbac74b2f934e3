//! From publish to receive, while the server has half of the load that it can take.
//!
//! A topic with some queues, each with a consumer that long-polls, receives up to ten and deletes them. First as much is published as
//! connections in a closed loop can; what consumers received meanwhile is the full load. Then half as many messages a second are
//! published at fixed moments. A message's time runs from its moment, or from when its publisher's timer went off if that was free
//! then: what the server kept waiting counts, what the client's own timer did does not.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::Form;
use super::requests::publish;
use super::setting::Setting;
use crate::caller::Caller;
use crate::connection::Connection;
use crate::latency::Latencies;
use crate::request::{self, Requests};

/// How long what was published may take until the last of it is received.
const DRAIN_PATIENCE: Duration = Duration::from_secs(20);

/// Seconds that a receive waits.
const POLL_SECS: u32 = 1;

/// Where the moment stands in a prepared request; as many digits. Letters, since a form writes them as they are.
const BLANK: &str = "abcdefghijklmnopqrst";

/// What was found.
pub(crate) struct Arrivals {
    pub(crate) subscriptions: usize,
    /// Publishes a second at full load, and of the half that was measured.
    pub(crate) full: f64,
    pub(crate) half: f64,
    pub(crate) latencies: Latencies,
}

struct Shared {
    begun: Instant,
    received: AtomicU64,
    published: AtomicU64,
    is_over: AtomicBool,
    latencies: Mutex<Latencies>,
}

/// Measures with so many subscriptions.
pub(crate) async fn measure(
    setting: &Setting,
    subscriptions: usize,
    connections: usize,
    window: Duration,
) -> Result<Arrivals, String> {
    let failed = |error: io::Error| error.to_string();
    let topic = setting.make_topic(Form::Raw, subscriptions).await.map_err(failed)?;
    let shared = Arc::new(Shared {
        begun: Instant::now(),
        received: AtomicU64::new(0),
        published: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
        latencies: Mutex::default(),
    });
    let mut consumers = JoinSet::new();
    for queue in &setting.queues[..subscriptions] {
        consumers.spawn(consume(setting.address, queue.url.clone(), Arc::clone(&shared)));
    }
    let text = format!("{BLANK}{}", &request::text()[BLANK.len()..]);
    let request = Requests::of_sns(setting.address).build("Publish", publish(&topic, &text).as_bytes());
    let load = Load { setting, request, connections, window, shared: &shared, subscriptions };
    load.publish(None).await?;
    let received = shared.received.load(Ordering::Relaxed);
    let full = received as f64 / subscriptions as f64 / window.as_secs_f64();
    load.until_received().await?;
    *shared.latencies() = Latencies::default();
    let half = full / 2.0;
    load.publish(Some(half)).await?;
    load.until_received().await?;
    shared.is_over.store(true, Ordering::Relaxed);
    while let Some(consumer) = consumers.join_next().await {
        consumer.expect("a consumer does not panic").map_err(failed)?;
    }
    setting.clear(&topic, subscriptions).await.map_err(failed)?;
    let latencies = shared.latencies().clone();
    Ok(Arrivals { subscriptions, full, half, latencies })
}

impl Shared {
    fn latencies(&self) -> std::sync::MutexGuard<'_, Latencies> {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nanos(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.begun).as_nanos() as u64
    }
}

struct Load<'a> {
    setting: &'a Setting,
    request: Vec<u8>,
    connections: usize,
    window: Duration,
    shared: &'a Arc<Shared>,
    subscriptions: usize,
}

impl Load<'_> {
    /// Publishes for the window: so many a second, or as many as can be.
    async fn publish(&self, per_second: Option<f64>) -> Result<(), String> {
        let mut publishers = JoinSet::new();
        let begun = Instant::now();
        for place in 0..self.connections {
            let pace = per_second.map(|rate| {
                let between = Duration::from_secs_f64(1.0 / rate.max(1.0));
                (begun + between * place as u32, between * self.connections as u32)
            });
            let publisher = Publisher {
                connection: Connection::new(self.setting.address),
                request: self.request.clone(),
                shared: Arc::clone(self.shared),
                until: begun + self.window,
            };
            publishers.spawn(publisher.run(pace));
        }
        while let Some(publisher) = publishers.join_next().await {
            publisher.expect("a publisher does not panic").map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Waits until every delivery of what was published has been received.
    async fn until_received(&self) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let expected = self.shared.published.load(Ordering::Relaxed) * self.subscriptions as u64;
            let received = self.shared.received.load(Ordering::Relaxed);
            if received >= expected {
                return Ok(());
            }
            if begun.elapsed() > DRAIN_PATIENCE {
                return Err(format!("of {expected} deliveries {received} were received"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

struct Publisher {
    connection: Connection,
    request: Vec<u8>,
    shared: Arc<Shared>,
    until: Instant,
}

impl Publisher {
    /// With a pace: its first moment, and what is between two.
    async fn run(mut self, pace: Option<(Instant, Duration)>) -> io::Result<()> {
        let place = memchr::memmem::find(&self.request, BLANK.as_bytes()).expect("the request has a blank");
        let (mut next, between) = pace.unwrap_or((Instant::now(), Duration::ZERO));
        while next.max(Instant::now()) < self.until {
            let mut moment = next;
            if next > Instant::now() {
                tokio::time::sleep_until(next.into()).await;
                moment = Instant::now();
            } else if between.is_zero() {
                moment = Instant::now();
            }
            let digits = format!("{:0width$}", self.shared.nanos(moment), width = BLANK.len());
            self.request[place..place + BLANK.len()].copy_from_slice(digits.as_bytes());
            self.connection.exchange(&self.request).await?.ok()?;
            self.shared.published.fetch_add(1, Ordering::Relaxed);
            next += between;
        }
        Ok(())
    }
}

async fn consume(address: std::net::SocketAddr, queue_url: String, shared: Arc<Shared>) -> io::Result<()> {
    let mut caller = Caller::new(address);
    let receive = request::receive_message(&queue_url, POLL_SECS);
    while !shared.is_over.load(Ordering::Relaxed) {
        let answer = caller.call("ReceiveMessage", &receive).await?;
        let now = shared.nanos(Instant::now());
        let bodies = request::members(answer, "Body");
        let moments = bodies.iter().filter_map(|body| body.get(..BLANK.len())?.parse::<u64>().ok());
        let waits: Vec<Duration> = moments.map(|moment| Duration::from_nanos(now.saturating_sub(moment))).collect();
        waits.iter().for_each(|wait| shared.latencies().record(*wait));
        shared.received.fetch_add(waits.len() as u64, Ordering::Relaxed);
        let handles: Vec<String> = request::members(answer, "ReceiptHandle").iter().map(ToString::to_string).collect();
        if !handles.is_empty() {
            caller.call("DeleteMessageBatch", &request::delete_message_batch(&queue_url, &handles)).await?;
        }
    }
    Ok(())
}
