"""What the clients were told, kept outside the server, and the question whether the server kept its word.

Every body is unique and is written down before its request leaves; an acknowledgement is written down when its answer is
complete. Invariant: every acknowledged message is there unless its deletion was at least asked
for; no acknowledged deletion comes back; nothing is there that nobody sent.
"""

import threading


class Ledger:
    """One book for all client threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._attempted = set()
        self._acknowledged = {}
        self._deletes_attempted = set()
        self._deletes_acknowledged = set()

    def attempting(self, bodies):
        with self._lock:
            self._attempted.update(bodies)

    def acknowledged(self, ids_by_body):
        with self._lock:
            self._acknowledged.update(ids_by_body)

    def attempting_delete(self, bodies):
        with self._lock:
            self._deletes_attempted.update(bodies)

    def deleted(self, bodies):
        with self._lock:
            self._deletes_acknowledged.update(bodies)

    def totals(self):
        """(sends asked, sends acknowledged, deletes asked, deletes acknowledged)."""
        with self._lock:
            books = (self._attempted, self._acknowledged, self._deletes_attempted, self._deletes_acknowledged)
            return tuple(len(book) for book in books)

    def broken_promises(self, found):
        """What is wrong with a queue in which exactly the messages `found` are, as sentences; empty if nothing is."""
        bodies = {message["Body"] for message in found}
        lost = set(self._acknowledged) - self._deletes_attempted - bodies
        undead = bodies & self._deletes_acknowledged
        invented = bodies - self._attempted
        renamed = {
            message["Body"]
            for message in found
            if self._acknowledged.get(message["Body"], message["MessageId"]) != message["MessageId"]
        }
        stories = [("lost", lost), ("back from the dead", undead), ("invented", invented), ("with another id", renamed)]
        return [f"{len(which)} {what}: {sorted(body[:40] for body in which)[:5]}" for what, which in stories if which]
