"""What boto3 shows of identities: every field parsed, every error under AWS's code. Source: the API reference of IAM and STS."""

import datetime
import json

import pytest
from botocore.exceptions import ClientError

from conftest import client
from quiet_client import fresh

ALLOW = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}})
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
    }
)


def code(call, **given):
    with pytest.raises(ClientError) as refused:
        call(**given)
    return refused.value.response["Error"]["Code"], refused.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_user_comes_back_as_it_was_made(iam):
    name = fresh("user")
    made = iam.create_user(UserName=name, Path="/staff/", Tags=[{"Key": "Team", "Value": "blue"}])["User"]
    assert made["Arn"].endswith(f":user/staff/{name}") and made["UserId"].startswith("AIDA")
    assert isinstance(made["CreateDate"], datetime.datetime)
    assert iam.get_user(UserName=name)["User"] == made
    assert iam.list_user_tags(UserName=name)["Tags"] == [{"Key": "Team", "Value": "blue"}]
    assert name in [user["UserName"] for user in iam.list_users(PathPrefix="/staff/")["Users"]]
    iam.delete_user(UserName=name)
    assert code(iam.get_user, UserName=name) == ("NoSuchEntity", 404)


def test_documents_come_back_as_documents(iam):
    role = fresh("role")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)
    assert iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"] == json.loads(TRUST)
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=ALLOW)
    assert iam.get_role_policy(RoleName=role, PolicyName="p")["PolicyDocument"] == json.loads(ALLOW)
    policy = iam.create_policy(PolicyName=fresh("policy"), PolicyDocument=ALLOW)["Policy"]
    version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId="v1")["PolicyVersion"]
    assert version["Document"] == json.loads(ALLOW) and version["IsDefaultVersion"]


def test_errors_have_the_codes_of_aws(iam):
    user = fresh("user")
    iam.create_user(UserName=user)
    assert code(iam.create_user, UserName=user) == ("EntityAlreadyExists", 409)
    assert code(iam.create_user, UserName="a b") == ("ValidationError", 400)
    assert code(iam.create_policy, PolicyName="p", PolicyDocument="{") == ("MalformedPolicyDocument", 400)
    iam.create_access_key(UserName=user)
    iam.create_access_key(UserName=user)
    assert code(iam.create_access_key, UserName=user) == ("LimitExceeded", 409)
    assert code(iam.delete_user, UserName=user) == ("DeleteConflict", 409)


def test_pages_follow_each_other(iam):
    path = f"/{fresh('p')}/"
    names = sorted(fresh("user") for _ in range(5))
    for name in names:
        iam.create_user(UserName=name, Path=path)
    pages = iam.get_paginator("list_users").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2})
    assert [[user["UserName"] for user in page["Users"]] for page in pages] == [names[:2], names[2:4], names[4:]]


def test_what_terraform_does_with_a_role(iam):
    """aws_iam_role, aws_iam_policy and their attachment: made, read, changed and taken away, in the provider's order."""
    role, name = fresh("role"), fresh("policy")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST, MaxSessionDuration=7200, Path="/", Description="")
    iam.get_role(RoleName=role)
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == []
    arn = iam.create_policy(PolicyName=name, PolicyDocument=ALLOW)["Policy"]["Arn"]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == [{"PolicyName": name, "PolicyArn": arn}]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW, SetAsDefault=True)
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(one["VersionId"], one["IsDefaultVersion"]) for one in versions] == [("v2", True), ("v1", False)]
    iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)
    assert iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"] == []
    iam.delete_role(RoleName=role)
    assert code(iam.get_role, RoleName=role) == ("NoSuchEntity", 404)


def test_a_key_that_the_server_made_is_its_user(iam):
    user = fresh("user")
    arn = iam.create_user(UserName=user)["User"]["Arn"]
    key = iam.create_access_key(UserName=user)["AccessKey"]
    me = client("sts", keys=key).get_caller_identity()
    assert me["Arn"] == arn and me["UserId"].startswith("AIDA")
    assert client("sts").get_access_key_info(AccessKeyId=key["AccessKeyId"])["Account"] == me["Account"]


def test_a_session_of_a_role_is_the_role(iam, sts):
    role = fresh("role")
    made = iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)["Role"]
    answer = sts.assume_role(RoleArn=made["Arn"], RoleSessionName="deploy", DurationSeconds=900)
    left = answer["Credentials"]["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(seconds=800) < left <= datetime.timedelta(seconds=900)
    me = client("sts", keys=answer["Credentials"]).get_caller_identity()
    assert me["Arn"].endswith(f":assumed-role/{role}/deploy")
    assert me["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"] == f"{made['RoleId']}:deploy"
    assert code(sts.assume_role, RoleArn=made["Arn"], RoleSessionName="deploy", DurationSeconds=7200)[0] == "ValidationError"


def test_a_simulation_says_what_decides(iam):
    answer = iam.simulate_custom_policy(
        PolicyInputList=[ALLOW], ActionNames=["sqs:SendMessage", "sns:Publish"], ResourceArns=["*"]
    )
    results = answer["EvaluationResults"]
    assert [one["EvalDecision"] for one in results] == ["allowed", "implicitDeny"]
    assert results[0]["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.1"
