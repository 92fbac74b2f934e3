"""The JSON 1.0 form: exact answers, exact errors, and what a lenient reader must accept.

Sources: the awsJson1_0 protocol and the awsQueryCompatible trait (header `x-amzn-query-error`); answers of AWS as recorded.
"""

import re

import pytest

REQUEST_ID = re.compile(r"^[0-9A-Za-z-]{16,}$")


def test_an_answer_has_the_type_of_its_protocol_and_a_request_id(wire, queue):
    answer = wire.json("SendMessage", {"QueueUrl": queue, "MessageBody": "x"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"
    assert REQUEST_ID.match(answer.headers["x-amzn-requestid"])
    assert "x-amzn-query-error" not in answer.headers


def test_request_ids_differ(wire, queue):
    ids = {wire.json("GetQueueUrl", {"QueueName": queue.rsplit("/", 1)[1]}).headers["x-amzn-requestid"] for _ in range(5)}
    assert len(ids) == 5


def test_a_send_answers_exactly_its_two_members(wire, queue):
    answer = wire.json("SendMessage", {"QueueUrl": queue, "MessageBody": "x"}).json()
    assert set(answer) == {"MessageId", "MD5OfMessageBody"}


def test_an_empty_receive_is_an_empty_object(wire, queue):
    assert wire.json("ReceiveMessage", {"QueueUrl": queue}).json() == {}


EMPTY_ANSWERS = [
    ("SetQueueAttributes", {"Attributes": {"DelaySeconds": "0"}}),
    ("PurgeQueue", {}),
    ("DeleteQueue", {}),
]


@pytest.mark.parametrize(("operation", "rest"), EMPTY_ANSWERS, ids=[name for name, _ in EMPTY_ANSWERS])
def test_an_operation_without_output_answers_200_with_an_empty_object(wire, queue, operation, rest):
    answer = wire.json(operation, {"QueueUrl": queue, **rest})
    assert (answer.status, answer.body) == (200, b"{}")


def received_handle(wire, queue):
    wire.json("SendMessage", {"QueueUrl": queue, "MessageBody": "x"})
    return wire.json("ReceiveMessage", {"QueueUrl": queue, "WaitTimeSeconds": 1}).json()["Messages"][0]["ReceiptHandle"]


def test_a_delete_batch_without_failures_has_no_failed_list(wire, queue):
    entries = [{"Id": "a", "ReceiptHandle": received_handle(wire, queue)}]
    answer = wire.json("DeleteMessageBatch", {"QueueUrl": queue, "Entries": entries}).json()
    assert answer == {"Successful": [{"Id": "a"}]}


ERRORS = [
    ("a missing queue", "SendMessage", {"MessageBody": "x"}, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400),
    ("an empty batch", "SendMessageBatch", {"Entries": []}, "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", 400),
    ("a bad handle", "DeleteMessage", {"ReceiptHandle": "x"}, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404),
    ("a number out of range", "ReceiveMessage", {"MaxNumberOfMessages": 11}, "InvalidParameterValueException", "InvalidParameterValue", 400),
    ("a missing parameter", "SendMessage", {}, "MissingRequiredParameterException", "MissingParameter", 400),
    ("an unknown attribute", "GetQueueAttributes", {"AttributeNames": ["No"]}, "InvalidAttributeName", "InvalidAttributeName", 400),
    ("a forbidden sign", "SendMessage", {"MessageBody": "\x00"}, "InvalidMessageContents", "InvalidMessageContents", 400),
]


@pytest.mark.parametrize(("fact", "operation", "rest", "shape", "code", "status"), ERRORS, ids=[row[0] for row in ERRORS])
def test_an_error_names_shape_and_query_code(wire, untouched, fact, operation, rest, shape, code, status):
    url = untouched + "-missing" if shape == "QueueDoesNotExist" else untouched
    answer = wire.json(operation, {"QueueUrl": url, **rest})
    assert answer.status == status
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"
    assert answer.headers["x-amzn-query-error"] == f"{code};Sender"
    assert answer.type() == shape
    assert answer.json().get("message") or answer.json().get("Message")
    assert REQUEST_ID.match(answer.headers["x-amzn-requestid"])


def test_the_type_of_a_modelled_error_carries_the_namespace_of_sqs(wire, queue):
    answer = wire.json("SendMessage", {"QueueUrl": queue + "-missing", "MessageBody": "x"})
    assert answer.json() == {
        "__type": "com.amazonaws.sqs#QueueDoesNotExist",
        "message": "The specified queue does not exist.",
    }


def test_the_error_type_stands_in_the_body_alone(wire, queue):
    """AWS's example of a refusal in JSON (Developer Guide, "Interpreting Amazon SQS JSON API responses") shows every header
    of it, and no `x-amzn-errortype`: that one belongs to REST services. A client that finds it would believe it before
    `__type` and the query code.
    """
    answer = wire.json("SendMessage", {"QueueUrl": queue + "-missing", "MessageBody": "x"})
    shown = {"x-amzn-requestid", "x-amzn-query-error", "content-length", "date", "content-type"}
    assert set(answer.headers) == shown


LENIENT = [
    ("nulls are skipped", {"MessageAttributes": None, "DelaySeconds": None, "MessageSystemAttributes": None}),
    ("unknown members are skipped", {"Unknown": {"deep": [1, {"a": None}]}, "Another": 1.5}),
    ("empty attribute maps are none", {"MessageAttributes": {}}),
]


@pytest.mark.parametrize(("fact", "rest"), LENIENT, ids=[fact for fact, _ in LENIENT])
def test_the_reader_is_lenient(wire, queue, fact, rest):
    assert wire.json("SendMessage", {"QueueUrl": queue, "MessageBody": fact, **rest}).status == 200
    messages = wire.json("ReceiveMessage", {"QueueUrl": queue, "WaitTimeSeconds": 1}).json()["Messages"]
    assert [message["Body"] for message in messages] == [fact]


@pytest.mark.parametrize("names", [["DelaySeconds", None], [None, "DelaySeconds"], [None, None, "DelaySeconds"]], ids=str)
def test_null_in_a_list_is_passed_over(wire, queue, names):
    """What SQS answers is not recorded anywhere found. Servers made from Smithy models refuse it, AWS's older front end,
    which SQS stands behind, takes a null for a value that was left out; a stricter reader would break clients that work.
    """
    answer = wire.json("GetQueueAttributes", {"QueueUrl": queue, "AttributeNames": names})
    assert (answer.status, answer.json()) == (200, {"Attributes": {"DelaySeconds": "0"}})


def test_a_list_of_nothing_but_null_is_an_empty_list(wire, untouched):
    answer = wire.json("SendMessageBatch", {"QueueUrl": untouched, "Entries": [None]})
    assert (answer.status, answer.type()) == (400, "EmptyBatchRequest")


TEXTS = [
    ("a surrogate pair", rb'"\ud83d\ude00"', "\U0001f600"),
    ("escapes of plain letters", rb'"\u0041\u00df"', "A\u00df"),
    ("all short escapes that XML allows", rb'"\n\t\r\"\\\/"', '\n\t\r"\\/'),
]


@pytest.mark.parametrize(("fact", "raw", "expected"), TEXTS, ids=[row[0] for row in TEXTS])
def test_json_escapes_are_read(wire, queue, fact, raw, expected):
    body = b'{"QueueUrl":"' + queue.encode() + b'","MessageBody":' + raw + b"}"
    assert wire.json("SendMessage", body).status == 200
    messages = wire.json("ReceiveMessage", {"QueueUrl": queue, "WaitTimeSeconds": 1}).json()["Messages"]
    assert messages[0]["Body"] == expected


def test_json_on_the_path_of_the_queue_works_like_on_the_root(wire, queue):
    path = "/" + "/".join(queue.split("/")[-2:])
    assert wire.json("SendMessage", {"QueueUrl": queue, "MessageBody": "x"}, path=path).status == 200


def test_the_queue_url_follows_the_host_header(wire, queue):
    name = queue.rsplit("/", 1)[1]
    answer = wire.json("GetQueueUrl", {"QueueName": name}, Host="queues.example:8080")
    assert answer.json()["QueueUrl"] == f"http://queues.example:8080/000000000000/{name}"


def test_a_charset_in_the_content_type_does_no_harm(wire, queue):
    headers = {"Content-Type": "application/x-amz-json-1.0; charset=utf-8"}
    assert wire.json("SendMessage", {"QueueUrl": queue, "MessageBody": "x"}, **headers).status == 200


def test_unsigned_requests_belong_to_the_default_account(wire, queue):
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ListQueues"}
    assert wire.send("POST", "/", headers, b"{}").status == 200


def test_a_mebibyte_that_json_escapes_sixfold_is_read(wire, queue):
    body = b'{"QueueUrl":"' + queue.encode() + b'","MessageBody":"' + rb"\u0009" * 1_048_576 + b'"}'
    assert wire.json("SendMessage", body).status == 200
    messages = wire.json("ReceiveMessage", {"QueueUrl": queue, "WaitTimeSeconds": 1}).json()["Messages"]
    assert messages[0]["Body"] == "\t" * 1_048_576
