"""Servers that belong to one test, for the conftests of the suites that start such.

In: TIDEWIRE_BIN; without it the test is skipped by name, never passed. Out: a function that makes servers and does not start
them. Invariant: whatever the test did, each server it made has ended before a fixture that it depends on, the folder with
its data, goes away.
"""

import contextlib
import os

import pytest
from tidewire_process import TidewireProcess


@contextlib.contextmanager
def own_servers():
    """Gives a function that makes a server as `TidewireProcess` does; ends all of them at the end."""
    if "TIDEWIRE_BIN" not in os.environ:
        pytest.skip("TIDEWIRE_BIN is not set")

    def make(data_dir, **options):
        server = TidewireProcess(data_dir, **options)
        ends.callback(os.unlink, server.log_path)
        ends.callback(server.end)
        return server

    # One that cannot be ended leaves the others to be ended all the same.
    with contextlib.ExitStack() as ends:
        yield make
