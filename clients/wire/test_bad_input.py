"""Bad input of every kind gets the error of AWS and changes nothing.

Every test here holds a queue with one message (`untouched`) whose attributes, counts and message must be the same
afterwards. Sources: the awsJson1_0 protocol, the SQS error tables, answers of AWS as recorded.
"""

import socket

import pytest
from wire_client import read_answer

# The namespace of errors that AWS's front end gives for all services alike.
FRONT_END = "com.amazon.coral.service#"

BROKEN_JSON = [
    ("no JSON at all", b"hello"),
    ("an open object", b'{"QueueUrl": "x"'),
    ("an open string", b'{"QueueUrl": "x'),
    ("a trailing comma", b'{"QueueUrl": "x",}'),
    ("single quotes", b"{'QueueUrl': 'x'}"),
    ("two objects", b"{}{}"),
    ("a list", b"[]"),
    ("a text", b'"text"'),
    ("a number", b"1"),
    ("bytes that are not UTF-8", b'{"QueueUrl": "\xff\xfe"}'),
    ("a lone surrogate", rb'{"QueueUrl": "\ud800"}'),
    ("a raw line end in a string", b'{"QueueUrl": "a\nb"}'),
    ("a bad escape", rb'{"QueueUrl": "\x41"}'),
    ("ten thousand open lists", b'{"a":' + b"[" * 10_000),
    ("a hundred thousand open objects", b'{"a":' * 100_000),
    ("a number without end", b'{"DelaySeconds": ' + b"9" * 5_000 + b"}"),
]


@pytest.mark.parametrize(("fact", "body"), BROKEN_JSON, ids=[fact for fact, _ in BROKEN_JSON])
def test_broken_json_is_refused(wire, untouched, fact, body):
    answer = wire.json("SendMessage", body)
    assert answer.status == 400
    assert answer.json()["__type"] == f"{FRONT_END}SerializationException"
    assert answer.headers["x-amzn-query-error"] == "MalformedInput;Sender"


def test_no_body_at_all_is_an_input_without_members(wire, untouched):
    """Clients send `{}` where there is nothing to say; botocore's protocol tests want its absence taken for the same."""
    answer = wire.json("SendMessage", b"")
    assert (answer.status, answer.type()) == (400, "MissingRequiredParameterException")
    assert wire.json("ListQueues", b"").status == 200


WRONG_TYPES = [
    ("a number for a text", "SendMessage", {"MessageBody": 5}),
    ("a list for a text", "SendMessage", {"MessageBody": ["x"]}),
    ("an object for a text", "SendMessage", {"MessageBody": {"a": 1}}),
    ("a word for a number", "SendMessage", {"MessageBody": "x", "DelaySeconds": "soon"}),
    ("a list for a number", "SendMessage", {"MessageBody": "x", "DelaySeconds": [1]}),
    ("a number over 64 bits", "SendMessage", {"MessageBody": "x", "DelaySeconds": 10**30}),
    ("a text for a map", "SendMessage", {"MessageBody": "x", "MessageAttributes": "a"}),
    ("a list for a map", "SendMessage", {"MessageBody": "x", "MessageAttributes": []}),
    ("a text for a structure", "SendMessage", {"MessageBody": "x", "MessageAttributes": {"a": "b"}}),
    ("an object for a list", "SendMessageBatch", {"Entries": {"Id": "a"}}),
    ("texts in a list of structures", "SendMessageBatch", {"Entries": ["a"]}),
    ("a text for a list", "ReceiveMessage", {"AttributeNames": "All"}),
    ("numbers for attribute values", "SetQueueAttributes", {"Attributes": {"DelaySeconds": {"a": 1}}}),
    (
        "a number for bytes",
        "SendMessage",
        {"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "Binary", "BinaryValue": 5}}},
    ),
]


@pytest.mark.parametrize(("fact", "operation", "rest"), WRONG_TYPES, ids=[row[0] for row in WRONG_TYPES])
def test_a_wrong_type_is_refused(wire, untouched, fact, operation, rest):
    answer = wire.json(operation, {"QueueUrl": untouched, **rest})
    assert answer.status == 400
    assert answer.type() == "SerializationException"


@pytest.mark.parametrize("value", ["!!!!", "AAA", "A===", "AA=A", "äöü="], ids=repr)
def test_wrong_base64_is_refused(wire, untouched, value):
    """AWS's front end words it as a broken input, as recorded from a sibling of SQS behind it (DynamoDB): the text
    cannot be converted to a blob. The parameter's own error would come from the service, which it does not reach.
    """
    attributes = {"a": {"DataType": "Binary", "BinaryValue": value}}
    answer = wire.json("SendMessage", {"QueueUrl": untouched, "MessageBody": "x", "MessageAttributes": attributes})
    assert (answer.status, answer.json()["__type"]) == (400, f"{FRONT_END}SerializationException")
    assert answer.headers["x-amzn-query-error"] == "MalformedInput;Sender"


NO_OPERATIONS = [
    ("AmazonSQS.NoSuchOperation", "InvalidAction;Sender"),
    ("AmazonSQS.sendmessage", "InvalidAction;Sender"),
    ("AmazonSQS.", "InvalidAction;Sender"),
    ("AmazonSQS", "InvalidAction;Sender"),
    # Whose operation it would be is not known, and so not whether that service was once asked in forms.
    ("Nothing.SendMessage", None),
    ("", None),
]


@pytest.mark.parametrize(("target", "query_error"), NO_OPERATIONS, ids=[target for target, _ in NO_OPERATIONS])
def test_an_unknown_operation_is_refused(wire, untouched, target, query_error):
    """Status 400, as recorded from services behind AWS's JSON front end (Step Functions, CloudWatch Logs, OpsWorks). The 404
    that AWS's newer pages of common errors name is for requests that it can take to no service.
    """
    headers = {**wire.json_headers("SendMessage"), "X-Amz-Target": target}
    body = f'{{"QueueUrl": "{untouched}", "MessageBody": "x"}}'.encode()
    answer = wire.send("POST", "/", headers, body)
    assert (answer.status, answer.json()["__type"]) == (400, f"{FRONT_END}UnknownOperationException")
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"
    assert answer.headers.get("x-amzn-query-error") == query_error


NOT_BUILT_YET_OR_UNKNOWN = ["PUT", "DELETE", "PATCH"]


@pytest.mark.parametrize("method", NOT_BUILT_YET_OR_UNKNOWN)
def test_a_method_that_no_protocol_uses_is_refused(wire, untouched, method):
    answer = wire.send(method, "/", wire.json_headers("DeleteQueue"), f'{{"QueueUrl": "{untouched}"}}'.encode())
    assert answer.status == 405


BATCHES = [
    ("empty", [], "EmptyBatchRequest"),
    ("absent", None, "EmptyBatchRequest"),
    ("eleven entries", [{"Id": f"e{i}", "MessageBody": "x"} for i in range(11)], "TooManyEntriesInBatchRequest"),
    ("the same id twice", [{"Id": "a", "MessageBody": "x"}, {"Id": "a", "MessageBody": "y"}], "BatchEntryIdsNotDistinct"),
    ("a bad id", [{"Id": "a b", "MessageBody": "x"}], "InvalidBatchEntryId"),
    ("an empty id", [{"Id": "", "MessageBody": "x"}], "InvalidBatchEntryId"),
    ("too long in all", [{"Id": i, "MessageBody": "x" * 600_000} for i in "ab"], "BatchRequestTooLong"),
]


@pytest.mark.parametrize(("fact", "entries", "shape"), BATCHES, ids=[row[0] for row in BATCHES])
def test_a_bad_batch_is_refused_whole(wire, untouched, fact, entries, shape):
    answer = wire.json("SendMessageBatch", {"QueueUrl": untouched, "Entries": entries})
    assert answer.status == 400
    assert answer.type() == shape
    assert answer.headers["x-amzn-query-error"] == f"AWS.SimpleQueueService.{shape};Sender"


@pytest.mark.parametrize("sign", ["\x00", "\x0b", "\x1f", "\ufffe", "\uffff"], ids=lambda sign: f"U+{ord(sign):04X}")
def test_a_sign_that_xml_forbids_is_refused(wire, untouched, sign):
    answer = wire.json("SendMessage", {"QueueUrl": untouched, "MessageBody": f"a{sign}b"})
    assert (answer.status, answer.type()) == (400, "InvalidMessageContents")


# As applications report AWS's answer; of a half of a character in an entry nobody does, and U+FFFF stands for it.
HALVES = [
    (rb"\ud800", "D800"),
    (rb"x\udc00y", "DC00"),
    (rb"\ud83d\u0041", "D83D"),
    (rb"\ufffe", "FFFE"),
    (rb"\uffff", "FFFF"),
    (rb"\u000b", "B"),
]
CHARACTERS = (
    "Invalid binary character '#x{}' was found in the {}, the set of allowed characters is #x9 | #xA | #xD | "
    "[#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]."
)


def test_an_entry_with_half_a_character_fails_alone(wire, queue):
    """Nobody recorded AWS's answer. Its JSON reader takes such escapes, and what it says of each entry's contents it says
    of that entry, as with all other forbidden characters."""
    attribute = b'{"Id":"a","MessageBody":"m","MessageAttributes":{"x":{"DataType":"String","StringValue":"\\udfff"}}}'
    entries = b'[{"Id":"1","MessageBody":"one"},{"Id":"2","MessageBody":"2\\ud800"},%s,{"Id":"3","MessageBody":"three"}]'
    body = b'{"QueueUrl":"%s","Entries":%s}' % (queue.encode(), entries % attribute)
    answer = wire.json("SendMessageBatch", body)
    assert [one["Id"] for one in answer.json()["Successful"]] == ["1", "3"]
    failed = [(one["Id"], one["Code"], one["SenderFault"], one["Message"]) for one in answer.json()["Failed"]]
    assert failed == [
        ("2", "InvalidMessageContents", True, CHARACTERS.format("FFFF", "message body")),
        ("a", "InvalidMessageContents", True, CHARACTERS.format("FFFF", "message attribute 'x' value")),
    ]
    received = wire.json("ReceiveMessage", {"QueueUrl": queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1}).json()
    assert {message["Body"] for message in received["Messages"]} <= {"one", "three"}


def test_half_a_character_in_a_batch_that_is_wrong_otherwise_is_refused_for_that(wire, untouched):
    body = b'{"QueueUrl":"%s","Entries":[{"Id":"1","MessageBody":"\\ud800"},{"Id":"2"}]}' % untouched.encode()
    answer = wire.json("SendMessageBatch", body)
    assert (answer.status, answer.type()) == (400, "MissingRequiredParameterException")
    body = b'{"QueueUrl":"%s","Entries":[{"Id":"1","MessageBody":"\\ud800"}]' % untouched.encode()
    broken = wire.json("SendMessageBatch", body)
    assert (broken.status, broken.json()["__type"]) == (400, f"{FRONT_END}SerializationException")


@pytest.mark.parametrize(("raw", "unit"), HALVES, ids=[raw.decode() for raw, _ in HALVES])
@pytest.mark.parametrize("where", ["body", "attribute", "entry"])
def test_a_json_escape_of_what_is_no_character_is_refused_and_sends_nothing(wire, untouched, where, raw, unit):
    url = b'"QueueUrl":"' + untouched.encode() + b'",'
    attribute = b'"MessageBody":"b","MessageAttributes":{"a":{"DataType":"String","StringValue":"' + raw + b'"}}'
    entries = b'"Entries":[{"Id":"e","MessageBody":"' + raw + b'"}]'
    forms = {"body": b'"MessageBody":"' + raw + b'"', "attribute": attribute, "entry": entries}
    operation = "SendMessageBatch" if where == "entry" else "SendMessage"
    answer = wire.json(operation, b"{" + url + forms[where] + b"}")
    if where == "entry":
        (failed,) = answer.json()["Failed"]
        unit = "FFFF" if unit.startswith("D") else unit
        expected = (200, "InvalidMessageContents", CHARACTERS.format(unit, "message body"))
        assert (answer.status, failed["Code"], failed["Message"]) == expected
    else:
        place = "message body" if where == "body" else "message attribute 'a' value"
        expected = (400, "InvalidMessageContents", CHARACTERS.format(unit, place))
        assert (answer.status, answer.type(), answer.json()["message"]) == expected


@pytest.mark.parametrize(
    "url",
    ["", "http://", "http://h/", "http://h/1/2/3/4", "no spaces here", "x" * 5_000, "http://[::1", "/000000000000/", "\x00"],
    ids=["empty", "no host", "no path", "long path", "spaces", "5000 signs", "open bracket", "no name", "a null"],
)
def test_a_queue_url_that_is_none_is_refused(wire, untouched, url):
    answer = wire.json("SendMessage", {"QueueUrl": url, "MessageBody": "x"})
    assert (answer.status, answer.type()) == (400, "QueueDoesNotExist")


def test_a_truncated_body_does_nothing(wire, untouched):
    body = f'{{"QueueUrl": "{untouched}", "MessageBody": "cut"}}'.encode()
    with wire.socket() as connection:
        connection.sendall(wire.head("SendMessage", len(body) + 10) + body)
        end_of_sending(connection)
        answer = read_answer(connection.makefile("rb"))
    assert answer is None or answer.status >= 400


def test_a_connection_that_drops_in_the_middle_of_a_body_does_nothing(wire, untouched):
    body = f'{{"QueueUrl": "{untouched}", "MessageBody": "dropped"}}'.encode()
    with wire.socket() as connection:
        connection.sendall(wire.head("SendMessage", len(body)) + body[:-5])


def test_a_body_over_the_limit_is_refused_and_the_connection_closed(wire, untouched):
    length = 64 * 1024 * 1024
    with wire.socket() as connection:
        stream = connection.makefile("rb")
        connection.sendall(wire.head("SendMessage", length))
        sent = push(connection, length)
        answer = answer_or_end(stream)
        assert answer is None or answer.status in (400, 413)
        assert sent < length or answer is not None
        assert ends(stream)


def test_a_chunked_body_over_the_limit_is_refused(wire, untouched):
    head = wire.head("SendMessage", 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    with wire.socket() as connection:
        stream = connection.makefile("rb")
        connection.sendall(head)
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        sent = push(connection, 64 * len(chunk), chunk)
        answer = answer_or_end(stream)
        assert answer is None or answer.status in (400, 413)
        assert sent < 64 * len(chunk) or answer is not None


def test_a_chunked_body_within_the_limit_is_read(wire, queue):
    head = wire.head("SendMessage", 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    body = f'{{"QueueUrl": "{queue}", "MessageBody": "in chunks"}}'.encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:7], body[7:30], body[30:])) + b"0\r\n\r\n"
    with wire.socket() as connection:
        connection.sendall(head + chunks)
        assert read_answer(connection.makefile("rb")).status == 200


HEAD_BYTES_MAX = 64 * 1024
HEADERS_MAX = 100
START = b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSQS.ListQueues\r\n"
HEADS_TOO_LARGE = [
    ("one line just over the bound", START + b"X-Filler: " + b"x" * HEAD_BYTES_MAX + b"\r\n\r\n"),
    ("lines that are small each", START + (b"X-Filler: " + b"x" * 1_000 + b"\r\n") * 70 + b"\r\n"),
    ("a line of four mebibytes", START + b"X-Filler: " + b"x" * 4 * 1024 * 1024 + b"\r\n\r\n"),
    ("a line that never ends", START + b"X-Filler: " + b"x" * 4 * 1024 * 1024),
    ("a header more than the bound", START + b"".join(b"X-%d: y\r\n" % nth for nth in range(HEADERS_MAX - 1)) + b"\r\n"),
]


@pytest.mark.parametrize(("fact", "raw"), HEADS_TOO_LARGE, ids=[fact for fact, _ in HEADS_TOO_LARGE])
def test_header_sections_too_large_are_answered_431_and_the_connection_closed(wire, fact, raw):
    """RFC 6585, section 5. What the server will not read it leaves lying, so the answer must be there before its end."""
    with wire.socket() as connection:
        push(connection, len(raw), raw)
        answer, rest = everything(connection).split(b"\r\n\r\n")
    lines = answer.lower().split(b"\r\n")
    assert lines[0] == b"http/1.1 431 request header fields too large"
    assert b"connection: close" in lines and b"content-length: 0" in lines
    assert rest == b""


@pytest.mark.parametrize(
    "extra",
    [b"X-Filler: " + b"x" * (HEAD_BYTES_MAX - 300) + b"\r\n", b"".join(b"X-%d: y\r\n" % n for n in range(HEADERS_MAX - 4))],
    ids=["just under the bytes", "as many headers as may be"],
)
def test_a_header_section_at_its_bound_is_read(wire, extra):
    with wire.socket() as connection:
        connection.sendall(START + extra + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")
        assert everything(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def everything(connection):
    """All bytes until the other side ends the connection, in good order or because something was left unread."""
    received = b""
    try:
        while data := connection.recv(65_536):
            received += data
    except ConnectionResetError:
        pass
    return received


NOT_HTTP = [
    ("garbage", b"\x00\x01\x02\x03\r\n\r\n"),
    ("a TLS hello", bytes.fromhex("160301020001000100fc0303") + b"\x00" * 40),
    ("a bad version", b"GET / HTTP/9.9\r\n\r\n"),
    ("a length that is none", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n"),
    ("a negative length", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
    ("two lengths", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    ("a bad chunk size", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    ("a space before the colon", b"POST / HTTP/1.1\r\nHost : x\r\n\r\n"),
]


@pytest.mark.parametrize(("fact", "raw"), NOT_HTTP, ids=[fact for fact, _ in NOT_HTTP])
def test_what_is_not_http_is_refused_or_cut_off(wire, untouched, fact, raw):
    with wire.socket(timeout=10) as connection:
        connection.sendall(raw)
        end_of_sending(connection)
        answer = answer_or_end(connection.makefile("rb"))
    assert answer is None or answer.status >= 400


def end_of_sending(connection):
    """Says that nothing more comes; the other side may have hung up already."""
    try:
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def push(connection, total, piece=b"x" * 65_536):
    """Sends until `total` bytes are gone or the other side has had enough; the bytes sent."""
    sent = 0
    try:
        while sent < total:
            connection.sendall(piece)
            sent += len(piece)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return sent


def answer_or_end(stream):
    """An answer, or None when the connection was closed without one."""
    try:
        return read_answer(stream)
    except (ConnectionResetError, ValueError, IndexError):
        return None


def ends(stream):
    """Whether the other side closes the connection."""
    try:
        return stream.read(1) == b""
    except ConnectionResetError:
        return True
