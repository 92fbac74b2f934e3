//! What a queue is set to: what differs from the defaults, and the changes that requests ask for.
//!
//! In come names and texts, which are checked by the rows of the table (`attribute_table.rs`) as AWS checks them; numbers,
//! words and texts are kept. A queue that nobody set anything of keeps nothing.

use crate::attribute_table::{Attribute, Kind, Row, Settable, Values};
use crate::redrive;
use crate::refusal::Refusal;
use crate::retry_backoff;

/// What a queue is set to. Whatever is not kept here is as it is by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// In order of attribute, and never a default among them, so that equal settings are equal here.
    set: Box<[(Attribute, Value)]>,
}

/// A value as it is kept: a number, a word's place among its words, or a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Number(u32),
    Text(Box<str>),
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

impl Attributes {
    /// A number, or the place of a word among its words.
    pub(crate) fn number(&self, attribute: Attribute) -> u32 {
        match self.find(attribute) {
            Some(Value::Number(number)) => *number,
            _ => attribute.values().default_number(),
        }
    }

    /// A text, where one is set.
    pub(crate) fn text(&self, attribute: Attribute) -> Option<&str> {
        match self.find(attribute) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// When what happens to messages is answered.
    pub(crate) fn durability(&self) -> Durability {
        if self.number(Attribute::Durability) == 0 { Durability::Durable } else { Durability::Relaxed }
    }

    /// Sets one attribute. The default, and an empty text, take away what was set.
    pub(crate) fn set(&mut self, attribute: Attribute, value: Value) {
        let is_default = match &value {
            Value::Number(number) => *number == attribute.values().default_number(),
            Value::Text(text) => text.is_empty(),
        };
        let mut set = std::mem::take(&mut self.set).into_vec();
        match (set.binary_search_by_key(&attribute, |(attribute, _)| *attribute), is_default) {
            (Ok(at), true) => drop(set.remove(at)),
            (Ok(at), false) => set[at].1 = value,
            (Err(_), true) => {}
            (Err(at), false) => set.insert(at, (attribute, value)),
        }
        self.set = set.into_boxed_slice();
    }

    /// What is set, in order of attribute.
    pub(crate) fn all_set(&self) -> impl Iterator<Item = (Attribute, &Value)> {
        self.set.iter().map(|(attribute, value)| (*attribute, value))
    }

    /// Whether an attribute is not as it is by default.
    pub(crate) fn is_set(&self, attribute: Attribute) -> bool {
        self.find(attribute).is_some()
    }

    /// An attribute's value as answers show it: a text that is not set is not shown.
    pub(crate) fn shown(&self, attribute: Attribute) -> Option<String> {
        match attribute.values() {
            Values::Number { .. } => Some(self.number(attribute).to_string()),
            Values::Words(words) => Some(words[self.number(attribute) as usize].to_owned()),
            Values::Text(_) if attribute == Attribute::Redrive => {
                self.text(attribute).map(redrive::shown).map(str::to_owned)
            }
            Values::Text(_) => self.text(attribute).map(str::to_owned),
        }
    }

    /// What the queue machine needs to know of them.
    pub(crate) fn settings(&self) -> queue::Settings {
        let millis = |attribute| u64::from(self.number(attribute)) * 1000;
        let times = [Attribute::Retention, Attribute::Visibility, Attribute::Delay].map(millis);
        queue::Settings {
            is_fifo: self.is(Attribute::Fifo),
            total_visibility_secs: self.number(Attribute::VisibilityMax),
            backoff: self.text(Attribute::RetryBackoff).and_then(retry_backoff::read),
            dead_letters: self.text(Attribute::Redrive).and_then(redrive::dead_letters),
            keep_deleted_secs: self.number(Attribute::KeepDeleted),
            park_after: self.number(Attribute::ParkAfter) as u16,
            in_flight_times: self.number(Attribute::InFlightTimes) as u8,
            ..queue::Settings::plain(times[0], times[1], times[2])
        }
    }

    /// Whether a word of two is the second one: a flag is set.
    pub(crate) fn is(&self, attribute: Attribute) -> bool {
        self.number(attribute) == 1
    }

    /// Refuses attributes that AWS does not allow together.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        match self.is(Attribute::ThroughputLimit) && !self.is(Attribute::DedupScope) {
            true => Err(Refusal::throughput_without_scope()),
            false => Ok(()),
        }
    }

    fn find(&self, attribute: Attribute) -> Option<&Value> {
        let at = self.set.binary_search_by_key(&attribute, |(attribute, _)| *attribute).ok()?;
        Some(&self.set[at].1)
    }
}

/// When attributes are given, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Occasion {
    /// Whether by CreateQueue; otherwise the queue is there.
    pub(crate) is_creation: bool,
    /// Whether the queue is a FIFO queue.
    pub(crate) is_fifo: bool,
}

/// The changes that a request asks for; what it does not name stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AttributeChanges(Vec<(Attribute, Value)>);

impl AttributeChanges {
    /// Reads names and texts. Every one is checked before any is taken.
    pub(crate) fn parse(given: &[(String, String)], occasion: Occasion) -> Result<Self, Refusal> {
        let mut changes = Vec::with_capacity(given.len());
        for (name, value) in given {
            let row = settable(name, value, occasion)?;
            match &row.kind {
                Kind::Kept(attribute, values) => changes.push((*attribute, values.parse(name, value)?)),
                Kind::Reported(_) | Kind::Metered(_) => return Err(Refusal::unknown_attribute(name)),
            }
        }
        Self(changes).with_one_kind_of_encryption()
    }

    /// A queue is encrypted with a key of KMS or with SQS's own: who asks for the one gives up the other, and nobody asks for
    /// both.
    fn with_one_kind_of_encryption(mut self) -> Result<Self, Refusal> {
        let takes_key = self.text(Attribute::KmsKey).is_some_and(|key| !key.is_empty());
        let managed =
            self.0.iter().find(|(changed, _)| *changed == Attribute::ManagedSse).map(|(_, value)| value.clone());
        match (takes_key, managed) {
            (true, Some(Value::Number(0))) => return Err(Refusal::two_kinds_of_encryption()),
            (true, None) => self.0.push((Attribute::ManagedSse, Value::Number(1))),
            (false, Some(Value::Number(0))) if self.text(Attribute::KmsKey).is_none() => {
                self.0.push((Attribute::KmsKey, Value::Text("".into())));
            }
            _ => {}
        }
        Ok(self)
    }

    /// One change that the service itself makes.
    pub(crate) fn of_text(attribute: Attribute, text: String) -> Self {
        Self(vec![(attribute, Value::Text(text.into()))])
    }

    /// The text that is asked for, if one is.
    pub(crate) fn text(&self, attribute: Attribute) -> Option<&str> {
        self.0.iter().find_map(|(changed, value)| match value {
            Value::Text(text) if *changed == attribute => Some(&**text),
            _ => None,
        })
    }

    /// The same with another text.
    pub(crate) fn with_text(mut self, attribute: Attribute, text: &str) -> Self {
        self.0.retain(|(changed, _)| *changed != attribute);
        self.0.push((attribute, Value::Text(text.into())));
        self
    }

    /// `attributes` with the changes made.
    pub(crate) fn apply_to(&self, attributes: &Attributes) -> Attributes {
        let mut changed = attributes.clone();
        for (attribute, value) in self.0.iter().filter(|(attribute, _)| *attribute != Attribute::Unpark) {
            changed.set(*attribute, value.clone());
        }
        changed
    }

    /// The first named attribute whose value differs from the queue's: what makes a second CreateQueue fail.
    pub(crate) fn first_difference(&self, attributes: &Attributes) -> Option<&'static str> {
        let differs = |(attribute, value): &&(Attribute, Value)| match (value, attribute.values()) {
            (Value::Text(given), Values::Text(rule)) => {
                let kept = attributes.text(*attribute).unwrap_or_default();
                **given != *kept && !(rule.same)(given, kept)
            }
            (Value::Number(given), _) => attributes.number(*attribute) != *given,
            (Value::Text(_), _) => true,
        };
        self.0.iter().find(differs).map(|(attribute, _)| attribute.name())
    }
}

/// The row of an attribute that may be set now.
fn settable(name: &str, value: &str, occasion: Occasion) -> Result<&'static Row, Refusal> {
    let row = Row::named(name, occasion.is_fifo).ok_or_else(|| match name {
        "DeduplicationScope" | "FifoThroughputLimit" => Refusal::attribute_of_fifo_queues(name),
        _ => Refusal::unknown_attribute(name),
    })?;
    match row.set {
        Settable::AtCreation if value == "true" => Ok(row),
        Settable::Always => Ok(row),
        Settable::AtCreation if occasion.is_creation => Ok(row),
        Settable::ToAct if !occasion.is_creation => Ok(row),
        Settable::AtCreation => Err(Refusal::queue_type_is_fixed(name)),
        Settable::ToAct | Settable::Never => Err(Refusal::unknown_attribute(name)),
    }
}

impl Values {
    fn parse(&self, name: &str, text: &str) -> Result<Value, Refusal> {
        let number = match self {
            Self::Text(_) if text.is_empty() => return Ok(Value::Text("".into())),
            Self::Text(rule) => return (rule.parse)(text).map(|text| Value::Text(text.into())),
            Self::Number { range, .. } => text.parse::<u32>().ok().filter(|number| range.contains(number)),
            Self::Words(words) => words.iter().position(|word| *word == text).map(|place| place as u32),
        };
        number.map(Value::Number).ok_or_else(|| Refusal::invalid_attribute_value(name))
    }
}

#[cfg(test)]
impl Attributes {
    /// The same with one number set, for tests.
    pub(crate) fn with(mut self, attribute: Attribute, number: u32) -> Self {
        self.set(attribute, Value::Number(number));
        self
    }

    /// The same with one text set, for tests.
    pub(crate) fn with_text(mut self, attribute: Attribute, text: &str) -> Self {
        self.set(attribute, Value::Text(text.into()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATION: Occasion = Occasion { is_creation: true, is_fifo: false };
    const CHANGE: Occasion = Occasion { is_creation: false, is_fifo: false };

    fn parse(name: &str, value: &str) -> Result<AttributeChanges, Refusal> {
        AttributeChanges::parse(&[(name.to_string(), value.to_string())], CHANGE)
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
    fn an_owner_may_allow_ten_times_as_many_in_flight() {
        let in_flight = |text: &str| {
            let changes = parse("TidewireInFlightTimes", text).ok()?;
            Some(changes.apply_to(&Attributes::default()).settings().in_flight_max())
        };
        assert_eq!([in_flight("1"), in_flight("10")], [Some(120_000), Some(1_200_000)]);
        assert_eq!([in_flight("0"), in_flight("11")], [None, None]);
        assert_eq!(Attributes::default().settings().in_flight_max(), queue::IN_FLIGHT_MAX);
    }

    #[test]
    fn durability_is_one_of_two_words() {
        let relaxed = parse("TidewireDurability", "relaxed").unwrap();
        let attributes = relaxed.apply_to(&Attributes::default());
        assert_eq!(attributes.durability(), Durability::Relaxed);
        assert_eq!(relaxed.first_difference(&Attributes::default()), Some("TidewireDurability"));
        assert_eq!(parse("TidewireDurability", "durable").unwrap().apply_to(&attributes), Attributes::default());
        for wrong in ["", "Relaxed", "RELAXED", "1", "eventual", " relaxed"] {
            let refusal = parse("TidewireDurability", wrong).unwrap_err();
            assert_eq!(refusal.error.name, "InvalidAttributeValue", "{wrong}");
            assert_eq!(refusal.message, "Invalid value for the parameter TidewireDurability.");
        }
    }

    #[test]
    fn a_queue_that_nothing_is_set_of_keeps_nothing() {
        let mut attributes = Attributes::default().with(Attribute::Delay, 7).with_text(Attribute::Policy, "{}");
        assert_eq!((attributes.number(Attribute::Delay), attributes.text(Attribute::Policy)), (7, Some("{}")));
        attributes.set(Attribute::Delay, Value::Number(0));
        attributes.set(Attribute::Policy, Value::Text("".into()));
        assert_eq!(attributes, Attributes::default());
        assert!(attributes.set.is_empty());
        assert!(size_of::<Attributes>() <= 16, "an idle queue pays for it");
    }

    #[test]
    fn an_empty_text_takes_it_away_and_an_unset_one_equals_it() {
        let set = Attributes::default().with_text(Attribute::Policy, "{}");
        let removal = parse("Policy", "").unwrap();
        assert_eq!(removal.apply_to(&set), Attributes::default());
        assert_eq!(removal.first_difference(&Attributes::default()), None);
        assert_eq!(removal.first_difference(&set), Some("Policy"));
    }

    #[test]
    fn an_unknown_attribute_is_named_in_the_refusal() {
        for name in ["Colour", "All", "QueueArn", "ApproximateNumberOfMessages", "FifoQueue", "delayseconds"] {
            let refusal = parse(name, "1").unwrap_err();
            let words = format!("Unknown Attribute {name}.");
            assert_eq!((refusal.error.name, &*refusal.message), ("InvalidAttributeName", &*words));
        }
    }

    #[test]
    fn whether_a_queue_is_fifo_is_said_at_its_creation_and_of_fifo_queues_only() {
        let parse = |value: &str, occasion| AttributeChanges::parse(&[("FifoQueue".into(), value.into())], occasion);
        for value in ["true", "false"] {
            assert_eq!(parse(value, CREATION).unwrap_err().error.name, "InvalidAttributeName");
        }
        let change = Occasion { is_creation: false, is_fifo: true };
        let refusal = parse("false", change).unwrap_err();
        let words = "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.";
        assert_eq!((refusal.error.name, &*refusal.message), ("InvalidAttributeValue", words));
        assert!(parse("true", change).is_ok(), "it is what it is");
        let created = parse("true", Occasion { is_creation: true, is_fifo: true }).unwrap();
        assert!(created.apply_to(&Attributes::default()).settings().is_fifo);
    }

    #[test]
    fn a_throughput_by_groups_asks_for_deduplication_by_groups() {
        let attributes = Attributes::default().with(Attribute::Fifo, 1).with(Attribute::ThroughputLimit, 1);
        assert_eq!(attributes.check(), Err(Refusal::throughput_without_scope()));
        assert_eq!(attributes.with(Attribute::DedupScope, 1).check(), Ok(()));
    }

    #[test]
    fn a_queue_is_encrypted_in_one_way_at_a_time() {
        let set = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            AttributeChanges::parse(&pairs, CHANGE)
        };
        let shown = |attributes: &Attributes| {
            [Attribute::KmsKey, Attribute::ManagedSse].map(|attribute| attributes.shown(attribute).unwrap_or_default())
        };
        let mut attributes = Attributes::default();
        assert_eq!(shown(&attributes), ["", "true"]);
        for (given, then) in [
            (&[("KmsMasterKeyId", "alias/aws/sqs")][..], ["alias/aws/sqs", "false"]),
            (&[("SqsManagedSseEnabled", "true")], ["", "true"]),
            (&[("KmsMasterKeyId", "alias/a"), ("SqsManagedSseEnabled", "false")], ["alias/a", "false"]),
            (&[("KmsMasterKeyId", "")], ["", "false"]),
        ] {
            attributes = set(given).unwrap().apply_to(&attributes);
            assert_eq!(shown(&attributes), then);
        }
        let refusal = set(&[("KmsMasterKeyId", "alias/a"), ("SqsManagedSseEnabled", "true")]).unwrap_err();
        assert_eq!(refusal.error.name, "InvalidAttributeName");
        for wrong in ["59", "86401", "", "x"] {
            assert_eq!(
                set(&[("KmsDataKeyReusePeriodSeconds", wrong)]).unwrap_err().error.name,
                "InvalidAttributeValue"
            );
        }
    }

    #[test]
    fn a_second_creation_differs_by_the_attributes_it_names_alone() {
        let changes = parse("VisibilityTimeout", "10").unwrap();
        let attributes = changes.apply_to(&Attributes::default());
        assert_eq!(attributes.number(Attribute::Visibility), 10);
        assert_eq!(changes.first_difference(&attributes), None);
        assert_eq!(changes.first_difference(&Attributes::default()), Some("VisibilityTimeout"));
        assert_eq!(AttributeChanges::default().first_difference(&attributes), None);
    }

    #[test]
    fn a_second_creation_compares_policies_by_what_they_mean() {
        let policy = |text: &str| Attributes::default().with_text(Attribute::Policy, text);
        let statement = r#"{"Effect":"Allow","Principal":"*","Action":"SQS:*","Resource":"*"}"#;
        let given = parse("Policy", &format!(r#"{{"Statement":[{statement}],"Version":"2012-10-17"}}"#)).unwrap();
        let other_order = format!("{{ \"Version\": \"2012-10-17\",\n \"Statement\": [{statement}] }}");
        assert_eq!(given.first_difference(&policy(&other_order)), None);
        assert_eq!(given.first_difference(&policy(&other_order.replace("Allow", "Deny"))), Some("Policy"));
        assert_eq!(given.first_difference(&Attributes::default()), Some("Policy"));
    }
}
