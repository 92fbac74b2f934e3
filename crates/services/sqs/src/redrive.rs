//! Where dead letters go: the attributes RedrivePolicy and RedriveAllowPolicy.
//!
//! A redrive policy names its dead-letter queue by ARN. What is kept is `partition│policy`, joined by a bar: which
//! partition that queue was when the policy was set, because the machine sends to partitions. When a queue of that name is
//! created again, policies that name it are set anew. Sources: SQS developer guide, "Configure a dead-letter queue"; words as
//! AWS was recorded saying them.

use crate::catalog::QueueKey;
use crate::limits;
use crate::policy::same_json;
use crate::refusal::Refusal;
use gateway::Caller;
use names::{AccountId, PartitionId, QueueName, Region};
use serde_json::{Map, Value, json};

const POLICY: &str = "RedrivePolicy";
const ALLOW: &str = "RedriveAllowPolicy";

/// A redrive policy that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RedrivePolicy {
    pub(crate) target: QueueKey,
    pub(crate) max_receives: u32,
}

/// Takes the text of a redrive policy.
pub(crate) fn parse_policy(text: &str) -> Result<String, Refusal> {
    read(text).map(|_| text.to_owned())
}

/// Whether two texts, given or kept, mean the same.
pub(crate) fn same_policy(one: &str, other: &str) -> bool {
    let meaning = |text: &str| read(shown(text)).ok();
    same_json(shown(one), shown(other)) || (meaning(one).is_some() && meaning(one) == meaning(other))
}

/// A kept text as the owner is shown it.
pub(crate) fn shown(kept: &str) -> &str {
    match kept.split_once('|') {
        Some((partition, given)) if partition.bytes().all(|byte| byte.is_ascii_digit()) => given,
        _ => kept,
    }
}

/// What is kept of a policy whose target is this partition: AWS shows it without spaces and its count as a number.
pub(crate) fn kept(policy: &RedrivePolicy, target: PartitionId) -> String {
    let shown = json!({"deadLetterTargetArn": policy.target.arn(), "maxReceiveCount": policy.max_receives});
    format!("{}|{shown}", target.get())
}

/// What a kept text tells the queue machine.
pub(crate) fn dead_letters(kept: &str) -> Option<queue::DeadLetters> {
    let (partition, policy) = kept.split_once('|')?;
    let destination = PartitionId::new(partition.parse().ok()?);
    Some(queue::DeadLetters { max_receives: read(policy).ok()?.max_receives, destination })
}

/// Reads a policy as it was given.
pub(crate) fn read(text: &str) -> Result<RedrivePolicy, Refusal> {
    let refused = |reason: &str| Refusal::invalid_value(text, POLICY, reason);
    let Ok(Value::Object(policy)) = serde_json::from_str(text) else {
        return Err(Refusal::malformed_attribute(POLICY, "Redrive policy is not a valid JSON map."));
    };
    let member = |name: &str| {
        let missing = || refused(&format!("Redrive policy does not contain mandatory attribute: {name}."));
        policy.get(name).ok_or_else(missing)
    };
    let (count, target) = (member("maxReceiveCount")?, member("deadLetterTargetArn")?);
    let target = target.as_str().and_then(key_of_arn);
    let target = target.ok_or_else(|| refused("Invalid value for deadLetterTargetArn."))?;
    let number = count.as_u64().or_else(|| count.as_str()?.parse().ok());
    let max_receives = number.and_then(|number| u32::try_from(number).ok());
    let max_receives = max_receives.filter(|number| limits::MAX_RECEIVE_COUNT.contains(number)).ok_or_else(|| {
        let count = count.as_str().map_or_else(|| count.to_string(), str::to_owned);
        refused(&format!("Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive."))
    })?;
    if policy.len() > 2 {
        return Err(refused("Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount]."));
    }
    Ok(RedrivePolicy { target, max_receives })
}

/// The queue that an ARN names.
pub(crate) fn key_of_arn(arn: &str) -> Option<QueueKey> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", _, "sqs", region, account, name] = parts.as_slice() else { return None };
    let (account, region) = (AccountId::parse(account).ok()?, Region::parse(region).ok()?);
    Some(QueueKey { account, region, name: QueueName::parse(name).ok()? })
}

/// The caller's queue that a parameter's ARN names. Queues of other accounts and regions are not moved from or to.
pub(crate) fn key_of_callers(caller: &Caller, arn: &str, parameter: &str) -> Result<QueueKey, Refusal> {
    if arn.splitn(6, ':').count() < 6 || !arn.starts_with("arn:") {
        return Err(Refusal::malformed_arn(parameter));
    }
    let is_callers = |key: &QueueKey| key.account == caller.account && key.region == caller.region;
    key_of_arn(arn).filter(is_callers).ok_or_else(|| Refusal::resource_not_found(parameter))
}

/// Takes the text of a redrive allow policy.
pub(crate) fn parse_allow(text: &str) -> Result<String, Refusal> {
    let unsupported = || {
        let reason = "Amazon SQS can't create the redrive allow policy, as it’s in an unsupported format.";
        Refusal::malformed_attribute(ALLOW, reason)
    };
    let refused = |reason: &str| {
        Err(Refusal::invalid_value(text, ALLOW, &format!("Amazon SQS can't create the redrive allow policy. {reason}")))
    };
    let Ok(Value::Object(policy)) = serde_json::from_str::<Value>(text) else { return Err(unsupported()) };
    let is_known = |name: &String| ["redrivePermission", "sourceQueueArns"].contains(&name.as_str());
    let permission = policy.get("redrivePermission").and_then(Value::as_str);
    let sources = source_arns(&policy).ok_or_else(unsupported)?;
    match (permission, &sources) {
        _ if !policy.keys().all(is_known) => Err(unsupported()),
        (Some("allowAll" | "denyAll"), None) => Ok(text.to_owned()),
        (Some("allowAll" | "denyAll"), Some(_)) => {
            refused("To specify one or more source queue ARNs, you must set redrivePermission to byQueue.")
        }
        (Some("byQueue"), Some(arns)) if arns.len() > limits::REDRIVE_SOURCES_MAX => {
            refused("The maximum number of source queue ARNs you can specify is 10.")
        }
        (Some("byQueue"), Some(arns)) if !arns.is_empty() => Ok(text.to_owned()),
        (Some("byQueue"), _) => refused(
            "When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values.",
        ),
        _ => Err(unsupported()),
    }
}

/// The sources that an allow policy names; the inner `None` if it names none at all.
#[expect(clippy::option_option, reason = "a list that is not there differs from one that is none")]
fn source_arns(policy: &Map<String, Value>) -> Option<Option<Vec<&str>>> {
    match policy.get("sourceQueueArns") {
        None => Some(None),
        Some(Value::Array(arns)) => arns.iter().map(Value::as_str).collect::<Option<Vec<_>>>().map(Some),
        Some(_) => None,
    }
}

/// Whether a dead-letter queue with this allow policy takes a source's dead letters.
pub(crate) fn allows(policy: Option<&str>, source_arn: &str) -> bool {
    let Some(Ok(Value::Object(policy))) = policy.map(serde_json::from_str::<Value>) else { return true };
    match policy.get("redrivePermission").and_then(Value::as_str) {
        Some("denyAll") => false,
        Some("byQueue") => source_arns(&policy).flatten().is_some_and(|arns| arns.contains(&source_arn)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:dead";

    fn reason(text: &str) -> String {
        let message = read(text).unwrap_err().message.into_owned();
        message.split_once("Reason: ").unwrap().1.to_owned()
    }

    #[test]
    fn a_count_may_be_a_number_or_a_text_from_1_to_1000() {
        for (count, expected) in
            [("1", Some(1)), ("\"1000\"", Some(1000)), ("0", None), ("1001", None), ("\"x\"", None)]
        {
            let text = format!(r#"{{"deadLetterTargetArn":"{ARN}","maxReceiveCount":{count}}}"#);
            assert_eq!(read(&text).ok().map(|policy| policy.max_receives), expected, "{count}");
        }
        let text = format!(r#"{{"deadLetterTargetArn":"{ARN}","maxReceiveCount":0}}"#);
        let sentence = "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive.";
        assert_eq!(reason(&text), sentence);
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        assert_eq!(reason("[]"), "Redrive policy is not a valid JSON map.");
        assert_eq!(reason("{}"), "Redrive policy does not contain mandatory attribute: maxReceiveCount.");
        let target = "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.";
        assert_eq!(reason(r#"{"maxReceiveCount":1}"#), target);
        let dummy = r#"{"deadLetterTargetArn": "dummy", "maxReceiveCount": 42}"#;
        assert_eq!(reason(dummy), "Invalid value for deadLetterTargetArn.");
    }

    #[test]
    fn a_kept_policy_tells_its_partition_and_shows_its_count_as_a_number() {
        let given = format!(r#"{{ "maxReceiveCount": "3", "deadLetterTargetArn": "{ARN}" }}"#);
        let kept = kept(&read(&given).unwrap(), PartitionId::new(77));
        assert_eq!(shown(&kept), format!(r#"{{"deadLetterTargetArn":"{ARN}","maxReceiveCount":3}}"#));
        let expected = queue::DeadLetters { max_receives: 3, destination: PartitionId::new(77) };
        assert_eq!(dead_letters(&kept), Some(expected));
        assert!(same_policy(&given.replace("\"3\"", "3"), &kept) && !same_policy("", &kept));
    }

    #[test]
    fn an_allow_policy_is_one_of_three_and_names_sources_only_by_queue() {
        let by_queue = format!(r#"{{"redrivePermission":"byQueue","sourceQueueArns":["{ARN}"]}}"#);
        for right in [r#"{"redrivePermission":"allowAll"}"#, r#"{"redrivePermission":"denyAll"}"#, &by_queue] {
            assert!(parse_allow(right).is_ok(), "{right}");
        }
        let many = format!(r#"{{"redrivePermission":"byQueue","sourceQueueArns":{}}}"#, Value::from(vec![ARN; 11]));
        for wrong in [
            "x",
            "{}",
            r#"{"redrivePermission":"some"}"#,
            r#"{"redrivePermission":"byQueue"}"#,
            r#"{"redrivePermission":"denyAll","sourceQueueArns":["a"]}"#,
            &many,
        ] {
            assert!(parse_allow(wrong).is_err(), "{wrong}");
        }
        assert!(allows(None, ARN) && allows(Some(&by_queue), ARN) && !allows(Some(&by_queue), "other"));
        assert!(!allows(Some(r#"{"redrivePermission":"denyAll"}"#), ARN));
    }
}
