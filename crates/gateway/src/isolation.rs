//! A panic in one operation ends that operation and nothing else.
//!
//! An operation runs on its connection's task, where an escaping panic would take the connection, and with HTTP/2 all its
//! requests, along. The caught panic is answered with InternalFailure. Nothing of the operation's own is used again
//! afterwards; what it shares with others (channels, locks) must bear a holder that vanishes, as it must when a client
//! disconnects.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::errors;
use crate::service::Refused;

/// What a panic said.
#[derive(Debug)]
pub(crate) struct Panicked(pub(crate) String);

impl Panicked {
    /// Logs the bug, and says what the client is told of it.
    pub(crate) fn refusal(&self, service: &'static str, operation: &'static str) -> Refused {
        tracing::error!(service, operation, panic = self.0, "an operation panicked");
        Refused::new(&errors::INTERNAL, "The request failed because of an error of the server. It was logged.")
    }
}

/// Runs `work`, catching its panic.
pub(crate) fn run<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Panicked(said(payload.as_ref())))
}

/// A future whose panic becomes its output.
pub(crate) struct Isolated<F>(pub(crate) F);

impl<F: Future + Unpin> Future for Isolated<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match run(|| Pin::new(&mut self.0).poll(context)) {
            Ok(poll) => poll.map(Ok),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }
}

fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without words").to_owned()
}
