//! Latencies of one measured window and their percentiles.
//!
//! A percentile is the nearest rank: the smallest sample such that at least that share of all samples is not above it.
//! So every figure printed is a latency that some request really had, and p100 is the worst one.

use std::time::Duration;

/// Samples in nanoseconds; a sample above 4.29 s is kept as 4.29 s, which is beyond every target here.
#[derive(Debug, Default, Clone)]
pub(crate) struct Latencies {
    nanos: Vec<u32>,
    sorted: bool,
}

impl Latencies {
    pub(crate) fn record(&mut self, latency: Duration) {
        self.nanos.push(u32::try_from(latency.as_nanos()).unwrap_or(u32::MAX));
        self.sorted = false;
    }

    pub(crate) fn merge(&mut self, other: &Latencies) {
        self.nanos.extend_from_slice(&other.nanos);
        self.sorted = false;
    }

    pub(crate) fn len(&self) -> usize {
        self.nanos.len()
    }

    /// The latency of rank `percent` (0 < percent ≤ 100) in microseconds; `None` without samples.
    pub(crate) fn percentile_micros(&mut self, percent: f64) -> Option<f64> {
        if !self.sorted {
            self.nanos.sort_unstable();
            self.sorted = true;
        }
        let rank = nearest_rank(self.nanos.len(), percent)?;
        Some(f64::from(self.nanos[rank]) / 1e3)
    }
}

fn nearest_rank(count: usize, percent: f64) -> Option<usize> {
    if count == 0 {
        return None;
    }
    let rank = (percent / 100.0 * count as f64).ceil() as usize;
    Some(rank.clamp(1, count) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_micros(samples: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        samples.into_iter().for_each(|micros| latencies.record(Duration::from_micros(micros)));
        latencies
    }

    #[test]
    fn no_samples_have_no_percentile() {
        assert_eq!(of_micros([]).percentile_micros(50.0), None);
    }

    #[test]
    fn one_sample_is_every_percentile() {
        let mut latencies = of_micros([7]);
        assert_eq!(latencies.percentile_micros(1.0), Some(7.0));
        assert_eq!(latencies.percentile_micros(100.0), Some(7.0));
    }

    #[test]
    fn percentiles_are_nearest_ranks_whatever_the_order_of_arrival() {
        let mut latencies = of_micros((1..=100).rev());
        assert_eq!(latencies.percentile_micros(50.0), Some(50.0));
        assert_eq!(latencies.percentile_micros(99.0), Some(99.0));
        assert_eq!(latencies.percentile_micros(99.1), Some(100.0));
    }

    #[test]
    fn merged_samples_count_together_even_after_a_percentile_was_read() {
        let mut latencies = of_micros([10, 20]);
        assert_eq!(latencies.percentile_micros(100.0), Some(20.0));
        latencies.merge(&of_micros([30, 1]));
        assert_eq!(latencies.len(), 4);
        assert_eq!(latencies.percentile_micros(100.0), Some(30.0));
        assert_eq!(latencies.percentile_micros(25.0), Some(1.0));
    }

    #[test]
    fn a_latency_beyond_the_counter_is_kept_at_its_end() {
        assert_eq!(of_micros([60_000_000]).percentile_micros(50.0), Some(f64::from(u32::MAX) / 1e3));
    }
}
