"""A task queue over SQS as people run it, for the tests of Celery and dramatiq: workers as processes, and a ledger of what they did.

In: the folder of the suite, whose `tasks.py` notes in the ledger (TASKS_LEDGER) that a task ran. Invariant: each worker has a
process group of its own and is ended by that. Waits are long, because a busy machine takes seconds to start a worker; what is
there ends them at once.
"""

import json
import os
import signal
import subprocess
import sys
import time

import boto3

# Longer than a machine stalls, and for tests that wait for what a killed worker left, short.
VISIBILITY_SECS, VISIBILITY_SECS_OF_THE_KILLED = 60, 10
COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
WAIT_SECS_MAX = 150


class TaskQueue:
    """One ledger and any number of workers; `worker` is the program, `send` what sends a task in `tasks.py`'s own words."""

    def __init__(self, here, folder, worker, send, visibility_secs=VISIBILITY_SECS, **told):
        self.here, self.worker, self.send_code = here, worker, send
        self.ledger = folder / "ledger"
        self.ledger.touch()
        told |= {"TASKS_LEDGER": str(self.ledger), "TASKS_VISIBILITY_SECS": str(visibility_secs)}
        self.environment = {**os.environ, **told}
        self.workers = []
        self.sqs = boto3.client("sqs")

    def start_worker(self, *arguments):
        command = [sys.executable, *self.worker, *arguments]
        worker = subprocess.Popen(
            command, cwd=self.here, env=self.environment, start_new_session=True, stderr=subprocess.DEVNULL
        )
        self.workers.append(worker)
        return worker

    def send(self, task, *arguments, **options):
        code = f"import sys, json, tasks; name, arguments, options = json.loads(sys.argv[1]); getattr(tasks, name).{self.send_code}"
        said = json.dumps([task, arguments, options])
        command = [sys.executable, "-c", code, said]
        subprocess.run(command, cwd=self.here, env=self.environment, check=True, timeout=WAIT_SECS_MAX)

    def lines(self):
        return self.ledger.read_text().split("\n")[:-1]

    def wait_for(self, *expected):
        """Waits until so many lines are there, which have to be these."""
        deadline = time.monotonic() + WAIT_SECS_MAX
        while time.monotonic() < deadline and len(self.lines()) < len(expected):
            time.sleep(0.05)
        assert self.lines() == list(expected)

    def counts(self, queue):
        """Messages of a queue: visible, in flight, delayed."""
        url = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS)["Attributes"]
        return [int(found[name]) for name in COUNTS]

    def wait_for_counts(self, queue, *expected):
        deadline = time.monotonic() + WAIT_SECS_MAX
        while self.counts(queue) != list(expected) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert self.counts(queue) == list(expected)

    def end(self):
        for worker in self.workers:
            try:
                os.killpg(worker.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            worker.wait()
