"""Where moto's tests reach for moto itself, they are led to the server under test.

Two places: the tests that call moto's Flask application without a socket, and who the caller is, which is asked of STS. The
answers about STS say what the server's account rule is (a 12-digit access key is the account), nothing about SQS. The wipe
between tests is moto's own call, which the server knows.
"""

import types

import boto3
import requests
from moto.core import DEFAULT_ACCOUNT_ID


def install(endpoint):
    """Leads every later test to `endpoint`; a fresh application is a server without queues."""
    real_client = boto3.client
    boto3.client = lambda service, *given, **named: Sts() if service == "sts" else real_client(service, *given, **named)
    import moto.server

    def fresh_application(_service):
        requests.post(f"{endpoint}/moto-api/reset", timeout=90).raise_for_status()
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
        answer = requests.request(method, self.endpoint + path, headers=headers, data=data, timeout=90)
        return types.SimpleNamespace(data=answer.content, status_code=answer.status_code)
