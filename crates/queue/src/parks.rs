//! Groups of a FIFO queue that are parked: their first message was received too often, so none of them is handed out.
//!
//! What is remembered is that first message, and its group's digest so that the group can be named. As long as it is there
//! the group stands still behind it, whatever is learned of the group or forgotten again; when it is gone the group goes on.
//! Of a message whose group was let go on the receives are remembered that it had by then: they do not count against it
//! again. Both are exceptions, and the number of parked groups has a bound.
//!
//! The rule: a group is parked when a receive meets a first message that was received as often as the queue's owner allows,
//! and no redrive policy sends that message away instead. So which of the two acts is the one with the lower number, and of
//! two that are equal the redrive policy, because what AWS promises comes before what tidewire adds.

use crate::limits::PARKED_GROUPS_MAX;
use crate::visible::Visible;
use crate::{Effect, Queue, Reply};
use engine::Decision;
use engine::varint::{Reader, put};
use names::Instant;
use std::collections::BTreeMap;

/// What is to become of parked groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpark {
    /// Their messages are handed out again, the first one as often as any new message.
    Release,
    /// Each group's first message is deleted, and the others are handed out.
    DropFirst,
    /// All messages of the groups are deleted, as far as a receive looks into the queue.
    DropAll,
}

/// The parked groups of a queue.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Parks {
    /// First messages of parked groups, with the digest of the group.
    parked: BTreeMap<u64, u64>,
    /// Messages whose groups were let go on, with their receives by then.
    forgiven: BTreeMap<u64, u32>,
}

impl Parks {
    pub(crate) fn is_parked(&self, sequence: u64) -> bool {
        self.parked.contains_key(&sequence)
    }

    /// How many groups are parked.
    pub(crate) fn len(&self) -> usize {
        self.parked.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parked.is_empty() && self.forgiven.is_empty()
    }

    /// How many of a message's receives do not count.
    pub(crate) fn forgiven(&self, sequence: u64) -> u32 {
        self.forgiven.get(&sequence).copied().unwrap_or(0)
    }

    /// The digests of all parked groups.
    pub(crate) fn groups(&self) -> impl Iterator<Item = u64> {
        self.parked.values().copied()
    }

    /// First messages of the parked groups, or of one of them.
    fn firsts(&self, group: Option<u64>) -> impl Iterator<Item = u64> {
        let is_meant = move |(_, hash): &(&u64, &u64)| group.is_none_or(|group| group == **hash);
        self.parked.iter().filter(is_meant).map(|(sequence, _)| *sequence)
    }

    pub(crate) fn park(&mut self, sequence: u64, group: u64) {
        self.parked.insert(sequence, group);
    }

    pub(crate) fn forgive(&mut self, sequence: u64, receives: u32) {
        self.parked.remove(&sequence);
        self.forgiven.insert(sequence, receives);
    }

    /// A message is gone.
    pub(crate) fn remove(&mut self, sequence: u64) {
        self.parked.remove(&sequence);
        self.forgiven.remove(&sequence);
    }

    pub(crate) fn remove_below(&mut self, below: u64) {
        self.parked = self.parked.split_off(&below);
        self.forgiven = self.forgiven.split_off(&below);
    }

    /// Lets groups go on, and tells their first messages.
    pub(crate) fn let_go(&mut self, may_go: impl Fn(u64, u32) -> bool) -> Vec<u64> {
        let let_go: Vec<u64> =
            self.firsts(None).filter(|&sequence| may_go(sequence, self.forgiven(sequence))).collect();
        for sequence in &let_go {
            self.parked.remove(sequence);
        }
        let_go
    }

    /// All messages that something is remembered of.
    pub(crate) fn sequences(&self) -> impl Iterator<Item = u64> {
        self.parked.keys().chain(self.forgiven.keys()).copied()
    }

    /// Appends all of it: see snapshot.rs.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put(out, self.parked.len() as u64);
        let mut before = 0;
        for (sequence, group) in &self.parked {
            put(out, sequence - before);
            out.extend(group.to_le_bytes());
            before = *sequence;
        }
        put(out, self.forgiven.len() as u64);
        before = 0;
        for (sequence, receives) in &self.forgiven {
            put(out, sequence - before);
            put(out, (*receives).into());
            before = *sequence;
        }
    }

    /// Reads what `put` wrote.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, &'static str> {
        let mut parks = Self::default();
        let mut sequence = 0u64;
        let next = |reader: &mut Reader<'_>, before: u64| {
            let step = reader.varint()?;
            before.checked_add(step).filter(|_| step > 0).ok_or("sequences do not rise")
        };
        for _ in 0..reader.varint()? {
            sequence = next(reader, sequence)?;
            parks.parked.insert(sequence, u64::from_le_bytes(reader.array()?));
        }
        sequence = 0;
        for _ in 0..reader.varint()? {
            sequence = next(reader, sequence)?;
            let receives = u32::try_from(reader.varint()?).map_err(|_| "a receive count is larger than 32 bits")?;
            parks.forgiven.insert(sequence, receives);
        }
        if parks.is_empty() { Err("a part of a queue that says nothing") } else { Ok(parks) }
    }
}

impl Queue {
    /// Whether a message was received so often that its group has to stand still.
    pub(crate) fn is_poison(&self, parks: &Parks, sequence: u64) -> bool {
        let most = u32::from(self.settings.park_after);
        if most == 0 || parks.len() >= PARKED_GROUPS_MAX {
            return false;
        }
        let received = self.exceptions.get(sequence).map_or(0, |status| status.receive);
        let is_dead = || self.dead_letters_in_force().is_some_and(|letters| received >= letters.max_receives);
        received.saturating_sub(parks.forgiven(sequence)) >= most && !is_dead()
    }

    /// Digests of the groups that are parked.
    pub fn parked_groups(&self) -> Vec<u64> {
        self.fifo.iter().flat_map(|fifo| fifo.parks.groups()).collect()
    }

    /// Answers [`crate::Command::Unpark`].
    pub(crate) fn unpark<E: From<Effect>>(&self, now: Instant, group: Option<u64>, how: Unpark) -> Decision<E, Reply> {
        let Some(fifo) = &self.fifo else { return Decision::answer(Reply::Unparked(0)) };
        let firsts: Vec<u64> = fifo.parks.firsts(group).collect();
        let reply = Reply::Unparked(firsts.len());
        if firsts.is_empty() {
            return Decision::answer(reply);
        }
        let effects = match how {
            Unpark::Release => {
                let receives = |sequence| self.exceptions.get(sequence).map_or(0, |status| status.receive);
                let entries = firsts.into_iter().map(|sequence| (sequence, receives(sequence))).collect();
                vec![Effect::Unparked(entries).into()]
            }
            Unpark::DropFirst => self.removal(now, firsts),
            Unpark::DropAll => {
                let groups = firsts.iter().filter_map(|&first| fifo.groups.group_of(first));
                let mut all: Vec<u64> =
                    groups.flat_map(|hash| fifo.groups.members(hash)).chain(firsts.clone()).collect();
                all.sort_unstable();
                all.dedup();
                self.removal(now, all)
            }
        };
        Decision::change(effects, reply)
    }

    /// What parking changes.
    pub(crate) fn apply_park(&mut self, effect: &Effect) {
        let changed: Vec<u64> = match effect {
            Effect::Parked(entries) => {
                let there: Vec<_> = entries.iter().copied().filter(|(sequence, _)| self.is_here(*sequence)).collect();
                let Some(fifo) = &mut self.fifo else { return };
                there.iter().for_each(|&(sequence, group)| fifo.parks.park(sequence, group));
                there.into_iter().map(|(sequence, _)| sequence).collect()
            }
            Effect::Unparked(entries) => {
                let there: Vec<_> = entries.iter().copied().filter(|(sequence, _)| self.is_here(*sequence)).collect();
                let Some(fifo) = &mut self.fifo else { return };
                there.iter().for_each(|&(sequence, receives)| fifo.parks.forgive(sequence, receives));
                there.into_iter().map(|(sequence, _)| sequence).collect()
            }
            _ => unreachable!("the caller has looked"),
        };
        self.offer_again(&changed);
    }

    /// The owner allows another number of receives.
    pub(crate) fn park_after(&mut self, most: u16) {
        let most = u32::from(most);
        let Self { fifo: Some(fifo), exceptions, .. } = self else { return };
        let received = |sequence| exceptions.get(sequence).map_or(0, |status| status.receive);
        let let_go =
            fifo.parks.let_go(|sequence, forgiven| most == 0 || received(sequence).saturating_sub(forgiven) < most);
        if most == 0 {
            fifo.parks = Parks::default();
        }
        self.offer_again(&let_go);
    }

    fn offer_again(&mut self, firsts: &[u64]) {
        let Self { fifo: Some(fifo), visible, .. } = self else { return };
        for sequence in firsts {
            let (groups, may_serve) = fifo.serving(visible);
            groups.changed(*sequence, may_serve);
        }
    }
}

/// Which messages may be handed out, as far as parking goes: those that are visible and not first of a parked group.
pub(crate) fn may_serve<'a>(parks: &'a Parks, visible: &'a Visible) -> impl Fn(u64) -> bool + 'a {
    move |sequence| visible.contains(sequence) && !parks.is_parked(sequence)
}
