//! One process of the simulated server: the real gateway, service, engine and journal over simulated surroundings.
//!
//! Wired as the `server` crate wires them, but for the listener, the threads and the signals. Dropping it without `stop`
//! is a kill: nothing more is written.

use crate::clock::{SimClock, SimSurroundings};
use crate::disk::TracedDisk;
use crate::link::{End, Link};
use crate::plan::{Sabotage, Subject};
use crate::sabotage;
use crate::trace::Trace;
use engine::{Clock, Keyring, KeyringError, Store, StoreOptions};
use gateway::{Auth, Gateway, Limits, Page, Scheme, Service};
use journal::sim::SimDisk;
use journal::{Io, Journal, OpenError, Options};
use kinesis::Kinesis;
use leases::Leases;
use names::{AccountId, Instant, Region};
use prometheus_client::registry::Registry;
use sqs::Sqs;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

/// Bytes of a log file: small, so that a short history sees many files.
pub(crate) const FILE_BYTES: u64 = 1 << 17;

/// Bytes of messages in memory: so few that most receives read from the disk.
const MEMORY_BYTES: usize = 8 << 10;

/// A server that serves.
pub(crate) struct Server {
    pub(crate) store: Arc<Store>,
    pub(crate) sqs: Arc<Sqs>,
    pub(crate) kinesis: Arc<Kinesis>,
    pub(crate) clock: Arc<SimClock>,
    gateway: Gateway,
    connections: Vec<JoinHandle<()>>,
    movers: JoinHandle<()>,
}

/// What a start needs.
pub(crate) struct Start<'a> {
    pub(crate) disk: &'a SimDisk,
    pub(crate) now: Instant,
    pub(crate) trace: &'a Arc<Trace>,
    pub(crate) seed: u64,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) subject: Subject,
}

impl Server {
    /// Opens the log and brings the queues back.
    pub(crate) fn open(start: &Start<'_>) -> Result<Self, OpenError> {
        let clock = Arc::new(SimClock::at(start.now, start.sabotage == Some(Sabotage::SleepersNeverWake)));
        let io = TracedDisk { disk: start.disk.clone(), trace: Arc::clone(start.trace), sabotage: start.sabotage };
        let mut recovery = Sqs::recovery();
        let shown: Arc<dyn Clock> = Arc::<SimClock>::clone(&clock);
        let io: Arc<dyn Io> = Arc::new(io);
        let keyring = Some(Keyring::simulated(&io).map_err(KeyringError::into_open)?);
        let options = StoreOptions { journal: Options::small(FILE_BYTES), memory_bytes: MEMORY_BYTES, keyring };
        let (mut of_streams, mut of_leases) = (Kinesis::recovery(), Leases::recovery());
        let [streams, shards, queues, groups] = of_streams.parts();
        let store =
            Store::open(io, options, shown, &mut [&mut recovery, streams, shards, queues, groups, &mut of_leases])?;
        if start.subject == Subject::Streams {
            clock.raise(recovery.latest().max(of_streams.latest()).max(of_leases.latest()));
        }
        store.expect_nudges();
        let region = Region::parse("us-east-1").expect("us-east-1 is a region");
        let told = sqs::Options {
            home_region: region.clone(),
            limits: sqs::Limits::Raised,
            metered_queues_max: 1_000,
            keys: sqs::Keys::default(),
        };
        let sqs = Arc::new(Sqs::new(Arc::clone(&store), recovery, told));
        let told = kinesis::Options {
            throttled: false,
            keys: kinesis::Keys::default(),
            metered_streams_max: 1_000,
            metered_shards_max: 1_000,
        };
        let kinesis = Arc::new(Kinesis::new(Arc::clone(&store), of_streams, told));
        let (leases, _) = Leases::new(Arc::clone(&store), of_leases);
        let services: [Arc<dyn Service>; 4] =
            [Arc::<Sqs>::clone(&sqs), Arc::<Kinesis>::clone(&kinesis), Arc::new(kinesis.native()), Arc::new(leases)];
        let options = gateway::Options {
            services: services.map(|service| sabotage::around(service, start.sabotage)).into(),
            pages: Arc::new(NoPages),
            surroundings: Arc::new(SimSurroundings {
                clock: Arc::clone(&clock),
                chance: Mutex::new(fastrand::Rng::with_seed(start.seed)),
            }),
            default_account: AccountId::DEFAULT,
            default_region: region,
            public_url: None,
            links: gateway::Links::default(),
            limits: Limits::default(),
            auth: Auth::Off,
            proxies: Vec::new(),
            organization: None,
            signing_keys: Arc::default(),
        };
        let gateway = Gateway::new(options, &mut Registry::default());
        let moves_never_end = start.sabotage == Some(Sabotage::MovesNeverEnd);
        let movers = tokio::spawn(run_moves(Arc::clone(&sqs), moves_never_end));
        Ok(Self { store, sqs, kinesis, clock, gateway, connections: Vec::new(), movers })
    }

    pub(crate) fn journal(&self) -> &Journal {
        self.store.journal()
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Takes a connection whose client leaves at most `room` bytes unread.
    pub(crate) fn connect(&mut self, room: usize) -> Link {
        let (link, end) = Link::new(room);
        self.connections.retain(|connection| !connection.is_finished());
        self.connections.push(tokio::spawn(serve(self.gateway.clone(), end)));
        link
    }

    /// Begins an orderly stop.
    pub(crate) fn begin_stop(&self) {
        self.gateway.stop();
    }

    /// Whether the last connection has ended.
    pub(crate) fn is_alone(&self) -> bool {
        self.connections.iter().all(JoinHandle::is_finished)
    }
}

async fn serve(gateway: Gateway, end: End) {
    gateway.serve_connection(end, Scheme::Http).await;
}

async fn run_moves(sqs: Arc<Sqs>, never: bool) {
    if !never {
        sqs.run_moves().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.connections.iter().for_each(JoinHandle::abort);
        self.movers.abort();
    }
}

struct NoPages;

impl gateway::Pages for NoPages {
    fn page(&self, _path: &str, _query: &str) -> Option<Page> {
        None
    }
}
