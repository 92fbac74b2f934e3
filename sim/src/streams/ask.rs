//! What clients ask of streams: an operation's name and JSON, and what it is meant to do, for the oracle.

use super::number::{ShardKey, shard_name};
use super::oracle::{Listed, Streams};
use super::{
    From, GROUP, GROUP_STREAM, HowSettled, Intent, LAST_HASH, LEASES, MEMBERS, QUEUES, RETENTION_HOURS, Reader,
    Reshard, SESSION_MILLIS, STREAMS, TABLE,
};
use crate::ask::{self, Request};
use base64_simd::STANDARD;
use serde_json::{Value, json};

/// Partition keys, so few that most records have to stand behind others.
const KEYS: [&str; 5] = ["a", "b", "c", "d", "\u{fc}"];

/// Hash keys that are given in a key's place.
const HASHES: [u128; 4] = [0, 1 << 126, 1 << 127, LAST_HASH];

/// Open shards beyond which a stream is not split, so that readers come to their ends.
const OPEN_SHARDS_MAX: usize = 5;

/// Composes requests out of chance.
pub(crate) struct Composer<'a> {
    pub(crate) chance: &'a mut fastrand::Rng,
    pub(crate) streams: &'a mut Streams,
    /// The server's clock, in milliseconds.
    pub(crate) wall: u64,
}

impl Composer<'_> {
    /// Any request.
    pub(crate) fn any(&mut self) -> Request {
        if self.chance.u8(..12) == 0 {
            return self.about_lease();
        }
        let stream = [0, 0, 0, 1, 1, 2, 2][self.chance.usize(..7)];
        let kind = &STREAMS[stream];
        if kind.is_volatile && self.streams.is_surely_gone(stream) && self.chance.u8(..3) > 0 {
            return self.create(stream);
        }
        let of_stream = (0..QUEUES.len()).find(|queue| QUEUES[*queue].stream == stream);
        if let Some(queue) = of_stream.filter(|_| self.chance.u8(..3) == 0) {
            return self.about_queue(queue);
        }
        if stream == GROUP_STREAM && self.chance.u8(..5) == 0 {
            return self.about_group();
        }
        match self.chance.u32(..100) {
            0..=24 => self.put(stream),
            25..=39 => self.put_several(stream),
            40..=52 => self.iterate(stream),
            53..=79 => self.read(stream),
            80..=85 => list(stream, self.chance.u8(..4) == 0),
            86..=94 => self.reshard(stream),
            95 if kind.is_volatile => delete(stream),
            96..=97 if kind.is_volatile => self.create(stream),
            95..=98 if kind.is_retained => self.retain(stream),
            _ => self.read(stream),
        }
    }

    /// Receives, and what is done to the records afterwards.
    fn about_queue(&mut self, queue: usize) -> Request {
        let is_dead = QUEUES[queue].receives_max.is_some() && self.chance.u8(..3) == 0;
        let mut known = self.streams.handles(queue, is_dead);
        if known.is_empty() || self.chance.bool() {
            let secs = [0, 1, QUEUES[queue].visibility_secs][self.chance.usize(..3)];
            return receive(&*self.streams, queue, is_dead, (self.chance.u64(1..=10), secs), self.chance.u64(1..=5));
        }
        self.chance.shuffle(&mut known);
        known.truncate(self.chance.usize(1..=4));
        let how = match self.chance.u8(..6) {
            0 => HowSettled::Hidden(self.chance.u64(..=20) * 1000),
            1..=3 if is_dead => HowSettled::Restored,
            _ => HowSettled::Acknowledged,
        };
        settle(&*self.streams, queue, is_dead, how, known)
    }

    /// Somebody takes a lease, or looks at it.
    fn about_lease(&mut self) -> Request {
        let lease = self.chance.usize(..LEASES);
        let key = json!({"leaseKey": {"S": format!("l{lease}")}});
        if self.chance.u8(..3) == 0 {
            let input = json!({"TableName": TABLE, "Key": key, "ConsistentRead": true});
            return request("GetItem", input, Intent::LookAtLease { lease });
        }
        let (from, owner) = self.streams.lease(lease);
        let mut values = json!({":new": {"N": (from + 1).to_string()}, ":me": {"S": owner}});
        let condition = match from {
            0 => "attribute_not_exists(leaseKey)",
            _ => {
                values[":old"] = json!({"N": from.to_string()});
                "leaseCounter = :old"
            }
        };
        let input = json!({
            "TableName": TABLE, "Key": key, "UpdateExpression": "SET leaseCounter = :new, leaseOwner = :me",
            "ConditionExpression": condition, "ExpressionAttributeValues": values
        });
        request("UpdateItem", input, Intent::Take { lease, from, owner })
    }

    /// What members of the group do.
    fn about_group(&mut self) -> Request {
        let member = MEMBERS[self.chance.usize(..MEMBERS.len())];
        let given = self.streams.given(member).to_vec();
        let given = given.get(self.chance.usize(..given.len().max(1))).copied();
        match (self.chance.u8(..12), given) {
            (0, _) => of_group("LeaveGroup", json!({"MemberId": member}), Intent::Leave { member }),
            (1, _) => describe_group(),
            (2, _) | (_, None) => {
                let input = json!({"MemberId": member, "SessionTimeoutMilliseconds": SESSION_MILLIS});
                of_group("JoinGroup", input, Intent::Join { member, comes: true })
            }
            (3..=6, _) => of_group("Heartbeat", json!({"MemberId": member}), Intent::Join { member, comes: false }),
            (_, Some((index, generation))) => {
                let numbers = self.streams.numbers_of(index);
                let Some((number, text)) = numbers.get(self.chance.usize(..numbers.len().max(1))).cloned() else {
                    return describe_group();
                };
                let input = json!({
                    "MemberId": member, "ShardId": shard_name(index), "Generation": generation, "SequenceNumber": text
                });
                of_group("CommitPosition", input, Intent::Commit { member, of: (index, generation), number })
            }
        }
    }

    /// Only in a second of its own is a stream made anew, so that its sequence numbers are none of those before it.
    fn create(&mut self, stream: usize) -> Request {
        match self.streams.may_be_created(stream, self.wall) {
            true => create(stream),
            false => list(stream, false),
        }
    }

    fn draft(&mut self, stream: usize) -> (usize, Value) {
        let filler = match self.chance.u8(..16) {
            // Several pages of the log.
            0 => 5_000,
            1 => 700,
            _ => self.chance.usize(..40),
        };
        let key = KEYS[self.chance.usize(..KEYS.len())];
        let hash = (self.chance.u8(..5) == 0).then(|| HASHES[self.chance.usize(..HASHES.len())]);
        let number = self.streams.new_record(stream, key, hash, filler);
        let data = STANDARD.encode_to_string(self.streams.data(number));
        let mut entry = json!({"Data": data, "PartitionKey": key});
        if let Some(hash) = hash {
            entry["ExplicitHashKey"] = hash.to_string().into();
        }
        (number, entry)
    }

    fn put(&mut self, stream: usize) -> Request {
        let (number, mut input) = self.draft(stream);
        input["StreamName"] = STREAMS[stream].name.into();
        let behind = if self.chance.u8(..4) == 0 { self.streams.latest_before(number) } else { None };
        if let Some((_, text)) = &behind {
            input["SequenceNumberForOrdering"] = text.as_str().into();
        }
        let behind = behind.map(|(behind, _)| behind);
        request("PutRecord", input, Intent::Put { stream, records: vec![number], behind })
    }

    fn put_several(&mut self, stream: usize) -> Request {
        let drafts: Vec<_> = (0..self.chance.usize(1..=6)).map(|_| self.draft(stream)).collect();
        let (records, entries): (Vec<_>, Vec<_>) = drafts.into_iter().unzip();
        let input = json!({"StreamName": STREAMS[stream].name, "Records": entries});
        request("PutRecords", input, Intent::Put { stream, records, behind: None })
    }

    /// A child of a shard that was read to its end, or a place in some shard.
    fn iterate(&mut self, stream: usize) -> Request {
        if let Some((index, known)) = self.streams.next_child(stream) {
            let intent = Intent::Iterate { stream, shard: (index, None), from: From::Horizon, known, follows: true };
            return request("GetShardIterator", iterator(stream, index, &From::Horizon, None), intent);
        }
        let Some((shard, known)) = self.listed_shard(stream, |_| true) else { return list(stream, false) };
        let place = self.streams.some_place(stream, shard.key, self.chance);
        let (from, text) = match (self.chance.u8(..8), place) {
            (0..=2, _) => (From::Horizon, None),
            (3, _) => (From::Latest { asked: 0, answered: 0 }, None),
            (4, _) => (From::Moment(self.wall - self.chance.u64(..20_000)), None),
            (5, Some((number, text))) => (From::At(number), Some(text)),
            (_, Some((number, text))) => (From::After(number), Some(text)),
            _ => (From::Horizon, None),
        };
        let index = shard.key.index;
        let follows = from == From::Horizon;
        let intent = Intent::Iterate { stream, shard: (index, Some(shard.key)), from, known, follows };
        request("GetShardIterator", iterator(stream, index, &from, text), intent)
    }

    /// A shard of the latest listing, and when that was asked for.
    fn listed_shard(&mut self, stream: usize, wanted: impl Fn(&Listed) -> bool) -> Option<(Listed, u64)> {
        let (shards, asked) = self.streams.listing(stream)?;
        let shards: Vec<&Listed> = shards.iter().filter(|shard| wanted(shard)).collect();
        let chosen = *shards.get(self.chance.usize(..shards.len().max(1)))?;
        Some((chosen.clone(), asked))
    }

    fn read(&mut self, stream: usize) -> Request {
        let readers = self.streams.readers(stream);
        if readers.is_empty() {
            return self.iterate(stream);
        }
        let reader = readers[self.chance.usize(..readers.len())].clone();
        let limit = if self.chance.bool() { self.chance.usize(1..=5) } else { 10_000 };
        let wait_millis = if self.chance.u8(..6) == 0 { self.chance.u64(1..=8_000) } else { 0 };
        Request { wait_millis, ..read(reader, limit) }
    }

    fn reshard(&mut self, stream: usize) -> Request {
        let Some((shard, listed)) = self.listed_shard(stream, Listed::is_open) else { return list(stream, false) };
        let open = self.streams.open_listed(stream);
        let neighbour = open.iter().find(|other| shard.range.1.checked_add(1) == Some(other.range.0));
        let is_full = open.len() >= OPEN_SHARDS_MAX;
        let (first, last) = shard.range;
        match (self.chance.u8(..4), neighbour) {
            // Its intermediate shards are seconds ahead of each other, and of the clock.
            (0, _) if !STREAMS[stream].is_volatile => {
                let count = self.chance.u32(1..=4);
                let input = json!({
                    "StreamName": STREAMS[stream].name, "TargetShardCount": count, "ScalingType": "UNIFORM_SCALING"
                });
                request("UpdateShardCount", input, Intent::Reshard { stream, reshard: Reshard::Count(count), listed })
            }
            (1, Some(other)) | (_, Some(other)) if is_full || self.chance.bool() => {
                let input = json!({
                    "StreamName": STREAMS[stream].name, "ShardToMerge": shard.key.name(),
                    "AdjacentShardToMerge": other.key.name()
                });
                let reshard = Reshard::Merge { shards: [shard.key, other.key] };
                request("MergeShards", input, Intent::Reshard { stream, reshard, listed })
            }
            _ if is_full || last - first < 4 => list(stream, false),
            _ => {
                let at = first + 2 + (last - first - 3) / 4 * self.chance.u128(1..=3);
                let input = json!({
                    "StreamName": STREAMS[stream].name, "ShardToSplit": shard.key.name(), "NewStartingHashKey": at.to_string()
                });
                let reshard = Reshard::Split { shard: shard.key, at };
                request("SplitShard", input, Intent::Reshard { stream, reshard, listed })
            }
        }
    }

    fn retain(&mut self, stream: usize) -> Request {
        let hours = [RETENTION_HOURS, 25, 30, 48, 72][self.chance.usize(..5)];
        let is_more = hours > self.streams.hours_kept(stream);
        let operation = if is_more { "IncreaseStreamRetentionPeriod" } else { "DecreaseStreamRetentionPeriod" };
        let input = json!({"StreamName": STREAMS[stream].name, "RetentionPeriodHours": hours});
        request(operation, input, Intent::Retain { stream, hours, is_more })
    }
}

fn request(operation: &'static str, input: Value, intent: Intent) -> Request {
    Request { operation, input, intent: ask::Intent::Streams(intent), wait_millis: 0 }
}

/// CreateStream with the shards that it begins with.
pub(super) fn create(stream: usize) -> Request {
    let input = json!({"StreamName": STREAMS[stream].name, "ShardCount": STREAMS[stream].shards});
    request("CreateStream", input, Intent::Create { stream })
}

/// CreateTable, as the Kinesis Client Library makes it.
pub(super) fn make_table() -> Request {
    let input = json!({
        "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "leaseKey", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "leaseKey", "KeyType": "HASH"}],
    });
    request("CreateTable", input, Intent::MakeTable)
}

fn of_group(operation: &'static str, mut input: Value, intent: Intent) -> Request {
    input["StreamName"] = STREAMS[GROUP_STREAM].name.into();
    input["GroupName"] = GROUP.into();
    request(operation, input, intent)
}

/// CreateGroup, at the oldest records.
pub(super) fn make_group() -> Request {
    of_group("CreateGroup", json!({}), Intent::MakeGroup)
}

/// DescribeGroup: where it is in each shard, and who reads it.
pub(super) fn describe_group() -> Request {
    of_group("DescribeGroup", json!({"MaxResults": 1_000}), Intent::DescribeGroup)
}

/// CreateQueue, at the oldest record of its stream.
pub(super) fn make_queue(queue: usize) -> Request {
    let stream = format!("arn:aws:kinesis:us-east-1:000000000000:stream/{}", STREAMS[QUEUES[queue].stream].name);
    let letters = match QUEUES[queue].receives_max {
        Some(most) => json!({"TargetType": "BUILT_IN", "MaxReceiveCount": most}),
        None => json!({"TargetType": "NONE"}),
    };
    let input = json!({
        "QueueName": QUEUES[queue].name,
        "StreamConfigurationList": [{"StreamARN": stream, "StartingPosition": {"Type": "TRIM_HORIZON"}}],
        "QueueAttributes": {
            "VisibilityTimeoutSeconds": QUEUES[queue].visibility_secs, "DeadLetterConfiguration": letters
        },
    });
    request("CreateQueue", input, Intent::MakeQueue { queue })
}

/// ReceiveQueueRecords, or of dead letters: how many at the most, for how many seconds they are in flight, and how long it waits.
pub(super) fn receive(
    streams: &Streams,
    queue: usize,
    is_dead: bool,
    (limit, hidden_secs): (u64, u64),
    wait_secs: u64,
) -> Request {
    let input = json!({
        "QueueARN": streams.queue_arn(queue), "Limit": limit, "WaitTimeSeconds": wait_secs,
        "VisibilityTimeoutSeconds": hidden_secs
    });
    let operation = if is_dead { "ReceiveDeadLetterQueueRecords" } else { "ReceiveQueueRecords" };
    let intent = Intent::Receive { queue, is_dead, hidden: hidden_secs * 1000 };
    Request { wait_millis: wait_secs * 1000, ..request(operation, input, intent) }
}

fn settle(streams: &Streams, queue: usize, is_dead: bool, how: HowSettled, claims: Vec<(usize, String)>) -> Request {
    let entry = |(_, handle): &(usize, String)| match how {
        HowSettled::Hidden(millis) => json!({"ReceiptHandle": handle, "VisibilityTimeoutSeconds": millis / 1000}),
        _ => json!({"ReceiptHandle": handle}),
    };
    let entries: Vec<Value> = claims.iter().map(entry).collect();
    let input = json!({"QueueARN": streams.queue_arn(queue), "Entries": entries});
    let operation = match (how, is_dead) {
        (HowSettled::Acknowledged, false) => "AcknowledgeQueueRecords",
        (HowSettled::Acknowledged, true) => "AcknowledgeDeadLetterQueueRecords",
        (HowSettled::Hidden(_), false) => "UpdateQueueRecordsVisibility",
        (HowSettled::Hidden(_), true) => "UpdateDeadLetterQueueRecordsVisibility",
        (HowSettled::Restored, _) => "RestoreDeadLetterQueueRecords",
    };
    request(operation, input, Intent::Settle { queue, how, claims })
}

fn delete(stream: usize) -> Request {
    request("DeleteStream", json!({"StreamName": STREAMS[stream].name}), Intent::Delete { stream })
}

/// ListShards: all, or the open ones.
pub(super) fn list(stream: usize, only_open: bool) -> Request {
    let mut input = json!({"StreamName": STREAMS[stream].name});
    if only_open {
        input["ShardFilter"] = json!({"Type": "AT_LATEST"});
    }
    request("ListShards", input, Intent::List { stream, only_open })
}

/// GetShardIterator at the oldest record of a shard that is known for sure.
pub(super) fn from_the_oldest(stream: usize, shard: ShardKey, known: u64) -> Request {
    let intent =
        Intent::Iterate { stream, shard: (shard.index, Some(shard)), from: From::Horizon, known, follows: false };
    request("GetShardIterator", iterator(stream, shard.index, &From::Horizon, None), intent)
}

/// GetRecords by what a reader holds.
pub(super) fn read(reader: Reader, limit: usize) -> Request {
    let input = json!({"ShardIterator": reader.iterator, "Limit": limit});
    request("GetRecords", input, Intent::Read { reader, limit })
}

fn iterator(stream: usize, index: u32, from: &From, number: Option<String>) -> Value {
    let kind = match from {
        From::Horizon => "TRIM_HORIZON",
        From::Latest { .. } => "LATEST",
        From::At(_) => "AT_SEQUENCE_NUMBER",
        From::After(_) => "AFTER_SEQUENCE_NUMBER",
        From::Moment(_) => "AT_TIMESTAMP",
    };
    let mut input =
        json!({"StreamName": STREAMS[stream].name, "ShardId": shard_name(index), "ShardIteratorType": kind});
    if let From::Moment(millis) = from {
        input["Timestamp"] = (*millis as f64 / 1000.0).into();
    }
    if let Some(number) = number {
        input["StartingSequenceNumber"] = number.into();
    }
    input
}
