"""A Celery worker as people run it, its broker a tidewire queue: tasks are sent here and show by a file that they ran.

In: TIDEWIRE_ENDPOINT (by way of `run.py`). Each worker is a process of its own, started by `celery worker` and ended by its
own process id.
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
ENDPOINT = os.environ["AWS_ENDPOINT_URL"]


class Tide:
    """One queue, one ledger file, and any number of workers."""

    def __init__(self, folder):
        self.ledger = folder / "ledger"
        self.ledger.touch()
        self.queue = f"celery-{uuid.uuid4().hex[:12]}"
        broker = ENDPOINT.replace("http://", "sqs://test:test@")
        told = {"CELERY_BROKER": broker, "CELERY_QUEUE": self.queue, "CELERY_LEDGER": str(self.ledger)}
        self.environment = {**os.environ, **told}
        self.workers = []

    def start_worker(self, *arguments):
        command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--loglevel", "WARNING", "--concurrency", "1"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat", *arguments]
        worker = subprocess.Popen(command, cwd=HERE, env=self.environment, start_new_session=True)
        self.workers.append(worker)
        return worker

    def send(self, task, *arguments, **options):
        code = "import sys, json, tasks; name, arguments, options = json.loads(sys.argv[1]);"
        code += "getattr(tasks, name).apply_async(arguments, **options)"
        said = json.dumps([task, arguments, options])
        subprocess.run([sys.executable, "-c", code, said], cwd=HERE, env=self.environment, check=True, timeout=30)

    def lines(self):
        return self.ledger.read_text().split("\n")[:-1]

    def wait_for(self, *expected, seconds=20):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and len(self.lines()) < len(expected):
            time.sleep(0.05)
        assert self.lines() == list(expected)

    def counts(self):
        sqs = boto3.client("sqs", endpoint_url=ENDPOINT)
        url = sqs.get_queue_url(QueueName=self.queue)["QueueUrl"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return [int(found[name]) for name in names]

    def wait_until_empty(self, seconds=10):
        deadline = time.monotonic() + seconds
        while self.counts() != [0, 0] and time.monotonic() < deadline:
            time.sleep(0.1)
        assert self.counts() == [0, 0]

    def end(self):
        for worker in self.workers:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()


@pytest.fixture
def tide(tmp_path):
    tide = Tide(tmp_path)
    yield tide
    tide.end()


def test_a_worker_runs_tasks_and_takes_them_off_the_queue(tide):
    tide.send("add", 1, 2)
    tide.start_worker()
    tide.wait_for("add 3")
    tide.send("add", 20, 22)
    tide.wait_for("add 3", "add 42")
    tide.wait_until_empty()


def test_a_task_that_asks_for_it_is_run_again(tide):
    tide.start_worker()
    tide.send("flaky", 2)
    tide.wait_for("flaky 0", "flaky 1", "flaky 2")
    tide.wait_until_empty()


def test_a_task_whose_worker_was_killed_runs_in_another_after_the_visibility_timeout(tide):
    tide.send("dies")
    first = tide.start_worker("--pool", "solo")
    tide.wait_for("dies first")
    first.wait(timeout=10)
    assert tide.counts()[1] == 1, "its message stays in flight until the timeout"
    tide.start_worker("--pool", "solo")
    tide.wait_for("dies first", "dies again")
    tide.wait_until_empty()


def test_a_task_with_a_countdown_waits(tide):
    tide.start_worker()
    began = time.monotonic()
    tide.send("later", countdown=1)
    tide.wait_for("later")
    assert time.monotonic() - began >= 1
