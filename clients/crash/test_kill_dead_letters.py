"""kill -9 of the real binary while messages become dead letters and are moved back: none lost, none back, none in both queues.

In: TIDEWIRE_BIN; CRASH_ROUNDS and CRASH_SEED as in load.py. Consumers delete, give back at once, or walk away, so that many
messages are received too often; others empty the dead-letter queue, or have all of it moved back. Each round kills the server at a
random moment and then compares what both queues have with what the clients were told. A message that was moved is a new one, with
another id and time. Source: the SQS developer guide, "Using dead-letter queues".
"""

import json
import random
import threading
import time

import pytest
from ledger import Ledger
from load import BATCH, LOAD_SECS, ROUNDS, SEED, Load
from queue_client import QueueClient, Refused

RECEIVES_MAX = 2
BODY_BYTES_MAX = 2_000
# Longer than a consumer usually takes to delete what it was handed, so that nothing leaves under its hands.
HELD_SECS = 4
# What was deleted later than so long after it was asked for may have been a dead letter by then, which a delete in its old queue
# does not reach.
SURELY_HELD_SECS = 3
SETTLED_LEASE_SECS = 600
SETTLE_SECS_MAX = 240
SYSTEM_ATTRIBUTES = ["SentTimestamp", "DeadLetterQueueSourceArn", "ApproximateReceiveCount"]


class Whereabouts:
    """Where messages were seen, and what they said of their past; `broken` holds the promises that were broken."""

    def __init__(self, moves):
        self._lock = threading.Lock()
        self._dead, self._sent_at = {}, {}
        self.moves, self.started = moves, 0
        self.broken = []

    def move_started(self):
        with self._lock:
            self.started += 1

    def received(self, asked, messages, dead):
        """A receive asked for at `asked` showed these."""
        with self._lock:
            for message in messages:
                body, attributes = message["Body"], message["Attributes"]
                name = body[:40]
                sent_at = self._sent_at.setdefault(body, attributes["SentTimestamp"])
                if sent_at != attributes["SentTimestamp"] and not self.moves:
                    self.broken.append(f"{name} was sent at another time than before: {attributes}")
                if ("DeadLetterQueueSourceArn" in attributes) != dead:
                    self.broken.append(f"{name} names the wrong source: {attributes}")
                if dead:
                    self._dead.setdefault(body, time.monotonic())
                    if int(attributes["ApproximateReceiveCount"]) <= RECEIVES_MAX:
                        self.broken.append(f"{name} is a dead letter that was received too seldom: {attributes}")
                elif self._dead.get(body, asked) < asked and not self.moves:
                    self.broken.append(f"{name} is back from among the dead letters")

    def letters(self):
        with self._lock:
            return len(self._dead)


class Customers:
    """What the client threads of one round do."""

    def __init__(self, urls, ledger, whereabouts, round_number):
        self.source, self.dead = urls
        self.ledger, self.whereabouts = ledger, whereabouts
        work = [self.send, self.send, self.consume, self.consume, self.consume, self.bury]
        work += [self.move] if whereabouts.moves else []
        self.roles = [(role, f"r{round_number}-t{number}") for number, role in enumerate(work)]

    def move(self, client, _, chance):
        arn = client.attributes(self.dead)["QueueArn"]
        while True:
            try:
                client.call("StartMessageMoveTask", SourceArn=arn)
                self.whereabouts.move_started()
            except Refused as refused:
                # There is one under way.
                assert refused.status == 400, refused
            time.sleep(chance.uniform(0, 0.1))

    def send(self, client, prefix, chance):
        for number in range(1_000_000):
            bodies = [f"{prefix}-{number}.{i}-" + "x" * chance.randrange(BODY_BYTES_MAX) for i in range(chance.choice([1, BATCH]))]
            self.ledger.attempting(bodies)
            entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies)]
            answer = client.call("SendMessageBatch", QueueUrl=self.source, Entries=entries)
            self.ledger.acknowledged({bodies[int(entry["Id"])]: entry["MessageId"] for entry in answer["Successful"]})

    def consume(self, client, _, chance):
        while True:
            if chance.random() < 0.3:
                self.receive_and_delete(client, self.source, dead=False)
            else:
                # Back at once, or as if its consumer had failed.
                receive(client, self.source, self.whereabouts, dead=False, lease=chance.choice([0, 0, 1]))

    def bury(self, client, _, chance):
        while True:
            if chance.random() < 0.5:
                self.receive_and_delete(client, self.dead, dead=True)
            else:
                receive(client, self.dead, self.whereabouts, dead=True, lease=chance.choice([0, 1]), wait=1)

    def receive_and_delete(self, client, url, dead):
        asked = time.monotonic()
        messages = receive(client, url, self.whereabouts, dead, lease=HELD_SECS)
        delete(client, url, self.ledger, messages, until=asked + SURELY_HELD_SECS)


def receive(client, url, whereabouts, dead, lease, wait=0):
    asked = time.monotonic()
    rest = {"MessageSystemAttributeNames": SYSTEM_ATTRIBUTES, "WaitTimeSeconds": wait}
    messages = client.receive(url, VisibilityTimeout=lease, **rest)
    whereabouts.received(asked, messages, dead)
    return messages


def delete(client, url, ledger, messages, until=float("inf")):
    for start in range(0, len(messages), BATCH):
        batch = messages[start : start + BATCH]
        entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(batch)]
        ledger.attempting_delete(message["Body"] for message in batch)
        answer = client.call("DeleteMessageBatch", QueueUrl=url, Entries=entries)
        if time.monotonic() < until:
            ledger.deleted(batch[int(entry["Id"])]["Body"] for entry in answer["Successful"])


def settle(client, urls, ledger, whereabouts):
    """Takes everything that both queues have, until nothing that must be there is missing or it is too late; (source, dead)."""
    found = ([], [])
    deadline = time.monotonic() + SETTLE_SECS_MAX
    while True:
        for messages, url, dead in zip(found, urls, (False, True), strict=True):
            while more := receive(client, url, whereabouts, dead, lease=SETTLED_LEASE_SECS):
                messages += more
        promises = ledger.broken_promises([*found[0], *found[1]])
        if whereabouts.moves:
            promises = [promise for promise in promises if " with another id: " not in promise]
        held = tuple(client.counts(url) == (0, len(messages), 0) for url, messages in zip(urls, found, strict=True))
        if (promises == [] and held == (True, True)) or time.monotonic() > deadline:
            return found, promises, held
        # Letters may be on their way, and leases of the time before the kill may last.
        time.sleep(0.1)


def check_and_thin_out(client, urls, ledger, whereabouts, chance):
    found, promises, held = settle(client, urls, ledger, whereabouts)
    assert promises == []
    assert held == (True, True), f"the counts are {[client.counts(url) for url in urls]}"
    in_source, in_dead = ({message["Body"] for message in messages} for messages in found)
    assert not in_source & in_dead, f"in both queues: {sorted(body[:40] for body in in_source & in_dead)[:5]}"
    for messages, bodies in zip(found, (in_source, in_dead), strict=True):
        assert len(messages) == len(bodies), "a message is in one queue twice"
    assert whereabouts.broken == []
    for url, messages in zip(urls, found, strict=True):
        kept = [message for message in messages if chance.random() < 0.1]
        delete(client, url, ledger, [message for message in messages if message not in kept])
        for message in kept:
            client.call("ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)


@pytest.mark.timeout(400 + 60 * ROUNDS)
@pytest.mark.parametrize("moves", [False, True], ids=["letters", "moves"])
def test_no_kill_loses_or_doubles_a_message_between_a_queue_and_its_dead_letters(make_server, capsys, moves):
    chance, ledger, whereabouts = random.Random(SEED), Ledger(), Whereabouts(moves)
    server = make_server().start()
    client = QueueClient(server.endpoint)
    dead = client.create_queue("dead")
    policy = json.dumps({"deadLetterTargetArn": client.attributes(dead)["QueueArn"], "maxReceiveCount": RECEIVES_MAX})
    urls = (client.create_queue("source", RedrivePolicy=policy), dead)
    for round_number in range(ROUNDS):
        acknowledged, letters, started = ledger.totals()[1], whereabouts.letters(), whereabouts.started
        load = Load(server.endpoint, Customers(urls, ledger, whereabouts, round_number).roles, round_number)
        time.sleep(chance.uniform(*LOAD_SECS))
        load.await_progress(lambda: ledger.totals()[1], acknowledged)
        load.await_progress(whereabouts.letters, letters)
        if moves:
            load.await_progress(lambda: whereabouts.started, started, enough=1)
        server.kill()
        load.join()
        client = QueueClient(server.start().endpoint)
        try:
            check_and_thin_out(client, urls, ledger, whereabouts, chance)
        except AssertionError as broken:
            raise AssertionError(f"round {round_number}, CRASH_SEED={SEED}: {broken}") from broken
        finally:
            client.close()
    _, acknowledged, _, deleted = ledger.totals()
    with capsys.disabled():
        print(f"\nkill -9, dead letters: CRASH_SEED={SEED}, {ROUNDS} rounds, {acknowledged} acknowledged, ", end="")
        print(f"{whereabouts.letters()} dead letters, {whereabouts.started} move tasks, {deleted} deleted")
    enough = acknowledged > 10 * ROUNDS and deleted > ROUNDS and whereabouts.letters() > ROUNDS
    assert enough and (whereabouts.started > 0) == moves, "too little load to mean anything"
