"""CloudWatch's metrics of streams in Prometheus' form, on the server's own page.

Source of the names: developer guide, "Monitor the Amazon Kinesis Data Streams service with Amazon CloudWatch"; docs/METRICS.md.
"""

import re
import urllib.request

from conftest import iterator, read, shards
from quiet_client import ENDPOINT


def metrics(stream, level="stream"):
    """Values by name, those of shards by name and shard."""
    page = urllib.request.urlopen(f"{ENDPOINT}/metrics").read().decode()
    line = re.compile(rf'tidewire_kinesis_{level}_(\w+)\{{(.*?)\}} (\S+)')
    found = {}
    for name, labels, value in line.findall(page):
        labels = dict(re.findall(r'(\w+)="(.*?)"', labels))
        if labels["stream"] == stream:
            found[(name, labels["shard"]) if level == "shard" else name] = float(value)
    return found


def test_what_is_put_and_read_is_counted(kinesis, stream):
    kinesis.put_record(StreamName=stream, Data=b"1234567", PartitionKey="key")
    kinesis.put_records(StreamName=stream, Records=[{"Data": b"12", "PartitionKey": "k"}] * 4)
    read(kinesis, stream, "shardId-000000000000")
    seen = metrics(stream)
    for name, value in {
        "incoming_bytes_total": 22,
        "incoming_records_total": 5,
        "put_record_success_total": 1,
        "put_record_bytes_total": 10,
        "put_records_total_records_total": 4,
        "put_records_successful_records_total": 4,
        "put_records_throttled_records_total": 0,
        "get_records_records_total": 5,
        "get_records_bytes_total": 22,
        "get_records_iterator_age_milliseconds": 0,
        "write_provisioned_throughput_exceeded_total": 0,
    }.items():
        assert seen[name] == value, name


def test_a_subscription_is_counted(kinesis, stream):
    kinesis.put_record(StreamName=stream, Data=b"1234567", PartitionKey="key")
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    asked = {"ConsumerARN": consumer, "ShardId": "shardId-000000000000", "StartingPosition": {"Type": "TRIM_HORIZON"}}
    events = iter(kinesis.subscribe_to_shard(**asked)["EventStream"])
    assert len(next(events)["SubscribeToShardEvent"]["Records"]) == 1
    seen = metrics(stream)
    assert (seen["subscribe_to_shard_calls_total"], seen["subscribe_to_shard_success_total"]) == (1, 1)
    assert (seen["subscribe_to_shard_event_records_total"], seen["subscribe_to_shard_event_bytes_total"]) == (1, 10)


def test_shards_are_counted_where_somebody_asks(kinesis, make_stream):
    stream = make_stream(2)
    kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="k", ExplicitHashKey="0")
    assert metrics(stream, "shard") == {}
    asked = ["IncomingRecords", "IteratorAgeMilliseconds"]
    kinesis.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=asked)
    first, second = (shard["ShardId"] for shard in shards(kinesis, stream))
    for _ in range(3):
        kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="k", ExplicitHashKey=str(2**127))
    kinesis.get_records(ShardIterator=iterator(kinesis, stream, first))
    seen = metrics(stream, "shard")
    assert {name for name, _ in seen} == {"incoming_records_total", "iterator_age_milliseconds"}
    assert seen[("incoming_records_total", second)] == 3
    assert seen[("incoming_records_total", first)] == 0, "counted from when it was asked for"
    kinesis.disable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["ALL"])
    assert metrics(stream, "shard") == {}
