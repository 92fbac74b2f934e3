//! Which attributes somebody may set, by name: for files that declare topics. Whether a value is right the operations say.

use crate::attributes;
use crate::status;
use crate::topic_key::TopicKey;
use serde_json::Value;

/// Attributes of topics beside those of delivery status. What makes a FIFO topic is not set: its name says it.
const OF_TOPICS: [&str; 10] = [
    "ArchivePolicy",
    "ContentBasedDeduplication",
    "DeliveryPolicy",
    "DisplayName",
    "FifoThroughputScope",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "Policy",
    "SignatureVersion",
    "TracingConfig",
];

/// Attributes of subscriptions. That a replay is to begin is no state of one.
const OF_SUBSCRIPTIONS: [&str; 7] = [
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
    "SubscriptionRoleArn",
    "TidewireHmacKey",
];

/// The attributes that a topic may be given.
pub fn settable_attributes_of_topics() -> impl Iterator<Item = String> {
    OF_TOPICS.iter().map(|name| (*name).to_owned()).chain(status::names())
}

/// The attributes that a subscription may be given.
pub fn settable_attributes_of_subscriptions() -> impl Iterator<Item = String> {
    OF_SUBSCRIPTIONS.iter().map(|name| (*name).to_owned())
}

/// Whether a policy is the one that a topic has which was given none.
pub fn is_default_policy(topic: &str, policy: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    let own = TopicKey::parse("TopicArn", topic).ok().map(|key| attributes::default_policy(&key));
    own.is_some_and(|own| read(&own).is_some_and(|own| read(policy) == Some(own)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::Protocol;
    use names::{AccountId, Region};

    fn key() -> TopicKey {
        TopicKey { account: AccountId::DEFAULT, region: Region::parse("us-east-1").unwrap(), name: "t".into() }
    }

    #[test]
    fn every_name_is_one_that_the_operations_know() {
        let unknown = "Invalid parameter: AttributeName";
        for name in settable_attributes_of_topics() {
            let refused = attributes::check_of_topic(&name, "x").err();
            assert!(refused.is_none_or(|refused| refused.message != unknown), "{name}");
        }
        for name in settable_attributes_of_subscriptions() {
            let refused = attributes::check_of_subscription(&key(), Protocol::Sqs, &name, "x").err();
            let refused = refused.map(|wrong| wrong.in_set().message);
            assert!(refused.is_none_or(|message| message != unknown), "{name}");
        }
        assert_eq!(attributes::check_of_topic("Nonsense", "x").unwrap_err().message, unknown);
    }

    #[test]
    fn the_default_policy_is_known_however_it_is_laid_out() {
        let (arn, policy) = (key().arn(), attributes::default_policy(&key()));
        let laid_out = format!("{:#}", serde_json::from_str::<Value>(&policy).unwrap());
        assert!(is_default_policy(&arn, &policy) && is_default_policy(&arn, &laid_out) && laid_out != policy);
        assert!(
            !is_default_policy(&arn, &policy.replace("SNS:Publish", "SNS:Subscribe")) && !is_default_policy(&arn, "")
        );
    }
}
