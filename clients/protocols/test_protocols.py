"""botocore's protocol tests from the server's side: what its clients send must be read, what they get must be understood.

An input case gives parameters and the request that a client makes of them: reading that request must give the parameters.
An output case gives a result: what the codecs write of it, botocore's own parser must read as that result.
Source: tests/unit/protocols of botocore's source archive, made from Smithy's protocol tests. A case that a server of this
version does not pass stands in a table with its reason, as a strict xfail.
"""

import base64
import json

import pytest
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import PROTOCOL_PARSERS
from botocore.utils import parse_timestamp
from conftest import source_folder

FILES = {
    "json": "json",
    "json_1_0": "json",
    "json_1_0-query-compatible": "json",
    "query": "query",
    "smithy-rpc-v2-cbor": "cbor",
    "smithy-rpc-v2-cbor-query-compatible": "cbor",
    "smithy-rpc-v2-cbor-non-query-compatible": "cbor",
}
FORMATS = "the schemas have no timestampFormat: no operation of the services here has one"
DOCUMENTS = "the schemas have no documents: no operation of the services here has one"
NOT_READ = {
    "serializes_timestamp_shapes_with_iso8601_timestampformat": FORMATS,
    "serializes_timestamp_shapes_with_httpdate_timestampformat": FORMATS,
    "PutAndGetInlineDocumentsInput": DOCUMENTS,
    "QueryEmptyQueryMaps": "a form says nothing of an empty map, so it cannot be told from none",
}
NOT_WRITTEN = {
    "PutAndGetInlineDocumentsInput": DOCUMENTS,
    "QueryXmlLists": "botocore does not understand this one from AWS either: it stands in its list of tests to ignore",
}
# What a client fills in by itself where the caller left it out, as the cases have it.
TOKEN = "00000000-0000-4000-8000-000000000000"


def cases(way, wanted, failing):
    """All cases of all files that have what is wanted."""
    folder = source_folder() / "tests" / "unit" / "protocols" / way
    found = []
    for name, protocol in FILES.items():
        for suite in json.loads((folder / f"{name}.json").read_text()):
            for case in suite["cases"]:
                if wanted(case):
                    marks = [pytest.mark.xfail(reason=failing[case["id"]], strict=True)] if case["id"] in failing else []
                    found.append(pytest.param(protocol, suite, case, id=f"{name}-{case['id']}", marks=marks))
    return found


def is_plain(case):
    return "params" in case and "requestcompression" not in case["given"]


def is_success(case):
    return "result" in case


@pytest.mark.parametrize(("protocol", "suite", "case"), cases("input", is_plain, NOT_READ))
def test_a_request_is_read_as_what_was_meant(codecs, protocol, suite, case):
    text = case["serialized"].get("body", "")
    body = base64.b64decode(text) if protocol == "cbor" else text.encode()
    shape = case["given"].get("input", {}).get("shape")
    assert codecs.read(body, protocol=protocol, shapes=suite["shapes"], shape=shape) == meant(suite, case, shape)


def meant(suite, case, shape):
    """The parameters as they leave the client: with a token where one is due, and without what is null."""
    members = suite["shapes"][shape]["members"] if shape else {}
    tokens = {name: TOKEN for name, member in members.items() if member.get("idempotencyToken")}
    return {name: value for name, value in {**tokens, **case["params"]}.items() if value is not None}


@pytest.mark.parametrize(("protocol", "suite", "case"), cases("output", is_success, NOT_WRITTEN))
def test_a_reply_is_understood_as_what_was_meant(codecs, protocol, suite, case):
    operation = case["given"]["name"]
    shape = case["given"].get("output", {}).get("shape")
    body = codecs.write(exact(case["result"]), protocol=protocol, shapes=suite["shapes"], shape=shape, operation=operation)
    assert understood(suite, case, body) == case["result"]


def understood(suite, case, body):
    """What botocore makes of a reply."""
    model = ServiceModel({**suite, "operations": {case["given"]["name"]: case["given"]}})
    output = OperationModel(case["given"], model).output_shape
    protocol = suite["metadata"]["protocol"]
    if protocol == "query" and output and output.members:
        output.serialization["resultWrapper"] = f"{case['given']['name']}Result"
    parser = PROTOCOL_PARSERS[protocol](timestamp_parser=lambda value: parse_timestamp(value).timestamp())
    reply = {"status_code": 200, "headers": case["response"].get("headers", {}), "body": body, "context": {}}
    parsed = parser.parse(reply, output)
    parsed.pop("ResponseMetadata", None)
    return plain(parsed)


def exact(value):
    """The same with fractions as text."""
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    return repr(value) if isinstance(value, float) else value


def plain(value):
    """Bytes as text and numbers that JSON has no word for as theirs, as the cases write them."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float) and value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return value
