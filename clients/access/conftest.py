"""A server for use, its root user, and users with policies of their own.

In: TIDEWIRE_BIN. Out: a `tidewire serve` with a folder of its own, and boto3 clients for any key. Invariant: clients never
retry, since a retry would hide an answer; what a test makes has a fresh name, so tests do not meet.
"""

import json
import os
import pathlib
import sys
import uuid

import boto3
import pytest
from botocore.config import Config

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from tidewire_process import TidewireProcess

QUIET = Config(retries={"total_max_attempts": 1, "mode": "standard"})
REGION = "eu-west-1"


class Keys:
    """An access key, as boto3 takes it."""

    def __init__(self, access_key, secret, token=None):
        self.arguments = {"aws_access_key_id": access_key, "aws_secret_access_key": secret, "aws_session_token": token}

    def environment(self):
        names = {"AWS_ACCESS_KEY_ID": "aws_access_key_id", "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key"}
        return {name: self.arguments[value] for name, value in names.items()}


class House:
    """The server, and what can be made there."""

    def __init__(self, server, folder):
        self.server = server
        self.root_key_file = pathlib.Path(folder) / "root-key.json"
        key = json.loads(self.root_key_file.read_text())
        self.root = Keys(key["access_key_id"], key["secret_access_key"])
        self.account = self.client("sts", self.root).get_caller_identity()["Account"]

    def client(self, service, keys):
        return boto3.client(service, endpoint_url=self.server.endpoint, region_name=REGION, config=QUIET, **keys.arguments)

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


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource, **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def fresh(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def house(tmp_path_factory):
    if "TIDEWIRE_BIN" not in os.environ:
        pytest.skip("TIDEWIRE_BIN names no binary")
    folder = tmp_path_factory.mktemp("serve") / "data"
    with TidewireProcess(folder, mode="serve") as server:
        yield House(server, folder)
