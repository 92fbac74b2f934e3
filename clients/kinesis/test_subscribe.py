"""SubscribeToShard: records pushed to consumers, by botocore's own reader of event streams over HTTP/1.1."""

import threading
import time

import pytest
from botocore.exceptions import ClientError, EventStreamError
from conftest import make_client, read, refusal, shards

FIRST = "shardId-000000000000"


def arn_of(kinesis, stream):
    return kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamARN"]


@pytest.fixture
def consumer(kinesis, stream):
    made = kinesis.register_stream_consumer(StreamARN=arn_of(kinesis, stream), ConsumerName="c")
    return made["Consumer"]["ConsumerARN"]


def subscribe(client, consumer, kind="TRIM_HORIZON", shard=FIRST, **more):
    position = {"Type": kind, **more}
    return client.subscribe_to_shard(ConsumerARN=consumer, ShardId=shard, StartingPosition=position)["EventStream"]


def events(stream):
    for event in stream:
        yield event["SubscribeToShardEvent"]


def pushed(stream, count):
    """The first so many records, and the event that brought the last."""
    found = []
    for event in events(stream):
        found += event["Records"]
        if len(found) >= count:
            return found, event
    raise AssertionError(f"the stream ended after {len(found)} records")


def test_what_is_there_and_what_comes_is_pushed_in_order(kinesis, stream, consumer):
    before = [kinesis.put_record(StreamName=stream, Data=b"%d" % nth, PartitionKey="k") for nth in range(3)]
    pushes = subscribe(kinesis, consumer)
    found, last = pushed(pushes, 3)
    assert [record["SequenceNumber"] for record in found] == [put["SequenceNumber"] for put in before]
    assert last["ContinuationSequenceNumber"] == before[-1]["SequenceNumber"] and last["MillisBehindLatest"] == 0
    assert "ChildShards" not in last
    later = kinesis.put_record(StreamName=stream, Data=b"later", PartitionKey="k")
    found, _ = pushed(pushes, 1)
    assert [(record["Data"], record["SequenceNumber"]) for record in found] == [(b"later", later["SequenceNumber"])]
    pushes.close()


def test_an_empty_event_says_where_to_go_on(kinesis, stream, consumer):
    put = kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="k")
    pushes = subscribe(kinesis, consumer, "LATEST")
    event = next(events(pushes))
    assert event["Records"] == [] and event["MillisBehindLatest"] == 0
    pushes.close()
    kinesis.put_record(StreamName=stream, Data=b"y", PartitionKey="k")
    number = event["ContinuationSequenceNumber"]
    found, _ = read(kinesis, stream, FIRST, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=number)
    assert [record["Data"] for record in found] == [b"y"] and put["SequenceNumber"] != found[0]["SequenceNumber"]


def test_every_starting_position(kinesis, stream, consumer):
    puts = [kinesis.put_record(StreamName=stream, Data=b"%d" % nth, PartitionKey="k") for nth in range(3)]
    moment = read(kinesis, stream, FIRST)[0][0]["ApproximateArrivalTimestamp"]
    number = puts[1]["SequenceNumber"]
    positions = [
        ({"kind": "AT_SEQUENCE_NUMBER", "SequenceNumber": number}, [b"1", b"2"]),
        ({"kind": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": number}, [b"2"]),
        ({"kind": "AT_TIMESTAMP", "Timestamp": moment}, [b"0", b"1", b"2"]),
    ]
    arn = arn_of(kinesis, stream)
    for nth, (position, expected) in enumerate(positions):
        made = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=f"p{nth}")["Consumer"]["ConsumerARN"]
        pushes = subscribe(kinesis, made, **position)
        assert [record["Data"] for record in pushed(pushes, len(expected))[0]] == expected
        pushes.close()


def test_the_end_of_a_shard_names_its_children_and_ends_the_stream(kinesis, stream, consumer):
    kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="k")
    pushes = subscribe(kinesis, consumer)
    seen = events(pushes)
    assert len(next(seen)["Records"]) == 1
    kinesis.split_shard(StreamName=stream, ShardToSplit=FIRST, NewStartingHashKey=str(2**127))
    rest = list(seen)
    # The KCL knows the end of a shard by an event without a number to go on from.
    assert "ContinuationSequenceNumber" not in rest[-1]
    children = [shard["ShardId"] for shard in shards(kinesis, stream)[1:]]
    assert [child["ShardId"] for child in rest[-1]["ChildShards"]] == children


def test_one_subscription_at_a_time_and_the_next_takes_over_after_five_seconds(kinesis, consumer):
    first = subscribe(kinesis, consumer, "LATEST")
    # On a stalled machine five seconds may be over before it is asked again.
    begun = time.monotonic()
    try:
        subscribe(make_client(), consumer, "LATEST").close()
        assert time.monotonic() - begun > 4, "the seat was free at once"
        return
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ResourceInUseException"
    ended = []

    def listen():
        try:
            list(first)
        except EventStreamError as error:
            ended.append(error.response["Error"]["Code"])

    listener = threading.Thread(target=listen)
    listener.start()
    deadline, second = time.monotonic() + 60, None
    while second is None and time.monotonic() < deadline:
        time.sleep(0.5)
        try:
            second = subscribe(make_client(), consumer, "LATEST")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceInUseException"
    listener.join(60)
    assert second is not None and ended == ["ResourceInUseException"]
    second.close()


def test_a_consumer_that_is_gone_ends_its_subscription(kinesis, consumer):
    pushes = subscribe(kinesis, consumer, "LATEST")
    kinesis.deregister_stream_consumer(ConsumerARN=consumer)
    with pytest.raises(EventStreamError) as ended:
        list(pushes)
    assert ended.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_who_may_not_subscribe_is_told_before_the_stream_begins(kinesis, stream, consumer):
    def refused(**more):
        asked = {"ConsumerARN": consumer, "ShardId": FIRST, "StartingPosition": {"Type": "LATEST"}, **more}
        return refusal(kinesis.subscribe_to_shard, **asked)[0]

    assert refused(ShardId="shardId-000000000007") == "ResourceNotFoundException"
    assert refused(ConsumerARN=consumer[:-3] + "999") == "ResourceNotFoundException"
    assert refused(StartingPosition={"Type": "AT_SEQUENCE_NUMBER"}) == "InvalidArgumentException"
    assert refused(DryRun=True) == "DryRunOperationException"
    assert refused(ConsumerARN="c") == "ValidationException"


def test_many_consumers_of_one_shard_are_all_told(kinesis, stream):
    arn = arn_of(kinesis, stream)
    made = [kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=f"m{nth}")["Consumer"] for nth in range(8)]
    streams = [subscribe(make_client(), one["ConsumerARN"], "LATEST") for one in made]
    put = kinesis.put_record(StreamName=stream, Data=b"to all", PartitionKey="k")
    for pushes in streams:
        assert pushed(pushes, 1)[0][0]["SequenceNumber"] == put["SequenceNumber"]
        pushes.close()
