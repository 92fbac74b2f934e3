"""Clients for the suite of Kinesis Data Streams.

In: TIDEWIRE_ENDPOINT, and TIDEWIRE_BIN for tests with a server of their own. Out: clients that never retry and check nothing
themselves, so that the server's own answers are seen; streams of names that nobody else has, deleted afterwards.
"""

import pathlib
import sys
import uuid

import pytest
from botocore.exceptions import ClientError

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from quiet_client import ENDPOINT, quiet_client  # noqa: E402 (the folder above holds what several suites share)


def make_client(endpoint=ENDPOINT, region="us-east-1", access_key="test"):
    """A client for the account of `access_key`."""
    return quiet_client("kinesis", endpoint, (access_key, "secret", None), region, parameter_validation=False, read_timeout=60)


def refusal(call, **arguments):
    """Code and sentence of the error that a call has to end in."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture(scope="session")
def kinesis():
    return make_client()


@pytest.fixture
def make_stream(kinesis):
    """Makes streams that end with the test."""
    made = []

    def make(shards=1, **more):
        name = f"s-{uuid.uuid4().hex[:12]}"
        kinesis.create_stream(StreamName=name, **({"ShardCount": shards} if shards else {}), **more)
        made.append(name)
        return name

    yield make
    for name in made:
        try:
            kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceNotFoundException", error


@pytest.fixture
def stream(make_stream):
    return make_stream()


def shards(kinesis, stream, **filters):
    """All shards, page by page."""
    page = kinesis.list_shards(StreamName=stream, **filters)
    found = page["Shards"]
    while "NextToken" in page:
        more = {"MaxResults": filters["MaxResults"]} if "MaxResults" in filters else {}
        page = kinesis.list_shards(NextToken=page["NextToken"], **more)
        found += page["Shards"]
    return found


def iterator(kinesis, stream, shard, kind="TRIM_HORIZON", **more):
    asked = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType=kind, **more)
    return asked["ShardIterator"]


def read(kinesis, stream, shard, kind="TRIM_HORIZON", **more):
    """Everything from an iterator on, up to the tip or the end of the shard, and the last answer."""
    at, found = iterator(kinesis, stream, shard, kind, **more), []
    while True:
        got = kinesis.get_records(ShardIterator=at)
        found += got["Records"]
        at = got.get("NextShardIterator")
        if at is None or not got["MillisBehindLatest"]:
            return found, got
