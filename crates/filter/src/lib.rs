//! SNS subscription filter policies: checked in AWS's words, compiled, and indexed over many subscriptions.
//!
//! [`Filter`] is a policy compiled once; [`Index`] holds those of a topic's subscriptions and tells which of them a [`Message`]
//! passes to, exactly what deciding them one by one would tell; [`Explanation`] says why a message passes a filter or does not.
//! All of it is pure: texts and values in, answers out, no clock and no state but what is given.
//!
//! ```
//! use filter::{Attribute, Filter, Index, Limits, Message, Scope};
//!
//! let policy = r#"{"store": ["example_corp"], "price": [{"numeric": [">=", 100]}]}"#;
//! let filter = Filter::compile(policy, Scope::MessageAttributes, &Limits::AWS)?;
//! let mut index = Index::new();
//! index.insert(7, filter);
//! let attributes = [
//!     Attribute { name: "store", data_type: "String", text: Some("example_corp") },
//!     Attribute { name: "price", data_type: "Number", text: Some("100.5") },
//! ];
//! assert_eq!(index.matches(&Message { attributes: &attributes, body: "" }), [7]);
//! # Ok::<(), filter::Refused>(())
//! ```
//!
//! The engine behind AWS's filters is public (aws/event-ruler), and AWS's errors carry the words and places of its compiler; so
//! where AWS's pages say nothing, that engine's rules are followed. What AWS was recorded to answer stands in
//! `tests/recorded.rs`, case by case.
//!
//! Where to look: `json.rs` tokens and trees, `parser.rs` the place that errors carry, `compile.rs` policies, `rule.rs` the
//! operators, `number.rs` and `address.rs` their values, `message.rs` what filters see of a message, `search.rs` the decision,
//! `index.rs` many at once, `explain.rs` reasons, `limits.rs` every bound, `refused.rs` every refusal.

mod address;
mod compile;
mod explain;
mod filter;
mod footprint;
mod index;
mod json;
mod limits;
mod message;
mod number;
mod parser;
mod paths;
mod refused;
mod rule;
mod search;

pub use explain::{Alternative, Explanation, RuleVerdict, Verdict};
pub use filter::{Filter, Scope};
pub use index::Index;
pub use limits::{COMBINATIONS_MAX, KEYS_MAX, KEYS_MAX_LIFTED, Limits, POLICY_BYTES_MAX};
pub use message::{Attribute, Message};
pub use refused::Refused;
