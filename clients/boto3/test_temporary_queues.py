"""Temporary queues: what AWS's Java client for them relies on, queues that go by themselves, virtual queues on a host.

Sources: the temporary-queue client's README and wire behaviour (tags, message attributes, `host#name`); docs/EXTENSIONS.md for
what is tidewire's own.
"""

import threading
import time
from urllib.parse import quote

import pytest
from conftest import fresh_name
from conversation import attributes_of, receive, receive_one, refusal, refused_with

LIFETIME = "TidewireIdleLifetimeSeconds"


def text(value):
    return {"DataType": "String", "StringValue": value}


def exists(sqs, name):
    try:
        return bool(sqs.get_queue_url(QueueName=name))
    except sqs.exceptions.QueueDoesNotExist:
        return False


# What AWS's client does with any SQS: its tags and attributes are data like others.


def test_the_idle_queue_deleting_client_finds_its_tags_again(sqs):
    name = fresh_name("__IdleQueue")
    tags = {"__IdleQueueRetentionPeriodSeconds": "300"}
    url = sqs.create_queue(QueueName=name, tags=tags)["QueueUrl"]
    beat = {"__AmazonSQSIdleQueueDeletingClient.LastHeartbeatTimestamp": str(int(time.time() * 1000))}
    sqs.tag_queue(QueueUrl=url, Tags=beat)
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == tags | beat
    assert url in sqs.list_queues(QueueNamePrefix="__IdleQueue").get("QueueUrls", [])
    sqs.untag_queue(QueueUrl=url, TagKeys=list(beat))
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == tags
    sqs.delete_queue(QueueUrl=url)
    assert refused_with(sqs.tag_queue, QueueUrl=url, Tags=beat) == "AWS.SimpleQueueService.NonExistentQueue"


def test_the_virtual_queues_client_sorts_by_an_attribute_and_sweeps_messages_back(sqs, queue):
    """It multiplexes on the client: messages go to the host with the virtual queue's name in an attribute."""
    mark = "__AmazonSQSVirtualQueuesClient.QueueName"
    for name in ("one", "two"):
        sqs.send_message(QueueUrl=queue, MessageBody=name, MessageAttributes={mark: text(name)})
    got = receive(sqs, queue, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"])
    assert {message["MessageAttributes"][mark]["StringValue"]: message["Body"] for message in got} == {"one": "one", "two": "two"}
    for message in got:
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(got)]
    assert len(sqs.delete_message_batch(QueueUrl=queue, Entries=entries)["Successful"]) == 2


def test_the_requester_client_names_where_to_reply(sqs, queue, make_queue):
    reply_to = make_queue()
    attributes = {"ResponseQueueUrl": text(reply_to), "__AmazonSQSVirtualQueuesClient.QueueName": text("v")}
    sqs.send_message(QueueUrl=queue, MessageBody="ping", MessageAttributes=attributes)
    request = receive_one(sqs, queue, MessageAttributeNames=["All"])
    sqs.send_message(QueueUrl=request["MessageAttributes"]["ResponseQueueUrl"]["StringValue"], MessageBody="pong")
    assert receive_one(sqs, reply_to)["Body"] == "pong"


# Queues that go by themselves.


def test_an_idle_queue_goes_by_itself(sqs):
    name = fresh_name()
    url = sqs.create_queue(QueueName=name, Attributes={LIFETIME: "10"})["QueueUrl"]
    assert attributes_of(sqs, url, "All")[LIFETIME] == "10"
    sqs.send_message(QueueUrl=url, MessageBody="x")
    deadline = time.monotonic() + 120
    while exists(sqs, name) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not exists(sqs, name)
    assert refused_with(sqs.send_message, QueueUrl=url, MessageBody="x") == "AWS.SimpleQueueService.NonExistentQueue"


def test_a_queue_in_use_stays(sqs):
    name = fresh_name()
    url = sqs.create_queue(QueueName=name, Attributes={LIFETIME: "10"})["QueueUrl"]
    for _ in range(3):
        assert receive(sqs, url, WaitTimeSeconds=5) == []
    assert exists(sqs, name)
    sqs.delete_queue(QueueUrl=url)


def test_a_queue_without_a_lifetime_does_not_show_it(sqs, queue):
    assert LIFETIME not in attributes_of(sqs, queue, "All")


@pytest.mark.parametrize("wrong", ["-1", "x", "1.5", "31536001"])
def test_a_lifetime_is_a_number_of_seconds(sqs, wrong):
    code, _, status, _ = refusal(sqs.create_queue, QueueName=fresh_name(), Attributes={LIFETIME: wrong})
    assert (code, status) == ("InvalidAttributeValue", 400)


# Virtual queues on the server.


def test_a_virtual_queue_has_its_own_messages(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="host")
    sqs.send_message(QueueUrl=f"{queue}#a", MessageBody="a")
    entries = [{"Id": "1", "MessageBody": "b1"}, {"Id": "2", "MessageBody": "b2"}]
    assert len(sqs.send_message_batch(QueueUrl=queue + quote("#b"), Entries=entries)["Successful"]) == 2
    assert receive(sqs, f"{queue}#nobody") == []
    assert [message["Body"] for message in receive(sqs, queue, MaxNumberOfMessages=10)] == ["host"]
    both = receive(sqs, f"{queue}#b", MaxNumberOfMessages=10)
    assert [message["Body"] for message in both] == ["b1", "b2"]
    (only,) = receive(sqs, f"{queue}#a", MaxNumberOfMessages=10)
    sqs.delete_message(QueueUrl=f"{queue}#a", ReceiptHandle=only["ReceiptHandle"])
    entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(both)]
    assert len(sqs.delete_message_batch(QueueUrl=f"{queue}#b", Entries=entries)["Successful"]) == 2


def test_a_virtual_queue_can_be_purged_peeked_at_and_counted(sqs, queue):
    for url in (queue, f"{queue}#a", f"{queue}#a"):
        sqs.send_message(QueueUrl=url, MessageBody=url[-2:])
    number = "ApproximateNumberOfMessages"
    assert attributes_of(sqs, f"{queue}#a", number) == {number: "2"}
    seen = receive(sqs, f"{queue}#a", MaxNumberOfMessages=10, MessageSystemAttributeNames=["TidewirePeek"])
    assert [message["Body"] for message in seen] == ["#a", "#a"]
    assert len(receive(sqs, queue, MaxNumberOfMessages=10, MessageSystemAttributeNames=["TidewirePeek"])) == 1
    sqs.delete_queue(QueueUrl=f"{queue}#a")
    assert receive(sqs, f"{queue}#a") == []
    assert attributes_of(sqs, queue, number) == {number: "1"}


def test_what_a_virtual_queue_does_not_have_is_not_done_to_its_host(sqs, queue):
    for call, more in [(sqs.set_queue_attributes, {"Attributes": {}}), (sqs.tag_queue, {"Tags": {"a": "b"}})]:
        assert refused_with(call, QueueUrl=f"{queue}#a", **more) == "AWS.SimpleQueueService.UnsupportedOperation"


def test_many_requesters_wait_on_one_host_and_each_gets_its_own_reply(sqs, queue, make_queue):
    reply_host, replies = make_queue(), {}

    def ask(number):
        reply_to = f"{reply_host}#r{number}"
        attributes = {"ResponseQueueUrl": text(reply_to)}
        sqs.send_message(QueueUrl=queue, MessageBody=str(number), MessageAttributes=attributes)
        replies[number] = receive_one(sqs, reply_to, WaitTimeSeconds=20)["Body"]

    requesters = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for requester in requesters:
        requester.start()
    answered = 0
    while answered < 20:
        for request in receive(sqs, queue, MaxNumberOfMessages=10, WaitTimeSeconds=5, MessageAttributeNames=["All"]):
            reply_to = request["MessageAttributes"]["ResponseQueueUrl"]["StringValue"]
            sqs.send_message(QueueUrl=reply_to, MessageBody=f"reply to {request['Body']}")
            answered += 1
    for requester in requesters:
        requester.join()
    assert replies == {number: f"reply to {number}" for number in range(20)}
