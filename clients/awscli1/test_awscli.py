"""The AWS CLI, version 1, as a person or a script at a shell would use it against tidewire.

In: TIDEWIRE_ENDPOINT (handed over by --endpoint-url, the one way that this version honours for SQS), TIDEWIRE_BIN for the
wrapper. Out: what the command prints, and its exit code. Each test is one short session at the shell.
"""

import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import uuid

import pytest

ENDPOINT = os.environ.get("TIDEWIRE_ENDPOINT", "http://127.0.0.1:4566")
BIN = pathlib.Path(sys.executable).parent
SERVICE_REFUSED = (254, 255)
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


def run(command):
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)


def aws(*arguments):
    """The JSON that a command which must succeed prints; None when it prints nothing."""
    done = run([str(BIN / "aws"), "--endpoint-url", ENDPOINT, "sqs", *arguments])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def refused(*arguments):
    """What a command that must be refused writes to the error stream."""
    done = run([str(BIN / "aws"), "--endpoint-url", ENDPOINT, "sqs", *arguments])
    assert done.returncode in SERVICE_REFUSED, done
    return done.stderr


@pytest.fixture
def queue():
    return aws("create-queue", "--queue-name", f"cli1-{uuid.uuid4().hex[:12]}")["QueueUrl"]


def test_a_queue_is_created_found_listed_and_deleted():
    name = f"cli1-{uuid.uuid4().hex[:12]}"
    url = aws("create-queue", "--queue-name", name, "--attributes", "VisibilityTimeout=7")["QueueUrl"]
    assert aws("get-queue-url", "--queue-name", name) == {"QueueUrl": url}
    assert aws("list-queues", "--queue-name-prefix", name)["QueueUrls"] == [url]
    shown = aws("get-queue-attributes", "--queue-url", url, "--attribute-names", "VisibilityTimeout")
    assert shown == {"Attributes": {"VisibilityTimeout": "7"}}
    aws("delete-queue", "--queue-url", url)
    assert "NonExistentQueue" in refused("get-queue-url", "--queue-name", name)


def test_a_message_is_sent_received_and_deleted(queue):
    attributes = json.dumps({"kind": {"DataType": "String", "StringValue": "greeting"}})
    sent = aws("send-message", "--queue-url", queue, "--message-body", "hello ✓", "--message-attributes", attributes)
    asked = ["--wait-time-seconds", "20", "--attribute-names", "All", "--message-attribute-names", "All"]
    (message,) = aws("receive-message", "--queue-url", queue, *asked)["Messages"]
    assert (message["MessageId"], message["Body"]) == (sent["MessageId"], "hello ✓")
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert message["MessageAttributes"]["kind"]["StringValue"] == "greeting"
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    aws("delete-message", "--queue-url", queue, "--receipt-handle", message["ReceiptHandle"])
    counts = aws("get-queue-attributes", "--queue-url", queue, "--attribute-names", "All")["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == counts["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_batches_of_sends_changes_and_deletes_work(queue):
    entries = json.dumps([{"Id": f"m{i}", "MessageBody": f"body {i}"} for i in range(3)])
    sent = aws("send-message-batch", "--queue-url", queue, "--entries", entries)
    assert len(sent["Successful"]) == 3
    messages = []
    while len(messages) < 3:
        asked = ["--max-number-of-messages", "10", "--wait-time-seconds", "20"]
        messages += aws("receive-message", "--queue-url", queue, *asked)["Messages"]
    handles = [{"Id": f"h{i}", "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)]
    changes = json.dumps([{**entry, "VisibilityTimeout": 60} for entry in handles])
    assert len(aws("change-message-visibility-batch", "--queue-url", queue, "--entries", changes)["Successful"]) == 3
    assert len(aws("delete-message-batch", "--queue-url", queue, "--entries", json.dumps(handles))["Successful"]) == 3


def test_a_long_poll_wakes_when_a_message_arrives(queue):
    sent = []

    def send():
        time.sleep(1)
        aws("send-message", "--queue-url", queue, "--message-body", "wake")
        sent.append(time.monotonic())

    sender = threading.Thread(target=send)
    sender.start()
    answer = aws("receive-message", "--queue-url", queue, "--wait-time-seconds", "20")
    ended = time.monotonic()
    sender.join()
    assert [message["Body"] for message in answer["Messages"]] == ["wake"]
    # From the send on, so that the start of two interpreters does not count; without a waking it would be nearly twenty.
    assert ended - sent[0] < 15


def test_an_empty_receive_prints_nothing(queue):
    assert aws("receive-message", "--queue-url", queue) is None


def test_a_message_given_back_is_received_again(queue):
    aws("send-message", "--queue-url", queue, "--message-body", "twice")
    (first,) = aws("receive-message", "--queue-url", queue, "--wait-time-seconds", "20")["Messages"]
    back = ["--receipt-handle", first["ReceiptHandle"], "--visibility-timeout", "0"]
    aws("change-message-visibility", "--queue-url", queue, *back)
    (second,) = aws("receive-message", "--queue-url", queue, "--wait-time-seconds", "20")["Messages"]
    assert first["MessageId"] == second["MessageId"]
    assert first["ReceiptHandle"] != second["ReceiptHandle"]


def test_purge_empties_the_queue(queue):
    aws("send-message", "--queue-url", queue, "--message-body", "gone")
    aws("purge-queue", "--queue-url", queue)
    assert aws("receive-message", "--queue-url", queue) is None


def test_errors_show_the_code_of_the_service(queue):
    missing = refused("send-message", "--queue-url", queue + "-missing", "--message-body", "x")
    assert "(AWS.SimpleQueueService.NonExistentQueue) when calling the SendMessage operation" in missing
    bad = refused("delete-message", "--queue-url", queue, "--receipt-handle", "garbage")
    assert "(ReceiptHandleIsInvalid)" in bad


def test_the_wrapper_hands_the_endpoint_to_the_aws_command(queue):
    if "TIDEWIRE_BIN" not in os.environ:
        pytest.skip("TIDEWIRE_BIN is not set")
    endpoint = {"TIDEWIRE_LISTEN": ENDPOINT.removeprefix("http://")}
    command = [os.environ["TIDEWIRE_BIN"], "aws", "sqs", "list-queues", "--queue-name-prefix", queue.rsplit("/", 1)[1]]
    done = subprocess.run(command, env={**ENVIRONMENT, **endpoint}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["QueueUrls"] == [queue]


def test_the_wrapper_passes_on_the_exit_code_of_a_refusal(queue):
    if "TIDEWIRE_BIN" not in os.environ:
        pytest.skip("TIDEWIRE_BIN is not set")
    endpoint = {"TIDEWIRE_LISTEN": ENDPOINT.removeprefix("http://")}
    command = [os.environ["TIDEWIRE_BIN"], "aws", "sqs", "get-queue-url", "--queue-name", "never-created"]
    done = subprocess.run(command, env={**ENVIRONMENT, **endpoint}, capture_output=True, text=True, timeout=120)
    assert done.returncode in SERVICE_REFUSED
    assert "NonExistentQueue" in done.stderr
