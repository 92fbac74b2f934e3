"""Clients and queues for the boto3 suite.

In: TIDEWIRE_ENDPOINT. Out: clients per account and region that never retry (a retry would hide an answer) and queues
with fresh names, so that the suite can run again and again against one server. Source: the SQS API reference.
"""

import os
import uuid

import boto3
import pytest
from botocore.config import Config

ENDPOINT = os.environ.get("TIDEWIRE_ENDPOINT", "http://127.0.0.1:4566")
QUIET = Config(
    retries={"total_max_attempts": 1, "mode": "standard"},
    parameter_validation=False,
    max_pool_connections=32,
    read_timeout=40,
)


def make_client(access_key="test", region="us-east-1", endpoint=ENDPOINT):
    """An SQS client for the account of `access_key`; SDK-side validation is off so that the server's is seen."""
    return boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key="secret",
        config=QUIET,
    )


def fresh_name(prefix="q"):
    """A queue name nobody has used."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


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
