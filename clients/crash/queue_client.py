"""A small SQS client over one kept-alive connection, on the standard library alone.

In: an endpoint. Out: the members of the answer, or `Lost` when the server went away before the whole answer was here, or
`Refused` when it said no. Invariant: nothing is retried, so an answer always belongs to exactly one request.
"""

import http.client
import json
import time
from urllib.parse import urlsplit


class Lost(Exception):
    """The connection broke: whether the request was carried out is unknown."""


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


class QueueClient:
    """One connection to one server; not to be shared between threads."""

    def __init__(self, endpoint, timeout=90):
        address = urlsplit(endpoint)
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=timeout)

    def call(self, operation, **members):
        """One operation in JSON 1.0."""
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"}
        try:
            self.connection.request("POST", "/", json.dumps(members), headers)
            answer = self.connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            raise Lost(repr(error)) from error
        if answer.status != 200:
            raise Refused(answer.status, body.decode(errors="replace"))
        return json.loads(body) if body else {}

    def create_queue(self, name, **attributes):
        values = {key: str(value) for key, value in attributes.items()}
        return self.call("CreateQueue", QueueName=name, Attributes=values)["QueueUrl"]

    def send(self, url, body, **rest):
        return self.call("SendMessage", QueueUrl=url, MessageBody=body, **rest)["MessageId"]

    def receive(self, url, **rest):
        return self.call("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, **rest).get("Messages", [])

    def delete(self, url, handle):
        self.call("DeleteMessage", QueueUrl=url, ReceiptHandle=handle)

    def attributes(self, url):
        return self.call("GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])["Attributes"]

    def counts(self, url):
        """(visible, in flight, delayed)."""
        attributes = self.attributes(url)
        names = ("", "NotVisible", "Delayed")
        return tuple(int(attributes[f"ApproximateNumberOfMessages{name}"]) for name in names)

    def close(self):
        self.connection.close()


def drain(client, url, seconds=90, lease=600):
    """Receives every message of a queue, waiting out leases and delays; the queue's own counts tell when it is empty."""
    messages = []
    deadline = time.monotonic() + seconds
    while client.counts(url) != (0, len(messages), 0):
        assert time.monotonic() < deadline, f"after {len(messages)} messages the counts are {client.counts(url)}"
        messages += client.receive(url, WaitTimeSeconds=1, VisibilityTimeout=lease)
    return messages
