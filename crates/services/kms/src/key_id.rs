//! What names a key: its id, and the four ways of a request to say which key is meant.
//!
//! An id is 16 bytes of chance, written as a UUID, or as `mrk-` and 32 hexadecimal digits where the key may have replicas in
//! other regions. A request names a key by id, by ARN, by alias or by the alias's ARN (API reference, "KeyId").

use crate::refusal::Refusal;
use names::{AccountId, Arn, Region};
use std::fmt;

/// A key's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KeyId {
    bytes: [u8; 16],
    multi_region: bool,
}

impl KeyId {
    /// An id out of 16 bytes of chance.
    pub(crate) fn from_chance(mut bytes: [u8; 16], multi_region: bool) -> Self {
        // Version 4, variant 1: RFC 9562, section 5.4.
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self { bytes, multi_region }
    }

    /// An id as a record has it.
    pub(crate) const fn from_record(bytes: [u8; 16], multi_region: bool) -> Self {
        Self { bytes, multi_region }
    }

    /// Reads an id.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(digits) = text.strip_prefix("mrk-") {
            return Some(Self { bytes: bytes_of(digits.as_bytes())?, multi_region: true });
        }
        let dashes = [8, 13, 18, 23];
        let is_uuid = text.len() == 36 && text.bytes().enumerate().all(|(at, b)| dashes.contains(&at) == (b == b'-'));
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
        is_uuid.then(|| bytes_of(&digits)).flatten().map(|bytes| Self { bytes, multi_region: false })
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.bytes
    }

    /// Whether it may have replicas.
    pub(crate) fn is_multi_region(&self) -> bool {
        self.multi_region
    }

    /// The ARN of this key in a region of an account.
    pub(crate) fn arn(&self, region: &Region, account: AccountId) -> String {
        format!("arn:{}:kms:{region}:{account}:key/{self}", region.arn_partition())
    }
}

/// Thirty-two lower-case hexadecimal digits.
fn bytes_of(digits: &[u8]) -> Option<[u8; 16]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let digits: Option<Vec<u8>> = digits.iter().map(|byte| digit(*byte)).collect();
    let pairs: Vec<u8> = digits?.chunks(2).map(|pair| pair.iter().fold(0, |sum, digit| sum << 4 | digit)).collect();
    pairs.try_into().ok()
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.multi_region {
            f.write_str("mrk-")?;
        }
        for (at, byte) in self.bytes.iter().enumerate() {
            if !self.multi_region && [4, 6, 8, 10].contains(&at) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Which key a request means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Whose key it is.
    pub(crate) account: AccountId,
    /// What names it there.
    pub(crate) target: Target,
}

/// What names a key within an account and region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// Its id.
    Key(KeyId),
    /// An alias, `alias/` included.
    Alias(Box<str>),
}

impl Reference {
    /// Reads what a request says. A key of another region is not there.
    pub(crate) fn parse(text: &str, account: AccountId, region: &Region) -> Result<Self, Refusal> {
        if text.starts_with("alias/") {
            return Ok(Self { account, target: Target::Alias(text.into()) });
        }
        let Some(arn) = text.starts_with("arn:").then(|| Arn::parse(text).ok()).flatten() else {
            let id = KeyId::parse(text).ok_or_else(|| Refusal::invalid_key_id(text))?;
            return Ok(Self { account, target: Target::Key(id) });
        };
        let account = AccountId::parse(&arn.account).map_err(|_| Refusal::invalid_arn(text))?;
        if arn.service != "kms" {
            return Err(Refusal::invalid_arn(text));
        }
        if arn.region != region.as_str() {
            return Err(Refusal::invalid_region(&arn.region));
        }
        if arn.resource.starts_with("alias/") {
            return Ok(Self { account, target: Target::Alias(arn.resource.into()) });
        }
        let id = arn.resource.strip_prefix("key/").and_then(KeyId::parse);
        Ok(Self { account, target: Target::Key(id.ok_or_else(|| Refusal::invalid_key_id(text))?) })
    }

    /// The same where an alias names nothing: most operations that change a key.
    pub(crate) fn of_key(text: &str, account: AccountId, region: &Region) -> Result<(AccountId, KeyId), Refusal> {
        match Self::parse(text, account, region)? {
            Self { account, target: Target::Key(id) } => Ok((account, id)),
            Self { target: Target::Alias(_), .. } if text.starts_with("arn:") => Err(Refusal::alias_arn()),
            Self { target: Target::Alias(_), .. } => Err(Refusal::invalid_key_id(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "d25652e4-d2d2-49f7-929a-671ccda580c6";
    const MRK: &str = "mrk-d3b95762d3b95762d3b95762d3b95762";

    fn reference(text: &str) -> Result<Reference, String> {
        let region = Region::parse("us-east-1").unwrap();
        Reference::parse(text, AccountId::DEFAULT, &region).map_err(|refusal| refusal.message.into_owned())
    }

    #[test]
    fn ids_are_written_as_they_are_read() {
        for text in [UUID, MRK] {
            assert_eq!(KeyId::parse(text).unwrap().to_string(), text);
        }
        for wrong in ["", "fake-key-id", "134f2428cec14b25a1ae9048164dba47", "mrk-fake-key-id", &UUID.to_uppercase()] {
            assert_eq!(KeyId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_is_named_in_four_ways() {
        let id = Target::Key(KeyId::parse(UUID).unwrap());
        assert_eq!(reference(UUID).unwrap().target, id);
        let arn = reference(&format!("arn:aws:kms:us-east-1:111111111111:key/{UUID}")).unwrap();
        assert_eq!((arn.account.as_str(), arn.target), ("111111111111", id));
        assert_eq!(reference("alias/a/b").unwrap().target, Target::Alias("alias/a/b".into()));
        let alias = reference("arn:aws:kms:us-east-1:111111111111:alias/a").unwrap();
        assert_eq!(alias.target, Target::Alias("alias/a".into()));
    }

    #[test]
    fn what_names_no_key_is_refused_in_awss_words() {
        assert_eq!(reference("fake-key-id").unwrap_err(), "Invalid keyId 'fake-key-id'");
        let elsewhere = format!("arn:aws:kms:ap-southeast-1:111111111111:key/{UUID}");
        assert_eq!(reference(&elsewhere).unwrap_err(), "Invalid arn ap-southeast-1");
        assert!(reference("arn:aws:sqs:us-east-1:111111111111:key/x").is_err());
    }
}
