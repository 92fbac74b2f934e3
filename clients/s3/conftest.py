"""A SeaweedFS server for the whole suite, whose webhook reports to the tidewire server of each test.

In: TIDEWIRE_BIN; `weed` of the suite's own packages. Invariant: what is started here is ended here, by its own process id, and
listens on loopback alone. Without a binary the suite is skipped by name, never passed.
"""

import os
import pathlib
import subprocess
import sys
import time

import boto3
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from free_ports import free_ports  # noqa: E402
from own_servers import own_servers  # noqa: E402 (the folder above holds what several suites share)

START_SECS_MAX = 180.0
STARTS = 5
"""How often SeaweedFS is started anew at other ports, because one that was free is so no more."""
GRPC = 10_000
"""SeaweedFS also listens at each of its ports plus so many."""
ACCOUNT = "111122223333"
REGION = "eu-central-1"
TOKEN = "a-token-of-the-suite"

NOTIFICATION = """
[notification.webhook]
enabled = true
endpoint = "http://127.0.0.1:{port}/_tidewire/s3/seaweedfs"
bearer_token = "{token}"
timeout_seconds = 60
"""


@pytest.fixture(scope="session")
def tidewire_port():
    return free_ports(1)[0]


@pytest.fixture(scope="session")
def s3(tmp_path_factory, tidewire_port):
    """An S3 client of a SeaweedFS server that reports to the port of the suite's tidewire."""
    for _ in range(STARTS):
        folder = tmp_path_factory.mktemp("seaweedfs")
        (folder / "notification.toml").write_text(NOTIFICATION.format(port=tidewire_port, token=TOKEN))
        (folder / "data").mkdir()
        process, client = begin_seaweedfs(folder)
        try:
            if await_buckets(process, client):
                yield client
                return
        finally:
            # It takes long to stop in order, and nothing of it is kept.
            process.kill()
            process.wait()
    pytest.fail((folder / "log").read_text()[-4000:])


def begin_seaweedfs(folder):
    """The process, at ports of its own, and a client of it."""
    master, volume, filer, door = free_ports(4, beyond=GRPC)
    command = [
        str(pathlib.Path(sys.executable).parent / "weed"), "-logtostderr=true", "server", "-dir=data", "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1", f"-master.port={master}", f"-volume.port={volume}", "-filer", f"-filer.port={filer}",
        "-s3", f"-s3.port={door}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=100", "-master.volumeSizeLimitMB=64",
    ]  # fmt: skip
    with open(folder / "log", "wb") as log:
        # With credentials in its environment it would ask for them.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment
        )
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    return process, boto3.client("s3", endpoint_url=f"http://127.0.0.1:{door}", region_name=REGION, **keys)


def await_buckets(process, client):
    """Whether it came up and has what the tests need; one that found a port taken ends."""
    deadline = time.monotonic() + START_SECS_MAX
    while process.poll() is None and time.monotonic() < deadline:
        try:
            client.create_bucket(Bucket="uploads")
            client.create_bucket(Bucket="others")
            client.put_object(Bucket="others", Key="first", Body=b"volumes are made")
            return True
        except Exception:  # whatever a server that is starting answers
            time.sleep(0.2)
    return False


class Jobs:
    """A tidewire server with a queue that wants events, and its client."""

    def __init__(self, make, folder, port, wishes):
        self.notifications = folder / "notifications.json"
        self.notifications.write_text(wishes)
        self.server = make(
            folder / "data",
            arguments=["--account", ACCOUNT, "--region", REGION, "--s3-notifications", str(self.notifications)],
            environment={"TIDEWIRE_S3_WEBHOOK_TOKEN": TOKEN},
            port=port,
        )

    def start(self):
        self.server.start()
        self.sqs = boto3.client(
            "sqs",
            endpoint_url=self.server.endpoint,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="any",
            region_name=REGION,
        )
        return self

    def receive(self, queue, secs=90):
        """The next event of a queue, and deletes it; nothing if none comes."""
        deadline = time.monotonic() + secs
        while time.monotonic() < deadline:
            wait = max(0, min(2, int(deadline - time.monotonic())))
            answer = self.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=wait)
            for message in answer.get("Messages", []):
                self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                return message["Body"]
            if wait == 0:
                break
        return None


@pytest.fixture
def jobs(tmp_path, tidewire_port, s3):
    """Starts tidewire servers with the wishes of a test, one after the other on the same port."""
    with own_servers() as make:
        yield lambda wishes: Jobs(make, tmp_path, tidewire_port, wishes).start()
