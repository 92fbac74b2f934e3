"""kill -9 of the real binary under publishes: what was acknowledged is in every queue that wanted it, and with the receiver over HTTP.

In: TIDEWIRE_BIN, CRASH_ROUNDS and CRASH_SEED as in load.py. A standard topic has three queues (raw, in envelopes, filtered) and a
receiver; a FIFO topic has two queues, and one publisher for each group, who repeats after a kill what was not answered. Source: SNS
developer guide, "Message durability", "Message delivery for FIFO topics".
"""

import json
import pathlib
import random
import sys
import threading
import time

import pytest
from load import BATCH, LOAD_SECS, ROUNDS, SEED, Load
from queue_client import QueueClient, drain
from topic_client import create_topic, publish, publish_batch, subscribe

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "sns"))
from receiver import Receiver  # noqa: E402 (the receivers of the suite of SNS)

GROUPS = 3
KINDS = ["a", "b"]
BODY_BYTES_MAX = 1_500
# What was under way when the server was killed is tried again half a minute later.
DELIVERED_SECS_MAX = 150
ACCOUNT = "arn:aws:sqs:us-east-1:000000000000:"


class Book:
    """What the publishers asked for and were told."""

    def __init__(self):
        self._lock = threading.Lock()
        self.attempted, self.acknowledged, self.numbers, self.pending, self.repeated = {}, set(), {}, {}, 0

    def attempting(self, bodies):
        with self._lock:
            self.attempted.update(bodies)

    def taken(self, bodies):
        with self._lock:
            self.acknowledged.update(bodies)

    def next_numbers(self, group, count):
        """What was not answered, otherwise so many new ones."""
        with self._lock:
            self.repeated += group in self.pending
            first = self.numbers.setdefault(group, 0)
            return self.pending.setdefault(group, list(range(first, first + count)))

    def numbered(self, group, numbers):
        with self._lock:
            del self.pending[group]
            self.numbers[group] = numbers[-1] + 1

    def total(self):
        with self._lock:
            return len(self.acknowledged) + sum(self.numbers.values())


class Publishers:
    """What the client threads of one round do."""

    def __init__(self, standard, ordered, book, round_number):
        self.standard, self.ordered, self.book = standard, ordered, book
        self.roles = [(self.publish_alone, f"r{round_number}-t0"), (self.publish_batches, f"r{round_number}-t1")]
        self.roles += [(self.publish_in_order, f"g{number}") for number in range(GROUPS)]

    def publish_alone(self, client, prefix, chance):
        for number in range(1_000_000):
            body, kind = f"{prefix}/{number}/" + "x" * chance.randrange(BODY_BYTES_MAX), chance.choice(KINDS)
            self.book.attempting({body: kind})
            publish(client, self.standard, body, kind)
            self.book.taken([body])

    def publish_batches(self, client, prefix, chance):
        for number in range(1_000_000):
            bodies = {f"{prefix}/{number}.{place}/": chance.choice(KINDS) for place in range(BATCH)}
            self.book.attempting(bodies)
            taken = publish_batch(client, self.standard, [(body, kind, None, None) for body, kind in bodies.items()])
            self.book.taken([body for place, body in enumerate(bodies) if place in taken])

    def publish_in_order(self, client, group, chance):
        while True:
            numbers = self.book.next_numbers(group, chance.choice([1, 1, BATCH]))
            entries = [(f"{group}/{number}/", None, group, f"{group}-{number}") for number in numbers]
            if len(entries) == 1:
                publish(client, self.ordered, *entries[0])
            else:
                assert publish_batch(client, self.ordered, entries) == set(range(len(entries)))
            self.book.numbered(group, numbers)


def make(client, receiver):
    """The topics, with their subscriptions."""
    standard = create_topic(client, "under-load", SignatureVersion="2")
    for name, attributes in {
        "raw": {"RawMessageDelivery": "true"},
        "wrapped": {},
        "filtered": {"RawMessageDelivery": "true", "FilterPolicy": '{"kind":["a"]}'},
    }.items():
        client.create_queue(name)
        subscribe(client, standard, "sqs", ACCOUNT + name, **attributes)
    subscribe(client, standard, "http", receiver.url(), RawMessageDelivery="true")
    receiver.wait(lambda _: receiver.visited)
    ordered = create_topic(client, "under-load.fifo", FifoTopic="true")
    for name in ("first.fifo", "second.fifo"):
        client.create_queue(name, FifoQueue="true")
        subscribe(client, ordered, "sqs", ACCOUNT + name, RawMessageDelivery="true")
    return standard, ordered


def check_queue(client, name, book):
    bodies = [message["Body"] for message in drain(client, client.call("GetQueueUrl", QueueName=name)["QueueUrl"])]
    if name == "wrapped":
        bodies = [json.loads(body)["Message"] for body in bodies]
    wanted = (lambda kind: kind == "a") if name == "filtered" else lambda _: True
    lost = {body for body in book.acknowledged if wanted(book.attempted[body])} - set(bodies)
    invented = {body for body in bodies if not wanted(book.attempted.get(body))} | (set(bodies) - book.attempted.keys())
    assert (sorted(lost)[:5], sorted(invented)[:5]) == ([], []), f"{name}, CRASH_SEED={SEED}"


def check_order(client, name, book):
    url = client.call("GetQueueUrl", QueueName=name)["QueueUrl"]
    found = {}
    while messages := client.receive(url, WaitTimeSeconds=1):
        for message in messages:
            group, number, _ = message["Body"].split("/")
            found.setdefault(group, []).append(int(number))
        entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)]
        client.call("DeleteMessageBatch", QueueUrl=url, Entries=entries)
    for group, count in book.numbers.items():
        numbers = found.get(group, [])
        assert numbers == list(range(len(numbers))), f"{name}/{group}, CRASH_SEED={SEED}: {numbers}"
        most = count + len(book.pending.get(group, []))
        assert count <= len(numbers) <= most, f"{name}/{group}: {len(numbers)} of {count} acknowledged, CRASH_SEED={SEED}"


@pytest.mark.timeout(600 + 60 * ROUNDS)
def test_no_kill_keeps_a_published_message_from_a_queue_or_receiver_or_turns_a_group_round(make_server, capsys):
    chance, book = random.Random(SEED), Book()
    server = make_server().start()
    with Receiver() as receiver:
        standard, ordered = make(QueueClient(server.endpoint), receiver)
        for round_number in range(ROUNDS):
            before = book.total()
            load = Load(server.endpoint, Publishers(standard, ordered, book, round_number).roles, round_number)
            time.sleep(chance.uniform(*LOAD_SECS))
            load.await_progress(book.total, before)
            server.kill()
            load.join()
            server.start()
        client = QueueClient(server.endpoint)
        for name in ("raw", "wrapped", "filtered"):
            check_queue(client, name, book)
        for name in ("first.fifo", "second.fifo"):
            check_order(client, name, book)

        def got(requests):
            return {request.body.decode() for request in requests if request.type == "Notification"}

        deadline = time.monotonic() + DELIVERED_SECS_MAX
        while missing := book.acknowledged - got(list(receiver.got)):
            assert time.monotonic() < deadline, f"{len(missing)} never posted, CRASH_SEED={SEED}: {sorted(missing)[:3]}"
            time.sleep(0.2)
        posted = [request.body.decode() for request in receiver.got if request.type == "Notification"]
    assert set(posted) <= book.attempted.keys(), f"CRASH_SEED={SEED}"
    numbered = sum(book.numbers.values())
    with capsys.disabled():
        print(f"\nkill -9, topics: CRASH_SEED={SEED}, {ROUNDS} rounds, {len(book.acknowledged)} + {numbered} in order acknowledged, ", end="")
        print(f"{book.repeated} publishes repeated, {len(posted)} posted")
    assert len(book.acknowledged) > 10 * ROUNDS and numbered > ROUNDS, "too little load to mean anything"
