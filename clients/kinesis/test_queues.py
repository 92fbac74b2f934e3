"""Queues on streams: records of all shards handed out one by one, acknowledged, given up as dead letters, and restored."""

import datetime
import json
import re
import threading
import time
import uuid

import pytest
from botocore.exceptions import ClientError
from conftest import make_client, refusal, shards
from own_servers import own_servers
from quiet_client import ENDPOINT, quiet_client

FIRST = "shardId-000000000000"
LOW, HIGH = "0", str(2**128 - 1)


def arn_of(kinesis, stream):
    return kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]


@pytest.fixture
def make_queue(kinesis, make_stream):
    """Makes queues that end before their streams do, which is why it asks for those first."""
    made = []

    def make(stream, start="TRIM_HORIZON", client=kinesis, **attributes):
        """The ARN of a queue with these attributes."""
        position = start if isinstance(start, dict) else {"Type": start}
        more = {"QueueAttributes": attributes} if attributes else {}
        on = [{"StreamARN": arn_of(client, stream), "StartingPosition": position}]
        name = f"q-{uuid.uuid4().hex[:12]}"
        arn = client.create_queue(QueueName=name, StreamConfigurationList=on, **more)["QueueDescription"]["QueueARN"]
        made.append((client, arn))
        return arn

    yield make
    for client, arn in made:
        try:
            client.delete_queue(QueueARN=arn)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ResourceNotFoundException", error


def give_up_after(receives):
    return {"DeadLetterConfiguration": {"TargetType": "BUILT_IN", "MaxReceiveCount": receives}}


def put(kinesis, stream, *data, **more):
    return [kinesis.put_record(StreamName=stream, Data=one, PartitionKey="k", **more) for one in data]


def receive(kinesis, queue, **more):
    return kinesis.receive_queue_records(QueueARN=queue, **{"WaitTimeSeconds": 1, **more})["QueueRecords"]


def dead(kinesis, queue, **more):
    return kinesis.receive_dead_letter_queue_records(QueueARN=queue, **{"WaitTimeSeconds": 1, **more})["QueueRecords"]


def everything(kinesis, queue, count, take=receive):
    """So many records, by as many receives as it takes."""
    found = []
    while len(found) < count:
        got = take(kinesis, queue, WaitTimeSeconds=20)
        assert got, f"{len(found)} of {count}"
        found += got
    return found


def handles(records, **more):
    return [{"ReceiptHandle": record["ReceiptHandle"], **more} for record in records]


def failures(answer):
    return [failed["ErrorCode"] for failed in answer["Failed"]]


def test_a_queue_is_described_as_it_was_made(kinesis, make_stream, make_queue):
    stream = make_stream(shards=None)
    on = [{"StreamARN": arn_of(kinesis, stream)}]
    name = f"q-{uuid.uuid4().hex[:12]}"
    made = kinesis.create_queue(QueueName=name, StreamConfigurationList=on)["QueueDescription"]
    assert (made["QueueName"], made["QueueStatus"]) == (name, "CREATING")
    assert re.fullmatch(r"arn:aws:kinesis:us-east-1:\d{12}:queue/[0-9a-f]{32}", made["QueueARN"])
    defaults = {"VisibilityTimeoutSeconds": 30, **give_up_after(6)}
    assert made["QueueAttributes"] == defaults
    # The position that it comes to is told when it holds.
    assert made["StreamConfigurationList"] == [{**on[0], "StartingPosition": {"Type": "LATEST"}}]
    found = kinesis.describe_queue(QueueARN=made["QueueARN"])["QueueDescription"]
    assert (found["QueueStatus"], found["QueueAttributes"]) == ("ACTIVE", defaults)
    position = found["StreamConfigurationList"][0]["StartingPosition"]
    assert position == {"Type": "LATEST", "Timestamp": made["QueueCreationTimestamp"]}
    code, sentence = refusal(kinesis.create_queue, QueueName=name, StreamConfigurationList=on)
    assert (code, sentence) == ("ResourceInUseException", f"Queue {name} under account 000000000000 already exists.")
    kinesis.delete_queue(QueueARN=made["QueueARN"])
    for call in (kinesis.describe_queue, kinesis.delete_queue, kinesis.receive_queue_records):
        assert refusal(call, QueueARN=made["QueueARN"])[0] == "ResourceNotFoundException"
    # The name is free again, and the next queue is another.
    again = kinesis.create_queue(QueueName=name, StreamConfigurationList=on)["QueueDescription"]
    assert again["QueueARN"] != made["QueueARN"]
    kinesis.delete_queue(QueueARN=again["QueueARN"])


def test_records_are_received_and_acknowledged(kinesis, make_stream, make_queue):
    stream = make_stream(shards=3)
    queue = make_queue(stream)
    entries = [{"Data": b"%d" % nth, "PartitionKey": f"k{nth}"} for nth in range(30)]
    kinesis.put_records(StreamName=stream, Records=entries)
    found = everything(kinesis, queue, 30)
    assert sorted(int(record["Data"]) for record in found) == list(range(30))
    assert all(record["PartitionKey"] == f"k{int(record['Data'])}" for record in found)
    assert {record["ReceiveCount"] for record in found} == {1}
    assert len({record["RecordId"] for record in found}) == len({record["ReceiptHandle"] for record in found}) == 30
    assert all(record["ApproximateArrivalTimestamp"] <= record["FirstReceiveTimestamp"] for record in found)
    for begin in range(0, 30, 10):
        answer = kinesis.acknowledge_queue_records(QueueARN=queue, Entries=handles(found[begin : begin + 10]))
        assert answer["Successful"] == handles(found[begin : begin + 10]) and answer["Failed"] == []
    assert receive(kinesis, queue) == []
    # The records are in the stream as before.
    assert len(everything(kinesis, make_queue(stream), 30)) == 30


def test_a_receive_takes_ten_at_the_most_and_as_many_as_it_says(kinesis, make_stream, make_queue):
    stream = make_stream()
    queue = make_queue(stream)
    kinesis.put_records(StreamName=stream, Records=[{"Data": b"x", "PartitionKey": "k"}] * 25)
    assert [len(receive(kinesis, queue, **more)) for more in ({"Limit": 3}, {}, {"Limit": 10}, {})] == [3, 10, 10, 2]
    for wrong in ({"Limit": 0}, {"Limit": 11}, {"WaitTimeSeconds": 0}, {"WaitTimeSeconds": 21}, {"VisibilityTimeoutSeconds": 43201}):
        assert refusal(kinesis.receive_queue_records, QueueARN=queue, **wrong)[0] == "ValidationException"


def test_what_comes_while_one_waits_is_received_at_once(kinesis, make_stream, make_queue):
    """In any shard, also in one that was opened meanwhile."""
    stream = make_stream(shards=2)
    queue = make_queue(stream, "LATEST")
    got, began = [], time.monotonic()
    waits = [threading.Thread(target=lambda: got.extend(receive(make_client(), queue, WaitTimeSeconds=20))) for _ in range(2)]
    [wait.start() for wait in waits]
    time.sleep(0.5)
    put(kinesis, stream, b"high", ExplicitHashKey=HIGH)
    kinesis.split_shard(StreamName=stream, ShardToSplit=FIRST, NewStartingHashKey="12345")
    put(kinesis, stream, b"low", ExplicitHashKey=LOW)
    [wait.join() for wait in waits]
    assert sorted(record["Data"] for record in got) == [b"high", b"low"]
    assert time.monotonic() - began < 15


def test_nothing_comes_and_the_wait_ends(kinesis, make_stream, make_queue):
    queue = make_queue(make_stream())
    began = time.monotonic()
    assert receive(kinesis, queue, WaitTimeSeconds=2) == []
    assert time.monotonic() - began >= 2


def test_a_record_that_nobody_acknowledges_comes_back(kinesis, make_stream, make_queue):
    stream = make_stream()
    queue = make_queue(stream, VisibilityTimeoutSeconds=2)
    put(kinesis, stream, b"x")
    (first,) = receive(kinesis, queue)
    # Whoever waits is woken when the timeout ends.
    (second,) = receive(kinesis, queue, WaitTimeSeconds=20)
    assert second["ReceiptHandle"] != first["ReceiptHandle"]
    same = ["RecordId", "Data", "PartitionKey", "ApproximateArrivalTimestamp", "FirstReceiveTimestamp"]
    assert [second[name] for name in same] == [first[name] for name in same]
    assert (first["ReceiveCount"], second["ReceiveCount"]) == (1, 2)
    answer = kinesis.acknowledge_queue_records(QueueARN=queue, Entries=handles([first, second, second]))
    assert answer["Successful"] == handles([second])
    assert failures(answer) == ["InvalidArgumentException", "ResourceNotFoundException"]


def test_visibility_is_changed_record_by_record(kinesis, make_stream, make_queue):
    stream = make_stream()
    queue = make_queue(stream)
    put(kinesis, stream, b"0", b"1")
    zero, one = sorted(receive(kinesis, queue), key=lambda record: record["Data"])
    entries = handles([zero], VisibilityTimeoutSeconds=0) + handles([one], VisibilityTimeoutSeconds=43200)
    answer = kinesis.update_queue_records_visibility(QueueARN=queue, Entries=entries)
    assert (answer["Successful"], answer["Failed"]) == (handles([zero, one]), [])
    assert [record["Data"] for record in receive(kinesis, queue, WaitTimeSeconds=20)] == [b"0"]
    again = kinesis.update_queue_records_visibility(QueueARN=queue, Entries=entries[:1])
    assert failures(again) == ["InvalidArgumentException"]
    wrong = handles([one], VisibilityTimeoutSeconds=43201)
    assert refusal(kinesis.update_queue_records_visibility, QueueARN=queue, Entries=wrong)[0] == "ValidationException"
    # A visibility timeout of the receive itself, and of none: it is visible again at once.
    put(kinesis, stream, b"2")
    for count in (1, 2):
        (record,) = receive(kinesis, queue, VisibilityTimeoutSeconds=0)
        assert (record["Data"], record["ReceiveCount"]) == (b"2", count)


def test_dead_letters_have_a_way_of_their_own(kinesis, make_stream, make_queue):
    stream = make_stream()
    queue = make_queue(stream, VisibilityTimeoutSeconds=0, **give_up_after(2))
    put(kinesis, stream, b"0", b"1", b"2")
    assert [sorted(record["ReceiveCount"] for record in receive(kinesis, queue)) for _ in range(2)] == [[1] * 3, [2] * 3]
    assert receive(kinesis, queue) == []
    letters = sorted(dead(kinesis, queue, VisibilityTimeoutSeconds=60), key=lambda record: record["Data"])
    assert [(record["Data"], record["PartitionKey"], record["ReceiveCount"]) for record in letters] == [
        (b"%d" % nth, "k", 3) for nth in range(3)
    ]
    assert dead(kinesis, queue) == []
    zero, one, two = letters
    answer = kinesis.acknowledge_dead_letter_queue_records(QueueARN=queue, Entries=handles([zero]))
    assert (answer["Successful"], answer["Failed"]) == (handles([zero]), [])
    entries = handles([one], VisibilityTimeoutSeconds=0)
    answer = kinesis.update_dead_letter_queue_records_visibility(QueueARN=queue, Entries=entries)
    assert answer["Successful"] == handles([one])
    (one,) = dead(kinesis, queue, VisibilityTimeoutSeconds=60)
    assert (one["Data"], one["ReceiveCount"]) == (b"1", 4)
    # Those who work off what is alive leave dead letters alone.
    entries = handles([one], VisibilityTimeoutSeconds=0)
    assert failures(kinesis.update_queue_records_visibility(QueueARN=queue, Entries=entries)) == ["InvalidArgumentException"]
    answer = kinesis.restore_dead_letter_queue_records(QueueARN=queue, Entries=handles([one, two, zero]))
    assert answer["Successful"] == handles([one, two]) and failures(answer) == ["ResourceNotFoundException"]
    back = receive(kinesis, queue, WaitTimeSeconds=20)
    assert sorted((record["Data"], record["ReceiveCount"]) for record in back) == [(b"1", 1), (b"2", 1)]
    assert {record["FirstReceiveTimestamp"] for record in back} == {one["FirstReceiveTimestamp"]}
    answer = kinesis.acknowledge_dead_letter_queue_records(QueueARN=queue, Entries=handles(back))
    assert failures(answer) == ["InvalidArgumentException"] * 2, "they are dead letters no more"
    # And become such again by as many receives as before.
    receive(kinesis, queue)
    assert len(dead(kinesis, queue, WaitTimeSeconds=20)) == 2


def test_who_waits_for_dead_letters_is_woken_by_one(kinesis, make_stream, make_queue):
    stream = make_stream()
    queue = make_queue(stream, VisibilityTimeoutSeconds=2, **give_up_after(1))
    put(kinesis, stream, b"x")
    assert len(receive(kinesis, queue)) == 1
    (letter,) = dead(kinesis, queue, WaitTimeSeconds=20)
    assert letter["Data"] == b"x"


def test_without_dead_letters_a_record_comes_back_however_often(kinesis, make_stream, make_queue):
    stream = make_stream()
    queue = make_queue(stream, VisibilityTimeoutSeconds=0, DeadLetterConfiguration={"TargetType": "NONE"})
    described = kinesis.describe_queue(QueueARN=queue)["QueueDescription"]["QueueAttributes"]
    assert described == {"VisibilityTimeoutSeconds": 0, "DeadLetterConfiguration": {"TargetType": "NONE"}}
    put(kinesis, stream, b"x")
    counts = [receive(kinesis, queue, WaitTimeSeconds=20)[0]["ReceiveCount"] for _ in range(9)]
    assert counts == list(range(1, 10))


def test_a_queue_that_is_updated_goes_on(kinesis, make_stream, make_queue):
    stream = make_stream()
    queue = make_queue(stream, VisibilityTimeoutSeconds=600)
    put(kinesis, stream, b"x")
    (record,) = receive(kinesis, queue)
    updated = kinesis.update_queue(QueueARN=queue, QueueAttributes=give_up_after(1))["QueueDescription"]
    assert (updated["QueueStatus"], updated["QueueAttributes"]) == (
        "UPDATING",
        {"VisibilityTimeoutSeconds": 600, **give_up_after(1)},
    )
    updated = kinesis.update_queue(QueueARN=queue, QueueAttributes={"VisibilityTimeoutSeconds": 0})["QueueDescription"]
    assert updated["QueueAttributes"] == {"VisibilityTimeoutSeconds": 0, **give_up_after(1)}
    # What is in flight stays as long as it was received for.
    assert receive(kinesis, queue) == []
    assert failures(kinesis.acknowledge_queue_records(QueueARN=queue, Entries=handles([record]))) == []


def test_wrong_queues_are_refused(kinesis, make_stream, make_queue):
    arn = arn_of(kinesis, make_stream(shards=None))

    def refused(streams=None, position=None, **attributes):
        on = streams or [{"StreamARN": arn, **({"StartingPosition": position} if position else {})}]
        more = {"QueueAttributes": attributes} if attributes else {}
        return refusal(kinesis.create_queue, QueueName="wrong", StreamConfigurationList=on, **more)

    now = datetime.datetime.now(datetime.timezone.utc)
    for code in [
        refused(streams=[{"StreamARN": arn}] * 2),
        refused(position={"Type": "AT_TIMESTAMP"}),
        refused(position={"Type": "LATEST", "Timestamp": now}),
        refused(position={"Type": "TRIM_HORIZON", "Timestamp": now}),
        refused(position={"Type": "NOWHERE"}),
        refused(VisibilityTimeoutSeconds=43201),
        refused(DeadLetterConfiguration={"TargetType": "BUILT_IN"}),
        refused(DeadLetterConfiguration={"TargetType": "NONE", "MaxReceiveCount": 3}),
        refused(**give_up_after(0)),
        refused(**give_up_after(1001)),
    ]:
        assert code[0] == "ValidationException", code
    assert refused(streams=[{"StreamARN": arn + "-not"}])[0] == "ResourceNotFoundException"
    for wrong in ("no arn", arn):
        assert refusal(kinesis.describe_queue, QueueARN=wrong)[0] == "ValidationException"
    queue = make_queue(arn.rpartition("/")[2])
    for wrong in ([], [{"ReceiptHandle": "x"}] * 11):
        assert refusal(kinesis.acknowledge_queue_records, QueueARN=queue, Entries=wrong)[0] == "ValidationException"
    other = make_client(region="eu-west-1")
    assert refusal(other.describe_queue, QueueARN=queue)[0] == "InvalidArgumentException"


def test_a_queue_begins_where_it_says(kinesis, make_stream, make_queue):
    stream = make_stream(shards=2)
    put(kinesis, stream, b"before", ExplicitHashKey=LOW)
    put(kinesis, stream, b"before too", ExplicitHashKey=HIGH)
    time.sleep(1.1)
    since = kinesis.put_record(StreamName=stream, Data=b"since", PartitionKey="k", ExplicitHashKey=LOW)
    assert since
    everyone = make_queue(stream)
    (record,) = [record for record in everything(kinesis, everyone, 3) if record["Data"] == b"since"]
    moment = record["ApproximateArrivalTimestamp"]
    timed, latest = make_queue(stream, {"Type": "AT_TIMESTAMP", "Timestamp": moment}), make_queue(stream, "LATEST")
    put(kinesis, stream, b"after", ExplicitHashKey=HIGH)
    assert sorted(record["Data"] for record in everything(kinesis, timed, 2)) == [b"after", b"since"]
    assert [record["Data"] for record in everything(kinesis, latest, 1)] == [b"after"]
    assert receive(kinesis, timed) == receive(kinesis, latest) == []
    position = kinesis.describe_queue(QueueARN=timed)["QueueDescription"]["StreamConfigurationList"][0]["StartingPosition"]
    assert position == {"Type": "AT_TIMESTAMP", "Timestamp": moment}
    # Earlier than there was a stream is when there was one.
    made = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamCreationTimestamp"]
    for start in ("TRIM_HORIZON", {"Type": "AT_TIMESTAMP", "Timestamp": made - datetime.timedelta(days=3)}):
        described = kinesis.describe_queue(QueueARN=make_queue(stream, start))["QueueDescription"]
        assert described["StreamConfigurationList"][0]["StartingPosition"]["Timestamp"] == made


def test_a_records_id_is_the_same_in_all_queues_and_its_receipt_in_none(kinesis, make_stream, make_queue):
    stream = make_stream()
    one, other = make_queue(stream), make_queue(stream)
    put(kinesis, stream, b"x")
    (mine,), (theirs,) = receive(kinesis, one), receive(kinesis, other)
    assert mine["RecordId"] == theirs["RecordId"] and re.fullmatch("[a-z0-9]{1,64}", mine["RecordId"])
    assert failures(kinesis.acknowledge_queue_records(QueueARN=one, Entries=handles([theirs]))) == ["InvalidArgumentException"]
    # Nor can one be made up: the last bytes are chance.
    forged = mine["ReceiptHandle"][:-4] + ("AAA=" if mine["ReceiptHandle"][-4:] != "AAA=" else "BBB=")
    answer = kinesis.acknowledge_queue_records(QueueARN=one, Entries=[{"ReceiptHandle": forged}])
    assert failures(answer) == ["InvalidArgumentException"] and answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert failures(kinesis.acknowledge_queue_records(QueueARN=one, Entries=handles([mine]))) == []


def test_records_of_parents_and_children_are_all_received(kinesis, make_stream, make_queue):
    stream = make_stream(shards=1)
    queue = make_queue(stream)
    number = 0

    def put_some():
        nonlocal number
        entries = [{"Data": b"%d" % nth, "PartitionKey": f"k{nth}"} for nth in range(number, number + 20)]
        kinesis.put_records(StreamName=stream, Records=entries)
        number += 20

    put_some()
    assert len(receive(kinesis, queue, VisibilityTimeoutSeconds=0)) == 10
    kinesis.split_shard(StreamName=stream, ShardToSplit=FIRST, NewStartingHashKey=str(2**127))
    put_some()
    children = [shard["ShardId"] for shard in shards(kinesis, stream, ShardFilter={"Type": "AT_LATEST"})]
    kinesis.merge_shards(StreamName=stream, ShardToMerge=children[0], AdjacentShardToMerge=children[1])
    put_some()
    kinesis.update_shard_count(StreamName=stream, TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    put_some()
    seen = set()
    while len(seen) < number:
        got = receive(kinesis, queue, WaitTimeSeconds=20)
        assert got, f"{len(seen)} of {number}"
        assert failures(kinesis.acknowledge_queue_records(QueueARN=queue, Entries=handles(got))) == []
        seen |= {int(record["Data"]) for record in got}
    assert seen == set(range(number)) and receive(kinesis, queue) == []


def test_no_shard_and_nothing_new_waits_for_ever_behind_what_comes_back(kinesis, make_stream, make_queue):
    stream = make_stream(shards=2)
    queue = make_queue(stream, VisibilityTimeoutSeconds=0, DeadLetterConfiguration={"TargetType": "NONE"})
    for side in (LOW, HIGH):
        entries = [{"Data": side.encode(), "PartitionKey": "k", "ExplicitHashKey": side}] * 100
        kinesis.put_records(StreamName=stream, Records=entries)
    seen = {record["Data"]: record["ReceiveCount"] for _ in range(8) for record in receive(kinesis, queue)}
    assert seen.keys() == {LOW.encode(), HIGH.encode()}


def test_large_records_come_in_several_answers(kinesis, make_stream, make_queue):
    stream = make_stream()
    kinesis.update_max_record_size(StreamARN=arn_of(kinesis, stream), MaxRecordSizeInKiB=10240)
    queue = make_queue(stream)
    sizes = [6_000_000, 3_000_000, 6_000_000, 10_000_000]
    for size in sizes:
        put(kinesis, stream, b"x" * size)
    got, answers = [], 0
    while len(got) < 4:
        records = receive(kinesis, queue, WaitTimeSeconds=20)
        assert 0 < sum(len(record["Data"]) for record in records) <= 10 << 20
        got, answers = got + records, answers + 1
    # What did not fit was not received then.
    assert sorted(len(record["Data"]) for record in got) == sorted(sizes) and answers >= 3
    assert {record["ReceiveCount"] for record in got} == {1}


def test_sealed_records_are_received_by_who_can_open_them(kinesis, make_stream, make_queue):
    kms = quiet_client("kms", ENDPOINT, ("test", "secret", None), "us-east-1", parameter_validation=False)
    first, second = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    stream = make_stream()
    queue = make_queue(stream, VisibilityTimeoutSeconds=600, **give_up_after(1))
    kinesis.start_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId=first)
    put(kinesis, stream, b"first")
    kms.disable_key(KeyId=first)
    assert refusal(kinesis.receive_queue_records, QueueARN=queue)[0] == "KMSDisabledException"
    # What cannot be opened keeps nobody from the rest, and was not received.
    kinesis.start_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId=second)
    put(kinesis, stream, b"second")
    (record,) = receive(kinesis, queue)
    assert (record["Data"], record["PartitionKey"]) == (b"second", "k")
    kms.enable_key(KeyId=first)
    (record,) = receive(kinesis, queue)
    assert (record["Data"], record["PartitionKey"], record["ReceiveCount"]) == (b"first", "k", 1)


def test_a_stream_with_queues_stays(kinesis, make_stream, make_queue):
    stream = make_stream(shards=None)
    arn = arn_of(kinesis, stream)
    queue = make_queue(stream)
    provisioned = {"StreamARN": arn, "StreamModeDetails": {"StreamMode": "PROVISIONED"}}
    for call, asked in (
        (kinesis.delete_stream, {"StreamARN": arn}),
        (kinesis.delete_stream, {"StreamARN": arn, "EnforceConsumerDeletion": True}),
        (kinesis.update_stream_mode, provisioned),
    ):
        code, sentence = refusal(call, **asked)
        assert code == "ResourceInUseException" and "queues on this data stream" in sentence
    kinesis.delete_queue(QueueARN=queue)
    kinesis.update_stream_mode(**provisioned)
    # Beyond AWS: a provisioned stream has queues, too, and stays provisioned or is made on demand with them.
    queue = make_queue(stream)
    kinesis.update_stream_mode(**provisioned)
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert refusal(kinesis.update_stream_mode, **provisioned)[0] == "ResourceInUseException"
    kinesis.delete_queue(QueueARN=queue)
    kinesis.delete_stream(StreamARN=arn)


def test_queues_are_consumers_of_their_stream(kinesis, make_stream, make_queue):
    stream = make_stream(shards=None)
    arn = arn_of(kinesis, stream)
    for nth in range(10):
        make_queue(stream)
        kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=f"c{nth}")
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert (summary["ConsumerCount"], summary["QueueCount"]) == (10, 10)
    assert refusal(kinesis.register_stream_consumer, StreamARN=arn, ConsumerName="c")[0] == "LimitExceededException"
    on = [{"StreamARN": arn}]
    assert refusal(kinesis.create_queue, QueueName="q", StreamConfigurationList=on)[0] == "LimitExceededException"


def test_queues_are_listed_page_by_page(kinesis, make_stream, make_queue):
    account = make_client(access_key="777788889999")
    streams = [f"s-{uuid.uuid4().hex[:12]}" for _ in range(2)]
    for stream in streams:
        account.create_stream(StreamName=stream)
    made = {stream: {make_queue(stream, client=account) for _ in range(4)} for stream in streams}

    def listed(**asked):
        page = account.list_queues(**asked)
        found = page["QueueSummaries"]
        while "NextToken" in page:
            assert len(page["QueueSummaries"]) == asked["MaxResults"]
            page = account.list_queues(**asked, NextToken=page["NextToken"])
            found += page["QueueSummaries"]
        return found

    everyone = listed(MaxResults=3)
    assert {queue["QueueARN"] for queue in everyone} == made[streams[0]] | made[streams[1]] and len(everyone) == 8
    arn = arn_of(account, streams[0])
    summary = account.describe_stream_summary(StreamName=streams[0])["StreamDescriptionSummary"]
    of_first = listed(MaxResults=1, StreamFilter=[{"StreamARN": arn}])
    assert {queue["QueueARN"] for queue in of_first} == made[streams[0]]
    created = summary["StreamCreationTimestamp"]
    assert of_first[0]["Streams"] == [{"StreamARN": arn, "StreamCreationTimestamp": created}]
    assert of_first[0]["QueueStatus"] == "ACTIVE"
    assert len(listed(StreamFilter=[{"StreamARN": arn, "StreamCreationTimestamp": created}])) == 4
    before = created - datetime.timedelta(days=1)
    assert listed(StreamFilter=[{"StreamARN": arn, "StreamCreationTimestamp": before}]) == []
    assert listed(StreamFilter=[{"StreamARN": arn + "-not"}]) == []
    assert refusal(account.list_queues, NextToken="x")[0] == "InvalidArgumentException"
    for stream in streams:
        for queue in made[stream]:
            account.delete_queue(QueueARN=queue)
        account.delete_stream(StreamName=stream)


def test_queues_have_tags_and_policies(kinesis, make_stream, make_queue):
    stream = make_stream()
    queue = make_queue(stream)
    kinesis.tag_resource(ResourceARN=queue, Tags={"a": "b", "c": "d"})
    kinesis.untag_resource(ResourceARN=queue, TagKeys=["a"])
    assert kinesis.list_tags_for_resource(ResourceARN=queue)["Tags"] == [{"Key": "c", "Value": "d"}]
    assert kinesis.get_resource_policy(ResourceARN=queue)["Policy"] == "{}"
    statement = {"Effect": "Deny", "Principal": "*", "Action": "kinesis:DeleteQueue", "Resource": queue}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    kinesis.put_resource_policy(ResourceARN=queue, Policy=policy)
    assert kinesis.get_resource_policy(ResourceARN=queue)["Policy"] == policy
    kinesis.delete_resource_policy(ResourceARN=queue)
    assert refusal(kinesis.delete_resource_policy, ResourceARN=queue)[0] == "ResourceNotFoundException"
    assert refusal(kinesis.tag_resource, ResourceARN=queue[:-1], Tags={"a": "b"})[0] == "ResourceNotFoundException"


def test_with_awss_limits_queues_are_of_streams_on_demand(tmp_path):
    with own_servers() as make:
        client = make_client(make(tmp_path / "data", environment={"TIDEWIRE_LIMITS": "aws"}).start().endpoint)
        client.create_stream(StreamName="p", ShardCount=1)
        client.create_stream(StreamName="d")
        on = [{"StreamARN": arn_of(client, "p")}]
        refused = refusal(client.create_queue, QueueName="q", StreamConfigurationList=on)
        assert refused == (
            "ValidationException",
            "Queues are supported only on data streams in on-demand capacity mode.",
        )
        on = [{"StreamARN": arn_of(client, "d")}]
        client.create_queue(QueueName="q", StreamConfigurationList=on)


@pytest.mark.timeout(300)
def test_what_queues_answered_survives_kills(tmp_path):
    """Producers and consumers of one queue while the server is killed: all that was put comes, none that was acknowledged again."""
    with own_servers() as make:
        server = make(tmp_path / "data").start()
        client = make_client(server.endpoint)
        client.create_stream(StreamName="s", ShardCount=2)
        position = {"StreamARN": arn_of(client, "s"), "StartingPosition": {"Type": "TRIM_HORIZON"}}
        attributes = {"VisibilityTimeoutSeconds": 3, "DeadLetterConfiguration": {"TargetType": "NONE"}}
        made = client.create_queue(QueueName="q", StreamConfigurationList=[position], QueueAttributes=attributes)
        queue = made["QueueDescription"]["QueueARN"]
        kept, acknowledged, tried, wrong, number, ids = set(), set(), set(), [], [0], {}

        def produce(endpoint):
            producer = make_client(endpoint)
            while True:
                number[0] += 1
                mine = number[0]
                producer.put_record(StreamName="s", Data=b"%d" % mine, PartitionKey=str(mine))
                kept.add(mine)

        def consume(endpoint):
            consumer = make_client(endpoint)
            while True:
                before = set(acknowledged)
                got = consumer.receive_queue_records(QueueARN=queue, WaitTimeSeconds=1)["QueueRecords"]
                numbers = {int(record["Data"]) for record in got}
                wrong.extend(numbers & before)
                wrong.extend(r for r in got if ids.setdefault(int(r["Data"]), r["RecordId"]) != r["RecordId"])
                # Every other record is left to come back.
                some = [record for record in got if (int(record["Data"]) + record["ReceiveCount"]) % 2]
                if some:
                    tried.update(int(record["Data"]) for record in some)
                    answer = consumer.acknowledge_queue_records(QueueARN=queue, Entries=handles(some))
                    done = {one["ReceiptHandle"] for one in answer["Successful"]}
                    acknowledged.update(int(record["Data"]) for record in some if record["ReceiptHandle"] in done)

        def until_the_kill(work, endpoint):
            try:
                work(endpoint)
            except Exception:  # The server is gone.
                pass

        for _ in range(4):
            workers = [threading.Thread(target=until_the_kill, args=(work, server.endpoint)) for work in (produce, consume, consume)]
            [worker.start() for worker in workers]
            time.sleep(1.5)
            server.kill()
            [worker.join() for worker in workers]
            server = make(tmp_path / "data").start()
        client, left = make_client(server.endpoint), set()
        while True:
            got = client.receive_queue_records(QueueARN=queue, WaitTimeSeconds=5)["QueueRecords"]
            if not got:
                break
            left |= {int(record["Data"]) for record in got}
            wrong.extend(r for r in got if ids.setdefault(int(r["Data"]), r["RecordId"]) != r["RecordId"])
            client.acknowledge_queue_records(QueueARN=queue, Entries=handles(got))
        assert wrong == [] and acknowledged and kept
        assert left & acknowledged == set(), "what was acknowledged does not come back"
        # An acknowledgement whose answer was lost may have held.
        assert kept <= left | acknowledged | tried


def test_counts_receipts_and_dead_letters_survive_a_kill(tmp_path):
    with own_servers() as make:
        server = make(tmp_path / "data").start()
        client = make_client(server.endpoint)
        client.create_stream(StreamName="s", ShardCount=1)
        position = {"StreamARN": arn_of(client, "s"), "StartingPosition": {"Type": "TRIM_HORIZON"}}
        attributes = {"VisibilityTimeoutSeconds": 600, **give_up_after(2)}
        made = client.create_queue(
            QueueName="q", StreamConfigurationList=[position], QueueAttributes=attributes, Tags={"a": "b"}
        )["QueueDescription"]
        queue = made["QueueARN"]
        put(client, "s", b"0", b"1", b"2")
        receive(client, queue, VisibilityTimeoutSeconds=0)
        first = {record["Data"]: record for record in receive(client, queue)}
        entries = handles([first[b"0"]], VisibilityTimeoutSeconds=0)
        assert failures(client.update_queue_records_visibility(QueueARN=queue, Entries=entries)) == []
        (letter,) = dead(client, queue)
        server.kill()
        client = make_client(make(tmp_path / "data").start().endpoint)
        described = client.describe_queue(QueueARN=queue)["QueueDescription"]
        assert (described["QueueName"], described["QueueAttributes"]) == ("q", attributes)
        assert client.list_tags_for_resource(ResourceARN=queue)["Tags"] == [{"Key": "a", "Value": "b"}]
        # What is in flight is so still, and its receipts are good.
        assert receive(client, queue) == [] and dead(client, queue) == []
        answer = client.acknowledge_queue_records(QueueARN=queue, Entries=handles([first[b"1"]]))
        assert failures(answer) == []
        entries = handles([first[b"2"]], VisibilityTimeoutSeconds=0)
        assert failures(client.update_queue_records_visibility(QueueARN=queue, Entries=entries)) == []
        (second,) = dead(client, queue, WaitTimeSeconds=20)
        assert (second["Data"], second["ReceiveCount"], second["RecordId"]) == (b"2", 3, first[b"2"]["RecordId"])
        answer = client.restore_dead_letter_queue_records(QueueARN=queue, Entries=handles([letter]))
        assert failures(answer) == []
        (back,) = receive(client, queue, WaitTimeSeconds=20)
        assert (back["Data"], back["ReceiveCount"], back["RecordId"]) == (b"0", 1, letter["RecordId"])
