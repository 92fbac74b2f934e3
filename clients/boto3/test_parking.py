"""Message groups that are parked because their first message is poison (docs/EXTENSIONS.md, tidewire's own).

One test stops a server of its own with SIGKILL, so it needs TIDEWIRE_BIN.
"""

import json
import os
import sys
from pathlib import Path

import pytest
from conftest import fresh_name, make_client
from conversation import attributes_of, receive, receive_one, refusal

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tidewire_process import TidewireProcess  # noqa: E402 (the folder above holds what several suites share)


def create(sqs, **attributes):
    given = {"FifoQueue": "true", "VisibilityTimeout": "0", "TidewireParkAfter": "2", **attributes}
    return sqs.create_queue(QueueName=fresh_name() + ".fifo", Attributes=given)["QueueUrl"]


@pytest.fixture
def parking(sqs):
    url = create(sqs)
    yield url
    sqs.delete_queue(QueueUrl=url)


def send(sqs, url, *bodies):
    """Messages named group-and-number: `x1` is of group x."""
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=body[0], MessageDeduplicationId=body)


def bodies(messages):
    return [message["Body"] for message in messages]


def parked(sqs, url):
    return int(attributes_of(sqs, url, "TidewireParkedGroups")["TidewireParkedGroups"])


def unpark(sqs, url, **what):
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"TidewireUnpark": json.dumps(what)})


def poison(sqs, url):
    """Group x is parked, with two messages."""
    send(sqs, url, "x1", "x2")
    assert [bodies(receive(sqs, url)) for _ in range(3)] == [["x1"], ["x1"], []]


def test_a_poisoned_group_stands_still_and_others_go_on(sqs, parking):
    poison(sqs, parking)
    send(sqs, parking, "y1", "x3")
    got = receive(sqs, parking, MaxNumberOfMessages=10, VisibilityTimeout=30)
    assert (bodies(got), parked(sqs, parking)) == (["y1"], 1)
    looks = sqs.receive_message(QueueUrl=parking, MaxNumberOfMessages=10, MessageSystemAttributeNames=["TidewirePeek"])
    states = {m["Body"]: m["Attributes"]["TidewirePeekState"] for m in looks["Messages"]}
    assert states == {"x1": "parked", "x2": "parked", "x3": "parked", "y1": "in-flight"}
    only = sqs.receive_message(
        QueueUrl=parking, MaxNumberOfMessages=10, MessageSystemAttributeNames=["TidewirePeek:state=parked"]
    )
    assert bodies(only["Messages"]) == ["x1", "x2", "x3"]
    visible = sqs.receive_message(
        QueueUrl=parking, MaxNumberOfMessages=10, MessageSystemAttributeNames=["TidewirePeek:state=visible"]
    )
    assert visible.get("Messages", []) == []


def test_a_released_group_is_received_as_often_as_a_new_one(sqs, parking):
    poison(sqs, parking)
    unpark(sqs, parking, group="y")
    assert receive(sqs, parking) == []
    unpark(sqs, parking, group="x")
    message = receive_one(sqs, parking, MessageSystemAttributeNames=["All"])
    assert (message["Body"], message["Attributes"]["ApproximateReceiveCount"]) == ("x1", "3")
    assert [bodies(receive(sqs, parking)) for _ in range(2)] == [["x1"], []]
    assert parked(sqs, parking) == 1


def test_what_is_poison_is_dropped_and_its_group_goes_on(sqs, parking):
    poison(sqs, parking)
    unpark(sqs, parking, group="x", then="drop-first")
    assert (bodies(receive(sqs, parking)), parked(sqs, parking)) == (["x2"], 0)


def test_a_whole_group_is_dropped(sqs, parking):
    poison(sqs, parking)
    send(sqs, parking, "y1")
    unpark(sqs, parking, then="drop-all")
    assert bodies(receive(sqs, parking, MaxNumberOfMessages=10)) == ["y1"]
    assert attributes_of(sqs, parking, "ApproximateNumberOfMessages")["ApproximateNumberOfMessages"] == "1"


def test_whoever_waits_gets_what_is_released(sqs, parking):
    import threading

    poison(sqs, parking)
    threading.Timer(0.3, lambda: unpark(sqs, parking)).start()
    assert bodies(receive(sqs, parking, WaitTimeSeconds=20)) == ["x1"]


def test_a_redrive_policy_of_the_same_number_acts_in_place_of_parking(sqs):
    dead = create(sqs, TidewireParkAfter="0")
    target = attributes_of(sqs, dead, "QueueArn")["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 2})
    source = create(sqs, RedrivePolicy=policy)
    send(sqs, source, "x1", "x2")
    assert [bodies(receive(sqs, source)) for _ in range(3)] == [["x1"], ["x1"], ["x2"]]
    letter = receive_one(sqs, dead, MessageSystemAttributeNames=["All"])
    assert (letter["Body"], parked(sqs, source)) == ("x1", 0)
    # AWS replaces a dead letter's deduplication id by the message's own id.
    assert letter["Attributes"]["MessageDeduplicationId"] == letter["MessageId"]
    for url in (source, dead):
        sqs.delete_queue(QueueUrl=url)


def test_parking_is_for_fifo_queues_and_sensible_texts(sqs, queue, parking):
    code, _, status, _ = refusal(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"TidewireParkAfter": "3"})
    assert (code, status) == ("InvalidAttributeName", 400)
    for name, wrong, expected in [
        ("TidewireParkAfter", "1001", "InvalidAttributeValue"),
        ("TidewireUnpark", "x", "InvalidParameterValue"),
        ("TidewireUnpark", '{"then":"drop"}', "InvalidParameterValue"),
    ]:
        code, _, status, _ = refusal(sqs.set_queue_attributes, QueueUrl=parking, Attributes={name: wrong})
        assert (code, status) == (expected, 400)


@pytest.mark.skipif("TIDEWIRE_BIN" not in os.environ, reason="starts servers of its own from TIDEWIRE_BIN")
def test_a_parked_group_is_parked_after_a_kill(tmp_path):
    with TidewireProcess(tmp_path) as server:
        sqs = make_client(endpoint=server.endpoint)
        url = create(sqs)
        name = url.rsplit("/", 1)[1]
        poison(sqs, url)
        server.kill()
    with TidewireProcess(tmp_path) as server:
        sqs = make_client(endpoint=server.endpoint)
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        assert (receive(sqs, url), parked(sqs, url)) == ([], 1)
        unpark(sqs, url)
        assert bodies(receive(sqs, url)) == ["x1"]
