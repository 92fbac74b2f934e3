//! Waiting for several things that were begun one after the other.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that somebody waits for together with others.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Several futures at once: all are polled before any is waited for. Gives what each gave, in their order.
pub struct Together<'a, T> {
    pending: Vec<Result<T, Boxed<'a, T>>>,
}

impl<'a, T> Together<'a, T> {
    /// All of these; none is polled yet.
    pub fn new(futures: Vec<Boxed<'a, T>>) -> Self {
        Self { pending: futures.into_iter().map(Err).collect() }
    }
}

impl<T: Unpin> Future for Together<'_, T> {
    type Output = Vec<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut all = true;
        for slot in &mut self.pending {
            if let Err(future) = slot {
                match future.as_mut().poll(context) {
                    Poll::Ready(outcome) => *slot = Ok(outcome),
                    Poll::Pending => all = false,
                }
            }
        }
        match all {
            true => Poll::Ready(self.pending.drain(..).filter_map(Result::ok).collect()),
            false => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Putting;
    use std::task::Waker;

    #[test]
    fn all_are_begun_before_any_is_waited_for() {
        let (send, receive) = tokio::sync::oneshot::channel::<()>();
        let first: Putting = Box::pin(async move {
            let _ = receive.await;
            Ok(())
        });
        let second: Putting = Box::pin(async move {
            let _ = send.send(());
            Ok(())
        });
        let mut together = std::pin::pin!(Together::new(vec![first, second]));
        let mut context = Context::from_waker(Waker::noop());
        // The first waits for what only the second does.
        assert!(together.as_mut().poll(&mut context).is_pending());
        assert!(matches!(together.as_mut().poll(&mut context), Poll::Ready(done) if done.len() == 2));
    }
}
