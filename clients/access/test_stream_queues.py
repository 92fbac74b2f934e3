"""Queues on streams of Kinesis: who may make one, work with it, and give it away by a policy of the queue's own."""

import json

import pytest
from conftest import allow, policy, refused
from quiet_client import fresh

WORKS = ["ReceiveQueueRecords", "AcknowledgeQueueRecords", "UpdateQueueRecordsVisibility"]
WORKS_ON_DEAD = [
    "ReceiveDeadLetterQueueRecords",
    "AcknowledgeDeadLetterQueueRecords",
    "UpdateDeadLetterQueueRecordsVisibility",
    "RestoreDeadLetterQueueRecords",
]


class Stream:
    """A stream of the root user's with a record, and a queue on it."""

    def __init__(self, house):
        self.owner = house.client("kinesis", house.root)
        self.name = fresh("s")
        self.owner.create_stream(StreamName=self.name)
        described = self.owner.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]
        self.arn = described["StreamARN"]
        self.on = {"StreamConfigurationList": [{"StreamARN": self.arn, "StartingPosition": {"Type": "TRIM_HORIZON"}}]}
        self.owner.put_record(StreamName=self.name, Data=b"x", PartitionKey="k")
        self.queue = self.make(Tags={"team": "a"})

    def make(self, client=None, **more):
        client = client or self.owner
        return client.create_queue(QueueName=fresh("q"), **self.on, **more)["QueueDescription"]["QueueARN"]


@pytest.fixture
def stream(house):
    return Stream(house)


def calls(client, queue):
    """Every operation on a queue, by name."""
    entries = [{"ReceiptHandle": "none"}]
    hides = [{"ReceiptHandle": "none", "VisibilityTimeoutSeconds": 0}]
    wait = {"WaitTimeSeconds": 1}
    return {
        "ReceiveQueueRecords": lambda: client.receive_queue_records(QueueARN=queue, VisibilityTimeoutSeconds=0, **wait),
        "AcknowledgeQueueRecords": lambda: client.acknowledge_queue_records(QueueARN=queue, Entries=entries),
        "UpdateQueueRecordsVisibility": lambda: client.update_queue_records_visibility(QueueARN=queue, Entries=hides),
        "ReceiveDeadLetterQueueRecords": lambda: client.receive_dead_letter_queue_records(QueueARN=queue, **wait),
        "AcknowledgeDeadLetterQueueRecords": lambda: client.acknowledge_dead_letter_queue_records(
            QueueARN=queue, Entries=entries
        ),
        "UpdateDeadLetterQueueRecordsVisibility": lambda: client.update_dead_letter_queue_records_visibility(
            QueueARN=queue, Entries=hides
        ),
        "RestoreDeadLetterQueueRecords": lambda: client.restore_dead_letter_queue_records(QueueARN=queue, Entries=entries),
        "DescribeQueue": lambda: client.describe_queue(QueueARN=queue),
        "UpdateQueue": lambda: client.update_queue(QueueARN=queue, QueueAttributes={"VisibilityTimeoutSeconds": 1}),
        "TagResource": lambda: client.tag_resource(ResourceARN=queue, Tags={"new": "x"}),
        "UntagResource": lambda: client.untag_resource(ResourceARN=queue, TagKeys=["new"]),
        "ListTagsForResource": lambda: client.list_tags_for_resource(ResourceARN=queue),
        "PutResourcePolicy": lambda: client.put_resource_policy(
            ResourceARN=queue, Policy=policy({**allow("kinesis:DescribeQueue", queue), "Principal": "*"})
        ),
        "GetResourcePolicy": lambda: client.get_resource_policy(ResourceARN=queue),
        "DeleteResourcePolicy": lambda: client.delete_resource_policy(ResourceARN=queue),
        "DeleteQueue": lambda: client.delete_queue(QueueARN=queue),
    }


def test_each_operation_needs_its_own_action_on_the_queue(house, stream):
    for action in calls(None, None):
        # All but one: what is asked is just the action of that name.
        others = [f"kinesis:{name}" for name in calls(None, None) if name != action]
        _, keys = house.user(allow(others, stream.queue), allow(f"kinesis:{action}", stream.queue + "-other"))
        denied = refused("AccessDeniedException", calls(house.client("kinesis", keys), stream.queue)[action])
        assert f"kinesis:{action} on resource: {stream.queue}" in denied
        _, keys = house.user(allow(f"kinesis:{action}", stream.queue))
        calls(house.client("kinesis", keys), stream.queue)[action]()
    # It was deleted last.
    refused("ResourceNotFoundException", stream.owner.describe_queue, QueueARN=stream.queue)


def test_a_queue_is_made_by_who_may_do_so_on_its_stream(house, stream):
    _, keys = house.user(allow("kinesis:CreateQueue", stream.arn))
    maker = house.client("kinesis", keys)
    stream.make(maker)
    denied = refused("AccessDeniedException", maker.create_queue, QueueName=fresh("q"), **stream.on, Tags={"a": "b"})
    assert "kinesis:TagResource" in denied
    refused("AccessDeniedException", maker.list_queues)
    other = Stream(house)
    assert "kinesis:CreateQueue" in refused("AccessDeniedException", maker.create_queue, QueueName=fresh("q"), **other.on)
    any_queue = stream.queue.rpartition("/")[0] + "/*"
    _, keys = house.user(allow("kinesis:CreateQueue", stream.arn), allow("kinesis:TagResource", any_queue))
    stream.make(house.client("kinesis", keys), Tags={"a": "b"})


def test_tags_of_a_queue_are_condition_keys(house, stream):
    team = {"StringEquals": {"aws:ResourceTag/team": "a"}}
    _, keys = house.user(allow("kinesis:ReceiveQueueRecords", "*", Condition=team))
    worker = house.client("kinesis", keys)
    assert len(worker.receive_queue_records(QueueARN=stream.queue)["QueueRecords"]) == 1
    refused("AccessDeniedException", worker.receive_queue_records, QueueARN=stream.make(Tags={"team": "b"}))


def test_a_policy_of_the_queue_denies_and_gives_to_other_accounts(neighbours, stream):
    house, neighbour = neighbours
    _, keys = neighbour.user(allow("kinesis:*", "*"))
    worker = neighbour.client("kinesis", keys)
    for call in calls(worker, stream.queue).values():
        refused("AccessDeniedException", call)
    given = {
        "Effect": "Allow",
        "Principal": {"AWS": neighbour.account},
        "Action": "kinesis:*",
        "Resource": stream.queue,
    }
    stream.owner.put_resource_policy(ResourceARN=stream.queue, Policy=policy(given))
    for name, call in calls(worker, stream.queue).items():
        if name in [*WORKS, *WORKS_ON_DEAD, "DescribeQueue"]:
            call()
        else:
            # What the queue is stays its owner's to say.
            refused("AccessDeniedException", call)
    (record,) = worker.receive_queue_records(QueueARN=stream.queue)["QueueRecords"]
    answer = worker.acknowledge_queue_records(QueueARN=stream.queue, Entries=[{"ReceiptHandle": record["ReceiptHandle"]}])
    assert len(answer["Successful"]) == 1
    # A denial counts for the owner's users, too.
    deny = {"Effect": "Deny", "Principal": "*", "Action": "kinesis:ReceiveQueueRecords", "Resource": stream.queue}
    stream.owner.put_resource_policy(ResourceARN=stream.queue, Policy=json.dumps({"Version": "2012-10-17", "Statement": deny}))
    _, keys = house.user(allow("kinesis:*", "*"))
    refused("AccessDeniedException", house.client("kinesis", keys).receive_queue_records, QueueARN=stream.queue)
