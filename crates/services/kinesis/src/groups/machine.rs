//! A consumer group as a machine: its members, which of them reads which shard, and how far each shard has been read.
//!
//! A shard is lent to a member under a generation, which rises with every change of who reads what: whoever lost a shard, and got it
//! back, has another. A position is taken only from the member that has the shard, under the generation that it got it with. Children of
//! a shard are lent when all their parents have been read to their ends. When a member was heard last is no state: the catalog knows
//! it, and says inside the command who has been silent for too long. So does it say which shards the stream has at that moment.

use super::assign::assign;
use super::records::{self, Effect};
use crate::limits;
use crate::refusal::Refusal;
use crate::shard_id;
use engine::{Decision, Machine, MalformedRecord, Tally};
use names::{Instant, PartitionId, Position};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One group.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Group {
    /// None before its first record.
    pub(crate) about: Option<Arc<About>>,
    /// Rises with every change of who reads what.
    pub(crate) generation: u64,
    pub(crate) members: BTreeMap<Box<str>, Member>,
    /// By the number of the shard.
    pub(crate) shards: BTreeMap<u32, Place>,
    pub(crate) is_deleted: bool,
}

/// What a group is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    /// The stream that it reads.
    pub(crate) stream: PartitionId,
    pub(crate) name: Box<str>,
    pub(crate) created_at: Instant,
}

/// One of those who read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    /// For how long it may be silent.
    pub(crate) session_millis: u32,
    pub(crate) joined_at: Instant,
}

/// How far a shard has been read, and by whom it is read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The counter of the first record that is not done with.
    pub(crate) next: u64,
    /// What was committed last, if anything was.
    pub(crate) committed: Option<Committed>,
    pub(crate) owner: Option<Box<str>>,
    /// The group's when the shard was lent last, or taken away.
    pub(crate) generation: u64,
}

/// A position that a member said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Committed {
    /// When the record before the position arrived, as its sequence number says it.
    pub(crate) arrived_at: Instant,
    pub(crate) at: Instant,
}

/// A shard of the stream as it is at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShardNow {
    pub(crate) index: u32,
    pub(crate) parents: [Option<u32>; 2],
    /// The first counter that is held.
    pub(crate) first: u64,
    /// The counter behind the last record, if the shard takes no more.
    pub(crate) end: Option<u64>,
}

impl ShardNow {
    /// Whether whoever has read up to `next` has read all.
    pub(crate) fn is_done(&self, next: u64) -> bool {
        self.end.is_some_and(|end| next.max(self.first) >= end)
    }
}

/// What has changed around the group since it was last told.
#[derive(Debug, Clone, Default)]
pub(crate) struct News {
    /// Members that were silent for longer than they may be.
    pub(crate) silent: Vec<Box<str>>,
    /// All shards of the stream; nothing if they are as they were.
    pub(crate) shards: Option<Vec<ShardNow>>,
}

impl News {
    pub(crate) fn is_nothing(&self) -> bool {
        self.silent.is_empty() && self.shards.is_none()
    }
}

/// What may be asked.
pub(crate) enum Command {
    Create {
        about: About,
        /// Where each shard begins.
        places: Vec<(u32, u64)>,
    },
    /// Answers all there is to it.
    Describe,
    /// Nothing but the news.
    Tend(News),
    /// A member comes; one of this name that is there is another from now on.
    Join {
        member: Box<str>,
        session_millis: u32,
        news: News,
    },
    /// A member says that it is there. Answers what it reads.
    Beat {
        member: Box<str>,
        news: News,
    },
    Leave {
        member: Box<str>,
        news: News,
    },
    Commit {
        member: Box<str>,
        shard: u32,
        /// That of the shard, as the member was told it.
        generation: u64,
        /// The counter of the first record that is not done with.
        next: u64,
        arrived_at: Instant,
        news: News,
    },
    /// Positions are put elsewhere; who reads there learns it by another generation.
    Reset {
        places: Vec<(u32, u64)>,
        news: News,
    },
    Delete {
        with_members: bool,
    },
}

/// What is answered.
#[derive(Debug)]
pub(crate) enum Reply {
    Described(Box<Group>),
    /// What a member reads.
    Lent(Lent),
    /// Done, under this generation of the group.
    Done(u64),
    Refused(Refused),
    Exists,
    Gone,
}

/// The shards of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lent {
    pub(crate) generation: u64,
    pub(crate) session_millis: u32,
    pub(crate) shards: Vec<(u32, Place)>,
}

/// Why something is not done. The service words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The member is not there, or no longer.
    NoMember(Box<str>),
    TooManyMembers,
    /// The group does not follow the shard.
    NoShard(u32),
    /// The shard is not the member's under that generation: whose it is, and under which.
    Stale {
        shard: u32,
        asked: u64,
        owner: Option<Box<str>>,
        generation: u64,
    },
    /// The position lies behind what is committed.
    Backwards(u32),
    HasMembers(usize),
}

impl Group {
    pub(crate) fn about(&self) -> Option<&Arc<About>> {
        self.about.as_ref().filter(|_| !self.is_deleted)
    }

    /// Takes the changes in one by one, and gathers them.
    fn working(&self) -> Working {
        #[cfg(test)]
        tests::COPIES.with(|copies| copies.set(copies.get() + 1));
        Working { group: self.clone(), effects: Vec::new() }
    }

    fn lent(&self, member: &str) -> Reply {
        let Some(found) = self.members.get(member) else { return Reply::Refused(Refused::NoMember(member.into())) };
        let own = self.shards.iter().filter(|(_, place)| place.owner.as_deref() == Some(member));
        Reply::Lent(Lent {
            generation: self.generation,
            session_millis: found.session_millis,
            shards: own.map(|(index, place)| (*index, place.clone())).collect(),
        })
    }

    fn check_commit(&self, member: &str, shard: u32, asked: u64, next: u64) -> Result<(), Refused> {
        if !self.members.contains_key(member) {
            return Err(Refused::NoMember(member.into()));
        }
        let place = self.shards.get(&shard).ok_or(Refused::NoShard(shard))?;
        if place.owner.as_deref() != Some(member) || place.generation != asked {
            let (owner, generation) = (place.owner.clone(), place.generation);
            return Err(Refused::Stale { shard, asked, owner, generation });
        }
        if next < place.next { Err(Refused::Backwards(shard)) } else { Ok(()) }
    }

    fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::Created { about, places } => {
                self.about = Some(Arc::clone(about));
                self.follow(places);
            }
            Effect::MemberJoined { name, member } => {
                self.release(name);
                self.members.insert(name.clone(), *member);
            }
            Effect::MemberGone { name } => {
                self.release(name);
                self.members.remove(name);
            }
            Effect::ShardsFollowed(places) => self.follow(places),
            Effect::ShardsForgotten(shards) => self.shards.retain(|index, _| !shards.contains(index)),
            Effect::Lent { generation, shards } => {
                self.generation = *generation;
                for (index, owner) in shards {
                    if let Some(place) = self.shards.get_mut(index) {
                        (place.owner, place.generation) = (owner.clone(), *generation);
                    }
                }
            }
            Effect::Committed { shard, next, committed } => {
                if let Some(place) = self.shards.get_mut(shard) {
                    (place.next, place.committed) = (*next, Some(*committed));
                }
            }
            Effect::Reset { generation, places } => {
                self.generation = *generation;
                for (index, next) in places {
                    if let Some(place) = self.shards.get_mut(index) {
                        (place.next, place.committed, place.generation) = (*next, None, *generation);
                    }
                }
            }
            Effect::Deleted => self.is_deleted = true,
        }
    }

    fn follow(&mut self, places: &[(u32, u64)]) {
        let generation = self.generation;
        let place = |next| Place { next, committed: None, owner: None, generation };
        self.shards.extend(places.iter().map(|(index, next)| (*index, place(*next))));
    }

    /// Takes a member's shards from it, until they are lent again.
    fn release(&mut self, member: &str) {
        let own = self.shards.values_mut().filter(|place| place.owner.as_deref() == Some(member));
        own.for_each(|place| place.owner = None);
    }
}

/// A group with the changes that are being decided.
struct Working {
    group: Group,
    effects: Vec<Effect>,
}

impl Working {
    fn change(&mut self, effect: Effect) {
        self.group.take(&effect);
        self.effects.push(effect);
    }

    /// Members that were silent go.
    fn expire(&mut self, silent: &[Box<str>]) {
        for name in silent {
            if self.group.members.contains_key(name) {
                self.change(Effect::MemberGone { name: name.clone() });
            }
        }
    }

    /// Shards that are new are followed from their beginnings, those that the stream has forgotten are, too.
    fn follow(&mut self, shards: &[ShardNow]) {
        let known: BTreeSet<u32> = shards.iter().map(|shard| shard.index).collect();
        let new: Vec<(u32, u64)> =
            known.iter().filter(|index| !self.group.shards.contains_key(index)).map(|index| (*index, 1)).collect();
        let gone: Vec<u32> = self.group.shards.keys().filter(|index| !known.contains(index)).copied().collect();
        if !new.is_empty() {
            self.change(Effect::ShardsFollowed(new));
        }
        if !gone.is_empty() {
            self.change(Effect::ShardsForgotten(gone));
        }
    }

    /// Lends shards anew where that is due. `before` is the group as it was, if owners have changed since: a shard that was taken away
    /// and comes back is lent anew.
    fn lend(&mut self, before: Option<&Group>, shards: &[ShardNow]) {
        let Group { shards: places, members, generation, .. } = &self.group;
        let now: BTreeMap<u32, &ShardNow> = shards.iter().map(|shard| (shard.index, shard)).collect();
        let is_done = |index: u32| match (now.get(&index), places.get(&index)) {
            (Some(shard), Some(place)) => shard.is_done(place.next),
            // The stream has forgotten it: nothing of it is left to be read.
            _ => true,
        };
        // Parents have smaller numbers. One that nothing was put into is done, and still its children wait for those it came of.
        let mut unfinished = BTreeSet::new();
        for shard in now.values() {
            if !is_done(shard.index) || shard.parents.iter().flatten().any(|parent| unfinished.contains(parent)) {
                unfinished.insert(shard.index);
            }
        }
        let is_due = |shard: &&ShardNow| {
            !is_done(shard.index) && !shard.parents.iter().flatten().any(|parent| unfinished.contains(parent))
        };
        let due: Vec<u32> = shards.iter().filter(is_due).map(|shard| shard.index).collect();
        let owner = |index: &u32| places.get(index).and_then(|place| place.owner.as_deref());
        let leased: Vec<_> = due.iter().map(|index| (*index, owner(index))).collect();
        let names: Vec<&str> = members.keys().map(|name| &**name).collect();
        let assigned = assign(&names, &leased);
        let was = |index: &u32| match before {
            Some(before) => before.shards.get(index).and_then(|place| place.owner.as_deref()),
            None => owner(index),
        };
        let changed: Vec<(u32, Option<Box<str>>)> = places
            .keys()
            .map(|index| (*index, assigned.get(index).copied()))
            .filter(|(index, to)| owner(index) != *to || was(index) != *to)
            .map(|(index, to)| (index, to.map(Box::from)))
            .collect();
        if !changed.is_empty() {
            let generation = generation + 1;
            self.change(Effect::Lent { generation, shards: changed });
        }
    }

    /// The news, and what follows of all that has changed.
    fn settle(mut self, before: &Group, news: &News) -> Self {
        self.expire(&news.silent);
        self.share_out(before, news)
    }

    /// The same where whoever was silent is gone already.
    fn share_out(mut self, before: &Group, news: &News) -> Self {
        if let Some(shards) = &news.shards {
            self.follow(shards);
            self.lend(Some(before), shards);
        }
        self
    }

    /// What follows of a change of positions, after which shards are done or no longer.
    fn lend_on(mut self, news: &News) -> Self {
        if let Some(shards) = &news.shards {
            self.lend(None, shards);
        }
        self
    }

    fn answer(self, reply: impl FnOnce(&Group) -> Reply) -> Decision<Effect, Reply> {
        let reply = reply(&self.group);
        Decision::change(self.effects, reply)
    }
}

impl Group {
    fn decide_about(&self, now: Instant, command: Command) -> Decision<Effect, Reply> {
        match command {
            Command::Create { .. } => Decision::answer(Reply::Exists),
            Command::Describe => Decision::answer(Reply::Described(Box::new(self.clone()))),
            Command::Tend(news) => self.working().settle(self, &news).answer(|group| Reply::Done(group.generation)),
            Command::Beat { member, news } if news.is_nothing() => Decision::answer(self.lent(&member)),
            Command::Beat { member, news } => self.working().settle(self, &news).answer(|group| group.lent(&member)),
            Command::Join { member, session_millis, news } => self.join(now, &member, session_millis, &news),
            Command::Leave { member, news } => self.leave(&member, &news),
            Command::Commit { member, shard, generation, next, arrived_at, news } => {
                let committed = Committed { arrived_at, at: now };
                self.commit(&member, (shard, generation), (next, committed), &news)
            }
            Command::Reset { places, news } => self.reset(places, &news),
            Command::Delete { with_members: false } if !self.members.is_empty() => {
                Decision::answer(Reply::Refused(Refused::HasMembers(self.members.len())))
            }
            Command::Delete { .. } => Decision::change(vec![Effect::Deleted], Reply::Done(self.generation)),
        }
    }

    fn join(&self, now: Instant, name: &str, session_millis: u32, news: &News) -> Decision<Effect, Reply> {
        let mut working = self.working();
        working.expire(&news.silent);
        if !working.group.members.contains_key(name) && working.group.members.len() >= limits::MEMBERS_MAX {
            return working.settle(self, news).answer(|_| Reply::Refused(Refused::TooManyMembers));
        }
        let member = Member { session_millis, joined_at: now };
        working.change(Effect::MemberJoined { name: name.into(), member });
        // What it had belongs to the one of its name that is gone: it is lent anew, under another generation.
        let mut before = self.clone();
        before.release(name);
        // Among those who were silent may be who comes back: to be gone once is enough.
        working.share_out(&before, news).answer(|group| group.lent(name))
    }

    fn leave(&self, name: &str, news: &News) -> Decision<Effect, Reply> {
        let mut working = self.working();
        let is_there = working.group.members.contains_key(name);
        if is_there {
            working.change(Effect::MemberGone { name: name.into() });
        }
        working.settle(self, news).answer(|group| match is_there {
            true => Reply::Done(group.generation),
            false => Reply::Refused(Refused::NoMember(name.into())),
        })
    }

    fn commit(
        &self,
        member: &str,
        (shard, generation): (u32, u64),
        (next, committed): (u64, Committed),
        news: &News,
    ) -> Decision<Effect, Reply> {
        let is_new = self.shards.get(&shard).is_none_or(|place| place.next != next || place.committed.is_none());
        let effect = is_new.then_some(Effect::Committed { shard, next, committed });
        // Most commits change nothing else, and a group has thousands of shards.
        if news.is_nothing() {
            return match self.check_commit(member, shard, generation, next) {
                Ok(()) => Decision::change(effect.into_iter().collect(), Reply::Done(self.generation)),
                Err(refused) => Decision::answer(Reply::Refused(refused)),
            };
        }
        // Whoever is out by now, or has lost the shard, commits nothing.
        let mut working = self.working().settle(self, news);
        if let Err(refused) = working.group.check_commit(member, shard, generation, next) {
            return working.answer(|_| Reply::Refused(refused));
        }
        effect.into_iter().for_each(|effect| working.change(effect));
        working.lend_on(news).answer(|group| Reply::Done(group.generation))
    }

    fn reset(&self, places: Vec<(u32, u64)>, news: &News) -> Decision<Effect, Reply> {
        let mut working = self.working().settle(self, news);
        let places: Vec<_> = places.into_iter().filter(|(index, _)| working.group.shards.contains_key(index)).collect();
        if !places.is_empty() {
            working.change(Effect::Reset { generation: working.group.generation + 1, places });
        }
        working.lend_on(news).answer(|group| Reply::Done(group.generation))
    }
}

impl Refused {
    /// In words, as an error of the API.
    pub(crate) fn worded(&self, group: &str) -> Refusal {
        use crate::native::errors;
        match self {
            Self::NoMember(name) => Refusal::new(
                &errors::UNKNOWN_MEMBER_EXCEPTION,
                format!(
                    "Member {name} is not in group {group}, or was silent for longer than its session lasts. JoinGroup lets it in."
                ),
            ),
            Self::TooManyMembers => Refusal::limit(format!("A group has {} members at the most.", limits::MEMBERS_MAX)),
            Self::NoShard(shard) => {
                Refusal::not_found(format!("Group {group} reads no shard {}.", shard_id::show(*shard)))
            }
            Self::Stale { shard, asked, owner, generation } => {
                let whose = owner.as_deref().map_or("nobody's".to_owned(), |owner| format!("member {owner}'s"));
                Refusal::new(
                    &errors::STALE_GENERATION_EXCEPTION,
                    format!(
                        "Shard {} is {whose} since generation {generation}; this position is of generation {asked}. Heartbeat tells what the member reads now.",
                        shard_id::show(*shard)
                    ),
                )
            }
            Self::Backwards(shard) => Refusal::invalid(format!(
                "The position lies behind what is committed of shard {}; ResetPositions goes back.",
                shard_id::show(*shard)
            )),
            Self::HasMembers(count) => Refusal::in_use(format!(
                "Group {group} has {count} members; EnforceMemberRemoval deletes it all the same."
            )),
        }
    }
}

impl Machine for Group {
    type Command = Command;
    type Effect = Effect;
    type Reply = Reply;
    type Content = ();

    const SNAPSHOT_VERSION: u8 = records::VERSION;

    fn decide(&self, now: Instant, command: Command) -> Decision<Effect, Reply> {
        match command {
            Command::Create { about, places } if self.about.is_none() => {
                Decision::change(vec![Effect::Created { about: Arc::new(about), places }], Reply::Done(0))
            }
            command if self.about().is_some() => self.decide_about(now, command),
            _ => Decision::answer(Reply::Gone),
        }
    }

    fn apply(&mut self, _at: Position, effect: &Effect, _gone: &mut Vec<u64>) {
        self.take(effect);
    }

    fn tally(&self) -> Tally {
        Tally([u64::from(self.about().is_some()), self.members.len() as u64, self.shards.len() as u64])
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        records::put_group(self, out);
    }

    fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind: 0, version, why };
        if version != records::VERSION {
            return Err(malformed("a snapshot's version that this program does not know"));
        }
        records::group(state).ok_or_else(|| malformed("a group's snapshot does not fit its length"))
    }

    fn is_over(&self) -> bool {
        self.is_deleted
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
