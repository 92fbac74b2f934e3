"""SendMessage: what the answer promises, what a message may be, and what is refused.

Sources: the SQS API reference and quotas page (1 MiB with attributes counted, 10 attributes, delay up to 900 s);
recorded answers of AWS for the texts of refusals. Every MD5 is computed again here.
"""

import time
import uuid

import checksums
import pytest
from conftest import fresh_name, make_client
from conversation import counts, drain, receive_one, refusal, refused_with

MESSAGE_BYTES_MAX = 1_048_576
FORBIDDEN = ["\x00", "\x08", "\x0b", "\x0c", "\x1f", "\ufffe", "\uffff"]


def text(value, kind="String"):
    return {"DataType": kind, "StringValue": value}


def binary(value, kind="Binary"):
    return {"DataType": kind, "BinaryValue": value}


def test_an_answer_carries_a_uuid_and_the_md5_of_the_body(sqs, queue):
    answer = sqs.send_message(QueueUrl=queue, MessageBody="hello")
    assert str(uuid.UUID(answer["MessageId"])) == answer["MessageId"]
    assert answer["MD5OfMessageBody"] == checksums.of_body("hello")
    assert "MD5OfMessageAttributes" not in answer
    assert "SequenceNumber" not in answer


@pytest.mark.parametrize(
    "body",
    ["x", "  kept  ", "line\nline\r\n\ttab", "ümläut €", "日本語", "😀\U0010fffd", "<a b='c'>&amp;</a>", '{"a": "b\\"c"}', "\ue000\ud7ff"],
    ids=["one letter", "spaces", "line ends", "latin", "japanese", "beyond the BMP", "markup", "json", "edges of the BMP"],
)
def test_a_body_comes_back_as_it_was_sent(sqs, queue, body):
    sent = sqs.send_message(QueueUrl=queue, MessageBody=body)
    message = receive_one(sqs, queue)
    assert message["Body"] == body
    assert message["MessageId"] == sent["MessageId"]
    assert sent["MD5OfMessageBody"] == message["MD5OfBody"] == checksums.of_body(body)


@pytest.mark.parametrize("sign", FORBIDDEN, ids=[f"U+{ord(sign):04X}" for sign in FORBIDDEN])
def test_a_body_with_a_sign_that_xml_forbids_is_refused(sqs, queue, sign):
    code, shape, status, words = refusal(sqs.send_message, QueueUrl=queue, MessageBody=f"a{sign}b")
    assert (code, shape, status) == ("InvalidMessageContents", "InvalidMessageContents", 400)
    assert words.startswith(f"Invalid binary character '#x{ord(sign):X}' was found in the message body, the set of ")
    assert counts(sqs, queue) == (0, 0, 0)


def test_an_empty_body_is_refused(sqs, queue):
    code, _, status, message = refusal(sqs.send_message, QueueUrl=queue, MessageBody="")
    assert (code, status) == ("MissingParameter", 400)
    assert message == "The request must contain the parameter MessageBody."


def test_sending_to_a_queue_that_never_was_is_refused(sqs, queue):
    url = queue.rsplit("/", 1)[0] + "/" + fresh_name()
    code, shape, status, _ = refusal(sqs.send_message, QueueUrl=url, MessageBody="x")
    assert (code, shape, status) == ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", 400)


def test_one_mebibyte_is_accepted_whole(sqs, queue):
    body = "m" * MESSAGE_BYTES_MAX
    sqs.send_message(QueueUrl=queue, MessageBody=body)
    assert receive_one(sqs, queue)["Body"] == body


def test_one_byte_more_than_a_mebibyte_is_refused(sqs, queue):
    code, _, status, message = refusal(sqs.send_message, QueueUrl=queue, MessageBody="m" * (MESSAGE_BYTES_MAX + 1))
    assert (code, status) == ("InvalidParameterValue", 400)
    assert message == "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."
    assert counts(sqs, queue) == (0, 0, 0)


def test_sizes_are_counted_in_bytes_not_in_letters(sqs, make_queue):
    url = make_queue(MaximumMessageSize=1024)
    sqs.send_message(QueueUrl=url, MessageBody="é" * 512)
    assert refused_with(sqs.send_message, QueueUrl=url, MessageBody="é" * 513) == "InvalidParameterValue"


def test_attribute_names_types_and_values_count_towards_the_size(sqs, make_queue):
    url = make_queue(MaximumMessageSize=1024)
    attributes = {"key": text("value")}
    room = 1024 - len("key" + "String" + "value")
    sqs.send_message(QueueUrl=url, MessageBody="x" * room, MessageAttributes=attributes)
    code, _, _, message = refusal(sqs.send_message, QueueUrl=url, MessageBody="x" * (room + 1), MessageAttributes=attributes)
    assert (code, message) == (
        "InvalidParameterValue",
        "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
    )


ATTRIBUTES = [
    ("a text", {"one": text("value")}),
    ("a number", {"n": text("-12.50", "Number")}),
    ("bytes", {"b": binary(bytes(range(256)))}),
    ("a custom text type", {"c": text("v", "String.my-type")}),
    ("a custom number type", {"c": text("7", "Number.int")}),
    ("custom bytes", {"c": binary(b"\x89PNG", "Binary.png")}),
    ("unicode text", {"u": text("日本 😀")}),
    ("dots, dashes and underscores in a name", {"a.b-c_D9": text("v")}),
    ("several that need sorting", {"b": text("2"), "a": text("1"), "C": binary(b"3"), "A": text("4", "Number")}),
    ("ten, the most", {f"n{i}": text(str(i)) for i in range(10)}),
    ("a name of 256 letters", {"n" * 256: text("v")}),
]


@pytest.mark.parametrize(("fact", "attributes"), ATTRIBUTES, ids=[fact for fact, _ in ATTRIBUTES])
def test_attributes_come_back_with_the_right_md5(sqs, queue, fact, attributes):
    sent = sqs.send_message(QueueUrl=queue, MessageBody="b", MessageAttributes=attributes)
    message = receive_one(sqs, queue, MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == attributes
    assert sent["MD5OfMessageAttributes"] == message["MD5OfMessageAttributes"] == checksums.of_attributes(attributes)


BAD_ATTRIBUTES = [
    ("an empty text", {"a": text("")}),
    ("no value", {"a": {"DataType": "String"}}),
    ("no type", {"a": {"StringValue": "v"}}),
    ("an empty type", {"a": text("v", "")}),
    ("an unknown type", {"a": text("v", "Float")}),
    ("a type in lower case", {"a": text("v", "string")}),
    ("a number that is none", {"a": text("ten", "Number")}),
    ("a text type with bytes", {"a": binary(b"v", "String")}),
    ("an empty name", {"": text("v")}),
    ("a space in the name", {"a b": text("v")}),
    ("a leading dot", {".a": text("v")}),
    ("a trailing dot", {"a.": text("v")}),
    ("two dots in a row", {"a..b": text("v")}),
    ("a name that begins with AWS.", {"AWS.a": text("v")}),
    ("a name that begins with Amazon.", {"Amazon.a": text("v")}),
    ("a name of 257 letters", {"n" * 257: text("v")}),
    ("eleven attributes", {f"n{i}": text("v") for i in range(11)}),
]


@pytest.mark.parametrize(("fact", "attributes"), BAD_ATTRIBUTES, ids=[fact for fact, _ in BAD_ATTRIBUTES])
def test_bad_attributes_are_refused_and_nothing_is_sent(sqs, queue, fact, attributes):
    code = refused_with(sqs.send_message, QueueUrl=queue, MessageBody="b", MessageAttributes=attributes)
    assert code == "InvalidParameterValue"
    assert counts(sqs, queue) == (0, 0, 0)


def test_an_empty_text_attribute_is_named_in_the_refusal(sqs, queue):
    attributes = {"ErrorDetails": text("")}
    _, _, _, message = refusal(sqs.send_message, QueueUrl=queue, MessageBody="b", MessageAttributes=attributes)
    assert message == "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'."


def test_an_attribute_with_a_forbidden_sign_is_refused(sqs, queue):
    attributes = {"a": text("bad\x01")}
    code, shape, status, message = refusal(sqs.send_message, QueueUrl=queue, MessageBody="b", MessageAttributes=attributes)
    assert (code, shape, status) == ("InvalidMessageContents", "InvalidMessageContents", 400)
    assert message.startswith("Invalid binary character '#x1' was found in the message attribute 'a' value, the set of allowed")
    assert counts(sqs, queue) == (0, 0, 0)


def test_a_trace_header_travels_as_a_system_attribute_with_its_own_md5(sqs, queue):
    header = {"AWSTraceHeader": text("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")}
    sent = sqs.send_message(QueueUrl=queue, MessageBody="b", MessageSystemAttributes=header)
    assert sent["MD5OfMessageSystemAttributes"] == checksums.of_attributes(header)
    assert "MD5OfMessageAttributes" not in sent
    message = receive_one(sqs, queue, MessageSystemAttributeNames=["AWSTraceHeader"])
    assert message["Attributes"] == {"AWSTraceHeader": header["AWSTraceHeader"]["StringValue"]}


TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.mark.parametrize("asked", [["All"], ["AWSTraceHeader", "SenderId"]], ids=["All", "by name"])
@pytest.mark.parametrize("parameter", ["AttributeNames", "MessageSystemAttributeNames"])
def test_a_trace_header_is_given_back_beside_message_attributes(sqs, queue, parameter, asked):
    own = {"a": text("b")}
    system = {"AWSTraceHeader": text(TRACE)}
    sent = sqs.send_message(QueueUrl=queue, MessageBody="b", MessageAttributes=own, MessageSystemAttributes=system)
    assert sent["MD5OfMessageAttributes"] == checksums.of_attributes(own)
    assert sent["MD5OfMessageSystemAttributes"] == checksums.of_attributes(system)
    message = receive_one(sqs, queue, MessageAttributeNames=["All"], **{parameter: asked})
    assert message["MessageAttributes"] == own and message["Attributes"]["AWSTraceHeader"] == TRACE
    assert message["Attributes"]["SenderId"]


def test_a_message_without_a_trace_header_shows_none(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="b")
    assert "AWSTraceHeader" not in receive_one(sqs, queue, MessageSystemAttributeNames=["All"])["Attributes"]
    sqs.send_message(QueueUrl=queue, MessageBody="b", MessageSystemAttributes={"AWSTraceHeader": text(TRACE)})
    assert "Attributes" not in receive_one(sqs, queue)


def test_a_trace_that_comes_with_the_request_is_every_messages_that_has_none(queue):
    client = make_client()
    client.meta.events.register("before-sign.sqs", lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", "Root=9"))
    sent = client.send_message(QueueUrl=queue, MessageBody="alone")
    assert "MD5OfMessageSystemAttributes" not in sent
    own = {"MessageSystemAttributes": {"AWSTraceHeader": text(TRACE)}}
    client.send_message_batch(
        QueueUrl=queue, Entries=[{"Id": "a", "MessageBody": "with its own", **own}, {"Id": "b", "MessageBody": "without"}]
    )
    messages = drain(client, queue, 3, MessageSystemAttributeNames=["AWSTraceHeader"])
    traces = {message["Body"]: message["Attributes"]["AWSTraceHeader"] for message in messages}
    assert traces == {"alone": "Root=9", "with its own": TRACE, "without": "Root=9"}


def test_a_trace_header_does_not_count_towards_the_size(sqs, make_queue):
    url = make_queue(MaximumMessageSize=1024)
    sqs.send_message(QueueUrl=url, MessageBody="x" * 1024, MessageSystemAttributes={"AWSTraceHeader": text(TRACE)})
    assert counts(sqs, url) == (1, 0, 0)


BAD_SYSTEM = [
    ("another name", {"SenderId": text("me")}, "must be one of [AWSTraceHeader]"),
    ("a number", {"AWSTraceHeader": {"DataType": "Number", "StringValue": "1"}}, "must be of type 'String'"),
    ("an empty text", {"AWSTraceHeader": text("")}, "must contain a non-empty value of type 'String'."),
    ("bytes", {"AWSTraceHeader": {"DataType": "Binary", "BinaryValue": b"x"}}, "must be of type 'String'"),
]


@pytest.mark.parametrize(("fact", "given", "part"), BAD_SYSTEM, ids=[fact for fact, *_ in BAD_SYSTEM])
def test_a_system_attribute_is_refused_for(sqs, queue, fact, given, part):
    code, _, status, message = refusal(sqs.send_message, QueueUrl=queue, MessageBody="b", MessageSystemAttributes=given)
    assert (code, status) == ("InvalidParameterValue", 400) and part in message
    batch = [{"Id": "bad", "MessageBody": "b", "MessageSystemAttributes": given}, {"Id": "good", "MessageBody": "b"}]
    answer = sqs.send_message_batch(QueueUrl=queue, Entries=batch)
    assert [entry["Id"] for entry in answer["Failed"]] == ["bad"] and part in answer["Failed"][0]["Message"]
    assert counts(sqs, queue) == (1, 0, 0)


def test_a_delayed_message_stays_hidden_until_its_delay_ends(sqs, queue):
    began = time.monotonic()
    sqs.send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=8)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    receive_one(sqs, queue, WaitTimeSeconds=20)
    assert 7.9 <= time.monotonic() - began < 18


def test_the_delay_of_the_queue_holds_when_the_message_names_none(sqs, make_queue):
    url = make_queue(DelaySeconds=8)
    sqs.send_message(QueueUrl=url, MessageBody="later")
    assert counts(sqs, url) == (0, 0, 1)
    assert receive_one(sqs, url)["Body"] == "later"


def test_a_delay_of_zero_beats_the_delay_of_the_queue(sqs, make_queue):
    url = make_queue(DelaySeconds=900)
    sqs.send_message(QueueUrl=url, MessageBody="now", DelaySeconds=0)
    assert receive_one(sqs, url)["Body"] == "now"


@pytest.mark.parametrize("delay", [-1, 901])
def test_a_delay_out_of_range_is_refused(sqs, queue, delay):
    code, _, status, message = refusal(sqs.send_message, QueueUrl=queue, MessageBody="x", DelaySeconds=delay)
    assert (code, status) == ("InvalidParameterValue", 400)
    assert message == f"Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
    assert counts(sqs, queue) == (0, 0, 0)


def test_the_longest_delay_is_accepted(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x", DelaySeconds=900)
    assert counts(sqs, queue) == (0, 0, 1)


def test_a_group_id_on_a_standard_queue_is_kept_with_the_message(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x", MessageGroupId="tenant-1")
    message = receive_one(sqs, queue, MessageSystemAttributeNames=["MessageGroupId"])
    assert message["Attributes"] == {"MessageGroupId": "tenant-1"}
