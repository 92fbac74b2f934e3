//! The front door from outside: bytes in, bytes out, over in-memory streams.
//!
//! A service made by hand stands behind it and counts what it executes, so that "refused" can be told from "executed and
//! then refused".

// All of this is test code, which may unwrap, spawn and connect; clippy sees that only inside the test functions.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::unwrap_used, unreachable_pub)]

mod access;
mod audit;
mod aws_cbor;
mod bounds;
mod errors;
mod events;
mod garbage;
mod http2;
mod life;
mod raw;
mod routes;
mod ticker;
mod toy;
