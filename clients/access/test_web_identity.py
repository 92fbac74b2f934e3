"""A provider of OpenID Connect on this machine, and programs that come with its tokens instead of keys.

The provider is a real HTTPS server whose certificate `SSL_CERT_FILE` vouches for; its tokens are signed by openssl. Source: API
reference of STS, AssumeRoleWithWebIdentity; OpenID Connect Discovery 1.0; how SDKs and the command line find a token: SDK reference,
"Assume role with web identity".
"""

import base64
import http.server
import json
import os
import ssl
import subprocess
import threading
import time

import botocore
import pytest
from conftest import PROGRAMS, REGION, House, Keys, allow, command_line, fresh, policy, refused
from own_servers import own_servers
from quiet_client import quiet_client


def openssl(*words, **more):
    return subprocess.run(["/usr/bin/openssl", *map(str, words)], capture_output=True, check=True, timeout=60, **more).stdout


def unpadded(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Provider:
    """Serves its discovery document and key, and signs tokens."""

    def __init__(self, folder):
        self.key, self.certificate, key = folder / "signer.pem", folder / "tls.pem", folder / "tls-key.pem"
        openssl("genrsa", "-out", self.key, "2048")
        names = ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        openssl("req", "-x509", *curve, *names, "-keyout", key, "-out", self.certificate)
        modulus = openssl("rsa", "-in", self.key, "-modulus", "-noout").decode().strip().removeprefix("Modulus=")
        public = {"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256", "e": "AQAB", "n": unpadded(bytes.fromhex(modulus))}
        self.asked = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler({"keys": [public]}))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.name = f"localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handler(provider, keys):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                url = f"https://{provider.name}"
                documents = {
                    "/.well-known/openid-configuration": {"issuer": url, "jwks_uri": f"{url}/keys"},
                    "/keys": keys,
                }
                provider.asked.append(self.path)
                body = json.dumps(documents.get(self.path, {})).encode()
                self.send_response(200 if self.path in documents else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def token(self, **claims):
        now = int(time.time())
        said = {"iss": f"https://{self.name}", "aud": "app", "sub": "build:main", "iat": now, "exp": now + 600, **claims}
        message = ".".join(unpadded(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "k1"}, said))
        signature = openssl("dgst", "-sha256", "-sign", self.key, input=message.encode())
        return f"{message}.{unpadded(signature)}"


class Place:
    """A server, a provider that it trusts, and a role for what the provider vouches for."""

    def __init__(self, house, provider):
        self.house, self.provider = house, provider
        iam = house.client("iam", house.root)
        made = iam.create_open_id_connect_provider(Url=f"https://{provider.name}", ClientIDList=["app"])
        self.provider_arn = made["OpenIDConnectProviderArn"]
        self.url, arn = house.queue()
        condition = {"StringEquals": {f"{provider.name}:sub": "build:main", f"{provider.name}:aud": "app"}}
        trust = {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}
        trust["Principal"] = {"Federated": self.provider_arn}
        self.role = fresh("web")
        self.role_arn = iam.create_role(RoleName=self.role, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=self.role, PolicyName="p", PolicyDocument=policy(allow("sqs:SendMessage", arn)))

    def unsigned_sts(self):
        return quiet_client("sts", self.house.server.endpoint, region=REGION, signature_version=botocore.UNSIGNED)

    def assume(self, token, **more):
        return self.unsigned_sts().assume_role_with_web_identity(
            RoleArn=self.role_arn, RoleSessionName="build", WebIdentityToken=token, **more
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("web")
    with own_servers() as make:
        provider = Provider(folder)
        server = make(folder / "data", mode="serve", environment={"SSL_CERT_FILE": str(provider.certificate)}).start()
        yield Place(House(server, folder / "data", None), provider)
    provider.server.shutdown()


def test_a_token_that_the_provider_signed_is_a_session_of_the_role(place):
    answer = place.assume(place.provider.token())
    assert answer["SubjectFromWebIdentityToken"] == "build:main" and answer["Audience"] == "app"
    assert answer["Provider"] == place.provider_arn
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{place.house.account}:assumed-role/{place.role}/build"
    keys = Keys.of(answer["Credentials"])
    place.house.client("sqs", keys).send_message(QueueUrl=place.url, MessageBody="m")
    refused("AccessDenied", place.house.client("sqs", keys).receive_message, QueueUrl=place.url)
    place.assume(place.provider.token())
    assert place.provider.asked == ["/.well-known/openid-configuration", "/keys"], "keys are asked for once, not for each token"


def test_a_token_that_differs_in_anything_is_nobodys(place):
    token, now = place.provider.token(), int(time.time())
    message, signature = token.rsplit(".", 1)
    for code, wrong in [
        ("AccessDenied", place.provider.token(sub="build:other")),
        ("InvalidIdentityToken", place.provider.token(aud="other")),
        ("InvalidIdentityToken", place.provider.token(iss="https://elsewhere.example")),
        ("ExpiredTokenException", place.provider.token(exp=now - 1)),
        ("InvalidIdentityToken", place.provider.token(nbf=now + 3600)),
        ("InvalidIdentityToken", f"{message}.{'A' * len(signature)}"),
        ("InvalidIdentityToken", f"{message}."),
        ("InvalidIdentityToken", ".".join([unpadded(b'{"alg":"none"}'), token.split(".")[1], ""])),
        ("InvalidIdentityToken", "no.token"),
    ]:
        refused(code, place.assume, token=wrong)
    iam = place.house.client("iam", place.house.root)
    refused("AccessDenied", place.unsigned_sts().assume_role_with_web_identity, RoleArn=place.role_arn + "x", RoleSessionName="build", WebIdentityToken=token)
    assert iam.get_role(RoleName=place.role)


def test_a_session_policy_narrows_a_token_too(place):
    keys = Keys.of(place.assume(place.provider.token(), Policy=policy(allow("sqs:ListQueues", "*")))["Credentials"])
    refused("AccessDenied", place.house.client("sqs", keys).send_message, QueueUrl=place.url, MessageBody="m")


@pytest.mark.parametrize("program", PROGRAMS, ids=["awscli1", "awscli2"])
def test_the_command_line_finds_the_token_in_its_file(place, program, tmp_path):
    file = tmp_path / "token"
    file.write_text(place.provider.token())
    variables = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(file), "AWS_ROLE_ARN": place.role_arn, "AWS_ROLE_SESSION_NAME": "cli"}
    words = ["sts", "assume-role-with-web-identity", "--role-arn", place.role_arn, "--role-session-name", "cli"]
    said = command_line(place.house, program, None, *words, "--web-identity-token", file.read_text())
    assert said["AssumedRoleUser"]["Arn"].endswith(f"/{place.role}/cli"), said
    if program is PROGRAMS[0]:  # The older one has no way to tell STS's endpoint to what looks for credentials.
        variables["AWS_ENDPOINT_URL"] = place.house.server.endpoint
        said = command_line(place.house, program, None, "sqs", "send-message", "--queue-url", place.url, "--message-body", "m", **variables)
        assert "MessageId" in said, said


def test_a_provider_that_is_gone_vouches_for_nobody(place):
    """The last test here: the provider is taken away."""
    token, iam = place.provider.token(), place.house.client("iam", place.house.root)
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=place.provider_arn, ClientID="app")
    refused("InvalidIdentityToken", place.assume, token=token)
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=place.provider_arn, ClientID="app")
    place.assume(token)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=place.provider_arn)
    refused("InvalidIdentityToken", place.assume, token=token)
