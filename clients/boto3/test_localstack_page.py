"""LocalStack's developer page `/_aws/sqs/messages`, with the SDK for Python as LocalStack's documentation uses it.

The page is the endpoint of a second client, or is read as plain JSON; nothing is consumed by it. Source: LocalStack's documentation,
"Developer endpoints" of SQS.
"""

import json
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError
from conftest import ENDPOINT, make_client
from conversation import counts, receive_one

PAGE = f"{ENDPOINT}/_aws/sqs/messages"


def page(url, **query):
    asked = Request(f"{PAGE}?{urlencode({'QueueUrl': url, **query})}", headers={"Accept": "application/json"})
    with urlopen(asked) as answer:
        return json.load(answer)["ReceiveMessageResponse"]["ReceiveMessageResult"]


def test_a_client_whose_endpoint_is_the_page_sees_everything_and_takes_nothing(sqs, queue):
    for body in ("a", "b", "c"):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    looking = make_client(endpoint=PAGE)
    for _ in range(2):
        seen = looking.receive_message(QueueUrl=queue)["Messages"]
        assert [message["Body"] for message in seen] == ["a", "b", "c"]
        assert {message["ReceiptHandle"] for message in seen} == {"SQS/BACKDOOR/ACCESS"}
    assert counts(sqs, queue) == (3, 0, 0)
    with pytest.raises(ClientError):
        looking.send_message(QueueUrl=queue, MessageBody="d")


def test_what_is_hidden_is_shown_when_asked_for(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="flying")
    receive_one(sqs, queue)
    sqs.send_message(QueueUrl=queue, MessageBody="late", DelaySeconds=60)
    assert page(queue) is None
    assert page(queue, ShowInvisible="true")["Message"]["Body"] == "flying"
    assert page(queue, ShowDelayed="true")["Message"]["Body"] == "late"


def test_a_long_queue_comes_page_by_page(sqs, queue):
    for first in range(0, 1200, 10):
        entries = [{"Id": str(n), "MessageBody": str(first + n)} for n in range(10)]
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    first = page(queue)
    second = page(queue, NextToken=first["NextToken"])
    assert (len(first["Message"]), len(second["Message"]), "NextToken" in second) == (1000, 200, False)
    bodies = [message["Body"] for message in first["Message"] + second["Message"]]
    assert bodies == [str(n) for n in range(1200)]
