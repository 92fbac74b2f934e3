//! KMS as a whole, on a simulated disk: keys from the outside, and power cuts.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod allowed;
mod crash;
mod house;
mod keys;
mod slow;
