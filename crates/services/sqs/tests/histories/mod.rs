//! What histories of the whole service have in common: requests under way, cuts of the power, and the seeds.
//!
//! `TIDEWIRE_SEEDS` says how many histories are tried, `TIDEWIRE_SEED` names one of them.

use crate::house::{Asked, House, poll};
use journal::sim::SimDisk;
use serde_json::Value;
use std::panic::RefUnwindSafe;
use std::task::Poll;

/// Requests that wait for their answers, each with what it was meant to do.
pub(crate) struct Waiting<I>(Vec<(Asked, I)>);

impl<I> Waiting<I> {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn push(&mut self, asked: Asked, intent: I) {
        self.0.push((asked, intent));
    }

    /// Nobody waits any more: the process is gone.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Lets all of them get on, as tasks would, and takes the answers that are there.
    pub(crate) fn take_answers(&mut self) -> Vec<(I, Value)> {
        let (mut answers, mut waiting) = (Vec::new(), Vec::new());
        for (mut asked, intent) in std::mem::take(&mut self.0) {
            match poll(&mut asked) {
                Poll::Pending => waiting.push((asked, intent)),
                Poll::Ready(answer) => answers.push((intent, answer.expect("the operation succeeds"))),
            }
        }
        self.0 = waiting;
        answers
    }
}

/// Cuts the power, perhaps in the middle of a commit: one of its writes and syncs is the last, and what it wrote may be torn.
pub(crate) fn cut_power(house: &House, chance: &mut fastrand::Rng) -> SimDisk {
    if chance.bool() {
        house.disk.power_off_at(house.disk.ops() + chance.u64(1..5));
        let _ = house.store.journal().commit();
    }
    if chance.bool() { house.disk.crash() } else { house.disk.kill() }
}

/// Runs histories of `test`, and says how to repeat the one that fails.
pub(crate) fn try_seeds(test: &str, count: u64, run: impl Fn(u64) + RefUnwindSafe) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("TIDEWIRE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TIDEWIRE_SEEDS").unwrap_or(count),
    };
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(outcome.is_ok(), "repeat it: TIDEWIRE_SEED={seed} cargo test -p sqs --test {test}");
    }
}
