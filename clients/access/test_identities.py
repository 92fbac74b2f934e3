"""Identities over `tidewire serve` as boto3 shows them: users, keys, roles of two accounts, sessions, boundaries, escalation.

Sources: the API reference of IAM and STS for codes and statuses; IAM User Guide, "Policy evaluation logic", "Permissions boundaries
for IAM entities", "The confused deputy problem" (external ids). Invariant: what is refused has changed nothing.
"""

import datetime
import pathlib

import botocore.auth
import botocore.crt.auth
import pytest
from botocore.exceptions import ClientError
from conftest import NEIGHBOUR, REGION, Keys, allow, fresh, policy, refused

EVERYTHING = allow("*", "*")
AHEAD = datetime.timedelta(minutes=16)
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def told(call, **arguments):
    """Code and status of a refusal."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def role(iam, principal, *statements, actions=("sts:AssumeRole",), condition=None):
    """A role that `principal` may assume: its name and ARN."""
    name, trust = fresh("role"), {"Effect": "Allow", "Action": list(actions), "Principal": principal}
    if condition:
        trust["Condition"] = condition
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(*statements))
    return name, arn


def session(house, keys, **words):
    """The keys of a session."""
    return Keys.of(house.client("sts", keys).assume_role(RoleSessionName="s1", **words)["Credentials"])


def test_errors_have_their_codes_and_statuses(house):
    iam, name = house.client("iam", house.root), fresh("user")
    iam.create_user(UserName=name)
    assert told(iam.create_user, UserName=name.upper()) == ("EntityAlreadyExists", 409)
    assert told(iam.get_user, UserName=name + "x") == ("NoSuchEntity", 404)
    assert told(iam.put_user_policy, UserName=name, PolicyName="p", PolicyDocument="{}") == ("MalformedPolicyDocument", 400)
    assert told(iam.attach_user_policy, UserName=name, PolicyArn="arn:aws:iam::aws:policy/None") == ("NoSuchEntity", 404)
    assert told(iam.update_access_key, UserName=name, AccessKeyId="A" * 20, Status="Inactive") == ("NoSuchEntity", 404)
    iam.create_access_key(UserName=name)
    assert told(iam.delete_user, UserName=name) == ("DeleteConflict", 409)
    sts = house.client("sts", house.user()[1])
    assert told(sts.assume_role, RoleArn="arn:aws:iam::1:user/x", RoleSessionName="s1") == ("ValidationError", 400)
    assert told(house.client("iam", house.user()[1]).list_users) == ("AccessDenied", 403)
    assert told(house.client("iam", Keys("AKIAIOSFODNN7EXAMPLE", "x")).list_users) == ("InvalidClientTokenId", 403)
    assert told(house.client("sts", Keys(house.root.arguments["aws_access_key_id"], "x")).get_caller_identity) == (
        "SignatureDoesNotMatch",
        403,
    )


def test_the_root_user_may_not_assume_roles(house):
    _, arn = role(house.client("iam", house.root), {"AWS": house.account})
    message = refused("AccessDenied", house.client("sts", house.root).assume_role, RoleArn=arn, RoleSessionName="s1")
    assert message == "Roles may not be assumed by root accounts."


def test_a_role_of_another_account_takes_both_accounts_and_the_external_id(house):
    name, keys = house.user()
    theirs, ours = house.client("iam", house.neighbour), house.client("iam", house.root)
    condition = {"StringEquals": {"sts:ExternalId": "contract-7"}}
    role_name, arn = role(theirs, {"AWS": house.account}, allow("sqs:*", "*"), condition=condition)
    assert arn == f"arn:aws:iam::{NEIGHBOUR}:role/{role_name}"
    sts, words = house.client("sts", keys), {"RoleArn": arn, "RoleSessionName": "visit"}
    message = refused("AccessDenied", sts.assume_role, ExternalId="contract-7", **words)
    who = f"arn:aws:iam::{house.account}:user/{name}"
    assert message.startswith(f"User: {who} is not authorized to perform: sts:AssumeRole on resource: {arn}")
    ours.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(allow("sts:AssumeRole", arn)))
    refused("AccessDenied", sts.assume_role, **words)
    refused("AccessDenied", sts.assume_role, ExternalId="contract-8", **words)
    answer = sts.assume_role(ExternalId="contract-7", **words)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{NEIGHBOUR}:assumed-role/{role_name}/visit"
    visitor = Keys.of(answer["Credentials"])
    assert house.client("sts", visitor).get_caller_identity()["Account"] == NEIGHBOUR
    queue = house.client("sqs", visitor).create_queue(QueueName=fresh("q"))["QueueUrl"]
    assert f"/{NEIGHBOUR}/" in queue
    refused("AccessDenied", house.client("sqs", visitor).send_message, QueueUrl=house.queue()[0], MessageBody="m")
    # What the other account takes away is gone from the session at once.
    theirs.update_assume_role_policy(
        RoleName=role_name, PolicyDocument=policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": NEIGHBOUR}})
    )
    refused("AccessDenied", sts.assume_role, ExternalId="contract-7", **words)
    theirs.delete_role_policy(RoleName=role_name, PolicyName="own")
    refused("AccessDenied", house.client("sqs", visitor).list_queues)
    theirs.delete_role(RoleName=role_name)
    assert told(house.client("sqs", visitor).list_queues) == ("InvalidClientTokenId", 403)


def test_an_account_sees_its_own_identities_alone(house):
    name, _ = house.user()
    theirs = house.client("iam", house.neighbour)
    assert name not in [user["UserName"] for user in theirs.list_users()["Users"]]
    assert told(theirs.delete_user, UserName=name) == ("NoSuchEntity", 404)
    arn = house.client("iam", house.root).create_policy(PolicyName=fresh("p"), PolicyDocument=policy(EVERYTHING))["Policy"]["Arn"]
    their_user = fresh("user")
    theirs.create_user(UserName=their_user)
    assert told(theirs.attach_user_policy, UserName=their_user, PolicyArn=arn)[0] in ("NoSuchEntity", "AccessDenied")
    assert told(theirs.create_policy_version, PolicyArn=arn, PolicyDocument=policy(EVERYTHING))[0] in ("NoSuchEntity", "AccessDenied")


def test_a_session_policy_narrows_and_never_widens(house):
    url, arn = house.queue()
    _, keys = house.user(allow("sts:AssumeRole", "*"))
    _, role_arn = role(house.client("iam", house.root), {"AWS": house.account}, allow(["sqs:SendMessage", "sqs:ReceiveMessage"], arn))
    narrowed = house.client("sqs", session(house, keys, RoleArn=role_arn, Policy=policy(allow("sqs:SendMessage", "*"))))
    narrowed.send_message(QueueUrl=url, MessageBody="m")
    message = refused("AccessDenied", narrowed.receive_message, QueueUrl=url)
    assert message.endswith("because no session policy allows the sqs:receivemessage action")
    widened = house.client("sqs", session(house, keys, RoleArn=role_arn, Policy=policy(EVERYTHING)))
    widened.send_message(QueueUrl=url, MessageBody="m")
    refused("AccessDenied", widened.delete_queue, QueueUrl=url)
    managed = {"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"}]}
    refused("AccessDenied", house.client("sqs", session(house, keys, RoleArn=role_arn, **managed)).send_message, QueueUrl=url, MessageBody="m")
    sts, words = house.client("sts", keys), {"RoleArn": role_arn, "RoleSessionName": "s1"}
    assert told(sts.assume_role, Policy="{", **words) == ("MalformedPolicyDocument", 400)
    long = policy(allow("sqs:*", "arn:aws:sqs:*:*:" + "x" * 2048))
    assert told(sts.assume_role, Policy=long, **words) == ("PackedPolicyTooLarge", 400)


def test_a_boundary_is_the_most_that_a_user_has(house):
    url, arn = house.queue()
    iam, (name, keys) = house.client("iam", house.root), house.user(EVERYTHING)
    only = policy(allow("sqs:SendMessage", arn))
    boundary = iam.create_policy(PolicyName=fresh("boundary"), PolicyDocument=only)["Policy"]["Arn"]
    sqs = house.client("sqs", keys)
    sqs.get_queue_attributes(QueueUrl=url)
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=boundary)
    assert iam.get_user(UserName=name)["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    sqs.send_message(QueueUrl=url, MessageBody="m")
    message = refused("AccessDenied", sqs.get_queue_attributes, QueueUrl=url)
    assert message.endswith("because no permissions boundary allows the sqs:getqueueattributes action")
    assert told(iam.delete_policy, PolicyArn=boundary) == ("DeleteConflict", 409)
    iam.delete_user_permissions_boundary(UserName=name)
    sqs.get_queue_attributes(QueueUrl=url)


def test_sessions_of_sessions_are_short_and_tags_travel(house):
    iam = house.client("iam", house.root)
    name, keys = house.user(allow(["sts:AssumeRole", "sts:TagSession"], "*"))
    both = ("sts:AssumeRole", "sts:TagSession")
    _, first = role(iam, {"AWS": house.account}, allow("sts:*", "*"), actions=both)
    tagged = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
    _, second = role(iam, {"AWS": house.account}, actions=both, condition=tagged)
    plain = session(house, keys, RoleArn=first)
    refused("AccessDenied", house.client("sts", plain).assume_role, RoleArn=second, RoleSessionName="s2")
    words = {"Tags": [{"Key": "team", "Value": "blue"}], "TransitiveTagKeys": ["team"]}
    sts = house.client("sts", session(house, keys, RoleArn=first, **words))
    assert told(sts.assume_role, RoleArn=second, RoleSessionName="s2", DurationSeconds=3601) == ("ValidationError", 400)
    sts.assume_role(RoleArn=second, RoleSessionName="s2", DurationSeconds=3600)
    again = {"RoleArn": second, "RoleSessionName": "s2", "Tags": [{"Key": "Team", "Value": "red"}]}
    assert told(sts.assume_role, **again) == ("InvalidParameterValue", 400)
    assert told(sts.get_session_token) == ("AccessDenied", 403)


def test_temporary_keys_of_a_user_are_the_user_and_reach_no_iam(house):
    url, arn = house.queue()
    name, keys = house.user(EVERYTHING)
    temporary = Keys.of(house.client("sts", keys).get_session_token(DurationSeconds=900)["Credentials"])
    assert house.client("sts", temporary).get_caller_identity()["Arn"].endswith(f":user/{name}")
    house.client("sqs", temporary).send_message(QueueUrl=url, MessageBody="m")
    assert told(house.client("iam", temporary).list_users) == ("InvalidClientTokenId", 403)
    guest = house.client("sts", keys).get_federation_token(Name="guest", Policy=policy(allow("sqs:SendMessage", arn)))
    guest = Keys.of(guest["Credentials"])
    house.client("sqs", guest).send_message(QueueUrl=url, MessageBody="m")
    refused("AccessDenied", house.client("sqs", guest).receive_message, QueueUrl=url)
    assert told(house.client("iam", guest).list_users) == ("InvalidClientTokenId", 403)
    assert house.client("sts", guest).get_caller_identity()["Arn"].endswith(":federated-user/guest")
    for key in (house.root, keys):
        guest = house.client("sts", key).get_federation_token(Name="guest", Policy=policy(EVERYTHING))
        sts = house.client("sts", Keys.of(guest["Credentials"]))
        _, open_to_all = role(house.client("iam", house.root), {"AWS": house.account})
        assert told(sts.assume_role, RoleArn=open_to_all, RoleSessionName="s2") == ("AccessDenied", 403)
        house.client("sqs", Keys.of(guest["Credentials"])).send_message(QueueUrl=url, MessageBody="m")
    guest = house.client("sts", keys).get_federation_token(Name="guest", Policy=policy(allow("sqs:SendMessage", arn)))
    guest = Keys.of(guest["Credentials"])
    house.client("iam", house.root).put_user_policy(
        UserName=name, PolicyName="d", PolicyDocument=policy({"Effect": "Deny", "Action": "*", "Resource": "*"})
    )
    for taken in (temporary, guest):
        refused("AccessDenied", house.client("sqs", taken).send_message, QueueUrl=url, MessageBody="m")


def deputy_of(house):
    """Somebody who may make users of a team, within a boundary: name, keys, boundary."""
    iam = house.client("iam", house.root)
    boundary = iam.create_policy(PolicyName=fresh("boundary"), PolicyDocument=policy(allow("sqs:ListQueues", "*")))["Policy"]["Arn"]
    team = f"arn:aws:iam::{house.account}:user/team/*"
    bounded = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    making = allow(["iam:CreateUser", "iam:PutUserPolicy", "iam:AttachUserPolicy"], team, Condition=bounded)
    name, keys = house.user(making, allow("iam:CreateAccessKey", team), allow(["iam:Get*", "iam:List*", "iam:PassRole"], "*"))
    return name, keys, boundary


def test_a_deputy_makes_users_within_a_boundary_and_none_beyond_it(house):
    _, keys, boundary = deputy_of(house)
    iam, member = house.client("iam", keys), fresh("member")
    administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
    refused("AccessDenied", iam.create_user, UserName=member, Path="/team/")
    refused("AccessDenied", iam.create_user, UserName=member, Path="/team/", PermissionsBoundary=administrator)
    refused("AccessDenied", iam.create_user, UserName=member, PermissionsBoundary=boundary)
    iam.create_user(UserName=member, Path="/team/", PermissionsBoundary=boundary)
    iam.put_user_policy(UserName=member, PolicyName="p", PolicyDocument=policy(EVERYTHING))
    iam.attach_user_policy(UserName=member, PolicyArn=administrator)
    refused("AccessDenied", iam.delete_user_permissions_boundary, UserName=member)
    refused("AccessDenied", iam.put_user_permissions_boundary, UserName=member, PermissionsBoundary=administrator)
    made = Keys.of(iam.create_access_key(UserName=member)["AccessKey"])
    house.client("sqs", made).list_queues()
    refused("AccessDenied", house.client("sqs", made).create_queue, QueueName=fresh("q"))
    refused("AccessDenied", house.client("iam", made).delete_user_permissions_boundary, UserName=member)


def test_no_way_to_more_privileges_is_open(house):
    """The ways that are known: Rhino Security Labs, "AWS IAM Privilege Escalation Methods", as far as the operations are here."""
    name, keys, boundary = deputy_of(house)
    root, iam, sts = house.client("iam", house.root), house.client("iam", keys), house.client("sts", keys)
    admin, _ = house.user(EVERYTHING)
    admins, admin_key = fresh("admins"), root.list_access_keys(UserName=admin)["AccessKeyMetadata"][0]["AccessKeyId"]
    root.create_group(GroupName=admins)
    root.attach_group_policy(GroupName=admins, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    admin_role, admin_role_arn = role(root, {"AWS": f"arn:aws:iam::{house.account}:user/{admin}"}, EVERYTHING)
    own = root.create_policy(PolicyName=fresh("own"), PolicyDocument=policy(allow("sqs:ListQueues", "*")))["Policy"]["Arn"]
    root.attach_user_policy(UserName=name, PolicyArn=own)
    root.create_policy_version(PolicyArn=own, PolicyDocument=policy(EVERYTHING))
    before = root.get_account_authorization_details()
    everything, managed = policy(EVERYTHING), {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{house.account}:user/{name}"}})
    for call, words in [
        (iam.create_policy_version, {"PolicyArn": own, "PolicyDocument": everything, "SetAsDefault": True}),
        (iam.set_default_policy_version, {"PolicyArn": own, "VersionId": "v2"}),
        (iam.create_policy_version, {"PolicyArn": boundary, "PolicyDocument": everything, "SetAsDefault": True}),
        (iam.create_access_key, {"UserName": admin}),
        (iam.update_access_key, {"UserName": admin, "AccessKeyId": admin_key, "Status": "Inactive"}),
        (iam.delete_access_key, {"UserName": admin, "AccessKeyId": admin_key}),
        (iam.attach_user_policy, {"UserName": name, **managed}),
        (iam.attach_group_policy, {"GroupName": admins, **managed}),
        (iam.attach_role_policy, {"RoleName": admin_role, **managed}),
        (iam.put_user_policy, {"UserName": name, "PolicyName": "p", "PolicyDocument": everything}),
        (iam.put_group_policy, {"GroupName": admins, "PolicyName": "p", "PolicyDocument": everything}),
        (iam.put_role_policy, {"RoleName": admin_role, "PolicyName": "p", "PolicyDocument": everything}),
        (iam.add_user_to_group, {"GroupName": admins, "UserName": name}),
        (iam.update_assume_role_policy, {"RoleName": admin_role, "PolicyDocument": trust}),
        (iam.create_role, {"RoleName": fresh("role"), "AssumeRolePolicyDocument": trust}),
        (iam.update_user, {"UserName": name, "NewPath": "/team/"}),
        (iam.update_user, {"UserName": admin, "NewPath": "/team/"}),
        (iam.delete_user_policy, {"UserName": name, "PolicyName": "own"}),
        (iam.create_open_id_connect_provider, {"Url": "https://mallory.example", "ClientIDList": ["x"]}),
        (sts.assume_role, {"RoleArn": admin_role_arn, "RoleSessionName": "s1"}),
        (sts.get_federation_token, {"Name": "guest", "Policy": everything}),
    ]:
        assert told(call, **words) == ("AccessDenied", 403), (call.__name__, words)
    after = root.get_account_authorization_details()
    for details in (before, after):
        details.pop("ResponseMetadata")
    assert after == before, "what was refused changed something"


def test_the_last_use_of_keys_and_roles_is_shown(house):
    url, arn = house.queue()
    iam, (name, keys) = house.client("iam", house.root), house.user(allow(["sqs:SendMessage", "sts:AssumeRole"], "*"))
    key = {"AccessKeyId": keys.arguments["aws_access_key_id"]}
    never = iam.get_access_key_last_used(**key)
    assert never["UserName"] == name and never["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    forged = house.client("sqs", Keys(key["AccessKeyId"], "guessed"))
    refused("SignatureDoesNotMatch", forged.list_queues)
    assert iam.get_access_key_last_used(**key) | {"ResponseMetadata": 0} == never | {"ResponseMetadata": 0}, "a forger uses no key"
    house.client("sqs", keys).send_message(QueueUrl=url, MessageBody="m")
    used = iam.get_access_key_last_used(**key)["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("sqs", REGION)
    assert abs(datetime.datetime.now(datetime.timezone.utc) - used["LastUsedDate"]) < datetime.timedelta(minutes=2)
    role_name, role_arn = role(iam, {"AWS": house.account}, allow("sqs:*", "*"))
    worker = session(house, keys, RoleArn=role_arn)
    assert iam.get_role(RoleName=role_name)["Role"]["RoleLastUsed"] == {}
    house.client("sqs", worker).list_queues()
    last = iam.get_role(RoleName=role_name)["Role"]["RoleLastUsed"]
    assert last["Region"] == REGION and last["LastUsedDate"] >= used["LastUsedDate"]


def test_a_session_that_is_over_is_over(serve, monkeypatch):
    """A session of 15 minutes, asked with after a start whose clock is 16 minutes ahead."""
    if not pathlib.Path(FAKETIME).exists():
        pytest.skip("libfaketime is not there")
    house = serve()
    _, keys = house.user(EVERYTHING)
    _, arn = role(house.client("iam", house.root), {"AWS": house.account}, EVERYTHING)
    short = session(house, keys, RoleArn=arn, DurationSeconds=900)
    longer = session(house, keys, RoleArn=arn, DurationSeconds=3600)
    house.client("sqs", short).list_queues()
    assert house.server.stop() == 0
    now = botocore.auth.get_current_datetime
    # With awscrt beside it, botocore has some requests signed by that.
    for signer in (botocore.auth, botocore.crt.auth):
        monkeypatch.setattr(signer, "get_current_datetime", lambda *words, **more: now(*words, **more) + AHEAD)
    house = serve(LD_PRELOAD=FAKETIME, FAKETIME="+16m", FAKETIME_DONT_FAKE_MONOTONIC="1")
    house.client("sqs", longer).list_queues()
    for call in (house.client("sqs", short).list_queues, house.client("sts", short).get_caller_identity):
        assert told(call) == ("ExpiredToken", 403)
    assert told(house.client("kms", short).list_keys) == ("ExpiredTokenException", 400)
