//! Where to begin in a stream, as people say it: `latest`, `trim-horizon`, a time, or a sequence number.

use crate::tools::moment;
use names::Instant;
use serde_json::{Value, json};
use stream::SequenceNumber;

/// A moment: RFC 3339 in UTC, or milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let millis = text.parse().ok().or_else(|| moment::parse(text).map(Instant::as_millis));
        let millis = millis.filter(|millis| *millis < MILLIS_END);
        millis.map(Self).ok_or_else(|| "expected a time like 2026-11-23T08:00:00Z, or milliseconds since 1970".into())
    }

    /// As AWS's JSON has moments: seconds, with a fraction.
    pub(crate) fn in_json(self) -> Value {
        json!(self.0 as f64 / 1000.0)
    }
}

/// The year 10000: what is greater is no time, but perhaps a sequence number.
const MILLIS_END: u64 = 253_402_300_800_000;

/// Where to begin in each shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    Latest,
    TrimHorizon,
    At(Moment),
    /// In the shard that the number is of.
    AtNumber(String),
    /// The same, behind the record.
    AfterNumber(String),
}

impl Start {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().replace('_', "-").as_str() {
            "latest" => return Ok(Self::Latest),
            "trim-horizon" => return Ok(Self::TrimHorizon),
            _ => {}
        }
        if SequenceNumber::parse(text).is_ok() {
            return Ok(Self::AtNumber(text.to_owned()));
        }
        let wrong =
            || "expected latest, trim-horizon, a time like 2026-11-23T08:00:00Z, or a sequence number".to_owned();
        Moment::parse(text).map(Self::At).map_err(|_| wrong())
    }

    /// The shard of the sequence number.
    pub(crate) fn shard(&self) -> Option<String> {
        let (Self::AtNumber(number) | Self::AfterNumber(number)) = self else { return None };
        let number = SequenceNumber::parse(number).ok()?;
        Some(format!("shardId-{:012}", number.index()))
    }

    /// What GetShardIterator is asked for.
    pub(crate) fn iterator(&self) -> Value {
        match self {
            Self::Latest => json!({ "ShardIteratorType": "LATEST" }),
            Self::TrimHorizon => json!({ "ShardIteratorType": "TRIM_HORIZON" }),
            Self::At(moment) => json!({ "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": moment.in_json() }),
            Self::AtNumber(number) => {
                json!({ "ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": number })
            }
            Self::AfterNumber(number) => {
                json!({ "ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": number })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_word_a_time_or_a_sequence_number() {
        let number =
            SequenceNumber::new(Instant::from_millis(1_700_000_000_000), 3, 7, Instant::from_millis(1_700_000_001_000));
        let number = number.to_string();
        assert_eq!(Start::parse("LATEST"), Ok(Start::Latest));
        assert_eq!(Start::parse("TRIM_HORIZON"), Ok(Start::TrimHorizon));
        assert_eq!(Start::parse("trim-horizon"), Ok(Start::TrimHorizon));
        assert_eq!(Start::parse("1970-01-01T00:00:01Z"), Ok(Start::At(Moment(1000))));
        assert_eq!(Start::parse("1795420800000"), Ok(Start::At(Moment(1_795_420_800_000))));
        assert_eq!(Start::parse(&number), Ok(Start::AtNumber(number.clone())));
        assert_eq!(Start::AtNumber(number).shard().as_deref(), Some("shardId-000000000003"));
        for wrong in ["", "yesterday", "99999999999999999999", "-1"] {
            assert!(Start::parse(wrong).unwrap_err().contains("trim-horizon"), "{wrong}");
        }
    }
}
