//! A server from start to stop: open the store, wire the services, serve, stop.
//!
//! Nothing listens before the replay is done, and the process ends with an error as soon as the log has stopped: a server
//! that can keep nothing must not look alive.

use crate::audit::AuditLog;
use crate::banner;
use crate::clock::SystemClock;
use crate::config::{Config, Verification};
use crate::control::Control;
use crate::delivery_log;
use crate::descriptors;
use crate::group_metrics::GroupCollector;
use crate::housekeeper::Housekeeper;
use crate::identities::Identities;
use crate::listen;
use crate::localstack::LocalStack;
use crate::metrics::StoreCollector;
use crate::mode::Mode;
use crate::organization;
use crate::outgoing;
use crate::pages::ServerPages;
use crate::point;
use crate::recoveries::Recoveries;
use crate::resources::{self, Declared};
use crate::root_key;
use crate::s3::{Ingress, Notifications};
use crate::signing_key::Signing;
use crate::sink_metrics::{Sink, SinkCollector};
use crate::sms::{self, pages::SmsPages};
use crate::stream_metrics::StreamCollector;
use crate::surroundings::SystemSurroundings;
use crate::tls::Door;
use crate::topic_metrics::TopicCollector;
use crate::unverified;
use delivery::MessageCenter;
use engine::{Clock, Keyring, Store, StoreOptions};
use gateway::{Audit, Auth, Authority, Gateway, Limits, Links, Service};
use iam::Iam;
use journal::{Io, OpenError, Options, RealDisk};
use kinesis::Kinesis;
use kms::Kms;
use leases::{Leases, MetricSink};
use names::Instant;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use sns::Sns;
use sqs::Sqs;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

/// How often queues nobody asks anything of are told the time, so that expired messages give their memory back.
const SWEEP: Duration = Duration::from_secs(60);

/// How often temporary queues that nobody uses are looked for: how much later than told one may go.
const IDLE_LOOK: Duration = Duration::from_millis(500);

/// A wall clock that is behind the store by more than this is worth a warning; less is what clocks are set by as usual.
const CLOCK_BEHIND_TOLD: Duration = Duration::from_secs(2);

/// Why a server ended that was not told to stop.
pub(crate) enum Ended {
    /// The log stopped; it has said where and why.
    DiskFailed,
    /// A sentence for the operator.
    Because(String),
}

impl From<String> for Ended {
    fn from(why: String) -> Self {
        Self::Because(why)
    }
}

/// The services of a server.
#[derive(Clone)]
struct Services {
    sqs: Arc<Sqs>,
    kms: Arc<Kms>,
    kinesis: Arc<Kinesis>,
    sns: Arc<Sns>,
    /// Lines that the delivery log left out.
    log_left_out: Counter,
    signing: Arc<Signing>,
    leases: Arc<Leases>,
    metrics: Arc<MetricSink>,
    identities: Identities,
}

/// What the configuration has in files of their own.
struct Files {
    declared: Option<Declared>,
    notifications: Option<Notifications>,
    organization: Option<organization::Kept>,
}

impl Files {
    fn read(config: &Config) -> Result<Self, String> {
        Ok(Self {
            declared: config.resources.as_deref().map(resources::read).transpose()?,
            notifications: config.s3_notifications.as_deref().map(Notifications::read).transpose()?,
            organization: config.organization.as_deref().map(organization::Kept::read).transpose()?,
        })
    }
}

/// Runs a server until it is told to stop.
pub(crate) fn run(mode: Mode, config: &Config) -> Result<(), Ended> {
    let clock = Arc::new(SystemClock::start());
    // A declaration that cannot be read stops the start before anything is opened.
    let files = Files::read(config)?;
    let (store, services) = open(mode, config, &clock)?;
    unverified::note(mode, config)?;
    let housekeeper = (!config.ephemeral).then(|| Housekeeper::start(&store)).transpose();
    let housekeeper = housekeeper.map_err(|error| format!("the housekeeper did not start: {error}"))?;
    let nudge = Arc::clone(&store);
    store.expect_nudges();
    store.read_elsewhere(read_elsewhere);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.enable_all().on_thread_park(move || nudge.out_of_work()).build();
    let runtime = runtime.map_err(|error| format!("the runtime did not start: {error}"))?;
    let outcome = runtime.block_on(serve(mode, config, files, clock, Arc::clone(&store), services));
    // Connections that outlast their patience must not hold the process up.
    runtime.shutdown_timeout(Duration::from_millis(100));
    if let Some(housekeeper) = housekeeper {
        housekeeper.stop();
    }
    store.journal().close();
    outcome
}

/// Has the disk read by a thread that may block; a thread that is not the runtime's may block itself.
fn read_elsewhere(read: engine::Work) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(read)),
        Err(_) => read(),
    }
}

async fn serve(
    mode: Mode,
    config: &Config,
    Files { declared, notifications, organization }: Files,
    clock: Arc<SystemClock>,
    store: Arc<Store>,
    services: Services,
) -> Result<(), Ended> {
    let Services { sqs, sns, identities, .. } = &services;
    // Whoever renews certificates sends it to whatever serves them, and nobody means to end a server by it.
    let hangups = (hangups()?, hangups()?);
    let listener = TcpListener::bind(config.listen).await;
    let listener = listener.map_err(|error| format!("cannot listen on {}: {error}", config.listen))?;
    let address = listener.local_addr().map_err(|error| format!("the listener has no address: {error}"))?;
    let audited = config.audit_log(mode).map(|(path, all)| AuditLog::start(&config.audit, all, path)).transpose()?;
    let (audit, audit_writer) = audited.unzip();
    let links = links(mode, config, address);
    let gateway =
        wire_up(config, (mode, links), &clock, &store, &services, audit, (notifications, organization.as_ref()));

    let tls = config.has_tls().then(|| Door::new(&config.tls, &config.data_dir)).transpose()?.map(Arc::new);
    let fresh = tokio::spawn(keep_fresh(hangups, tls.clone(), organization.map(|file| (file, gateway.clone()))));

    let mut timers = tokio::spawn(run_timers(Arc::clone(&store)));
    let mut couriers = tokio::spawn(run_couriers(Arc::clone(&store)));
    let mut movers = tokio::spawn(run_moves(Arc::clone(sqs)));
    let made = identities.at_start(mode, config, declared.as_ref()).await?;
    if let Some(declared) = &declared {
        resources::apply_at_start(&gateway, address, config, declared).await?;
    }
    let control = control(config, &store);
    let mut sweeper = tokio::spawn(sweep(Arc::clone(&clock), services.clone()));
    let mut deliveries = deliver(mode, config, &gateway, sns)?;
    let mut remover = tokio::spawn(remove_idle(Arc::clone(sqs)));
    let mut connections = tokio::spawn(listen::serve(listener, gateway.clone(), bounds(config, tls)?));
    // Before anybody is told that we are there: from then on a signal is a wish to stop in order.
    let mut signals = Signals::listen()?;
    banner::print(mode, config, address, store.journal().recovery(), clock.uptime(), made.as_ref())
        .map_err(|error| format!("standard output: {error}"))?;

    let outcome = tokio::select! {
        signal = signals.told_to_stop() => {
            tracing::info!(signal, "stopping");
            Ok(())
        }
        _ = store.journal().stopped() => Err(Ended::DiskFailed),
        ended = &mut timers => Err(Ended::Because(format!("the timers ended: {ended:?}"))),
        ended = &mut couriers => Err(Ended::Because(format!("the couriers ended: {ended:?}"))),
        ended = &mut movers => Err(Ended::Because(format!("the message move tasks ended: {ended:?}"))),
        ended = &mut deliveries => Err(Ended::Because(format!("the deliveries ended: {ended:?}"))),
        ended = &mut sweeper => Err(Ended::Because(format!("the sweeper ended: {ended:?}"))),
        ended = &mut remover => Err(Ended::Because(format!("the remover of idle queues ended: {ended:?}"))),
        ended = &mut connections => Err(Ended::Because(format!("the listener ended: {ended:?}"))),
    };
    gateway.stop();
    if !connections.is_finished() {
        let _ = connections.await;
    }
    [timers, couriers, movers, deliveries, sweeper, remover].iter().for_each(JoinHandle::abort);
    fresh.abort();
    if let Some(control) = control {
        control.abort();
        // Its socket's name goes with it.
        let _ = control.await;
    }
    if let Some(writer) = audit_writer {
        writer.close();
    }
    outcome
}

fn bounds(config: &Config, tls: Option<Arc<Door>>) -> Result<listen::Options, String> {
    Ok(listen::Options {
        connections_max: descriptors::connections_max()?,
        patience: Duration::from_secs(config.stop_timeout_secs),
        silence: Duration::from_secs(config.idle_timeout_secs),
        tls,
    })
}

/// Serves the operator's requests. A folder in which no socket can be made (a name too long, a file system without them)
/// is served all the same; backups then need the server to be stopped.
fn control(config: &Config, store: &Arc<Store>) -> Option<JoinHandle<()>> {
    if config.ephemeral {
        return None;
    }
    match Control::listen(&config.data_dir) {
        Ok(control) => Some(tokio::spawn(control.serve(Arc::clone(store)))),
        Err(error) => {
            tracing::warn!(%error, "no control socket; a backup needs the server to be stopped");
            None
        }
    }
}

/// Opens the keys of the data folder, or makes some.
fn keyring(config: &Config, disk: &Arc<dyn Io>, now: Instant) -> Result<Arc<Keyring>, String> {
    let (root, passphrase) = config.root_key.open(&config.data_dir, &**disk)?;
    let loaded = Keyring::load(Arc::clone(disk), root, passphrase, now, root_key::chance());
    loaded.map(Arc::new).map_err(|error| error.to_string())
}

/// Opens or makes the data folder and brings the queues back.
fn open(mode: Mode, config: &Config, clock: &Arc<SystemClock>) -> Result<(Arc<Store>, Services), String> {
    let shown: Arc<dyn Clock> = Arc::<SystemClock>::clone(clock);
    let mut recoveries = Recoveries::new();
    let mut root = None;
    let store = if config.ephemeral {
        Store::ephemeral(shown)
    } else {
        let failed = |why: String| format!("cannot open the data folder {}: {why}", config.data_dir.display());
        let disk = RealDisk::open(&config.data_dir).map_err(|error| failed(error.to_string()))?;
        let journal = Options { reserve_bytes: config.reserve_mib << 20, ..Options::default() };
        let disk: Arc<dyn Io> = Arc::new(disk);
        let opened = keyring(config, &disk, clock.now()).map_err(failed)?;
        root = Some(opened.services());
        let options = StoreOptions { journal, memory_bytes: config.memory_limit, keyring: Some(opened) };
        let opened = Store::open(disk, options, shown, &mut recoveries.parts());
        opened.map_err(|error| failed(error.to_string() + &advice(&error, config)))?
    };
    let behind = clock.raise(recoveries.latest());
    if behind > CLOCK_BEHIND_TOLD {
        let secs = behind.as_secs();
        tracing::warn!(secs, "the wall clock is behind the times in the store; going on from the latest of them");
    }
    // What keeps nothing has a root key that lasts as long as the process.
    let of_keys = root.clone().unwrap_or_else(root_key::passing);
    let folder = (!config.ephemeral).then_some(&*config.data_dir);
    let signing = Arc::new(Signing::new(folder, Arc::clone(&of_keys)));
    let elsewhere = Arc::new(|work: kms::Work| drop(tokio::task::spawn_blocking(work)));
    let kms = Arc::new(Kms::new(Arc::clone(&store), recoveries.kms, of_keys, elsewhere));
    let told = sqs::Options {
        home_region: config.region.clone(),
        limits: config.limits,
        metered_queues_max: config.metered_queues_max,
        keys: sqs::Keys::of(Arc::<Kms>::clone(&kms)),
    };
    let sqs = Arc::new(Sqs::new(Arc::clone(&store), recoveries.sqs, told));
    let of_streams = kinesis::Options {
        throttled: config.limits == sqs::Limits::Aws,
        keys: kinesis::Keys::of(Arc::<Kms>::clone(&kms)),
        metered_streams_max: config.metered_streams_max,
        metered_shards_max: config.metered_shards_max,
    };
    let kinesis = Kinesis::new(Arc::clone(&store), recoveries.kinesis, of_streams);
    let (log, log_left_out) = delivery_log::start(config)?;
    let of_topics = sns::Options {
        mailboxes: Arc::<Sqs>::clone(&sqs),
        filter_keys_max: config.sns_filter_keys_max,
        holds_awss_limits: config.limits == sqs::Limits::Aws,
        signing_keys: Arc::<Signing>::clone(&signing),
        id_secret: root_key::secret(),
        keys: sqs::Keys::of(Arc::<Kms>::clone(&kms)),
        may_reach: config.private_receivers.may_reach(mode),
        chance: root_key::chance(),
        means: outgoing::means(config),
        sms: config.sms.options()?,
        push: config.push.urls(mode),
        metered_topics_max: config.metered_topics_max,
        attempts_max: descriptors::shares()?.0.deliveries,
        log,
    };
    let sns = Arc::new(Sns::new(Arc::clone(&store), recoveries.sns, of_topics));
    let (leases, metrics) = Leases::new(Arc::clone(&store), recoveries.leases);
    let (kinesis, leases, metrics) = (Arc::new(kinesis), Arc::new(leases), Arc::new(metrics));
    let identities = Identities::begin(root, &config.region, &store, recoveries.iam)?;
    Ok((store, Services { sqs, kms, kinesis, sns, log_left_out, signing, leases, metrics, identities }))
}

/// What an operator can do about a data folder that is damaged.
fn advice(error: &OpenError, config: &Config) -> String {
    let OpenError::Corrupt { .. } = error else { return String::new() };
    let folder = config.data_dir.display();
    format!(
        ". `tidewire fsck {folder}` says what is lost, `tidewire fsck {folder} --repair` says it and repairs what can be \
         repaired; `tidewire restore` brings a backup back"
    )
}

fn auth(verification: Verification, authority: Arc<dyn Authority>) -> Auth {
    match verification {
        Verification::Verify => Auth::Verify(authority),
        Verification::ParseOnly => Auth::ParseOnly(Some(authority)),
        Verification::Off => Auth::Off,
    }
}

/// The services that the gateway asks.
fn behind_the_door(services: &Services) -> Vec<Arc<dyn Service>> {
    let Services { sqs, kms, kinesis, sns, leases, metrics, identities, .. } = services;
    vec![
        Arc::<Sqs>::clone(sqs),
        Arc::<Iam>::clone(&identities.iam),
        Arc::<iam::Sts>::clone(&identities.sts),
        Arc::<Kms>::clone(kms),
        Arc::<Kinesis>::clone(kinesis),
        // Behind Data Streams, whose name in credential scopes it shares.
        Arc::new(kinesis.native()),
        Arc::<Sns>::clone(sns),
        // Behind SNS, whose name in credential scopes it shares.
        Arc::new(sns.native()),
        Arc::<Leases>::clone(leases),
        Arc::<MetricSink>::clone(metrics),
    ]
}

/// The bounds of the door, as far as they are the operator's.
fn limits(config: &Config) -> Limits {
    let [connection_rate, account_rate] = config.throttle.rates();
    Limits {
        connection_rate,
        account_rate,
        head_read: Duration::from_secs(config.header_timeout_secs),
        body_read: Duration::from_secs(config.body_timeout_secs),
        idle: Duration::from_secs(config.idle_timeout_secs),
        ..Limits::default()
    }
}

/// What links begin with where no public URL is set: where the listener is.
fn links(mode: Mode, config: &Config, address: SocketAddr) -> Links {
    Links { home: point::at(config, address).into(), take_loopback: mode == Mode::Dev }
}

fn wire_up(
    config: &Config,
    (mode, links): (Mode, Links),
    clock: &Arc<SystemClock>,
    store: &Arc<Store>,
    services: &Services,
    audit: Option<Arc<AuditLog>>,
    (notifications, organization): (Option<Notifications>, Option<&organization::Kept>),
) -> Gateway {
    let Services { sqs, kms, kinesis, sns, signing, leases, metrics, identities, .. } = services;
    let mut registry = Registry::default();
    registry.register_collector(Box::new(StoreCollector { store: Arc::clone(store), sqs: Arc::clone(sqs) }));
    registry.register_collector(Box::new(SinkCollector(Sink(Arc::clone(metrics)))));
    registry.register_collector(Box::new(StreamCollector(Arc::clone(kinesis))));
    registry.register_collector(Box::new(GroupCollector(Arc::clone(kinesis))));
    registry
        .register_collector(Box::new(TopicCollector { sns: Arc::clone(sns), clock: Arc::<SystemClock>::clone(clock) }));
    let help = "Lines that the delivery status log had no room for, or could not write";
    registry.register("tidewire_sns_delivery_log_lines_left_out", help, services.log_left_out.clone());
    let authority: Arc<dyn Authority> = Arc::<Iam>::clone(&identities.iam);
    let pages = Arc::new(ServerPages::new(Arc::clone(store), Arc::clone(clock), Arc::clone(signing)));
    let options = gateway::Options {
        services: behind_the_door(services),
        pages: Arc::<ServerPages>::clone(&pages),
        surroundings: Arc::new(SystemSurroundings(Arc::clone(clock))),
        default_account: config.account,
        default_region: config.region.clone(),
        public_url: config.public_url.as_deref().map(Into::into),
        links,
        limits: limits(config),
        auth: auth(config.auth(mode), authority),
        proxies: config.proxies.clone(),
        organization: organization.map(organization::Kept::organization),
        signing_keys: Arc::clone(&identities.signing_keys),
    };
    let audit = audit.map(|audit| {
        audit.register(&mut registry);
        audit as Arc<dyn Audit>
    });
    let gateway = Gateway::audited(options, audit, &mut registry);
    let s3 = notifications.filter(|wanted| !wanted.is_empty());
    let s3 = s3.map(|wanted| Ingress::new(gateway.clone(), wanted, config.s3_webhook_token.clone()));
    let (sqs, iam) = (Arc::clone(sqs), Arc::clone(&identities.iam));
    let (kms, kinesis, leases) = (Arc::clone(kms), Arc::clone(kinesis), Arc::clone(leases));
    pages.wire_up(
        registry,
        LocalStack {
            mode,
            is_open: config.auth(mode) != Verification::Verify,
            gateway: gateway.clone(),
            sqs,
            iam,
            kms,
            kinesis,
            sns: Arc::clone(sns),
            leases,
        },
        s3,
        SmsPages {
            is_open: config.auth(mode) != Verification::Verify,
            replies_token: config.sms.replies_token.clone(),
            sns: Arc::clone(sns),
        },
    );
    gateway
}

async fn run_timers(store: Arc<Store>) {
    store.run_timers().await;
}

async fn run_couriers(store: Arc<Store>) {
    store.run_couriers().await;
}

fn hangups() -> Result<Signal, String> {
    signal(SignalKind::hangup()).map_err(|error| format!("signals cannot be received: {error}"))
}

/// Keeps what was read from files fresh: certificates and the organization.
async fn keep_fresh(
    hangups: (Signal, Signal),
    tls: Option<Arc<Door>>,
    organization: Option<(organization::Kept, Gateway)>,
) {
    let organized = async {
        if let Some((file, gateway)) = organization {
            file.keep_fresh(gateway, hangups.1).await;
        }
    };
    tokio::join!(keep_certificates_fresh(tls, hangups.0), organized);
}

/// Keeps certificates fresh, where there are any; a SIGHUP is received in any case.
async fn keep_certificates_fresh(tls: Option<Arc<Door>>, mut hangups: Signal) {
    if let Some(tls) = tls {
        return tls.keep_fresh(hangups).await;
    }
    while hangups.recv().await.is_some() {
        tracing::info!("SIGHUP: there are no certificates that could be read again");
    }
}

async fn run_moves(sqs: Arc<Sqs>) {
    sqs.run_moves().await;
}

/// Starts what brings messages of topics to their receivers, and hears what phones answer.
fn deliver(mode: Mode, config: &Config, gateway: &Gateway, sns: &Arc<Sns>) -> Result<JoinHandle<()>, String> {
    let center = config.sms.center(config);
    let hands = outgoing::hands(mode, config, gateway, center.clone())?;
    let center = center.filter(|_| config.sms.listens);
    Ok(tokio::spawn(run_deliveries(Arc::clone(sns), hands, center)))
}

async fn run_deliveries(sns: Arc<Sns>, hands: sns::Hands, center: Option<Arc<MessageCenter>>) {
    tokio::join!(sns.run_deliveries(hands), sms::listen(center, Arc::clone(&sns)));
}

/// Removes temporary queues. Which are due is looked up in a sorted list, so a look that finds none costs nothing.
async fn remove_idle(sqs: Arc<Sqs>) {
    let mut every = tokio::time::interval(IDLE_LOOK);
    loop {
        every.tick().await;
        while sqs.remove_idle() {
            tokio::task::yield_now().await;
        }
    }
}

async fn sweep(clock: Arc<SystemClock>, services: Services) {
    let mut every = tokio::time::interval(SWEEP);
    loop {
        every.tick().await;
        services.sqs.sweep();
        services.kms.tend();
        services.kinesis.tend();
        services.sns.tend(clock.now()).await;
    }
}

/// The signals that ask a server to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|error| format!("signals cannot be received: {error}"));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Ends with the name of the signal that came.
    async fn told_to_stop(&mut self) -> &'static str {
        tokio::select! {
            Some(()) = self.terminate.recv() => "SIGTERM",
            Some(()) = self.interrupt.recv() => "SIGINT",
            else => pending().await,
        }
    }
}
