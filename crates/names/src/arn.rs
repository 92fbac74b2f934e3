//! Amazon Resource Names: `arn:partition:service:region:account:resource`.

use std::fmt;

/// An ARN, split into its six parts. Region and account may be empty, as IAM's and S3's are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn`, `aws-us-gov` …
    pub partition: String,
    /// `sqs`, `sns` …
    pub service: String,
    /// May be empty.
    pub region: String,
    /// Twelve digits, or empty.
    pub account: String,
    /// All that follows the fifth colon, colons included.
    pub resource: String,
}

impl Arn {
    /// Splits at the first five colons.
    pub fn parse(text: &str) -> Result<Self, InvalidArn> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or(InvalidArn);
        let scheme = next()?;
        let (partition, service, region, account, resource) = (next()?, next()?, next()?, next()?, next()?);
        if scheme != "arn" || partition.is_empty() || service.is_empty() || resource.is_empty() {
            return Err(InvalidArn);
        }
        Ok(Self {
            partition: partition.into(),
            service: service.into(),
            region: region.into(),
            account: account.into(),
            resource: resource.into(),
        })
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{}:{}:{}:{}:{}", self.partition, self.service, self.region, self.account, self.resource)
    }
}

/// The text is no ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidArn;

impl fmt::Display for InvalidArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an ARN has the form arn:partition:service:region:account:resource")
    }
}

impl std::error::Error for InvalidArn {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_shown_as_it_was_parsed() {
        for text in
            ["arn:aws:sqs:us-east-1:123456789012:jobs", "arn:aws:iam::123456789012:user/a", "arn:aws:s3:::b/c:d"]
        {
            assert_eq!(Arn::parse(text).unwrap().to_string(), text);
        }
        for wrong in ["", "arn:aws:sqs", "nra:aws:sqs:r:1:q", "arn:aws:sqs:r:1:"] {
            assert_eq!(Arn::parse(wrong), Err(InvalidArn), "{wrong}");
        }
    }
}
