"""Message move tasks: StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask.

Sources: SQS API reference; developer guide ("Configure a dead-letter queue redrive", "Troubleshooting dead-letter queue and
redrive issues"); answers of AWS that LocalStack's tests recorded. Tests that kill their server need TIDEWIRE_BIN.
"""

import base64
import json
import os
import sys
import time
import uuid
from pathlib import Path

import pytest
from conftest import fresh_name, make_client
from conversation import attributes_of, counts, drain, receive, receive_one, refusal

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tidewire_process import TidewireProcess  # noqa: E402 (the folder above holds what several suites share)

ALL = {"MessageSystemAttributeNames": ["All"]}
# So many that a slow task lasts until it has been looked at, on a machine that stalls for seconds.
MANY = [f"{number:02}" for number in range(60)]


def arn_of(sqs, url):
    return attributes_of(sqs, url, "QueueArn")["QueueArn"]


def redrive_policy(arn):
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})


def kill(sqs, source, dead, *bodies, **parameters):
    """Makes messages dead letters."""
    before = counts(sqs, dead)[0]
    for body in bodies:
        extra = {name: value(body) if callable(value) else value for name, value in parameters.items()}
        sqs.send_message(QueueUrl=source, MessageBody=body, **extra)
    while receive(sqs, source, MaxNumberOfMessages=10, VisibilityTimeout=0):
        pass
    deadline = time.monotonic() + 120
    while counts(sqs, dead)[0] < before + len(bodies) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert counts(sqs, dead)[0] == before + len(bodies)


def tasks(sqs, arn, **parameters):
    return sqs.list_message_move_tasks(SourceArn=arn, **parameters).get("Results", [])


def ended(sqs, arn, seconds=180):
    """The newest task, once it has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        (task,) = tasks(sqs, arn)
        if task["Status"] not in ("RUNNING", "CANCELLING"):
            return task
        time.sleep(0.05)
    raise AssertionError(f"the task does not end: {task}")


def bodies(sqs, url, expected):
    return sorted(message["Body"] for message in drain(sqs, url, expected, VisibilityTimeout=600))


@pytest.fixture
def dead(make_queue):
    return make_queue()


@pytest.fixture
def source(sqs, make_queue, dead):
    return make_queue(RedrivePolicy=redrive_policy(arn_of(sqs, dead)), VisibilityTimeout=0)


def test_letters_go_to_a_queue_that_is_named_and_the_task_is_listed(sqs, source, dead, queue):
    kill(sqs, source, dead, "message-1", "message-2")
    source_arn, destination_arn = arn_of(sqs, dead), arn_of(sqs, queue)
    before = int(time.time() * 1000) - 1000
    handle = sqs.start_message_move_task(SourceArn=source_arn, DestinationArn=destination_arn)["TaskHandle"]
    told = json.loads(base64.b64decode(handle))
    assert uuid.UUID(told["taskId"]) and told["sourceArn"] == source_arn
    task = ended(sqs, source_arn)
    assert before < task.pop("StartedTimestamp") < before + 60_000
    assert task == {
        "ApproximateNumberOfMessagesMoved": 2,
        "ApproximateNumberOfMessagesToMove": 2,
        "DestinationArn": destination_arn,
        "SourceArn": source_arn,
        "Status": "COMPLETED",
    }
    assert bodies(sqs, queue, 2) == ["message-1", "message-2"]
    assert receive(sqs, dead) == []


def test_without_a_destination_each_goes_back_to_where_it_comes_from(sqs, make_queue, source, dead):
    other = make_queue(RedrivePolicy=redrive_policy(arn_of(sqs, dead)), VisibilityTimeout=0)
    kill(sqs, source, dead, "a", "b")
    kill(sqs, other, dead, "c", "d")
    sqs.start_message_move_task(SourceArn=arn_of(sqs, dead))
    task = ended(sqs, arn_of(sqs, dead))
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 4)
    assert "DestinationArn" not in task
    assert (bodies(sqs, source, 2), bodies(sqs, other, 2)) == (["a", "b"], ["c", "d"])


def test_what_was_moved_is_a_new_message_with_the_same_content(sqs, source, dead):
    attribute = {"DataType": "String", "StringValue": "y"}
    kill(sqs, source, dead, "x", MessageAttributes={"a": attribute})
    letter = receive_one(sqs, dead, VisibilityTimeout=0)
    time.sleep(1.1)
    began = int(time.time() * 1000) - 1000
    sqs.start_message_move_task(SourceArn=arn_of(sqs, dead))
    ended(sqs, arn_of(sqs, dead))
    message = receive_one(sqs, source, MessageAttributeNames=["All"], **ALL)
    assert (message["Body"], message["MessageAttributes"]) == ("x", {"a": attribute})
    assert message["MessageId"] != letter["MessageId"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert "DeadLetterQueueSourceArn" not in message["Attributes"]
    assert int(message["Attributes"]["SentTimestamp"]) >= began, "the retention begins anew"


def test_a_rate_is_kept(sqs, source, dead, queue):
    kill(sqs, source, dead, *MANY)
    began = time.monotonic()
    sqs.start_message_move_task(SourceArn=arn_of(sqs, dead), DestinationArn=arn_of(sqs, queue), MaxNumberOfMessagesPerSecond=2)
    (task,) = tasks(sqs, arn_of(sqs, dead))
    assert (task["Status"], task["MaxNumberOfMessagesPerSecond"]) == ("RUNNING", 2)
    found = drain(sqs, queue, 4, VisibilityTimeout=600)
    assert time.monotonic() - began >= (len(found) - 1) / 2
    sqs.cancel_message_move_task(TaskHandle=task["TaskHandle"])


def test_a_cancelled_task_stops_and_leaves_the_rest(sqs, source, dead, queue):
    kill(sqs, source, dead, *MANY)
    arn = arn_of(sqs, dead)
    task = {"SourceArn": arn, "DestinationArn": arn_of(sqs, queue), "MaxNumberOfMessagesPerSecond": 2}
    handle = sqs.start_message_move_task(**task)["TaskHandle"]
    moved = [receive_one(sqs, queue, VisibilityTimeout=600)["Body"] for _ in range(2)]
    (running,) = tasks(sqs, arn)
    assert (running["Status"], running["TaskHandle"]) == ("RUNNING", handle)
    assert sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] >= 1
    after = ended(sqs, arn)
    assert (after["Status"], after["ApproximateNumberOfMessagesToMove"]) == ("CANCELLED", len(MANY))
    assert "TaskHandle" not in after
    count = after["ApproximateNumberOfMessagesMoved"]
    moved += [message["Body"] for message in drain(sqs, queue, count - 2, VisibilityTimeout=600)]
    assert len(moved) == count
    assert sorted(moved + bodies(sqs, dead, len(MANY) - count)) == MANY
    code, _, status, message = refusal(sqs.cancel_message_move_task, TaskHandle=handle)
    assert (code, status, message) == ("InvalidParameterValue", 400, "Only active tasks can be cancelled.")


def test_one_task_at_a_time_and_the_newest_is_listed_first(sqs, source, dead, queue):
    kill(sqs, source, dead, *MANY)
    arn = arn_of(sqs, dead)
    task = {"SourceArn": arn, "DestinationArn": arn_of(sqs, queue), "MaxNumberOfMessagesPerSecond": 1}
    handle = sqs.start_message_move_task(**task)["TaskHandle"]
    words = "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
    assert refusal(sqs.start_message_move_task, **task)[2:] == (400, words)
    sqs.cancel_message_move_task(TaskHandle=handle)
    ended(sqs, arn)
    again = sqs.start_message_move_task(**task)["TaskHandle"]
    assert [one["Status"] for one in tasks(sqs, arn)] == ["RUNNING"]
    assert [one["Status"] for one in tasks(sqs, arn, MaxResults=10)] == ["RUNNING", "CANCELLED"]
    sqs.cancel_message_move_task(TaskHandle=again)


def test_a_destination_that_is_deleted_fails_the_task_and_the_rest_stays(sqs, source, dead, make_queue):
    kill(sqs, source, dead, *MANY)
    queue = make_queue()
    arn = arn_of(sqs, dead)
    sqs.start_message_move_task(SourceArn=arn, DestinationArn=arn_of(sqs, queue), MaxNumberOfMessagesPerSecond=1)
    sqs.delete_queue(QueueUrl=queue)
    task = ended(sqs, arn)
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "AWS.SimpleQueueService.NonExistentQueue")
    assert counts(sqs, dead)[0] == len(MANY) - task["ApproximateNumberOfMessagesMoved"]


def test_a_message_that_was_sent_to_the_dead_letter_queue_itself_has_no_source(sqs, source, dead, queue):
    sqs.send_message(QueueUrl=dead, MessageBody="x")
    arn = arn_of(sqs, dead)
    sqs.start_message_move_task(SourceArn=arn)
    task = ended(sqs, arn)
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert (task["ApproximateNumberOfMessagesMoved"], counts(sqs, dead)[0]) == (0, 1)
    sqs.start_message_move_task(SourceArn=arn, DestinationArn=arn_of(sqs, queue))
    assert ended(sqs, arn)["Status"] == "COMPLETED"


def test_a_task_ends_although_what_it_moves_fails_and_comes_back(sqs, source, dead):
    kill(sqs, source, dead, *"abcdef")
    sqs.start_message_move_task(SourceArn=arn_of(sqs, dead), MaxNumberOfMessagesPerSecond=20)
    deadline = time.monotonic() + 180
    while tasks(sqs, arn_of(sqs, dead))[0]["Status"] == "RUNNING" and time.monotonic() < deadline:
        receive(sqs, source, MaxNumberOfMessages=10)
    task = ended(sqs, arn_of(sqs, dead))
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 6)
    while receive(sqs, source, MaxNumberOfMessages=10):
        pass
    assert bodies(sqs, dead, 6) == list("abcdef")


def test_a_source_that_is_deleted_ends_its_task(sqs, source, make_queue, queue):
    dead = make_queue()
    sqs.set_queue_attributes(QueueUrl=source, Attributes={"RedrivePolicy": redrive_policy(arn_of(sqs, dead))})
    kill(sqs, source, dead, *MANY)
    arn = arn_of(sqs, dead)
    handle = sqs.start_message_move_task(SourceArn=arn, DestinationArn=arn_of(sqs, queue), MaxNumberOfMessagesPerSecond=1)
    sqs.delete_queue(QueueUrl=dead)
    gone = (404, "The resource that you specified for the SourceArn parameter doesn't exist.")
    assert refusal(sqs.list_message_move_tasks, SourceArn=arn)[2:] == gone
    assert refusal(sqs.cancel_message_move_task, TaskHandle=handle["TaskHandle"])[2:] == gone


def test_a_fifo_queues_groups_keep_their_order(sqs):
    fifo = {"FifoQueue": "true", "VisibilityTimeout": "0"}
    dead = sqs.create_queue(QueueName=fresh_name() + ".fifo", Attributes=fifo)["QueueUrl"]
    attributes = {**fifo, "RedrivePolicy": redrive_policy(arn_of(sqs, dead))}
    source = sqs.create_queue(QueueName=fresh_name() + ".fifo", Attributes=attributes)["QueueUrl"]
    names = [f"{group}{nth}" for nth in range(10) for group in "xyz"]
    kill(sqs, source, dead, *names, MessageGroupId=lambda body: body[0], MessageDeduplicationId=lambda body: body)
    sqs.start_message_move_task(SourceArn=arn_of(sqs, dead))
    assert ended(sqs, arn_of(sqs, dead))["ApproximateNumberOfMessagesMoved"] == 30
    found = [message["Body"] for message in drain(sqs, source, 30, VisibilityTimeout=600)]
    for group in "xyz":
        assert [body for body in found if body[0] == group] == [f"{group}{nth}" for nth in range(10)]


def not_found(parameter):
    return "ResourceNotFoundException", 404, f"The resource that you specified for the {parameter} parameter doesn't exist."


def invalid(words):
    return "InvalidParameterValue", 400, words


def test_what_cannot_be_moved_is_refused_in_awss_words(sqs, source, dead, queue):
    arn, other = arn_of(sqs, dead), arn_of(sqs, queue)
    fifo = sqs.create_queue(QueueName=fresh_name() + ".fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    rate = (
        "Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: You must enter a number that's between 1 and 500."
    )
    form = "You must use this format to specify the SourceArn: arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
    start = sqs.start_message_move_task
    for call, parameters, expected in [
        (start, {"SourceArn": other}, invalid("Source queue must be configured as a Dead Letter Queue.")),
        (start, {"SourceArn": other + "x"}, not_found("SourceArn")),
        (start, {"SourceArn": "x"}, invalid(form)),
        (start, {"SourceArn": arn, "DestinationArn": other + "x"}, not_found("DestinationArn")),
        (
            start,
            {"SourceArn": arn, "DestinationArn": arn},
            invalid("Source queue arn and destination queue arn cannot be the same."),
        ),
        (
            start,
            {"SourceArn": arn, "DestinationArn": arn_of(sqs, fifo)},
            invalid("The source queue and destination queue must be of the same queue type."),
        ),
        (start, {"SourceArn": arn, "MaxNumberOfMessagesPerSecond": 0}, invalid(rate)),
        (start, {"SourceArn": arn, "MaxNumberOfMessagesPerSecond": 501}, invalid(rate)),
        (sqs.list_message_move_tasks, {"SourceArn": other + "x"}, not_found("SourceArn")),
        (
            sqs.list_message_move_tasks,
            {"SourceArn": arn, "MaxResults": 11},
            invalid("Value for parameter MaxResults is invalid. Reason: You must enter a number that's between 1 and 10."),
        ),
        (sqs.cancel_message_move_task, {"TaskHandle": "foobared"}, invalid("Value for parameter TaskHandle is invalid.")),
        (sqs.cancel_message_move_task, {"TaskHandle": handle_of(other + "x")}, not_found("SourceArn")),
        (
            sqs.cancel_message_move_task,
            {"TaskHandle": handle_of(arn)},
            ("ResourceNotFoundException", 404, "Task does not exist."),
        ),
    ]:
        code, _, status, message = refusal(call, **parameters)
        assert (code, status, message) == expected, parameters
    assert tasks(sqs, arn) == []


def handle_of(arn):
    told = {"taskId": "10f57157-fc38-4da9-a113-4de7e12d05aa", "sourceArn": arn}
    return base64.b64encode(json.dumps(told).encode()).decode()


@pytest.mark.skipif("TIDEWIRE_BIN" not in os.environ, reason="starts servers of its own from TIDEWIRE_BIN")
@pytest.mark.parametrize("rate", [None, 400])
def test_a_task_goes_on_after_a_kill_and_loses_and_doubles_nothing(tmp_path, rate):
    total = 2000
    with TidewireProcess(tmp_path) as server:
        sqs = make_client(endpoint=server.endpoint)
        dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        attributes = {"RedrivePolicy": redrive_policy(arn_of(sqs, dead)), "VisibilityTimeout": "0"}
        source = sqs.create_queue(QueueName="source", Attributes=attributes)["QueueUrl"]
        for first in range(0, total, 10):
            entries = [{"Id": str(nth), "MessageBody": str(first + nth)} for nth in range(10)]
            sqs.send_message_batch(QueueUrl=source, Entries=entries)
        while receive(sqs, source, MaxNumberOfMessages=10):
            pass
        pace = {} if rate is None else {"MaxNumberOfMessagesPerSecond": rate}
        sqs.start_message_move_task(SourceArn=arn_of(sqs, dead), **pace)
        server.kill()
    for kills in range(4):
        with TidewireProcess(tmp_path) as server:
            sqs = make_client(endpoint=server.endpoint)
            arn = arn_of(sqs, sqs.get_queue_url(QueueName="dead")["QueueUrl"])
            if kills < 3:
                time.sleep(0.05 if rate is None else 0.5)
                server.kill()
                continue
            task = ended(sqs, arn)
            assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", total)
            source = sqs.get_queue_url(QueueName="source")["QueueUrl"]
            found = [message["Body"] for message in drain(sqs, source, total, seconds=240, VisibilityTimeout=600)]
            assert sorted(found, key=int) == [str(nth) for nth in range(total)]
            assert counts(sqs, sqs.get_queue_url(QueueName="dead")["QueueUrl"]) == (0, 0, 0)
