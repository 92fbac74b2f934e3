//! A consumer group: a committed position never goes back, and a shard has one reader under one generation.
//!
//! What a member committed, and was told so, is where the shard is read on from, whoever reads it then and whatever crashes; who was
//! given a shard under a generation has it alone; once somebody was told a later generation of a shard, nothing is committed under an
//! earlier one. Source: docs/STREAMS.md.

use super::{Situation, Streams, text};
use crate::oracle::Verdict;
use crate::streams::number::{Number, index_of};
use crate::streams::{From, GROUP_STREAM, Reader};
use serde_json::Value;
use std::collections::BTreeMap;

/// The group.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// By the number of the shard: the positions that were told or committed, each with the event since which that is sure.
    positions: BTreeMap<u32, Vec<(u64, Number)>>,
    /// The generations of each that were told, in the same way.
    generations: BTreeMap<u32, Vec<(u64, u64)>>,
    /// Who was told to have it, and under which generation.
    owners: BTreeMap<(u32, u64), String>,
    /// What members were given last: shard, generation, and the last position.
    given: BTreeMap<String, Vec<(u32, u64)>>,
    /// The furthest position of each shard that anybody asked to be committed.
    asked: BTreeMap<u32, Number>,
}

/// The greatest that was sure before an event.
fn before<T: Copy + Ord>(known: Option<&Vec<(u64, T)>>, event: u64) -> Option<T> {
    known?.iter().filter(|(at, _)| *at < event).map(|(_, what)| *what).max()
}

impl Streams {
    /// Shards that a member was given, with their generations.
    pub(crate) fn given(&self, member: &str) -> &[(u32, u64)] {
        self.group.given.get(member).map_or(&[][..], Vec::as_slice)
    }

    /// The numbers of a shard that a position may be, with their texts.
    pub(crate) fn numbers_of(&self, index: u32) -> Vec<(Number, String)> {
        let shards = &self.streams[GROUP_STREAM].shards;
        let found = shards.iter().filter(|(key, _)| key.index == index).flat_map(|(_, shard)| &shard.places);
        found.map(|(number, (_, text))| (*number, text.clone())).collect()
    }

    /// JoinGroup or Heartbeat is answered.
    pub(super) fn lent(&mut self, member: &str, now: &Situation, body: &Value) -> Verdict {
        let Some(assignments) = body["Assignments"].as_array() else { return Ok(()) };
        let mut given = Vec::new();
        for assignment in assignments {
            let (index, generation) = self.placed(assignment, Some(member), now)?;
            given.push((index, generation));
            let number = assignment["SequenceNumber"].as_str().map(Number::parse).transpose()?;
            let key = number.map(|number| number.shard());
            self.keep_reader(Reader {
                stream: GROUP_STREAM,
                index,
                key,
                from: number.map_or(From::Horizon, From::After),
                iterator: text(assignment, "ShardIterator")?.to_owned(),
                made: (now.asked_wall, now.wall),
                began: (now.asked, now.at),
                follows: false,
            });
        }
        self.group.given.insert(member.to_owned(), given);
        Ok(())
    }

    /// DescribeGroup is answered.
    pub(super) fn group_described(&mut self, now: &Situation, body: &Value) -> Verdict {
        let shards = body["Shards"].as_array().ok_or_else(|| format!("a group without shards: {body}"))?;
        for shard in shards {
            let member = shard["MemberId"].as_str().map(str::to_owned);
            self.placed(shard, member.as_deref(), now)?;
        }
        Ok(())
    }

    /// Where a group is in a shard, and under which generation who has it; none of which goes back.
    fn placed(&mut self, shown: &Value, member: Option<&str>, now: &Situation) -> Result<(u32, u64), String> {
        let index = index_of(text(shown, "ShardId")?).ok_or_else(|| format!("a shard without a name: {shown}"))?;
        let generation =
            shown["Generation"].as_u64().ok_or_else(|| format!("a shard without a generation: {shown}"))?;
        let group = &mut self.group;
        if let Some(member) = member {
            let owner = group.owners.entry((index, generation)).or_insert_with(|| member.to_owned());
            if owner.as_str() != member {
                return Err(format!("shard {index} is {member}'s and {owner}'s under the generation {generation}"));
            }
        }
        if before(group.generations.get(&index), now.asked).is_some_and(|known| known > generation) {
            return Err(format!("the generation of shard {index} goes back to {generation}"));
        }
        group.generations.entry(index).or_default().push((now.at, generation));
        let number = shown["SequenceNumber"].as_str().map(Number::parse).transpose()?;
        let known = before(group.positions.get(&index), now.asked);
        if known > number {
            return Err(format!("shard {index} was read up to {known:?}, and is read on from {number:?}"));
        }
        group.positions.entry(index).or_default().extend(number.map(|number| (now.at, number)));
        Ok((index, generation))
    }

    /// CommitPosition is answered.
    pub(super) fn committed(
        &mut self,
        member: &str,
        (index, generation): (u32, u64),
        number: Number,
        now: &Situation,
    ) -> Verdict {
        let group = &mut self.group;
        if let Some(owner) = group.owners.get(&(index, generation)).filter(|owner| *owner != member) {
            return Err(format!("a position of shard {index} is taken from {member}, and it is {owner}'s"));
        }
        if before(group.generations.get(&index), now.asked).is_some_and(|known| known > generation) {
            return Err(format!(
                "a position of shard {index} is taken under the generation {generation}, which is over"
            ));
        }
        if let Some(known) = before(group.positions.get(&index), now.asked).filter(|known| *known > number) {
            return Err(format!("shard {index} was read up to {known:?}, and {number:?} is taken"));
        }
        group.positions.entry(index).or_default().push((now.at, number));
        self.commits += 1;
        Ok(())
    }

    /// A member has left: it is given nothing more.
    pub(super) fn left(&mut self, member: &str) -> Verdict {
        self.group.given.remove(member);
        Ok(())
    }

    /// Whether a position may lie behind another.
    pub(super) fn may_be_behind(&self, index: u32, number: Number) -> bool {
        self.group.positions.get(&index).is_some_and(|known| known.iter().any(|(_, other)| *other > number))
            || self.group.asked.get(&index).is_some_and(|asked| *asked > number)
    }

    /// A commit is about to be asked for: it may be there from now on.
    pub(super) fn commit_asked(&mut self, index: u32, number: Number) {
        let asked = self.group.asked.entry(index).or_insert(number);
        *asked = number.max(*asked);
    }
}
