//! tidewire's own operations on streams, which AWS does not have: `X-Amz-Target: TidewireStreams_20261123.<operation>`.
//!
//! They are one more service behind the gateway, over the same streams: the same port, protocols, signatures (scope `kinesis`, so that
//! whoever has credentials for Data Streams has them for these) and policies, with actions of a namespace of their own
//! (`tidewire:DescribeShards`). `shapes.rs` declares what goes in and out, `table.rs` the operations, `errors.rs` the errors; one file for
//! each family of operations: `groups.rs` and `members.rs` are those of consumer groups, as operators and as members ask them. Described for customers in docs/STREAMS.md.

mod describe_shards;
pub(crate) mod errors;
mod groups;
mod members;
mod shapes;
mod table;

use crate::limits;
use crate::service::Inner;
use gateway::{Description, Prepared, Service, Unprepared};
use std::sync::Arc;
use wire::Reader;

/// tidewire's own operations on streams.
pub struct Native(pub(crate) Arc<Inner>);

impl Service for Native {
    fn describe(&self) -> &'static Description {
        static DESCRIPTION: Description = Description {
            id: "tidewire-streams",
            host_labels: &[],
            shape: &table::SERVICE,
            path_member: None,
            body_bytes_max: limits::NATIVE_REQUEST_BYTES_MAX,
            denied: &crate::api::errors::ACCESS_DENIED_EXCEPTION,
            unsigned: &[],
            crc32: false,
        };
        &DESCRIPTION
    }

    fn prepare(&self, operation: usize, input: &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared> {
        table::PREPARE[operation](&self.0, input)
    }
}

#[cfg(test)]
mod tests;
