"""Short words for what a test says to a queue: send, receive, count, and the code of a refusal.

In: an SQS client and a queue URL. Out: plain values. Invariant: nothing is hidden, a refusal always surfaces as the code
that botocore gives to a program (`Error.Code`, which for SQS is the query code).
"""

import time

from botocore.exceptions import ClientError

COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


def refusal(call, **parameters):
    """The error of a call that must be refused: (code, JSON shape name, HTTP status, message)."""
    try:
        answer = call(**parameters)
    except ClientError as error:
        body = error.response["Error"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return body["Code"], body.get("QueryErrorCode"), status, body.get("Message")
    raise AssertionError(f"was accepted: {answer}")


def refused_with(call, **parameters):
    """Only the code of a call that must be refused."""
    return refusal(call, **parameters)[0]


def receive(sqs, url, **parameters):
    """The messages of one receive; an absent `Messages` is an empty list."""
    return sqs.receive_message(QueueUrl=url, **parameters).get("Messages", [])


def receive_one(sqs, url, **parameters):
    """The one message that must be there; a poll ends with the first one, so it may wait long on a busy machine."""
    parameters.setdefault("WaitTimeSeconds", 20)
    messages = receive(sqs, url, **parameters)
    assert len(messages) == 1, f"expected one message, got {messages}"
    return messages[0]


def drain(sqs, url, expected, seconds=90, **parameters):
    """Receives until `expected` messages have come or the time is over; nothing is deleted."""
    messages = []
    deadline = time.monotonic() + seconds
    while len(messages) < expected and time.monotonic() < deadline:
        messages += receive(sqs, url, MaxNumberOfMessages=10, WaitTimeSeconds=1, **parameters)
    return messages


def counts(sqs, url):
    """(visible, in flight, delayed)."""
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(COUNTS))["Attributes"]
    return tuple(int(attributes[name]) for name in COUNTS)


def attributes_of(sqs, url, *names):
    """The asked attributes, or none."""
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names)).get("Attributes", {})
