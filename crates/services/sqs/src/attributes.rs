//! A queue's attributes: read from a request's names and texts, checked as AWS checks them, kept as numbers.
//!
//! An attribute whose effect this version does not have is refused when it is set to something, because one that is
//! accepted and ignored would be found out only by the loss it should have prevented. One attribute is tidewire's own,
//! `TidewireDurability` (ADR 0009); whoever does not name it never meets it.

use crate::limits::{self, default};
use crate::refusal::Refusal;

/// What can be set on a standard queue, in AWS's units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) delay_secs: u32,
    pub(crate) maximum_message_bytes: u32,
    pub(crate) retention_secs: u32,
    pub(crate) wait_secs: u32,
    pub(crate) visibility_secs: u32,
    pub(crate) durability: Durability,
}

/// When what happens to messages is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Durability {
    /// When it is on disk.
    #[default]
    Durable,
    /// At once; it is on disk some milliseconds later.
    Relaxed,
}

impl Durability {
    const ALL: [Self; 2] = [Self::Durable, Self::Relaxed];

    fn word(self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::Relaxed => "relaxed",
        }
    }

    fn number(self) -> u32 {
        match self {
            Self::Durable => 0,
            Self::Relaxed => 1,
        }
    }
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            delay_secs: default::DELAY_SECS,
            maximum_message_bytes: default::MESSAGE_BYTES,
            retention_secs: default::RETENTION_SECS,
            wait_secs: default::WAIT_SECS,
            visibility_secs: default::VISIBILITY_SECS,
            durability: Durability::default(),
        }
    }
}

impl Attributes {
    /// Sets one number; one that stands for nothing changes nothing, and is told.
    pub(crate) fn set(&mut self, number: Number, value: u32) -> bool {
        match number {
            Number::Delay => self.delay_secs = value,
            Number::MaximumMessageSize => self.maximum_message_bytes = value,
            Number::Retention => self.retention_secs = value,
            Number::Wait => self.wait_secs = value,
            Number::Visibility => self.visibility_secs = value,
            Number::Durability => match Durability::ALL.into_iter().find(|durability| durability.number() == value) {
                Some(durability) => self.durability = durability,
                None => return false,
            },
        }
        true
    }

    /// What the queue machine needs to know of them.
    pub(crate) fn settings(&self) -> queue::Settings {
        queue::Settings {
            retention_millis: u64::from(self.retention_secs) * 1000,
            visibility_millis: u64::from(self.visibility_secs) * 1000,
            delay_millis: u64::from(self.delay_secs) * 1000,
        }
    }
}

/// The changes that a request asks for; what it does not name stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AttributeChanges(Vec<(Number, u32)>);

impl AttributeChanges {
    /// Reads names and texts. Every one is checked before any is taken.
    pub(crate) fn parse(given: &[(String, String)]) -> Result<Self, Refusal> {
        let mut changes = Vec::with_capacity(given.len());
        for (name, value) in given {
            match Number::named(name) {
                Some(number) => changes.push((number, number.parse(value)?)),
                None => without_effect(name, value)?,
            }
        }
        Ok(Self(changes))
    }

    /// `attributes` with the changes made.
    pub(crate) fn apply_to(&self, attributes: &Attributes) -> Attributes {
        let mut changed = attributes.clone();
        for &(number, value) in &self.0 {
            changed.set(number, value);
        }
        changed
    }

    /// The first named attribute whose value differs from the queue's: what makes a second CreateQueue fail.
    pub(crate) fn first_difference(&self, attributes: &Attributes) -> Option<&'static str> {
        let differs = |&&(number, value): &&(Number, u32)| number.of(attributes) != value;
        self.0.iter().find(differs).map(|(number, _)| number.name())
    }
}

/// An attribute that is kept as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    Delay,
    MaximumMessageSize,
    Retention,
    Wait,
    Visibility,
    /// tidewire's own.
    Durability,
}

impl Number {
    pub(crate) const ALL: [Number; 6] =
        [Self::Visibility, Self::MaximumMessageSize, Self::Retention, Self::Delay, Self::Wait, Self::Durability];

    /// The attribute's name in requests and answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Delay => "DelaySeconds",
            Self::MaximumMessageSize => "MaximumMessageSize",
            Self::Retention => "MessageRetentionPeriod",
            Self::Wait => "ReceiveMessageWaitTimeSeconds",
            Self::Visibility => "VisibilityTimeout",
            Self::Durability => "TidewireDurability",
        }
    }

    /// Its value in `attributes`.
    pub(crate) fn of(self, attributes: &Attributes) -> u32 {
        match self {
            Self::Delay => attributes.delay_secs,
            Self::MaximumMessageSize => attributes.maximum_message_bytes,
            Self::Retention => attributes.retention_secs,
            Self::Wait => attributes.wait_secs,
            Self::Visibility => attributes.visibility_secs,
            Self::Durability => attributes.durability.number(),
        }
    }

    /// Its value in `attributes`, as answers show it.
    pub(crate) fn shown(self, attributes: &Attributes) -> String {
        match self {
            Self::Durability => attributes.durability.word().to_string(),
            number => number.of(attributes).to_string(),
        }
    }

    /// Whether it is among all attributes of a queue. tidewire's own is only where it was set, so that a client of AWS meets
    /// nothing that AWS does not have.
    pub(crate) fn belongs_to_all(self, attributes: &Attributes) -> bool {
        self != Self::Durability || attributes.durability != Durability::default()
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|number| number.name() == name)
    }

    fn read(self, text: &str) -> Option<u32> {
        let range = match self {
            Self::Delay => 0..=limits::DELAY_SECS_MAX as u32,
            Self::MaximumMessageSize => limits::MESSAGE_BYTES_LIMIT_MIN..=limits::MESSAGE_BYTES_MAX as u32,
            Self::Retention => limits::RETENTION_SECS,
            Self::Wait => 0..=limits::WAIT_SECS_MAX as u32,
            Self::Visibility => 0..=limits::VISIBILITY_SECS_MAX as u32,
            Self::Durability => {
                let named = Durability::ALL.into_iter().find(|durability| durability.word() == text);
                return named.map(Durability::number);
            }
        };
        text.parse::<u32>().ok().filter(|number| range.contains(number))
    }

    fn parse(self, text: &str) -> Result<u32, Refusal> {
        self.read(text).ok_or_else(|| Refusal::invalid_attribute_value(self.name()))
    }
}

/// Attributes that AWS has and that do nothing here yet may be given their neutral value, and no other.
fn without_effect(name: &str, value: &str) -> Result<(), Refusal> {
    let neutral: &[&str] = match name {
        "Policy" | "RedrivePolicy" | "RedriveAllowPolicy" | "KmsMasterKeyId" => &[""],
        "KmsDataKeyReusePeriodSeconds" => &["300"],
        "SqsManagedSseEnabled" | "FifoQueue" | "ContentBasedDeduplication" => &["false", ""],
        "DeduplicationScope" | "FifoThroughputLimit" => &[],
        _ => return Err(Refusal::unknown_attribute(name)),
    };
    match neutral.contains(&value) {
        true => Ok(()),
        false => Err(Refusal::attribute_without_effect(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, value: &str) -> Result<AttributeChanges, Refusal> {
        AttributeChanges::parse(&[(name.to_string(), value.to_string())])
    }

    #[test]
    fn numbers_are_taken_within_awss_ranges_only() {
        for (name, least, most) in [
            ("DelaySeconds", 0, 900),
            ("MaximumMessageSize", 1_024, 1_048_576),
            ("MessageRetentionPeriod", 60, 1_209_600),
            ("ReceiveMessageWaitTimeSeconds", 0, 20),
            ("VisibilityTimeout", 0, 43_200),
        ] {
            assert!(parse(name, &i64::to_string(&least)).is_ok(), "{name}");
            assert!(parse(name, &i64::to_string(&most)).is_ok(), "{name}");
            for wrong in [(least - 1).to_string(), (most + 1).to_string(), "x".into(), String::new(), "1.5".into()] {
                let refusal = parse(name, &wrong).unwrap_err();
                assert_eq!(refusal.error.name, "InvalidAttributeValue", "{name}={wrong}");
                assert_eq!(refusal.message, format!("Invalid value for the parameter {name}."));
            }
        }
    }

    #[test]
    fn durability_is_one_of_two_words() {
        let relaxed = parse("TidewireDurability", "relaxed").unwrap();
        let attributes = relaxed.apply_to(&Attributes::default());
        assert_eq!(attributes.durability, Durability::Relaxed);
        assert_eq!(relaxed.first_difference(&Attributes::default()), Some("TidewireDurability"));
        assert_eq!(parse("TidewireDurability", "durable").unwrap().apply_to(&attributes), Attributes::default());
        for wrong in ["", "Relaxed", "RELAXED", "1", "eventual", " relaxed"] {
            let refusal = parse("TidewireDurability", wrong).unwrap_err();
            assert_eq!(refusal.error.name, "InvalidAttributeValue", "{wrong}");
            assert_eq!(refusal.message, "Invalid value for the parameter TidewireDurability.");
        }
    }

    #[test]
    fn durability_is_among_all_attributes_only_where_it_is_relaxed() {
        let relaxed = Attributes { durability: Durability::Relaxed, ..Attributes::default() };
        assert!(Number::Durability.belongs_to_all(&relaxed));
        assert!(!Number::Durability.belongs_to_all(&Attributes::default()));
        assert!(Number::Delay.belongs_to_all(&Attributes::default()));
    }

    #[test]
    fn an_unknown_attribute_is_named_in_the_refusal() {
        let refusal = parse("Colour", "red").unwrap_err();
        assert_eq!((refusal.error.name, &*refusal.message), ("InvalidAttributeName", "Unknown Attribute Colour."));
    }

    #[test]
    fn an_attribute_without_effect_takes_its_neutral_value_only() {
        for (name, neutral, other) in [
            ("Policy", "", "{}"),
            ("RedrivePolicy", "", r#"{"maxReceiveCount":1}"#),
            ("FifoQueue", "false", "true"),
            ("SqsManagedSseEnabled", "false", "true"),
            ("KmsMasterKeyId", "", "alias/aws/sqs"),
        ] {
            assert_eq!(parse(name, neutral), Ok(AttributeChanges::default()), "{name}");
            assert_eq!(parse(name, other).unwrap_err().error.name, "UnsupportedOperation", "{name}");
        }
    }

    #[test]
    fn a_second_creation_differs_by_the_attributes_it_names_alone() {
        let changes = parse("VisibilityTimeout", "10").unwrap();
        let attributes = changes.apply_to(&Attributes::default());
        assert_eq!(attributes.visibility_secs, 10);
        assert_eq!(changes.first_difference(&attributes), None);
        assert_eq!(changes.first_difference(&Attributes::default()), Some("VisibilityTimeout"));
        assert_eq!(AttributeChanges::default().first_difference(&attributes), None);
    }
}
