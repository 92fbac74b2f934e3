"""AWS's throttles of shards, which only a server with `limits = aws` has."""

import pytest
from botocore.exceptions import ClientError
from conftest import iterator, make_client, refusal
from own_servers import own_servers

FIRST = "shardId-000000000000"


@pytest.fixture
def throttled(tmp_path):
    """A client of a server of its own, and a stream of one shard."""
    with own_servers() as make:
        client = make_client(make(tmp_path / "data", environment={"TIDEWIRE_LIMITS": "aws"}).start().endpoint)
        client.create_stream(StreamName="s", ShardCount=1)
        yield client


def test_records_beyond_what_a_shard_takes_fail_one_by_one(throttled):
    # More than two seconds' worth in each call, so that the second on the clock may end in between.
    entries = [{"Data": b"x" * 6000, "PartitionKey": "k"}] * 500
    put = throttled.put_records(StreamName="s", Records=entries)
    failed = [record for record in put["Records"] if "ErrorCode" in record]
    assert 0 < len(failed) == put["FailedRecordCount"] < 500
    assert failed[0]["ErrorCode"] == "ProvisionedThroughputExceededException"
    assert failed[0]["ErrorMessage"] == f"Rate exceeded for shard {FIRST} in stream s under account 000000000000."
    kept = [record["SequenceNumber"] for record in put["Records"] if "SequenceNumber" in record]
    found = throttled.get_records(ShardIterator=iterator(throttled, "s", FIRST))["Records"]
    assert [record["SequenceNumber"] for record in found] == kept


def test_a_full_answer_is_paid_for_with_seconds_without_any(throttled):
    arn = throttled.describe_stream(StreamName="s")["StreamDescription"]["StreamARN"]
    throttled.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=10240)
    throttled.put_record(StreamName="s", Data=b"x" * 10_000_000, PartitionKey="k")
    at, refused = iterator(throttled, "s", FIRST), None
    # Each answer is paid for with four seconds; a machine that stalls for longer is asked again.
    for _ in range(10):
        try:
            assert len(throttled.get_records(ShardIterator=at)["Records"]) == 1
        except ClientError as error:
            refused = error.response["Error"]
            break
    assert refused["Code"] == "ProvisionedThroughputExceededException"
    assert refused["Message"].startswith(f"Rate exceeded for shard {FIRST}")


def test_without_awss_limits_there_is_no_ceiling(kinesis, stream):
    entries = [{"Data": b"x" * 6000, "PartitionKey": "k"}] * 500
    assert kinesis.put_records(StreamName=stream, Records=entries)["FailedRecordCount"] == 0
    at = iterator(kinesis, stream, FIRST)
    assert all(len(kinesis.get_records(ShardIterator=at, Limit=10)["Records"]) == 10 for _ in range(12))


def test_shards_are_doubled_or_halved_in_one_call_at_the_most(throttled):
    scale = {"StreamName": "s", "ScalingType": "UNIFORM_SCALING"}
    code, message = refusal(throttled.update_shard_count, **scale, TargetShardCount=3)
    assert code == "InvalidArgumentException" and "cannot scale up over double your current open shard count" in message
    for count in (2, 4):
        throttled.update_shard_count(**scale, TargetShardCount=count)
    assert refusal(throttled.update_shard_count, **scale, TargetShardCount=1)[0] == "InvalidArgumentException"
