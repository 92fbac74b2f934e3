"""SNS in every body protocol: AWS's clients of today send forms, the generated ones can be told to send rpcv2Cbor or JSON.

The names are those that such a client takes from the service's Smithy model: `/service/AmazonSimpleNotificationService/operation/…`
and the target `AmazonSimpleNotificationService.…`. An error's code in forms is `x-amzn-query-error` in the others.
"""

import base64
import json
import uuid
from typing import Any, Callable, NamedTuple

import cbor
import pytest
from wire_client import SNS, Wire

FORMS = ["json", "cbor", "cbor-1.1"]


class Form(NamedTuple):
    """One way to ask SNS."""

    ask: Callable
    read: Callable
    binary: Callable[[bytes], Any]


def json_type(answer):
    return answer.headers["content-type"].split(";")[0]


@pytest.fixture(scope="session")
def sns():
    return Wire(api=SNS)


@pytest.fixture(params=FORMS)
def form(request, sns):
    in_json = Form(sns.json, lambda answer: answer.json(), lambda value: base64.b64encode(value).decode())
    in_cbor = Form(sns.cbor, read_cbor, lambda value: value)
    older = Form(lambda operation, body: sns.aws_cbor(f"{SNS.target}.{operation}", body), read_cbor, lambda value: value)
    return {"json": in_json, "cbor": in_cbor, "cbor-1.1": older}[request.param]


def read_cbor(answer):
    return cbor.decode(answer.body) if answer.body else {}


def call(form, operation, body):
    """What a call that goes well answers with."""
    answer = form.ask(operation, body)
    assert answer.status == 200, answer
    return form.read(answer)


def fresh():
    return f"t-{uuid.uuid4().hex[:12]}"


def queue_arn(wire, url):
    return wire.snapshot(url)["QueueArn"]


def received(wire, url):
    """The messages of a queue."""
    asked = {"QueueUrl": url, "WaitTimeSeconds": 1, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
    return wire.json("ReceiveMessage", asked).json().get("Messages", [])


def test_a_topic_lives_and_dies(sns, form):
    name = fresh()
    asked = {"Name": name, "Attributes": {"DisplayName": "Über"}, "Tags": [{"Key": "team", "Value": "tide"}]}
    topic = call(form, "CreateTopic", asked)["TopicArn"]
    assert topic == f"arn:aws:sns:us-east-1:{topic.split(':')[4]}:{name}"
    attributes = call(form, "GetTopicAttributes", {"TopicArn": topic})["Attributes"]
    assert (attributes["DisplayName"], attributes["SubscriptionsConfirmed"]) == ("Über", "0")
    in_xml = sns.form("GetTopicAttributes", TopicArn=topic).xml().iterfind("GetTopicAttributesResult/Attributes/entry")
    assert {entry.findtext("key"): entry.findtext("value") for entry in in_xml} == attributes
    call(form, "TagResource", {"ResourceArn": topic, "Tags": [{"Key": "stage", "Value": ""}]})
    tags = call(form, "ListTagsForResource", {"ResourceArn": topic})["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "tide", "stage": ""}
    call(form, "DeleteTopic", {"TopicArn": topic})
    assert sns.form("GetTopicAttributes", TopicArn=topic).xml().findtext("Error/Code") == "NotFound"


def test_what_is_published_arrives_as_it_was_given(wire, queue, form):
    topic = call(form, "CreateTopic", {"Name": fresh()})["TopicArn"]
    wants = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"kind": ["wanted"]})}
    asked = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue_arn(wire, queue), "Attributes": wants}
    subscription = call(form, "Subscribe", asked)["SubscriptionArn"]
    of = lambda kind: {"kind": {"DataType": "String", "StringValue": kind}}  # noqa: E731
    raw = {"raw": {"DataType": "Binary", "BinaryValue": form.binary(bytes(range(256)))}}
    for kind in ("wanted", "unwanted"):
        sent = call(form, "Publish", {"TopicArn": topic, "Message": f"日本 {kind}", "MessageAttributes": of(kind) | raw})
        assert uuid.UUID(sent["MessageId"])
    (message,) = received(wire, queue)
    assert message["Body"] == "日本 wanted"
    found = message["MessageAttributes"]
    assert base64.b64decode(found["raw"]["BinaryValue"]) == bytes(range(256))
    assert found["kind"] == {"DataType": "String", "StringValue": "wanted"}
    listed = call(form, "ListSubscriptionsByTopic", {"TopicArn": topic})["Subscriptions"]
    assert [one["SubscriptionArn"] for one in listed] == [subscription]
    assert call(form, "Unsubscribe", {"SubscriptionArn": subscription}) == {}


def test_a_batch_names_its_entries(wire, queue, form):
    topic = call(form, "CreateTopic", {"Name": fresh()})["TopicArn"]
    call(form, "Subscribe", {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue_arn(wire, queue)})
    entries = [{"Id": "one", "Message": "1"}, {"Id": "two", "Message": "2"}]
    answer = call(form, "PublishBatch", {"TopicArn": topic, "PublishBatchRequestEntries": entries})
    assert ([one["Id"] for one in answer["Successful"]], answer["Failed"]) == (["one", "two"], [])
    assert sorted(json.loads(message["Body"])["Message"] for message in received(wire, queue)) == ["1", "2"]


ERRORS = [
    ("DeleteTopic", {"TopicArn": "nonsense"}, 400, "InvalidParameterException", "InvalidParameter"),
    ("Publish", {"TopicArn": "arn:aws:sns:us-east-1:{account}:none", "Message": "m"}, 404, "NotFoundException", "NotFound"),
    ("TagResource", {"ResourceArn": "arn:aws:sns:us-east-1:{account}:none", "Tags": [{"Key": "a", "Value": "b"}]}, 404,
     "ResourceNotFoundException", "ResourceNotFound"),
    ("PublishBatch", {"TopicArn": "{topic}", "PublishBatchRequestEntries": []}, 400, "EmptyBatchRequestException",
     "EmptyBatchRequest"),
]


@pytest.mark.parametrize(("operation", "body", "status", "name", "code"), ERRORS, ids=[error[3] for error in ERRORS])
def test_an_error_names_its_shape_and_its_query_code(sns, form, operation, body, status, name, code):
    topic = call(form, "CreateTopic", {"Name": fresh()})["TopicArn"]
    put = lambda value: value.format(topic=topic, account=topic.split(":")[4]) if isinstance(value, str) else value  # noqa: E731
    body = {key: put(value) for key, value in body.items()}
    answer = form.ask(operation, body)
    assert (answer.status, form.read(answer)["__type"]) == (status, f"com.amazonaws.sns#{name}")
    assert answer.headers["x-amzn-query-error"] == f"{code};Sender"
    tags = {"Tags.member.1.Key": "a", "Tags.member.1.Value": "b"} if "Tags" in body else {}
    texts = {key: value or "" for key, value in body.items() if key != "Tags"}
    in_xml = sns.form(operation, **texts, **tags)
    assert (in_xml.status, in_xml.xml().findtext("Error/Code")) == (status, code)
    assert in_xml.xml().findtext("Error/Message") == form.read(answer)["message"]
    assert "x-amzn-query-error" not in in_xml.headers


def test_an_operation_that_is_none_is_refused(form):
    answer = form.ask("NoSuchOperation", {})
    assert (answer.status, form.read(answer)["__type"]) == (400, "com.amazon.coral.service#UnknownOperationException")
    assert answer.headers["x-amzn-query-error"] == "InvalidAction;Sender"


def test_a_member_that_is_missing_or_of_a_wrong_type_changes_nothing(sns, form):
    name = fresh()
    wrong = form.ask("CreateTopic", {"Name": name, "Attributes": [1]})
    assert (wrong.status, form.read(wrong)["__type"]) == (400, "com.amazon.coral.service#SerializationException")
    missing = form.ask("CreateTopic", {"Attributes": {"DisplayName": name}})
    assert (missing.status, missing.headers["x-amzn-query-error"]) == (400, "ValidationError;Sender")
    sentence = "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"
    assert form.read(missing)["message"] == sentence
    in_xml = sns.form("CreateTopic").xml()
    assert (in_xml.findtext("Error/Code"), in_xml.findtext("Error/Message")) == ("ValidationError", sentence)
    assert f":{name}</TopicArn>" not in sns.form("ListTopics").body.decode()


def test_answers_say_in_which_protocol_they_are(sns):
    topic = {"Name": fresh()}
    assert json_type(sns.json("CreateTopic", topic)) == "application/x-amz-json-1.0"
    in_cbor = sns.cbor("CreateTopic", topic)
    assert (json_type(in_cbor), in_cbor.headers["smithy-protocol"]) == ("application/cbor", "rpc-v2-cbor")
    assert json_type(sns.form("CreateTopic", **topic)) == "text/xml"


def test_the_names_of_one_service_are_not_those_of_another(wire):
    answer = wire.cbor("Publish", {"TopicArn": "x", "Message": "m"})
    assert (answer.status, answer.cbor()["__type"]) == (400, "com.amazon.coral.service#UnknownOperationException")
