"""HTTP itself: keep-alive, pipelining, 100-continue, HTTP/2 without an upgrade, and the pages beside the API.

Sources: RFC 9112 and RFC 9113 (prior knowledge, section 3.3); the paths that operators and LocalStack's users expect.
"""

import http.client
import json
import re
import time

import h2.connection
import h2.events
import httpx
import pytest
from wire_client import read_answer


def test_one_connection_serves_many_requests(wire, queue):
    connection = http.client.HTTPConnection(wire.address.hostname, wire.address.port, timeout=90)
    for number in range(20):
        answer = wire.json("SendMessage", {"QueueUrl": queue, "MessageBody": str(number)}, connection)
        assert answer.status == 200
        assert answer.headers.get("connection", "keep-alive") != "close"
    connection.close()
    assert wire.snapshot(queue)["ApproximateNumberOfMessages"] == "20"


def test_a_refused_request_leaves_the_connection_usable(wire, queue):
    connection = http.client.HTTPConnection(wire.address.hostname, wire.address.port, timeout=90)
    assert wire.json("SendMessage", b"{broken", connection).status == 400
    socket_before = connection.sock
    assert wire.json("SendMessage", {"QueueUrl": queue, "MessageBody": "x"}, connection).status == 200
    assert connection.sock is socket_before
    connection.close()


def test_pipelined_requests_are_answered_in_order(wire, queue):
    name = queue.rsplit("/", 1)[1]
    calls = [
        ("GetQueueUrl", {"QueueName": name}, "QueueUrl"),
        ("SendMessage", {"QueueUrl": queue, "MessageBody": "x"}, "MessageId"),
        ("GetQueueAttributes", {"QueueUrl": queue, "AttributeNames": ["All"]}, "Attributes"),
        ("SendMessage", {"QueueUrl": queue + "-missing", "MessageBody": "x"}, "__type"),
        ("ListQueues", {"QueueNamePrefix": name}, "QueueUrls"),
    ]
    raw = b"".join(wire.head(op, len(json.dumps(body))) + json.dumps(body).encode() for op, body, _ in calls)
    with wire.socket() as connection:
        connection.sendall(raw)
        stream = connection.makefile("rb")
        answers = [read_answer(stream) for _ in calls]
    assert [member in answer.json() for answer, (_, _, member) in zip(answers, calls)] == [True] * len(calls)


def test_a_client_that_waits_for_100_continue_gets_it(wire, queue):
    body = json.dumps({"QueueUrl": queue, "MessageBody": "after the go"}).encode()
    with wire.socket() as connection:
        connection.sendall(wire.head("SendMessage", len(body), "\r\nExpect: 100-continue"))
        stream = connection.makefile("rb")
        assert stream.readline().startswith(b"HTTP/1.1 100")
        assert stream.readline() == b"\r\n"
        connection.sendall(body)
        assert read_answer(stream).status == 200


def test_http_1_0_is_answered_and_closed(wire):
    with wire.socket() as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        data = b"".join(iter(lambda: connection.recv(4096), b""))
    assert data.split()[1] == b"200"


def http_2(wire):
    return httpx.Client(base_url=wire.endpoint, http1=False, http2=True, timeout=90)


def test_http_2_works_on_the_plain_port_with_prior_knowledge(wire, queue):
    with http_2(wire) as client:
        body = {"QueueUrl": queue, "MessageBody": "over h2"}
        answer = client.post("/", headers=wire.json_headers("SendMessage"), json=body)
        assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
        assert answer.headers["content-type"] == "application/x-amz-json-1.0"
        answer = client.post("/", headers=wire.json_headers("ReceiveMessage"), json={"QueueUrl": queue, "WaitTimeSeconds": 1})
        assert answer.json()["Messages"][0]["Body"] == "over h2"


def test_http_2_brings_the_error_headers_too(wire, queue):
    with http_2(wire) as client:
        body = {"QueueUrl": queue + "-missing", "MessageBody": "x"}
        answer = client.post("/", headers=wire.json_headers("SendMessage"), json=body)
    assert answer.status_code == 400
    assert answer.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"


def test_a_queue_url_asked_over_http_2_follows_the_authority(wire, queue):
    with http_2(wire) as client:
        body = {"QueueName": queue.rsplit("/", 1)[1]}
        assert client.post("/", headers=wire.json_headers("GetQueueUrl"), json=body).json()["QueueUrl"] == queue


def test_many_streams_share_one_http_2_connection_and_a_long_poll_blocks_none(wire, queue):
    other, sends = wire.create_queue(), 60
    with Streams(wire) as streams:
        began = time.monotonic()
        waiting = streams.ask("ReceiveMessage", {"QueueUrl": other, "WaitTimeSeconds": 20})
        sending = [streams.ask("SendMessage", {"QueueUrl": queue, "MessageBody": str(i)}) for i in range(sends)]
        answers = streams.answers(sending)
        assert waiting not in streams.ended
        assert [answers[stream][0] for stream in sending] == ["200"] * sends
        assert streams.answers([waiting])[waiting] == ("200", b"{}")
        assert time.monotonic() - began >= 19
    assert wire.snapshot(queue)["ApproximateNumberOfMessages"] == str(sends)


class Streams:
    """One HTTP/2 connection on which requests are asked without waiting for the answers of earlier ones."""

    def __init__(self, wire):
        self.wire = wire
        self.socket = wire.socket()
        self.connection = h2.connection.H2Connection()
        self.connection.initiate_connection()
        self.statuses, self.bodies, self.ended = {}, {}, set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, operation, body):
        """Sends one request; its stream."""
        stream = self.connection.get_next_available_stream_id()
        pseudo = {":method": "POST", ":scheme": "http", ":authority": self.wire.address.netloc, ":path": "/"}
        headers = {name.lower(): value for name, value in self.wire.json_headers(operation).items()}
        self.connection.send_headers(stream, [*pseudo.items(), *headers.items()])
        self.connection.send_data(stream, json.dumps(body).encode(), end_stream=True)
        self.socket.sendall(self.connection.data_to_send())
        return stream

    def answers(self, streams):
        """(status, body) of each of the streams, once all have ended."""
        while not self.ended.issuperset(streams):
            data = self.socket.recv(65_536)
            assert data, "the server closed the connection"
            for event in self.connection.receive_data(data):
                self.take(event)
            self.socket.sendall(self.connection.data_to_send())
        return {stream: (self.statuses[stream], self.bodies.get(stream, b"")) for stream in streams}

    def take(self, event):
        if isinstance(event, h2.events.ResponseReceived):
            self.statuses[event.stream_id] = dict(event.headers)[b":status"].decode()
        elif isinstance(event, h2.events.DataReceived):
            self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
            self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.ended.add(event.stream_id)


def test_a_large_message_goes_over_http_2(wire, queue):
    body = "m" * 1_000_000
    with http_2(wire) as client:
        answer = client.post("/", headers=wire.json_headers("SendMessage"), json={"QueueUrl": queue, "MessageBody": body})
        assert answer.status_code == 200
        answer = client.post("/", headers=wire.json_headers("ReceiveMessage"), json={"QueueUrl": queue, "WaitTimeSeconds": 1})
        assert answer.json()["Messages"][0]["Body"] == body


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_pages_say_yes(wire, path):
    assert wire.send("GET", path, {}).status == 200


def test_the_health_page_of_localstack_names_sqs(wire):
    answer = wire.send("GET", "/_localstack/health", {})
    assert answer.status == 200
    assert answer.json()["services"]["sqs"] in ("running", "available")


def test_metrics_are_prometheus_text_and_count_requests(wire, queue):
    before = total_requests(wire)
    for _ in range(5):
        wire.json("SendMessage", {"QueueUrl": queue, "MessageBody": "x"})
    assert total_requests(wire) >= before + 5


def total_requests(wire):
    """The sum of every sample whose name tells of requests, whatever its labels."""
    answer = wire.send("GET", "/metrics", {})
    assert answer.status == 200
    assert answer.headers["content-type"].split(";")[0] in ("text/plain", "application/openmetrics-text")
    text = answer.body.decode()
    assert "# TYPE" in text
    samples = re.findall(r"^\w*requests\w*?_total(?:\{[^}]*\})? (\S+)", text, re.MULTILINE)
    assert samples, text[:2000]
    return sum(float(value) for value in samples)
