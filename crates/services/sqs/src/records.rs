//! Every record that an SQS queue's partition journals, on one screen. Integers are big-endian.
//!
//! ```text
//! kind below 64   the queue machine's own (crate `queue`, records.rs): messages, leases, deletions
//! kind 64 v1      created         created at 8 │ account 12 │ region length 1, region │ name length 1, name │ attributes
//! kind 65 v1      attributes set  modified at 8 │ attributes
//! kind 66 v1      deleted         (empty)
//! attributes      count 1 │ count × ( number 1 │ value 4 )
//! numbers         1 VisibilityTimeout · 2 MaximumMessageSize · 3 MessageRetentionPeriod · 4 DelaySeconds ·
//!                 5 ReceiveMessageWaitTimeSeconds · 6 TidewireDurability (0 durable, 1 relaxed)
//! ```
//! A number that is not there is the attribute's default: records older than number 6 are of durable queues.

use crate::attributes::{Attributes, Number};
use engine::MalformedRecord;
use names::{AccountId, Instant, QueueName, Region};

/// The family of partitions that are SQS queues.
pub const FAMILY: u8 = 1;

const FIRST_OWN_KIND: u8 = 64;
const CREATED: u8 = 64;
const ATTRIBUTES_SET: u8 = 65;
const DELETED: u8 = 66;
const VERSION: u8 = 1;

/// A journaled change of an SQS queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    Created { at: Instant, account: AccountId, region: Region, name: QueueName, attributes: Attributes },
    AttributesSet { at: Instant, attributes: Attributes },
    Deleted,
    Queue(queue::Effect),
}

impl From<queue::Effect> for Effect {
    fn from(effect: queue::Effect) -> Self {
        Self::Queue(effect)
    }
}

impl engine::Effect for Effect {
    fn kind(&self) -> u8 {
        match self {
            Self::Created { .. } => CREATED,
            Self::AttributesSet { .. } => ATTRIBUTES_SET,
            Self::Deleted => DELETED,
            Self::Queue(effect) => effect.kind(),
        }
    }

    fn version(&self) -> u8 {
        match self {
            Self::Queue(effect) => effect.version(),
            _ => VERSION,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Created { at, account, region, name, attributes } => {
                out.extend(at.as_millis().to_be_bytes());
                out.extend(account.as_str().as_bytes());
                encode_short_text(region.as_str(), out);
                encode_short_text(name.as_str(), out);
                encode_attributes(attributes, out);
            }
            Self::AttributesSet { at, attributes } => {
                out.extend(at.as_millis().to_be_bytes());
                encode_attributes(attributes, out);
            }
            Self::Deleted => {}
            Self::Queue(effect) => effect.encode(out),
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        if kind < FIRST_OWN_KIND {
            return queue::Effect::decode(kind, version, payload).map(Self::Queue);
        }
        let malformed = |why| MalformedRecord { kind, version, why };
        if version != VERSION {
            return Err(malformed("a version that this program does not know"));
        }
        let mut fields = Fields(payload);
        let effect = match kind {
            CREATED => fields.created(),
            ATTRIBUTES_SET => fields.attributes_set(),
            DELETED => Some(Self::Deleted),
            _ => return Err(malformed("a kind that this program does not know")),
        };
        effect.filter(|_| fields.0.is_empty()).ok_or_else(|| malformed("its fields do not fit its length"))
    }

    fn content_key(kind: u8, version: u8, payload: &[u8]) -> Option<(u64, Instant)> {
        if kind < FIRST_OWN_KIND { queue::Effect::content_key(kind, version, payload) } else { None }
    }

    fn frees(&self) -> bool {
        match self {
            Self::Deleted => true,
            Self::Created { .. } | Self::AttributesSet { .. } => false,
            Self::Queue(effect) => effect.frees(),
        }
    }
}

/// The number that stands for an attribute on disk; never used twice.
fn number_on_disk(number: Number) -> u8 {
    match number {
        Number::Visibility => 1,
        Number::MaximumMessageSize => 2,
        Number::Retention => 3,
        Number::Delay => 4,
        Number::Wait => 5,
        Number::Durability => 6,
    }
}

pub(crate) fn encode_short_text(text: &str, out: &mut Vec<u8>) {
    out.push(u8::try_from(text.len()).expect("names and regions are at most 80 bytes long"));
    out.extend(text.as_bytes());
}

pub(crate) fn encode_attributes(attributes: &Attributes, out: &mut Vec<u8>) {
    out.push(Number::ALL.len() as u8);
    for number in Number::ALL {
        out.push(number_on_disk(number));
        out.extend(number.of(attributes).to_be_bytes());
    }
}

/// Takes fields off the front of a payload.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    fn created(&mut self) -> Option<Effect> {
        let at = self.instant()?;
        let (account, region, name) = (self.account()?, self.region()?, self.name()?);
        Some(Effect::Created { at, account, region, name, attributes: self.attributes()? })
    }

    fn attributes_set(&mut self) -> Option<Effect> {
        Some(Effect::AttributesSet { at: self.instant()?, attributes: self.attributes()? })
    }

    pub(crate) fn account(&mut self) -> Option<AccountId> {
        AccountId::parse(self.text(AccountId::LEN)?).ok()
    }

    pub(crate) fn region(&mut self) -> Option<Region> {
        let len = self.byte()?.into();
        Region::parse(self.text(len)?).ok()
    }

    pub(crate) fn name(&mut self) -> Option<QueueName> {
        let len = self.byte()?.into();
        QueueName::parse(self.text(len)?).ok()
    }

    pub(crate) fn attributes(&mut self) -> Option<Attributes> {
        let mut attributes = Attributes::default();
        for _ in 0..self.byte()? {
            let on_disk = self.byte()?;
            let number = Number::ALL.into_iter().find(|&number| number_on_disk(number) == on_disk)?;
            let value = u32::from_be_bytes(self.take(4)?.try_into().ok()?);
            attributes.set(number, value).then_some(())?;
        }
        Some(attributes)
    }

    pub(crate) fn instant(&mut self) -> Option<Instant> {
        Some(Instant::from_millis(u64::from_be_bytes(self.take(8)?.try_into().ok()?)))
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn text(&mut self, len: usize) -> Option<&str> {
        std::str::from_utf8(self.take(len)?).ok()
    }

    fn take(&mut self, len: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::Durability;
    use engine::Effect as _;
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};

    fn samples() -> Vec<Effect> {
        let at = Instant::from_millis(1_700_000_000_123);
        let attributes = Attributes { visibility_secs: 77, ..Attributes::default() };
        vec![
            Effect::Created {
                at,
                account: AccountId::DEFAULT,
                region: Region::parse("eu-central-1").unwrap(),
                name: QueueName::parse("jobs").unwrap(),
                attributes: attributes.clone(),
            },
            Effect::AttributesSet { at, attributes },
            Effect::Deleted,
        ]
    }

    fn encoded(effect: &Effect) -> Vec<u8> {
        let mut out = Vec::new();
        effect.encode(&mut out);
        out
    }

    #[test]
    fn every_record_reads_back_as_written() {
        for effect in samples() {
            let bytes = encoded(&effect);
            assert_eq!(Effect::decode(effect.kind(), effect.version(), &bytes), Ok(effect));
        }
    }

    #[test]
    fn a_record_cut_short_or_lengthened_is_malformed() {
        for effect in samples() {
            let mut bytes = encoded(&effect);
            for end in 0..bytes.len() {
                assert!(Effect::decode(effect.kind(), 1, &bytes[..end]).is_err(), "{effect:?} cut at {end}");
            }
            bytes.push(0);
            assert!(Effect::decode(effect.kind(), 1, &bytes).is_err());
            assert!(Effect::decode(effect.kind(), 2, &bytes).is_err());
        }
    }

    #[test]
    fn the_bytes_of_version_1_stay_what_they_are() {
        let hex: String = encoded(&samples()[1]).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "0000018bcfe5687b06010000004d02001000000300054600040000000005000000000600000000");
    }

    fn attributes_set(hex: &str) -> Result<Effect, MalformedRecord> {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        Effect::decode(ATTRIBUTES_SET, 1, &bytes)
    }

    #[test]
    fn a_record_without_durability_is_of_a_durable_queue() {
        let old = attributes_set("0000018bcfe5687b05010000004d0200100000030005460004000000000500000000");
        assert_eq!(old.as_ref(), Ok(&samples()[1]));
    }

    #[test]
    fn the_bytes_of_a_relaxed_queue_stay_what_they_are() {
        let relaxed = Attributes { durability: Durability::Relaxed, visibility_secs: 77, ..Attributes::default() };
        let at = Instant::from_millis(1_700_000_000_123);
        let text = "0000018bcfe5687b06010000004d0200100000030005460004000000000500000000060000000";
        assert_eq!(attributes_set(&format!("{text}1")), Ok(Effect::AttributesSet { at, attributes: relaxed }));
        assert!(attributes_set(&format!("{text}2")).is_err(), "there is no third durability");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(kind in any::<u8>(), version in 0u8..3, bytes in vec(any::<u8>(), 0..200)) {
            let _ = Effect::decode(kind, version, &bytes);
        }
    }
}
