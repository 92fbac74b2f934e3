"""Service control policies and resource control policies by configuration: what stands over accounts, over real sockets.

Source: Organizations User Guide, "SCP evaluation", "Resource control policies". The words are those of IAM's denials.
"""

import json
import os
import signal
import time

import pytest
from botocore.exceptions import ClientError
from conftest import NEIGHBOUR, House, Keys, allow, of_neighbour, own_servers, policy, refused

MANAGER = "000000000000"


def deny(action, **more):
    return {"Effect": "Deny", "Action": action, "Resource": "*", **more}


def named(name, *statements):
    return {"Name": name, "Document": json.loads(policy(*statements))}


@pytest.fixture
def organized(tmp_path):
    """Gives the management account's house and a member's, of a server with these levels."""
    folder, file = tmp_path / "data", tmp_path / "organization.json"

    with own_servers() as make:
        neighbour = of_neighbour(make, folder)

        def start(*levels):
            file.write_text(json.dumps({"ManagementAccountId": MANAGER, "Levels": levels}))
            server = make(folder, mode="serve", environment={"TIDEWIRE_ORGANIZATION": str(file)}).start()
            manager, member = House(server, folder, neighbour), House(server, folder, None, root=neighbour)
            assert (manager.account, member.account) == (MANAGER, NEIGHBOUR)
            return manager, member

        start.file = file
        yield start


def until(condition, seconds=120):
    """Waits for what happens without a client being told."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


def test_a_member_may_what_every_level_allows_and_the_management_account_everything(organized):
    full, no_purge = "FullAWSAccess", named("no-purge", deny("sqs:PurgeQueue"))
    own = {"ServiceControlPolicies": [named("messages", allow(["sqs:*", "iam:*", "sts:*"], "*"))]}
    manager, member = organized({"ServiceControlPolicies": [full, no_purge]}, {**own, "Accounts": [NEIGHBOUR]})
    url, arn = member.queue()
    name, keys = member.user(allow("*", "*"))
    for who, held in ((member.arn(f"user/{name}"), keys), (member.arn("root"), member.root)):
        sqs = member.client("sqs", held)
        sqs.send_message(QueueUrl=url, MessageBody="m")
        assert refused("AccessDenied", sqs.purge_queue, QueueUrl=url) == (
            f"User: {who} is not authorized to perform: sqs:purgequeue on resource: {arn} "
            "with an explicit deny in a service control policy"
        )
        words = "because no service control policy allows the kms:ListKeys action"
        assert refused("AccessDeniedException", member.client("kms", held).list_keys).endswith(words)
        assert member.client("sts", held).get_caller_identity()["Arn"] == who
    url, _ = manager.queue()
    manager.client("sqs", manager.root).purge_queue(QueueUrl=url)
    manager.client("kms", manager.root).list_keys()


def test_a_session_of_a_member_is_below_its_levels_and_one_of_the_management_account_is_not(organized):
    manager, member = organized({"ServiceControlPolicies": ["FullAWSAccess", named("no-lists", deny("sqs:ListQueues"))]})
    for house, is_below in ((member, True), (manager, False)):
        _, keys = house.user(allow("sts:AssumeRole", "*"))
        trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": house.account}})
        role = house.client("iam", house.root).create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        iam = house.client("iam", house.root)
        iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=policy(allow("sqs:*", "*")))
        given = house.client("sts", keys).assume_role(RoleArn=role, RoleSessionName="s1")["Credentials"]
        sqs = house.client("sqs", Keys.of(given))
        if is_below:
            assert "service control policy" in refused("AccessDenied", sqs.list_queues)
        else:
            sqs.list_queues()


def test_what_controls_a_members_resources_is_in_force_for_whoever_asks(organized):
    outside = {"StringNotEquals": {"aws:PrincipalAccount": NEIGHBOUR}}
    control = named("inside-only", deny(["sqs:*", "kms:*"], Principal="*", Condition=outside))
    manager, member = organized({"Accounts": [NEIGHBOUR], "ResourceControlPolicies": [control]})
    url, arn = member.queue()
    open_to_all = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    sqs = member.client("sqs", member.root)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(open_to_all)})
    sqs.send_message(QueueUrl=url, MessageBody="m")
    theirs = manager.client("sqs", manager.root)
    assert refused("AccessDenied", theirs.send_message, QueueUrl=url, MessageBody="m").endswith(
        "with an explicit deny in a resource control policy"
    )
    # Of the management account nothing is controlled.
    url, arn = manager.queue()
    theirs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy({**open_to_all, "Resource": arn})})
    sqs.send_message(QueueUrl=url, MessageBody="m")


def test_a_changed_file_is_in_force_without_a_restart_and_a_broken_one_is_not(organized):
    def levels(*statements):
        return json.dumps({"Levels": [{"ServiceControlPolicies": ["FullAWSAccess", named("own", *statements)]}]})

    _, member = organized({"ServiceControlPolicies": ["FullAWSAccess"]})
    server, sqs = member.server, member.client("sqs", member.root)

    def may_list():
        try:
            sqs.list_queues()
            return True
        except ClientError as error:
            assert "service control policy" in error.response["Error"]["Message"], error
            return False

    assert may_list()
    # It is looked at now and then.
    organized.file.write_text(levels(deny("sqs:ListQueues")))
    until(lambda: not may_list())
    # Whoever changes it can say so.
    organized.file.write_text(levels(deny("sqs:PurgeQueue")))
    os.kill(server.pid, signal.SIGHUP)
    until(may_list)
    organized.file.write_text(levels(deny("sqs:ListQueues"))[:-1])
    os.kill(server.pid, signal.SIGHUP)
    until(lambda: "the organization cannot be read; the old one stays" in server.log_since_start())
    assert may_list()
    organized.file.write_text(levels(deny("sqs:ListQueues")))
    os.kill(server.pid, signal.SIGHUP)
    until(lambda: not may_list())


def test_a_simulation_weighs_what_stands_over_the_account(organized):
    no_purge = named("no-purge", deny("sqs:PurgeQueue"))
    manager, member = organized({"ServiceControlPolicies": ["FullAWSAccess", no_purge]})
    asked = {"ActionNames": ["sqs:PurgeQueue", "sqs:SendMessage"]}
    for house, decision, is_allowed in ((member, "explicitDeny", False), (manager, "allowed", True)):
        name, _ = house.user(allow("*", "*"))
        iam = house.client("iam", house.root)
        by_principal = iam.simulate_principal_policy(PolicySourceArn=house.arn(f"user/{name}"), **asked)
        by_documents = iam.simulate_custom_policy(PolicyInputList=[policy(allow("*", "*"))], **asked)
        for answer in (by_principal, by_documents):
            purge, send = answer["EvaluationResults"]
            assert (purge["EvalActionName"], purge["EvalDecision"]) == ("sqs:PurgeQueue", decision)
            assert purge["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": is_allowed}
            assert (send["EvalDecision"], send["OrganizationsDecisionDetail"]["AllowedByOrganizations"]) == ("allowed", True)


def test_a_simulation_has_a_result_for_each_action_and_in_it_one_for_each_resource(organized):
    manager, _ = organized({"ServiceControlPolicies": ["FullAWSAccess"]})
    iam = manager.client("iam", manager.root)
    jobs, others = (f"arn:aws:sqs:us-east-1:{manager.account}:{name}" for name in ("jobs", "others"))
    answer = iam.simulate_custom_policy(
        PolicyInputList=[policy(allow("sqs:*", jobs))], ActionNames=["sqs:SendMessage"], ResourceArns=[jobs, others]
    )
    (result,) = answer["EvaluationResults"]
    assert (result["EvalDecision"], result["EvalDecisionDetails"]) == ("implicitDeny", {})
    told = [(one["EvalResourceName"], one["EvalResourceDecision"]) for one in result["ResourceSpecificResults"]]
    assert told == [(jobs, "allowed"), (others, "implicitDeny")]
