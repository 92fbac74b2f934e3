"""Queues with SSE-KMS: what is sent comes back, who may not use the key neither sends nor receives, nothing of it is readable.

Source of the rules: SQS developer guide, "Encryption at rest"; API reference, SetQueueAttributes.
"""

import json
import pathlib
import time

import pytest
from conftest import make_client, refusal
from quiet_client import fresh
from tidewire_process import TidewireProcess

SENTENCE = "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."


def make_queue(sqs, **attributes):
    return sqs.create_queue(QueueName=fresh("sse"), Attributes=attributes)["QueueUrl"]


def attributes_of(sqs, queue):
    shown = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    return {name: shown.get(name) for name in ("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")}


def receive(sqs, queue, **arguments):
    return sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2, **arguments).get("Messages", [])


def patiently(sqs, queue):
    return sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20).get("Messages", [])


def test_a_queue_is_encrypted_in_one_way_at_a_time(sqs):
    queue = make_queue(sqs)
    assert attributes_of(sqs, queue)["SqsManagedSseEnabled"] == "true"
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"KmsMasterKeyId": "alias/aws/sqs"})
    assert list(attributes_of(sqs, queue).values()) == ["alias/aws/sqs", "300", "false"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"SqsManagedSseEnabled": "true"})
    assert list(attributes_of(sqs, queue).values()) == [None, None, "true"]
    both = {"KmsMasterKeyId": "alias/aws/sqs", "SqsManagedSseEnabled": "true"}
    assert refusal(sqs.set_queue_attributes, QueueUrl=queue, Attributes=both) == ("InvalidAttributeName", SENTENCE)
    for wrong in ("59", "86401"):
        code, _ = refusal(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"KmsDataKeyReusePeriodSeconds": wrong})
        assert code == "InvalidAttributeValue"


@pytest.mark.parametrize("key_id", ["alias/aws/sqs", "own"])
def test_what_is_sent_comes_back_with_its_digests(kms, sqs, key_id):
    key_id = kms.create_key()["KeyMetadata"]["Arn"] if key_id == "own" else key_id
    queue = make_queue(sqs, KmsMasterKeyId=key_id)
    attribute = {"colour": {"DataType": "String", "StringValue": "green"}}
    sent = sqs.send_message(QueueUrl=queue, MessageBody="hello", MessageAttributes=attribute)
    batch = [{"Id": str(nth), "MessageBody": f"more {nth}"} for nth in range(3)]
    assert len(sqs.send_message_batch(QueueUrl=queue, Entries=batch)["Successful"]) == 3
    bodies = {}
    while len(bodies) < 4:
        for message in receive(sqs, queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]):
            bodies[message["Body"]] = message
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    hello = bodies["hello"]
    assert (hello["MD5OfBody"], hello["MessageId"]) == (sent["MD5OfMessageBody"], sent["MessageId"])
    assert hello["MessageAttributes"]["colour"]["StringValue"] == "green"
    assert hello["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]


def test_a_fifo_queue_keeps_order_and_duplicates_apart(sqs):
    name = fresh("sse") + ".fifo"
    given = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "KmsMasterKeyId": "alias/aws/sqs"}
    queue = sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]
    for body in ("a", "b", "a"):
        sqs.send_message(QueueUrl=queue, MessageBody=body, MessageGroupId="g")
    messages = receive(sqs, queue, MaxNumberOfMessages=10, AttributeNames=["All"])
    assert [message["Body"] for message in messages] == ["a", "b"]
    assert messages[0]["Attributes"]["MessageGroupId"] == "g"


def test_a_dead_letter_is_opened_in_a_queue_with_another_key_or_none(kms, sqs):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    for there in ({}, {"KmsMasterKeyId": "alias/aws/sqs"}):
        dead = make_queue(sqs, **there)
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"1"}}'
        queue = make_queue(sqs, KmsMasterKeyId=key, RedrivePolicy=policy, VisibilityTimeout="0")
        sqs.send_message(QueueUrl=queue, MessageBody="poison")
        assert [message["Body"] for message in receive(sqs, queue)] == ["poison"]
        receive(sqs, queue)
        found = receive(sqs, dead, AttributeNames=["All"])
        assert [message["Body"] for message in found] == ["poison"]
        source = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        assert found[0]["Attributes"]["DeadLetterQueueSourceArn"] == source


def arn_of(sqs, queue):
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def test_a_message_is_opened_after_a_move_task_gave_it_another_id(kms, sqs):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    dead = make_queue(sqs, KmsMasterKeyId="alias/aws/sqs")
    policy = f'{{"deadLetterTargetArn":"{arn_of(sqs, dead)}","maxReceiveCount":"1"}}'
    queue = make_queue(sqs, KmsMasterKeyId=key, RedrivePolicy=policy, VisibilityTimeout="0")
    sent = sqs.send_message(QueueUrl=queue, MessageBody="poison")["MessageId"]
    receive(sqs, queue)
    receive(sqs, queue)
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "30"})
    sqs.start_message_move_task(SourceArn=arn_of(sqs, dead))
    found = patiently(sqs, queue)
    assert [message["Body"] for message in found] == ["poison"]
    assert found[0]["MessageId"] != sent


def test_a_sealed_message_is_opened_when_it_is_replayed(kms, sqs):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    queue, again = make_queue(sqs, KmsMasterKeyId=key, TidewireKeepDeletedSeconds="3600"), make_queue(sqs)
    sqs.send_message(QueueUrl=queue, MessageBody="once more")
    [message] = receive(sqs, queue)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    order = json.dumps({"into": arn_of(sqs, again)})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"TidewireReplay": order})
    assert [message["Body"] for message in patiently(sqs, again)] == ["once more"]


def test_a_key_that_cannot_be_used_stops_both_sides(kms, sqs):
    made = kms.create_key()["KeyMetadata"]
    queue = make_queue(sqs, KmsMasterKeyId=made["KeyId"])
    kms.disable_key(KeyId=made["KeyId"])
    expected = ("KMS.DisabledException", f"{made['Arn']} is disabled.")
    assert refusal(sqs.send_message, QueueUrl=queue, MessageBody="x") == expected
    assert refusal(sqs.receive_message, QueueUrl=queue) == expected
    kms.enable_key(KeyId=made["KeyId"])
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    kms.schedule_key_deletion(KeyId=made["KeyId"], PendingWindowInDays=7)
    assert refusal(sqs.receive_message, QueueUrl=queue)[0] == "KMS.InvalidStateException"
    missing = make_queue(sqs, KmsMasterKeyId="alias/nobody")
    assert refusal(sqs.send_message, QueueUrl=missing, MessageBody="x")[0] == "KMS.NotFoundException"


def state(sqs, queue):
    """Messages that are visible, and that are in flight."""
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    shown = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=list(names))["Attributes"]
    return tuple(int(shown[name]) for name in names)


def closed_key(kms, sqs, queue, *bodies, **sending):
    """Sends under a key that the queue has no more then, and that is disabled: its metadata."""
    made = kms.create_key()["KeyMetadata"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"KmsMasterKeyId": made["KeyId"]})
    for body in bodies:
        sqs.send_message(QueueUrl=queue, MessageBody=body, **sending)
    kms.disable_key(KeyId=made["KeyId"])
    return made


@pytest.mark.parametrize("now", ["another key", "no key"])
def test_a_message_under_an_earlier_key_that_is_disabled_stays_as_it_was(kms, sqs, now):
    queue = make_queue(sqs, VisibilityTimeout="3600")
    made = closed_key(kms, sqs, queue, "one", "two")
    other = kms.create_key()["KeyMetadata"]["KeyId"] if now == "another key" else ""
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"KmsMasterKeyId": other})
    expected = ("KMS.DisabledException", f"{made['Arn']} is disabled.")
    for arguments in ({}, {"MaxNumberOfMessages": 10}, {"WaitTimeSeconds": 1}, {"VisibilityTimeout": 0}):
        assert refusal(sqs.receive_message, QueueUrl=queue, **arguments) == expected
        assert state(sqs, queue) == (2, 0), "nothing is hidden"
    kms.enable_key(KeyId=made["KeyId"])
    messages = receive(sqs, queue, MaxNumberOfMessages=10, AttributeNames=["All"])
    assert sorted(message["Body"] for message in messages) == ["one", "two"]
    for message in messages:
        counted = message["Attributes"]
        assert counted["ApproximateReceiveCount"] == "1", "no receive that came to nothing is counted"
        assert int(counted["ApproximateFirstReceiveTimestamp"]) >= int(counted["SentTimestamp"])


def test_a_key_that_is_gone_sends_no_message_to_the_dead_letters(kms, sqs):
    dead = make_queue(sqs)
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"1"}}'
    queue = make_queue(sqs, RedrivePolicy=policy)
    made = closed_key(kms, sqs, queue, "kept")
    kms.schedule_key_deletion(KeyId=made["KeyId"], PendingWindowInDays=7)
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"KmsMasterKeyId": ""})
    for _ in range(3):
        assert refusal(sqs.receive_message, QueueUrl=queue)[0] == "KMS.InvalidStateException"
    assert (state(sqs, queue), state(sqs, dead)) == ((1, 0), (0, 0))


def test_what_can_be_opened_is_received_past_what_cannot(kms, sqs):
    queue = make_queue(sqs, VisibilityTimeout="3600")
    closed_key(kms, sqs, queue, *(f"closed {nth}" for nth in range(12)))
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"KmsMasterKeyId": "alias/aws/sqs"})
    sqs.send_message(QueueUrl=queue, MessageBody="open")
    assert [message["Body"] for message in receive(sqs, queue, MaxNumberOfMessages=10)] == ["open"]
    assert state(sqs, queue) == (12, 1)


def test_in_a_fifo_queue_nothing_goes_past_a_closed_message_of_its_group(kms, sqs):
    name = fresh("sse") + ".fifo"
    given = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "3600"}
    queue = sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]
    made = closed_key(kms, sqs, queue, "closed", MessageGroupId="g")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"KmsMasterKeyId": ""})
    for body, group in (("behind", "g"), ("beside", "h")):
        sqs.send_message(QueueUrl=queue, MessageBody=body, MessageGroupId=group)
    asked = {"MaxNumberOfMessages": 10, "ReceiveRequestAttemptId": "attempt"}
    assert [message["Body"] for message in receive(sqs, queue, **asked)] == ["beside"]
    assert state(sqs, queue) == (2, 1)
    assert refusal(sqs.receive_message, QueueUrl=queue, MaxNumberOfMessages=10)[0] == "KMS.DisabledException"
    kms.enable_key(KeyId=made["KeyId"])
    messages = receive(sqs, queue, MaxNumberOfMessages=10, AttributeNames=["All"])
    assert [message["Body"] for message in messages] == ["closed", "behind"]
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in messages} == {"1"}


def test_what_was_put_back_is_there_after_kill_dash_nine(server):
    kms, sqs = (make_client(service, server.endpoint) for service in ("kms", "sqs"))
    queue = make_queue(sqs, VisibilityTimeout="3600")
    made = closed_key(kms, sqs, queue, "kept")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"KmsMasterKeyId": ""})
    assert refusal(sqs.receive_message, QueueUrl=queue)[0] == "KMS.DisabledException"
    server.kill()
    server.start()
    kms, sqs = (make_client(service, server.endpoint) for service in ("kms", "sqs"))
    url = sqs.get_queue_url(QueueName=queue.rsplit("/", 1)[1])["QueueUrl"]
    assert state(sqs, url) == (1, 0)
    kms.enable_key(KeyId=made["KeyId"])
    messages = receive(sqs, url, AttributeNames=["All"])
    assert [message["Attributes"]["ApproximateReceiveCount"] for message in messages] == ["1"]


def test_disabling_stops_a_sender_within_the_reuse_period(kms, sqs):
    made = kms.create_key()["KeyMetadata"]
    queue = make_queue(sqs, KmsMasterKeyId=made["KeyId"], KmsDataKeyReusePeriodSeconds="60")
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    kms.disable_key(KeyId=made["KeyId"])
    deadline = time.monotonic() + 75
    while True:
        asked = time.monotonic()
        try:
            sqs.send_message(QueueUrl=queue, MessageBody="still")
        except sqs.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "KMS.DisabledException"
            return
        assert asked < deadline, "a disabled key was used for longer than the reuse period"
        time.sleep(2)


@pytest.fixture
def server(tmp_path):
    with TidewireProcess(tmp_path / "data") as running:
        yield running


def test_kill_dash_nine_loses_no_key_and_no_sealed_message(server):
    kms, sqs = (make_client(service, server.endpoint) for service in ("kms", "sqs"))
    made = kms.create_key(Description="kept")["KeyMetadata"]
    alias = f"alias/{fresh('kept')}"
    kms.create_alias(AliasName=alias, TargetKeyId=made["KeyId"])
    sealed = kms.encrypt(KeyId=alias, Plaintext=b"secret")["CiphertextBlob"]
    queue = make_queue(sqs, KmsMasterKeyId=alias)
    sqs.send_message(QueueUrl=queue, MessageBody="over a crash")
    server.kill()
    server.start()
    kms, sqs = (make_client(service, server.endpoint) for service in ("kms", "sqs"))
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"secret"
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["Description"] == "kept"
    url = sqs.get_queue_url(QueueName=queue.rsplit("/", 1)[1])["QueueUrl"]
    assert [message["Body"] for message in receive(sqs, url)] == ["over a crash"]


def test_nothing_in_the_data_folder_can_be_read(server):
    kms, sqs = (make_client(service, server.endpoint) for service in ("kms", "sqs"))
    words = "WORDS-THAT-NOBODY-SHALL-READ"
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"]
    kms.encrypt(KeyId=key, Plaintext=words.encode())
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256")["PrivateKeyPlaintext"]
    queue = make_queue(sqs, KmsMasterKeyId=key)
    attribute = {"secret": {"DataType": "String", "StringValue": words + "-AS-ATTRIBUTE"}}
    sqs.send_message(QueueUrl=queue, MessageBody=words, MessageAttributes=attribute)
    signing = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    # PKCS #8 of an RSA key begins with this; no record of a key may hold it in the clear.
    pkcs8 = bytes.fromhex("020100300d06092a864886f70d0101010500")
    kms.sign(KeyId=signing, Message=b"x", SigningAlgorithm="RSASSA_PSS_SHA_256")
    server.kill()
    found = b"".join(path.read_bytes() for path in pathlib.Path(server.data_dir).rglob("*") if path.is_file())
    assert len(found) > 1000
    for secret in (words.encode(), words.encode("utf-16-le"), data_key, pair, pkcs8):
        assert secret not in found
