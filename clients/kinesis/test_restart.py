"""What a restart leaves: streams, shards, records, iterators, consumers, over kill -9 while records are put and shards change."""

import os
import random
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError
from conftest import iterator, make_client, read, shards
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


class Follower:
    """Reads a stream from its first shards to their children. What it remembers over a kill is how far it has come in each shard."""

    def __init__(self):
        self.places, self.ended, self.seen = {}, set(), {}

    def follow(self, client):
        """One look at each shard whose parents were read to their ends; whether there was nothing new in any."""
        listed = shards(client, "s")
        known = {shard["ShardId"] for shard in listed}
        is_quiet = True
        for shard in listed:
            parents = {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")} & known
            if shard["ShardId"] not in self.ended and parents <= self.ended:
                is_quiet = self.look(client, shard["ShardId"]) and is_quiet
        return is_quiet

    def look(self, client, shard):
        last = self.places.get(shard)
        after = {"kind": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": last} if last else {}
        got = client.get_records(ShardIterator=iterator(client, "s", shard, **after), Limit=50)
        for record in got["Records"]:
            place = (shard, record["SequenceNumber"])
            self.seen.setdefault(record["PartitionKey"], []).append((int(record["Data"]), place))
            self.places[shard] = record["SequenceNumber"]
        if "NextShardIterator" in got:
            return got["MillisBehindLatest"] == 0
        assert got["ChildShards"], "a shard that ends has children"
        self.ended.add(shard)
        return False


def change_shards(client, chance):
    """Splits a shard, merges two, or changes how many there are."""
    listed = shards(client, "s", ShardFilter={"Type": "AT_LATEST"})
    ranges = {shard["ShardId"]: [int(bound) for bound in shard["HashKeyRange"].values()] for shard in listed}
    in_order = sorted(ranges, key=lambda shard: ranges[shard][0])
    place = chance.randrange(len(in_order))
    low, high = ranges[in_order[place]]
    kind = chance.choice(["split", "merge", "count"])
    if kind == "split" and len(in_order) < 6:
        client.split_shard(StreamName="s", ShardToSplit=in_order[place], NewStartingHashKey=str((low + high) // 2))
    elif kind == "merge" and place + 1 < len(in_order):
        client.merge_shards(StreamName="s", ShardToMerge=in_order[place], AdjacentShardToMerge=in_order[place + 1])
    else:
        client.update_shard_count(StreamName="s", TargetShardCount=chance.randint(1, 5), ScalingType="UNIFORM_SCALING")


@pytest.mark.timeout(600)
def test_nothing_acknowledged_is_lost_repeated_or_out_of_order(start):
    """Producers put numbered records of a key each, one shard change after the other, and the server is killed at any moment.

    A follower reads along over all kills, from parents to children; afterwards everything is read once more. Both see each acknowledged
    record once, where it was acknowledged, in the order of its key, and of those whose answers were lost each once at the most.
    """
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    print(f"seed {seed}")
    server = start()
    make_client(server.endpoint).create_stream(StreamName="s", ShardCount=2)
    acknowledged, tried, total, changes, refusals = {}, {}, [0], [0], []
    follower = Follower()

    def until_the_kill(work, endpoint, *given):
        try:
            work(make_client(endpoint), *given)
        except BotoCoreError:
            pass  # The server is gone.
        except Exception as refusal:  # A refusal ends a client too early, and is told at the end of the round.
            refusals.append(repr(refusal))

    def produce(client, worker, ended):
        while not ended.is_set():
            first, count = tried.get(worker, 0), chance.randint(1, 4)
            tried[worker] = first + count
            entries = [{"Data": b"%d" % (first + nth), "PartitionKey": worker} for nth in range(count)]
            if count == 1:
                put = [client.put_record(StreamName="s", **entries[0])]
            else:
                put = client.put_records(StreamName="s", Records=entries)["Records"]
            for nth, one in enumerate(put):
                acknowledged.setdefault(worker, {})[first + nth] = (one["ShardId"], one["SequenceNumber"])
            total[0] += count

    def change(client, ended):
        while not ended.is_set():
            change_shards(client, chance)
            changes[0] += 1
            time.sleep(0.05)

    def follow(client, ended):
        while not ended.is_set():
            follower.follow(client)

    for _ in range(ROUNDS):
        ended, goal = threading.Event(), total[0] + chance.randint(20, 200)
        work = [(produce, server.endpoint, f"w{nth}", ended) for nth in range(4)]
        work += [(change, server.endpoint, ended), (follow, server.endpoint, ended)]
        workers = [threading.Thread(target=until_the_kill, args=one) for one in work]
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
    while not follower.follow(client):
        pass
    listed = shards(client, "s")
    for shard in listed:
        for record in read(client, "s", shard["ShardId"])[0]:
            place = (shard["ShardId"], record["SequenceNumber"])
            seen.setdefault(record["PartitionKey"], []).append((int(record["Data"]), place))
    assert follower.seen == seen, f"seed {seed}: who read along has seen something else"
    for worker, places in acknowledged.items():
        numbers = [number for number, _ in seen[worker]]
        # What was not answered may have been kept; nothing else, nothing twice, all in order.
        assert numbers == sorted(set(numbers)), f"seed {seed}"
        assert set(numbers) <= set(range(tried[worker])), f"seed {seed}"
        assert places.items() <= dict(seen[worker]).items(), f"seed {seed}: something is lost, or elsewhere"
        sequence = [int(number) for _, (_, number) in seen[worker]]
        assert sequence == sorted(set(sequence)), f"seed {seed}"
    open_shards = shards(client, "s", ShardFilter={"Type": "AT_LATEST"})
    ranges = sorted(tuple(int(bound) for bound in shard["HashKeyRange"].values()) for shard in open_shards)
    assert (ranges[0][0], ranges[-1][1]) == (0, 2**128 - 1)
    assert all(one[1] + 1 == other[0] for one, other in zip(ranges, ranges[1:]))
    assert changes[0] > 0
    print(f"{ROUNDS} rounds, {total[0]} acknowledged, {changes[0]} changes, {len(listed)} shards")
