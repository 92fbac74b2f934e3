"""What is published arrives in the queues that are subscribed, once each."""

import json

from conftest import refusal


def test_a_notification_stands_in_its_envelope(house):
    topic = house.topic()
    url = house.subscribed(topic)
    attributes = {"kind": {"DataType": "String", "StringValue": "x"}}
    published = house.sns.publish(TopicArn=topic, Message='say "hello"\n', Subject="News", MessageAttributes=attributes)
    (found,) = house.notifications(url)
    assert found.pop("Timestamp").endswith("Z")
    signed = {name: found.pop(name) for name in ["SignatureVersion", "Signature", "SigningCertURL", "UnsubscribeURL"]}
    assert signed["SignatureVersion"] == "1" and topic in signed["UnsubscribeURL"]
    assert found == {
        "Type": "Notification",
        "MessageId": published["MessageId"],
        "TopicArn": topic,
        "Subject": "News",
        "Message": 'say "hello"\n',
        "MessageAttributes": {"kind": {"Type": "String", "Value": "x"}},
    }


def test_a_raw_subscription_gets_the_message_itself(house):
    topic = house.topic()
    url = house.subscribed(topic, RawMessageDelivery="true")
    attributes = {
        "text": {"DataType": "String", "StringValue": "é"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
        "number": {"DataType": "Number", "StringValue": "1.5"},
    }
    house.sns.publish(TopicArn=topic, Message="hello", MessageAttributes=attributes)
    (found,) = house.received(url)
    assert (found["Body"], found["MessageAttributes"]) == ("hello", attributes)


def test_all_subscriptions_get_it_each_with_an_id_of_its_own(house):
    topic = house.topic()
    urls = [house.subscribed(topic) for _ in range(12)]
    published = [house.sns.publish(TopicArn=topic, Message=str(nth))["MessageId"] for nth in range(3)]
    assert len(set(published)) == 3
    arrived = [house.received(url) for url in urls]
    for messages in arrived:
        assert sorted(json.loads(message["Body"])["Message"] for message in messages) == ["0", "1", "2"]
    ids = [message["MessageId"] for messages in arrived for message in messages]
    assert len(set(ids)) == 36


def test_a_structure_has_a_body_for_each_protocol(house):
    topic = house.topic()
    url = house.subscribed(topic)
    bodies = json.dumps({"default": "d", "sqs": "s", "http": "h"})
    house.sns.publish(TopicArn=topic, Message=bodies, MessageStructure="json")
    assert [found["Message"] for found in house.notifications(url)] == ["s"]
    missing = "Invalid parameter: Message Structure - No default entry in JSON message body"
    asked = {"TopicArn": topic, "Message": '{"sqs":"s"}', "MessageStructure": "json"}
    assert refusal(house.sns.publish, **asked) == ("InvalidParameter", missing)


def test_a_batch_is_published_entry_by_entry(house):
    topic = house.topic()
    url = house.subscribed(topic)
    entries = [{"Id": f"e{nth}", "Message": str(nth)} for nth in range(9)]
    bad = [*entries, {"Id": "bad", "Message": "x", "Subject": "\n"}]
    refused = refusal(house.sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=bad)
    assert refused == ("InvalidParameter", "Invalid parameter: Subject"), "and nothing of it is published"
    answer = house.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == [f"e{nth}" for nth in range(9)]
    arrived = {found["MessageId"]: found["Message"] for found in house.notifications(url)}
    assert arrived == {entry["MessageId"]: entry["Id"][1:] for entry in answer["Successful"]}


def test_batches_that_are_none(house):
    topic = house.topic()
    entry = {"Id": "a", "Message": "x"}
    for code, entries in [
        ("EmptyBatchRequest", []),
        ("TooManyEntriesInBatchRequest", [{**entry, "Id": str(nth)} for nth in range(11)]),
        ("InvalidBatchEntryId", [{**entry, "Id": "a b"}]),
        ("BatchEntryIdsNotDistinct", [entry, entry]),
        ("BatchRequestTooLong", [{"Id": "a", "Message": "x" * 200_000}, {"Id": "b", "Message": "x" * 70_000}]),
    ]:
        assert refusal(house.sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries)[0] == code


def test_sizes(house):
    topic = house.topic()
    url, wrapped = house.subscribed(topic, RawMessageDelivery="true"), house.subscribed(topic)
    house.sns.publish(TopicArn=topic, Message="x" * 262_144)
    too_long = ("InvalidParameter", "Invalid parameter: Message too long")
    assert refusal(house.sns.publish, TopicArn=topic, Message="x" * 262_145) == too_long
    house.sns.set_topic_attributes(TopicArn=topic, AttributeName="MaximumMessageSize", AttributeValue="1048576")
    house.sns.publish(TopicArn=topic, Message="y" * 1_048_576)
    assert refusal(house.sns.publish, TopicArn=topic, Message="x" * 1_048_577) == too_long
    assert sorted(len(message["Body"]) for message in house.received(url)) == [262_144, 1_048_576]
    assert sorted(len(found["Message"]) for found in house.notifications(wrapped)) == [262_144, 1_048_576], "an envelope does not count"
    code, _ = refusal(house.sns.set_topic_attributes, TopicArn=topic, AttributeName="MaximumMessageSize", AttributeValue="1023")
    assert code == "InvalidParameter"


def test_messages_that_are_none(house):
    topic = house.topic()
    assert refusal(house.sns.publish, TopicArn=topic, Message="") == ("InvalidParameter", "Invalid parameter: Empty message")
    assert refusal(house.sns.publish, TopicArn=topic, Message="x", Subject="") == ("InvalidParameter", "Invalid parameter: Subject")
    missing = "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter"
    assert refusal(house.sns.publish, Message="x") == ("InvalidParameter", missing)
    attributes = {"a": {"DataType": "Number", "StringValue": "seven"}}
    assert refusal(house.sns.publish, TopicArn=topic, Message="x", MessageAttributes=attributes)[0] == "ParameterValueInvalid"


def test_a_queue_that_is_gone_holds_nobody_up(house):
    topic = house.topic()
    gone, kept = house.subscribed(topic), house.subscribed(topic)
    house.sqs.delete_queue(QueueUrl=gone)
    house.sns.publish(TopicArn=topic, Message="hello")
    assert [found["Message"] for found in house.notifications(kept)] == ["hello"]


def test_the_delay_of_a_queue_holds(house):
    topic = house.topic()
    url, arn = house.queue(DelaySeconds="900")
    house.subscribe(topic, arn)
    house.sns.publish(TopicArn=topic, Message="later")
    counts = house.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (counts["ApproximateNumberOfMessages"], counts["ApproximateNumberOfMessagesDelayed"]) == ("0", "1")
