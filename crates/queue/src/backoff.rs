//! How much later a message becomes visible again the more often it was received: a setting of its queue, tidewire's own.
//!
//! What a receive hides a message for is lengthened at once, by a wait that grows with the number of its receives; so is what a
//! change of visibility asks for. So nothing has to be known or done when the lease ends, and the message is in flight all
//! the while. In a FIFO queue the group waits with its head.

use crate::{Delivery, Effect, Queue};
use engine::varint::{Reader, put};
use names::Instant;
use std::collections::BTreeMap;
use std::num::NonZeroU32;

/// A wait that grows from receive to receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first receive, in seconds.
    pub base_secs: NonZeroU32,
    /// How many hundredths of the wait before the next one is; 100 at the least.
    pub factor_hundredths: u32,
    /// No wait is longer, in seconds.
    pub max_secs: u32,
}

/// Waits that are computed one from the other at the most. One that grows at all, by a hundredth of a second's thousand
/// milliseconds, is beyond all retention by then.
const STEPS_MAX: u32 = 2_048;

impl Backoff {
    /// The wait that follows so many receives, in milliseconds.
    pub fn after(&self, receives: u32) -> u64 {
        let max_millis = u64::from(self.max_secs) * 1000;
        let mut wait = u64::from(self.base_secs.get()) * 1000;
        for _ in 1..receives.min(STEPS_MAX) {
            if wait >= max_millis || self.factor_hundredths <= 100 {
                break;
            }
            wait = wait.saturating_mul(self.factor_hundredths.into()) / 100;
        }
        wait.min(max_millis)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for number in [self.base_secs.get(), self.factor_hundredths, self.max_secs] {
            put(&mut out, number.into());
        }
        out
    }

    pub(crate) fn read(section: &mut Reader<'_>) -> Result<Self, &'static str> {
        let mut number =
            || u32::try_from(section.varint()?).map_err(|_| "a number of a back-off is larger than 32 bits");
        let base_secs = NonZeroU32::new(number()?).ok_or("a back-off begins with nothing")?;
        Ok(Self { base_secs, factor_hundredths: number()?, max_secs: number()? })
    }
}

impl Queue {
    /// When a message is visible again that would be at `until`, having been received so often.
    pub(crate) fn backed_off(&self, now: Instant, until: Instant, receives: u32) -> Instant {
        match &self.settings.backoff {
            None => until,
            Some(backoff) => until.max(now).plus_millis(backoff.after(receives)),
        }
    }

    /// The leases of what is handed out, one for each moment at which they end.
    pub(crate) fn leases<E: From<Effect>>(&self, now: Instant, until: Instant, deliveries: &[Delivery]) -> Vec<E> {
        let mut by_end: BTreeMap<Instant, Vec<(u64, u32)>> = BTreeMap::new();
        for delivery in deliveries {
            let end = self.backed_off(now, until, delivery.receive);
            by_end.entry(end).or_default().push((delivery.sequence, delivery.receive));
        }
        let lease = |(until, mut entries): (Instant, Vec<(u64, u32)>)| {
            // A fair queue hands out in the order of tenants' turns.
            entries.sort_unstable();
            E::from(Effect::Leased { received_at: now, until, entries })
        };
        by_end.into_iter().map(lease).collect()
    }

    /// When what a receive of a FIFO queue hands out together is visible again: with the one that waits longest, because its
    /// group could not go on before it.
    pub(crate) fn backed_off_together(&self, now: Instant, until: Instant, deliveries: &[Delivery]) -> Instant {
        let receives = deliveries.iter().map(|delivery| delivery.receive).max();
        receives.map_or(until, |receives| self.backed_off(now, until, receives))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff(base_secs: u32, factor_hundredths: u32, max_secs: u32) -> Backoff {
        Backoff { base_secs: NonZeroU32::new(base_secs).unwrap(), factor_hundredths, max_secs }
    }

    #[test]
    fn a_wait_grows_by_its_factor_up_to_its_bound() {
        let backoff = backoff(5, 150, 20);
        let waits: Vec<u64> = (1..=6).map(|receives| backoff.after(receives)).collect();
        assert_eq!(waits, [5_000, 7_500, 11_250, 16_875, 20_000, 20_000]);
        assert_eq!(backoff.after(u32::MAX), 20_000);
        assert_eq!(Backoff { factor_hundredths: 100, ..backoff }.after(u32::MAX), 5_000);
        assert_eq!(Backoff { max_secs: 4, ..backoff }.after(1), 4_000);
    }

    #[test]
    fn the_slowest_growth_reaches_two_weeks_within_its_steps() {
        let weeks = 14 * 24 * 3_600;
        assert_eq!(backoff(1, 101, weeks).after(u32::MAX), u64::from(weeks) * 1000);
    }
}
