//! JoinGroup, Heartbeat, LeaveGroup, CommitPosition: consumer groups as their members see them.
//!
//! A member is told which shards it reads, each with the generation under which it may commit and an iterator at what is committed;
//! with that it reads by GetRecords like anybody else.

use super::groups::{needs, number};
use super::shapes::{
    Assignment, CommitPositionInput, CommitPositionOutput, HeartbeatInput, JoinGroupInput, LeaveGroupInput,
    MemberOutput,
};
use crate::catalog::{ShardHandle, StreamEntry};
use crate::groups::GroupEntry;
use crate::groups::catalog::{Telling, answered};
use crate::groups::machine::{Command, Lent, Place, Reply};
use crate::iterator::ShardIterator;
use crate::limits;
use crate::needs::Asking;
use crate::placing::shard_named;
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::settings::ShardEntry;
use engine::Pending;
use gateway::{Caller, Need, Operation};
use names::Instant;
use std::sync::Arc;
use stream::{Misplaced, SequenceNumber, ShardState};

/// What stands for a sequence number behind the last record of a shard that takes no more, as in the KCL.
const SHARD_END: &str = "SHARD_END";

/// A group's ARN.
pub(super) fn arn(stream: &StreamEntry, group: &str) -> String {
    format!("{}/group/{group}", stream.arn)
}

/// The sequence number that was committed last.
pub(super) fn committed_number(shard: &ShardEntry, place: &Place) -> Option<String> {
    let committed = place.committed?;
    let counter = place.next.saturating_sub(1);
    Some(SequenceNumber::new(shard.opened_at, shard.index, counter, committed.arrived_at).to_string())
}

/// What a member is told that is in the group.
async fn told(
    stream: &StreamEntry,
    group: &GroupEntry,
    member: String,
    pending: Pending<crate::groups::machine::Group>,
    (known, now): (Option<i64>, Instant),
) -> Result<MemberOutput, Refusal> {
    let Reply::Lent(lent) = answered(pending, &group.name, stream).await? else {
        unreachable!("a member is told what it reads, or refused")
    };
    let generation = number(lent.generation);
    let assignments = (known != Some(generation)).then(|| assignments(stream, &lent, now));
    let session_timeout_milliseconds = i32::try_from(lent.session_millis).unwrap_or(i32::MAX);
    Ok(MemberOutput { member_id: member, generation, session_timeout_milliseconds, assignments })
}

fn assignments(stream: &StreamEntry, lent: &Lent, made_at: Instant) -> Vec<Assignment> {
    let view = stream.view();
    let of_shard = |(index, place): &(u32, Place)| {
        let shard = view.shard(*index)?;
        let (stream, from, not_before) = (stream.partition.id(), place.next, Instant::EPOCH);
        Some(Assignment {
            shard_id: shard.entry.name(),
            generation: number(place.generation),
            sequence_number: committed_number(&shard.entry, place),
            shard_iterator: ShardIterator { stream, shard: *index, from, not_before, made_at }.show(),
        })
    };
    lent.shards.iter().filter_map(of_shard).collect()
}

pub(crate) struct JoinGroup;

fn of_join(input: &JoinGroupInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), None)
}

impl Operation<Inner> for JoinGroup {
    type Input = JoinGroupInput;
    type Output = MemberOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs(&Asking { service, caller }, "JoinGroup", &of_join(input), &input.group_name)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<MemberOutput, Refusal> {
        let (stream, group) = service.group(&caller, &of_join(&input), &input.group_name).await?;
        let member = input.member_id.unwrap_or_else(|| caller.request_id.as_str().to_owned());
        let session_millis = input.session_timeout_milliseconds.and_then(|millis| u32::try_from(millis).ok());
        let session_millis = session_millis.unwrap_or(limits::SESSION_MILLIS_DEFAULT);
        let join = |news| Command::Join { member: member.as_str().into(), session_millis, news };
        let pending = group.tell(service.catalog.store(), &stream, (Telling::Shards, Some(&member)), join)?;
        told(&stream, &group, member, pending, (None, caller.now)).await
    }
}

pub(crate) struct Heartbeat;

fn of_beat(input: &HeartbeatInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), None)
}

impl Operation<Inner> for Heartbeat {
    type Input = HeartbeatInput;
    type Output = MemberOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs(&Asking { service, caller }, "Heartbeat", &of_beat(input), &input.group_name)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<MemberOutput, Refusal> {
        let (stream, group) = service.group(&caller, &of_beat(&input), &input.group_name).await?;
        let member = input.member_id;
        let beat = |news| Command::Beat { member: member.as_str().into(), news };
        let pending = group.tell(service.catalog.store(), &stream, (Telling::News, Some(&member)), beat)?;
        told(&stream, &group, member, pending, (input.generation, caller.now)).await
    }
}

pub(crate) struct LeaveGroup;

fn of_leave(input: &LeaveGroupInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), None)
}

impl Operation<Inner> for LeaveGroup {
    type Input = LeaveGroupInput;
    type Output = CommitPositionOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs(&Asking { service, caller }, "LeaveGroup", &of_leave(input), &input.group_name)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<CommitPositionOutput, Refusal> {
        let (stream, group) = service.group(&caller, &of_leave(&input), &input.group_name).await?;
        let leave = |news| Command::Leave { member: input.member_id.as_str().into(), news };
        let pending = group.tell(service.catalog.store(), &stream, (Telling::Shards, None), leave)?;
        done(answered(pending, &group.name, &stream).await?)
    }
}

fn done(reply: Reply) -> Result<CommitPositionOutput, Refusal> {
    match reply {
        Reply::Done(generation) => Ok(CommitPositionOutput { generation: number(generation) }),
        other => unreachable!("it is done or refused, and not {other:?}"),
    }
}

pub(crate) struct CommitPosition;

fn of_commit(input: &CommitPositionInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), None)
}

impl Operation<Inner> for CommitPosition {
    type Input = CommitPositionInput;
    type Output = CommitPositionOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs(&Asking { service, caller }, "CommitPosition", &of_commit(input), &input.group_name)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<CommitPositionOutput, Refusal> {
        let (stream, group) = service.group(&caller, &of_commit(&input), &input.group_name).await?;
        let shard = shard_named(&stream, &stream.view(), &input.shard_id)?;
        let state = service.shard_state(&stream, &shard).await?;
        let (next, arrived_at) = position(&shard, &state, &input.sequence_number)?;
        // The end of a shard lets others begin.
        let is_end = state.closed_at.is_some() && next >= state.next;
        let telling = if is_end { Telling::Shards } else { Telling::News };
        let member = input.member_id.as_str();
        let commit = |news| Command::Commit {
            member: member.into(),
            shard: shard.entry.index,
            generation: u64::try_from(input.generation).unwrap_or(u64::MAX),
            next,
            arrived_at,
            news,
        };
        let pending = group.tell(service.catalog.store(), &stream, (telling, Some(member)), commit)?;
        done(answered(pending, &group.name, &stream).await?)
    }
}

/// The counter behind the record that a position names, and when that record arrived.
fn position(shard: &ShardHandle, state: &ShardState, text: &str) -> Result<(u64, Instant), Refusal> {
    let name = shard.entry.name();
    let end = (state.next, state.last_arrived_at.unwrap_or(Instant::EPOCH));
    if text == SHARD_END {
        return match state.closed_at {
            Some(_) => Ok(end),
            None => Err(Refusal::invalid(format!("Shard {name} takes records still; it has no end yet."))),
        };
    }
    let wrong = |why: &str| Refusal::invalid(format!("SequenceNumber {text} is {why} of shard {name}."));
    let number = SequenceNumber::parse(text).map_err(|_| wrong("none"))?;
    match number.place_in(shard.entry.opened_at, shard.entry.index, state.next) {
        Ok(counter) => Ok((counter + 1, number.arrived_at())),
        Err(Misplaced::Ahead) if number.is_ending() && state.closed_at.is_some() => Ok(end),
        Err(Misplaced::Ahead) => Err(wrong("beyond the last")),
        Err(Misplaced::OtherShard) => Err(wrong("none")),
    }
}
