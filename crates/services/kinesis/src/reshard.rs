//! How shards are split and merged: which are closed and which are opened, as pure functions over the open shards.
//!
//! Children are numbered on, and cover exactly what their parents covered. UpdateShardCount comes to splits at the bounds of the
//! even division and merges of what lies between them; its intermediate shards are opened and closed at once, as AWS's are. A child
//! is a second younger than its parents at the least, so that its sequence numbers are greater than all of theirs.

use crate::settings::ShardEntry;
use names::{Instant, PartitionId};
use std::collections::{BTreeMap, HashMap};
use stream::HashRange;

/// What a resharding changes: shards that close, and new ones, some of which may be closed at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Plan {
    pub(crate) closing: Vec<u32>,
    pub(crate) opening: Vec<ShardEntry>,
}

/// The shards that a stream begins with: as many as asked for, the hashes divided evenly.
pub(crate) fn first_shards(count: u32, at: Instant, mut partition: impl FnMut() -> PartitionId) -> Vec<ShardEntry> {
    let shard = |(index, HashRange { start, end }): (u32, HashRange)| ShardEntry {
        index,
        partition: partition(),
        first_hash: start,
        last_hash: end,
        parent: None,
        adjacent_parent: None,
        opened_at: at,
        closed_at: None,
    };
    (0..).zip(HashRange::evenly(count)).map(shard).collect()
}

/// Works out a plan step by step; each step looks at the shards that it changes and no others.
pub(crate) struct Planner<F> {
    now: Instant,
    /// By where their hashes begin.
    open: BTreeMap<u128, ShardEntry>,
    /// Where the hashes of the open shards of these numbers begin.
    places: HashMap<u32, u128>,
    /// The number of the plan's first new shard.
    first_index: u32,
    next_index: u32,
    partition: F,
    plan: Plan,
}

impl<F: FnMut() -> PartitionId> Planner<F> {
    /// Begins with all shards of a stream.
    pub(crate) fn new(shards: &[ShardEntry], next_index: u32, now: Instant, partition: F) -> Self {
        let open = shards.iter().filter(|shard| shard.is_open());
        let places = open.clone().map(|shard| (shard.index, shard.first_hash)).collect();
        let open = open.map(|shard| (shard.first_hash, shard.clone())).collect();
        Self { now, open, places, first_index: next_index, next_index, partition, plan: Plan::default() }
    }

    /// Splits an open shard so that its second half begins at `at`.
    pub(crate) fn split(&mut self, index: u32, at: u128) -> &mut Self {
        if let Some(parent) = self.take(index) {
            let lower = self.child(&parent, None, (parent.first_hash, at - 1));
            let upper = self.child(&parent, None, (at, parent.last_hash));
            self.close(&parent);
            self.put(lower);
            self.put(upper);
        }
        self
    }

    /// Merges two open shards, of which one begins where the other ends.
    pub(crate) fn merge(&mut self, index: u32, adjacent: u32) -> &mut Self {
        if index != adjacent
            && [index, adjacent].iter().all(|index| self.places.contains_key(index))
            && let Some((one, other)) = self.take(index).zip(self.take(adjacent))
        {
            let range = (one.first_hash.min(other.first_hash), one.last_hash.max(other.last_hash));
            let child = self.child(&one, Some(&other), range);
            self.close(&one);
            self.close(&other);
            self.put(child);
        }
        self
    }

    /// Divides the hashes evenly among `count` shards.
    pub(crate) fn divide(&mut self, count: u32) -> &mut Self {
        for range in HashRange::evenly(count) {
            self.cut_at(range.start);
            if let Some(next) = range.end.checked_add(1) {
                self.cut_at(next);
            }
            while let Some((one, other)) = self.first_two_within(range) {
                self.merge(one, other);
            }
        }
        self
    }

    pub(crate) fn plan(&mut self) -> Plan {
        self.first_index = self.next_index;
        std::mem::take(&mut self.plan)
    }

    fn cut_at(&mut self, hash: u128) {
        let before = self.open.range(..hash).next_back();
        let across = before.map(|(_, shard)| shard).filter(|shard| hash <= shard.last_hash);
        if let Some(index) = across.map(|shard| shard.index) {
            self.split(index, hash);
        }
    }

    fn first_two_within(&self, range: HashRange) -> Option<(u32, u32)> {
        let begun = self.open.range(range.start..=range.end).map(|(_, shard)| shard);
        let mut inside = begun.filter(|shard| range.contains(shard.last_hash)).map(|shard| shard.index);
        inside.next().zip(inside.next())
    }

    fn take(&mut self, index: u32) -> Option<ShardEntry> {
        let place = self.places.remove(&index)?;
        self.open.remove(&place)
    }

    fn put(&mut self, shard: ShardEntry) {
        self.places.insert(shard.index, shard.first_hash);
        self.open.insert(shard.first_hash, shard);
    }

    fn child(&mut self, parent: &ShardEntry, adjacent: Option<&ShardEntry>, range: (u128, u128)) -> ShardEntry {
        let youngest = adjacent.map_or(parent.opened_at, |adjacent| adjacent.opened_at.max(parent.opened_at));
        let index = self.next_index;
        self.next_index += 1;
        ShardEntry {
            index,
            partition: (self.partition)(),
            first_hash: range.0,
            last_hash: range.1,
            parent: Some(parent.index),
            adjacent_parent: adjacent.map(|adjacent| adjacent.index),
            opened_at: self.now.max(youngest.plus_secs(1)),
            closed_at: None,
        }
        .noted_in(&mut self.plan)
    }

    fn close(&mut self, shard: &ShardEntry) {
        // New shards are numbered on, in the order in which they stand in the plan.
        let place = shard.index.checked_sub(self.first_index).and_then(|place| usize::try_from(place).ok());
        match place.and_then(|place| self.plan.opening.get_mut(place)) {
            Some(opened) => opened.closed_at = Some(self.now),
            None => self.plan.closing.push(shard.index),
        }
    }
}

impl ShardEntry {
    fn noted_in(self, plan: &mut Plan) -> Self {
        plan.opening.push(self.clone());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(1_000_000);

    fn partitions() -> impl FnMut() -> PartitionId {
        let mut next = 100;
        move || {
            next += 1;
            PartitionId::of_family(5, next)
        }
    }

    fn first(count: u32) -> Vec<ShardEntry> {
        first_shards(count, Instant::from_millis(5_000), partitions())
    }

    /// The open shards after a plan, and that they cover everything once.
    fn after(shards: &[ShardEntry], plan: &Plan) -> Vec<(u128, u128)> {
        let closing: std::collections::HashSet<u32> = plan.closing.iter().copied().collect();
        let kept = shards.iter().filter(|shard| !closing.contains(&shard.index));
        let mut open: Vec<_> = kept.chain(&plan.opening).filter(|shard| shard.is_open()).collect();
        open.sort_by_key(|shard| shard.first_hash);
        assert_eq!((open[0].first_hash, open[open.len() - 1].last_hash), (0, u128::MAX));
        assert!(open.windows(2).all(|pair| pair[0].last_hash + 1 == pair[1].first_hash));
        open.iter().map(|shard| (shard.first_hash, shard.last_hash)).collect()
    }

    #[test]
    fn a_split_and_a_merge_name_their_parents() {
        let shards = first(2);
        let split = Planner::new(&shards, 2, NOW, partitions()).split(0, 10).plan();
        let of: Vec<_> = split.opening.iter().map(|shard| (shard.index, shard.first_hash, shard.parent)).collect();
        assert_eq!((split.closing.as_slice(), of), (&[0][..], vec![(2, 0, Some(0)), (3, 10, Some(0))]));
        let merged = Planner::new(&shards, 2, NOW, partitions()).merge(1, 0).plan();
        let child = &merged.opening[0];
        assert_eq!(
            (child.parent, child.adjacent_parent, child.first_hash, child.last_hash),
            (Some(1), Some(0), 0, u128::MAX)
        );
        assert_eq!(merged.closing, [1, 0]);
    }

    #[test]
    fn every_division_into_half_to_twice_as_many_is_even_and_whole() {
        for from in 1..=17_u32 {
            let shards = first(from);
            for to in from.div_ceil(2)..=from * 2 {
                let plan = Planner::new(&shards, from, NOW, partitions()).divide(to).plan();
                let expected: Vec<_> = HashRange::evenly(to).map(|range| (range.start, range.end)).collect();
                assert_eq!(after(&shards, &plan), expected, "{from} to {to}");
                if from == to {
                    assert_eq!(plan, Plan::default());
                }
            }
        }
    }

    #[test]
    fn the_largest_division_is_planned_in_steps_of_its_size() {
        let shards = first(5_000);
        for count in [9_999, 10_000] {
            let plan = Planner::new(&shards, 5_000, NOW, partitions()).divide(count).plan();
            let expected: Vec<_> = HashRange::evenly(count).map(|range| (range.start, range.end)).collect();
            assert_eq!(after(&shards, &plan), expected);
        }
    }

    #[test]
    fn a_child_is_younger_than_its_parents() {
        let shards = first(1);
        let plan = Planner::new(&shards, 1, Instant::from_millis(5_001), partitions()).divide(2).plan();
        assert!(plan.opening.iter().all(|shard| shard.opened_at == Instant::from_millis(6_000)));
    }
}
