//! A request's body, gathered into one piece before anything is done with it.
//!
//! Invariant: what is returned is the whole body and nothing but it; a body cut short, too long or too slow is an error,
//! and then nothing was executed. The bytes of all bodies under way are counted against one [`Budget`].

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::limits::BODY_BYTES_TRUSTED;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Longer than the service takes.
    TooLarge,
    /// All bodies together are more than the server takes at once.
    Busy,
    /// Not complete in time.
    Slow,
    /// The connection broke, or the framing did, before the end.
    Truncated,
}

/// Bytes that all bodies being read may hold together.
#[derive(Debug)]
pub(crate) struct Budget {
    free: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { free: AtomicUsize::new(bytes) }
    }

    fn take(&self, bytes: usize) -> Result<(), BodyError> {
        let taken = self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes));
        taken.map(drop).map_err(|_| BodyError::Busy)
    }
}

/// A share of the budget, given back when dropped.
struct Share<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Share<'_> {
    fn grow(&mut self, bytes: usize) -> Result<(), BodyError> {
        self.budget.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.free.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// Reads the whole of `body`, at most `bytes_max`, within `time`.
///
/// A client that waits for `100 Continue` gets it with the first look at the body, so a body whose Content-Length is
/// already too much is refused before it is sent.
pub(crate) async fn gather(
    body: Incoming,
    bytes_max: usize,
    time: Duration,
    budget: &Budget,
) -> Result<Bytes, BodyError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(BodyError::TooLarge);
    }
    within(time, gather_frames(body, bytes_max, budget)).await
}

async fn within<T>(time: Duration, work: impl Future<Output = Result<T, BodyError>>) -> Result<T, BodyError> {
    tokio::time::timeout(time, work).await.unwrap_or(Err(BodyError::Slow))
}

async fn gather_frames(mut body: Incoming, bytes_max: usize, budget: &Budget) -> Result<Bytes, BodyError> {
    let mut share = Share { budget, bytes: 0 };
    let declared = usize::try_from(body.size_hint().lower()).map_err(|_| BodyError::TooLarge)?;
    let Some(first) = next_data(&mut body).await? else { return Ok(Bytes::new()) };
    share.grow(first.len())?;
    if first.len() > bytes_max {
        return Err(BodyError::TooLarge);
    }
    // Most bodies arrive with one read and are used where they lie.
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(declared.min(BODY_BYTES_TRUSTED).max(first.len()));
    whole.extend_from_slice(&first);
    drop(first);
    while let Some(data) = next_data(&mut body).await? {
        if whole.len() + data.len() > bytes_max {
            return Err(BodyError::TooLarge);
        }
        share.grow(data.len())?;
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// The next bytes, or `None` at the end. Trailers are passed over: no AWS protocol here uses them.
async fn next_data(body: &mut Incoming) -> Result<Option<Bytes>, BodyError> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| BodyError::Truncated)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_budget_comes_back_when_it_is_dropped() {
        let budget = Budget::new(10);
        let mut share = Share { budget: &budget, bytes: 0 };
        assert_eq!(share.grow(8), Ok(()));
        assert_eq!(share.grow(3), Err(BodyError::Busy));
        drop(share);
        assert_eq!(Share { budget: &budget, bytes: 0 }.grow(10), Ok(()));
    }
}
