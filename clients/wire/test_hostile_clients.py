"""Clients that are slow, endless or many must not take the server down; each test starts a server of its own.

In: TIDEWIRE_BIN. The timeouts are shortened to two seconds by TIDEWIRE_HTTP_{HEADER,BODY,IDLE}_TIMEOUT_SECS. Invariants:
memory stays bounded, hostile connections are closed, and everyone else is served meanwhile.
"""

import socket
import time

import pytest
from arrived import await_read
from wire_client import Wire, read_answer

TIMEOUT_SECS = 2
MEBIBYTE = 1024 * 1024


@pytest.fixture
def server(own_server):
    names = ("HEADER", "BODY", "IDLE")
    return own_server(**{f"TIDEWIRE_HTTP_{name}_TIMEOUT_SECS": str(TIMEOUT_SECS) for name in names})


def still_serves(server):
    wire = Wire(server.endpoint)
    url = wire.create_queue()
    assert server.alive()
    return wire.json("SendMessage", {"QueueUrl": url, "MessageBody": "x"}).status == 200


# What is closed within this is closed by its timeout, on the busiest machine; without one it would not be closed at all.
CLOSED_SECS_MAX = TIMEOUT_SECS + 60


def seconds_until_closed(connection, began):
    """How long the other side keeps the connection; an answer (such as 408) may come first."""
    connection.settimeout(CLOSED_SECS_MAX)
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - began


def test_a_header_block_without_end_is_cut_off_and_costs_no_memory(server):
    wire = Wire(server.endpoint)
    assert still_serves(server)
    before = server.resident_mib()
    line = b"X-Filler: " + b"x" * 8_180 + b"\r\n"
    sent, highest = 0, before
    with wire.socket() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n")
        try:
            while sent < 100 * MEBIBYTE:
                connection.sendall(line)
                sent += len(line)
                if sent % (8 * MEBIBYTE) < len(line):
                    highest = max(highest, server.resident_mib())
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 100 * MEBIBYTE, "the server read a header block of 100 MiB"
    assert max(highest, server.resident_mib()) - before < 32
    assert still_serves(server)


def test_one_header_line_without_end_is_cut_off(server):
    wire = Wire(server.endpoint)
    with wire.socket() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nX-Filler: ")
        sent = 0
        try:
            while sent < 16 * MEBIBYTE:
                connection.sendall(b"x" * 65_536)
                sent += 65_536
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 16 * MEBIBYTE
    assert still_serves(server)


def test_a_request_line_without_end_is_cut_off(server):
    wire = Wire(server.endpoint)
    with wire.socket() as connection:
        sent = 0
        try:
            connection.sendall(b"GET /")
            while sent < 16 * MEBIBYTE:
                connection.sendall(b"x" * 65_536)
                sent += 65_536
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 16 * MEBIBYTE
    assert still_serves(server)


def test_a_client_that_falls_silent_in_its_header_is_cut_off(server):
    began = time.monotonic()
    with Wire(server.endpoint).socket() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nX-Half")
        assert TIMEOUT_SECS * 0.9 <= seconds_until_closed(connection, began) < CLOSED_SECS_MAX
    assert still_serves(server)


def test_a_client_that_drips_its_header_is_cut_off(server):
    began = time.monotonic()
    with Wire(server.endpoint).socket() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n")
        try:
            while time.monotonic() - began < CLOSED_SECS_MAX:
                connection.sendall(b"X-A: b\r\n")
                time.sleep(0.2)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert time.monotonic() - began < CLOSED_SECS_MAX
    assert still_serves(server)


def test_a_client_that_says_nothing_at_all_is_cut_off(server):
    began = time.monotonic()
    with Wire(server.endpoint).socket() as connection:
        assert TIMEOUT_SECS * 0.9 <= seconds_until_closed(connection, began) < CLOSED_SECS_MAX


def test_a_client_that_says_nothing_more_after_an_answer_is_cut_off(server):
    began = time.monotonic()
    with Wire(server.endpoint).socket() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert TIMEOUT_SECS * 0.9 <= seconds_until_closed(connection, began) < CLOSED_SECS_MAX


def test_a_client_that_falls_silent_in_its_body_is_cut_off_and_nothing_is_done(server):
    wire = Wire(server.endpoint)
    url = wire.create_queue()
    body = f'{{"QueueUrl": "{url}", "MessageBody": "half"}}'.encode()
    began = time.monotonic()
    with wire.socket() as connection:
        connection.sendall(wire.head("SendMessage", len(body)) + body[:-10])
        assert TIMEOUT_SECS * 0.9 <= seconds_until_closed(connection, began) < CLOSED_SECS_MAX
    assert wire.snapshot(url)["ApproximateNumberOfMessages"] == "0"


def test_a_client_that_drips_its_body_is_cut_off(server):
    wire = Wire(server.endpoint)
    began = time.monotonic()
    with wire.socket() as connection:
        connection.sendall(wire.head("SendMessage", 100_000))
        try:
            while time.monotonic() - began < CLOSED_SECS_MAX:
                connection.sendall(b"{")
                time.sleep(0.2)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert time.monotonic() - began < CLOSED_SECS_MAX
    assert still_serves(server)


def test_an_http_2_client_that_falls_silent_is_cut_off(server):
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
    began = time.monotonic()
    with Wire(server.endpoint).socket() as connection:
        connection.sendall(preface)
        assert seconds_until_closed(connection, began) < CLOSED_SECS_MAX
    assert still_serves(server)


def test_http_2_headers_without_end_are_cut_off_and_cost_no_memory(server):
    """A HEADERS frame and then CONTINUATION frames for ever, none with END_HEADERS."""
    before = server.resident_mib()
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
    field = b"\x40\x01a\x7f\x80\x01" + b"x" * 255
    payload = field * 60
    frame = len(payload).to_bytes(3, "big") + b"%c\x00\x00\x00\x00\x01"
    sent = 0
    with Wire(server.endpoint).socket() as connection:
        try:
            connection.sendall(preface + frame % 1 + payload)
            while sent < 100 * MEBIBYTE:
                connection.sendall(frame % 9 + payload)
                sent += len(payload)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 100 * MEBIBYTE
    assert server.resident_mib() - before < 32
    assert still_serves(server)


def test_many_large_bodies_at_once_stay_within_bounds(server):
    """Forty connections each promise 16 MiB and send 2: what was promised must not be what is taken."""
    wire = Wire(server.endpoint)
    before = server.resident_mib()
    connections = [wire.socket() for _ in range(40)]
    for connection in connections:
        try:
            connection.sendall(wire.head("SendMessage", 16 * MEBIBYTE) + b"x" * (2 * MEBIBYTE))
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert server.resident_mib() - before < 160
    for connection in connections:
        connection.close()
    assert still_serves(server)


def test_two_hundred_silent_connections_stop_nobody_else(server):
    wire = Wire(server.endpoint)
    url = wire.create_queue()
    silent = [socket.create_connection((wire.address.hostname, wire.address.port)) for _ in range(200)]
    try:
        for connection in silent:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n")
        began = time.monotonic()
        for number in range(50):
            assert wire.json("SendMessage", {"QueueUrl": url, "MessageBody": str(number)}).status == 200
        assert time.monotonic() - began < CLOSED_SECS_MAX
    finally:
        for connection in silent:
            connection.close()


def test_long_polls_in_great_number_cost_little_and_all_end(server):
    wire = Wire(server.endpoint)
    url = wire.create_queue()
    before = server.resident_mib()
    body = f'{{"QueueUrl": "{url}", "WaitTimeSeconds": 20}}'.encode()
    connections = [wire.socket() for _ in range(200)]
    for connection in connections:
        connection.sendall(wire.head("ReceiveMessage", len(body)) + body)
    await_read(*connections)
    assert wire.json("GetQueueUrl", {"QueueName": url.rsplit("/", 1)[1]}).status == 200
    assert server.resident_mib() - before < 32
    answers = [read_answer(connection.makefile("rb")) for connection in connections]
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"{}")] * 200
    for connection in connections:
        connection.close()


def test_a_long_poll_outlives_the_header_timeout(server):
    """The timeout is for clients that do not ask, not for those that wait for an answer."""
    wire = Wire(server.endpoint)
    url = wire.create_queue()
    began = time.monotonic()
    answer = wire.json("ReceiveMessage", {"QueueUrl": url, "WaitTimeSeconds": TIMEOUT_SECS + 2})
    assert (answer.status, answer.json()) == (200, {})
    assert time.monotonic() - began >= TIMEOUT_SECS + 1.8
