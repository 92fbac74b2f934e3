//! ReceiveQueueRecords and ReceiveDeadLetterQueueRecords: what is handed out, and the wait for it.
//!
//! The queue is told by sights what shards have that it never handed out; it decides which records are in flight from now on, and their
//! contents are read off the shards. What turns out to have expired is dropped with all before it, what is damaged alone, and what is
//! too much for one answer, or sealed with a key that the consumer may not use, is given back. Whoever finds nothing sleeps until the
//! stream rings (`entries.rs`), or the queue's own deadline comes (the engine's), or the wait is over. Readers of dead letters do not
//! hear the stream: each ring is for one who takes new records.

use super::entries::QueueEntry;
use super::held::Place;
use super::limits;
use super::machine::{Claim, Command, DEAD_LETTERS, Leased, Letters, Receive, Reply, Sight, TooMany};
use super::receipt;
use super::records::Run;
use crate::api::QueueRecord;
use crate::catalog::StreamEntry;
use crate::describe::timestamp;
use crate::refusal::Refusal;
use crate::service::Inner;
use engine::Partition;
use gateway::Caller;
use names::Instant;
use std::collections::BTreeMap;
use std::future::pending;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use stream::{Record, Shard};

/// The counter of a shard's first record.
const FIRST: u64 = 1;

/// What a request asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) letters: Letters,
    pub(crate) limit: usize,
    pub(crate) wait_millis: u64,
    pub(crate) visibility_millis: Option<u64>,
}

impl Inner {
    /// Records of a queue, as soon as there are any; none when the wait is over.
    pub(crate) async fn receive(
        &self,
        caller: &Caller,
        entry: &QueueEntry,
        wanted: Wanted,
    ) -> Result<Vec<QueueRecord>, Refusal> {
        let stream = entry.stream()?;
        let until = caller.now.plus_millis(wanted.wait_millis);
        let (turn, receipt) = (entry.next_turn(), receipt::chance(caller.request_id));
        let mut looks = 0;
        loop {
            let (_waits, rung) = (wanted.letters == Letters::Alive).then(|| entry.listen()).unzip();
            let mut rung = pin!(rung);
            // Before anything is looked for, so that what comes in between rings.
            if let Some(rung) = rung.as_mut().as_pin_mut() {
                rung.enable();
            }
            let rings = async {
                match rung.as_pin_mut() {
                    Some(rung) => rung.await,
                    None => pending().await,
                }
            };
            let stop = async {
                tokio::select! {
                    () = rings => {}
                    () = caller.stopping.wait() => {}
                }
            };
            let is_cut = AtomicBool::new(false);
            let ask = || {
                let Seen { sights, is_cut: cut } = match wanted.letters {
                    Letters::Alive => {
                        self.sights(entry, &stream, if looks == 0 { None } else { Some(entry.newest()) }, turn)
                    }
                    Letters::Dead => Seen::default(),
                };
                is_cut.store(cut, Ordering::Relaxed);
                looks += 1;
                let Wanted { letters, limit, visibility_millis, .. } = wanted;
                let new_first = turn.is_multiple_of(2);
                Command::Receive(Receive { letters, limit, visibility_millis, receipt, sights, new_first })
            };
            let nothing = |reply: &Reply| is_nothing(reply, is_cut.load(Ordering::Relaxed));
            let asked = match wanted.letters {
                Letters::Alive => entry.partition.execute_when_ready(until, stop, ask, nothing).await,
                Letters::Dead => entry.partition.execute_when_ready_in(DEAD_LETTERS, until, stop, ask, nothing).await,
            };
            let is_alive = wanted.letters == Letters::Alive;
            let leased = match asked.inspect_err(|_| _ = is_alive.then(|| entry.pass_on()))?.0 {
                Reply::Received(leased) => leased,
                Reply::TooMany(bound) => return Err(too_many(bound)),
                _ => return Err(Refusal::no_queue(&entry.arn)),
            };
            let records = if leased.is_empty() {
                Vec::new()
            } else {
                self.read_leased(caller, entry, &stream, (leased, receipt)).await?
            };
            let is_over = self.catalog.store().clock().now() >= until && !is_cut.load(Ordering::Relaxed);
            if !records.is_empty() || is_over || caller.stopping.is_set() {
                return Ok(records);
            }
        }
    }

    /// What shards have that the queue never handed out, until it is more than one receive takes. Each receive begins at another shard,
    /// and one that was woken at the one that woke it.
    fn sights(&self, entry: &QueueEntry, stream: &StreamEntry, newest: Option<u32>, turn: usize) -> Seen {
        let view = stream.view();
        let seen = entry.partition.inspect(|queue| {
            let not_before = queue.about.as_ref().map_or(Instant::EPOCH, |about| about.not_before());
            (queue.cursors.clone(), not_before)
        });
        let Some((cursors, not_before)) = seen else { return Seen::default() };
        let count = view.shards.len();
        let place = newest.and_then(|shard| view.shards.iter().position(|known| known.entry.index == shard));
        // Turns decide in pairs: of two that begin alike, one takes first what is new and one what is back.
        let begin = place.unwrap_or(turn / 2 % count.max(1));
        let (mut seen, mut found) = (Seen::default(), 0);
        for shard in view.shards.iter().cycle().skip(begin).take(count) {
            let index = shard.entry.index;
            let cursor = cursors.get(&index).copied().unwrap_or(FIRST);
            if shard.tip().is_some_and(|tip| cursor >= tip) {
                continue;
            }
            if found > limits::RECORDS_MAX as u64 {
                seen.is_cut = true;
                break;
            }
            let store = self.catalog.store();
            let ahead = store.peek(shard.entry.partition, |shard: &Shard| shard.ahead_of(cursor, not_before)).flatten();
            let Some((first, next)) = ahead else { continue };
            shard.note_tip(next);
            if first < next {
                seen.sights.push(Sight { shard: index, first, next });
                found += next - first;
            }
        }
        seen
    }

    /// Reads what was handed out, and tells the queue what of it nobody got.
    async fn read_leased(
        &self,
        caller: &Caller,
        entry: &QueueEntry,
        stream: &StreamEntry,
        (mut leased, receipt): (Vec<Leased>, u64),
    ) -> Result<Vec<QueueRecord>, Refusal> {
        leased.sort_unstable_by_key(|one| one.place);
        let view = stream.view();
        let places: Vec<Place> = leased.iter().map(|one| one.place).collect();
        let mut sorted = Sorted { not_before: entry.view().about.not_before(), ..Sorted::default() };
        let mut leased = leased.into_iter();
        for run in Run::of(&places) {
            let of_run: Vec<Leased> = leased.by_ref().take(run.places().count()).collect();
            let partition = view.shard(run.shard).and_then(|shard| shard.partition(self.catalog.store()));
            let Some(partition) = partition else {
                // The stream has forgotten the shard, with all that it had.
                sorted.expired.insert(run.shard, u64::MAX);
                continue;
            };
            if let Err(refusal) = sorted.read(&partition, run, of_run).await {
                // Nobody got any of it: it counts for no receive.
                let claims = places.iter().map(|place| Claim { place: *place, receipt }).collect();
                entry.tell(Command::Release(claims)).await?;
                return Err(refusal);
            }
        }
        let refused = self.open_leased(caller, stream, &mut sorted).await;
        let Sorted { records, expired, damaged, left, .. } = sorted;
        if !expired.is_empty() {
            entry.tell(Command::Trim { below: expired.into_iter().collect(), gone: Vec::new() }).await?;
        }
        if !damaged.is_empty() {
            entry.tell(Command::PassOver(damaged)).await?;
        }
        if !left.is_empty() {
            entry.tell(Command::Release(left.into_iter().map(|place| Claim { place, receipt }).collect())).await?;
        }
        if let (true, Some(refusal)) = (records.is_empty(), refused) {
            return Err(refusal);
        }
        let shown = |(leased, record): &(Leased, Record)| QueueRecord {
            receipt_handle: receipt::handle(entry.partition.id(), &Claim { place: leased.place, receipt }),
            record_id: receipt::record_id(stream.partition.id(), leased.place),
            partition_key: record.partition_key().map(str::to_owned),
            data: record.shared_data(),
            approximate_arrival_timestamp: timestamp(record.arrived_at()),
            first_receive_timestamp: timestamp(leased.first_received_at),
            receive_count: i32::try_from(leased.receives).unwrap_or(i32::MAX),
        };
        Ok(records.iter().map(shown).collect())
    }
}

/// What a receive has seen of the shards.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    sights: Vec<Sight>,
    /// Whether there may be more in shards that were not looked at.
    is_cut: bool,
}

/// Whether a receive found nothing, and waits. One that did not see all looks again: what it saw somebody else took meanwhile.
fn is_nothing(reply: &Reply, is_cut: bool) -> bool {
    matches!(reply, Reply::Received(leased) if leased.is_empty() && !is_cut)
}

impl Inner {
    /// Opens what the stream has sealed. What the consumer may not open is given back, and why the last of it is told.
    async fn open_leased(&self, caller: &Caller, stream: &StreamEntry, sorted: &mut Sorted) -> Option<Refusal> {
        let mut refused = None;
        for (leased, record) in std::mem::take(&mut sorted.records) {
            match self.sealing.open_one(caller, stream, record).await {
                Ok(record) => sorted.records.push((leased, record)),
                Err(refusal) => {
                    sorted.left.push(leased.place);
                    refused = Some(refusal);
                }
            }
        }
        refused
    }
}

/// What became of records that were handed out.
#[derive(Default)]
struct Sorted {
    /// What arrived before this moment is not for this queue.
    not_before: Instant,
    records: Vec<(Leased, Record)>,
    bytes: u64,
    /// Shards, and the counters below which nothing is for this queue any more.
    expired: BTreeMap<u32, u64>,
    /// What the disk has damaged; that was reported when it was read.
    damaged: Vec<Place>,
    /// What is too much for one answer.
    left: Vec<Place>,
}

impl Sorted {
    async fn read(&mut self, partition: &Partition<Shard>, run: Run, leased: Vec<Leased>) -> Result<(), Refusal> {
        let bytes_max = limits::ANSWER_BYTES_MAX.saturating_sub(self.bytes).max(1);
        let command = stream::Command::Read { from: run.first, records_max: leased.len(), bytes_max };
        let (reply, mut contents) = partition.execute(command)?.read().await?;
        let stream::Reply::Records { from, horizon, .. } = reply else {
            self.expired.insert(run.shard, u64::MAX);
            return Ok(());
        };
        let bar = horizon.max(self.not_before);
        for one in leased {
            let (shard, counter) = one.place;
            let content = counter.checked_sub(from).map(|nth| contents.get_mut(nth as usize).map(Option::take));
            match content {
                None => self.expire(shard, from),
                Some(None) => self.left.push(one.place),
                Some(Some(None)) => self.damaged.push(one.place),
                Some(Some(Some(record))) if record.arrived_at() < bar => {
                    if self.expired.get(&shard).is_none_or(|below| *below <= counter) {
                        let below = first_since(partition, counter + 1, bar).await?;
                        self.expire(shard, below);
                    }
                }
                Some(Some(Some(record))) => self.take(one, record),
            }
        }
        Ok(())
    }

    fn take(&mut self, leased: Leased, record: Record) {
        let bytes = self.bytes + record.size();
        if !self.records.is_empty() && bytes > limits::ANSWER_BYTES_MAX {
            self.left.push(leased.place);
            return;
        }
        self.bytes = bytes;
        self.records.push((leased, record));
    }

    fn expire(&mut self, shard: u32, below: u64) {
        let known = self.expired.entry(shard).or_default();
        *known = below.max(*known);
    }
}

/// The counter of the first record from a counter on that arrived at or after a moment, or the next one's. Records arrive in their order.
async fn first_since(partition: &Partition<Shard>, from: u64, bar: Instant) -> Result<u64, Refusal> {
    let mut from = from;
    loop {
        let (records_max, bytes_max) = (limits::LOOKED_AT, limits::LOOKED_AT_BYTES);
        let (reply, contents) =
            partition.execute(stream::Command::Read { from, records_max, bytes_max })?.read().await?;
        let stream::Reply::Records { from: first, next, .. } = reply else { return Ok(u64::MAX) };
        let since =
            (first..).zip(contents).find(|(_, record)| record.as_ref().is_some_and(|it| it.arrived_at() >= bar));
        match since {
            Some((counter, _)) => return Ok(counter),
            None if next == first => return Ok(first),
            None => from = next,
        }
    }
}

fn too_many(bound: TooMany) -> Refusal {
    Refusal::throttled(match bound {
        TooMany::InFlight => format!(
            "{} records of this queue are in flight. Acknowledge some, or let their visibility timeouts end.",
            limits::IN_FLIGHT_MAX
        ),
        TooMany::Held => format!(
            "{} records of this queue were received and not acknowledged, dead-letter records among them. Acknowledge some of them.",
            limits::HELD_MAX
        ),
    })
}

#[cfg(test)]
#[path = "receiving_tests.rs"]
mod tests;
