"""The twelve, for every client written in Python: what a program that uses SQS cannot do without, once each.

In: a client as an object with `call(operation, **parameters)`, which speaks in the words of the API reference, answers with
what the client gave its program, and raises `Refused` with the code that the client shows. Out: the lines that
`xtask/src/test/twelve.rs` reads. Other languages have the same twelve in their own words, in the folder of their client.
"""

import hashlib
import json
import time
import uuid

BODY = 'tide <wire> & "all" ✓'
COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


class Refused(Exception):
    """The server refused; the text is the code that the client shows."""


class Absent(Exception):
    """The client has no such operation."""


def run(client, name, version, wire):
    """Does the twelve with one client and prints how each went."""
    run_checks(CHECKS, "client", "twelve", client, f"{name} | {version} | {wire}")


def run_checks(checks, heading, word, client, said):
    """Does all checks with one client and prints how each went, in the words of `xtask/src/test/twelve.rs`."""
    print(f"{heading}: {said}", flush=True)
    for check, do in checks.items():
        try:
            do(client)
            outcome = "ok"
        except Absent:
            outcome = "absent"
        except Exception as error:  # whatever a client throws is how it fared
            outcome = f"failed: {type(error).__name__}: {error}".replace("\n", " ")[:400]
        print(f"{word}: {check}: {outcome}", flush=True)


def equal(got, expected):
    """The two are the same, or the check fails with both."""
    if got != expected:
        raise AssertionError(f"expected {expected!r}, got {got!r}")


def make_queue(client, suffix="", **attributes):
    return client.call("CreateQueue", QueueName=f"twelve-{uuid.uuid4().hex[:12]}{suffix}", Attributes=attributes)["QueueUrl"]


def send(client, url, body, **parameters):
    return client.call("SendMessage", QueueUrl=url, MessageBody=body, **parameters)


def receive(client, url, wait=2, **parameters):
    asked = {"MaxNumberOfMessages": 10, "WaitTimeSeconds": wait, **parameters}
    return client.call("ReceiveMessage", QueueUrl=url, **asked).get("Messages", [])


def give_back(client, url, message):
    handle = message["ReceiptHandle"]
    client.call("ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)


def attribute(client, url, name):
    return client.call("GetQueueAttributes", QueueUrl=url, AttributeNames=[name])["Attributes"][name]


def counts(client, url):
    found = client.call("GetQueueAttributes", QueueUrl=url, AttributeNames=COUNTS)["Attributes"]
    return [int(found[name]) for name in COUNTS]


def create(client):
    url = make_queue(client, VisibilityTimeout="7")
    name = url.rsplit("/", 1)[1]
    equal(client.call("GetQueueUrl", QueueName=name)["QueueUrl"], url)
    equal(client.call("ListQueues", QueueNamePrefix=name)["QueueUrls"], [url])
    equal(attribute(client, url, "VisibilityTimeout"), "7")


def send_one(client):
    url = make_queue(client)
    sent = send(client, url, BODY)
    equal(sent["MD5OfMessageBody"], hashlib.md5(BODY.encode()).hexdigest())
    (message,) = receive(client, url)
    equal((message["MessageId"], message["Body"]), (sent["MessageId"], BODY))


def attributes(client):
    url = make_queue(client)
    given = {
        "kind": {"DataType": "String", "StringValue": "a<b>&c"},
        "number": {"DataType": "Number", "StringValue": "12.5"},
        "raw": {"DataType": "Binary", "BinaryValue": client.binary(b"tide")},
    }
    sent = send(client, url, "x", MessageAttributes=given)
    (message,) = receive(client, url, MessageAttributeNames=["All"])
    found = message["MessageAttributes"]
    equal(found["kind"]["StringValue"], "a<b>&c")
    equal((found["number"]["DataType"], found["number"]["StringValue"]), ("Number", "12.5"))
    equal(client.bytes(found["raw"]["BinaryValue"]), b"tide")
    equal(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"])


def batch(client):
    url = make_queue(client)
    entries = [{"Id": f"m{i}", "MessageBody": f"body {i}"} for i in range(3)]
    sent = client.call("SendMessageBatch", QueueUrl=url, Entries=entries)
    equal(sorted(one["Id"] for one in sent["Successful"]), ["m0", "m1", "m2"])
    messages = []
    while len(messages) < 3:
        more = receive(client, url)
        if not more:
            break
        messages += more
    equal(sorted(one["Body"] for one in messages), ["body 0", "body 1", "body 2"])
    handles = [{"Id": f"h{i}", "ReceiptHandle": one["ReceiptHandle"]} for i, one in enumerate(messages)]
    ended = client.call("DeleteMessageBatch", QueueUrl=url, Entries=handles)
    equal((len(ended["Successful"]), counts(client, url)), (3, [0, 0]))


def fifo(client):
    url = make_queue(client, ".fifo", FifoQueue="true", ContentBasedDeduplication="true")
    sent = [send(client, url, body, MessageGroupId=body[0]) for body in ("a1", "a2", "b1", "a3")]
    again = send(client, url, "a1", MessageGroupId="a")
    equal(again["MD5OfMessageBody"], sent[0]["MD5OfMessageBody"])
    if sorted(numbers := [int(one["SequenceNumber"]) for one in sent]) != numbers:
        raise AssertionError(f"sequence numbers do not rise: {numbers}")
    messages = receive(client, url, AttributeNames=["All"])
    equal([one["Body"] for one in messages if one["Body"][0] == "a"], ["a1", "a2", "a3"])
    equal(sorted(one["Body"] for one in messages), ["a1", "a2", "a3", "b1"])
    equal(messages[0]["Attributes"]["MessageGroupId"], messages[0]["Body"][0])


def long_poll(client):
    url = make_queue(client)
    send(client, url, "later", DelaySeconds=8)
    equal(receive(client, url, wait=0), [])
    began = time.monotonic()
    equal([one["Body"] for one in receive(client, url, wait=20)], ["later"])
    took = time.monotonic() - began
    if took > 18:
        raise AssertionError(f"the poll took {took:.1f} s")


def delete(client):
    url = make_queue(client, VisibilityTimeout="1")
    send(client, url, "once")
    (message,) = receive(client, url)
    client.call("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    equal((receive(client, url, wait=1), counts(client, url)), ([], [0, 0]))
    client.call("DeleteQueue", QueueUrl=url)


def visibility(client):
    url = make_queue(client)
    send(client, url, "twice")
    (first,) = receive(client, url)
    equal((receive(client, url, wait=0), counts(client, url)), ([], [0, 1]))
    give_back(client, url, first)
    (second,) = receive(client, url, AttributeNames=["ApproximateReceiveCount"])
    equal((second["MessageId"], second["Attributes"]["ApproximateReceiveCount"]), (first["MessageId"], "2"))
    if first["ReceiptHandle"] == second["ReceiptHandle"]:
        raise AssertionError("the second receive gave the handle of the first")


def make_dead_letters(client):
    """A queue of which one message has gone to its dead-letter queue: (queue, its dead letters, their ARN)."""
    dead = make_queue(client)
    arn = attribute(client, dead, "QueueArn")
    url = make_queue(client, RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "1"}))
    send(client, url, "poison")
    (message,) = receive(client, url)
    give_back(client, url, message)
    equal(receive(client, url, wait=0), [])
    return url, dead, arn


def dead_letters(client):
    url, dead, _ = make_dead_letters(client)
    (message,) = receive(client, dead, AttributeNames=["All"])
    equal(message["Body"], "poison")
    equal(message["Attributes"]["DeadLetterQueueSourceArn"], attribute(client, url, "QueueArn"))
    equal(client.call("ListDeadLetterSourceQueues", QueueUrl=dead)["queueUrls"], [url])


def redrive(client):
    client.needs("StartMessageMoveTask")
    url, dead, arn = make_dead_letters(client)
    client.call("StartMessageMoveTask", SourceArn=arn)
    deadline = time.monotonic() + 120
    task = {}
    while task.get("Status") != "COMPLETED" and time.monotonic() < deadline:
        time.sleep(0.1)
        (task,) = client.call("ListMessageMoveTasks", SourceArn=arn)["Results"]
    equal((task["Status"], task["ApproximateNumberOfMessagesMoved"]), ("COMPLETED", 1))
    equal([one["Body"] for one in receive(client, url)], ["poison"])
    equal(counts(client, dead), [0, 0])


def tags(client):
    name = f"twelve-{uuid.uuid4().hex[:12]}"
    url = client.call("CreateQueue", QueueName=name, tags={"team": "tide"})["QueueUrl"]
    client.call("TagQueue", QueueUrl=url, Tags={"stage": "test + more"})
    equal(client.call("ListQueueTags", QueueUrl=url)["Tags"], {"team": "tide", "stage": "test + more"})
    client.call("UntagQueue", QueueUrl=url, TagKeys=["team"])
    equal(client.call("ListQueueTags", QueueUrl=url)["Tags"], {"stage": "test + more"})


def refusal(client, operation, **parameters):
    try:
        answer = client.call(operation, **parameters)
    except Refused as refused:
        return str(refused)
    raise AssertionError(f"{operation} was accepted: {answer}")


def errors(client):
    url = make_queue(client)
    missing = refusal(client, "SendMessage", QueueUrl=f"{url}-missing", MessageBody="x")
    equal(missing, "AWS.SimpleQueueService.NonExistentQueue")
    equal(refusal(client, "DeleteMessage", QueueUrl=url, ReceiptHandle="garbage"), "ReceiptHandleIsInvalid")
    name = url.rsplit("/", 1)[1]
    other = {"VisibilityTimeout": "9"}
    equal(refusal(client, "CreateQueue", QueueName=name, Attributes=other), "QueueAlreadyExists")


CHECKS = {
    "create": create,
    "send": send_one,
    "attributes": attributes,
    "batch": batch,
    "fifo": fifo,
    "long-poll": long_poll,
    "delete": delete,
    "visibility": visibility,
    "dead-letters": dead_letters,
    "redrive": redrive,
    "tags": tags,
    "errors": errors,
}
