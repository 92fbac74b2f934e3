"""HTTP itself: keep-alive, pipelining, 100-continue, HTTP/2 without an upgrade, and the pages beside the API.

Sources: RFC 9112 and RFC 9113 (prior knowledge, section 3.3); the paths that operators and LocalStack's users expect.
"""

import http.client
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from wire_client import read_answer


def test_one_connection_serves_many_requests(wire, queue):
    connection = http.client.HTTPConnection(wire.address.hostname, wire.address.port, timeout=20)
    for number in range(20):
        answer = wire.json("SendMessage", {"QueueUrl": queue, "MessageBody": str(number)}, connection)
        assert answer.status == 200
        assert answer.headers.get("connection", "keep-alive") != "close"
    connection.close()
    assert wire.snapshot(queue)["ApproximateNumberOfMessages"] == "20"


def test_a_refused_request_leaves_the_connection_usable(wire, queue):
    connection = http.client.HTTPConnection(wire.address.hostname, wire.address.port, timeout=20)
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


def h2(wire):
    return httpx.Client(base_url=wire.endpoint, http1=False, http2=True, timeout=30)


def test_http_2_works_on_the_plain_port_with_prior_knowledge(wire, queue):
    with h2(wire) as client:
        body = {"QueueUrl": queue, "MessageBody": "over h2"}
        answer = client.post("/", headers=wire.json_headers("SendMessage"), json=body)
        assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
        assert answer.headers["content-type"] == "application/x-amz-json-1.0"
        answer = client.post("/", headers=wire.json_headers("ReceiveMessage"), json={"QueueUrl": queue, "WaitTimeSeconds": 1})
        assert answer.json()["Messages"][0]["Body"] == "over h2"


def test_http_2_brings_the_error_headers_too(wire, queue):
    with h2(wire) as client:
        body = {"QueueUrl": queue + "-missing", "MessageBody": "x"}
        answer = client.post("/", headers=wire.json_headers("SendMessage"), json=body)
    assert answer.status_code == 400
    assert answer.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"


def test_a_queue_url_asked_over_http_2_follows_the_authority(wire, queue):
    with h2(wire) as client:
        body = {"QueueName": queue.rsplit("/", 1)[1]}
        assert client.post("/", headers=wire.json_headers("GetQueueUrl"), json=body).json()["QueueUrl"] == queue


def test_many_streams_share_one_http_2_connection_and_a_long_poll_blocks_none(wire, queue):
    other = wire.create_queue()
    with h2(wire) as client, ThreadPoolExecutor(16) as pool:
        waiting = pool.submit(
            client.post, "/", headers=wire.json_headers("ReceiveMessage"), json={"QueueUrl": other, "WaitTimeSeconds": 3}
        )

        def send(number):
            body = {"QueueUrl": queue, "MessageBody": str(number)}
            return client.post("/", headers=wire.json_headers("SendMessage"), json=body).status_code

        began = time.monotonic()
        assert list(pool.map(send, range(60))) == [200] * 60
        assert time.monotonic() - began < 2.5
        assert "Messages" not in waiting.result().json()
    assert wire.snapshot(queue)["ApproximateNumberOfMessages"] == "60"


def test_a_large_message_goes_over_http_2(wire, queue):
    body = "m" * 1_000_000
    with h2(wire) as client:
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
