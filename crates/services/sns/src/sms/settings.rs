//! The settings of an account's short messages: which there are, and what they may be. Source: API reference of SetSMSAttributes.

use super::limits::SENDER_LEN_MAX;
use crate::refusal::Refusal;
use crate::topic::Pairs;
use names::Arn;

const SPEND_LIMIT: &str = "MonthlySpendLimit";
const ROLE: &str = "DeliveryStatusIAMRole";
const RATE: &str = "DeliveryStatusSuccessSamplingRate";
const SENDER: &str = "DefaultSenderID";
const TYPE: &str = "DefaultSMSType";
const REPORTS: &str = "UsageReportS3Bucket";

/// Millionths of a US dollar.
pub(crate) type Micros = u64;

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    #[default]
    Promotional,
    Transactional,
}

impl Kind {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "Promotional" => Some(Self::Promotional),
            "Transactional" => Some(Self::Transactional),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Promotional => "Promotional",
            Self::Transactional => "Transactional",
        }
    }
}

/// Checks what is to be set, all of it before any of it is.
pub(crate) fn check(given: &[(String, String)]) -> Result<(), Refusal> {
    given.iter().try_for_each(|(name, value)| check_one(name, value))
}

fn check_one(name: &str, value: &str) -> Result<(), Refusal> {
    let wrong = |why: &str| Err(Refusal::invalid(format!("Attributes Reason: {name}: {why}")));
    let is_known = [SPEND_LIMIT, ROLE, RATE, SENDER, TYPE, REPORTS].contains(&name);
    match name {
        // Without a value it goes back to what it was.
        _ if is_known && value.is_empty() => Ok(()),
        SPEND_LIMIT if micros(value).is_some() => Ok(()),
        SPEND_LIMIT => wrong("it must be an amount in USD"),
        ROLE if is_role(value) => Ok(()),
        ROLE => wrong("it must be the ARN of a role"),
        RATE if value.parse::<u8>().is_ok_and(|rate| rate <= 100) => Ok(()),
        RATE => wrong("it must be between 0 and 100"),
        SENDER if is_sender(value) => Ok(()),
        SENDER => wrong("it must have 1 to 11 letters and digits, and a letter among them"),
        TYPE if Kind::parse(value).is_some() => Ok(()),
        TYPE => wrong("it must be Promotional or Transactional"),
        REPORTS => wrong("this version of tidewire writes no usage reports"),
        _ => wrong("there is no such attribute"),
    }
}

fn is_role(value: &str) -> bool {
    Arn::parse(value).is_ok_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/"))
}

/// Whether a text can be a sender's name.
pub(crate) fn is_sender(text: &str) -> bool {
    (1..=SENDER_LEN_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// An amount in USD, to the millionth; what is finer is cut off.
pub fn micros(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || whole.len() + part.len() == 0 {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u64 = format!("{part:0<6}")[..6].parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(part)
}

/// What was set, as messages are sent by it.
pub(crate) struct Settings<'a>(pub(crate) &'a Pairs);

impl<'a> Settings<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(|value| &**value)
    }

    pub(crate) fn spend_limit(&self) -> Option<Micros> {
        self.get(SPEND_LIMIT).and_then(micros)
    }

    pub(crate) fn sender(&self) -> Option<&'a str> {
        self.get(SENDER)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.get(TYPE).and_then(Kind::parse).unwrap_or_default()
    }

    /// The same as a topic's attributes say it of other protocols (`status.rs`): one role for what fails and what succeeds.
    pub(crate) fn feedback(&self) -> Pairs {
        let Some(role) = self.get(ROLE) else { return Pairs::new() };
        let rate = self.get(RATE).unwrap_or("0");
        let pairs = [
            ("SMSSuccessFeedbackRoleArn", role),
            ("SMSFailureFeedbackRoleArn", role),
            ("SMSSuccessFeedbackSampleRate", rate),
        ];
        pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_right(name: &str, value: &str) -> bool {
        check(&[(name.to_owned(), value.to_owned())]).is_ok()
    }

    #[test]
    fn each_setting_takes_what_the_reference_says() {
        let right = [
            (SPEND_LIMIT, "1"),
            (SPEND_LIMIT, "0.5"),
            (ROLE, "arn:aws:iam::000000000000:role/r"),
            (RATE, "0"),
            (RATE, "100"),
            (SENDER, "Tide1"),
            (TYPE, "Transactional"),
            (TYPE, ""),
        ];
        assert!(right.iter().all(|(name, value)| is_right(name, value)));
        let wrong = [
            (SPEND_LIMIT, "-1"),
            (SPEND_LIMIT, "much"),
            (SPEND_LIMIT, "."),
            (ROLE, "r"),
            (RATE, "101"),
            (SENDER, "12345"),
            (SENDER, "twelveletter"),
            (SENDER, "a b"),
            (TYPE, "promotional"),
            (REPORTS, "bucket"),
            ("test", "test"),
            ("test", ""),
        ];
        for (name, value) in wrong {
            assert!(!is_right(name, value), "{name} {value}");
        }
    }

    #[test]
    fn an_amount_is_counted_in_millionths() {
        let amounts = ["1", "0.00645", ".5", "2.", "0.0000019", "18446744073710"].map(micros);
        assert_eq!(amounts[..5], [Some(1_000_000), Some(6450), Some(500_000), Some(2_000_000), Some(1)]);
        assert_eq!((amounts[5], micros("1e3"), micros("+1"), micros("")), (None, None, None, None));
    }
}
