"""The dramatiq actors whose worker `test_dramatiq.py` starts: they leave a line in a file for what they did.

In: DRAMATIQ_NAMESPACE and TASKS_LEDGER of the environment, and the SDK's own variables for the endpoint. The visibility timeout
is TASKS_VISIBILITY_SECS.
"""

import os

import dramatiq
from dramatiq.middleware import CurrentMessage, Retries
from dramatiq_sqs import SQSBroker

LEDGER = os.environ.get("TASKS_LEDGER", os.devnull)
VISIBILITY_SECS = int(os.environ.get("TASKS_VISIBILITY_SECS", "60"))

broker = SQSBroker(
    namespace=os.environ.get("DRAMATIQ_NAMESPACE"),
    middleware=[Retries(min_backoff=1000, max_backoff=1000), CurrentMessage()],
    dead_letter=True,
    visibility_timeout=VISIBILITY_SECS,
    tags={"made-by": "dramatiq"},
)
dramatiq.set_broker(broker)


def note(line):
    with open(LEDGER, "a") as ledger:
        ledger.write(f"{line}\n")


@dramatiq.actor
def add(left, right):
    note(f"add {left + right}")


@dramatiq.actor(max_retries=3)
def flaky(failures):
    tries = CurrentMessage.get_current_message().options.get("retries", 0)
    note(f"flaky {tries}")
    if tries < failures:
        raise RuntimeError("again")


@dramatiq.actor(max_retries=0)
def hopeless():
    note("hopeless")
    raise RuntimeError("for good")


@dramatiq.actor
def dies():
    """The first run takes its worker with it; the message was not deleted, so another worker gets it."""
    with open(LEDGER) as ledger:
        again = "dies first" in ledger.read()
    note("dies again" if again else "dies first")
    if not again:
        os.killpg(0, 9)


@dramatiq.actor
def later():
    note("later")
