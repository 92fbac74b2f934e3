"""Queues with SSE-KMS: what is sent comes back, who may not use the key neither sends nor receives, nothing of it is readable.

Source of the rules: SQS developer guide, "Encryption at rest"; API reference, SetQueueAttributes.
"""

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


def test_disabling_stops_a_sender_within_the_reuse_period(kms, sqs):
    made = kms.create_key()["KeyMetadata"]
    queue = make_queue(sqs, KmsMasterKeyId=made["KeyId"], KmsDataKeyReusePeriodSeconds="60")
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    kms.disable_key(KeyId=made["KeyId"])
    deadline = time.monotonic() + 75
    while time.monotonic() < deadline:
        try:
            sqs.send_message(QueueUrl=queue, MessageBody="still")
        except sqs.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "KMS.DisabledException"
            return
        time.sleep(2)
    pytest.fail("a disabled key was used for longer than the reuse period")


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
