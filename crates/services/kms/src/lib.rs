//! AWS KMS: keys that never leave, and what is sealed with them.
//!
//! A request comes in as a generated input, is checked by the model's rules, and becomes a command to the keys of an account
//! (`machine.rs`) or a use of one of them (`using.rs`). `api/` is generated from the service model; `ops/` has one file per
//! operation; `records.rs` is everything an account's keys write to the log; `blob.rs` is what a ciphertext is; `vault.rs`
//! seals key material under the root key, so that the log, checkpoints and backups hold nothing readable; `cryptography.rs`
//! is where aws-lc-rs is called, `slow.rs` what keeps its longest calls off the threads that serve; `needs.rs` says what each
//! operation must be allowed, `asked.rs` that it is done with the key that it was allowed for. What is refused: custom key
//! stores, ECDH, ML-KEM, ML-DSA, SM2, Nitro enclaves. Decision record: docs/adr/0025.

pub mod api;
mod asked;
mod blob;
mod catalog;
mod change;
mod context;
#[cfg(test)]
mod coverage;
mod cryptography;
mod describe;
mod grant;
mod key;
mod key_id;
mod key_use;
mod limits;
mod machine;
mod needs;
mod ops;
mod page;
mod policy;
mod record_words;
mod records;
mod refusal;
mod service;
mod slow;
mod spec;
mod tags;
mod using;
mod vault;

pub use record_words::describe;
pub use records::FAMILY;
pub use service::{Kms, KmsRecovery};
pub use slow::{Elsewhere, Work};
