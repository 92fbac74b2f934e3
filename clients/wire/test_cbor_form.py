"""The rpcv2Cbor form: the protocol to which AWS is moving its services, spoken with a codec written for this test.

Source: the rpcv2Cbor protocol page of Smithy: the path names service and operation, the header `smithy-protocol` stands in
the request and in the answer, an error carries `__type`.
"""

import hashlib

import cbor
import pytest
from wire_client import Wire


def test_list_queues_answers_in_the_same_protocol(wire, queue):
    answer = wire.cbor("ListQueues", {"QueueNamePrefix": queue.rsplit("/", 1)[1]})
    assert answer.status == 200
    assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
    assert answer.headers["content-type"] == "application/cbor"
    assert answer.headers["x-amzn-requestid"]
    assert answer.cbor() == {"QueueUrls": [queue]}


def test_a_message_goes_in_and_comes_out(wire, queue):
    attributes = {
        "text": {"DataType": "String", "StringValue": "日本"},
        "raw": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
    }
    sent = wire.cbor("SendMessage", {"QueueUrl": queue, "MessageBody": "hello", "MessageAttributes": attributes}).cbor()
    assert sent["MD5OfMessageBody"] == hashlib.md5(b"hello").hexdigest()
    asked = {"QueueUrl": queue, "WaitTimeSeconds": 1, "MessageAttributeNames": ["All"]}
    (message,) = wire.cbor("ReceiveMessage", asked).cbor()["Messages"]
    assert message["Body"] == "hello"
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    deleted = wire.cbor("DeleteMessage", {"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]})
    assert deleted.status == 200 and (deleted.body == b"" or deleted.cbor() == {})
    assert wire.snapshot(queue)["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_message_sent_as_cbor_is_received_as_json_and_xml(wire, queue):
    for body in ("for json", "for xml"):
        assert wire.cbor("SendMessage", {"QueueUrl": queue, "MessageBody": body}).status == 200
    first = wire.json("ReceiveMessage", {"QueueUrl": queue, "WaitTimeSeconds": 1}).json()["Messages"][0]["Body"]
    second = wire.form("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=1).xml().findtext("ReceiveMessageResult/Message/Body")
    assert {first, second} == {"for json", "for xml"}


def test_batches_and_attributes_work(wire, queue):
    entries = [{"Id": "a", "MessageBody": "1"}, {"Id": "b", "MessageBody": "2", "DelaySeconds": 60}]
    answer = wire.cbor("SendMessageBatch", {"QueueUrl": queue, "Entries": entries}).cbor()
    assert [entry["Id"] for entry in answer["Successful"]] == ["a", "b"]
    answer = wire.cbor("GetQueueAttributes", {"QueueUrl": queue, "AttributeNames": ["All"]}).cbor()
    assert answer["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "1"


def test_tags_permissions_and_trace_headers_work(wire, queue):
    assert wire.cbor("TagQueue", {"QueueUrl": queue, "Tags": {"a": "1", "b": ""}}).status == 200
    assert wire.cbor("UntagQueue", {"QueueUrl": queue, "TagKeys": ["a"]}).status == 200
    assert cbor.decode(wire.cbor("ListQueueTags", {"QueueUrl": queue}).body) == {"Tags": {"b": ""}}
    permission = {"QueueUrl": queue, "Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]}
    assert wire.cbor("AddPermission", permission).status == 200
    assert '"Sid":"l"' in wire.snapshot(queue)["Policy"]
    assert wire.cbor("RemovePermission", {"QueueUrl": queue, "Label": "l"}).status == 200
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}}
    sent = wire.cbor("SendMessage", {"QueueUrl": queue, "MessageBody": "x", "MessageSystemAttributes": trace})
    assert len(cbor.decode(sent.body)["MD5OfMessageSystemAttributes"]) == 32
    asked = {"QueueUrl": queue, "WaitTimeSeconds": 1, "MessageSystemAttributeNames": ["AWSTraceHeader"]}
    (message,) = cbor.decode(wire.cbor("ReceiveMessage", asked).body)["Messages"]
    assert message["Attributes"] == {"AWSTraceHeader": "Root=1"}


def test_lengths_left_open_are_read(wire, queue):
    body = cbor.encode_indefinite({"QueueUrl": queue, "Entries": [{"Id": "a", "MessageBody": "open end"}]})
    assert wire.cbor("SendMessageBatch", body).cbor()["Successful"][0]["Id"] == "a"


def test_an_empty_receive_has_no_messages_key(wire, queue):
    assert "Messages" not in wire.cbor("ReceiveMessage", {"QueueUrl": queue}).cbor()


def test_an_error_names_its_shape_and_its_query_code(wire, queue):
    answer = wire.cbor("SendMessage", {"QueueUrl": queue + "-missing", "MessageBody": "x"})
    assert answer.status == 400
    assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
    assert answer.cbor()["__type"] == "com.amazonaws.sqs#QueueDoesNotExist"
    assert answer.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"


BROKEN = [
    ("nothing that is CBOR", b"\xff\xff\xff"),
    ("a map that ends early", b"\xa2\x68QueueUrl"),
    ("a text longer than the body", b"\xa1\x68QueueUrl\x7a\xff\xff\xff\xffabc"),
    ("a list that claims four billion items", b"\xa1\x67Entries\x9a\xff\xff\xff\xff"),
    ("a map that claims 2^64 items", b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff"),
    ("deep nesting", b"\xa1\x61x" + b"\x81" * 100_000),
    ("deep tags", b"\xa1\x61x" + b"\xc1" * 100_000),
    ("a list in place of the map", b"\x80"),
    ("text that is not UTF-8", b"\xa1\x68QueueUrl\x62\xff\xfe"),
]


@pytest.mark.parametrize(("fact", "body"), BROKEN, ids=[fact for fact, _ in BROKEN])
def test_broken_cbor_is_refused(wire, untouched, fact, body):
    answer = wire.cbor("SendMessage", body)
    assert answer.status == 400
    assert answer.cbor()["__type"] == "com.amazon.coral.service#SerializationException"


WRONG_TYPES = [
    ("a number in place of a text", {"MessageBody": 5}),
    ("a text in place of a number", {"MessageBody": "x", "DelaySeconds": "soon"}),
    ("a list in place of a map", {"MessageBody": "x", "MessageAttributes": [1]}),
    (
        "text in place of bytes",
        {"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "Binary", "BinaryValue": "text"}}},
    ),
]


@pytest.mark.parametrize(("fact", "rest"), WRONG_TYPES, ids=[fact for fact, _ in WRONG_TYPES])
def test_a_wrong_type_is_refused(wire, untouched, fact, rest):
    answer = wire.cbor("SendMessage", {"QueueUrl": untouched, **rest})
    assert answer.status == 400
    assert answer.cbor()["__type"] == "com.amazon.coral.service#SerializationException"


def test_null_in_a_list_is_passed_over_as_in_json(wire, queue):
    answer = wire.cbor("GetQueueAttributes", {"QueueUrl": queue, "AttributeNames": [None, "DelaySeconds", None]})
    assert (answer.status, answer.cbor()) == (200, {"Attributes": {"DelaySeconds": "0"}})


def test_an_unknown_operation_is_refused(wire):
    answer = wire.cbor("NoSuchOperation", {})
    assert answer.status == 400
    assert answer.cbor()["__type"] == "com.amazon.coral.service#UnknownOperationException"
    assert answer.headers["x-amzn-query-error"] == "InvalidAction;Sender"


def test_accounts_are_kept_apart_here_too(queue):
    other = Wire(key="333333333333")
    assert other.cbor("GetQueueUrl", {"QueueName": queue.rsplit("/", 1)[1]}).status == 400
