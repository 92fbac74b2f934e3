//! May they: one decision over all policies that apply to a request.
//!
//! [`authorize`] is given a [`Request`] and the policies that [`apply`](Applicable) to it, and tells which statement of
//! which policy decided, or which sort of policy said nothing.

mod authorize;
mod decision;
mod request;
mod survey;

pub use authorize::authorize;
pub use decision::{Decision, Denial, Grant, Layer, Verdict};
pub use request::{Applicable, Gate, Request};
