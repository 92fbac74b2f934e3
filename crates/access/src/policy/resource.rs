//! Resources: ARNs with wildcards and variables, and what IAM demands of them in an identity's policy.

use super::malformed::{IAM_SORTS, Malformed};
use super::pattern::{Manner, Pattern, Style};

/// The partitions that AWS documents, China's, the governments' and Europe's own among them.
const PARTITIONS: [&str; 8] =
    ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"];

/// An entry of Resource or NotResource.
pub(crate) fn compile(text: &str, variables: bool) -> Pattern {
    Pattern::compile(text, Manner { style: Style::Resource, variables, fold: false })
}

/// Whether IAM would take the entry, part by part as it reads it.
pub(crate) fn check(text: &str) -> Result<(), Malformed> {
    if text == "*" {
        return Ok(());
    }
    let Some((_, rest)) = text.split_once(':') else {
        return Err(Malformed::ResourceForm(text.to_owned()));
    };
    let (partition, rest) = rest.split_once(':').map_or((rest, None), |(partition, rest)| (partition, Some(rest)));
    if !PARTITIONS.contains(&partition) {
        return Err(wrong_partition(partition, rest.unwrap_or("")));
    }
    let Some(rest) = rest else { return Err(Malformed::ResourceVendor) };
    let mut parts = rest.splitn(4, ':');
    let service = parts.next().unwrap_or("");
    let (region, _account, resource) = (parts.next(), parts.next(), parts.next().unwrap_or(""));
    match service {
        "iam" if region != Some("") => return Err(Malformed::IamRegion(text.to_owned())),
        "s3" if region != Some("") => return Err(Malformed::BucketRegion(text.to_owned())),
        "iam" if !resource.starts_with('*') && !IAM_SORTS.iter().any(|sort| resource.starts_with(sort)) => {
            return Err(Malformed::IamPath);
        }
        _ => {}
    }
    let whole = text.matches(':').count() >= 5 || !text.contains("::");
    if whole && !service.is_empty() { Ok(()) } else { Err(Malformed::LegacyParsing) }
}

/// The words show the ARN with a `*` for each part that is missing.
fn wrong_partition(partition: &str, rest: &str) -> Malformed {
    let mut parts: Vec<&str> = rest.splitn(4, ':').collect();
    if parts == [""] {
        parts.clear();
    }
    parts.resize(4, "*");
    Malformed::Partition { partition: partition.to_owned(), resource: format!("arn:{partition}:{}", parts.join(":")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_iam_takes_is_taken() {
        for text in [
            "*",
            "arn:aws:sqs:*:111111111111:jobs",
            "arn:aws:s3:::bucket/*",
            "arn:aws:iam::111111111111:role/r",
            "arn:aws:iam::111111111111:*",
            "arn:aws:sqs:*",
            "arn:aws-cn:sqs:cn-north-1:111111111111:jobs",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_no_resource_is_refused_in_awss_words() {
        for (text, words) in [
            ("jobs", "Resource jobs must be in ARN format or \"*\"."),
            ("arn:moon:sqs", "Partition \"moon\" is not valid for resource \"arn:moon:sqs:*:*:*\"."),
            ("arn:moon:sqs:r:1:a:b", "Partition \"moon\" is not valid for resource \"arn:moon:sqs:r:1:a:b\"."),
            ("arn:aws", "Resource vendor must be fully qualified and cannot contain regexes."),
            (
                "arn:aws:iam:us-east-1:1:user/a",
                "IAM resource arn:aws:iam:us-east-1:1:user/a cannot contain region information.",
            ),
            ("arn:aws:s3:us-east-1::b", "Resource arn:aws:s3:us-east-1::b can not contain region information."),
            ("arn:aws::us-east-1:1:b", "The policy failed legacy parsing"),
        ] {
            assert_eq!(check(text).unwrap_err().to_string(), words, "{text}");
        }
        assert_eq!(check("arn:aws:iam::1:users/a"), Err(Malformed::IamPath));
    }
}
