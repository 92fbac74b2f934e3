//! Every bound of both services, with its source. "Quotas" is the page "IAM and AWS STS quotas" of the IAM User Guide; where it
//! has a default and a maximum, the maximum holds here, except where clients test for the default.

/// Bytes a request's body may have: a role's trust policy, a document and 50 tags, percent-encoded, are well below it.
pub(crate) const REQUEST_BYTES_MAX: usize = 1 << 20;

/// API reference: characters of a user's or role's name, of a group's or policy's, and of a path.
pub(crate) const NAME_CHARS_MAX: usize = 64;
pub(crate) const LONG_NAME_CHARS_MAX: usize = 128;
pub(crate) const PATH_CHARS_MAX: usize = 512;

/// Quotas: access keys of a user.
pub(crate) const KEYS_PER_USER_MAX: usize = 2;

/// Quotas: managed policies attached to a user, group or role (10 by default, 20 for roles and users at the most).
pub(crate) const ATTACHED_MAX: usize = 20;

/// Quotas: groups of a user.
pub(crate) const GROUPS_PER_USER_MAX: usize = 10;

/// Quotas: versions of a managed policy.
pub(crate) const VERSIONS_MAX: usize = 5;

/// Quotas: tags of whatever has some.
pub(crate) const TAGS_MAX: usize = 50;

/// Quotas: characters of a managed policy, white space not counted.
pub(crate) const MANAGED_CHARS_MAX: usize = 6144;

/// Quotas: characters of all inline policies of a user, group and role together, white space not counted.
pub(crate) const INLINE_CHARS_MAX: [usize; 3] = [2048, 5120, 10240];

/// Quotas: characters of a role's trust policy (2048 by default).
pub(crate) const TRUST_CHARS_MAX: usize = 4096;

/// Quotas: users, groups, roles and customer managed policies of an account. AWS raises them on request; these are its maxima.
pub(crate) const USERS_MAX: usize = 5000;
pub(crate) const GROUPS_MAX: usize = 500;
pub(crate) const ROLES_MAX: usize = 5000;
pub(crate) const POLICIES_MAX: usize = 5000;

/// Quotas: OpenID Connect providers of an account (100 by default), their clients and thumbprints.
pub(crate) const PROVIDERS_MAX: usize = 700;
pub(crate) const CLIENT_IDS_MAX: usize = 100;
pub(crate) const THUMBPRINTS_MAX: usize = 5;

/// API reference: entries of a page that does not say how many it wants.
pub(crate) const PAGE_DEFAULT: usize = 100;

/// API reference, CreateRole: how long sessions of a role last if nothing is said, and at the most.
pub(crate) const SESSION_SECS_DEFAULT: u32 = 3600;
pub(crate) const SESSION_SECS_MAX: u32 = 43_200;

/// IAM User Guide, "Role chaining": how long a session lasts that another session asked for.
pub(crate) const CHAINED_SECS_MAX: u32 = 3600;

/// API reference, GetSessionToken and GetFederationToken: how long these last if nothing is said, at the most, and for root.
pub(crate) const TOKEN_SECS_DEFAULT: u32 = 43_200;
pub(crate) const TOKEN_SECS_MAX: u32 = 129_600;
pub(crate) const ROOT_TOKEN_SECS_MAX: u32 = 3600;

/// API reference, AssumeRole: characters of a session policy, and managed policies of a session.
pub(crate) const SESSION_POLICY_CHARS_MAX: usize = 2048;
pub(crate) const SESSION_POLICIES_MAX: usize = 10;

/// Identities kept ready: keys in use at one time. When there are more, all are made anew as they are asked for.
pub(crate) const IDENTITIES_KEPT_MAX: usize = 10_000;

/// How long a key or a role in use is taken to be noted as used, in milliseconds. AWS shows the last use with a delay of up to hours
/// (IAM User Guide, "Refining permissions using last accessed information"); a record for each key in five minutes is nothing beside
/// what it is used for.
pub(crate) const LAST_USE_MILLIS: u64 = 5 * 60 * 1000;

/// Keys that are remembered to be nobody's. Where any key is taken a few of them make all requests; where signatures are verified
/// strangers may bring as many as they like, and push out each other alone.
pub(crate) const STRANGERS_KEPT_MAX: usize = 64;

/// Bytes of a provider's discovery document and keys: those of large providers are some kilobytes.
pub(crate) const PROVIDER_BYTES_MAX: usize = 1 << 18;

/// Bytes of documents that one page of a simulation weighs: each of its results weighs all of them. At the most a thousand results of
/// sixteen kilobytes of policies, which is a fraction of a second; a page of more bytes has fewer results, and a marker.
pub(crate) const SIMULATED_BYTES_MAX: usize = 1 << 24;

/// Bytes of the names and values of a simulation's context. AWS names no bound; a request's own facts are far below it, and each
/// kilobyte of it makes a result dearer, because every pattern of every document may be compared with it.
pub(crate) const CONTEXT_BYTES_MAX: usize = 16 * 1024;

/// Providers whose keys are kept or being fetched.
pub(crate) const PROVIDERS_KEPT_MAX: usize = 1000;

/// How long a provider that could not be asked is not asked again, from when it was asked: longer than it takes to give up on its
/// two documents.
pub(crate) const PROVIDER_FAILURE_MILLIS: u64 = 15 * 1000;

/// How long a provider's keys are taken to be as they were, so that a flood of tokens is not one of questions to it.
pub(crate) const PROVIDER_KEYS_MILLIS: u64 = 5 * 60 * 1000;
