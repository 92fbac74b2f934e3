"""kombu's integration tests of its SQS transport against a tidewire server, and then a Celery worker over that transport.

In: TIDEWIRE_ENDPOINT, further arguments for pytest. Out: pytest's. The transport's tests come from kombu's source archive
(`source_archive.py`), what differs is listed in `expected.toml`; its marks that run a failing test again are not obeyed.
"""

import os
import pathlib
import sys
from urllib.parse import urlsplit

HERE = pathlib.Path(__file__).parent
ENDPOINT = urlsplit(os.environ.get("TIDEWIRE_ENDPOINT", "http://127.0.0.1:4566"))
os.environ.update(
    SQS_HOST=ENDPOINT.hostname,
    SQS_PORT=str(ENDPOINT.port),
    AWS_ENDPOINT_URL=ENDPOINT.geturl(),
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_DEFAULT_REGION="us-east-1",
)
sys.path.insert(0, str(HERE.parent))

import kombu
import pytest

from expected_differences import ExpectedDifferences
from source_archive import unpacked

SHA256 = "31e62fdfd2381caa3422f8e02b84a491d9a2180ddda74507b57f4cb1e1c2c2c9"

root = unpacked("kombu", kombu.__version__, SHA256, "t")
tests = root / "t" / "integration"
title = "kombu, t/integration/test_sqs.py; a Celery worker"
listed = ExpectedDifferences(HERE / "expected.toml", [tests, HERE], title, kombu.__version__, "JSON 1.0")
# As kombu's own configuration, which is not in the folder that is unpacked, has it.
own = ["--import-mode", "append", "-o", "python_classes=test_*"]
arguments = ["-q", "-W", "ignore", "-p", "no:cacheprovider", "--timeout", "600", *own, *sys.argv[1:]]
sys.exit(pytest.main([*arguments, str(tests / "test_sqs.py"), str(HERE / "test_celery.py")], plugins=[listed]))
