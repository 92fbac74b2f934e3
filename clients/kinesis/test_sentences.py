"""What Data Streams says when it refuses, to the letter.

The sentences are those that AWS was recorded to answer: by kinesalite's tests, which ran against AWS too, by moto's, and in
reports of users. A program may look at them, and people do.
"""

import pytest

from conftest import refusal

ACCOUNT = "000000000000"
FIRST = "shardId-000000000000"
CHOICE = (
    "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or "
    "(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {} and {} StartingSequenceNumber."
)


@pytest.mark.parametrize("name", ["0", "shard-0", "-00000", "a-0", FIRST])
def test_a_shard_is_found_by_the_number_behind_the_first_hyphen(kinesis, stream, name):
    assert kinesis.get_shard_iterator(StreamName=stream, ShardId=name, ShardIteratorType="LATEST")["ShardIterator"]


def test_a_shard_that_is_not_there_is_named_in_full(kinesis, stream):
    asked = {"StreamName": stream, "ShardIteratorType": "LATEST"}
    said = refusal(kinesis.get_shard_iterator, ShardId="5", **asked)
    there = f"in stream {stream} under account {ACCOUNT}"
    assert said == ("ResourceNotFoundException", f"Shard shardId-000000000005 {there} does not exist")
    said = refusal(kinesis.split_shard, StreamName=stream, ShardToSplit="a-5", NewStartingHashKey="9")
    assert said == ("ResourceNotFoundException", f"Could not find shard shardId-000000000005 {there}.")
    for none in ("2147483648", "shardId-002147483648", "ABKLFD8", "2.14E4"):
        said = refusal(kinesis.get_shard_iterator, ShardId=none, **asked)
        assert said == ("ResourceNotFoundException", f"Could not find shard {none} {there}.")


def test_an_iterators_type_and_its_sequence_number_go_together(kinesis, stream):
    asked = {"StreamName": stream, "ShardId": FIRST}
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        said = refusal(kinesis.get_shard_iterator, ShardIteratorType=kind, **asked)
        assert said == ("InvalidArgumentException", CHOICE.format(kind, "no"))
    for kind in ("TRIM_HORIZON", "LATEST"):
        said = refusal(kinesis.get_shard_iterator, ShardIteratorType=kind, StartingSequenceNumber="5", **asked)
        assert said == ("InvalidArgumentException", CHOICE.format(kind, "also a"))


@pytest.mark.parametrize("wrong", ["1", str(2**128 - 1), "9" * 39])
def test_a_hash_to_split_at_is_inside_of_the_shard(kinesis, stream, wrong):
    said = refusal(kinesis.split_shard, StreamName=stream, ShardToSplit=FIRST, NewStartingHashKey=wrong)
    assert said == (
        "InvalidArgumentException",
        f"NewStartingHashKey {wrong} used in SplitShard() on shard {FIRST} in stream {stream} under account {ACCOUNT} is not "
        f"both greater than one plus the shard's StartingHashKey 0 and less than the shard's EndingHashKey {2**128 - 1}.",
    )


def test_a_shard_is_split_and_merged_once(kinesis, stream):
    kinesis.split_shard(StreamName=stream, ShardToSplit=FIRST, NewStartingHashKey="9")
    gone = (
        "InvalidArgumentException",
        f"Shard {FIRST} in stream {stream} under account {ACCOUNT} has already been merged or split, and thus is not eligible "
        "for merging or splitting.",
    )
    assert refusal(kinesis.split_shard, StreamName=stream, ShardToSplit=FIRST, NewStartingHashKey="9") == gone
    assert refusal(kinesis.merge_shards, StreamName=stream, ShardToMerge="1", AdjacentShardToMerge="0") == gone


def test_more_shards_than_an_account_has_are_counted(kinesis, make_stream):
    have = kinesis.describe_limits()["OpenShardCount"]
    code, message = refusal(kinesis.create_stream, StreamName="too-many", ShardCount=20_001)
    assert code == "LimitExceededException"
    assert message.startswith(f"This request would exceed the shard limit for the account {ACCOUNT} in us-east-1. Current ")
    assert f": {have}. Limit: 20000. Number of additional shards that would have resulted from this request: 20001. " in message
    name = make_stream(2)
    said = refusal(kinesis.update_shard_count, StreamName=name, TargetShardCount=10_001, ScalingType="UNIFORM_SCALING")
    assert said == (
        "LimitExceededException",
        "Target shard count or number of open shards cannot be greater than 10000. Current open shard count: 2, Target shard "
        "count: 10001",
    )


def test_a_stream_with_consumers_says_how_it_is_deleted_with_them(kinesis, stream):
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")
    said = refusal(kinesis.delete_stream, StreamName=stream)
    assert said == (
        "ResourceInUseException",
        f"DeleteStream can't delete {arn} because there are consumers associated with this data stream. To delete {stream} "
        "anyway, set the EnforceConsumerDeletion parameter to true to force the deletion of all the consumers that are "
        "associated with it.",
    )


def test_consumers_that_are_there_or_not(kinesis, stream):
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")
    said = refusal(kinesis.register_stream_consumer, StreamARN=arn, ConsumerName="c")
    assert said == ("ResourceInUseException", f"Consumer c under stream {stream} already exists for account {ACCOUNT}.")
    said = refusal(kinesis.describe_stream_consumer, StreamARN=arn, ConsumerName="d")
    assert said == ("ResourceNotFoundException", f"Consumer d, account {ACCOUNT} not found.")
    other = f"{arn}/consumer/c:1"
    for call in (kinesis.describe_stream_consumer, kinesis.deregister_stream_consumer):
        said = refusal(call, ConsumerARN=other)
        assert said == ("ResourceNotFoundException", f"Consumer {other}, account {ACCOUNT} not found.")


def test_what_names_no_stream(kinesis, stream):
    said = refusal(kinesis.list_shards)
    assert said == ("InvalidArgumentException", "Either NextToken or StreamName should be provided.")
    asked = {"StreamName": f"{stream}-other", "ShardCount": 1, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}}
    said = refusal(kinesis.create_stream, **asked)
    assert said == ("ValidationException", "ShardCount is not expected when StreamMode=ON_DEMAND")
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    said = refusal(kinesis.delete_resource_policy, ResourceARN=arn)
    assert said == ("ResourceNotFoundException", f"No resource policy found for resource ARN {arn}.")


def test_more_records_than_a_request_may_have(kinesis, stream):
    said = refusal(kinesis.put_records, StreamName=stream, Records=[{"Data": b"", "PartitionKey": "k"}] * 501)
    assert said == (
        "ValidationException",
        "1 validation error detected: Value at 'records' failed to satisfy constraint: Member must have length less than or "
        "equal to 500",
    )
