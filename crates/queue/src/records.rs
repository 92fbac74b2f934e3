//! Every journal record kind of a queue, on one screen.
//!
//! ```text
//! n  kind               v  payload (fixed numbers little-endian, v.. = variable length, times in ms since the epoch)
//! 1  Sent               1  sequence 8 | id 16 | sent_at 8 | visible_at 8 | body length 4 | body | properties
//!                       2  sequence 8 | id 16 | sent_at 8 | visible_at 8 | body length 4 | labels 1 (1 group, 2 dedup id)
//!                          | body | properties | dedup id 16, if any | group 8, if any
//! 2  Leased             1  v received_at | v until | list of (sequence, v receive)
//! 3  VisibilityChanged  1  list of (sequence, v until)
//! 4  Deleted            1  list of (sequence)
//! 5  Purged             1  v below
//!                       2  the same; what has left before does not come back either
//! 6  Configured         1  v retention_millis | v visibility_millis | v delay_millis
//!                       2  the same | sections (tagged.rs): settings that are not as they are by default (settings.rs)
//! 7  Expired            1  v below
//! 8  PassedOver         1  v below
//! 9  Departed           1  destination 8 | why 1 (1 dead letter, 2 moved) | list of (sequence)
//! 10 Arrived            1  origin 8 | v below | v at; the messages follow in the same block
//! 11 Delivered          1  destination 8 | v below
//! 12 Returned           1  destination 8 | v at
//! 13 Withheld           1  destination 8 | v number | v at | v until
//! 14 Elapsed            1  v at
//! 15 Carried            1  list of (sequence, v receive, v received_at, v first_received_at)
//! 16 Attempted          1  attempt 16 | v at | v until | v count, then each: v sequence | v receive (in the order handed out)
//! 17 Shelved            1  v at | list of (sequence): deleted, and kept for a while
//! 18 ReplayBegun        1  order (replay.rs) | v at | v below
//! 19 Copied             1  destination 8 | list of (sequence): copies of them are on their way
//! 20 ReplayEnded        1  how 1 (1 all was gone through, 2 somebody ended it)
//! 21 Parked             1  list of (sequence, group 8): first messages of groups that stand still
//! 22 Unparked           1  list of (sequence, v receives that do not count)
//! 23 DelaysShifted      1  earlier 1 (0 or 1) | v milliseconds
//! 24 SentWithin         1  virtual queue 16 | then as Sent, version 1
//!                       2  virtual queue 16 | then as Sent, version 2
//!
//! list = v count, then each entry; its sequence is written as v (sequence − the entry before's), so it only rises
//! ```
//! A time of 0 as `visible_at` or `until` means visible at once. Numbers up to [`KIND_MAX`] are this crate's; a service
//! that wraps a queue numbers its own kinds above. Layouts are never changed: a new one gets a new version.

use crate::replay::{ReplayEnd, ReplayOrder, put_order, read_order};
use crate::settings::TAGGED;
use crate::ways::{Departure, Receives, put_receives, read_id, read_receives};
use crate::{AttemptId, Labelled, Message, MessageId, Settings, VirtualId};
use bytes::Bytes;
use engine::MalformedRecord;
use engine::varint::{Reader, put};
use names::{Instant, PartitionId};

/// The highest record kind that a queue may ever use.
pub const KIND_MAX: u8 = 63;

const SENT: u8 = 1;
const LEASED: u8 = 2;
const VISIBILITY_CHANGED: u8 = 3;
const DELETED: u8 = 4;
const PURGED: u8 = 5;
const CONFIGURED: u8 = 6;
const EXPIRED: u8 = 7;
const PASSED_OVER: u8 = 8;
const DEPARTED: u8 = 9;
const ARRIVED: u8 = 10;
const DELIVERED: u8 = 11;
const RETURNED: u8 = 12;
const WITHHELD: u8 = 13;
const ELAPSED: u8 = 14;
const CARRIED: u8 = 15;
const ATTEMPTED: u8 = 16;
const SHELVED: u8 = 17;
const REPLAY_BEGUN: u8 = 18;
const COPIED: u8 = 19;
const REPLAY_ENDED: u8 = 20;
const PARKED: u8 = 21;
const UNPARKED: u8 = 22;
const DELAYS_SHIFTED: u8 = 23;
const SENT_WITHIN: u8 = 24;
const VERSION: u8 = 1;
/// The version of `Sent` of a message that has labels.
const LABELLED: u8 = 2;
/// The version of `Purged` that reaches what has left as well.
const WITH_LEFT: u8 = 2;

const SENT_HEADER_BYTES: usize = 8 + 16 + 8 + 8 + 4;
const VIRTUAL_ID_BYTES: usize = 16;
const _: () = assert!(CARRIED <= KIND_MAX && ATTEMPTED <= KIND_MAX && SENT_WITHIN <= KIND_MAX);
const _: () = assert!(SHELVED == ATTEMPTED + 1 && DELAYS_SHIFTED + 1 == SENT_WITHIN);

/// What changes a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A message was added.
    Sent {
        /// Its place, one more than the last message's.
        sequence: u64,
        /// When it can be received; [`Instant::EPOCH`] is at once.
        visible_at: Instant,
        /// What was sent, never earlier than the message before it.
        message: Message,
    },
    /// A message was added to a virtual queue.
    SentWithin {
        /// Which.
        within: VirtualId,
        /// Its place, one more than the last message's, of whatever queue of this host.
        sequence: u64,
        /// When it can be received; [`Instant::EPOCH`] is at once.
        visible_at: Instant,
        /// What was sent, never earlier than the message before it.
        message: Message,
    },
    /// Messages were received.
    Leased {
        /// When.
        received_at: Instant,
        /// When they are visible again; [`Instant::EPOCH`] is at once.
        until: Instant,
        /// Each message's sequence and its number of receives, this one counted; sequences rise.
        entries: Vec<(u64, u32)>,
    },
    /// Messages in flight are visible again at another time: sequence and time, [`Instant::EPOCH`] is at once.
    /// Sequences rise.
    VisibilityChanged(Vec<(u64, Instant)>),
    /// Messages were removed, or do not come back if they had left before; sequences rise.
    Deleted(Vec<u64>),
    /// The owner removed every message below this sequence.
    Purged {
        /// The first sequence that stays.
        below: u64,
        /// Whether messages that have left before do not come back either.
        with_left: bool,
    },
    /// Settings were replaced.
    Configured(Settings),
    /// Every message below this sequence had outlived its retention. Written before the retention changes, so that a
    /// longer one cannot bring them back at replay.
    Expired {
        /// The first sequence that stays.
        below: u64,
    },
    /// Sequences below this one that no message has were given to messages which a crash has forgotten; the next message
    /// gets none of them.
    PassedOver {
        /// The least that the next message gets.
        below: u64,
    },
    /// A receive had a name, under which it may be asked for again.
    Attempted {
        /// The receive's name.
        attempt: AttemptId,
        /// When it was made.
        at: Instant,
        /// When its messages are visible again if nobody changes them.
        until: Instant,
        /// Sequence and number of receives of each message, in the order in which they were handed out.
        entries: Vec<(u64, u32)>,
    },
    /// Messages have left for another queue; sequences rise.
    Departed {
        /// Where to.
        destination: PartitionId,
        /// Why.
        why: Departure,
        /// Which.
        sequences: Vec<u64>,
    },
    /// Everything from an origin below a number is here, or comes in the same block.
    Arrived {
        /// Where from.
        origin: PartitionId,
        /// The first number that is not.
        below: u64,
        /// When.
        at: Instant,
    },
    /// A destination has everything below a number.
    Delivered {
        /// Where.
        destination: PartitionId,
        /// The first number that it does not have.
        below: u64,
    },
    /// There is no such destination any more, and everything for it is back.
    Returned {
        /// Where it was to go.
        destination: PartitionId,
        /// When.
        at: Instant,
    },
    /// The first message for a destination is damaged on disk; it is back, and hidden.
    Withheld {
        /// Where it was to go.
        destination: PartitionId,
        /// Its number, which is used up.
        number: u64,
        /// When.
        at: Instant,
        /// Until when it is hidden.
        until: Instant,
    },
    /// Time has passed: what has expired by then is gone, whatever order they stand in, and delays and leases that ended by
    /// then are over, whatever happens to those that have not.
    Elapsed {
        /// By when.
        at: Instant,
    },
    /// What messages went through before: those that have just arrived where they come from, those that were put back until a
    /// receive that came to nothing. Sequences rise.
    Carried(Vec<(u64, Receives)>),
    /// Messages were deleted and are kept for a while; sequences rise.
    Shelved {
        /// When.
        at: Instant,
        /// Which.
        sequences: Vec<u64>,
    },
    /// A replay began.
    ReplayBegun {
        /// What is asked for.
        order: ReplayOrder,
        /// When.
        at: Instant,
        /// The first sequence that was not sent by then.
        below: u64,
    },
    /// Copies of messages, the next of the replay, are on their way; sequences rise.
    Copied {
        /// Where to.
        destination: PartitionId,
        /// Of which.
        sequences: Vec<u64>,
    },
    /// A replay has ended.
    ReplayEnded(ReplayEnd),
    /// Groups stand still from now on: their first messages, and their digests. Sequences rise.
    Parked(Vec<(u64, u64)>),
    /// Groups go on: their first messages, and the receives that do not count against them any more. Sequences rise.
    Unparked(Vec<(u64, u32)>),
    /// Every message that is not yet visible for the first time is so much later, or earlier.
    DelaysShifted {
        /// How much later.
        by_millis: i64,
    },
}

impl Effect {
    /// The kind of [`Effect::Sent`].
    pub(crate) const SENT: u8 = SENT;
}

impl engine::Effect for Effect {
    fn kind(&self) -> u8 {
        match self {
            Self::Sent { .. } => SENT,
            Self::SentWithin { .. } => SENT_WITHIN,
            Self::Leased { .. } => LEASED,
            Self::VisibilityChanged(_) => VISIBILITY_CHANGED,
            Self::Deleted(_) => DELETED,
            Self::Purged { .. } => PURGED,
            Self::Configured(_) => CONFIGURED,
            Self::Expired { .. } => EXPIRED,
            Self::PassedOver { .. } => PASSED_OVER,
            Self::Attempted { .. } => ATTEMPTED,
            Self::Departed { .. } => DEPARTED,
            Self::Arrived { .. } => ARRIVED,
            Self::Delivered { .. } => DELIVERED,
            Self::Returned { .. } => RETURNED,
            Self::Withheld { .. } => WITHHELD,
            Self::Elapsed { .. } => ELAPSED,
            Self::Carried(_) => CARRIED,
            Self::Shelved { .. } => SHELVED,
            Self::ReplayBegun { .. } => REPLAY_BEGUN,
            Self::Copied { .. } => COPIED,
            Self::ReplayEnded(_) => REPLAY_ENDED,
            Self::Parked(_) => PARKED,
            Self::Unparked(_) => UNPARKED,
            Self::DelaysShifted { .. } => DELAYS_SHIFTED,
        }
    }

    fn version(&self) -> u8 {
        match self {
            Self::Configured(settings) => settings.version(),
            Self::Purged { with_left: true, .. } => WITH_LEFT,
            Self::Sent { message, .. } | Self::SentWithin { message, .. } if message.labels_kept().is_any() => LABELLED,
            _ => VERSION,
        }
    }

    /// Receiving and deleting must go on when the disk is nearly full, or a full queue could never be emptied.
    fn frees(&self) -> bool {
        // A deletion that is kept for a while gives no room back at once, and is taken all the same: a consumer must go on.
        let takes_room = matches!(self, Self::Sent { .. } | Self::SentWithin { .. } | Self::Copied { .. });
        !takes_room && !matches!(self, Self::Configured(_) | Self::PassedOver { .. } | Self::ReplayBegun { .. })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Sent { sequence, visible_at, message } => {
                put_sent(out, *sequence, *visible_at, message);
            }
            Self::SentWithin { within, sequence, visible_at, message } => {
                out.extend_from_slice(&within.0.to_be_bytes());
                put_sent(out, *sequence, *visible_at, message);
            }
            Self::Leased { received_at, until, entries } => {
                put(out, received_at.as_millis());
                put(out, until.as_millis());
                put_list(out, entries, |out, &(_, receive)| put(out, receive.into()), |&(sequence, _)| sequence);
            }
            Self::VisibilityChanged(entries) => {
                put_list(out, entries, |out, &(_, until)| put(out, until.as_millis()), |&(sequence, _)| sequence);
            }
            Self::Deleted(sequences) => put_list(out, sequences, |_, _| (), |&sequence| sequence),
            Self::Purged { below, .. } | Self::Expired { below } | Self::PassedOver { below } => put(out, *below),
            Self::Configured(settings) => settings.put(out, settings.version()),
            Self::Attempted { attempt, at, until, entries } => {
                out.extend_from_slice(attempt);
                put(out, at.as_millis());
                put(out, until.as_millis());
                put_entries(out, entries);
            }
            Self::Departed { destination, why, sequences } => {
                out.extend_from_slice(&destination.get().to_le_bytes());
                out.push(why.byte());
                put_list(out, sequences, |_, _| (), |&sequence| sequence);
            }
            Self::Arrived { origin: id, below, at } => put_id(out, *id, [*below, at.as_millis()]),
            Self::Delivered { destination, below } => put_id(out, *destination, [*below]),
            Self::Returned { destination, at } => put_id(out, *destination, [at.as_millis()]),
            Self::Withheld { destination, number, at, until } => {
                put_id(out, *destination, [*number, at.as_millis(), until.as_millis()]);
            }
            Self::Elapsed { at } => put(out, at.as_millis()),
            Self::Carried(entries) => {
                put_list(out, entries, |out, &(_, receives)| put_receives(out, receives), |&(sequence, _)| sequence);
            }
            _ => self.encode_own(out),
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind, version, why };
        let known = match kind {
            CONFIGURED => TAGGED,
            PURGED => WITH_LEFT,
            SENT | SENT_WITHIN => LABELLED,
            _ => VERSION,
        };
        if !(VERSION..=known).contains(&version) {
            return Err(malformed("no such version of this kind is known"));
        }
        read(kind, version, payload).map_err(malformed)
    }

    fn content_key(kind: u8, version: u8, payload: &[u8]) -> Option<(u64, Instant)> {
        let sent = match (kind, version) {
            (SENT, VERSION | LABELLED) => payload,
            (SENT_WITHIN, VERSION | LABELLED) => payload.get(VIRTUAL_ID_BYTES..)?,
            _ => return None,
        };
        let header = read_sent_header(&mut Reader::new(sent), version).ok()?;
        Some((header.sequence, header.sent_at))
    }
}

fn read(kind: u8, version: u8, payload: &[u8]) -> Result<Effect, &'static str> {
    if kind == SENT {
        return read_sent(payload, version, |sequence, visible_at, message| Effect::Sent {
            sequence,
            visible_at,
            message,
        });
    }
    if kind == SENT_WITHIN {
        let (id, sent) = payload.split_first_chunk::<VIRTUAL_ID_BYTES>().ok_or("it ends inside a field")?;
        let within = VirtualId(u128::from_be_bytes(*id));
        return read_sent(sent, version, |sequence, visible_at, message| Effect::SentWithin {
            within,
            sequence,
            visible_at,
            message,
        });
    }
    let mut reader = Reader::new(payload);
    let effect = match kind {
        LEASED => Effect::Leased {
            received_at: Instant::from_millis(reader.varint()?),
            until: Instant::from_millis(reader.varint()?),
            entries: read_list(&mut reader, |reader, sequence| Ok((sequence, read_receive(reader)?)))?,
        },
        VISIBILITY_CHANGED => Effect::VisibilityChanged(read_list(&mut reader, |reader, sequence| {
            Ok((sequence, Instant::from_millis(reader.varint()?)))
        })?),
        DELETED => Effect::Deleted(read_list(&mut reader, |_, sequence| Ok(sequence))?),
        PURGED => Effect::Purged { below: reader.varint()?, with_left: version == WITH_LEFT },
        CONFIGURED => Effect::Configured(Settings::read(&mut reader, version)?),
        EXPIRED => Effect::Expired { below: reader.varint()? },
        PASSED_OVER => Effect::PassedOver { below: reader.varint()? },
        ATTEMPTED => Effect::Attempted {
            attempt: reader.array()?,
            at: Instant::from_millis(reader.varint()?),
            until: Instant::from_millis(reader.varint()?),
            entries: read_entries(&mut reader)?,
        },
        DEPARTED..=CARRIED => read_move(kind, &mut reader)?,
        SHELVED..=DELAYS_SHIFTED => read_own(kind, &mut reader)?,
        _ => return Err("no such kind is known"),
    };
    reader.end()?;
    Ok(effect)
}

fn put_sent(out: &mut Vec<u8>, sequence: u64, visible_at: Instant, message: &Message) {
    out.reserve(SENT_HEADER_BYTES + 1 + message.bytes().len() + engine::SEALED_TRAILER_BYTES);
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&message.id.0);
    out.extend_from_slice(&message.sent_at.as_millis().to_le_bytes());
    out.extend_from_slice(&visible_at.as_millis().to_le_bytes());
    out.extend_from_slice(&message.body_bytes().to_le_bytes());
    if message.labels_kept().is_any() {
        out.push(message.labels_kept().byte());
    }
    out.extend_from_slice(message.bytes());
}

fn read_move(kind: u8, reader: &mut Reader<'_>) -> Result<Effect, &'static str> {
    if kind == CARRIED {
        return Ok(Effect::Carried(read_list(reader, |reader, sequence| Ok((sequence, read_receives(reader)?)))?));
    }
    if kind == ELAPSED {
        return Ok(Effect::Elapsed { at: read_instant(reader)? });
    }
    let id = read_id(reader)?;
    Ok(match kind {
        DEPARTED => {
            let [why] = reader.array()?;
            let why = Departure::read(why)?;
            Effect::Departed { destination: id, why, sequences: read_list(reader, |_, sequence| Ok(sequence))? }
        }
        ARRIVED => Effect::Arrived { origin: id, below: reader.varint()?, at: read_instant(reader)? },
        DELIVERED => Effect::Delivered { destination: id, below: reader.varint()? },
        RETURNED => Effect::Returned { destination: id, at: read_instant(reader)? },
        _ => Effect::Withheld {
            destination: id,
            number: reader.varint()?,
            at: read_instant(reader)?,
            until: read_instant(reader)?,
        },
    })
}

impl Effect {
    /// The payloads of what tidewire has beyond SQS.
    fn encode_own(&self, out: &mut Vec<u8>) {
        match self {
            Self::Shelved { at, sequences } => {
                put(out, at.as_millis());
                put_list(out, sequences, |_, _| (), |&sequence| sequence);
            }
            Self::ReplayBegun { order, at, below } => {
                put_order(out, order);
                put(out, at.as_millis());
                put(out, *below);
            }
            Self::Copied { destination, sequences } => {
                put_id(out, *destination, []);
                put_list(out, sequences, |_, _| (), |&sequence| sequence);
            }
            Self::ReplayEnded(end) => out.push(end.byte()),
            Self::Parked(entries) => {
                put_list(out, entries, |out, &(_, group)| out.extend(group.to_le_bytes()), |&(sequence, _)| sequence);
            }
            Self::Unparked(entries) => {
                put_list(out, entries, |out, &(_, receives)| put(out, receives.into()), |&(sequence, _)| sequence);
            }
            Self::DelaysShifted { by_millis } => {
                out.push((*by_millis < 0).into());
                put(out, by_millis.unsigned_abs());
            }
            _ => unreachable!("the caller has looked"),
        }
    }
}

fn read_own(kind: u8, reader: &mut Reader<'_>) -> Result<Effect, &'static str> {
    Ok(match kind {
        SHELVED => Effect::Shelved { at: read_instant(reader)?, sequences: read_list(reader, |_, one| Ok(one))? },
        REPLAY_BEGUN => {
            Effect::ReplayBegun { order: read_order(reader)?, at: read_instant(reader)?, below: reader.varint()? }
        }
        COPIED => Effect::Copied { destination: read_id(reader)?, sequences: read_list(reader, |_, one| Ok(one))? },
        REPLAY_ENDED => {
            let [end] = reader.array()?;
            Effect::ReplayEnded(ReplayEnd::read(end)?)
        }
        PARKED => Effect::Parked(read_list(reader, |reader, one| Ok((one, u64::from_le_bytes(reader.array()?))))?),
        UNPARKED => Effect::Unparked(read_list(reader, |reader, one| Ok((one, read_receive(reader)?)))?),
        _ => {
            let is_earlier = match reader.array()? {
                [0] => false,
                [1] => true,
                _ => return Err("delays are shifted neither later nor earlier"),
            };
            let millis = i64::try_from(reader.varint()?).map_err(|_| "delays are shifted beyond all time")?;
            if is_earlier && millis == 0 {
                return Err("delays are shifted neither later nor earlier");
            }
            Effect::DelaysShifted { by_millis: if is_earlier { -millis } else { millis } }
        }
    })
}

fn read_instant(reader: &mut Reader<'_>) -> Result<Instant, &'static str> {
    Ok(Instant::from_millis(reader.varint()?))
}

fn put_id<const N: usize>(out: &mut Vec<u8>, id: PartitionId, numbers: [u64; N]) {
    out.extend_from_slice(&id.get().to_le_bytes());
    numbers.into_iter().for_each(|number| put(out, number));
}

fn read_sent(
    payload: &[u8],
    version: u8,
    effect: impl Fn(u64, Instant, Message) -> Effect,
) -> Result<Effect, &'static str> {
    let mut reader = Reader::new(payload);
    let SentHeader { sequence, id, sent_at, visible_at, body_bytes, labelled } =
        read_sent_header(&mut reader, version)?;
    // One allocation holds all, and nothing else pins it.
    let bytes = Bytes::copy_from_slice(reader.rest());
    Ok(effect(sequence, visible_at, Message::labelled(id, sent_at, body_bytes, bytes, labelled)))
}

struct SentHeader {
    sequence: u64,
    id: MessageId,
    sent_at: Instant,
    visible_at: Instant,
    body_bytes: u32,
    labelled: Labelled,
}

fn read_sent_header(reader: &mut Reader<'_>, version: u8) -> Result<SentHeader, &'static str> {
    let mut header = SentHeader {
        sequence: u64::from_le_bytes(reader.array()?),
        id: MessageId(reader.array()?),
        sent_at: Instant::from_millis(u64::from_le_bytes(reader.array()?)),
        visible_at: Instant::from_millis(u64::from_le_bytes(reader.array()?)),
        body_bytes: u32::from_le_bytes(reader.array()?),
        labelled: Labelled::default(),
    };
    if version == LABELLED {
        let [byte] = reader.array()?;
        header.labelled = Labelled::read(byte).filter(|labelled| labelled.is_any()).ok_or("it has unknown labels")?;
    }
    if header.body_bytes as usize + header.labelled.bytes() > reader.remaining() {
        return Err("the body ends after the record");
    }
    if header.sequence == 0 {
        return Err("sequences begin at 1");
    }
    Ok(header)
}

fn read_receive(reader: &mut Reader<'_>) -> Result<u32, &'static str> {
    match u32::try_from(reader.varint()?) {
        Ok(0) => Err("receives are counted from 1"),
        Ok(receive) => Ok(receive),
        Err(_) => Err("a receive count is larger than 32 bits"),
    }
}

fn put_list<T>(out: &mut Vec<u8>, entries: &[T], put_rest: fn(&mut Vec<u8>, &T), sequence: fn(&T) -> u64) {
    put(out, entries.len() as u64);
    let mut before = 0;
    for entry in entries {
        let sequence = sequence(entry);
        assert!(sequence > before, "sequences in a record rise from 1");
        put(out, sequence - before);
        put_rest(out, entry);
        before = sequence;
    }
}

fn read_list<'a, T>(
    reader: &mut Reader<'a>,
    entry: fn(&mut Reader<'a>, u64) -> Result<T, &'static str>,
) -> Result<Vec<T>, &'static str> {
    let count = reader.varint()?;
    if count > reader.remaining() as u64 {
        return Err("the list is longer than the record");
    }
    let mut entries = Vec::with_capacity(reader.remaining().min(count as usize));
    let mut before = 0u64;
    for _ in 0..count {
        let step = reader.varint()?;
        let sequence = before.checked_add(step).filter(|_| step > 0).ok_or("sequences do not rise")?;
        entries.push(entry(reader, sequence)?);
        before = sequence;
    }
    Ok(entries)
}

/// Appends messages handed out, in the order in which they were.
pub(crate) fn put_entries(out: &mut Vec<u8>, entries: &[(u64, u32)]) {
    put(out, entries.len() as u64);
    for &(sequence, receive) in entries {
        put(out, sequence);
        put(out, receive.into());
    }
}

/// Reads what [`put_entries`] wrote.
pub(crate) fn read_entries(reader: &mut Reader<'_>) -> Result<Vec<(u64, u32)>, &'static str> {
    let count = reader.varint()?;
    if count > reader.remaining() as u64 {
        return Err("the list is longer than the record");
    }
    (0..count).map(|_| Ok((reader.varint()?, read_receive(reader)?))).collect()
}

#[cfg(test)]
mod tests;
