"""What a queue's owner may allow beyond AWS, with a stock SDK (docs/EXTENSIONS.md, tidewire's own)."""

import time

import pytest
from conftest import fresh_name
from conversation import attributes_of, counts, receive, receive_one, refusal


def test_a_delay_beyond_awss_needs_the_owners_leave(sqs, queue, make_queue):
    code, _, status, _ = refusal(sqs.send_message, QueueUrl=queue, MessageBody="x", DelaySeconds=901)
    assert (code, status) == ("InvalidParameterValue", 400)
    raised = make_queue(TidewireMaximumDelaySeconds=86_400)
    sqs.send_message(QueueUrl=raised, MessageBody="x", DelaySeconds=86_400)
    assert attributes_of(sqs, raised, "ApproximateNumberOfMessagesDelayed") == {"ApproximateNumberOfMessagesDelayed": "1"}


def test_a_visibility_beyond_awss_needs_the_owners_leave(sqs, queue, make_queue):
    code, _, status, _ = refusal(sqs.receive_message, QueueUrl=queue, VisibilityTimeout=43_201)
    assert (code, status) == ("InvalidParameterValue", 400)
    raised = make_queue(TidewireMaximumVisibilitySeconds=86_400)
    sqs.send_message(QueueUrl=raised, MessageBody="x")
    message = receive_one(sqs, raised, VisibilityTimeout=86_400)
    sqs.change_message_visibility(QueueUrl=raised, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=80_000)
    assert receive(sqs, raised) == []


def test_retries_are_backed_off(sqs, make_queue):
    queue = make_queue(TidewireRetryBackoff='{"baseSeconds":1,"factor":2,"maxSeconds":60}')
    assert attributes_of(sqs, queue, "All")["TidewireRetryBackoff"] == '{"baseSeconds":1,"factor":2.0,"maxSeconds":60}'
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    for wait in (1, 2):
        message = receive_one(sqs, queue, WaitTimeSeconds=20)
        began = time.monotonic()
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
        while True:
            visible = counts(sqs, queue)[0]
            if time.monotonic() - began >= wait:
                break
            assert visible == 0
            time.sleep(0.1)
    assert receive_one(sqs, queue, WaitTimeSeconds=20)["Body"] == "x"


def test_messages_of_a_fifo_queue_may_be_delayed_in_order(sqs):
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "TidewireFifoMessageDelay": "true"}
    url = sqs.create_queue(QueueName=fresh_name() + ".fifo", Attributes=attributes)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="late", MessageGroupId="g", DelaySeconds=8)
    sqs.send_message(QueueUrl=url, MessageBody="next", MessageGroupId="g")
    assert receive(sqs, url) == []
    got = receive(sqs, url, MaxNumberOfMessages=10, WaitTimeSeconds=20)
    bodies = [message["Body"] for message in got]
    assert bodies == ["late", "next"]
    sqs.delete_queue(QueueUrl=url)


@pytest.mark.parametrize(
    "name, wrong",
    [
        ("TidewireMaximumDelaySeconds", "899"),
        ("TidewireMaximumVisibilitySeconds", "1209601"),
        ("TidewireInFlightTimes", "0"),
        ("TidewireInFlightTimes", "11"),
        ("TidewireRetryBackoff", '{"baseSeconds":0}'),
        ("TidewireRetryBackoff", "often"),
    ],
)
def test_what_makes_no_sense_is_refused(sqs, name, wrong):
    code, _, status, _ = refusal(sqs.create_queue, QueueName=fresh_name(), Attributes={name: wrong})
    assert (code, status) == ("InvalidAttributeValue", 400)
