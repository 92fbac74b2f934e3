"""Servers of the crash suite: every test starts its own, on a data folder of its own, and ends what it started.

In: TIDEWIRE_BIN. Invariant: without a binary the suite is skipped by name, never passed.
"""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from tidewire_process import TidewireProcess  # noqa: E402 (the folder above holds what several suites share)


@pytest.fixture
def make_server(tmp_path):
    """Makes (but does not start) servers on one data folder; all are ended with the test."""
    if "TIDEWIRE_BIN" not in os.environ:
        pytest.skip("TIDEWIRE_BIN is not set")
    made = []

    def make(**options):
        server = TidewireProcess(tmp_path / "data", **options)
        made.append(server)
        return server

    yield make
    for server in made:
        server.end()
        os.unlink(server.log_path)
