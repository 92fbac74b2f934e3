//! `TidewireReplay`: what was sent within a stretch of time goes into a queue once more, as its owner asks for it.
//!
//! A JSON object like AWS's policies, `{"from":"2026-11-23T08:00:00Z","to":1795420800000,"into":"arn:…","only":"deleted"}`, which is
//! not set but done: by SetQueueAttributes, once, and an empty text ends it. Times are as AWS writes them, in UTC, or milliseconds since
//! the epoch, as `SentTimestamp` has them. What is kept of it is `partition│object`, as of a redrive policy, so that it can be
//! shown with how far it is, in the words that SNS has for its replays. The machine's side is `queue::ReplayOrder`.

use crate::catalog::QueueKey;
use crate::redrive::{key_of_arn, shown as without_partition};
use crate::refusal::Refusal;
use names::{Instant, PartitionId};
use queue::{ReplayOrder, ReplayProgress, ReplayState};
use serde_json::{Map, Value, json};
use wire::Timestamp;

const NAME: &str = "TidewireReplay";
const KEYS: [&str; 4] = ["from", "to", "into", "only"];

/// A replay that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    from: Instant,
    /// The end of time if nobody says.
    to: Instant,
    pub(crate) into: QueueKey,
    only_deleted: bool,
}

/// Takes the text of a replay.
pub(crate) fn parse_attribute(text: &str) -> Result<String, Refusal> {
    read(text).map(|_| text.to_owned())
}

/// Reads a replay as it was given.
pub(crate) fn read(text: &str) -> Result<Asked, Refusal> {
    let refused = |reason: &str| refused(text, reason);
    let Ok(Value::Object(given)) = serde_json::from_str(text) else { return Err(refused("It is no JSON object.")) };
    if !given.keys().all(|key| KEYS.contains(&key.as_str())) {
        return Err(refused("It has from, to, into and only, and nothing else."));
    }
    let into = given.get("into").and_then(Value::as_str).and_then(key_of_arn);
    let into = into.ok_or_else(|| refused("into must be the ARN of a queue."))?;
    let moment = |key: &str, left_out| match given.get(key) {
        None => Ok(left_out),
        Some(value) => moment_of(value).ok_or_else(|| {
            refused(&format!("{key} must be a time as 2026-11-23T08:00:00Z, or milliseconds since the epoch."))
        }),
    };
    let (from, to) = (moment("from", Instant::EPOCH)?, moment("to", Instant::FAR_FUTURE)?);
    if from >= to {
        return Err(refused("from must be earlier than to."));
    }
    let only_deleted = match only(&given) {
        Some("all") => false,
        Some("deleted") => true,
        _ => return Err(refused("only must be deleted or all.")),
    };
    Ok(Asked { from, to, into, only_deleted })
}

fn only(given: &Map<String, Value>) -> Option<&str> {
    given.get("only").map_or(Some("all"), Value::as_str)
}

fn moment_of(value: &Value) -> Option<Instant> {
    match value {
        Value::Number(millis) => millis.as_u64().filter(|millis| *millis < u64::MAX).map(Instant::from_millis),
        Value::String(text) => {
            let millis = Timestamp::parse_iso8601(text)?.millis();
            u64::try_from(millis).ok().map(Instant::from_millis)
        }
        _ => None,
    }
}

pub(crate) fn refused(text: &str, reason: &str) -> Refusal {
    Refusal::invalid_value(text, NAME, reason)
}

/// What is kept of a replay into the queue that this partition is.
pub(crate) fn kept(asked: &Asked, destination: PartitionId) -> String {
    let Asked { from, to, into, only_deleted } = asked;
    let mut object = json!({"into": into.arn(), "only": if *only_deleted { "deleted" } else { "all" }});
    if *from > Instant::EPOCH {
        object["from"] = from.as_millis().into();
    }
    if *to < Instant::FAR_FUTURE {
        object["to"] = to.as_millis().into();
    }
    format!("{}|{object}", destination.get())
}

/// What a kept text tells the queue machine.
pub(crate) fn order(kept: &str) -> Option<ReplayOrder> {
    let (partition, object) = kept.split_once('|')?;
    let destination = PartitionId::new(partition.parse().ok()?);
    let Asked { from, to, only_deleted, .. } = read(object).ok()?;
    Some(ReplayOrder { destination, from, to, only_deleted })
}

/// A kept text as it is shown, with how far the replay is.
pub(crate) fn shown(kept: &str, progress: Option<ReplayProgress>) -> String {
    let object = without_partition(kept);
    let (Some(progress), Ok(mut shown)) = (progress, serde_json::from_str::<Value>(object)) else {
        return object.to_owned();
    };
    shown["status"] = match progress.state {
        ReplayState::Running => "In progress",
        ReplayState::Done => "Completed",
        ReplayState::Cancelled => "Cancelled",
        ReplayState::Homeless => "Failed",
    }
    .into();
    shown["startedAt"] = progress.began_at.as_millis().into();
    shown["examined"] = progress.examined.into();
    shown.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:again";

    fn reason(text: &str) -> String {
        let message = read(text).unwrap_err().message.into_owned();
        message.split_once("Reason: ").unwrap().1.to_owned()
    }

    #[test]
    fn a_replay_is_kept_with_its_partition_and_shown_with_its_progress() {
        let asked =
            read(&format!(r#"{{"from":"1970-01-01T00:00:05Z","to":9000,"into":"{ARN}","only":"deleted"}}"#)).unwrap();
        let kept = kept(&asked, PartitionId::new(77));
        let (from, to) = (Instant::from_millis(5_000), Instant::from_millis(9_000));
        let expected = ReplayOrder { destination: PartitionId::new(77), from, to, only_deleted: true };
        assert_eq!(order(&kept), Some(expected));
        let progress = ReplayProgress { state: ReplayState::Running, began_at: to, examined: 3 };
        let words = format!(
            r#"{{"into":"{ARN}","only":"deleted","from":5000,"to":9000,"status":"In progress","startedAt":9000,"examined":3}}"#
        );
        assert_eq!(shown(&kept, Some(progress)), words);
    }

    #[test]
    fn whoever_leaves_everything_out_means_all_that_was_sent() {
        let asked = read(&format!(r#"{{"into":"{ARN}"}}"#)).unwrap();
        assert_eq!((asked.from, asked.to, asked.only_deleted), (Instant::EPOCH, Instant::FAR_FUTURE, false));
        let again = order(&kept(&asked, PartitionId::new(7))).unwrap();
        assert_eq!((again.from, again.to), (Instant::EPOCH, Instant::FAR_FUTURE));
    }

    #[test]
    fn what_is_no_replay_is_refused_by_name() {
        let with = |rest: &str| format!(r#"{{"into":"{ARN}",{rest}}}"#);
        assert_eq!(reason("[]"), "It is no JSON object.");
        assert_eq!(reason("{}"), "into must be the ARN of a queue.");
        assert_eq!(reason(r#"{"into":"again"}"#), "into must be the ARN of a queue.");
        assert_eq!(reason(&with(r#""form":1"#)), "It has from, to, into and only, and nothing else.");
        let time = "from must be a time as 2026-11-23T08:00:00Z, or milliseconds since the epoch.";
        assert_eq!(reason(&with(r#""from":"yesterday""#)), time);
        assert_eq!(reason(&with(r#""from":-1"#)), time);
        assert_eq!(reason(&with(r#""from":5,"to":5"#)), "from must be earlier than to.");
        assert_eq!(reason(&with(r#""only":"visible""#)), "only must be deleted or all.");
    }
}
