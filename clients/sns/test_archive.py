"""Archives of topics and replays to subscriptions: FIFO as AWS has them, standard topics beyond it, policies in AWS's words, kill -9."""

import collections
import datetime
import json
import time

import pytest
from conftest import House, fresh, make_client, refusal
from fifo import fifo_topic
from own_servers import own_servers

MONTH = json.dumps({"MessageRetentionPeriod": "30"})


@pytest.fixture
def make():
    with own_servers() as make:
        yield make


def house_at(server):
    return House(make_client("sns", server.endpoint), make_client("sqs", server.endpoint))


def fifo_queue_of_nobody(house):
    """A FIFO queue that no topic knows."""
    return house.sqs.create_queue(QueueName=fresh("q") + ".fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]


def attribute(house, topic, name):
    return house.sns.get_topic_attributes(TopicArn=topic)["Attributes"].get(name)


def of_subscription(house, subscription, name):
    return house.sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"].get(name)


def since(house, topic, **members):
    """A policy that replays all that a topic has."""
    beginning = attribute(house, topic, "BeginningArchiveTime")
    return json.dumps({"PointType": "Timestamp", "StartingPoint": beginning, **members})


def publish(house, topic, message):
    of_fifo = {"MessageGroupId": "g", "MessageDeduplicationId": message.replace(" ", "-")} if topic.endswith(".fifo") else {}
    return house.sns.publish(TopicArn=topic, Message=message, **of_fifo)


def completed(house, subscription, deadline=60):
    """Waits until a replay is over."""
    until = time.monotonic() + deadline
    while of_subscription(house, subscription, "ReplayStatus") != "Completed":
        assert time.monotonic() < until, of_subscription(house, subscription, "ReplayStatus")
        time.sleep(0.05)


def test_a_fifo_topic_archives_and_a_new_queue_gets_all_in_order(house):
    topic = fifo_topic(house, ArchivePolicy=MONTH)
    assert attribute(house, topic, "ArchivePolicy") == MONTH
    answers = [publish(house, topic, f"m{nth}") for nth in range(250)]
    url = fifo_queue_of_nobody(house)
    subscription = house.subscribe(topic, house.queue_arn(url), ReplayPolicy=since(house, topic))
    completed(house, subscription)
    publish(house, topic, "live")
    got = house.notifications(url)
    assert [one["Message"] for one in got] == [f"m{nth}" for nth in range(250)] + ["live"]
    assert [one["MessageId"] for one in got[:250]] == [answer["MessageId"] for answer in answers]
    assert [one["SequenceNumber"] for one in got[:250]] == [answer["SequenceNumber"] for answer in answers]
    assert {one.get("Replayed") for one in got[:250]} == {"true"} and "Replayed" not in got[250]


def test_a_subscriber_gets_again_what_it_had_a_moment_ago(house):
    topic = fifo_topic(house, ArchivePolicy=MONTH)
    url = fifo_queue_of_nobody(house)
    subscription = house.subscribe(topic, house.queue_arn(url), RawMessageDelivery="true")
    for nth in range(5):
        publish(house, topic, f"m{nth}")
    assert len(house.received(url)) == 5
    policy = since(house, topic)
    house.sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="ReplayPolicy", AttributeValue=policy
    )
    completed(house, subscription)
    again = house.received(url)
    assert [one["Body"] for one in again] == [f"m{nth}" for nth in range(5)]
    assert again[0]["MessageAttributes"]["Replayed"]["StringValue"] == "true"
    assert of_subscription(house, subscription, "ReplayPolicy") == policy
    house.sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="ReplayPolicy", AttributeValue="{}")
    assert of_subscription(house, subscription, "ReplayPolicy") is None
    assert of_subscription(house, subscription, "ReplayStatus") is None


def test_a_standard_topic_archives_too_and_a_filter_holds_for_its_replay(house):
    topic = house.topic(Attributes={"SignatureVersion": "2"})
    publish(house, topic, "before")
    house.sns.set_topic_attributes(TopicArn=topic, AttributeName="ArchivePolicy", AttributeValue=MONTH)
    for kind in ("a", "b", "a"):
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        house.sns.publish(TopicArn=topic, Message=f"of {kind}", Subject="s", MessageAttributes=attributes)
    url, queue = house.queue()
    subscription = house.subscribe(topic, queue, FilterPolicy='{"kind":["a"]}', ReplayPolicy=since(house, topic))
    completed(house, subscription)
    got = house.notifications(url)
    assert [one["Message"] for one in got] == ["of a", "of a"]
    assert got[0]["Subject"] == "s" and got[0]["MessageAttributes"]["kind"]["Value"] == "a" and got[0]["Signature"]


def test_only_what_lies_between_two_moments_is_replayed(house):
    topic = house.topic(Attributes={"ArchivePolicy": MONTH})
    reader = house.subscribed(topic)
    for nth in range(5):
        publish(house, topic, f"m{nth}")
        time.sleep(0.01)
    times = {one["Message"]: one["Timestamp"] for one in house.notifications(reader)}
    policy = {"PointType": "Timestamp", "StartingPoint": times["m1"], "EndingPoint": times["m3"]}
    url, queue = house.queue()
    subscription = house.subscribe(topic, queue, ReplayPolicy=json.dumps(policy))
    completed(house, subscription)
    got = house.notifications(url)
    assert [one["Message"] for one in got] == ["m1", "m2", "m3"]
    assert [one["Timestamp"] for one in got] == [times[one["Message"]] for one in got]


def test_a_topic_with_an_archive_is_not_deleted_before_its_policy_is_taken_away(house):
    topic = fifo_topic(house, ArchivePolicy=MONTH)
    code, why = refusal(house.sns.delete_topic, TopicArn=topic)
    assert (code, why) == ("InvalidState", "Invalid state: Cannot delete a topic with an ArchivePolicy")
    publish(house, topic, "gone with the policy")
    house.sns.set_topic_attributes(TopicArn=topic, AttributeName="ArchivePolicy", AttributeValue="{}")
    assert attribute(house, topic, "ArchivePolicy") is None and attribute(house, topic, "BeginningArchiveTime") is None
    house.sns.set_topic_attributes(TopicArn=topic, AttributeName="ArchivePolicy", AttributeValue=MONTH)
    url = fifo_queue_of_nobody(house)
    subscription = house.subscribe(topic, house.queue_arn(url), ReplayPolicy=since(house, topic))
    completed(house, subscription)
    assert house.received(url) == []
    house.sns.set_topic_attributes(TopicArn=topic, AttributeName="ArchivePolicy", AttributeValue="{}")
    house.sns.delete_topic(TopicArn=topic)


def test_wrong_policies_are_refused_in_awss_words_and_change_nothing(house):
    topic = fifo_topic(house)

    def archive(value):
        return refusal(
            house.sns.set_topic_attributes, TopicArn=topic, AttributeName="ArchivePolicy", AttributeValue=value
        )

    of = "Invalid parameter: ArchivePolicy: "
    assert archive("{") == ("InvalidParameter", of + "Unable to parse JSON")
    assert archive("[]") == ("InvalidParameter", of + "JSON is missing required fields")
    for days in (0, 366, "x"):
        wrong = json.dumps({"MessageRetentionPeriod": days})
        assert archive(wrong) == ("InvalidParameter", of + "MessageRetentionPeriod value is invalid")
    assert attribute(house, topic, "ArchivePolicy") is None
    url = fifo_queue_of_nobody(house)
    subscription = house.subscribe(topic, house.queue_arn(url))

    def replay(**members):
        policy = json.dumps({"PointType": "Timestamp", **members})
        asked = {"SubscriptionArn": subscription, "AttributeName": "ReplayPolicy", "AttributeValue": policy}
        return refusal(house.sns.set_subscription_attributes, **asked)[1].removeprefix("Invalid parameter: ReplayPolicy: ")

    now = datetime.datetime.now(datetime.timezone.utc)
    future = (now + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    past = (now - datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert replay(StartingPoint=past) == "Topic does not have an ArchivePolicy"
    house.sns.set_topic_attributes(TopicArn=topic, AttributeName="ArchivePolicy", AttributeValue=MONTH)
    beginning = attribute(house, topic, "BeginningArchiveTime")
    assert replay() == "JSON is missing required fields"
    assert replay(PointType="Sequence", StartingPoint=beginning) == "Invalid PointType"
    assert replay(StartingPoint=past) == replay(StartingPoint=future) == "Invalid StartingPoint value"
    assert replay(StartingPoint=beginning, EndingPoint=future) == "Invalid EndingPoint value"
    assert of_subscription(house, subscription, "ReplayPolicy") is None


@pytest.mark.timeout(300)
@pytest.mark.parametrize("is_fifo", [True, False])
def test_a_replay_goes_on_after_a_kill(make, tmp_path, is_fifo):
    """Killed in the middle of a replay, and once more: everything arrives, to a FIFO queue each once and in order."""
    server = make(tmp_path / "data").start()
    house = house_at(server)
    topic = fifo_topic(house, ArchivePolicy=MONTH) if is_fifo else house.topic(Attributes={"ArchivePolicy": MONTH})
    count = 1500
    for first in range(0, count, 10):
        entries = [{"Id": str(nth), "Message": f"m{nth}"} for nth in range(first, first + 10)]
        if is_fifo:
            entries = [{**one, "MessageGroupId": "g", "MessageDeduplicationId": one["Message"]} for one in entries]
        assert not house.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries).get("Failed")
    url = fifo_queue_of_nobody(house) if is_fifo else house.queue()[0]
    subscription = house.subscribe(topic, house.queue_arn(url), RawMessageDelivery="true")
    policy, interrupted, runs = since(house, topic), False, 0
    # A replay may be over before the kill: then another one is.
    while not interrupted and runs < 10:
        asked = {"SubscriptionArn": subscription, "AttributeName": "ReplayPolicy", "AttributeValue": policy}
        house.sns.set_subscription_attributes(**asked)
        runs += 1
        for _ in range(2):
            server.kill()
            server = make(tmp_path / "data").start()
            house = house_at(server)
            interrupted |= of_subscription(house, subscription, "ReplayStatus") != "Completed"
        completed(house, subscription)
    assert interrupted
    got = [message["Body"] for message in house.received(url)]
    every = [f"m{nth}" for nth in range(count)]
    if is_fifo:
        assert got == every * runs
    else:
        assert set(got) == set(every) and min(collections.Counter(got).values()) >= runs
