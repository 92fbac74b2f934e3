"""With a server of their own: what a restart leaves, and policies in force."""

import json
import pathlib
import time
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from conftest import House, kill_amid_publishes, make_client, refusal
from own_servers import own_servers


@pytest.fixture
def make():
    with own_servers() as make:
        yield make


def house_at(server, keys=("test", "secret", None)):
    return House(make_client("sns", server.endpoint, keys=keys), make_client("sqs", server.endpoint, keys=keys))


def test_topics_and_subscriptions_are_there_after_a_kill(make, tmp_path):
    server = make(tmp_path / "data").start()
    house = house_at(server)
    topic = house.topic(Attributes={"DisplayName": "News"}, Tags=[{"Key": "a", "Value": "b"}])
    url = house.subscribed(topic, RawMessageDelivery="true")
    gone = house.subscribe(topic, house.queue()[1])
    house.sns.unsubscribe(SubscriptionArn=gone)
    deleted = house.topic()
    house.sns.delete_topic(TopicArn=deleted)
    house.sns.publish(TopicArn=topic, Message="before")
    server.kill()
    house = house_at(make(tmp_path / "data").start())
    assert [one["TopicArn"] for one in house.sns.list_topics()["Topics"]] == [topic]
    shown = house.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (shown["DisplayName"], shown["SubscriptionsConfirmed"]) == ("News", "1")
    assert house.sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "a", "Value": "b"}]
    house.sns.publish(TopicArn=topic, Message="after")
    assert sorted(message["Body"] for message in house.received(url)) == ["after", "before"]


@pytest.mark.timeout(300)
def test_each_acknowledged_publish_reaches_each_subscription(make, tmp_path):
    """Three publishers, a server that is killed in the middle, four rounds: every queue has every message that was answered."""
    server = make(tmp_path / "data").start()
    house = house_at(server)
    topic = house.topic()
    urls = [house.subscribed(topic, RawMessageDelivery="true") for _ in range(3)]
    acknowledged = []
    for round_number in range(4):

        def publish(sns, publisher, nth, round_number=round_number):
            message = f"{round_number}-{publisher}-{nth}"
            sns.publish(TopicArn=topic, Message=message)
            acknowledged.append(message)

        kill_amid_publishes(server, publish)
        server = make(tmp_path / "data").start()
    house = house_at(server)
    for url in urls:
        assert set(acknowledged) <= {message["Body"] for message in house.received(url)}


def test_queues_let_topics_by_their_policies(make, tmp_path):
    server = make(tmp_path / "data", mode="serve").start()
    key = json.loads(pathlib.Path(tmp_path / "data" / "root-key.json").read_text())
    house = house_at(server, (key["access_key_id"], key["secret_access_key"], None))
    topic, other = house.topic(), house.topic()
    url, queue = house.queue()
    for arn in (topic, other):
        house.subscribe(arn, queue)
    house.sns.publish(TopicArn=topic, Message="nobody is let")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    house.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    house.sns.publish(TopicArn=topic, Message="let")
    house.sns.publish(TopicArn=other, Message="of another topic")
    assert [found["Message"] for found in house.notifications(url)] == ["let"]


def test_who_may_publish_says_the_topics_policy(make, tmp_path):
    server = make(tmp_path / "data", mode="serve").start()
    key = json.loads(pathlib.Path(tmp_path / "data" / "root-key.json").read_text())
    root = (key["access_key_id"], key["secret_access_key"], None)
    house, iam = house_at(server, root), make_client("iam", server.endpoint, keys=root)
    iam.create_user(UserName="worker")
    made = iam.create_access_key(UserName="worker")["AccessKey"]
    worker = make_client("sns", server.endpoint, keys=(made["AccessKeyId"], made["SecretAccessKey"], None))
    topic = house.topic()
    account = topic.split(":")[4]
    code, sentence = refusal(worker.publish, TopicArn=topic, Message="x")
    assert code == "AuthorizationError"
    assert f"User: arn:aws:iam::{account}:user/worker is not authorized to perform: SNS:Publish".lower() in sentence.lower()
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:user/worker"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    house.sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    assert worker.publish(TopicArn=topic, Message="x")["MessageId"]
    assert refusal(worker.delete_topic, TopicArn=topic)[0] == "AuthorizationError"


def test_filters_hold_after_a_kill(make, tmp_path):
    server = make(tmp_path / "data").start()
    house = house_at(server)
    topic = house.topic()
    url = house.subscribed(topic, RawMessageDelivery="true", FilterPolicyScope="MessageBody", FilterPolicy='{"a":{"b":["c"]}}')
    server.kill()
    house = house_at(make(tmp_path / "data").start())
    for message in ['{"a":{"b":"c"}}', '{"a":{"b":"d"}}']:
        house.sns.publish(TopicArn=topic, Message=message)
    assert [message["Body"] for message in house.received(url)] == ['{"a":{"b":"c"}}']


def patient(call, *arguments, **named):
    """What a call answers that is made again while it is throttled: `limits = aws` has AWS's 100 subscriptions a second."""
    while True:
        try:
            return call(*arguments, **named)
        except ClientError as refused:
            if refused.response["Error"]["Code"] != "Throttling":
                raise
            time.sleep(0.05)


def test_quotas_of_filters_are_switches(make, tmp_path):
    """AWS's 200 policies a topic with `limits = aws` alone; more than five keys where the owner says so."""
    policies = [json.dumps({"k": [str(nth)]}) for nth in range(201)]
    queue = "arn:aws:sqs:us-east-1:000000000000:q{}"
    for limits, most in [("aws", 200), ("raised", 201)]:
        server = make(tmp_path / limits, arguments=["--limits", limits, "--sns-filter-keys-max", "7"]).start()
        house = house_at(server)
        topic = house.topic()
        arns = [patient(house.subscribe, topic, queue.format(nth), FilterPolicy=policies[nth]) for nth in range(most)]
        seven = json.dumps({str(nth): ["x"] for nth in range(7)})
        house.sns.set_subscription_attributes(SubscriptionArn=arns[0], AttributeName="FilterPolicy", AttributeValue=seven)
        more = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue.format(201)}
        if limits == "aws":
            with pytest.raises(ClientError) as refused:
                patient(house.sns.subscribe, **more, Attributes={"FilterPolicy": policies[200]})
            assert refused.value.response["Error"]["Code"] == "FilterPolicyLimitExceeded"
        patient(house.sns.subscribe, **more)
        server.kill()


def test_the_key_that_signs_is_kept_and_the_link_to_end_needs_no_credentials(make, tmp_path):
    """In a server that verifies: the certificate and the link are everybody's, before and after a kill; nothing else is."""
    server = make(tmp_path / "data", mode="serve").start()
    key = json.loads(pathlib.Path(tmp_path / "data" / "root-key.json").read_text())
    root = (key["access_key_id"], key["secret_access_key"], None)
    house = house_at(server, root)
    topic = house.topic()
    url, queue = house.queue()
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue}
    house.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [statement]})})
    arn = house.subscribe(topic, queue)
    house.sns.publish(TopicArn=topic, Message="before")
    server.kill()
    server = make(tmp_path / "data", mode="serve").start()
    house = house_at(server, root)
    (before,) = house.notifications(url)
    certificate = before["SigningCertURL"].rsplit("/", 1)[1]
    fetched(f"{server.endpoint}/{certificate}")
    house.sns.publish(TopicArn=topic, Message="after")
    (after,) = house.notifications(url)
    assert after["SigningCertURL"] == f"{server.endpoint}/{certificate}"
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetched(f"{server.endpoint}/?Action=DeleteTopic&TopicArn={topic}")
    assert refused.value.code == 403
    fetched(after["UnsubscribeURL"])
    gone = ("NotFound", "Subscription does not exist")
    assert refusal(house.sns.get_subscription_attributes, SubscriptionArn=arn) == gone


def fetched(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read()
