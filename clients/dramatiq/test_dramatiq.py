"""A dramatiq worker as people run it, its broker tidewire queues: messages are sent here and show by a file that they ran.

In: TIDEWIRE_ENDPOINT. Each worker is a process of its own, started by `python -m dramatiq` in a process group of its own, and ended
by that. Sources: the documentation of dramatiq ("Message retries", "Scheduling messages") and of dramatiq_sqs.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import uuid

import boto3
import pytest

HERE = pathlib.Path(__file__).parent
SDK = {
    "AWS_ENDPOINT_URL": os.environ.get("TIDEWIRE_ENDPOINT", "http://127.0.0.1:4566"),
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}
os.environ.update(SDK)
COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]


class Tide:
    """One namespace of queues, one ledger file, and any number of workers."""

    def __init__(self, folder):
        self.ledger = folder / "ledger"
        self.ledger.touch()
        self.namespace = f"dramatiq-{uuid.uuid4().hex[:12]}"
        told = {"DRAMATIQ_NAMESPACE": self.namespace, "DRAMATIQ_LEDGER": str(self.ledger)}
        self.environment = {**os.environ, **told}
        self.workers = []
        self.sqs = boto3.client("sqs")

    def start_worker(self):
        command = [sys.executable, "-m", "dramatiq", "tasks", "--processes", "1", "--threads", "1"]
        worker = subprocess.Popen(command, cwd=HERE, env=self.environment, start_new_session=True, stderr=subprocess.DEVNULL)
        self.workers.append(worker)
        return worker

    def send(self, actor, *arguments, **options):
        code = "import sys, json, tasks; name, arguments, options = json.loads(sys.argv[1]);"
        code += "getattr(tasks, name).send_with_options(args=arguments, **options)"
        said = json.dumps([actor, arguments, options])
        subprocess.run([sys.executable, "-c", code, said], cwd=HERE, env=self.environment, check=True, timeout=30)

    def lines(self):
        return self.ledger.read_text().split("\n")[:-1]

    def wait_for(self, *expected, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and len(self.lines()) < len(expected):
            time.sleep(0.05)
        assert self.lines() == list(expected)

    def counts(self, suffix=""):
        url = self.sqs.get_queue_url(QueueName=f"{self.namespace}_default{suffix}")["QueueUrl"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS)["Attributes"]
        return [int(found[name]) for name in COUNTS]

    def wait_for_counts(self, *expected, suffix="", seconds=15):
        deadline = time.monotonic() + seconds
        while self.counts(suffix) != list(expected) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert self.counts(suffix) == list(expected)

    def end(self):
        for worker in self.workers:
            try:
                os.killpg(worker.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            worker.wait()


@pytest.fixture
def tide(tmp_path):
    tide = Tide(tmp_path)
    yield tide
    tide.end()


def test_a_worker_runs_actors_and_takes_their_messages_off_the_queue(tide):
    tide.send("add", 1, 2)
    tide.start_worker()
    tide.wait_for("add 3")
    tide.send("add", 20, 22)
    tide.wait_for("add 3", "add 42")
    tide.wait_for_counts(0, 0, 0)
    url = tide.sqs.get_queue_url(QueueName=f"{tide.namespace}_default")["QueueUrl"]
    assert tide.sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"made-by": "dramatiq"}


def test_an_actor_that_fails_is_run_again_after_a_delay(tide):
    tide.start_worker()
    tide.send("flaky", 2)
    tide.wait_for("flaky 0", "flaky 1", "flaky 2")
    tide.wait_for_counts(0, 0, 0)


def test_a_message_that_failed_for_good_is_in_the_dead_letter_queue(tide):
    tide.start_worker()
    tide.send("hopeless")
    tide.wait_for("hopeless")
    tide.wait_for_counts(1, 0, 0, suffix="_dlq")
    tide.wait_for_counts(0, 0, 0)


def test_a_message_whose_worker_was_killed_is_run_by_another_after_the_visibility_timeout(tide):
    tide.send("dies")
    first = tide.start_worker()
    tide.wait_for("dies first")
    first.wait(timeout=15)
    assert sum(tide.counts()) == 1, "its message is not lost"
    tide.start_worker()
    tide.wait_for("dies first", "dies again")
    tide.wait_for_counts(0, 0, 0)


def test_a_message_with_a_delay_waits(tide):
    tide.start_worker()
    began = time.monotonic()
    tide.send("later", delay=2000)
    tide.wait_for("later")
    assert time.monotonic() - began >= 2
