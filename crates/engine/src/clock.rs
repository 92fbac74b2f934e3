//! The only way the engine learns the time.
//!
//! The server hands in a clock over the machine's own; tests and simulations hand in one they turn by hand. Both promise
//! that `now` never goes backwards, so a clock set back never lengthens a lease and one set forward never shortens it.

use names::Instant;
use std::future::Future;
use std::pin::Pin;

/// A future that ends when its moment has come.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells and awaits moments.
pub trait Clock: Send + Sync + 'static {
    /// The present moment; never less than one told before.
    fn now(&self) -> Instant;

    /// Ends at `deadline` or soon after; at once if it has passed.
    fn sleep_until(&self, deadline: Instant) -> Sleep;
}
