//! tidewire's own operations on topics, which AWS does not have: `X-Amz-Target: TidewireTopics_20261123.<operation>`.
//!
//! They are one more service behind the gateway, over the same topics: the same port, protocols, signatures (scope `sns`, so that
//! whoever has credentials for SNS has them for these) and policies, with actions of a namespace of their own
//! (`tidewire:ListDeliveries`). `shapes.rs` declares what goes in and out, `table.rs` the operations, `deliveries.rs` carries them out.
//! Described for customers in docs/DELIVERIES.md.

mod deliveries;
mod shapes;
mod table;

use crate::limits;
use crate::service::Inner;
use gateway::{Description, Prepared, Service, Unprepared};
use std::sync::Arc;
use wire::Reader;

/// tidewire's own operations on topics.
pub struct Native(pub(crate) Arc<Inner>);

impl Service for Native {
    fn describe(&self) -> &'static Description {
        static DESCRIPTION: Description = Description {
            id: "tidewire-topics",
            host_labels: &[],
            shape: &table::SERVICE,
            path_member: None,
            body_bytes_max: limits::NATIVE_REQUEST_BYTES_MAX,
            denied: &crate::api::errors::AUTHORIZATION_ERROR_EXCEPTION,
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
pub(crate) mod for_tests {
    pub(crate) use super::deliveries::{DescribeDeliveries, ListAttempts, ListDeliveries};
    pub(crate) use super::shapes::{Attempt, DescribeDeliveriesInput, ListAttemptsInput, ListDeliveriesInput};
}
