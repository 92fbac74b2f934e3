//! When the next retry comes.
//!
//! A delivery that failed is tried again in four phases: at once, after the least delay, with a delay that grows from the least to
//! the greatest, after the greatest. [`Retries`] says for the nth retry how long to wait; nothing behind the last one. Chance comes
//! from outside, as a number between 0 and 1. The shapes of growth are documented by a picture and their names alone: the delay
//! of the first retry of the phase is the least, that of the last the greatest, and what lies between grows by equal steps
//! (linear), by steps that grow equally (arithmetic), by equal factors (geometric), or by steps that double (exponential).
//! Source: AWS, "Amazon SNS message delivery retries".

use crate::limits::JITTER_PART;
use std::time::Duration;

/// How delays grow in the back-off phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backoff {
    /// By equal steps.
    #[default]
    Linear,
    /// By steps that grow equally.
    Arithmetic,
    /// By equal factors.
    Geometric,
    /// By steps that double.
    Exponential,
}

impl Backoff {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Linear, Self::Arithmetic, Self::Geometric, Self::Exponential];

    /// Its name in a policy.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Arithmetic => "arithmetic",
            Self::Geometric => "geometric",
            Self::Exponential => "exponential",
        }
    }

    /// The delay of retry `step` of `steps`, counted from zero, in seconds.
    fn delay(self, step: u32, steps: u32, least: f64, greatest: f64) -> f64 {
        if steps < 2 {
            return least;
        }
        let (step, last) = (f64::from(step), f64::from(steps - 1));
        let part = match self {
            Self::Linear => step / last,
            Self::Arithmetic => step * (step + 1.0) / (last * (last + 1.0)),
            Self::Exponential => (step.exp2() - 1.0) / (last.exp2() - 1.0),
            Self::Geometric => return least * (greatest / least).powf(step / last),
        };
        least + (greatest - least) * part
    }
}

/// The part of a delivery that a retry belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// At once.
    NoDelay,
    /// After the least delay.
    PreBackoff,
    /// After a growing delay.
    Backoff,
    /// After the greatest delay.
    PostBackoff,
}

/// How often a delivery is tried again, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// The least delay, in seconds.
    pub min_delay_secs: u32,
    /// The greatest delay, in seconds.
    pub max_delay_secs: u32,
    /// Retries at once.
    pub no_delay: u32,
    /// Retries after the least delay.
    pub min_delay: u32,
    /// Retries with a growing delay.
    pub backoff: u32,
    /// Retries after the greatest delay.
    pub max_delay: u32,
    /// How the delay grows.
    pub function: Backoff,
}

impl Retries {
    /// Over HTTP and HTTPS, where no policy says otherwise.
    pub const HTTP: Self = Self {
        min_delay_secs: 20,
        max_delay_secs: 20,
        no_delay: 0,
        min_delay: 0,
        backoff: 3,
        max_delay: 0,
        function: Backoff::Linear,
    };

    /// To queues, functions and delivery streams: 100,015 over 23 days.
    pub const MANAGED: Self = Self {
        min_delay_secs: 1,
        max_delay_secs: 20,
        no_delay: 3,
        min_delay: 2,
        backoff: 10,
        max_delay: 100_000,
        function: Backoff::Exponential,
    };

    /// To mail servers, SMS and mobile push: 50 over 6 hours.
    pub const CUSTOMER_MANAGED: Self = Self {
        min_delay_secs: 10,
        max_delay_secs: 600,
        no_delay: 0,
        min_delay: 2,
        backoff: 10,
        max_delay: 38,
        function: Backoff::Exponential,
    };

    /// How many retries there are.
    pub fn count(&self) -> u32 {
        self.no_delay + self.min_delay + self.backoff + self.max_delay
    }

    /// The phase of the nth retry, counted from one; nothing behind the last.
    pub fn phase(&self, retry: u32) -> Option<Phase> {
        self.place(retry).map(|(phase, _)| phase)
    }

    /// How long to wait before the nth retry, counted from one, as the policy plans it; nothing behind the last.
    pub fn planned(&self, retry: u32) -> Option<Duration> {
        let (phase, step) = self.place(retry)?;
        let (least, greatest) = (f64::from(self.min_delay_secs), f64::from(self.max_delay_secs));
        Some(Duration::from_secs_f64(match phase {
            Phase::NoDelay => 0.0,
            Phase::PreBackoff => least,
            Phase::Backoff => self.function.delay(step, self.backoff, least, greatest),
            Phase::PostBackoff => greatest,
        }))
    }

    /// How long to wait before the nth retry, spread by a number between 0 and 1: a tenth later at the most.
    pub fn delay(&self, retry: u32, jitter: f64) -> Option<Duration> {
        let spread = 1.0 + JITTER_PART * jitter.clamp(0.0, 1.0);
        self.planned(retry).map(|planned| planned.mul_f64(spread))
    }

    /// All planned delays together.
    pub fn total(&self) -> Duration {
        let growing = self.no_delay + self.min_delay + 1..=self.no_delay + self.min_delay + self.backoff;
        let growing: Duration = growing.filter_map(|retry| self.planned(retry)).sum();
        let seconds = |count: u32, each: u32| Duration::from_secs(u64::from(count) * u64::from(each));
        growing + seconds(self.min_delay, self.min_delay_secs) + seconds(self.max_delay, self.max_delay_secs)
    }

    /// The phase of a retry and its number within it, from zero.
    fn place(&self, retry: u32) -> Option<(Phase, u32)> {
        let mut left = retry.checked_sub(1)?;
        let phases = [
            (Phase::NoDelay, self.no_delay),
            (Phase::PreBackoff, self.min_delay),
            (Phase::Backoff, self.backoff),
            (Phase::PostBackoff, self.max_delay),
        ];
        for (phase, count) in phases {
            if left < count {
                return Some((phase, left));
            }
            left -= count;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(retries: &Retries) -> Vec<f64> {
        (1..)
            .map_while(|retry| retries.planned(retry))
            .map(|delay| (delay.as_secs_f64() * 10.0).round() / 10.0)
            .collect()
    }

    fn growing(function: Backoff) -> Vec<f64> {
        let none = Retries { no_delay: 0, min_delay: 0, max_delay: 0, ..Retries::HTTP };
        plan(&Retries { min_delay_secs: 1, max_delay_secs: 16, backoff: 5, function, ..none })
    }

    #[test]
    fn without_a_policy_http_is_tried_three_times_twenty_seconds_apart() {
        assert_eq!(plan(&Retries::HTTP), [20.0, 20.0, 20.0]);
        assert_eq!(Retries::HTTP.phase(3), Some(Phase::Backoff));
        assert_eq!((Retries::HTTP.planned(0), Retries::HTTP.planned(4)), (None, None));
    }

    #[test]
    fn the_four_phases_follow_each_other() {
        let documented = Retries {
            min_delay_secs: 1,
            max_delay_secs: 60,
            no_delay: 3,
            min_delay: 2,
            backoff: 10,
            max_delay: 35,
            function: Backoff::Exponential,
        };
        let delays = plan(&documented);
        assert_eq!((delays.len(), documented.count()), (50, 50));
        assert_eq!(delays[..6], [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!((delays[14], delays[15], delays[49]), (60.0, 60.0, 60.0));
        let phases = [1, 4, 6, 16].map(|retry| documented.phase(retry).unwrap());
        assert_eq!(phases, [Phase::NoDelay, Phase::PreBackoff, Phase::Backoff, Phase::PostBackoff]);
    }

    #[test]
    fn each_function_grows_in_its_own_way() {
        assert_eq!(growing(Backoff::Linear), [1.0, 4.8, 8.5, 12.3, 16.0]);
        assert_eq!(growing(Backoff::Arithmetic), [1.0, 2.5, 5.5, 10.0, 16.0]);
        assert_eq!(growing(Backoff::Geometric), [1.0, 2.0, 4.0, 8.0, 16.0]);
        assert_eq!(growing(Backoff::Exponential), [1.0, 2.0, 4.0, 8.0, 16.0]);
    }

    #[test]
    fn managed_endpoints_are_tried_for_23_days_and_mail_for_six_hours() {
        assert_eq!(Retries::MANAGED.count(), 100_015);
        assert_eq!(Retries::MANAGED.total().as_secs() / 86_400, 23);
        assert_eq!(Retries::CUSTOMER_MANAGED.count(), 50);
        assert_eq!(Retries::CUSTOMER_MANAGED.total().as_secs() / 3600, 6);
    }

    #[test]
    fn chance_makes_a_retry_a_tenth_later_at_the_most_and_never_earlier() {
        let at = |jitter| Retries::HTTP.delay(1, jitter).unwrap().as_millis();
        assert_eq!((at(0.0), at(0.5), at(1.0), at(7.0), at(-7.0)), (20_000, 21_000, 22_000, 22_000, 20_000));
        assert_eq!(Retries::MANAGED.delay(1, 1.0), Some(Duration::ZERO));
    }

    proptest! {
        #[test]
        fn delays_never_shrink_and_stay_between_the_least_and_the_greatest(
            least in 1..3600u32, more in 0..3600u32, steps in 1..101u32, which in 0..4usize
        ) {
            let (no_delay, min_delay, max_delay) = (0, 1, 1);
            let function = Backoff::ALL[which];
            let retries = Retries {
                min_delay_secs: least, max_delay_secs: least + more, no_delay, min_delay, backoff: steps, max_delay, function,
            };
            let delays = plan(&retries);
            prop_assert!(delays.is_sorted(), "{delays:?}");
            prop_assert_eq!(delays[1], f64::from(least));
            prop_assert!(delays.iter().all(|delay| (f64::from(least)..=f64::from(least + more)).contains(delay)));
            if steps > 1 {
                prop_assert_eq!(delays[steps as usize], f64::from(least + more));
            }
        }
    }
}
