//! The sink for metrics: of each series, what was put last.
//!
//! A series is a namespace, a name, dimensions and a unit. No history is kept and nothing is added up over time; whoever wants that
//! reads `/metrics` again and again, as monitoring systems do. Source: CloudWatch API reference, PutMetricData.

use crate::limits;
use names::Instant;
use std::collections::BTreeMap;

/// What names a series.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// `MyApplication`.
    pub namespace: Box<str>,
    /// `MillisBehindLatest`.
    pub name: Box<str>,
    /// By name.
    pub dimensions: Vec<(Box<str>, Box<str>)>,
    /// `Milliseconds`; `None` if it was not said.
    pub unit: Box<str>,
}

/// The numbers of one put.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latest {
    /// The moment that they are of.
    pub at: Instant,
    /// When they were put.
    pub put_at: Instant,
    /// How many samples they stand for.
    pub count: f64,
    /// The samples added up.
    pub sum: f64,
    /// The least sample.
    pub min: f64,
    /// The greatest sample.
    pub max: f64,
}

/// All series of an account in a region.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sink(pub(crate) BTreeMap<Series, Latest>);

impl Sink {
    /// Takes what was put. Older numbers do not replace newer ones, and when there are too many series, those go that were put
    /// longest ago.
    pub(crate) fn take(&mut self, data: &[(Series, Latest)]) {
        for (series, latest) in data {
            match self.0.get_mut(series) {
                Some(known) if known.at <= latest.at => *known = *latest,
                Some(_) => {}
                None => _ = self.0.insert(series.clone(), *latest),
            }
        }
        let surplus = self.0.len().saturating_sub(limits::SERIES_MAX);
        if surplus > 0 {
            let mut by_age: Vec<_> = self.0.iter().map(|(series, latest)| (latest.put_at, series.clone())).collect();
            by_age.sort_unstable();
            by_age.truncate(surplus);
            by_age.iter().for_each(|(_, series)| _ = self.0.remove(series));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str) -> Series {
        Series { namespace: "app".into(), name: name.into(), dimensions: Vec::new(), unit: "None".into() }
    }

    fn latest(at: u64, sum: f64) -> Latest {
        let at = Instant::from_millis(at);
        Latest { at, put_at: at, count: 1.0, sum, min: sum, max: sum }
    }

    #[test]
    fn the_newest_numbers_of_a_series_are_kept() {
        let mut sink = Sink::default();
        sink.take(&[(series("lag"), latest(5, 1.0)), (series("lag"), latest(7, 2.0)), (series("lag"), latest(6, 3.0))]);
        assert_eq!(sink.0[&series("lag")].sum, 2.0);
    }

    #[test]
    fn beyond_the_bound_those_go_that_were_put_longest_ago() {
        let mut sink = Sink::default();
        let many: Vec<_> =
            (0..limits::SERIES_MAX).map(|nth| (series(&nth.to_string()), latest(nth as u64, 0.0))).collect();
        sink.take(&many);
        sink.take(&[(series("0"), latest(1 << 20, 1.0)), (series("new"), latest(1 << 20, 1.0))]);
        assert_eq!(sink.0.len(), limits::SERIES_MAX);
        assert!(sink.0.contains_key(&series("0")) && sink.0.contains_key(&series("new")));
        assert!(!sink.0.contains_key(&series("1")) && sink.0.contains_key(&series("2")));
    }
}
