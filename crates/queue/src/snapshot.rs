//! A queue's state as bytes: what a checkpoint keeps in place of all records before it.
//!
//! ```text
//! version 2     settings (settings.rs, version 2) │ next sequence v │ last sent at v
//!               │ ranges │ exceptions │ marks, each: count v, then so many entries
//!               │ sections (tagged.rs): what most queues do not have
//! version 1     the same without any section: settings are of version 1
//! range         gap v (from the end of the range before, or 0) │ length v
//! exception     step v (from the sequence before, or 0) │ receives v, times two, plus one if hidden
//!               │ if received: received at n (near the one before, or last sent at) │ first received at n (near received at)
//!               │ if hidden: until n (near received at, or the received at before)
//! section 10    ids of messages sent within the last five minutes (dedup.rs), of a FIFO queue that has such
//! section 11    receives that had names (attempts.rs), likewise
//! section 12    (empty) a standard queue that saw a message group
//! section 20    virtual queues (virtual_queues.rs): count v, then each message: step v │ virtual queue 16
//! section 21    deleted messages that are kept (shelf.rs): v count of batches, each: first deleted at v (from the last of the
//!               batch before, or 0) │ last deleted at v (from the first) │ ranges: count v, then each
//! section 22    the latest replay: destination 8 │ from v │ to v (0 is without end) │ only deleted 1 │ began at v │ next v
//!               │ below v │ examined v │ state 1 (0 running, 1 done, 2 cancelled, 3 its destination is gone)
//! section 23    parked groups (parks.rs): v count, each: step v │ group 8 │ v count of forgiven, each: step v │ receives v
//! mark          step v (from the first sequence before, or 0) │ first sent at v (from the last sent at before, or 0)
//!               │ last sent at v (from the first)
//!
//! section 1     ways: v count of trays, each: destination 8 │ first number v │ v count, each: sequence v
//!               │ why 1 (records.rs; plus 128 if it is over; 3 is a copy, without receives) │ receives v │ if any: received at v, first received at v
//!               │ v count of origins, each: origin 8 │ below v │ if dead letters have no destination any more: that 8
//! section 2     marks of which some are older than the one before: v count, each: step v
//!               │ first sent at n (near the last sent at before, or 0) │ last sent at v (from the first)
//!
//! v = number of variable length (`engine::varint`), n = distance from the number that it is near, folded so that small is short
//! ```
//! Every state has one form, and whatever is not the form of a state is refused: what is restored is whole.

use crate::Queue;
use crate::attempts::Attempts;
use crate::dedup::Dedup;
use crate::exceptions::{Exceptions, Status};
use crate::marks::{Mark, Marks};
use crate::parks::Parks;
use crate::replay::Replay;
use crate::settings::{self, Settings};
use crate::shelf::Shelf;
use crate::tagged::{Section, put_sections, read_sections};
use crate::virtual_queues;
use crate::visible::Visible;
use crate::ways::Ways;
use engine::MalformedRecord;
use engine::varint::{Reader, put, put_near};
use names::Instant;

impl Queue {
    /// The version of the layout that `snapshot` writes.
    pub const SNAPSHOT_VERSION: u8 = 2;

    /// Appends the state to `out`.
    pub fn snapshot(&self, out: &mut Vec<u8>) {
        self.settings.put(out, settings::TAGGED);
        put(out, self.next_sequence);
        put(out, self.last_sent_at.as_millis());
        put_ranges(out, &self.visible);
        put_exceptions(out, &self.exceptions, self.last_sent_at);
        match self.marks.rises() {
            true => put_marks(out, &self.marks),
            false => put(out, 0),
        }
        put_sections(out, &self.sections());
    }

    /// Reads what `snapshot` wrote.
    pub fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind: SNAPSHOT, version, why };
        if ![WITHOUT_SECTIONS, Self::SNAPSHOT_VERSION].contains(&version) {
            return Err(malformed("no such version of a queue's snapshot is known"));
        }
        let mut reader = Reader::new(state);
        let queue = read(&mut reader, version).map_err(malformed)?;
        reader.end().map_err(malformed)?;
        queue.check().map_err(malformed)?;
        Ok(queue)
    }

    /// What most queues do not have, by rising tags.
    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if let Some(ways) = &self.ways {
            let mut bytes = Vec::new();
            ways.put(&mut bytes);
            sections.push((WAYS, bytes));
        }
        if !self.marks.rises() {
            let mut bytes = Vec::new();
            put_mixed_marks(&mut bytes, &self.marks);
            sections.push((MIXED_MARKS, bytes));
        }
        let mut add = |tag, is_empty: bool, put: &dyn Fn(&mut Vec<u8>)| {
            if !is_empty {
                let mut bytes = Vec::new();
                put(&mut bytes);
                sections.push((tag, bytes));
            }
        };
        if let Some(fifo) = &self.fifo {
            add(DEDUP, fifo.dedup.is_empty(), &|out| fifo.dedup.put(out));
            add(ATTEMPTS, fifo.attempts.is_empty(), &|out| fifo.attempts.put(out));
        }
        add(FAIR, self.fair.is_none(), &|_| ());
        sections.extend(self.virtual_queues.iter().filter_map(|all| all.section()));
        self.put_keep(&mut sections);
        sections
    }

    /// What is kept beyond its deletion, what is replayed, and what stands still.
    fn put_keep(&self, sections: &mut Vec<Section>) {
        let mut add = |tag, is_there: bool, put: &dyn Fn(&mut Vec<u8>)| {
            if is_there {
                let mut bytes = Vec::new();
                put(&mut bytes);
                sections.push((tag, bytes));
            }
        };
        if let Some(keep) = &self.keep {
            add(SHELF, !keep.shelf.is_empty(), &|out| keep.shelf.put(out));
            add(REPLAY, keep.replay.is_some(), &|out| keep.replay.iter().for_each(|replay| replay.put(out)));
        }
        if let Some(fifo) = &self.fifo {
            add(PARKS, !fifo.parks.is_empty(), &|out| fifo.parks.put(out));
        }
    }

    /// Takes one section in.
    fn take(&mut self, tag: u8, section: &mut Reader<'_>) -> Result<(), &'static str> {
        match (tag, &mut self.fifo) {
            (WAYS, _) => self.ways = Some(Box::new(Ways::read(section)?)),
            (MIXED_MARKS, _) if self.marks.iter().len() > 0 => return Err("there are marks twice"),
            (MIXED_MARKS, _) => self.marks = read_mixed_marks(section)?,
            (DEDUP, Some(fifo)) => fifo.dedup = Dedup::read(section)?,
            (ATTEMPTS, Some(fifo)) => fifo.attempts = Attempts::read(section)?,
            (FAIR, None) => self.fair = Some(Box::default()),
            (SHELF, _) => self.keep_mut().shelf = Shelf::read(section)?,
            (REPLAY, _) => self.keep_mut().replay = Some(Replay::read(section)?),
            (PARKS, Some(fifo)) => fifo.parks = Parks::read(section)?,
            (virtual_queues::TAG, _) => return self.take_virtual_queues(section),
            _ => return Err("a part of a queue that this version does not know"),
        }
        Ok(())
    }

    /// Checks what the parts say of one another.
    fn check(&self) -> Result<(), &'static str> {
        if self
            .virtual_queues
            .as_ref()
            .is_some_and(|all| all.visible.ranges().any(|range| range.end > self.next_sequence))
        {
            return Err("a message of a virtual queue was not sent");
        }
        let mut within = self.virtual_queues.iter().flat_map(|all| all.visible.ranges());
        if within.any(|range| self.visible.count_within(range) > 0) {
            return Err("a message is visible in two queues");
        }
        if self.visible.ranges().last().is_some_and(|range| range.end > self.next_sequence) {
            return Err("a message is visible that was not sent");
        }
        for (sequence, status) in self.exceptions.iter() {
            if sequence >= self.next_sequence {
                return Err("something happened to a message that was not sent");
            }
            if status.is_hidden() == self.is_visible(sequence) {
                return Err("a message is both visible and hidden, or neither");
            }
        }
        self.check_keep()?;
        let mut first_of = self.marks.iter().map(|mark| mark.first);
        let (first, second) = (first_of.next(), first_of.next());
        self.check_ways()?;
        let fits = match self.first_marked() {
            None => first.is_none(),
            Some(live) => first.is_some_and(|first| first <= live) && second.is_none_or(|second| second > live),
        };
        if !fits {
            return Err("the marks do not begin where the messages do");
        }
        match self.marks.iter().last() {
            Some(last) if last.first >= self.next_sequence => Err("a mark is of a message that was not sent"),
            _ if self.marks.iter().any(|mark| mark.last_sent_at > self.last_sent_at) => {
                Err("a mark is of a message that was not sent")
            }
            _ => Ok(()),
        }
    }

    fn check_keep(&self) -> Result<(), &'static str> {
        let shelved = self.keep.iter().flat_map(|keep| keep.shelf.ranges());
        for range in shelved {
            let is_left = || self.ways.as_ref().is_some_and(|ways| ways.left_within(range.clone()) > 0);
            if range.end > self.next_sequence || self.here_within(range.clone()) > 0 || is_left() {
                return Err("a message was deleted that is there, or was not sent");
            }
        }
        let mut parked = self.fifo.iter().flat_map(|fifo| fifo.parks.sequences());
        if parked.any(|sequence| !self.is_here(sequence)) { Err("a group stands still behind nothing") } else { Ok(()) }
    }

    fn check_ways(&self) -> Result<(), &'static str> {
        let mut left = self.ways.iter().flat_map(|ways| ways.iter());
        let is_wrong = left.any(|(sequence, _)| sequence >= self.next_sequence || self.is_here(sequence));
        let mut copied = self.ways.iter().flat_map(|ways| ways.copied_within(self.next_sequence..u64::MAX));
        match is_wrong || copied.next().is_some() {
            true => Err("a message has left that is there, or was not sent"),
            false => Ok(()),
        }
    }
}

/// The section of what goes to other queues and comes from them.
const WAYS: u8 = 1;
/// The section of marks that do not rise; the list of those that do is empty then.
const MIXED_MARKS: u8 = 2;
/// The tag of the deduplication ids.
const DEDUP: u8 = 10;
/// The tag of the receives that had names.
const ATTEMPTS: u8 = 11;
/// The tag that says that there are message groups.
const FAIR: u8 = 12;
/// The tag of the deleted messages that are kept.
const SHELF: u8 = 21;
/// The tag of the latest replay.
const REPLAY: u8 = 22;
/// The tag of the parked groups.
const PARKS: u8 = 23;

/// The version before there were sections.
const WITHOUT_SECTIONS: u8 = 1;

/// Stands for a snapshot where the kind of a malformed record is told. No record has it.
const SNAPSHOT: u8 = 0;

/// Bytes that an entry of each list takes at the least, so that a count that the state cannot hold is refused at once.
const ENTRY_BYTES_MIN: u64 = 2;

fn read(reader: &mut Reader<'_>, version: u8) -> Result<Queue, &'static str> {
    let settings_version = if version == WITHOUT_SECTIONS { settings::PLAIN } else { settings::TAGGED };
    let mut queue = Queue::new(Settings::read(reader, settings_version)?);
    queue.next_sequence = reader.varint()?;
    if queue.next_sequence == 0 {
        return Err("sequences begin at 1");
    }
    queue.last_sent_at = Instant::from_millis(reader.varint()?);
    queue.visible = read_ranges(reader)?;
    queue.exceptions = read_exceptions(reader, queue.last_sent_at)?;
    queue.marks = read_marks(reader)?;
    if version != WITHOUT_SECTIONS {
        read_sections(reader, |tag, section| queue.take(tag, section))?;
    }
    Ok(queue)
}

pub(crate) fn read_count(reader: &mut Reader<'_>) -> Result<usize, &'static str> {
    let count = reader.varint()?;
    if count > reader.remaining() as u64 / ENTRY_BYTES_MIN {
        return Err("a list is longer than the snapshot");
    }
    Ok(count as usize)
}

/// A number that is larger than `before`, written as the distance.
fn read_step(reader: &mut Reader<'_>, before: u64) -> Result<u64, &'static str> {
    let step = reader.varint()?;
    before.checked_add(step).filter(|_| step > 0).ok_or("sequences do not rise")
}

pub(crate) fn put_ranges(out: &mut Vec<u8>, visible: &Visible) {
    put(out, visible.ranges().count() as u64);
    let mut before = 0;
    for range in visible.ranges() {
        put(out, range.start - before);
        put(out, range.end - range.start);
        before = range.end;
    }
}

pub(crate) fn read_ranges(reader: &mut Reader<'_>) -> Result<Visible, &'static str> {
    let mut visible = Visible::default();
    let mut before = 0;
    for _ in 0..read_count(reader)? {
        let start = read_step(reader, before)?;
        let end = read_step(reader, start)?;
        visible.append_range(start..end);
        before = end;
    }
    Ok(visible)
}

fn put_exceptions(out: &mut Vec<u8>, exceptions: &Exceptions, last_sent_at: Instant) {
    put(out, exceptions.iter().count() as u64);
    let (mut before, mut base) = (0, last_sent_at.as_millis());
    for (sequence, status) in exceptions.iter() {
        put(out, sequence - before);
        put(out, u64::from(status.receive) << 1 | u64::from(status.is_hidden()));
        if status.receive > 0 {
            put_near(out, status.received_at.as_millis(), base);
            base = status.received_at.as_millis();
            put_near(out, status.first_received_at.as_millis(), base);
        }
        if status.is_hidden() {
            put_near(out, status.until.as_millis(), base);
        }
        before = sequence;
    }
}

fn read_exceptions(reader: &mut Reader<'_>, last_sent_at: Instant) -> Result<Exceptions, &'static str> {
    let mut exceptions = Exceptions::default();
    let (mut sequence, mut base) = (0, last_sent_at.as_millis());
    for _ in 0..read_count(reader)? {
        sequence = read_step(reader, sequence)?;
        let receives = reader.varint()?;
        let receive = u32::try_from(receives >> 1).map_err(|_| "a receive count is larger than 32 bits")?;
        let mut status = Status { receive, ..Status::default() };
        if receive > 0 {
            base = reader.near(base)?;
            status.received_at = Instant::from_millis(base);
            status.first_received_at = Instant::from_millis(reader.near(base)?);
        }
        let is_hidden = receives & 1 == 1;
        if is_hidden {
            status.until = Instant::from_millis(reader.near(base)?);
        }
        if status == Status::default() || status.is_hidden() != is_hidden {
            return Err("an exception is none");
        }
        exceptions.set(sequence, status);
    }
    Ok(exceptions)
}

fn put_marks(out: &mut Vec<u8>, marks: &Marks) {
    put(out, marks.iter().len() as u64);
    let (mut before, mut sent_before) = (0, 0);
    for mark in marks.iter() {
        put(out, mark.first - before);
        put(out, mark.first_sent_at.as_millis() - sent_before);
        put(out, mark.last_sent_at.as_millis() - mark.first_sent_at.as_millis());
        (before, sent_before) = (mark.first, mark.last_sent_at.as_millis());
    }
}

fn read_marks(reader: &mut Reader<'_>) -> Result<Marks, &'static str> {
    let count = read_count(reader)?;
    let mut marks = Vec::with_capacity(count);
    let (mut first, mut sent_at) = (0, 0u64);
    let later = |sent_at: u64, step: u64| sent_at.checked_add(step).ok_or("a mark lies beyond all time");
    for _ in 0..count {
        first = read_step(reader, first)?;
        let first_sent_at = later(sent_at, reader.varint()?)?;
        sent_at = later(first_sent_at, reader.varint()?)?;
        let [first_sent_at, last_sent_at] = [first_sent_at, sent_at].map(Instant::from_millis);
        marks.push(Mark { first, first_sent_at, last_sent_at });
    }
    Ok(marks.into())
}

fn put_mixed_marks(out: &mut Vec<u8>, marks: &Marks) {
    put(out, marks.iter().len() as u64);
    let (mut before, mut sent_before) = (0, 0);
    for mark in marks.iter() {
        put(out, mark.first - before);
        put_near(out, mark.first_sent_at.as_millis(), sent_before);
        put(out, mark.last_sent_at.as_millis() - mark.first_sent_at.as_millis());
        (before, sent_before) = (mark.first, mark.last_sent_at.as_millis());
    }
}

fn read_mixed_marks(reader: &mut Reader<'_>) -> Result<Marks, &'static str> {
    let count = read_count(reader)?;
    let mut marks = Vec::with_capacity(count);
    let (mut first, mut sent_before) = (0, 0);
    for _ in 0..count {
        first = read_step(reader, first)?;
        let first_sent_at = reader.near(sent_before)?;
        sent_before = first_sent_at.checked_add(reader.varint()?).ok_or("a mark lies beyond all time")?;
        let [first_sent_at, last_sent_at] = [first_sent_at, sent_before].map(Instant::from_millis);
        marks.push(Mark { first, first_sent_at, last_sent_at });
    }
    let marks = Marks::from(marks);
    if marks.rises() { Err("marks that rise stand among those that do not") } else { Ok(marks) }
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
