"""Streams: made, described, listed, changed, tagged, deleted."""

import time

import pytest
from conftest import make_client, refusal, shards

MAX = 2**128 - 1


def test_a_stream_is_ready_at_once_and_its_shards_divide_all_hashes(kinesis, make_stream):
    name = make_stream(3)
    about = kinesis.describe_stream(StreamName=name)["StreamDescription"]
    assert (about["StreamStatus"], about["RetentionPeriodHours"], about["HasMoreShards"]) == ("ACTIVE", 24, False)
    assert about["StreamModeDetails"] == {"StreamMode": "PROVISIONED"} and about["EncryptionType"] == "NONE"
    assert about["StreamARN"] == f"arn:aws:kinesis:us-east-1:000000000000:stream/{name}"
    assert [shard["ShardId"] for shard in about["Shards"]] == [f"shardId-{nth:012}" for nth in range(3)]
    ranges = [tuple(int(bound) for bound in shard["HashKeyRange"].values()) for shard in about["Shards"]]
    assert ranges[0][0] == 0 and ranges[-1][1] == MAX
    assert all(one[1] + 1 == other[0] for one, other in zip(ranges, ranges[1:]))
    for shard in about["Shards"]:
        number = shard["SequenceNumberRange"]["StartingSequenceNumber"]
        assert number.startswith("49") and len(number) == 56
        assert "EndingSequenceNumber" not in shard["SequenceNumberRange"]
    summary = kinesis.describe_stream_summary(StreamARN=about["StreamARN"])["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["ConsumerCount"], summary["MaxRecordSizeInKiB"]) == (3, 0, 1024)


def test_a_stream_without_a_number_of_shards_is_on_demand_and_has_four(kinesis, make_stream):
    name = make_stream(None)
    assert len(shards(kinesis, name)) == 4
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert summary["StreamModeDetails"]["StreamMode"] == "ON_DEMAND"


def test_a_name_is_taken_until_its_stream_is_deleted(kinesis, stream):
    code, message = refusal(kinesis.create_stream, StreamName=stream, ShardCount=1)
    assert (code, message) == ("ResourceInUseException", f"Stream {stream} under account 000000000000 already exists.")
    kinesis.put_record(StreamName=stream, Data=b"old", PartitionKey="k")
    kinesis.delete_stream(StreamName=stream)
    code, message = refusal(kinesis.describe_stream, StreamName=stream)
    assert (code, message) == ("ResourceNotFoundException", f"Stream {stream} under account 000000000000 not found.")
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    at = kinesis.get_shard_iterator(StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")
    assert kinesis.get_records(ShardIterator=at["ShardIterator"])["Records"] == []


def test_accounts_and_regions_are_apart(kinesis, stream):
    for other in (make_client(access_key="123456789012"), make_client(region="eu-west-1")):
        assert refusal(other.describe_stream, StreamName=stream)[0] == "ResourceNotFoundException"
        assert stream not in other.list_streams()["StreamNames"]


def test_streams_are_listed_in_pieces(kinesis):
    client = make_client(access_key="200000000001")
    names = [f"page-{nth}" for nth in range(5)]
    for name in names:
        client.create_stream(StreamName=name, ShardCount=1)
    first = client.list_streams(Limit=2)
    assert (first["StreamNames"], first["HasMoreStreams"]) == (names[:2], True)
    assert [summary["StreamName"] for summary in first["StreamSummaries"]] == names[:2]
    second = client.list_streams(NextToken=first["NextToken"], Limit=2)
    assert second["StreamNames"] == names[2:4]
    rest = client.list_streams(ExclusiveStartStreamName="page-3")
    assert (rest["StreamNames"], rest["HasMoreStreams"]) == (names[4:], False)
    limits = client.describe_limits()
    assert (limits["OpenShardCount"], limits["OnDemandStreamCount"]) == (5, 0)
    for name in names:
        client.delete_stream(StreamName=name)
    assert client.list_streams()["StreamNames"] == []


def test_both_name_and_arn_have_to_agree(kinesis, stream):
    arn = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamARN"]
    kinesis.describe_stream(StreamName=stream, StreamARN=arn)
    assert refusal(kinesis.describe_stream, StreamName="other", StreamARN=arn)[0] == "InvalidArgumentException"
    assert refusal(kinesis.describe_stream)[0] == "InvalidArgumentException"


@pytest.mark.parametrize(
    "asked",
    [
        {"StreamName": "no spaces", "ShardCount": 1},
        {"StreamName": "x" * 129, "ShardCount": 1},
        {"StreamName": "", "ShardCount": 1},
        {"StreamName": "n", "ShardCount": 0},
        {"StreamName": "n", "StreamModeDetails": {"StreamMode": "SOMETIMES"}},
        {"StreamName": "n", "StreamModeDetails": {"StreamMode": "PROVISIONED"}},
        {"StreamName": "n", "ShardCount": 2, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}},
    ],
)
def test_what_is_no_stream_is_refused(kinesis, asked):
    assert refusal(kinesis.create_stream, **asked)[0] == "ValidationException"
    assert refusal(kinesis.describe_stream, StreamName="n")[0] == "ResourceNotFoundException"


def test_more_shards_than_an_account_may_have_are_refused(kinesis):
    assert refusal(kinesis.create_stream, StreamName="huge", ShardCount=20_001)[0] == "LimitExceededException"


def test_retention_is_raised_and_lowered_within_its_bounds(kinesis, stream):
    def hours():
        return kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["RetentionPeriodHours"]

    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=8760)
    assert hours() == 8760
    code, message = refusal(kinesis.increase_stream_retention_period, StreamName=stream, RetentionPeriodHours=48)
    assert code == "InvalidArgumentException" and "can not be shorter than existing retention period" in message
    kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=24)
    assert hours() == 24
    for change, wrong in [("increase", 8761), ("decrease", 23), ("decrease", 25), ("increase", -1)]:
        call = getattr(kinesis, f"{change}_stream_retention_period")
        assert refusal(call, StreamName=stream, RetentionPeriodHours=wrong)[0] == "InvalidArgumentException"
    assert hours() == 24


def test_modes_sizes_and_strategies_change_and_hold(kinesis, stream):
    arn = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamARN"]
    auto = {"StreamARN": arn, "RecordDistributionStrategy": "AUTO"}
    assert refusal(kinesis.update_stream_record_distribution_strategy, **auto)[0] == "InvalidArgumentException"
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    kinesis.update_stream_record_distribution_strategy(**auto)
    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=2048)
    about = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert (about["StreamModeDetails"]["StreamMode"], about["MaxRecordSizeInKiB"]) == ("ON_DEMAND", 2048)
    assert about["RecordDistributionStrategy"] == "AUTO"
    assert refusal(kinesis.split_shard, StreamName=stream, ShardToSplit="shardId-0", NewStartingHashKey="10")[0] == "ValidationException"
    assert refusal(kinesis.update_max_record_size, StreamARN=arn, MaxRecordSizeInKiB=1)[0] == "ValidationException"


def test_shard_metrics_are_switched(kinesis, stream):
    on = kinesis.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["IncomingBytes", "OutgoingBytes"])
    assert (on["CurrentShardLevelMetrics"], on["DesiredShardLevelMetrics"]) == ([], ["IncomingBytes", "OutgoingBytes"])
    off = kinesis.disable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["ALL"])
    assert (off["CurrentShardLevelMetrics"], off["DesiredShardLevelMetrics"]) == (["IncomingBytes", "OutgoingBytes"], [])


def test_tags_by_both_families_of_operations(kinesis, stream):
    arn = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamARN"]
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"b": "2", "a": "1"})
    kinesis.tag_resource(ResourceARN=arn, Tags={"c": "3", "a": "one"})
    all_tags = [{"Key": "a", "Value": "one"}, {"Key": "b", "Value": "2"}, {"Key": "c", "Value": "3"}]
    assert kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"] == all_tags
    page = kinesis.list_tags_for_stream(StreamName=stream, Limit=1, ExclusiveStartTagKey="a")
    assert (page["Tags"], page["HasMoreTags"]) == (all_tags[1:2], True)
    kinesis.untag_resource(ResourceARN=arn, TagKeys=["a"])
    kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=["b", "z"])
    assert kinesis.list_tags_for_stream(StreamName=stream)["Tags"] == all_tags[2:]
    many = {f"k{nth}": "v" for nth in range(50)}
    assert refusal(kinesis.add_tags_to_stream, StreamName=stream, Tags=many)[0] == "LimitExceededException"
    assert refusal(kinesis.tag_resource, ResourceARN=arn, Tags={"aws:x": "1"})[0] == "InvalidArgumentException"
    assert kinesis.list_tags_for_stream(StreamName=stream)["Tags"] == all_tags[2:]


def test_policies_are_kept_and_given_back(kinesis, stream):
    arn = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamARN"]
    statement = '{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"kinesis:GetRecords","Resource":"%s"}' % arn
    policy = '{"Version":"2012-10-17","Statement":[%s]}' % statement
    kinesis.put_resource_policy(ResourceARN=arn, Policy=policy)
    assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == policy
    assert refusal(kinesis.put_resource_policy, ResourceARN=arn, Policy="{")[0] == "InvalidArgumentException"
    kinesis.delete_resource_policy(ResourceARN=arn)
    assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == "{}"
    assert refusal(kinesis.delete_resource_policy, ResourceARN=arn)[0] == "ResourceNotFoundException"


def test_consumers_are_registered_listed_and_gone(kinesis, stream):
    arn = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamARN"]
    made = [kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=f"c{nth}")["Consumer"] for nth in range(3)]
    assert made[0]["ConsumerStatus"] == "ACTIVE"
    assert made[0]["ConsumerARN"] == f"{arn}/consumer/c0:{int(made[0]['ConsumerCreationTimestamp'].timestamp())}"
    assert refusal(kinesis.register_stream_consumer, StreamARN=arn, ConsumerName="c0")[0] == "ResourceInUseException"
    first = kinesis.list_stream_consumers(StreamARN=arn, MaxResults=2)
    rest = kinesis.list_stream_consumers(StreamARN=arn, NextToken=first["NextToken"])
    assert [one["ConsumerName"] for one in first["Consumers"] + rest["Consumers"]] == ["c0", "c1", "c2"]
    about = kinesis.describe_stream_consumer(ConsumerARN=made[1]["ConsumerARN"])["ConsumerDescription"]
    assert (about["ConsumerName"], about["StreamARN"]) == ("c1", arn)
    assert kinesis.describe_stream_consumer(StreamARN=arn, ConsumerName="c2")["ConsumerDescription"]["ConsumerName"] == "c2"
    assert refusal(kinesis.delete_stream, StreamName=stream)[0] == "ResourceInUseException"
    kinesis.deregister_stream_consumer(StreamARN=arn, ConsumerName="c0")
    assert refusal(kinesis.describe_stream_consumer, StreamARN=arn, ConsumerName="c0")[0] == "ResourceNotFoundException"
    kinesis.delete_stream(StreamName=stream, EnforceConsumerDeletion=True)
    assert refusal(kinesis.list_stream_consumers, StreamARN=arn)[0] == "ResourceNotFoundException"


def test_a_stream_has_twenty_consumers_at_the_most(kinesis, stream):
    arn = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamARN"]
    for nth in range(20):
        kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=f"c{nth}")
    assert refusal(kinesis.register_stream_consumer, StreamARN=arn, ConsumerName="c20")[0] == "LimitExceededException"


def test_an_operation_that_is_not_there_says_so(kinesis):
    code, message = refusal(kinesis.list_channels)
    assert code == "UnknownOperationException" and "ListChannels" in message


def test_time_is_that_of_the_server(kinesis, make_stream):
    before = time.time()
    name = make_stream()
    made = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamCreationTimestamp"]
    assert before - 5 < made.timestamp() < time.time() + 5
