//! What a run came to: figures if all is well, otherwise what is wrong and how to see it again.

use crate::plan::Plan;
use std::fmt;
use std::ops::AddAssign;

/// What happened in a run, or in many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Histories.
    pub runs: u64,
    /// Requests whose first byte was sent.
    pub requests: u64,
    /// Answers read to their end.
    pub answers: u64,
    /// Answers that handed out messages, counted by message.
    pub deliveries: u64,
    /// Messages that were handed out as dead letters.
    pub dead_letters: u64,
    /// Messages that were seen after they had been moved.
    pub moved: u64,
    /// Sends that were answered with the id of a message that was there before.
    pub duplicates: u64,
    /// Receives that were asked for again by their names, and showed the same.
    pub repeated: u64,
    /// Records of streams that readers were shown.
    pub records: u64,
    /// Shards that were read to their end.
    pub ended_shards: u64,
    /// Positions of consumer groups that were committed.
    pub commits: u64,
    /// Leases that were taken under a condition.
    pub takes: u64,
    /// Splits, merges and changes of the number of shards that were acknowledged.
    pub reshards: u64,
    /// Records that were acknowledged and had expired when the accounts were settled.
    pub expired: u64,
    /// Messages of topics that were seen in a queue for the first time.
    pub fanned_out: u64,
    /// Notifications that receivers over HTTP got.
    pub posts: u64,
    /// How many of these they answered with anything but a success.
    pub failed_posts: u64,
    /// Answers with 503.
    pub unavailable: u64,
    /// Connections opened.
    pub connections: u64,
    /// Connections broken by the network.
    pub broken_connections: u64,
    /// Processes killed; what they had written stays.
    pub kills: u64,
    /// Power cuts; what was not synced is lost, kept or torn.
    pub power_cuts: u64,
    /// Opens of a log that a fault ended before they were done.
    pub failed_starts: u64,
    /// Starts that ended with a server that serves.
    pub starts: u64,
    /// Orderly stops.
    pub orderly_stops: u64,
    /// Logs stopped by a failed write or sync.
    pub stopped_logs: u64,
    /// Times the disk was filled.
    pub full_disks: u64,
    /// Bits that rotted while no process ran.
    pub rotten_bits: u64,
    /// Queues in which a message could not be read for that.
    pub unreadable: u64,
    /// How many of these are FIFO queues.
    pub unreadable_in_order: u64,
    /// Boundaries passed on the disk: writes, syncs, creates, renames, removes.
    pub disk_operations: u64,
    /// Simulated time.
    pub millis: u64,
    /// The number that stands for the trace; of many runs, their sum.
    pub trace: u64,
}

impl Report {
    /// Kills and power cuts together.
    pub fn crashes(&self) -> u64 {
        self.kills + self.power_cuts
    }
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        let Self { runs, requests, answers, deliveries, unavailable, connections, broken_connections, .. } = other;
        self.runs += runs;
        self.requests += requests;
        self.answers += answers;
        self.deliveries += deliveries;
        self.unavailable += unavailable;
        self.connections += connections;
        self.broken_connections += broken_connections;
        self.duplicates += other.duplicates;
        self.dead_letters += other.dead_letters;
        self.moved += other.moved;
        self.repeated += other.repeated;
        self.records += other.records;
        self.commits += other.commits;
        self.takes += other.takes;
        self.ended_shards += other.ended_shards;
        self.reshards += other.reshards;
        self.expired += other.expired;
        self.fanned_out += other.fanned_out;
        self.posts += other.posts;
        self.failed_posts += other.failed_posts;
        self.kills += other.kills;
        self.power_cuts += other.power_cuts;
        self.failed_starts += other.failed_starts;
        self.starts += other.starts;
        self.orderly_stops += other.orderly_stops;
        self.stopped_logs += other.stopped_logs;
        self.full_disks += other.full_disks;
        self.rotten_bits += other.rotten_bits;
        self.unreadable += other.unreadable;
        self.unreadable_in_order += other.unreadable_in_order;
        self.disk_operations += other.disk_operations;
        self.millis += other.millis;
        self.trace = self.trace.wrapping_add(other.trace);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, requests, answers, deliveries, unavailable, connections, broken_connections, .. } = self;
        let Self { kills, power_cuts, failed_starts, starts, orderly_stops, stopped_logs, full_disks, .. } = self;
        let hours = self.millis / 3_600_000;
        writeln!(f, "{runs} histories, {hours} simulated hours")?;
        writeln!(f, "{requests} requests, {answers} answers ({unavailable} of them 503), {deliveries} deliveries")?;
        let Self { duplicates, dead_letters, moved, repeated, .. } = self;
        writeln!(
            f,
            "{duplicates} duplicates, {dead_letters} dead letters, {moved} moved, {repeated} receives repeated"
        )?;
        let Self { records, ended_shards, reshards, expired, commits, takes, .. } = self;
        writeln!(
            f,
            "{records} records of streams read, {reshards} reshardings, {ended_shards} shards read to their end, {expired} expired records, {commits} positions committed, {takes} leases taken"
        )?;
        let Self { fanned_out, posts, failed_posts, .. } = self;
        writeln!(f, "{fanned_out} messages of topics in queues, {posts} posted ({failed_posts} of them in vain)")?;
        writeln!(f, "{connections} connections, {broken_connections} broken")?;
        writeln!(
            f,
            "{kills} kills, {power_cuts} power cuts, {stopped_logs} logs stopped by the disk, {full_disks} full disks"
        )?;
        writeln!(f, "{starts} starts, {failed_starts} failed ones, {orderly_stops} orderly stops")?;
        let Self { rotten_bits, unreadable, unreadable_in_order, .. } = self;
        let unreadable = format!("{unreadable} queues with a message that cannot be read");
        writeln!(f, "{rotten_bits} rotten bits, {unreadable}, {unreadable_in_order} of them FIFO queues")?;
        write!(f, "{} disk operations", self.disk_operations)
    }
}

/// A history in which a promise was broken.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The plan with which it fails.
    pub plan: Plan,
    /// What is wrong, as a sentence.
    pub what: String,
    /// The steps done until then.
    pub step: usize,
    /// The lines of the trace, if they were kept.
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { subject, clients, steps, .. } = self.plan;
        let of = format!("--of {}", subject.name());
        writeln!(f, "seed {} fails at step {}: {}", self.seed, self.step, self.what)?;
        write!(f, "repeat it: cargo xtask sim --seed {} {of} --clients {clients} --steps {steps}", self.seed)
    }
}

impl std::error::Error for Failure {}
