//! The key of a topic (`KmsMasterKeyId`): whoever publishes to the topic must be allowed to use it.
//!
//! AWS seals messages with it between a publish and its deliveries. Here a topic keeps no message (ADR 0040); what waits for a receiver, or
//! is archived, lies in the store, whose records are sealed as they are (ADR 0028), and a queue seals with its own key. So what is left of the key is
//! what a publisher notices: `kms:GenerateDataKey` and `kms:Decrypt` are asked for under the key's policy, through SNS and with the
//! topic's ARN as context, and a key that is disabled or gone stops publishes, and replays, for which SNS itself is asked. What was allowed is asked again after five minutes, as
//! often as AWS makes a new data key. Source: SNS developer guide, "Encryption at rest" and "Key management".

use crate::api::errors;
use crate::attributes;
use crate::catalog::TopicEntry;
use crate::limits;
use crate::refusal::Refusal;
use crate::topic_key::TopicKey;
use gateway::{Allowances, Caller, KeyFault, KeyRefusal, Keys};
use std::sync::Arc;

/// Who may publish to topics that have keys.
pub(crate) struct TopicKeys {
    keys: Keys,
    allowed: Allowances<Arc<str>, Arc<str>>,
}

impl TopicKeys {
    pub(crate) fn new(keys: Keys) -> Self {
        Self { keys, allowed: Allowances::new(limits::KEY_ALLOWANCES_MAX) }
    }

    /// Whether a caller may publish, as far as the topic's key is concerned.
    pub(crate) async fn check_publishing(&self, caller: &Caller, topic: &TopicEntry) -> Result<(), Refusal> {
        let Some(key) = topic.look(|view| attributes::kms_key(&view.about.attributes).map(Arc::<str>::from)) else {
            return Ok(());
        };
        if self.allowed.get(caller, Arc::clone(&topic.arn)).is_some_and(|allowed| allowed == key) {
            return Ok(());
        }
        let keys = self.keys.get().ok_or_else(|| Refusal::unavailable("this server has no keys"))?;
        let region = &topic.key.region;
        let there = caller.clone().in_region(region).through("sns.amazonaws.com");
        let (via, arn) = (format!("sns.{region}.amazonaws.com"), arn(&key, &topic.key));
        let context = vec![("aws:sns:topicArn".to_owned(), topic.arn.to_string())];
        let made = keys.generate_data_key(&there, &arn, context.clone(), &via).await.map_err(refused)?;
        keys.decrypt_data_key(&there, &made.blob, context, &via).await.map_err(refused)?;
        let until = caller.now.plus_millis(limits::KEY_ALLOWED_MILLIS);
        self.allowed.keep(caller, Arc::clone(&topic.arn), key, until);
        Ok(())
    }
}

/// The key's ARN, or its alias's: of the topic's account and region unless it says another.
fn arn(key: &str, topic: &TopicKey) -> String {
    let TopicKey { account, region, .. } = topic;
    let resource = match key {
        arn if arn.starts_with("arn:") => return arn.to_owned(),
        alias if alias.starts_with("alias/") => alias.to_owned(),
        id => format!("key/{id}"),
    };
    format!("arn:{}:kms:{region}:{account}:{resource}", region.arn_partition())
}

fn refused(refusal: KeyRefusal) -> Refusal {
    let error = match refusal.fault {
        KeyFault::AccessDenied => &errors::KMS_ACCESS_DENIED_EXCEPTION,
        KeyFault::Disabled => &errors::KMS_DISABLED_EXCEPTION,
        KeyFault::NotFound => &errors::KMS_NOT_FOUND_EXCEPTION,
        KeyFault::InvalidState | KeyFault::Ciphertext | KeyFault::InvalidUsage => &errors::KMS_INVALID_STATE_EXCEPTION,
        KeyFault::Throttled => &errors::KMS_THROTTLING_EXCEPTION,
        KeyFault::Unavailable => &errors::SERVICE_UNAVAILABLE_EXCEPTION,
    };
    Refusal::new(error, refusal.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::{AccountId, Region};

    #[test]
    fn a_key_is_named_by_id_alias_or_arn() {
        let region = Region::parse("eu-west-1").unwrap();
        let topic = TopicKey { account: AccountId::DEFAULT, region, name: "t".into() };
        assert_eq!(arn("alias/aws/sns", &topic), "arn:aws:kms:eu-west-1:000000000000:alias/aws/sns");
        assert_eq!(arn("1234", &topic), "arn:aws:kms:eu-west-1:000000000000:key/1234");
        assert_eq!(arn("arn:aws:kms:x:1:key/1", &topic), "arn:aws:kms:x:1:key/1");
    }

    #[test]
    fn a_refusal_of_kms_has_the_code_that_sns_has_for_it() {
        let code = |fault| refused(KeyRefusal { fault, message: "why".into() }).error.query_code;
        assert_eq!(code(KeyFault::AccessDenied), "KMSAccessDenied");
        assert_eq!(code(KeyFault::Disabled), "KMSDisabled");
        assert_eq!(code(KeyFault::NotFound), "KMSNotFound");
    }
}
