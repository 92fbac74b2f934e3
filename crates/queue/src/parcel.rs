//! A message on its way to another queue, as bytes.
//!
//! ```text
//! version 1 (1) │ why 1 (1 dead letter, 2 moved, 3 replayed) │ receives v │ if any: received at v, first received at v
//!               │ version of Sent 1 │ Sent as it is journaled (records.rs), with the message's place where it comes from
//! version 1 (1) │ why 1 (4)   nothing: a replay passed a message over that was sent at another time than it was asked for
//! ```
//! So whatever a message carries travels with it. Parcels live within one process and are never on disk.

use crate::ways::{Departure, Receives, put_receives, read_receives};
use crate::{Effect, Message};
use engine::Effect as _;
use engine::varint::Reader;
use names::Instant;

const VERSION: u8 = 1;

/// What stands in the place of a message that is not meant.
pub(crate) const PASSED_OVER: [u8; 2] = [VERSION, 4];

/// What arrives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parcel {
    pub(crate) why: Departure,
    pub(crate) receives: Receives,
    /// Its place where it comes from.
    pub(crate) sequence: u64,
    pub(crate) message: Message,
}

impl Parcel {
    pub(crate) fn encode(self) -> Vec<u8> {
        let Self { why, receives, sequence, message } = self;
        let mut out = vec![VERSION, why.byte()];
        put_receives(&mut out, receives);
        let sent = Effect::Sent { sequence, visible_at: Instant::EPOCH, message };
        out.push(sent.version());
        sent.encode(&mut out);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut reader = Reader::new(bytes);
        let [version, why] = reader.array()?;
        if version != VERSION {
            return Err("a parcel of another version");
        }
        let why = Departure::read(why)?;
        let receives = read_receives(&mut reader)?;
        let [sent_version] = reader.array()?;
        match Effect::decode(Effect::SENT, sent_version, reader.rest()) {
            Ok(Effect::Sent { sequence, message, .. }) => Ok(Self { why, receives, sequence, message }),
            _ => Err("a parcel without a message"),
        }
    }
}
