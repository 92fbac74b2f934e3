"""Servers of the crash suite: every test starts its own, on a data folder of its own, and ends what it started.

In: TIDEWIRE_BIN. Invariant: without a binary the suite is skipped by name, never passed.
"""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from own_servers import own_servers  # noqa: E402 (the folder above holds what several suites share)


@pytest.fixture
def make_server(tmp_path):
    """Makes (but does not start) servers on one data folder; all are ended with the test."""
    with own_servers() as make:
        yield lambda **options: make(tmp_path / "data", **options)
