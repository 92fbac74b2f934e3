"""The Celery application whose worker `test_celery.py` starts: tasks that leave a line in a file for what they did.

In: CELERY_BROKER, CELERY_QUEUE and TASKS_LEDGER of the environment. The visibility timeout is TASKS_VISIBILITY_SECS.
"""

import os

from celery import Celery

QUEUE = os.environ.get("CELERY_QUEUE", "celery")
LEDGER = os.environ.get("TASKS_LEDGER", os.devnull)
VISIBILITY_SECS = int(os.environ.get("TASKS_VISIBILITY_SECS", "60"))

app = Celery("tide", broker=os.environ.get("CELERY_BROKER"))
app.conf.update(
    task_default_queue=QUEUE,
    broker_transport_options={
        "region": "us-east-1",
        "is_secure": False,
        "wait_time_seconds": 1,
        "polling_interval": 0.1,
        "visibility_timeout": VISIBILITY_SECS,
    },
    broker_connection_retry_on_startup=True,
    task_acks_late=True,
    task_reject_on_worker_lost=False,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
)


def note(line):
    with open(LEDGER, "a") as ledger:
        ledger.write(f"{line}\n")


@app.task
def add(left, right):
    note(f"add {left + right}")


@app.task(bind=True, max_retries=3)
def flaky(self, failures):
    note(f"flaky {self.request.retries}")
    if self.request.retries < failures:
        raise self.retry(countdown=0)


@app.task
def dies():
    """The first run takes its worker process with it; the message was not acknowledged, so another one gets it."""
    with open(LEDGER) as ledger:
        again = "dies first" in ledger.read()
    note("dies again" if again else "dies first")
    if not again:
        os._exit(1)


@app.task
def later():
    note("later")
