//! Consumer groups as they are asked for: sessions and restarts on a clock of the test's own, lag, and what has to be allowed.

use super::groups::{CreateGroup, DeleteGroup, DescribeGroup, ListGroups, ResetPositions};
use super::members::{CommitPosition, Heartbeat, JoinGroup, LeaveGroup};
use super::shapes::{
    CommitPositionInput, CommitPositionOutput, CreateGroupInput, DeleteGroupInput, DescribeGroupInput,
    DescribeGroupOutput, HeartbeatInput, JoinGroupInput, LeaveGroupInput, ListGroupsInput, MemberOutput, PositionAsked,
    ResetPositionsInput,
};
use crate::api::{DeleteStreamInput, PutRecordInput};
use crate::house::{House, poll};
use crate::machine::Reshard;
use crate::needs::Asking;
use crate::ops::create_stream::DeleteStream;
use crate::ops::put_record::PutRecord;
use crate::refusal::Refusal;
use crate::service::Inner;
use gateway::{Caller, Operation};
use std::pin::pin;

const FIRST: &str = "shardId-000000000000";

fn s() -> Option<String> {
    Some("s".into())
}

fn grouped(house: House) -> House {
    let input = CreateGroupInput { stream_name: s(), group_name: "g".into(), ..Default::default() };
    house.call::<CreateGroup>(input).unwrap();
    house
}

fn join(house: &House, member: &str) -> MemberOutput {
    let (group_name, member_id) = ("g".into(), Some(member.into()));
    let session_timeout_milliseconds = Some(10_000);
    let input =
        JoinGroupInput { stream_name: s(), stream_arn: None, group_name, member_id, session_timeout_milliseconds };
    house.call::<JoinGroup>(input).unwrap()
}

fn beat(house: &House, member: &str, generation: Option<i64>) -> Result<MemberOutput, Refusal> {
    let (group_name, member_id) = ("g".into(), member.into());
    house.call::<Heartbeat>(HeartbeatInput { stream_name: s(), stream_arn: None, group_name, member_id, generation })
}

fn commit(
    house: &House,
    member: &str,
    shard: &str,
    generation: i64,
    number: &str,
) -> Result<CommitPositionOutput, Refusal> {
    house.call::<CommitPosition>(CommitPositionInput {
        stream_name: s(),
        group_name: "g".into(),
        member_id: member.into(),
        shard_id: shard.into(),
        generation,
        sequence_number: number.into(),
        ..Default::default()
    })
}

fn described(house: &House) -> DescribeGroupOutput {
    let input = DescribeGroupInput { stream_name: s(), group_name: "g".into(), ..Default::default() };
    house.call::<DescribeGroup>(input).unwrap()
}

fn code<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> &'static str {
    answer.unwrap_err().error.name
}

#[test]
fn a_member_may_be_silent_for_as_long_as_its_session_lasts_and_not_a_millisecond_longer() {
    let house = grouped(House::new(false));
    join(&house, "a");
    house.clock.advance_millis(10_000);
    assert!(beat(&house, "a", None).is_ok(), "heard just in time");
    house.clock.advance_millis(10_000);
    assert_eq!(described(&house).members.len(), 1);
    house.clock.advance_millis(1);
    assert_eq!(described(&house).members.len(), 0, "whoever looks finds out");
    assert_eq!(code(beat(&house, "a", None)), "UnknownMemberException");
    assert_eq!(join(&house, "a").assignments.unwrap().len(), 1);
}

#[test]
fn commits_are_signs_of_life_and_those_of_who_is_out_are_none() {
    let house = grouped(House::new(false));
    let numbers = [house.put("1", "k"), house.put("2", "k")];
    join(&house, "a");
    house.clock.advance_millis(8_000);
    commit(&house, "a", FIRST, 1, &numbers[0]).unwrap();
    house.clock.advance_millis(8_000);
    assert!(beat(&house, "a", None).is_ok());
    house.clock.advance_millis(10_001);
    assert_eq!(code(commit(&house, "a", FIRST, 1, &numbers[1])), "UnknownMemberException");
    assert_eq!(described(&house).shards[0].sequence_number.as_ref(), Some(&numbers[0]));
}

#[test]
fn after_a_restart_every_session_begins_anew_and_nothing_else_has_changed() {
    let house = grouped(House::new(false));
    let number = house.put("1", "k");
    join(&house, "a");
    commit(&house, "a", FIRST, 1, &number).unwrap();
    let before = described(&house);
    house.clock.advance_millis(3_600_000);
    let house = house.again();
    house.clock.advance_millis(10_000);
    let told = beat(&house, "a", None).unwrap();
    let lent = told.assignments.unwrap();
    assert_eq!((told.generation, lent.len(), lent[0].generation), (1, 1, 1));
    assert_eq!(described(&house).shards, before.shards);
    let house = house.again();
    house.clock.advance_millis(10_001);
    assert_eq!(
        code(beat(&house, "a", None)),
        "UnknownMemberException",
        "a dead member's shards are free after one session"
    );
}

#[test]
fn a_heartbeat_that_knows_the_generation_is_told_nothing_until_something_moves() {
    let house = grouped(House::new(false));
    let joined = join(&house, "a");
    assert_eq!(beat(&house, "a", Some(joined.generation)).unwrap().assignments, None);
    join(&house, "b");
    assert!(beat(&house, "a", Some(joined.generation)).unwrap().assignments.is_none(), "b got none of one shard");
    let (service, at) = (house.service(), 1 << 127);
    house.done(service.catalog.reshard(&house.entry(), Reshard::Split { index: 0, at })).unwrap();
    // The parent is empty, so both children are lent at once, one to each.
    let told = ["a", "b"].map(|member| beat(&house, member, Some(joined.generation)).unwrap().assignments.unwrap());
    let shards = told.map(|lent| lent.iter().map(|one| one.shard_id.clone()).collect::<Vec<_>>());
    assert_eq!(shards, [["shardId-000000000001"], ["shardId-000000000002"]]);
}

#[test]
fn lag_is_counted_in_records_and_since_the_first_of_them_arrived() {
    let house = grouped(House::new(false));
    let first = house.put("1", "k");
    house.clock.advance_millis(1_500);
    house.put("2", "k");
    house.clock.advance_millis(700);
    let lag = |house: &House| {
        let shard = &described(house).shards[0];
        (shard.lag_records, shard.lag_milliseconds)
    };
    assert_eq!(lag(&house), (2, 2_200));
    let metered =
        |house: &House| house.kinesis.group_lags().0.iter().map(|lag| (lag.records, lag.millis)).collect::<Vec<_>>();
    assert_eq!(metered(&house), [(2, Some(2_200))]);
    join(&house, "a");
    commit(&house, "a", FIRST, 1, &first).unwrap();
    assert_eq!((lag(&house), metered(&house)), ((1, 700), vec![(1, Some(700))]));
    house.clock.advance_millis(100);
    assert_eq!(lag(&house), (1, 800), "what is remembered of the record is when it arrived");
}

#[test]
fn metrics_have_a_bound_and_say_what_they_left_out() {
    let house = House::new(false);
    let shards = Reshard::Count(40);
    let service = house.service();
    house.done(service.catalog.reshard(&house.entry(), shards)).unwrap();
    for nth in 0..30 {
        let input = CreateGroupInput { stream_name: s(), group_name: format!("g{nth}"), ..Default::default() };
        house.call::<CreateGroup>(input).unwrap();
    }
    let (lags, left_out) = house.kinesis.group_lags();
    let known = house.entry().view().shards.len();
    assert_eq!((lags.len(), left_out), (crate::limits::GROUP_SHARDS_METERED_MAX, 30 * known - lags.len()));
}

#[test]
fn groups_go_with_their_stream_and_one_of_its_name_begins_without_them() {
    let house = grouped(House::new(false));
    join(&house, "a");
    house.call::<DeleteStream>(DeleteStreamInput { stream_name: s(), ..Default::default() }).unwrap();
    assert_eq!(code(beat(&house, "a", None)), "ResourceNotFoundException");
    assert!(house.kinesis.group_lags().0.is_empty());
    let input = crate::api::CreateStreamInput { stream_name: "s".into(), shard_count: Some(1), ..Default::default() };
    house.call::<crate::ops::create_stream::CreateStream>(input).unwrap();
    let list = || ListGroupsInput { stream_name: s(), ..Default::default() };
    assert!(house.call::<ListGroups>(list()).unwrap().groups.is_empty());
    assert!(house.again().call::<ListGroups>(list()).unwrap().groups.is_empty());
}

#[test]
fn a_group_of_a_stream_whose_end_alone_reached_the_disk_ends_at_the_next_start() {
    let house = grouped(House::new(false));
    let (service, entry) = (house.service(), house.entry());
    // The stream's own end, without what follows it.
    let deletion = service.catalog.delete(&entry, true).unwrap();
    house.done(deletion.told(&service.catalog, &entry)).unwrap();
    assert_eq!(house.kinesis.group_lags().0.len(), 0);
    let house = house.again();
    house.store.journal().commit().unwrap();
    assert!(house.service().groups.of_stream(entry.partition.id(), None).is_empty());
}

#[test]
fn a_time_begins_at_the_first_record_that_arrived_since() {
    let house = House::new(false);
    for nth in 0..50 {
        house.put(&nth.to_string(), "k");
        house.clock.advance_millis(1_000);
    }
    let at = wire::Timestamp::from_millis(i64::try_from(crate::house::NOW.as_millis()).unwrap() + 30_001);
    let starting_position =
        Some(PositionAsked { r#type: "AT_TIMESTAMP".into(), timestamp: Some(at), sequence_number: None });
    let input = CreateGroupInput { stream_name: s(), group_name: "g".into(), starting_position, ..Default::default() };
    house.call::<CreateGroup>(input).unwrap();
    assert_eq!(described(&house).shards[0].lag_records, 19);
    let starting_position = PositionAsked { r#type: "LATEST".into(), ..Default::default() };
    let input =
        ResetPositionsInput { stream_name: s(), group_name: "g".into(), starting_position, ..Default::default() };
    house.call::<ResetPositions>(input).unwrap();
    assert_eq!(described(&house).shards[0].lag_records, 0);
}

/// Action and resource that an operation needs.
fn needed<O: Operation<Inner, Refusal = Refusal>>(asking: &Asking<'_>, input: &O::Input) -> (String, String) {
    let need = O::needs(asking.service, asking.caller, input).unwrap().pop().unwrap();
    (need.action.as_str().to_owned(), need.resource.to_string())
}

#[test]
fn each_operation_needs_an_action_of_its_own_on_its_group() {
    let house = grouped(House::new(false));
    let (service, caller) = (house.service(), house.caller());
    let asking = Asking { service: &service, caller: &caller };
    let name = || "g".to_owned();
    let told = [
        needed::<CommitPosition>(
            &asking,
            &CommitPositionInput { stream_name: s(), group_name: name(), ..Default::default() },
        ),
        needed::<CreateGroup>(
            &asking,
            &CreateGroupInput { stream_name: s(), group_name: name(), ..Default::default() },
        ),
        needed::<DeleteGroup>(
            &asking,
            &DeleteGroupInput { stream_name: s(), group_name: name(), ..Default::default() },
        ),
        needed::<DescribeGroup>(
            &asking,
            &DescribeGroupInput { stream_name: s(), group_name: name(), ..Default::default() },
        ),
        needed::<Heartbeat>(&asking, &HeartbeatInput { stream_name: s(), group_name: name(), ..Default::default() }),
        needed::<JoinGroup>(&asking, &JoinGroupInput { stream_name: s(), group_name: name(), ..Default::default() }),
        needed::<LeaveGroup>(&asking, &LeaveGroupInput { stream_name: s(), group_name: name(), ..Default::default() }),
        needed::<ResetPositions>(
            &asking,
            &ResetPositionsInput { stream_name: s(), group_name: name(), ..Default::default() },
        ),
    ];
    let names = [
        "CommitPosition",
        "CreateGroup",
        "DeleteGroup",
        "DescribeGroup",
        "Heartbeat",
        "JoinGroup",
        "LeaveGroup",
        "ResetPositions",
    ];
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
    assert_eq!(told, names.map(|name| (format!("tidewire:{name}"), format!("{arn}/group/g"))));
    let list = needed::<ListGroups>(&asking, &ListGroupsInput { stream_name: s(), ..Default::default() });
    assert_eq!(list, ("tidewire:ListGroups".into(), arn.into()));
}

#[test]
fn who_is_of_another_account_is_let_in_by_no_policy_of_the_stream() {
    let house = grouped(House::new(false));
    let text =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
    let change = crate::machine::OfResource::Policy(Some(text.into()));
    let policy = crate::machine::Command::Change(crate::machine::Change::Resource(change));
    house.done(house.entry().ask(policy)).unwrap();
    let other = names::AccountId::parse("123456789012").unwrap();
    let identity = std::sync::Arc::new(gateway::Identity::root(other));
    let caller: Caller = house.caller().proved(identity);
    let service = house.service();
    let input = JoinGroupInput {
        stream_arn: Some(house.entry().arn.to_string()),
        group_name: "g".into(),
        ..Default::default()
    };
    let need = JoinGroup::needs(&service, &caller, &input).unwrap().pop().unwrap();
    assert!(caller.may(&need).is_err());
}

fn leave(house: &House, member: &str) {
    let input =
        LeaveGroupInput { stream_name: s(), group_name: "g".into(), member_id: member.into(), ..Default::default() };
    house.call::<LeaveGroup>(input).unwrap();
}

#[test]
fn nothing_is_left_of_members_that_are_gone() {
    let house = grouped(House::new(false));
    for nth in 0..20 {
        let member = format!("m{nth}");
        join(&house, &member);
        if nth % 2 == 0 {
            leave(&house, &member);
        }
    }
    let group = house.service().groups.find(&house.entry(), "g").unwrap();
    assert_eq!(group.heard_of(), 10);
    house.clock.advance_millis(10_001);
    join(&house, "last");
    assert_eq!(group.heard_of(), 1, "the others were silent for too long");
}

#[test]
fn a_position_older_than_the_retention_is_behind_by_what_is_left() {
    let house = grouped(House::new(false));
    // All of it is one run of the index, which goes when the last of it has expired.
    (0..12).for_each(|_| _ = house.put("old", "k"));
    house.clock.advance_millis(100_000);
    (0..2).for_each(|_| _ = house.put("new", "k"));
    let day = 24 * 3_600_000;
    house.clock.advance_millis(day - 50_000);
    let shard = described(&house).shards.remove(0);
    assert_eq!((shard.lag_records, shard.lag_milliseconds), (2, day as i64 - 50_000));
    let metered = house.kinesis.group_lags().0;
    assert_eq!((metered[0].records, metered[0].millis), (2, Some(day - 50_000)));
    house.clock.advance_millis(50_001);
    let shard = described(&house).shards.remove(0);
    assert_eq!((shard.lag_records, shard.lag_milliseconds), (0, 0), "all of it has expired");
}

#[test]
fn metrics_of_a_group_read_no_disk() {
    let house = grouped(House::with_memory(false, 4 << 10));
    for _ in 0..300 {
        house.put(&"x".repeat(2_000), "k");
        house.clock.advance_millis(100);
    }
    house.store.tend().unwrap();
    let house = house.again();
    let reads = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
    let counted = std::sync::Arc::clone(&reads);
    house.store.read_elsewhere(move |work| {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        work();
    });
    let metered = || house.kinesis.group_lags().0.pop().map(|lag| (lag.records, lag.millis.unwrap())).unwrap();
    // As the index has it: the run of the first record.
    let (records, millis) = metered();
    assert_eq!(records, 300);
    assert!((28_000..=30_000).contains(&millis), "{millis}");
    assert_eq!(reads.load(std::sync::atomic::Ordering::Relaxed), 0);
    // Who describes the group has it read, and that is remembered.
    let shard = described(&house).shards.remove(0);
    assert_eq!((shard.lag_records, shard.lag_milliseconds), (300, 30_000));
    assert!(reads.load(std::sync::atomic::Ordering::Relaxed) > 0);
    assert_eq!(metered(), (300, 30_000));
}

#[test]
fn what_is_known_of_a_shard_goes_with_it() {
    let house = grouped(House::new(false));
    house.put("1", "k");
    described(&house);
    let (service, at) = (house.service(), 1 << 127);
    house.done(service.catalog.reshard(&house.entry(), Reshard::Split { index: 0, at })).unwrap();
    let group = service.groups.find(&house.entry(), "g").unwrap();
    house.kinesis.tend();
    assert_eq!(group.oldest_known(), 1);
    house.clock.advance_millis(24 * 3_600_000 + 1);
    house.kinesis.tend();
    assert_eq!(group.oldest_known(), 0);
}

#[test]
fn a_group_is_not_refused_before_that_for_which_it_is_refused_is_durable() {
    let house = House::new(false);
    let create = || {
        let input = CreateGroupInput { stream_name: s(), group_name: "g".into(), ..Default::default() };
        CreateGroup::call(house.service(), house.caller(), input)
    };
    let (mut one, mut other) = (std::pin::pin!(create()), std::pin::pin!(create()));
    assert!(poll(&mut one).is_none() && poll(&mut other).is_none(), "nothing of it is durable");
    house.store.journal().commit().unwrap();
    assert!(poll(&mut one).unwrap().is_ok());
    assert_eq!(code(poll(&mut other).unwrap()), "ResourceInUseException");
}

#[test]
fn groups_and_meters_go_with_their_stream_although_nobody_waits_for_its_end() {
    let house = grouped(House::new(false));
    house.put("1", "k");
    let (service, entry) = (house.service(), house.entry());
    assert_eq!(service.meters.read().len(), 1);
    {
        let mut deleting = std::pin::pin!(service.delete(&entry, true));
        assert!(poll(&mut deleting).is_none());
    }
    assert!(service.groups.of_stream(entry.partition.id(), None).is_empty() && service.meters.read().is_empty());
    let house = grouped(House::new(false));
    house.put("1", "k");
    assert_eq!(house.done(house.kinesis.delete_all()), Ok(1));
    assert!(house.service().meters.read().is_empty());
}

#[test]
fn a_commit_within_a_closed_shard_tells_the_group_nothing_of_all_its_shards() {
    let house = grouped(House::new(false));
    let numbers = [house.put("1", "k"), house.put("2", "k")];
    join(&house, "a");
    let (service, at) = (house.service(), 1 << 127);
    house.done(service.catalog.reshard(&house.entry(), Reshard::Split { index: 0, at })).unwrap();
    let generation = beat(&house, "a", None).unwrap().assignments.unwrap()[0].generation;
    let group = service.groups.find(&house.entry(), "g").unwrap();
    let sequence = || group.told_of_shards();
    let before = sequence();
    commit(&house, "a", FIRST, generation, &numbers[0]).unwrap();
    assert_eq!(sequence(), before);
    let done = commit(&house, "a", FIRST, generation, &numbers[1]).unwrap();
    assert!(sequence() > before && done.generation > generation, "its end lets the children begin");
}

#[test]
fn a_shard_that_is_forgotten_while_its_group_is_described_is_left_out() {
    let house = grouped(House::new(false));
    for (index, at) in [(0, 1 << 100), (2, 1 << 101)] {
        let service = house.service();
        house.done(service.catalog.reshard(&house.entry(), Reshard::Split { index, at })).unwrap();
    }
    house.clock.advance_millis(24 * 3_600_000 + 1);
    assert_eq!(described(&house).shards.len(), 5);
    // What was put into the second shard and is not on disk yet holds up whoever asks how far the group is there.
    let (key, hash) = (Some("k".into()), Some("0".into()));
    let put =
        PutRecordInput { stream_name: s(), partition_key: key, explicit_hash_key: hash, ..PutRecordInput::default() };
    let mut put = pin!(PutRecord::call(house.service(), house.caller(), put));
    assert!(poll(&mut put).is_none());
    let input = DescribeGroupInput { stream_name: s(), group_name: "g".into(), ..Default::default() };
    let mut describing = pin!(DescribeGroup::call(house.service(), house.caller(), input));
    assert!(poll(&mut describing).is_none());
    house.kinesis.tend();
    let shards = house.done(describing).unwrap().shards;
    let names: Vec<_> = shards.iter().map(|shard| shard.shard_id.trim_start_matches("shardId-0000000000")).collect();
    assert_eq!(names, ["00", "01", "03", "04"]);
}

#[test]
fn who_reads_on_in_a_shard_that_was_forgotten_is_told_that_it_is_the_shard() {
    let house = House::new(false);
    let before = house.entry().view();
    let service = house.service();
    house.done(service.catalog.reshard(&house.entry(), Reshard::Count(2))).unwrap();
    house.clock.advance_millis(24 * 3_600_000 + 1);
    house.kinesis.tend();
    let refused = house.done(service.shard_state(&house.entry(), &before.shards[0])).unwrap_err();
    assert_eq!(refused.message, "Could not find shard shardId-000000000000 in stream s under account 000000000000.");
}
