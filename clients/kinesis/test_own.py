"""What tidewire does with streams beyond AWS: operations of its own, asked for with boto3's credentials as docs/STREAMS.md shows."""

import json
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from conftest import shards
from quiet_client import ENDPOINT

SESSION = boto3.Session(aws_access_key_id="test", aws_secret_access_key="secret")


def tidewire(operation, **members):
    """Asks for an operation of tidewire's own."""
    request = AWSRequest("POST", ENDPOINT, data=json.dumps(members), headers={
        "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TidewireStreams_20261123." + operation})
    SigV4Auth(SESSION.get_credentials(), "kinesis", "us-east-1").add_auth(request)
    with urllib.request.urlopen(urllib.request.Request(ENDPOINT, request.data.encode(), dict(request.headers))) as answer:
        return json.load(answer)


def refusal(operation, **members):
    """Code and sentence of the error that an operation ends in."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        tidewire(operation, **members)
    error = json.load(refused.value)
    return error["__type"], error.get("message", error.get("Message"))


def test_describe_shards_tells_what_each_shard_holds(kinesis, make_stream):
    stream = make_stream(2)
    put = lambda data, key: kinesis.put_record(StreamName=stream, Data=data, PartitionKey=key, ExplicitHashKey="0")  # noqa: E731
    put(b"12345", "key")
    put(b"6", "key")
    kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000001", NewStartingHashKey=str(3 << 126))
    told = tidewire("DescribeShards", StreamName=stream)
    assert [shard["ShardId"] for shard in told["Shards"]] == [shard["ShardId"] for shard in shards(kinesis, stream)]
    first, second, third, _ = told["Shards"]
    assert (first["Records"], first["Bytes"], first["IsOpen"]) == (2, 12, True)
    assert first["OldestArrivalTimestamp"] <= first["NewestArrivalTimestamp"]
    assert (second["Records"], second["IsOpen"], "OldestArrivalTimestamp" in second) == (0, False, False)
    assert (third["ParentShardId"], third["EndingHashKey"]) == ("shardId-000000000001", str((3 << 126) - 1))
    assert told["HasMoreShards"] is False


def test_describe_shards_comes_in_pages_and_by_arn(kinesis, make_stream):
    stream = make_stream(3)
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    page = tidewire("DescribeShards", StreamARN=arn, MaxResults=2)
    assert (len(page["Shards"]), page["HasMoreShards"], page["StreamName"]) == (2, True, stream)
    last = page["Shards"][-1]["ShardId"]
    page = tidewire("DescribeShards", StreamARN=arn, MaxResults=2, ExclusiveStartShardId=last)
    assert (len(page["Shards"]), page["HasMoreShards"]) == (1, False)


def test_wrong_requests_are_refused_in_awss_words():
    assert refusal("DescribeShards", StreamName="nowhere") == (
        "ResourceNotFoundException",
        "Stream nowhere under account 000000000000 not found.",
    )
    code, sentence = refusal("DescribeShards", StreamName="s", MaxResults=0)
    assert code == "ValidationException" and "maxResults" in sentence
    assert refusal("Describe")[0].endswith("UnknownOperationException")
