"""moto's own tests of KMS against a tidewire server.

In: TIDEWIRE_ENDPOINT, further arguments for pytest; the server's account has to be 123456789012. Out: pytest's. The tests come
from moto's source archive (`source_archive.py`), what differs is listed in `expected.toml`. One thing is changed in them: they
make keys with the policy `my policy`, which is none and which AWS refuses, so it is left out on its way.
"""

import os
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
ENDPOINT = os.environ.get("TIDEWIRE_ENDPOINT", "http://127.0.0.1:4566")
os.environ.update(
    TEST_SERVER_MODE="true",
    TEST_SERVER_MODE_ENDPOINT=ENDPOINT,
    TESTS_SKIP_REQUIRES_DOCKER="true",
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_MAX_ATTEMPTS="1",
    AWS_ENDPOINT_URL=ENDPOINT,
)
sys.path[:0] = [str(HERE), str(HERE.parent)]

import botocore.session
import moto
import pytest
from expected_differences import ExpectedDifferences
from source_archive import unpacked

SHA256 = "391857257d5dac144334013c2c10e599def5f0562f553e979160140bd7bd9cf6"


def without_placeholder_policies():
    """Leaves moto's `my policy` out of every CreateKey."""
    real = botocore.session.Session.create_client

    def create_client(session, *given, **named):
        client = real(session, *given, **named)
        if client.meta.service_model.service_name == "kms":
            client.meta.events.register("provide-client-params.kms.CreateKey", drop_policy)
        return client

    botocore.session.Session.create_client = create_client


def drop_policy(params, **_):
    return {name: value for name, value in params.items() if (name, value) != ("Policy", "my policy")}


root = unpacked("moto", moto.__version__, SHA256, "tests")
tests = root / "tests" / "test_kms"
without_placeholder_policies()
listed = ExpectedDifferences(HERE / "expected.toml", [tests], "moto, tests/test_kms", moto.__version__, "JSON 1.1")
arguments = ["-q", "-W", "ignore", "-p", "no:cacheprovider", "--timeout", "60", "--rootdir", str(root), *sys.argv[1:]]
chosen = [] if any("::" in argument for argument in arguments) else [str(tests)]
sys.exit(pytest.main([*arguments, *chosen], plugins=[listed]))
