"""Stops and starts in good order: SIGTERM, what survives a restart, and the lock on the data folder.

In: TIDEWIRE_BIN. Sources: the SQS API reference for what a client may expect of its queue afterwards; the exit codes are
those that service managers read.
"""

import http.client
import json
import signal
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
from arrived import await_read
from ledger import Ledger
from queue_client import Lost, QueueClient, Refused, drain
from tidewire_process import StartFailed

# How long a busy machine may take. What a stop did not wait for is cut, and the log says so.
STOP_SECS_MAX = 90
CUT = "are cut"
# The server's own patience with what is under way; the machine must not use it up.
PATIENT = {"TIDEWIRE_HTTP_STOP_TIMEOUT_SECS": "60"}


def stop(server):
    assert server.stop() == 0


def kill(server):
    server.kill()


def make_leases_last(client):
    """A receive is answered before its own record is on disk (ADR 0003); what is answered after it and was written later has
    that record before it in the log."""
    client.create_queue("written-later")


WAYS_TO_END = [("a stop", stop), ("a kill", kill)]


def test_a_stop_ends_long_polls_with_an_answer_and_exits_with_zero(make_server):
    server = make_server(environment=PATIENT).start()
    url = QueueClient(server.endpoint).create_queue("polled")
    body = f'{{"QueueUrl": "{url}", "WaitTimeSeconds": 20}}'.encode()
    polls = [begin(server, "ReceiveMessage", len(body), body) for _ in range(5)]
    await_read(*polls)
    assert server.stop() == 0
    for poll in polls:
        answer = b"".join(iter(lambda: poll.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n{}"), answer
        poll.close()
    assert CUT not in server.log_since_start()


def begin(server, operation, length, sent, more=""):
    """A connection on which a request of a body of so many bytes has begun."""
    address = urlsplit(server.endpoint)
    head = (
        f"POST / HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/x-amz-json-1.0\r\n"
        f"X-Amz-Target: AmazonSQS.{operation}\r\nContent-Length: {length}\r\n{more}\r\n"
    )
    connection = socket.create_connection((address.hostname, address.port), timeout=STOP_SECS_MAX)
    connection.sendall(head.encode() + sent)
    return connection


def await_stopping(server):
    """Waits until the server takes no connection any more."""
    address = urlsplit(server.endpoint)
    deadline = time.monotonic() + STOP_SECS_MAX
    while time.monotonic() < deadline:
        try:
            socket.create_connection((address.hostname, address.port)).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.005)
    raise AssertionError("the server does not stop listening")


def test_a_request_whose_body_is_still_arriving_is_answered(make_server):
    server = make_server(environment=PATIENT).start()
    client = QueueClient(server.endpoint)
    url = client.create_queue("arriving")
    client.close()
    body = f'{{"QueueUrl": "{url}", "MessageBody": "in two halves"}}'.encode()
    with begin(server, "SendMessage", len(body), b"", more="Expect: 100-continue\r\n") as connection:
        # It says so once it wants the body: the request has begun.
        assert connection.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body[:20])
        server.process.send_signal(signal.SIGTERM)
        await_stopping(server)
        connection.sendall(body[20:])
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert server.process.wait(timeout=STOP_SECS_MAX) == 0
    client = QueueClient(server.start().endpoint)
    assert [message["Body"] for message in drain(client, url)] == ["in two halves"]


def test_a_stop_under_load_loses_nothing_acknowledged(make_server):
    server = make_server().start()
    url = QueueClient(server.endpoint).create_queue("loaded")
    ledger, refusals = Ledger(), []

    def send(thread):
        client = QueueClient(server.endpoint)
        try:
            for number in range(100_000):
                body = f"{thread} {number}"
                ledger.attempting([body])
                ledger.acknowledged({body: client.send(url, body)})
        except Lost:
            pass
        except Refused as refused:
            refusals.append(refused.status)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    while ledger.totals()[1] <= 10:
        time.sleep(0.05)
    assert server.stop() == 0
    for thread in threads:
        thread.join(timeout=STOP_SECS_MAX)
    assert set(refusals) <= {503}
    client = QueueClient(server.start().endpoint)
    assert ledger.broken_promises(drain(client, url)) == []
    assert ledger.totals()[1] > 10


def test_an_idle_connection_does_not_hold_up_a_stop(make_server):
    server = make_server().start()
    client = QueueClient(server.endpoint)
    client.create_queue("idle")
    assert client.connection.sock is not None, "the connection is kept"
    assert server.stop() == 0
    assert CUT not in server.log_since_start()


def test_interrupt_stops_like_terminate(make_server):
    server = make_server().start()
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(timeout=STOP_SECS_MAX) == 0


@pytest.mark.parametrize(("fact", "end"), WAYS_TO_END, ids=[fact for fact, _ in WAYS_TO_END])
def test_attributes_and_counts_survive(make_server, fact, end):
    server = make_server().start()
    client = QueueClient(server.endpoint)
    url = client.create_queue("kept", VisibilityTimeout=600, MessageRetentionPeriod=3_600, MaximumMessageSize=2_048)
    for number in range(5):
        client.send(url, f"visible {number}")
    client.send(url, "delayed", DelaySeconds=600)
    client.call("ReceiveMessage", QueueUrl=url)
    client.call("SetQueueAttributes", QueueUrl=url, Attributes={"ReceiveMessageWaitTimeSeconds": "3"})
    before = client.attributes(url)
    assert client.counts(url) == (4, 1, 1)
    make_leases_last(client)
    end(server)
    client = QueueClient(server.start().endpoint)
    assert client.attributes(url) == before


@pytest.mark.parametrize(("fact", "end"), WAYS_TO_END, ids=[fact for fact, _ in WAYS_TO_END])
def test_a_message_survives_whole_with_its_attributes_and_times(make_server, fact, end):
    server = make_server().start()
    client = QueueClient(server.endpoint)
    url = client.create_queue("whole")
    attributes = {
        "text": {"DataType": "String", "StringValue": "日本 😀"},
        "raw": {"DataType": "Binary", "BinaryValue": "AP8="},
    }
    client.send(url, "body \t ü <&>", MessageAttributes=attributes)
    asked = {"MessageAttributeNames": ["All"], "AttributeNames": ["All"], "VisibilityTimeout": 0}
    (before,) = client.receive(url, **asked)
    make_leases_last(client)
    end(server)
    client = QueueClient(server.start().endpoint)
    (after,) = client.receive(url, WaitTimeSeconds=20, **asked)
    assert after["Attributes"].pop("ApproximateReceiveCount") == "2"
    assert before["Attributes"].pop("ApproximateReceiveCount") == "1"
    del before["ReceiptHandle"], after["ReceiptHandle"]
    assert after == before


@pytest.mark.parametrize(("fact", "end"), WAYS_TO_END, ids=[fact for fact, _ in WAYS_TO_END])
def test_a_handle_given_before_still_deletes_afterwards(make_server, fact, end):
    server = make_server().start()
    client = QueueClient(server.endpoint)
    url = client.create_queue("handle")
    client.send(url, "to be deleted")
    (message,) = client.receive(url, VisibilityTimeout=600)
    end(server)
    client = QueueClient(server.start().endpoint)
    client.delete(url, message["ReceiptHandle"])
    assert client.counts(url) == (0, 0, 0)


def test_a_lease_goes_on_running_over_a_restart(make_server):
    server = make_server().start()
    client = QueueClient(server.endpoint)
    url = client.create_queue("leased")
    client.send(url, "x")
    leased = time.monotonic()
    client.receive(url, VisibilityTimeout=20)
    make_leases_last(client)
    server.kill()
    client = QueueClient(server.start().endpoint)
    assert client.receive(url) == []
    found = []
    while not found and time.monotonic() - leased < 90:
        found = client.receive(url, WaitTimeSeconds=20)
    assert len(found) == 1
    assert time.monotonic() - leased >= 19.9


def test_accounts_and_regions_stay_apart_over_a_restart(make_server):
    server = make_server().start()
    name = "apart"
    scope = "AWS4-HMAC-SHA256 Credential={}/20261122/{}/sqs/aws4_request, SignedHeaders=host, Signature=0"
    places = [("111111111111", "us-east-1"), ("222222222222", "us-east-1"), ("111111111111", "eu-west-1")]

    def ask(place, operation, body):
        address = urlsplit(server.endpoint)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=STOP_SECS_MAX)
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AmazonSQS.{operation}",
            "Authorization": scope.format(*place),
        }
        connection.request("POST", "/", json.dumps(body), headers)
        return json.loads(connection.getresponse().read())

    for seconds, place in enumerate(places):
        ask(place, "CreateQueue", {"QueueName": name, "Attributes": {"DelaySeconds": str(seconds)}})
    server.kill()
    server.start()
    shown = []
    for place in places:
        url = ask(place, "GetQueueUrl", {"QueueName": name})["QueueUrl"]
        shown.append(ask(place, "GetQueueAttributes", {"QueueUrl": url, "AttributeNames": ["DelaySeconds"]}))
    assert [answer["Attributes"]["DelaySeconds"] for answer in shown] == ["0", "1", "2"]


def test_a_second_server_on_the_same_folder_is_refused_and_the_first_goes_on(make_server):
    first = make_server().start()
    client = QueueClient(first.endpoint)
    url = client.create_queue("locked")
    second = make_server()
    with pytest.raises(StartFailed) as failed:
        second.start()
    assert second.process.returncode not in (0, None)
    assert first.data_dir in str(failed.value)
    client.send(url, "still here")
    assert client.counts(url) == (1, 0, 0)


def test_the_lock_of_a_killed_server_holds_nobody_up(make_server):
    make_server().start().kill()
    second = make_server().start()
    assert QueueClient(second.endpoint).create_queue("free")


def test_an_unknown_setting_stops_the_start_with_a_suggestion(make_server):
    server = make_server(environment={"TIDEWIRE_DATADIR": "x"})
    with pytest.raises(StartFailed) as failed:
        server.start()
    assert "did you mean TIDEWIRE_DATA_DIR?" in str(failed.value)
