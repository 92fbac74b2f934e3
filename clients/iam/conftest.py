"""Clients of IAM and STS.

In: TIDEWIRE_ENDPOINT, a server in `dev`. Out: clients
that never retry, and names that nobody has used.
"""

import os
import uuid

import boto3
import pytest
from botocore.config import Config

ENDPOINT = os.environ.get("TIDEWIRE_ENDPOINT", "http://127.0.0.1:4566")
QUIET = Config(retries={"total_max_attempts": 1, "mode": "standard"}, read_timeout=40)


def client(service, endpoint=ENDPOINT, keys=None, region="us-east-1"):
    """A client of a service; `keys` as STS and IAM hand them out."""
    keys = keys or {"AccessKeyId": "test", "SecretAccessKey": "secret"}
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys.get("SessionToken"),
        config=QUIET,
    )


def fresh(prefix):
    """A name that nobody has used."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def iam():
    return client("iam")


@pytest.fixture(scope="session")
def sts():
    return client("sts")
