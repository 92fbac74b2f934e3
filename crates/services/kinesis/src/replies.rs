//! One bound over all records in answers: those that are being read, written, or wait for their clients.
//!
//! Records are many and large, and a client may take its time to read an answer of ten mebibytes. So a read is weighed by the shard's
//! index before it is carried out, and what it brings is counted from then until the last byte of its answer has left. Where there is no
//! room it waits in line, and holds no records meanwhile. Whoever
//! reads a shard by GetRecords is refused after a while as AWS refuses who reads too fast, which every client knows to try again; a
//! subscription just waits, and is told so by an event without records. No account has more than a half of it: one whose clients take
//! their answers byte by byte leaves room to the others.

use crate::limits::{REPLIES_BYTES_MAX, REPLIES_BYTES_OF_ACCOUNT_MAX};
use engine::{Clock, Pending, Unavailable};
use names::{AccountId, Instant};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use stream::{Reply, Shard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that one permit stands for: a semaphore's permits are asked for by numbers of 32 bits.
const UNIT_BYTES: usize = 1 << 10;

const UNITS: usize = REPLIES_BYTES_MAX / UNIT_BYTES;
const UNITS_OF_ACCOUNT: usize = REPLIES_BYTES_OF_ACCOUNT_MAX / UNIT_BYTES;

/// The room that answers have.
#[derive(Debug)]
pub(crate) struct Replies {
    all: Arc<Semaphore>,
    /// The share of each account that has answers, or waits for room.
    shares: Mutex<HashMap<AccountId, Weak<Semaphore>>>,
}

/// The room that an answer takes until this is dropped: of its account's share, and of all.
#[derive(Debug, Default)]
pub(crate) struct Room {
    _permits: Option<[OwnedSemaphorePermit; 2]>,
}

impl Default for Replies {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(UNITS)), shares: Mutex::default() }
    }
}

impl Replies {
    /// Decides a read for whose records there is room, or will be before `until`; none if there is not. `read` gets the bytes that it may
    /// bring: after a wait no more than was waited for.
    pub(crate) async fn begin(
        &self,
        account: AccountId,
        clock: &dyn Clock,
        until: Instant,
        bytes_max: u64,
        read: impl Fn(u64) -> Result<Pending<Shard>, Unavailable>,
    ) -> Result<Option<(Pending<Shard>, Room)>, Unavailable> {
        let pending = read(bytes_max)?;
        let bytes = beside(&pending);
        if let Some(room) = self.take_now(account, bytes) {
            return Ok(Some((pending, room)));
        }
        // What it has found is found again.
        drop(pending);
        let room = tokio::select! {
            biased;
            room = self.take(account, bytes) => room,
            () = clock.sleep_until(until) => return Ok(None),
        };
        Ok(Some((read(bytes_max.min(bytes))?, room)))
    }

    /// Room for so many bytes, if there is any.
    pub(crate) fn take_now(&self, account: AccountId, bytes: u64) -> Option<Room> {
        let units = units(bytes);
        if units == 0 {
            return Some(Room::default());
        }
        let own = self.share(account).try_acquire_many_owned(units).ok()?;
        let of_all = Arc::clone(&self.all).try_acquire_many_owned(units).ok()?;
        Some(Room { _permits: Some([own, of_all]) })
    }

    /// Room for so many bytes: in the order of asking, among those of an account and then among those who have their share.
    pub(crate) async fn take(&self, account: AccountId, bytes: u64) -> Room {
        const NEVER_CLOSED: &str = "the room of answers is never closed";
        let own = self.share(account).acquire_many_owned(units(bytes)).await.expect(NEVER_CLOSED);
        let of_all = Arc::clone(&self.all).acquire_many_owned(units(bytes)).await.expect(NEVER_CLOSED);
        Room { _permits: Some([own, of_all]) }
    }

    fn share(&self, account: AccountId) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(&account).and_then(Weak::upgrade) {
            return share;
        }
        // Before the map would grow, those go who neither have answers nor wait.
        if shares.len() == shares.capacity() {
            shares.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Semaphore::new(UNITS_OF_ACCOUNT));
        shares.insert(account, Arc::downgrade(&share));
        share
    }
}

/// Bytes of the records that a read has found.
pub(crate) fn beside(pending: &Pending<Shard>) -> u64 {
    let bytes = pending.look(|reply| if let Reply::Records { bytes, .. } = reply { *bytes } else { 0 });
    bytes.unwrap_or(0)
}

/// No answer needs more than all of a share.
fn units(bytes: u64) -> u32 {
    let units = usize::try_from(bytes).unwrap_or(usize::MAX).div_ceil(UNIT_BYTES);
    u32::try_from(units.min(UNITS_OF_ACCOUNT)).expect("all of the room is less than that")
}

const _: () = assert!(UNITS <= u32::MAX as usize);

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    const SHARE: u64 = REPLIES_BYTES_OF_ACCOUNT_MAX as u64;

    fn account(nth: u32) -> AccountId {
        AccountId::parse(&format!("{nth:012}")).unwrap()
    }

    #[test]
    fn room_is_given_back_in_the_order_of_asking() {
        let (replies, account) = (Replies::default(), account(1));
        let part = replies.take_now(account, 5 << 20).expect("a part of it");
        assert!(replies.take_now(account, SHARE).is_none(), "not all of it is free");
        let rest = replies.take_now(account, SHARE - (5 << 20)).expect("the rest of it");
        assert!(replies.take_now(account, 1).is_none() && replies.take_now(account, 0).is_some());
        let mut context = Context::from_waker(Waker::noop());
        let (mut large, mut small) = (pin!(replies.take(account, 10 << 20)), pin!(replies.take(account, 1)));
        assert!(large.as_mut().poll(&mut context).is_pending() && small.as_mut().poll(&mut context).is_pending());
        drop(part);
        assert!(large.as_mut().poll(&mut context).is_pending());
        assert!(small.as_mut().poll(&mut context).is_pending(), "who asked first gets it first");
        drop(rest);
        assert!(large.as_mut().poll(&mut context).is_ready() && small.as_mut().poll(&mut context).is_ready());
        assert!(replies.take_now(account, SHARE * 2).is_some(), "nobody needs more than all of it");
    }

    #[test]
    fn an_account_that_has_its_share_leaves_room_to_others() {
        let replies = Replies::default();
        let held = replies.take_now(account(1), SHARE).expect("its share");
        assert!(replies.take_now(account(1), 1).is_none());
        let mut waiting = pin!(replies.take(account(1), 1));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let other = replies.take_now(account(2), SHARE).expect("who waits is nobody's hindrance");
        assert!(replies.take_now(account(3), 1).is_none(), "there is no more than all of it");
        drop((held, other));
        (4..1000).for_each(|nth| assert!(replies.take_now(account(nth), 1).is_some()));
        assert!(replies.shares.lock().unwrap().len() < 100, "those without answers are forgotten");
    }
}
