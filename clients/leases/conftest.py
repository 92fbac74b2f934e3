"""Clients for the suite of lease tables and metrics.

In: TIDEWIRE_ENDPOINT, and TIDEWIRE_BIN for tests with a server of their own. Out: clients that never retry and check nothing
themselves, so that the server's own answers are seen; tables of names that nobody else has, deleted afterwards.
"""

import pathlib
import sys

import pytest
from botocore.exceptions import ClientError

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from own_servers import own_servers  # noqa: E402 (the folder above holds what several suites share)
from quiet_client import ENDPOINT, fresh, quiet_client  # noqa: E402

LEASE_KEY = {
    "KeySchema": [{"AttributeName": "leaseKey", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "leaseKey", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def make_client(service="dynamodb", endpoint=ENDPOINT, **config):
    return quiet_client(service, endpoint, parameter_validation=False, **config)


def refusal(call, **arguments):
    """The error that a call has to end in, with all that its answer says."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response


@pytest.fixture(scope="session")
def dynamodb():
    return make_client()


@pytest.fixture
def table(dynamodb):
    name = fresh("leases")
    dynamodb.create_table(TableName=name, **LEASE_KEY)
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def make_server(tmp_path):
    with own_servers() as make:
        yield make
