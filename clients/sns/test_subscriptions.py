"""Subscriptions: made once for a receiver, shown, changed, listed, ended."""

from conftest import make_client, refusal


def test_a_receiver_is_subscribed_once(house):
    topic = house.topic()
    _, queue = house.queue()
    arn = house.subscribe(topic, queue)
    assert arn.startswith(topic + ":") and house.subscribe(topic, queue) == arn
    different = "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
    asked = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue, "Attributes": {"RawMessageDelivery": "true"}}
    assert refusal(house.sns.subscribe, **asked) == ("InvalidParameter", different)
    assert house.sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"] == "1"


def test_attributes_are_shown_and_changed(house):
    topic = house.topic()
    url, queue = house.queue()
    arn = house.subscribe(topic, queue)
    house.sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true")
    assert house.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"] == {
        "SubscriptionArn": arn,
        "TopicArn": topic,
        "Owner": "000000000000",
        "Protocol": "sqs",
        "Endpoint": queue,
        "PendingConfirmation": "false",
        "ConfirmationWasAuthenticated": "true",
        "RawMessageDelivery": "true",
        "SubscriptionPrincipal": "arn:aws:iam::000000000000:root",
    }
    house.sns.publish(TopicArn=topic, Message="raw")
    assert [message["Body"] for message in house.received(url)] == ["raw"], "the change holds at once"
    wrong = {"SubscriptionArn": arn, "AttributeName": "RawMessageDelivery", "AttributeValue": "perhaps"}
    prefix = "Invalid parameter: RawMessageDelivery: Invalid value [perhaps]. Must be true or false."
    assert refusal(house.sns.set_subscription_attributes, **wrong) == ("InvalidParameter", prefix)


def test_receivers_that_are_none(house):
    topic = house.topic()
    asked = {"TopicArn": topic, "Protocol": "sqs"}
    assert refusal(house.sns.subscribe, **asked, Endpoint="x") == ("InvalidParameter", "Invalid parameter: SQS endpoint ARN")
    fifo = "arn:aws:sqs:us-east-1:000000000000:q.fifo"
    words = "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
    assert refusal(house.sns.subscribe, **asked, Endpoint=fifo) == ("InvalidParameter", words)
    unknown = "Invalid parameter: Amazon SNS does not support this protocol string: pigeon"
    assert refusal(house.sns.subscribe, TopicArn=topic, Protocol="pigeon", Endpoint="x") == ("InvalidParameter", unknown)
    asked = {"TopicArn": topic, "Protocol": "firehose", "Endpoint": "x"}
    assert "firehose" in refusal(house.sns.subscribe, **asked)[1]


def test_an_ended_subscription_gets_nothing(house):
    topic = house.topic()
    url, queue = house.queue()
    arn = house.subscribe(topic, queue)
    house.sns.unsubscribe(SubscriptionArn=arn)
    house.sns.unsubscribe(SubscriptionArn=arn)
    house.sns.publish(TopicArn=topic, Message="x")
    assert house.received(url) == []
    gone = ("NotFound", "Subscription does not exist")
    assert refusal(house.sns.get_subscription_attributes, SubscriptionArn=arn) == gone


def test_subscriptions_are_listed_in_pieces(house):
    # An account of its own, so that nobody else's subscriptions come in between.
    sns = make_client("sns", keys=("777788889999", "secret", None))
    topics = [sns.create_topic(Name=f"listed-{nth}")["TopicArn"] for nth in range(3)]
    queue = "arn:aws:sqs:us-east-1:777788889999:q{}"
    for nth in range(130):
        sns.subscribe(TopicArn=topics[nth % 2], Protocol="sqs", Endpoint=queue.format(nth))
    pages = list(sns.get_paginator("list_subscriptions").paginate())
    found = [(one["TopicArn"], one["Endpoint"]) for page in pages for one in page["Subscriptions"]]
    expected = [(topics[topic], queue.format(nth)) for topic in range(2) for nth in range(topic, 130, 2)]
    assert found == expected and [len(page["Subscriptions"]) for page in pages] == [100, 30]
    of_one = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topics[1])
    assert [one["Endpoint"] for page in of_one for one in page["Subscriptions"]] == [queue.format(nth) for nth in range(1, 130, 2)]
    for topic in topics:
        sns.delete_topic(TopicArn=topic)


def test_an_account_lists_its_own_subscriptions_wherever_the_topics_are(house):
    mine, other = (make_client("sns", keys=(account, "secret", None)) for account in ("888899990000", "999900001111"))
    topics = [sns.create_topic(Name="shared")["TopicArn"] for sns in (mine, other)]
    queue = "arn:aws:sqs:us-east-1:888899990000:{}"
    arns = [mine.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.format(nth))["SubscriptionArn"] for nth, topic in enumerate(topics)]
    theirs = other.subscribe(TopicArn=topics[0], Protocol="sqs", Endpoint=queue.format("x"))["SubscriptionArn"]

    def listed(sns):
        return [one["SubscriptionArn"] for one in sns.list_subscriptions()["Subscriptions"]]

    assert (listed(mine), listed(other)) == (arns, [theirs])
    mine.unsubscribe(SubscriptionArn=arns[1])
    mine.delete_topic(TopicArn=topics[0])
    assert (listed(mine), listed(other)) == ([], [])
    other.delete_topic(TopicArn=topics[1])
