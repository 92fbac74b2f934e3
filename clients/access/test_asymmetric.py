"""Signature version 4A: one signature for several regions, as AWS's own C code (awscrt) makes it, by itself and under boto3.

Source: IAM User Guide, "AWS Signature Version 4 for API requests" (SigV4a); botocore's `crt/auth.py`.
"""

import datetime
import io
import urllib.error
import urllib.request

import boto3
import pytest
from awscrt import auth
from awscrt.http import HttpHeaders, HttpRequest
from botocore.config import Config
from conftest import REGION, Keys, allow, refused

LIST = b"Action=ListQueues&Version=2012-11-05"
HOME = "us-east-1"
HEADER, QUERY = auth.AwsSignatureType.HTTP_REQUEST_HEADERS, auth.AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS


def signed(house, keys, regions, kind, service="sqs"):
    """Path and headers of a ListQueues, signed for these regions."""
    host = house.server.endpoint.split("//")[1]
    headers = HttpHeaders([("host", host), ("content-type", "application/x-www-form-urlencoded")])
    request = HttpRequest("POST", "/", headers, io.BytesIO(LIST))
    given = keys.arguments
    provider = auth.AwsCredentialsProvider.new_static(
        given["aws_access_key_id"], given["aws_secret_access_key"], given["aws_session_token"]
    )
    config = auth.AwsSigningConfig(
        algorithm=auth.AwsSigningAlgorithm.V4_ASYMMETRIC,
        signature_type=kind,
        credentials_provider=provider,
        region=regions,
        service=service,
        date=datetime.datetime.now(datetime.timezone.utc),
        expiration_in_seconds=60 if kind == QUERY else None,
    )
    auth.aws_sign_request(request, config).result(timeout=20)
    return request.path, dict(request.headers)


def asked(house, path, headers, body=LIST):
    """Status and text of the answer."""
    request = urllib.request.Request(house.server.endpoint + path, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("kind", [HEADER, QUERY])
def test_a_signature_for_several_regions_is_believed_and_nothing_else_under_it(house, kind):
    _, keys = house.user(allow("sqs:ListQueues", "*"))
    for regions in ("*", HOME, f"eu-west-1,{HOME}", "us-*"):
        status, text = asked(house, *signed(house, keys, regions, kind))
        assert (status, "<ListQueuesResponse" in text) == (200, True), (regions, text)
    path, headers = signed(house, keys, HOME, kind)
    for body in (LIST + b"&QueueNamePrefix=a", LIST[:-1] + b"4"):
        status, text = asked(house, path, headers, body)
        assert status == 403 and "<Code>SignatureDoesNotMatch</Code>" in text
    widened = {name: "*" if name.lower() == "x-amz-region-set" else value for name, value in headers.items()}
    status, text = asked(house, path.replace(f"Region-Set={HOME}", "Region-Set=%2A"), widened)
    assert status == 403 and "<Code>SignatureDoesNotMatch</Code>" in text
    guessed = Keys(keys.arguments["aws_access_key_id"], "guessed")
    for held, regions in ((guessed, "*"), (keys, "us-west-1,us-west-2")):
        status, text = asked(house, *signed(house, held, regions, kind))
        assert status == 403 and "<Code>SignatureDoesNotMatch</Code>" in text, (regions, text)
    # A signature for one service is none for another.
    path, headers = signed(house, keys, HOME, kind, "sns")
    moved = {name: value.replace("/sns/", "/sqs/") for name, value in headers.items()}
    status, text = asked(house, path.replace("%2Fsns%2F", "%2Fsqs%2F"), moved)
    assert status == 403 and "<Code>SignatureDoesNotMatch</Code>" in text
    _, powerless = house.user()
    status, text = asked(house, *signed(house, powerless, "*", kind))
    assert status == 403 and "is not authorized to perform: sqs:listqueues" in text


@pytest.mark.parametrize("kind", [HEADER, QUERY])
def test_temporary_keys_sign_for_several_regions_with_their_token_alone(house, kind):
    _, keys = house.user(allow(["sts:GetSessionToken", "sqs:ListQueues"], "*"))
    session = Keys.of(house.client("sts", keys).get_session_token()["Credentials"])
    assert asked(house, *signed(house, session, "*", kind))[0] == 200
    bare = Keys(session.arguments["aws_access_key_id"], session.arguments["aws_secret_access_key"])
    status, text = asked(house, *signed(house, bare, "*", kind))
    assert status == 403 and "<Code>InvalidClientTokenId</Code>" in text


def test_boto3_signs_so_and_the_only_region_of_a_signature_is_where_it_is_for(house):
    url, arn = house.queue()
    name, keys = house.user(allow("sqs:SendMessage", arn))
    config = Config(signature_version="v4a", retries={"total_max_attempts": 1})

    def client(service):
        given = {"endpoint_url": house.server.endpoint, "region_name": REGION, "config": config}
        return boto3.client(service, **given, **keys.arguments)

    assert client("sts").get_caller_identity()["Arn"] == house.arn(f"user/{name}")
    client("sqs").send_message(QueueUrl=url, MessageBody="m")
    assert f"on resource: {arn} " in refused("AccessDenied", client("sqs").purge_queue, QueueUrl=url)
