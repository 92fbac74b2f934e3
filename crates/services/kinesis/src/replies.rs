//! One bound over all records in answers: those that are being read, written, or wait for their clients.
//!
//! Records are many and large, and a client may take its time to read an answer of ten mebibytes. So a read is weighed by the shard's
//! index before it is carried out, and what it brings is counted from then until the last byte of its answer has left. Where there is no
//! room it waits in line without holding anything: neither records nor a part of the room, so nobody waits for one who waits. Whoever
//! reads a shard by GetRecords is refused after a while as AWS refuses who reads too fast, which every client knows to try again; a
//! subscription just waits, and is told so by an event without records.

use crate::limits::REPLIES_BYTES_MAX;
use engine::{Clock, Pending, Unavailable};
use names::Instant;
use std::sync::Arc;
use stream::{Reply, Shard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that one permit stands for: a semaphore's permits are asked for by numbers of 32 bits.
const UNIT_BYTES: usize = 1 << 10;

const UNITS: usize = REPLIES_BYTES_MAX / UNIT_BYTES;

/// The room that answers have.
#[derive(Debug)]
pub(crate) struct Replies(Arc<Semaphore>);

/// The room that an answer takes until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Room {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Default for Replies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(UNITS)))
    }
}

impl Replies {
    /// Decides a read for whose records there is room, or will be before `until`; none if there is not. `read` gets the bytes that it may
    /// bring: after a wait no more than was waited for.
    pub(crate) async fn begin(
        &self,
        clock: &dyn Clock,
        until: Instant,
        bytes_max: u64,
        read: impl Fn(u64) -> Result<Pending<Shard>, Unavailable>,
    ) -> Result<Option<(Pending<Shard>, Room)>, Unavailable> {
        let pending = read(bytes_max)?;
        let bytes = beside(&pending);
        if let Some(room) = self.take_now(bytes) {
            return Ok(Some((pending, room)));
        }
        // What it has found is found again.
        drop(pending);
        let room = tokio::select! {
            biased;
            room = self.take(bytes) => room,
            () = clock.sleep_until(until) => return Ok(None),
        };
        Ok(Some((read(bytes_max.min(bytes))?, room)))
    }

    /// Room for so many bytes, if there is any.
    pub(crate) fn take_now(&self, bytes: u64) -> Option<Room> {
        let units = units(bytes);
        if units == 0 {
            return Some(Room::default());
        }
        Arc::clone(&self.0).try_acquire_many_owned(units).ok().map(|permit| Room { _permit: Some(permit) })
    }

    /// Room for so many bytes, in the order of asking.
    pub(crate) async fn take(&self, bytes: u64) -> Room {
        let permit = Arc::clone(&self.0).acquire_many_owned(units(bytes)).await;
        Room { _permit: Some(permit.expect("the room of answers is never closed")) }
    }
}

/// Bytes of the records that a read has found.
pub(crate) fn beside(pending: &Pending<Shard>) -> u64 {
    let bytes = pending.look(|reply| if let Reply::Records { bytes, .. } = reply { *bytes } else { 0 });
    bytes.unwrap_or(0)
}

/// No answer needs more than all of it.
fn units(bytes: u64) -> u32 {
    let units = usize::try_from(bytes).unwrap_or(usize::MAX).div_ceil(UNIT_BYTES);
    u32::try_from(units.min(UNITS)).expect("all of the room is less than that")
}

const _: () = assert!(UNITS <= u32::MAX as usize);

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    #[test]
    fn room_is_given_back_in_the_order_of_asking() {
        let replies = Replies::default();
        let (part, rest) = (5 << 20, REPLIES_BYTES_MAX as u64);
        let part = replies.take_now(part).expect("a part of it");
        assert!(replies.take_now(rest).is_none(), "not all of it is free");
        let rest = replies.take_now(rest - (5 << 20)).expect("the rest of it");
        assert!(replies.take_now(1).is_none() && replies.take_now(0).is_some());
        let mut context = Context::from_waker(Waker::noop());
        let (mut large, mut small) = (pin!(replies.take(10 << 20)), pin!(replies.take(1)));
        assert!(large.as_mut().poll(&mut context).is_pending() && small.as_mut().poll(&mut context).is_pending());
        drop(part);
        assert!(large.as_mut().poll(&mut context).is_pending());
        assert!(small.as_mut().poll(&mut context).is_pending(), "who asked first gets it first");
        drop(rest);
        assert!(large.as_mut().poll(&mut context).is_ready() && small.as_mut().poll(&mut context).is_ready());
        assert!(replies.take_now(REPLIES_BYTES_MAX as u64 * 2).is_some(), "nobody needs more than all of it");
    }
}
