//! Data Streams and KMS as a gateway asks them, over a simulated disk and a clock turned by hand.
//!
//! Neither of the two knows the other; the server hands the one's keys to the other, and so does `house.rs`. What streams do by themselves
//! is tested here too where it takes whole requests.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod access;
mod account;
mod encryption;
mod house;
mod metrics;
mod reading;
