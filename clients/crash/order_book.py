"""What the clients of a FIFO queue were told, and whether the server kept to it: order, locks, one message per id.

Each group has one sender, who goes on only after an answer and repeats what was not answered, with the same deduplication
ids. Invariant: a group is the messages 0, 1, 2, ... once each; whoever is handed a number has all before it in the same
answer, or somebody asked for their deletion. So a lost message shows as soon as the next one is handed out.
"""

import threading
import time

# The server's clock counts milliseconds and is not the one that is read here.
CLOCKS_DIFFER_SECS = 0.05


class OrderBook:
    """One book for all client threads; `broken` holds the promises that were broken, as sentences."""

    def __init__(self, now=time.monotonic):
        self._lock = threading.Lock()
        self._now = now
        self._pending, self._sent, self._first_left = {}, {}, {}
        self._held, self._deleting, self._deleted = {}, set(), {}
        self._last_sequence = {}
        self.broken, self.repeated, self.deliveries = [], 0, 0

    def next_numbers(self, group, count):
        """The numbers to send next: what was not answered, otherwise so many new ones."""
        with self._lock:
            if group not in self._pending:
                first = sum(1 for known, _ in self._sent if known == group)
                self._pending[group] = range(first, first + count)
            else:
                self.repeated += 1
            return list(self._pending[group])

    def sent(self, group, answers):
        """The answers, as (id, sequence number) by number."""
        with self._lock:
            for number, answer in sorted(answers.items()):
                known = self._sent.setdefault((group, number), answer)
                if known != answer:
                    self._break(f"{group}/{number} is {answer} and was {known}")
                elif number in self._pending.get(group, ()):
                    self._check_rises(group, number, int(answer[1]))
            if self._pending.get(group, range(0)) == range(min(answers), max(answers) + 1):
                del self._pending[group]

    def _check_rises(self, group, number, sequence):
        if sequence <= self._last_sequence.get(group, 0):
            self._break(f"{group}/{number} has {sequence} after {self._last_sequence[group]}")
        self._last_sequence[group] = sequence

    def received(self, asked, lease, messages):
        """`messages` as (group, number, id, sequence number), of a receive asked for at `asked` with a lease of so many seconds."""
        with self._lock:
            now, shown = self._now(), set()
            for group, number, *answer in messages:
                key = (group, number)
                self._check_known(key, tuple(answer))
                if self._deleted.get(key, now) < asked:
                    self._break(f"{group}/{number} is back from the dead")
                begin, end = self._held.get(key, (now, now))
                if begin < asked and now < end - CLOCKS_DIFFER_SECS:
                    self._break(f"{group}/{number} is handed out while it is held")
                if any(known > number for of, known in shown if of == group):
                    self._break(f"{group}/{number} comes after a later one")
                for earlier in self._left(group, number):
                    if (group, earlier) not in shown:
                        self._break(f"{group}/{number} is handed out before {earlier}")
                shown.add(key)
                self._held[key] = (now, asked + lease)
                self.deliveries += 1

    def _check_known(self, key, answer):
        group, number = key
        if self._sent.get(key, answer) != answer:
            self._break(f"{group}/{number} is shown as {answer} and was {self._sent[key]}")
        if key not in self._sent and number not in self._pending.get(group, ()):
            self._break(f"{group}/{number} was invented")

    def _left(self, group, below):
        """Numbers of a group that nobody asked to delete."""
        first = self._first_left.get(group, 0)
        while (group, first) in self._deleting:
            first += 1
        self._first_left[group] = first
        return [number for number in range(first, below) if (group, number) not in self._deleting]

    def releasing(self, keys):
        """The receiver is about to give them back."""
        with self._lock:
            for key in keys:
                self._held.pop(key, None)

    def deleting(self, keys):
        with self._lock:
            self._deleting.update(keys)
            for key in keys:
                self._held.pop(key, None)

    def deleted(self, keys):
        with self._lock:
            for key in keys:
                self._deleted.setdefault(key, self._now())

    def lost(self):
        """Of an empty queue: what was acknowledged and nobody asked to delete."""
        with self._lock:
            return sorted(self._sent.keys() - self._deleting)

    def totals(self):
        """(acknowledged sends, sends repeated after a kill, deliveries, acknowledged deletions)."""
        with self._lock:
            return len(self._sent), self.repeated, self.deliveries, len(self._deleted)

    def _break(self, story):
        self.broken.append(story)
