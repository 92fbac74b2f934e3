"""Service control policies and resource control policies by configuration: what stands over accounts, over real sockets.

Source: Organizations User Guide, "SCP evaluation", "Resource control policies". The words are those of IAM's denials.
"""

import json

import pytest
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

        yield start


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
