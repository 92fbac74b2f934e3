"""A dramatiq worker as people run it, its broker tidewire queues: messages are sent here and show by a file that they ran.

In: TIDEWIRE_ENDPOINT. Each worker is a process of its own, started by `python -m dramatiq` in a process group of its own, and ended
by that. Sources: the documentation of dramatiq ("Message retries", "Scheduling messages") and of dramatiq_sqs.
"""

import os
import pathlib
import sys
import time
import uuid

import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
os.environ.update(
    AWS_ENDPOINT_URL=os.environ.get("TIDEWIRE_ENDPOINT", "http://127.0.0.1:4566"),
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_DEFAULT_REGION="us-east-1",
)
from task_queue import VISIBILITY_SECS_OF_THE_KILLED, TaskQueue  # noqa: E402 (the folder above holds what several suites share)

WORKER = ["-m", "dramatiq", "tasks", "--processes", "1", "--threads", "1"]


class Tide(TaskQueue):
    """One namespace of queues and any number of dramatiq's workers."""

    def __init__(self, folder, **more):
        namespace = f"dramatiq-{uuid.uuid4().hex[:12]}"
        self.queue = f"{namespace}_default"
        told = {"DRAMATIQ_NAMESPACE": namespace, **more}
        super().__init__(HERE, folder, WORKER, "send_with_options(args=arguments, **options)", **told)


@pytest.fixture
def tide(tmp_path, request):
    tide = Tide(tmp_path, **getattr(request, "param", {}))
    yield tide
    tide.end()


def test_a_worker_runs_actors_and_takes_their_messages_off_the_queue(tide):
    tide.send("add", 1, 2)
    tide.start_worker()
    tide.wait_for("add 3")
    tide.send("add", 20, 22)
    tide.wait_for("add 3", "add 42")
    tide.wait_for_counts(tide.queue, 0, 0, 0)
    url = tide.sqs.get_queue_url(QueueName=tide.queue)["QueueUrl"]
    assert tide.sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"made-by": "dramatiq"}


def test_an_actor_that_fails_is_run_again_after_a_delay(tide):
    tide.start_worker()
    tide.send("flaky", 2)
    tide.wait_for("flaky 0", "flaky 1", "flaky 2")
    tide.wait_for_counts(tide.queue, 0, 0, 0)


def test_a_message_that_failed_for_good_is_in_the_dead_letter_queue(tide):
    tide.start_worker()
    tide.send("hopeless")
    tide.wait_for("hopeless")
    tide.wait_for_counts(f"{tide.queue}_dlq", 1, 0, 0)
    tide.wait_for_counts(tide.queue, 0, 0, 0)


@pytest.mark.parametrize("tide", [{"visibility_secs": VISIBILITY_SECS_OF_THE_KILLED}], indirect=True, ids=["soon"])
def test_a_message_whose_worker_was_killed_is_run_by_another_after_the_visibility_timeout(tide):
    tide.send("dies")
    first = tide.start_worker()
    tide.wait_for("dies first")
    first.wait(timeout=150)
    assert sum(tide.counts(tide.queue)) == 1, "its message is not lost"
    tide.start_worker()
    tide.wait_for("dies first", "dies again")
    tide.wait_for_counts(tide.queue, 0, 0, 0)


def test_a_message_with_a_delay_waits(tide):
    tide.start_worker()
    began = time.monotonic()
    tide.send("later", delay=2000)
    tide.wait_for("later")
    assert time.monotonic() - began >= 2
