"""ReceiveMessage: short and long polls, how many, which attributes, and what a handle is.

Sources: the SQS API reference; recorded answers of AWS (attribute filters, texts of refusals).
"""

import socket
import threading
import time
from urllib.parse import urlsplit

import checksums
import pytest
from arrived import await_let_go, await_read
from conftest import make_client
from conversation import drain, receive, receive_one, refusal

THREE = {
    "Help.Me": {"DataType": "String", "StringValue": "Me"},
    "Hello": {"DataType": "String", "StringValue": "There"},
    "General": {"DataType": "String", "StringValue": "Kenobi"},
}


def test_an_empty_receive_has_no_messages_key(sqs, queue):
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_a_receive_brings_one_message_when_no_number_is_given(sqs, queue):
    for body in "abc":
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    assert len(receive(sqs, queue, WaitTimeSeconds=1)) == 1


def test_a_receive_never_brings_more_than_was_asked(sqs, queue):
    for body in "abcdefghijklm":
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    assert 1 <= len(receive(sqs, queue, MaxNumberOfMessages=3)) <= 3
    assert 1 <= len(receive(sqs, queue, MaxNumberOfMessages=10)) <= 10


def test_every_message_comes_once_while_its_timeout_runs(sqs, queue):
    sent = {sqs.send_message(QueueUrl=queue, MessageBody=str(i))["MessageId"] for i in range(25)}
    seen = [message["MessageId"] for message in drain(sqs, queue, 25)]
    assert sorted(seen) == sorted(sent)
    assert receive(sqs, queue, MaxNumberOfMessages=10) == []


def test_ten_messages_of_a_mebibyte_can_come_in_one_receive(sqs, queue):
    for letter in "abcdefghij":
        sqs.send_message(QueueUrl=queue, MessageBody=letter * 1_048_576)
    bodies = [message["Body"] for message in drain(sqs, queue, 10)]
    assert sorted((body[0], len(body)) for body in bodies) == [(letter, 1_048_576) for letter in "abcdefghij"]


OUT_OF_RANGE = [
    ("MaxNumberOfMessages", 0, "Must be between 1 and 10, if provided."),
    ("MaxNumberOfMessages", 11, "Must be between 1 and 10, if provided."),
    ("WaitTimeSeconds", -1, "Must be >= 0 and <= 20, if provided."),
    ("WaitTimeSeconds", 21, "Must be >= 0 and <= 20, if provided."),
]


@pytest.mark.parametrize(("name", "value", "reason"), OUT_OF_RANGE, ids=[f"{n}={v}" for n, v, _ in OUT_OF_RANGE])
def test_a_number_out_of_range_is_refused(sqs, queue, name, value, reason):
    code, shape, status, message = refusal(sqs.receive_message, QueueUrl=queue, **{name: value})
    assert (code, shape, status) == ("InvalidParameterValue", "InvalidParameterValueException", 400)
    assert message == f"Value {value} for parameter {name} is invalid. Reason: {reason}"


@pytest.mark.parametrize("value", [-1, 43_201])
def test_a_visibility_timeout_out_of_range_is_refused(sqs, queue, value):
    code, shape, status, _ = refusal(sqs.receive_message, QueueUrl=queue, VisibilityTimeout=value)
    assert (code, shape, status) == ("InvalidParameterValue", "InvalidParameterValueException", 400)


@pytest.mark.parametrize("parameter", ["AttributeNames", "MessageSystemAttributeNames"])
def test_all_system_attributes_come_under_either_parameter(sqs, queue, parameter):
    before = int(time.time() * 1000)
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    attributes = receive_one(sqs, queue, **{parameter: ["All"]})["Attributes"]
    assert set(attributes) == {"SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"}
    assert attributes["ApproximateReceiveCount"] == "1"
    sent, first = int(attributes["SentTimestamp"]), int(attributes["ApproximateFirstReceiveTimestamp"])
    assert before - 2_000 <= sent <= first <= int(time.time() * 1000) + 2_000


@pytest.mark.parametrize("parameter", ["AttributeNames", "MessageSystemAttributeNames"])
def test_only_the_asked_system_attributes_come(sqs, queue, parameter):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    message = receive_one(sqs, queue, **{parameter: ["SentTimestamp", "ApproximateReceiveCount"]})
    assert set(message["Attributes"]) == {"SentTimestamp", "ApproximateReceiveCount"}


def test_a_message_has_no_attributes_keys_when_none_were_asked(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x", MessageAttributes=THREE)
    assert set(receive_one(sqs, queue)) == {"MessageId", "ReceiptHandle", "MD5OfBody", "Body"}


def test_receives_are_counted_and_the_first_time_is_kept(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    seen = [receive_one(sqs, queue, VisibilityTimeout=0, AttributeNames=["All"])["Attributes"] for _ in range(3)]
    assert [attributes["ApproximateReceiveCount"] for attributes in seen] == ["1", "2", "3"]
    assert len({attributes["ApproximateFirstReceiveTimestamp"] for attributes in seen}) == 1


FILTERS = [
    ("no filter", [], set()),
    ("All", ["All"], set(THREE)),
    (".*", [".*"], set(THREE)),
    ("a star alone", ["*"], set(THREE)),
    ("All beside a name", ["All", "Hello"], set(THREE)),
    ("one name", ["Hello"], {"Hello"}),
    ("two names", ["Hello", "General"], {"Hello", "General"}),
    ("a name that is not there", ["Foo"], set()),
    ("a name that is there and one that is not", ["Foo", "Hello"], {"Hello"}),
    ("a prefix", ["Hel.*"], {"Hello", "Help.Me"}),
    ("a prefix that ends at a dot", ["Help.*"], {"Help.Me"}),
    ("a prefix beside a name", ["Hel.*", "General"], set(THREE)),
    ("a prefix that matches nothing", ["Xyz.*"], set()),
    ("another case", ["hello"], set()),
    ("a name that could not be a name", ["AWS."], set()),
]


@pytest.mark.parametrize(("fact", "names", "expected"), FILTERS, ids=[fact for fact, _, _ in FILTERS])
def test_a_filter_of_message_attribute_names_brings(sqs, queue, fact, names, expected):
    sqs.send_message(QueueUrl=queue, MessageBody="msg", MessageAttributes=THREE)
    message = receive_one(sqs, queue, MessageAttributeNames=names)
    brought = {name: THREE[name] for name in expected}
    assert message.get("MessageAttributes", {}) == brought
    if brought:
        assert message["MD5OfMessageAttributes"] == checksums.of_attributes(brought)
    else:
        assert "MD5OfMessageAttributes" not in message


# What is less than this is "at once": far more than a busy machine takes, and far less than the longest wait.
AT_ONCE_SECS = 16
LONGEST_WAIT = 20


def test_a_short_poll_answers_at_once(sqs, queue):
    began = time.monotonic()
    assert receive(sqs, queue, WaitTimeSeconds=0) == []
    assert time.monotonic() - began < AT_ONCE_SECS


def test_a_long_poll_waits_its_time_and_not_more(sqs, queue):
    began = time.monotonic()
    assert receive(sqs, queue, WaitTimeSeconds=1) == []
    assert 0.9 <= time.monotonic() - began < AT_ONCE_SECS


def test_the_queue_can_make_every_receive_a_long_poll(sqs, make_queue):
    url = make_queue(ReceiveMessageWaitTimeSeconds=1)
    began = time.monotonic()
    assert receive(sqs, url) == []
    assert 0.9 <= time.monotonic() - began < AT_ONCE_SECS


def test_a_wait_of_zero_beats_the_wait_of_the_queue(sqs, make_queue):
    url = make_queue(ReceiveMessageWaitTimeSeconds=20)
    began = time.monotonic()
    assert receive(sqs, url, WaitTimeSeconds=0) == []
    assert time.monotonic() - began < AT_ONCE_SECS


class Poll(threading.Thread):
    """A long poll in the background that remembers what came and when."""

    def __init__(self, url, **parameters):
        super().__init__(daemon=True)
        self.url, self.parameters, self.messages, self.ended = url, parameters, None, None
        self.start()

    def run(self):
        self.messages = receive(make_client(), self.url, **self.parameters)
        self.ended = time.monotonic()


def test_a_long_poll_wakes_when_a_message_arrives(sqs, queue):
    poll = Poll(queue, WaitTimeSeconds=LONGEST_WAIT)
    time.sleep(0.7)
    sqs.send_message(QueueUrl=queue, MessageBody="wake")
    sent = time.monotonic()
    poll.join(timeout=90)
    assert [message["Body"] for message in poll.messages] == ["wake"]
    assert poll.ended - sent < AT_ONCE_SECS


def test_a_long_poll_returns_with_the_first_message_and_does_not_fill_up(sqs, queue):
    poll = Poll(queue, WaitTimeSeconds=LONGEST_WAIT, MaxNumberOfMessages=10)
    time.sleep(0.4)
    sqs.send_message(QueueUrl=queue, MessageBody="first")
    poll.join(timeout=90)
    assert len(poll.messages) == 1


def test_a_long_poll_wakes_when_a_batch_arrives(sqs, queue):
    poll = Poll(queue, WaitTimeSeconds=LONGEST_WAIT, MaxNumberOfMessages=10)
    time.sleep(0.4)
    sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "a", "MessageBody": "a"}, {"Id": "b", "MessageBody": "b"}])
    sent = time.monotonic()
    poll.join(timeout=90)
    assert poll.messages and poll.ended - sent < AT_ONCE_SECS


def test_a_long_poll_wakes_when_a_delay_ends(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=3)
    sent = time.monotonic()
    poll = Poll(queue, WaitTimeSeconds=LONGEST_WAIT)
    poll.join(timeout=90)
    assert [message["Body"] for message in poll.messages] == ["later"]
    assert poll.ended - sent < AT_ONCE_SECS


def test_a_long_poll_wakes_when_a_visibility_timeout_ends(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="again")
    receive_one(sqs, queue, VisibilityTimeout=1)
    began = time.monotonic()
    poll = Poll(queue, WaitTimeSeconds=LONGEST_WAIT)
    poll.join(timeout=90)
    assert [message["Body"] for message in poll.messages] == ["again"]
    assert poll.ended - began < AT_ONCE_SECS


def test_two_waiting_pollers_share_two_messages(sqs, queue):
    polls = [Poll(queue, WaitTimeSeconds=LONGEST_WAIT) for _ in range(2)]
    time.sleep(0.4)
    for body in ("one", "two"):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    for poll in polls:
        poll.join(timeout=90)
    assert sorted(message["Body"] for poll in polls for message in poll.messages) == ["one", "two"]


def test_waiting_pollers_of_one_queue_do_not_hear_another(sqs, make_queue):
    quiet, busy = make_queue(), make_queue()
    poll = Poll(quiet, WaitTimeSeconds=1)
    sqs.send_message(QueueUrl=busy, MessageBody="not for you")
    poll.join(timeout=90)
    assert poll.messages == []


def test_a_poller_that_went_away_takes_no_message_with_it(sqs, queue):
    address = urlsplit(sqs.meta.endpoint_url)
    body = f'{{"QueueUrl": "{queue}", "WaitTimeSeconds": 20}}'
    head = (
        f"POST / HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/x-amz-json-1.0\r\n"
        f"X-Amz-Target: AmazonSQS.ReceiveMessage\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port)) as gone:
        gone.sendall((head + body).encode())
        await_read(gone)
        ends = gone.getpeername(), gone.getsockname()
    await_let_go(*ends)
    sqs.send_message(QueueUrl=queue, MessageBody="still here")
    assert receive_one(sqs, queue)["Body"] == "still here"


def test_each_receive_gives_a_new_handle(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    handles = {receive_one(sqs, queue, VisibilityTimeout=0)["ReceiptHandle"] for _ in range(3)}
    assert len(handles) == 3
