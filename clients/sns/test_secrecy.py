"""Whose bodies are whose: what clients encrypted passes as it is, and a topic under a key leaves nothing to read on the disk."""

import base64
import os
import threading

import pytest
from conftest import make_client
from own_servers import own_servers
from receiver import Receiver
from test_http import house_at, subscribe

pytestmark = pytest.mark.timeout(300)

# Ten seconds apart, for as long as a restart may take.
PATIENT = {"healthyRetryPolicy": {"minDelayTarget": 10, "maxDelayTarget": 10, "numRetries": 60}}


def test_what_a_client_encrypted_arrives_as_it_was(house):
    """The extended and encrypting clients put base64 into the body and the sealed key into a binary attribute."""
    topic = house.topic()
    raw, wrapped = house.subscribed(topic, RawMessageDelivery="true"), house.subscribed(topic)
    body, key = base64.b64encode(os.urandom(3000)).decode(), bytes(range(256))
    attributes = {"x-amz-key-v2": {"DataType": "Binary", "BinaryValue": key}, "x-amz-iv": {"DataType": "String", "StringValue": "/+=="}}
    house.sns.publish(TopicArn=topic, Message=body, MessageAttributes=attributes)
    [message] = house.received(raw)
    assert message["Body"] == body
    assert message["MessageAttributes"]["x-amz-key-v2"]["BinaryValue"] == key
    [envelope] = house.notifications(wrapped)
    assert envelope["Message"] == body
    assert base64.b64decode(envelope["MessageAttributes"]["x-amz-key-v2"]["Value"]) == key


def files_with(folder, secret):
    return [path for path in folder.rglob("*") if path.is_file() and secret in path.read_bytes()]


def test_what_waits_under_a_key_cannot_be_read_in_the_data_folder(tmp_path):
    folder, secret = tmp_path / "data", "s" + os.urandom(30).hex()
    up = threading.Event()

    def down(handler, received):
        return None if up.is_set() else handler.answer(503)

    with own_servers() as make, Receiver(down) as receiver:
        server = make(folder).start()
        key = make_client("kms", server.endpoint).create_key()["KeyMetadata"]["KeyId"]
        house = house_at(server)
        topic = house.topic(Attributes={"KmsMasterKeyId": key})
        subscribe(house, topic, receiver, DeliveryPolicy=PATIENT)
        house.sns.publish(TopicArn=topic, Message=secret)
        assert receiver.notifications()[0].json["Message"] == secret
        server.kill()
        assert any(path.is_file() and path.stat().st_size for path in folder.rglob("*"))
        assert not files_with(folder, secret.encode())
        up.set()
        make(folder).start()
        assert receiver.notifications(2, seconds=120)[1].json["Message"] == secret, "it was there all the same"
