//! One history: the seed chooses step after step what happens next, and the oracle watches.
//!
//! Between two steps every task runs until it waits for something. So a step is the unit of chance: what clients ask and
//! how far their bytes get, background work, passing time, weather, and the ends of processes.

use crate::ask::{Composer, Request};
use crate::client::{Asked, Connection};
use crate::dialect::Dialect;
use crate::jobs::{self, Job};
use crate::link::Break;
use crate::oracle::Oracle;
use crate::plan::{Plan, Subject};
use crate::report::Report;
use crate::sabotage;
use crate::server::Server;
use crate::streams;
use crate::topics::{self, Receivers};
use crate::trace::Trace;
use crate::weather::Weather;
use journal::sim::SimDisk;
use std::sync::Arc;
use std::time::Duration;

/// The server's clock when it is started first: some day in November 2023, in milliseconds.
const FIRST_MOMENT: u64 = 1_700_000_000_000;

/// Everything there is.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) chance: fastrand::Rng,
    pub(crate) trace: Arc<Trace>,
    pub(crate) disk: SimDisk,
    pub(crate) server: Option<Server>,
    pub(crate) clients: Vec<Option<Connection>>,
    pub(crate) oracle: Oracle,
    pub(crate) weather: Weather,
    pub(crate) report: Report,
    /// Whom topics deliver to over HTTP.
    pub(crate) receivers: Arc<Receivers>,
    /// The server's clock, in milliseconds.
    pub(crate) wall: u64,
    step: usize,
    /// What one planted bug has to remember.
    pub(crate) shown: sabotage::Shown,
}

/// Gives every task the time to run until it waits.
pub(crate) async fn settle() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

impl World {
    pub(crate) fn new(seed: u64, plan: Plan) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let trace = Arc::new(Trace::new(plan.keep_trace));
        Self {
            disk: SimDisk::new(chance.u64(..)),
            chance,
            receivers: Receivers::new(Arc::clone(&trace)),
            trace,
            server: None,
            clients: (0..plan.clients.max(1)).map(|_| None).collect(),
            oracle: Oracle::new(),
            weather: Weather::default(),
            report: Report { runs: 1, ..Report::default() },
            wall: FIRST_MOMENT,
            step: 0,
            shown: sabotage::Shown::new(),
            plan,
        }
    }

    /// The figures of a history that went well.
    pub(crate) fn report(&self) -> Report {
        Report {
            trace: self.trace.hash(),
            deliveries: self.oracle.deliveries + self.oracle.streams.delivered,
            dead_letters: self.oracle.dead_letters + self.oracle.streams.dead_letters + self.oracle.topics.dead_letters,
            fanned_out: self.oracle.topics.fanned_out,
            posts: self.oracle.topics.posts,
            failed_posts: self.oracle.topics.failed_posts,
            moved: self.oracle.moved,
            duplicates: self.oracle.duplicates() + self.oracle.topics.repetitions,
            repeated: self.oracle.repeated,
            records: self.oracle.streams.shown,
            takes: self.oracle.streams.takes,
            commits: self.oracle.streams.commits,
            ended_shards: self.oracle.streams.ended,
            reshards: self.oracle.streams.resharded,
            expired: self.oracle.streams.expired,
            ..self.report
        }
    }

    /// The steps done, and the trace.
    pub(crate) fn end(&self) -> (usize, Vec<String>) {
        (self.step, self.trace.take_lines())
    }

    /// From the first start to the settled accounts.
    pub(crate) async fn live(&mut self) -> Result<(), String> {
        self.begin().await?;
        while self.step < self.plan.steps {
            self.step += 1;
            self.next_step().await?;
            self.look_around().await?;
        }
        self.conclude().await
    }

    async fn next_step(&mut self) -> Result<(), String> {
        let may = self.plan.misfortunes;
        match self.chance.u32(..200) {
            0..=99 => self.client_turn().await?,
            100..=110 if self.plan.subject == Subject::Topics => self.receivers_turn().await,
            100..=124 => self.network_turn().await?,
            125..=159 => {
                let job = jobs::choose(&mut self.chance, self.plan.subject);
                self.job_turn(job).await;
            }
            160..=177 => {
                let millis = self.chance.u64(..300);
                self.pass(millis).await;
            }
            178..=186 => {
                // What is published again is none of its own for minutes.
                let most = if self.plan.subject == Subject::Topics { 60_000 } else { 25_000 };
                let millis = self.chance.u64(..most);
                self.pass(millis).await;
            }
            187 if may.clock_jumps => self.pass_hours().await,
            188..=190 if may.broken_connections => self.break_some_connection().await,
            191..=193 => {
                let news = self.weather.change(&self.disk, &mut self.chance, may);
                self.trace.note(format_args!("weather: {news}"));
                self.report.full_disks += u64::from(news == "the disk fills up");
            }
            194..=195 if may.crashes => self.crash_now().await?,
            196 => self.stop_and_start().await?,
            _ => self.check_promptness().await?,
        }
        Ok(())
    }

    /// A client asks, or gets on with what it asked.
    async fn client_turn(&mut self) -> Result<(), String> {
        let client = self.chance.usize(..self.clients.len());
        if self.clients[client].is_none() {
            self.connect(client).await?;
        }
        let is_free = self.clients[client].as_ref().is_some_and(Connection::is_free);
        if is_free {
            let sabotage = self.plan.sabotage;
            let wall = self.wall;
            let (chance, oracle) = (&mut self.chance, &mut self.oracle);
            let request = match self.plan.subject {
                Subject::Queues => Composer { chance, oracle, wall, sabotage }.any(),
                Subject::Streams => streams::Composer { chance, streams: &mut oracle.streams, wall }.any(),
                Subject::Topics => topics::Composer { chance, topics: &mut oracle.topics }.any(),
            };
            self.ask(client, &request);
        }
        if self.chance.u8(..4) > 0 {
            self.hurry(client).await?;
        }
        Ok(())
    }

    async fn connect(&mut self, client: usize) -> Result<(), String> {
        let is_two = self.chance.u8(..4) == 0;
        // HTTP/2 compresses its headers, the date of hyper's own clock among them, so its bytes are not counted.
        let room = if is_two { usize::MAX } else { [64, 1_000, 1 << 16][self.chance.usize(..3)] };
        let Some(server) = &mut self.server else { return Ok(()) };
        let link = server.connect(room);
        self.trace.note(format_args!("client {client} connects, http/{}", if is_two { 2 } else { 1 }));
        self.report.connections += 1;
        self.clients[client] = Some(if is_two { Connection::two(link).await? } else { Connection::one(link) });
        settle().await;
        Ok(())
    }

    /// Begins a request on a client's connection.
    pub(crate) fn ask(&mut self, client: usize, request: &Request) {
        let ticket = self.oracle.asked(request);
        let dialect = Dialect::any(&mut self.chance, request.api());
        self.trace.note(format_args!("client {client} asks {} {} in {dialect:?}", request.operation, request.input));
        self.report.requests += 1;
        if let Some(connection) = &mut self.clients[client] {
            let request = sabotage::misdirect(request, self.plan.sabotage, self.report.requests);
            connection.ask(&request, dialect, ticket);
        }
    }

    /// All bytes travel at once, both ways.
    pub(crate) async fn hurry(&mut self, client: usize) -> Result<(), String> {
        settle().await;
        if let Some(connection) = &self.clients[client] {
            connection.link.deliver_up(usize::MAX);
        }
        settle().await;
        if let Some(connection) = &self.clients[client] {
            connection.link.deliver_down(usize::MAX);
        }
        settle().await;
        self.read(client)
    }

    /// Some bytes travel one way.
    async fn network_turn(&mut self) -> Result<(), String> {
        let client = self.chance.usize(..self.clients.len());
        let most = match self.chance.u8(..3) {
            0 => self.chance.usize(1..=16),
            1 => self.chance.usize(1..=400),
            _ => usize::MAX,
        };
        let up = self.chance.bool();
        let Some(connection) = &self.clients[client] else { return Ok(()) };
        match up {
            true => connection.link.deliver_up(most),
            false if connection.is_multiplexed() => connection.link.deliver_down(usize::MAX),
            false => connection.link.deliver_down(most),
        };
        self.trace.note(format_args!("client {client} {} {most}", if up { "sends" } else { "gets" }));
        settle().await;
        self.read(client)
    }

    /// Something of the receivers' network moves, or one of them does otherwise.
    async fn receivers_turn(&mut self) {
        match self.chance.u8(..12) {
            0..=2 => self.receivers.change_manner(&mut self.chance),
            3..=6 => self.receivers.move_some(&mut self.chance),
            7 if self.plan.misfortunes.broken_connections => self.receivers.break_some(&mut self.chance),
            _ => self.receivers.hurry(),
        }
        settle().await;
    }

    /// What receivers got is held against what is known.
    pub(crate) fn note_posts(&mut self) -> Result<(), String> {
        self.receivers.take_posted().iter().try_for_each(|posted| self.oracle.posted(posted))
    }

    /// A client reads what has arrived.
    pub(crate) fn read(&mut self, client: usize) -> Result<(), String> {
        self.note_the_log();
        let Some(connection) = &mut self.clients[client] else { return Ok(()) };
        for (asked, answer) in connection.read(&self.trace)? {
            let Some(mut answer) = answer else {
                self.oracle.given_up(&asked.ticket, true);
                continue;
            };
            self.report.answers += 1;
            self.report.unavailable += u64::from(answer.status == 503);
            let is_rotten = self.oracle.is_rotten();
            sabotage::distort(&mut answer.body, self.plan.sabotage, &mut self.shown, is_rotten);
            self.oracle.answered(&asked.ticket, &answer)?;
        }
        Ok(())
    }

    pub(crate) async fn job_turn(&mut self, job: &Job) {
        let Some(server) = &self.server else { return };
        self.trace.note(format_args!("job {}", job.name));
        (job.work)(server);
        if job.name == "commit" && !server.journal().is_stopped() {
            self.oracle.synced();
        }
        if job.name == "tend" && !server.journal().is_stopped() {
            self.weather.noticed();
        }
        settle().await;
    }

    /// Time passes: for the front door's timers, then for queues, then for those who sleep.
    pub(crate) async fn pass(&mut self, millis: u64) {
        let timers_are_late = self.chance.u8(..8) == 0;
        let Some(server) = &self.server else { return };
        server.clock.advance(millis);
        self.wall = server.now().as_millis();
        self.receivers.time_is(self.wall);
        self.report.millis += millis;
        self.oracle.time_is(self.wall);
        self.trace.note(format_args!("{millis} ms pass"));
        tokio::time::advance(Duration::from_millis(millis)).await;
        settle().await;
        if !timers_are_late {
            server.store.fire_timers();
            settle().await;
        }
        server.clock.wake_sleepers();
        settle().await;
    }

    /// Hours pass at once: one, or where records are kept for days many of them.
    async fn pass_hours(&mut self) {
        let hours = if self.plan.subject == Subject::Streams { self.chance.u64(1..=30) } else { 1 };
        self.pass(hours * 3_600_000).await;
    }

    async fn break_some_connection(&mut self) {
        let client = self.chance.usize(..self.clients.len());
        let how = if self.chance.bool() { Break::Quietly } else { Break::Reset };
        if self.clients[client].is_some() {
            self.trace.note(format_args!("client {client} breaks: {how:?}"));
            self.report.broken_connections += 1;
            self.break_off(client, how).await;
        }
    }

    /// Ends a client's connection; what had arrived may still be carried out, then nothing more.
    pub(crate) async fn break_off(&mut self, client: usize, how: Break) {
        let Some(mut connection) = self.clients[client].take() else { return };
        let lost = connection.break_off(how);
        settle().await;
        drop(connection);
        settle().await;
        self.give_up(lost);
    }

    pub(crate) fn give_up(&mut self, lost: Vec<(Asked, bool)>) {
        for (asked, whole) in lost {
            self.oracle.given_up(&asked.ticket, whole);
        }
    }

    /// After each step: what has arrived, which connections the server has ended, whether the log still runs.
    async fn look_around(&mut self) -> Result<(), String> {
        settle().await;
        if self.plan.subject == Subject::Topics {
            // Mostly bytes travel at once.
            if self.chance.u8(..4) > 0 {
                self.receivers.hurry();
                settle().await;
            }
            self.note_posts()?;
        }
        for client in 0..self.clients.len() {
            let Some(connection) = &mut self.clients[client] else { continue };
            connection.note_arrivals(self.wall);
            if !connection.link.is_ended() {
                continue;
            }
            let unanswered = connection.asked.iter().find(|asked| asked.due.is_some());
            if let Some(asked) = unanswered.filter(|_| !connection.is_multiplexed() && !connection.is_being_answered())
            {
                return Err(format!("the server ends a connection instead of answering {:?}", asked.ticket.intent));
            }
            self.break_off(client, Break::Quietly).await;
        }
        self.watch_the_log().await
    }
}
