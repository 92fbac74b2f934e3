"""Clients for the KMS suite.

In: TIDEWIRE_ENDPOINT, and TIDEWIRE_BIN for tests with a server of their own. Out: clients that never retry and check nothing
themselves, so that the server's own answers are seen.
"""

import pathlib
import sys

import pytest
from botocore.exceptions import ClientError

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from quiet_client import ENDPOINT, quiet_client  # noqa: E402 (the folder above holds what several suites share)


def make_client(service, endpoint=ENDPOINT, region="us-east-1", access_key="test"):
    """A client of a service for the account of `access_key`."""
    return quiet_client(service, endpoint, (access_key, "secret", None), region, parameter_validation=False, read_timeout=60)


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
