"""What lies in another region or account than its topic; and how large a topic's policy may be."""

import json

from conftest import House, make_client, refusal


def test_a_queue_of_another_region_and_of_another_account_gets_what_is_published(house):
    far = House(make_client("sns", region="eu-central-1"), make_client("sqs", region="eu-central-1"))
    theirs = make_client("sqs", keys=("222233334444", "secret", None))
    foreign = House(make_client("sns", keys=("222233334444", "secret", None)), theirs)
    topic, urls = house.topic(), []
    for other in (far, foreign):
        url, arn = other.queue()
        subscription = house.subscribe(topic, arn)
        assert subscription.startswith(f"{topic}:"), "a subscription is the topic's, wherever its queue is"
        urls.append((other, url))
    house.sns.publish(TopicArn=topic, Message="afar")
    for other, url in urls:
        assert [found["Message"] for found in other.notifications(url)] == ["afar"]


def statement(topic, nth, more=""):
    return {
        "Sid": f"s{nth}{more}",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "SNS:Publish",
        "Resource": topic,
    }


def test_a_topics_policy_has_bounds(house):
    topic = house.topic()

    def policy(*statements):
        return {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": json.dumps({"Version": "2012-10-17", "Statement": statements})}

    hundred = [statement(topic, nth) for nth in range(100)]
    house.sns.set_topic_attributes(**policy(*hundred))
    kept = house.sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    assert len(json.loads(kept)["Statement"]) == 100
    for wrong in (policy(*hundred, statement(topic, 100)), policy(*(statement(topic, nth, "x" * 16_000) for nth in range(2)))):
        code, sentence = refusal(house.sns.set_topic_attributes, **wrong)
        assert code == "InvalidParameter" and sentence.startswith("Invalid parameter: Policy"), sentence
        assert house.sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"] == kept, "nothing is changed"
