//! CreateTable, DescribeTable, UpdateTable, DeleteTable, ListTables.
//!
//! Whatever is asked for is done when it is answered, so tables and indexes are never seen on their way.

use super::consumed::unexpected;
use super::table_keys::{Definitions, billed, units};
use super::tags;
use crate::api::dynamodb::{
    CreateTableInput, CreateTableOutput, DeleteTableInput, DeleteTableOutput, DescribeTableInput, DescribeTableOutput,
    GlobalSecondaryIndexUpdate, ListTablesInput, ListTablesOutput, UpdateTableInput, UpdateTableOutput,
};
use crate::describe;
use crate::limits;
use crate::machine::{Command, Reply, RoomKey, Shown};
use crate::needs::{Asking, with_tags};
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::table::{About, Capacity, Index};
use crate::table_change::{IndexChange, TableChange, Update, check_count, check_definitions};
use gateway::{Caller, Need, Operation};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Refuses what a lease table does not have; nothing is taken and forgotten.
pub(super) fn refuse(members: &[(&str, bool)]) -> Result<(), Refusal> {
    match members.iter().find(|(_, is_there)| *is_there) {
        None => Ok(()),
        Some((name, _)) => Err(Refusal::invalid(format!("A lease table does not have {name}"))),
    }
}

/// The table of a reply.
fn shown(reply: Reply) -> Result<Shown, Refusal> {
    match reply {
        Reply::Table(shown) => Ok(shown),
        other => Err(unexpected(&other)),
    }
}

pub(crate) struct CreateTable;

impl CreateTable {
    fn check(input: &CreateTableInput) -> Result<(), Refusal> {
        let is_encrypted = input.sse_specification.as_ref().is_some_and(|sse| sse.enabled == Some(true));
        let has_stream = input.stream_specification.as_ref().is_some_and(|stream| stream.stream_enabled);
        let has_class = input.table_class.as_deref().is_some_and(|class| class != "STANDARD");
        refuse(&[
            ("LocalSecondaryIndexes", input.local_secondary_indexes.is_some()),
            ("VectorIndexes", input.vector_indexes.is_some()),
            ("StreamSpecification", has_stream),
            ("SSESpecification of its own: all that is kept is encrypted with the server's keys", is_encrypted),
            ("TableClass but STANDARD", has_class),
            ("WarmThroughput", input.warm_throughput.is_some()),
            ("ResourcePolicy", input.resource_policy.is_some()),
            ("OnDemandThroughput", input.on_demand_throughput.is_some()),
            ("GlobalTableSourceArn", input.global_table_source_arn.is_some()),
            ("GlobalTableSettingsReplicationMode", input.global_table_settings_replication_mode.is_some()),
        ])
    }

    fn about(target: &Target, caller: &Caller, input: CreateTableInput) -> Result<About, Refusal> {
        Self::check(&input)?;
        let definitions = Definitions::read(input.attribute_definitions)?;
        let key = definitions.schema(&input.key_schema.unwrap_or_default())?;
        let capacity = billed(input.billing_mode.as_deref(), input.provisioned_throughput.as_ref())?;
        let asked = input.global_secondary_indexes;
        if asked.as_ref().is_some_and(Vec::is_empty) {
            return Err(Refusal::invalid("List of GlobalSecondaryIndexes is empty"));
        }
        let indexes = asked.unwrap_or_default().into_iter().map(|index| definitions.index(index, capacity));
        let indexes = indexes.collect::<Result<Vec<Index>, _>>()?;
        let twin =
            indexes.iter().enumerate().find(|(at, index)| indexes[..*at].iter().any(|one| one.name == index.name));
        if let Some((_, twin)) = twin {
            return Err(Refusal::invalid(format!("Duplicate index name: {}", twin.name)));
        }
        definitions.check_used(&key, &indexes)?;
        let about = About {
            number: 0,
            name: target.table.clone(),
            id: caller.request_id.as_str().into(),
            created_at: caller.now,
            key,
            capacity,
            indexes,
            deletion_protected: input.deletion_protection_enabled == Some(true),
            tags: tags::checked(input.tags.unwrap_or_default())?,
        };
        check_count(&about)?;
        about.indexes.iter().try_for_each(|index| check_definitions(&about, index))?;
        Ok(about)
    }
}

impl Operation<Inner> for CreateTable {
    type Input = CreateTableInput;
    type Output = CreateTableOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &CreateTableInput) -> Result<Vec<Need>, Refusal> {
        let asking = &Asking { service, caller };
        let target = Target::of(caller, &input.table_name)?;
        match input.tags.as_deref() {
            // Tags that a table is made with are laid on by an action of their own.
            Some(tags) => {
                Ok(["CreateTable", "TagResource"].map(|action| with_tags(asking.on(action, &target), tags)).into())
            }
            None => Ok(vec![asking.on("CreateTable", &target)]),
        }
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: CreateTableInput) -> Result<CreateTableOutput, Refusal> {
        let target = Target::of(&caller, &input.table_name)?;
        let about = Self::about(&target, &caller, input)?;
        let made = shown(service.ask(&target.room, Command::Create(Box::new(about))).await?)?;
        Ok(CreateTableOutput { table_description: Some(describe::table(&target.room, &made, "ACTIVE")) })
    }
}

pub(crate) struct DescribeTable;

impl Operation<Inner> for DescribeTable {
    type Input = DescribeTableInput;
    type Output = DescribeTableOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &DescribeTableInput) -> Result<Vec<Need>, Refusal> {
        Ok(vec![Asking { service, caller }.on_table("DescribeTable", &input.table_name)?])
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: DescribeTableInput,
    ) -> Result<DescribeTableOutput, Refusal> {
        let target = Target::of(&caller, &input.table_name)?;
        let found = shown(service.ask(&target.room, Command::Describe(target.table.clone())).await?)?;
        Ok(DescribeTableOutput { table: Some(describe::table(&target.room, &found, "ACTIVE")) })
    }
}

pub(crate) struct DeleteTable;

impl Operation<Inner> for DeleteTable {
    type Input = DeleteTableInput;
    type Output = DeleteTableOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &DeleteTableInput) -> Result<Vec<Need>, Refusal> {
        Ok(vec![Asking { service, caller }.on_table("DeleteTable", &input.table_name)?])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: DeleteTableInput) -> Result<DeleteTableOutput, Refusal> {
        let target = Target::of(&caller, &input.table_name)?;
        let gone = shown(service.ask(&target.room, Command::Delete(target.table.clone())).await?)?;
        Ok(DeleteTableOutput { table_description: Some(describe::table(&target.room, &gone, "DELETING")) })
    }
}

pub(crate) struct UpdateTable;

impl UpdateTable {
    fn check(input: &UpdateTableInput) -> Result<(), Refusal> {
        let is_encrypted = input.sse_specification.as_ref().is_some_and(|sse| sse.enabled == Some(true));
        let has_stream = input.stream_specification.as_ref().is_some_and(|stream| stream.stream_enabled);
        let has_class = input.table_class.as_deref().is_some_and(|class| class != "STANDARD");
        refuse(&[
            ("StreamSpecification", has_stream),
            ("SSESpecification of its own: all that is kept is encrypted with the server's keys", is_encrypted),
            ("TableClass but STANDARD", has_class),
            ("ReplicaUpdates", input.replica_updates.is_some()),
            ("MultiRegionConsistency", input.multi_region_consistency.is_some()),
            ("GlobalTableWitnessUpdates", input.global_table_witness_updates.is_some()),
            ("GlobalTableSettingsReplicationMode", input.global_table_settings_replication_mode.is_some()),
            ("OnDemandThroughput", input.on_demand_throughput.is_some()),
            ("WarmThroughput", input.warm_throughput.is_some()),
            ("DisassociationProtectionEnabled", input.disassociation_protection_enabled == Some(true)),
            ("VectorIndexUpdates", input.vector_index_updates.is_some()),
        ])
    }

    fn update(input: UpdateTableInput) -> Result<Update, Refusal> {
        Self::check(&input)?;
        let definitions = Definitions::read(input.attribute_definitions)?;
        let throughput = input.provisioned_throughput.as_ref();
        let capacity = match (input.billing_mode.as_deref(), throughput) {
            (None, None) => None,
            (None, Some(asked)) => Some(units(asked)),
            (mode, asked) => Some(billed(mode, asked)?),
        };
        let changes = input.global_secondary_index_updates.unwrap_or_default();
        let change = |change: GlobalSecondaryIndexUpdate| index_change(&definitions, change, capacity);
        let indexes = changes.into_iter().map(change).collect::<Result<Vec<_>, _>>()?;
        let update = Update { capacity, deletion_protected: input.deletion_protection_enabled, indexes };
        if update.capacity.is_none() && update.deletion_protected.is_none() && update.indexes.is_empty() {
            return Err(Refusal::validation(
                "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
            ));
        }
        Ok(update)
    }
}

fn index_change(
    definitions: &Definitions,
    asked: GlobalSecondaryIndexUpdate,
    of_table: Option<Capacity>,
) -> Result<IndexChange, Refusal> {
    match (asked.create, asked.update, asked.delete) {
        (Some(create), None, None) => definitions.new_index(create, of_table).map(IndexChange::Create),
        (None, Some(update), None) => {
            let limits = [
                ("OnDemandThroughput", update.on_demand_throughput.is_some()),
                ("WarmThroughput", update.warm_throughput.is_some()),
            ];
            refuse(&limits)?;
            let throughput = update.provisioned_throughput.as_ref().ok_or_else(|| {
                Refusal::invalid(format!("ProvisionedThroughput must be specified for index: {}", update.index_name))
            })?;
            Ok(IndexChange::Capacity(update.index_name.as_str().into(), units(throughput)))
        }
        (None, None, Some(delete)) => Ok(IndexChange::Delete(delete.index_name.into())),
        _ => Err(Refusal::invalid(
            "Only one of Create, Update and Delete can be specified in a GlobalSecondaryIndexUpdate",
        )),
    }
}

impl Operation<Inner> for UpdateTable {
    type Input = UpdateTableInput;
    type Output = UpdateTableOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &UpdateTableInput) -> Result<Vec<Need>, Refusal> {
        Ok(vec![Asking { service, caller }.on_table("UpdateTable", &input.table_name)?])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: UpdateTableInput) -> Result<UpdateTableOutput, Refusal> {
        let target = Target::of(&caller, &input.table_name)?;
        let change = TableChange::Update(Self::update(input)?);
        let command = Command::Change { table: target.table.clone(), change };
        let changed = shown(service.ask(&target.room, command).await?)?;
        Ok(UpdateTableOutput { table_description: Some(describe::table(&target.room, &changed, "ACTIVE")) })
    }
}

pub(crate) struct ListTables;

impl Operation<Inner> for ListTables {
    type Input = ListTablesInput;
    type Output = ListTablesOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &ListTablesInput) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("ListTables"))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: ListTablesInput) -> Result<ListTablesOutput, Refusal> {
        let room = RoomKey { account: caller.account, region: caller.region.clone() };
        let reply = service.ask(&room, Command::List).await?;
        let Reply::Tables(names) = reply else { return Err(unexpected(&reply)) };
        let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(limits::LISTED_TABLES);
        let after = input.exclusive_start_table_name.as_deref();
        let mut left = names.iter().filter(|name| after.is_none_or(|after| &***name > after));
        let page: Vec<String> = left.by_ref().take(limit).map(ToString::to_string).collect();
        let last = left.next().and_then(|_| page.last().cloned());
        Ok(ListTablesOutput { table_names: Some(page), last_evaluated_table_name: last })
    }
}

/// Tags as a table keeps them.
pub(super) type Tags = BTreeMap<Box<str>, Box<str>>;
