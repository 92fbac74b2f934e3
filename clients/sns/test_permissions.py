"""AddPermission and RemovePermission: statements in a topic's policy; and keys that publishers must be allowed to use."""

import json
import pathlib

import pytest
from conftest import House, make_client, refusal
from own_servers import own_servers


def policy(house, topic):
    return json.loads(house.sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])


def test_permissions_are_statements_beside_the_default_one(house):
    topic = house.topic()
    default = policy(house, topic)["Statement"]
    house.sns.add_permission(TopicArn=topic, Label="one", AWSAccountId=["111122223333"], ActionName=["Publish"])
    accounts = ["111122223333", "444455556666"]
    house.sns.add_permission(TopicArn=topic, Label="two", AWSAccountId=accounts, ActionName=["Publish", "Subscribe"])
    one = {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "SNS:Publish",
        "Resource": topic,
    }
    two = {
        "Sid": "two",
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{account}:root" for account in accounts]},
        "Action": ["SNS:Publish", "SNS:Subscribe"],
        "Resource": topic,
    }
    assert policy(house, topic)["Statement"] == [*default, one, two]
    asked = {"TopicArn": topic, "Label": "two", "AWSAccountId": accounts, "ActionName": ["Publish"]}
    assert refusal(house.sns.add_permission, **asked) == ("InvalidParameter", "Invalid parameter: Statement already exists")
    house.sns.remove_permission(TopicArn=topic, Label="one")
    house.sns.remove_permission(TopicArn=topic, Label="one")
    assert policy(house, topic)["Statement"] == [*default, two]


def test_permissions_that_are_none(house):
    topic = house.topic()
    asked = {"TopicArn": topic, "Label": "l", "AWSAccountId": ["111122223333"], "ActionName": ["NotExists"]}
    scope = "Invalid parameter: Policy statement action out of service scope!"
    assert refusal(house.sns.add_permission, **asked) == ("InvalidParameter", scope)
    asked = {**asked, "ActionName": ["Publish"], "AWSAccountId": ["1"]}
    assert refusal(house.sns.add_permission, **asked)[1] == "Invalid parameter: Policy Error: PrincipalNotFound"


@pytest.fixture
def served(tmp_path):
    """A server that verifies, as its root user; and clients of a user of another account and of one of its own."""
    with own_servers() as make:
        server = make(tmp_path / "data", mode="serve").start()
        key = json.loads(pathlib.Path(tmp_path / "data" / "root-key.json").read_text())
        keys = (key["access_key_id"], key["secret_access_key"], None)

        def client(service, keys=keys):
            return make_client(service, server.endpoint, keys=keys)

        yield House(client("sns"), client("sqs")), client


def user(client, policy_document=None):
    iam = client("iam")
    iam.create_user(UserName="worker")
    if policy_document:
        iam.put_user_policy(UserName="worker", PolicyName="p", PolicyDocument=json.dumps(policy_document))
    made = iam.create_access_key(UserName="worker")["AccessKey"]
    return (made["AccessKeyId"], made["SecretAccessKey"], None)


def test_whoever_publishes_must_be_allowed_to_use_the_topics_key(served):
    house, client = served
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    topic = house.topic(Attributes={"KmsMasterKeyId": key})
    publish = {"Effect": "Allow", "Action": "sns:*", "Resource": "*"}
    worker = client("sns", user(client, {"Version": "2012-10-17", "Statement": [publish]}))
    assert refusal(worker.publish, TopicArn=topic, Message="x")[0] == "KMSAccessDenied"
    batch = [{"Id": "a", "Message": "x"}]
    assert refusal(worker.publish_batch, TopicArn=topic, PublishBatchRequestEntries=batch)[0] == "KMSAccessDenied"
    use = {**publish, "Action": ["kms:GenerateDataKey*", "kms:Decrypt"]}
    use["Condition"] = {"StringEquals": {"kms:EncryptionContext:aws:sns:topicArn": topic, "kms:ViaService": "sns.us-east-1.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [publish, use]})
    client("iam").put_user_policy(UserName="worker", PolicyName="p", PolicyDocument=document)
    assert worker.publish(TopicArn=topic, Message="x")["MessageId"]
    assert house.sns.publish(TopicArn=topic, Message="x")["MessageId"]
    other = house.topic(Attributes={"KmsMasterKeyId": "alias/missing"})
    assert refusal(house.sns.publish, TopicArn=other, Message="x")[0] == "KMSNotFound"
    kms.disable_key(KeyId=key)
    disabled = house.topic(Attributes={"KmsMasterKeyId": key})
    assert refusal(house.sns.publish, TopicArn=disabled, Message="x")[0] == "KMSDisabled"
    house.sns.set_topic_attributes(TopicArn=disabled, AttributeName="KmsMasterKeyId", AttributeValue="")
    assert house.sns.publish(TopicArn=disabled, Message="x")["MessageId"]


def test_another_account_is_let_by_a_permission_and_until_it_is_gone(served):
    house, client = served
    topic = house.topic()
    keys = user(client, {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:Subscribe", "Resource": "*"}]})
    worker = client("sns", keys)
    account = topic.split(":")[4]
    assert refusal(worker.publish, TopicArn=topic, Message="x")[0] == "AuthorizationError", "the default policy lets no user"
    statement = {
        "Sid": "worker",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:user/worker"},
        "Action": "SNS:Publish",
        "Resource": topic,
    }
    document = policy(house, topic)
    document["Statement"].append(statement)
    house.sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(document))
    assert worker.publish(TopicArn=topic, Message="x")["MessageId"]
    house.sns.remove_permission(TopicArn=topic, Label="worker")
    assert refusal(worker.publish, TopicArn=topic, Message="x")[0] == "AuthorizationError"
