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
pub(crate) struct Sink {
    all: BTreeMap<Series, Latest>,
    /// Memory that they take.
    bytes: usize,
}

impl Series {
    fn bytes(&self) -> usize {
        let words = |(name, value): &(Box<str>, Box<str>)| name.len() + value.len() + limits::VALUE_BYTES;
        let own = self.namespace.len() + self.name.len() + self.unit.len();
        limits::SERIES_BASE_BYTES + own + self.dimensions.iter().map(words).sum::<usize>()
    }
}

impl FromIterator<(Series, Latest)> for Sink {
    fn from_iter<I: IntoIterator<Item = (Series, Latest)>>(series: I) -> Self {
        let all: BTreeMap<Series, Latest> = series.into_iter().collect();
        Self { bytes: all.keys().map(Series::bytes).sum(), all }
    }
}

impl Sink {
    /// Every series, in order.
    pub(crate) fn all(&self) -> &BTreeMap<Series, Latest> {
        &self.all
    }

    /// Memory that the series take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes what was put. Older numbers do not replace newer ones, and when there are too many series, those go that were put
    /// longest ago.
    pub(crate) fn take(&mut self, data: &[(Series, Latest)]) {
        for (series, latest) in data {
            match self.all.get_mut(series) {
                Some(known) if known.at <= latest.at => *known = *latest,
                // Somebody puts it still.
                Some(known) => known.put_at = known.put_at.max(latest.put_at),
                None => {
                    self.bytes += series.bytes();
                    self.all.insert(series.clone(), *latest);
                }
            }
        }
        if self.is_full() {
            let mut by_age: Vec<_> = self.all.iter().map(|(series, latest)| (latest.put_at, series.clone())).collect();
            by_age.sort_unstable();
            let mut by_age = by_age.into_iter();
            while let Some((_, series)) = by_age.next().filter(|_| self.is_full()) {
                self.all.remove(&series);
                self.bytes -= series.bytes();
            }
        }
    }

    fn is_full(&self) -> bool {
        self.all.len() > limits::SERIES_MAX || self.bytes > limits::SERIES_BYTES_MAX
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
        assert_eq!(sink.all[&series("lag")].sum, 2.0);
    }

    #[test]
    fn numbers_of_the_past_show_that_a_series_is_put_still() {
        let mut sink = Sink::default();
        sink.take(&[(series("lag"), latest(50, 1.0))]);
        let late = Latest { at: Instant::from_millis(10), ..latest(60, 2.0) };
        sink.take(&[(series("lag"), late)]);
        let known = sink.all[&series("lag")];
        assert_eq!((known.sum, known.at.as_millis(), known.put_at.as_millis()), (1.0, 50, 60));
    }

    #[test]
    fn long_words_are_bounded_too() {
        let long = |nth: usize| {
            let dimension = |at: usize| (format!("{at:0255}").into(), format!("{nth:01000}").into());
            Series { dimensions: (0..30).map(dimension).collect(), ..series(&nth.to_string()) }
        };
        let mut sink = Sink::default();
        for nth in 0..1000 {
            sink.take(&[(long(nth), latest(nth as u64, 0.0))]);
        }
        assert!(sink.bytes <= limits::SERIES_BYTES_MAX && sink.all.contains_key(&long(999)));
        assert!((300..500).contains(&sink.all.len()), "{}", sink.all.len());
        assert_eq!(sink.clone().all.into_iter().collect::<Sink>(), sink);
    }

    #[test]
    fn beyond_the_bound_those_go_that_were_put_longest_ago() {
        let mut sink = Sink::default();
        let many: Vec<_> =
            (0..limits::SERIES_MAX).map(|nth| (series(&nth.to_string()), latest(nth as u64, 0.0))).collect();
        sink.take(&many);
        sink.take(&[(series("0"), latest(1 << 20, 1.0)), (series("new"), latest(1 << 20, 1.0))]);
        assert_eq!(sink.all.len(), limits::SERIES_MAX);
        assert!(sink.all.contains_key(&series("0")) && sink.all.contains_key(&series("new")));
        assert!(!sink.all.contains_key(&series("1")) && sink.all.contains_key(&series("2")));
    }
}
