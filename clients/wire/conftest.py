"""Fixtures of the wire suite: the shared server, servers of one's own, and the promise that a refusal changes nothing.

In: TIDEWIRE_ENDPOINT and, for tests that watch or starve a server, TIDEWIRE_BIN. Invariant: a test that uses
`untouched` fails when the queue says anything else about itself afterwards than before.
"""

import pathlib
import sys

import pytest
from wire_client import Wire

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from own_servers import own_servers  # noqa: E402 (the folder above holds what several suites share)


@pytest.fixture(scope="session")
def wire():
    return Wire()


@pytest.fixture
def queue(wire):
    return wire.create_queue()


@pytest.fixture
def untouched(wire):
    """A queue with one visible message that must be exactly as it was when the test ends."""
    url = wire.create_queue()
    assert wire.json("SendMessage", {"QueueUrl": url, "MessageBody": "stays"}).status == 200
    before = wire.snapshot(url)
    yield url
    assert wire.snapshot(url) == before
    answer = wire.json("ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1})
    assert [message["Body"] for message in answer.json()["Messages"]] == ["stays"]


@pytest.fixture
def own_server(tmp_path):
    """Starts a server that only this test talks to."""
    with own_servers() as make:
        yield lambda **environment: make(tmp_path, environment=environment).start()
