"""Records: put, read again from every kind of place, over splits and merges, and after kill -9."""

import datetime
import hashlib
import random
import threading

import pytest
from conftest import iterator, make_client, read, refusal, shards

FIRST = "shardId-000000000000"


def numbers(records):
    return [int(record["SequenceNumber"]) for record in records]


def test_records_come_back_in_order_with_all_that_they_were_put_with(kinesis, stream):
    puts = [kinesis.put_record(StreamName=stream, Data=bytes([nth]), PartitionKey=f"k{nth}") for nth in range(5)]
    found, last = read(kinesis, stream, FIRST)
    assert [record["Data"] for record in found] == [bytes([nth]) for nth in range(5)]
    assert [record["PartitionKey"] for record in found] == [f"k{nth}" for nth in range(5)]
    assert [record["SequenceNumber"] for record in found] == [put["SequenceNumber"] for put in puts]
    assert numbers(found) == sorted(set(numbers(found))) and all(put["ShardId"] == FIRST for put in puts)
    assert last["MillisBehindLatest"] == 0 and "ChildShards" not in last
    # AWS leaves EncryptionType out where there is none.
    assert "EncryptionType" not in found[0] and "EncryptionType" not in puts[0]


def test_keys_go_to_the_shard_of_their_hash(kinesis, make_stream):
    name = make_stream(4)
    ranges = {s["ShardId"]: [int(bound) for bound in s["HashKeyRange"].values()] for s in shards(kinesis, name)}
    for key in ("a", "b", "ü", "some longer key"):
        placed = kinesis.put_record(StreamName=name, Data=b"x", PartitionKey=key)["ShardId"]
        low, high = ranges[placed]
        assert low <= int.from_bytes(hashlib.md5(key.encode()).digest(), "big") <= high
    for shard, (low, high) in ranges.items():
        for bound in (low, high):
            put = kinesis.put_record(StreamName=name, Data=b"x", PartitionKey="a", ExplicitHashKey=str(bound))
            assert put["ShardId"] == shard
    code, message = refusal(kinesis.put_record, StreamName=name, Data=b"", PartitionKey="a", ExplicitHashKey=str(2**128))
    assert code == "InvalidArgumentException" and "ExplicitHashKey must be in the range: [0, 2^128-1]" in message


def test_a_batch_is_placed_record_by_record(kinesis, make_stream):
    name = make_stream(2)
    entries = [{"Data": b"%d" % nth, "PartitionKey": f"k{nth}"} for nth in range(500)]
    put = kinesis.put_records(StreamName=name, Records=entries)
    assert put["FailedRecordCount"] == 0 and len(put["Records"]) == 500
    by_number = {record["SequenceNumber"]: entry["Data"] for record, entry in zip(put["Records"], entries)}
    found = [record for shard in shards(kinesis, name) for record in read(kinesis, name, shard["ShardId"])[0]]
    assert {record["SequenceNumber"]: record["Data"] for record in found} == by_number
    for shard in shards(kinesis, name):
        of_shard = [int(record["SequenceNumber"]) for record in put["Records"] if record["ShardId"] == shard["ShardId"]]
        assert of_shard == sorted(of_shard)


def test_bounds_of_records_and_batches(kinesis, stream):
    def put(**more):
        return kinesis.put_record(StreamName=stream, **{"PartitionKey": "k", **more})

    put(Data=b"x" * (1024 * 1024 - 1))
    # The key counts too.
    assert refusal(put, Data=b"x" * (1024 * 1024))[0] == "InvalidArgumentException"
    assert refusal(put, Data=b"", PartitionKey="x" * 257)[0] == "ValidationException"
    assert refusal(put, Data=b"", PartitionKey="")[0] == "ValidationException"
    assert refusal(kinesis.put_record, StreamName=stream, Data=b"")[0] == "InvalidArgumentException"
    one = {"Data": b"x" * 1_000_000, "PartitionKey": "k"}
    assert refusal(kinesis.put_records, StreamName=stream, Records=[one] * 11)[0] == "InvalidArgumentException"
    assert refusal(kinesis.put_records, StreamName=stream, Records=[])[0] == "ValidationException"
    small = {"Data": b"", "PartitionKey": "k"}
    assert refusal(kinesis.put_records, StreamName=stream, Records=[small] * 501)[0] == "ValidationException"
    assert len(read(kinesis, stream, FIRST)[0]) == 1
    put(Data=b"")
    assert read(kinesis, stream, FIRST)[0][1]["Data"] == b""


def test_a_larger_record_where_the_stream_takes_it(kinesis, stream):
    arn = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamARN"]
    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=10240)
    data = random.Random(1).randbytes(10 * 1024 * 1024 - 1)
    kinesis.put_record(StreamName=stream, Data=data, PartitionKey="k")
    assert read(kinesis, stream, FIRST)[0][0]["Data"] == data


def test_one_answer_has_ten_mebibytes_or_the_limit_at_the_most(kinesis, stream):
    for _ in range(3):
        entries = [{"Data": b"x" * 1_000_000, "PartitionKey": "k"}] * 5
        kinesis.put_records(StreamName=stream, Records=entries)
    at, sizes = iterator(kinesis, stream, FIRST), []
    while len(sizes) < 2 or sizes[-1]:
        got = kinesis.get_records(ShardIterator=at)
        sizes.append(len(got["Records"]))
        at = got["NextShardIterator"]
    assert sizes == [10, 5, 0]
    few = kinesis.get_records(ShardIterator=iterator(kinesis, stream, FIRST), Limit=3)
    assert len(few["Records"]) == 3 and few["MillisBehindLatest"] > 0
    assert refusal(kinesis.get_records, ShardIterator=at, Limit=10_001)[0] == "ValidationException"


def test_iterators_of_every_kind(kinesis, stream):
    first = [kinesis.put_record(StreamName=stream, Data=b"%d" % nth, PartitionKey="k") for nth in range(3)]
    arrived = read(kinesis, stream, FIRST)[0]

    def data(kind, **more):
        return [record["Data"] for record in read(kinesis, stream, FIRST, kind, **more)[0]]

    second = first[1]["SequenceNumber"]
    assert data("AT_SEQUENCE_NUMBER", StartingSequenceNumber=second) == [b"1", b"2"]
    assert data("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=second) == [b"2"]
    start = shards(kinesis, stream)[0]["SequenceNumberRange"]["StartingSequenceNumber"]
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        assert data(kind, StartingSequenceNumber=start) == [b"0", b"1", b"2"]
    latest = iterator(kinesis, stream, FIRST, "LATEST")
    assert data("LATEST") == []
    kinesis.put_record(StreamName=stream, Data=b"3", PartitionKey="k")
    assert [record["Data"] for record in kinesis.get_records(ShardIterator=latest)["Records"]] == [b"3"]
    moment = arrived[1]["ApproximateArrivalTimestamp"]
    assert b"1" in data("AT_TIMESTAMP", Timestamp=moment)
    assert data("AT_TIMESTAMP", Timestamp=moment - datetime.timedelta(days=400)) == [b"0", b"1", b"2", b"3"]


def test_the_same_iterator_reads_the_same_again_and_each_answer_has_a_fresh_one(kinesis, stream):
    kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="k")
    at = iterator(kinesis, stream, FIRST)
    one, two = kinesis.get_records(ShardIterator=at), kinesis.get_records(ShardIterator=at)
    assert one["Records"] == two["Records"] and one["NextShardIterator"] != at
    assert kinesis.get_records(ShardIterator=one["NextShardIterator"])["Records"] == []


def test_iterators_that_are_none_are_refused(kinesis, make_stream):
    one, other = make_stream(2), make_stream()
    number = kinesis.put_record(StreamName=one, Data=b"x", PartitionKey="k", ExplicitHashKey="0")["SequenceNumber"]

    def refused(code, shard=FIRST, stream=one, **more):
        got, message = refusal(kinesis.get_shard_iterator, StreamName=stream, ShardId=shard, **more)
        assert got == code, message
        return message

    wrong = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": number}
    message = refused("InvalidArgumentException", shard="shardId-000000000001", **wrong)
    assert f"It encodes {FIRST}, while it was used in a call to a shard with shardId-000000000001" in message
    refused("InvalidArgumentException", ShardIteratorType="AT_SEQUENCE_NUMBER")
    refused("InvalidArgumentException", ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber="5")
    refused("InvalidArgumentException", ShardIteratorType="AT_TIMESTAMP")
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    refused("InvalidArgumentException", ShardIteratorType="AT_TIMESTAMP", Timestamp=later)
    refused("ResourceNotFoundException", shard="shardId-000000000009", ShardIteratorType="LATEST")
    refused("ValidationException", ShardIteratorType="SOMEWHERE")
    for text in ("x", "AAAA", "A" * 513):
        assert refusal(kinesis.get_records, ShardIterator=text)[0] in ("InvalidArgumentException", "ValidationException")
    gone = iterator(kinesis, other, FIRST)
    kinesis.delete_stream(StreamName=other)
    assert refusal(kinesis.get_records, ShardIterator=gone)[0] == "ResourceNotFoundException"


def test_a_record_stands_behind_the_one_that_it_names(kinesis, make_stream):
    name = make_stream(2)
    first = kinesis.put_record(StreamName=name, Data=b"a", PartitionKey="k", ExplicitHashKey="0")
    behind = {"StreamName": name, "Data": b"b", "PartitionKey": "k", "ExplicitHashKey": "0"}
    second = kinesis.put_record(**behind, SequenceNumberForOrdering=first["SequenceNumber"])
    assert int(second["SequenceNumber"]) > int(first["SequenceNumber"])
    # That of another shard, as after a split, is no hindrance.
    other = kinesis.put_record(**behind | {"ExplicitHashKey": str(2**128 - 1)})["SequenceNumber"]
    kinesis.put_record(**behind, SequenceNumberForOrdering=other)
    future = int(second["SequenceNumber"]) + (1 << 120)
    for wrong in ("17", str(future), str(future + (3600 << 36))):
        assert refusal(kinesis.put_record, **behind, SequenceNumberForOrdering=wrong)[0] == "InvalidArgumentException"


def test_a_dry_run_changes_nothing(kinesis, stream):
    put = {"StreamName": stream, "Data": b"x", "PartitionKey": "k", "DryRun": True}
    assert refusal(kinesis.put_record, **put)[0] == "DryRunOperationException"
    entries = [{"Data": b"x", "PartitionKey": "k"}]
    assert refusal(kinesis.put_records, StreamName=stream, Records=entries, DryRun=True)[0] == "DryRunOperationException"
    asked = {"StreamName": stream, "ShardId": FIRST, "ShardIteratorType": "LATEST", "DryRun": True}
    assert refusal(kinesis.get_shard_iterator, **asked)[0] == "DryRunOperationException"
    at = iterator(kinesis, stream, FIRST)
    assert refusal(kinesis.get_records, ShardIterator=at, DryRun=True)[0] == "DryRunOperationException"
    assert read(kinesis, stream, FIRST)[0] == []


def test_records_without_keys_where_the_service_distributes(kinesis, make_stream):
    name = make_stream(None, RecordDistributionStrategy="AUTO")
    placed = {kinesis.put_record(StreamName=name, Data=b"x")["ShardId"] for _ in range(8)}
    assert len(placed) == 4
    kinesis.put_record(StreamName=name, Data=b"y", PartitionKey="ignored", ExplicitHashKey="0")
    found = [record for shard in shards(kinesis, name) for record in read(kinesis, name, shard["ShardId"])[0]]
    assert len(found) == 9 and not any("PartitionKey" in record for record in found)


def test_a_split_shard_is_read_to_its_end_and_names_its_children(kinesis, stream):
    before = [kinesis.put_record(StreamName=stream, Data=b"%d" % nth, PartitionKey=f"k{nth}") for nth in range(20)]
    middle = str(2**127)
    kinesis.split_shard(StreamName=stream, ShardToSplit=FIRST, NewStartingHashKey=middle)
    parent, low, high = shards(kinesis, stream)
    assert low["ParentShardId"] == high["ParentShardId"] == FIRST and "AdjacentParentShardId" not in low
    assert (low["HashKeyRange"]["EndingHashKey"], high["HashKeyRange"]["StartingHashKey"]) == (str(2**127 - 1), middle)
    ending = int(parent["SequenceNumberRange"]["EndingSequenceNumber"])
    assert max(int(put["SequenceNumber"]) for put in before) <= ending
    assert ending < int(low["SequenceNumberRange"]["StartingSequenceNumber"])
    assert {kinesis.put_record(StreamName=stream, Data=b"", PartitionKey=f"k{nth}")["ShardId"] for nth in range(20)} == {
        low["ShardId"],
        high["ShardId"],
    }
    found, last = read(kinesis, stream, FIRST)
    assert len(found) == 20 and "NextShardIterator" not in last
    children = {child["ShardId"]: child["ParentShards"] for child in last["ChildShards"]}
    assert children == {low["ShardId"]: [FIRST], high["ShardId"]: [FIRST]}
    for again in ("split_shard", "merge_shards"):
        more = {"NewStartingHashKey": middle} if again == "split_shard" else {"AdjacentShardToMerge": low["ShardId"]}
        key = "ShardToSplit" if again == "split_shard" else "ShardToMerge"
        assert refusal(getattr(kinesis, again), StreamName=stream, **{key: FIRST}, **more)[0] == "InvalidArgumentException"


def test_merged_shards_have_one_child(kinesis, make_stream):
    name = make_stream(3)
    code, message = refusal(
        kinesis.merge_shards, StreamName=name, ShardToMerge=FIRST, AdjacentShardToMerge="shardId-000000000002"
    )
    assert code == "InvalidArgumentException" and "are not an adjacent pair of shards eligible for merging" in message
    kinesis.merge_shards(StreamName=name, ShardToMerge="shardId-000000000001", AdjacentShardToMerge=FIRST)
    child = shards(kinesis, name)[-1]
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == ("shardId-000000000001", FIRST)
    last = read(kinesis, name, FIRST)[1]
    assert [one["ShardId"] for one in last["ChildShards"]] == [child["ShardId"]]
    assert set(last["ChildShards"][0]["ParentShards"]) == {FIRST, "shardId-000000000001"}


@pytest.mark.parametrize("wrong", ["0", "1", str(2**128 - 1), str(2**128), "x"])
def test_a_shard_is_split_in_its_middle_alone(kinesis, stream, wrong):
    code, _ = refusal(kinesis.split_shard, StreamName=stream, ShardToSplit=FIRST, NewStartingHashKey=wrong)
    assert code in ("InvalidArgumentException", "ValidationException")
    assert len(shards(kinesis, stream)) == 1


def test_the_number_of_shards_is_changed_and_the_hashes_divided_evenly(kinesis, make_stream):
    name = make_stream(2)
    for count in (3, 6, 5, 1):
        changed = kinesis.update_shard_count(StreamName=name, TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        assert changed["TargetShardCount"] == count
        open_shards = shards(kinesis, name, ShardFilter={"Type": "AT_LATEST"})
        ranges = sorted(tuple(int(bound) for bound in shard["HashKeyRange"].values()) for shard in open_shards)
        assert len(ranges) == count and (ranges[0][0], ranges[-1][1]) == (0, 2**128 - 1)
        assert all(one[1] + 1 == other[0] for one, other in zip(ranges, ranges[1:]))
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 1


def test_shards_are_listed_by_filters_and_in_pieces(kinesis, make_stream):
    name = make_stream(2)
    kinesis.split_shard(StreamName=name, ShardToSplit=FIRST, NewStartingHashKey="1000")
    ids = [f"shardId-{nth:012}" for nth in range(4)]

    def listed(**filters):
        return [shard["ShardId"] for shard in shards(kinesis, name, **filters)]

    def by(kind, **more):
        return listed(ShardFilter={"Type": kind, **more})

    assert listed() == listed(MaxResults=1) == by("FROM_TRIM_HORIZON") == ids
    assert listed(ExclusiveStartShardId=ids[1]) == by("AFTER_SHARD_ID", ShardId=ids[1]) == ids[2:]
    assert by("AT_LATEST") == ids[1:]
    assert by("AT_TRIM_HORIZON") == ids[:2]
    made = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamCreationTimestamp"]
    assert by("AT_TIMESTAMP", Timestamp=made) == ids[:2]
    assert by("FROM_TIMESTAMP", Timestamp=made) == ids
    assert refusal(kinesis.list_shards, StreamName=name, ShardFilter={"Type": "AT_TIMESTAMP"})[0] == "InvalidArgumentException"
    token = kinesis.list_shards(StreamName=name, MaxResults=1)["NextToken"]
    both = refusal(kinesis.list_shards, StreamName=name, NextToken=token)
    assert both == ("InvalidArgumentException", "NextToken and StreamName cannot be provided together.")


def test_no_record_is_lost_or_out_of_order_while_shards_change(kinesis, make_stream):
    name, put, ended, refusals = make_stream(2), {}, threading.Event(), []

    def produce(worker):
        client, nth = make_client(), 0
        while not ended.is_set():
            key = f"{worker}-{nth % 5}"
            entry = [{"Data": b"%s %d" % (key.encode(), nth + step), "PartitionKey": key} for step in range(3)]
            assert client.put_records(StreamName=name, Records=entry)["FailedRecordCount"] == 0
            put.setdefault(key, []).extend(one["Data"] for one in entry)
            nth += 3 if nth % 5 != 4 else 1

    def describe():
        client = make_client()
        while not ended.is_set():
            client.describe_stream_summary(StreamName=name)
            client.list_shards(StreamName=name)

    def watched(work, *given):
        try:
            work(*given)
        except Exception as refusal:  # Told at the end: a thread's own end would be a warning.
            refusals.append(repr(refusal))

    workers = [threading.Thread(target=watched, args=(produce, worker)) for worker in range(3)]
    workers.append(threading.Thread(target=watched, args=(describe,)))
    for worker in workers:
        worker.start()
    for count in (4, 2, 3, 6, 3, 1, 5, 2):
        kinesis.update_shard_count(StreamName=name, TargetShardCount=count, ScalingType="UNIFORM_SCALING")
    ended.set()
    for worker in workers:
        worker.join()
    assert refusals == []
    seen = {}
    # Parents come before their children in the order of their numbers.
    for shard in shards(kinesis, name):
        for record in read(kinesis, name, shard["ShardId"])[0]:
            seen.setdefault(record["PartitionKey"], []).append(record["Data"])
    assert seen == put


def test_what_lies_in_another_region_is_not_reached_by_its_arn(kinesis, stream):
    arn = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamARN"]
    at = iterator(kinesis, stream, FIRST)
    other = make_client(region="eu-west-1")
    assert refusal(other.describe_stream, StreamARN=arn)[0] == "InvalidArgumentException"
    assert refusal(other.list_tags_for_resource, ResourceARN=arn)[0] == "InvalidArgumentException"
    assert refusal(other.describe_stream_consumer, StreamARN=arn, ConsumerName="c")[0] == "InvalidArgumentException"
    assert refusal(other.get_records, ShardIterator=at)[0] == "ResourceNotFoundException"
