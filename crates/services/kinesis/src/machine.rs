//! A stream as a machine: its settings, which shards it has, its consumers, its key. Records are its shards', which are partitions of
//! their own. What an account has committed itself to is a partition of this kind too.
//!
//! What a stream says of its shards is the truth: a resharding is journaled here first, then the children open, then the parents
//! close; what a crash cuts off is completed at the next start (`catalog.rs`). Ids of partitions and the moment come inside the
//! command.

use crate::catalog::StreamKey;
use crate::limits;
use crate::records::{self, Effect};
use crate::refusal::Refusal;
use crate::reshard::{Plan, Planner};
use crate::settings::{About, Commitment, Consumer, Distribution, Encryption, Metrics, Mode, ShardEntry, Tags};
use engine::{Decision, Machine, MalformedRecord, Tally};
use names::{AccountId, Instant, PartitionId, Position, Region};
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

/// One stream.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Stream {
    /// None before its first record.
    pub(crate) about: Option<Arc<About>>,
    /// The number of the next shard.
    pub(crate) next_index: u32,
    /// In the order of their numbers.
    pub(crate) shards: Arc<Vec<ShardEntry>>,
    pub(crate) consumers: BTreeMap<Box<str>, Consumer>,
    pub(crate) encryption: Encryption,
    /// MiB per second that it is kept warm for.
    pub(crate) warm_mibps: Option<u32>,
    /// What an account has committed itself to, of a partition that is an account's and no stream.
    pub(crate) commitment: Option<Arc<Commitment>>,
    pub(crate) is_deleted: bool,
}

/// What may be asked.
pub(crate) enum Command {
    Create {
        about: Box<About>,
        shards: Vec<ShardEntry>,
        warm_mibps: Option<u32>,
    },
    Describe,
    Change(Change),
    Reshard {
        ask: Reshard,
        /// Partitions that shards may be made of, as many as could be needed.
        partitions: Range<u64>,
        /// Open shards that the account may still have.
        room: usize,
    },
    /// Forgets shards that were closed longer ago than records are kept.
    Forget,
    RegisterConsumer {
        consumer: Consumer,
        /// How many queues there are on the stream, which are consumers too.
        queues: usize,
        /// Consumers that the stream may have.
        most: usize,
    },
    DeregisterConsumer {
        name: Box<str>,
        registered_at: Instant,
    },
    ChangeConsumer {
        name: Box<str>,
        change: OfResource,
    },
    Delete {
        with_consumers: bool,
    },
    /// Seals records with a key of KMS from now on, or no more.
    Encrypt {
        key: Option<Box<str>>,
        /// Whether AWS's limits hold.
        is_limited: bool,
    },
    /// Switches the commitment of an account in a region: the only command of such a partition, but for its end.
    Commit {
        account: AccountId,
        region: Region,
        on: bool,
    },
}

/// A change of a stream's settings.
pub(crate) enum Change {
    RaiseRetention(i32),
    LowerRetention(i32),
    Mode(Mode),
    RecordKib(u32),
    Distribution(Distribution),
    EnableMetrics(Metrics),
    DisableMetrics(Metrics),
    Resource(OfResource),
}

/// A change that streams, consumers and queues have in common.
pub(crate) enum OfResource {
    Tag(Tags),
    Untag(Vec<Box<str>>),
    Policy(Option<Box<str>>),
}

/// A change of the shards.
pub(crate) enum Reshard {
    Split {
        index: u32,
        at: u128,
    },
    Merge {
        index: u32,
        adjacent: u32,
    },
    Count(u32),
    /// As many as take so many MiB per second, of a stream that is on demand, or becomes so.
    Warm {
        mibps: u32,
        becomes_on_demand: bool,
    },
}

/// What is answered.
#[derive(Debug)]
pub(crate) enum Reply {
    Described(Box<Stream>),
    Refused(Refusal),
    Gone,
}

impl Stream {
    /// The number of open shards.
    pub(crate) fn open_shards(&self) -> usize {
        self.shards.iter().filter(|shard| shard.is_open()).count()
    }

    fn about(&self) -> Option<&Arc<About>> {
        self.about.as_ref().filter(|_| !self.is_deleted)
    }

    /// The state after these effects, as an answer: what a change comes to is shown as it is from then on.
    fn changed(&self, effects: Vec<Effect>) -> Decision<Effect, Reply> {
        let mut after = self.clone();
        effects.iter().for_each(|effect| after.take(effect));
        Decision::change(effects, Reply::Described(Box::new(after)))
    }

    fn change(&self, about: &About, change: Change) -> Result<Decision<Effect, Reply>, Refusal> {
        let mut after = about.clone();
        match change {
            Change::RaiseRetention(hours) => after.retention_hours = raised(about, hours)?,
            Change::LowerRetention(hours) => after.retention_hours = lowered(about, hours)?,
            Change::Mode(mode) => {
                after.mode = mode;
                if mode == Mode::Provisioned {
                    after.distribution = Distribution::ByKey;
                }
            }
            Change::RecordKib(kib) => after.record_kib_max = kib,
            Change::Distribution(Distribution::Auto) if about.mode == Mode::Provisioned => {
                return Err(Refusal::invalid(format!(
                    "Stream {} under account {} is in PROVISIONED mode; the record distribution strategy AUTO is of on-demand streams.",
                    about.key.name, about.key.account
                )));
            }
            Change::Distribution(distribution) => after.distribution = distribution,
            Change::EnableMetrics(metrics) => after.metrics = about.metrics.with(metrics),
            Change::DisableMetrics(metrics) => after.metrics = about.metrics.without(metrics),
            Change::Resource(change) => change.apply(&mut after.tags, &mut after.policy)?,
        }
        let cools = after.mode == Mode::Provisioned && self.warm_mibps.is_some();
        let mut effects = if after == *about { Vec::new() } else { vec![Effect::SettingsPut(Arc::new(after))] };
        effects.extend(cools.then_some(Effect::WarmSet(None)));
        Ok(self.changed(effects))
    }

    fn reshard(
        &self,
        now: Instant,
        about: &About,
        ask: &Reshard,
        partitions: Range<u64>,
        room: usize,
    ) -> Result<Decision<Effect, Reply>, Refusal> {
        let mut partitions = partitions.map(PartitionId::new);
        let next = || partitions.next().expect("as many partitions as could be needed were given");
        let mut planner = Planner::new(&self.shards, self.next_index, now, next);
        let plan = match *ask {
            Reshard::Split { index, at } => {
                let shard = self.open_shard(about, index)?;
                check_split(about, shard, at)?;
                planner.split(index, at).plan()
            }
            Reshard::Merge { index, adjacent } => {
                self.check_merge(about, index, adjacent)?;
                planner.merge(index, adjacent).plan()
            }
            Reshard::Count(count) => planner.divide(count).plan(),
            Reshard::Warm { mibps, .. } => planner.divide(limits::shards_for(mibps)).plan(),
        };
        let Plan { closing: closed, opening: opened } = plan;
        let more = opened.iter().filter(|shard| shard.is_open()).count().saturating_sub(closed.len());
        if more > room {
            return Err(Refusal::shard_limit(&about.key, room, more));
        }
        let mut effects = match *ask {
            Reshard::Warm { mibps, becomes_on_demand } => self.warmed(about, mibps, becomes_on_demand)?,
            _ => Vec::new(),
        };
        effects.extend((!opened.is_empty()).then_some(Effect::Resharded { at: now, closed, opened }));
        Ok(self.changed(effects))
    }

    /// What a stream that is kept warm is beside its shards.
    fn warmed(&self, about: &About, mibps: u32, becomes_on_demand: bool) -> Result<Vec<Effect>, Refusal> {
        let mut effects = Vec::new();
        match about.mode {
            Mode::OnDemand => {}
            Mode::Provisioned if becomes_on_demand => {
                effects.push(Effect::SettingsPut(Arc::new(About { mode: Mode::OnDemand, ..about.clone() })));
            }
            Mode::Provisioned => return Err(Refusal::warm_and_provisioned(&about.key)),
        }
        effects.extend((self.warm_mibps != Some(mibps)).then_some(Effect::WarmSet(Some(mibps))));
        Ok(effects)
    }

    /// A key that is there already is no change, and neither is none where there was none.
    fn encrypt(
        &self,
        now: Instant,
        about: &About,
        key: Option<Box<str>>,
        is_limited: bool,
    ) -> Result<Decision<Effect, Reply>, Refusal> {
        if self.encryption.key.as_deref() == key.as_deref() {
            return Ok(self.changed(Vec::new()));
        }
        match is_limited && !self.encryption.has_room(now, key.is_some()) {
            true => Err(Refusal::key_changes(&about.key)),
            false => Ok(self.changed(vec![Effect::EncryptionSet { at: now, key }])),
        }
    }

    fn commit(&self, now: Instant, account: AccountId, region: Region, on: bool) -> Decision<Effect, Reply> {
        let after = match &self.commitment {
            Some(commitment) => commitment.switched(now, on),
            None if on => Commitment { account, region, started_at: now, ended_at: None },
            None => return self.changed(Vec::new()),
        };
        let is_as_before = self.commitment.as_deref() == Some(&after);
        self.changed(if is_as_before { Vec::new() } else { vec![Effect::CommitmentPut(Arc::new(after))] })
    }

    fn open_shard(&self, about: &About, index: u32) -> Result<&ShardEntry, Refusal> {
        let StreamKey { account, name, .. } = &about.key;
        let Some(shard) = self.shards.iter().find(|shard| shard.index == index) else {
            return Err(Refusal::no_shard(&about.key, &crate::shard_id::show(index)));
        };
        match shard.is_open() {
            true => Ok(shard),
            false => Err(Refusal::invalid(format!(
                "Shard {} in stream {name} under account {account} has already been merged or split, and thus is not eligible for merging or splitting.",
                shard.name()
            ))),
        }
    }

    fn check_merge(&self, about: &About, index: u32, adjacent: u32) -> Result<(), Refusal> {
        let (one, other) = (self.open_shard(about, index)?, self.open_shard(about, adjacent)?);
        if one.range().merged(&other.range()).is_some() {
            return Ok(());
        }
        Err(Refusal::invalid(format!(
            "Shards {} and {} in stream {} under account {} are not an adjacent pair of shards eligible for merging",
            one.name(),
            other.name(),
            about.key.name,
            about.key.account
        )))
    }

    /// Shards whose last record has expired by any measure: closed for longer than records are kept.
    fn expired(&self, now: Instant, about: &About) -> Vec<u32> {
        let is_over =
            |shard: &&ShardEntry| shard.closed_at.is_some_and(|at| at.plus_millis(about.retention_millis()) < now);
        self.shards.iter().filter(is_over).map(|shard| shard.index).collect()
    }

    fn register(
        &self,
        about: &About,
        consumer: Consumer,
        queues: usize,
        most: usize,
    ) -> Result<Decision<Effect, Reply>, Refusal> {
        if self.consumers.contains_key(&consumer.name) {
            let StreamKey { account, name, .. } = &about.key;
            return Err(Refusal::in_use(format!(
                "Consumer {} under stream {name} already exists for account {account}.",
                consumer.name
            )));
        }
        if self.consumers.len() + queues >= most {
            return Err(Refusal::limit(format!("A stream has {most} consumers at the most, queues among them.")));
        }
        Ok(self.changed(vec![Effect::ConsumerPut(consumer)]))
    }

    fn consumer(&self, about: &About, name: &str) -> Result<&Consumer, Refusal> {
        self.consumers.get(name).ok_or_else(|| Refusal::no_consumer(about.key.account, name))
    }

    fn decide_about(&self, now: Instant, about: &About, command: Command) -> Result<Decision<Effect, Reply>, Refusal> {
        match command {
            Command::Create { .. } | Command::Commit { .. } | Command::Describe => Ok(self.changed(Vec::new())),
            Command::Change(change) => self.change(about, change),
            Command::Reshard { ask, partitions, room } => self.reshard(now, about, &ask, partitions, room),
            Command::Forget => {
                let expired = self.expired(now, about);
                Ok(self.changed(if expired.is_empty() { Vec::new() } else { vec![Effect::ShardsForgotten(expired)] }))
            }
            Command::RegisterConsumer { consumer, queues, most } => self.register(about, consumer, queues, most),
            Command::DeregisterConsumer { name, registered_at } => {
                // One that was registered anew under its name is another.
                match self.consumer(about, &name)?.created_at == registered_at {
                    true => Ok(self.changed(vec![Effect::ConsumerGone(name)])),
                    false => Err(Refusal::no_consumer(about.key.account, &name)),
                }
            }
            Command::ChangeConsumer { name, change } => {
                let mut consumer = self.consumer(about, &name)?.clone();
                change.apply(&mut consumer.tags, &mut consumer.policy)?;
                Ok(self.changed(vec![Effect::ConsumerPut(consumer)]))
            }
            Command::Delete { with_consumers } if !with_consumers && !self.consumers.is_empty() => {
                Err(Refusal::in_use(format!(
                    "DeleteStream can't delete {} because there are consumers associated with this data stream. To delete {} anyway, set the EnforceConsumerDeletion parameter to true to force the deletion of all the consumers that are associated with it.",
                    about.key.arn(),
                    about.key.name
                )))
            }
            Command::Delete { .. } => Ok(self.changed(vec![Effect::Deleted])),
            Command::Encrypt { key, is_limited } => self.encrypt(now, about, key, is_limited),
        }
    }

    fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::SettingsPut(about) => self.about = Some(Arc::clone(about)),
            Effect::Resharded { at, closed, opened } => {
                let shards = Arc::make_mut(&mut self.shards);
                let closed: HashSet<u32> = closed.iter().copied().collect();
                for shard in shards.iter_mut().filter(|shard| closed.contains(&shard.index)) {
                    shard.closed_at = Some(*at);
                }
                shards.extend(opened.iter().cloned());
                self.next_index = shards.last().map_or(self.next_index, |last| self.next_index.max(last.index + 1));
            }
            Effect::ShardsForgotten(indexes) => {
                let gone: HashSet<u32> = indexes.iter().copied().collect();
                Arc::make_mut(&mut self.shards).retain(|shard| !gone.contains(&shard.index));
            }
            Effect::ConsumerPut(consumer) => {
                self.consumers.insert(consumer.name.clone(), consumer.clone());
            }
            Effect::ConsumerGone(name) => {
                self.consumers.remove(name);
            }
            Effect::Deleted => self.is_deleted = true,
            Effect::EncryptionSet { at, key } => self.encryption.change(*at, key.as_deref()),
            Effect::CommitmentPut(commitment) => self.commitment = Some(Arc::clone(commitment)),
            Effect::WarmSet(mibps) => self.warm_mibps = *mibps,
        }
    }
}

impl OfResource {
    pub(crate) fn apply(self, tags: &mut Tags, policy: &mut Option<Box<str>>) -> Result<(), Refusal> {
        match self {
            Self::Tag(more) => {
                tags.extend(more);
                if tags.len() > limits::TAGS_MAX {
                    return Err(Refusal::limit(format!("A resource has {} tags at the most.", limits::TAGS_MAX)));
                }
            }
            Self::Untag(keys) => tags.retain(|key, _| !keys.contains(key)),
            Self::Policy(text) => *policy = text,
        }
        Ok(())
    }
}

/// The hours that IncreaseStreamRetentionPeriod asks for.
fn raised(about: &About, hours: i32) -> Result<u32, Refusal> {
    let hours = check_hours(hours)?;
    match hours < about.retention_hours {
        false => Ok(hours),
        true => Err(Refusal::invalid(format!(
            "Requested retention period ({hours} hours) for stream {} can not be shorter than existing retention period ({} hours). Use DecreaseRetentionPeriod API.",
            about.key.name, about.retention_hours
        ))),
    }
}

/// The hours that DecreaseStreamRetentionPeriod asks for.
fn lowered(about: &About, hours: i32) -> Result<u32, Refusal> {
    let hours = check_hours(hours)?;
    match hours > about.retention_hours {
        false => Ok(hours),
        true => Err(Refusal::invalid(format!(
            "Requested retention period ({hours} hours) for stream {} can not be longer than existing retention period ({} hours). Use IncreaseRetentionPeriod API.",
            about.key.name, about.retention_hours
        ))),
    }
}

fn check_hours(hours: i32) -> Result<u32, Refusal> {
    let (min, max) = (limits::RETENTION_HOURS_MIN, limits::RETENTION_HOURS_MAX);
    match u32::try_from(hours) {
        Ok(hours) if hours > max => Err(Refusal::invalid(format!(
            "Maximum allowed retention period is {max} hours. Requested retention period ({hours} hours) is too long."
        ))),
        Ok(hours) if hours >= min => Ok(hours),
        _ => Err(Refusal::invalid(format!(
            "Minimum allowed retention period is {min} hours. Requested retention period ({hours} hours) is too short."
        ))),
    }
}

fn check_split(about: &About, shard: &ShardEntry, at: u128) -> Result<(), Refusal> {
    match shard.range().split_at(at) {
        Some(_) => Ok(()),
        None => Err(not_inside(about, shard, &at.to_string())),
    }
}

/// Why a shard is not split at a hash, which may be too great for any.
pub(crate) fn not_inside(about: &About, shard: &ShardEntry, at: &str) -> Refusal {
    Refusal::invalid(format!(
        "NewStartingHashKey {at} used in SplitShard() on shard {} in stream {} under account {} is not both greater than one plus the shard's StartingHashKey {} and less than the shard's EndingHashKey {}.",
        shard.name(),
        about.key.name,
        about.key.account,
        shard.first_hash,
        shard.last_hash
    ))
}

impl Machine for Stream {
    type Command = Command;
    type Effect = Effect;
    type Reply = Reply;
    type Content = ();

    const SNAPSHOT_VERSION: u8 = records::SNAPSHOT_VERSION;

    fn decide(&self, now: Instant, command: Command) -> Decision<Effect, Reply> {
        match (command, self.about()) {
            (Command::Create { about, shards, warm_mibps }, None) if self.about.is_none() => {
                let resharded = Effect::Resharded { at: now, closed: Vec::new(), opened: shards };
                let mut effects = vec![Effect::SettingsPut(Arc::new(*about)), resharded];
                effects.extend(warm_mibps.map(|mibps| Effect::WarmSet(Some(mibps))));
                self.changed(effects)
            }
            (Command::Commit { account, region, on }, None) if !self.is_deleted => {
                self.commit(now, account, region, on)
            }
            (Command::Delete { .. }, None) if self.commitment.is_some() && !self.is_deleted => {
                self.changed(vec![Effect::Deleted])
            }
            (_, None) => Decision::answer(Reply::Gone),
            (command, Some(about)) => {
                let decided = self.decide_about(now, about, command);
                decided.unwrap_or_else(|refusal| Decision::answer(Reply::Refused(refusal)))
            }
        }
    }

    fn apply(&mut self, _at: Position, effect: &Effect, _gone: &mut Vec<u64>) {
        self.take(effect);
    }

    fn tally(&self) -> Tally {
        Tally([u64::from(self.about().is_some()), self.open_shards() as u64, self.consumers.len() as u64])
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        records::put_stream(self, out);
    }

    fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind: 0, version, why };
        if version == 0 || version > records::SNAPSHOT_VERSION {
            return Err(malformed("a snapshot's version that this program does not know"));
        }
        records::stream(version, state).ok_or_else(|| malformed("a stream's snapshot does not fit its length"))
    }

    fn is_over(&self) -> bool {
        self.is_deleted
    }
}
