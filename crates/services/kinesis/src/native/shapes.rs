//! What goes into tidewire's own operations and comes out, declared as data.
//!
//! [`wire::shapes!`] makes of each declaration a type, its schema for the codecs, and how it is read and written.

use crate::api::enums::shard_iterator_type;
use crate::limits;
use wire::Timestamp;
use wire::schema::Rules;

/// A stream's name, as AWS's model has it.
const STREAM_NAME: Rules = Rules { min: Some(1), max: Some(128), pattern: Some("[a-zA-Z0-9_.-]+"), ..Rules::NONE };

/// A stream's ARN; what it names is looked at later.
const STREAM_ARN: Rules = Rules { min: Some(1), max: Some(2048), ..Rules::NONE };

/// A shard's name.
const SHARD_ID: Rules = STREAM_NAME;

/// How much of a listing one answer has.
const RESULTS: Rules = Rules { min: Some(1), max: Some(1000), ..Rules::NONE };

/// A group's and a member's name, as a consumer's in AWS's model.
const NAME: Rules = STREAM_NAME;

/// How long a member may be silent.
const SESSION: Rules =
    Rules { min: Some(limits::SESSION_MILLIS_MIN as i64), max: Some(limits::SESSION_MILLIS_MAX as i64), ..Rules::NONE };

/// Where reading begins, in the words of shard iterators.
const KIND: Rules = Rules { values: shard_iterator_type::VALUES, ..Rules::NONE };

/// A sequence number, or what stands for a shard's end; looked at later.
const NUMBER: Rules = Rules { min: Some(1), max: Some(128), ..Rules::NONE };

wire::shapes! {
    /// DescribeShards.
    DescribeShardsInput {
        stream_name: Option<String> = "StreamName" if STREAM_NAME;
        stream_arn: Option<String> = "StreamARN" if STREAM_ARN;
        exclusive_start_shard_id: Option<String> = "ExclusiveStartShardId" if SHARD_ID;
        max_results: Option<i32> = "MaxResults" if RESULTS;
    }

    /// What DescribeShards answers.
    DescribeShardsOutput {
        stream_name: String = "StreamName";
        stream_arn: String = "StreamARN";
        shards: Vec<ShardStatistics> = "Shards";
        has_more_shards: bool = "HasMoreShards";
    }

    /// A shard and what it holds.
    ShardStatistics {
        shard_id: String = "ShardId";
        parent_shard_id: Option<String> = "ParentShardId";
        adjacent_parent_shard_id: Option<String> = "AdjacentParentShardId";
        starting_hash_key: String = "StartingHashKey";
        ending_hash_key: String = "EndingHashKey";
        is_open: bool = "IsOpen";
        records: i64 = "Records";
        bytes: i64 = "Bytes";
        oldest_arrival_timestamp: Option<Timestamp> = "OldestArrivalTimestamp";
        newest_arrival_timestamp: Option<Timestamp> = "NewestArrivalTimestamp";
    }

    /// Where reading begins.
    PositionAsked {
        r#type: String = "Type" if KIND;
        sequence_number: Option<String> = "SequenceNumber" if NUMBER;
        timestamp: Option<Timestamp> = "Timestamp";
    }

    /// CreateGroup.
    CreateGroupInput {
        stream_name: Option<String> = "StreamName" if STREAM_NAME;
        stream_arn: Option<String> = "StreamARN" if STREAM_ARN;
        group_name: String = "GroupName" if NAME;
        starting_position: Option<PositionAsked> = "StartingPosition";
    }

    /// What changes of a group answer.
    GroupOutput {
        group_name: String = "GroupName";
        group_arn: String = "GroupARN";
        generation: i64 = "Generation";
    }

    /// DeleteGroup.
    DeleteGroupInput {
        stream_name: Option<String> = "StreamName" if STREAM_NAME;
        stream_arn: Option<String> = "StreamARN" if STREAM_ARN;
        group_name: String = "GroupName" if NAME;
        enforce_member_removal: Option<bool> = "EnforceMemberRemoval";
    }

    /// ResetPositions.
    ResetPositionsInput {
        stream_name: Option<String> = "StreamName" if STREAM_NAME;
        stream_arn: Option<String> = "StreamARN" if STREAM_ARN;
        group_name: String = "GroupName" if NAME;
        shard_id: Option<String> = "ShardId" if SHARD_ID;
        starting_position: PositionAsked = "StartingPosition";
    }

    /// ListGroups.
    ListGroupsInput {
        stream_name: Option<String> = "StreamName" if STREAM_NAME;
        stream_arn: Option<String> = "StreamARN" if STREAM_ARN;
        exclusive_start_group_name: Option<String> = "ExclusiveStartGroupName" if NAME;
        max_results: Option<i32> = "MaxResults" if RESULTS;
    }

    /// What ListGroups answers.
    ListGroupsOutput {
        groups: Vec<GroupSummary> = "Groups";
        has_more_groups: bool = "HasMoreGroups";
    }

    /// A group in a list.
    GroupSummary {
        group_name: String = "GroupName";
        group_arn: String = "GroupARN";
        creation_timestamp: Timestamp = "CreationTimestamp";
        generation: i64 = "Generation";
        member_count: i32 = "MemberCount";
    }

    /// DescribeGroup.
    DescribeGroupInput {
        stream_name: Option<String> = "StreamName" if STREAM_NAME;
        stream_arn: Option<String> = "StreamARN" if STREAM_ARN;
        group_name: String = "GroupName" if NAME;
        exclusive_start_shard_id: Option<String> = "ExclusiveStartShardId" if SHARD_ID;
        max_results: Option<i32> = "MaxResults" if RESULTS;
    }

    /// What DescribeGroup answers.
    DescribeGroupOutput {
        group_name: String = "GroupName";
        group_arn: String = "GroupARN";
        stream_arn: String = "StreamARN";
        creation_timestamp: Timestamp = "CreationTimestamp";
        generation: i64 = "Generation";
        members: Vec<GroupMember> = "Members";
        shards: Vec<GroupShard> = "Shards";
        has_more_shards: bool = "HasMoreShards";
    }

    /// A member of a group.
    GroupMember {
        member_id: String = "MemberId";
        session_timeout_milliseconds: i32 = "SessionTimeoutMilliseconds";
        join_timestamp: Timestamp = "JoinTimestamp";
        last_heard_timestamp: Timestamp = "LastHeardTimestamp";
        shard_count: i32 = "ShardCount";
    }

    /// A shard as a group reads it.
    GroupShard {
        shard_id: String = "ShardId";
        member_id: Option<String> = "MemberId";
        generation: i64 = "Generation";
        sequence_number: Option<String> = "SequenceNumber";
        commit_timestamp: Option<Timestamp> = "CommitTimestamp";
        is_done: bool = "IsDone";
        lag_records: i64 = "LagRecords";
        lag_milliseconds: i64 = "LagMilliseconds";
    }

    /// JoinGroup.
    JoinGroupInput {
        stream_name: Option<String> = "StreamName" if STREAM_NAME;
        stream_arn: Option<String> = "StreamARN" if STREAM_ARN;
        group_name: String = "GroupName" if NAME;
        member_id: Option<String> = "MemberId" if NAME;
        session_timeout_milliseconds: Option<i32> = "SessionTimeoutMilliseconds" if SESSION;
    }

    /// Heartbeat.
    HeartbeatInput {
        stream_name: Option<String> = "StreamName" if STREAM_NAME;
        stream_arn: Option<String> = "StreamARN" if STREAM_ARN;
        group_name: String = "GroupName" if NAME;
        member_id: String = "MemberId" if NAME;
        generation: Option<i64> = "Generation";
    }

    /// What JoinGroup and Heartbeat answer.
    MemberOutput {
        member_id: String = "MemberId";
        generation: i64 = "Generation";
        session_timeout_milliseconds: i32 = "SessionTimeoutMilliseconds";
        assignments: Option<Vec<Assignment>> = "Assignments";
    }

    /// A shard that a member reads.
    Assignment {
        shard_id: String = "ShardId";
        generation: i64 = "Generation";
        sequence_number: Option<String> = "SequenceNumber";
        shard_iterator: String = "ShardIterator";
    }

    /// LeaveGroup.
    LeaveGroupInput {
        stream_name: Option<String> = "StreamName" if STREAM_NAME;
        stream_arn: Option<String> = "StreamARN" if STREAM_ARN;
        group_name: String = "GroupName" if NAME;
        member_id: String = "MemberId" if NAME;
    }

    /// CommitPosition.
    CommitPositionInput {
        stream_name: Option<String> = "StreamName" if STREAM_NAME;
        stream_arn: Option<String> = "StreamARN" if STREAM_ARN;
        group_name: String = "GroupName" if NAME;
        member_id: String = "MemberId" if NAME;
        shard_id: String = "ShardId" if SHARD_ID;
        generation: i64 = "Generation";
        sequence_number: String = "SequenceNumber" if NUMBER;
    }

    /// What CommitPosition and LeaveGroup answer.
    CommitPositionOutput {
        generation: i64 = "Generation";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Read;
    use wire::json::{self, JsonReader};

    #[test]
    fn a_declaration_is_read_and_written_and_says_what_is_missing() {
        let input = DescribeShardsInput { stream_name: Some("s".into()), max_results: Some(3), ..Default::default() };
        let text = json::encode(&input);
        assert_eq!(String::from_utf8_lossy(&text), r#"{"StreamName":"s","MaxResults":3}"#);
        assert_eq!(DescribeShardsInput::read(&mut JsonReader::new(&text).unwrap()).unwrap(), input);
        let half = br#"{"ShardId":"shardId-0"}"#;
        let missing = ShardStatistics::read(&mut JsonReader::new(half).unwrap()).unwrap_err();
        let sentence = wire::constraints::missing(&missing).expect("it is one that is missing");
        assert!(sentence.contains("'startingHashKey'"), "{sentence}");
    }

    #[test]
    fn a_declarations_rules_are_checked_in_awss_words() {
        let wrong =
            DescribeShardsInput { stream_name: Some("no name".into()), max_results: Some(0), ..Default::default() };
        let sentence = wire::constraints::sentence(&wrong).expect("both are wrong");
        assert!(
            sentence.starts_with("2 validation errors detected: ") && sentence.contains("maxResults"),
            "{sentence}"
        );
    }
}
