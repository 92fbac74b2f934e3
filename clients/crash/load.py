"""Client threads against one start of the server, until it is killed under them.

In: an endpoint and roles, each a function of (client, name, chance) that works until its connection breaks. Invariant: a thread
ends when its server does; what the server refused is kept, never swallowed.
"""

import os
import random
import threading
import time

from queue_client import Lost, QueueClient, Refused

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "20"))
SEED = int(os.environ.get("CRASH_SEED", random.SystemRandom().randrange(1 << 32)))
LOAD_SECS = (0.05, 0.8)
BATCH = 10
ENOUGH = 10
PROGRESS_SECS_MAX = 90


class Load:
    """The client threads of one round."""

    def __init__(self, endpoint, roles, round_number):
        self.endpoint = endpoint
        self.refusals = []
        self.threads = [
            threading.Thread(target=self.run, args=(role, name, random.Random(f"{SEED}-{round_number}-{name}")))
            for role, name in roles
        ]
        for thread in self.threads:
            thread.start()

    def run(self, role, name, chance):
        client = QueueClient(self.endpoint)
        try:
            role(client, name, chance)
        except Lost:
            pass
        except Refused as refused:
            self.refusals.append(str(refused))
        finally:
            client.close()

    @staticmethod
    def await_progress(count, before, enough=ENOUGH + 1):
        """Waits until a round has come to something: on a machine that stalls its time alone does not tell."""
        deadline = time.monotonic() + PROGRESS_SECS_MAX
        while count() < before + enough:
            assert time.monotonic() < deadline, f"the clients came from {before} to {count()} and no further"
            time.sleep(0.005)

    def join(self):
        for thread in self.threads:
            thread.join(timeout=120)
            assert not thread.is_alive(), "a client thread hangs although its server is dead"
        assert self.refusals == []
