"""AWS's pauses of sixty seconds, which only a server with `limits = aws` has: after DeleteQueue and after PurgeQueue.

In: TIDEWIRE_BIN, since these tests start a server of their own. Sources: the SQS API reference of both operations; recorded
answers of AWS for code, status and text.
"""

import os
import sys
from pathlib import Path

import pytest
from conftest import fresh_name, make_client
from conversation import attributes_of, counts, refusal

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tidewire_process import TidewireProcess  # noqa: E402 (the folder above holds what several suites share)

pytestmark = pytest.mark.skipif("TIDEWIRE_BIN" not in os.environ, reason="starts servers of its own from TIDEWIRE_BIN")


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A client of a server that keeps AWS's limits."""
    with TidewireProcess(tmp_path_factory.mktemp("aws"), arguments=["--limits", "aws"]) as server:
        yield make_client(endpoint=server.endpoint)


def test_a_name_deleted_within_the_last_minute_cannot_be_created(strict):
    name = fresh_name()
    strict.delete_queue(QueueUrl=strict.create_queue(QueueName=name)["QueueUrl"])
    code, shape, status, message = refusal(strict.create_queue, QueueName=name)
    assert (code, shape, status) == ("AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently", 400)
    assert message == "You must wait 60 seconds after deleting a queue before you can create another with the same name."


def test_another_name_another_account_and_another_region_do_not_wait(strict):
    name = fresh_name()
    strict.delete_queue(QueueUrl=strict.create_queue(QueueName=name)["QueueUrl"])
    endpoint = strict.meta.endpoint_url
    assert strict.create_queue(QueueName=name + "-other")["QueueUrl"]
    assert make_client("111122223333", endpoint=endpoint).create_queue(QueueName=name)["QueueUrl"]
    assert make_client(region="eu-west-1", endpoint=endpoint).create_queue(QueueName=name)["QueueUrl"]


def test_a_second_purge_within_a_minute_is_refused_with_403(strict):
    name = fresh_name()
    url = strict.create_queue(QueueName=name)["QueueUrl"]
    strict.purge_queue(QueueUrl=url)
    strict.send_message(QueueUrl=url, MessageBody="stays")
    code, shape, status, message = refusal(strict.purge_queue, QueueUrl=url)
    assert (code, shape, status) == ("AWS.SimpleQueueService.PurgeQueueInProgress", "PurgeQueueInProgress", 403)
    assert message == f"Only one PurgeQueue operation on {name} is allowed every 60 seconds."
    assert counts(strict, url) == (1, 0, 0)
    other = strict.create_queue(QueueName=name + "-other")["QueueUrl"]
    strict.purge_queue(QueueUrl=other)


def test_by_default_a_name_is_free_at_once_and_the_new_queue_is_empty(sqs, make_queue):
    url = make_queue(DelaySeconds=3)
    sqs.send_message(QueueUrl=url, MessageBody="old")
    sqs.delete_queue(QueueUrl=url)
    again = sqs.create_queue(QueueName=url.rsplit("/", 1)[1])["QueueUrl"]
    assert (again, counts(sqs, again)) == (url, (0, 0, 0))
    assert attributes_of(sqs, again, "DelaySeconds") == {"DelaySeconds": "0"}


def test_by_default_purges_follow_each_other_at_once(sqs, queue):
    sqs.purge_queue(QueueUrl=queue)
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    sqs.purge_queue(QueueUrl=queue)
    assert counts(sqs, queue) == (0, 0, 0)
