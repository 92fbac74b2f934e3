"""HTTP by hand: what an AWS client would send, byte for byte, and whatever no client should.

In: an endpoint. Out: answers as status, lower-case headers and raw bytes; nothing is retried, mapped or repaired.
Sources: the awsJson1_0, awsQuery and rpcv2Cbor protocol pages of Smithy; RFC 9112 for the framing.
"""

import http.client
import json
import os
import socket
import uuid
import xml.etree.ElementTree as xml
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import cbor

AWS_CBOR = "application/x-amz-cbor-1.1"
SCOPE = "AWS4-HMAC-SHA256 Credential={key}/20261122/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"


class Api(NamedTuple):
    """What requests call a service: in credential scopes, in targets and paths, in forms."""

    service: str
    target: str
    version: str


SQS = Api("sqs", "AmazonSQS", "2012-11-05")
SNS = Api("sns", "AmazonSimpleNotificationService", "2010-03-31")


class Answer(NamedTuple):
    """One HTTP answer as it stood on the wire."""

    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)

    def cbor(self):
        return cbor.decode(self.body)

    def xml(self):
        """The document without its namespace, so that paths stay readable."""
        root = xml.fromstring(self.body)
        for element in root.iter():
            element.tag = element.tag.rsplit("}", 1)[-1]
        return root

    def type(self):
        """The error shape of a JSON answer, without its namespace."""
        return self.json()["__type"].rsplit("#", 1)[-1]


class Wire:
    """Sends requests to one endpoint, each on a connection of its own unless told otherwise."""

    def __init__(self, endpoint=None, key="test", region="us-east-1", api=SQS):
        self.api = api
        self.endpoint = endpoint or os.environ.get("TIDEWIRE_ENDPOINT", "http://127.0.0.1:4566")
        self.address = urlsplit(self.endpoint)
        self.authorization = SCOPE.format(key=key, region=region, service=api.service)

    def send(self, method, path, headers, body=b"", connection=None):
        """Any request at all."""
        own = connection or http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=90)
        try:
            own.request(method, path, body=body, headers=headers)
            answer = own.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            if connection is None:
                own.close()

    def json_headers(self, operation):
        return {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"{self.api.target}.{operation}",
            "x-amzn-query-mode": "true",
            "Authorization": self.authorization,
        }

    def json(self, operation, body, connection=None, path="/", **headers):
        """One JSON 1.0 call; `body` is a value or the raw bytes to send in its place."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", path, {**self.json_headers(operation), **headers}, raw, connection)

    def form(self, action, path="/", method="POST", **parameters):
        """One call in the query form, in the body of a POST or in the query string of a GET."""
        form = urlencode({"Action": action, "Version": self.api.version, **parameters})
        headers = {"Authorization": self.authorization}
        if method == "GET":
            return self.send("GET", f"{path}?{form}", headers)
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        return self.send("POST", path, headers, form.encode())

    def cbor(self, operation, body):
        """One rpcv2Cbor call; `body` is a value or the raw bytes to send in its place."""
        raw = body if isinstance(body, bytes) else cbor.encode(body)
        headers = {
            "Content-Type": "application/cbor",
            "Accept": "application/cbor",
            "smithy-protocol": "rpc-v2-cbor",
            "x-amzn-query-mode": "true",
            "Authorization": self.authorization,
        }
        return self.send("POST", f"/service/{self.api.target}/operation/{operation}", headers, raw)

    def aws_cbor(self, target, body):
        """One call in CBOR with a target, as the Java SDKs send it; `body` is a value or the raw bytes to send in its place."""
        raw = body if isinstance(body, bytes) else cbor.encode_indefinite(body)
        headers = {"Content-Type": AWS_CBOR, "X-Amz-Target": target, "Authorization": self.authorization}
        return self.send("POST", "/", headers, raw)

    def socket(self, timeout=90):
        """A bare connection."""
        return socket.create_connection((self.address.hostname, self.address.port), timeout=timeout)

    def head(self, operation, length, extra=""):
        """The header block of a JSON call with a body of `length` bytes."""
        lines = [f"{name}: {value}" for name, value in self.json_headers(operation).items()]
        return "\r\n".join(
            ["POST / HTTP/1.1", f"Host: {self.address.netloc}", *lines, f"Content-Length: {length}{extra}", "", ""]
        ).encode()

    def create_queue(self, **attributes):
        """A fresh queue; its URL."""
        body = {"QueueName": f"w-{uuid.uuid4().hex[:12]}", "Attributes": {n: str(v) for n, v in attributes.items()}}
        answer = self.json("CreateQueue", body)
        assert answer.status == 200, answer
        return answer.json()["QueueUrl"]

    def snapshot(self, url):
        """Everything a queue says about itself, to be compared before and after a refusal."""
        answer = self.json("GetQueueAttributes", {"QueueUrl": url, "AttributeNames": ["All"]})
        assert answer.status == 200, answer
        return answer.json()["Attributes"]


def read_answer(stream):
    """One HTTP/1.1 answer from a file object of a socket; None at the end of the stream."""
    status_line = stream.readline()
    if not status_line:
        return None
    headers = {}
    while (line := stream.readline().strip()):
        name, value = line.decode().split(":", 1)
        headers[name.lower()] = value.strip()
    status = int(status_line.split()[1])
    return Answer(status, headers, stream.read(int(headers.get("content-length", 0))))
