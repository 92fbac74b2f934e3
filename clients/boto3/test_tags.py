"""Tags: TagQueue, UntagQueue, ListQueueTags, tags at CreateQueue, and their limits.

Sources: the SQS API reference; the tagging rules that AWS's services share; recorded answers of AWS (LocalStack's snapshots,
moto's tests checked against AWS) for the texts of refusals.
"""

import pytest
from conftest import fresh_name, make_client
from conversation import refusal

INVALID = ("InvalidParameterValue", "InvalidParameterValueException", 400)


def tags_of(sqs, url):
    return sqs.list_queue_tags(QueueUrl=url).get("Tags", {})


def test_a_new_queue_has_no_tags(sqs, queue):
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=queue)


def test_tags_given_at_creation_are_listed(sqs):
    url = sqs.create_queue(QueueName=fresh_name(), tags={"team": "a", "empty": ""})["QueueUrl"]
    assert tags_of(sqs, url) == {"team": "a", "empty": ""}
    sqs.delete_queue(QueueUrl=url)


def test_tags_are_laid_over_each_other_and_taken_away(sqs, queue):
    sqs.tag_queue(QueueUrl=queue, Tags={"tag1": "value1", "tag2": "old", "tag3": ""})
    sqs.tag_queue(QueueUrl=queue, Tags={"tag2": "value2"})
    assert tags_of(sqs, queue) == {"tag1": "value1", "tag2": "value2", "tag3": ""}
    sqs.untag_queue(QueueUrl=queue, TagKeys=["tag1", "tag3", "never there"])
    assert tags_of(sqs, queue) == {"tag2": "value2"}
    sqs.untag_queue(QueueUrl=queue, TagKeys=["tag2"])
    assert tags_of(sqs, queue) == {}


def test_creating_again_with_other_tags_finds_the_queue_and_changes_no_tag(sqs):
    name = fresh_name()
    url = sqs.create_queue(QueueName=name, tags={"a": "1"})["QueueUrl"]
    assert sqs.create_queue(QueueName=name, tags={"a": "2", "b": "3"})["QueueUrl"] == url
    assert tags_of(sqs, url) == {"a": "1"}
    sqs.delete_queue(QueueUrl=url)


def test_a_deleted_queue_leaves_no_tags_to_the_next_of_its_name(sqs):
    name = fresh_name()
    sqs.delete_queue(QueueUrl=sqs.create_queue(QueueName=name, tags={"a": "1"})["QueueUrl"])
    assert tags_of(sqs, sqs.create_queue(QueueName=name)["QueueUrl"]) == {}


def test_fifty_tags_fit_and_one_more_is_refused_and_changes_nothing(sqs, queue):
    fifty = {f"k{n}": "v" for n in range(50)}
    sqs.tag_queue(QueueUrl=queue, Tags=fifty)
    *facts, message = refusal(sqs.tag_queue, QueueUrl=queue, Tags={"k0": "changed", "k50": "v"})
    name = queue.rsplit("/", 1)[1]
    assert (*facts, message) == (*INVALID, f"Too many tags added for queue {name}.")
    assert tags_of(sqs, queue) == fifty
    sqs.tag_queue(QueueUrl=queue, Tags={"k0": "changed"})
    assert tags_of(sqs, queue)["k0"] == "changed"


def test_more_than_fifty_tags_stop_the_creation(sqs):
    name = fresh_name()
    *facts, message = refusal(sqs.create_queue, QueueName=name, tags={f"k{n}": "v" for n in range(51)})
    assert (*facts, message) == (*INVALID, f"Too many tags added for queue {name}.")
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=name)


def test_lengths_at_their_ends_and_unicode_letters_are_taken(sqs, queue):
    tags = {"k" * 128: "v" * 256, "Prüf 7_.:/=+-@": "Wert ü 中"}
    sqs.tag_queue(QueueUrl=queue, Tags=tags)
    assert tags_of(sqs, queue) == tags


@pytest.mark.parametrize(
    ("tags", "part"),
    [
        ({"": "x"}, "Tag keys must be between 1 and 128 characters in length."),
        ({"k" * 129: "x"}, "Tag keys must be between 1 and 128 characters in length."),
        ({"a": "v" * 257}, "Tag values must be between 0 and 256 characters in length."),
        ({"aws:mine": "x"}, "aws:"),
        ({"a#b": "x"}, "Tag keys"),
        ({"a": "<b>"}, "Tag values"),
    ],
    ids=["empty key", "long key", "long value", "reserved prefix", "sign in key", "sign in value"],
)
def test_a_tag_outside_the_rules_is_refused_and_changes_nothing(sqs, queue, tags, part):
    *facts, message = refusal(sqs.tag_queue, QueueUrl=queue, Tags={"good": "x", **tags})
    assert tuple(facts) == INVALID and part in message
    assert tags_of(sqs, queue) == {}


def test_tagging_with_no_tags_and_untagging_no_key_are_refused(sqs, queue):
    *_, message = missing = refusal(sqs.tag_queue, QueueUrl=queue, Tags={})
    assert missing[0] == "MissingParameter" and message == "The request must contain the parameter Tags."
    *facts, message = refusal(sqs.untag_queue, QueueUrl=queue, TagKeys=[])
    assert (*facts, message) == (*INVALID, "Tag keys must be between 1 and 128 characters in length.")


def test_tags_of_a_missing_queue_are_refused(sqs, queue):
    for call, rest in [
        (sqs.tag_queue, {"Tags": {"a": "b"}}),
        (sqs.untag_queue, {"TagKeys": ["a"]}),
        (sqs.list_queue_tags, {}),
    ]:
        code, shape, status, _ = refusal(call, QueueUrl=queue + "-missing", **rest)
        assert (code, shape, status) == ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", 400)


def test_queues_of_one_name_in_two_accounts_have_their_own_tags(sqs):
    name, other = fresh_name(), make_client("111122223333")
    ours = sqs.create_queue(QueueName=name, tags={"who": "ours"})["QueueUrl"]
    theirs = other.create_queue(QueueName=name, tags={"who": "theirs"})["QueueUrl"]
    assert (tags_of(sqs, ours), tags_of(other, theirs)) == ({"who": "ours"}, {"who": "theirs"})
