"""Answers of AWS that LocalStack recorded (`test_sns.snapshot.json`), by the names of its tests."""

import pytest
from conftest import make_client, refusal

INVALID = "InvalidParameter"


def attribute(**members):
    return {"attr1": members}


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        (attribute(DataType="String", StringValue=""), "must contain non-empty message attribute value for message attribute type 'String'."),
        (attribute(DataType="String"), "must contain non-empty message attribute value for message attribute type 'String'."),
        (attribute(DataType="Binary", BinaryValue=b""), "must contain non-empty message attribute value for message attribute type 'Binary'."),
        (attribute(DataType="String", BinaryValue=b"123"), "with type 'String' must use field 'String'."),
        (attribute(DataType="Number", BinaryValue=b"123"), "with type 'Number' must use field 'String'."),
        (attribute(DataType="Binary", StringValue="123"), "with type 'Binary' must use field 'Binary'."),
        (
            attribute(DataType="InvalidType", StringValue="123"),
            "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
        ),
    ],
)
def test_empty_or_wrong_message_attributes(house, attributes, sentence):
    topic = house.topic()
    expected = ("ParameterValueInvalid", f"The message attribute 'attr1' {sentence}")
    assert refusal(house.sns.publish, TopicArn=topic, Message="x", MessageAttributes=attributes) == expected
    entries = [{"Id": "1", "Message": "x", "MessageAttributes": attributes}]
    assert refusal(house.sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries) == expected


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a" * 257, "Length of message attribute name must be less than 256 bytes."),
        (
            "^a",
            "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric "
            "characters, hyphens, underscores, or dots.",
        ),
        (".a", "Invalid message attribute name starting with character '.' was found."),
        ("a.", "Invalid message attribute name ending with character '.' was found."),
        ("a..a", "Message attribute name can not have successive '.' character."),
    ],
)
def test_names_of_message_attributes(house, name, sentence):
    attributes = {name: {"DataType": "String", "StringValue": "x"}}
    asked = {"TopicArn": house.topic(), "Message": "x", "MessageAttributes": attributes}
    assert refusal(house.sns.publish, **asked) == ("ParameterValueInvalid", sentence)


def test_publish_non_existent_target(house):
    arn = "arn:aws:sns:us-east-1:000000000000:endpoint/APNS/abcdef/0f7d5971-aa8b-4bd5-b585-0826e9f93a66"
    sentence = "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified"
    assert refusal(house.sns.publish, TargetArn=arn, Message="x") == (INVALID, sentence)


def test_publish_message_by_target_arn(house):
    topic = house.topic()
    url = house.subscribed(topic)
    house.sns.publish(TargetArn=topic, Message="x")
    assert [found["Message"] for found in house.notifications(url)] == ["x"]


def test_publish_wrong_phone_format(house):
    for number in ["+1a234", "NAA+15551234567"]:
        sentence = f"Invalid parameter: PhoneNumber Reason: {number} is not valid to publish to"
        assert refusal(house.sns.publish, PhoneNumber=number, Message="x") == (INVALID, sentence)


def test_publish_wrong_arn_format(house):
    for arn, count in [("randomstring", 1), ("randomstring:1", 2), ("", 1)]:
        sentence = f"Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not {count}"
        assert refusal(house.sns.publish, TopicArn=arn, Message="x") == (INVALID, sentence)


def test_message_structure_json_exc(house):
    topic = house.topic()
    asked = {"TopicArn": topic, "MessageStructure": "json"}
    missing = "Invalid parameter: Message Structure - No default entry in JSON message body"
    assert refusal(house.sns.publish, **asked, Message='{"sqs": "x"}') == (INVALID, missing)
    assert refusal(house.sns.publish, **asked, Message='{"default": {"object": "test"}}') == (INVALID, missing)
    unread = "Invalid parameter: Message Structure - JSON message body failed to parse"
    assert refusal(house.sns.publish, **asked, Message='{"default": "x"') == (INVALID, unread)
    house.sns.publish(**asked, Message='{"default": "x", "sqs": "y", "sqs": "z"}')


def test_unsubscribe_wrong_arn_format(house):
    for arn, sentence in [
        ("randomstring", "SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"),
        ("arn:aws:sns:us-east-1:random", "SubscriptionArn Reason: An ARN must have at least 6 elements, not 5"),
        ("arn:aws:sns:us-east-1:111111111111:random", "SubscriptionId"),
        ("", "SubscriptionArn Reason: no value for required parameter"),
    ]:
        assert refusal(house.sns.unsubscribe, SubscriptionArn=arn) == (INVALID, f"Invalid parameter: {sentence}")


def test_validate_set_sub_attributes(house):
    topic = house.topic()
    arn = house.subscribe(topic, house.queue()[1])
    for name, value, sentence in [
        ("FakeAttribute", "test-value", "AttributeName"),
        ("RawMessageDelivery", "test-ValUe", "RawMessageDelivery: Invalid value [test-ValUe]. Must be true or false."),
        ("RawMessageDelivery", "", "RawMessageDelivery: Invalid value []. Must be true or false."),
    ]:
        asked = {"SubscriptionArn": arn, "AttributeName": name, "AttributeValue": value}
        assert refusal(house.sns.set_subscription_attributes, **asked) == (INVALID, f"Invalid parameter: {sentence}")


def test_subscribe_idempotency(house):
    topic, (_, queue) = house.topic(), house.queue()
    arn = house.subscribe(topic, queue, RawMessageDelivery="true")
    default = {"FilterPolicyScope": "MessageAttributes"}
    for attributes in [{"RawMessageDelivery": "true"}, {"RawMessageDelivery": "true", **default}, {}, default]:
        assert house.subscribe(topic, queue, **attributes) == arn
    asked = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue}
    other = {"RawMessageDelivery": "false", "FilterPolicyScope": "MessageBody"}
    different = "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
    assert refusal(house.sns.subscribe, **asked, Attributes=other) == (INVALID, different)


def test_cross_region_access(house):
    topic = house.topic()
    elsewhere = make_client("sns", region="eu-central-1")
    asked = {"TopicArn": topic}
    for call, more in [
        (elsewhere.set_topic_attributes, {"AttributeName": "DisplayName", "AttributeValue": "x"}),
        (elsewhere.get_topic_attributes, {}),
        (elsewhere.publish, {"Message": "x"}),
        (elsewhere.subscribe, {"Protocol": "sqs", "Endpoint": house.queue()[1]}),
        (elsewhere.list_subscriptions_by_topic, {}),
        (elsewhere.delete_topic, {}),
    ]:
        assert refusal(call, **asked, **more) == (INVALID, "Invalid parameter: TopicArn")


def test_topic_get_attributes_with_fifo_false(house):
    topic = house.topic()
    asked = {"TopicArn": topic, "AttributeName": "FifoTopic", "AttributeValue": "false"}
    assert refusal(house.sns.set_topic_attributes, **asked) == (INVALID, "Invalid parameter: AttributeName")


def test_publish_sqs_from_sns_with_xray_propagation(house):
    topic = house.topic()
    url = house.subscribed(topic)
    header = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
    sns = make_client("sns")
    sns.meta.events.register("before-sign.sns.Publish", lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", header))
    sns.publish(TopicArn=topic, Message="X-Ray propagation test msg")
    (found,) = house.received(url)
    assert found["Attributes"]["AWSTraceHeader"] == header
