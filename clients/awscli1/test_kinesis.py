"""The AWS CLI, version 1, with Kinesis Data Streams: a stream's life at the shell.

In and out as in `test_awscli.py`. The CLI writes a record's data in base64, as the wire has it.
"""

import base64
import json
import uuid

import pytest

from test_awscli import BIN, ENDPOINT, SERVICE_REFUSED, run

FIRST = "shardId-000000000000"


def kinesis(*arguments):
    """The JSON that a command which must succeed prints; None when it prints nothing."""
    done = run([str(BIN / "aws"), "--endpoint-url", ENDPOINT, "kinesis", *arguments])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


@pytest.fixture
def stream():
    name = f"cli1-{uuid.uuid4().hex[:12]}"
    assert kinesis("create-stream", "--stream-name", name, "--shard-count", "1") is None
    kinesis("wait", "stream-exists", "--stream-name", name)
    yield name
    kinesis("delete-stream", "--stream-name", name)
    kinesis("wait", "stream-not-exists", "--stream-name", name)


def read(stream, shard):
    """The data of all records of a shard, and the last answer."""
    asked = ["--stream-name", stream, "--shard-id", shard, "--shard-iterator-type", "TRIM_HORIZON"]
    at = kinesis("get-shard-iterator", *asked)["ShardIterator"]
    got = kinesis("get-records", "--shard-iterator", at)
    return [base64.b64decode(record["Data"]) for record in got["Records"]], got


def test_records_are_put_and_read(stream):
    put = kinesis("put-record", "--stream-name", stream, "--partition-key", "k", "--data", "one")
    assert (put["ShardId"], len(put["SequenceNumber"])) == (FIRST, 56)
    batch = kinesis("put-records", "--stream-name", stream, "--records", "Data=two,PartitionKey=k", "Data=three,PartitionKey=k")
    assert batch["FailedRecordCount"] == 0 and len(batch["Records"]) == 2
    data, got = read(stream, FIRST)
    assert data == [b"one", b"two", b"three"] and got["MillisBehindLatest"] == 0
    assert got["Records"][0]["SequenceNumber"] == put["SequenceNumber"]


def test_a_shard_is_split_and_its_children_are_listed(stream):
    split = ["--stream-name", stream, "--shard-to-split", FIRST, "--new-starting-hash-key", str(2**127)]
    assert kinesis("split-shard", *split) is None
    shards = kinesis("list-shards", "--stream-name", stream)["Shards"]
    assert [shard.get("ParentShardId") for shard in shards] == [None, FIRST, FIRST]
    assert [child["ShardId"] for child in read(stream, FIRST)[1]["ChildShards"]] == [shard["ShardId"] for shard in shards[1:]]
    assert stream in kinesis("list-streams")["StreamNames"]


def test_a_stream_that_is_not_there_is_refused_by_name():
    done = run([str(BIN / "aws"), "--endpoint-url", ENDPOINT, "kinesis", "describe-stream", "--stream-name", "nowhere"])
    assert done.returncode in SERVICE_REFUSED
    assert "(ResourceNotFoundException)" in done.stderr and "Stream nowhere under account" in done.stderr
