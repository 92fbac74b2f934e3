"""FIFO topics and queues of a house (`conftest.House`), under names that nobody else has."""

from conftest import fresh

FIFO = {"FifoTopic": "true"}


def fifo_topic(house, **attributes):
    """The ARN of a new FIFO topic."""
    return house.sns.create_topic(Name=fresh("t") + ".fifo", Attributes={**FIFO, **attributes})["TopicArn"]


def fifo_queue(house, topic, queue=None, **attributes):
    """The URL of a new FIFO queue with a subscription; `queue` is what is particular to it."""
    of_queue = {"FifoQueue": "true", **(queue or {})}
    url = house.sqs.create_queue(QueueName=fresh("q") + ".fifo", Attributes=of_queue)["QueueUrl"]
    house.subscribe(topic, house.queue_arn(url), **attributes)
    return url
