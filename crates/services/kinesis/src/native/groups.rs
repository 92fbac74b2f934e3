//! CreateGroup, DeleteGroup, DescribeGroup, ListGroups, ResetPositions: consumer groups as their operators see them.

use super::members::{arn, committed_number};
use super::shapes::{
    CreateGroupInput, DeleteGroupInput, DescribeGroupInput, DescribeGroupOutput, GroupMember, GroupOutput, GroupShard,
    GroupSummary, ListGroupsInput, ListGroupsOutput, PositionAsked, ResetPositionsInput,
};
use super::table::ACTIONS;
use crate::api::enums::shard_iterator_type;
use crate::catalog::{ShardHandle, StreamEntry};
use crate::describe::{count, timestamp};
use crate::groups::GroupEntry;
use crate::groups::catalog::{Telling, answered, no_group};
use crate::groups::machine::{About, Command, Group, Member, Reply};
use crate::limits;
use crate::needs::Asking;
use crate::ops::get_shard_iterator::Asked;
use crate::page::{cut, size};
use crate::placing::shard_named;
use crate::reading::Start;
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::shard_id;
use gateway::{Caller, Need, Operation};
use names::Instant;
use std::sync::Arc;

impl Inner {
    /// The stream and the group that a request names.
    pub(super) async fn group(
        &self,
        caller: &Caller,
        target: &Target<'_>,
        name: &str,
    ) -> Result<(Arc<StreamEntry>, Arc<GroupEntry>), Refusal> {
        let stream = self.stream(caller, target).await?;
        match self.groups.find(&stream, name) {
            Some(group) => Ok((stream, group)),
            None => {
                self.catalog.settled().await?;
                Err(no_group(&stream, name))
            }
        }
    }

    /// A group as it is, all of which is durable, without members that were silent for too long.
    async fn described(&self, stream: &StreamEntry, group: &GroupEntry) -> Result<Box<Group>, Refusal> {
        drop(group.tell(self.catalog.store(), stream, (Telling::News, None), Command::Tend)?);
        let described = group.partition.execute(Command::Describe)?;
        match answered(described, &group.name, stream).await? {
            Reply::Described(group) => Ok(group),
            other => unreachable!("a group describes itself, and not with {other:?}"),
        }
    }

    /// Where a group begins in each of these shards.
    async fn places(
        &self,
        stream: &StreamEntry,
        shards: &[Arc<ShardHandle>],
        asked: &PositionAsked,
        (now, operation): (Instant, &str),
    ) -> Result<Vec<(u32, u64)>, Refusal> {
        let mut places = Vec::with_capacity(shards.len());
        for shard in shards {
            let asked = Asked {
                kind: &asked.r#type,
                number: asked.sequence_number.as_deref(),
                timestamp: asked.timestamp,
                shard: (&stream.key, &shard.entry),
                operation,
            };
            let next = match asked.start(now)? {
                Start::AtTime(moment) => self.first_since(stream, shard, moment).await?.0,
                start => self.start(stream, shard, start).await?.counter,
            };
            // Counters begin with 1.
            places.push((shard.entry.index, next.max(1)));
        }
        Ok(places)
    }
}

/// What a request about a group has to be allowed.
pub(super) fn needs(asking: &Asking<'_>, action: &str, target: &Target<'_>, group: &str) -> Result<Vec<Need>, Refusal> {
    let key = asking.service.key(asking.caller, target)?;
    Ok(vec![asking.own(ACTIONS.get(action), &key, Some(&format!("group/{group}")))])
}

/// A sequence number is of one shard, so one has to be named with it.
fn check_number(asked: &PositionAsked, shard: Option<&String>) -> Result<(), Refusal> {
    let is_number = [shard_iterator_type::AT_SEQUENCE_NUMBER, shard_iterator_type::AFTER_SEQUENCE_NUMBER]
        .contains(&asked.r#type.as_str());
    match is_number && shard.is_none() {
        true => Err(Refusal::invalid("A sequence number is of one shard: ResetPositions takes it, with a ShardId.")),
        false => Ok(()),
    }
}

pub(crate) struct CreateGroup;

fn of_create(input: &CreateGroupInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), None)
}

impl Operation<Inner> for CreateGroup {
    type Input = CreateGroupInput;
    type Output = GroupOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs(&Asking { service, caller }, "CreateGroup", &of_create(input), &input.group_name)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<GroupOutput, Refusal> {
        let stream = service.stream(&caller, &of_create(&input)).await?;
        let oldest = || PositionAsked { r#type: shard_iterator_type::TRIM_HORIZON.to_owned(), ..Default::default() };
        let asked = input.starting_position.unwrap_or_else(oldest);
        check_number(&asked, None)?;
        let view = stream.view();
        let places = service.places(&stream, &view.shards, &asked, (caller.now, "CreateGroup")).await?;
        let name: Box<str> = input.group_name.into();
        let about = About { stream: stream.partition.id(), name: name.clone(), created_at: caller.now };
        let pending = match service.groups.create(&service.catalog, &stream, about, places) {
            Ok(pending) => pending,
            Err(refusal) => {
                // What it is refused for has to be durable.
                service.catalog.settled().await?;
                return Err(refusal);
            }
        };
        answered(pending, &name, &stream).await?;
        Ok(GroupOutput { group_name: name.to_string(), group_arn: arn(&stream, &name), generation: 0 })
    }
}

pub(crate) struct DeleteGroup;

fn of_delete(input: &DeleteGroupInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), None)
}

impl Operation<Inner> for DeleteGroup {
    type Input = DeleteGroupInput;
    type Output = GroupOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs(&Asking { service, caller }, "DeleteGroup", &of_delete(input), &input.group_name)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<GroupOutput, Refusal> {
        let (stream, group) = service.group(&caller, &of_delete(&input), &input.group_name).await?;
        let with_members = input.enforce_member_removal == Some(true);
        let store = service.catalog.store();
        drop(group.tell(store, &stream, (Telling::News, None), Command::Tend)?);
        let pending = group.partition.execute(Command::Delete { with_members })?;
        if pending.is(|reply| matches!(reply, Reply::Done(_))) {
            service.groups.forget(stream.partition.id(), &group);
        }
        match answered(pending, &group.name, &stream).await? {
            Reply::Done(generation) => {
                let group_arn = arn(&stream, &group.name);
                Ok(GroupOutput { group_name: group.name.to_string(), group_arn, generation: number(generation) })
            }
            other => unreachable!("a deletion is done or refused, and not {other:?}"),
        }
    }
}

pub(crate) struct ListGroups;

fn of_list(input: &ListGroupsInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), None)
}

impl Operation<Inner> for ListGroups {
    type Input = ListGroupsInput;
    type Output = ListGroupsOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let key = service.key(caller, &of_list(input))?;
        Ok(vec![Asking { service, caller }.own(ACTIONS.get("ListGroups"), &key, None)])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<ListGroupsOutput, Refusal> {
        let stream = service.stream(&caller, &of_list(&input)).await?;
        service.catalog.settled().await?;
        let all = service.groups.of_stream(stream.partition.id(), input.exclusive_start_group_name.as_deref());
        let (page, has_more_groups) = cut(all.into_iter(), size(input.max_results, limits::LISTED_GROUPS));
        let mut groups = Vec::with_capacity(page.len());
        for entry in page {
            let group = match service.described(&stream, &entry).await {
                // It was deleted since it was listed.
                Err(refusal) if refusal.error.name == "ResourceNotFoundException" => continue,
                described => described?,
            };
            let Some(about) = &group.about else { continue };
            groups.push(GroupSummary {
                group_name: about.name.to_string(),
                group_arn: arn(&stream, &about.name),
                creation_timestamp: timestamp(about.created_at),
                generation: number(group.generation),
                member_count: count(group.members.len()),
            });
        }
        Ok(ListGroupsOutput { groups, has_more_groups })
    }
}

pub(crate) struct DescribeGroup;

fn of_describe(input: &DescribeGroupInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), None)
}

impl Operation<Inner> for DescribeGroup {
    type Input = DescribeGroupInput;
    type Output = DescribeGroupOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs(&Asking { service, caller }, "DescribeGroup", &of_describe(input), &input.group_name)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<DescribeGroupOutput, Refusal> {
        let (stream, entry) = service.group(&caller, &of_describe(&input), &input.group_name).await?;
        let group = service.described(&stream, &entry).await?;
        let view = stream.view();
        let after = match input.exclusive_start_shard_id.as_deref() {
            Some(name) => Some(shard_id::parse(name).ok_or_else(|| Refusal::no_shard(&stream.key, name))?),
            None => None,
        };
        let behind = group.shards.iter().filter(|(index, _)| after.is_none_or(|after| **index > after));
        let known = behind.filter_map(|(index, place)| Some((view.shard(*index)?, place)));
        let (page, has_more_shards) = cut(known, size(input.max_results, limits::DESCRIBED_SHARDS));
        let mut shards = Vec::with_capacity(page.len());
        for (shard, place) in page {
            let lag = match service.lag(&stream, &entry, shard, place.next).await {
                // The stream has forgotten it since, with all that it had.
                Err(_) if stream.view().shard(shard.entry.index).is_none() => continue,
                lag => lag?,
            };
            shards.push(GroupShard {
                shard_id: shard.entry.name(),
                member_id: place.owner.as_deref().map(str::to_owned),
                generation: number(place.generation),
                sequence_number: committed_number(&shard.entry, place),
                commit_timestamp: place.committed.map(|committed| timestamp(committed.at)),
                is_done: !shard.entry.is_open() && lag.records == 0,
                lag_records: number(lag.records),
                lag_milliseconds: number(lag.millis),
            });
        }
        let about = group.about().ok_or_else(|| no_group(&stream, &input.group_name))?;
        Ok(DescribeGroupOutput {
            group_name: about.name.to_string(),
            group_arn: arn(&stream, &about.name),
            stream_arn: stream.arn.to_string(),
            creation_timestamp: timestamp(about.created_at),
            generation: number(group.generation),
            members: members(&group, &entry),
            shards,
            has_more_shards,
        })
    }
}

fn members(group: &Group, entry: &GroupEntry) -> Vec<GroupMember> {
    let read_by = |name: &str| group.shards.values().filter(|place| place.owner.as_deref() == Some(name)).count();
    let member = |name: &str, member: &Member| GroupMember {
        member_id: name.to_owned(),
        session_timeout_milliseconds: i32::try_from(member.session_millis).unwrap_or(i32::MAX),
        join_timestamp: timestamp(member.joined_at),
        last_heard_timestamp: timestamp(entry.heard(name)),
        shard_count: count(read_by(name)),
    };
    group.members.iter().map(|(name, about)| member(name, about)).collect()
}

/// A number as the model has it.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) struct ResetPositions;

fn of_reset(input: &ResetPositionsInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), None)
}

impl Operation<Inner> for ResetPositions {
    type Input = ResetPositionsInput;
    type Output = GroupOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs(&Asking { service, caller }, "ResetPositions", &of_reset(input), &input.group_name)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<GroupOutput, Refusal> {
        let (stream, group) = service.group(&caller, &of_reset(&input), &input.group_name).await?;
        check_number(&input.starting_position, input.shard_id.as_ref())?;
        let view = stream.view();
        let shards = match &input.shard_id {
            Some(name) => vec![shard_named(&stream, &view, name)?],
            None => view.shards.to_vec(),
        };
        let asked = &input.starting_position;
        let places = service.places(&stream, &shards, asked, (caller.now, "ResetPositions")).await?;
        let store = service.catalog.store();
        let pending = group.tell(store, &stream, (Telling::Shards, None), |news| Command::Reset { places, news })?;
        match answered(pending, &group.name, &stream).await? {
            Reply::Done(generation) => {
                let group_arn = arn(&stream, &group.name);
                Ok(GroupOutput { group_name: group.name.to_string(), group_arn, generation: number(generation) })
            }
            other => unreachable!("a reset is done or refused, and not {other:?}"),
        }
    }
}
