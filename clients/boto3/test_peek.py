"""Peek: looking at a queue with a stock SDK, without receiving (docs/EXTENSIONS.md, tidewire's own)."""

from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from conftest import ENDPOINT
from conversation import counts, receive, receive_one, refusal


def peek(sqs, url, number=10, **options):
    """What a peek shows, `from_` standing for the option `from`."""
    options = {name.rstrip("_"): value for name, value in options.items()}
    names = ["All", "TidewirePeek:" + urlencode(options, doseq=True)]
    return receive(sqs, url, MaxNumberOfMessages=number, MessageSystemAttributeNames=names, MessageAttributeNames=["All"])


def bodies(messages):
    return [message["Body"] for message in messages]


def states(messages):
    return [message["Attributes"]["TidewirePeekState"] for message in messages]


def test_a_peek_is_no_receive(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="a")
    for _ in range(3):
        (seen,) = peek(sqs, queue)
        assert seen["Body"] == "a" and "ReceiptHandle" not in seen
        assert seen["Attributes"]["ApproximateReceiveCount"] == "0"
    assert counts(sqs, queue) == (1, 0, 0)
    got = receive_one(sqs, queue, MessageSystemAttributeNames=["ApproximateReceiveCount"])
    assert got["Attributes"]["ApproximateReceiveCount"] == "1"


def metric(name, queue):
    """A counter of a queue, as Prometheus reads it."""
    labels = f'queue="{queue.rsplit("/", 1)[1]}"'
    with urlopen(f"{ENDPOINT}/metrics") as page:
        lines = [line for line in page.read().decode().splitlines() if line.startswith(name + "{") and labels in line]
    return float(lines[0].rsplit(" ", 1)[1]) if lines else 0.0


def test_a_peek_counts_nowhere_in_the_metrics(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="a")
    names = ["messages_sent_total", "messages_received_total", "messages_deleted_total", "empty_receives_total"]
    read = [metric(f"tidewire_sqs_queue_{name}", queue) for name in names]
    assert read == [1, 0, 0, 0]
    for _ in range(3):
        assert len(peek(sqs, queue)) == 1 and peek(sqs, queue, body="nothing has this") == []
    assert [metric(f"tidewire_sqs_queue_{name}", queue) for name in names] == read
    assert metric("tidewire_sqs_queue_messages_visible", queue) == 1
    receive_one(sqs, queue)
    assert metric("tidewire_sqs_queue_messages_received_total", queue) == 1


def test_every_state_is_shown_and_can_be_asked_for(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="flying")
    receive_one(sqs, queue, VisibilityTimeout=60)
    sqs.send_message(QueueUrl=queue, MessageBody="late", DelaySeconds=60)
    sqs.send_message(QueueUrl=queue, MessageBody="here")
    seen = peek(sqs, queue)
    assert list(zip(bodies(seen), states(seen))) == [("flying", "in-flight"), ("late", "delayed"), ("here", "visible")]
    assert "TidewireVisibleAt" in seen[0]["Attributes"] and "TidewireVisibleAt" not in seen[2]["Attributes"]
    assert bodies(peek(sqs, queue, state="visible,delayed")) == ["late", "here"]
    assert bodies(peek(sqs, queue, state="in-flight")) == ["flying"]


def test_pages_follow_the_cursor(sqs, queue):
    for number in range(25):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    seen, cursor = [], "start"
    while page := peek(sqs, queue, number=10, from_=cursor):
        seen += bodies(page)
        cursor = page[-1]["Attributes"]["TidewirePeekNext"]
    assert seen == [str(number) for number in range(25)]
    assert len(peek(sqs, queue, number=100)) == 25


def test_a_search_looks_at_bodies_attributes_and_ids(sqs, queue):
    red = {"colour": {"DataType": "String", "StringValue": "red & round"}}
    blue = {"colour": {"DataType": "String", "StringValue": "blue"}}
    first = sqs.send_message(QueueUrl=queue, MessageBody="order 17 of Zoë", MessageAttributes=red)
    sqs.send_message(QueueUrl=queue, MessageBody="order 18", MessageAttributes=blue)
    sqs.send_message(QueueUrl=queue, MessageBody="order 170")
    assert bodies(peek(sqs, queue, body="order 17")) == ["order 17 of Zoë", "order 170"]
    assert bodies(peek(sqs, queue, body="Zoë")) == ["order 17 of Zoë"]
    (found,) = peek(sqs, queue, attribute="colour=red & round")
    assert found["MessageAttributes"] == red
    assert bodies(peek(sqs, queue, attribute="colour")) == ["order 17 of Zoë", "order 18"]
    assert bodies(peek(sqs, queue, attribute=["colour", "colour=blue"])) == ["order 18"]
    assert bodies(peek(sqs, queue, id=first["MessageId"])) == ["order 17 of Zoë"]
    assert peek(sqs, queue, body="nobody") == []


def test_from_the_end_only_what_comes_is_seen(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="old")
    (note,) = peek(sqs, queue, from_="end")
    assert states([note]) == ["more"] and "MessageId" not in note
    sqs.send_message(QueueUrl=queue, MessageBody="new")
    assert bodies(peek(sqs, queue, from_=note["Attributes"]["TidewirePeekNext"])) == ["new"]


@pytest.mark.parametrize(
    "named, parameters",
    [
        ("colour", {"MessageSystemAttributeNames": ["TidewirePeek:colour=red"]}),
        ("asleep", {"MessageSystemAttributeNames": ["TidewirePeek:state=asleep"]}),
        ("soon", {"MessageSystemAttributeNames": ["TidewirePeek:from=soon"]}),
        ("VisibilityTimeout", {"MessageSystemAttributeNames": ["TidewirePeek"], "VisibilityTimeout": 0}),
        ("WaitTimeSeconds", {"AttributeNames": ["TidewirePeek"], "WaitTimeSeconds": 1}),
        ("101", {"AttributeNames": ["TidewirePeek"], "MaxNumberOfMessages": 101}),
    ],
)
def test_what_a_peek_cannot_do_is_named(sqs, queue, named, parameters):
    code, _, status, message = refusal(sqs.receive_message, QueueUrl=queue, **parameters)
    assert (code, status) == ("InvalidParameterValue", 400) and named in message
