"""Message move tasks in the query form, in rpcv2Cbor and in JSON: members, types of numbers, and errors with their status.

Sources: the SQS API reference; the query form of these operations as AWS's model of 2023 had it (a flattened list of
`ListMessageMoveTasksResultEntry`); answers of AWS that LocalStack's tests recorded.
"""

import json
import time

import pytest

ENTRY = "ListMessageMoveTasksResult/ListMessageMoveTasksResultEntry"


@pytest.fixture
def arns(wire):
    """The ARNs of a dead-letter queue with one message, and of another queue."""
    dead, other = wire.create_queue(), wire.create_queue()
    arns = [wire.snapshot(url)["QueueArn"] for url in (dead, other)]
    wire.create_queue(RedrivePolicy=json.dumps({"deadLetterTargetArn": arns[0], "maxReceiveCount": 1}))
    assert wire.json("SendMessage", {"QueueUrl": dead, "MessageBody": "x"}).status == 200
    return arns


def wait_until_ended(status):
    deadline = time.monotonic() + 120
    while status() == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.05)
    return status()


def test_a_task_in_the_query_form(wire, arns):
    source, destination = arns
    asked = {"SourceArn": source, "DestinationArn": destination, "MaxNumberOfMessagesPerSecond": "500"}
    handle = wire.form("StartMessageMoveTask", **asked).xml().findtext("StartMessageMoveTaskResult/TaskHandle")
    assert handle

    def entry(name):
        return wire.form("ListMessageMoveTasks", SourceArn=source).xml().findtext(f"{ENTRY}/{name}")

    assert wait_until_ended(lambda: entry("Status")) == "COMPLETED"
    assert [entry(name) for name in ("SourceArn", "DestinationArn")] == arns
    assert entry("ApproximateNumberOfMessagesMoved") == entry("ApproximateNumberOfMessagesToMove") == "1"
    assert entry("MaxNumberOfMessagesPerSecond") == "500" and int(entry("StartedTimestamp")) > 1_600_000_000_000
    assert entry("TaskHandle") is None and entry("FailureReason") is None
    answer = wire.form("CancelMessageMoveTask", TaskHandle=handle)
    assert (answer.status, answer.xml().findtext("Error/Code")) == (400, "InvalidParameterValue")


def test_a_task_in_cbor(wire, arns):
    source, destination = arns
    started = wire.cbor("StartMessageMoveTask", {"SourceArn": source, "DestinationArn": destination})
    assert started.status == 200 and started.cbor()["TaskHandle"]

    def task():
        (task,) = wire.cbor("ListMessageMoveTasks", {"SourceArn": source, "MaxResults": 10}).cbor()["Results"]
        return task

    assert wait_until_ended(lambda: task()["Status"]) == "COMPLETED"
    assert (task()["ApproximateNumberOfMessagesMoved"], task()["ApproximateNumberOfMessagesToMove"]) == (1, 1)
    assert isinstance(task()["StartedTimestamp"], int)


def test_a_task_is_cancelled_in_each_form(wire, arns):
    source, destination = arns
    asked = {"SourceArn": source, "DestinationArn": destination, "MaxNumberOfMessagesPerSecond": 1}
    dead = source.rsplit(":", 1)[1]
    for form in ("query", "cbor", "json"):
        # So many that the task lasts until it is cancelled.
        for _ in range(30):
            wire.json("SendMessage", {"QueueUrl": dead, "MessageBody": "x"})
        handle = wire.json("StartMessageMoveTask", asked).json()["TaskHandle"]
        if form == "query":
            answer = wire.form("CancelMessageMoveTask", TaskHandle=handle)
            moved = answer.xml().findtext("CancelMessageMoveTaskResult/ApproximateNumberOfMessagesMoved")
        else:
            answer = getattr(wire, form)("CancelMessageMoveTask", {"TaskHandle": handle})
            moved = getattr(answer, form)()["ApproximateNumberOfMessagesMoved"]
        assert answer.status == 200 and int(moved) < 30, form

        def status():
            return wire.json("ListMessageMoveTasks", {"SourceArn": source}).json()["Results"][0]["Status"]

        deadline = time.monotonic() + 120
        while status() == "CANCELLING" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert status() == "CANCELLED"


def test_what_is_not_there_is_a_404_in_each_form(wire):
    nowhere = {"SourceArn": "arn:aws:sqs:us-east-1:000000000000:nowhere"}
    as_json, as_cbor = (form("StartMessageMoveTask", nowhere) for form in (wire.json, wire.cbor))
    as_query = wire.form("StartMessageMoveTask", **nowhere)
    assert [answer.status for answer in (as_json, as_cbor, as_query)] == [404, 404, 404]
    assert [answer.type() for answer in (as_json,)] == ["ResourceNotFoundException"]
    assert as_cbor.cbor()["__type"].endswith("#ResourceNotFoundException")
    assert as_query.xml().findtext("Error/Code") == "ResourceNotFoundException"
