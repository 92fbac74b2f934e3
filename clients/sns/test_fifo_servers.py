"""FIFO topics of servers that are killed: what is answered arrives in order, and duplicates are known after a restart."""

import json

import pytest
from conftest import House, kill_amid_publishes, make_client
from fifo import fifo_queue, fifo_topic
from own_servers import own_servers


@pytest.fixture
def make():
    with own_servers() as make:
        yield make


def house_at(server):
    return House(make_client("sns", server.endpoint), make_client("sqs", server.endpoint))


def test_a_duplicate_is_known_after_a_kill(make, tmp_path):
    server = make(tmp_path / "data").start()
    house = house_at(server)
    topic = fifo_topic(house)
    url = fifo_queue(house, topic)
    asked = {"TopicArn": topic, "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    first = house.sns.publish(Message="first", **asked)
    server.kill()
    house = house_at(make(tmp_path / "data").start())
    again = house.sns.publish(Message="again", **asked)
    later = house.sns.publish(Message="later", **{**asked, "MessageDeduplicationId": "e"})
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    assert later["SequenceNumber"] > first["SequenceNumber"]
    assert [found["Message"] for found in house.notifications(url)] == ["first", "later"]


@pytest.mark.timeout(300)
def test_what_is_answered_arrives_in_order_however_the_server_is_killed(make, tmp_path):
    """Three publishers of a group each, who send again what they heard nothing of, and a server that is killed in the middle, four
    rounds: each queue has every message once, each group's in the order in which it was published, under rising numbers."""
    server = make(tmp_path / "data").start()
    house = house_at(server)
    topic = fifo_topic(house, ContentBasedDeduplication="true")
    urls = [fifo_queue(house, topic) for _ in range(3)]
    published = {publisher: 0 for publisher in range(3)}
    numbers = {}
    for _ in range(4):

        def publish(sns, publisher, _):
            message = f"{publisher}-{published[publisher]}"
            answer = sns.publish(TopicArn=topic, Message=message, MessageGroupId=f"g{publisher}")
            numbers[message] = answer["SequenceNumber"]
            published[publisher] += 1

        kill_amid_publishes(server, publish)
        server = make(tmp_path / "data").start()
    house = house_at(server)
    # What nobody was answered may have arrived; sent again it is known, or arrives now.
    for publisher, nth in published.items():
        house.sns.publish(TopicArn=topic, Message=f"{publisher}-{nth}", MessageGroupId=f"g{publisher}")
    assert len(set(numbers.values())) == len(numbers)
    for url in urls:
        found = [json.loads(message["Body"]) for message in house.received(url)]
        for publisher, last in published.items():
            mine = [one for one in found if one["Message"].startswith(f"{publisher}-")]
            assert [one["Message"] for one in mine] == [f"{publisher}-{nth}" for nth in range(last + 1)]
            shown = [one["SequenceNumber"] for one in mine]
            assert shown == sorted(set(shown))
