"""`aws iam …` and `aws sts …` of both versions of the command line against `tidewire serve`: a user's whole life, roles, refusals.

Source: AWS CLI command reference; profiles with `role_arn`: User Guide of the command line, "Using an IAM role".
"""

import json

import pytest
from conftest import NEIGHBOUR, PROGRAMS, Keys, allow, command_line, fresh, policy


@pytest.fixture(params=PROGRAMS, ids=["awscli1", "awscli2"])
def aws(house, request):
    """Runs the command line with some keys."""

    def run(keys, *words, **variables):
        return command_line(house, request.param, keys, *words, **variables)

    return run


def test_a_users_life(house, aws):
    url, arn = house.queue()
    name, group = fresh("user"), fresh("group")
    root = house.root
    made = aws(root, "iam", "create-user", "--user-name", name, "--path", "/staff/", "--tags", "Key=team,Value=blue")
    assert made["User"]["Arn"] == f"arn:aws:iam::{house.account}:user/staff/{name}"
    assert aws(root, "iam", "get-user", "--user-name", name)["User"] == made["User"]
    keys = Keys.of(aws(root, "iam", "create-access-key", "--user-name", name)["AccessKey"])
    assert aws(keys, "sts", "get-caller-identity") == {
        "UserId": made["User"]["UserId"],
        "Account": house.account,
        "Arn": made["User"]["Arn"],
    }
    send = ["sqs", "send-message", "--queue-url", url, "--message-body", "m"]
    denied = aws(keys, *send)
    assert "(AccessDenied) when calling the SendMessage operation" in denied and f": User: {made['User']['Arn']} is not" in denied
    aws(root, "iam", "create-group", "--group-name", group)
    aws(root, "iam", "add-user-to-group", "--group-name", group, "--user-name", name)
    document = policy(allow("sqs:SendMessage", arn))
    managed = aws(root, "iam", "create-policy", "--policy-name", fresh("policy"), "--policy-document", document)["Policy"]["Arn"]
    aws(root, "iam", "attach-group-policy", "--group-name", group, "--policy-arn", managed)
    assert "MessageId" in aws(keys, *send)
    version = aws(root, "iam", "get-policy-version", "--policy-arn", managed, "--version-id", "v1")
    assert version["PolicyVersion"]["Document"] == json.loads(document)
    simulated = ["iam", "simulate-principal-policy", "--policy-source-arn", made["User"]["Arn"], "--resource-arns", arn]
    results = aws(root, *simulated, "--action-names", "sqs:SendMessage", "sqs:PurgeQueue")["EvaluationResults"]
    assert [one["EvalDecision"] for one in results] == ["allowed", "implicitDeny"]
    aws(root, "iam", "put-user-permissions-boundary", "--user-name", name, "--permissions-boundary", "arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    assert "no permissions boundary allows" in aws(keys, *send)
    aws(root, "iam", "delete-user-permissions-boundary", "--user-name", name)
    key = ["--user-name", name, "--access-key-id", keys.arguments["aws_access_key_id"]]
    aws(root, "iam", "update-access-key", "--status", "Inactive", *key)
    assert "(InvalidClientTokenId) when calling the SendMessage operation" in aws(keys, *send)
    assert aws(root, "iam", "list-access-keys", "--user-name", name)["AccessKeyMetadata"][0]["Status"] == "Inactive"
    assert "(DeleteConflict) when calling the DeleteUser operation" in aws(root, "iam", "delete-user", "--user-name", name)
    aws(root, "iam", "delete-access-key", *key)
    aws(root, "iam", "remove-user-from-group", "--group-name", group, "--user-name", name)
    aws(root, "iam", "delete-user", "--user-name", name)
    assert "(NoSuchEntity) when calling the GetUser operation" in aws(root, "iam", "get-user", "--user-name", name)
    assert "(InvalidClientTokenId)" in aws(keys, "sts", "get-caller-identity")


def test_a_role_of_another_account_with_an_external_id(house, aws):
    _, keys = house.user(allow("sts:AssumeRole", f"arn:aws:iam::{NEIGHBOUR}:role/*"))
    name, condition = fresh("role"), {"StringEquals": {"sts:ExternalId": "contract-7"}}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": house.account}, "Condition": condition}
    made = aws(house.neighbour, "iam", "create-role", "--role-name", name, "--assume-role-policy-document", policy(trust))
    aws(
        house.neighbour, "iam", "put-role-policy", "--role-name", name, "--policy-name", "p",
        "--policy-document", policy(allow("sqs:*", "*")),
    )  # fmt: skip
    assume = ["sts", "assume-role", "--role-arn", made["Role"]["Arn"], "--role-session-name", "visit"]
    assert "(AccessDenied) when calling the AssumeRole operation" in aws(keys, *assume)
    only = policy(allow("sqs:ListQueues", "*"))
    visitor = Keys.of(aws(keys, *assume, "--external-id", "contract-7", "--policy", only)["Credentials"])
    me = aws(visitor, "sts", "get-caller-identity")
    assert (me["Account"], me["Arn"]) == (NEIGHBOUR, f"arn:aws:sts::{NEIGHBOUR}:assumed-role/{name}/visit")
    assert "AccessDenied" not in aws(visitor, "sqs", "list-queues")
    assert "no session policy allows" in aws(visitor, "sqs", "create-queue", "--queue-name", fresh("q"))
    without = Keys(visitor.arguments["aws_access_key_id"], visitor.arguments["aws_secret_access_key"])
    assert "(InvalidClientTokenId)" in aws(without, "sqs", "list-queues")
    message = aws(house.root, "sts", "decode-authorization-message", "--encoded-message", "x")
    assert "(InvalidAuthorizationMessage" in message and "Message is not valid" in message


def test_a_profile_with_a_role_assumes_it(house, tmp_path):
    """Version 1 alone takes STS's endpoint from the environment."""
    name, keys = house.user(allow("sts:AssumeRole", "*"))
    role, iam = fresh("role"), house.client("iam", house.root)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{house.account}:user/{name}"}}
    role_arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    secret = keys.arguments
    file = tmp_path / "config"
    file.write_text(
        f"[profile worker]\nrole_arn = {role_arn}\nsource_profile = base\nrole_session_name = laptop\n[profile base]\n"
        f"aws_access_key_id = {secret['aws_access_key_id']}\naws_secret_access_key = {secret['aws_secret_access_key']}\n"
    )
    variables = {"AWS_CONFIG_FILE": str(file), "AWS_PROFILE": "worker", "AWS_ENDPOINT_URL": house.server.endpoint}
    me = command_line(house, PROGRAMS[0], None, "sts", "get-caller-identity", **variables)
    assert me["Arn"] == f"arn:aws:sts::{house.account}:assumed-role/{role}/laptop", me
