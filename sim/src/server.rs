//! One process of the simulated server: the real gateway, service, engine and journal over simulated surroundings.
//!
//! Wired as the `server` crate wires them, but for the listener, the threads and the signals. Dropping it without `stop`
//! is a kill: nothing more is written.

use crate::clock::{SimClock, SimSurroundings};
use crate::disk::TracedDisk;
use crate::link::{End, Link};
use crate::plan::{Sabotage, Subject};
use crate::sabotage;
use crate::topics::{self, Crooked, Receivers};
use crate::trace::Trace;
use delivery::push::{Push, Pushes};
use delivery::{Answering, Failed, Http, HttpOptions, Transport};
use engine::{Clock, Keyring, KeyringError, Recover, Store, StoreOptions};
use gateway::{Auth, Gateway, Limits, Page, Scheme, Service};
use journal::sim::SimDisk;
use journal::{Io, Journal, OpenError, Options};
use kinesis::Kinesis;
use leases::Leases;
use names::{AccountId, Instant, Region};
use prometheus_client::registry::Registry;
use sns::{KeyComing, SigningKey, SigningKeys, Sns};
use sqs::Sqs;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
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
    sns: Arc<Sns>,
    pub(crate) clock: Arc<SimClock>,
    gateway: Gateway,
    connections: Vec<JoinHandle<()>>,
    movers: JoinHandle<()>,
    tasks: Tasks,
}

/// Tasks of a process, which end with it.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl Tasks {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.is_finished());
        tasks.push(tokio::spawn(task));
    }

    fn abort(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(JoinHandle::abort);
    }
}

/// What a start needs.
pub(crate) struct Start<'a> {
    pub(crate) disk: &'a SimDisk,
    pub(crate) now: Instant,
    pub(crate) trace: &'a Arc<Trace>,
    pub(crate) seed: u64,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) subject: Subject,
    pub(crate) receivers: &'a Arc<Receivers>,
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
        let (mut of_streams, mut of_leases, mut of_topics) = (Kinesis::recovery(), Leases::recovery(), Sns::recovery());
        let mut parts: Vec<&mut dyn Recover> = vec![&mut recovery, &mut of_leases];
        parts.extend(of_streams.parts());
        parts.extend(of_topics.parts());
        let store = Store::open(io, options, shown, &mut parts)?;
        if start.subject != Subject::Queues {
            let latest = recovery.latest().max(of_streams.latest()).max(of_leases.latest());
            clock.raise(latest.max(of_topics.latest()));
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
        let kinesis = Arc::new(Kinesis::new(Arc::clone(&store), of_streams, streams_options()));
        let (leases, _) = Leases::new(Arc::clone(&store), of_leases);
        let sns = Arc::new(Sns::new(Arc::clone(&store), of_topics, topics_options(start, &sqs)));
        let services: [Arc<dyn Service>; 5] = [
            Arc::<Sqs>::clone(&sqs),
            Arc::<Kinesis>::clone(&kinesis),
            Arc::new(kinesis.native()),
            Arc::new(leases),
            Arc::<Sns>::clone(&sns),
        ];
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
        let tasks = Tasks::default();
        if start.subject == Subject::Topics && start.sabotage != Some(Sabotage::NobodyDelivers) {
            let hands = hands(start, &gateway, &tasks);
            let sns = Arc::clone(&sns);
            tasks.spawn(async move { sns.run_deliveries(hands).await });
        }
        Ok(Self { store, sqs, kinesis, sns, clock, gateway, connections: Vec::new(), movers, tasks })
    }

    pub(crate) fn journal(&self) -> &Journal {
        self.store.journal()
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Lets go of subscriptions that nobody confirms.
    pub(crate) fn tend_topics(&self) {
        let (sns, now) = (Arc::clone(&self.sns), self.now());
        self.tasks.spawn(async move { sns.tend(now).await });
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

fn streams_options() -> kinesis::Options {
    kinesis::Options {
        throttled: false,
        keys: kinesis::Keys::default(),
        metered_streams_max: 1_000,
        metered_shards_max: 1_000,
    }
}

fn topics_options(start: &Start<'_>, sqs: &Arc<Sqs>) -> sns::Options {
    let mut id_secret = [0; 32];
    fastrand::Rng::with_seed(start.seed).fill(&mut id_secret);
    let chance = Mutex::new(fastrand::Rng::with_seed(start.seed ^ 1));
    sns::Options {
        mailboxes: topics::before_queues(Arc::clone(sqs), start.sabotage),
        filter_keys_max: 5,
        holds_awss_limits: true,
        signing_keys: Arc::new(KnownKey),
        id_secret,
        keys: sqs::Keys::default(),
        may_reach: Arc::new(|_| true),
        chance: Arc::new(move |out: &mut [u8]| chance.lock().unwrap_or_else(PoisonError::into_inner).fill(out)),
        means: sns::Means::default(),
        sms: sns::SmsOptions::default(),
        push: sns::PushUrls::default(),
        metered_topics_max: 10,
        attempts_max: sns::ATTEMPTS_MAX,
        log: None,
    }
}

/// What deliveries are lent: the product's own client over HTTP, on the receivers' network.
fn hands(start: &Start<'_>, gateway: &Gateway, tasks: &Tasks) -> sns::Hands {
    let http = Http::new(HttpOptions {
        dial: start.receivers.dial(),
        may_reach: Arc::new(|_| true),
        look_up: Receivers::look_up(),
        tls: Arc::new(|| Err("no receiver here speaks TLS".to_owned())),
        chance: Arc::new(|out: &mut [u8]| out.fill(7)),
        patience: delivery::PATIENCE,
        mail: None,
        sms: None,
        idle_max: delivery::IDLE_MAX,
    });
    let (gateway, tasks, transport) = (gateway.clone(), tasks.clone(), Arc::new(http) as Arc<dyn Transport>);
    sns::Hands {
        transport: Arc::new(Crooked::around(transport, start.sabotage)),
        pushes: Arc::new(NoPushes),
        spawn: Arc::new(move |task| tasks.spawn(task)),
        functions: None,
        caller: Arc::new(move |identity, region| gateway.acting(identity, region)),
    }
}

/// There are no push services here.
struct NoPushes;

impl Pushes for NoPushes {
    fn push(&self, _: Push) -> Answering {
        Box::pin(async { Err(Failed::Unreachable("no push service is simulated".to_owned())) })
    }
}

/// A key that signs envelopes, and that everybody knows: it signs nothing that anybody believes.
struct KnownKey;

impl SigningKeys for KnownKey {
    fn key(&self) -> KeyComing {
        static KEY: OnceLock<Arc<SigningKey>> = OnceLock::new();
        let read = || {
            let pkcs8 = include_bytes!("topics/everybody_knows_this_key.der");
            Arc::new(SigningKey::new(pkcs8, b"a certificate that is none").expect("it is a key"))
        };
        let key = Arc::clone(KEY.get_or_init(read));
        Box::pin(async move { Ok(key) })
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
        self.tasks.abort();
    }
}

struct NoPages;

impl gateway::Pages for NoPages {
    fn page(&self, _path: &str, _query: &str) -> Option<Page> {
        None
    }
}
