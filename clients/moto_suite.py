"""Runs moto's own tests of a service against a tidewire server.

In: TIDEWIRE_ENDPOINT, arguments for pytest (`run.py -x -k fifo`); the server's account has to be 123456789012. Out: pytest's exit
code. The tests come from moto's source archive (`source_archive.py`), what differs is listed in a suite's `expected.toml`.
Invariant: the environment is set before anything of moto or botocore is read, since both look at it once.
"""

import os
import sys

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

import moto  # noqa: E402 (the environment comes first)
import pytest  # noqa: E402

from expected_differences import ExpectedDifferences  # noqa: E402
from source_archive import unpacked  # noqa: E402

SHA256 = "391857257d5dac144334013c2c10e599def5f0562f553e979160140bd7bd9cf6"


def run(here, folders, wire, timeout_secs=30):
    """Runs the tests of these folders, with the differences that the suite in the folder `here` expects; ends the process."""
    root = unpacked("moto", moto.__version__, SHA256, "tests")
    tests = [root / "tests" / folder for folder in folders]
    title = "moto, tests/" + " and ".join(folders)
    listed = ExpectedDifferences(here / "expected.toml", tests, title, moto.__version__, wire)
    settings = ["-q", "-W", "ignore", "-p", "no:cacheprovider", "--timeout", str(timeout_secs), "--rootdir", str(root)]
    arguments = [*settings, *sys.argv[1:]]
    chosen = [] if any("::" in argument for argument in arguments) else [str(folder) for folder in tests]
    sys.exit(pytest.main([*arguments, *chosen], plugins=[listed]))
