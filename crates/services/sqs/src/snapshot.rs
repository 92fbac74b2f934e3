//! An SQS queue's state as bytes: what it is called and set to, then the queue machine's own snapshot. Integers are
//! big-endian.
//!
//! ```text
//! version 3   created at 8 │ modified at 8 │ account 12 │ region length 1, region │ name length 1, name
//!             │ attributes (as in records.rs) │ count 1 │ count × ( tag 1 │ length 4 │ section )
//!             │ version of the queue machine's snapshot 1 │ that snapshot
//! sections    1 the queue's tags: count 1 │ count × ( key length 2, key │ value length 2, value )
//!             10 its message move tasks, oldest first: count 1 │ count × ( started at 8 │ task 16 │ below 8 │ to move 8 │
//!             moved 8 │ rate 2 (0 none) │ destination length 1, its ARN (empty: none) │ end 1 (as in records.rs; 0 none) )
//!             30 when a queue with an idle lifetime was used last: 8
//! version 2   no sections, and the attributes are numbers only
//! version 1   as 2; its attributes have no durability, and that is durable
//! ```
//! A section stands only where there is something to say, and their tags rise. 2–9 are kept for what is small, 10–19 for dead
//! letters, 20–29 for FIFO queues, 30–39 for tidewire's own. A tag that this program does not know is refused: a newer one
//! wrote it, and to pass over it would lose what it says.

use crate::machine::About;
use crate::move_tasks::{End, MoveTask, MoveTasks};
use crate::records::{Fields, encode_attributes, encode_plan, encode_short_text, encode_tags};
use crate::tags::Tags;
use engine::MalformedRecord;
use names::Instant;
use queue::Queue;

/// The version of the layout that `write` writes.
pub(crate) const VERSION: u8 = 3;

/// The first version, before durability was among the attributes.
const FIRST: u8 = 1;

/// Stands for a snapshot where the kind of a malformed record is told. No record has it.
const SNAPSHOT: u8 = 0;

/// The section of tags.
const TAGS: u8 = 1;

/// The section of message move tasks.
const MOVES: u8 = 10;

/// The section of last use.
const USED: u8 = 30;

/// Appends a queue's state.
pub(crate) fn write(about: &About, moves: &MoveTasks, queue: &Queue, out: &mut Vec<u8>) {
    out.extend(about.created_at.as_millis().to_be_bytes());
    out.extend(about.modified_at.as_millis().to_be_bytes());
    out.extend(about.account.as_str().as_bytes());
    encode_short_text(about.region.as_str(), out);
    encode_short_text(about.name.as_str(), out);
    encode_attributes(&about.attributes, out);
    write_sections(about, moves, out);
    out.push(Queue::SNAPSHOT_VERSION);
    queue.snapshot(out);
}

fn write_sections(about: &About, moves: &MoveTasks, out: &mut Vec<u8>) {
    let mut sections = Vec::new();
    if !about.tags.is_empty() {
        let mut tags = Vec::new();
        encode_tags(&about.tags, &mut tags);
        sections.push((TAGS, tags));
    }
    if moves.iter().len() > 0 {
        let mut tasks = vec![moves.iter().len() as u8];
        moves.iter().for_each(|task| write_task(task, &mut tasks));
        sections.push((MOVES, tasks));
    }
    if about.used_at != Instant::EPOCH {
        sections.push((USED, about.used_at.as_millis().to_be_bytes().to_vec()));
    }
    out.push(sections.len() as u8);
    for (tag, bytes) in sections {
        out.push(tag);
        out.extend(u32::try_from(bytes.len()).expect("what a queue is is far smaller than 4 GiB").to_be_bytes());
        out.extend(bytes);
    }
}

fn write_task(task: &MoveTask, out: &mut Vec<u8>) {
    out.extend(task.started_at.as_millis().to_be_bytes());
    out.extend(task.plan.id);
    for count in [task.below, task.to_move, task.moved] {
        out.extend(count.to_be_bytes());
    }
    encode_plan(&task.plan, out);
    out.push(task.end.map_or(0, End::byte));
}

fn read_task(section: &mut Fields<'_>) -> Option<MoveTask> {
    let (started_at, id) = (section.instant()?, section.task_id()?);
    let (below, to_move, moved) = (section.count()?, section.count()?, section.count()?);
    let plan = section.plan(id)?;
    let end = match section.byte()? {
        0 => None,
        byte => Some(End::read(byte)?),
    };
    Some(MoveTask { plan, started_at, below, to_move, moved, end })
}

/// Reads what `write` wrote.
pub(crate) fn read(version: u8, state: &[u8]) -> Result<(About, MoveTasks, Queue), MalformedRecord> {
    let malformed = |why| MalformedRecord { kind: SNAPSHOT, version, why };
    if !(FIRST..=VERSION).contains(&version) {
        return Err(malformed("a version of a queue's snapshot that this program does not know"));
    }
    let mut fields = Fields(state);
    let (about, moves, queue_version) = head(&mut fields, version)
        .ok_or_else(|| malformed("the fields of a queue's snapshot do not fit its length"))?;
    let queue = Queue::restore(queue_version, fields.0)?;
    if queue.settings() != about.attributes.settings() {
        return Err(malformed("a queue's attributes are not what its messages follow"));
    }
    Ok((about, moves, queue))
}

fn head(fields: &mut Fields<'_>, version: u8) -> Option<(About, MoveTasks, u8)> {
    let (created_at, modified_at) = (fields.instant()?, fields.instant()?);
    let (account, region, name) = (fields.account()?, fields.region()?, fields.name()?);
    let attributes = fields.attributes(version == VERSION)?;
    let tags = Tags::default();
    let mut about = About { account, region, name, attributes, tags, created_at, modified_at, used_at: Instant::EPOCH };
    let mut moves = MoveTasks::default();
    if version == VERSION {
        read_sections(fields, &mut about, &mut moves)?;
    }
    Some((about, moves, fields.byte()?))
}

fn read_sections(fields: &mut Fields<'_>, about: &mut About, moves: &mut MoveTasks) -> Option<()> {
    let mut before = 0;
    for _ in 0..fields.byte()? {
        let tag = fields.byte()?;
        let mut section = fields.section()?;
        match tag {
            TAGS if before < tag => about.tags = section.tags()?,
            MOVES if before < tag => {
                for _ in 0..section.byte()? {
                    moves.begin(read_task(&mut section)?);
                }
            }
            USED if before < tag => about.used_at = section.instant()?,
            _ => return None,
        }
        section.0.is_empty().then_some(())?;
        before = tag;
    }
    Some(())
}

#[cfg(test)]
mod tests;
