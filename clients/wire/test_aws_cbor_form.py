"""The older CBOR form, `application/x-amz-cbor-1.1`: JSON 1.1's target and errors with CBOR for JSON.

No model names it; the Java SDKs and the KCL speak it to Kinesis. Source: `SdkCborGenerator` and `JsonErrorCodeParser` of the
AWS SDKs for Java: a timestamp is tag 1 over an integer of milliseconds, an error is told by `__type` and `message`.
"""

import hashlib
import time

import cbor
from wire_client import AWS_CBOR


def test_a_message_goes_in_and_comes_out(wire, queue):
    attributes = {"raw": {"DataType": "Binary", "BinaryValue": bytes(range(256))}}
    sent = wire.aws_cbor("AmazonSQS.SendMessage", {"QueueUrl": queue, "MessageBody": "日本", "MessageAttributes": attributes})
    assert (sent.status, sent.headers["content-type"]) == (200, AWS_CBOR)
    assert "smithy-protocol" not in sent.headers and sent.headers["x-amzn-requestid"]
    assert sent.cbor()["MD5OfMessageBody"] == hashlib.md5("日本".encode()).hexdigest()
    asked = {"QueueUrl": queue, "WaitTimeSeconds": 1, "MessageAttributeNames": ["All"]}
    (message,) = wire.aws_cbor("AmazonSQS.ReceiveMessage", asked).cbor()["Messages"]
    assert (message["Body"], message["MessageAttributes"]) == ("日本", attributes)


def test_a_timestamp_is_an_integer_of_milliseconds(wire):
    before = int(time.time() * 1000)
    answer = wire.aws_cbor("TrentService.CreateKey", {})
    created = answer.cbor()["KeyMetadata"]["CreationDate"]
    assert isinstance(created, int) and before - 60_000 <= created <= before + 60_000
    assert cbor.encode("CreationDate") + b"\xc1\x1b" + created.to_bytes(8, "big") in answer.body


def test_an_error_has_the_type_and_message_of_json(wire, queue):
    asked = {"QueueUrl": queue + "-missing", "MessageBody": "x"}
    answer = wire.aws_cbor("AmazonSQS.SendMessage", asked)
    json = wire.json("SendMessage", asked)
    assert (answer.status, answer.headers["content-type"]) == (json.status, AWS_CBOR)
    assert answer.cbor() == json.json()
    assert answer.headers["x-amzn-query-error"] == json.headers["x-amzn-query-error"]


def test_what_is_no_cbor_is_refused_in_cbor(wire, untouched):
    for body in (b"\xff", b"\x80", b'{"QueueUrl":"x"}', b"\xa1\x68QueueUrl\x7a\xff\xff\xff\xffabc"):
        answer = wire.aws_cbor("AmazonSQS.SendMessage", body)
        assert (answer.status, answer.headers["content-type"]) == (400, AWS_CBOR)
        assert answer.cbor()["__type"] == "com.amazon.coral.service#SerializationException"
    answer = wire.aws_cbor("AmazonSQS.NoSuchOperation", {})
    assert answer.cbor()["__type"] == "com.amazon.coral.service#UnknownOperationException"
