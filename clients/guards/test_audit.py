"""The audit log: records in CloudTrail's shape, whole lines in files that are rotated, and never in the way of a request.

In: servers with `audit.*`. Source: the CloudTrail User Guide, "CloudTrail record contents", event version 1.11.
"""

import json
import pathlib
import re
import time
import urllib.request

import pytest
from botocore.exceptions import ClientError
from conftest import sqs

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


def records(path):
    """The records of a log whose server has stopped."""
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


def metric(server, name):
    text = urllib.request.urlopen(f"{server.endpoint}/metrics", timeout=60).read().decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


def session(client):
    """One of each sort of request."""
    url = client.create_queue(QueueName="jobs", Attributes={"DelaySeconds": "0"}, tags={"team": "a"})["QueueUrl"]
    client.send_message(
        QueueUrl=url,
        MessageBody="s3cret body",
        MessageAttributes={"s3cret-name": {"DataType": "String", "StringValue": "s3cret value"}},
    )
    message = client.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"][0]
    client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    client.list_queues()
    with pytest.raises(ClientError):
        client.get_queue_url(QueueName="absent")
    client.delete_queue(QueueUrl=url)
    return url


def test_records_have_cloudtrails_shape_and_no_bodies(start, tmp_path):
    path = tmp_path / "kept" / "audit.jsonl"
    server = start(audit_events="all", audit_file=path)
    url = session(sqs(server.secure, server.ca))
    server.stop()
    found = records(path)
    assert [record["eventName"] for record in found] == [
        "CreateQueue", "SendMessage", "ReceiveMessage", "DeleteMessage", "ListQueues", "GetQueueUrl", "DeleteQueue",
    ]  # fmt: skip
    assert "s3cret" not in path.read_text()
    for record in found:
        assert record["eventVersion"] == "1.11"
        assert record["eventSource"] == "sqs.amazonaws.com"
        assert record["eventType"] == "AwsApiCall"
        assert record["awsRegion"] == "us-east-1"
        assert record["sourceIPAddress"] == "127.0.0.1"
        assert record["userAgent"].startswith("Boto3/")
        assert record["recipientAccountId"] == "000000000000"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record["eventTime"])
        assert UUID.fullmatch(record["requestID"]) and UUID.fullmatch(record["eventID"])
        assert record["tlsDetails"]["tlsVersion"] == "TLSv1.3"
        assert record["tlsDetails"]["cipherSuite"].startswith("TLS_")
        assert record["tlsDetails"]["clientProvidedHostHeader"] == server.secure.removeprefix("https://")
        identity = record["userIdentity"]
        assert (identity["type"], identity["accountId"]) == ("Root", "000000000000")
        assert (identity["arn"], identity["accessKeyId"]) == ("arn:aws:iam::000000000000:root", "test")
    created, sent, received, deleted, listed, refused, removed = found
    assert created["requestParameters"] == {
        "queueName": "jobs",
        "attributes": {"DelaySeconds": "0"},
        "tags": {"team": "a"},
    }
    assert created["responseElements"] == {"queueUrl": url}
    assert (created["readOnly"], created["managementEvent"], created["eventCategory"]) == (False, True, "Management")
    assert sent["requestParameters"] == {"queueUrl": url, "messageBody": HIDDEN, "messageAttributes": HIDDEN}
    assert (sent["managementEvent"], sent["eventCategory"]) == (False, "Data")
    assert (received["readOnly"], received["responseElements"]) == (True, None)
    assert deleted["requestParameters"]["queueUrl"] == url
    assert (listed["readOnly"], listed["responseElements"]) == (True, None)
    assert refused["errorCode"] == "QueueDoesNotExist" and refused["errorMessage"]
    assert refused["requestParameters"] == {"queueName": "absent"}
    assert "errorCode" not in removed and removed["responseElements"] is None


def test_management_leaves_messages_out_and_dev_keeps_nothing_unasked(start, tmp_path):
    path = tmp_path / "audit.jsonl"
    server = start(audit_events="management", audit_file=path)
    session(sqs(server.secure, server.ca))
    server.stop()
    names = [record["eventName"] for record in records(path)]
    assert names == ["CreateQueue", "ListQueues", "GetQueueUrl", "DeleteQueue"]
    quiet = start()
    session(sqs(quiet.secure, quiet.ca))
    quiet.stop()
    assert not (pathlib.Path(quiet.data_dir) / "audit").exists()


def test_a_full_file_is_set_aside_and_old_ones_go(start, tmp_path):
    path = tmp_path / "audit.jsonl"
    server = start(audit_events="all", audit_file=path, audit_file_size="16KiB", audit_files=3)
    client = sqs(server.secure, server.ca)
    for number in range(100):
        client.create_queue(QueueName=f"q{number}")
    server.stop()
    files = sorted(file.name for file in tmp_path.glob("audit.jsonl*"))
    assert files == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]
    assert all((tmp_path / name).stat().st_size <= 16 * 1024 for name in files)
    newest_last = [record for name in reversed(files) for record in records(tmp_path / name)]
    numbers = [int(record["requestParameters"]["queueName"][1:]) for record in newest_last]
    assert numbers == list(range(100 - len(numbers), 100)), "no line is lost or broken between two files"


def test_a_disk_that_takes_nothing_holds_nobody_up(start):
    server = start(audit_events="all", audit_file="/dev/full")
    client = sqs(server.secure, server.ca)
    for number in range(20):
        client.create_queue(QueueName=f"q{number}")
    server.stop()
    assert server.log_since_start().count("the audit log cannot be written") == 1


def test_what_is_lost_is_counted(start):
    server = start(audit_events="all", audit_file="/dev/full")
    client = sqs(server.secure, server.ca)
    for number in range(20):
        client.create_queue(QueueName=f"q{number}")
    deadline = time.monotonic() + 60
    while metric(server, "tidewire_audit_events_left_out_total") < 20 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert metric(server, "tidewire_audit_events_left_out_total") == 20


def test_an_audit_log_that_cannot_be_opened_stops_the_start(tmp_path):
    import os
    import subprocess

    words = [os.environ["TIDEWIRE_BIN"], "dev", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "data")]
    words += ["--audit-events", "all", "--audit-file", "/proc/none/audit.jsonl"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "cannot write the audit log" in done.stderr, done.stderr
