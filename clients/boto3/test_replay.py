"""Deleted messages that are kept, and replays of a stretch of time into a queue (docs/EXTENSIONS.md, tidewire's own).

One test stops a server of its own with SIGKILL, so it needs TIDEWIRE_BIN.
"""

import json
import os
import sys
import time
from pathlib import Path

import pytest
from conftest import fresh_name, make_client
from conversation import attributes_of, counts, drain, receive, receive_one, refusal

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tidewire_process import TidewireProcess  # noqa: E402 (the folder above holds what several suites share)

ALL = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"]}


def arn_of(sqs, url):
    return attributes_of(sqs, url, "QueueArn")["QueueArn"]


def kept(sqs, url):
    return int(attributes_of(sqs, url, "TidewireNumberOfMessagesKept")["TidewireNumberOfMessagesKept"])


def replay(sqs, url, into, **members):
    order = {"into": arn_of(sqs, into), **members}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"TidewireReplay": json.dumps(order)})


def state(sqs, url):
    return json.loads(attributes_of(sqs, url, "TidewireReplay")["TidewireReplay"])


def completed(sqs, url):
    """The replay's state once it runs no more."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        shown = state(sqs, url)
        if shown["status"] != "In progress":
            return shown
        time.sleep(0.05)
    raise AssertionError(f"still under way: {shown}")


def send(sqs, url, *bodies, **parameters):
    return [sqs.send_message(QueueUrl=url, MessageBody=body, **parameters)["MessageId"] for body in bodies]


def consume(sqs, url, count):
    messages = drain(sqs, url, count)
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def test_a_deleted_message_is_kept_out_of_sight_and_comes_back_by_a_replay(sqs, make_queue):
    queue, again = make_queue(TidewireKeepDeletedSeconds=3_600), make_queue()
    attribute = {"colour": {"DataType": "String", "StringValue": "red"}}
    [sent] = send(sqs, queue, "x", MessageAttributes=attribute)
    consume(sqs, queue, 1)
    assert (counts(sqs, queue), kept(sqs, queue), receive(sqs, queue)) == ((0, 0, 0), 1, [])
    replay(sqs, queue, again)
    copy = receive_one(sqs, again, **ALL)
    assert (copy["Body"], copy["MessageAttributes"], copy["Attributes"]["ApproximateReceiveCount"]) == ("x", attribute, "1")
    assert copy["MessageId"] != sent
    shown = completed(sqs, queue)
    assert (shown["status"], shown["examined"], shown["only"]) == ("Completed", 1, "all")
    assert kept(sqs, queue) == 1, "a replay consumes nothing"


def test_only_the_deleted_ones_or_all_of_them(sqs, make_queue):
    queue, deleted, everything = make_queue(TidewireKeepDeletedSeconds=3_600), make_queue(), make_queue()
    send(sqs, queue, "a", "b", "c")
    consume(sqs, queue, 2)
    left = {"a", "b", "c"} - {message["Body"] for message in drain(sqs, queue, 1, seconds=2)}
    replay(sqs, queue, deleted, only="deleted")
    completed(sqs, queue)
    assert {message["Body"] for message in drain(sqs, deleted, 2)} == left
    replay(sqs, queue, everything)
    completed(sqs, queue)
    assert [message["Body"] for message in drain(sqs, everything, 3)] == ["a", "b", "c"]


def test_only_what_was_sent_within_the_stretch(sqs, make_queue):
    queue, again = make_queue(TidewireKeepDeletedSeconds=3_600), make_queue()
    for body in ("early", "meant", "late"):
        send(sqs, queue, body)
        time.sleep(0.02)
    sent = {m["Body"]: int(m["Attributes"]["SentTimestamp"]) for m in drain(sqs, queue, 3, **ALL)}
    replay(sqs, queue, again, **{"from": sent["meant"], "to": sent["late"]})
    assert completed(sqs, queue)["status"] == "Completed"
    assert [message["Body"] for message in drain(sqs, again, 1)] == ["meant"]
    assert receive(sqs, again) == []


def test_a_queue_is_replayed_into_itself_once(sqs, make_queue):
    queue = make_queue(TidewireKeepDeletedSeconds=3_600)
    send(sqs, queue, "a", "b")
    consume(sqs, queue, 2)
    replay(sqs, queue, queue, only="deleted")
    assert sorted(message["Body"] for message in consume(sqs, queue, 2)) == ["a", "b"]
    completed(sqs, queue)
    assert (counts(sqs, queue), kept(sqs, queue)) == ((0, 0, 0), 4)


def test_a_purge_and_a_time_of_nothing_remove_what_is_kept(sqs, make_queue):
    queue, again = make_queue(TidewireKeepDeletedSeconds=3_600), make_queue()
    send(sqs, queue, "a")
    consume(sqs, queue, 1)
    sqs.purge_queue(QueueUrl=queue)
    assert kept(sqs, queue) == 0
    send(sqs, queue, "b")
    consume(sqs, queue, 1)
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"TidewireKeepDeletedSeconds": "0"})
    assert kept(sqs, queue) == 0
    replay(sqs, queue, again)
    assert completed(sqs, queue)["examined"] == 0
    assert receive(sqs, again) == []


def test_what_has_been_kept_long_enough_is_gone(sqs, make_queue):
    queue = make_queue(TidewireKeepDeletedSeconds=1)
    send(sqs, queue, "a")
    consume(sqs, queue, 1)
    deadline = time.monotonic() + 60
    while kept(sqs, queue) > 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert kept(sqs, queue) == 0


def test_a_fifo_queue_is_replayed_in_order_and_its_ids_swallow_nothing(sqs):
    def fifo(**attributes):
        given = {"FifoQueue": "true", **attributes}
        return sqs.create_queue(QueueName=fresh_name() + ".fifo", Attributes=given)["QueueUrl"]

    queue, again = fifo(TidewireKeepDeletedSeconds="3600"), fifo(VisibilityTimeout="0")
    for number in range(6):
        ids = {"MessageGroupId": f"g{number % 2}", "MessageDeduplicationId": f"d{number}"}
        sqs.send_message(QueueUrl=queue, MessageBody=str(number), **ids)
    consume(sqs, queue, 6)
    sqs.send_message(QueueUrl=again, MessageBody="first", MessageGroupId="g0", MessageDeduplicationId="d0")
    for _ in range(2):
        replay(sqs, queue, again)
        completed(sqs, queue)
    sent = sqs.send_message(QueueUrl=again, MessageBody="last", MessageGroupId="g1", MessageDeduplicationId="d1")
    seen = sqs.receive_message(
        QueueUrl=again, MaxNumberOfMessages=100, MessageSystemAttributeNames=["All", "TidewirePeek"]
    )["Messages"]
    by_group = {group: [m["Body"] for m in seen if m["Attributes"]["MessageGroupId"] == group] for group in ("g0", "g1")}
    assert by_group == {"g0": ["first"] + ["0", "2", "4"] * 2, "g1": ["1", "3", "5"] * 2 + ["last"]}
    assert seen[-1]["MessageId"] == sent["MessageId"]
    assert [m["Attributes"]["MessageDeduplicationId"] for m in seen[1:3]] == ["d0", "d1"], "receivers are told them"
    assert len({message["MessageId"] for message in seen}) == 14
    for url in (queue, again):
        sqs.delete_queue(QueueUrl=url)


def test_many_messages_are_replayed_once_each_while_others_are_sent(sqs, make_queue):
    queue, again = make_queue(), make_queue()
    for start in range(0, 700, 10):
        entries = [{"Id": str(n), "MessageBody": str(start + n)} for n in range(10)]
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    replay(sqs, queue, again)
    send(sqs, queue, "later")
    assert completed(sqs, queue)["examined"] == 700
    assert counts(sqs, again) == (700, 0, 0)


def test_a_replay_shows_itself_to_nobody_who_does_not_ask(sqs, queue, make_queue):
    assert "TidewireReplay" not in attributes_of(sqs, queue, "TidewireReplay")
    replay(sqs, queue, make_queue())
    assert "TidewireReplay" not in attributes_of(sqs, queue, "All")


def test_a_destination_that_is_gone_ends_a_replay(sqs, queue):
    again = sqs.create_queue(QueueName=fresh_name())["QueueUrl"]
    send(sqs, queue, "a")
    arn = arn_of(sqs, again)
    sqs.delete_queue(QueueUrl=again)
    order = json.dumps({"into": arn})
    code, _, status, message = refusal(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"TidewireReplay": order})
    assert (code, status) == ("InvalidParameterValue", 400)
    assert message == f"Value {order} for parameter TidewireReplay is invalid. Reason: The queue does not exist."


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ("often", "It is no JSON object."),
        ("{}", "into must be the ARN of a queue."),
        ('{"into":"arn:aws:sqs:us-east-1:111111111111:x"}', "The queue must be of the same account and region."),
        ('{"into":"arn:aws:sqs:us-east-1:000000000000:x.fifo"}', "The queue must be of the same type as this one."),
        (
            '{"into":"arn:aws:sqs:us-east-1:000000000000:x","from":"noon"}',
            "from must be a time as 2026-11-23T08:00:00Z, or milliseconds since the epoch.",
        ),
    ],
)
def test_a_replay_that_cannot_be_is_refused_and_changes_nothing(sqs, queue, order, reason):
    before = attributes_of(sqs, queue, "All")
    code, _, status, message = refusal(
        sqs.set_queue_attributes, QueueUrl=queue, Attributes={"TidewireReplay": order, "VisibilityTimeout": "7"}
    )
    assert (code, status) == ("InvalidParameterValue", 400)
    assert message == f"Value {order} for parameter TidewireReplay is invalid. Reason: {reason}"
    assert attributes_of(sqs, queue, "All") == before


def test_a_queue_is_not_created_with_a_replay(sqs):
    attributes = {"TidewireReplay": '{"into":"arn:aws:sqs:us-east-1:000000000000:x"}'}
    code, _, status, _ = refusal(sqs.create_queue, QueueName=fresh_name(), Attributes=attributes)
    assert (code, status) == ("InvalidAttributeName", 400)


@pytest.mark.skipif("TIDEWIRE_BIN" not in os.environ, reason="starts servers of its own from TIDEWIRE_BIN")
def test_a_replay_goes_on_after_a_kill_and_brings_nothing_twice(tmp_path):
    with TidewireProcess(tmp_path) as server:
        sqs = make_client(endpoint=server.endpoint)
        queue, again = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("queue", "again"))
        for start in range(0, 3_000, 10):
            entries = [{"Id": str(n), "MessageBody": str(start + n)} for n in range(10)]
            sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        replay(sqs, queue, again)
        server.kill()
    with TidewireProcess(tmp_path) as server:
        sqs = make_client(endpoint=server.endpoint)
        queue, again = (sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("queue", "again"))
        assert completed(sqs, queue)["examined"] == 3_000
        bodies, cursor = [], "start"
        while page := sqs.receive_message(
            QueueUrl=again, MaxNumberOfMessages=100, MessageSystemAttributeNames=[f"TidewirePeek:from={cursor}"]
        ).get("Messages"):
            cursor = page[-1]["Attributes"]["TidewirePeekNext"]
            bodies += [m["Body"] for m in page if m["Attributes"]["TidewirePeekState"] != "more"]
        assert bodies == [str(number) for number in range(3_000)]
