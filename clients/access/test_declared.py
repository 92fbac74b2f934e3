"""Identities that a file declares: a server with users, keys, roles and a provider, and nobody has called IAM.

Source: `docs/RESOURCES.md`. A second start with another file turns a key and takes somebody away.
"""

import json

import pytest
from conftest import REGION, Keys, allow, policy, refused

OLD, NEW = ("AKIAWORKERWORKER0001", "the-first-secret"), ("AKIAWORKERWORKER0002", "the-second-secret")
OWN = "arn:aws:iam::000000000000:policy/own"
PROVIDER = "token.actions.githubusercontent.com"


def declared(key, **more):
    """What the file says, with this key of the worker's; its secret comes from the environment."""
    trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::000000000000:user/worker"}})
    return {
        "policies": {"own": {"document": policy(allow(["sqs:SendMessage", "sqs:ListQueues", "sts:AssumeRole"], "*"))}},
        "providers": {PROVIDER: {"client_ids": {"sts.amazonaws.com": "true"}}},
        "groups": {"senders": {"attached": {"own": OWN}}},
        "users": {
            "worker": {"groups": {"senders": "true"}, "keys": {key[0]: "env:WORKER_SECRET"}, "tags": {"team": "blue"}},
            "guest": {"boundary": OWN, "policies": {"all": policy(allow("*", "*"))}, "keys": {"AKIAGUESTGUESTGUEST1": "guests"}},
            **more,
        },
        "roles": {"builder": {"trust": trust, "max_session": 7200, "boundary": OWN, "attached": {"own": OWN}}},
    }


@pytest.fixture
def start(tmp_path, serve):
    """Starts a server that shall have what is declared, with a queue too; the house and the queue's URL."""
    file = tmp_path / "resources.json"

    def begin(what, key):
        file.write_text(json.dumps({"queues": {"jobs": {}}, **what}))
        house = serve(TIDEWIRE_RESOURCES=str(file), TIDEWIRE_REGION=REGION, WORKER_SECRET=key[1])
        return house, house.client("sqs", house.root).get_queue_url(QueueName="jobs")["QueueUrl"]

    return begin


def test_a_file_is_all_that_a_simple_install_needs(start):
    house, url = start(declared(OLD), OLD)
    worker, guest = Keys(*OLD), Keys("AKIAGUESTGUESTGUEST1", "guests")
    house.client("sqs", worker).send_message(QueueUrl=url, MessageBody="m")
    refused("AccessDenied", house.client("sqs", worker).purge_queue, QueueUrl=url)
    house.client("sqs", guest).send_message(QueueUrl=url, MessageBody="m")
    message = refused("AccessDenied", house.client("sqs", guest).purge_queue, QueueUrl=url)
    assert message.endswith("because no permissions boundary allows the sqs:purgequeue action")
    arn = "arn:aws:iam::000000000000:role/builder"
    session = house.client("sts", worker).assume_role(RoleArn=arn, RoleSessionName="s1", DurationSeconds=7200)
    house.client("sqs", Keys.of(session["Credentials"])).list_queues()
    iam = house.client("iam", house.root)
    assert iam.list_user_tags(UserName="worker")["Tags"] == [{"Key": "team", "Value": "blue"}]
    providers = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert [each["Arn"] for each in providers] == [f"arn:aws:iam::000000000000:oidc-provider/{PROVIDER}"]
    assert "the-first-secret" not in house.server.log_since_start()
    house.server.stop()

    gone = declared(NEW, guest={"absent": "true"})
    house, url = start(gone, NEW)
    refused("InvalidClientTokenId", house.client("sqs", worker).send_message, QueueUrl=url, MessageBody="m")
    refused("InvalidClientTokenId", house.client("sqs", guest).send_message, QueueUrl=url, MessageBody="m")
    house.client("sqs", Keys(*NEW)).send_message(QueueUrl=url, MessageBody="m")
    users = [user["UserName"] for user in house.client("iam", house.root).list_users()["Users"]]
    assert users == ["worker"]
    house.server.stop()

    # Taken out of the file is not taken away: that has to be said.
    house, url = start({}, NEW)
    house.client("sqs", Keys(*NEW)).send_message(QueueUrl=url, MessageBody="m")
