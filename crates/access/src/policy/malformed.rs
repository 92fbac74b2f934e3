//! Why a document is no policy: each kind with AWS's words, to be sent as `MalformedPolicyDocument`.
//!
//! Services other than IAM and STS have codes and words of their own (SQS answers `Invalid value for the parameter
//! Policy.`); for them the kind only tells the operator what is wrong. The words are those that IAM is recorded to answer
//! (moto's tests of `create_policy`, which were taken from AWS) and that users quote.

use std::fmt;

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Malformed {
    /// Longer than any policy that AWS takes.
    TooLong,
    /// No JSON, a key twice, an unknown element or operator, a value of the wrong type.
    Syntax,
    /// An identity's policy is written in version 2012-10-17.
    Version,
    /// An effect in the wrong case, a date that is none, an ARN that is none.
    LegacyParsing,
    /// Two statements have the same Sid.
    SidTwice,
    /// A Sid of an identity's policy has something else than letters and digits.
    SidForm,
    /// A statement without actions.
    NoActions,
    /// A statement without resources.
    NoResources,
    /// A resource without a colon that is not `*`.
    ResourceForm(String),
    /// A resource of a partition that does not exist.
    Partition {
        /// As it stands there.
        partition: String,
        /// The whole, with a `*` for each missing part.
        resource: String,
    },
    /// A resource that ends before its service does.
    ResourceVendor,
    /// An IAM resource with a region.
    IamRegion(String),
    /// A bucket with a region.
    BucketRegion(String),
    /// An IAM resource of an unknown sort.
    IamPath,
    /// An action without a service.
    ActionVendor,
    /// An action with a second colon.
    ActionColons,
    /// A service's name with impossible characters.
    Vendor(String),
    /// A principal in a policy that belongs to one.
    PrincipalForbidden,
    /// No principal in a policy that belongs to a resource.
    PrincipalMissing,
    /// A principal that is none: its type and text.
    Principal {
        /// `AWS`, `Service`, `Federated`, `CanonicalUser`.
        sort: String,
        /// As it stands there.
        text: String,
    },
    /// An element that this sort of policy must not have.
    Prohibited(&'static str),
    /// A trust policy about something else than assuming the role.
    TrustAction,
}

/// The sorts of IAM resources, as the words list them.
pub(crate) const IAM_SORTS: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::TooLong => "The policy is longer than any policy may be.",
            Self::Syntax => "Syntax errors in policy.",
            Self::Version => "Policy document must be version 2012-10-17 or greater.",
            Self::LegacyParsing => "The policy failed legacy parsing",
            Self::SidTwice => "Statement IDs (SID) in a single policy must be unique.",
            Self::SidForm => {
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression \
                 [0-9A-Za-z]*"
            }
            Self::NoActions => "Policy statement must contain actions.",
            Self::NoResources => "Policy statement must contain resources.",
            Self::ResourceVendor => "Resource vendor must be fully qualified and cannot contain regexes.",
            Self::ActionVendor => "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            Self::ActionColons => "Actions/Condition can contain only one colon.",
            Self::PrincipalForbidden => "Policy document should not specify a principal.",
            Self::PrincipalMissing => "Missing required field Principal",
            Self::TrustAction => "AssumeRole policy may only specify STS AssumeRole actions.",
            Self::ResourceForm(resource) => return write!(f, "Resource {resource} must be in ARN format or \"*\"."),
            Self::Partition { partition, resource } => {
                return write!(f, "Partition \"{partition}\" is not valid for resource \"{resource}\".");
            }
            Self::IamRegion(resource) => {
                return write!(f, "IAM resource {resource} cannot contain region information.");
            }
            Self::BucketRegion(resource) => {
                return write!(f, "Resource {resource} can not contain region information.");
            }
            Self::IamPath => {
                return write!(f, "IAM resource path must either be \"*\" or start with {}.", IAM_SORTS.join(", "));
            }
            Self::Vendor(vendor) => return write!(f, "Vendor {vendor} is not valid"),
            Self::Principal { sort, text } => return write!(f, "Invalid principal in policy: \"{sort}\":\"{text}\""),
            Self::Prohibited(element) => return write!(f, "Has prohibited field {element}"),
        };
        f.write_str(text)
    }
}

impl std::error::Error for Malformed {}
