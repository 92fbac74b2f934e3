//! Which member reads which shard: evenly, and with as few changes as that allows.
//!
//! No member has two shards more than another. Whoever has more than its share gives up those with the highest numbers; nobody else
//! gives up any. The result follows from the input alone, so it needs no record of how it came about.

use std::collections::BTreeMap;

/// A shard that is to be read, and who reads it now.
pub(super) type Leased<'a> = (u32, Option<&'a str>);

/// Who reads each of these shards from now on. `members` are in order, each once.
pub(super) fn assign<'a>(members: &[&'a str], shards: &[Leased<'_>]) -> BTreeMap<u32, &'a str> {
    if members.is_empty() {
        return BTreeMap::new();
    }
    let mut held: BTreeMap<&str, Vec<u32>> = members.iter().map(|member| (*member, Vec::new())).collect();
    let mut free = Vec::new();
    for (shard, owner) in shards {
        match owner.and_then(|owner| held.get_mut(owner)) {
            Some(held) => held.push(*shard),
            None => free.push(*shard),
        }
    }
    let (share, more) = (shards.len() / members.len(), shards.len() % members.len());
    // Who has most may have one more than the others, so that nothing moves that need not.
    let mut order: Vec<&str> = members.to_vec();
    order.sort_by_key(|member| std::cmp::Reverse(held[member].len()));
    let quota: BTreeMap<&str, usize> =
        order.iter().enumerate().map(|(nth, member)| (*member, share + usize::from(nth < more))).collect();
    for (member, shards) in &mut held {
        let kept = quota[member].min(shards.len());
        free.extend(shards.drain(kept..));
    }
    free.sort_unstable();
    let mut free = free.into_iter();
    for member in members {
        let shards = held.get_mut(member).expect("each member has a place");
        let room = quota[member].saturating_sub(shards.len());
        shards.extend(free.by_ref().take(room));
    }
    let of_member = |member: &&'a str| held[member].iter().map(|shard| (*shard, *member)).collect::<Vec<_>>();
    members.iter().flat_map(of_member).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(assigned: &BTreeMap<u32, &str>, members: &[&str]) -> Vec<usize> {
        members.iter().map(|member| assigned.values().filter(|owner| *owner == member).count()).collect()
    }

    #[test]
    fn shards_are_divided_evenly_and_nobody_reads_without_members() {
        let free: Vec<Leased<'_>> = (0..7).map(|shard| (shard, None)).collect();
        assert!(assign(&[], &free).is_empty());
        let assigned = assign(&["a", "b", "c"], &free);
        assert_eq!(counts(&assigned, &["a", "b", "c"]), [3, 2, 2]);
        assert_eq!(assigned.len(), 7);
        assert_eq!(counts(&assign(&["a", "b", "c"], &free[..2]), &["a", "b", "c"]), [1, 1, 0]);
    }

    #[test]
    fn a_member_that_comes_takes_its_share_and_one_that_goes_leaves_its_shards_to_the_others() {
        let held: Vec<Leased<'_>> = (0..6).map(|shard| (shard, Some(if shard < 3 { "a" } else { "b" }))).collect();
        let with_c = assign(&["a", "b", "c"], &held);
        let moved: Vec<u32> =
            held.iter().filter(|(shard, owner)| Some(with_c[shard]) != *owner).map(|one| one.0).collect();
        assert_eq!((moved, with_c[&2], with_c[&5]), (vec![2, 5], "c", "c"));
        let without_b =
            assign(&["a", "c"], &with_c.iter().map(|(shard, owner)| (*shard, Some(*owner))).collect::<Vec<_>>());
        assert!(with_c.iter().all(|(shard, owner)| *owner == "b" || without_b[shard] == *owner), "others keep theirs");
        assert_eq!(counts(&without_b, &["a", "c"]), [3, 3]);
    }

    /// Against what is asked of it, for many histories.
    #[test]
    fn it_is_even_whole_and_moves_no_more_than_it_must() {
        let mut chance = 7u64;
        let mut roll = |below: u64| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (chance >> 33) % below
        };
        let names = ["a", "b", "c", "d", "e"];
        let mut held: BTreeMap<u32, &str> = BTreeMap::new();
        for _ in 0..3_000 {
            let members: Vec<&str> = names.into_iter().filter(|_| roll(3) > 0).collect();
            let count = roll(12) as u32;
            let before: Vec<Leased<'_>> = (0..count).map(|shard| (shard, held.get(&shard).copied())).collect();
            let assigned = assign(&members, &before);
            let each = counts(&assigned, &members);
            assert_eq!(assigned.len(), if members.is_empty() { 0 } else { count as usize });
            assert!(each.iter().max().unwrap_or(&0) - each.iter().min().unwrap_or(&0) <= 1, "{each:?}");
            let owned = |member: &str| before.iter().filter(|(_, owner)| *owner == Some(member)).count();
            let kept = before
                .iter()
                .filter(|(shard, owner)| owner.is_some() && assigned.get(shard).copied() == *owner)
                .count();
            // Nobody keeps more than the largest share, and only so many have it: no division keeps more than this one.
            let (share, more) = (count as usize / members.len().max(1), count as usize % members.len().max(1));
            let mut most: Vec<usize> = members.iter().map(|member| owned(member)).collect();
            most.sort_unstable_by(|one, other| other.cmp(one));
            let could: usize =
                most.iter().enumerate().map(|(nth, owned)| (*owned).min(share + usize::from(nth < more))).sum();
            assert_eq!(kept, could, "{before:?} {assigned:?}");
            held = assigned
                .iter()
                .map(|(shard, owner)| (*shard, names[names.iter().position(|name| name == owner).unwrap()]))
                .collect();
        }
    }
}
