"""The Policy attribute, and AddPermission and RemovePermission, which edit it.

Sources: the SQS API reference; what AWS was recorded to write into the policy and to answer (LocalStack's snapshots). The
policy is kept and given back; that it is not enforced yet is said in the README.
"""

import json

import pytest
from conftest import fresh_name
from conversation import attributes_of, refusal, refused_with

INVALID = ("InvalidParameterValue", "InvalidParameterValueException", 400)
ROOT, OTHER = "111111111111", "668614515564"


def arn_of(sqs, url):
    return attributes_of(sqs, url, "QueueArn")["QueueArn"]


def policy_of(sqs, url):
    text = attributes_of(sqs, url, "Policy").get("Policy")
    return None if text is None else json.loads(text)


def statement(arn, sid, principal=f"arn:aws:iam::{ROOT}:root", action="SQS:ReceiveMessage"):
    return {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": arn}


def add(sqs, url, label, accounts=(ROOT,), actions=("ReceiveMessage",)):
    sqs.add_permission(QueueUrl=url, Label=label, AWSAccountIds=list(accounts), Actions=list(actions))


def test_a_permission_becomes_a_policy_as_aws_writes_it(sqs, queue):
    add(sqs, queue, "one")
    arn = arn_of(sqs, queue)
    expected = {"Version": "2008-10-17", "Id": f"{arn}/SQSDefaultPolicy", "Statement": [statement(arn, "one")]}
    assert policy_of(sqs, queue) == expected
    assert json.loads(attributes_of(sqs, queue, "All")["Policy"]) == expected


def test_several_accounts_and_actions_stand_in_lists(sqs, queue):
    add(sqs, queue, "many", [OTHER, ROOT], ["SendMessage", "*"])
    roots = [f"arn:aws:iam::{OTHER}:root", f"arn:aws:iam::{ROOT}:root"]
    expected = statement(arn_of(sqs, queue), "many", roots, ["SQS:SendMessage", "SQS:*"])
    assert policy_of(sqs, queue)["Statement"] == [expected]


def test_permissions_come_and_go_by_label_and_the_last_takes_the_policy_along(sqs, queue):
    add(sqs, queue, "first")
    *facts, message = refusal(sqs.add_permission, QueueUrl=queue, Label="first", AWSAccountIds=[OTHER], Actions=["*"])
    assert (*facts, message) == (*INVALID, "Value first for parameter Label is invalid. Reason: Already exists.")
    add(sqs, queue, "second")
    assert [entry["Sid"] for entry in policy_of(sqs, queue)["Statement"]] == ["first", "second"]
    *facts, message = refusal(sqs.remove_permission, QueueUrl=queue, Label="third")
    reason = "Reason: can't find label on existing policy."
    assert (*facts, message) == (*INVALID, f"Value third for parameter Label is invalid. {reason}")
    sqs.remove_permission(QueueUrl=queue, Label="first")
    assert [entry["Sid"] for entry in policy_of(sqs, queue)["Statement"]] == ["second"]
    sqs.remove_permission(QueueUrl=queue, Label="second")
    assert policy_of(sqs, queue) is None and "Policy" not in attributes_of(sqs, queue, "All")
    *facts, message = refusal(sqs.remove_permission, QueueUrl=queue, Label="second")
    assert (*facts, message) == (*INVALID, "Value second for parameter Label is invalid. Reason: can't find label.")


SEVEN = ["SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes", "GetQueueUrl"]
REFUSED = [
    ("no action", {"Actions": []}, "MissingParameter", "The request must contain the parameter Actions."),
    (
        "no account",
        {"AWSAccountIds": []},
        "InvalidParameterValue",
        "Value [] for parameter PrincipalId is invalid. Reason: Unable to verify.",
    ),
    (
        "no account of twelve digits",
        {"AWSAccountIds": ["12"]},
        "InvalidParameterValue",
        "Value [12] for parameter PrincipalId is invalid. Reason: Unable to verify.",
    ),
    ("eight actions", {"Actions": [*SEVEN, "PurgeQueue", "*"]}, "OverLimit", "8 Actions were found, maximum allowed is 7."),
    (
        "an action of the owner alone",
        {"Actions": ["DeleteQueue"]},
        "InvalidParameterValue",
        "Value SQS:DeleteQueue for parameter ActionName is invalid. "
        "Reason: Only the queue owner is allowed to invoke this action.",
    ),
    (
        "a label with a space",
        {"Label": "a b"},
        "InvalidParameterValue",
        "Value a b for parameter Label is invalid. "
        "Reason: Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
    ),
]


@pytest.mark.parametrize(("fact", "change", "code", "text"), REFUSED, ids=[fact for fact, *_ in REFUSED])
def test_a_permission_is_refused_for(sqs, queue, fact, change, code, text):
    given = {"QueueUrl": queue, "Label": "l", "AWSAccountIds": [ROOT], "Actions": ["*"], **change}
    got, _, status, message = refusal(sqs.add_permission, **given)
    assert (got, status, message) == (code, 403 if code == "OverLimit" else 400, text)
    assert policy_of(sqs, queue) is None


def test_seven_actions_are_taken(sqs, queue):
    add(sqs, queue, "seven", actions=[*SEVEN, "PurgeQueue"])
    assert len(policy_of(sqs, queue)["Statement"][0]["Action"]) == 7


def test_permissions_of_a_missing_queue_are_refused(sqs, queue):
    missing = {"QueueUrl": queue + "-missing", "Label": "l"}
    for call, rest in [(sqs.add_permission, {"AWSAccountIds": [ROOT], "Actions": ["*"]}), (sqs.remove_permission, {})]:
        assert refused_with(call, **missing, **rest) == "AWS.SimpleQueueService.NonExistentQueue"


def policy(**change):
    own = {"Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*", **change}
    return json.dumps({"Version": "2012-10-17", "Statement": [own]})


def test_a_policy_is_given_back_as_it_was_set_and_an_empty_one_takes_it_away(sqs, make_queue):
    given = policy(Condition={"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:111111111111:t"}})
    url = make_queue(Policy=given)
    assert attributes_of(sqs, url, "Policy") == {"Policy": given}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "4"})
    assert attributes_of(sqs, url, "Policy") == {"Policy": given}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert attributes_of(sqs, url, "Policy") == {}


@pytest.mark.parametrize(
    "wrong",
    ["no json", "[]", "{}", "x" * 9000, policy(Effect="Perhaps"), policy(Action="s3:GetObject"), policy(Who="me")],
    ids=["no json", "a list", "no statement", "too long", "another effect", "another service", "an unknown member"],
)
def test_what_is_no_policy_is_refused_and_changes_nothing(sqs, make_queue, wrong):
    url = make_queue(Policy=policy())
    given = {"Policy": wrong, "DelaySeconds": "9"}
    code, shape, status, message = refusal(sqs.set_queue_attributes, QueueUrl=url, Attributes=given)
    assert (code, shape, status) == ("InvalidAttributeValue", "InvalidAttributeValue", 400)
    assert message == "Invalid value for the parameter Policy."
    assert attributes_of(sqs, url, "Policy", "DelaySeconds") == {"Policy": policy(), "DelaySeconds": "0"}


def test_creating_again_compares_policies_by_their_meaning(sqs):
    name, document = fresh_name(), json.loads(policy())
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": json.dumps(document)})["QueueUrl"]
    turned = json.dumps(dict(reversed(document.items())), indent=2)
    assert sqs.create_queue(QueueName=name, Attributes={"Policy": turned})["QueueUrl"] == url
    code, *_, message = refusal(sqs.create_queue, QueueName=name, Attributes={"Policy": policy(Effect="Deny")})
    assert code == "QueueAlreadyExists" and message.endswith("a different value for attribute Policy")
