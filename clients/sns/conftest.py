"""Clients for the suite of SNS.

In: TIDEWIRE_ENDPOINT, and TIDEWIRE_BIN for tests with a server of their own. Out: clients that never retry, so that the server's own
answers are seen; topics and queues of names that nobody else has.
"""

import json
import pathlib
import sys
import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from quiet_client import ENDPOINT, fresh, quiet_client  # noqa: E402 (the folder above holds what several suites share)


def make_client(service, endpoint=ENDPOINT, region="us-east-1", keys=("test", "secret", None)):
    """A client that checks nothing itself."""
    return quiet_client(service, endpoint, keys, region, parameter_validation=False)


def refusal(call, **arguments):
    """Code and sentence of the error that a call has to end in."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


class House:
    """Topics and queues of one server."""

    def __init__(self, sns, sqs):
        self.sns, self.sqs = sns, sqs

    def topic(self, **arguments):
        """The ARN of a new topic."""
        return self.sns.create_topic(Name=fresh("t"), **arguments)["TopicArn"]

    def queue(self, **attributes):
        """URL and ARN of a new queue."""
        url = self.sqs.create_queue(QueueName=fresh("q"), Attributes=attributes)["QueueUrl"]
        return url, self.queue_arn(url)

    def queue_arn(self, url):
        """The ARN of a queue."""
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return found["Attributes"]["QueueArn"]

    def subscribe(self, topic, queue, **attributes):
        """The ARN of a subscription of a queue."""
        asked = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue, "Attributes": attributes}
        return self.sns.subscribe(**asked, ReturnSubscriptionArn=True)["SubscriptionArn"]

    def subscribed(self, topic, **attributes):
        """The URL of a new queue with a subscription."""
        url, arn = self.queue()
        self.subscribe(topic, arn, **attributes)
        return url

    def received(self, url):
        """All messages that a queue has now; they are deleted."""
        found = []
        while True:
            asked = {"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "AttributeNames": ["All"]}
            messages = self.sqs.receive_message(QueueUrl=url, **asked).get("Messages", [])
            if not messages:
                return found
            found += messages
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def notifications(self, url):
        """What stands in the envelopes of all messages of a queue."""
        return [json.loads(message["Body"]) for message in self.received(url)]


def kill_amid_publishes(server, publish_one, enough_each=20):
    """Three publishers call `publish_one(client, publisher, nth)` until the server, which is killed once one of them has published
    enough, answers no more."""
    enough = threading.Event()

    def publish(publisher):
        sns = make_client("sns", server.endpoint)
        for nth in range(100_000):
            try:
                publish_one(sns, publisher, nth)
            except BotoCoreError:
                return
            if nth == enough_each:
                enough.set()

    publishers = [threading.Thread(target=publish, args=(publisher,)) for publisher in range(3)]
    for publisher in publishers:
        publisher.start()
    assert enough.wait(60)
    server.kill()
    for publisher in publishers:
        publisher.join()


@pytest.fixture(scope="session")
def house():
    return House(make_client("sns"), make_client("sqs"))
