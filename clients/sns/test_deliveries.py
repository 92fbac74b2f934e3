"""DescribeDeliveries, ListDeliveries and ListAttempts as any program asks them: JSON that is signed for `sns`, over HTTP.

No SDK has them, so the requests are made here, and signed by botocore.
"""

import json
import time
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conftest import ENDPOINT
from receiver import Receiver
from test_http import QUICK, dead_letters, subscribe

pytestmark = pytest.mark.timeout(180)

PATIENT = {"healthyRetryPolicy": {"minDelayTarget": 3600, "maxDelayTarget": 3600, "numRetries": 1}}


def ask(operation, endpoint=ENDPOINT, keys=("test", "secret"), **members):
    """Status and body of what is answered."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"TidewireTopics_20261123.{operation}"}
    request = AWSRequest("POST", f"{endpoint}/", headers=headers, data=json.dumps(members).encode())
    SigV4Auth(Credentials(*keys), "sns", "us-east-1").add_auth(request)
    prepared = request.prepare()
    sent = urllib.request.Request(prepared.url, prepared.body, dict(prepared.headers.items()), method="POST")
    try:
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())


def asked(operation, **members):
    """The body of an answer that has to be one."""
    status, body = ask(operation, **members)
    assert status == 200, body
    return body


def until(find):
    """What is found at last."""
    deadline = time.monotonic() + 60
    while not (found := find()):
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.05)
    return found


def test_what_waits_for_a_receiver_is_described_and_listed_in_the_order_of_publishing(house):
    topic = house.topic()
    house.subscribed(topic)
    with Receiver(lambda handler, received: handler.answer(503)) as receiver:
        arn = subscribe(house, topic, receiver, DeliveryPolicy=PATIENT)
        ids = [house.sns.publish(TopicArn=topic, Message=f"m{nth}")["MessageId"] for nth in range(3)]

        def put_off():
            waits = [one.get("NextAttemptTimestamp", 0) - one["PublishedTimestamp"] for one in asked("ListDeliveries", SubscriptionArn=arn)["Deliveries"]]
            # While an attempt runs the next is when its lease ends; then it is an hour later, or up to a tenth of that more.
            return len(waits) == 3 and all(3600 <= wait < 4200 for wait in waits)

        until(put_off)
        [row] = [row for row in asked("DescribeDeliveries", TopicArn=topic)["Subscriptions"] if row["Protocol"] == "http"]
        assert row["SetAside"] == 3
        assert (row["SubscriptionArn"], row["Endpoint"], row["Waiting"]) == (arn, receiver.url(), 0)
        assert row["LastFailure"]["StatusCode"] == 503 and row["LastFailure"]["Outcome"] == "retried"
        listed = asked("ListDeliveries", SubscriptionArn=arn)["Deliveries"]
        assert row["NextAttemptTimestamp"] <= min(one["NextAttemptTimestamp"] for one in listed), "never too late"
        published = [one["PublishedTimestamp"] for one in listed]
        assert published == sorted(published) and abs(row["OldestPublishedTimestamp"] - published[0]) <= 60
        assert [(one["MessageId"], one["Type"], one["Attempts"]) for one in listed] == [(id, "Notification", 1) for id in ids]
        attempts = asked("ListAttempts", SubscriptionArn=arn)["Attempts"]
        assert {(one["MessageId"], one["Number"], one["Outcome"]) for one in attempts} >= {(id, 1, "retried") for id in ids}
        assert not {"delivered", "dead-lettered", "failed"} & {one["Outcome"] for one in attempts if one["MessageId"] in ids}


def test_listings_come_in_pages_and_looking_is_no_attempt(house):
    topic = house.topic()
    urls = [house.subscribed(topic) for _ in range(2)]
    assert len(urls) == 2
    with Receiver(lambda handler, received: handler.answer(503)) as receiver:
        arn = subscribe(house, topic, receiver, DeliveryPolicy=PATIENT)
        ids = [house.sns.publish(TopicArn=topic, Message=f"m{nth}")["MessageId"] for nth in range(5)]
        until(lambda: len(receiver.notifications(5)) == 5)

        def pages(operation, member, **members):
            found, token = [], {}
            while True:
                answer = asked(operation, MaxResults=2, **members, **token)
                assert 1 <= len(answer[member]) <= 2
                found += answer[member]
                if "NextToken" not in answer:
                    return found
                token = {"NextToken": answer["NextToken"]}

        assert [one["MessageId"] for one in pages("ListDeliveries", "Deliveries", SubscriptionArn=arn)] == ids
        described = pages("DescribeDeliveries", "Subscriptions", TopicArn=topic)
        assert sorted(one["Protocol"] for one in described) == ["http", "sqs", "sqs"]
        assert len(receiver.notifications()) == 5, "nothing was tried because somebody looked"


def test_what_has_ended_is_told_with_what_the_receiver_said(house):
    topic = house.topic()
    url, policy = dead_letters(house, topic)
    with Receiver(lambda handler, received: handler.answer(404, [], b"never here")) as receiver:
        arn = subscribe(house, topic, receiver, DeliveryPolicy=QUICK, RedrivePolicy=policy)
        id = house.sns.publish(TopicArn=topic, Message="x")["MessageId"]

        def ended():
            return [one for one in asked("ListAttempts", SubscriptionArn=arn, EndedOnly=True)["Attempts"] if one["MessageId"] == id]

        [attempt] = until(ended)
        assert (attempt["Outcome"], attempt["StatusCode"], attempt["Response"]) == ("dead-lettered", 404, "never here")
        assert attempt["DurationMilliseconds"] >= 0 and attempt["Timestamp"] >= attempt["PublishedTimestamp"]
        assert asked("ListDeliveries", SubscriptionArn=arn)["Deliveries"] == []
    assert len(house.received(url)) == 1


@pytest.mark.parametrize(
    ("operation", "members", "status", "name"),
    [
        ("DescribeDeliveries", {"TopicArn": "arn:aws:sns:us-east-1:000000000000:missing"}, 404, "NotFoundException"),
        ("DescribeDeliveries", {"TopicArn": "nonsense"}, 400, "InvalidParameterException"),
        ("ListDeliveries", {"SubscriptionArn": "nonsense"}, 400, "InvalidParameterException"),
        ("ListAttempts", {"SubscriptionArn": "arn:aws:sns:us-east-1:000000000000:missing:" + "0" * 8 + "-0000-0000-0000-" + "0" * 12}, 404, "NotFoundException"),
    ],
)
def test_what_is_not_there_is_refused(house, operation, members, status, name):
    found, body = ask(operation, **members)
    assert (found, body["__type"].split("#")[-1]) == (status, name), body
