"""Clients and queues for the boto3 suite.

In: TIDEWIRE_ENDPOINT. Out: clients per account and region that never retry (a retry would hide an answer) and queues
with fresh names, so that the suite can run again and again against one server. Source: the SQS API reference.
"""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from quiet_client import ENDPOINT, fresh, quiet_client  # noqa: E402 (the folder above holds what several suites share)


def make_client(access_key="test", region="us-east-1", endpoint=ENDPOINT):
    """An SQS client for the account of `access_key`; SDK-side validation is off so that the server's is seen."""
    sizes = {"max_pool_connections": 32, "read_timeout": 90}
    return quiet_client("sqs", endpoint, (access_key, "secret", None), region, parameter_validation=False, **sizes)


def fresh_name(prefix="q"):
    """A queue name nobody has used."""
    return fresh(prefix)


@pytest.fixture(scope="session")
def sqs():
    return make_client()


@pytest.fixture
def make_queue(sqs):
    """Creates queues with the given attributes; deletes them afterwards."""
    made = []

    def make(client=None, **attributes):
        client = client or sqs
        values = {name: str(value) for name, value in attributes.items()}
        url = client.create_queue(QueueName=fresh_name(), Attributes=values)["QueueUrl"]
        made.append((client, url))
        return url

    yield make
    for client, url in made:
        try:
            client.delete_queue(QueueUrl=url)
        except client.exceptions.QueueDoesNotExist:
            pass


@pytest.fixture
def queue(make_queue):
    return make_queue()
