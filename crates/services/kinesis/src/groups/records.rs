//! Every record that a consumer group journals, on one screen. Written with `engine::fields`: integers big-endian, `text` a length of 4
//! and UTF-8, `option` 0 or 1 and what it is of.
//!
//! ```text
//! kind 1 v1   created           stream 8 │ name text │ created at 8 │ count 4 × ( shard 4 │ next 8 )
//! kind 2 v1   member joined     name text │ member
//! kind 3 v1   member gone       name text
//! kind 4 v1   shards followed   count 4 × ( shard 4 │ next 8 )
//! kind 5 v1   shards forgotten  count 4 × shard 4
//! kind 6 v1   lent              generation 8 │ count 4 × ( shard 4 │ option owner text )
//! kind 7 v1   committed         shard 4 │ next 8 │ committed
//! kind 8 v1   reset             generation 8 │ count 4 × ( shard 4 │ next 8 )
//! kind 9 v1   deleted           (nothing)
//! member      session in ms 4 │ joined at 8
//! committed   arrived at 8 │ at 8
//! snapshot v1 stream 8 │ name text │ created at 8 │ generation 8 │ count 4 × ( name text │ member ) │ count 4 × place
//! place       shard 4 │ next 8 │ option committed │ option owner text │ generation 8
//! ```
//! `next` is the counter of the first record that is not done with. A group's first record says that it was created.

use super::machine::{About, Committed, Group, Member, Place};
use engine::MalformedRecord;
use engine::fields::{Fields, put_count, put_instant, put_option, put_text};
use names::PartitionId;
use std::sync::Arc;

/// The family of partitions that are consumer groups.
pub const FAMILY: u8 = 8;

const CREATED: u8 = 1;
const MEMBER_JOINED: u8 = 2;
const MEMBER_GONE: u8 = 3;
const SHARDS_FOLLOWED: u8 = 4;
const SHARDS_FORGOTTEN: u8 = 5;
const LENT: u8 = 6;
const COMMITTED: u8 = 7;
const RESET: u8 = 8;
const DELETED: u8 = 9;
/// The version of all records, and of the snapshot.
pub(crate) const VERSION: u8 = 1;

/// A journaled change of a group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    Created {
        about: Arc<About>,
        places: Vec<(u32, u64)>,
    },
    /// One of this name that is there is gone by it.
    MemberJoined {
        name: Box<str>,
        member: Member,
    },
    MemberGone {
        name: Box<str>,
    },
    ShardsFollowed(Vec<(u32, u64)>),
    ShardsForgotten(Vec<u32>),
    /// Shards that somebody else reads from now on, or nobody.
    Lent {
        generation: u64,
        shards: Vec<(u32, Option<Box<str>>)>,
    },
    Committed {
        shard: u32,
        next: u64,
        committed: Committed,
    },
    Reset {
        generation: u64,
        places: Vec<(u32, u64)>,
    },
    Deleted,
}

impl engine::Effect for Effect {
    fn kind(&self) -> u8 {
        match self {
            Self::Created { .. } => CREATED,
            Self::MemberJoined { .. } => MEMBER_JOINED,
            Self::MemberGone { .. } => MEMBER_GONE,
            Self::ShardsFollowed(_) => SHARDS_FOLLOWED,
            Self::ShardsForgotten(_) => SHARDS_FORGOTTEN,
            Self::Lent { .. } => LENT,
            Self::Committed { .. } => COMMITTED,
            Self::Reset { .. } => RESET,
            Self::Deleted => DELETED,
        }
    }

    fn version(&self) -> u8 {
        VERSION
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Created { about, places } => {
                put_about(about, out);
                put_places(places, out);
            }
            Self::MemberJoined { name, member } => put_member(name, *member, out),
            Self::MemberGone { name } => put_text(name, out),
            Self::ShardsFollowed(places) => put_places(places, out),
            Self::ShardsForgotten(shards) => {
                put_count(shards.len(), out);
                shards.iter().for_each(|shard| out.extend(shard.to_be_bytes()));
            }
            Self::Lent { generation, shards } => {
                out.extend(generation.to_be_bytes());
                put_count(shards.len(), out);
                for (shard, owner) in shards {
                    out.extend(shard.to_be_bytes());
                    put_option(owner.as_deref(), out, put_text);
                }
            }
            Self::Committed { shard, next, committed } => {
                out.extend(shard.to_be_bytes());
                out.extend(next.to_be_bytes());
                put_committed(*committed, out);
            }
            Self::Reset { generation, places } => {
                out.extend(generation.to_be_bytes());
                put_places(places, out);
            }
            Self::Deleted => {}
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind, version, why };
        if version != VERSION {
            return Err(malformed("a version that this program does not know"));
        }
        let mut fields = Fields::new(payload);
        let effect = match kind {
            CREATED => created(&mut fields),
            MEMBER_JOINED => member(&mut fields).map(|(name, member)| Self::MemberJoined { name, member }),
            MEMBER_GONE => fields.text().map(|name| Self::MemberGone { name }),
            SHARDS_FOLLOWED => fields.list(place_of).map(Self::ShardsFollowed),
            SHARDS_FORGOTTEN => fields.list(Fields::u32).map(Self::ShardsForgotten),
            LENT => lent(&mut fields),
            COMMITTED => of_commit(&mut fields),
            RESET => reset(&mut fields),
            DELETED => Some(Self::Deleted),
            _ => return Err(malformed("a kind that this program does not know")),
        };
        effect.and_then(|effect| fields.end(effect)).ok_or_else(|| malformed("its fields do not fit its length"))
    }

    fn frees(&self) -> bool {
        matches!(self, Self::ShardsForgotten(_) | Self::Deleted)
    }
}

fn created(fields: &mut Fields<'_>) -> Option<Effect> {
    let about = Arc::new(about(fields)?);
    Some(Effect::Created { about, places: fields.list(place_of)? })
}

fn lent(fields: &mut Fields<'_>) -> Option<Effect> {
    let generation = fields.u64()?;
    let shards = fields.list(|fields| Some((fields.u32()?, fields.option(Fields::text)?)))?;
    Some(Effect::Lent { generation, shards })
}

fn of_commit(fields: &mut Fields<'_>) -> Option<Effect> {
    let (shard, next) = place_of(fields)?;
    Some(Effect::Committed { shard, next, committed: committed(fields)? })
}

fn reset(fields: &mut Fields<'_>) -> Option<Effect> {
    let generation = fields.u64()?;
    Some(Effect::Reset { generation, places: fields.list(place_of)? })
}

fn put_about(about: &About, out: &mut Vec<u8>) {
    out.extend(about.stream.get().to_be_bytes());
    put_text(&about.name, out);
    put_instant(about.created_at, out);
}

fn about(fields: &mut Fields<'_>) -> Option<About> {
    Some(About { stream: PartitionId::new(fields.u64()?), name: fields.text()?, created_at: fields.instant()? })
}

fn put_places(places: &[(u32, u64)], out: &mut Vec<u8>) {
    put_count(places.len(), out);
    for (shard, next) in places {
        out.extend(shard.to_be_bytes());
        out.extend(next.to_be_bytes());
    }
}

fn place_of(fields: &mut Fields<'_>) -> Option<(u32, u64)> {
    Some((fields.u32()?, fields.u64()?))
}

fn put_member(name: &str, member: Member, out: &mut Vec<u8>) {
    put_text(name, out);
    out.extend(member.session_millis.to_be_bytes());
    put_instant(member.joined_at, out);
}

fn member(fields: &mut Fields<'_>) -> Option<(Box<str>, Member)> {
    Some((fields.text()?, Member { session_millis: fields.u32()?, joined_at: fields.instant()? }))
}

fn put_committed(committed: Committed, out: &mut Vec<u8>) {
    put_instant(committed.arrived_at, out);
    put_instant(committed.at, out);
}

fn committed(fields: &mut Fields<'_>) -> Option<Committed> {
    Some(Committed { arrived_at: fields.instant()?, at: fields.instant()? })
}

/// The whole state of a group.
pub(crate) fn put_group(group: &Group, out: &mut Vec<u8>) {
    let Some(about) = &group.about else { return };
    put_about(about, out);
    out.extend(group.generation.to_be_bytes());
    put_count(group.members.len(), out);
    group.members.iter().for_each(|(name, member)| put_member(name, *member, out));
    put_count(group.shards.len(), out);
    for (shard, Place { next, committed, owner, generation }) in &group.shards {
        out.extend(shard.to_be_bytes());
        out.extend(next.to_be_bytes());
        put_option(*committed, out, put_committed);
        put_option(owner.as_deref(), out, put_text);
        out.extend(generation.to_be_bytes());
    }
}

/// Reads what [`put_group`] wrote.
pub(crate) fn group(state: &[u8]) -> Option<Group> {
    let mut fields = Fields::new(state);
    let group = Group {
        about: Some(Arc::new(about(&mut fields)?)),
        generation: fields.u64()?,
        members: fields.list(member)?,
        shards: fields.list(place)?,
        is_deleted: false,
    };
    fields.end(group)
}

fn place(fields: &mut Fields<'_>) -> Option<(u32, Place)> {
    let (shard, next) = place_of(fields)?;
    let (committed, owner) = (fields.option(committed)?, fields.option(Fields::text)?);
    Some((shard, Place { next, committed, owner, generation: fields.u64()? }))
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
