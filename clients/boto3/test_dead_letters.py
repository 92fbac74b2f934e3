"""Dead letters: RedrivePolicy, RedriveAllowPolicy, DeadLetterQueueSourceArn and ListDeadLetterSourceQueues.

Sources: SQS API reference (SetQueueAttributes, ListDeadLetterSourceQueues), developer guide ("Dead-letter queues"); recorded
answers of AWS for the words of refusals. One test stops a server of its own with SIGKILL, so it needs TIDEWIRE_BIN.
"""

import json
import os
import sys
import time
from pathlib import Path

import pytest
from conftest import fresh_name, make_client
from conversation import attributes_of, drain, receive, receive_one, refusal

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tidewire_process import TidewireProcess  # noqa: E402 (the folder above holds what several suites share)

ALL = {"MessageSystemAttributeNames": ["All"]}


def arn_of(sqs, url):
    return attributes_of(sqs, url, "QueueArn")["QueueArn"]


def policy(arn, max_receives):
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": max_receives})


def fifo_queue(sqs, **attributes):
    attributes = {"FifoQueue": "true", "VisibilityTimeout": "0", **attributes}
    return sqs.create_queue(QueueName=fresh_name() + ".fifo", Attributes=attributes)["QueueUrl"]


@pytest.fixture
def dead(make_queue):
    return make_queue()


def test_a_message_moves_after_its_last_receive_and_stays_the_message_it_was(sqs, make_queue, dead):
    source = make_queue(RedrivePolicy=policy(arn_of(sqs, dead), 2), VisibilityTimeout=0)
    attribute = {"DataType": "String", "StringValue": "y"}
    sent = sqs.send_message(QueueUrl=source, MessageBody="x", MessageAttributes={"a": attribute})
    counts = [receive_one(sqs, source, **ALL)["Attributes"]["ApproximateReceiveCount"] for _ in range(2)]
    assert counts == ["1", "2"]
    assert receive(sqs, source) == []
    letter = receive_one(sqs, dead, MessageAttributeNames=["All"], **ALL)
    assert (letter["MessageId"], letter["Body"], letter["MessageAttributes"]) == (sent["MessageId"], "x", {"a": attribute})
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == arn_of(sqs, source)
    assert letter["Attributes"]["ApproximateReceiveCount"] == "3"
    sqs.delete_message(QueueUrl=dead, ReceiptHandle=letter["ReceiptHandle"])
    assert receive(sqs, source) == []


def test_who_waits_at_the_dead_letter_queue_gets_the_letter_at_once(sqs, make_queue, dead):
    source = make_queue(RedrivePolicy=policy(arn_of(sqs, dead), 1), VisibilityTimeout=1)
    sqs.send_message(QueueUrl=source, MessageBody="x")
    receive_one(sqs, source)
    time.sleep(1.1)
    assert receive(sqs, source) == []
    began = time.monotonic()
    assert receive_one(sqs, dead, WaitTimeSeconds=20)["Body"] == "x"
    assert time.monotonic() - began < 18


def test_a_fifo_queues_letters_keep_their_group(sqs):
    dead = fifo_queue(sqs)
    source = fifo_queue(sqs, RedrivePolicy=policy(arn_of(sqs, dead), 1))
    for body in ("a", "b"):
        sqs.send_message(QueueUrl=source, MessageBody=body, MessageGroupId="g", MessageDeduplicationId=body)
    assert [receive_one(sqs, source)["Body"] for _ in range(2)] == ["a", "b"]
    assert receive(sqs, source) == []
    letters = drain(sqs, dead, 2, VisibilityTimeout=30, **ALL)
    told = [(letter["Body"], letter["Attributes"]["MessageGroupId"]) for letter in letters]
    assert told == [("a", "g"), ("b", "g")]
    assert {letter["Attributes"]["DeadLetterQueueSourceArn"] for letter in letters} == {arn_of(sqs, source)}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        ('{"maxReceiveCount":1}', "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
        (
            policy("arn:aws:sqs:us-east-1:000000000000:x", 1001),
            "Invalid value for maxReceiveCount: 1001, valid values are from 1 to 1000 both inclusive.",
        ),
        (policy("arn:aws:sqs:us-east-1:000000000000:none", 3), "Dead letter target does not exist."),
        (
            policy("arn:aws:sqs:eu-west-1:000000000000:x", 3),
            "Dead-letter target must be in same region as the source.",
        ),
        (policy("arn:aws:sqs:us-east-1:111111111111:x", 3), "Dead-letter target owner should be same as the source."),
    ],
)
def test_a_policy_that_cannot_be_followed_is_refused_and_changes_nothing(sqs, queue, text, reason):
    code, _, status, message = refusal(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"RedrivePolicy": text})
    assert (code, status) == ("InvalidParameterValue", 400)
    assert message == f"Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}"
    assert "RedrivePolicy" not in attributes_of(sqs, queue, "All")


def test_a_count_that_is_given_as_text_is_shown_as_a_number(sqs, queue, dead):
    text = policy(arn_of(sqs, dead), "5")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": text})
    shown = attributes_of(sqs, queue, "RedrivePolicy")["RedrivePolicy"]
    assert shown == f'{{"deadLetterTargetArn":"{arn_of(sqs, dead)}","maxReceiveCount":5}}'


def test_a_policy_that_is_no_json_is_refused(sqs, queue):
    code, _, status, message = refusal(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"RedrivePolicy": "x"})
    assert (code, status) == ("InvalidAttributeValue", 400)
    assert message == "Invalid value for the parameter RedrivePolicy. Reason: Redrive policy is not a valid JSON map."


def test_a_standard_queues_letters_do_not_go_to_a_fifo_queue(sqs, queue):
    text = policy(arn_of(sqs, fifo_queue(sqs)), 3)
    code, _, _, message = refusal(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"RedrivePolicy": text})
    assert code == "InvalidParameterValue"
    assert message.endswith("Dead-letter queue must be same type of queue as the source..")


def test_a_dead_letter_queue_says_who_may_use_it(sqs, make_queue):
    source, other = make_queue(), make_queue()

    def is_allowed(allow):
        text = policy(arn_of(sqs, make_queue(RedriveAllowPolicy=json.dumps(allow))), 3)
        try:
            sqs.set_queue_attributes(QueueUrl=source, Attributes={"RedrivePolicy": text})
        except sqs.exceptions.ClientError:
            return False
        assert json.loads(attributes_of(sqs, source, "RedrivePolicy")["RedrivePolicy"]) == json.loads(text)
        return True

    assert is_allowed({"redrivePermission": "allowAll"})
    assert not is_allowed({"redrivePermission": "denyAll"})
    assert not is_allowed({"redrivePermission": "byQueue", "sourceQueueArns": [arn_of(sqs, other)]})
    assert is_allowed({"redrivePermission": "byQueue", "sourceQueueArns": [arn_of(sqs, other), arn_of(sqs, source)]})


def test_an_allow_policy_that_says_nothing_clear_is_refused(sqs, queue):
    for allow in ({}, {"redrivePermission": "byQueue"}, {"redrivePermission": "denyAll", "sourceQueueArns": ["a"]}):
        given = {"RedriveAllowPolicy": json.dumps(allow)}
        assert refusal(sqs.set_queue_attributes, QueueUrl=queue, Attributes=given)[2] == 400
    assert "RedriveAllowPolicy" not in attributes_of(sqs, queue, "All")


def test_sources_are_listed_page_by_page(sqs, make_queue, dead):
    sources = {make_queue(RedrivePolicy=policy(arn_of(sqs, dead), 3)) for _ in range(5)}
    pages = sqs.get_paginator("list_dead_letter_source_queues").paginate(QueueUrl=dead, PaginationConfig={"PageSize": 2})
    sizes, listed = [], []
    for page in pages:
        sizes.append(len(page["queueUrls"]))
        listed += page["queueUrls"]
    assert (sizes, set(listed)) == ([2, 2, 1], sources)
    taken = sources.pop()
    sqs.set_queue_attributes(QueueUrl=taken, Attributes={"RedrivePolicy": ""})
    sqs.delete_queue(QueueUrl=sources.pop())
    assert set(sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"]) == sources
    assert sqs.list_dead_letter_source_queues(QueueUrl=taken).get("queueUrls", []) == []


@pytest.mark.skipif("TIDEWIRE_BIN" not in os.environ, reason="starts servers of its own from TIDEWIRE_BIN")
def test_letters_and_policies_survive_a_kill(tmp_path):
    with TidewireProcess(tmp_path) as server:
        sqs = make_client(endpoint=server.endpoint)
        dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        attributes = {"RedrivePolicy": policy(arn_of(sqs, dead), 1), "VisibilityTimeout": "0"}
        source = sqs.create_queue(QueueName="source", Attributes=attributes)["QueueUrl"]
        sqs.send_message(QueueUrl=source, MessageBody="before")
        receive_one(sqs, source)
        assert receive(sqs, source) == []
        assert receive_one(sqs, dead, VisibilityTimeout=0)["Body"] == "before"
        sqs.send_message(QueueUrl=source, MessageBody="after")
        server.kill()
    with TidewireProcess(tmp_path) as server:
        sqs = make_client(endpoint=server.endpoint)
        dead, source = (sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("dead", "source"))
        assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [source]
        receive_one(sqs, source)
        assert receive(sqs, source) == []
        assert sorted(letter["Body"] for letter in drain(sqs, dead, 2, VisibilityTimeout=30)) == ["after", "before"]
