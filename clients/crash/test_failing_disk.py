"""A disk whose fdatasync fails: nothing may be acknowledged that is not there, and the operator must read why.

In: TIDEWIRE_BIN and strace, which makes the Nth and every later fdatasync answer EIO. Source: the journal's rule that a
failed sync is final: the kernel may have thrown the data away, so trying again proves nothing.
"""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from ledger import Ledger
from queue_client import Lost, QueueClient, Refused, drain
from tidewire_process import StartFailed

SENDS_MAX = 2_000


@pytest.fixture(autouse=True)
def needs_strace():
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed (apt-get install strace)")


def failing_from(number, trace):
    """The command in front of the server that makes fdatasync fail from the given call on."""
    return ["strace", "-f", "-qq", "-o", str(trace), "-e", "trace=fdatasync", "-e", f"inject=fdatasync:error=EIO:when={number}+"]


def syncs_until_first_acknowledgement(make_server, tmp_path):
    """How many times a server on this folder calls fdatasync from its start to its first answer to a send."""
    trace = tmp_path / "count.trace"
    server = make_server(prefix=["strace", "-f", "-qq", "-o", str(trace), "-e", "trace=fdatasync"]).start()
    client = QueueClient(server.endpoint)
    client.send(client.create_queue("counted"), "x")
    server.end()
    return len(re.findall(r"fdatasync\(", trace.read_text()))


def send_until_refused(client, url, ledger, prefix):
    """Sends until the server says no or goes away; how many it acknowledged."""
    for number in range(SENDS_MAX):
        body = f"{prefix} {number}"
        ledger.attempting([body])
        try:
            ledger.acknowledged({body: client.send(url, body)})
        except (Refused, Lost):
            return number
    raise AssertionError(f"{SENDS_MAX} sends were acknowledged although the disk fails")


@pytest.mark.parametrize("later", [1, 4, 25], ids=["the next sync", "the fourth sync", "the 25th sync"])
def test_sends_fail_with_the_disk_and_what_was_acknowledged_stays(make_server, tmp_path, later):
    number = syncs_until_first_acknowledgement(make_server, tmp_path)
    ledger = Ledger()
    server = make_server(prefix=failing_from(number + later, tmp_path / "eio.trace")).start()
    client = QueueClient(server.endpoint)
    url = client.call("GetQueueUrl", QueueName="counted")["QueueUrl"]
    acknowledged = send_until_refused(client, url, ledger, "sent")
    code = server.process.wait(timeout=120)
    assert code != 0, "a server that can keep nothing ended as if all were well"

    client = QueueClient(make_server().start().endpoint)
    found = [message for message in drain(client, url) if message["Body"] != "x"]
    assert ledger.broken_promises(found) == []
    assert len(found) >= acknowledged


def test_the_log_says_once_which_file_failed_and_how(make_server, tmp_path):
    number = syncs_until_first_acknowledgement(make_server, tmp_path)
    server = make_server(prefix=failing_from(number + 1, tmp_path / "eio.trace")).start()
    client = QueueClient(server.endpoint)
    send_until_refused(client, client.call("GetQueueUrl", QueueName="counted")["QueueUrl"], Ledger(), "sent")
    server.process.wait(timeout=120)
    log = re.sub(r"\x1b\[[0-9;]*m", "", server.log_since_start())
    lines = [line for line in log.splitlines() if "ERROR" in line]
    assert len(lines) == 1, log
    files = [path.name for path in Path(server.data_dir).iterdir()]
    assert any(name in lines[0] for name in files), lines[0]
    assert "Input/output error" in lines[0] or "os error 5" in lines[0], lines[0]


def test_a_disk_that_fails_at_the_start_stops_the_start(make_server, tmp_path):
    server = make_server(prefix=failing_from(1, tmp_path / "eio.trace"))
    with pytest.raises(StartFailed) as failed:
        server.start()
    assert "exit code 0" not in str(failed.value)
    assert server.data_dir in str(failed.value)


def test_readers_get_no_answer_that_saw_what_the_disk_lost(make_server, tmp_path):
    """A receive that would hand out a message whose sync failed must not be answered with it."""
    number = syncs_until_first_acknowledgement(make_server, tmp_path)
    server = make_server(prefix=failing_from(number + 1, tmp_path / "eio.trace")).start()
    client = QueueClient(server.endpoint)
    url = client.call("GetQueueUrl", QueueName="counted")["QueueUrl"]
    ledger = Ledger()
    acknowledged = send_until_refused(client, url, ledger, "sent")
    bodies = []
    try:
        bodies = [message["Body"] for message in QueueClient(server.endpoint).receive(url)]
    except (Refused, Lost):
        pass
    server.process.wait(timeout=120)
    assert len([body for body in bodies if body.startswith("sent")]) <= acknowledged


def flip_in_the_middle(path):
    """Changes one bit of a byte halfway through what is written in the file, which is sealed and tells nothing of itself."""
    data = path.read_bytes()
    written = len(data.rstrip(b"\0"))
    at = next(at for at in range(written // 2, written) if data[at])
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(bytes([data[at] ^ 1]))


def test_a_flipped_bit_in_the_log_stops_the_start_and_names_the_file(make_server):
    server = make_server().start()
    client = QueueClient(server.endpoint)
    url = client.create_queue("bits")
    for number in range(50):
        client.send(url, f"needle-{number:03}-in-the-log")
    assert server.stop() == 0
    log = min(Path(server.data_dir).glob("log-*.tw"))
    flip_in_the_middle(log)
    began = time.monotonic()
    with pytest.raises(StartFailed) as failed:
        server.start()
    assert time.monotonic() - began < 100
    assert "exit code 0" not in str(failed.value)
    assert log.name in str(failed.value)


def test_strace_is_what_made_the_disk_fail(tmp_path):
    """The tool itself: a program under it sees EIO, so a passing suite did not test a healthy disk."""
    program = "import os, sys\nfd = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)\nos.fdatasync(fd)"
    command = [*failing_from(1, tmp_path / "t"), "python3", "-c", program, str(tmp_path / "f")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "Input/output error" in done.stderr
