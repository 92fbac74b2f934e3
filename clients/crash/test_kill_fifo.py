"""kill -9 of the real binary under load on a FIFO queue: order per group, locks, one message per id, nothing lost.

In: TIDEWIRE_BIN, CRASH_ROUNDS and CRASH_SEED as in load.py. Each group has one sender, which repeats after a kill what
was not answered; consumers delete, give back, or walk away from what they were handed. Source: the SQS developer guide,
"FIFO queue delivery logic" and "Exactly-once processing".
"""

import random
import time

import pytest
from load import BATCH, LOAD_SECS, ROUNDS, SEED, Load
from order_book import OrderBook
from queue_client import QueueClient

GROUPS = 4
CONSUMERS = 3
BODY_BYTES_MAX = 2_000
DRAIN_SECS_MAX = 240


class Customers:
    """What the client threads of one round do: one producer for each group, so that its order is known."""

    def __init__(self, url, book):
        self.url, self.book = url, book
        self.roles = [(self.produce, f"g{number}") for number in range(GROUPS)]
        self.roles += [(self.consume, f"c{number}") for number in range(CONSUMERS)]

    def produce(self, client, group, chance):
        answers = {}
        while True:
            numbers = self.book.next_numbers(group, chance.choice([1, 1, 1, BATCH]))
            if chance.random() < 0.1 and answers:
                # Acknowledged a moment ago: the answer has to be the same.
                self.book.sent(group, send(client, self.url, group, sorted(answers), chance))
            answers = send(client, self.url, group, numbers, chance)
            self.book.sent(group, answers)

    def consume(self, client, _, chance):
        while True:
            consume_some(client, self.url, self.book, chance)


def send(client, url, group, numbers, chance):
    """(id, sequence number) by number."""
    entries = [
        {
            "Id": str(number),
            "MessageBody": f"{group}/{number}/" + "x" * chance.randrange(BODY_BYTES_MAX),
            "MessageGroupId": group,
            "MessageDeduplicationId": f"{group}-{number}",
        }
        for number in numbers
    ]
    if len(entries) > 1:
        answer = client.call("SendMessageBatch", QueueUrl=url, Entries=entries)
        return {int(entry["Id"]): (entry["MessageId"], entry["SequenceNumber"]) for entry in answer["Successful"]}
    (entry,) = entries
    del entry["Id"]
    answer = client.call("SendMessage", QueueUrl=url, **entry)
    return {numbers[0]: (answer["MessageId"], answer["SequenceNumber"])}


def consume_some(client, url, book, chance, careless=0.2):
    """Receives once; deletes from the front, or gives back, or now and then walks away."""
    asked, lease = time.monotonic(), chance.choice([1, 2])
    messages = client.receive(url, WaitTimeSeconds=1, VisibilityTimeout=lease, AttributeNames=["All"])
    keys = [key_of(message) for message in messages]
    named = [(message["MessageId"], message["Attributes"]["SequenceNumber"]) for message in messages]
    book.received(asked, lease, [(*key, *names) for key, names in zip(keys, named, strict=True)])
    entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)]
    fate = chance.random() / careless
    if not messages or fate < 0.3:
        return
    if fate < 0.6:
        book.releasing(keys)
        back = [{**entry, "VisibilityTimeout": 0} for entry in entries]
        client.call("ChangeMessageVisibilityBatch", QueueUrl=url, Entries=back)
        return
    count = chance.randint(1, len(entries)) if fate < 1 else len(entries)
    book.deleting(keys[:count])
    answer = client.call("DeleteMessageBatch", QueueUrl=url, Entries=entries[:count])
    book.deleted([keys[int(entry["Id"])] for entry in answer["Successful"]])


def key_of(message):
    group, number, _ = message["Body"].split("/")
    return group, int(number)


def empty(client, url, book, chance):
    deadline = time.monotonic() + DRAIN_SECS_MAX
    while client.counts(url) != (0, 0, 0):
        assert time.monotonic() < deadline, f"the counts are {client.counts(url)}"
        consume_some(client, url, book, chance, careless=1e-9)


@pytest.mark.timeout(400 + 60 * ROUNDS)
def test_no_kill_breaks_the_order_of_a_group_or_loses_or_doubles_a_message(make_server, capsys):
    chance, book = random.Random(SEED), OrderBook()
    server = make_server().start()
    url = QueueClient(server.endpoint).create_queue("under-load.fifo", FifoQueue="true", VisibilityTimeout=30)
    for round_number in range(ROUNDS):
        sent_before, _, _, deleted_before = book.totals()
        load = Load(server.endpoint, Customers(url, book).roles, round_number)
        time.sleep(chance.uniform(*LOAD_SECS))
        load.await_progress(lambda: book.totals()[0], sent_before)
        load.await_progress(lambda: book.totals()[3], deleted_before)
        server.kill()
        load.join()
        assert book.broken == [], f"round {round_number}, CRASH_SEED={SEED}: {book.broken[:5]}"
        server.start()
    empty(QueueClient(server.endpoint), url, book, chance)
    assert (book.broken, book.lost()) == ([], []), f"CRASH_SEED={SEED}"
    sent, repeated, deliveries, deleted = book.totals()
    with capsys.disabled():
        print(f"\nkill -9, FIFO: CRASH_SEED={SEED}, {ROUNDS} rounds, {sent} acknowledged, {repeated} sends repeated, ", end="")
        print(f"{deliveries} deliveries, {deleted} deleted")
    assert sent > 10 * ROUNDS and deleted > ROUNDS and repeated > 0, "too little load to mean anything"


def test_a_group_that_was_handed_out_stays_locked_over_a_kill(make_server):
    server = make_server().start()
    client = QueueClient(server.endpoint)
    url = client.create_queue("locked.fifo", FifoQueue="true", VisibilityTimeout=30)
    for number in range(2):
        client.send(url, f"g/{number}/", MessageGroupId="g", MessageDeduplicationId=str(number))
    held = client.call("ReceiveMessage", QueueUrl=url)["Messages"]
    server.kill()
    client = QueueClient(server.start().endpoint)
    assert client.receive(url) == []
    client.delete(url, held[0]["ReceiptHandle"])
    assert [message["Body"] for message in client.receive(url)] == ["g/1/"]
