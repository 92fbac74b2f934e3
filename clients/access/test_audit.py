"""The audit log of `tidewire serve`: who it says asked, what was allowed, denied and unsigned, and no secret in any of its files.

Source: CloudTrail User Guide, "CloudTrail userIdentity element". Shape, rotation under load and full disks are in `guards`.
"""

import json
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from conftest import REGION, Keys, allow, policy, refused

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
BODY = "a body that is nobody's business"


@pytest.fixture
def audited(tmp_path, serve):
    """A server whose audit log is begun anew every 16 KiB; gives it and what reads the log once the server has stopped."""
    file = tmp_path / "audit" / "audit.jsonl"
    names = {"EVENTS": "all", "FILE": str(file), "FILE_SIZE": "16KiB", "FILES": "16"}
    environment = {f"TIDEWIRE_AUDIT_{name}": value for name, value in names.items()}

    def files():
        house.server.stop()
        return sorted(file.parent.iterdir(), key=lambda path: -int(path.suffix[1:]) if path.suffix[1:].isdigit() else 0)

    house = serve(**environment)
    return house, files


def test_everybody_is_told_apart_and_no_secret_is_kept(audited):
    house, files = audited
    url, arn = house.queue()
    iam = house.client("iam", house.root)
    name, keys = house.user(allow("sqs:SendMessage", arn), allow(["sts:AssumeRole", "sts:GetFederationToken"], "*"))
    user = house.client("sqs", keys)
    user.send_message(QueueUrl=url, MessageBody=BODY)
    refused("AccessDenied", user.purge_queue, QueueUrl=url)
    trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": house.account}})
    role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust)["Role"]
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=policy(allow("sqs:ListQueues", "*")))
    sts = house.client("sts", keys)
    session = Keys.of(sts.assume_role(RoleArn=role["Arn"], RoleSessionName="laptop")["Credentials"])
    house.client("sqs", session).list_queues()
    guest = Keys.of(sts.get_federation_token(Name="guest", Policy=policy(allow("sqs:*", "*")))["Credentials"])
    refused("AccessDenied", house.client("sqs", guest).delete_queue, QueueUrl=url)
    sealed, sealed_arn = house.queue(KmsMasterKeyId=house.key())
    _, keyless = house.user(allow("sqs:SendMessage", sealed_arn))
    refused("KMS.AccessDeniedException", house.client("sqs", keyless).send_message, QueueUrl=sealed, MessageBody=BODY)
    forger = Keys(keys.arguments["aws_access_key_id"], "guessed")
    refused("SignatureDoesNotMatch", house.client("sqs", forger).list_queues)
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{url}?Action=ReceiveMessage&Version=2012-11-05", timeout=20)
    for number in range(40):
        with pytest.raises(ClientError):
            house.client("sqs", session).delete_queue(QueueUrl=url)

    kept = files()
    assert len(kept) > 1 and all(file.stat().st_size <= 16 * 1024 and file.stat().st_mode & 0o007 == 0 for file in kept)
    text = "".join(file.read_text() for file in kept)
    for held in (house.root, keys, session, guest):
        for secret in (held.arguments["aws_secret_access_key"], held.arguments["aws_session_token"]):
            assert secret is None or secret not in text
    assert BODY not in text
    records = [json.loads(line) for line in text.splitlines()]

    def found(event, **identity):
        fits = [each for each in records if each["eventName"] == event and identity.items() <= each["userIdentity"].items()]
        assert fits, (event, identity)
        return fits[0]

    who = f"arn:aws:iam::{house.account}:user/{name}"
    root = {"type": "Root", "arn": f"arn:aws:iam::{house.account}:root", "principalId": house.account}
    made = found("CreateAccessKey", **root)
    assert made["userIdentity"]["accessKeyId"] == house.root.arguments["aws_access_key_id"]
    assert made["eventSource"] == "iam.amazonaws.com" and made["responseElements"]["accessKey"]["secretAccessKey"] == HIDDEN
    mine = {"type": "IAMUser", "arn": who, "userName": name, "accessKeyId": keys.arguments["aws_access_key_id"]}
    sent = found("SendMessage", **mine)
    assert "errorCode" not in sent and sent["requestParameters"]["messageBody"] == HIDDEN
    assert sent["resources"] == [{"accountId": house.account, "type": "AWS::SQS::Queue", "ARN": arn}]
    denied = found("PurgeQueue", **mine)
    assert denied["errorCode"].startswith("AccessDenied") and f"User: {who} is not authorized" in denied["errorMessage"]
    assert denied["responseElements"] is None and denied["awsRegion"] == REGION
    assert denied["additionalEventData"]["deniedBy"] == "no identity-based policy allows it"
    inside = found("SendMessage", accessKeyId=keyless.arguments["aws_access_key_id"])
    assert inside["errorCode"] == "KmsAccessDenied" and inside["additionalEventData"] == {"deniedBy": "no identity-based policy allows it"}
    assumed = found("AssumeRole", **mine)
    assert assumed["requestParameters"]["roleArn"] == role["Arn"]
    assert session.arguments["aws_access_key_id"] in json.dumps(assumed["responseElements"])
    as_role = found("ListQueues", type="AssumedRole", principalId=f"{role['RoleId']}:laptop")["userIdentity"]
    assert as_role["arn"] == f"arn:aws:sts::{house.account}:assumed-role/worker/laptop"
    assert as_role["sessionContext"]["sessionIssuer"] == {
        "type": "Role",
        "principalId": role["RoleId"],
        "arn": role["Arn"],
        "accountId": house.account,
        "userName": "worker",
    }
    federated = {"type": "FederatedUser", "arn": f"arn:aws:sts::{house.account}:federated-user/guest"}
    assert found("DeleteQueue", **federated)["errorCode"].startswith("AccessDenied")
    nobody = found("ReceiveMessage", type="AWSAccount", principalId="anonymous")
    assert nobody["errorCode"].startswith("AccessDenied") and "accessKeyId" not in nobody["userIdentity"]
    forged = found("ListQueues", type="Unknown", accessKeyId=keys.arguments["aws_access_key_id"])
    assert forged["errorCode"] and "arn" not in forged["userIdentity"]
    refusals = [each for each in records if each["eventName"] == "DeleteQueue" and each["userIdentity"]["type"] == "AssumedRole"]
    assert len(refusals) == 40, "no line is lost between two files"


def test_management_is_kept_without_being_asked_for(tmp_path, serve):
    house = serve()
    url, _ = house.queue()
    house.client("sqs", house.root).send_message(QueueUrl=url, MessageBody=BODY)
    house.server.stop()
    lines = (tmp_path / "data" / "audit" / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["eventName"] for line in lines] == ["GetCallerIdentity", "CreateQueue"]
