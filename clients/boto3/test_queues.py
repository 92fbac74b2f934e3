"""Queues come and go: CreateQueue, DeleteQueue, GetQueueUrl, ListQueues, PurgeQueue, and where a queue lives.

Sources: the SQS API reference of each operation; recorded answers of AWS for the texts of refusals.
"""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from conftest import fresh_name, make_client
from conversation import attributes_of, counts, drain, receive, receive_one, refusal, refused_with

NONEXISTENT = "AWS.SimpleQueueService.NonExistentQueue"


def test_a_queue_url_ends_with_account_and_name(sqs):
    name = fresh_name()
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert urlsplit(url).path == f"/000000000000/{name}"
    assert urlsplit(url).netloc == urlsplit(sqs.meta.endpoint_url).netloc


def test_creating_again_with_no_attributes_answers_the_same_url(sqs):
    name = fresh_name()
    first = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "77"})["QueueUrl"]
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == first


def test_creating_again_with_equal_attributes_answers_the_same_url(sqs):
    name = fresh_name()
    first = sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "5"})["QueueUrl"]
    assert sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "5"})["QueueUrl"] == first


def test_naming_a_default_explicitly_is_equal_to_leaving_it_out(sqs):
    name = fresh_name()
    first = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "30"})["QueueUrl"] == first


def test_creating_again_with_another_value_is_refused_and_names_the_attribute(sqs):
    name = fresh_name()
    url = sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "1"})["QueueUrl"]
    code, shape, status, message = refusal(sqs.create_queue, QueueName=name, Attributes={"DelaySeconds": "2"})
    assert (code, shape, status) == ("QueueAlreadyExists", "QueueNameExists", 400)
    assert message == "A queue already exists with the same name and a different value for attribute DelaySeconds"
    assert attributes_of(sqs, url, "DelaySeconds") == {"DelaySeconds": "1"}


def test_botocore_maps_a_conflict_to_its_own_exception_class(sqs):
    name = fresh_name()
    sqs.create_queue(QueueName=name)
    with pytest.raises(sqs.exceptions.QueueNameExists):
        sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "2"})


@pytest.mark.parametrize(
    "name", ["", "with space", "dot.dot", "slash/slash", "ümlaut", "a" * 81, "plain.fifo.x"], ids=lambda name: repr(name)[:20]
)
def test_a_name_outside_the_alphabet_or_length_is_refused(sqs, name):
    code, shape, status, message = refusal(sqs.create_queue, QueueName=name)
    assert (code, shape, status) == ("InvalidParameterValue", "InvalidParameterValueException", 400)
    assert message == "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"


@pytest.mark.parametrize(
    "make_name",
    [lambda: uuid.uuid4().hex[0] + "_", lambda: "A-b_9-" + fresh_name(), lambda: fresh_name().ljust(80, "x")],
    ids=["two signs", "all kinds of signs", "80 signs"],
)
def test_a_name_within_the_alphabet_and_length_is_accepted(sqs, make_name):
    name = make_name()
    assert sqs.create_queue(QueueName=name)["QueueUrl"].endswith("/" + name)


def test_a_deleted_queue_answers_nothing_any_more(sqs, make_queue):
    url = make_queue()
    sqs.send_message(QueueUrl=url, MessageBody="lost with the queue")
    sqs.delete_queue(QueueUrl=url)
    for call, rest in [
        (sqs.send_message, {"MessageBody": "x"}),
        (sqs.receive_message, {}),
        (sqs.get_queue_attributes, {"AttributeNames": ["All"]}),
        (sqs.purge_queue, {}),
        (sqs.delete_queue, {}),
        (sqs.set_queue_attributes, {"Attributes": {"DelaySeconds": "1"}}),
    ]:
        code, shape, status, message = refusal(call, QueueUrl=url, **rest)
        assert (code, shape, status) == (NONEXISTENT, "QueueDoesNotExist", 400), call
        assert message == "The specified queue does not exist."


def test_a_long_poll_on_a_queue_that_is_deleted_ends_at_once(sqs, make_queue):
    url, ended = make_queue(), []

    def poll():
        try:
            make_client().receive_message(QueueUrl=url, WaitTimeSeconds=20)
        except sqs.exceptions.ClientError:
            pass
        ended.append(time.monotonic())

    thread = threading.Thread(target=poll)
    thread.start()
    time.sleep(0.5)
    sqs.delete_queue(QueueUrl=url)
    deleted = time.monotonic()
    thread.join(timeout=90)
    # One that slept on would end when its twenty seconds are over.
    assert ended and ended[0] - deleted < 15, ended


def test_get_queue_url_finds_a_queue_by_name(sqs, queue):
    assert sqs.get_queue_url(QueueName=queue.rsplit("/", 1)[1])["QueueUrl"] == queue


def test_get_queue_url_takes_the_owner_account(sqs, queue):
    name = queue.rsplit("/", 1)[1]
    assert sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId="000000000000")["QueueUrl"] == queue


def test_get_queue_url_looks_in_the_account_that_is_named(sqs):
    name, owner = fresh_name(), make_client("333344445555")
    url = owner.create_queue(QueueName=name)["QueueUrl"]
    assert sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId="333344445555")["QueueUrl"] == url
    for other in ("333344445556", "33334444555", "me"):
        assert refused_with(sqs.get_queue_url, QueueName=name, QueueOwnerAWSAccountId=other) == NONEXISTENT
    assert refused_with(sqs.get_queue_url, QueueName=name) == NONEXISTENT


def test_get_queue_url_of_a_missing_queue_is_refused(sqs):
    code, shape, status, message = refusal(sqs.get_queue_url, QueueName=fresh_name())
    assert (code, shape, status) == (NONEXISTENT, "QueueDoesNotExist", 400)
    assert message.startswith("The specified queue does not exist")


def test_list_queues_finds_by_prefix_and_only_by_prefix(sqs):
    prefix = fresh_name("list")
    urls = [sqs.create_queue(QueueName=f"{prefix}-{i}")["QueueUrl"] for i in range(3)]
    other = sqs.create_queue(QueueName=fresh_name("other"))["QueueUrl"]
    assert sorted(sqs.list_queues(QueueNamePrefix=prefix)["QueueUrls"]) == sorted(urls)
    assert other not in sqs.list_queues(QueueNamePrefix=prefix)["QueueUrls"]


def test_list_queues_with_no_match_has_no_urls_key(sqs):
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=fresh_name("nothing"))


def test_list_queues_gives_a_token_only_when_a_maximum_was_asked_and_more_is_there(sqs):
    prefix = fresh_name("page")
    urls = {sqs.create_queue(QueueName=f"{prefix}-{i}")["QueueUrl"] for i in range(5)}
    assert "NextToken" not in sqs.list_queues(QueueNamePrefix=prefix)
    assert "NextToken" not in sqs.list_queues(QueueNamePrefix=prefix, MaxResults=10)
    seen, token, pages = set(), None, 0
    while True:
        more = {"NextToken": token} if token else {}
        page = sqs.list_queues(QueueNamePrefix=prefix, MaxResults=2, **more)
        assert len(page["QueueUrls"]) <= 2
        assert not seen & set(page["QueueUrls"])
        seen |= set(page["QueueUrls"])
        pages += 1
        token = page.get("NextToken")
        if not token:
            break
    assert (seen, pages) == (urls, 3)


def test_the_sdk_paginator_sees_every_queue_once(sqs):
    prefix = fresh_name("paginator")
    urls = [sqs.create_queue(QueueName=f"{prefix}-{i}")["QueueUrl"] for i in range(5)]
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=prefix, PaginationConfig={"PageSize": 2})
    assert sorted(url for page in pages for url in page.get("QueueUrls", [])) == sorted(urls)


@pytest.mark.parametrize("maximum", [0, -1, 1001])
def test_list_queues_with_a_maximum_out_of_range_is_refused(sqs, maximum):
    assert refused_with(sqs.list_queues, MaxResults=maximum) == "InvalidParameterValue"


def test_a_token_that_was_never_given_is_refused(sqs):
    assert refused_with(sqs.list_queues, MaxResults=1, NextToken="garbage") == "InvalidParameterValue"


def test_without_a_maximum_at_most_a_thousand_queues_come_and_no_token():
    client, prefix = make_client(access_key="555555555555"), fresh_name("many")
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda i: client.create_queue(QueueName=f"{prefix}-{i}")["QueueUrl"], range(1_001)))
    answer = client.list_queues(QueueNamePrefix=prefix)
    assert len(answer["QueueUrls"]) == 1_000 and set(answer["QueueUrls"]) < made
    assert "NextToken" not in answer
    pages = client.get_paginator("list_queues").paginate(QueueNamePrefix=prefix, MaxResults=1_000)
    assert {url for page in pages for url in page.get("QueueUrls", [])} == made


def test_purge_removes_visible_in_flight_and_delayed_messages(sqs, make_queue):
    url = make_queue(VisibilityTimeout=1)
    sqs.send_message(QueueUrl=url, MessageBody="in flight")
    receive_one(sqs, url)
    sqs.send_message(QueueUrl=url, MessageBody="visible")
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=1)
    sqs.purge_queue(QueueUrl=url)
    time.sleep(1.3)
    assert receive(sqs, url, MaxNumberOfMessages=10, WaitTimeSeconds=1) == []
    assert counts(sqs, url) == (0, 0, 0)


def test_a_message_sent_after_a_purge_stays(sqs, queue):
    sqs.purge_queue(QueueUrl=queue)
    sqs.send_message(QueueUrl=queue, MessageBody="later")
    assert [message["Body"] for message in drain(sqs, queue, 1)] == ["later"]


def test_a_twelve_digit_access_key_is_the_account(make_queue):
    for account in ("111111111111", "222222222222"):
        client = make_client(access_key=account)
        url = make_queue(client)
        assert url.split("/")[-2] == account
        arn = attributes_of(client, url, "QueueArn")["QueueArn"]
        assert arn == f"arn:aws:sqs:us-east-1:{account}:{url.rsplit('/', 1)[1]}"


def test_any_other_access_key_is_the_default_account(sqs, queue):
    arn = attributes_of(sqs, queue, "QueueArn")["QueueArn"]
    assert arn == f"arn:aws:sqs:us-east-1:000000000000:{queue.rsplit('/', 1)[1]}"
    other_key = make_client(access_key="AKIAIOSFODNN7EXAMPLE")
    assert other_key.get_queue_url(QueueName=queue.rsplit("/", 1)[1])["QueueUrl"] == queue


def apart(one, other):
    """Two clients with a queue of one name each: what one does, the other never sees."""
    name = fresh_name("same")
    first = one.create_queue(QueueName=name, Attributes={"DelaySeconds": "0", "VisibilityTimeout": "11"})["QueueUrl"]
    second = other.create_queue(QueueName=name, Attributes={"DelaySeconds": "0", "VisibilityTimeout": "22"})["QueueUrl"]
    one.send_message(QueueUrl=first, MessageBody="mine")
    assert receive(other, second) == []
    assert attributes_of(other, second, "VisibilityTimeout") == {"VisibilityTimeout": "22"}
    assert len(one.list_queues(QueueNamePrefix=name)["QueueUrls"]) == 1
    other.delete_queue(QueueUrl=second)
    assert receive_one(one, first)["Body"] == "mine"
    one.delete_queue(QueueUrl=first)


def test_accounts_are_kept_apart():
    apart(make_client(access_key="111111111111"), make_client(access_key="222222222222"))


def test_regions_are_kept_apart():
    apart(make_client(region="us-east-1"), make_client(region="eu-central-1"))


def test_the_arn_carries_the_region(make_queue):
    client = make_client(region="ap-southeast-2")
    assert attributes_of(client, make_queue(client), "QueueArn")["QueueArn"].split(":")[3] == "ap-southeast-2"


QUEUE_URLS = {
    "bare name": "{name}",
    "path only": "/{account}/{name}",
    "account and name": "{account}/{name}",
    "no scheme": "some.host:4566/{account}/{name}",
    "other host": "http://some.other.host:1234/{account}/{name}",
    "slash at the end": "http://some.other.host:1234/{account}/{name}/",
    "AWS": "https://sqs.us-east-1.amazonaws.com/{account}/{name}",
    "AWS, legacy": "https://queue.amazonaws.com/{account}/{name}",
    "AWS, legacy, with region": "https://us-east-1.queue.amazonaws.com/{account}/{name}",
    "AWS, China": "https://sqs.cn-north-1.amazonaws.com.cn/{account}/{name}",
    "LocalStack, standard": "http://sqs.us-east-1.localhost.localstack.cloud:4566/{account}/{name}",
    "LocalStack, domain": "http://us-east-1.queue.localhost.localstack.cloud:4566/{account}/{name}",
    "LocalStack, path": "http://localhost:4566/queue/us-east-1/{account}/{name}",
    "ElasticMQ": "http://localhost:9324/queue/{name}",
    "ElasticMQ without scheme": "localhost:9324/queue/{name}",
    "behind a path of a proxy": "https://proxy.example/sqs/{account}/{name}",
}


@pytest.mark.parametrize("form", QUEUE_URLS.values(), ids=QUEUE_URLS.keys())
def test_any_form_of_queue_url_finds_the_queue(sqs, queue, form):
    account, name = queue.split("/")[-2:]
    given = form.format(account=account, name=name)
    sqs.send_message(QueueUrl=given, MessageBody=form)
    message = receive_one(sqs, given)
    assert message["Body"] == form
    sqs.delete_message(QueueUrl=given, ReceiptHandle=message["ReceiptHandle"])
