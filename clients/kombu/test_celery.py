"""A Celery worker as people run it, its broker a tidewire queue: tasks are sent here and show by a file that they ran.

In: TIDEWIRE_ENDPOINT (by way of `run.py`). Each worker is a process of its own, started by `celery worker` and ended by its
own process id.
"""

import os
import pathlib
import time
import uuid

import pytest
from task_queue import VISIBILITY_SECS_OF_THE_KILLED, TaskQueue

HERE = pathlib.Path(__file__).parent
WORKER = ["-m", "celery", "-A", "tasks", "worker", "--loglevel", "WARNING", "--concurrency", "1"]
WORKER += ["--without-gossip", "--without-mingle", "--without-heartbeat"]


class Tide(TaskQueue):
    """One queue and any number of Celery's workers."""

    def __init__(self, folder, endpoint, **more):
        self.queue = f"celery-{uuid.uuid4().hex[:12]}"
        broker = endpoint.replace("http://", "sqs://test:test@")
        told = {"CELERY_BROKER": broker, "CELERY_QUEUE": self.queue, **more}
        super().__init__(HERE, folder, WORKER, "apply_async(arguments, **options)", **told)

    def wait_until_empty(self):
        self.wait_for_counts(self.queue, 0, 0, 0)


@pytest.fixture
def tide(tmp_path, request):
    tide = Tide(tmp_path, os.environ["AWS_ENDPOINT_URL"], **getattr(request, "param", {}))
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


@pytest.mark.parametrize("tide", [{"visibility_secs": VISIBILITY_SECS_OF_THE_KILLED}], indirect=True, ids=["soon"])
def test_a_task_whose_worker_was_killed_runs_in_another_after_the_visibility_timeout(tide):
    tide.send("dies")
    first = tide.start_worker("--pool", "solo")
    tide.wait_for("dies first")
    first.wait(timeout=150)
    assert sum(tide.counts(tide.queue)) == 1, "its message is not lost"
    tide.start_worker("--pool", "solo")
    tide.wait_for("dies first", "dies again")
    tide.wait_until_empty()


def test_a_task_with_a_countdown_waits(tide):
    tide.start_worker()
    began = time.monotonic()
    tide.send("later", countdown=1)
    tide.wait_for("later")
    assert time.monotonic() - began >= 1
