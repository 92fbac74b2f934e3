//! Which group each message of the window is of, and whose turn it is.
//!
//! A group is the list of its messages that are there, oldest first, in whatever state. It may be served while its first message
//! is visible: a message in flight or delayed holds back all that were sent after it, and none that was sent before it, which
//! is what AWS was recorded doing. Groups that may be served stand in the order in which they became so, and one that is served
//! goes to the end: AWS was recorded doing that as well, and no group starves.
//!
//! Everything here is knowledge and not state: what is known after a restart is learned from the messages' contents again, in
//! rising order, as far as a receive has to look. Queues that differ in it alone are equal. Known are all messages below
//! `known_below`, except those that nobody could read; they are in no group.

use crate::limits::STALE_TURNS_MAX;
use crate::nodes::{Node, Nodes};
use std::collections::{BTreeMap, VecDeque};

/// The groups of a window.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    nodes: Nodes,
    groups: Vec<Group>,
    free: Vec<u32>,
    by_hash: BTreeMap<u64, u32>,
    /// Places of groups, in the order in which they are served; one is stale if it is not the group's turn any more.
    turns: VecDeque<(u32, u32)>,
    next_turn: u32,
    offered: usize,
    known_below: u64,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    hash: u64,
    /// Its last message, which links to the first.
    tail: u64,
    /// Zero if it may not be served.
    turn: u32,
}

const _: () = assert!(size_of::<Group>() == 24);

impl PartialEq for Groups {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Groups {
    /// How many messages are in groups here.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// How many groups may be served.
    pub(crate) fn offered(&self) -> usize {
        self.offered
    }

    /// No message below this has to be learned.
    pub(crate) fn known_below(&self) -> u64 {
        self.known_below
    }

    /// Whether the group of a message is known.
    #[cfg(test)]
    pub(crate) fn contains(&self, sequence: u64) -> bool {
        self.nodes.get(sequence).is_some()
    }

    /// The first messages of the groups that may be served, in the order of their turns.
    pub(crate) fn heads(&self) -> impl Iterator<Item = u64> {
        let is_valid = |&&(slot, turn): &&(u32, u32)| self.groups[slot as usize].turn == turn;
        self.turns.iter().filter(is_valid).map(|&(slot, _)| self.head(slot))
    }

    /// The group of a message, if it is known to be of one.
    pub(crate) fn group_of(&self, sequence: u64) -> Option<u64> {
        self.nodes.get(sequence).map(|node| self.groups[node.slot as usize].hash)
    }

    /// All known messages of a group, oldest first.
    pub(crate) fn members(&self, hash: u64) -> impl Iterator<Item = u64> {
        self.by_hash.get(&hash).into_iter().flat_map(|&slot| self.list_from(self.head(slot)))
    }

    /// A message and those of its group that follow it.
    pub(crate) fn list_from(&self, sequence: u64) -> impl Iterator<Item = u64> {
        let end = self.nodes.get(sequence).map(|node| self.head(node.slot));
        std::iter::successors(end.map(|_| sequence), move |&sequence| {
            self.nodes.get(sequence).map(|node| node.next()).filter(|&next| Some(next) != end)
        })
    }

    /// The messages below this are known, or nobody can read them.
    pub(crate) fn know_below(&mut self, sequence: u64) {
        self.known_below = self.known_below.max(sequence);
    }

    /// Adds a message behind all that are known.
    pub(crate) fn learn(&mut self, sequence: u64, hash: u64, is_visible: impl Fn(u64) -> bool) {
        self.know_below(sequence + 1);
        if let Some(&slot) = self.by_hash.get(&hash) {
            let tail = self.groups[slot as usize].tail;
            let head = self.head(slot);
            self.nodes.set(tail, Node::new(slot, sequence));
            self.nodes.set(sequence, Node::new(slot, head));
            self.groups[slot as usize].tail = sequence;
            return;
        }
        let slot = self.found(Group { hash, tail: sequence, turn: 0 });
        self.by_hash.insert(hash, slot);
        self.nodes.set(sequence, Node::new(slot, sequence));
        self.offer(slot, is_visible);
    }

    /// A message is visible, or is hidden, and was not.
    pub(crate) fn changed(&mut self, sequence: u64, is_visible: impl Fn(u64) -> bool) {
        let Some(node) = self.nodes.get(sequence) else { return };
        if self.head(node.slot) == sequence {
            self.offer(node.slot, is_visible);
        }
    }

    /// A message was handed out, perhaps without being hidden: it is the other groups' turn.
    pub(crate) fn served(&mut self, sequence: u64, is_visible: impl Fn(u64) -> bool) {
        let Some(node) = self.nodes.get(sequence) else { return };
        if self.head(node.slot) == sequence {
            self.withdraw(node.slot);
            self.offer(node.slot, is_visible);
        }
    }

    /// A message is gone.
    pub(crate) fn remove(&mut self, sequence: u64, is_visible: impl Fn(u64) -> bool) {
        let Some(node) = self.nodes.remove(sequence) else { return };
        let slot = node.slot;
        let tail = self.groups[slot as usize].tail;
        if node.next() == sequence {
            self.forget(slot);
            return;
        }
        let is_head = self.nodes.get(tail).is_some_and(|last| last.next() == sequence);
        // What is not the first is one of those in flight behind it, so its predecessor is a few steps from the first.
        let before = if is_head { tail } else { self.before(tail, node, sequence) };
        self.nodes.set(before, Node::new(slot, node.next()));
        if tail == sequence {
            self.groups[slot as usize].tail = before;
        }
        if is_head {
            self.withdraw(slot);
            self.offer(slot, is_visible);
        }
    }

    /// All messages below this are gone.
    pub(crate) fn remove_below(&mut self, sequence: u64, is_visible: impl Fn(u64) -> bool) {
        while let Some(first) = self.nodes.first().filter(|&first| first < sequence) {
            self.remove(first, &is_visible);
        }
        self.know_below(sequence);
        self.tidy();
    }

    /// Keeps the bounds on what is outdated.
    pub(crate) fn tidy(&mut self) {
        while self
            .turns
            .front()
            .is_some_and(|&(slot, turn)| self.groups.get(slot as usize).is_none_or(|group| group.turn != turn))
        {
            self.turns.pop_front();
        }
        if self.turns.len() > 2 * self.offered + STALE_TURNS_MAX {
            let groups = &self.groups;
            self.turns.retain(|&(slot, turn)| groups[slot as usize].turn == turn);
            self.turns.shrink_to(2 * self.turns.len() + STALE_TURNS_MAX);
        }
        if self.by_hash.is_empty() && self.groups.capacity() > STALE_TURNS_MAX {
            (self.groups, self.free, self.turns) = (Vec::new(), Vec::new(), VecDeque::new());
        }
    }

    fn head(&self, slot: u32) -> u64 {
        let tail = self.groups[slot as usize].tail;
        self.nodes.get(tail).map_or(tail, |node| node.next())
    }

    /// The message before one that was just taken out and is not the group's first.
    fn before(&self, tail: u64, taken: Node, sequence: u64) -> u64 {
        let mut before = if tail == sequence { taken.next() } else { self.next(tail) };
        while self.next(before) != sequence {
            before = self.next(before);
        }
        before
    }

    fn next(&self, sequence: u64) -> u64 {
        self.nodes.get(sequence).expect("a group's list leads from message to message").next()
    }

    fn found(&mut self, group: Group) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.groups[slot as usize] = group;
            return slot;
        }
        if self.groups.len() == self.groups.capacity() {
            // Not doubled: a window has a hundred thousand groups at the most, and half of them would be empty room.
            self.groups.reserve_exact(self.groups.len() / 8 + 4);
        }
        self.groups.push(group);
        u32::try_from(self.groups.len() - 1).expect("there are no more groups than messages in the window")
    }

    fn forget(&mut self, slot: u32) {
        self.withdraw(slot);
        self.by_hash.remove(&self.groups[slot as usize].hash);
        self.free.push(slot);
    }

    /// Gives the group its turn if it may be served and has none, and takes it if it may not.
    fn offer(&mut self, slot: u32, is_visible: impl Fn(u64) -> bool) {
        if !is_visible(self.head(slot)) {
            self.withdraw(slot);
        } else if self.groups[slot as usize].turn == 0 {
            self.next_turn = self.next_turn.checked_add(1).unwrap_or(1);
            self.groups[slot as usize].turn = self.next_turn;
            self.turns.push_back((slot, self.next_turn));
            self.offered += 1;
        }
    }

    fn withdraw(&mut self, slot: u32) {
        self.offered -= usize::from(self.groups[slot as usize].turn != 0);
        self.groups[slot as usize].turn = 0;
    }
}
