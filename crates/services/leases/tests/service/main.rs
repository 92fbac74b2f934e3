//! Lease tables and the metric sink as a whole, on a simulated disk: from the outside, and over power cuts.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]
#![expect(clippy::needless_pass_by_value, reason = "a call reads as what is sent")]

mod allowed;
mod crash;
mod house;
mod items;
mod metrics;
mod tables;
mod transactions;
