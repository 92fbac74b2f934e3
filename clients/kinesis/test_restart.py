"""What a restart leaves: streams, shards, records, iterators, consumers, over kill -9 while records are put and shards change."""

import os
import random
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError
from conftest import make_client, read, shards
from own_servers import own_servers

FIRST = "shardId-000000000000"
ROUNDS = int(os.environ.get("KINESIS_ROUNDS", "8"))


@pytest.fixture
def start(tmp_path):
    """Starts servers over one folder, one after the other."""
    with own_servers() as make:
        yield lambda: make(tmp_path / "data").start()


def test_everything_is_there_after_a_kill(start):
    server = start()
    client = make_client(server.endpoint)
    client.create_stream(StreamName="s", ShardCount=2, Tags={"a": "b"})
    arn = client.describe_stream(StreamName="s")["StreamDescription"]["StreamARN"]
    consumer = client.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]
    puts = [client.put_record(StreamName="s", Data=b"%d" % nth, PartitionKey=f"k{nth}") for nth in range(50)]
    client.split_shard(StreamName="s", ShardToSplit=FIRST, NewStartingHashKey="12345")
    client.increase_stream_retention_period(StreamName="s", RetentionPeriodHours=100)
    before = shards(client, "s")
    at = client.get_shard_iterator(StreamName="s", ShardId=FIRST, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    server.kill()
    client = make_client(start().endpoint)
    assert shards(client, "s") == before
    # An iterator survives, too.
    of_first = [put["SequenceNumber"] for put in puts if put["ShardId"] == FIRST]
    assert [record["SequenceNumber"] for record in client.get_records(ShardIterator=at)["Records"]] == of_first
    about = client.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]
    assert (about["RetentionPeriodHours"], about["OpenShardCount"], about["ConsumerCount"]) == (100, 3, 1)
    assert client.describe_stream_consumer(StreamARN=arn, ConsumerName="c")["ConsumerDescription"]["ConsumerARN"] == (
        consumer["ConsumerARN"]
    )
    assert client.list_tags_for_stream(StreamName="s")["Tags"] == [{"Key": "a", "Value": "b"}]
    later = client.put_record(StreamName="s", Data=b"x", PartitionKey="k", ExplicitHashKey="0")
    assert later["ShardId"] == "shardId-000000000002"


@pytest.mark.timeout(600)
def test_nothing_acknowledged_is_lost_repeated_or_out_of_order(start):
    """Producers put numbered records of a key each, one shard change after the other, and the server is killed at any moment."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    print(f"seed {seed}")
    server = start()
    make_client(server.endpoint).create_stream(StreamName="s", ShardCount=2)
    acknowledged, tried, total, refusals = {}, {}, [0], []

    def until_the_kill(work, *given):
        try:
            work(*given)
        except Exception as refusal:  # A refusal ends a client too early, and is told at the end of the round.
            refusals.append(repr(refusal))

    def produce(endpoint, worker, ended):
        client = make_client(endpoint)
        while not ended.is_set():
            number = tried.get(worker, 0)
            tried[worker] = number + 1
            try:
                client.put_record(StreamName="s", Data=b"%d" % number, PartitionKey=worker)
            except BotoCoreError:
                return
            acknowledged.setdefault(worker, []).append(number)
            total[0] += 1

    def change(endpoint, ended):
        client = make_client(endpoint)
        while not ended.is_set():
            try:
                count = chance.randint(1, 5)
                client.update_shard_count(StreamName="s", TargetShardCount=count, ScalingType="UNIFORM_SCALING")
            except BotoCoreError:
                return
            time.sleep(0.1)

    for _ in range(ROUNDS):
        ended, goal = threading.Event(), total[0] + chance.randint(20, 200)
        workers = [threading.Thread(target=until_the_kill, args=(produce, server.endpoint, f"w{nth}", ended)) for nth in range(4)]
        workers.append(threading.Thread(target=until_the_kill, args=(change, server.endpoint, ended)))
        for worker in workers:
            worker.start()
        deadline = time.monotonic() + 120
        while total[0] < goal:
            assert time.monotonic() < deadline and not refusals, f"the producers stand still: {refusals}"
            time.sleep(0.005)
        server.kill()
        ended.set()
        for worker in workers:
            worker.join()
        assert refusals == [], f"seed {seed}"
        server = start()

    client, seen = make_client(server.endpoint), {}
    listed = shards(client, "s")
    for shard in listed:
        for record in read(client, "s", shard["ShardId"])[0]:
            seen.setdefault(record["PartitionKey"], []).append(int(record["Data"]))
    for worker, numbers in acknowledged.items():
        # What was not answered may have been kept; nothing else, nothing twice, all in order.
        assert seen[worker] == sorted(set(seen[worker])), f"seed {seed}"
        assert set(numbers) <= set(seen[worker]) <= set(range(tried[worker])), f"seed {seed}"
    open_shards = shards(client, "s", ShardFilter={"Type": "AT_LATEST"})
    ranges = sorted(tuple(int(bound) for bound in shard["HashKeyRange"].values()) for shard in open_shards)
    assert (ranges[0][0], ranges[-1][1]) == (0, 2**128 - 1)
    assert all(one[1] + 1 == other[0] for one, other in zip(ranges, ranges[1:]))
    print(f"{ROUNDS} rounds, {total[0]} acknowledged, {len(listed)} shards")
