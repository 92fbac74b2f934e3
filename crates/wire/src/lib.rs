//! AWS bytes to values and back, without IO.
//!
//! A shape of a service model is written once, as a type with [`Read`] and [`Write`], and never hears which protocol
//! carries it. One codec per protocol stands behind [`Reader`] or [`Writer`]: [`json`] (AWS JSON 1.0 and 1.1),
//! [`query`] (form requests), [`xml`] (their replies), [`cbor`] (rpcv2Cbor, and the older one of
//! the Java SDKs). [`event_stream`] frames what follows a
//! reply piece by piece. The codecs find names in the static schemas of [`schema`]. What the model demands of a value beyond its type, [`constraints`] checks and words.
//!
//! Every decoder takes bytes of a stranger: it never panics, never recurses without a bound, and never allocates more
//! than a named multiple of what it was given ([`limits`]). What it refuses it describes as facts ([`Invalid`]); the
//! words are the service's.

pub mod cbor;
pub mod constraints;
mod contract;
pub mod declared;
pub mod event_stream;
mod invalid;
pub mod json;
pub mod limits;
pub mod query;
pub mod schema;
mod timestamp;
mod values;
pub mod xml;

pub use contract::{
    Event, Operation, Read, Reader, Write, Writer, put, put_some, put_unless_empty, read_struct, required,
};
pub use invalid::{Expected, Found, Invalid, Path, Problem, Segment};
pub use timestamp::Timestamp;
pub use values::Nothing;
