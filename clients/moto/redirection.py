"""Where moto's tests reach for moto itself, they are led to the server under test.

Three places: the wipe between tests, which moto's server does at an address of its own; the tests that call moto's Flask
application without a socket; and who the caller is, which is asked of STS. The answers about STS say what the server's
account rule is (a 12-digit access key is the account), nothing about SQS.
"""

import types

import boto3
import requests
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.models import ServerModeMockAWS

REGIONS = ("us-east-1", "us-west-1", "us-west-2", "eu-west-1")
ACCOUNTS = (DEFAULT_ACCOUNT_ID, "111111111111")


def install(endpoint):
    """Leads every later test to `endpoint`."""
    real_client = boto3.client

    def client(service, *arguments, **options):
        if service == "sts":
            return Sts()
        return real_client(service, *arguments, **options)

    def owner(region, account):
        keys = {"aws_access_key_id": account, "aws_secret_access_key": "secret"}
        return real_client("sqs", region, endpoint_url=endpoint, **keys)

    owners = [owner(region, account) for region in REGIONS for account in ACCOUNTS]

    def wipe(_mock):
        for sqs in owners:
            while urls := sqs.list_queues().get("QueueUrls"):
                for url in urls:
                    sqs.delete_queue(QueueUrl=url)

    boto3.client = client
    ServerModeMockAWS.reset = wipe
    import moto.server

    def fresh_application(_service):
        wipe(None)
        return types.SimpleNamespace(test_client=lambda: Wire(endpoint))

    moto.server.create_backend_app = fresh_application


class Sts:
    """Who calls: the default account, or the one of an assumed role, whose access key is then its number."""

    def get_caller_identity(self):
        return {"Account": DEFAULT_ACCOUNT_ID}

    def assume_role(self, RoleArn, **_):
        keys = {"AccessKeyId": RoleArn.split(":")[4], "SecretAccessKey": "secret", "SessionToken": "token"}
        return {"Credentials": keys}


class Wire:
    """What a test asks of a Flask test client, asked of the server by HTTP; account 123, which moto ignores, is the default."""

    def __init__(self, endpoint):
        self.endpoint = endpoint

    def get(self, path="/", **request):
        return self.ask("GET", path, **request)

    def post(self, path="/", **request):
        return self.ask("POST", path, **request)

    def ask(self, method, path, headers, data=None):
        path = path.replace("/123/", f"/{DEFAULT_ACCOUNT_ID}/")
        answer = requests.request(method, self.endpoint + path, headers=headers, data=data, timeout=30)
        return types.SimpleNamespace(data=answer.content, status_code=answer.status_code)
