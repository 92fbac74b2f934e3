//! What the Kinesis Client Library needs beside streams: DynamoDB's lease table, and a sink for CloudWatch's PutMetricData.
//!
//! This is no database. It has the seventeen operations of DynamoDB that lease tables are kept with, whole and by AWS's rules, and
//! refuses the others by name; its items are in memory, within a bound, and durable by the log. All tables and metrics of an account
//! in a region are one partition (`machine.rs`), so a transaction is one decision. `api/` is generated from the service models;
//! `expression/` reads conditions, updates and projections, in both forms; `records.rs` is everything that is written to the log;
//! `ops/` has the operations. Decision record: docs/adr/0034.

pub mod api;
#[cfg(test)]
mod coverage;
mod describe;
mod expression;
mod key;
mod limits;
mod machine;
mod metric;
mod needs;
mod number;
mod ops;
mod read;
mod record_words;
mod records;
mod refusal;
mod rooms;
mod service;
mod table;
mod table_change;
mod value;
mod write;

pub use metric::{Latest, Series};
pub use record_words::describe;
pub use records::FAMILY;
pub use rooms::Put;
pub use service::{Leases, LeasesRecovery, MetricSink};
