//! Tables as replies show them.

use crate::api::dynamodb::{
    AttributeDefinition, BillingModeSummary, GlobalSecondaryIndexDescription, KeySchemaElement,
    Projection as ProjectionShown, ProvisionedThroughputDescription, TableDescription,
};
use crate::machine::{RoomKey, Shown};
use crate::table::{About, Capacity, Index, KeySchema, Projection};
use names::Instant;
use wire::Timestamp;

/// A table's ARN.
pub(crate) fn arn(room: &RoomKey, table: &str) -> String {
    let RoomKey { account, region } = room;
    format!("arn:{}:dynamodb:{region}:{account}:table/{table}", region.arn_partition())
}

/// A table in the state that is said. Whatever is asked for is done at once, so it is active while it is there.
pub(crate) fn table(room: &RoomKey, shown: &Shown, status: &str) -> TableDescription {
    let about = &*shown.about;
    let arn = arn(room, &about.name);
    let index = |(index, sizes): (&Index, &(u64, u64))| index_of(&arn, index, *sizes);
    let indexes: Vec<_> = about.indexes.iter().zip(&shown.indexes).map(index).collect();
    TableDescription {
        attribute_definitions: Some(definitions(about)),
        table_name: Some(about.name.to_string()),
        key_schema: Some(schema(&about.key)),
        table_status: Some(status.to_owned()),
        creation_date_time: Some(moment(about.created_at)),
        provisioned_throughput: Some(capacity(about.capacity)),
        table_size_bytes: Some(whole(shown.bytes)),
        item_count: Some(whole(shown.items)),
        table_id: Some(about.id.to_string()),
        billing_mode_summary: billing(about),
        global_secondary_indexes: (!indexes.is_empty()).then_some(indexes),
        deletion_protection_enabled: Some(about.deletion_protected),
        table_arn: Some(arn),
        ..TableDescription::default()
    }
}

fn definitions(about: &About) -> Vec<AttributeDefinition> {
    let shown = about.definitions().into_iter().map(|(name, kind)| AttributeDefinition {
        attribute_name: name.to_owned(),
        attribute_type: kind.letters().to_owned(),
    });
    shown.collect()
}

fn schema(schema: &KeySchema) -> Vec<KeySchemaElement> {
    let types = ["HASH", "RANGE"];
    let element = |(key, key_type): (&crate::table::KeyAttribute, &str)| KeySchemaElement {
        attribute_name: key.name.to_string(),
        key_type: key_type.to_owned(),
    };
    schema.attributes().zip(types).map(element).collect()
}

fn capacity(capacity: Capacity) -> ProvisionedThroughputDescription {
    let (read, write) = match capacity {
        Capacity::OnDemand => (0, 0),
        Capacity::Provisioned { read, write } => (read, write),
    };
    ProvisionedThroughputDescription {
        number_of_decreases_today: Some(0),
        read_capacity_units: Some(whole(read)),
        write_capacity_units: Some(whole(write)),
        ..ProvisionedThroughputDescription::default()
    }
}

/// AWS says nothing of it for tables that were always provisioned.
fn billing(about: &About) -> Option<BillingModeSummary> {
    (about.capacity == Capacity::OnDemand).then(|| BillingModeSummary {
        billing_mode: Some("PAY_PER_REQUEST".to_owned()),
        last_update_to_pay_per_request_date_time: Some(moment(about.created_at)),
    })
}

fn index_of(table: &str, index: &Index, (items, bytes): (u64, u64)) -> GlobalSecondaryIndexDescription {
    GlobalSecondaryIndexDescription {
        index_name: Some(index.name.to_string()),
        key_schema: Some(schema(&index.key)),
        projection: Some(projection(&index.projection)),
        index_status: Some("ACTIVE".to_owned()),
        provisioned_throughput: Some(capacity(index.capacity)),
        index_size_bytes: Some(whole(bytes)),
        item_count: Some(whole(items)),
        index_arn: Some(format!("{table}/index/{}", index.name)),
        ..GlobalSecondaryIndexDescription::default()
    }
}

fn projection(projection: &Projection) -> ProjectionShown {
    let of = |kind: &str, names| ProjectionShown { projection_type: Some(kind.to_owned()), non_key_attributes: names };
    match projection {
        Projection::All => of("ALL", None),
        Projection::KeysOnly => of("KEYS_ONLY", None),
        Projection::Include(names) => of("INCLUDE", Some(names.iter().map(ToString::to_string).collect())),
    }
}

fn moment(at: Instant) -> Timestamp {
    Timestamp::from_millis(i64::try_from(at.as_millis()).unwrap_or(i64::MAX))
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
