//! The region a request is signed for.

use std::fmt;
use std::sync::Arc;

/// A region's name, e.g. `eu-central-1`. Any label is accepted, because a self-hosted server may stand anywhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Arc<str>);

impl Region {
    /// Bytes a region's name may have: a DNS label, since it appears in host names.
    pub const LEN_MAX: usize = 63;

    /// Takes 1–63 of `[A-Za-z0-9-]`.
    pub fn parse(text: &str) -> Result<Self, InvalidRegion> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if text.is_empty() || text.len() > Self::LEN_MAX || !text.bytes().all(legal) {
            return Err(InvalidRegion);
        }
        Ok(Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition of the ARN namespace this region belongs to: `aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`.
    pub fn arn_partition(&self) -> &'static str {
        match self.as_str() {
            name if name.starts_with("cn-") => "aws-cn",
            name if name.starts_with("us-gov-") => "aws-us-gov",
            name if name.starts_with("eusc-") => "aws-eusc",
            _ => "aws",
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no region name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidRegion;

impl fmt::Display for InvalidRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a region is 1 to 63 letters, digits and hyphens")
    }
}

impl std::error::Error for InvalidRegion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arn_partition_follows_the_region() {
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("eusc-de-east-1", "aws-eusc"),
            ("basement", "aws"),
        ] {
            assert_eq!(Region::parse(region).unwrap().arn_partition(), partition);
        }
    }

    #[test]
    fn what_cannot_be_a_host_label_is_no_region() {
        for wrong in ["", "us east", "a/b", "ü", &"x".repeat(64)] {
            assert_eq!(Region::parse(wrong), Err(InvalidRegion), "{wrong}");
        }
    }
}
