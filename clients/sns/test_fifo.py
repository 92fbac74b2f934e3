"""FIFO topics: names, attributes, what is published in order and once, and what queues get of it."""

import hashlib
import threading

import pytest
from conftest import fresh, make_client, refusal
from fifo import FIFO, fifo_queue, fifo_topic


def test_a_topic_is_fifo_by_name_and_attribute_together(house):
    words = "Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long."
    for name in (fresh("t"), "a.b.fifo"):
        assert refusal(house.sns.create_topic, Name=name, Attributes=FIFO) == ("InvalidParameter", words)
    assert refusal(house.sns.create_topic, Name=fresh("t") + ".fifo") == ("InvalidParameter", "Invalid parameter: Topic Name")
    topic = fifo_topic(house)
    shown = house.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (shown["FifoTopic"], shown["ContentBasedDeduplication"]) == ("true", "false")
    assert house.sns.create_topic(Name=topic.split(":")[-1], Attributes=FIFO)["TopicArn"] == topic
    standard = house.topic(Attributes={"FifoTopic": "false"})
    assert "FifoTopic" not in house.sns.get_topic_attributes(TopicArn=standard)["Attributes"]


def test_what_can_be_changed_of_a_fifo_topic(house):
    topic = fifo_topic(house)

    def change(name, value, topic=topic):
        return {"TopicArn": topic, "AttributeName": name, "AttributeValue": value}

    for name, value in [("ContentBasedDeduplication", "True"), ("FifoThroughputScope", "Topic"), ("FifoThroughputScope", "MessageGroup")]:
        house.sns.set_topic_attributes(**change(name, value))
    shown = house.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (shown["ContentBasedDeduplication"], shown["FifoThroughputScope"]) == ("true", "MessageGroup")
    for name, value in [("FifoThroughputScope", "Topic"), ("FifoThroughputScope", "queue"), ("FifoTopic", "false"), ("ContentBasedDeduplication", "1")]:
        assert refusal(house.sns.set_topic_attributes, **change(name, value))[0] == "InvalidParameter", (name, value)
    standard = house.topic()
    for name, value in [("FifoThroughputScope", "Topic"), ("ContentBasedDeduplication", "true")]:
        assert refusal(house.sns.set_topic_attributes, **change(name, value, standard))[0] == "InvalidParameter"


def test_a_fifo_queue_gets_group_deduplication_id_and_sequence_number(house):
    topic = fifo_topic(house)
    wrapped, raw = fifo_queue(house, topic), fifo_queue(house, topic, RawMessageDelivery="true")
    published = house.sns.publish(TopicArn=topic, Message="hello", MessageGroupId="g", MessageDeduplicationId="d")
    assert len(published["SequenceNumber"]) == 20
    for url in (wrapped, raw):
        (found,) = house.received(url)
        assert (found["Attributes"]["MessageGroupId"], found["Attributes"]["MessageDeduplicationId"]) == ("g", "d")
    house.sns.publish(TopicArn=topic, Message="again", MessageGroupId="g", MessageDeduplicationId="e")
    (found,) = house.notifications(wrapped)
    assert (found["Message"], found["Type"]) == ("again", "Notification")
    assert found["SequenceNumber"] > published["SequenceNumber"]
    # AWS was recorded signing nothing that a FIFO topic sends.
    assert not {"Signature", "SignatureVersion", "SigningCertURL"} & set(found)


def test_a_standard_queue_gets_the_messages_of_a_fifo_topic(house):
    topic = fifo_topic(house)
    url = house.subscribed(topic)
    house.sns.publish(TopicArn=topic, Message="hello", MessageGroupId="g", MessageDeduplicationId="d")
    (found,) = house.received(url)
    assert not {"MessageGroupId", "MessageDeduplicationId"} & set(found["Attributes"])


def test_a_standard_topic_takes_no_fifo_queue_and_no_deduplication_id(house):
    topic = house.topic()
    queue = house.queue_arn(house.sqs.create_queue(QueueName=fresh("q") + ".fifo", Attributes={"FifoQueue": "true"})["QueueUrl"])
    words = "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
    assert refusal(house.sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=queue) == ("InvalidParameter", words)
    words = "Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type"
    asked = {"TopicArn": topic, "Message": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    assert refusal(house.sns.publish, **asked) == ("InvalidParameter", words)


def test_what_a_message_has_to_say(house):
    topic = fifo_topic(house)
    no_group = ("InvalidParameter", "Invalid parameter: The MessageGroupId parameter is required for FIFO topics")
    assert refusal(house.sns.publish, TopicArn=topic, Message="x", MessageDeduplicationId="d") == no_group
    words = "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    assert refusal(house.sns.publish, TopicArn=topic, Message="x", MessageGroupId="g") == ("InvalidParameter", words)
    entries = [{"Id": "a", "Message": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}, {"Id": "b", "Message": "x"}]
    assert refusal(house.sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries) == no_group


def test_a_duplicate_is_answered_as_the_first_and_goes_nowhere(house):
    topic = fifo_topic(house)
    url = fifo_queue(house, topic)
    asked = {"TopicArn": topic, "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    first = house.sns.publish(Message="first", **asked)
    second = house.sns.publish(Message="second", **{**asked, "MessageGroupId": "other"})
    for name in ("MessageId", "SequenceNumber"):
        assert first[name] == second[name]
    assert [found["Message"] for found in house.notifications(url)] == ["first"]


def test_with_the_scope_of_groups_a_duplicate_is_one_of_its_group(house):
    topic = fifo_topic(house, FifoThroughputScope="MessageGroup")
    url = fifo_queue(house, topic, queue={"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"})
    for group, message in [("a", "1"), ("b", "2"), ("a", "3")]:
        house.sns.publish(TopicArn=topic, Message=message, MessageGroupId=group, MessageDeduplicationId="d")
    assert sorted(found["Message"] for found in house.notifications(url)) == ["1", "2"]


def test_a_body_deduplicates_by_its_hash(house):
    topic = fifo_topic(house, ContentBasedDeduplication="true")
    url = fifo_queue(house, topic, RawMessageDelivery="true")
    answers = [house.sns.publish(TopicArn=topic, Message="same", MessageGroupId="g") for _ in range(3)]
    assert len({answer["MessageId"] for answer in answers}) == 1
    (found,) = house.received(url)
    assert found["Attributes"]["MessageDeduplicationId"] == hashlib.sha256(b"same").hexdigest()


def test_a_batch_is_published_in_order_and_its_duplicates_once(house):
    topic = fifo_topic(house, ContentBasedDeduplication="true")
    url = fifo_queue(house, topic)
    messages = [str(nth) for nth in range(9)] + ["0"]
    entries = [{"Id": f"e{nth}", "Message": message, "MessageGroupId": "g"} for nth, message in enumerate(messages)]
    answer = house.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    numbers = [entry["SequenceNumber"] for entry in answer["Successful"]]
    assert numbers[:9] == sorted(set(numbers)) and numbers[9] == numbers[0]
    found = house.notifications(url)
    assert [one["Message"] for one in found] == messages[:9]
    assert [one["SequenceNumber"] for one in found] == numbers[:9]


@pytest.mark.timeout(120)
def test_publishers_that_race_reach_every_queue_in_the_order_of_their_numbers(house):
    """Eight publishers of one group and two of another: both queues have the same order, which is that of the numbers."""
    topic = fifo_topic(house, ContentBasedDeduplication="true")
    urls = [fifo_queue(house, topic) for _ in range(2)]
    endpoint = house.sns.meta.endpoint_url
    answered = {}

    def publish(publisher):
        sns = make_client("sns", endpoint)
        for nth in range(20):
            message = f"{publisher}-{nth}"
            group = "odd" if publisher > 7 else "main"
            answered[message] = sns.publish(TopicArn=topic, Message=message, MessageGroupId=group)["SequenceNumber"]

    publishers = [threading.Thread(target=publish, args=(nth,)) for nth in range(10)]
    for publisher in publishers:
        publisher.start()
    for publisher in publishers:
        publisher.join()
    assert len(answered) == len(set(answered.values())) == 200
    for url in urls:
        found = house.notifications(url)
        assert {one["Message"]: one["SequenceNumber"] for one in found} == answered
        for is_odd in (False, True):
            numbers = [one["SequenceNumber"] for one in found if (int(one["Message"].split("-")[0]) > 7) == is_odd]
            assert numbers == sorted(numbers)


def test_a_fifo_topic_has_a_hundred_subscriptions(house):
    topic = fifo_topic(house)
    arn = house.queue()[1]
    home, _ = arn.rsplit(":", 1)
    for nth in range(100):
        house.subscribe(topic, f"{home}:q{nth}")
    refused = refusal(house.sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=f"{home}:more")
    assert refused[0] == "SubscriptionLimitExceeded"
