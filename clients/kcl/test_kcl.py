"""The real Kinesis Client Library 2.5.8 with nothing but tidewire: its leases in our tables, its metrics in our sink.

Source of what is to hold: the library's own promise. Every record is processed at least once, records of one key in order, through
splits and merges, and when a worker is gone.
"""

import collections
import urllib.request

import pytest
from conftest import ENDPOINT, KEYS


def middle(shard):
    first, last = (int(shard["HashKeyRange"][name]) for name in ("StartingHashKey", "EndingHashKey"))
    return str((first + last) // 2)


def first_seen(seen):
    """Of each key the numbers of its records, in the order in which they were processed first."""
    numbers = collections.defaultdict(list)
    known = set()
    for record in seen:
        if (record["key"], record["data"]) not in known:
            known.add((record["key"], record["data"]))
            numbers[record["key"]].append(int(record["data"]))
    return dict(numbers)


@pytest.mark.parametrize("mode", ["POLLING", "FANOUT"])
def test_every_record_is_seen_in_order_through_a_split_a_merge_and_the_end_of_a_worker(
    mode, make_application, make_producer
):
    application = make_application(mode)
    producer = make_producer(application.name)
    for worker in ("one", "two"):
        application.start_worker(worker)
    application.wait_for("both workers to own a lease", lambda: application.owners() == {"one", "two"})
    application.wait_for("records", lambda: {record["worker"] for record in application.seen()} == {"one", "two"})

    kinesis, stream = application.kinesis, application.name
    parent = application.open_shards()[0]
    kinesis.split_shard(StreamName=stream, ShardToSplit=parent["ShardId"], NewStartingHashKey=middle(parent))
    by_hash = sorted(application.open_shards(), key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
    merged = by_hash[-2:]
    kinesis.merge_shards(
        StreamName=stream, ShardToMerge=merged[0]["ShardId"], AdjacentShardToMerge=merged[1]["ShardId"]
    )
    open_now = {shard["ShardId"] for shard in application.open_shards()}
    application.wait_for("records of the shards of now", lambda: open_now <= {record["shard"] for record in application.seen()})

    application.kill_worker("one")
    application.wait_for("the other worker to take its leases", lambda: application.owners() == {"two"})
    put = producer.stop()
    assert min(put.values()) > 0 and set(put) == set(KEYS)
    complete = {key: list(range(count)) for key, count in put.items()}
    records = {(key, str(number)) for key, numbers in complete.items() for number in numbers}
    application.wait_for("every record", lambda: {(record["key"], record["data"]) for record in application.seen()} == records)
    assert first_seen(application.seen()) == complete
    consumers = kinesis.list_stream_consumers(
        StreamARN=kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    )["Consumers"]
    assert [consumer["ConsumerName"] for consumer in consumers] == ([stream] if mode == "FANOUT" else [])
    put_by_the_library(application)


def put_by_the_library(application):
    """The library's own metrics are on the page of metrics."""

    namespace = f'namespace="{application.name}"'

    def look():
        with urllib.request.urlopen(f"{ENDPOINT}/metrics") as page:
            lines = page.read().decode().splitlines()
        return [line for line in lines if line.startswith("tidewire_put_metric_sum{") and namespace in line]

    lines = application.wait_for("metrics of the library", look)
    assert any('metric="RecordsProcessed"' in line for line in lines), lines
