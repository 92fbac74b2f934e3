//! Capacity that a request would consume, for those who ask for it: nothing here is bounded by it.
//!
//! What indexes would consume is not counted. Source: Developer Guide, "DynamoDB read and write operations".

use crate::api::dynamodb::{Capacity, ConsumedCapacity};
use crate::machine::Reply;
use crate::refusal::Refusal;
use crate::value::Item;
use crate::write::Change;
use std::sync::Arc;

const READ_UNIT_BYTES: usize = 4096;
const WRITE_UNIT_BYTES: usize = 1024;

/// What a read of so many bytes consumes.
pub(super) fn by_read(asked: Option<&str>, table: &str, bytes: usize, consistent: bool) -> Option<ConsumedCapacity> {
    let units = bytes.div_ceil(READ_UNIT_BYTES).max(1) as f64;
    shown(asked, table, if consistent { units } else { units / 2.0 })
}

/// What writes consume; in a transaction twice as much.
pub(super) fn by_writes<'a>(
    asked: Option<&str>,
    table: &str,
    changes: impl Iterator<Item = &'a Change>,
    times: f64,
) -> Option<ConsumedCapacity> {
    let size = |item: &Option<Arc<Item>>| item.as_ref().map_or(0, |item| item.size());
    let units = |change: &Change| size(&change.before).max(size(&change.after)).div_ceil(WRITE_UNIT_BYTES).max(1);
    shown(asked, table, changes.map(units).sum::<usize>() as f64 * times)
}

fn shown(asked: Option<&str>, table: &str, units: f64) -> Option<ConsumedCapacity> {
    let of_table = Capacity { capacity_units: Some(units), ..Capacity::default() };
    let table_name = Some(table.to_owned());
    let all = ConsumedCapacity { table_name, capacity_units: Some(units), ..ConsumedCapacity::default() };
    match asked {
        Some("TOTAL") => Some(all),
        Some("INDEXES") => Some(ConsumedCapacity { table: Some(of_table), ..all }),
        _ => None,
    }
}

/// An answer of another kind than its question is a bug.
pub(super) fn unexpected(reply: &Reply) -> Refusal {
    unreachable!("a question has its own answer, not {reply:?}")
}
