"""Servers with certificates of their own, and the openssl program that makes certificates for them.

In: TIDEWIRE_BIN. Out: servers that end with their test, folders of certificates. The environment of the machine may name
bundles of roots (AWS_CA_BUNDLE and the like): every client here is told by hand whom it trusts, and nothing else.
"""

import os
import pathlib
import subprocess
import sys
import time

import boto3
import pytest
from botocore.config import Config

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from own_servers import own_servers  # noqa: E402 (the folder above holds what several suites share)

for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
    os.environ.pop(name, None)


@pytest.fixture
def start(tmp_path):
    """Starts servers that only this test talks to: settings as words, `tls_mode="required"`."""

    def begin(port=0, **settings):
        environment = {f"TIDEWIRE_{name.upper()}": str(value) for name, value in settings.items()}
        server = make(tmp_path / "data", environment=environment, port=port).start()
        server.secure = server.endpoint.replace("http://", "https://")
        server.port = int(server.endpoint.rsplit(":", 1)[1])
        server.ca = str(tmp_path / "data" / "tls" / "development-ca.pem")
        return server

    with own_servers() as make:
        yield begin


@pytest.fixture
def certificates(tmp_path):
    return Certificates(tmp_path)


def eventually(is_so, seconds=120):
    """Waits for something that the server does in its own time."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if is_so():
            return True
        time.sleep(0.05)
    return False


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, **options)


def openssl(*words, **options):
    done = run("openssl", *words, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Certificates:
    """An authority and what it signs, made by openssl."""

    def __init__(self, folder):
        self.folder = folder
        self.ca, self.ca_key = self.authority("authority")

    def authority(self, name):
        """A certificate that may sign others, and its key."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", key, "-out", certificate,
        )  # fmt: skip
        return certificate, key

    def signed(self, name, names="DNS:localhost,IP:127.0.0.1", kind="ec", by=None):
        """A certificate for `names` and its key, as files."""
        ca, ca_key = by or (self.ca, self.ca_key)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        curve = ["-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["-pkeyopt", "rsa_keygen_bits:2048"]
        openssl("req", "-new", "-newkey", kind, *curve, "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        extensions.write_text(f"subjectAltName={names}\n")
        openssl(
            "x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2",
            "-extfile", extensions, "-out", certificate,
        )  # fmt: skip
        return certificate, key


def sqs(endpoint, verify, certificate=None):
    """A client that trusts `verify` alone and shows `certificate`."""
    options = {"client_cert": tuple(str(part) for part in certificate)} if certificate else {}
    return boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="secret",
        verify=str(verify),
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}, **options),
    )


def handshake(port, *words, name="localhost"):
    """What openssl's client says of a handshake: version, cipher, ALPN, verification."""
    done = run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, *words, input="")
    return done.stdout + done.stderr
