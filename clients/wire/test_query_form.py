"""The query form: form bodies and query strings in, XML out, as Debian's AWS CLI and older SDKs speak it.

Sources: the awsQuery protocol; the SQS guide, "Making Query API requests"; answers of AWS as recorded.
"""

import base64
import hashlib
import json

import pytest

NAMESPACE = b'xmlns="http://queue.amazonaws.com/doc/2012-11-05/"'


def path_of(url):
    return "/" + "/".join(url.split("/")[-2:])


def text(answer, path):
    assert answer.status == 200, answer
    return answer.xml().findtext(path)


def texts(answer, path):
    return [element.text for element in answer.xml().findall(path)]


def test_an_answer_is_wrapped_twice_and_names_its_request(wire, queue):
    answer = wire.form("SendMessage", QueueUrl=queue, MessageBody="hello")
    assert answer.headers["content-type"].startswith("text/xml")
    assert NAMESPACE in answer.body
    root = answer.xml()
    assert root.tag == "SendMessageResponse"
    assert root.findtext("SendMessageResult/MD5OfMessageBody") == hashlib.md5(b"hello").hexdigest()
    assert root.findtext("ResponseMetadata/RequestId") == answer.headers["x-amzn-requestid"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("where", ["root", "queue path"])
def test_a_call_works_by(wire, queue, method, where):
    path, rest = ("/", {"QueueUrl": queue}) if where == "root" else (path_of(queue), {})
    assert text(wire.form("SendMessage", path, method, MessageBody=f"{method} {where}", **rest), "SendMessageResult/MessageId")
    answer = wire.form("ReceiveMessage", path, method, WaitTimeSeconds=1, **rest)
    assert text(answer, "ReceiveMessageResult/Message/Body") == f"{method} {where}"
    handle = text(answer, "ReceiveMessageResult/Message/ReceiptHandle")
    assert wire.form("DeleteMessage", path, method, ReceiptHandle=handle, **rest).xml().tag == "DeleteMessageResponse"
    assert wire.snapshot(queue)["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_create_get_url_list_and_delete(wire):
    name = wire.create_queue().rsplit("/", 1)[1] + "-x"
    created = wire.form("CreateQueue", QueueName=name, **{"Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "7"})
    url = text(created, "CreateQueueResult/QueueUrl")
    assert text(wire.form("GetQueueUrl", QueueName=name), "GetQueueUrlResult/QueueUrl") == url
    assert texts(wire.form("ListQueues", QueueNamePrefix=name), "ListQueuesResult/QueueUrl") == [url]
    assert wire.snapshot(url)["DelaySeconds"] == "7"
    assert wire.form("DeleteQueue", QueueUrl=url).status == 200
    assert texts(wire.form("ListQueues", QueueNamePrefix=name), "ListQueuesResult/QueueUrl") == []


def test_queue_attributes_come_and_go_as_numbered_pairs(wire, queue):
    pairs = {"Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "9", "Attribute.2.Name": "DelaySeconds"}
    assert wire.form("SetQueueAttributes", QueueUrl=queue, **pairs, **{"Attribute.2.Value": "3"}).status == 200
    names = {"AttributeName.1": "VisibilityTimeout", "AttributeName.2": "DelaySeconds"}
    answer = wire.form("GetQueueAttributes", QueueUrl=queue, **names)
    pairs = answer.xml().findall("GetQueueAttributesResult/Attribute")
    assert {pair.findtext("Name"): pair.findtext("Value") for pair in pairs} == {"VisibilityTimeout": "9", "DelaySeconds": "3"}


def test_message_attributes_come_and_go_as_numbered_entries(wire, queue):
    sent = {
        "MessageAttribute.1.Name": "text",
        "MessageAttribute.1.Value.DataType": "String",
        "MessageAttribute.1.Value.StringValue": "a & b <c>",
        "MessageAttribute.2.Name": "raw",
        "MessageAttribute.2.Value.DataType": "Binary",
        "MessageAttribute.2.Value.BinaryValue": base64.b64encode(b"\x00\xff").decode(),
    }
    answer = wire.form("SendMessage", QueueUrl=queue, MessageBody="x", **sent)
    digest = text(answer, "SendMessageResult/MD5OfMessageAttributes")
    names = {"MessageAttributeName.1": "All", "AttributeName.1": "ApproximateReceiveCount"}
    answer = wire.form("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=1, **names)
    message = answer.xml().find("ReceiveMessageResult/Message")
    assert message.findtext("MD5OfMessageAttributes") == digest
    found = {element.findtext("Name"): element for element in message.findall("MessageAttribute")}
    assert found["text"].findtext("Value/StringValue") == "a & b <c>"
    assert base64.b64decode(found["raw"].findtext("Value/BinaryValue")) == b"\x00\xff"
    assert message.findtext("Attribute/Name") == "ApproximateReceiveCount"
    assert message.findtext("Attribute/Value") == "1"


ALONE = {
    "tags at creation": ("CreateQueue", {"Tag.Key": "k", "Tag.Value": "v"}),
    "an attribute at creation": ("CreateQueue", {"Attribute.Name": "DelaySeconds", "Attribute.Value": "4"}),
}


@pytest.mark.parametrize("what", ALONE)
def test_one_member_of_a_list_may_come_without_a_number_at_creation(wire, what):
    """The API reference's own examples leave the number out where there is one."""
    action, rest = ALONE[what]
    name = wire.create_queue().rsplit("/", 1)[1] + "-x"
    path = path_of(text(wire.form(action, QueueName=name, **rest), "CreateQueueResult/QueueUrl"))
    tags = texts(wire.form("ListQueueTags", path), "ListQueueTagsResult/Tag/Key")
    delay = texts(wire.form("GetQueueAttributes", path, AttributeName="DelaySeconds"), "GetQueueAttributesResult/Attribute/Value")
    assert (tags, delay) == (["k"], ["0"]) if "Tag.Key" in rest else ([], ["4"])


def test_one_member_of_a_list_may_come_without_a_number(wire, queue):
    path = path_of(queue)
    given = {"Attribute.Name": "VisibilityTimeout", "Attribute.Value": "35"}
    assert wire.form("SetQueueAttributes", path, "GET", **given).status == 200
    shown = wire.form("GetQueueAttributes", path, "GET", AttributeName="VisibilityTimeout")
    assert texts(shown, "GetQueueAttributesResult/Attribute/Value") == ["35"]
    wire.form("SendMessage", path, "GET", MessageBody="x")
    message = wire.form("ReceiveMessage", path, "GET", AttributeName="All", VisibilityTimeout="0", WaitTimeSeconds="1")
    assert {"SenderId", "SentTimestamp"} <= set(texts(message, "ReceiveMessageResult/Message/Attribute/Name"))


def test_tags_come_and_go_as_numbered_pairs_and_by_get(wire, queue):
    path = path_of(queue)
    tags = {"Tag.1.Key": "a", "Tag.1.Value": "1", "Tag.2.Key": "b", "Tag.2.Value": ""}
    assert wire.form("TagQueue", path, **tags).xml().tag == "TagQueueResponse"
    assert wire.form("TagQueue", path, "GET", **{"Tag.Key": "c", "Tag.Value": "3"}).status == 200
    listed = wire.form("ListQueueTags", path, "GET")
    assert texts(listed, "ListQueueTagsResult/Tag/Key") == ["a", "b", "c"]
    assert texts(listed, "ListQueueTagsResult/Tag/Value") == ["1", None, "3"]
    assert wire.form("UntagQueue", path, **{"TagKey.1": "a", "TagKey.2": "b"}).xml().tag == "UntagQueueResponse"
    assert wire.form("UntagQueue", path, "GET", TagKey="c").status == 200
    assert texts(wire.form("ListQueueTags", path), "ListQueueTagsResult/Tag/Key") == []


def test_permissions_come_as_numbered_lists(wire, queue):
    path = path_of(queue)
    accounts = {"AWSAccountId.1": "111111111111", "AWSAccountId.2": "222222222222"}
    actions = {"ActionName.1": "SendMessage", "ActionName.2": "ReceiveMessage"}
    assert wire.form("AddPermission", path, Label="l", **accounts, **actions).xml().tag == "AddPermissionResponse"
    policy = json.loads(wire.snapshot(queue)["Policy"])
    assert policy["Statement"][0]["Action"] == ["SQS:SendMessage", "SQS:ReceiveMessage"]
    assert wire.form("RemovePermission", path, Label="l").xml().tag == "RemovePermissionResponse"
    assert "Policy" not in wire.snapshot(queue)


EMPTY_LISTS = [
    ("TagQueue", {}, "MissingParameter", "The request must contain the parameter Tags."),
    ("UntagQueue", {}, "InvalidParameterValue", "Tag keys must be between 1 and 128 characters in length."),
    (
        "AddPermission",
        {"Label": "l", "AWSAccountId.1": "111111111111"},
        "MissingParameter",
        "The request must contain the parameter Actions.",
    ),
    (
        "AddPermission",
        {"Label": "l", "ActionName.1": "*"},
        "InvalidParameterValue",
        "Value [] for parameter PrincipalId is invalid. Reason: Unable to verify.",
    ),
]


@pytest.mark.parametrize(("action", "rest", "code", "message"), EMPTY_LISTS, ids=["tags", "keys", "actions", "accounts"])
def test_a_list_that_a_form_leaves_out_is_worded_as_an_empty_one(wire, untouched, action, rest, code, message):
    answer = wire.form(action, path_of(untouched), **rest)
    error = answer.xml().find("Error")
    assert (answer.status, error.findtext("Code"), error.findtext("Message")) == (400, code, message)


def test_a_trace_header_comes_and_goes_as_a_numbered_entry(wire, queue):
    trace = {"Name": "AWSTraceHeader", "Value.StringValue": "Root=1-5759e988", "Value.DataType": "String"}
    header = {f"MessageSystemAttribute.1.{name}": value for name, value in trace.items()}
    sent = wire.form("SendMessage", QueueUrl=queue, MessageBody="x", **header)
    assert len(text(sent, "SendMessageResult/MD5OfMessageSystemAttributes")) == 32
    batch = {f"SendMessageBatchRequestEntry.1.{name}": value for name, value in header.items()}
    entry = {"SendMessageBatchRequestEntry.1.Id": "e", "SendMessageBatchRequestEntry.1.MessageBody": "y"}
    answer = wire.form("SendMessageBatch", QueueUrl=queue, **entry, **batch)
    digest = "SendMessageBatchResult/SendMessageBatchResultEntry/MD5OfMessageSystemAttributes"
    assert text(answer, digest) == text(sent, "SendMessageResult/MD5OfMessageSystemAttributes")
    for parameter in ("AttributeName.1", "MessageSystemAttributeName.1"):
        shown = wire.form("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=1, **{parameter: "AWSTraceHeader"})
        assert texts(shown, "ReceiveMessageResult/Message/Attribute/Value") == ["Root=1-5759e988"]


def test_a_get_whose_text_is_not_utf_8_is_refused_as_a_form_and_does_nothing(wire, untouched):
    answer = wire.send("GET", path_of(untouched) + "?Action=SendMessage&MessageBody=%ED%A0%80", {}, b"")
    assert (answer.status, answer.xml().tag) == (400, "ErrorResponse")


def test_batches_come_as_numbered_entries_and_fail_one_by_one(wire, queue):
    prefix = "SendMessageBatchRequestEntry"
    sent = {f"{prefix}.1.Id": "a", f"{prefix}.1.MessageBody": "1", f"{prefix}.2.Id": "b", f"{prefix}.2.MessageBody": "2"}
    late = {f"{prefix}.3.Id": "late", f"{prefix}.3.MessageBody": "3", f"{prefix}.3.DelaySeconds": "901"}
    answer = wire.form("SendMessageBatch", QueueUrl=queue, **sent, **late)
    assert texts(answer, "SendMessageBatchResult/SendMessageBatchResultEntry/Id") == ["a", "b"]
    failed = answer.xml().find("SendMessageBatchResult/BatchResultErrorEntry")
    assert (failed.findtext("Id"), failed.findtext("Code")) == ("late", "InvalidParameterValue")
    assert failed.findtext("SenderFault") == "true"


def test_change_visibility_and_delete_batches_work(wire, queue):
    wire.form("SendMessage", QueueUrl=queue, MessageBody="x")
    answer = wire.form("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=1)
    handle = text(answer, "ReceiveMessageResult/Message/ReceiptHandle")
    prefix = "ChangeMessageVisibilityBatchRequestEntry.1"
    entry = {f"{prefix}.Id": "a", f"{prefix}.ReceiptHandle": handle, f"{prefix}.VisibilityTimeout": "60"}
    answer = wire.form("ChangeMessageVisibilityBatch", QueueUrl=queue, **entry)
    assert texts(answer, "ChangeMessageVisibilityBatchResult/ChangeMessageVisibilityBatchResultEntry/Id") == ["a"]
    assert wire.form("ChangeMessageVisibility", QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=30).status == 200
    entry = {"DeleteMessageBatchRequestEntry.1.Id": "a", "DeleteMessageBatchRequestEntry.1.ReceiptHandle": handle}
    answer = wire.form("DeleteMessageBatch", QueueUrl=queue, **entry)
    assert texts(answer, "DeleteMessageBatchResult/DeleteMessageBatchResultEntry/Id") == ["a"]


@pytest.mark.parametrize(
    "body", ["<a>&amp;\"'</a>", "line\nline\ttab", "ümläut 日本 😀", "a=b&c=d+e%20f", "]]>"], ids=lambda body: body[:6].strip()
)
def test_a_body_survives_form_and_xml(wire, queue, body):
    wire.form("SendMessage", QueueUrl=queue, MessageBody=body)
    answer = wire.form("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=1)
    assert text(answer, "ReceiveMessageResult/Message/Body") == body
    assert text(answer, "ReceiveMessageResult/Message/MD5OfBody") == hashlib.md5(body.encode()).hexdigest()


def test_a_carriage_return_in_a_body_survives_xml(wire, queue):
    wire.form("SendMessage", QueueUrl=queue, MessageBody="a\r\nb\rc")
    answer = wire.form("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=1)
    assert text(answer, "ReceiveMessageResult/Message/Body") == "a\r\nb\rc"


def test_a_mebibyte_that_a_form_escapes_threefold_is_read(wire, queue):
    body = "\t" * 1_048_576
    answer = wire.form("SendMessage", QueueUrl=queue, MessageBody=body)
    assert text(answer, "SendMessageResult/MD5OfMessageBody") == hashlib.md5(body.encode()).hexdigest()
    answer = wire.form("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=1)
    assert text(answer, "ReceiveMessageResult/Message/Body") == body


def test_an_empty_receive_is_an_empty_result(wire, queue):
    answer = wire.form("ReceiveMessage", QueueUrl=queue)
    assert answer.status == 200 and answer.xml().tag == "ReceiveMessageResponse"
    assert texts(answer, "ReceiveMessageResult/Message") == []


ERRORS = [
    ("a missing queue", "SendMessage", {"MessageBody": "x"}, "AWS.SimpleQueueService.NonExistentQueue", 400),
    ("an empty batch", "SendMessageBatch", {}, "AWS.SimpleQueueService.EmptyBatchRequest", 400),
    ("a bad handle", "DeleteMessage", {"ReceiptHandle": "x"}, "ReceiptHandleIsInvalid", 404),
    ("a missing parameter", "SendMessage", {}, "MissingParameter", 400),
    ("a number out of range", "ReceiveMessage", {"MaxNumberOfMessages": 11}, "InvalidParameterValue", 400),
    ("a forbidden sign", "SendMessage", {"MessageBody": "\x01"}, "InvalidMessageContents", 400),
    ("an unknown action", "NoSuchAction", {}, "InvalidAction", 400),
]


@pytest.mark.parametrize(("fact", "action", "rest", "code", "status"), ERRORS, ids=[row[0] for row in ERRORS])
def test_an_error_is_an_error_response_with_the_query_code(wire, untouched, fact, action, rest, code, status):
    url = untouched + "-missing" if fact == "a missing queue" else untouched
    answer = wire.form(action, QueueUrl=url, **rest)
    root = answer.xml()
    assert (answer.status, root.tag) == (status, "ErrorResponse")
    assert root.findtext("Error/Code") == code
    assert root.findtext("Error/Type") == "Sender"
    assert root.findtext("Error/Message")
    assert root.find("Error/Detail") is not None
    assert root.findtext("RequestId") == answer.headers["x-amzn-requestid"]


def test_a_missing_queue_is_worded_as_in_the_days_of_wsdl(wire, queue):
    answer = wire.form("SendMessage", QueueUrl=queue + "-missing", MessageBody="x")
    assert answer.xml().findtext("Error/Message") == "The specified queue does not exist for this wsdl version."


@pytest.mark.parametrize("value", ["one", "1.5", "", "99999999999999999999"], ids=["word", "fraction", "empty", "huge"])
def test_a_number_that_is_none_is_refused(wire, untouched, value):
    """MalformedInput is SQS's recorded code for a form whose value cannot be of the parameter's type."""
    answer = wire.form("ReceiveMessage", QueueUrl=untouched, MaxNumberOfMessages=value)
    assert (answer.status, answer.xml().findtext("Error/Code")) == (400, "MalformedInput")


def test_wrong_base64_in_a_binary_attribute_is_refused(wire, untouched):
    attribute = {
        "MessageAttribute.1.Name": "raw",
        "MessageAttribute.1.Value.DataType": "Binary",
        "MessageAttribute.1.Value.BinaryValue": "!!not base64!!",
    }
    answer = wire.form("SendMessage", QueueUrl=untouched, MessageBody="x", **attribute)
    assert (answer.status, answer.xml().tag) == (400, "ErrorResponse")
    assert answer.xml().findtext("Error/Code") == "MalformedInput"


def test_list_members_need_not_stand_in_order(wire, queue):
    names = {"AttributeName.2": "DelaySeconds", "AttributeName.1": "VisibilityTimeout"}
    answer = wire.form("GetQueueAttributes", QueueUrl=queue, **names)
    assert sorted(texts(answer, "GetQueueAttributesResult/Attribute/Name")) == ["DelaySeconds", "VisibilityTimeout"]


@pytest.mark.parametrize(("index", "names"), [(999_999_999, ["DelaySeconds"]), (4_294_967_295, [])])
def test_a_huge_index_in_a_list_costs_nothing(wire, untouched, index, names):
    """Of more than nine digits it is no index, and the parameter one that nobody knows."""
    answer = wire.form("GetQueueAttributes", QueueUrl=untouched, **{f"AttributeName.{index}": "DelaySeconds"})
    assert answer.status == 200
    assert texts(answer, "GetQueueAttributesResult/Attribute/Name") == names


def test_the_perl_client_sends_a_form_with_a_json_target(wire, queue):
    """Amazon::SQS::Simple posts forms to the queue path, names a JSON target as well and signs for service s3."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "X-Amz-Target": "SendMessage",
        "Authorization": wire.authorization.replace("/sqs/", "/s3/"),
    }
    body = b"Action=SendMessage&Version=2012-11-05&MessageBody=perl"
    answer = wire.send("POST", path_of(queue), headers, body)
    assert text(answer, "SendMessageResult/MD5OfMessageBody") == hashlib.md5(b"perl").hexdigest()


def test_an_empty_region_in_the_scope_is_the_default_region(wire, queue):
    """The Go SDK v2 with a custom resolver signs with no region."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": wire.authorization.replace("/us-east-1/", "//"),
    }
    body = b"Action=GetQueueUrl&Version=2012-11-05&QueueName=" + queue.rsplit("/", 1)[1].encode()
    assert text(wire.send("POST", "/", headers, body), "GetQueueUrlResult/QueueUrl") == queue
