"""Nothing that must stay secret is found where people look: log at its most talkative, audit log, metrics, error texts.

In: a server at `log_level = trace` with every event audited. A whole session, good and refused, in all three protocols, over
TLS and plain, carries marked secrets: the key that signs, a session token, signatures, bodies, attributes, passwords in
clients' headers. Invariant: no mark is found outside of what the customer reads back.
"""

import pathlib
import re
import urllib.parse
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

MARK = "s3cr3t"
SECRET_KEY = f"{MARK}AccessKey/+=abcdefghijklmnopqrst"
TOKEN = f"{MARK}Token//////////wEXAMPLE"
BODY = f"{MARK} body \N{SNOWMAN}"


def client(endpoint, server, seen):
    made = boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="111111111111",
        aws_secret_access_key=SECRET_KEY,
        aws_session_token=TOKEN,
        verify=server.ca,
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}, parameter_validation=False),
    )

    def keep_signature(request, **_):
        header = request.headers["Authorization"]
        text = header.decode() if isinstance(header, bytes) else header
        seen.append(re.search(r"Signature=([0-9a-f]{64})", text).group(1))

    made.meta.events.register("before-send.sqs", keep_signature)
    return made


def attributes(number=1):
    value = {"DataType": "String", "StringValue": f"{MARK} value"}
    binary = {"DataType": "Binary", "BinaryValue": f"{MARK} bytes".encode()}
    return {f"{MARK}-name-{each}": value for each in range(number)} | {"bin": binary}


def tried(call, **words):
    """The error's text, if there was one."""
    try:
        call(**words)
        return ""
    except ClientError as error:
        return str(error)


def session(sqs):
    """Everything that a customer does and gets wrong; the texts of the errors."""
    url = sqs.create_queue(QueueName="jobs", tags={"team": "a"})["QueueUrl"]
    other = sqs.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=BODY, MessageAttributes=attributes())
    entries = [{"Id": str(n), "MessageBody": BODY, "MessageAttributes": attributes()} for n in range(3)]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2)["Messages"]:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    errors = [
        tried(sqs.send_message, QueueUrl=url, MessageBody=f"{BODY}\0"),
        tried(sqs.send_message, QueueUrl=url, MessageBody=BODY * 100_000),
        tried(sqs.send_message, QueueUrl=url, MessageBody=BODY, MessageAttributes=attributes(12)),
        tried(sqs.send_message, QueueUrl=url + "x", MessageBody=BODY),
        tried(sqs.send_message, QueueUrl=other, MessageBody=BODY),
        tried(sqs.send_message, QueueUrl=url, MessageBody={"wrong": BODY}),
        tried(sqs.send_message, QueueUrl=url, MessageBody=BODY, DelaySeconds=901),
        tried(sqs.send_message_batch, QueueUrl=url, Entries=entries * 4),
        tried(sqs.send_message_batch, QueueUrl=url, Entries=entries[:1] * 2),
    ]
    sqs.purge_queue(QueueUrl=url)
    return [error for error in errors if error]


def raw_requests(server):
    """What no SDK would send: secrets in queries, in headers nobody reads, in documents that break off."""
    body = urllib.parse.quote(BODY)
    form = f"Action=SendMessage&QueueUrl=none&MessageBody={body}&X-Amz-Security-Token={MARK}&X-Amz-Signature={MARK}"
    for url, data, headers in (
        (f"{server.endpoint}/?{form}", None, {}),
        (f"{server.endpoint}/", form.encode(), {"Content-Type": "application/x-www-form-urlencoded"}),
        (f"{server.endpoint}/", f'{{"MessageBody":"{MARK}'.encode(), {"X-Amz-Target": "AmazonSQS.SendMessage"}),
        (f"{server.endpoint}/", b"{}", {"X-Amz-Target": "AmazonSQS.Nothing", "Cookie": f"session={MARK}"}),
        (f"{server.endpoint}/healthz?password={MARK}", None, {"Authorization": f"Basic {MARK}"}),
    ):
        try:
            urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20).read()
        except urllib.error.HTTPError as error:
            error.read()


def test_no_secret_is_found_in_log_audit_log_metrics_or_errors(start, tmp_path):
    audit = tmp_path / "audit.jsonl"
    server = start(log_level="trace", audit_events="all", audit_file=audit)
    signatures, errors = [], []
    for endpoint in (server.secure, server.endpoint):
        errors += session(client(endpoint, server, signatures))
    raw_requests(server)
    metrics = urllib.request.urlopen(f"{server.endpoint}/metrics", timeout=10).read().decode()
    server.stop()
    key = (pathlib.Path(server.data_dir) / "tls" / "development-ca-key.pem").read_text().splitlines()[1]
    log, audited = server.log_since_start(), audit.read_text()
    assert "SendMessage" in log and "SendMessage" in audited and len(errors) >= 10, "the session took place"
    for place, text in (("log", log), ("audit log", audited), ("metrics", metrics), ("errors", "\n".join(errors))):
        assert MARK not in text, f"{place}: {lines_with(MARK, text)}"
        assert key not in text, place
        found = [signature for signature in signatures if signature in text]
        assert not found, f"{place}: a signature"


def lines_with(mark, text):
    return "\n".join(line[:400] for line in text.splitlines() if mark in line)
