"""Leases: the visibility timeout, its change, and the end of a message by DeleteMessage.

Sources: the SQS API reference ("visibility timeout", ChangeMessageVisibility, DeleteMessage); recorded answers of AWS.
"""

import time

import pytest
from conversation import counts, receive, receive_one, refusal, refused_with


def sent_and_received(sqs, url, **parameters):
    sqs.send_message(QueueUrl=url, MessageBody="x")
    return receive_one(sqs, url, **parameters)["ReceiptHandle"]


# Less than any timeout that is not meant, and more than a busy machine takes.
SOON_SECS = 18


def seconds_until_visible(sqs, url, since=None):
    """How long it takes until the message comes, from now or from before its lease began."""
    began = since or time.monotonic()
    receive_one(sqs, url, WaitTimeSeconds=20)
    return time.monotonic() - began


def test_a_message_returns_after_the_timeout_of_the_queue(sqs, make_queue):
    url = make_queue(VisibilityTimeout=8)
    began = time.monotonic()
    sent_and_received(sqs, url)
    assert receive(sqs, url) == []
    assert 7.9 <= seconds_until_visible(sqs, url, began) < SOON_SECS


def test_the_timeout_of_a_receive_beats_the_one_of_the_queue(sqs, make_queue):
    url = make_queue(VisibilityTimeout=600)
    began = time.monotonic()
    sent_and_received(sqs, url, VisibilityTimeout=1)
    assert 0.9 <= seconds_until_visible(sqs, url, began) < SOON_SECS


def test_a_timeout_of_zero_leaves_the_message_visible(sqs, queue):
    sent_and_received(sqs, queue, VisibilityTimeout=0)
    assert len(receive(sqs, queue, WaitTimeSeconds=1)) == 1


def test_a_new_timeout_of_the_queue_holds_for_later_receives(sqs, make_queue):
    url = make_queue(VisibilityTimeout=600)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    sent_and_received(sqs, url)
    assert seconds_until_visible(sqs, url) < SOON_SECS


def test_changing_to_zero_gives_the_message_back_at_once(sqs, queue):
    handle = sent_and_received(sqs, queue)
    assert receive(sqs, queue) == []
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=0)
    assert seconds_until_visible(sqs, queue) < SOON_SECS


def test_changing_shortens_the_lease_from_now(sqs, queue):
    handle = sent_and_received(sqs, queue, VisibilityTimeout=600)
    began = time.monotonic()
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=1)
    assert 0.9 <= seconds_until_visible(sqs, queue, began) < SOON_SECS


def test_changing_lengthens_the_lease(sqs, make_queue):
    url = make_queue(VisibilityTimeout=6)
    handle = sent_and_received(sqs, url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=600)
    assert receive(sqs, url, WaitTimeSeconds=7) == []
    assert counts(sqs, url) == (0, 1, 0)


def test_a_change_holds_for_one_receive_only(sqs, make_queue):
    url = make_queue(VisibilityTimeout=1)
    handle = sent_and_received(sqs, url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    receive_one(sqs, url)
    assert seconds_until_visible(sqs, url) < SOON_SECS


def test_a_change_after_the_lease_ran_out_is_not_refused(sqs, make_queue):
    url = make_queue(VisibilityTimeout=1)
    handle = sent_and_received(sqs, url)
    time.sleep(1.3)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=2)


def test_a_change_by_an_old_handle_holds_for_the_newer_receive(sqs, make_queue):
    url = make_queue(VisibilityTimeout=1)
    old = sent_and_received(sqs, url)
    time.sleep(1.3)
    receive_one(sqs, url, VisibilityTimeout=6)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=old, VisibilityTimeout=600)
    assert receive(sqs, url, WaitTimeSeconds=7) == []
    batch = [{"Id": "e", "ReceiptHandle": old, "VisibilityTimeout": 0}]
    assert [e["Id"] for e in sqs.change_message_visibility_batch(QueueUrl=url, Entries=batch)["Successful"]] == ["e"]
    receive_one(sqs, url)


def test_a_change_on_a_deleted_message_is_refused(sqs, queue):
    handle = sent_and_received(sqs, queue)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
    code, shape, status, message = refusal(
        sqs.change_message_visibility, QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=5
    )
    assert (code, shape, status) == ("InvalidParameterValue", "InvalidParameterValueException", 400)
    assert message == (
        f"Value {handle} for parameter ReceiptHandle is invalid. "
        "Reason: Message does not exist or is not available for visibility timeout change."
    )


@pytest.mark.parametrize("timeout", [-1, 43_201])
def test_a_change_out_of_range_is_refused_and_changes_nothing(sqs, queue, timeout):
    handle = sent_and_received(sqs, queue)
    code = refused_with(sqs.change_message_visibility, QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=timeout)
    assert code == "InvalidParameterValue"
    assert counts(sqs, queue) == (0, 1, 0)


def test_a_lease_cannot_be_stretched_beyond_twelve_hours_in_all(sqs, queue):
    handle = sent_and_received(sqs, queue)
    time.sleep(1.1)
    code, _, status, message = refusal(
        sqs.change_message_visibility, QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=43_200
    )
    assert (code, status) == ("InvalidParameterValue", 400)
    assert "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]" in message
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=43_100)


@pytest.mark.parametrize("handle", ["garbage", "AAAA", "äöü", "x" * 1024], ids=lambda handle: handle[:8])
def test_a_handle_that_was_never_given_is_refused(sqs, queue, handle):
    for call, rest in [(sqs.change_message_visibility, {"VisibilityTimeout": 5}), (sqs.delete_message, {})]:
        code, shape, status, message = refusal(call, QueueUrl=queue, ReceiptHandle=handle, **rest)
        assert (code, shape, status) == ("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404)
        assert message == f'The input receipt handle "{handle}" is not a valid receipt handle.'


def test_a_missing_handle_is_refused(sqs, queue):
    assert refused_with(sqs.delete_message, QueueUrl=queue) == "MissingParameter"


def test_a_handle_of_another_queue_deletes_nothing_here(sqs, make_queue):
    here, there = make_queue(), make_queue()
    sent_and_received(sqs, here)
    foreign = sent_and_received(sqs, there)
    assert refused_with(sqs.delete_message, QueueUrl=here, ReceiptHandle=foreign) == "ReceiptHandleIsInvalid"
    assert counts(sqs, here) == counts(sqs, there) == (0, 1, 0)


def test_a_deleted_message_never_comes_back(sqs, make_queue):
    url = make_queue(VisibilityTimeout=1)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=sent_and_received(sqs, url))
    assert receive(sqs, url, WaitTimeSeconds=2) == []
    assert counts(sqs, url) == (0, 0, 0)


def test_deleting_twice_is_no_error(sqs, queue):
    handle = sent_and_received(sqs, queue)
    for _ in range(2):
        answer = sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_deleting_after_the_lease_ran_out_still_works(sqs, make_queue):
    url = make_queue(VisibilityTimeout=1)
    handle = sent_and_received(sqs, url)
    time.sleep(1.3)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert receive(sqs, url, WaitTimeSeconds=1) == []


def test_deleting_by_an_old_handle_is_no_error_and_the_new_handle_still_works(sqs, queue):
    old = sent_and_received(sqs, queue, VisibilityTimeout=0)
    new = receive_one(sqs, queue)["ReceiptHandle"]
    assert sqs.delete_message(QueueUrl=queue, ReceiptHandle=old)["ResponseMetadata"]["HTTPStatusCode"] == 200
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=new)
    assert counts(sqs, queue) == (0, 0, 0)

