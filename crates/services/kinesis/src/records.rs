//! Every record that a stream journals, on one screen. Written with `engine::fields`: integers big-endian, `text` a length of 4 and
//! UTF-8, `option` 0 or 1 and what it is of.
//!
//! ```text
//! kind 1 v1   settings put     about
//! kind 2 v1   resharded        at 8 │ count 4 × index 4 closed │ count 4 × shard opened
//! kind 3 v1   shards forgotten count 4 × index 4
//! kind 4 v1   consumer put     consumer
//! kind 5 v1   consumer gone    name text
//! kind 6 v1   deleted          (nothing)
//! kind 30 v1  encryption set   at 8 │ option key text
//! kind 31 v1  commitment put   commitment
//! kind 32 v1  warm set         option MiB per second 4
//! about       account 12 │ region text │ name text │ created at 8 │ mode 1 │ retention hours 4 │ record KiB 4 │ distribution 1 │
//!             metrics 1 │ tags │ option policy text
//! tags        count 4 × ( key text │ value text )
//! shard       index 4 │ partition 8 │ first hash 16 │ last hash 16 │ option parent 4 │ option adjacent parent 4 │ opened at 8 │
//!             option closed at 8
//! consumer    name text │ created at 8 │ tags │ option policy text
//! commitment  account 12 │ region text │ started at 8 │ option ended at 8
//! sealed      option key text │ count 4 × applied at 8 │ count 4 × stopped at 8
//! snapshot v2 1 │ about │ next index 4 │ count 4 × shard │ count 4 × consumer │ count 4 × part
//!             2 │ commitment
//! part        tag 1 │ length 4 │ 1: sealed │ 2: warm MiB per second 4; a part that says nothing is left out
//! snapshot v1 about │ next index 4 │ count 4 × shard │ count 4 × consumer
//! ```
//! Numbers of modes and distributions stand with their types. The first record of a stream is its settings, its second its shards. A
//! partition whose first record is a commitment is that of an account in a region, and has no other records.

use crate::catalog::StreamKey;
use crate::machine::Stream;
use crate::settings::{About, Commitment, Consumer, Distribution, Encryption, Metrics, Mode, ShardEntry, Tags, pairs};
use engine::MalformedRecord;
use engine::fields::{Fields, put_bytes, put_count, put_instant, put_option, put_pairs, put_text};
use names::{Instant, PartitionId};
use std::sync::Arc;

/// The family of partitions that are streams. Their shards are of `stream::FAMILY`.
pub const FAMILY: u8 = 4;

const SETTINGS_PUT: u8 = 1;
const RESHARDED: u8 = 2;
const SHARDS_FORGOTTEN: u8 = 3;
const CONSUMER_PUT: u8 = 4;
const CONSUMER_GONE: u8 = 5;
const DELETED: u8 = 6;
const ENCRYPTION_SET: u8 = 30;
const COMMITMENT_PUT: u8 = 31;
const WARM_SET: u8 = 32;
/// The version of all records.
const VERSION: u8 = 1;
/// The version of the snapshot.
pub(crate) const SNAPSHOT_VERSION: u8 = 2;

/// What a snapshot is of.
const OF_STREAM: u8 = 1;
const OF_ACCOUNT: u8 = 2;
/// Parts of a stream's snapshot.
const SEALED: u8 = 1;
const WARM: u8 = 2;

/// A journaled change of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    SettingsPut(Arc<About>),
    Resharded {
        at: Instant,
        closed: Vec<u32>,
        opened: Vec<ShardEntry>,
    },
    /// Shards whose records have all expired.
    ShardsForgotten(Vec<u32>),
    ConsumerPut(Consumer),
    ConsumerGone(Box<str>),
    Deleted,
    /// Records are sealed with a key of KMS from now on, or no more.
    EncryptionSet {
        at: Instant,
        key: Option<Box<str>>,
    },
    CommitmentPut(Arc<Commitment>),
    WarmSet(Option<u32>),
}

impl engine::Effect for Effect {
    fn kind(&self) -> u8 {
        match self {
            Self::SettingsPut(_) => SETTINGS_PUT,
            Self::Resharded { .. } => RESHARDED,
            Self::ShardsForgotten(_) => SHARDS_FORGOTTEN,
            Self::ConsumerPut(_) => CONSUMER_PUT,
            Self::ConsumerGone(_) => CONSUMER_GONE,
            Self::Deleted => DELETED,
            Self::EncryptionSet { .. } => ENCRYPTION_SET,
            Self::CommitmentPut(_) => COMMITMENT_PUT,
            Self::WarmSet(_) => WARM_SET,
        }
    }

    fn version(&self) -> u8 {
        VERSION
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::SettingsPut(about) => put_about(about, out),
            Self::Resharded { at, closed, opened } => {
                put_instant(*at, out);
                put_indexes(closed, out);
                put_count(opened.len(), out);
                opened.iter().for_each(|shard| put_shard(shard, out));
            }
            Self::ShardsForgotten(indexes) => put_indexes(indexes, out),
            Self::ConsumerPut(consumer) => put_consumer(consumer, out),
            Self::ConsumerGone(name) => put_text(name, out),
            Self::Deleted => {}
            Self::EncryptionSet { at, key } => {
                put_instant(*at, out);
                put_option(key.as_deref(), out, put_text);
            }
            Self::CommitmentPut(commitment) => put_commitment(commitment, out),
            Self::WarmSet(mibps) => put_option(*mibps, out, put_u32),
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind, version, why };
        if version != VERSION {
            return Err(malformed("a version that this program does not know"));
        }
        let mut fields = Fields::new(payload);
        let effect = match kind {
            SETTINGS_PUT => about(&mut fields).map(|about| Self::SettingsPut(Arc::new(about))),
            RESHARDED => resharded(&mut fields),
            SHARDS_FORGOTTEN => fields.list(Fields::u32).map(Self::ShardsForgotten),
            CONSUMER_PUT => consumer(&mut fields).map(Self::ConsumerPut),
            CONSUMER_GONE => fields.text().map(Self::ConsumerGone),
            DELETED => Some(Self::Deleted),
            ENCRYPTION_SET => encryption_set(&mut fields),
            COMMITMENT_PUT => commitment(&mut fields).map(|commitment| Self::CommitmentPut(Arc::new(commitment))),
            WARM_SET => fields.option(Fields::u32).map(Self::WarmSet),
            _ => return Err(malformed("a kind that this program does not know")),
        };
        effect.and_then(|effect| fields.end(effect)).ok_or_else(|| malformed("its fields do not fit its length"))
    }

    fn frees(&self) -> bool {
        matches!(self, Self::ShardsForgotten(_) | Self::ConsumerGone(_) | Self::Deleted)
    }
}

/// The whole state of a stream, or of an account.
pub(crate) fn put_stream(stream: &Stream, out: &mut Vec<u8>) {
    if let Some(commitment) = &stream.commitment {
        out.push(OF_ACCOUNT);
        put_commitment(commitment, out);
    }
    if let Some(about) = &stream.about {
        out.push(OF_STREAM);
        put_about(about, out);
        put_u32(stream.next_index, out);
        put_count(stream.shards.len(), out);
        stream.shards.iter().for_each(|shard| put_shard(shard, out));
        put_count(stream.consumers.len(), out);
        stream.consumers.values().for_each(|consumer| put_consumer(consumer, out));
        put_parts(stream, out);
    }
}

fn put_parts(stream: &Stream, out: &mut Vec<u8>) {
    let mut parts: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut part = |tag, put: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        put(&mut bytes);
        parts.push((tag, bytes));
    };
    if stream.encryption != Encryption::default() {
        part(SEALED, &|out| put_encryption(&stream.encryption, out));
    }
    if let Some(mibps) = stream.warm_mibps {
        part(WARM, &|out| put_u32(mibps, out));
    }
    put_count(parts.len(), out);
    for (tag, bytes) in parts {
        out.push(tag);
        put_bytes(&bytes, out);
    }
}

/// Reads what [`put_stream`] wrote, now or in an earlier version.
pub(crate) fn stream(version: u8, state: &[u8]) -> Option<Stream> {
    let mut fields = Fields::new(state);
    match if version == 1 { OF_STREAM } else { fields.byte()? } {
        OF_STREAM => of_stream(version, fields),
        OF_ACCOUNT => {
            let commitment = Some(Arc::new(commitment(&mut fields)?));
            fields.end(Stream { commitment, ..Stream::default() })
        }
        _ => None,
    }
}

fn of_stream(version: u8, mut fields: Fields<'_>) -> Option<Stream> {
    let mut stream = Stream {
        about: Some(Arc::new(about(&mut fields)?)),
        next_index: fields.u32()?,
        shards: Arc::new(fields.list(shard)?),
        consumers: fields.list(|fields| consumer(fields).map(|consumer| (consumer.name.clone(), consumer)))?,
        ..Stream::default()
    };
    let parts = if version == 1 { 0 } else { fields.count()? };
    for _ in 0..parts {
        let (tag, bytes) = (fields.byte()?, fields.bytes()?);
        let mut part = Fields::new(bytes);
        match tag {
            SEALED => stream.encryption = encryption(&mut part)?,
            WARM => stream.warm_mibps = Some(part.u32()?),
            _ => return None,
        }
        part.end(())?;
    }
    fields.end(stream)
}

fn put_u32(number: u32, out: &mut Vec<u8>) {
    out.extend(number.to_be_bytes());
}

fn put_encryption(encryption: &Encryption, out: &mut Vec<u8>) {
    put_option(encryption.key.as_deref(), out, put_text);
    for times in [&encryption.applied, &encryption.stopped] {
        put_count(times.len(), out);
        times.iter().for_each(|at| put_instant(*at, out));
    }
}

fn encryption(fields: &mut Fields<'_>) -> Option<Encryption> {
    Some(Encryption {
        key: fields.option(Fields::text)?.map(Arc::from),
        applied: fields.list(Fields::instant)?,
        stopped: fields.list(Fields::instant)?,
    })
}

fn encryption_set(fields: &mut Fields<'_>) -> Option<Effect> {
    Some(Effect::EncryptionSet { at: fields.instant()?, key: fields.option(Fields::text)? })
}

fn put_commitment(commitment: &Commitment, out: &mut Vec<u8>) {
    out.extend(commitment.account.as_str().as_bytes());
    put_text(commitment.region.as_str(), out);
    put_instant(commitment.started_at, out);
    put_option(commitment.ended_at, out, put_instant);
}

fn commitment(fields: &mut Fields<'_>) -> Option<Commitment> {
    Some(Commitment {
        account: fields.account()?,
        region: fields.region()?,
        started_at: fields.instant()?,
        ended_at: fields.option(Fields::instant)?,
    })
}

fn put_about(about: &About, out: &mut Vec<u8>) {
    out.extend(about.key.account.as_str().as_bytes());
    put_text(about.key.region.as_str(), out);
    put_text(&about.key.name, out);
    put_instant(about.created_at, out);
    out.push(about.mode as u8);
    out.extend(about.retention_hours.to_be_bytes());
    out.extend(about.record_kib_max.to_be_bytes());
    out.extend([about.distribution as u8, about.metrics.0]);
    put_tags(&about.tags, out);
    put_option(about.policy.as_deref(), out, put_text);
}

fn about(fields: &mut Fields<'_>) -> Option<About> {
    Some(About {
        key: StreamKey { account: fields.account()?, region: fields.region()?, name: fields.text()? },
        created_at: fields.instant()?,
        mode: Mode::numbered(fields.byte()?)?,
        retention_hours: fields.u32()?,
        record_kib_max: fields.u32()?,
        distribution: Distribution::numbered(fields.byte()?)?,
        metrics: Metrics(fields.byte()?),
        tags: fields.pairs()?,
        policy: fields.option(Fields::text)?,
    })
}

fn put_tags(tags: &Tags, out: &mut Vec<u8>) {
    put_pairs(pairs(tags), out);
}

fn put_indexes(indexes: &[u32], out: &mut Vec<u8>) {
    put_count(indexes.len(), out);
    indexes.iter().for_each(|index| out.extend(index.to_be_bytes()));
}

fn put_shard(shard: &ShardEntry, out: &mut Vec<u8>) {
    let put_index = |index: u32, out: &mut Vec<u8>| out.extend(index.to_be_bytes());
    put_index(shard.index, out);
    out.extend(shard.partition.get().to_be_bytes());
    out.extend(shard.first_hash.to_be_bytes());
    out.extend(shard.last_hash.to_be_bytes());
    put_option(shard.parent, out, put_index);
    put_option(shard.adjacent_parent, out, put_index);
    put_instant(shard.opened_at, out);
    put_option(shard.closed_at, out, put_instant);
}

fn shard(fields: &mut Fields<'_>) -> Option<ShardEntry> {
    Some(ShardEntry {
        index: fields.u32()?,
        partition: PartitionId::new(fields.u64()?),
        first_hash: fields.u128()?,
        last_hash: fields.u128()?,
        parent: fields.option(Fields::u32)?,
        adjacent_parent: fields.option(Fields::u32)?,
        opened_at: fields.instant()?,
        closed_at: fields.option(Fields::instant)?,
    })
}

fn resharded(fields: &mut Fields<'_>) -> Option<Effect> {
    let at = fields.instant()?;
    let closed = fields.list(Fields::u32)?;
    Some(Effect::Resharded { at, closed, opened: fields.list(shard)? })
}

fn put_consumer(consumer: &Consumer, out: &mut Vec<u8>) {
    put_text(&consumer.name, out);
    put_instant(consumer.created_at, out);
    put_tags(&consumer.tags, out);
    put_option(consumer.policy.as_deref(), out, put_text);
}

fn consumer(fields: &mut Fields<'_>) -> Option<Consumer> {
    Some(Consumer {
        name: fields.text()?,
        created_at: fields.instant()?,
        tags: fields.pairs()?,
        policy: fields.option(Fields::text)?,
    })
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
