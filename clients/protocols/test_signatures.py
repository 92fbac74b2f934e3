"""The SigV4 test suite of botocore's source archive, from the server's side: what is signed is accepted, and nothing else.

Each case of tests/unit/auth/aws4_testsuite has a request before (`.req`) and after signing (`.sreq`). The signed one must
be accepted by crates/access, and refused as soon as anything of it differs. Requests that botocore itself signs, in the
header, presigned, with tokens and for S3, are verified beside them.
"""

import base64
import datetime
import json
import subprocess
import urllib.parse

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conftest import ROOT, source_folder

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = 1440938160  # 2015-08-30T12:36:00Z, the moment of every case
# The token of these cases is added to the request after signing, as STS once asked for; here a header of ours is signed.
TOKEN_ADDED_LATER = {"post-sts-header-after"}


class Verifier:
    """crates/access, asked one request at a time."""

    def __init__(self):
        command = ["cargo", "run", "--quiet", "--package", "access", "--example", "signature_case"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def fault(self, request, now=NOW):
        self.process.stdin.write(json.dumps({"secret": SECRET, "now": now, **request}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["fault"]


@pytest.fixture(scope="module")
def verifier():
    verifier = Verifier()
    yield verifier
    verifier.process.stdin.close()
    verifier.process.wait(timeout=120)


def cases():
    suite = source_folder() / "tests" / "unit" / "auth" / "aws4_testsuite"
    return [pytest.param(path, id=str(path.parent.relative_to(suite))) for path in sorted(suite.rglob("*.sreq"))]


def read(path):
    """A raw request as values; a line that begins with a blank belongs to the header before."""
    head, _, body = path.read_text().replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    method, _, target = first.rpartition(" HTTP/")[0].partition(" ")
    headers = []
    for line in lines:
        if line[:1].isspace():
            headers[-1][1] += "\n" + line
        else:
            name, _, value = line.partition(":")
            headers.append([name, value])
    target, _, query = target.partition("?")
    return {"method": method, "path": target, "query": query, "headers": headers, "body": encoded(body.encode())}


def encoded(body):
    return base64.b64encode(body).decode()


def without_date(request):
    return {**request, "headers": [pair for pair in request["headers"] if pair[0].lower() != "x-amz-date"]}


def different(request):
    """The same request with one thing changed at a time."""
    yield {**request, "method": "PUT"}
    yield {**request, "path": request["path"] + "x"}
    yield {**request, "query": request["query"] + "&x=y"}
    yield {**request, "body": encoded(base64.b64decode(request["body"]) + b"x")}
    yield without_date(request)
    for place, (name, value) in enumerate(request["headers"]):
        headers = [list(pair) for pair in request["headers"]]
        headers[place][1] = value[:-1] + ("0" if value[-1:] != "0" else "1")
        yield {**request, "headers": headers}


@pytest.mark.parametrize("path", cases())
def test_what_the_suite_signs_is_accepted_and_nothing_else(verifier, path):
    request = read(path)
    # The signature is in a file of its own, too; in one of the signed requests another one stands, that is none.
    request["headers"] = [pair for pair in request["headers"] if pair[0].lower() != "authorization"]
    request["headers"].append(["Authorization", path.with_suffix(".authz").read_text()])
    if path.parent.name in TOKEN_ADDED_LATER:
        signed = [pair for pair in request["headers"] if pair[0].lower() != "x-amz-security-token"]
        assert verifier.fault(request) == "SignatureDoesNotMatch"
        request = {**request, "headers": signed}
    assert verifier.fault(request) is None
    assert verifier.fault(request, NOW + 901) == "SignatureDoesNotMatch"
    for other in different(request):
        assert verifier.fault(other) is not None, other


def signed_by_botocore(signer, url, token=None, body=b"", headers=(), **more):
    credentials = Credentials("AKIDEXAMPLE", SECRET, token)
    request = AWSRequest(method="POST", url=url, data=body, headers=dict(headers))
    signer(credentials, **more).add_auth(request)
    parts = urllib.parse.urlsplit(request.url)
    pairs = [[name, value] for name, value in request.headers.items()]
    if "host" not in {name.lower() for name, _ in pairs}:
        pairs.append(["host", parts.netloc])
    return {"method": "POST", "path": parts.path, "query": parts.query, "headers": pairs, "body": encoded(body)}


@pytest.mark.parametrize("token", [None, "a/session+token=="])
@pytest.mark.parametrize(
    ("signer", "service"),
    [(SigV4Auth, "sqs"), (SigV4QueryAuth, "sqs"), (S3SigV4Auth, "s3"), (S3SigV4QueryAuth, "s3")],
)
@pytest.mark.parametrize("path", ["/", "/123456789012/jobs.fifo", "/a%20b/c", "/?Action=ListQueues&Tag=%C3%A4%20b&a=", "/a//b"])
def test_what_botocore_signs_is_accepted(verifier, signer, service, path, token):
    now = int(datetime.datetime.now(datetime.timezone.utc).timestamp())
    target = {"service_name": service, "region_name": "eu-west-1"}
    request = signed_by_botocore(signer, f"http://localhost:4566{path}", token, b"" if "Query" in signer.__name__ else b"{}", **target)
    assert verifier.fault(request, now) is None
    for other in different(request):
        if other["path"] != request["path"] or other["query"] != request["query"] or other["method"] == "PUT":
            assert verifier.fault(other, now) == "SignatureDoesNotMatch"
