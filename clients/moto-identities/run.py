"""moto's own tests of IAM and STS against a tidewire server.

In: TIDEWIRE_ENDPOINT, further arguments for pytest (`run.py -x -k role`); the server's account has to be 123456789012. Out:
pytest's. The tests come from moto's source archive (`source_archive.py`), what differs is listed in `expected.toml`.
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
sys.path[:0] = [str(HERE.parent)]

import moto
import pytest

from expected_differences import ExpectedDifferences
from source_archive import unpacked

SHA256 = "391857257d5dac144334013c2c10e599def5f0562f553e979160140bd7bd9cf6"

root = unpacked("moto", moto.__version__, SHA256, "tests")
folders = [root / "tests" / "test_iam", root / "tests" / "test_sts"]
listed = ExpectedDifferences(HERE / "expected.toml", folders, "moto, tests/test_iam and test_sts", moto.__version__, "query")
arguments = ["-q", "-W", "ignore", "-p", "no:cacheprovider", "--timeout", "30", "--rootdir", str(root), *sys.argv[1:]]
chosen = [] if any("::" in argument for argument in arguments) else [str(folder) for folder in folders]
sys.exit(pytest.main([*arguments, *chosen], plugins=[listed]))
