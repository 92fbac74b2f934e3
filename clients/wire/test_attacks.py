"""Attacks on the framing of requests, on paths, on nesting and on HTTP/2, each over a real socket; SECURITY.md lists them.

In: TIDEWIRE_BIN; each test has a server of its own with timeouts of two seconds. Invariants: no byte of one request is ever
taken for another request, what is refused changes nothing, memory and time stay bounded, and everyone else is served.
Sources: RFC 9112 sections 3, 5 to 7 and 11; RFC 9113 sections 5 and 10.5; CVE-2023-44487 (rapid reset) and the CONTINUATION
floods of 2024.
"""

import socket
import time

import cbor
import hpack
import pytest
from wire_client import Wire, read_answer

TIMEOUT_SECS = 2
MEBIBYTE = 1024 * 1024
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS = b"Host: x\r\nX-Amz-Target: AmazonSQS.ListQueues\r\nContent-Type: application/x-amz-json-1.0\r\n"
POST = b"POST / HTTP/1.1\r\n" + HEADERS
CHUNKED = b"Transfer-Encoding: chunked\r\n"
HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: hidden\r\n\r\n"


@pytest.fixture
def server(own_server):
    names = ("HEADER", "BODY", "IDLE")
    return own_server(**{f"TIDEWIRE_HTTP_{name}_TIMEOUT_SECS": str(TIMEOUT_SECS) for name in names})


def statuses(server, raw):
    """The statuses that a connection was answered with until the server ended it, or until it fell silent."""
    with Wire(server.endpoint).socket(timeout=TIMEOUT_SECS * 4) as connection:
        stream, found = connection.makefile("rb"), []
        try:
            connection.sendall(raw)
            while (answer := read_answer(stream)) is not None:
                found.append(answer.status)
        except (ConnectionError, TimeoutError):
            pass
        return found


def still_serves(server):
    wire = Wire(server.endpoint)
    url = wire.create_queue()
    assert server.alive()
    return wire.json("SendMessage", {"QueueUrl": url, "MessageBody": "x"}).status == 200


def in_chunks(body=b"{}"):
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


# What RFC 9112 leaves no choice about, and what the recipient may refuse: all of it ends the connection, so that whatever
# follows is nobody's request.
REFUSED = {
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + HIDDEN,
    "a list of lengths": POST + b"Content-Length: 2, 2\r\n\r\n{}" + HIDDEN,
    "a signed length": POST + b"Content-Length: +2\r\n\r\n{}" + HIDDEN,
    "a hexadecimal length": POST + b"Content-Length: 0x2\r\n\r\n{}" + HIDDEN,
    "a blank before the colon of a length": POST + b"Content-Length : 2\r\n\r\n{}" + HIDDEN,
    "a blank before the colon of a coding": POST + b"Transfer-Encoding : chunked\r\n\r\n" + in_chunks() + HIDDEN,
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n" + in_chunks() + HIDDEN,
    "a coding after chunked": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + in_chunks() + HIDDEN,
    "a coding that nobody undoes": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + in_chunks() + HIDDEN,
    "chunked twice": POST + CHUNKED + CHUNKED + b"\r\n" + in_chunks() + HIDDEN,
    "a vertical tab before the coding": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + in_chunks() + HIDDEN,
    "chunks in HTTP/1.0": POST.replace(b"1.1", b"1.0") + CHUNKED + b"\r\n" + in_chunks() + HIDDEN,
    "a folded line": POST + b"X-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}" + HIDDEN,
    "a folded first line": b"POST / HTTP/1.1\r\n X: y\r\n" + HEADERS + b"Content-Length: 2\r\n\r\n{}" + HIDDEN,
    "a bare CR in a value": POST + b"X-A: b\rContent-Length: 40\r\nContent-Length: 2\r\n\r\n{}" + HIDDEN,
    "a NUL in a value": POST + b"X-A: b\0c\r\nContent-Length: 2\r\n\r\n{}" + HIDDEN,
    "two hosts": b"POST / HTTP/1.1\r\nHost: a\r\n" + HEADERS + b"Content-Length: 2\r\n\r\n{}" + HIDDEN,
    "a chunk with a long extension": POST + CHUNKED + b"\r\n2;" + b"a" * 70_000 + b"\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "an extension that ends in LF": POST + CHUNKED + b"\r\n2;a\n{}\r\n0\r\n\r\n" + HIDDEN,
    "chunks with bare LF": POST + CHUNKED + b"\r\n2\n{}\n0\n\n" + HIDDEN,
    "a chunk of 2^80 bytes": POST + CHUNKED + b"\r\n1" + b"0" * 20 + b"\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "a chunk of 0x2 bytes": POST + CHUNKED + b"\r\n0x2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "a chunk of +2 bytes": POST + CHUNKED + b"\r\n+2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "a blank before a chunk's size": POST + CHUNKED + b"\r\n 2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "a chunk without its end": POST + CHUNKED + b"\r\n2\r\n{}0\r\n\r\n" + HIDDEN,
    "trailers by the thousand": POST + CHUNKED + b"\r\n2\r\n{}\r\n0\r\n" + b"X-A: b\r\n" * 5_000 + b"\r\n" + HIDDEN,
    "HTTP/1.2": POST.replace(b"1.1", b"1.2") + b"Content-Length: 2\r\n\r\n{}" + HIDDEN,
    "HTTP/2.0 in letters": POST.replace(b"1.1", b"2.0") + b"Content-Length: 2\r\n\r\n{}" + HIDDEN,
    "no version": b"GET /healthz\r\n\r\n" + HIDDEN,
}


@pytest.mark.parametrize("name", REFUSED)
def test_ambiguous_framing_is_refused_and_nothing_after_it_is_read(server, name):
    assert statuses(server, REFUSED[name]) == [400]
    assert still_serves(server)


@pytest.mark.parametrize("length", [2, 2 + len(HIDDEN), 7 + len(HIDDEN), 10_000])
@pytest.mark.parametrize("length_first", [True, False])
def test_chunks_win_over_a_length_and_the_connection_ends(server, length, length_first):
    """RFC 9112 section 6.3: such a request may be answered, and then the connection has to close."""
    said = b"Content-Length: %d\r\n" % length
    both = said + CHUNKED if length_first else CHUNKED + said
    assert statuses(server, POST + both + b"\r\n" + in_chunks() + HIDDEN) == [200]


def test_what_trailers_say_changes_nothing(server):
    wire = Wire(server.endpoint)
    url = wire.create_queue()
    wire.json("SendMessage", {"QueueUrl": url, "MessageBody": "stays"})
    trailers = b"X-Amz-Target: AmazonSQS.PurgeQueue\r\nContent-Length: 90\r\nHost: other\r\n\r\n"
    body = b'{"QueueUrl": "%s"}' % url.encode()
    raw = POST + CHUNKED + b"\r\n%x\r\n%s\r\n0\r\n" % (len(body), body) + trailers + HIDDEN
    assert statuses(server, raw)[:2] == [200, 200]
    assert wire.snapshot(url)["ApproximateNumberOfMessages"] == "1"


def test_garbage_behind_pipelined_requests_is_refused_alone(server):
    good = POST + b"Content-Length: 2\r\n\r\n{}"
    assert statuses(server, good * 2 + b"\x00\x01garbage\r\n\r\n" + HIDDEN) == [200, 200, 400]
    assert statuses(server, good + b"xyz\r\n\r\n" + HIDDEN) == [200, 400]


@pytest.mark.parametrize(
    "path",
    [
        b"/%2e%2e/healthz", b"/../healthz", b"/./healthz", b"//healthz", b"/healthz/", b"/healthz;x", b"/%68ealthz",
        b"/healthz%00", b"/metrics/..%2fhealthz", b"/\\healthz", b"/_aws/%73qs/messages", b"/_localstack/..%2f_aws",
        b"/000000000000%2fjobs", b"/../../../../etc/passwd", b"/%252e%252e/healthz", b"/caf\xc3\xa9",
    ],
)  # fmt: skip
def test_a_path_is_what_it_says_and_nothing_is_undone_in_it(server, path):
    with Wire(server.endpoint).socket() as connection:
        connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answer(connection.makefile("rb")).status == 404


def test_the_host_of_an_absolute_target_opens_no_other_door(server):
    wire = Wire(server.endpoint)
    url = wire.create_queue()
    for target in (b"http://evil.example/", b"http://evil.example/healthz", b"http://evil.example/metrics"):
        raw = POST.replace(b"POST /", b"POST " + target) + b"Content-Length: 2\r\n\r\n{}"
        with wire.socket() as connection:
            connection.sendall(raw)
            answer = read_answer(connection.makefile("rb"))
        assert answer.status == 200 and url.rsplit("/", 1)[1].encode() in answer.body, target
    for raw in (b"CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"):
        assert statuses(server, raw) == [405]


def test_a_host_that_is_none_never_reaches_a_url(server):
    wire = Wire(server.endpoint)
    wire.create_queue()
    for host in (b"x/../y", b"a#b", b"a@b", b"a?b", b"a b", b"a<b>", b"\xc3\xa9", b""):
        with wire.socket() as connection:
            connection.sendall(POST.replace(b"Host: x", b"Host: " + host) + b"Content-Length: 2\r\n\r\n{}")
            answer = read_answer(connection.makefile("rb"))
        assert answer.status == 400 or all(url.startswith("http://localhost/") for url in answer.json()["QueueUrls"])


def test_no_upgrade_is_carried_out(server):
    for upgrade in (b"h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", b"websocket\r\nSec-WebSocket-Key: x", b"TLS/1.0"):
        raw = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: " + upgrade + b"\r\n\r\n"
        assert statuses(server, raw) == [200], upgrade


def nested(depth):
    """Documents that are open `depth` times, in every protocol that comes in."""
    form = "Action=ListQueues&" + "A" + ".member.1" * depth + "=x"
    policy = '{"QueueName":"deep","Attributes":{"Policy":"' + '{\\"Statement\\":[' * depth + '"}}'
    return {
        "json arrays": ("json", "ListQueues", b'{"QueueNamePrefix":' + b"[" * depth),
        "json objects": ("json", "ListQueues", b'{"A":' * depth),
        "a policy in json": ("json", "CreateQueue", policy.encode()),
        "cbor arrays": ("cbor", "ListQueues", b"\xa1\x61A" + b"\x81" * depth),
        "cbor maps": ("cbor", "ListQueues", b"\xa1\x61A" * depth),
        "cbor tags": ("cbor", "ListQueues", b"\xa1\x61A" + b"\xc1" * depth),
        "a form": ("form", "ListQueues", form.encode()),
    }


@pytest.mark.parametrize("kind", nested(1))
def test_documents_that_nest_without_end_are_refused_quickly(server, kind):
    wire = Wire(server.endpoint)
    protocol, operation, body = nested(150_000)[kind]
    before, began = server.resident_mib(), time.monotonic()
    if protocol == "form":
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status = wire.send("POST", "/", headers, body).status
    else:
        status = getattr(wire, protocol)(operation, body).status
    assert status in (200, 400) and (status == 400 or protocol == "form")
    assert time.monotonic() - began < 80
    assert server.resident_mib() - before < 64
    assert still_serves(server)


@pytest.mark.parametrize(
    "body",
    [
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x7b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xa1\x61A\x9b\x00\x00\x00\x00\xff\xff\xff\xff",
        b"\xbf" * 1_000,
    ],
)
def test_cbor_that_promises_more_than_it_brings_is_refused_and_costs_nothing(server, body):
    before = server.resident_mib()
    assert Wire(server.endpoint).cbor("ListQueues", body).status == 400
    assert server.resident_mib() - before < 16
    assert still_serves(server)


def test_xml_is_no_input_so_its_entities_are_never_undone(server):
    """A billion laughs; no protocol of ours reads XML, and what is sent as such is a form without an Action."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "lol">{entities}]><l>&l9;</l>'
    before = server.resident_mib()
    for kind in ("application/xml", "text/xml", "application/soap+xml"):
        answer = Wire(server.endpoint).send("POST", "/", {"Content-Type": kind}, bomb.encode())
        assert answer.status in (400, 404) and b"lollol" not in answer.body
    assert server.resident_mib() - before < 16


def test_a_form_of_very_many_fields_is_read_in_bounded_time(server):
    body = "&".join(f"Attribute.{n}.Name=x" for n in range(100_000))
    before, began = server.resident_mib(), time.monotonic()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = Wire(server.endpoint).send("POST", "/", headers, f"Action=CreateQueue&QueueName=x&{body}".encode())
    assert answer.status == 400
    assert time.monotonic() - began < 80
    assert server.resident_mib() - before < 128
    assert still_serves(server)


def closed_within(connection, seconds, keep=lambda: None):
    """Whether the other side ends the connection, while `keep` does what the attacker keeps doing."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            keep()
        except TimeoutError:
            # It takes nothing more, and holds on.
            pass
        except OSError:
            return True
    return False


def test_a_client_that_never_reads_its_replies_is_cut_off_and_costs_no_memory(server):
    """Pipelined requests for large replies; the receive window stays shut."""
    wire = Wire(server.endpoint)
    url = wire.create_queue()
    wire.json("SendMessage", {"QueueUrl": url, "MessageBody": "x" * 900_000})
    body = b'{"QueueUrl": "%s", "VisibilityTimeout": 0}' % url.encode()
    request = wire.head("ReceiveMessage", len(body)) + body
    before = server.resident_mib()
    greedy = []
    for _ in range(20):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((wire.address.hostname, wire.address.port))
        connection.settimeout(1)
        connection.sendall(request * 4)
        greedy.append(connection)
    assert still_serves(server)
    time.sleep(TIMEOUT_SECS * 3)
    assert server.resident_mib() - before < 128
    for connection in greedy:
        assert closed_within(connection, 90, lambda: (connection.sendall(request), time.sleep(0.1)))
        connection.close()
    assert still_serves(server)


# HTTP/2.


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


SETTINGS = frame(4, 0, 0)


def request_headers():
    fields = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "x")]
    return hpack.Encoder().encode([*fields, ("x-amz-target", "AmazonSQS.ListQueues")], huffman=False)


def flood(server, frames, bytes_max=64 * MEBIBYTE, reads=True):
    """Sends `frames()` again and again; how many bytes it took until the server ended the connection, None if it did not."""
    sent = 0
    with Wire(server.endpoint).socket() as connection:
        connection.sendall(PREFACE + SETTINGS)
        connection.setblocking(False)
        ends = time.monotonic() + 120
        pending = b""
        while sent < bytes_max and time.monotonic() < ends:
            try:
                if reads and connection.recv(MEBIBYTE) == b"":
                    return sent
            except BlockingIOError:
                pass
            except OSError:
                return sent
            pending = pending or frames()
            try:
                count = connection.send(pending)
                sent, pending = sent + count, pending[count:]
            except BlockingIOError:
                time.sleep(0.001)
            except OSError:
                return sent
    return None


class Streams:
    def __init__(self):
        self.next = 1

    def take(self):
        self.next += 2
        return self.next - 2


def test_streams_that_are_reset_at_once_end_the_connection(server):
    """Rapid reset: each stream would be one request's work for one frame's price."""
    streams, head = Streams(), request_headers()

    def burst():
        taken = [streams.take() for _ in range(100)]
        return b"".join(frame(1, 5, each, head) + frame(3, 0, each, bytes(4)) for each in taken)

    before = server.resident_mib()
    assert flood(server, burst, 16 * MEBIBYTE) is not None, "the connection was never ended"
    assert server.resident_mib() - before < 32
    assert still_serves(server)


def test_more_streams_than_are_allowed_are_refused(server):
    streams, head = Streams(), request_headers()
    before = server.resident_mib()
    flood(server, lambda: b"".join(frame(1, 4, streams.take(), head) for _ in range(100)), 4 * MEBIBYTE)
    assert server.resident_mib() - before < 64
    assert still_serves(server)


@pytest.mark.parametrize("empty", [True, False])
def test_continuations_without_end_end_the_connection(server, empty):
    field = b"" if empty else b"\x00\x01a\x7f\x80\x01" + b"x" * 255
    begun = []

    def burst():
        first = [] if begun else [frame(1, 0, 1, request_headers())]
        begun.extend(first)
        return b"".join(first) + frame(9, 0, 1, field) * 200

    before = server.resident_mib()
    assert flood(server, burst) is not None, "the connection was never ended"
    assert server.resident_mib() - before < 32
    assert still_serves(server)


def test_a_small_header_block_that_means_a_large_one_is_refused(server):
    """One entry of the dynamic table, named many thousand times: 4 KiB in the table, a byte for each mention."""
    big = b"\x40\x01a\x7f\x91\x1e" + b"x" * 4_000
    before = server.resident_mib()
    streams = Streams()
    table = []

    def burst():
        block = request_headers() + (b"" if table else big) + b"\xbe" * 12_000
        table.append(True)
        return frame(1, 5, streams.take(), block)

    flood(server, burst, 4 * MEBIBYTE)
    assert server.resident_mib() - before < 64
    assert still_serves(server)


@pytest.mark.parametrize("kind", ["settings", "ping", "priority", "window", "unknown", "empty data"])
@pytest.mark.parametrize("reads", [True, False])
def test_floods_of_small_frames_cost_no_memory(server, kind, reads):
    one = {
        "settings": SETTINGS,
        "ping": frame(6, 0, 0, bytes(8)),
        "priority": frame(2, 0, 1, bytes(4) + b"\x10"),
        "window": frame(8, 0, 0, (1).to_bytes(4, "big")),
        "unknown": frame(0xEE, 0, 0, b"x" * 100),
        "empty data": frame(0, 0, 1),
    }[kind]
    opened = frame(1, 4, 1, request_headers()) if kind == "empty data" else b""
    begun = []

    def burst():
        first = b"" if begun else opened
        begun.append(True)
        return first + one * 1_000

    before = server.resident_mib()
    flood(server, burst, 4 * MEBIBYTE, reads)
    assert server.resident_mib() - before < 32
    assert still_serves(server)


def test_an_http_2_client_that_never_opens_its_window_is_cut_off(server):
    """The reply is asked for and the window is 0: it can never be sent."""
    wire = Wire(server.endpoint)
    head = request_headers()
    closed = frame(4, 0, 0, (4).to_bytes(2, "big") + bytes(4))
    with wire.socket(timeout=1) as connection:
        connection.sendall(PREFACE + closed + b"".join(frame(1, 5, 1 + 2 * nth, head) for nth in range(50)))
        deadline, ended = time.monotonic() + TIMEOUT_SECS * 20, False
        while not ended and time.monotonic() < deadline:
            try:
                ended = connection.recv(65_536) == b""
            except TimeoutError:
                pass
            except OSError:
                ended = True
    assert ended
    assert still_serves(server)


def test_cbor_of_the_wire_suite_can_say_what_these_tests_mean():
    assert cbor.encode({"A": 1}) == b"\xa1\x61A\x01"
