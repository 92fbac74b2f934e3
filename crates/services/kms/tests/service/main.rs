//! KMS as a whole, on a simulated disk: keys from the outside, and power cuts.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod allowed;
mod crash;
mod dry_run;
mod house;
mod import;
mod keys;
mod slow;
mod told;
mod uses;
