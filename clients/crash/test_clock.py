"""A wall clock that is set back while the server is down: the store goes on from the latest time that it has seen.

In: TIDEWIRE_BIN and libfaketime, with which a first server lives an hour ahead; it is killed, and the next one starts at the right
time. Invariant: nothing becomes visible early, nothing stays away for an hour, and what is sent later is behind what was there.
"""

import pathlib
import time

import pytest
from queue_client import QueueClient

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
AHEAD = {"LD_PRELOAD": FAKETIME, "FAKETIME": "+1h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
HELD_SECS = 30
HOUR_MILLIS = 3_600_000


@pytest.mark.skipif(not pathlib.Path(FAKETIME).exists(), reason="libfaketime is not there (apt-get install faketime)")
def test_a_clock_that_was_set_back_over_a_kill_ends_no_lease_and_no_delay_early_or_an_hour_late(make_server):
    server = make_server(environment=AHEAD).start()
    client = QueueClient(server.endpoint)
    url = client.create_queue("jobs")
    client.send(url, "leased")
    began = time.monotonic()
    client.receive(url, VisibilityTimeout=HELD_SECS)
    client.send(url, "delayed", DelaySeconds=HELD_SECS)
    for body in ("one", "two"):
        client.send(url, body)
    server.kill()

    server = make_server().start()
    assert "the wall clock is behind the times in the store" in server.log_since_start()
    client = QueueClient(server.endpoint)
    client.send(url, "three")
    found = client.receive(url, VisibilityTimeout=600, AttributeNames=["SentTimestamp"])
    assert [message["Body"] for message in found] == ["one", "two", "three"]
    sent = [int(message["Attributes"]["SentTimestamp"]) for message in found]
    assert sent == sorted(sent), "what was sent after the start is not older than what was there"
    assert sent[2] > time.time() * 1000 + HOUR_MILLIS / 2, "the store's time goes on"
    assert client.counts(url) == (0, 4, 1)
    late = []
    while len(late) < 2 and time.monotonic() - began < 240:
        late += client.receive(url, WaitTimeSeconds=20, VisibilityTimeout=600)
        assert not late or time.monotonic() - began >= HELD_SECS - 0.1, "a lease or a delay ended early"
    assert sorted(message["Body"] for message in late) == ["delayed", "leased"]
