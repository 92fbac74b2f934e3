//! One file per operation, or for a few that belong together: input → command → output.

mod account;
pub(crate) mod consumers;
pub(crate) mod create_stream;
mod describe_stream;
mod encryption;
mod enhanced_monitoring;
pub(crate) mod get_records;
pub(crate) mod get_shard_iterator;
mod list_shards;
mod list_streams;
pub(crate) mod put_record;
mod queue_records;
pub(crate) mod queues;
mod reshard;
mod resource;
mod retention;
mod stream_tags;
mod subscribe_to_shard;
mod update_stream;

use crate::service::{Prepare, prepare};

/// The operations that are carried out. The model's others are refused by name.
pub(crate) const TABLE: &[(&str, Prepare)] = &[
    ("GetRecords", prepare::<get_records::GetRecords>),
    ("PutRecord", prepare::<put_record::PutRecord>),
    ("PutRecords", prepare::<put_record::PutRecords>),
    ("ReceiveQueueRecords", prepare::<queue_records::ReceiveQueueRecords>),
    ("AcknowledgeDeadLetterQueueRecords", prepare::<queue_records::AcknowledgeDeadLetterQueueRecords>),
    ("AcknowledgeQueueRecords", prepare::<queue_records::AcknowledgeQueueRecords>),
    ("AddTagsToStream", prepare::<stream_tags::AddTagsToStream>),
    ("CreateQueue", prepare::<queues::CreateQueue>),
    ("CreateStream", prepare::<create_stream::CreateStream>),
    ("DecreaseStreamRetentionPeriod", prepare::<retention::DecreaseStreamRetentionPeriod>),
    ("DeleteQueue", prepare::<queues::DeleteQueue>),
    ("DeleteResourcePolicy", prepare::<resource::DeleteResourcePolicy>),
    ("DeleteStream", prepare::<create_stream::DeleteStream>),
    ("DeregisterStreamConsumer", prepare::<consumers::DeregisterStreamConsumer>),
    ("DescribeAccountSettings", prepare::<account::DescribeAccountSettings>),
    ("DescribeLimits", prepare::<list_streams::DescribeLimits>),
    ("DescribeQueue", prepare::<queues::DescribeQueue>),
    ("DescribeStream", prepare::<describe_stream::DescribeStream>),
    ("DescribeStreamConsumer", prepare::<consumers::DescribeStreamConsumer>),
    ("DescribeStreamSummary", prepare::<describe_stream::DescribeStreamSummary>),
    ("DisableEnhancedMonitoring", prepare::<enhanced_monitoring::DisableEnhancedMonitoring>),
    ("EnableEnhancedMonitoring", prepare::<enhanced_monitoring::EnableEnhancedMonitoring>),
    ("GetResourcePolicy", prepare::<resource::GetResourcePolicy>),
    ("GetShardIterator", prepare::<get_shard_iterator::GetShardIterator>),
    ("IncreaseStreamRetentionPeriod", prepare::<retention::IncreaseStreamRetentionPeriod>),
    ("ListQueues", prepare::<queues::ListQueues>),
    ("ListShards", prepare::<list_shards::ListShards>),
    ("ListStreamConsumers", prepare::<consumers::ListStreamConsumers>),
    ("ListStreams", prepare::<list_streams::ListStreams>),
    ("ListTagsForResource", prepare::<resource::ListTagsForResource>),
    ("ListTagsForStream", prepare::<stream_tags::ListTagsForStream>),
    ("MergeShards", prepare::<reshard::MergeShards>),
    ("PutResourcePolicy", prepare::<resource::PutResourcePolicy>),
    ("ReceiveDeadLetterQueueRecords", prepare::<queue_records::ReceiveDeadLetterQueueRecords>),
    ("RegisterStreamConsumer", prepare::<consumers::RegisterStreamConsumer>),
    ("RemoveTagsFromStream", prepare::<stream_tags::RemoveTagsFromStream>),
    ("RestoreDeadLetterQueueRecords", prepare::<queue_records::RestoreDeadLetterQueueRecords>),
    ("SplitShard", prepare::<reshard::SplitShard>),
    ("StartStreamEncryption", prepare::<encryption::StartStreamEncryption>),
    ("StopStreamEncryption", prepare::<encryption::StopStreamEncryption>),
    ("SubscribeToShard", subscribe_to_shard::prepare),
    ("TagResource", prepare::<resource::TagResource>),
    ("UntagResource", prepare::<resource::UntagResource>),
    ("UpdateAccountSettings", prepare::<account::UpdateAccountSettings>),
    ("UpdateDeadLetterQueueRecordsVisibility", prepare::<queue_records::UpdateDeadLetterQueueRecordsVisibility>),
    ("UpdateMaxRecordSize", prepare::<update_stream::UpdateMaxRecordSize>),
    ("UpdateQueue", prepare::<queues::UpdateQueue>),
    ("UpdateQueueRecordsVisibility", prepare::<queue_records::UpdateQueueRecordsVisibility>),
    ("UpdateShardCount", prepare::<reshard::UpdateShardCount>),
    ("UpdateStreamMode", prepare::<update_stream::UpdateStreamMode>),
    ("UpdateStreamRecordDistributionStrategy", prepare::<update_stream::UpdateStreamRecordDistributionStrategy>),
    ("UpdateStreamWarmThroughput", prepare::<update_stream::UpdateStreamWarmThroughput>),
];
