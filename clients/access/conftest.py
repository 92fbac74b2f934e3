"""A server for use, its root user, and users with policies of their own.

In: TIDEWIRE_BIN. Out: a `tidewire serve` with a folder of its own, and boto3 clients for any key. Invariant: clients never
retry, since a retry would hide an answer; what a test makes has a fresh name, so tests do not meet.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from own_servers import own_servers
from quiet_client import fresh, quiet_client

REGION = "eu-west-1"
NEIGHBOUR = "444455556666"

# The command line, version 1 as pip installs it, and 2.9 as Debian ships it, by its full name.
PROGRAMS = [[sys.executable, "-m", "awscli"], ["/usr/bin/aws"]]


class Keys:
    """An access key, as boto3 takes it."""

    def __init__(self, access_key, secret, token=None):
        self.arguments = {"aws_access_key_id": access_key, "aws_secret_access_key": secret, "aws_session_token": token}

    def environment(self):
        names = {
            "AWS_ACCESS_KEY_ID": "aws_access_key_id",
            "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key",
            "AWS_SESSION_TOKEN": "aws_session_token",
        }
        return {name: self.arguments[value] for name, value in names.items() if self.arguments[value]}

    @staticmethod
    def of(answer):
        """Those that STS or CreateAccessKey hand out."""
        return Keys(answer["AccessKeyId"], answer["SecretAccessKey"], answer.get("SessionToken"))


class House:
    """The server, an account, and what can be made there: the server's own account, or that of a root key."""

    def __init__(self, server, folder, neighbour, root=None):
        self.server = server
        self.root_key_file = pathlib.Path(folder) / "root-key.json"
        key = json.loads(self.root_key_file.read_text())
        self.root = root or Keys(key["access_key_id"], key["secret_access_key"])
        self.account = self.client("sts", self.root).get_caller_identity()["Account"]
        # The root user of the account beside it, which this server has too.
        self.neighbour = neighbour

    def client(self, service, keys):
        return quiet_client(service, self.server.endpoint, tuple(keys.arguments.values()), REGION)

    def queue(self, **attributes):
        """A queue of the root user's: its URL and ARN."""
        name = fresh("q")
        url = self.client("sqs", self.root).create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, f"arn:aws:sqs:{REGION}:{self.account}:{name}"

    def user(self, *statements):
        """A user with these statements as its policy: its name and keys."""
        iam, name = self.client("iam", self.root), fresh("user")
        iam.create_user(UserName=name)
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return name, Keys(key["AccessKeyId"], key["SecretAccessKey"])

    def key(self, *statements):
        """A key with these statements as its policy, else the account's; its root user may always manage it."""
        manage = {"Effect": "Allow", "Principal": {"AWS": self.arn("root")}, "Action": MANAGE, "Resource": "*"}
        given = {"Policy": policy(manage, *statements)} if statements else {}
        return self.client("kms", self.root).create_key(**given)["KeyMetadata"]["Arn"]

    def arn(self, who):
        """`root`, or `user/name`."""
        return f"arn:aws:iam::{self.account}:{who}"


MANAGE = [
    *("kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"),
    *("kms:DescribeKey", "kms:CreateAlias"),
]


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource, **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def refused(code, call, **arguments):
    """The message of a call that is refused with this code."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    return error["Message"]


def command_line(house, program, keys, *words, **variables):
    """What the AWS CLI says: what it printed as JSON, or its error's text."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_DEFAULT_REGION": REGION, "AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": "", "AWS_CONFIG_FILE": "/dev/null"}
    environment |= {"AWS_SHARED_CREDENTIALS_FILE": "/dev/null", **(keys.environment() if keys else {}), **variables}
    command = [*program, "--endpoint-url", house.server.endpoint, "--output", "json", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        return done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else {}


def of_neighbour(make, folder):
    """Has the account NEIGHBOUR a root user with a key, by one start in its name."""
    keys = Keys("AKIAROOTOFNEIGHBOURS", "a-secret-of-these-tests-and-nobody-elses")
    words = {"aws_access_key_id": "TIDEWIRE_ROOT_ACCESS_KEY_ID", "aws_secret_access_key": "TIDEWIRE_ROOT_SECRET_ACCESS_KEY"}
    given = {variable: keys.arguments[word] for word, variable in words.items()}
    server = make(folder, mode="serve", environment={**given, "TIDEWIRE_ACCOUNT": NEIGHBOUR}).start()
    assert server.stop() == 0
    return keys


@pytest.fixture(scope="session")
def neighbours(house):
    """Two accounts of one server."""
    return house, House(house.server, house.root_key_file.parent, house.root, root=house.neighbour)


@pytest.fixture(scope="session")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve") / "data"
    with own_servers() as make:
        neighbour = of_neighbour(make, folder)
        yield House(make(folder, mode="serve").start(), folder, neighbour)


@pytest.fixture
def serve(tmp_path):
    """Starts servers that only this test talks to, one after the other on one folder; gives the house of each."""
    folder = tmp_path / "data"
    with own_servers() as make:
        yield lambda **environment: House(make(folder, mode="serve", environment=environment).start(), folder, None)
