"""kill -9 of the real binary under load, round after round on one data folder.

In: TIDEWIRE_BIN; CRASH_ROUNDS (20) and CRASH_SEED (random, printed) repeat a run (load.py). Threads send alone and in batches,
receive, delete, give back, and create, change and delete queues; each round kills the server at a random moment, starts
it again and compares everything it still has with what the clients were told.
"""

import random
import time

import pytest
from ledger import Ledger
from load import BATCH, LOAD_SECS, ROUNDS, SEED, Load
from queue_client import QueueClient, Refused, drain

CONSUMER_LEASE_SECS = 1
BODY_BYTES_MAX = 3_000


class Customers:
    """What the client threads of one round do."""

    def __init__(self, url, ledger, queues, round_number):
        self.url, self.ledger, self.queues = url, ledger, queues
        work = [self.send_one_by_one, self.send_one_by_one, self.send_batches, self.consume, self.consume, self.manage]
        self.roles = [(role, f"r{round_number}-t{number}") for number, role in enumerate(work)]

    def send_one_by_one(self, client, prefix, chance):
        for number in range(1_000_000):
            body = make_body(prefix, number, chance)
            self.ledger.attempting([body])
            delay = {"DelaySeconds": 1} if chance.random() < 0.05 else {}
            self.ledger.acknowledged({body: client.send(self.url, body, **delay)})

    def send_batches(self, client, prefix, chance):
        for number in range(1_000_000):
            bodies = {str(i): make_body(prefix, f"{number}.{i}", chance) for i in range(BATCH)}
            self.ledger.attempting(bodies.values())
            entries = [{"Id": id, "MessageBody": body} for id, body in bodies.items()]
            answer = client.call("SendMessageBatch", QueueUrl=self.url, Entries=entries)
            self.ledger.acknowledged({bodies[entry["Id"]]: entry["MessageId"] for entry in answer["Successful"]})

    def consume(self, client, _, chance):
        while True:
            messages = client.receive(self.url, WaitTimeSeconds=1, VisibilityTimeout=CONSUMER_LEASE_SECS)
            if chance.random() < 0.5:
                self.delete_one_by_one(client, messages, chance)
            elif messages:
                self.delete_or_return_together(client, messages, chance)

    def delete_one_by_one(self, client, messages, chance):
        for message in messages:
            if chance.random() < 0.2:
                continue
            self.ledger.attempting_delete([message["Body"]])
            client.delete(self.url, message["ReceiptHandle"])
            self.ledger.deleted([message["Body"]])

    def delete_or_return_together(self, client, messages, chance):
        entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)]
        if chance.random() < 0.2:
            back = [{**entry, "VisibilityTimeout": 0} for entry in entries]
            client.call("ChangeMessageVisibilityBatch", QueueUrl=self.url, Entries=back)
            return
        self.ledger.attempting_delete(message["Body"] for message in messages)
        answer = client.call("DeleteMessageBatch", QueueUrl=self.url, Entries=entries)
        self.ledger.deleted(messages[int(entry["Id"])]["Body"] for entry in answer["Successful"])

    def manage(self, client, prefix, chance):
        for number in range(1_000_000):
            name = f"{prefix}-{number}"
            self.queues.attempting(name)
            url = client.create_queue(name, VisibilityTimeout=number % 100)
            self.queues.created(name, number % 100)
            self.queues.attempting(name)
            client.call("SetQueueAttributes", QueueUrl=url, Attributes={"VisibilityTimeout": "111"})
            self.queues.created(name, 111)
            if chance.random() < 0.8:
                self.queues.attempting(name)
                client.call("DeleteQueue", QueueUrl=url)
                self.queues.deleted(name)
            time.sleep(0.002)


class QueueBook:
    """What one thread was told about the queues it manages. A queue whose last request got no answer may be either."""

    def __init__(self):
        self._known, self._unsure = {}, set()

    def attempting(self, name):
        self._unsure.add(name)

    def created(self, name, timeout):
        self._known[name] = timeout
        self._unsure.discard(name)

    def deleted(self, name):
        self._known.pop(name)
        self._unsure.discard(name)

    def check(self, client):
        """Compares the book with the server, then settles what was unsure by what the server says."""
        listed = {url.rsplit("/", 1)[1]: url for url in list_queues(client, "r")}
        sure = {name: timeout for name, timeout in self._known.items() if name not in self._unsure}
        assert sure.keys() <= listed.keys(), f"queues lost: {sorted(sure.keys() - listed.keys())[:5]}"
        surplus = listed.keys() - sure.keys() - self._unsure
        assert not surplus, f"queues back from the dead: {sorted(surplus)[:5]}"
        newest = sorted(sure)[-20:]
        shown = {name: int(client.attributes(listed[name])["VisibilityTimeout"]) for name in newest}
        assert shown == {name: sure[name] for name in newest}
        for name in self._unsure:
            self._known.pop(name, None)
            if name in listed:
                client.call("DeleteQueue", QueueUrl=listed[name])
        self._unsure.clear()


def list_queues(client, prefix):
    urls, token = [], {}
    while True:
        page = client.call("ListQueues", QueueNamePrefix=prefix, MaxResults=1000, **token)
        urls += page.get("QueueUrls", [])
        if "NextToken" not in page:
            return urls
        token = {"NextToken": page["NextToken"]}


def make_body(prefix, number, chance):
    """A body like no other, of any size up to a few kilobytes."""
    return f"{prefix}-{number}-" + "x" * chance.randrange(BODY_BYTES_MAX)


def check_and_thin_out(client, url, ledger, chance):
    """Compares the queue with the ledger; then deletes most messages and gives the others back for the next round."""
    found = drain(client, url)
    assert ledger.broken_promises(found) == []
    for start in range(0, len(found), BATCH):
        batch = found[start : start + BATCH]
        entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(batch)]
        if chance.random() < 0.9:
            ledger.attempting_delete(message["Body"] for message in batch)
            client.call("DeleteMessageBatch", QueueUrl=url, Entries=entries)
            ledger.deleted(message["Body"] for message in batch)
        else:
            back = [{**entry, "VisibilityTimeout": 0} for entry in entries]
            client.call("ChangeMessageVisibilityBatch", QueueUrl=url, Entries=back)
    return len(found)


@pytest.mark.timeout(400 + 60 * ROUNDS)
def test_no_kill_loses_an_acknowledged_message_or_brings_back_a_deleted_one(make_server, capsys):
    with capsys.disabled():
        print(f"\nkill -9: CRASH_SEED={SEED} CRASH_ROUNDS={ROUNDS}")
    chance = random.Random(SEED)
    ledger, queues = Ledger(), QueueBook()
    server = make_server().start()
    url = QueueClient(server.endpoint).create_queue("under-load", VisibilityTimeout=30)
    for round_number in range(ROUNDS):
        before = ledger.totals()[1]
        load = Load(server.endpoint, Customers(url, ledger, queues, round_number).roles, round_number)
        time.sleep(chance.uniform(*LOAD_SECS))
        load.await_progress(lambda: ledger.totals()[1], before)
        server.kill()
        load.join()
        server.start()
        client = QueueClient(server.endpoint)
        try:
            found = check_and_thin_out(client, url, ledger, chance)
            queues.check(client)
        except AssertionError as broken:
            raise AssertionError(f"round {round_number}, CRASH_SEED={SEED}: {broken}") from broken
        finally:
            client.close()
    sent, acknowledged, _, deleted = ledger.totals()
    with capsys.disabled():
        print(f"kill -9: {ROUNDS} rounds, {sent} sent, {acknowledged} acknowledged, {deleted} deleted, {found} at the end")
    assert acknowledged > 10 * ROUNDS and deleted > ROUNDS, "too little load to mean anything"


def test_the_ledger_notices_a_server_that_forgets_everything(make_server):
    """The control: a server that keeps nothing must break promises, else the test above proves nothing."""
    ledger = Ledger()
    server = make_server(arguments=["--ephemeral"]).start()
    client = QueueClient(server.endpoint)
    url = client.create_queue("under-load")
    # Whatever the load comes to on a busy machine, nobody receives this one.
    ledger.attempting(["late"])
    ledger.acknowledged({"late": client.send(url, "late", DelaySeconds=900)})
    load = Load(server.endpoint, Customers(url, ledger, QueueBook(), 0).roles, 0)
    time.sleep(0.3)
    server.kill()
    load.join()
    client = QueueClient(server.start().endpoint)
    with pytest.raises(Refused):
        drain(client, url)
    (promise,) = ledger.broken_promises([])
    assert " lost: " in promise


def test_an_acknowledged_purge_stays_purged_after_a_kill(make_server):
    server = make_server().start()
    client = QueueClient(server.endpoint)
    url = client.create_queue("purged")
    for number in range(30):
        client.send(url, f"before {number}")
    client.receive(url)
    client.call("PurgeQueue", QueueUrl=url)
    client.send(url, "after")
    server.kill()
    client = QueueClient(server.start().endpoint)
    assert [message["Body"] for message in drain(client, url)] == ["after"]


def test_a_server_killed_while_it_recovers_recovers_all_the_same(make_server):
    server = make_server().start()
    client = QueueClient(server.endpoint)
    url = client.create_queue("impatient")
    bodies = {f"message {number}" for number in range(300)}
    for body in bodies:
        client.send(url, body)
    server.kill()
    for milliseconds in (1, 3, 6, 10, 20):
        server.begin()
        time.sleep(milliseconds / 1000)
        server.kill()
    client = QueueClient(server.start().endpoint)
    assert {message["Body"] for message in drain(client, url)} == bodies
