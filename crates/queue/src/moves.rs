//! The rules of leaving and arriving: dead letters, and messages that somebody moves.
//!
//! A receive that would hand out a message once more than its queue allows sends it away instead and goes on with the next;
//! so a message leaves when somebody asks for it, as it does at AWS, and never by itself. A dead letter stays the message that
//! it was: its id, its receives, and in a standard queue its time. A message that was moved is a new one, as AWS's guide says
//! of a redrive ("Dead-letter queue redrive").

use crate::decide::after;
use crate::fifo::Fifo;
use crate::groups::Groups;
use crate::limits::{DEPARTED_MAX, DEPARTURES_PER_RECEIVE_MAX, WITHHELD_MILLIS};
use crate::parcel::{PASSED_OVER, Parcel};
use crate::ways::{Departure, Receives};
use crate::{DeadLetters, Effect, Message, MessageId, Queue, Reply, spread};
use engine::{Arrival, Decision, Delivery, Outgoing};
use names::{Instant, PartitionId};
use std::collections::{BTreeMap, BTreeSet};

/// What a receive does with the messages that it meets.
pub(crate) struct Met {
    /// To be handed out.
    pub(crate) kept: Vec<u64>,
    /// Received too often.
    pub(crate) dead: Vec<u64>,
    /// First of a group that has to stand still.
    pub(crate) poison: Vec<u64>,
    pub(crate) destination: Option<PartitionId>,
}

impl Met {
    /// The change that sends the dead ones away.
    pub(crate) fn departure(&mut self) -> Option<Effect> {
        let destination = self.destination.filter(|_| !self.dead.is_empty())?;
        let mut sequences = std::mem::take(&mut self.dead);
        sequences.sort_unstable();
        Some(Effect::Departed { destination, why: Departure::DeadLetter, sequences })
    }
}

impl Queue {
    /// Goes through messages in the order of a receive until `count` are found that may be handed out. What is not looked at
    /// because too much leaves at once is met by the next receive.
    pub(crate) fn meet(&self, candidates: impl Iterator<Item = u64>, count: usize) -> Met {
        let dead_letters = self.dead_letters_in_force();
        let kept = Vec::with_capacity(count);
        let mut met = Met { kept, dead: Vec::new(), poison: Vec::new(), destination: None };
        let parks = self.fifo.as_ref().map(|fifo| &fifo.parks);
        met.destination = dead_letters.map(|dead_letters| dead_letters.destination);
        if count == 0 {
            return met;
        }
        for sequence in candidates {
            if dead_letters.is_some_and(|dead_letters| self.is_dead(sequence, dead_letters)) {
                met.dead.push(sequence);
            } else if parks.is_some_and(|parks| self.is_poison(parks, sequence)) {
                met.poison.push(sequence);
            } else {
                met.kept.push(sequence);
            }
            if met.kept.len() == count || met.dead.len() + met.poison.len() == DEPARTURES_PER_RECEIVE_MAX {
                break;
            }
        }
        met
    }

    /// Where dead letters go, unless that is gone or too many are on their way: then messages are handed out as if nothing
    /// were set.
    pub(crate) fn dead_letters_in_force(&self) -> Option<DeadLetters> {
        let is_open = |dead_letters: &DeadLetters| match &self.ways {
            None => true,
            Some(ways) => ways.len() < DEPARTED_MAX && !ways.is_missing(dead_letters.destination),
        };
        self.settings.dead_letters.filter(is_open)
    }

    fn is_dead(&self, sequence: u64, dead_letters: DeadLetters) -> bool {
        self.exceptions.get(sequence).is_some_and(|status| status.receive >= dead_letters.max_receives)
    }

    /// Messages before `below` that could be sent away, oldest first, as AWS's guide says of a redrive ("Configure a dead-letter
    /// queue redrive"). Those of a FIFO queue's group go in their order and not past one that is hidden, so a group that somebody has in flight stays. A parked group goes with the others: it
    /// stands still for those who receive, and whoever moves a queue means all that is visible in it.
    pub fn movable(&self, below: u64, max: usize) -> Vec<u64> {
        match &self.fifo {
            None => self.visible.iter().take_while(|&sequence| sequence < below).take(max).collect(),
            Some(fifo) => {
                let known_below = below.min(fifo.groups.known_below());
                let mut leads = Leads::new(&fifo.groups);
                let known = self.visible.iter().take_while(|&sequence| sequence < known_below);
                known.filter(|&sequence| leads.go_on(sequence)).take(max).collect()
            }
        }
    }

    /// Those of a FIFO queue's messages that may leave: with all that are before them in their group.
    fn led_by_their_groups(&self, fifo: &Fifo, sequences: &[u64]) -> Vec<u64> {
        let asked: BTreeSet<u64> = sequences.iter().copied().collect();
        let groups: BTreeSet<u64> = sequences.iter().filter_map(|&sequence| fifo.groups.group_of(sequence)).collect();
        let may_leave = |sequence: &u64| asked.contains(sequence) && self.visible.contains(*sequence);
        let leaving = groups.iter().flat_map(|&group| fifo.groups.members(group).take_while(may_leave));
        let mut leaving: Vec<u64> = leaving.collect();
        leaving.sort_unstable();
        leaving
    }

    /// How many messages somebody moved that have not arrived yet.
    pub fn moving(&self) -> usize {
        self.ways.as_ref().map_or(0, |ways| ways.moving())
    }

    /// The sequence that no message has yet, and how many before it are visible.
    pub fn backlog(&self) -> (u64, usize) {
        (self.next_sequence, self.visible.len())
    }

    /// Sends those of the messages away that are movable.
    pub(crate) fn send_away<E: From<Effect>>(
        &self,
        destination: PartitionId,
        mut sequences: Vec<u64>,
    ) -> Decision<E, Reply> {
        let room = DEPARTED_MAX.saturating_sub(self.ways.as_ref().map_or(0, |ways| ways.len()));
        sequences.sort_unstable();
        sequences.dedup();
        match &self.fifo {
            None => sequences.retain(|&sequence| self.visible.contains(sequence)),
            Some(fifo) => sequences = self.led_by_their_groups(fifo, &sequences),
        }
        sequences.truncate(room);
        let reply = Reply::SentAway(sequences.clone());
        let departed = Effect::Departed { destination, why: Departure::Moved, sequences };
        let is_none = matches!(&reply, Reply::SentAway(sequences) if sequences.is_empty());
        Decision::change(if is_none { Vec::new() } else { vec![departed.into()] }, reply)
    }

    /// Takes parcels in; what has arrived before is dropped.
    pub(crate) fn arrive<E: From<Effect>>(&self, now: Instant, arrival: Arrival) -> Decision<E, Reply> {
        let Arrival { origin, first, parcels } = arrival;
        let arrived = self.ways.as_ref().map_or(0, |ways| ways.arrived(origin));
        let below = first + parcels.len() as u64;
        if below <= arrived {
            return Decision::answer(Reply::Arrived);
        }
        let mut effects: Vec<E> = vec![Effect::Arrived { origin, below, at: now }.into()];
        let mut receives = Vec::new();
        let new = (first..).zip(parcels).filter(|(number, bytes)| *number >= arrived && bytes[..] != PASSED_OVER);
        for ((number, bytes), sequence) in new.zip(self.next_sequence..) {
            let parcel = Parcel::decode(&bytes).expect("parcels are made by this very program");
            if parcel.why == Departure::DeadLetter && parcel.receives.count > 0 {
                receives.push((sequence, parcel.receives));
            }
            effects.push(self.take_in(now, origin, number, sequence, parcel).into());
        }
        if !receives.is_empty() {
            effects.push(Effect::Carried(receives).into());
        }
        Decision::change(effects, Reply::Arrived)
    }

    /// What arrives is no duplicate of anything, and nothing that is sent is one of it: it may have been sent within the last
    /// five minutes itself, and whoever sent that may send it again. So no deduplication id arrives with it.
    fn take_in(&self, now: Instant, origin: PartitionId, number: u64, sequence: u64, parcel: Parcel) -> Effect {
        let Parcel { why, message, sequence: place, .. } = parcel;
        let message = message.without_dedup();
        let restarted = now.max(self.last_sent_at);
        match why {
            Departure::DeadLetter => {
                let sent_at = if self.settings.is_fifo { restarted } else { message.sent_at };
                Effect::Sent { sequence, visible_at: Instant::EPOCH, message: message.renewed(None, sent_at) }
            }
            Departure::Moved => {
                let id = new_id(message.id, origin, place);
                let message = message.renewed(Some(id), restarted);
                Effect::Sent { sequence, visible_at: after(now, self.settings.delay_millis), message }
            }
            Departure::Replayed => {
                // Each copy has an id of its own, however often a message is replayed.
                let id = new_id(new_id(message.id, origin, place), origin, number);
                let message = message.renewed(Some(id), restarted);
                Effect::Sent { sequence, visible_at: after(now, self.settings.delay_millis), message }
            }
        }
    }

    /// What becomes of messages that left.
    pub(crate) fn conclude<E: From<Effect>>(&self, now: Instant, delivery: Delivery) -> Decision<E, Reply> {
        let Some(ways) = &self.ways else { return Decision::answer(Reply::Concluded) };
        let (effect, next) = match delivery {
            Delivery::Taken { destination, below } if ways.expects(destination, below) => {
                (Effect::Delivered { destination, below }, self.replay_on(destination, below))
            }
            Delivery::Gone { destination } if ways.has_tray(destination) => {
                (Effect::Returned { destination, at: now }, None)
            }
            Delivery::Unreadable { destination, number } if ways.expects(destination, number + 1) => {
                let until = now.plus_millis(WITHHELD_MILLIS);
                let withheld = Effect::Withheld { destination, number, at: now, until };
                (withheld, self.replay_on(destination, number + 1))
            }
            _ => return Decision::answer(Reply::Concluded),
        };
        Decision::change([effect].into_iter().chain(next).map(E::from).collect(), Reply::Concluded)
    }

    /// Whether anything has left and not arrived.
    pub fn has_outgoing(&self) -> bool {
        self.ways.as_ref().is_some_and(|ways| ways.has_outgoing())
    }

    /// The next batch for the first destination after one.
    pub fn outgoing(&self, after: Option<PartitionId>) -> Option<Outgoing> {
        self.ways.as_ref()?.outgoing(after)
    }

    /// Why something goes to a destination under a number, if it does.
    pub fn departure(&self, destination: PartitionId, number: u64) -> Option<Departure> {
        let ways = self.ways.as_ref()?;
        let out = ways.out(destination, number)?;
        if out.is_copy { Some(Departure::Replayed) } else { Some(ways.get(out.sequence)?.why) }
    }

    /// What a destination gets under a number, of a message that has left or of a copy of one.
    pub fn parcel(&self, destination: PartitionId, number: u64, sequence: u64, message: Message) -> Vec<u8> {
        let why = self.departure(destination, number).unwrap_or(Departure::Moved);
        if why == Departure::Replayed && !self.replay().is_some_and(|replay| replay.means(message.sent_at)) {
            return PASSED_OVER.to_vec();
        }
        let left = self.ways.as_ref().and_then(|ways| ways.get(sequence)).filter(|_| why != Departure::Replayed);
        let receives = left.map_or(Receives::default(), |left| left.receives);
        Parcel { why, receives, sequence, message }.encode()
    }

    /// Forgets what was remembered of partitions that do not exist any more.
    pub fn forget_origins(&mut self, exists: &dyn Fn(PartitionId) -> bool) {
        if let Some(ways) = &mut self.ways {
            ways.forget(exists);
            self.tidy_ways();
        }
    }
}

/// How far each group of a FIFO queue leads without a gap, while visible messages are gone through from the oldest on: at its
/// last message that nothing hidden stands before.
struct Leads<'a> {
    groups: &'a Groups,
    last: BTreeMap<u64, u64>,
}

impl<'a> Leads<'a> {
    fn new(groups: &'a Groups) -> Self {
        Self { groups, last: BTreeMap::new() }
    }

    /// Whether the next visible message follows the last one of its group, or is its first. One that nobody could read is in
    /// no group.
    fn go_on(&mut self, sequence: u64) -> bool {
        let Some(group) = self.groups.group_of(sequence) else { return false };
        let next = match self.last.get(&group) {
            None => self.groups.members(group).next(),
            Some(&last) => self.groups.list_from(last).nth(1),
        };
        let goes_on = next == Some(sequence);
        if goes_on {
            self.last.insert(group, sequence);
        }
        goes_on
    }
}

/// The id of a message that was moved: other than the one it had, and the same however often it is decided. Chance has gone
/// into the old id, and the bits that say so stay.
fn new_id(MessageId(id): MessageId, origin: PartitionId, place: u64) -> MessageId {
    let [high, low] = [0, 8].map(|at| u64::from_be_bytes(id[at..at + 8].try_into().expect("eight bytes are eight")));
    let mut new = [0; 16];
    new[..8].copy_from_slice(&spread(high ^ spread(origin.get())).to_be_bytes());
    new[8..].copy_from_slice(&spread(low ^ spread(place)).to_be_bytes());
    new[6] = new[6] & 0x0f | id[6] & 0xf0;
    new[8] = new[8] & 0x3f | id[8] & 0xc0;
    MessageId(new)
}
