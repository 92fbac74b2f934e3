"""Bounds on how often somebody may ask: the error that SDKs wait for, and everybody else served.

In: servers with `throttle.*`. Invariant: what is throttled has executed nothing. Source: the SDKs' list of throttling errors
(botocore's `_retry.json`), SQS's RequestThrottled.
"""

import http.client
import json

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def client(server, key="111111111111", attempts=1):
    return boto3.client(
        "sqs",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}),
    )


def test_an_account_beyond_its_rate_is_throttled_and_others_are_not(start):
    server = start(throttle_account_per_sec=1, throttle_account_burst=5)
    sqs = client(server)
    refused = []
    for number in range(400):
        if len(refused) == 10:
            break
        try:
            sqs.create_queue(QueueName=f"q{number}")
        except ClientError as error:
            refused.append(error.response)
    assert len(refused) == 10
    assert {answer["Error"]["Code"] for answer in refused} == {"RequestThrottled"}
    assert {answer["Error"]["Message"] for answer in refused} == {"Rate exceeded"}
    other = client(server, key="222222222222")
    assert "QueueUrls" not in other.list_queues()
    patient = client(server, attempts=10)
    queues = patient.list_queues()["QueueUrls"]
    assert len(queues) == number - len(refused), "what was throttled was not carried out, and who waits is served"


def test_a_connection_beyond_its_rate_is_throttled_in_every_protocol_and_pages_are_not(start):
    server = start(throttle_connection_per_sec=1, throttle_connection_burst=2)
    host = server.endpoint.removeprefix("http://")
    json_headers = {"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0"}
    form_headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for headers, body, status, said in (
        (json_headers, b"{}", 403, b"RequestThrottled"),
        # Which service a form is for would have to be read first.
        (form_headers, b"Action=ListQueues&Version=2012-11-05", 400, b"<Code>Throttling</Code>"),
    ):
        connection = http.client.HTTPConnection(host, timeout=60)
        answers = []
        # More than its rate, however slow the machine: enough that most of them come within one second of another.
        while len(answers) < 200 and (len(answers) < 2 or answers[-1][0] == 200):
            connection.request("POST", "/", body, headers)
            answer = connection.getresponse()
            answers.append((answer.status, answer.read()))
        assert [code for code, _ in answers[:2]] == [200, 200]
        assert answers[-1][0] == status and said in answers[-1][1], answers[-1]
        for _ in range(8):
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"ok\n")
        connection.close()
    fresh = http.client.HTTPConnection(host, timeout=60)
    fresh.request("POST", "/", json.dumps({}), json_headers)
    assert fresh.getresponse().status == 200
