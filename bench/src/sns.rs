//! `bench sns`: publishes to few and many queues, of the product and of emulators, in one run on one machine.
//!
//! Each window has a fresh topic whose subscribers are the first of a set of queues, which are purged afterwards. A publish counts when
//! it is answered; that its deliveries have arrived is looked up in the queues behind each window. What is measured beside rates is what
//! filters cost and how long a message takes from its publisher to its receivers while the server has half of what it can do.

mod arrival;
mod report;
mod requests;
mod setting;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::child::Server;
use crate::load::{self, Counts, Plan, Work};
use crate::machine::{self, Machine};
use crate::peers::Peer;
use crate::request::Requests;
use crate::scratch::Scratch;
use crate::subject;

use report::{Report, Row};
use requests::{SHARES, publish, publish_to_share};
use setting::{Queue, Setting};

/// A window never makes more deliveries than this, which bounds memory and disk on a fast machine.
const DELIVERIES_MAX: u64 = 400_000;

/// Emulators run for shorter windows, and have fewer filtered subscriptions: one of them would need minutes to take them all.
const PEER_WINDOW_MAX: Duration = Duration::from_secs(2);
const PEER_FILTERED_MAX: usize = 1_000;

/// Subscriptions of the topic whose messages' way is timed.
const TIMED: usize = 10;

/// The product's name in the table.
pub(crate) const PRODUCT: &str = "tidewire";

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Length of one window in seconds
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Connections that publish
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Numbers of subscriptions
    #[arg(long, value_delimiter = ',', default_value = "1,10,100,1000")]
    subscriptions: Vec<usize>,
    /// Subscriptions with filters, of which each message passes one in a hundred; 0 for none
    #[arg(long, default_value_t = 10_000)]
    filtered: usize,
    /// Servers to compare with; an empty list for none
    #[arg(long, value_delimiter = ',', num_args = 0.., default_value = "moto,ministack,fauxqs")]
    peers: Vec<Peer>,
    /// Write all figures to this file as well
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What subscribers get; the order is that of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The message alone.
    Raw,
    /// An envelope with a signature of version 1, as a topic has it by itself.
    Envelope,
    /// The same of version 2.
    EnvelopeTwo,
    /// Raw, to those whose filter it passes: one in a hundred.
    Filtered,
    /// Past everybody's filter.
    PassingNobody,
}

impl Form {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Envelope => "envelope, version 1",
            Self::EnvelopeTwo => "envelope, version 2",
            Self::Filtered => "raw, 1 % pass the filter",
            Self::PassingNobody => "raw, none pass the filter",
        }
    }

    fn is_filtered(self) -> bool {
        matches!(self, Self::Filtered | Self::PassingNobody)
    }

    /// How many of so many subscribers get a message.
    fn receivers(self, subscriptions: usize) -> usize {
        match self {
            Self::Filtered => subscriptions / SHARES,
            Self::PassingNobody => 0,
            Self::Raw | Self::Envelope | Self::EnvelopeTwo => subscriptions,
        }
    }
}

/// Runs everything and prints it. Errors are those of the benchmark's own parts; a server that fails is a table row.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let machine = Machine::read();
    machine.print();
    let mut bench = Bench { options, runtime: subject::client_runtime()?, report: Report::new(machine) };
    bench.measure_product()?;
    for &peer in &options.peers {
        bench.measure_peer(peer)?;
    }
    bench.report.print();
    match &options.json {
        Some(path) => bench.report.write_json(path).map_err(|error| format!("{}: {error}", path.display())),
        None => Ok(()),
    }
}

struct Bench<'a> {
    options: &'a Options,
    runtime: tokio::runtime::Runtime,
    report: Report,
}

/// One server with the name it has in the table.
struct Subject<'a> {
    name: &'static str,
    server: &'a Server,
    window: Duration,
    filtered: usize,
    forms: &'static [Form],
}

impl Bench<'_> {
    fn measure_product(&mut self) -> Result<(), String> {
        let scratch = Scratch::new("sns").map_err(|error| error.to_string())?;
        let server = subject::start_product(&subject::product_binary()?, scratch.path())?;
        let window = Duration::from_secs_f64(self.options.seconds);
        let forms = &[Form::Raw, Form::Envelope, Form::EnvelopeTwo];
        self.measure_all(&Subject { name: PRODUCT, server: &server, window, filtered: self.options.filtered, forms });
        Ok(())
    }

    fn measure_peer(&mut self, peer: Peer) -> Result<(), String> {
        let scratch = Scratch::new(peer.name()).map_err(|error| error.to_string())?;
        let server = match peer.start(&scratch) {
            Ok(server) => server,
            Err(reason) => {
                self.report.skip(peer.name(), &reason);
                return Ok(());
            }
        };
        let window = Duration::from_secs_f64(self.options.seconds).min(PEER_WINDOW_MAX);
        let filtered = self.options.filtered.min(PEER_FILTERED_MAX);
        let forms = &[Form::Raw, Form::Envelope];
        self.measure_all(&Subject { name: peer.name(), server: &server, window, filtered, forms });
        Ok(())
    }

    fn measure_all(&mut self, subject: &Subject<'_>) {
        let plain = self.options.subscriptions.iter().copied().max().unwrap_or(0);
        let mut setting = Setting::new(subject.server.address);
        if let Err(error) = self.runtime.block_on(setting.make_queues(plain.max(TIMED))) {
            return self.report.skip(subject.name, &error.to_string());
        }
        for &form in subject.forms {
            for &subscriptions in &self.options.subscriptions {
                self.measure(subject, &setting, form, subscriptions);
            }
        }
        self.measure_arrivals(subject, &setting);
        if subject.filtered == 0 {
            return;
        }
        if let Err(error) = self.runtime.block_on(setting.make_queues(subject.filtered)) {
            return self.report.skip(&format!("{}'s filters", subject.name), &error.to_string());
        }
        for form in [Form::Filtered, Form::PassingNobody] {
            self.measure(subject, &setting, form, subject.filtered);
        }
    }

    /// One window; a server that refuses or breaks off leaves a row with its failure.
    fn measure(&mut self, subject: &Subject<'_>, setting: &Setting, form: Form, subscriptions: usize) {
        eprintln!("bench: {}, {subscriptions} subscriptions, {}", subject.name, form.name());
        machine::touch_memory();
        let connections = self.options.connections;
        let outcome = self.runtime.block_on(published(subject, setting, form, subscriptions, connections));
        let counts = outcome.unwrap_or_else(|error| {
            let failure = Some(error.to_string());
            Counts { failed: connections, failure, ..Counts::default() }
        });
        let receivers = form.receivers(subscriptions);
        self.report.row(Row { server: subject.name, form, subscriptions, receivers, counts });
    }

    fn measure_arrivals(&mut self, subject: &Subject<'_>, setting: &Setting) {
        eprintln!("bench: {}, from publish to receive", subject.name);
        let (connections, window) = (self.options.connections, subject.window);
        match self.runtime.block_on(arrival::measure(setting, TIMED, connections, window)) {
            Ok(arrivals) => self.report.arrivals(subject.name, arrivals),
            Err(reason) => self.report.skip(&format!("{}'s way from publish to receive", subject.name), &reason),
        }
    }
}

/// Prepares a topic, publishes to it, looks for what was published, and clears up.
async fn published(
    subject: &Subject<'_>,
    setting: &Setting,
    form: Form,
    subscriptions: usize,
    connections: usize,
) -> io::Result<Counts> {
    let topic = setting.make_topic(form, subscriptions).await?;
    let address = subject.server.address;
    let messages_max = DELIVERIES_MAX / form.receivers(subscriptions).max(1) as u64;
    let work = work(form, &Requests::of_sns(address), &topic);
    let (pid, window, counts_syncs) = (subject.server.pid(), subject.window, subject.name == PRODUCT);
    let plan = Plan { address, pid, connections, window, messages_max, counts_syncs, work };
    let mut counts = load::run(&plan).await;
    if counts.failure.is_none() && form != Form::PassingNobody {
        let groups: Vec<&[Queue]> = match form.is_filtered() {
            // One for each share: together they get each message once.
            true => vec![&setting.queues[..SHARES]],
            false => vec![&setting.queues[..1], &setting.queues[subscriptions - 1..subscriptions]],
        };
        counts.failure = setting.missing(&groups, counts.requests).await?;
    }
    setting.clear(&topic, subscriptions).await?;
    Ok(counts)
}

fn work(form: Form, requests: &Requests, topic: &str) -> Work {
    let confirmed = "<MessageId>";
    let built = |body: String| requests.build("Publish", body.as_bytes());
    match form {
        Form::Filtered => {
            let requests = (0..SHARES).map(|share| built(publish_to_share(topic, share))).collect();
            Work::Turns { requests, messages: 1, confirmed }
        }
        Form::PassingNobody => {
            let request = built(publish_to_share(topic, SHARES));
            Work::Repeat { request, messages: 1, confirmed: Some(confirmed) }
        }
        Form::Raw | Form::Envelope | Form::EnvelopeTwo => {
            let request = built(publish(topic, &crate::request::text()));
            Work::Repeat { request, messages: 1, confirmed: Some(confirmed) }
        }
    }
}
