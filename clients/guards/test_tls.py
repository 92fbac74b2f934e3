"""TLS on the same port as plain HTTP, by clients as people have them.

In: servers started by `start`. Invariant: whoever trusts the printed authority and nothing else is served, whoever should be
refused is, and a certificate that cannot be used never takes the place of one that can. Sources: RFC 8446, RFC 7301, the
SDKs' settings for bundles of roots.
"""

import json
import os
import pathlib
import signal
import socket
import stat
import sys

import pytest
from botocore.exceptions import BotoCoreError
from conftest import eventually, handshake, run, sqs

BIN = pathlib.Path(sys.executable).parent
SHELL = {
    "PATH": os.environ["PATH"],
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


def serves(client):
    url = client.create_queue(QueueName="jobs")["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody="over TLS")
    message = client.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"][0]
    client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return url, message["Body"]


def test_boto3_that_trusts_the_printed_authority_is_served_and_its_urls_are_https(start):
    server = start()
    assert f"clients trust {server.ca}" in server.log_since_start()
    url, body = serves(sqs(server.secure, server.ca))
    assert url == f"{server.secure}/000000000000/jobs"
    assert body == "over TLS"
    plain = sqs(server.endpoint, server.ca)
    assert plain.get_queue_url(QueueName="jobs")["QueueUrl"] == f"{server.endpoint}/000000000000/jobs"


def test_boto3_that_trusts_somebody_else_sends_nothing(start, certificates):
    server = start()
    with pytest.raises(BotoCoreError, match="CERTIFICATE_VERIFY_FAILED"):
        serves(sqs(server.secure, certificates.ca))


def test_the_authority_outlives_the_server_and_its_key_is_the_owners_alone(start):
    server = start()
    first = pathlib.Path(server.ca).read_text()
    key = pathlib.Path(server.ca).with_name("development-ca-key.pem")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    serves(sqs(server.secure, server.ca))
    server.stop()
    again = start()
    assert pathlib.Path(again.ca).read_text() == first
    serves(sqs(again.secure, again.ca))


def test_the_aws_cli_is_served(start):
    server = start()
    aws = [BIN / "aws", "--endpoint-url", server.secure, "--ca-bundle", server.ca, "sqs"]
    created = run(*aws, "create-queue", "--queue-name", "cli", env=SHELL)
    assert created.returncode == 0, created.stderr
    assert json.loads(created.stdout)["QueueUrl"].startswith("https://")
    refused = run(BIN / "aws", "--endpoint-url", server.secure, "sqs", "list-queues", env=SHELL)
    assert refused.returncode != 0 and "CERTIFICATE_VERIFY_FAILED" in refused.stderr


def test_tidewires_own_command_line_is_served(start):
    server = start()
    queue = [os.environ["TIDEWIRE_BIN"], "queue", "--endpoint", server.secure]
    made = run(*queue, "--ca", server.ca, "create", "mine", env=SHELL)
    assert made.returncode == 0 and server.secure in made.stdout, made.stderr
    by_folder = {**SHELL, "TIDEWIRE_DATA_DIR": server.data_dir}
    listed = run(*queue, "ls", "--names", env=by_folder)
    assert (listed.returncode, listed.stdout.split()) == (0, ["NAME", "mine"]), listed.stderr
    unknown = run(*queue, "ls", env=SHELL)
    assert unknown.returncode == 2 and "--ca" in unknown.stderr


def test_node_is_served(start):
    server = start()
    program = """
        const https = require("node:https"), fs = require("node:fs");
        const [url, ca] = process.argv.slice(1);
        const headers = { "x-amz-target": "AmazonSQS.CreateQueue", "content-type": "application/x-amz-json-1.0" };
        const asked = https.request(url, { ca: fs.readFileSync(ca), method: "POST", headers }, (reply) => {
            reply.on("data", (text) => process.stdout.write(`${reply.statusCode} ${reply.socket.getProtocol()} ${text}`));
        });
        asked.end(JSON.stringify({ QueueName: "node" }));
    """
    done = run("node", "-e", program, server.secure.replace("127.0.0.1", "localhost"), server.ca)
    assert done.stdout.startswith("200 TLSv1.3 "), done.stderr
    assert f"https://localhost:{server.port}/000000000000/node" in done.stdout


def test_versions_are_1_2_and_1_3_and_nothing_older(start):
    port = start().port
    for version, agreed in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
        assert f"New, {agreed}" in handshake(port, version)
    for version in ("-tls1", "-tls1_1"):
        assert "New, (NONE)" in handshake(port, version, "-cipher", "ALL:@SECLEVEL=0")


def test_protocols_are_agreed_upon_by_alpn(start):
    port = start().port
    assert "ALPN protocol: h2" in handshake(port, "-alpn", "http/1.1,h2")
    assert "ALPN protocol: http/1.1" in handshake(port, "-alpn", "http/1.1")
    assert "No ALPN negotiated" in handshake(port)
    assert "alert" in handshake(port, "-alpn", "imap")


def test_the_certificate_is_for_every_name_of_this_machine(start):
    server = start()
    for name in ("localhost", "sqs.localhost", "host.docker.internal"):
        said = handshake(server.port, "-CAfile", server.ca, "-verify_hostname", name, name=name)
        assert "Verify return code: 0 (ok)" in said, name
    assert "0 (ok)" in handshake(server.port, "-CAfile", server.ca, "-verify_ip", "127.0.0.1")
    said = handshake(server.port, "-CAfile", server.ca, "-verify_hostname", "example.org")
    assert "hostname mismatch" in said


def test_curl_speaks_http_2_over_tls(start):
    server = start()
    told = ["-s", "--cacert", server.ca, "-o", os.devnull, "-w", "%{http_version} %{http_code}"]
    page = f"https://localhost:{server.port}/healthz"
    assert run("curl", *told, "--http2", page).stdout == "2 200"
    assert run("curl", *told, "--http1.1", page).stdout == "1.1 200"


def test_off_means_off(start):
    server = start(tls_mode="off")
    assert "TLS" not in server.log_since_start()
    assert "New, (NONE)" in handshake(server.port)
    assert not os.path.exists(server.ca)


def test_required_shows_plain_requests_out(start):
    server = start(tls_mode="required")
    assert server.endpoint.startswith("https://")
    serves(sqs(server.secure, server.ca))
    plain = run("curl", "-s", "-w", " %{http_code}", f"http://127.0.0.1:{server.port}/healthz")
    assert plain.stdout == "This port speaks TLS only: ask for https, not http.\n 400"


def test_a_certificate_of_ones_own_is_served_and_read_again(start, certificates):
    cert, key = certificates.signed("mine")
    server = start(tls_cert=cert, tls_key=key)
    serves(sqs(server.secure, certificates.ca))
    assert not os.path.exists(server.ca), "nobody needs the development authority"

    def subject():
        return next(line for line in handshake(server.port).splitlines() if line.startswith("subject="))

    assert "mine" in subject()
    other, other_key = certificates.signed("renewed", kind="rsa")
    cert.write_text("no certificate at all")
    server.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: "the old ones stay" in server.log_since_start())
    assert "mine" in subject()
    key.write_text(other_key.read_text())
    cert.write_text(other.read_text())
    server.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: "renewed" in subject())
    serves(sqs(server.secure, certificates.ca))


def test_a_certificate_that_changes_is_seen_without_a_signal(start, certificates):
    cert, key = certificates.signed("mine")
    server = start(tls_cert=cert, tls_key=key)
    other, other_key = certificates.signed("renewed")
    key.write_text(other_key.read_text())
    cert.write_text(other.read_text())
    assert eventually(lambda: "renewed" in handshake(server.port), seconds=40)


def test_a_certificate_that_cannot_be_used_stops_the_start_with_the_reason(certificates, tmp_path):
    cert, key = certificates.signed("mine")
    _, foreign = certificates.signed("foreign")
    start = [os.environ["TIDEWIRE_BIN"], "dev", "--listen", "127.0.0.1:0", "--data-dir", tmp_path / "data"]
    for files, said in (
        (["--tls-cert", cert, "--tls-key", foreign], "do not go together"),
        (["--tls-cert", tmp_path / "absent", "--tls-key", key], "absent"),
        (["--tls-cert", key, "--tls-key", key], "no certificate in PEM"),
        (["--tls-cert", cert], "tls.key"),
    ):
        done = run(*start, *files, env=SHELL)
        assert done.returncode != 0 and said in done.stderr, done.stderr


def test_clients_show_certificates_where_they_must(start, certificates):
    clients = certificates.authority("clients")
    good = certificates.signed("good", by=clients)
    bad = certificates.signed("bad")
    server = start(tls_client_auth="required", tls_client_ca=clients[0])
    serves(sqs(server.secure, server.ca, certificate=good))
    for certificate in (bad, None):
        with pytest.raises(BotoCoreError):
            serves(sqs(server.secure, server.ca, certificate=certificate))


def test_clients_may_show_certificates_and_only_good_ones_where_that_is_optional(start, certificates, tmp_path):
    clients = certificates.authority("clients")
    good, bad = certificates.signed("good", by=clients), certificates.signed("bad")
    audit = tmp_path / "audit.jsonl"
    server = start(tls_client_auth="optional", tls_client_ca=clients[0], audit_events="all", audit_file=audit)
    serves(sqs(server.secure, server.ca, certificate=good))
    with pytest.raises(BotoCoreError):
        serves(sqs(server.secure, server.ca, certificate=bad))
    sqs(server.secure, server.ca).list_queues()
    server.stop()
    records = [json.loads(line) for line in audit.read_text().splitlines()]
    shown = {record["eventName"]: record.get("additionalEventData", {}).get("clientCertificateSha256") for record in records}
    told = run("openssl", "x509", "-in", good[0], "-noout", "-fingerprint", "-sha256").stdout
    assert shown["CreateQueue"].upper() == told.strip().split("=")[1].replace(":", "")
    assert shown["ListQueues"] is None, "who shows none is served and is nobody in particular"


def test_the_development_certificate_is_for_the_names_it_is_told(start):
    server = start(tls_names="queues.example.test,192.0.2.7")
    for wanted in (("-verify_hostname", "queues.example.test"), ("-verify_ip", "192.0.2.7"), ("-verify_hostname", "localhost")):
        assert "Verify return code: 0 (ok)" in handshake(server.port, "-CAfile", server.ca, *wanted), wanted
    other = handshake(server.port, "-CAfile", server.ca, "-verify_ip", "192.0.2.8")
    assert "IP address mismatch" in other


def test_who_does_not_finish_the_handshake_is_cut_off_and_disturbs_nobody(start):
    server = start(tls_handshake_timeout_secs=2)
    begun = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(100)]
    for connection in begun:
        connection.sendall(bytes.fromhex("1603010200010001fc0303"))
    serves(sqs(server.secure, server.ca))
    for connection in begun:
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            pass
        connection.close()


def test_noise_after_the_first_byte_is_an_alert_and_no_more(start):
    server = start()
    for noise in (b"\x16", b"\x16\x03\x01\xff\xff" + b"x" * 1000, bytes([22]) * 70_000):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            try:
                connection.sendall(noise)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
            except OSError:
                pass
    assert server.alive()
    serves(sqs(server.secure, server.ca))
