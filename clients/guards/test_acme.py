"""A certificate ordered from a real ACME authority: Let's Encrypt's own test server, pebble.

In: the programs pebble and pebble-challtestsrv (Debian), the second of which answers every name with 127.0.0.1. Pebble asks
our port whether we serve the name (TLS-ALPN-01, RFC 8737) and signs. Everything happens on loopback.
"""

import json
import pathlib
import socket
import ssl
import stat
import subprocess
import time
import urllib.request

import pytest
from conftest import handshake, run, sqs

NAME = "queue.example.test"
SECONDS = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def authority(tmp_path, certificates):
    """Starts pebble; returns what a server must be told to order from it, and the port that pebble will ask at."""
    if run("which", "pebble").returncode != 0:
        pytest.skip("pebble is not installed")
    directory, management, dns, asked = (free_port() for _ in range(4))
    cert, key = certificates.signed("pebble")
    config = tmp_path / "pebble.json"
    config.write_text(
        json.dumps(
            {
                "pebble": {
                    "listenAddress": f"127.0.0.1:{directory}",
                    "managementListenAddress": f"127.0.0.1:{management}",
                    "certificate": str(cert),
                    "privateKey": str(key),
                    "httpPort": free_port(),
                    "tlsPort": asked,
                }
            }
        )
    )
    names = [
        "pebble-challtestsrv", "-dns01", f"127.0.0.1:{dns}", "-http01", "", "-https01", "", "-tlsalpn01", "",
        "-management", f"127.0.0.1:{free_port()}", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "",
    ]  # fmt: skip
    log = (tmp_path / "pebble.log").open("w")
    quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "20", "PATH": "/usr/bin:/bin"}
    programs = [
        subprocess.Popen(names, stdout=log, stderr=log),
        subprocess.Popen(
            ["pebble", "-config", str(config), "-dnsserver", f"127.0.0.1:{dns}"], stdout=log, stderr=log, env=quick
        ),
    ]
    pebble = Pebble(f"https://127.0.0.1:{directory}", f"https://127.0.0.1:{management}", certificates.ca, asked)
    pebble.await_ready()
    yield pebble
    for program in programs:
        program.kill()
        program.wait()
    log.close()


class Pebble:
    def __init__(self, directory, management, ca, asked):
        self.directory = f"{directory}/dir"
        self.management = management
        self.ca = ca
        self.asked = asked

    def get(self, url):
        trust = ssl.create_default_context(cafile=str(self.ca))
        return urllib.request.urlopen(url, context=trust, timeout=5).read().decode()

    def await_ready(self):
        ends = time.monotonic() + 20
        while True:
            try:
                return self.get(self.directory)
            except OSError:
                assert time.monotonic() < ends, "pebble does not answer"
                time.sleep(0.05)

    def root(self):
        return self.get(f"{self.management}/roots/0")


def issuer(port):
    lines = handshake(port, name=NAME).splitlines()
    return next((line for line in lines if line.startswith("issuer=")), "")


def test_a_certificate_is_ordered_proved_and_served_and_kept(start, authority, tmp_path):
    settings = {
        "acme_domains": NAME,
        "acme_directory": authority.directory,
        "acme_ca": authority.ca,
        "acme_contact": "mailto:ops@example.test",
    }
    server = start(authority.asked, **settings)
    ends = time.monotonic() + SECONDS
    while "Pebble" not in issuer(authority.asked):
        assert time.monotonic() < ends and server.alive(), server.log_since_start()
        time.sleep(0.2)
    root = tmp_path / "root.pem"
    root.write_text(authority.root())
    said = handshake(authority.asked, "-CAfile", root, "-verify_hostname", NAME, name=NAME)
    assert "Verify return code: 0 (ok)" in said, said
    kept = pathlib.Path(server.data_dir) / "tls"
    for name in ("acme-key.pem", "acme-account.json"):
        assert stat.S_IMODE((kept / name).stat().st_mode) == 0o600
    first = (kept / "acme.pem").read_text()
    server.stop()
    again = start(authority.asked, **settings)
    assert eventually_pebbles(authority.asked)
    assert (kept / "acme.pem").read_text() == first, "a certificate that still lasts is not ordered again"
    again.stop()


def eventually_pebbles(port):
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        if "Pebble" in issuer(port):
            return True
        time.sleep(0.2)
    return False


def test_a_name_that_does_not_lead_here_is_told_of_and_the_server_serves_on(start, authority):
    server = start(acme_domains=NAME, acme_directory=authority.directory, acme_ca=authority.ca)
    ends = time.monotonic() + SECONDS
    while "no certificate could be had" not in server.log_since_start():
        assert time.monotonic() < ends, server.log_since_start()
        time.sleep(0.2)
    ca = pathlib.Path(server.data_dir) / "tls" / "development-ca.pem"
    client = sqs(server.secure, ca)
    assert client.create_queue(QueueName="still-served")["QueueUrl"].startswith("https://")
