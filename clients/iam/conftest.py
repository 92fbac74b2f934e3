"""Clients of IAM and STS.

In: TIDEWIRE_ENDPOINT, a server in `dev`. Out: clients
that never retry, and names that nobody has used.
"""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from quiet_client import ENDPOINT, quiet_client  # noqa: E402 (the folder above holds what several suites share)


def client(service, endpoint=ENDPOINT, keys=None, region="us-east-1"):
    """A client of a service; `keys` as STS and IAM hand them out."""
    keys = keys or {"AccessKeyId": "test", "SecretAccessKey": "secret"}
    given = (keys["AccessKeyId"], keys["SecretAccessKey"], keys.get("SessionToken"))
    return quiet_client(service, endpoint, given, region, read_timeout=40)


@pytest.fixture(scope="session")
def iam():
    return client("iam")


@pytest.fixture(scope="session")
def sts():
    return client("sts")
