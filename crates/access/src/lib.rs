//! Who is asking, and may they: SigV4, AWS's policy language and its evaluation, as pure functions.
//!
//! Nothing here has a clock, chance or IO: time, addresses and all other facts come in as a [`Context`]. A [`Policy`] is
//! parsed once, when it is put, and kept; a decision reads it without allocating unless a policy variable has to be filled
//! in.
//!
//! # How to wire it
//!
//! 1. Where a policy is put (IAM's `PutUserPolicy`, SQS's `SetQueueAttributes`, the resources file): [`Policy::parse`]
//!    with the [`Sort`] of what it is attached to. [`Malformed`] carries IAM's words; a service with words of its own
//!    (SQS) answers those. Keep the text in the journal and the compiled policy in memory behind an `Arc`.
//! 2. A request is authenticated by [`sigv4`]: one [`sigv4::Keys`] for the server, told to forget a key when it changes.
//!    Then make its [`Caller`]. A role's session needs its role's ARN, which knows its path:
//!    [`Caller::session`]. Events of S3 or SNS come from [`Caller::service`], with `aws:SourceArn` and
//!    `aws:SourceAccount` set by us and never by the client.
//! 3. Begin with [`Context::of`] the caller and add what the request says: `aws:SourceIp`, `aws:SecureTransport`,
//!    `aws:CurrentTime`, `aws:EpochTime`, `aws:UserAgent`, `aws:RequestedRegion`, `aws:PrincipalTag/…`,
//!    `aws:ResourceAccount`, and the operation's own keys. Only what a policy of the day asks for needs to be there.
//! 4. [`authorize`] before anything of the operation is executed; [`Gate::before`] the resource says whether it is a key
//!    or a role, which must allow themselves. `sts:GetCallerIdentity` needs no permission and is not asked about.
//! 5. On [`Decision::Denied`] answer `AccessDenied` (`AccessDeniedException` in JSON) with [`Denial::sentence`].
//!
//! # What is where
//!
//! `policy/` reads and matches: `document` checks, `pattern` and `variable` match text, `condition` and `operator`
//! compare, `principals` says how a caller is named. `sigv4/` takes a signature apart (`claim`), writes what was signed
//! (`canonical`), compares (`keys`), decodes chunks, and has the words of refusals (`fault`). `permission` edits policies. `decide/` asks every policy (`survey`) and weighs (`authorize`).
//! `clients/policy-oracle` compares both with an independent evaluator.

mod caller;
mod context;
mod decide;
mod limits;
mod permission;
mod policy;
pub mod sigv4;

pub use caller::{Caller, Kind, UnknownCaller};
pub use context::{Context, Key, Value};
pub use decide::{Applicable, Decision, Denial, Gate, Grant, Layer, Request, Verdict, authorize};
pub use permission::{LabelTaken, NotRemoved, Permission};
pub use policy::{Effect, Policy, Sort, Statement, action::Action, malformed::Malformed, network::Network};
pub use seal::Secret;
