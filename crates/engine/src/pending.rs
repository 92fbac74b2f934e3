//! An answer that cannot leave before what it saw is on disk.

use crate::Unavailable;
use journal::WhenDurable;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A reply locked until the journal has made durable the last position of the state it was read from.
///
/// There is no way to the reply but awaiting it, so no code path can answer early.
#[must_use = "a reply is only given when it is awaited"]
pub struct Pending<R> {
    reply: Option<R>,
    durable: WhenDurable,
}

impl<R> Pending<R> {
    pub(crate) fn new(reply: R, durable: WhenDurable) -> Self {
        Self { reply: Some(reply), durable }
    }

    /// Whether the reply satisfies `test`; decides how to go on waiting, and tells the caller nothing.
    pub(crate) fn is(&self, test: impl Fn(&R) -> bool) -> bool {
        self.reply.as_ref().is_some_and(test)
    }
}

impl<R: Unpin> Future for Pending<R> {
    type Output = Result<R, Unavailable>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.durable).poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(_)) => Poll::Ready(Err(Unavailable::Stopped)),
            Poll::Ready(Ok(())) => {
                Poll::Ready(Ok(self.reply.take().expect("a pending reply is not awaited again after it was given")))
            }
        }
    }
}
