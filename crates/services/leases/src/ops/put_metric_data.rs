//! PutMetricData: numbers of an application, of which the sink keeps what came last.
//!
//! The sentences are those that recorded answers quote. Source: CloudWatch API reference, PutMetricData and MetricDatum.

use crate::api::cloudwatch::{Dimension, MetricDatum, PutMetricDataInput, StatisticSet, errors};
use crate::limits;
use crate::machine::{Command, RoomKey};
use crate::metric::{Latest, Series};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::Inner;
use gateway::{Caller, Need, Operation};
use names::Instant;
use std::sync::Arc;
use wire::Nothing;

/// How far from now a moment may be: two weeks back, two hours ahead.
const PAST_MILLIS: u64 = 14 * 24 * 3_600_000;
const FUTURE_MILLIS: u64 = 2 * 3_600_000;

/// The greatest number that CloudWatch takes, 2^360; the least is its negative.
const MAGNITUDE_MAX: f64 = 2.348542582773833e108;

pub(crate) struct PutMetricData;

impl Operation<Inner> for PutMetricData {
    type Input = PutMetricDataInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &PutMetricDataInput) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.on_namespace(&input.namespace))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: PutMetricDataInput) -> Result<Nothing, Refusal> {
        let data = data(input, caller.now)?;
        let room = RoomKey { account: caller.account, region: caller.region };
        service.ask(&room, Command::PutMetrics(data)).await.map(|_| Nothing)
    }
}

fn invalid(said: String) -> Refusal {
    Refusal::new(&errors::INVALID_PARAMETER_VALUE_EXCEPTION, said)
}

fn combination(said: String) -> Refusal {
    Refusal::new(&errors::INVALID_PARAMETER_COMBINATION_EXCEPTION, said)
}

fn missing(said: String) -> Refusal {
    Refusal::new(&errors::MISSING_REQUIRED_PARAMETER_EXCEPTION, said)
}

fn data(input: PutMetricDataInput, now: Instant) -> Result<Vec<(Series, Latest)>, Refusal> {
    let PutMetricDataInput { namespace, metric_data, entity_metric_data, .. } = input;
    if namespace.starts_with("AWS/") {
        return Err(invalid("The value AWS/ for parameter Namespace is invalid.".to_owned()));
    }
    if entity_metric_data.is_some() {
        return Err(invalid("The parameter EntityMetricData is not taken: the sink keeps no entities.".to_owned()));
    }
    let data = metric_data.ok_or_else(|| missing("The parameter MetricData is required.".to_owned()))?;
    if data.len() > limits::DATA_MAX {
        let most = limits::DATA_MAX;
        return Err(invalid(format!("The collection MetricData must not have a size greater than {most}.")));
    }
    let read = |(nth, datum): (usize, MetricDatum)| {
        Datum { at: format!("MetricData.member.{}", nth + 1), datum }.read(&namespace, now)
    };
    data.into_iter().enumerate().map(read).collect()
}

/// One datum, and what errors call it.
struct Datum {
    at: String,
    datum: MetricDatum,
}

impl Datum {
    fn read(self, namespace: &str, now: Instant) -> Result<(Series, Latest), Refusal> {
        let at = self.moment(now)?;
        let (count, sum, min, max) = self.numbers()?;
        let Self { datum, at: named } = self;
        if let Some(resolution) = datum.storage_resolution.filter(|resolution| !matches!(resolution, 1 | 60)) {
            return Err(invalid(format!("The value {resolution} for parameter {named}.StorageResolution is invalid.")));
        }
        let mut dimensions: Vec<(Box<str>, Box<str>)> =
            datum.dimensions.unwrap_or_default().into_iter().map(pair).collect();
        dimensions.sort();
        let unit = datum.unit.unwrap_or_else(|| "None".to_owned()).into();
        let series = Series { namespace: namespace.into(), name: datum.metric_name.into(), dimensions, unit };
        Ok((series, Latest { at, put_at: now, count, sum, min, max }))
    }

    fn moment(&self, now: Instant) -> Result<Instant, Refusal> {
        let Some(asked) = self.datum.timestamp else { return Ok(now) };
        let asked = Instant::from_millis(u64::try_from(asked.millis()).unwrap_or(0));
        let wrong = |said: &str| invalid(format!("The parameter {}.Timestamp must specify a time {said}.", self.at));
        if asked.plus_millis(PAST_MILLIS) < now {
            return Err(wrong("within the past two weeks"));
        }
        if asked > now.plus_millis(FUTURE_MILLIS) {
            return Err(wrong("no more than two hours in the future"));
        }
        Ok(asked)
    }

    /// Count, sum, least and greatest of the samples.
    fn numbers(&self) -> Result<(f64, f64, f64, f64), Refusal> {
        let at = &self.at;
        let MetricDatum { value, statistic_values, values, counts, .. } = &self.datum;
        match (value, statistic_values, values) {
            (Some(value), None, None) => {
                self.check("Value", *value)?;
                Ok((1.0, *value, *value, *value))
            }
            (None, Some(set), None) => self.of_set(set),
            (None, None, Some(values)) => self.of_values(values, counts.as_deref()),
            (None, None, None) => Err(missing(format!(
                "The parameters {at}.Value and {at}.StatisticValues are both missing: one is required."
            ))),
            (Some(_), Some(_), _) => Err(combination(format!(
                "The parameters {at}.Value and {at}.StatisticValues are mutually exclusive and you have specified both."
            ))),
            (Some(_), None, Some(_)) => Err(combination(format!(
                "The parameters {at}.Value and {at}.Values are mutually exclusive and you have specified both."
            ))),
            (None, Some(_), Some(_)) => Err(combination(format!(
                "The parameters {at}.StatisticValues and {at}.Values are mutually exclusive and you have specified both."
            ))),
        }
    }

    fn of_set(&self, set: &StatisticSet) -> Result<(f64, f64, f64, f64), Refusal> {
        let parts =
            [("SampleCount", set.sample_count), ("Sum", set.sum), ("Minimum", set.minimum), ("Maximum", set.maximum)];
        parts.iter().try_for_each(|(name, value)| self.check(&format!("StatisticValues.{name}"), *value))?;
        Ok((set.sample_count, set.sum, set.minimum, set.maximum))
    }

    fn of_values(&self, values: &[f64], counts: Option<&[f64]>) -> Result<(f64, f64, f64, f64), Refusal> {
        let at = &self.at;
        let most = limits::VALUES_MAX;
        if values.len() > most {
            return Err(invalid(format!("The collection {at}.Values must not have a size greater than {most}.")));
        }
        if values.is_empty() {
            return Err(missing(format!("The parameter {at}.Values is required.")));
        }
        if counts.is_some_and(|counts| counts.len() != values.len()) {
            return Err(invalid(format!("The parameters {at}.Values and {at}.Counts must be of the same size.")));
        }
        values.iter().chain(counts.unwrap_or_default()).try_for_each(|value| self.check("Values", *value))?;
        let times = |nth: usize| counts.map_or(1.0, |counts| counts[nth]);
        let count = (0..values.len()).map(times).sum();
        let sum = values.iter().enumerate().map(|(nth, value)| value * times(nth)).sum();
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Ok((count, sum, min, max))
    }

    fn check(&self, name: &str, value: f64) -> Result<(), Refusal> {
        match value.is_finite() && value.abs() <= MAGNITUDE_MAX {
            true => Ok(()),
            false => Err(invalid(format!("The value {value} for parameter {}.{name} is invalid.", self.at))),
        }
    }
}

fn pair(dimension: Dimension) -> (Box<str>, Box<str>) {
    (dimension.name.into(), dimension.value.into())
}
