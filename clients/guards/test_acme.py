"""A certificate ordered from a real ACME authority: Let's Encrypt's own test server, pebble.

In: the programs pebble and pebble-challtestsrv (Debian), the second of which answers every name with 127.0.0.1. Pebble asks
our port whether we serve the name (TLS-ALPN-01, RFC 8737) and signs. Everything happens on loopback.
"""

import contextlib
import json
import pathlib
import signal
import socket
import ssl
import stat
import subprocess
import time
import urllib.request

import pytest
from conftest import eventually, handshake, run, sqs
from free_ports import free_ports

NAME = "queue.example.test"
OTHER = "other.example.test"
SECONDS = 300
"""How long a certificate may take: an order that failed once is tried again after a minute."""
READY_SECS = 90
STARTS = 5
"""How often the authority is started anew at other ports, because one that was free is so no more."""
NONCES_REFUSED = 30
"""Of a hundred: more than a quarter of the orders fail if each request is asked but three times."""


@pytest.fixture
def authority(tmp_path, certificates):
    """Starts pebble; returns what a server must be told to order from it, and the port that pebble will ask at."""
    if run("which", "pebble").returncode != 0:
        pytest.skip("pebble is not installed")
    for _ in range(STARTS):
        with contextlib.ExitStack() as ends:
            pebble = begin_authority(tmp_path, certificates, ends)
            if pebble.await_ready():
                yield pebble
                return
    pytest.fail((tmp_path / "pebble.log").read_text())


def begin_authority(folder, certificates, ends):
    """Pebble and the name server it asks, at ports of their own; `ends` ends them."""
    directory, management, dns, asked, plain, names_management = free_ports(6)
    cert, key = certificates.signed("pebble")
    config = folder / "pebble.json"
    told = {
        "listenAddress": f"127.0.0.1:{directory}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(cert),
        "privateKey": str(key),
        "httpPort": plain,
        "tlsPort": asked,
    }
    config.write_text(json.dumps({"pebble": told}))
    names = [
        "pebble-challtestsrv", "-dns01", f"127.0.0.1:{dns}", "-http01", "", "-https01", "", "-tlsalpn01", "",
        "-management", f"127.0.0.1:{names_management}", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "",
    ]  # fmt: skip
    quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": str(NONCES_REFUSED), "PATH": "/usr/bin:/bin"}
    words = ["pebble", "-config", str(config), "-dnsserver", f"127.0.0.1:{dns}"]
    log = ends.enter_context((folder / "pebble.log").open("w"))
    programs = []
    for command, environment in ((names, None), (words, quick)):
        programs.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment))
        ends.callback(programs[-1].wait)
        ends.callback(programs[-1].kill)
    urls = (f"https://127.0.0.1:{directory}", f"https://127.0.0.1:{management}")
    return Pebble(*urls, certificates.ca, asked, programs, names_management)


class Pebble:
    def __init__(self, directory, management, ca, asked, programs, names_management):
        self.directory = f"{directory}/dir"
        self.management = management
        self.ca = ca
        self.asked = asked
        self.programs = programs
        self.names_management = names_management

    def get(self, url):
        trust = ssl.create_default_context(cafile=str(self.ca))
        return urllib.request.urlopen(url, context=trust, timeout=30).read().decode()

    def await_ready(self):
        """Whether both programs came up; one that found its port taken ends."""
        ends = time.monotonic() + READY_SECS
        while all(program.poll() is None for program in self.programs):
            try:
                self.get(self.directory)
                socket.create_connection(("127.0.0.1", self.names_management), timeout=30).close()
                return True
            except OSError:
                assert time.monotonic() < ends, "pebble does not answer"
                time.sleep(0.05)
        return False

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
    certificate = kept / "acme-certificate.json"
    for file in (certificate, kept / "acme-account.json"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = certificate.read_text()
    server.stop()
    again = start(authority.asked, **settings)
    assert eventually_pebbles(authority.asked)
    assert certificate.read_text() == first, "a certificate that still lasts is not ordered again"
    again.stop()


def test_other_names_have_a_certificate_ordered_at_once_and_the_old_one_serves_until_it_is_there(start, authority):
    settings = {"acme_directory": authority.directory, "acme_ca": authority.ca}
    server = start(authority.asked, acme_domains=NAME, **settings)
    assert eventually_pebbles(authority.asked)
    server.stop()
    more = start(authority.asked, acme_domains=f"{NAME},{OTHER}", **settings)
    assert eventually(lambda: names(authority.asked) == {NAME, OTHER}, SECONDS)
    assert "Pebble" in issuer(authority.asked)
    more.stop()


def test_who_vouches_for_clients_may_change_under_an_ordered_certificate(start, authority, certificates, tmp_path):
    before, after = certificates.authority("before"), certificates.authority("after")
    good_before, good_after = certificates.signed("one", by=before), certificates.signed("two", by=after)
    vouching = tmp_path / "vouching.pem"
    vouching.write_text(before[0].read_text())
    server = start(
        authority.asked,
        acme_domains=NAME,
        acme_directory=authority.directory,
        acme_ca=authority.ca,
        tls_client_auth="required",
        tls_client_ca=vouching,
    )
    assert eventually_pebbles(authority.asked)

    def is_let_in(pair):
        asked = run(
            "curl", "-sk", "--resolve", f"{NAME}:{authority.asked}:127.0.0.1", "--cert", pair[0], "--key", pair[1],
            f"https://{NAME}:{authority.asked}/healthz",
        )  # fmt: skip
        return asked.returncode == 0 and asked.stdout == "ok\n"

    assert is_let_in(good_before) and not is_let_in(good_after)
    vouching.write_text(after[0].read_text())
    server.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: is_let_in(good_after), SECONDS), server.log_since_start()
    assert not is_let_in(good_before)
    assert "Pebble" in issuer(authority.asked), "the certificate stays the one that was ordered"


def eventually_pebbles(port):
    return eventually(lambda: "Pebble" in issuer(port), SECONDS)


def names(port):
    """The names that the served certificate is for."""
    shown = run("openssl", "x509", "-noout", "-ext", "subjectAltName", input=handshake(port, name=NAME)).stdout
    return {word.removeprefix("DNS:").rstrip(",") for word in shown.split() if word.startswith("DNS:")}


def test_a_name_that_does_not_lead_here_is_told_of_and_the_server_serves_on(start, authority):
    server = start(acme_domains=NAME, acme_directory=authority.directory, acme_ca=authority.ca)
    ends = time.monotonic() + SECONDS
    while "no certificate could be had" not in server.log_since_start():
        assert time.monotonic() < ends, server.log_since_start()
        time.sleep(0.2)
    ca = pathlib.Path(server.data_dir) / "tls" / "development-ca.pem"
    client = sqs(server.secure, ca)
    assert client.create_queue(QueueName="still-served")["QueueUrl"].startswith("https://")
