"""Consumer groups, by the loop that docs/STREAMS.md shows, and what the server refuses; kill -9 in between."""

import json
import threading
import time
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from conftest import make_client
from own_servers import own_servers
from quiet_client import ENDPOINT

SESSION = boto3.Session(aws_access_key_id="test", aws_secret_access_key="secret")
FIRST = "shardId-000000000000"


class Own:
    """Operations of tidewire's own on a group of a stream."""

    def __init__(self, stream, endpoint=ENDPOINT):
        self.endpoint, self.named = endpoint, {"StreamName": stream, "GroupName": "g"}

    def __call__(self, operation, **members):
        members = {**self.named, **members}
        request = AWSRequest("POST", self.endpoint, data=json.dumps(members), headers={
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TidewireStreams_20261123." + operation})
        SigV4Auth(SESSION.get_credentials(), "kinesis", "us-east-1").add_auth(request)
        asked = urllib.request.Request(self.endpoint, request.data.encode(), dict(request.headers))
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)

    def refusal(self, operation, **members):
        with pytest.raises(urllib.error.HTTPError) as refused:
            self(operation, **members)
        error = json.load(refused.value)
        return error["__type"], error["message"]

    def shards(self):
        return {shard["ShardId"]: shard for shard in self("DescribeGroup")["Shards"]}


class Reader:
    """A member: the loop of docs/STREAMS.md, one round at a time."""

    def __init__(self, own, kinesis, name):
        self.own, self.kinesis, self.name, self.seen = own, kinesis, name, []
        self.join()

    def join(self):
        me = self.own("JoinGroup", MemberId=self.name, SessionTimeoutMilliseconds=600000)
        self.generation, self.ours = me["Generation"], {one["ShardId"]: one for one in me["Assignments"]}

    def round(self):
        for shard, one in list(self.ours.items()):
            got = self.kinesis.get_records(ShardIterator=one["ShardIterator"], Limit=7)
            self.seen += [(record["PartitionKey"], int(record["Data"])) for record in got["Records"]]
            done = got["Records"][-1]["SequenceNumber"] if got["Records"] else None
            if "NextShardIterator" in got:
                one["ShardIterator"] = got["NextShardIterator"]
            else:
                done = "SHARD_END"
            if done and not self.commit(one, done):
                del self.ours[shard]
        beat = self.own("Heartbeat", MemberId=self.name, Generation=self.generation)
        self.generation = beat["Generation"]
        if "Assignments" in beat:
            kept = self.ours
            self.ours = {one["ShardId"]: one for one in beat["Assignments"]}
            same = lambda one: self.ours.get(one["ShardId"], {}).get("Generation") == one["Generation"]  # noqa: E731
            self.ours.update((shard, one) for shard, one in kept.items() if same(one))

    def commit(self, one, done):
        try:
            self.own("CommitPosition", MemberId=self.name, ShardId=one["ShardId"], Generation=one["Generation"],
                     SequenceNumber=done)
        except urllib.error.HTTPError as refused:
            assert json.load(refused)["__type"].endswith("StaleGenerationException")
            return False
        return done != "SHARD_END"


@pytest.fixture
def own(make_stream):
    own = Own(make_stream(2))
    own("CreateGroup")
    return own


def put(kinesis, own, data, **more):
    name = own.named["StreamName"]
    return kinesis.put_record(StreamName=name, Data=data, PartitionKey="k", **more)


def test_a_group_is_made_listed_described_and_deleted(kinesis, own):
    made = own("DescribeGroup")
    assert made["GroupARN"] == made["StreamARN"] + "/group/g" and made["Members"] == []
    assert [shard["LagRecords"] for shard in made["Shards"]] == [0, 0]
    assert own.refusal("CreateGroup")[0] == "ResourceInUseException"
    own("CreateGroup", GroupName="a")
    page = own("ListGroups", MaxResults=1)
    assert ([group["GroupName"] for group in page["Groups"]], page["HasMoreGroups"]) == (["a"], True)
    page = own("ListGroups", ExclusiveStartGroupName="a")
    assert ([group["GroupName"] for group in page["Groups"]], page["HasMoreGroups"]) == (["g"], False)
    own("JoinGroup", MemberId="m")
    assert own.refusal("DeleteGroup")[0] == "ResourceInUseException"
    own("DeleteGroup", EnforceMemberRemoval=True)
    code, sentence = own.refusal("DescribeGroup")
    assert code == "ResourceNotFoundException" and sentence.startswith("Group g of stream ")


def test_a_stale_commit_says_whose_the_shard_is(kinesis, own):
    number = put(kinesis, own, b"x", ExplicitHashKey="0")["SequenceNumber"]
    first = own("JoinGroup", MemberId="a")["Assignments"]
    assert [one["ShardId"][-1] for one in first] == ["0", "1"]
    commit = lambda member, generation, **more: {  # noqa: E731
        "MemberId": member, "ShardId": FIRST, "Generation": generation, "SequenceNumber": number, **more}
    own("JoinGroup", MemberId="a")
    code, sentence = own.refusal("CommitPosition", **commit("a", first[0]["Generation"]))
    assert code == "StaleGenerationException"
    assert f"{FIRST} is member a's since generation 2; this position is of generation 1" in sentence
    assert own.refusal("CommitPosition", **commit("b", 2))[0] == "UnknownMemberException"
    assert own.shards()[FIRST]["LagRecords"] == 1
    own("CommitPosition", **commit("a", 2))
    told = own.shards()[FIRST]
    assert (told["SequenceNumber"], told["LagRecords"], told["LagMilliseconds"]) == (number, 0, 0)
    wrong = own.refusal("CommitPosition", **commit("a", 2, SequenceNumber="SHARD_END"))
    assert wrong[0] == "InvalidArgumentException" and "no end" in wrong[1]
    other = put(kinesis, own, b"x", ExplicitHashKey=str(2**128 - 1))["SequenceNumber"]
    assert own.refusal("CommitPosition", **commit("a", 2, SequenceNumber=other))[0] == "InvalidArgumentException"


def test_a_member_that_is_silent_is_out_when_somebody_asks(own):
    own("JoinGroup", MemberId="a", SessionTimeoutMilliseconds=1000)
    own("JoinGroup", MemberId="b", SessionTimeoutMilliseconds=600000)
    until = time.monotonic() + 60
    while len(own("Heartbeat", MemberId="b")["Assignments"]) < 2:
        assert time.monotonic() < until
        time.sleep(0.2)
    assert own.refusal("Heartbeat", MemberId="a")[0] == "UnknownMemberException"


def test_positions_are_reset_by_word_time_and_number(kinesis, own):
    numbers = [put(kinesis, own, b"%d" % nth, ExplicitHashKey="0")["SequenceNumber"] for nth in range(5)]
    own("ResetPositions", StartingPosition={"Type": "LATEST"})
    assert own.shards()[FIRST]["LagRecords"] == 0
    own("ResetPositions", StartingPosition={"Type": "TRIM_HORIZON"})
    assert own.shards()[FIRST]["LagRecords"] == 5
    own("ResetPositions", StartingPosition={"Type": "AT_SEQUENCE_NUMBER", "SequenceNumber": numbers[3]}, ShardId=FIRST)
    assert own.shards()[FIRST]["LagRecords"] == 2
    own("ResetPositions", StartingPosition={"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": numbers[3]}, ShardId=FIRST)
    assert own.shards()[FIRST]["LagRecords"] == 1
    own("ResetPositions", StartingPosition={"Type": "AT_TIMESTAMP", "Timestamp": 1})
    told = own.shards()[FIRST]
    assert told["LagRecords"] == 5 and 0 < told["LagMilliseconds"] < 60000
    got = own("JoinGroup", MemberId="a")["Assignments"][0]
    assert kinesis.get_records(ShardIterator=got["ShardIterator"])["Records"][0]["SequenceNumber"] == numbers[0]
    wrong = own.refusal("ResetPositions", StartingPosition={"Type": "AT_SEQUENCE_NUMBER", "SequenceNumber": numbers[0]})
    assert wrong[0] == "InvalidArgumentException" and "ShardId" in wrong[1]


def test_the_loop_of_the_documentation_reads_all_in_order_through_members_and_shards_that_come_and_go(kinesis, own):
    stream = own.named["StreamName"]
    sent = {}

    def send(count):
        for nth in range(count):
            key = f"k{nth % 5}"
            sent[key] = sent.get(key, 0) + 1
            kinesis.put_record(StreamName=stream, Data=b"%d" % sent[key], PartitionKey=key)

    send(40)
    readers = [Reader(own, kinesis, "a")]
    readers[0].round()
    readers.append(Reader(own, kinesis, "b"))
    kinesis.update_shard_count(StreamName=stream, TargetShardCount=3, ScalingType="UNIFORM_SCALING")
    send(40)
    [reader.round() for reader in readers for _ in range(3)]
    own("LeaveGroup", MemberId="a")
    gone = readers.pop(0)
    readers.append(Reader(own, kinesis, "c"))
    send(20)
    for _ in range(200):
        [reader.round() for reader in readers]
        if all(shard["LagRecords"] == 0 for shard in own.shards().values()):
            break
    for key, count in sent.items():
        seen = [number for reader in [gone, *readers] for found, number in reader.seen if found == key]
        assert set(seen) == set(range(1, count + 1)), (key, sorted(seen), count)
        for reader in [gone, *readers]:
            # One who gets a shard begins at what is committed, and may see again what he had in hand.
            mine = list(dict.fromkeys(number for found, number in reader.seen if found == key))
            assert mine == sorted(mine), (key, mine)
    done = [shard for shard in own.shards().values() if shard["IsDone"]]
    assert len(done) >= 2 and all("MemberId" not in shard for shard in done)


def test_members_assignments_and_positions_survive_a_kill(tmp_path):
    with own_servers() as make:
        start = lambda: make(tmp_path / "data").start()  # noqa: E731
        server = start()
        make_client(server.endpoint).create_stream(StreamName="s", ShardCount=2)
        own = Own("s", server.endpoint)
        own("CreateGroup")
        lent = own("JoinGroup", MemberId="a", SessionTimeoutMilliseconds=600000)["Assignments"]
        put(make_client(server.endpoint), own, b"1", ExplicitHashKey="0")
        number = put(make_client(server.endpoint), own, b"2", ExplicitHashKey="0")["SequenceNumber"]
        put(make_client(server.endpoint), own, b"3", ExplicitHashKey="0")
        commit = {"MemberId": "a", "ShardId": FIRST, "Generation": lent[0]["Generation"], "SequenceNumber": number}
        own("CommitPosition", **commit)
        server.kill()
        server = start()
        own.endpoint = server.endpoint
        told = own("Heartbeat", MemberId="a")
        assert told["Generation"] == 1 and len(told["Assignments"]) == 2
        first = told["Assignments"][0]
        assert (first["SequenceNumber"], own.shards()[FIRST]["LagRecords"]) == (number, 1)
        got = make_client(server.endpoint).get_records(ShardIterator=first["ShardIterator"])["Records"]
        assert [record["Data"] for record in got] == [b"3"]
        own("CommitPosition", **{**commit, "SequenceNumber": got[0]["SequenceNumber"]})


def test_many_members_that_come_at_once_share_all_shards(make_stream):
    own = Own(make_stream(8))
    own("CreateGroup")
    threads = [threading.Thread(target=own, args=("JoinGroup",), kwargs={"MemberId": f"m{nth}"}) for nth in range(5)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    told = own("DescribeGroup")
    assert sorted(member["ShardCount"] for member in told["Members"]) == [1, 1, 2, 2, 2]
    assert all("MemberId" in shard for shard in told["Shards"])
