"""Clients for the KMS suite.

In: TIDEWIRE_ENDPOINT, and TIDEWIRE_BIN for tests with a server of their own. Out: clients that never retry and check nothing
themselves, so that the server's own answers are seen.
"""

import os
import pathlib
import sys
import uuid

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

ENDPOINT = os.environ.get("TIDEWIRE_ENDPOINT", "http://127.0.0.1:4566")
QUIET = Config(retries={"total_max_attempts": 1, "mode": "standard"}, parameter_validation=False, read_timeout=60)


def make_client(service, endpoint=ENDPOINT, region="us-east-1", access_key="test"):
    """A client of a service for the account of `access_key`."""
    keys = {"aws_access_key_id": access_key, "aws_secret_access_key": "secret"}
    return boto3.client(service, endpoint_url=endpoint, region_name=region, config=QUIET, **keys)


def fresh(prefix):
    """A name nobody has used."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def refusal(call, **arguments):
    """Code and sentence of the error that a call has to end in."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture(scope="session")
def kms():
    return make_client("kms")


@pytest.fixture(scope="session")
def sqs():
    return make_client("sqs")


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]
