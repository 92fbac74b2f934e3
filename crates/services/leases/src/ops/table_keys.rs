//! Keys, capacity and indexes as CreateTable and UpdateTable ask for them.

use crate::api::dynamodb::{
    AttributeDefinition, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex, KeySchemaElement,
    Projection as ProjectionAsked, ProvisionedThroughput,
};
use crate::refusal::Refusal;
use crate::service::{invalid_name, is_name};
use crate::table::{Capacity, Index, KeyAttribute, KeySchema, Projection};
use crate::value::Kind;
use std::collections::{BTreeMap, BTreeSet};

/// The attributes that a request defines.
pub(super) struct Definitions(BTreeMap<String, Kind>);

impl Definitions {
    pub(super) fn read(asked: Option<Vec<AttributeDefinition>>) -> Result<Self, Refusal> {
        let mut known = BTreeMap::new();
        for AttributeDefinition { attribute_name, attribute_type } in asked.unwrap_or_default() {
            // The model bounds the letters.
            let kind = Kind::of_letters(&attribute_type).unwrap_or(Kind::Text);
            if known.insert(attribute_name, kind).is_some() {
                return Err(Refusal::validation("Cannot have two attributes with the same name"));
            }
        }
        Ok(Self(known))
    }

    fn shown(&self) -> String {
        self.0.keys().cloned().collect::<Vec<_>>().join(", ")
    }

    /// A key of these attributes.
    pub(super) fn schema(&self, elements: &[KeySchemaElement]) -> Result<KeySchema, Refusal> {
        let (first, rest) = elements.split_first().ok_or_else(|| Refusal::invalid("Missing the KeySchema"))?;
        if rest.len() > 1 {
            return Err(Refusal::validation(
                "1 validation error detected: Value at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2",
            ));
        }
        if first.key_type != "HASH" {
            return Err(Refusal::validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type"));
        }
        let range = rest.first();
        if range.is_some_and(|range| range.key_type != "RANGE") {
            return Err(Refusal::validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"));
        }
        if range.is_some_and(|range| range.attribute_name == first.attribute_name) {
            return Err(Refusal::validation(
                "Both the Hash Key and the Range Key element in the KeySchema have the same name",
            ));
        }
        let missing: Vec<&str> = elements
            .iter()
            .map(|element| element.attribute_name.as_str())
            .filter(|name| !self.0.contains_key(*name))
            .collect();
        if !missing.is_empty() {
            return Err(Refusal::invalid(format!(
                "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], AttributeDefinitions: [{}]",
                missing.join(", "),
                self.shown()
            )));
        }
        let attribute = |element: &KeySchemaElement| {
            let name = element.attribute_name.as_str();
            KeyAttribute { name: name.into(), kind: self.0[name] }
        };
        Ok(KeySchema { hash: attribute(first), range: range.map(attribute) })
    }

    /// Refuses what no key uses.
    pub(super) fn check_used(&self, key: &KeySchema, indexes: &[Index]) -> Result<(), Refusal> {
        let of_indexes = indexes.iter().flat_map(|index| index.key.attributes());
        let used: BTreeSet<&str> = key.attributes().chain(of_indexes).map(|key| &*key.name).collect();
        match self.0.keys().all(|name| used.contains(name.as_str())) {
            true => Ok(()),
            false if indexes.is_empty() => Err(Refusal::invalid(
                "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
            )),
            false => Err(Refusal::invalid(format!(
                "Some AttributeDefinitions are not used. AttributeDefinitions: [{}], keys used: [{}]",
                self.shown(),
                used.into_iter().collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    /// An index of CreateTable.
    pub(super) fn index(&self, asked: GlobalSecondaryIndex, of_table: Capacity) -> Result<Index, Refusal> {
        let GlobalSecondaryIndex {
            index_name,
            key_schema,
            projection,
            provisioned_throughput,
            on_demand_throughput,
            warm_throughput,
        } = asked;
        super::tables::refuse(&[
            ("OnDemandThroughput", on_demand_throughput.is_some()),
            ("WarmThroughput", warm_throughput.is_some()),
        ])?;
        self.index_of(index_name, &key_schema, projection, provisioned_throughput, of_table)
    }

    /// An index of UpdateTable.
    pub(super) fn new_index(
        &self,
        asked: CreateGlobalSecondaryIndexAction,
        of_table: Option<Capacity>,
    ) -> Result<Index, Refusal> {
        let CreateGlobalSecondaryIndexAction {
            index_name,
            key_schema,
            projection,
            provisioned_throughput,
            on_demand_throughput,
            warm_throughput,
        } = asked;
        super::tables::refuse(&[
            ("OnDemandThroughput", on_demand_throughput.is_some()),
            ("WarmThroughput", warm_throughput.is_some()),
        ])?;
        // What the table has is only known where it is; an index that says nothing is on demand as its table mostly is.
        let of_table = of_table.unwrap_or_else(|| provisioned_throughput.as_ref().map_or(Capacity::OnDemand, units));
        self.index_of(index_name, &key_schema, projection, provisioned_throughput, of_table)
    }

    fn index_of(
        &self,
        name: String,
        elements: &[KeySchemaElement],
        projection: ProjectionAsked,
        throughput: Option<ProvisionedThroughput>,
        of_table: Capacity,
    ) -> Result<Index, Refusal> {
        if !is_name(&name) {
            return Err(invalid_name());
        }
        let capacity = match (of_table, throughput) {
            (Capacity::OnDemand, None) => Capacity::OnDemand,
            (Capacity::OnDemand, Some(_)) => {
                return Err(Refusal::invalid(format!(
                    "ProvisionedThroughput should not be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
                )));
            }
            (Capacity::Provisioned { .. }, Some(throughput)) => units(&throughput),
            (Capacity::Provisioned { .. }, None) => {
                return Err(Refusal::invalid(format!("ProvisionedThroughput must be specified for index: {name}")));
            }
        };
        Ok(Index { name: name.into(), key: self.schema(elements)?, projection: projected(projection)?, capacity })
    }
}

fn projected(asked: ProjectionAsked) -> Result<Projection, Refusal> {
    let ProjectionAsked { projection_type, non_key_attributes } = asked;
    match (projection_type.as_deref(), non_key_attributes) {
        (Some("INCLUDE"), Some(names)) => Ok(Projection::Include(names.into_iter().map(Into::into).collect())),
        (Some("INCLUDE"), None) => {
            Err(Refusal::invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified"))
        }
        (Some(kind), Some(_)) => {
            Err(Refusal::invalid(format!("ProjectionType is {kind}, but NonKeyAttributes is specified")))
        }
        (Some("ALL"), None) => Ok(Projection::All),
        (Some(_), None) => Ok(Projection::KeysOnly),
        (None, _) => Err(Refusal::invalid("Unknown ProjectionType: null")),
    }
}

/// The capacity that a request asks for.
pub(super) fn units(asked: &ProvisionedThroughput) -> Capacity {
    // The model bounds both from below.
    let (read, write) = (asked.read_capacity_units.unsigned_abs(), asked.write_capacity_units.unsigned_abs());
    Capacity::Provisioned { read, write }
}

/// The capacity of a table, of its billing mode; provisioned where that is not said.
pub(super) fn billed(mode: Option<&str>, asked: Option<&ProvisionedThroughput>) -> Result<Capacity, Refusal> {
    match (mode, asked) {
        (Some("PAY_PER_REQUEST"), None) => Ok(Capacity::OnDemand),
        (Some("PAY_PER_REQUEST"), Some(_)) => Err(Refusal::invalid(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (_, Some(asked)) => Ok(units(asked)),
        (_, None) => Err(Refusal::invalid(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
    }
}
