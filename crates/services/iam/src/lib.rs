//! AWS IAM and STS over one durable state of identities (ADR 0024).
//!
//! A request comes in as a generated input, becomes a plan that the one partition of identities decides, and its reply leaves
//! when it is durable. `api/` is generated from the service models; `ops/` has one file per noun; `records.rs` is everything
//! that is written to the log, `snapshot.rs` what stands for it in a checkpoint; `state.rs` is what is known; `limits.rs` are
//! AWS's quotas; `refusal.rs` the errors.
//!
//! To the gateway this crate is also the [`gateway::Authority`]: who is behind an access key, with all policies that apply
//! (`identity.rs`), made anew when anything changes (`authority.rs`). Secrets are kept sealed (`keyring.rs`), sessions are not
//! kept at all: their tokens are what they are (`session.rs`).

pub mod api;
mod at;
mod authority;
mod aws_managed;
mod bootstrap;
#[cfg(test)]
mod coverage;
mod declare;
mod declared;
mod describe;
mod documents;
mod exclusions;
mod identity;
mod ids;
mod jwt;
mod keyring;
mod last_use;
mod limits;
mod machine;
mod ops;
mod pages;
mod pen;
mod positions;
mod provider_keys;
mod records;
mod refusal;
mod service;
mod session;
mod shown;
mod snapshot;
mod state;
mod trial;
mod web;

pub use bootstrap::{KeyNotSet, MadeKey};
pub use declared::{Declaration, Declared, DeclaredPolicy, DeclaredProvider, DeclaredSort};
pub use describe::describe;
pub use records::FAMILY;
pub use service::{Chance, Iam, IamRecovery, NotBegun, Options, Sts};
pub use web::{Document, Documents};
