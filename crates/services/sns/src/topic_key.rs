//! What names a topic and a subscription: their keys, and the ARNs that show them.

use crate::fifo::SUFFIX;
use crate::limits::TOPIC_NAME_LEN_MAX;
use crate::refusal::Refusal;
use names::{AccountId, Arn, Region};

/// What names a topic within a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TopicKey {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: Box<str>,
}

/// The id that a subscription's ARN ends with; it is shown as a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SubscriptionId(pub(crate) u128);

impl TopicKey {
    /// Checks the name that CreateTopic was given.
    pub(crate) fn new(account: AccountId, region: &Region, name: &str) -> Result<Self, Refusal> {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let base = name.strip_suffix(SUFFIX).unwrap_or(name);
        match !base.is_empty() && name.len() <= TOPIC_NAME_LEN_MAX && base.bytes().all(is_legal) {
            true => Ok(Self { account, region: region.clone(), name: name.into() }),
            false => Err(Refusal::invalid("Topic Name")),
        }
    }

    pub(crate) fn arn(&self) -> String {
        format!("arn:{}:sns:{}:{}:{}", self.region.arn_partition(), self.region, self.account, self.name)
    }

    /// The topic of a parameter that is the ARN of one.
    pub(crate) fn parse(parameter: &str, arn: &str) -> Result<Self, Refusal> {
        let (key, rest) = Self::split(parameter, arn)?;
        match rest {
            None => Ok(key),
            Some(_) => Err(Refusal::invalid(parameter)),
        }
    }

    fn split<'a>(parameter: &str, arn: &'a str) -> Result<(Self, Option<&'a str>), Refusal> {
        let parts = arn.split(':').count();
        if parts < 6 {
            let why = format!("{parameter} Reason: An ARN must have at least 6 elements, not {parts}");
            return Err(Refusal::invalid(why));
        }
        let wrong = || Refusal::invalid(parameter);
        let parsed = Arn::parse(arn).ok().filter(|arn| arn.service == "sns").ok_or_else(wrong)?;
        let region = Region::parse(&parsed.region).ok().filter(|region| region.arn_partition() == parsed.partition);
        let account = AccountId::parse(&parsed.account).map_err(|_| wrong())?;
        let resource = arn.splitn(6, ':').last().unwrap_or_default();
        let (name, rest) = resource.split_once(':').map_or((resource, None), |(name, rest)| (name, Some(rest)));
        let key = Self::new(account, &region.ok_or_else(wrong)?, name).map_err(|_| wrong())?;
        Ok((key, rest))
    }
}

impl SubscriptionId {
    pub(crate) fn show(self) -> String {
        let digits = format!("{:032x}", self.0);
        [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
    }

    pub(crate) fn arn(self, topic: &str) -> String {
        format!("{topic}:{}", self.show())
    }

    /// The id that is shown so.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let id = u128::from_str_radix(&text.replace('-', ""), 16).ok().map(Self)?;
        (id.show() == text).then_some(id)
    }

    /// The topic and the id of a parameter that is the ARN of a subscription.
    pub(crate) fn parse(parameter: &str, arn: &str) -> Result<(TopicKey, Self), Refusal> {
        if arn.is_empty() {
            return Err(Refusal::invalid(format!("{parameter} Reason: no value for required parameter")));
        }
        let (key, rest) = TopicKey::split(parameter, arn)?;
        let id = rest.and_then(Self::read);
        Ok((key, id.ok_or_else(|| Refusal::invalid("SubscriptionId"))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_topics_and_subscriptions() {
        let arn = "arn:aws:sns:eu-west-1:123456789012:news";
        let key = TopicKey::parse("TopicArn", arn).unwrap();
        assert_eq!(key.arn(), arn);
        let id = SubscriptionId(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
        assert_eq!(id.arn(arn), format!("{arn}:00112233-4455-6677-8899-aabbccddeeff"));
        assert_eq!(SubscriptionId::parse("SubscriptionArn", &id.arn(arn)), Ok((key, id)));
    }

    #[test]
    fn what_is_no_arn_of_a_topic_is_refused_in_awss_words() {
        let words = |arn| TopicKey::parse("TopicArn", arn).unwrap_err().message.into_owned();
        let few = "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1";
        assert_eq!(words("news"), few);
        for wrong in [
            "arn:aws:sqs:eu-west-1:123456789012:news",
            "arn:aws-cn:sns:eu-west-1:123456789012:news",
            "arn:aws:sns:eu-west-1:1:news",
            "arn:aws:sns:eu-west-1:123456789012:a b",
            "arn:aws:sns:eu-west-1:123456789012:news:00112233-4455-6677-8899-aabbccddeeff",
        ] {
            assert_eq!(words(wrong), "Invalid parameter: TopicArn", "{wrong}");
        }
        let words = |arn| SubscriptionId::parse("SubscriptionArn", arn).unwrap_err().message.into_owned();
        assert_eq!(words("arn:aws:sns:eu-west-1:123456789012:news"), "Invalid parameter: SubscriptionId");
        assert_eq!(words(""), "Invalid parameter: SubscriptionArn Reason: no value for required parameter");
        let few = "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 5";
        assert_eq!(words("arn:aws:sns:us-east-1:random"), few);
    }

    #[test]
    fn names_are_of_letters_digits_hyphens_and_underscores() {
        let region = Region::parse("us-east-1").unwrap();
        let is_legal = |name: &str| TopicKey::new(AccountId::DEFAULT, &region, name).is_ok();
        assert!(is_legal("a-Z_9") && is_legal(&"x".repeat(256)) && is_legal("a.fifo"));
        assert!(!is_legal(".fifo") && !is_legal("a.fifo.fifo") && !is_legal(&format!("{}.fifo", "x".repeat(252))));
        assert!(!is_legal("") && !is_legal(&"x".repeat(257)) && !is_legal("a.b") && !is_legal("é"));
    }
}
